"""What monitors ask: `/healthz`, `/readyz`, `/health` and `/metrics`; and the id of each request in the log.

The first two say nothing about us, and answer anyone. The other two name our accounts, and answer who has
METRICS_TOKEN; without that setting only who asks on this machine, and not through a proxy: a proxy that publishes this
address would publish them.
"""

import hmac
import json
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CONTENT_TYPE_LATEST

from bot.desk import Desk
from bot.logs import following, id_in, trace
from bot.watch import metrics, readiness
from bot.watch.health import health
from bot.watch.readiness import NO_DATABASE, READY
from bot.watch.recent import Recent
from bot.watch.stored import Stored

log = structlog.get_logger()

FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})
"""Headers that a proxy adds (https://www.rfc-editor.org/rfc/rfc7239)."""
LIVES = "webcare lives\n"
ONLY_HERE = "Without METRICS_TOKEN this answers only on the machine where the bot runs, and not through a proxy."
WITH_BEARER = "This needs the header `Authorization: Bearer …` with METRICS_TOKEN."


class Watch:
    """Answers monitors of one process. `why_not` is why it takes no work now, as while it starts or stops.

    Many who ask at once cost the database no more than one: what waits in it is asked at most every 5 seconds.
    """

    def __init__(self, desk: Desk, *, why_not: str = READY, patience: float = 2) -> None:
        self._desk, self.why_not, stored = desk, why_not, Stored()
        self._waiting = Recent(
            lambda: metrics.waiting(desk, stored), desk.now, keeps=timedelta(seconds=5), patience=patience
        )
        self._database = Recent(
            lambda: readiness.of_database(desk), desk.now, keeps=timedelta(seconds=1), patience=patience
        )
        self._found = Recent(lambda: health(desk), desk.now, keeps=timedelta(), patience=patience)

    def add_routes(self, app: web.Application) -> None:
        """Add the routes to the web application."""
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._metrics)
        app.on_cleanup.append(self._close)

    async def _close(self, _: web.Application) -> None:
        await self._waiting.close()
        await self._database.close()
        await self._found.close()

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text=LIVES)

    async def _ready(self, _: web.Request) -> web.Response:
        why = self.why_not or await self._not_ready()
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)

    async def _not_ready(self) -> str:
        of_database = await self._database.get()
        if of_database is None:
            return NO_DATABASE
        return of_database or readiness.of_disk(self._desk) or await readiness.of_slack(self._desk)

    async def _health(self, request: web.Request) -> web.Response:
        self._refuse_strangers(request)
        found = await self._found.get()
        body = json.dumps(found or {"database": "down"}, ensure_ascii=False)
        return web.Response(text=body, status=200 if found else 503, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.Response:
        self._refuse_strangers(request)
        body = await metrics.text_of(self._desk, await self._waiting.get())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _refuse_strangers(self, request: web.Request) -> None:
        """Raise 401 or 403, unless this request may know what our accounts are."""
        token = self._desk.settings.metrics_token.get_secret_value()
        if not token:
            if not _is_from_here(request):
                raise web.HTTPForbidden(text=f"{ONLY_HERE}\n")
            return
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise web.HTTPUnauthorized(text=f"{WITH_BEARER}\n", headers={"WWW-Authenticate": "Bearer"})


@web.middleware
async def followed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give a request an id, which all its log lines and its answer have; a fault is logged without contents.

    Who asks may give the id (X-Request-Id or traceparent), and finds by it which cases its mentions became.
    """
    with following(id_in(request.headers)) as ident:
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            answer.headers["X-Request-Id"] = ident
            raise
        except Exception as error:
            known = trace(error)
            log.error("a request failed", **known)
            words = {"error": "Something went wrong on our side.", "reference": known["reference"]}
            response = web.json_response(words, status=500)
        response.headers["X-Request-Id"] = ident
        return response


def _is_from_here(request: web.Request) -> bool:
    """Tell whether a program on this machine asks, by an address of this machine and not for somebody else.

    The Host header is looked at too: a proxy or a web page may pass a request on without saying so.
    """
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer or FORWARDED & {name.lower() for name in request.headers}:
        return False
    try:
        host = urlsplit(f"//{request.host}").hostname
    except ValueError:
        return False
    return is_loopback(str(peer[0])) and (host == "localhost" or is_loopback(host or ""))


def is_loopback(address: str) -> bool:
    """Tell whether this is an IP address of this machine itself."""
    try:
        known = ip_address(address)
    except ValueError:  # a name
        return False
    mapped = known.ipv4_mapped if isinstance(known, IPv6Address) else None
    return (mapped or known).is_loopback
