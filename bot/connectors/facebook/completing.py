"""What Facebook does not push with a comment or a visitor's post: what may be done with it, and the post above it.

Nor some pictures and films: a moving picture in place of words may come as an empty comment.

https://developers.facebook.com/docs/graph-api/webhooks/reference/page
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from bot.connectors.base import Rejected, Verdict
from bot.connectors.facebook.posts import ABOVE, COMMENT, POST, comment_of, is_in, post_of
from bot.connectors.facebook.server import Server
from bot.connectors.json_api import Json
from bot.connectors.meta.hooks import UNREADABLE, WITHIN
from bot.connectors.meta.parts import ident_of
from bot.domain.mention import Delivery, Post

log = structlog.get_logger()


async def as_it_is(server: Server, post: Post, above: Json | None = None) -> Post:
    """Return a comment below this post of ours, or a visitor's post, as it is now; may raise one of UNREADABLE."""
    is_post = is_in(post) == "post"
    payload = await server.get(post.external_id, fields=POST if is_post else COMMENT)
    return post_of(payload, server.page, is_ours=True) if is_post else comment_of(payload, server.page, above)


class Completing:
    """Requests what one push of Facebook's left out; once for each post of ours."""

    def __init__(self, server: Server) -> None:
        self._server, self._above = server, dict[str, Json]()

    async def complete(self, items: Sequence[Post | Delivery]) -> Sequence[Post | Delivery]:
        """Return the pushed items completed with what we must request, as far as time and the limit allow.

        Items that could not be requested are returned as they came.
        """
        done = list(items)
        try:
            async with asyncio.timeout(WITHIN):
                for number, item in enumerate(items):
                    if isinstance(item, Post) and _lacks(item) and self._server.has_room:
                        done[number] = await self._completed(item)
        except (TimeoutError, Verdict) as error:
            log.warning("posts not completed", account=self._server.account.id, error=type(error).__name__)
        return done

    async def _completed(self, post: Post) -> Post:
        above = await self._post_above(post)
        try:
            seen = await as_it_is(self._server, post, above)
        except (Rejected, *UNREADABLE) as error:
            log.warning("post not completed", post=post.external_id, error=type(error).__name__)
            return post
        media = post.media or seen.media
        return replace(post, permits=seen.permits, replies_to=seen.replies_to, hidden=seen.hidden, media=media)

    async def _post_above(self, post: Post) -> Json | None:
        """Return the post of ours above a comment; None if there is none, or it cannot be read."""
        if not post.above():
            return None
        ident = post.above()[-1]
        if ident not in self._above:
            try:
                self._above[ident] = await self._server.get(ident_of(ident), fields=ABOVE)
            except (Rejected, *UNREADABLE) as error:
                log.warning("post of ours not read", post=ident, error=type(error).__name__)
                self._above[ident] = {}
        return self._above[ident]


def _lacks(item: Post) -> bool:
    """Tell whether a pushed item is incomplete: a comment or a visitor's post, new or edited."""
    return item.gone is None and not item.private and is_in(item) in {"comment", "post"}
