"""Idle claims: we remind the owner of an idle case, and later return the case to the queue.

Only a case that waits for us can be idle. A case with a promise to its citizen waits for that moment, and an escalated
case waits for advice. `cases.last_moved_at` defines what counts as movement.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import clocks, reminders
from bot.cases.reminders import Told
from bot.desk import Desk
from bot.domain.case import WaitsFor, waits_for
from bot.domain.hours import between
from bot.domain.sla import ClockKind
from bot.domain.text import Refused
from bot.logs import going_on
from bot.models import WAITING, Case, Clock, ReminderKind, Team
from bot.slack import messages
from bot.team.settings import TeamSettings


async def look_after(desk: Desk) -> None:
    """Remind the owners of idle cases, and return cases that were idle for too long; in opening hours only."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        with going_on("looking after claims failed", team=team.id):
            await _look_after(desk, team, settings)


async def _look_after(desk: Desk, team: Team, settings: TeamSettings) -> None:
    now = desk.now()
    hours = settings.hours(now)
    remind_after = timedelta(minutes=settings.claim_reminder)
    return_after = remind_after + timedelta(minutes=settings.claim_return)
    async with desk.reading() as session:
        owned = await _waiting_with_an_owner(session, team, now - remind_after)
    for case_id, owner, moved_at in owned:
        idle = between(hours, moved_at, now)
        if idle >= return_after:
            await _put_back(desk, case_id, owner, moved_at)
        elif idle >= remind_after:
            await _remind(desk, team.id, case_id, owner, moved_at)
    await messages.wake_lanes(desk)


async def _waiting_with_an_owner(
    session: AsyncSession, team: Team, before: datetime
) -> Sequence[tuple[int, str, datetime]]:
    """Return (case, owner, when it last moved) for the cases that wait for us and were claimed up to `before`."""
    promised = (
        select(Clock.id)
        .where(Clock.case_id == Case.id, Clock.kind == ClockKind.PROMISE, col(Clock.stopped_at).is_(None))
        .correlate(Case)
        .exists()
    )
    columns: list[Any] = [Case.id, Case.status, Case.assignee, promised, cases.last_moved_at()]
    rows = await session.exec(
        select(*columns).where(
            WAITING, Case.team_id == team.id, col(Case.assignee).is_not(None), col(Case.claimed_at) <= before
        )
    )
    return [
        (case_id, owner, moved_at)
        for case_id, status, owner, promised, moved_at in rows
        if waits_for(status, promised=promised) is WaitsFor.US
    ]


async def _remind(desk: Desk, team_id: int, case_id: int, owner: str, moved_at: datetime) -> None:
    """Remind the owner of the case, once for each idle period."""
    async with desk.reading() as session:
        if await reminders.is_told_idle(session, case_id, owner, moved_at):
            return
    async with desk.session() as session:
        team = await reminders.hold(session, team_id)
        if not await reminders.is_told_idle(session, case_id, owner, moved_at):
            reminder = Told(owner, case_id, ReminderKind.STILL, case_id, since=moved_at)
            await reminders.remind(session, team, [reminder], now=desk.now())


async def _put_back(desk: Desk, case_id: int, owner: str, moved_at: datetime) -> None:
    try:
        async with desk.session() as session:
            await cases.put_back(session, case_id, owner=owner, still_since=moved_at, now=desk.now())
    except Refused:
        return  # the case has moved since
    await messages.sync(desk, case_id)
