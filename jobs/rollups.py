"""When many write nearly the same, their new cases share one card for a while."""

from bot.cases import subjects
from bot.desk import Desk
from bot.logs import going_on
from bot.slack import rollups


async def follow(desk: Desk) -> None:
    """Begin the roll-ups that there must be, and bring the others level or end them."""
    now = desk.now()
    async with desk.reading() as session:
        begun = await rollups.begun(session, now, desk.speed)
        due = await rollups.due(session, now, desk.speed)
    for use, subject_ids in ((rollups.begin, begun), (rollups.follow, due)):
        for subject_id in subject_ids:
            with going_on("a roll-up was not brought level", subject=subject_id):
                async with desk.session() as session:
                    await use(session, subject_id, now, desk.speed)


async def forget(desk: Desk) -> None:
    """Delete the subjects to which nothing new can be alike."""
    more = True
    while more:
        async with desk.session() as session:
            more = await subjects.delete_old(session, desk.now())
