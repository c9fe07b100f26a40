"""The mentions in the JSON that a source sends us."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.connectors import http
from bot.connectors.base import Account
from bot.connectors.html import text_of
from bot.connectors.webhook.signing import TOLERANCE
from bot.domain.mention import Act, Author, Gone, Media, Permit, Post, PostKind, permits
from bot.domain.payload import BadPayload, Item, Reading, fingerprint, items
from bot.domain.text import text
from bot.steady_clock import steady_now

FIELDS = frozenset(
    """id text published_at url author.id author.name author.handle author.url conversation in_reply_to
    private language can_reply can_reply_privately can_reply_until edited_at deleted kind rating media""".split()
)
"""The fields of a mention, and the keys of a source's mapping."""
MAX_BODY = 5 * 1024 * 1024
MAX_MEDIA, MAX_ALT = 16, 1_500
"""The most pictures of a mention, and the most characters of each description, as on Mastodon."""
MAX_TEXT = 100_000
CUT = " […]"
KINDS = frozenset(PostKind)


def posts_of(account: Account, body: bytes, *, now: datetime | None = None) -> list[Post]:
    """Return the mentions in a body, oldest first: one object, a list, or a list under "mentions" (option `items`).

    A mention without a date, or with one in the future, gets `now`. A mention without an id gets the hash of its
    address, else of its author, text and date; in the last case an edit is a new mention. An address that is not
    http(s) is dropped; an id over 500 characters becomes its hash; a text over 100,000 is cut. Raises BadPayload.
    """
    if len(body) > MAX_BODY:
        raise BadPayload(text("The body is larger than {size} MB; send fewer mentions at once.", size=MAX_BODY >> 20))
    try:
        sent = json.loads(body, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadPayload(text("The body is not JSON.")) from error
    options = account.options
    reading = Reading(options.get("mapping", {}), zone(options), now or steady_now())
    posts = [_post(item, options) for item in items(sent, options.get("items", ""), reading)]
    return sorted(posts, key=lambda post: post.published_at)


def _refuse(constant: str) -> None:
    """Refuse NaN and Infinity, which Python would read and JSON does not have."""
    raise BadPayload(text("The body is not JSON."))


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise BadPayload(text("A number in the body is too large."))
    return number


def zone(options: Mapping[str, Any]) -> tzinfo:
    """Return the time zone of dates that name none; raises BadPayload when the one set is unknown."""
    name = options.get("time_zone", "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadPayload(text("The time zone set for this source is unknown: {zone}", zone=name)) from error


def _post(item: Item, options: Mapping[str, Any]) -> Post:
    external_id = _external_id(item)
    conversation = item.id("conversation") or None
    gone = item.flag("deleted", default=False)
    return Post(
        external_id=external_id,
        author=_author(item, conversation or external_id),
        text=_words(item.string("text"), html=bool(options.get("html"))),
        published_at=item.moment("published_at") or item.reading.now,
        url=item.address("url"),
        conversation=conversation,
        in_reply_to=item.id("in_reply_to") or None,
        private=item.flag("private", default=bool(options.get("private"))),
        language=item.name("language"),
        permits=frozenset() if gone else _permits(item, has_callback=bool(options.get("callback_url"))),
        edited_at=item.moment("edited_at", ahead=timedelta(seconds=TOLERANCE)),
        gone=Gone.BY_AUTHOR if gone else None,
        kind=_kind(item),
        rating=_rating(item),
        media=tuple(_media(item)),
    )


def _words(sent: str, *, html: bool) -> str:
    """Return the text, cut when it is too long; HTML is cut before it is parsed, because parsing is slow."""
    words = text_of(sent[:MAX_TEXT]) if html else sent[:MAX_TEXT]
    return words if len(sent) <= MAX_TEXT else words[: MAX_TEXT - len(CUT)] + CUT


def _external_id(item: Item) -> str:
    if external_id := item.id("id"):
        return external_id
    if url := item.address("url"):
        return fingerprint(url)
    if item.flag("deleted", default=False) or not item.string("text").strip():
        raise BadPayload(text("{field} is missing, and so is what could stand for it.", field=item.path("id")))
    # The date as sent: with the moment of receipt, every repeat would be a new mention.
    author = item.string("author.id") or item.string("author.handle") or item.string("author.name")
    return fingerprint(author, item.string("text"), str(item.raw("published_at")))


def _author(item: Item, alone: str) -> Author:
    """Return the author; without id, page or handle it is a different author in every conversation (`alone`).

    Two citizens may have the same name, and must not get each other's answers.
    """
    name, handle, url = item.name("author.name"), item.name("author.handle"), item.address("author.url")
    known = item.id("author.id") or url or handle
    return Author(known or fingerprint(alone, name), name or handle or http.host(url), handle, url)


def _permits(item: Item, *, has_callback: bool) -> frozenset[Permit]:
    wishes = {
        Act.ANSWER: item.flag("can_reply", default=has_callback),
        Act.ANSWER_PRIVATELY: item.flag("can_reply_privately", default=False),
    }
    allowed = [act for act, wished in wishes.items() if wished and has_callback]
    return permits(*allowed, until=item.end("can_reply_until"))


def _kind(item: Item) -> PostKind:
    """Return the kind of the post; without the field, a post that answers another is a reply."""
    sent = item.name("kind")
    if sent in KINDS:
        return PostKind(sent)
    return PostKind.REPLY if item.id("in_reply_to") else PostKind.POST


def _rating(item: Item) -> int | None:
    """Return the stars of a review; None for anything but 1 to 5."""
    sent = item.name("rating")
    return int(sent) if sent in {"1", "2", "3", "4", "5"} else None


def _media(item: Item) -> Iterator[Media]:
    """Yield the pictures, films and sounds with a post; one without a web address is left out."""
    for each in item.inside("media", MAX_MEDIA):
        if url := each.address("url"):
            yield Media(url, each.name("kind") or "image", " ".join(each.string("alt").split())[:MAX_ALT])
