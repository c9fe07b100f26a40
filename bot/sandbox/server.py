"""The whole local Slack on one loopback port: Web API, Socket Mode, page and square."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox import answers
from bot.sandbox.acting import Acting
from bot.sandbox.app import App
from bot.sandbox.delivery import SignedHttp, SocketMode
from bot.sandbox.faults import Faults
from bot.sandbox.looking import Looking
from bot.sandbox.page import Page
from bot.sandbox.rules import Rules
from bot.sandbox.square import SANDBOX_SECRET, Square
from bot.sandbox.web_api import WebApi
from bot.sandbox.workspace import Change, Workspace, voorbeeld

Json = dict[str, Any]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_BODY = 20 * 1024 * 1024
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class LocalSlack(Acting, Looking):
    """A Slack workspace with one installed app, served on loopback between start and stop.

    manifest      the app's manifest: commands, shortcuts, scopes, events
    rules, now    the limits in force, and the clock they and the timestamps go by (seconds)
    speed         how much faster than the world's that clock goes, for the page to show
    request_url   deliver by signed HTTP to this address; without it by Socket Mode
    square_url    where the bot takes in posts of the citizens' square; they wait while it is ""
    """

    def __init__(
        self,
        manifest: Json,
        *,
        rules: Rules | None = None,
        now: Callable[[], float] = time.time,
        speed: float = 1.0,
        request_url: str = "",
        square_url: str = "",
        square_secret: str = SANDBOX_SECRET,
    ) -> None:
        self.workspace: Workspace = voorbeeld(App(manifest), rules, now, speed)
        self.app = self.workspace.app
        self.rules = self.workspace.rules
        self.faults = Faults()
        self.api = WebApi(self.workspace, self.faults)
        self.socket_mode = SocketMode(self.workspace)
        self.delivery = SignedHttp(self.workspace, request_url) if request_url else self.socket_mode
        self.square = Square(self.workspace, self.faults, square_url, square_secret)
        self.page = Page(self, self.square)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """Where it is served, such as http://127.0.0.1:8100."""
        return self.workspace.base_url

    @property
    def api_url(self) -> str:
        """The base URL of the Web API, with its closing slash."""
        return f"{self.base_url}/api/"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Serve on a loopback host; port 0 takes a free one."""
        if host not in LOOPBACK:
            raise ValueError(f"{host} is not this machine")
        self._runner = web.AppRunner(self._web_app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        taken = self._runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self.workspace.base_url = f"http://{shown}:{taken}"
        self.workspace.listen(self._hear)
        self.in_background(self.square.deliver())
        return self

    async def stop(self) -> None:
        """Stop serving and let go of everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.page.close()
        await self.socket_mode.close()
        await self.delivery.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def deliver_to(self, request_url: str) -> None:
        """From now on deliver by signed HTTP to this address."""
        if isinstance(self.delivery, SignedHttp):
            self.delivery.request_url = request_url
        else:
            self.delivery = SignedHttp(self.workspace, request_url)

    def _hear(self, change: Change) -> None:
        if change.kind == "event":
            self.in_background(self.emit(change.event))

    def _web_app(self) -> web.Application:
        app = web.Application(middlewares=[_only_this_machine], client_max_size=MOST_BODY)
        app.add_routes(
            [
                web.post("/api/{method}", self.api.handle),
                web.get("/api/{method}", self.api.handle),
                web.get("/socket", self.socket_mode.handle),
                web.post("/response/{key}", self._respond),
                web.post("/upload/{id}", self._upload),
                *self.page.routes(),
                *self.square.routes(),
            ]
        )
        app.on_response_prepare.append(_add_security_headers)
        return app

    async def _respond(self, request: web.Request) -> web.Response:
        return await answers.handle_response(self.workspace, request)

    async def _upload(self, request: web.Request) -> web.Response:
        stored = self.workspace.files.get(request.match_info["id"])
        if stored is None or stored.uploaded:
            raise web.HTTPNotFound
        if request.content_type == "multipart/form-data":
            fields = await request.post()
            sent = next((value for value in fields.values() if isinstance(value, web.FileField)), None)
            stored.content = sent.file.read() if sent else b""
        else:
            stored.content = await request.read()
        if len(stored.content) != stored.size:
            raise web.HTTPBadRequest(text="length mismatch")
        stored.uploaded = True
        return web.Response(text=f"OK - {stored.size}")


@web.middleware
async def _only_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse other hosts and origins: a page elsewhere must not act here through the browser."""
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        raise web.HTTPForbidden(text="not this machine")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="not this origin")
    return await handler(request)


async def _add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY)
