"""Keep requests to outside addresses out of private networks: https://owasp.org/www-community/attacks/Server_Side_Request_Forgery

Feeds, servers and callbacks are addresses that people typed, and a redirect is one that a stranger chose. A name is
resolved once, all its addresses are checked, and the connection goes to one of these. So it does not matter what the
name resolves to a moment later, how an address was written, or which request it is for.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterable

import httpcore
import httpx

from bot.connectors.base import Rejected, Unavailable

GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The allocated part of IPv6: https://www.iana.org/assignments/ipv6-address-space"""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
COMPATIBLE = ipaddress.ip_network("::/96")
"""IPv6 addresses that end in the IPv4 address that they stand for (RFC 6052, RFC 4291)."""
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5.0)


def is_public(address: str) -> bool:
    """Tell whether an IP address is on the public internet, even if it is IPv4 written as IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64 or ip in COMPATIBLE:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or ip
    if isinstance(ip, ipaddress.IPv6Address) and ip not in GLOBAL_UNICAST:
        return False
    return ip.is_global and not ip.is_multicast


class Transport(httpx.AsyncHTTPTransport):
    """The transport of a client for outside addresses; a proxy in the environment is ignored.

    `network` makes the connections once the addresses are checked.
    """

    def __init__(self, *, allow_private: bool = False, network: httpcore.AsyncNetworkBackend | None = None) -> None:
        # No super().__init__(): httpx has no parameter for a network, and without a pool it sends nothing.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=_Guard(allow_private, network or httpcore.AnyIOBackend()),
        )


class _Guard(httpcore.AsyncNetworkBackend):
    def __init__(self, allow_private: bool, network: httpcore.AsyncNetworkBackend) -> None:
        self._allow_private = allow_private
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first reachable address of a host, if all its addresses are allowed."""
        now = asyncio.get_running_loop().time
        ends = now() + timeout if timeout is not None else None
        try:
            async with asyncio.timeout_at(ends):
                addresses = await _allowed(host, port, allow_private=self._allow_private)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        for left in range(len(addresses), 0, -1):
            share = (ends - now()) / left if ends is not None else None
            try:
                return await self._network.connect_tcp(addresses[-left], port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("a name that is found has an address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._network.sleep(seconds)


async def connected(host: str, port: int, *, allow_private: bool, seconds: float) -> socket.socket:
    """Return a connection for another protocol than HTTP, to the first reachable address of a host.

    All its addresses are checked as for HTTP. `seconds` is the time for connecting, and for each later read and write.
    """
    try:
        async with asyncio.timeout(seconds):
            addresses = await _allowed(host, port, allow_private=allow_private)
            for address in addresses:
                with contextlib.suppress(OSError):
                    return await _connected(address, port, seconds)
    except TimeoutError as error:
        raise Unavailable("No connection with {host}.", host=host) from error
    raise Unavailable("No connection with {host}.", host=host)


async def _connected(address: str, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    connection.settimeout(seconds)
    return connection


async def _allowed(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host; raises Rejected when one of them may not be connected to."""
    addresses = await _addresses(host, port)
    if not allow_private and not all(map(is_public, addresses)):
        raise Rejected(
            "{host} is in a private network: no connections are made to those unless ALLOW_PRIVATE_ADDRESSES is true.",
            host=host,
        )
    return addresses


async def _addresses(host: str, port: int) -> list[str]:
    """Resolve a name; a number, in any notation, becomes the address that it stands for."""
    try:
        results = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("The name {host} cannot be found.", host=host) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in results))
