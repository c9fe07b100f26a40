"""Questions to advisers: in opening hours, repeat unanswered ones, and in the end return their cases."""

from bot import cases
from bot.cases import clocks
from bot.desk import Desk
from bot.logs import going_on
from bot.models import Team
from bot.slack import messages
from bot.team.settings import TeamSettings


async def chase(desk: Desk) -> None:
    """Ask again after half of the time allowed for advice; at the end of it the case goes back to its owner."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        with going_on("chasing advice failed", team=team.id):
            await _chase(desk, team, settings)


async def _chase(desk: Desk, team: Team, settings: TeamSettings) -> None:
    async with desk.reading() as session:
        waiting = await cases.unanswered(session, team.id)
    due = {asked.id: cases.advice_step(asked, settings, desk.now()) for asked in waiting}
    for escalation_id, percent in due.items():
        with going_on("asking again for advice failed", escalation=escalation_id):
            if percent:
                async with desk.session() as session:
                    await cases.ask_again(session, escalation_id, percent=percent, now=desk.now())
    if any(due.values()):
        await messages.wake_lanes(desk)
