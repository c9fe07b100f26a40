"""Clicks that we no longer know: buttons in Slack live for ever, even those of an older version of this program."""

from bot.domain.text import Refused
from handlers.bolt_args import Ack


async def clicked() -> None:
    """Say that a button or shortcut is no longer known."""
    raise Refused("I do not know this button any more: it is from before an update. Use the buttons on the card.")


async def submitted(ack: Ack) -> None:
    """Say that a modal is no longer known; it stays open with what was typed."""
    raise Refused(
        "I do not know this window any more: it is from before an update. Copy what you typed and open it anew."
    )


async def asked(ack: Ack) -> None:
    """Offer nothing in a menu that is no longer known."""
    await ack(options=[])
