"""Past days, counted once and stored: figures of a long period read these in place of its rows.

A day can be counted because its figures no longer change (`bot/figures/reports.py`), except the topics of its cases
and its late clocks, which are always read from the rows. Days are in UTC, so that a team's time zone does not matter,
and are counted up to one day without gaps. The rest of a period is read from its rows.
"""

import sys
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlmodel import col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.figures import Taken
from bot.domain.period import Period
from bot.domain.sla import ClockKind
from bot.figures import counting
from bot.models import CLOSING, FIRST_WORKSPACE, Case, Clock, Counted, DayCount, Event, Mention, Reply, Workspace

DAY = timedelta(days=1)
SETTLED = timedelta(days=1)
"""How long a day must be over before it is counted: by then its last writes are stored, and can no longer be undone."""
TIMED = {ClockKind.FIRST_REACTION: Counted.FIRST_REACTION, ClockKind.RESOLUTION: Counted.RESOLUTION}
"""The clocks that figures measure."""


@dataclass(frozen=True)
class Split:
    """A period: its stored days, from `first` up to but not including `last`, and the rest."""

    first: date
    last: date
    rest: Sequence[Period]


async def counted_until(session: AsyncSession) -> date | None:
    """Return the day before which all days are counted; None while no day is."""
    return (await session.get_one(Workspace, FIRST_WORKSPACE)).counted_until


def split(period: Period, until: date | None) -> Split:
    """Divide a period, given that the days before `until` are counted."""
    first = _day(period.since) if _at(_day(period.since)) == period.since else _day(period.since) + DAY
    last = min(_day(period.until), until) if until else first
    if first >= last:
        return Split(first, first, [period])
    edges = Period(period.since, _at(first)), Period(_at(last), period.until)
    return Split(first, last, [each for each in edges if each.since < each.until])


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


# --- Reading -------------------------------------------------------------------------------------


async def per_day(
    session: AsyncSession, team_ids: Collection[int], first: date, last: date
) -> list[tuple[date, Counted, int, int]]:
    """Return how many mentions came in and answers were sent, as (day, what, account, number)."""
    columns: list[Any] = [DayCount.day, DayCount.what, DayCount.account_id, func.sum(DayCount.n)]
    which = col(DayCount.what).in_([Counted.MENTION, Counted.ANSWER])
    rows = await session.exec(
        select(*columns)
        .where(*_within(team_ids, first, last), which)
        .group_by(col(DayCount.day), col(DayCount.what), col(DayCount.account_id))
    )
    return [(day, what, account, int(n)) for day, what, account, n in rows]


