"""A small Bolt app on the local Slack: its card and modals, and the two ways in which Slack reaches it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import LocalSlack

WEBCARE, SANNE, YOUSSEF = "C0WEBCARE", "U0SANNE", "U0YOUSSEF"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def modal(callback_id: str, *blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain("Antwoord"),
        "submit": plain("Verstuur"),
        "blocks": list(blocks),
        **fields,
    }


def asked(action_id: str = "text", **element: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": action_id,
        "label": plain("Tekst"),
        "element": {"type": "plain_text_input", "action_id": action_id, **element},
    }


CARD: list[dict[str, Any]] = [
    {"type": "section", "block_id": "who", "text": {"type": "mrkdwn", "text": "Waar is mijn paspoort?"}},
    {
        "type": "actions",
        "block_id": "moves",
        "elements": [
            {"type": "button", "action_id": "case:answer", "text": plain("Beantwoord"), "value": "7"},
            {
                "type": "overflow",
                "action_id": "case:more",
                "options": [{"text": plain("Sluit"), "value": "close"}, {"text": plain("Wijs toe"), "value": "assign"}],
            },
        ],
    },
]


@asynccontextmanager
async def over_socket_mode(slack: LocalSlack, app: AsyncApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, slack.app.app_token)
    await handler.connect_async()
    await slack.wait_for(lambda: slack.socket_mode.connections)
    try:
        yield
    finally:
        await handler.close_async()
        await asyncio.gather(*_tasks_of(handler), return_exceptions=True)


def _tasks_of(handler: AsyncSocketModeHandler) -> list[Any]:
    tasks = (handler.client.message_processor, handler.client.current_session_monitor, handler.client.message_receiver)
    return [task for task in tasks if task is not None]


@asynccontextmanager
async def over_http(slack: LocalSlack, app: AsyncApp) -> AsyncIterator[None]:
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.deliver_to(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    try:
        yield
    finally:
        await slack.delivery.close()
        await runner.cleanup()


WAYS = pytest.mark.parametrize("reach", [over_socket_mode, over_http])


async def card(client: AsyncWebClient) -> str:
    return str((await client.chat_postMessage(channel=WEBCARE, text="Kaart", blocks=CARD))["ts"])
