"""Claims have a clock: a claimed case that lies still is reminded of to its owner, and then returns to the queue.

What counts as moving is anything its owner did with it. A case with a promise to its citizen lies still rightly, until
the promise is due.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import clocks
from bot.desk import Desk
from bot.domain.case import Status
from bot.domain.hours import between
from bot.domain.sla import ClockKind
from bot.domain.text import Refused
from bot.logs import trace
from bot.models import WAITING, Case, Clock, Event, Message, MessageKind, Team
from bot.slack import messages
from bot.team.settings import TeamSettings

log = structlog.get_logger()


async def look_after(desk: Desk) -> None:
    """Remind the owners of cases that lie still, and put back what lay still for too long; in opening hours only."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        try:
            await _look_after(desk, team, settings)
        except Exception as error:  # one team's trouble is not another's
            log.error("looking after claims failed", team=team.id, **trace(error))


async def _look_after(desk: Desk, team: Team, settings: TeamSettings) -> None:
    now = desk.now()
    hours = settings.hours(now)
    remind_after = timedelta(minutes=settings.claim_reminder)
    return_after = remind_after + timedelta(minutes=settings.claim_return)
    async with desk.reading() as session:
        claimed = await _claimed(session, team, now - remind_after)
    for case_id, owner, moved_at in claimed:
        lay_still = between(hours, moved_at, now)
        if lay_still >= return_after:
            await _put_back(desk, case_id, owner)
        elif lay_still >= remind_after:
            await _remind(desk, case_id, owner, moved_at, settings.claim_return)


async def _claimed(session: AsyncSession, team: Team, before: datetime) -> Sequence[tuple[int, str, datetime]]:
    """Return the claimed cases without a running promise, their owners, and when each last moved."""
    promised = select(Clock.case_id).where(Clock.kind == ClockKind.PROMISE, col(Clock.stopped_at).is_(None))
    moved = (
        select(func.max(Event.at))
        .where(Event.case_id == Case.id, Event.by == Case.assignee)
        .correlate(Case)
        .scalar_subquery()
    )
    found = await session.exec(
        select(Case.id, Case.assignee, Case.claimed_at, moved)
        .where(WAITING, Case.team_id == team.id, Case.status == Status.CLAIMED, col(Case.claimed_at) <= before)
        .where(col(Case.id).not_in(promised))
    )
    return [
        (case_id, owner, max(claimed_at, moved_at or claimed_at))
        for case_id, owner, claimed_at, moved_at in found
        if owner and claimed_at
    ]


async def _remind(desk: Desk, case_id: int, owner: str, moved_at: datetime, minutes: int) -> None:
    """Ask the owner, once for every time the case comes to lie still."""
    key = f"still:{case_id}:{moved_at.timestamp()}"
    async with desk.session() as session:
        await cases.locked(session, case_id)
        found = await session.exec(select(Message.id).where(Message.key == key))
        if found.first() is not None:
            return
        details = {"owner": owner, "minutes": minutes}
        session.add(Message(key=key, kind=MessageKind.STILL, case_id=case_id, channel=owner, details=details))
    messages.wake(desk, [owner])


async def _put_back(desk: Desk, case_id: int, owner: str) -> None:
    try:
        async with desk.session() as session:
            await cases.put_back(session, case_id, owner=owner, now=desk.now())
    except Refused:
        return  # the owner moved meanwhile
    await messages.sync(desk, case_id)
