"""Messages that only one person sees: the answer to their command or click, by its response_url.

It works five times, for half an hour: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.views.block import View

log = structlog.get_logger()

TAKEN = "200"


def content_of(view: View) -> dict[str, Any]:
    """Return the part of a view that is sent: its text, and its older blocks if it has them."""
    blocks = view.plain or view.blocks or None
    return {"text": view.spoken if blocks else view.text, "blocks": blocks}


async def outcome(sending: Awaitable[Any]) -> str:
    """Return TAKEN when Slack took it, else the HTTP status or the name of what went wrong."""
    try:
        return str((await sending).status_code)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return type(error).__name__


async def replace(client: AsyncWebClient, url: str, view: View) -> None:
    """Show this view in place of the message that was clicked; if Slack no longer takes it, that is only logged."""
    there = AsyncWebhookClient(url, timeout=client.timeout, ssl=client.ssl, proxy=client.proxy)
    status = await outcome(there.send(**content_of(view), replace_original=True))
    if status != TAKEN:
        log.info("what was shown to one person was not shown anew", status=status)
