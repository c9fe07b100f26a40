"""Read now and then who is in the channel of each team, in case an event of Slack did not reach us."""

import structlog

from bot.desk import Desk
from bot.logs import trace
from bot.slack import membership
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses
from bot.team import members, teams

log = structlog.get_logger()

EVERY = members.READ_EVERY


async def read_channels(desk: Desk) -> None:
    """Read the channel of each team; one that Slack does not show now is read at a later tick."""
    async with desk.reading() as session:
        team_ids = [team.id for team in await teams.all_teams(session)]
    for team_id in team_ids:
        try:
            await membership.read_channel(desk, team_id)
        except (SlackRefuses, SlackLater, SlackDown) as problem:
            log.info("a channel's members were not read", team=team_id, reason=str(problem))
        except Exception as error:  # continue with the other teams
            log.error("reading a channel's members failed", team=team_id, **trace(error))
