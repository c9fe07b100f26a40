"""Reminders: send each due step of a clock's ladder once, in opening hours only; of several due at once, the last.

After the last step, the team is reminded of what is late once on each opening day, so that nothing falls silent. Each
recipient has all their reminders in one message (`cases.reminders`).

One transaction handles a step: it locks the rows of the case and the clock, writes the message, and moves the clock to
its next step. So several processes never send a step twice, and a crash loses no step.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import reminders
from bot.cases.reminders import Told
from bot.cases.steps import Due, Why, again_once, recipients, take
from bot.desk import Desk
from bot.domain.event import EventKind
from bot.domain.hours import Hours, is_open
from bot.domain.reminder import Heard
from bot.domain.sla import Recipient
from bot.logs import going_on, trace
from bot.models import Case, Clock, Event, ReminderKind, Team
from bot.slack import messages, writing
from bot.staffing import presence
from bot.team import teams
from bot.team.settings import TeamSettings

log = structlog.get_logger()

AT_ONCE = 500
"""Clocks handled per team and tick; the rest waits for the next tick."""


async def remind(desk: Desk) -> None:
    """Send every reminder that is due now; a closed team gets them when it opens."""
    await _follow_settings(desk)
    async with desk.reading() as session:
        rows = await session.exec(
            select(Clock.team_id).where(col(Clock.stopped_at).is_(None), col(Clock.next_at) <= desk.now()).distinct()
        )
        team_ids = {*rows, *await reminders.teams_with_reminders(session)}
    for team_id in sorted(team_ids):
        with going_on("reminding failed", team=team_id):
            async with desk.session() as session:
                await _remind_team(session, team_id, desk.now())
    if team_ids:
        await messages.wake_lanes(desk)


async def _follow_settings(desk: Desk) -> None:
    """Recompute the running clocks of every team whose opening hours or ladder changed, and look at what waits."""
    async with desk.reading() as session:
        all_teams = await teams.all_teams(session)
    for team in all_teams:
        with going_on("setting the clocks of a team anew failed", team=team.id):
            if team.timed_by != TeamSettings.of(team.settings).timing():
                async with desk.session() as session:
                    await cases.retime(session, team.id, desk.now())
                    await writing.hours_changed(session)
                await messages.wake_lanes(desk)


async def _remind_team(session: AsyncSession, team_id: int, now: datetime) -> None:
    team = await reminders.hold(session, team_id)
    settings = TeamSettings.of(team.settings)
    hours = settings.hours(now)
    if not is_open(hours, now):
        return
    is_due = (Clock.team_id == team_id, col(Clock.stopped_at).is_(None), col(Clock.next_at) <= now)
    first = (col(Clock.next_at), col(Clock.id))
    of_cases = set(await session.exec(select(Clock.case_id).where(*is_due).order_by(*first).limit(AT_ONCE)))
    await cases.lock_all(session, of_cases)
    rows = await session.exec(
        select(Clock, Case)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(*is_due, col(Clock.case_id).in_(of_cases))
        .order_by(*first)
        .limit(AT_ONCE)
        .with_for_update(of=Clock, skip_locked=True, key_share=True)
    )
    taken = [one for clock, case in rows.all() for one in _take(session, clock, case, settings, hours, now)]
    put_off, due = {one.case.id for one in taken if one.put_off}, again_once(taken)
    climbing = [one for one in due if one.why is not Why.LATE]
    for one in climbing:
        session.add(
            Event(
                case_id=one.case.id,
                kind=EventKind.REMINDED,
                at=now,
                details={"clock": one.clock.id, "percent": one.step.percent},
            )
        )
    if reminded := {one.case.id for one in climbing}:
        await reminders.hold_messages(session, team_id, reminded)
        await cases.touch_all(session, reminded)
    duty = await presence.on_duty(session, team.id, settings, now)
    leads = await presence.present_of(session, settings.coordinators)
    due_reminders = await _reminders(session, team, settings, due, put_off)
    await reminders.remind(session, team, due_reminders, now=now, duty=duty, leads=leads)


def _take(
    session: AsyncSession, clock: Clock, case: Case, settings: TeamSettings, hours: Hours, now: datetime
) -> list[Due]:
    """Set the next moment of a due clock, and return its steps to remind of now; none for a clock that fails."""
    try:
        due = take(clock, case, settings, hours, now)
    except Exception as error:  # continue with the other clocks; the next tick tries again
        log.error("reminding of a case failed", case=case.id, clock=clock.id, **trace(error))
        session.expunge(clock)
        return []
    session.add(clock)
    return due


async def _reminders(
    session: AsyncSession, team: Team, settings: TeamSettings, due: Sequence[Due], put_off: Collection[int]
) -> list[Told]:
    """Return who is reminded of what; a step for somebody who is not, or for nobody, goes to the channel.

    The reminders of the cases `put_off` come at once: somebody was told that there is one at this moment.
    """
    owners = {one.case.assignee for one in due if one.case.assignee}
    away = await presence.not_reminded(session, team.id, settings, owners)
    return [
        Told(
            recipient,
            one.case.id,
            ReminderKind.CLOCK,
            one.clock.id,
            one.step.percent,
            one.step.text,
            for_owner=one.step.to is Recipient.OWNER,
            heard=Heard.LATE if one.why is Why.LATE else Heard.NOTHING,
            at_once=one.case.id in put_off,
            climbs=one.why is Why.STEP,
        )
        for one in due
        for recipient in recipients(one, team, settings, away)
    ]
