"""Citizens who do not answer our questions: in opening hours, ask what to do with their cases."""

import structlog

from bot.cases import clocks
from bot.desk import Desk
from bot.logs import trace
from bot.models import Team
from bot.slack import messages
from bot.staffing import silence
from bot.team.settings import TeamSettings

log = structlog.get_logger()


async def ask_owners(desk: Desk) -> None:
    """In every open team, ask the owners of cases whose citizens have had all their time to answer."""
    async with desk.reading() as session:
        open_now = await clocks.open_teams(session, desk.now())
    for team, settings in open_now:
        try:
            await _ask_owners(desk, team, settings)
        except Exception as error:  # the other teams go on; the next tick tries again
            log.error("asking about silent citizens failed", team=team.id, **trace(error))


async def _ask_owners(desk: Desk, team: Team, settings: TeamSettings) -> None:
    async with desk.reading() as session:
        unasked = await silence.unasked(session, team.id, settings, desk.now())
    for case_id in unasked:
        try:
            async with desk.session() as session:
                await silence.ask(session, case_id, desk.now())
        except Exception as error:  # the other cases go on; the next tick tries again
            log.error("asking about a silent citizen failed", case=case_id, **trace(error))
    if unasked:
        await messages.wake_lanes(desk)
