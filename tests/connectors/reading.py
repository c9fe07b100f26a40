"""What the tests of several connectors do alike: read all pages, look at one post, write an answer."""

import json
from datetime import UTC, datetime

from bot.connectors.base import Cursor, Draft, Polls
from bot.domain.mention import Act, Post


async def read_all(connector: Polls, cursor: Cursor, calls: int = 60) -> tuple[list[Post], Cursor]:
    """Return all that is there, and where the next reading begins; the cursor survives the database's JSON."""
    posts: list[Post] = []
    for _ in range(calls):
        page = await connector.fetch(cursor)
        posts += page.posts
        cursor = json.loads(json.dumps(page.cursor))
        if not page.more:
            return posts, cursor
    raise AssertionError(f"still more after {calls} pages")


async def read(connector: Polls, ident: str) -> Post:
    """Return a post as it came in."""
    return next(post for post in (await connector.fetch({})).posts if post.external_id == ident)


def draft(
    to: Post, text: str = "Dat zoeken we uit. ^SB", *, private: bool = False, at: datetime | None = None
) -> Draft:
    """Return an answer to a post."""
    return Draft("key-1", text, private, to, at or datetime.now(UTC))


def acts(post: Post) -> set[Act]:
    """Return what may be done with a post, whatever the time."""
    return {permit.act for permit in post.permits}
