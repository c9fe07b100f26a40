"""The whole local Slack on one loopback port: Web API, Socket Mode, and the page's socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.slack import app_answers, files
from bot.sandbox.slack.delivery import SignedHttp, SocketMode
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.inspection import Inspection
from bot.sandbox.slack.page import INDEX, Beside, Page
from bot.sandbox.slack.person_actions import PersonActions
from bot.sandbox.slack.web_api import WebApi
from bot.sandbox.slack.workspace import Change, Workspace

Json = dict[str, Any]
OF_OURS = frozenset({"same-origin", "none"})
"""The header values of a browser for requests from our page, or from the address bar."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_BODY = 20 * 1024 * 1024
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


class LocalSlack(PersonActions, Inspection):
    """A Slack workspace with one installed app, served on loopback between start and stop.

    request_url   deliver by signed HTTP to this address; without it by Socket Mode
    beside        what the page shows beside Slack
    index         the HTML of the page; without `beside` that of Slack alone
    """

    def __init__(
        self, workspace: Workspace, *, request_url: str = "", beside: Beside | None = None, index: Path = INDEX
    ) -> None:
        self.workspace: Workspace = workspace
        self.app = self.workspace.app
        self.rules = self.workspace.rules
        self.faults = Faults()
        self.api = WebApi(self.workspace, self.faults)
        self.socket_mode = SocketMode(self.workspace)
        self.delivery = SignedHttp(self.workspace, request_url) if request_url else self.socket_mode
        self.page = Page(self, beside or {}, index)
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
        self.workspace.listen(self._on_change)
        return self

    async def stop(self) -> None:
        """Stop serving and close every connection."""
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
        """Deliver by signed HTTP to this address from now on."""
        if isinstance(self.delivery, SignedHttp):
            self.delivery.request_url = request_url
        else:
            self.delivery = SignedHttp(self.workspace, request_url)

    async def withdraw_app_token(self) -> None:
        """Revoke the app-level token: Slack closes its connections and gives no new ones."""
        self.app.revoked[self.app.app_token] = "invalid_auth"
        await self.socket_mode.close()

    def _on_change(self, change: Change) -> None:
        if change.kind == "event":
            self.in_background(self.emit(change.event))

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of Slack and its page."""
        return [
            web.post("/api/{method}", self.api.handle),
            web.get("/api/{method}", self.api.handle),
            web.get("/socket", self.socket_mode.handle),
            web.post("/response/{key}", self._respond),
            web.post("/upload/{id}", self._upload),
            web.get("/files-pri/{team}-{id}", self._private_file),
            web.get("/files-pri/{team}-{id}/download", self._private_file),
            *self.page.routes(),
        ]

    def _web_app(self) -> web.Application:
        app = web.Application(middlewares=[_only_this_machine], client_max_size=MAX_BODY)
        app.add_routes(self.routes())
        app.on_response_prepare.append(_add_security_headers)
        return app

    async def _respond(self, request: web.Request) -> web.Response:
        return await app_answers.handle_response(self.workspace, request)

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

    async def _private_file(self, request: web.Request) -> web.Response:
        """Give the app a file; a request without a token with files:read goes to the login page, as with Slack."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if token != self.app.bot_token or token in self.app.revoked or "files:read" not in self.app.scopes:
            raise web.HTTPFound(f"{self.base_url}/?redir={request.path}")
        stored = self.workspace.files.get(request.match_info["id"])
        if stored is None or not stored.uploaded:
            raise web.HTTPNotFound
        return web.Response(body=stored.content, content_type=files.describe(self.workspace, stored)["mimetype"])


@web.middleware
async def _only_this_machine(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse other hosts and origins, so that no other page can act here through the browser, with any method.

    A page elsewhere can reach us by its own name that resolves to this machine (its Host is refused), or by our address
    (its Origin is refused). A browser sends no Origin with a plain GET, as for an image, but says whether the page is
    ours (https://www.w3.org/TR/fetch-metadata/). Only the page itself may be opened by a link on another page.
    """
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        raise web.HTTPForbidden(text="not this machine")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="not this origin")
    from_elsewhere = request.headers.get("Sec-Fetch-Site", "none") not in OF_OURS
    if from_elsewhere and (request.path != "/" or request.headers.get("Sec-Fetch-Mode") != "navigate"):
        raise web.HTTPForbidden(text="not this site")
    return await handler(request)


async def _add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY)
