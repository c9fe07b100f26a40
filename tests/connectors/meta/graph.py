"""What a fake of any platform of Meta needs: the Graph API's way of signing, refusing, counting and pushing.

A fake subclasses `FakeGraph` and gives answers in `answer`. Errors have the codes of
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.connectors.base import Request
from tests.connectors.meta.parameters import Violation, fields_in, hold
from tests.fakes.consents import BadCode, Consents
from tests.fakes.server import FakeServer

Json = dict[str, Any]

PERSON = "EAAGofAPersonForSixtyDays"
TOKEN, APP_ID, APP_SECRET, VERIFY = "EAAGpageToken", "1234567890", "0123456789abcdef0123456789abcdef", "hub-token"
SECRETS = {"token": TOKEN, "app_secret": APP_SECRET, "verify_token": VERIFY}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, message: str, *, subcode: int | None = None, status: int = 400, **more: Any) -> None:
        self.error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "AbC", **more}
        self.error |= {"error_subcode": subcode} if subcode is not None else {}
        self.status = status


def not_there(ident: str) -> Refused:
    """Return what Graph says of an object that is removed, or that we may not see."""
    words = (
        f"Unsupported get request. Object with ID '{ident}' does not exist, cannot be loaded due to missing permissions"
    )
    return Refused(100, words, subcode=33)


class FakeGraph(FakeServer):
    """One app with one account of ours. `usage` are headers about the limits that every answer has.

    `known` is what it tells of our token, `apps` the apps that get what happens to an object. Somebody who signs in is
    let into `pages`.
    """

    version = "v26.0"

    def __init__(self) -> None:
        super().__init__()
        self.token = TOKEN
        self.usage: dict[str, str] = {}
        self.known: Json = {"app_id": APP_ID, "type": "PAGE", "is_valid": True, "expires_at": 0, "scopes": []}
        self.apps: dict[str, list[Json]] = {}
        self.bodies: list[Json] = []
        self.consents = Consents(APP_ID, APP_SECRET)
        self.pages: list[Json] = []

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.route("*", "/{version}/{path:.*}", self._handle)

    def answer(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        """Return the answer to a request, or raise Refused."""
        raise Refused(100, "Unsupported request", subcode=33)

    async def _handle(self, request: web.Request) -> web.Response:
        headers = {"facebook-api-version": self.version, **self.usage}
        try:
            params = dict(request.query)
            if request.match_info["path"] == "oauth/access_token":
                return web.json_response(self._token(request, params))
            body = await _body_of(request) if request.can_read_body else {}
            path = request.match_info["path"].split("/")
            self._authorise(request, params, {PERSON} if path == ["me", "accounts"] else {self.token})
            self.bodies.append(body)
            return web.json_response(self._common(request.method, path, params, body), headers=headers)
        except Refused as refused:
            return web.json_response({"error": refused.error}, status=refused.status, headers=headers)

    def _token(self, request: web.Request, given: Json) -> Json:
        """Change a code for a token of an hour, or that for one of sixty days."""
        app = {"client_id", "client_secret"}
        if request.method != "GET" or request.headers.get("Authorization"):
            self.violations.append("oauth/access_token")
        if set(given) == {*app, "redirect_uri", "code"}:
            try:
                self.consents.take(given)
            except BadCode:
                raise Refused(100, "This authorization code has been used.", subcode=36009) from None
            return {"access_token": f"{PERSON}:short", "token_type": "bearer", "expires_in": 3600}
        if set(given) == {*app, "grant_type", "fb_exchange_token"} and given["fb_exchange_token"] == f"{PERSON}:short":
            return {"access_token": PERSON, "token_type": "bearer", "expires_in": 5_184_000}
        raise Refused(101, "Missing client_id parameter.")

    def _authorise(self, request: web.Request, params: Json, tokens: set[str]) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in {*tokens, f"{APP_ID}|{APP_SECRET}"}:
            raise Refused(190, f"Malformed access token {token}", subcode=463, status=401)
        if (
            params.pop("appsecret_proof", "")
            != hmac.new(APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        ):
            raise Refused(100, "Invalid appsecret_proof provided in the API argument")

    def _common(self, method: str, path: list[str], params: Json, body: Json) -> Any:
        if path == ["me", "accounts"]:
            try:
                hold("GET", "user", "accounts", params, gives="page")
            except Violation as violation:
                self.violations.append(str(violation))
            return page([only(each, params) for each in self.pages], params)
        if path == ["debug_token"]:
            return {"data": self.known}
        if path[1:] == ["subscribed_apps"]:
            return self._subscribed(method, path[0], body)
        return self.answer(method, path, params, body)

    def _subscribed(self, method: str, ident: str, body: Json) -> Json:
        if method == "GET":
            return {"data": self.apps.get(ident, [])}
        others = [each for each in self.apps.get(ident, []) if each["id"] != APP_ID]
        ours = {"id": APP_ID, "name": "Webcare", "subscribed_fields": body.get("subscribed_fields", [])}
        self.apps[ident] = [*others, ours]
        return {"success": True}


async def _body_of(request: web.Request) -> Any:
    """Return what was posted: JSON, or a form, whose files are in Base64."""
    if request.content_type != "multipart/form-data":
        return await request.json()
    form = await request.post()
    read = {name: value.file.read() for name, value in form.items() if isinstance(value, web.FileField)}
    return {**form, **{name: base64.b64encode(content).decode() for name, content in read.items()}}


def pushed(body: Any, *, secret: str = APP_SECRET) -> Request:
    """Return a request with which Meta sends something, signed; text outside ASCII is escaped, as Meta does it."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return Request("POST", {"x-hub-signature-256": f"sha256={digest}"}, {}, raw)


def question(token: str = VERIFY, challenge: str = "1158201444") -> Request:
    """Return the request with which Meta asks whether an address is ours."""
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
    return Request("GET", {}, query, b"")


def only(found: Json, given: Json) -> Json:
    """Return the fields that are asked for."""
    names = {name for name, _, _ in fields_in(given["fields"])}
    return {name: value for name, value in found.items() if name in names}


def page(found: list[Json], asked: Json) -> Json:
    """Return a part of a list, and where it goes on."""
    if not (after := str(asked.get("after", 0))).isdecimal():
        raise Refused(100, "Invalid cursors values")
    start, limit = int(after), int(asked.get("limit", 25))
    part, end = found[start : start + limit], start + limit
    if end >= len(found):
        return {"data": part, "paging": {"cursors": {"before": str(start), "after": str(end)}}}
    cursors = {"before": str(start), "after": str(end)}
    return {"data": part, "paging": {"cursors": cursors, "next": "https://graph.facebook.com/next"}}


def iso(moment: datetime) -> str:
    """Return a moment as Graph writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
