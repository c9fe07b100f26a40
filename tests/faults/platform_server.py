"""What the two platforms of the schedules share: a server whose answers go wrong, and what was published there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from tests.fakes.server import FakeServer
from tests.faults.trouble import Trouble

Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Published:
    """A reply of ours that citizens can read."""

    id: str
    key: str
    to: str
    text: str
    private: bool
    at: datetime


class PlatformServer(FakeServer):
    """A platform: its citizens' posts, our replies, and its trouble."""

    def __init__(self, trouble: Trouble, now: Clock) -> None:
        super().__init__()
        self.trouble, self.now = trouble, now
        self.published: list[Published] = []
        self.refused: list[str] = []

    def answering(self, does: Callable[[Json], Json], *, read_only: bool = False) -> Handler:
        """Return the handler that does what is asked, and answers, unless something is wrong."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answered(request, does, read_only)

        return handle

    async def _answered(self, request: web.Request, does: Callable[[Json], Json], read_only: bool) -> web.Response:
        body: Json = dict(request.query) if request.method == "GET" else await request.json()
        kind, number = self.trouble.take()
        match kind:
            case "limit":
                return web.json_response({}, status=429, headers={"Retry-After": str(int(number))})
            case "fault":
                return web.json_response({}, status=int(number))
            case "before":
                return self._cut(request)
            case "after":
                does(body)
                return self._cut(request)
            case "refused" if not read_only:
                self.refused.append(str(body))
                return web.json_response({"error": "no thanks"}, status=403)
            case "slow":
                answer = does(body)
                await asyncio.sleep(number)
                return web.json_response(answer)
        return web.json_response(does(body))

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def publish(self, key: str, to: str, text: str, private: bool) -> Published:
        made = Published(f"r{len(self.published) + 1}", key, to, text, private, self.now())
        self.published.append(made)
        return made
