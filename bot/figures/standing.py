"""The standing of a team now: waiting cases and how long, what is late or promised, and accounts with trouble."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import case
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.budget import Budget
from bot.domain.case import Status
from bot.domain.figures import AGES, Standing, Trouble
from bot.domain.text import text
from bot.figures.lists import promised
from bot.figures.reports import zone_of
from bot.models import Account, AccountTrouble, Case, Team, TroubleKind, on_our_desk, overdue, resting
from bot.slack import troubles
from bot.views.slack_trouble import reason_of

SILENT = text("Nothing has come in for longer than usual.")
OF_NO_PROBLEM = frozenset({TroubleKind.SILENT, TroubleKind.LIMITED})
"""The troubles of an account that has no problem of its own."""


async def standing(session: AsyncSession, team: Team, now: datetime) -> Standing:
    """Return the standing of a team now; `oldest_url` stays empty, `digests.with_oldest` adds it."""
    opened = col(Case.opened_at)
    edges = [now - timedelta(hours=hours) for hours in AGES]
    younger = [func.sum(case((opened > edge, 1), else_=0)) for edge in edges]
    ours = (Case.team_id == team.id, on_our_desk(now))
    rows = await session.exec(select(func.count(), func.min(opened), *younger).where(*ours))
    count, oldest, *less = tuple[Any, ...](rows.one())
    steps = [0, *(each or 0 for each in less), count]
    late, due_today, asked = [
        (await session.exec(select(func.count()).select_from(Case).where(Case.team_id == team.id, which))).one()
        for which in (overdue(now), promised(now, zone_of(team)), resting(Status.WITH_CITIZEN))
    ]
    return Standing(
        now,
        [b - a for a, b in pairwise(steps)],
        oldest,
        late=late,
        promised=due_today,
        troubles=await _troubles(session, team.id),
        with_citizen=asked,
    )


async def oldest_case(session: AsyncSession, team_id: int, now: datetime) -> int | None:
    """Return the case that has waited longest."""
    oldest = select(Case.id).where(Case.team_id == team_id, on_our_desk(now)).order_by(col(Case.opened_at)).limit(1)
    return (await session.exec(oldest)).first()


async def _troubles(session: AsyncSession, team_id: int) -> list[Trouble]:
    known = (col(AccountTrouble.account_id) == Account.id) & col(AccountTrouble.kind).in_(OF_NO_PROBLEM)
    rows = await session.exec(
        select(Account, AccountTrouble)
        .outerjoin(AccountTrouble, known)
        .where(Account.team_id == team_id)
        .order_by(col(Account.id))
    )
    of_accounts = [
        _of_account(account, trouble)
        for account, trouble in rows
        if not account.was_removed and (account.stopped_at is not None or account.problem or account.fault or trouble)
    ]
    of_slack = [
        Trouble("", False, reason_of(each.channel, each.error).to_json(), each.channel)
        for each in await troubles.known(session, team_id)
    ]
    return of_slack + of_accounts


def _of_account(account: Account, trouble: AccountTrouble | None) -> Trouble:
    name, stopped = str(connectors.label_of(account)), account.stopped_at is not None
    if not account.problem and trouble is not None and trouble.kind is TroubleKind.LIMITED:
        return Trouble(name, stopped, until=Budget.of(trouble.budget).until)
    return Trouble(name, stopped, account.problem or account.fault or SILENT.to_json())
