"""End sign-ins whose time is over, and delete their secrets."""

from bot.accounts import sign_in
from bot.desk import Desk
from bot.slack import messages


async def end_old(desk: Desk) -> None:
    """End the sign-ins that nobody finished in time."""
    async with desk.reading() as session:
        if not await sign_in.any_over(session, desk.now()):
            return
    async with desk.session() as session:
        await sign_in.end(session, desk.now())
    await messages.wake_lanes(desk)
