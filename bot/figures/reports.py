"""The queries behind digest, command, App Home and export. Figures are of teams and accounts, never of a person.

What happened in a period is read through an index on its own moment, so that the cost is that of the period, not of all
that was ever kept. Times are working time, as the clocks measured it.

The past stays the past: what is counted was written once and is not written again. A mention keeps when we received it,
also when its author edits or removes it; a case keeps when it was opened; closings are those in the log, which a
reopening leaves be; a reply counts when we knew it was published, and cannot be unpublished; a clock that stopped is
not started again (another one is). So the figures of a past period are the same whenever and wherever they are asked.
Only what a case is about may be said, or said better, afterwards; and what was being written at the very moment that a
period ended may not be in figures asked at that moment.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.figures import Figures, Measured, Part, Source
from bot.domain.period import Period, parts
from bot.domain.sla import ClockKind
from bot.models import CLOSING, Account, Case, Clock, Event, Mention, Reply, Team
from bot.team.settings import TeamSettings


def zone_of(team: Team) -> tzinfo:
    """Return the time zone in which a team's days begin and end."""
    return ZoneInfo(TeamSettings.of(team.settings).time_zone)


async def figures(session: AsyncSession, team: Team, period: Period) -> Figures:
    """Return the figures of a team in a period."""
    team_id = team.id
    those, mentions, answers = await _parts(session, team, period)
    opened, topics = await _opened(session, team_id, period)
    closed = await _closed(session, team_id, period)
    reactions = await _reactions(session, team_id, period)
    accounts = {key for _, key in [*mentions, *answers]} | opened.keys() | reactions.keys()
    return Figures(
        period.since,
        period.until,
        sum(mentions.values()),
        sum(opened.values()),
        sum(answers.values()),
        _most_first(closed),
        await _measured(session, team_id, ClockKind.FIRST_REACTION, period),
        await _measured(session, team_id, ClockKind.RESOLUTION, period),
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
        _course(those, mentions, answers),
        _most_first(topics),
    )


async def course(session: AsyncSession, team: Team, period: Period) -> list[Part]:
    """Return how a period went for a team: what came in and was answered in each of its parts."""
    return _course(*await _parts(session, team, period))


def within(moment: Mapped[Any], period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a moment lies in a period."""
    return moment >= period.since, moment < period.until


Counts = Mapping[tuple[int, int], int]
"""How many there were, by number of the part of the period, and account."""


async def _parts(session: AsyncSession, team: Team, period: Period) -> tuple[Sequence[Period], Counts, Counts]:
    """Return the parts of a period, and the mentions and the answers in each."""
    those = parts(period, zone_of(team))
    mentions = await _per_part(session, team.id, Mention, col(Mention.received_at), those)
    return those, mentions, await _per_part(session, team.id, Reply, col(Reply.sent_at), those)


def _course(those: Sequence[Period], mentions: Counts, answers: Counts) -> list[Part]:
    return [
        Part(
            part.since,
            sum(n for (at, _), n in mentions.items() if at == number),
            sum(n for (at, _), n in answers.items() if at == number),
        )
        for number, part in enumerate(those)
    ]


async def _per_part(
    session: AsyncSession, team_id: int, model: type[Mention | Reply], moment: Mapped[Any], those: Sequence[Period]
) -> Counts:
    # Each part by its own bounds, so that PostgreSQL knows how little there is; and counted for all teams: with a
    # condition on the team SQLite might begin with all cases that it ever had.
    queries = [
        select(literal(number).label("number"), model.case_id).where(*within(moment, each))
        for number, each in enumerate(those)
    ]
    happened = union_all(*queries).subquery().c
    columns: list[Any] = [happened.number, Case.team_id, Case.account_id, func.count()]
    found = await session.exec(
        select(*columns)
        .join(Case, happened.case_id == Case.id)
        .group_by(happened.number, col(Case.team_id), col(Case.account_id))
    )
    return {(number, account): count for number, team, account, count in found if team == team_id}


async def _opened(session: AsyncSession, team_id: int, period: Period) -> tuple[Counter[int], Counter[str]]:
    """Return how many cases were opened, per account and per topic ("" for those without)."""
    per_account, per_topic = Counter[int](), Counter[str]()
    found = await session.exec(
        select(Case.account_id, Case.topic, func.count())
        .where(Case.team_id == team_id, *within(col(Case.opened_at), period))
        .group_by(col(Case.account_id), col(Case.topic))
    )
    for account, topic, count in found:
        per_account[account] += count
        per_topic[topic or ""] += count
    return per_account, per_topic


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


async def _closed(session: AsyncSession, team_id: int, period: Period) -> dict[str, int]:
    """Return how often cases were closed, by reason; a case that was reopened and closed again counts again."""
    columns: list[Any] = [col(Event.details)["reason"].as_string().label("reason"), func.count()]
    found = await session.exec(
        select(*columns)
        .select_from(Event)
        .join(Case, col(Event.case_id) == Case.id)
        .where(CLOSING, *within(col(Event.at), period), Case.team_id == team_id)
        .group_by("reason")
    )
    return dict(found.all())


async def _measured(session: AsyncSession, team_id: int, kind: ClockKind, period: Period) -> Measured:
    """Return what the clocks of a kind measured that stopped in a period, and count.

    A percentile is the least time that so many percent of the clocks did not exceed: one that was really measured, the
    median of two is the lower.
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
    each = select(*columns).where(*_stopped(team_id, kind, period)).group_by(took).subquery().c
    at = [func.min(case((each.so_far * 100 >= each.count * percent, each.took))) for percent in (50, 90)]
    all_of: list[Any] = [func.max(each.count), func.sum(each.kept), *at, func.min(each.lowest), func.max(each.highest)]
    number, kept, median, p90, lowest, highest = (await session.exec(select(*all_of))).one()
    if not number:
        return Measured()
    return Measured(int(number), int(kept), median, p90, lowest if lowest == highest else None)


async def _reactions(session: AsyncSession, team_id: int, period: Period) -> dict[int, tuple[int, int]]:
    """Return per account how many first reactions there were, and how many in time."""
    found = await session.exec(
        select(Case.account_id, func.count(), _sum_kept())
        .select_from(Clock)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(*_stopped(team_id, ClockKind.FIRST_REACTION, period))
        .group_by(col(Case.account_id))
    )
    return {account: (count, kept) for account, count, kept in found}


def _stopped(team_id: int, kind: ClockKind, period: Period) -> tuple[ColumnElement[bool], ...]:
    which = (col(Clock.team_id) == team_id, col(Clock.kind) == kind, col(Clock.counts).is_(True))
    return (*which, *within(col(Clock.stopped_at), period))


def _sum_kept() -> ColumnElement[int]:
    return func.sum(case((col(Clock.kept).is_(True), 1), else_=0))


async def _names(session: AsyncSession, ids: Collection[int]) -> list[tuple[int, str]]:
    found = await session.exec(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id)))
    return [(account.id, str(connectors.label_of(account))) for account in found]
