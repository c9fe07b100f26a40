"""Check known posts again, some at a time: Graph gives one per request."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from bot.connectors.base import Cursor, Rechecked, Rejected, Unavailable, in_turn
from bot.connectors.meta.graph import NotAllowed, NotThere
from bot.connectors.meta.hooks import UNREADABLE
from bot.connectors.meta.parts import gone
from bot.domain.mention import Gone, Post

AT_ONCE = 10
FAILURES = 3
"""How many posts a check may fail to read before it ends. If none was read, the server itself has a fault."""

log = structlog.get_logger()


async def look_again(
    posts: Sequence[Post], cursor: Cursor, read: Callable[[Post], Awaitable[Post]], now: datetime
) -> Rechecked:
    """Check some of these posts; return those that changed, are gone or are back. `read` requests one as it is now.

    One that Graph fails to show holds up no other: it has faults that are about one object and last, and all that is
    below one post may share them. The next check goes on behind those.
    """
    by_id = {post.external_id: post for post in posts}
    turn, after = in_turn(list(by_id), cursor, AT_ONCE)
    changed, failures = list[Post](), 0
    for number, ident in enumerate(turn, 1):
        try:
            seen = await _seen(by_id[ident], read, now)
        except (Rejected, Unavailable) as verdict:
            failures += 1
            if failures == number == min(FAILURES + 1, len(turn)):
                raise
            log.warning("post not looked at again", post=ident, error=type(verdict).__name__)
            if failures > FAILURES:
                return Rechecked(tuple(changed), {"last": ident})
        else:
            changed += [seen] if seen is not None else []
    return Rechecked(tuple(changed), after)


async def _seen(post: Post, read: Callable[[Post], Awaitable[Post]], now: datetime) -> Post | None:
    """Return a post that changed, is gone or is back, was hidden or shown elsewhere, or can be answered only now.

    Graph does not say why a post is gone, nor when it changed.
    """
    try:
        seen = await read(post)
    except NotThere:
        return gone(post.external_id, Gone.UNREACHABLE)
    except (NotAllowed, *UNREADABLE) as error:
        log.warning("post not looked at again", post=post.external_id, error=type(error).__name__)
        return None
    if seen.text.split() != post.text.split():
        return replace(seen, edited_at=now)
    is_news = post.gone is not None or (seen.hidden is not None and seen.hidden is not bool(post.hidden))
    # One that was hidden when it came in may be shown by an act of ours, so that this is no news. Ours have no place.
    opens_up = post.place is not None and seen.may_be_answered() and not post.may_be_answered()
    return seen if is_news or opens_up else None
