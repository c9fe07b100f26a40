"""The queries behind digest, command and export. Figures are of teams and accounts, never of a person.

What happened in a period is read through an index on its own moment, so that the cost is that of the period, not of all
that was ever kept. Times are working time, as the clocks measured it; percentiles are by nearest rank
(bot.domain.figures.rank).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case, literal, union_all
from sqlalchemy.orm import Mapped
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.case import OPEN, CloseReason
from bot.domain.figures import AGES, Figures, Measured, Part, Source, Standing, Trouble, rank
from bot.domain.period import Period, days_of, parts
from bot.domain.sla import ClockKind
from bot.models import Account, Case, Clock, Mention, Message, MessageKind, Reply, Team
from bot.team_settings import TeamSettings


def zone_of(team: Team) -> tzinfo:
    """Return the time zone in which a team's days begin and end."""
    return ZoneInfo(TeamSettings.of(team.settings).time_zone)


async def figures(session: AsyncSession, team: Team, period: Period) -> Figures:
    """Return the figures of a team in a period."""
    team_id = team.id or 0
    per_part = parts(period, zone_of(team))
    mentions = await _per_part(session, team_id, Mention, col(Mention.received_at), per_part)
    answers = await _per_part(session, team_id, Reply, col(Reply.sent_at), per_part)
    opened = await _counts(session, select(Case.account_id, func.count()).where(
        Case.team_id == team_id, *within(col(Case.opened_at), period)).group_by(col(Case.account_id)))  # fmt: skip
    closed = await _counts(session, select(Case.close_reason, func.count()).where(
        Case.team_id == team_id, *within(col(Case.closed_at), period)).group_by(col(Case.close_reason)))  # fmt: skip
    reactions = await _reactions(session, team_id, period)
    by_mentions, by_answers = _by_account(mentions), _by_account(answers)
    sources = [
        Source(name, by_mentions.get(key, 0), opened.get(key, 0), by_answers.get(key, 0), *reactions.get(key, (0, 0)))
        for key, name in await _names(session, {*by_mentions, *by_answers, *opened, *reactions})
    ]
    return Figures(
        period.since,
        period.until,
        sum(by_mentions.values()),
        sum(opened.values()),
        sum(by_answers.values()),
        {str(CloseReason(reason)): count for reason, count in sorted(closed.items(), key=lambda each: -each[1])},
        await measured(session, team_id, ClockKind.FIRST_REACTION, period),
        await measured(session, team_id, ClockKind.RESOLUTION, period),
        sources,
        [
            Part(part.since, _of_part(mentions, number), _of_part(answers, number))
            for number, part in enumerate(per_part)
        ],
    )


async def measured(session: AsyncSession, team_id: int, kind: ClockKind, period: Period) -> Measured:
    """Return what the clocks of a kind measured that stopped in a period, and count."""
    those = _stopped(team_id, kind, period)
    found = await session.exec(
        select(func.count(), _sum_kept(), func.min(Clock.target_seconds), func.max(Clock.target_seconds)).where(*those)
    )
    count, kept, low, high = found.one()
    if not count:
        return Measured()
    values = [
        (await session.exec(
            select(Clock.elapsed_seconds).where(*those).order_by(col(Clock.elapsed_seconds))
            .offset(rank(percent, count) - 1).limit(1)
        )).one()
        for percent in (50, 90)
    ]  # fmt: skip
    return Measured(count, kept, values[0], values[1], low if low == high else None)


