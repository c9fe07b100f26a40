"""The sweep: wakes the lane of everything that is not level or not sent, also after an outage or a crash."""

import structlog
from sqlmodel import col, select

from bot.desk import Desk
from bot.logs import trace
from bot.models import UNSENT, Account, Reply
from bot.slack import messages

log = structlog.get_logger()


async def refresh(desk: Desk) -> None:
    """Wake every lane that has work now."""
    for sweep in (messages.wake_lanes, wake_replies):
        try:
            await sweep(desk)
        except Exception as error:  # the other sweep, and the next tick, must go on
            log.error("the sweep failed", sweep=sweep.__name__, **trace(error))


async def wake_replies(desk: Desk) -> None:
    """Wake the lanes of all accounts that have a reply due."""
    async with desk.reading() as session:
        found = await session.exec(
            select(Reply.account_id)
            .join(Account, col(Reply.account_id) == Account.id)
            .where(UNSENT, Reply.send_at <= desk.now(), col(Account.stopped_at).is_(None))
            .distinct()
        )
        due = found.all()
    for account_id in due:
        desk.wake(f"replies:{account_id}")
