"""What every platform with a JSON API needs: requests with our token, verdicts on answers, careful reading."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from bot.connectors import http
from bot.connectors.base import OutcomeUnknown, RateLimited, Rejected, Unauthorized, Unavailable

Json = dict[str, Any]
GIVEN_WITHIN = 30.0
"""Seconds that uploading an image may take: the reply must still be sent before the outbox would retry it."""


@contextlib.contextmanager
def before_sending() -> Iterator[None]:
    """Wrap a request that prepares a reply: with any outcome, the reply was surely not sent.

    An unknown outcome is raised as Unavailable, so that the reply is simply tried again.
    """
    try:
        yield
    except OutcomeUnknown as verdict:
        raise Unavailable(verdict.text.message, **verdict.text.params) from verdict


@contextlib.asynccontextmanager
async def giving_image() -> AsyncIterator[None]:
    """Wrap the requests that upload an image before the reply: as `before_sending`, within `GIVEN_WITHIN`."""
    with before_sending():
        try:
            async with asyncio.timeout(GIVEN_WITHIN):
                yield
        except TimeoutError as error:
            raise Unavailable("The platform did not take the image in time.") from error


class JsonApi:
    """One server with a JSON API, for one of our accounts. Every method may raise a verdict.

    A subclass defines how the platform explains a refusal (`reason_of`) and which refusals are about our own token
    (`is_our_token`), and overrides `retry_at` if the platform has its own way to say how long to wait.
    """

    def __init__(self, client: httpx.AsyncClient, base: str, headers: Mapping[str, str]) -> None:
        self.client = client
        self.base = base.rstrip("/")
        self.headers = dict(headers)

    @property
    def host(self) -> str:
        """The host name of the server, for messages to people."""
        return http.host(self.base)

    def reason_of(self, response: httpx.Response) -> str:
        """Return why the platform refuses, in its own words; "" when it does not say."""
        return ""

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether a refusal means that our token no longer works."""
        return response.status_code == 401

    def retry_at(self, response: httpx.Response) -> datetime:
        """Return when a 429 lets us try again."""
        return http.retry_at(response)

    async def call(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send one request and return the answer; only a 429 and a redirect are judged."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        response = await http.request(self.client, method, self.base + path, headers=headers, **kwargs)
        if response.status_code == 429:
            raise RateLimited(self.retry_at(response))
        if response.has_redirect_location:
            other = http.host(response.headers["Location"])
            raise Rejected("{host} sends us on to {other}; use that address.", host=self.host, other=other)
        return response

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer.

        A refusal that is not in the platform's own words comes from something in between: in the answer to a GET it
        proves nothing about our token or the post.
        """
        status, reason = response.status_code, self.reason_of(response)
        if status >= 400 and self.is_our_token(response):
            if reason:
                raise Unauthorized("{host} says: {reason}", host=self.host, reason=reason[:300])
            raise Unauthorized("{host} no longer accepts our access token.", host=self.host)
        if status in {401, 403, 404, 410} and response.request.method == "GET" and not reason:
            raise Unavailable("{host} refuses this (HTTP {status}).", host=self.host, status=status)
        http.judge(response, reason=reason)

    def json(self, response: httpx.Response) -> Any:
        """Return the JSON of a good answer."""
        self.judge(response)
        return http.json_of(response)

    def object(self, response: httpx.Response) -> Json:
        """Return the object in a good answer."""
        value = self.json(response)
        if not isinstance(value, dict):
            raise self.unreadable()
        return value

    def list(self, response: httpx.Response, *keys: str) -> "list[Json]":
        """Return the objects of the list in a good answer, or of the list at these keys in its object."""
        value = self.json(response)
        value = within(value, *keys) if keys else value
        if not isinstance(value, list):
            raise self.unreadable()
        return [each for each in value if isinstance(each, dict)]

    def id_in(self, made: Json) -> str:
        """Return the id of what the platform says that it made."""
        ident = made.get("id")
        if not isinstance(ident, str):
            raise self.unreadable()
        return ident

    def token(self, response: httpx.Response) -> str:
        """Return the access token in a good answer: https://www.rfc-editor.org/rfc/rfc6749#section-5.1"""
        token = self.object(response).get("access_token")
        if not isinstance(token, str) or not token:
            raise self.unreadable()
        return token

    def unreadable(self) -> OutcomeUnknown:
        """Return the verdict on an answer that does not follow the API."""
        return OutcomeUnknown("{host} sent an answer we cannot read.", host=self.host)


def within(value: Any, *keys: str) -> Any:
    """Return the value at these keys, or None if something on the way is not an object."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def time_of(value: str) -> datetime:
    """Return a moment from ISO 8601 text as aware UTC; raises ValueError for other text, or one UTC cannot name."""
    moment = datetime.fromisoformat(value)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("no moment in UTC") from error


def web(address: Any) -> str:
    """Return a web address, or "" for anything else: another server chose it, and people will click on it."""
    return address if isinstance(address, str) and address.startswith(("https://", "http://")) else ""
