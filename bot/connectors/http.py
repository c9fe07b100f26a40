"""The one HTTP client of all connectors: time limits, size limits, and answers turned into verdicts."""

import asyncio
import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bot.connectors.base import OutcomeUnknown, RateLimited, Rejected, Unauthorized, Unavailable

MAX_BYTES = 5 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=10.0)
USER_AGENT = "webcare-bot"
Client = httpx.AsyncClient
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def new_client() -> httpx.AsyncClient:
    """Return a client for all connectors to share; the caller closes it."""
    return httpx.AsyncClient(timeout=TIMEOUT, headers={"User-Agent": USER_AGENT}, follow_redirects=False)


async def request(
    client: httpx.AsyncClient, method: str, url: str, *, max_bytes: int = MAX_BYTES, **kwargs: Any
) -> httpx.Response:
    """Send one request and return the whole answer, whatever its status.

    A GET that dies on a dropped keep-alive connection is sent once more. Raises Unavailable when there is no answer
    (OutcomeUnknown when the request may have arrived), and Rejected when the answer is over `max_bytes`.
    """
    parsed(url)
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
        except httpx.InvalidURL as error:  # in a redirect, which httpx reads even if it follows none
            raise Rejected("This is not a web address: {url}", url=url[:80]) from error
        except httpx.HTTPError as error:
            if attempt == attempts:
                raise OutcomeUnknown("The connection with {host} failed.", host=host(url)) from error
    raise AssertionError("unreachable")


async def _read(client: httpx.AsyncClient, asked: httpx.Request, max_bytes: int) -> httpx.Response:
    async with asyncio.timeout(60):
        response = await client.send(asked, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > max_bytes:
                    verdict = Rejected if asked.method == "GET" else OutcomeUnknown
                    raise verdict(
                        "The answer of {host} is larger than {size} kB.", host=asked.url.host, size=max_bytes // 1024
                    )
        finally:
            await response.aclose()
    headers = [(k, v) for k, v in response.headers.raw if k.lower() not in {b"content-encoding", b"content-length"}]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=asked)


def judge(response: httpx.Response, *, reason: str = "") -> None:
    """Raise the verdict that an answer's status stands for; 2xx and 3xx raise nothing.

    `reason` is what the platform said in its own words, for the agent, when it refuses.
    """
    status, where = response.status_code, response.request.url.host
    if status < 400:
        return
    if status == 401:
        raise Unauthorized("{host} no longer accepts our access token.", host=where)
    if status == 429:
        raise RateLimited(retry_at(response))
    if status >= 500:
        raise OutcomeUnknown("{host} has a fault (HTTP {status}).", host=where, status=status)
    if reason:
        raise Rejected("{host} says: {reason}", host=where, reason=reason[:300])
    raise Rejected("{host} refuses this (HTTP {status}).", host=where, status=status)


def retry_at(response: httpx.Response, *, default: timedelta = timedelta(minutes=1)) -> datetime:
    """Return when a 429 lets us try again: Retry-After in seconds or as a date (RFC 9110 §10.2.3), capped at a day."""
    now = datetime.now(UTC)
    value = response.headers.get("Retry-After", "").strip()
    try:
        wanted = now + timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        try:
            wanted = parsedate_to_datetime(value)
            wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
        except (ValueError, TypeError):
            wanted = now + default
    return max(now, min(wanted, now + timedelta(days=1)))


def json_of(response: httpx.Response) -> Any:
    """Return the answer's JSON; a body that is none is the server's fault, so Unavailable."""
    try:
        return response.json()
    except ValueError as error:
        where = response.request.url.host
        raise OutcomeUnknown("{host} sent an answer we cannot read.", host=where) from error


def parsed(url: str) -> httpx.URL:
    """Return an address in its parts; raises Rejected when it is none (no host name, a port that cannot be)."""
    try:
        parts = httpx.URL(url)
        parts.host.encode("idna")
        if parts.port is not None and not 0 < parts.port < 65536:
            raise ValueError
    except (httpx.InvalidURL, ValueError) as error:
        raise Rejected("This is not a web address: {url}", url=url[:80]) from error
    return parts


def host(url: str) -> str:
    """Return the host name of an address for a message to people, without path or query (those may be secret)."""
    try:
        return httpx.URL(url).host or "?"
    except httpx.InvalidURL:
        return "?"


async def refuse_private(url: str) -> None:
    """Raise Rejected when an address leads into a private network or is not http(s); keeps feeds from reading ours.

    Checks every address that the name resolves to (loopback, private, link-local, multicast, reserved).
    """
    parts = parsed(url)
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise Rejected("Only http and https addresses can be read, not {url}", url=url[:80])
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("The name {host} cannot be found.", host=parts.host) from error
    for *_, address in found:
        if not is_public(str(address[0])):
            raise Rejected("{host} lies in a private network and is not read.", host=parts.host)


NAT64 = ipaddress.ip_network("64:ff9b::/96")
OLD_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: str) -> bool:
    """Tell whether an IP address lies in the public internet, seen through the ways to wrap IPv4 in IPv6."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64 or ip in OLD_COMPATIBLE:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip.is_site_local:
            return False
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast
