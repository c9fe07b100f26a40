"""The HTTP client that all connectors share: time limits, size limits, and verdicts on answers."""

import asyncio
import socket
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.connectors import guard
from bot.connectors.base import OutcomeUnknown, RateLimited, Rejected, TooLarge, Unauthorized, Unavailable
from bot.domain.address import is_http
from bot.steady_clock import steady_now

MAX_BYTES = 5 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=10.0)
HEADERS = {"User-Agent": "webcare-bot", "Accept-Encoding": "gzip"}
GZIP = zlib.MAX_WBITS | 16
MEMBER = b"\x1f"
"""The first byte of each part of what is packed with gzip."""
MAX_MEMBERS = 1000
"""The most parts that are unpacked: the rest is copied for each."""
LEAST_WAIT = timedelta(seconds=5)
"""How long we wait at least after a 429, no matter what the server says: "Retry-After: 0" would loop forever."""
TIMED_OUT = 408
"""It did not get the request in time; something between us and the server may say so of its answer too."""
NOT_NOW = frozenset({421, 425})
"""It will take the request later, or over another connection: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.20
and https://www.rfc-editor.org/rfc/rfc8470#section-5.2"""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


ASK_FIRST: ContextVar[Callable[[], Awaitable[bool]] | None] = ContextVar("ask_first", default=None)


@contextmanager
def asking_first(may_go_on: Callable[[], Awaitable[bool]]) -> Iterator[None]:
    """Ask before each request in this block that changes something, and raise Unavailable when it may not be sent.

    Right before it: a process that hung for minutes must not send what another has sent by then.
    """
    token = ASK_FIRST.set(may_go_on)
    try:
        yield
    finally:
        ASK_FIRST.reset(token)


async def _ask_first() -> None:
    may_go_on = ASK_FIRST.get()
    if may_go_on is not None and not await may_go_on():
        raise Unavailable("Another process sends this by now.")


class Client(httpx.AsyncClient):
    """The client that all connectors share: it reaches private networks only with `allow_private`.

    It ignores proxies and passwords in the environment.
    """

    def __init__(self, *, allow_private: bool) -> None:
        transport = guard.Transport(allow_private=allow_private)
        super().__init__(transport=transport, timeout=TIMEOUT, headers=HEADERS, trust_env=False)
        self.allow_private = allow_private


def new_client(*, allow_private: bool = False) -> Client:
    """Return a client for all connectors to share; the caller closes it."""
    return Client(allow_private=allow_private)


def seconds_of(client: httpx.AsyncClient) -> float:
    """Return how long a server may take to answer; connectors of other protocols use the same time."""
    return client.timeout.read or TIMEOUT.read or 0.0


async def connected(client: httpx.AsyncClient, host: str, port: int) -> socket.socket:
    """Return a connection for another protocol than HTTP, under the same rules and time limit as the client's own."""
    allow_private = isinstance(client, Client) and client.allow_private
    await _ask_first()
    return await guard.connected(host, port, allow_private=allow_private, seconds=seconds_of(client))


async def request(
    client: httpx.AsyncClient, method: str, url: str, *, max_bytes: int = MAX_BYTES, **kwargs: Any
) -> httpx.Response:
    """Send one request and return the whole answer, with any status.

    It repeats a GET once when a keep-alive connection was dropped. Raises Unavailable when there is no answer
    (OutcomeUnknown when the request may have arrived), and TooLarge when the answer is over `max_bytes`.
    """
    parsed(url)
    if method != "GET":
        await _ask_first()
    attempts = 2 if method == "GET" else 1
    for attempt in range(1, attempts + 1):
        try:
            return await _read(client, client.build_request(method, url, **kwargs), max_bytes)
        except NOT_SENT as error:
            raise Unavailable("No connection with {host}.", host=host(url)) from error
        except httpx.RemoteProtocolError as error:
            if attempt == attempts:
                raise OutcomeUnknown("{host} broke the connection.", host=host(url)) from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise OutcomeUnknown("{host} did not answer in time.", host=host(url)) from error
        except httpx.InvalidURL as error:  # in a redirect, which httpx parses but does not follow
            raise Rejected("This is not a web address: {url}", url=url[:80]) from error
        except httpx.HTTPError as error:
            if attempt == attempts:
                raise OutcomeUnknown("The connection with {host} failed.", host=host(url)) from error
    raise AssertionError("unreachable")


async def _read(client: httpx.AsyncClient, asked: httpx.Request, max_bytes: int) -> httpx.Response:
    async with asyncio.timeout(60):
        response = await client.send(asked, stream=True)
        try:
            body = await _body(response, max_bytes)
        finally:
            await response.aclose()
    headers = [(k, v) for k, v in response.headers.raw if k.lower() not in {b"content-encoding", b"content-length"}]
    return httpx.Response(response.status_code, headers=headers, content=body, request=asked)


