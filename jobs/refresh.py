"""The sweep: it wakes each lane with a message that is not level or a reply that is not sent, even after a crash."""

from bot.desk import Desk
from bot.logs import going_on
from bot.outgoing import queue
from bot.slack import messages


async def refresh(desk: Desk) -> None:
    """Wake every lane that has work now."""
    for sweep in (messages.wake_lanes, wake_outgoing):
        with going_on("the sweep failed", sweep=sweep.__name__):
            await sweep(desk)


async def wake_outgoing(desk: Desk) -> None:
    """Wake the lanes of all accounts that have a reply or an act due."""
    async with desk.reading() as session:
        due = await queue.accounts_due(session, desk.now())
    for account_id in due:
        desk.wake(f"outgoing:{account_id}")