@dataclass
class Sums:
    """The counts of a whole period: openings by account, closings by reason, and clocks by kind and account."""

    opened: dict[int, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    taken: dict[ClockKind, dict[int, Taken]] = field(default_factory=lambda: {kind: {} for kind in TIMED})


async def sums(session: AsyncSession, team_ids: Collection[int], period: Period) -> Sums:
    """Count a period for these teams together."""
    divided, totals = split(period, await counted_until(session)), Sums()
    if divided.first < divided.last:
        await _add_stored(session, team_ids, divided, totals)
    for each in divided.rest:
        await _add_rows(session, team_ids, each, totals)
    return totals


async def _add_rows(session: AsyncSession, team_ids: Collection[int], period: Period, totals: Sums) -> None:
    for (team, account), n in (await counting.opened(session, period)).items():
        if team in team_ids:
            totals.opened[account] = totals.opened.get(account, 0) + n
    for (team, _, reason), n in (await counting.closed(session, period)).items():
        if team in team_ids:
            totals.closed[reason] = totals.closed.get(reason, 0) + n
    for kind in TIMED:
        for (team, account), each in (await counting.taken(session, kind, period)).items():
            if team in team_ids:
                totals.taken[kind].setdefault(account, Taken()).add(each.kept, each.lowest, each.highest, *each.runs)


async def _add_stored(session: AsyncSession, team_ids: Collection[int], divided: Split, totals: Sums) -> None:
    what, account, reason = col(DayCount.what), col(DayCount.account_id), col(DayCount.reason)
    theirs = _within(team_ids, divided.first, divided.last)
    columns: list[Any] = [
        what, account, reason, func.sum(DayCount.n), func.sum(DayCount.kept), func.min(DayCount.lowest),
        func.max(DayCount.highest),
    ]  # fmt: skip
    timed = {counted: kind for kind, counted in TIMED.items()}
    for its, of, why, n, kept, lowest, highest in await session.exec(
        select(*columns).where(*theirs).group_by(what, account, reason)
    ):
        if its is Counted.OPENED:
            totals.opened[of] = int(n)
        elif its is Counted.CLOSED:
            totals.closed[why] = totals.closed.get(why, 0) + int(n)
        elif its in timed:
            totals.taken[timed[its]].setdefault(of, Taken()).add(int(kept), lowest, highest)
    for its, of, took in await session.exec(select(what, account, DayCount.took).where(*theirs, what.in_(timed))):
        totals.taken[timed[its]][of].runs.append(_unpacked(took or b""))


def _within(team_ids: Collection[int], first: date, last: date) -> tuple[Any, ...]:
    return col(DayCount.day) >= first, col(DayCount.day) < last, col(DayCount.team_id).in_(team_ids)


def _unpacked(took: bytes) -> Sequence[int]:
    if sys.byteorder == "little":
        return memoryview(took).cast("I")
    seconds = array("I", took)
    seconds.byteswap()
    return seconds


def _packed(taken: Taken) -> bytes:
    seconds = array("I", sorted(each for run in taken.runs for each in run))
    if sys.byteorder == "big":
        seconds.byteswap()
    return seconds.tobytes()


# --- Counting ------------------------------------------------------------------------------------


async def is_due(session: AsyncSession, now: datetime) -> bool:
    """Tell whether `count_next` has something to do."""
    until, limit = await counted_until(session), _limit(now)
    if until is None:
        first = await _first_day(session)
        return first is not None and first < limit
    return until != limit


async def count_next(session: AsyncSession, now: datetime) -> None:
    """Count the next past day, if any. Of two processes that count at once, the second waits and counts the day after.

    Days that are not over, counted while the clock of this machine was wrong, are dropped.
    """
    workspace = await session.get_one(Workspace, FIRST_WORKSPACE, with_for_update=db.HELD, populate_existing=True)
    day, limit = workspace.counted_until or await _first_day(session), _limit(now)
    if day is None or day == limit:
        return
    if day < limit:
        session.add_all(await _counted(session, day))
        workspace.counted_until = day + DAY
    elif workspace.counted_until is not None:
        await session.exec(delete(DayCount).where(col(DayCount.day) >= limit))
        workspace.counted_until = limit
    session.add(workspace)


def _limit(now: datetime) -> date:
    """Return the day before which all days have been over for long enough."""
    return _day(now - SETTLED)


async def _first_day(session: AsyncSession) -> date | None:
    """Return the first day on which something happened; None when nothing did."""
    stopped = col(Clock.stopped_at)
    firsts: list[Any] = [
        select(func.min(col(Case.opened_at))),
        select(func.min(col(Mention.received_at))),
        select(func.min(col(Reply.sent_at))),
        select(func.min(col(Event.at))).where(CLOSING),
        *(select(func.min(stopped)).where(Clock.kind == kind, stopped.is_not(None)) for kind in TIMED),
    ]
    moments = [(await session.exec(each)).one() for each in firsts]
    return min((_day(each) for each in moments if each is not None), default=None)


async def _counted(session: AsyncSession, day: date) -> list[DayCount]:
    """Count a day from its rows."""
    period = Period(_at(day), _at(day) + DAY)
    counts = [
        DayCount(day=day, team_id=team, account_id=account, what=what, n=n)
        for what, count in ((Counted.MENTION, counting.mentions), (Counted.ANSWER, counting.answers))
        for (_, team, account), n in (await count(session, [(0, period)])).items()
    ]
    counts += [
        DayCount(day=day, team_id=team, account_id=account, what=Counted.OPENED, n=n)
        for (team, account), n in (await counting.opened(session, period)).items()
    ]
    counts += [
        DayCount(day=day, team_id=team, account_id=account, what=Counted.CLOSED, reason=reason, n=n)
        for (team, account, reason), n in (await counting.closed(session, period)).items()
    ]
    for kind, what in TIMED.items():
        for (team, account), each in (await counting.taken(session, kind, period)).items():
            counts.append(
                DayCount(day=day, team_id=team, account_id=account, what=what, n=each.count, kept=each.kept,
                         lowest=each.lowest, highest=each.highest, took=_packed(each))
            )  # fmt: skip
    return counts
