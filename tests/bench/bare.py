"""The floor of a click: a Bolt app with nothing behind it, over HTTP (--http) or Socket Mode.

`case:claim` is only acknowledged; `case:answer` also makes the card show the same blocks every time, those of the file
named in the environment's BLOCKS. Settings are the bot's.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings, load_settings
from bot.slack.calls import slack_client


def bare_app(client: AsyncWebClient, secret: str, blocks: list[dict[str, Any]]) -> AsyncApp:
    """Return the app."""
    app = AsyncApp(client=client, signing_secret=secret)

    @app.action("case:claim")
    async def only_acknowledge(ack: Any) -> None:
        await ack()

    @app.action("case:answer")
    async def acknowledge_and_change(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.api_call("chat.update", json={**place, "text": "claimed", "blocks": blocks})

    @app.event("message")
    async def hear() -> None:
        pass

    return app


async def main(settings: Settings, blocks: list[dict[str, Any]]) -> None:
    """Serve until killed."""
    async with aiohttp.ClientSession() as session:
        client = slack_client(settings, session)
        app = bare_app(client, settings.slack_signing_secret.get_secret_value(), blocks)

        async def slack_events(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

        async def health(request: web.Request) -> web.Response:
            return web.Response()

        site = web.Application()
        site.router.add_post("/slack/events", slack_events)
        site.router.add_get("/health", health)
        runner = web.AppRunner(site, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port).start()
        socket = AsyncSocketModeHandler(app, settings.slack_app_token.get_secret_value())
        if "--http" not in sys.argv:
            await socket.connect_async()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(load_settings(), json.loads(Path(os.environ["BLOCKS"]).read_text(encoding="utf-8"))))
