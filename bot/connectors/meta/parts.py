"""Parts of Graph's payloads: ids, lists of objects, posts that are gone."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.connectors.json_api import Json
from bot.connectors.meta.hooks import UNREADABLE
from bot.domain.mention import Author, Gone, Post

IDENT = re.compile(r"[\w.:$=-]{1,300}")


def ident_of(value: Any) -> str:
    """Return an id in Meta's form, or raise ValueError."""
    if not isinstance(value, str) or not IDENT.fullmatch(value):
        raise ValueError("no id")
    return value


def flag(payload: Json, name: str) -> bool | None:
    """Return a flag of a payload; None where Graph does not say."""
    value = payload.get(name)
    return value if isinstance(value, bool) else None


def gone(ident: str, why: Gone) -> Post:
    """Return a post that can no longer be read."""
    return Post(ident, Author("", ""), "", datetime.fromtimestamp(0, UTC), gone=why)


def oldest_first(posts: Iterable[Post]) -> tuple[Post, ...]:
    """Return posts in the order in which they are taken in."""
    return tuple(sorted(posts, key=lambda post: (post.published_at, len(post.external_id), post.external_id)))


def read_all(items: Sequence[Json], read: Callable[[Json], Post], log: Any) -> list[Post]:
    """Return the posts of a list; those that cannot be read are logged by id and left out."""
    posts = []
    for each in items:
        try:
            posts.append(read(each))
        except UNREADABLE as error:
            log.warning("post not understood", post=each.get("id"), error=type(error).__name__)
    return posts
