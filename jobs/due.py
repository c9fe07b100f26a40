"""What is due with cases, by the table of `bot.by_clock`: adviser, silent citizen, urgent case, hidden post …"""

from bot.by_clock import BY_CLOCK, ByClock
from bot.cases import clocks
from bot.desk import Desk
from bot.logs import going_on
from bot.models import Team
from bot.slack import messages
from bot.team.settings import TeamSettings


async def look_after(desk: Desk) -> None:
    """In every open team, do all that is due now."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    done = False
    for team, settings in open_now:
        for each in BY_CLOCK:
            with going_on(f"{each.named} failed", team=team.id):
                done |= await _look_after(desk, team, settings, each)
    if done:
        await messages.wake_lanes(desk)


async def _look_after(desk: Desk, team: Team, settings: TeamSettings, each: ByClock) -> bool:
    async with desk.reading() as session:
        due = await each.due(session, team, settings, desk.now())
    for due_id in due:
        with going_on(f"{each.named} failed", id=due_id):
            async with desk.session() as session:
                await each.do(session, due_id, desk.now())
    return bool(due)
