"""What can be a web address at all."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.address import is_http


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "http://127.0.0.1:3000/x?y#z", "HTTPS://[::1]:8443", "http://a:65535", "http://é.example/a"],
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


@given(st.from_regex(r"\A(https?|HTTP|ftp)?:?/{0,3}[a-zA-Z0-9.\-_:@\[\]é\n\t ]{0,12}[/?#\\]?[\w\[\]:@ ]{0,4}\Z"))
def test_how_an_address_begins_is_seen_as_when_it_is_taken_apart(url: str) -> None:
    try:
        parts = urlsplit(url)
        expected = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        expected = False
    assert is_http(url) is expected
