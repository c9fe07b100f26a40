"""A server with Mastodon's API that is no Mastodon, as snac: it ignores Idempotency-Key and answers in HTML.

It stands before a Mastodon server and changes what snac does otherwise, as its source says (mastoapi.c).
"""

import json
from typing import Any

from aiohttp import web

from tests.fakes.between import NOT_PASSED_ON, Between

VERSION = "4.0.0 (not true; really snac/2.68)"
UNKNOWN = frozenset({"/api/v2/instance", "/api/v2/notifications/policy"})


class Snac(Between):
    """Passes requests on to a Mastodon server; use as a context manager.

    `loses`: the answers to so many requests to publish are lost, although they were carried out.
    """

    not_passed_on = NOT_PASSED_ON | {"idempotency-key"}
    loses = 0
    is_slow = False
    """Requests to publish are answered as failed at once, and carried out by `arrive`."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._late: list[tuple[web.Request, bytes]] = []

    async def arrive(self) -> None:
        """Carry out the requests to publish that came while it was slow."""
        while self._late:
            await super()._pass_on(*self._late.pop(0))

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        if request.path in UNKNOWN or (request.method, request.path) == ("GET", "/api/v1/statuses"):
            return _nothing()
        publishes = (request.method, request.path) == ("POST", "/api/v1/statuses")
        if publishes and self.is_slow:
            self._late.append((request, body))
            return web.Response(status=504)
        answer = await super()._pass_on(request, body)
        if publishes and self.loses:
            self.loses -= 1
            return web.Response(status=504)
        if answer.status == 404:
            return _nothing()
        if request.path == "/api/v1/instance":
            return web.json_response({**_json(answer), "version": VERSION})
        if request.path.startswith("/api/v1/accounts/") and request.path.endswith("/statuses"):
            return web.json_response([each for each in _json(answer) if each["visibility"] == "public"])
        return answer


def _nothing() -> web.Response:
    return web.Response(status=404, text="<h1>404 Not Found</h1>", content_type="text/html")


def _json(answer: web.Response) -> Any:
    return json.loads(bytes(answer.body))  # type: ignore[arg-type]
