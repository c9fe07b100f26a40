"""Replies and acts that wait to go out: whose has waited for an hour is told why, once."""

from bot.desk import Desk
from bot.logs import going_on
from bot.outgoing import waiting
from bot.slack import messages


async def look_after(desk: Desk) -> None:
    """Tell of every reply and act that has waited for long by now."""
    long = waiting.LONG * desk.speed  # platforms fail in real time, at any speed of our clock
    async with desk.reading() as session:
        untold = await waiting.untold(session, desk.now(), long)
    for case_id, key, item_id in untold:
        with going_on("telling of a reply or act that waits failed", item=item_id):
            async with desk.session() as session:
                await waiting.tell(session, case_id, key, item_id, desk.now(), long)
    if untold:
        await messages.wake_lanes(desk)
