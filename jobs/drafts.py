"""Drafts of answers: who typed nothing for a while is no longer said to be writing; a draft of a week is deleted.

So are the images that no answer and no draft has any more.
"""

from bot.desk import Desk
from bot.outgoing import drafts, images
from bot.slack import messages


async def look_after(desk: Desk) -> None:
    """Let the cards of silent writers say so no more, and delete old drafts and what nothing has any more."""
    now = desk.now()
    since = now - drafts.SILENCE * desk.speed  # people type in real time, however fast our clock runs
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
