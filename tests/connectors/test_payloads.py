"""Payloads as the platforms document them, and the posts that they become: data/<platform>/<name>.native.*.

They were written from the platforms' documentation and formats, not recorded from a live server.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.connectors import OURS, facebook, feed, instagram, whatsapp
from bot.connectors.base import Account, Identity
from bot.connectors.bluesky import posts as bluesky
from bot.connectors.email.parsing import mail_of
from bot.connectors.email.reading import post_of
from bot.connectors.email.threads import Subjects
from bot.connectors.facebook.posts import Page, author_of, comment_of
from bot.connectors.instagram import posts as on_ig
from bot.connectors.mastodon import posts as mastodon
from bot.connectors.meta.messages import WINDOW, message_of
from bot.connectors.threads import posts as threads
from bot.connectors.webhook.mentions import posts_of
from bot.domain.mention import Author, Post, permits_to_json
from tests.fakes.graph import SECRETS, pushed
from tests.fakes.whatsapp import IDENTITY
from tests.fakes.whatsapp_openapi import stored

DATA = Path(__file__).parent / "data"
PAIRS = sorted(DATA.glob("*/*.native.*"))
SOURCE = Account(1, "webhook", "bron", "", options={"callback_url": "https://forum.example.nl/replies"})
NOW = datetime(2026, 11, 25, tzinfo=UTC)
FEED = httpx.URL("https://vragen.example/feed")


def newest_entry(body: bytes) -> Post:
    """The newest post of a feed."""
    reading = json.loads(feed._run_reader(b"application/atom+xml\n" + body))
    entries = [feed.Entry(**entry) for entry in reading["entries"]]
    read = feed._Read(feed.Reading(**{**reading, "entries": entries}), FEED, NOW)
    posts, _ = feed._first(read, None, with_undated=True)
    return posts[-1]


def on_bluesky(body: bytes) -> Post:
    """A post as its server shows it, or a private message with its conversation."""
    given = json.loads(body)
    if "convo" in given:
        return bluesky.message_of(given["message"], given["convo"])
    return bluesky.post_of(given, "did:plc:gemeente7bzq4xoyh6d3k2v", parent=None, by_message=True)


def on_facebook(body: bytes) -> Post:
    """A comment with its post, a conversation with one message, or what is sent to us."""
    given, page = json.loads(body), Page("104000000000001", has_messages=True)
    if "object" in given:
        ours = Account(1, "facebook", "gemeente", "", SECRETS, {"messages": True}, identity=Identity(page.id))
        received = facebook.PLATFORM.receiver.receive(ours, pushed(body), NOW)
        return next(item for item in received.items if isinstance(item, Post))
    if "messages" in given:
        citizen = given["participants"]["data"][0]["id"]
        message = given["messages"]["data"][0]
        return message_of(message, author_of(message["from"], citizen), citizen, WINDOW)
    return comment_of(given["comment"], page, given["post"])


def on_whatsapp(body: bytes) -> Post:
    """The message of a citizen in what is sent to us."""
    stored().hold_named("WebhookPayload", json.loads(body))
    account = Account(1, "whatsapp", "gemeente", "", SECRETS, identity=IDENTITY)
    assert whatsapp.PLATFORM.receiver is not None
    (post,) = whatsapp.PLATFORM.receiver.receive(account, pushed(body), NOW).items
    assert isinstance(post, Post)
    return post


def on_threads(body: bytes) -> Post:
    """A reply below a post of ours, or a post that names us."""
    return threads.post_of(json.loads(body), {"18050000000000001": {}})


def on_instagram(body: bytes) -> Post:
    """A comment with its post, what names us with what was told of it, or what is sent to us."""
    given, identity = json.loads(body), Identity("17841400000000001", "gemeentevoorbeeld")
    options = {"instagram_id": identity.id, "messages": True}
    ours = Account(1, "instagram", "gemeente", "", SECRETS, options, identity=identity)
    if "object" in given:
        received = instagram.PLATFORM.receiver.receive(ours, pushed(body), NOW)
        return next(item for item in received.items if isinstance(item, Post))
    if "mentioned_media" in given:
        media = given["mentioned_media"]
        return on_ig.named_in(media, Post(media["id"], Author("unknown:1", ""), "", NOW, place={"is": "mention"}))
    return on_ig.comment_of(given["comment"], ours, given["post"])


READERS: dict[str, Callable[[bytes], Post]] = {
    "bluesky": on_bluesky,
    "email": lambda body: post_of(mail_of(body), NOW, "webcare@gemeente.example", Subjects()),
    "facebook": on_facebook,
    "feed": newest_entry,
    "instagram": on_instagram,
    "mastodon": lambda body: mastodon.post_of(json.loads(body), None, "", may_answer=True),
    "threads": on_threads,
    "webhook": lambda body: posts_of(SOURCE, body, now=NOW)[0],
    "whatsapp": on_whatsapp,
}


def as_json(post: Post) -> dict[str, Any]:
    told = {**asdict(post), "permits": permits_to_json(post.permits), "media": [asdict(each) for each in post.media]}
    found: dict[str, Any] = json.loads(json.dumps(told, default=str))
    return found


@pytest.mark.parametrize("native", PAIRS, ids=lambda path: f"{path.parent.name}-{path.name.split('.')[0]}")
def test_a_payload_becomes_the_post_beside_it(native: Path) -> None:
    expected = native.with_name(native.name.partition(".")[0] + ".normalised.json")
    assert as_json(READERS[native.parent.name](native.read_bytes())) == json.loads(expected.read_text("utf-8"))


def test_a_platform_says_whether_it_has_pairs() -> None:
    assert {platform.name for platform in OURS if platform.quality.pairs} == {path.parent.name for path in PAIRS}
