"""Show something anew in the place of what only one person sees: by the response_url of their last click there.

It works five times, for half an hour: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.views.block import View

log = structlog.get_logger()


async def replace(client: AsyncWebClient, url: str, view: View) -> None:
    """Show this view there; that Slack does not take it any more is only logged."""
    there = AsyncWebhookClient(url, timeout=client.timeout, ssl=client.ssl, proxy=client.proxy)
    try:
        answer = await there.send(text=view.spoken, blocks=view.plain or view.blocks or None, replace_original=True)
        status = str(answer.status_code)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        status = type(error).__name__
    if status != "200":
        log.info("what was shown to one person was not shown anew", status=status)
