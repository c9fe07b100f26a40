"""Citizens who do not answer our questions: in opening hours, ask what to do with their cases."""

from bot.cases import clocks
from bot.desk import Desk
from bot.logs import going_on
from bot.models import Team
from bot.slack import messages
from bot.staffing import silence
from bot.team.settings import TeamSettings


async def ask_owners(desk: Desk) -> None:
    """In every open team, ask the owners of cases whose citizens' time to answer is over."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        with going_on("asking about silent citizens failed", team=team.id):
            await _ask_owners(desk, team, settings)


async def _ask_owners(desk: Desk, team: Team, settings: TeamSettings) -> None:
    async with desk.reading() as session:
        unasked = await silence.unasked(session, team.id, settings, desk.now())
    for case_id in unasked:
        with going_on("asking about a silent citizen failed", case=case_id):
            async with desk.session() as session:
                await silence.ask(session, case_id, desk.now())
    if unasked:
        await messages.wake_lanes(desk)
