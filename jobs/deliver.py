"""The drains of the lanes: a channel's messages, an account's replies."""

from datetime import datetime

from bot import cards, outbox
from bot.desk import Desk


async def messages(desk: Desk, channel: str) -> datetime | None:
    """Bring a channel's messages level."""
    return await cards.drain(desk, channel)


async def replies(desk: Desk, account_id: str) -> datetime | None:
    """Send an account's replies that are due."""
    return await outbox.send_due(desk, int(account_id))
