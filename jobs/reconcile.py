"""Nothing is lost: compare each day that is over with our cards, and keep what the digest says of it level.

The comparison with the platform is part of asking that platform (jobs/poll.py).
"""

from bot.desk import Desk
from bot.figures import digests, reconciling
from bot.logs import going_on
from bot.slack import messages
from bot.team import teams


async def compare(desk: Desk) -> None:
    """Compare the days that are over with our cards, once for each account, and make missing cards again."""
    async with desk.reading() as session:
        due = await reconciling.due(session, desk.now())
    healed = list[int]()
    for account_id, day in due:
        with going_on("comparing a day with our cards failed", account=account_id, day=str(day)):
            async with desk.session() as session:
                healed += await reconciling.check(session, account_id, day, desk.now())
    if healed:
        await messages.wake_lanes(desk)


async def follow(desk: Desk) -> None:
    """Bring the newest digest of each team level with what became of what came in."""
    async with desk.reading() as session:
        all_teams = await teams.all_teams(session)
    changed = False
    for team in all_teams:
        with going_on("keeping a digest level failed", team=team.id):
            async with desk.reading() as session:
                newest = await digests.newest(session, team, desk.now())
            if newest is not None:
                async with desk.session() as session:
                    changed |= await reconciling.keep_level(session, team, newest, desk.now())
    if changed:
        await messages.wake_lanes(desk)
