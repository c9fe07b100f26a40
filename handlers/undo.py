"""Take a reply back before it is sent, and settle a reply with an unknown outcome."""

from typing import Any

from bot.desk import TeamDesk
from bot.outgoing import replies
from bot.slack import messages
from handlers.bolt_args import Ack


async def undo(ack: Ack, action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Take the reply back before it is sent."""
    await ack()
    case_id = int(action["value"])
    async with desk.session() as session:
        await replies.withdraw(session, case_id, by=by, now=desk.now())
    await messages.sync(desk, case_id)


async def settle_sent(ack: Ack, action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an agent found the reply on the platform."""
    await _settle(ack, action, by, desk, published=True)


async def settle_absent(ack: Ack, action: dict[str, Any], by: str, desk: TeamDesk) -> None:
    """Record that an agent did not find the reply on the platform; it may be sent again."""
    await _settle(ack, action, by, desk, published=False)


async def _settle(ack: Ack, action: dict[str, Any], by: str, desk: TeamDesk, *, published: bool) -> None:
    await ack()
    case_id = int(action["value"])
    async with desk.session() as session:
        await replies.settle(session, case_id, published=published, by=by, now=desk.now())
    await messages.sync(desk, case_id)
