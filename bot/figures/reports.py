"""The queries behind digest, command, App Home and export. Figures are of teams and accounts, never of a person.

Each kind of event is read through an index on its own moment, so a query costs as much as its period, not as the whole
database. Times are working time, as the clocks measured it.

The figures of a past period never change, because every counted moment is written once:

- a mention counts when we received it, also after its author edits or removes it;
- a case counts when it was opened;
- a closing counts when the log says so, also after a reopening, but not if it was undone at once;
- a reply counts as an answer when we knew that it was published; a question to the citizen is none;
- what happened to a case counts for the team that had it at that moment, also after another team got it;
- a clock counts when it stopped; a stopped clock never runs again (the case gets a new one). One that ended without
  counting, because the case was closed, counts when a reply that was on its way then is published. One that still runs
  when a period ends, and was due in it, counts there as late.

There are exceptions. The topic of a case can be chosen or changed later. A closing of the last seconds of a period can
be undone after it; the clocks that it stopped then run on. A clock that is late loses that moment when it rests or its
norm changes. And an event that is being written at the moment a period ends may be missing from figures asked at that
moment.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal, literal_column, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.figures import Figures, Measured, Part, Source
from bot.domain.period import Period, parts
from bot.domain.sla import ClockKind
from bot.models import ANSWERS, CLOSING, UNCLOSING, Account, Case, Clock, Event, Mention, Reply, Team, Transfer
from bot.team.settings import TeamSettings

MAX_UNDO = timedelta(minutes=2)
"""A closing is not undone later than this; the undo time is at most a minute (bot/config.py)."""

TIMED = (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION)
"""What figures measure."""


def zone_of(team: Team) -> tzinfo:
    """Return the time zone in which a team's days begin and end."""
    return ZoneInfo(TeamSettings.of(team.settings).time_zone)


async def figures(
    session: AsyncSession, team: Team, period: Period, now: datetime, *, others: Collection[int] = ()
) -> Figures:
    """Return the figures of a team in a period, as far as it has passed.

    With `others`, those of several teams together, nothing twice.
    """
    team_ids = {team.id, *others}
    within_period, mentions, answers = await _parts(session, team, period, team_ids)
    opened, topics = await _opened(session, team_ids, period)
    closed = await _closed(session, team_ids, period)
    late = await _late(session, team_ids, period, now)
    reactions = await _reactions(session, team_ids, period, late)
    accounts = {key for _, key in [*mentions, *answers]} | opened.keys() | reactions.keys()
    return Figures(
        period.since,
        period.until,
        sum(mentions.values()),
        sum(opened.values()),
        sum(answers.values()),
        _most_first(closed),
        await _measured(session, team_ids, ClockKind.FIRST_REACTION, period, late),
        await _measured(session, team_ids, ClockKind.RESOLUTION, period, late),
        [
            Source(
                name,
                sum(n for (_, account), n in mentions.items() if account == key),
                opened.get(key, 0),
                sum(n for (_, account), n in answers.items() if account == key),
                *reactions.get(key, (0, 0)),
            )
            for key, name in await _names(session, accounts)
        ],
        _course(within_period, mentions, answers),
        _most_first(topics),
    )


async def course(session: AsyncSession, team: Team, period: Period) -> list[Part]:
    """Return how many mentions came in and were answered in each part of a period."""
    return _course(*await _parts(session, team, period, {team.id}))


