"""Requests to one Mastodon server for one account: lists after an id, statuses by id, and verdicts on answers.

https://docs.joinmastodon.org/api/ and https://docs.joinmastodon.org/api/rate-limits/
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from bot.connectors import http
from bot.connectors.base import Account, Rejected, TooLarge, Unauthorized, Unavailable, Usage
from bot.connectors.json_api import Json, JsonApi, time_of, within
from bot.connectors.platform import Tools
from bot.domain.image import JPEG, PNG
from bot.domain.mention import Gone
from bot.steady_clock import steady_now

MAX_CHARACTERS = 500
"""Unless the server says otherwise: https://docs.joinmastodon.org/entities/Instance/#max_characters"""
OUR_KINDS = (JPEG, PNG)
URL_CHARACTERS = 23
"""https://docs.joinmastodon.org/entities/Instance/#characters_reserved_per_url"""
FULL = 20
"""The size of a full page. A shorter page is the last one: every known server fills a page while it has more."""
AT_ONCE = 20
"""How many posts one request may name (DEFAULT_STATUSES_LIMIT in Mastodon's api/base_controller.rb)."""
RESERVE = 20
"""Requests that we reserve for replies when the rate limit is near (300 per 5 minutes)."""
PARTS = 4
"""In how many parts a page is read that is too large for us."""
PAGES_BETWEEN = 50
"""How many pages to read for posts that a server skipped."""

Found = Json | Gone | None
"""The result for a status: itself, why it is gone, or None if it could not be read this time."""

log = structlog.get_logger()


class MastodonServer(JsonApi):
    """The requests of the connector; each may raise a verdict."""

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._now = tools.now
        self._token = account.secrets.get("token", "")
        super().__init__(tools.http, account.url, {"Authorization": f"Bearer {self._token}"} if self._token else {})
        self._read_only = bool(account.options.get("read_only")) or not self._token
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """How much of the rate limit is used, as the last answer said."""
        return self._usage

    async def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send one request and return the answer; stores what it says about the rate limit."""
        response = await super().call(method, path, **kwargs)
        left, limit = _header(response, "X-RateLimit-Remaining"), _header(response, "X-RateLimit-Limit")
        if left is not None and limit:
            self._usage = Usage(max(0, 100 - 100 * left // limit))
        return response

    async def _newer(self, path: str, params: Mapping[str, Any], last: str | None) -> tuple[list[Json], bool]:
        """Return the items after `last` (None: the newest page), oldest first, and whether there may be more."""
        items, left = await self._list(path, {**params, "min_id": last} if last is not None else params)
        newer = {i["id"]: i for i in items if is_newer(i["id"], last or "")}
        full = last is not None and len(items) >= FULL and bool(newer)
        for _ in range(PAGES_BETWEEN if full else 0):
            between = {**params, "since_id": last, "max_id": min(newer, key=age)}
            items, left = await self._list(path, between)
            missed = {i["id"]: i for i in items if i["id"] not in newer and is_newer(i["id"], last or "")}
            if not missed:
                break
            newer |= missed
        return [newer[i] for i in sorted(newer, key=age)], full and left >= RESERVE

    async def _statuses(self, ids: Iterable[str], *, singly: int = AT_ONCE) -> dict[str, Found]:
        """Return the result for each of these statuses, by id; in one request if the server can (4.3).

        Statuses that are missing from that answer are read one by one, at most `singly`, and the rest is left out. A
        status that the server cannot show does not affect the others.
        """
        wanted = list(dict.fromkeys(ids))
        known: dict[str, Found] = {}
        for start in range(0, len(wanted), AT_ONCE):
            known |= await self._several(wanted[start : start + AT_ONCE])
        for one in [each for each in wanted if each not in known][:singly]:
            try:
                known[one] = await self._status(one)
            except (Unavailable, Rejected) as verdict:
                log.info("status not read", account=self._account.id, status=one, verdict=type(verdict).__name__)
                known[one] = None
        return known

    async def _several(self, ids: list[str]) -> dict[str, Json | None]:
        try:
            response = await self.call("GET", "/api/v1/statuses", params={"id[]": ids})
        except TooLarge:
            return {}
        if response.status_code in {404, 405, 422} or response.status_code >= 500:
            return {}
        self.judge(response)
        return {i["id"]: i for i in self._items(response) if i["id"] in ids}

    async def _status(self, external_id: str) -> Json | Gone:
        """Return a status, or that it is gone.

        Only Mastodon's own JSON says that it was removed. Another 404 may come from a proxy or firewall, so it counts
        only while the server itself accepts our token; it means that the post cannot be reached (snac answers so).
        """
        response = await self.call("GET", f"/api/v1/statuses/{quote(external_id, safe='')}")
        if response.status_code not in {404, 410} or not self._token:
            return self.object(response)
        if reason_of(response):
            return Gone.BY_AUTHOR
        await self._me()
        return Gone.UNREACHABLE

    async def _sees_us(self, author_id: str) -> bool:
        """Tell whether an author's account exists and does not block us; False if the server does not say.

        Mastodon also hides the posts of a blocker or a suspended account:
        https://docs.joinmastodon.org/methods/accounts/#relationships
        """
        response = await self.call("GET", "/api/v1/accounts/relationships", params={"id[]": [author_id]})
        if response.status_code >= 400:
            return False
        return any(r["id"] == author_id and not r.get("blocked_by") for r in self._items(response))

    async def _instance(self) -> Json:
        """Return the server's description of itself: in the newer form, else the older one, else {}."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            response = await self.call("GET", path)
            if 400 <= response.status_code < 500:
                continue
            return self.object(response)
        return {}

    async def _own_id(self) -> str:
        if self._account.identity:
            return self._account.identity.id
        return str((await self._me())["id"])

    async def _me(self) -> Json:
        return self._identified(await self.call("GET", "/api/v1/accounts/verify_credentials"))

    def reason_of(self, response: httpx.Response) -> str:
        """Return why Mastodon refuses, in its own words."""
        return reason_of(response)

    def retry_at(self, response: httpx.Response) -> datetime:
        """Return when a 429 lets us try again."""
        return retry_at(response)

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer; a 403 to a GET is about our token's scopes."""
        reason = reason_of(response)
        if not self._token and response.status_code in {401, 403, 422}:
            raise Rejected("{host} shows this only to those who are logged in; add an access token.", host=self.host)
        if response.status_code == 403 and response.request.method == "GET" and reason:
            raise Unauthorized("{host} says: {reason}", host=self.host, reason=reason)
        super().judge(response)

    async def _list(self, path: str, params: Mapping[str, Any]) -> tuple[list[Json], int]:
        """Return the objects of a list, and how many requests the rate limit still allows."""
        try:
            response = await self.call("GET", path, params=params)
        except TooLarge:
            if params["limit"] == 1:
                raise
            return await self._in_parts(path, params)
        left = _header(response, "X-RateLimit-Remaining")
        return self._items(response), RESERVE if left is None else left

    async def _in_parts(self, path: str, params: Mapping[str, Any]) -> tuple[list[Json], int]:
        """Return a page that is too large for us at once: on another server a post may have a megabyte of text."""
        items, left, size = list[Json](), 0, math.ceil(params["limit"] / PARTS)
        for _ in range(PARTS):
            part, left = await self._list(path, {**params, "limit": size})
            items += part
            if len(part) < size:
                break
            ids = sorted((each["id"] for each in part), key=age)
            params = {**params, **({"min_id": ids[-1]} if "min_id" in params else {"max_id": ids[0]})}
        return items, left

    def _items(self, response: httpx.Response) -> list[Json]:
        items = self.list(response)
        good = [i for i in items if isinstance(i.get("id"), str)]
        if len(good) < len(items):
            log.warning("entries without an id", account=self._account.id, count=len(items) - len(good))
        return good

    def _identified(self, response: httpx.Response) -> Json:
        value = self.object(response)
        self.id_in(value)
        return value