async def standing(session: AsyncSession, team: Team, now: datetime) -> Standing:
    """Return how a team stands now; `oldest_url` is left to who can ask Slack."""
    opened = col(Case.opened_at)
    edges = [now - timedelta(hours=hours) for hours in AGES]
    younger = [func.sum(case((opened > edge, 1), else_=0)) for edge in edges]
    waiting = (Case.team_id == team.id, col(Case.status).in_(OPEN))
    found = await session.exec(select(func.count(), func.min(opened), *younger).where(*waiting))
    count, oldest, *less = tuple[Any, ...](found.one())
    steps = [0, *(each or 0 for each in less), count]
    running = (Clock.team_id == team.id, col(Clock.stopped_at).is_(None), col(Clock.running_since).is_not(None))
    late = await session.exec(
        select(func.count(func.distinct(Clock.case_id))).where(*running, col(Clock.due_at) <= now)
    )
    zone = zone_of(team)
    today = now.astimezone(zone).date()
    due_today = within(col(Clock.due_at), days_of(today, today, zone))
    promised = await session.exec(
        select(func.count()).select_from(Clock).where(*running, Clock.kind == ClockKind.PROMISE, *due_today)
    )
    return Standing(
        now,
        [b - a for a, b in pairwise(steps)],
        oldest,
        late=late.one(),
        promised=promised.one(),
        troubles=await _troubles(session, team.id or 0),
    )


async def oldest_card(session: AsyncSession, team_id: int) -> Message | None:
    """Return the card of the case that waits longest."""
    found = await session.exec(
        select(Message)
        .join(Case, (col(Message.case_id) == Case.id) & (col(Message.kind) == MessageKind.CASE))
        .where(Case.team_id == team_id, col(Case.status).in_(OPEN))
        .order_by(col(Case.opened_at))
        .limit(1)
    )
    return found.first()


async def _troubles(session: AsyncSession, team_id: int) -> list[Trouble]:
    found = await session.exec(select(Account).where(Account.team_id == team_id).order_by(col(Account.id)))
    return [
        Trouble(title(account), account.stopped_at is not None, account.problem)
        for account in found
        if account.stopped_at is not None or account.problem
    ]


def title(account: Account) -> str:
    """Return what an account is called among people: its platform and its name."""
    platform = account.options.get("title") or connectors.title(account.platform)
    return f"{platform} · {account.name}" if platform else account.name


def within(moment: Mapped[Any], period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a moment lies in a period."""
    return moment >= period.since, moment < period.until


def _stopped(team_id: int, kind: ClockKind, period: Period) -> tuple[ColumnElement[bool], ...]:
    which = (col(Clock.team_id) == team_id, col(Clock.kind) == kind, col(Clock.counts).is_(True))
    return (*which, *within(col(Clock.stopped_at), period))


def _sum_kept() -> ColumnElement[int]:
    return func.sum(case((col(Clock.kept).is_(True), 1), else_=0))


async def _per_part(
    session: AsyncSession,
    team_id: int,
    model: type[Mention | Reply],
    moment: Mapped[Any],
    those: Sequence[Period],
) -> list[tuple[int, int, int]]:
    """Return how many there were per part and account, as (part, account, count)."""
    queries = [
        select(literal(number).label("part"), Case.account_id, func.count().label("n"))
        .select_from(model)
        .join(Case, col(model.case_id) == Case.id)
        .where(*within(moment, part), Case.team_id == team_id)
        .group_by(col(Case.account_id))
        for number, part in enumerate(those)
    ]
    rows = await (await session.connection()).execute(union_all(*queries))
    return [(part, account, count) for part, account, count in rows]


async def _counts(session: AsyncSession, query: Any) -> dict[Any, int]:
    return dict((await session.exec(query)).all())


async def _reactions(session: AsyncSession, team_id: int, period: Period) -> Mapping[int, tuple[int, int]]:
    """Return per account how many first reactions there were, and how many in time."""
    found = await session.exec(
        select(Case.account_id, func.count(), _sum_kept())
        .select_from(Clock)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(*_stopped(team_id, ClockKind.FIRST_REACTION, period))
        .group_by(col(Case.account_id))
    )
    return {account: (count, kept) for account, count, kept in found}


def _by_account(rows: Sequence[tuple[int, int, int]]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for _, account, count in rows:
        sums[account] = sums.get(account, 0) + count
    return sums


def _of_part(rows: Sequence[tuple[int, int, int]], number: int) -> int:
    return sum(count for part, _, count in rows if part == number)


async def _names(session: AsyncSession, ids: set[int]) -> list[tuple[int, str]]:
    found = await session.exec(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id)))
    return [(account.id or 0, title(account)) for account in found]
