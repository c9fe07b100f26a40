"""Idle claims: we remind the owner of an idle case, and later return the case to the queue (`bot.cases.idle`)."""

from bot import cases
from bot.cases import clocks, idle, reminders
from bot.cases.idle import Claim
from bot.cases.reminders import Told
from bot.desk import Desk
from bot.domain.text import Refused
from bot.logs import going_on
from bot.models import ReminderKind, Team
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
    async with desk.reading() as session:
        owned = await idle.claims(session, team, settings, now)
    for claim in owned:
        with going_on("looking after a claim failed", case=claim.case_id):
            if claim.is_reminded and claim.return_at <= now:
                await _put_back(desk, claim)
            elif claim.remind_at <= now and not claim.is_reminded:
                await _remind(desk, team.id, claim)
    await messages.wake_lanes(desk)


async def _remind(desk: Desk, team_id: int, claim: Claim) -> None:
    """Remind the owner of the case, once for each idle period; what Slack could not take yet is of now."""
    async with desk.session() as session:
        team = await reminders.hold(session, team_id)
        told = await reminders.told_idle(session, [claim.case_id])
        if (claim.case_id, claim.owner, claim.idle_since) not in told:
            reminder = Told(claim.owner, claim.case_id, ReminderKind.STILL, claim.case_id, since=claim.idle_since)
            await reminders.remind(session, team, [reminder], now=desk.now())


async def _put_back(desk: Desk, claim: Claim) -> None:
    try:
        async with desk.session() as session:
            await cases.put_back(
                session, claim.case_id, owner=claim.owner, still_since=claim.idle_since, now=desk.now()
            )
    except Refused:
        return  # the case has moved since
    await messages.sync(desk, claim.case_id, is_awaited=False)
