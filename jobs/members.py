"""Read now and then who is in the channel of each team, in case an event of Slack did not reach us."""

from datetime import timedelta

import structlog

from bot.desk import Desk
from bot.logs import trace
from bot.slack import membership
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses
from bot.team import members, teams

log = structlog.get_logger()

LOOK_EVERY = timedelta(seconds=20)
"""How often we look which channels are due: one that Slack did not show is, as soon as it may."""


async def read_channels(desk: Desk) -> None:
    """Read the channel of each team that is due; one that Slack does not show now is read once it does."""
    async with desk.reading() as session:
        team_ids = [team.id for team in await teams.all_teams(session) if members.is_due(team, desk.now())]
    for team_id in team_ids:
        try:
            await membership.read_channel(desk, team_id)
        except (SlackRefuses, SlackLater, SlackDown) as problem:
            log.info("a channel's members were not read", team=team_id, reason=str(problem))
            if not isinstance(problem, SlackRefuses):
                wait = problem.wait if isinstance(problem, SlackLater) else LOOK_EVERY
                async with desk.session() as session:
                    await members.put_off(session, team_id, desk.now() + wait * desk.speed)
        except Exception as error:  # continue with the other teams
            log.error("reading a channel's members failed", team=team_id, **trace(error))
