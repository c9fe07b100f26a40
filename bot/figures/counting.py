"""Count a period from its rows: each kind of event through an index on its own moment.

So the cost of a query depends on its period, not on the whole database. `bot/figures/reports.py` says what counts when.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, literal, literal_column, true, union_all
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.figures import Taken
from bot.domain.period import Period
from bot.domain.sla import ClockKind
from bot.models import (
    ANSWERS,
    CLOSING,
    HIDDEN,
    UNCLOSING,
    Act,
    Case,
    Clock,
    Event,
    Hiding,
    Mention,
    Reply,
    Transfer,
)

MAX_UNDO = timedelta(minutes=2)
"""A closing cannot be undone later than this; the undo time is at most a minute (bot/config.py)."""


def within(moment: Mapped[Any], period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the SQL conditions for a moment within a period."""
    return moment >= period.since, moment < period.until


def team_at(moment: Any) -> ColumnElement[int]:
    """Return, in SQL beside Case, the team that had a case at a moment: the team of its next transfer, else its own."""
    return _before_transfer(col(Transfer.from_team_id), col(Case.team_id), moment)


def number_at(moment: Any) -> ColumnElement[int]:
    """Return the number that a case had in that team."""
    return _before_transfer(col(Transfer.number), col(Case.number), moment)


def _before_transfer(then: Mapped[int], now: Mapped[int], moment: Any) -> ColumnElement[int]:
    next_one = (
        select(then)
        .where(Transfer.case_id == Case.id, col(Transfer.at) > moment)
        .order_by(col(Transfer.id))
        .limit(1)
        .correlate_except(Transfer)
        .scalar_subquery()
    )
    return case((col(Case.transfers) == 0, now), else_=func.coalesce(next_one, now))


Numbered = tuple[int, Period]
"""A period and the number of the part that it belongs to."""


async def mentions(session: AsyncSession, periods: Sequence[Numbered]) -> Counter[tuple[int, int, int]]:
    """Return how many mentions came in, by part, team and account."""
    return await _per_part(session, Mention, col(Mention.received_at), periods)


async def answers(session: AsyncSession, periods: Sequence[Numbered]) -> Counter[tuple[int, int, int]]:
    """Return how many answers were sent, by part, team and account."""
    return await _per_part(session, Reply, col(Reply.sent_at), periods, ANSWERS)


async def _per_part(
    session: AsyncSession,
    model: type[Mention | Reply],
    moment: Mapped[Any],
    periods: Sequence[Numbered],
    *which: ColumnElement[bool],
) -> Counter[tuple[int, int, int]]:
    if not periods:
        return Counter()
    # Each part has its own bounds, so that PostgreSQL estimates few rows. We count all teams: with a condition on the
    # team, SQLite might start from all cases of that team.
    queries: list[Any] = [
        select(literal(number).label("number"), moment.label("at"), model.case_id).where(*within(moment, each), *which)
        for number, each in periods
    ]
    happened = union_all(*queries).cte("happened").c
    columns: list[Any] = [happened.number, team_at(happened.at).label("team"), Case.account_id, func.count()]
    rows = await session.exec(
        select(*columns)
        .join(Case, happened.case_id == Case.id)
        .where(true() if db.is_sqlite(session) else db.any_of(col(Case.id), select(happened.case_id)))
        .group_by(happened.number, literal_column("team"), col(Case.account_id))
    )
    return Counter({(number, team, account): count for number, team, account, count in rows})


async def opened(session: AsyncSession, period: Period) -> Counter[tuple[int, int]]:
    """Return how many cases were opened, by team and account."""
    columns: list[Any] = [team_at(Case.opened_at).label("team"), Case.account_id, func.count()]
    rows = await session.exec(
        select(*columns)
        .where(*within(col(Case.opened_at), period))
        .group_by(literal_column("team"), col(Case.account_id))
    )
    return Counter({(team, account): count for team, account, count in rows})


async def topics(session: AsyncSession, team_ids: Collection[int], period: Period) -> Counter[str]:
    """Return how many of the opened cases have each topic now; cases without a topic are left out.

    The index on topics gives each topic that ever existed and counts its cases, without sorting those of a year.
    """
    first, other = aliased(Case), aliased(Case)
    known = select(func.min(first.topic).label("topic")).where(col(first.topic).is_not(None)).cte(recursive=True)
    after = select(func.min(other.topic)).where(col(other.topic) > known.c.topic).scalar_subquery()
    known = known.union_all(select(after).where(known.c.topic.is_not(None)))
    count = (
        select(func.count())
        .where(Case.topic == known.c.topic, *within(col(Case.opened_at), period))
        .where(team_at(Case.opened_at).in_(team_ids))
        .correlate(known)
        .scalar_subquery()
    )
    rows = await session.exec(select(known.c.topic, count).where(known.c.topic.is_not(None)))
    return Counter({topic: n for topic, n in rows if topic and n})


