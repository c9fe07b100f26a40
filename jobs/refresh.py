"""The sweep: it wakes each lane with a message that is not level or a reply that is not sent, also after a crash."""

import structlog

from bot.desk import Desk
from bot.logs import trace
from bot.outgoing import queue
from bot.slack import messages

log = structlog.get_logger()


async def refresh(desk: Desk) -> None:
    """Wake every lane that has work now."""
    for sweep in (messages.wake_lanes, wake_outgoing):
        try:
            await sweep(desk)
        except Exception as error:  # the other sweep goes on; the next tick tries again
            log.error("the sweep failed", sweep=sweep.__name__, **trace(error))


async def wake_outgoing(desk: Desk) -> None:
    """Wake the lanes of all accounts that have a reply or an act due."""
    async with desk.reading() as session:
        due = await queue.accounts_due(session, desk.now())
    for account_id in due:
        desk.wake(f"outgoing:{account_id}")
