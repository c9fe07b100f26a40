"""Telling the one who clicked, and nobody else."""

import re
from typing import Any

import structlog

from bot.desk import Desk
from bot.domain.text import Refused

log = structlog.get_logger()


async def tell(desk: Desk, body: dict[str, Any], words: str) -> None:
    """Say something only to the one who acted: where they acted, or in their direct messages."""
    user = (body.get("user") or {}).get("id") or body.get("user_id") or (body.get("event") or {}).get("user")
    if not user:
        return
    container = body.get("container") or {}
    channel = container.get("channel_id") or (body.get("channel") or {}).get("id") or body.get("channel_id")
    if channel and str(channel).startswith(("C", "G")):
        thread = container.get("thread_ts")
        await desk.slack.chat_postEphemeral(
            channel=channel, user=user, text=words, **({"thread_ts": thread} if thread else {})
        )
    else:
        await desk.slack.chat_postMessage(channel=user, text=words)


async def without_marks(desk: Desk, refused: Refused) -> str:
    """Return a refusal for a place that shows plain text: people by their names instead of <@U…>."""
    words = desk.t(refused.text)
    for mark, user in set(re.findall(r"(<@(\w+)>)", words)):
        person = await desk.slack.users_info(user=user)
        words = words.replace(mark, person["user"].get("real_name") or person["user"].get("name") or user)
    return words


def log_fault(desk: Desk, facts: dict[str, Any]) -> str:
    """Log a fault of ours and return what the agent is told: sorry, and the reference to find it by."""
    log.error("a handler failed", **facts)
    return desk.t("Something went wrong on our side. Please try again; reference {reference}.", **facts)