async def hidden(session: AsyncSession, team_ids: Collection[int], period: Period) -> Counter[str]:
    """Return how many posts were hidden, by house rule; posts that are shown again count too."""
    rows = await session.exec(
        select(Hiding.rule, func.count())
        .select_from(Act)
        .join(Hiding, col(Hiding.act_id) == Act.id)
        .join(Case, col(Act.case_id) == Case.id)
        .where(HIDDEN, *within(col(Act.done_at), period), team_at(Act.done_at).in_(team_ids))
        .group_by(Hiding.rule)
    )
    return Counter(dict(rows.all()))


async def closed(session: AsyncSession, period: Period) -> Counter[tuple[int, int, str]]:
    """Return how often cases were closed, by team, account and reason; a case that is closed again counts again."""
    columns: list[Any] = [
        team_at(Event.at).label("team"), Case.account_id, col(Event.details)["reason"].as_string().label("reason"),
        func.count(),
    ]  # fmt: skip
    rows = await session.exec(
        select(*columns)
        .select_from(Event)
        .join(Case, col(Event.case_id) == Case.id)
        .where(CLOSING, *within(col(Event.at), period))
        .group_by(literal_column("team"), col(Case.account_id), literal_column("reason"))
    )
    counts = Counter({(team, account, reason): count for team, account, reason, count in rows})
    counts.subtract((each.team, each.account, each.reason) for each in await undone(session, period))
    return +counts


class Undone(NamedTuple):
    """A closing that was undone: its moment, case and reason, and the team and account of the case."""

    at: datetime
    case_id: int
    reason: str
    team: int
    account: int


async def undone(session: AsyncSession, period: Period) -> list[Undone]:
    """Return the closings in a period that were undone; they do not count."""
    at, until = col(Event.at), period.until + MAX_UNDO
    columns: list[Any] = [Event.details, Case.id, team_at(Event.at), Case.account_id]
    rows = await session.exec(
        select(*columns)
        .select_from(Event)
        .join(Case, col(Event.case_id) == Case.id)
        .where(UNCLOSING, at >= period.since, at < until)
    )
    closings = [
        Undone(datetime.fromisoformat(details["closed_at"]), case_id, details["reason"], team, account)
        for details, case_id, team, account in rows
    ]
    return [each for each in closings if period.since <= each.at < period.until]


def still_late(team_ids: Collection[int], period: Period, now: datetime) -> list[Sequence[ColumnElement[bool]]]:
    """Return the conditions, each with its own index, of clocks that were due in a period and still ran at its end."""
    due = (col(Clock.team_id).in_(team_ids), *within(col(Clock.due_at), period), col(Clock.due_at) <= now)
    return [(still, *due) for still in (col(Clock.stopped_at).is_(None), col(Clock.stopped_at) >= period.until)]


async def taken(session: AsyncSession, kind: ClockKind, period: Period) -> Mapping[tuple[int, int], Taken]:
    """Return what the clocks of one kind measured, of those that stopped in a period and count, by team and account."""
    took, target = col(Clock.elapsed_seconds), col(Clock.target_seconds)
    columns: list[Any] = [
        Clock.team_id, Case.account_id, took, func.count(), func.sum(case((col(Clock.kept).is_(True), 1), else_=0)),
        func.min(target), func.max(target),
    ]  # fmt: skip
    rows = await session.exec(
        select(*columns)
        .select_from(Clock)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(col(Clock.kind) == kind, col(Clock.counts).is_(True), *within(col(Clock.stopped_at), period))
        .group_by(col(Clock.team_id), col(Case.account_id), took)
        .order_by(took)
    )
    runs: dict[tuple[int, int], array[int]] = defaultdict(lambda: array("I"))
    measured = defaultdict[tuple[int, int], Taken](Taken)
    for team, account, seconds, count, kept, lowest, highest in rows:
        runs[team, account].extend([seconds] * count)
        measured[team, account].add(kept, lowest, highest)
    for key, run in runs.items():
        measured[key].runs.append(run)
    return measured
