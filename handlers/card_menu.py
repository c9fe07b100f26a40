"""The overflow menu of a card; an option's value is the verb and the case, as `close:12`."""

from typing import Any

from bot.desk import Desk
from handlers.bolt_args import Ack
from handlers.claim import open_assign, release
from handlers.close import open_close
from handlers.details import open_details
from handlers.notes import open_note

CHOICES = {
    "release": release,
    "assign": open_assign,
    "close": open_close,
    "note": open_note,
    "details": open_details,
}
LOOKS = frozenset({"details", "open"})
"""What only shows something."""


async def more(ack: Ack, action: dict[str, Any], body: dict[str, Any], desk: Desk) -> None:
    """Do what was chosen in the menu."""
    await ack()
    verb, _, case_id = action["selected_option"]["value"].partition(":")
    if verb in CHOICES:  # older menus have "open" too, a link that Slack has followed
        await CHOICES[verb](desk, body, int(case_id))


async def only_open(ack: Ack) -> None:
    """Acknowledge a button that is a link: Slack has opened it."""
    await ack()
