"""Drafts of answers: cards stop saying that silent agents are writing; drafts of a week old are deleted.

So are the images that no answer and no draft uses any more.
"""

from bot.desk import Desk
from bot.outgoing import drafts, images
from bot.slack import messages


async def look_after(desk: Desk) -> None:
    """Update the cards of writers who fell silent, and delete old drafts and unused images."""
    now = desk.now()
    since = now - drafts.SILENCE * desk.speed  # people type in real time, no matter how fast our clock runs
    async with desk.reading() as session:
        silent, forgets = await drafts.silent(session, since), await drafts.any_to_forget(session, now)
        looks = await images.any_due(session, now)
    if forgets or looks:
        async with desk.session() as session:
            await drafts.forget(session, now)
            await images.forget_unused(session, now)
    if silent:
        async with desk.session() as session:
            await drafts.end_silent(session, silent, since)
        await messages.wake_lanes(desk)