def within(moment: Mapped[Any], period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the SQL conditions for a moment within a period."""
    return moment >= period.since, moment < period.until


def team_at(moment: Any) -> ColumnElement[int]:
    """Return, in SQL beside Case, the team that had a case at a moment: the one that next handed it over, if any."""
    next_one = (
        select(Transfer.from_team_id)
        .where(Transfer.case_id == Case.id, col(Transfer.at) > moment)
        .order_by(col(Transfer.id))
        .limit(1)
        .correlate_except(Transfer)
        .scalar_subquery()
    )
    return case((col(Case.transfers) == 0, col(Case.team_id)), else_=func.coalesce(next_one, Case.team_id))


Counts = Mapping[tuple[int, int], int]
"""Counts by the index of the part of the period, and account."""


async def _parts(
    session: AsyncSession, team: Team, period: Period, team_ids: Collection[int]
) -> tuple[Sequence[Period], Counts, Counts]:
    """Return the parts of a period, and the mentions and the answers in each."""
    periods = parts(period, zone_of(team))
    mentions = await _per_part(session, team_ids, Mention, col(Mention.received_at), periods)
    answers = await _per_part(session, team_ids, Reply, col(Reply.sent_at), periods, ANSWERS)
    return periods, mentions, answers


def _course(periods: Sequence[Period], mentions: Counts, answers: Counts) -> list[Part]:
    return [
        Part(
            part.since,
            sum(n for (at, _), n in mentions.items() if at == number),
            sum(n for (at, _), n in answers.items() if at == number),
        )
        for number, part in enumerate(periods)
    ]


async def _per_part(
    session: AsyncSession,
    team_ids: Collection[int],
    model: type[Mention | Reply],
    moment: Mapped[Any],
    periods: Sequence[Period],
    *which: ColumnElement[bool],
) -> Counts:
    # Each part has its own bounds, so that PostgreSQL estimates few rows. We count for all teams: with a condition on
    # the team, SQLite might start from all cases of that team.
    queries: list[Any] = [
        select(literal(number).label("number"), moment.label("at"), model.case_id).where(*within(moment, each), *which)
        for number, each in enumerate(periods)
    ]
    happened = union_all(*queries).subquery().c
    columns: list[Any] = [happened.number, team_at(happened.at).label("team"), Case.account_id, func.count()]
    rows = await session.exec(
        select(*columns)
        .join(Case, happened.case_id == Case.id)
        .group_by(happened.number, literal_column("team"), col(Case.account_id))
    )
    counts = Counter[tuple[int, int]]()
    for number, team, account, count in rows:
        if team in team_ids:
            counts[number, account] += count
    return counts


async def _opened(
    session: AsyncSession, team_ids: Collection[int], period: Period
) -> tuple[Counter[int], Counter[str]]:
    """Return how many cases were opened, per account and per topic ("": no topic)."""
    per_account, per_topic = Counter[int](), Counter[str]()
    rows = await session.exec(
        select(Case.account_id, Case.topic, func.count())
        .where(team_at(Case.opened_at).in_(team_ids), *within(col(Case.opened_at), period))
        .group_by(col(Case.account_id), col(Case.topic))
    )
    for account, topic, count in rows:
        per_account[account] += count
        per_topic[topic or ""] += count
    return per_account, per_topic


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


async def _closed(session: AsyncSession, team_ids: Collection[int], period: Period) -> dict[str, int]:
    """Return how often cases were closed, by reason; a case that was reopened and closed again counts again."""
    columns: list[Any] = [col(Event.details)["reason"].as_string().label("reason"), func.count()]
    rows = await session.exec(
        select(*columns)
        .select_from(Event)
        .join(Case, col(Event.case_id) == Case.id)
        .where(CLOSING, *within(col(Event.at), period), team_at(Event.at).in_(team_ids))
        .group_by("reason")
    )
    counts = Counter(dict(rows.all()))
    counts.subtract(reason for _, _, reason in await undone(session, team_ids, period))
    return dict(+counts)


async def undone(session: AsyncSession, team_ids: Collection[int], period: Period) -> list[tuple[datetime, int, str]]:
    """Return the closings in a period that were undone, as (moment, case, reason); they do not count."""
    at, until = col(Event.at), period.until + MAX_UNDO
    found = await session.exec(
        select(Event.details, Case.id)
        .join(Case, col(Event.case_id) == Case.id)
        .where(UNCLOSING, at >= period.since, at < until, team_at(Event.at).in_(team_ids))
    )
    closed = [(datetime.fromisoformat(each["closed_at"]), case_id, each["reason"]) for each, case_id in found]
    return [each for each in closed if period.since <= each[0] < period.until]


Late = Mapping[tuple[ClockKind, int], int]
"""How many clocks are late, by kind and account."""


async def _late(session: AsyncSession, team_ids: Collection[int], period: Period, now: datetime) -> Late:
    """Count the clocks that were due in a period and still ran when it ended, or do now."""
    due = (col(Clock.team_id).in_(team_ids), *within(col(Clock.due_at), period), col(Clock.due_at) <= now)
    late = Counter[tuple[ClockKind, int]]()
    for still in (col(Clock.stopped_at).is_(None), col(Clock.stopped_at) >= period.until):  # each has its own index
        rows = await session.exec(
            select(col(Clock.kind), col(Case.account_id), func.count())
            .select_from(Clock)
            .join(Case, col(Clock.case_id) == Case.id)
            .where(still, col(Clock.kind).in_(TIMED), *due)
            .group_by(col(Clock.kind), col(Case.account_id))
        )
        for kind, account, count in rows:
            late[ClockKind(kind), account] += count
    return late


async def _measured(
    session: AsyncSession, team_ids: Collection[int], kind: ClockKind, period: Period, late: Late
) -> Measured:
    """Return what the clocks of one kind measured that stopped in a period and count in the figures.

    A percentile is the lowest measured time that at least so many percent of the clocks did not exceed. It is never an
    average: the median of two times is the lower one.
    """
    took, count, target = col(Clock.elapsed_seconds), func.count(), col(Clock.target_seconds)
    columns: list[Any] = [
        took.label("took"),
        func.sum(count).over(order_by=took).label("so_far"),
        func.sum(count).over().label("count"),
        _sum_kept().label("kept"),
        func.min(target).label("lowest"),
        func.max(target).label("highest"),
    ]
    each = select(*columns).where(*_stopped(team_ids, kind, period)).group_by(took).subquery().c
    at = [func.min(case((each.so_far * 100 >= each.count * percent, each.took))) for percent in (50, 90)]
    all_of: list[Any] = [func.max(each.count), func.sum(each.kept), *at, func.min(each.lowest), func.max(each.highest)]
    number, kept, median, p90, lowest, highest = (await session.exec(select(*all_of))).one()
    waiting = sum(n for (its, _), n in late.items() if its == kind)
    if not number:
        return Measured(late=waiting)
    return Measured(int(number), int(kept), median, p90, lowest if lowest == highest else None, waiting)


async def _reactions(
    session: AsyncSession, team_ids: Collection[int], period: Period, late: Late
) -> dict[int, tuple[int, int]]:
    """Return per account the number of first reactions, those that are late included, and how many were in time."""
    rows = await session.exec(
        select(Case.account_id, func.count(), _sum_kept())
        .select_from(Clock)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(*_stopped(team_ids, ClockKind.FIRST_REACTION, period))
        .group_by(col(Case.account_id))
    )
    found = {account: (count, kept) for account, count, kept in rows}
    for (kind, account), count in late.items():
        if kind is ClockKind.FIRST_REACTION:
            measured, kept = found.get(account, (0, 0))
            found[account] = (measured + count, kept)
    return found


def _stopped(team_ids: Collection[int], kind: ClockKind, period: Period) -> tuple[ColumnElement[bool], ...]:
    which = (col(Clock.team_id).in_(team_ids), col(Clock.kind) == kind, col(Clock.counts).is_(True))
    return (*which, *within(col(Clock.stopped_at), period))


def _sum_kept() -> ColumnElement[int]:
    return func.sum(case((col(Clock.kept).is_(True), 1), else_=0))


async def _names(session: AsyncSession, ids: Collection[int]) -> list[tuple[int, str]]:
    rows = await session.exec(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id)))
    return [(account.id, str(connectors.label_of(account))) for account in rows]
