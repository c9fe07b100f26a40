"""Check Slack itself: whether it takes our tokens, and whether we can write in the channels that the teams need."""

from datetime import timedelta

from bot.desk import Desk
from bot.models import SOCKET
from bot.slack import troubles
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, contact_of, open_socket

EVERY = timedelta(minutes=1)
TOKEN_EVERY = timedelta(minutes=10)


async def look_at_slack(desk: Desk) -> None:
    """Check the bot token and each channel that the teams need."""
    await troubles.look_around(desk)


async def meet_slack(desk: Desk) -> None:
    """Ask Slack who we are and where, if it did not say so when this process started."""
    if not contact_of(desk.slack).identity.get("user_id"):
        await troubles.look_at_token(desk)


async def look_at_app_token(desk: Desk) -> None:
    """Ask for a connection, because an open one may stay open when the token of Socket Mode is revoked."""
    contact = contact_of(desk.slack)
    if contact.is_connected is None:
        return
    try:
        await open_socket(desk.settings)
    except SlackRefuses as refusal:
        contact.refused = refusal.error
        await troubles.note(desk, SOCKET, refusal.error)
    except (SlackDown, SlackLater):
        return
    else:
        contact.refused = ""
        await troubles.note_end(desk, SOCKET)
