"""A server on loopback between the bot and another server: it passes requests on, tells which, and can hold one up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

from aiohttp import ClientSession, web
from yarl import URL

NOT_PASSED_ON = frozenset({"host", "content-length", "transfer-encoding", "connection"})

ANY = "*"
Caught = Callable[[], Awaitable[None]]


@dataclass
class _Held:
    method: str
    path: str
    passed_on: bool
    skip: int
    cuts: bool = False
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def is_for(self, request: web.Request) -> bool:
        return self.method in {ANY, request.method} and fnmatchcase(request.path, self.path)

    async def come(self) -> None:
        async with asyncio.timeout(60):
            await self.caught.wait()


class Between:
    """Passes all requests on to `target`, from start to end of the block; `requests` are their methods and paths."""

    not_passed_on = NOT_PASSED_ON
    """The headers that the other server does not get."""

    def __init__(self, target: str) -> None:
        self.target, self.url = target, ""
        self.requests: list[tuple[str, str]] = []
        self._waiting: list[_Held] = []

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=20 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._client = ClientSession(auto_decompress=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        await self._runner.cleanup()

    @asynccontextmanager
    async def holding(self, method: str, path: str, *, passed_on: bool, skip: int = 0) -> AsyncIterator[Caught]:
        """Hold up the next request of this method and path until the end of the block; gives what waits for it to come.

        Either may be ANY, and a path may have a * for any part; `skip`: so many of them pass before it.

        `passed_on`: the other server carries it out, and only its answer is held up; it comes after the block.
        Otherwise the other server never hears of it, and the connection is cut after the block.
        """
        held = _Held(method, path, passed_on, skip)
        self._waiting.append(held)
        try:
            yield held.come
        finally:
            held.let_go.set()
            if held in self._waiting:
                self._waiting.remove(held)  # it never came

    @asynccontextmanager
    async def cutting(self, method: str, path: str, *, passed_on: bool, skip: int = 0) -> AsyncIterator[None]:
        """Cut the connection of the next request of this method and path, before or after it was carried out.

        The block fails if none comes. So no test has to wait until its client loses patience.
        """
        held = _Held(method, path, passed_on, skip, cuts=True)
        self._waiting.append(held)
        try:
            yield
            await held.come()
        finally:
            if held in self._waiting:
                self._waiting.remove(held)

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        body = await request.read()
        held = next((h for h in self._waiting if h.is_for(request)), None)
        if held is not None and held.skip > 0:
            held.skip -= 1
            held = None
        if held is None:
            return await self._pass_on(request, body)
        self._waiting.remove(held)
        answer = await self._pass_on(request, body) if held.passed_on else None
        held.caught.set()
        if held.cuts:
            return _cut(request)
        await held.let_go.wait()
        return answer or _cut(request)

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        url = URL(self.target + request.rel_url.raw_path_qs, encoded=True)  # a proxy is asked for a whole address
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in self.not_passed_on]
        async with self._client.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            told = [(n, v) for n, v in answer.headers.items() if n.lower() not in NOT_PASSED_ON]
            return web.Response(status=answer.status, headers=told, body=await answer.read())


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
