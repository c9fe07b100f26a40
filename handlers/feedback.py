"""Private feedback to the person who clicked."""

import asyncio
import logging
import re
from html import unescape
from typing import Any

import structlog

from bot.desk import Desk
from bot.domain.slack_id import is_channel
from bot.domain.text import Refused
from bot.logs import trace
from bot.slack import response_url
from bot.slack.calls import SlackDown, SlackProblem, call, call_in_turn, conversation
from bot.texts import Texts
from bot.views.block import View
from bot.views.slack_error import words_of
from handlers.bolt_args import Respond
from handlers.concerns import channel_of

log = structlog.get_logger()

NAME_WITHIN = 0.5
"""Seconds to wait for a name: a submitted modal has 3 seconds in all."""
POSTS = frozenset({"chat.postMessage", "files.completeUploadExternal"})
"""The methods after which something may be posted although Slack did not answer."""


async def tell(desk: Desk, body: dict[str, Any], words: str, blocks: list[dict[str, Any]] | None = None) -> None:
    """Show a message only to the person who acted: where they acted, else in their direct messages.

    If Slack takes neither, that is only logged, not raised.
    """
    user = (body.get("user") or {}).get("id") or body.get("user_id") or (body.get("event") or {}).get("user")
    if not user:
        return
    shown = {"text": words, **({"blocks": blocks} if blocks else {})}
    channel = channel_of(body)
    try:
        if is_channel(channel) and await _shown_there(desk, body, channel, user, shown):
            return
        await call_in_turn(desk.slack, "chat.postMessage", channel=await conversation(desk.slack, user), **shown)
    except SlackProblem as problem:
        log.warning("an agent was not told what became of it", **trace(problem))


async def _shown_there(desk: Desk, body: dict[str, Any], channel: str, user: str, shown: dict[str, Any]) -> bool:
    """Show a message only to this person, where they acted; return whether Slack took it."""
    container = body.get("container") or {}
    # For a card with a thread both are the same: the click was in the channel, and its thread may be closed.
    thread = container.get("thread_ts") if container.get("thread_ts") != container.get("message_ts") else None
    where = {"channel": channel, "user": user, **({"thread_ts": thread} if thread else {})}
    try:
        await call_in_turn(desk.slack, "chat.postEphemeral", **where, **shown)
    except SlackProblem as problem:
        log.warning("an agent is told in their direct messages", **trace(problem))
        return False
    return True


async def answer(respond: Respond, desk: Desk, body: dict[str, Any], view: View, *, replaces: bool = False) -> None:
    """Answer a command or click by its response_url; if that is used up, too old or unreachable, in another way."""
    content = response_url.content_of(view)
    kind: dict[str, Any] = {"replace_original": True} if replaces else {"response_type": "ephemeral"}
    status = await response_url.outcome(respond(**content, **kind))
    if status != response_url.TAKEN:
        log.warning("a response_url was not taken", status=status)
        await tell(desk, body, content["text"], content["blocks"])


async def without_marks(desk: Desk, t: Texts, refused: Refused) -> str:
    """Return a refusal as plain text: with people's names instead of <@U…>, if Slack gives them in time."""
    words = t(refused.text)
    for mark, user in set(re.findall(r"(<@(\w+)>)", words)):
        words = words.replace(mark, await name_of(desk, user) or t("a colleague"))
    return unescape(words)


async def name_of(desk: Desk, user: str) -> str:
    """Return somebody's name in Slack; "" when Slack does not give it in time, because Slack itself waits for us."""
    try:
        async with asyncio.timeout(NAME_WITHIN):
            person = (await call(desk.slack, "users.info", user=user))["user"]
    except (SlackProblem, TimeoutError):
        return ""
    return str(person.get("real_name") or person.get("name") or "")


def log_fault(t: Texts, error: Exception) -> str:
    """Log a fault; return what the agent reads: what failed, whether it was done, what to do, and the reference.

    Only our own fault is logged as an error: if Slack is down, slow or refuses, that is a warning.
    """
    facts = trace(error)
    code = error.error if isinstance(error, SlackProblem) else ""
    log.log(logging.WARNING if isinstance(error, SlackProblem) else logging.ERROR, "a handler failed", **facts)
    maybe_done = isinstance(error, SlackDown) and error.maybe_done and error.method in POSTS
    reference = f"{facts['reference']} {code}".strip()
    return f"{t(words_of(code, maybe_done=maybe_done))} {t('(Reference: {reference})', reference=reference)}"
