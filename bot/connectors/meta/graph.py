"""Requests to Meta's Graph API as one of our accounts, and the verdicts on its answers.

https://developers.facebook.com/docs/graph-api/overview
https://developers.facebook.com/docs/graph-api/guides/error-handling
https://developers.facebook.com/docs/graph-api/overview/rate-limiting

Quirks:
- Too many requests are refused with a code in a 400 or 403, not with a 429. Headers say how much of the limit is used,
  in percent, and how many minutes we must wait.
- No request can be repeated safely: there is no key that Graph recognises.
- It gives the same answer for a removed object and for one that we may not see.
- A version that no longer exists is answered by an older or newer one; a header says which one answered.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

from bot.connectors import http
from bot.connectors.base import Account, OutcomeUnknown, RateLimited, Rejected, Usage, UsedUp
from bot.connectors.json_api import Json, JsonApi, within
from bot.connectors.platform import Option, OptionKind, Tools
from bot.domain.payload import UNSTORABLE
from bot.domain.text import Text
from bot.steady_clock import steady_now

SERVER, VERSION = "https://graph.facebook.com", "v26.0"
TOKEN_ENDED = frozenset({102, 190})
TOO_OFTEN = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
PASSING = frozenset({1, 2, 1200})
"""Faults of Graph itself, 1200 of its messages: the request may have been carried out.
https://developers.facebook.com/docs/messenger-platform/error-codes"""
NO_RIGHT = frozenset({3, 10, *range(200, 300)})
DONE_BEFORE = 10900
"""A post is answered privately once: https://developers.facebook.com/docs/graph-api/reference/page/messages"""
NOT_THERE = frozenset({(100, 33), (803, None)})
"""Code and subcode of an object that is not there, or not visible to us."""
FULL = 90
"""Percentage of a limit from which on we stop reading for a while, so that answers can still be sent."""
REST = timedelta(minutes=5)
"""How long we wait when Graph does not say how long; the limits are per hour."""
CODES = ("code", "error_subcode")
COUNTS = ("call_count", "total_time", "total_cputime")
USAGE = ("X-App-Usage", "X-Page-Usage", "X-Business-Use-Case-Usage")

VERSION_OPTION = Option("version", help=f"Version of the Graph API; {VERSION} when left out.")
URL_OPTION = Option("url", kind=OptionKind.SERVER, default=SERVER, help=f"Its address; {SERVER} when left out.")


class NotThere(Rejected):
    """The object is removed, or we may not see it: Graph does not say which."""

    def __init__(self, host: str) -> None:
        super().__init__("{host} no longer shows the post.", host=host)


class NotAllowed(Rejected):
    """We lack a right, or have it only for other objects."""


