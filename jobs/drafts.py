"""Drafts of answers: who typed nothing for a while is no longer said to be writing; a draft of a week is deleted."""

from bot.desk import Desk
from bot.outgoing import drafts
from bot.slack import messages


async def look_after(desk: Desk) -> None:
    """Let the cards of silent writers say so no more, and delete the drafts in which nothing was done for a week."""
    now = desk.now()
    since = now - drafts.SILENCE * desk.speed  # people type in real time, however fast our clock runs
    async with desk.reading() as session:
        silent, forgets = await drafts.silent(session, since), await drafts.any_to_forget(session, now)
    if forgets:
        async with desk.session() as session:
            await drafts.forget(session, now)
    if silent:
        async with desk.session() as session:
            await drafts.end_silent(session, silent, since)
        await messages.wake_lanes(desk)
