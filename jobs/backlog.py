"""When more comes in than Slack takes cards, the team reads how much waits."""

from bot.desk import Desk
from bot.logs import going_on
from bot.slack import backlog, messages


async def follow(desk: Desk) -> None:
    """Bring each team's message about cases without a card level with how many there are."""
    now = desk.now()
    async with desk.reading() as session:
        teams = await backlog.changed(session, now, desk.speed)
    for team_id, waits in teams.items():
        with going_on("the backlog of a team was not said", team=team_id):
            async with desk.session() as session:
                channel = await backlog.follow(session, team_id, waits, now)
            messages.wake(desk, [channel])