class Graph(JsonApi):
    """The requests of one account. Secrets: `token`, `app_secret`. Options: `version`. Each may raise a verdict."""

    at, newest = SERVER, VERSION
    """The default address and version."""
    too_often = TOO_OFTEN
    """The codes for too many requests; a platform may have more of them."""
    refusals: ClassVar[Mapping[tuple[int, int | None], Text]] = {}
    """Our words for refusals that agents can do something about, by code and subcode; None means any subcode."""

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(tools.http, account.url or self.at, {})
        self.now = tools.now
        self.version = version_of(account, self.newest)
        self.answered_by = ""
        """The version that answered last."""
        self.rests_until: datetime | None = None
        """When to ask again, if a limit is nearly reached."""
        self._percent: int | None = None
        self._known_to_rest_until = account.rests_until
        self._token = account.secrets.get("token", "")
        self._app_secret = account.secrets.get("app_secret", "")

    # --- requests --------------------------------------------------------------------------------

    async def get(self, path: str, **params: Any) -> Json:
        """Ask something; returns the object in the answer."""
        return self.object(await self.call("GET", path, params=params))

    async def get_list(self, path: str, **params: Any) -> Json:
        """Ask for a list; an answer without one is no empty list."""
        answer = await self.get(path, **params)
        if not isinstance(answer.get("data"), list):
            raise self.unreadable()
        return answer

    async def post(self, path: str, body: Json) -> Json:
        """Send a command; returns the object in the answer."""
        return self.object(await self.call("POST", path, json=body))

    async def delete(self, path: str) -> Json:
        """Remove something; returns the object in the answer."""
        return self.object(await self.call("DELETE", path))

    def object(self, response: httpx.Response) -> Json:
        """Return the object in a good answer; Graph answers 200 too when it did not do what we asked."""
        value = super().object(response)
        if value.get("success") is False:
            raise Rejected("{host} refuses this (HTTP {status}).", host=self.host, status=response.status_code)
        return value

    async def get_as_app(self, app_id: str, path: str, **params: Any) -> Json:
        """Ask something as the app itself."""
        return self.object(await self.call("GET", path, token=f"{app_id}|{self._app_secret}", params=params))

    async def debug_token(self, app_id: str) -> Json:
        """Return what Graph knows about our token: https://developers.facebook.com/docs/graph-api/reference/debug_token"""
        answer = await self.get_as_app(app_id, "debug_token", input_token=self._token)
        return answer["data"] if isinstance(answer.get("data"), dict) else {}

    async def call(self, method: str, path: str, *, token: str = "", **kwargs: Any) -> httpx.Response:
        """Send one request and return the answer; stores what it says about the limits.

        The app's secret proves that the token is used by its own app:
        https://developers.facebook.com/docs/graph-api/guides/secure-requests
        """
        used = token or self._token
        headers = {"Authorization": f"Bearer {used}"}
        params = {**kwargs.pop("params", {}), **self._proof(used)}
        response = await super().call(
            method, f"/{self.version}/{quote(path)}", headers=headers, params=params, **kwargs
        )
        self.answered_by = response.headers.get("facebook-api-version", "")
        self.rests_until = _rest(response, self.now()) or self.rests_until
        if (percent := _percent(response)) is not None:
            self._percent = percent
        return response

    @property
    def usage(self) -> Usage:
        """How much of the fullest limit is used, by the last answer that said so."""
        return Usage(self._percent, self.rests_until)

    @property
    def has_room(self) -> bool:
        """Whether requests that can be skipped may be sent: no limit is nearly reached, as far as we know."""
        rests = self.rests_until or self._known_to_rest_until
        return rests is None or rests <= self.now()

    def _proof(self, token: str) -> Json:
        return {"appsecret_proof": signature(self._app_secret, token.encode())} if self._app_secret else {}

    # --- verdicts --------------------------------------------------------------------------------

    def reason_of(self, response: httpx.Response) -> str:
        """Return why Graph refuses, in its words for people if there are any; a quoted token of ours is left out."""
        error = error_of(response)
        reason = str(error.get("error_user_msg") or error.get("message") or "")
        return reason.replace(self._token, "…") if self._token else reason

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether a refusal means that our token no longer works; a refusal about rights does not."""
        code = error_of(response).get("code")
        return response.status_code == 401 if code is None else code in TOKEN_ENDED

    def retry_at(self, response: httpx.Response) -> datetime:
        """Return when we may try again, by the headers."""
        now = steady_now()
        waits = [http.retry_at(response)] if "Retry-After" in response.headers else []
        waits += [wait] if (wait := _rest(response, now)) else []
        return http.within_reason(max(waits, default=now + REST), now)

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer, by its code, in our words if we have them."""
        error = error_of(response)
        code: Any = error.get("code")
        subcode: Any = error.get("error_subcode")
        refusal = self.refusals.get((code, subcode)) or self.refusals.get((code, None))
        if refusal is not None:
            raise (UsedUp if code == DONE_BEFORE else Rejected)(refusal.message)
        if code in self.too_often:
            raise RateLimited(self.retry_at(response))
        if code in PASSING or error.get("is_transient") is True:
            raise OutcomeUnknown("{host} has a fault (HTTP {status}).", host=self.host, status=response.status_code)
        if (code, subcode) in NOT_THERE:
            raise NotThere(self.host)
        if code in NO_RIGHT or (response.status_code == 401 and not self.is_our_token(response)):
            raise NotAllowed("{host} says: {reason}", host=self.host, reason=self.reason_of(response)[:300])
        super().judge(response)


def version_of(account: Account, newest: str = VERSION) -> str:
    """Return the version of the API that an account uses."""
    return "v" + str(account.options.get("version") or newest).removeprefix("v")


def signature(secret: str, signed: bytes) -> str:
    """Return the HMAC-SHA256 of something with the app's secret, in hexadecimal digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def error_of(response: httpx.Response) -> Json:
    """Return the object that explains a refusal, with codes only if they are numbers; {} without an explanation."""
    if response.status_code < 400:
        return {}
    error = http.object_in(response).get("error")
    if not isinstance(error, dict):
        return {}
    return {name: value for name, value in error.items() if name not in CODES or isinstance(value, int)}


def words(value: Any) -> str:
    """Return text that any database can store; "" for anything that is not text."""
    return UNSTORABLE.sub("", value) if isinstance(value, str) else ""


def listed(answer: Any) -> list[Json]:
    """Return the objects of a list, which may be in another object: `{"data": […], "paging": …}`."""
    data = within(answer, "data")
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def after(answer: Any) -> str:
    """Return the cursor of the next page of a list; "" when this is the last one.

    https://developers.facebook.com/docs/graph-api/results
    """
    cursor = within(answer, "paging", "cursors", "after")
    return cursor if isinstance(cursor, str) and within(answer, "paging", "next") else ""


def _rest(response: httpx.Response, now: datetime) -> datetime | None:
    """Return until when to rest, by the headers about limits; None when there is room."""
    minutes = max((_number(each, "estimated_time_to_regain_access") for each in _all_usages(response)), default=0)
    if minutes <= 0 and (_percent(response) or 0) < FULL:
        return None
    return http.within_reason(now + max(timedelta(minutes=min(minutes, 1440)), REST), now)


def _percent(response: httpx.Response) -> int | None:
    """Return how much of the fullest limit is used, at most 100; None when the headers do not say."""
    percentages = [_number(each, name) for each in _all_usages(response) for name in COUNTS if name in each]
    return int(max(0, min(max(percentages), 100))) if percentages else None


def _all_usages(response: httpx.Response) -> list[Json]:
    return [each for name in USAGE for each in _usages(response.headers.get(name, ""))]


def _usages(header: str) -> Iterator[Json]:
    """Yield the objects in a header: one, or lists of them by the id of the limit's object."""
    try:
        read = json.loads(header)
    except (ValueError, RecursionError):
        return
    if isinstance(read, dict):
        yield read
        for each in read.values():
            yield from (inner for inner in each if isinstance(inner, dict)) if isinstance(each, list) else ()


def _number(usage: Json, name: str) -> float:
    value = usage.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # the last test is for NaN
        return 0
    return value
