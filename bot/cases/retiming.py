"""Recompute what goes by the opening hours of a team, so that card, reminders and figures count by the same hours."""

from datetime import datetime

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.clocks import aim_by_hours, ladder_of, opens_next
from bot.cases.state import lock_all, touch_all
from bot.models import AGAIN, PUT_OFF, Case, Clock, Message, MessageKind, Team
from bot.team.settings import TeamSettings


async def retime(session: AsyncSession, team_id: int, now: datetime) -> None:
    """Set when each running clock of a team is due, and its next step, by the team's settings as they are now.

    A clock keeps the norm with which it started, and a promise its moment. Steps that were notified but are not due any
    more are notified again when they are. What is asked again about an answer in doubt comes at the next opening that
    there is now.
    """
    team = await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)
    settings = TeamSettings.of(team.settings)
    hours = settings.hours(now)
    running = (Clock.team_id == team_id, col(Clock.stopped_at).is_(None), col(Clock.running_since).is_not(None))
    await lock_all(session, set(await session.exec(select(Clock.case_id).where(*running))))
    rows = await session.exec(select(Clock).where(*running).order_by(col(Clock.id)).with_for_update(key_share=True))
    clocks = rows.all()
    was_due = {clock.id: clock.due_at for clock in clocks}
    for clock in clocks:
        aim_by_hours(clock, hours, ladder_of(clock, settings), now)
    team.timed_by = settings.timing()
    session.add_all([team, *clocks])
    await session.flush()
    await touch_all(session, {clock.case_id for clock in clocks if clock.due_at != was_due[clock.id]})
    await _ask_sooner(session, team_id, opens_next(hours, now))


async def _ask_sooner(session: AsyncSession, team_id: int, opening: datetime) -> None:
    """Ask again at this opening what was to be asked at a later one: nothing else reminds of a case that has ended."""
    theirs = select(Case.id).where(Case.id == Message.case_id, Case.team_id == team_id).correlate(Message).exists()
    later = select(Message.id).where(
        PUT_OFF, Message.kind == MessageKind.REPLY_PROBLEM, col(Message.key).endswith(AGAIN), col(Message.ts).is_(None),
        col(Message.retry_at) > opening, theirs,
    )  # fmt: skip
    free = later.with_for_update(key_share=True, skip_locked=True)
    sooner = update(Message).where(col(Message.id).in_(free)).values(retry_at=opening)
    await session.exec(sooner.execution_options(synchronize_session=False))
