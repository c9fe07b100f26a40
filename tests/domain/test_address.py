"""What can be a web address at all."""

import pytest

from bot.domain.address import is_http


@pytest.mark.parametrize(
    "url", ["https://a.example", "http://127.0.0.1:3000/x?y#z", "HTTPS://[::1]:8443", "http://a:65535"]
)
def test_an_address_names_how_and_whom_to_reach(url: str) -> None:
    assert is_http(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "a.example", "ftp://a.example", "javascript:alert(1)", "https://", "http:///x", "http://:80", "http://a:0",
        "http://a:65536", "http://a:b", "http://[::1",
    ],
)  # fmt: skip
def test_what_cannot_be_reached_is_no_address(url: str) -> None:
    assert not is_http(url)
