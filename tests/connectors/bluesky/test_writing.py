"""What we write on Bluesky, and the lexicons with which tests hold it to the protocol."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.connectors import bluesky
from bot.connectors.base import Measure
from bot.connectors.bluesky import writing
from tests.connectors.bluesky import lexicon
from tests.connectors.bluesky.fake import US
from tests.connectors.bluesky.lexicon import Violation

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
FAMILY = "👨‍👩‍👧‍👧"
POST = "app.bsky.feed.post"
PAIRS = Path(__file__).parent / "pairs"


def found(text: str) -> list[str]:
    """What is a link or a name in a text, as a reader sees it; each leads where it says."""
    shown = []
    for piece in writing.pieces(text):
        words = text.encode()[piece.start : piece.end].decode()
        assert piece.handle == words.removeprefix("@") or piece.uri == f"https://{words.removeprefix('https://')}"
        shown.append(words)
    return shown


def record(text: str, **more: Any) -> dict[str, Any]:
    return {"$type": POST, "text": text, "createdAt": writing.moment(NOW), **more}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no mention", []),
        ("@handle.com middle end", ["@handle.com"]),
        ("start middle @handle.com", ["@handle.com"]),
        ("@handle.com @handle.com @handle.com", ["@handle.com", "@handle.com", "@handle.com"]),
        ("@full123-chars.test", ["@full123-chars.test"]),
        ("not@right", []),
        ("@handle.com!@#$chars", ["@handle.com"]),
        ("@handle.com\n@handle.com", ["@handle.com", "@handle.com"]),
        ("parenthetical (@handle.com)", ["@handle.com"]),
        (f"{FAMILY} @handle.com {FAMILY}", ["@handle.com"]),
        ("start https://middle.com/foo/bar?baz=bux#hash end", ["https://middle.com/foo/bar?baz=bux#hash"]),
        (f"{FAMILY} https://middle.com {FAMILY}", ["https://middle.com"]),
        ("https://newline1.com\nhttps://newline2.com", ["https://newline1.com", "https://newline2.com"]),
        ("start middle.com/foo/bar?baz=bux#hash end", ["middle.com/foo/bar?baz=bux#hash"]),
        ("newline1.com\nnewline2.com", ["newline1.com", "newline2.com"]),
        ("a example.com/index.php php link", ["example.com/index.php"]),
        ("a trailing bsky.app: colon", ["bsky.app"]),
        ("not.. a..url ..here", []),
        ("e.g.", []),
        ("something-cool.jpg", []),
        ("website.com.jpg", []),
        ("e.g./foo", []),
        ("website.com.jpg/foo", []),
        ("https://foo.com https://bar.com/whatever", ["https://foo.com", "https://bar.com/whatever"]),
        ("punctuation https://foo.com, https://baz.com.", ["https://foo.com", "https://baz.com"]),
        ("parenthentical (https://foo.com)", ["https://foo.com"]),
        ("except for https://foo.com/thing_(cool)", ["https://foo.com/thing_(cool)"]),
    ],
)
def test_links_and_names_are_found_as_bluesky_finds_them(text: str, expected: list[str]) -> None:
    """The texts are those of packages/api/tests/rich-text-detection.test.ts in Bluesky's own repository (MIT)."""
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kijk op www.voorbeeld.nl/afval.", ["www.voorbeeld.nl/afval"]),
        ("Zie “https://voorbeeld.nl/a”", []),
        ("Mail jan@voorbeeld.nl", []),
        ("@gemeente is geen handle", []),
        ("Zo.nu en dan", []),
        ("http://", []),
        ("Lees https://voorbeeld.nl/afval… of bel", ["https://voorbeeld.nl/afval"]),
        ("Zie «https://voorbeeld.nl», » voorbeeld.nl/afval»", ["voorbeeld.nl/afval"]),
        ("(Meer staat op www.voorbeeld.nl/afval.)", ["www.voorbeeld.nl/afval"]),
        ("(Zie https://voorbeeld.nl/afval_(grof)).", ["https://voorbeeld.nl/afval_(grof)"]),
        ("(Of https://voorbeeld.nl/afval_(grof)?)", ["https://voorbeeld.nl/afval_(grof)"]),
        ("Zie https://voorbeeld.nl/#/afval/", ["https://voorbeeld.nl/#/afval/"]),
        ("Zie https:///afval", []),
    ],
)
def test_dutch_texts_have_the_links_that_people_mean(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@given(
    st.lists(
        st.sampled_from([*"ab @.(/:!)…\n", "é", "👍", FAMILY, "https://a.nl/x", "https://", "@jan.example", "b.nl"]),
        max_size=40,
    ).map("".join)
)
def test_a_facet_is_exactly_the_words_it_is_about(text: str) -> None:
    facets = writing.facets(text, {"jan.example": US})
    raw, reached = text.encode(), 0
    for each in facets:
        start, end = each["index"]["byteStart"], each["index"]["byteEnd"]
        assert reached <= start < end <= len(raw)
        words, (feature,) = raw[start:end].decode(), each["features"]
        reached = end
        if "uri" in feature:
            assert feature["uri"].removeprefix("https://") == words.removeprefix("https://")
        else:
            assert words == "@jan.example"
        lexicon.hold({"type": "ref", "ref": "app.bsky.richtext.facet"}, each, POST)


SIGNS = st.lists(st.sampled_from(["a", "é", "👍", FAMILY, "\u0301", "\r\n", "🇳🇱"]), max_size=500).map("".join)


@given(SIGNS)
def test_a_text_measures_as_too_long_exactly_when_a_server_refuses_it(text: str) -> None:
    measured = writing.measure(text)
    try:
        lexicon.hold_record(record(text), writing.record_key("key", NOW))
    except Violation:
        assert measured.length > measured.limit
    else:
        assert measured.length <= measured.limit


@given(SIGNS.map(lambda text: text * 3))
def test_a_private_message_measures_as_too_long_exactly_when_a_server_refuses_it(text: str) -> None:
    measured = writing.measure(text, writing.IN_MESSAGE)
    try:
        lexicon.hold({"type": "ref", "ref": "#messageInput"}, {"text": text}, "chat.bsky.convo.defs")
    except Violation:
        assert measured.length > measured.limit
    else:
        assert measured.length <= measured.limit


def test_a_text_is_measured_in_graphemes_or_in_bytes() -> None:
    assert writing.measure("é" * 300) == Measure(300, 300)
    assert writing.measure(FAMILY * 100) == Measure(2500, 3000)
    assert writing.measure(FAMILY * 121) == Measure(3025, 3000)
    assert writing.measure("é" * 300, writing.IN_MESSAGE) == Measure(300, 1000)


@given(st.text(), st.integers(0, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_a_key_of_ours_has_one_record_key(key: str, at: datetime) -> None:
    made = writing.record_key(key, at)
    assert made == writing.record_key(key, at)
    assert made != writing.record_key(key + "x", at)
    lexicon.hold_record(record(""), made)
    assert made < writing.record_key(key, at + timedelta(seconds=2))


# --- The lexicons ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        {"createdAt": "gisteren"}, {"createdAt": None}, {"text": 7}, {"text": "a" * 301}, {"text": FAMILY * 130},
        {"langs": ["nl", "en", "de", "fr"]}, {"langs": ["Nederlands"]}, {"reply": {"root": {}}},
        {"facets": [{"index": {"byteStart": -1, "byteEnd": 2}, "features": []}]}, {"tags": ["x" * 65]},
        {"facets": [{"index": {"byteStart": 0, "byteEnd": 2}, "features": [{"did": US}]}]},
        {"reply": {end: {"uri": "https://x.example", "cid": "bafyreib"} for end in ("root", "parent")}},
        {"embed": {"$type": "app.bsky.embed.images", "images": [{"alt": ""}]}}, {"$type": "app.bsky.feed.unknown"},
    ],
)  # fmt: skip
def test_a_record_that_the_protocol_does_not_know_is_refused(broken: dict[str, Any]) -> None:
    good = record("Goedemorgen", langs=["nl"])
    lexicon.hold_record(good, "3kaaaaaaaaaaa")
    with pytest.raises(Violation):
        lexicon.hold_record(good | broken, "3kaaaaaaaaaaa")


PUT = {"repo": US, "collection": POST, "rkey": "3kaaaaaaaaaaa", "record": {}}


def test_a_request_that_the_protocol_does_not_know_is_refused() -> None:
    lexicon.hold_query("app.bsky.feed.getPosts", {"uris": [f"at://{US}/{POST}/3k"]})
    with pytest.raises(Violation):
        lexicon.hold_query("app.bsky.feed.getPosts", {"uris": [f"at://{US}/{POST}/{n}" for n in range(26)]})
    with pytest.raises(Violation):
        lexicon.hold_query("app.bsky.feed.getPosts", {"uri": ["x"]})
    with pytest.raises(Violation):
        lexicon.hold_query("app.bsky.notification.listNotifications", {"limit": ["101"]})
    lexicon.hold_input("com.atproto.repo.putRecord", PUT | {"swapRecord": None})
    for wrong in ({"rkey": "a/b"}, {"repo": "nobody"}, {"swapRecord": ""}, {"swap": None}):
        with pytest.raises(Violation):
            lexicon.hold_input("com.atproto.repo.putRecord", PUT | wrong)


def test_our_examples_of_payloads_are_what_the_protocol_says() -> None:
    post, told = (json.loads((PAIRS / f"{name}.native.json").read_text("utf-8")) for name in ("reply", "message"))
    lexicon.hold({"type": "ref", "ref": "app.bsky.feed.defs#postView"}, post, POST)
    lexicon.hold_record(post["record"], post["uri"].rpartition("/")[2])
    lexicon.hold({"type": "ref", "ref": "chat.bsky.convo.defs#convoView"}, told["convo"], POST)
    lexicon.hold({"type": "ref", "ref": "chat.bsky.convo.defs#messageView"}, told["message"], POST)


def test_every_method_and_record_that_the_connector_names_is_held_to_its_lexicon() -> None:
    code = "".join(path.read_text("utf-8") for path in Path(bluesky.__path__[0]).glob("*.py"))
    named = set(re.findall(r"\b(?:app\.bsky|chat\.bsky|com\.atproto)\.[a-z]+\.[a-zA-Z]+", code))
    assert {"chat.bsky.convo.sendMessage", "com.atproto.repo.putRecord"} < named
    assert named - lexicon.stored().keys() == set()


def test_a_refusal_that_a_method_does_not_know_and_a_wrong_verb_do_not_hold() -> None:
    lexicon.hold_refusal("chat.bsky.convo.sendMessage", "ConvoLocked")
    lexicon.hold_refusal("app.bsky.feed.getPosts", "ExpiredToken")
    with pytest.raises(Violation):
        lexicon.hold_refusal("app.bsky.feed.getPosts", "ConvoLocked")
    lexicon.hold_verb("GET", "app.bsky.feed.getPosts")
    with pytest.raises(Violation):
        lexicon.hold_verb("POST", "app.bsky.feed.getPosts")
