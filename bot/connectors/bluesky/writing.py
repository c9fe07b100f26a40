"""What we write on Bluesky: record keys, links and names, lengths; nothing here asks the server."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import regex

from bot.connectors.base import Measure
from bot.connectors.json_api import Json
from bot.domain.image import Image

IN_POST = (300, 3000)
"""The graphemes and bytes that a post may have:
https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/post.json"""
IN_MESSAGE = (1000, 10_000)
"""For a private message: https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/defs.json"""
GRAPHEME = regex.compile(r"\X")

LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
"""https://atproto.com/specs/tid"""

NAMED = re.compile(r"(?:^|(?<=[\s(]))@([a-zA-Z0-9.-]+)\b")
LINKED = re.compile(
    r"(?:^|(?<=[\s(]))(https?://[^\s/]\S*|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:nl|eu|com|org|net|app|be|frl|amsterdam)"
    r"\b(?![.@-]?[a-z0-9])\S*)",
    re.IGNORECASE,
)
"""A whole address, or one without https:// in a top-level domain that a public body is likely to use."""
ENDS = tuple(".,;:!?…'\"”’»›")
"""Signs that end a sentence or a quotation; phones make one sign of three dots."""


@dataclass(frozen=True)
class Piece:
    """A part of a text that is a link (`uri`) or the name of an account (`handle`); positions in bytes of UTF-8."""

    start: int
    end: int
    uri: str = ""
    handle: str = ""


def record_key(key: str, at: datetime) -> str:
    """Return the record key for a key of ours: always the same, so that one key makes one record.

    It is a TID for the second of `at`; the rest of its 64 bits comes from the key.
    """
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    microseconds = int(at.timestamp()) * 1_000_000 + digest % 1_000_000
    number = microseconds << 10 | (digest >> 32) % 1024
    return "".join(LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


def moment(at: datetime) -> str:
    """Return a moment in the form of a record: https://atproto.com/specs/lexicon#datetime"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def measure(text: str, most: tuple[int, int] = IN_POST) -> Measure:
    """Return the length in graphemes or in bytes, whichever reaches its limit first."""
    max_graphemes, max_bytes = most
    graphemes, size = sum(1 for _ in GRAPHEME.finditer(text)), len(text.encode())
    if size * max_graphemes > graphemes * max_bytes:
        return Measure(size, max_bytes)
    return Measure(graphemes, max_graphemes)


def embed(image: Image, blob: Json) -> Json:
    """Return an image in the form of a post: https://docs.bsky.app/docs/tutorials/creating-a-post#images-embeds"""
    shown = {"alt": image.description, "image": blob, "aspectRatio": {"width": image.width, "height": image.height}}
    return {"$type": "app.bsky.embed.images", "images": [shown]}


def pieces(text: str) -> Iterator[Piece]:
    """Yield the links and names in a text, in order; if two overlap, only the first."""
    matches = [*_names(text), *_links(text)]
    reached = 0
    for start, end, uri, handle in sorted(matches):
        if start >= reached:
            reached = end
            before = len(text[:start].encode())
            yield Piece(before, before + len(text[start:end].encode()), uri, handle)


def _names(text: str) -> Iterator[tuple[int, int, str, str]]:
    for match in NAMED.finditer(text):
        if "." in match[1].strip(".-"):
            yield match.start(), match.end(), "", match[1].lower()


def _links(text: str) -> Iterator[tuple[int, int, str, str]]:
    for match in LINKED.finditer(text):
        shown = _without_what_follows(match[1])
        uri = shown if shown.lower().startswith(("http://", "https://")) else f"https://{shown}"
        if not uri.endswith("://"):
            yield match.start(1), match.start(1) + len(shown), uri, ""


def _without_what_follows(link: str) -> str:
    """Return a link without the signs of its sentence; a bracket is one of these unless the link has both of a pair."""
    while link.endswith(ENDS) or (link.endswith(")") and link.count(")") > link.count("(")):
        link = link[:-1]
    return link


def facets(text: str, dids: Mapping[str, str]) -> list[Json]:
    """Return the links and names in a text, by https://docs.bsky.app/docs/advanced-guides/post-richtext.

    `dids` are the accounts of the handles; a handle without one stays text.
    """
    return [
        {"index": {"byteStart": piece.start, "byteEnd": piece.end}, "features": [feature]}
        for piece in pieces(text)
        if (feature := _feature(piece, dids)) is not None
    ]


def _feature(piece: Piece, dids: Mapping[str, str]) -> Json | None:
    if piece.uri:
        return {"$type": "app.bsky.richtext.facet#link", "uri": piece.uri}
    if did := dids.get(piece.handle):
        return {"$type": "app.bsky.richtext.facet#mention", "did": did}
    return None
