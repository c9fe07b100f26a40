"""When far more comes in than usual, the team reads it once."""

from bot.desk import Desk
from bot.figures import spikes
from bot.logs import going_on
from bot.slack import messages


async def watch(desk: Desk) -> None:
    """Bring each team's message about a spike level with what comes in."""
    now = desk.now()
    async with desk.reading() as session:
        teams = await spikes.changed(session, now)
    for team_id, rising in teams.items():
        with going_on("a spike of a team was not said", team=team_id):
            async with desk.session() as session:
                channels = await spikes.follow(session, team_id, rising, now)
            messages.wake(desk, channels)