async def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """Return the unpacked body of an answer; unpacking stops after `max_bytes`.

    httpx unpacks as many times as the server says, without a limit: 3 kB of "gzip, gzip" became 3.9 GB.
    """
    encoding = response.headers.get("Content-Encoding", "").lower()
    gzip, body, arrived = _Gzip(), bytearray(), 0
    async for chunk in response.aiter_raw():
        arrived += len(chunk)
        if encoding in {"", "identity"}:
            body += chunk
        elif encoding not in {"gzip", "x-gzip"}:
            raise _unreadable(response)
        else:
            try:
                body += gzip.unpacked(chunk, max_bytes + 1 - len(body))
            except zlib.error as error:
                raise _unreadable(response) from error
        if max(arrived, len(body)) > max_bytes:
            verdict = TooLarge if response.request.method == "GET" else OutcomeUnknown
            where = response.request.url.host
            raise verdict("The answer of {host} is larger than {size} kB.", host=where, size=max_bytes // 1024)
    return bytes(body)


class _Gzip:
    """Unpacks what arrives in gzip: one or more members, and what follows them is left out.

    https://www.rfc-editor.org/rfc/rfc1952#section-2.2
    """

    def __init__(self) -> None:
        self._member, self._members = zlib.decompressobj(GZIP), 1
        self._has_ended = False

    def unpacked(self, chunk: bytes, most: int) -> bytes:
        """Return at most so many bytes of the next piece; raises zlib.error for what is no gzip."""
        body = bytearray()
        while chunk and len(body) < most and not self._has_ended:
            if self._member.eof:
                self._begin(chunk)
            else:
                body += self._member.decompress(chunk, most - len(body))
                chunk = self._member.unused_data
        return bytes(body)

    def _begin(self, chunk: bytes) -> None:
        self._has_ended = not chunk.startswith(MEMBER)
        self._member, self._members = zlib.decompressobj(GZIP), self._members + 1
        if self._members > MAX_MEMBERS:
            raise zlib.error("too many members")


def _unreadable(response: httpx.Response) -> OutcomeUnknown:
    return OutcomeUnknown("{host} sent an answer we cannot read.", host=response.request.url.host)


def judge(response: httpx.Response, *, reason: str = "") -> None:
    """Raise the verdict on an answer, by its status; 2xx and 3xx raise nothing.

    `reason` is the platform's own explanation of a refusal, for the agent.
    """
    status, where = response.status_code, response.request.url.host
    if status < 400:
        return
    if status == 401:
        raise Unauthorized("{host} no longer accepts our access token.", host=where)
    if status == 429:
        raise RateLimited(retry_at(response))
    if status >= 500 or status == TIMED_OUT:
        raise OutcomeUnknown("{host} has a fault (HTTP {status}).", host=where, status=status)
    if status in NOT_NOW:
        raise Unavailable("{host} refuses this (HTTP {status}).", host=where, status=status)
    if reason:
        raise Rejected("{host} says: {reason}", host=where, reason=reason[:300])
    raise Rejected("{host} refuses this (HTTP {status}).", host=where, status=status)


def retry_at(response: httpx.Response, *, default: timedelta = timedelta(minutes=1)) -> datetime:
    """Return when a 429 lets us try again: Retry-After in seconds or as a date (RFC 9110 §10.2.3).

    At least `LEAST_WAIT` from now, and at most a day.
    """
    now = steady_now()
    value = response.headers.get("Retry-After", "").strip()
    try:
        wanted = now + timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            wanted = parsedate_to_datetime(value)
            wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
        except (ValueError, TypeError):
            wanted = now + default
    return within_reason(wanted, now)


def within_reason(wanted: datetime, now: datetime) -> datetime:
    """Return when to try again, for a moment that a server named: not too soon, and within a day."""
    return max(now + LEAST_WAIT, min(wanted, now + timedelta(days=1)))


def json_of(response: httpx.Response) -> Any:
    """Return the answer's JSON; any other body is an error of the server, so it raises Unavailable."""
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise _unreadable(response) from error


def object_in(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object in an answer, whatever its status; {} without one."""
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def parsed(url: str) -> httpx.URL:
    """Return a parsed address; raises Rejected for an invalid web address (no host name, an odd port)."""
    try:
        parts = httpx.URL(url)
        parts.host.encode("idna")
        if parts.scheme not in {"http", "https"} or not parts.host:
            raise ValueError
        if parts.port is not None and not 0 < parts.port < 65536:
            raise ValueError
    except (httpx.InvalidURL, ValueError) as error:
        raise Rejected("This is not a web address: {url}", url=url[:80]) from error
    return parts


def host(url: str) -> str:
    """Return the host name of an address, for a message to people; path and query may be secret."""
    try:
        return httpx.URL(url).host or "?"
    except httpx.InvalidURL:
        return "?"


def address_of(typed: str) -> str:
    """Return what somebody typed as a web address, with https:// if it has no scheme; "" if it is not an address."""
    url = typed.strip() if "://" in typed else f"https://{typed.strip()}"
    return url if is_http(url) and " " not in url and _is_read(url) else ""


def _is_read(url: str) -> bool:
    """Tell whether the client can read an address: a name that was copied may have a sign in it that nobody sees."""
    try:
        parsed(url)
    except Rejected:
        return False
    return True


def server_of(typed: str) -> str:
    """Return the address of a server from what people copy, such as a page's address; "" if it is not an address."""
    parts = urlsplit(address_of(typed))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def place_of(url: str) -> str:
    """Return what addresses of one place share: not the scheme, www., its usual port, the last slash or a fragment."""
    parts = urlsplit(address_of(url))
    name = (parts.hostname or "").removeprefix("www.")
    port = "" if parts.port in {None, 80, 443} else f":{parts.port}"
    return f"{name}{port}{parts.path.rstrip('/')}?{parts.query}"


def is_readable_on_its_way(url: str) -> bool:
    """Tell whether others could read requests to an address: it is not https, and not on this machine."""
    parts = httpx.URL(url)
    return parts.scheme == "http" and parts.host not in {"127.0.0.1", "localhost", "::1"}
