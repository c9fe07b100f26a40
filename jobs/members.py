"""Read now and then who is in the channel of each team, in case no event of Slack reached us, and who has left."""

from datetime import timedelta

import structlog

from bot.desk import Desk
from bot.logs import trace
from bot.slack import membership
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses
from bot.team import agents, members, teams

log = structlog.get_logger()

LOOK_EVERY = timedelta(seconds=20)
"""How often we look which channels are due: one that Slack did not show is, as soon as it may."""
ACCOUNTS_EVERY = timedelta(minutes=1)
"""How often we look whose account is due."""


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


async def look_at_accounts(desk: Desk) -> None:
    """Ask Slack about each person whom a team counts on whether their account is closed: nobody else would tell us."""
    async with desk.reading() as session:
        due = await members.unseen(session, await agents.named(session), desk.now())
    for slack_id in due:
        try:
            await membership.look_at_account(desk, slack_id)
        except (SlackLater, SlackDown):
            return  # the next minute tries again
