"""What a platform gives is stored whatever is in it, and an item in which nothing is wrong is left as it is."""

from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.mention import Arrived, Author, Delivery, Media, Post
from bot.domain.payload import UNSTORABLE
from bot.domain.storable import LONGEST_ID, storable
from tests.clocks import local

NOW = local("2026-11-24 09:00")
POST = Post(
    "p1", Author("a", "Fatima"), "Dag 😀", NOW, conversation="c", in_reply_to="p0", ancestors=("p0",),
    media=(Media("https://x.example/1.jpg", "image", "Een boom"),), place={"n": 1, "in": ["x", {"y": "z"}]},
)  # fmt: skip


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts([*value.items()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
    elif is_dataclass(value):
        yield from texts(vars(value))


@given(st.text(alphabet=st.characters(categories=["L", "Cs", "Cc"])))
def test_of_what_no_database_takes_nothing_is_left_wherever_it_is(words: str) -> None:
    changed: list[dict[str, Any]] = [
        {"text": words},
        {"author": Author(f"a{words}", words)},
        {"place": {words: [words]}},
        {"media": (Media("https://x.example", "image", words),)},
        {"ancestors": (f"p{words}",)},
    ]
    items: list[Post | Delivery] = [replace(POST, **each) for each in changed]
    for item in [*items, Delivery(f"r{words}", Arrived.FAILED, NOW)]:
        stored = storable(item)
        assert not any(UNSTORABLE.search(each) for each in texts(stored))
        assert storable(stored) is stored
        assert (stored is item) is (UNSTORABLE.search(words) is None)


@pytest.mark.parametrize("sign", ["a", "é", "😀"])
def test_an_id_that_no_index_takes_becomes_its_fingerprint_wherever_it_is_named(sign: str) -> None:
    fits, too_long = (sign * (LONGEST_ID // len(sign.encode()) + more) for more in (0, 1))
    assert storable(replace(POST, external_id=fits, in_reply_to=fits)) == replace(
        POST, external_id=fits, in_reply_to=fits
    )
    post = storable(
        replace(POST, external_id=too_long, author=Author(too_long, "Fatima"), conversation=too_long,
                in_reply_to=too_long, ancestors=(too_long, "p0"))
    )  # fmt: skip
    assert isinstance(post, Post)
    ident = post.external_id
    assert ident.startswith("sha256:") and ident == post.author.external_id == post.conversation == post.in_reply_to
    assert post.ancestors == (ident, "p0")
