"""A page of the local Slack, connected to its web socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bot.sandbox.slack.server import LocalSlack


class Tab:
    """One open page: it receives and sends frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, kind: str) -> Any:
        """Return the next frame of a kind, and ignore others."""
        while True:
            frame = await self.socket.receive_json(timeout=60)
            if frame["type"] == kind:
                return frame

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)


@asynccontextmanager
async def open_page(slack: LocalSlack, person: str = "U0SANNE") -> AsyncIterator[tuple[Tab, Any]]:
    address = f"{slack.base_url}/page/socket?person={person}"
    async with aiohttp.ClientSession() as http, http.ws_connect(address) as socket:
        tab = Tab(socket)
        yield tab, await tab.next("hello")
