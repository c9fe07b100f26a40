"""Private feedback to the person who clicked."""

import re
from typing import Any

import structlog

from bot.desk import Desk
from bot.domain.text import Refused
from bot.texts import Texts
from handlers.concerns import channel_of

log = structlog.get_logger()


async def tell(desk: Desk, body: dict[str, Any], words: str) -> None:
    """Show a message only to the person who acted: where they acted, or in their direct messages."""
    user = (body.get("user") or {}).get("id") or body.get("user_id") or (body.get("event") or {}).get("user")
    if not user:
        return
    channel = channel_of(body)
    if channel.startswith(("C", "G")):
        thread = (body.get("container") or {}).get("thread_ts")
        await desk.slack.chat_postEphemeral(
            channel=channel, user=user, text=words, **({"thread_ts": thread} if thread else {})
        )
    else:
        await desk.slack.chat_postMessage(channel=user, text=words)


async def without_marks(desk: Desk, t: Texts, refused: Refused) -> str:
    """Return a refusal as plain text: with people's names instead of <@U…>."""
    words = t(refused.text)
    for mark, user in set(re.findall(r"(<@(\w+)>)", words)):
        person = await desk.slack.users_info(user=user)
        words = words.replace(mark, person["user"].get("real_name") or person["user"].get("name") or user)
    return words


def log_fault(t: Texts, facts: dict[str, Any]) -> str:
    """Log a bug of ours; return the message for the agent: an apology, and the reference in the log."""
    log.error("a handler failed", **facts)
    return t("Something went wrong on our side. Please try again; reference {reference}.", **facts)
