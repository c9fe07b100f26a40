"""Private feedback to the person who clicked."""

import asyncio
import re
from typing import Any

import structlog

from bot.desk import Desk
from bot.domain.text import Refused
from bot.slack.calls import SlackDown, SlackLater, SlackRefuses, call
from bot.texts import Texts
from handlers.concerns import channel_of

log = structlog.get_logger()

NAME_WITHIN = 0.5
"""Seconds that a name may take to come: a submitted modal has 3 seconds in all."""


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
    """Return a refusal as plain text: with people's names instead of <@U…>, as far as Slack tells them in time."""
    words = t(refused.text)
    for mark, user in set(re.findall(r"(<@(\w+)>)", words)):
        words = words.replace(mark, await name_of(desk, user) or t("a colleague"))
    return words


async def name_of(desk: Desk, user: str) -> str:
    """Return somebody's name in Slack; "" when Slack does not tell it in time, because Slack itself waits for us."""
    try:
        async with asyncio.timeout(NAME_WITHIN):
            person = (await call(desk.slack, "users.info", user=user))["user"]
    except (SlackRefuses, SlackLater, SlackDown, TimeoutError):
        return ""
    return str(person.get("real_name") or person.get("name") or "")


def log_fault(t: Texts, facts: dict[str, Any]) -> str:
    """Log a bug of ours; return the message for the agent: an apology, and the reference in the log."""
    log.error("a handler failed", **facts)
    return t("Something went wrong on our side. Please try again; reference {reference}.", **facts)
