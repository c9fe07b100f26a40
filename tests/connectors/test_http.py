"""The one HTTP client: addresses that may not be read, and answers that become verdicts."""

import pytest

from bot.connectors import http
from bot.connectors.base import Rejected, Unavailable


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 0.0.0.0 100.64.0.1 224.0.0.1 255.255.255.255
    ::1 fe80::1 fc00::1 fec0::1 ff02::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 64:ff9b::10.0.0.1 2002:7f00:1:: ::127.0.0.1
    """.split(),
)
def test_private_addresses_are_seen_through_every_wrapping(address: str) -> None:
    assert not http.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2a02:898::1", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert http.is_public(address)


@pytest.mark.parametrize(
    "url", ["http://xn--a/", "http://host:99999999/", "http://[::1", "http://a b/", "http://" + "a" * 70]
)
async def test_what_is_no_address_is_rejected(url: str) -> None:
    async with http.new_client() as client:
        with pytest.raises((Rejected, Unavailable)):
            await http.request(client, "GET", url)
    with pytest.raises((Rejected, Unavailable)):
        await http.refuse_private(url)
