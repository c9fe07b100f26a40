"""What a platform gives in a form that any database can store: another person may have chosen any part of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from bot.domain.mention import Author, Delivery, Media, Post
from bot.domain.payload import UNSTORABLE, fingerprint

LONGEST_ID = 2_000
"""Bytes; PostgreSQL takes at most 2,704 of them in an index: https://www.postgresql.org/docs/current/btree.html"""

ESCAPED = re.compile(r"\\x00|\\ud[89a-f]")
"""How Python writes NUL and half characters of any text in a value; what people write with a backslash may look so."""
SHORT = 500
"""The most characters of a text in what is left of a post that a database refuses."""
UTF_8 = 4
"""The most bytes of a character."""


def storable(item: Post | Delivery) -> Post | Delivery:
    """Return an item without NUL and half characters; an id that no index takes becomes its fingerprint."""
    clean: Post | Delivery = _clean(item) if ESCAPED.search(repr(item)) else item  # nearly all are: nothing is copied
    if all(len(ident) <= LONGEST_ID / UTF_8 for ident in _ids(clean)):
        return clean
    if isinstance(clean, Delivery):
        return replace(clean, external_id=_id(clean.external_id))
    return replace(
        clean,
        external_id=_id(clean.external_id),
        author=replace(clean.author, external_id=_id(clean.author.external_id)),
        conversation=_id(clean.conversation) if clean.conversation else clean.conversation,
        in_reply_to=_id(clean.in_reply_to) if clean.in_reply_to else clean.in_reply_to,
        ancestors=tuple(map(_id, clean.ancestors)),
    )


def bare(post: Post) -> Post:
    """Return a post that a database refuses with little more than that it is there; people read that something lacks.

    It cannot be answered from here: what the platform needs for that may be what is refused.
    """
    author = Author(post.author.external_id, post.author.name[:SHORT])
    return Post(
        external_id=post.external_id,
        author=author,
        text=post.text[:SHORT],
        published_at=post.published_at,
        url=post.url if len(post.url) <= SHORT else "",
        private=post.private,
        edited_at=post.edited_at,
        gone=post.gone,
        cautions=post.cautions,
        kind=post.kind,
        media=(Media("", "unsupported"),),
    )


def storable_id(ident: str) -> str:
    """Return the id of something of ours in the same form, so that it is known when the platform names it."""
    return _id(UNSTORABLE.sub("", ident))


def _ids(item: Post | Delivery) -> Iterator[str]:
    yield item.external_id
    if isinstance(item, Post):
        yield from (item.author.external_id, item.conversation or "", item.in_reply_to or "")
        yield from item.ancestors


def _id(ident: str) -> str:
    return ident if len(ident.encode()) <= LONGEST_ID else fingerprint(ident)


def _clean(value: Any) -> Any:
    """Return a value with all texts in it clean."""
    if type(value) is str:
        return UNSTORABLE.sub("", value)
    if isinstance(value, list | tuple):
        return type(value)(map(_clean, value))
    if isinstance(value, Mapping):
        return {_clean(name): _clean(each) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _clean(getattr(value, each.name)) for each in fields(value)})
    return value