def age(identifier: str) -> tuple[int, str]:
    """Return the sort key of an id: https://docs.joinmastodon.org/api/guidelines/#id"""
    return len(identifier), identifier


def is_newer(one: str, other: str) -> bool:
    """Tell whether an id is newer than another; "" is older than all."""
    return age(one) > age(other)


def reason_of(response: httpx.Response) -> str:
    """Return why Mastodon refuses, in its own words: https://docs.joinmastodon.org/entities/Error/"""
    error = http.object_in(response).get("error")
    return error if isinstance(error, str) else ""


def retry_at(response: httpx.Response) -> datetime:
    """Return when a 429 lets us try again: the later of Retry-After and X-RateLimit-Reset, within a day.

    Reset is an ISO 8601 time on Mastodon and epoch seconds on some other servers. Without both headers: in a minute.
    """
    now = steady_now()
    header = response.headers.get("X-RateLimit-Reset", "").strip()
    try:
        reset = datetime.fromtimestamp(int(header), UTC) if header.isdecimal() else time_of(header)
    except (OSError, OverflowError, ValueError):
        return http.retry_at(response)
    waits = [reset, *([http.retry_at(response)] if "Retry-After" in response.headers else [])]
    return http.within_reason(max(waits), now)


def _header(response: httpx.Response, name: str) -> int | None:
    value = response.headers.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 10 else None


def limits_of(instance: Json) -> Json:
    """Return the server's limits on a post and its image; some older servers call the maximum `max_toot_chars`."""
    statuses = within(instance, "configuration", "statuses")
    most = within(statuses, "max_characters") or instance.get("max_toot_chars")
    reserved = within(statuses, "characters_reserved_per_url")
    return {
        "max_characters": most if isinstance(most, int) and most > 0 else MAX_CHARACTERS,
        "characters_reserved_per_url": reserved if isinstance(reserved, int) and reserved > 0 else URL_CHARACTERS,
        "images": images_of(instance),
    }


def images_of(instance: Json) -> Json:
    """Return the server's limits on an image; those that it does not name are Mastodon's own.

    https://docs.joinmastodon.org/entities/Instance/#media_attachments
    """
    said = within(instance, "configuration", "media_attachments") or {}
    kinds = within(said, "supported_mime_types")
    limits = {"bytes": "image_size_limit", "pixels": "image_matrix_limit", "described": "description_limit"}
    named = {ours: within(said, theirs) for ours, theirs in limits.items()}
    known = {ours: most for ours, most in named.items() if isinstance(most, int) and most > 0}
    return {**known, **({"kinds": [each for each in OUR_KINDS if each in kinds]} if isinstance(kinds, list) else {})}
