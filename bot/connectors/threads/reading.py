"""Read what is new below our posts, below our answers elsewhere, and where others name us.

https://developers.facebook.com/docs/threads/retrieve-and-manage-replies/replies-and-conversations
https://developers.facebook.com/docs/threads/threads-mentions

There is no list of all replies to us: we request the replies below each of our newest posts that have any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from bot.connectors.base import RateLimited, Rejected, Unavailable
from bot.connectors.json_api import Json
from bot.connectors.meta.graph import NotThere, listed
from bot.connectors.meta.hooks import UNREADABLE, moment_of
from bot.connectors.meta.newest import EVER, Found, Known
from bot.connectors.threads.posts import (
    IDENT,
    MENTION,
    OURS,
    PARTS,
    QUOTED,
    REPLY,
    THREAD,
    id_at,
    media_of,
    next_page,
    parts_of,
    post_of,
    quote_of,
)
from bot.connectors.threads.server import Me, Server
from bot.domain.mention import Media, Post, Quote

AT_ONCE = 100
"""Posts on a page; this is the maximum."""
POSTS, ANSWERS = 25, 10
"""Below how many of our newest posts, and of our newest answers elsewhere, we look for replies."""
PAGES = 100
FIRST_PAGES = 4
"""Pages of a list that the first reading reads if the account has no moment at which it begins."""
FAILURES = 3
"""Below how many posts a reading may fail before it ends: more of them mean that the server itself has a fault."""
LOOKS = 30
"""Requests per reading for data that lists lack (alternative texts, parts of an album, answered posts)."""

log = structlog.get_logger()


class Reader:
    """One reading for one account. Each method may raise a verdict."""

    def __init__(self, server: Server, me: Me, now: datetime, begins: datetime | None) -> None:
        self._server, self._me = server, me
        self._now, self._begins = now, begins
        self._mine: dict[str, Json] = {}
        self._seen: dict[str, Json] = {}
        self._looks = self._failures = 0
        self.is_whole = True
        """Whether we could read what is below each of our posts."""

    async def replies(self, state: Mapping[str, Any] | None) -> Found:
        """Return new replies of others to us; the first time only those that we did not answer."""
        known = Known.of(state, self._begins)
        threads = listed(await self._server.get_list("me/threads", fields=THREAD, limit=AT_ONCE))
        self._mine = {each["id"]: each for each in threads if _has_id(each)}
        ours = await self._ours(known)
        raw: list[Json] = []
        for each in [each for each in self._mine.values() if each.get("has_replies")][:POSTS]:
            raw += await self._below(f"{each['id']}/conversation", known)
        for each in [each for each in ours if each.get("has_replies") and not self._is_below_ours(each)][:ANSWERS]:
            raw += await self._below(f"{each['id']}/replies", known)
        answered = {id_at(each, "replied_to") for each in ours} if known.is_first else set()
        return await self._new(raw, known, answered, with_alt=False, is_whole=self.is_whole)

    async def mentions(self, state: Mapping[str, Any] | None) -> Found:
        """Return new posts of others that name us."""
        known = Known.of(state, self._begins)
        since = {} if known.floor <= EVER else {"since": int(known.floor.timestamp())}
        raw = await self._down("me/mentions", known, fields=MENTION, limit=AT_ONCE, **since)
        answered = {id_at(each, "replied_to") for each in await self._ours(known)} if known.is_first else set()
        return await self._new(raw, known, answered, with_alt=True)

    # --- lists -----------------------------------------------------------------------------------

    async def _ours(self, known: Known) -> list[Json]:
        """Return our own newest replies; the first time all since the account begins."""
        if known.is_first:
            replies = await self._down("me/replies", known, fields=OURS, limit=AT_ONCE)
        else:
            replies = listed(await self._server.get_list("me/replies", fields=OURS, limit=AT_ONCE))
        return [each for each in replies if _has_id(each)]

    async def _below(self, path: str, known: Known) -> list[Json]:
        """Return the replies below a post of ours that may be new; none if it was removed in the meantime."""
        try:
            return await self._down(path, known, fields=REPLY, reverse="true")
        except NotThere:
            log.info("replies not read", path=path)
            return []
        except (Rejected, Unavailable) as verdict:
            self._failures += isinstance(verdict, Unavailable)
            if self._failures > FAILURES:
                raise
            log.warning("replies not read", path=path, verdict=type(verdict).__name__)
            self.is_whole = False
            return []

    async def _down(self, path: str, known: Known, **asked: Any) -> list[Json]:
        """Read a list, newest first, down to what is known."""
        items: list[Json] = []
        for _ in range(FIRST_PAGES if known.floor <= EVER else PAGES):
            answer = await self._server.get_list(path, **asked)
            page, cursor = listed(answer), next_page(answer)
            items += page
            if not cursor or cursor == asked.get("after") or _reaches(page, known.floor):
                return items
            asked["after"] = cursor
        log.warning("list not read to its end", path=path, read=len(items))
        return items

    # --- posts -----------------------------------------------------------------------------------

    async def _new(
        self, raw: Sequence[Json], known: Known, answered: set[str], *, with_alt: bool, is_whole: bool = True
    ) -> Found:
        """Return the new posts of others in a list. `with_alt`: the list has the texts of pictures."""
        self._seen |= {each["id"]: each for each in raw if _has_id(each)}
        theirs = [post for each in raw if not self._is_ours(each) and (post := self._read(each))]
        news = {post.external_id: post for post in known.news(theirs) if post.external_id not in answered}
        posts = []
        for post in news.values():
            payload = self._seen[post.external_id]
            media = await self._media(post, payload, with_alt=with_alt)
            posts.append(replace(post, media=media, replies_to=await self._above(payload)))
        return Found(posts, known.after(theirs, self._now, is_whole=is_whole))

    def _read(self, payload: Json) -> Post | None:
        try:
            return post_of(payload, self._mine)
        except UNREADABLE as error:
            log.warning("post not understood", post=payload.get("id"), error=type(error).__name__)
            return None

    def _is_ours(self, payload: Json) -> bool:
        return payload.get("is_reply_owned_by_me") is True or payload.get("username") == self._me.username

    def _is_below_ours(self, payload: Json) -> bool:
        """Tell whether a reply is in a thread that we began and read."""
        return id_at(payload, "root_post") in self._mine

    async def _media(self, post: Post, payload: Json, *, with_alt: bool) -> tuple[Media, ...]:
        """Return the media of a post, with what the list lacks: the parts of an album, the texts of pictures."""
        if parts := parts_of(payload):
            return tuple([each for ident in parts for each in media_of(await self._look(ident, f"{PARTS},alt_text"))])
        shown = post.media or ()
        if with_alt or not any(each.url == payload.get("media_url") for each in shown):
            return shown
        extra = await self._look(post.external_id, "alt_text")
        return tuple(media_of({**payload, "alt_text": extra.get("alt_text")}))

    async def _above(self, payload: Json) -> Quote | None:
        """Return the post that another answers or quotes; our own words only if they began the thread."""
        above, quoted = id_at(payload, "replied_to"), id_at(payload, "quoted_post")
        ident = above or quoted
        if not ident:
            return None
        known = self._mine.get(ident) or self._seen.get(ident) or await self._look(ident, QUOTED)
        is_an_answer_of_ours = self._is_ours(known) and above and above != id_at(payload, "root_post")
        return None if is_an_answer_of_ours else quote_of(known)

    async def _look(self, ident: str, fields: str) -> Json:
        """Request one post; {} if it cannot be read now, because the rest is enough for a card."""
        if self._looks >= LOOKS:
            return {}
        self._looks += 1
        try:
            return await self._server.get(ident, fields=fields)
        except (RateLimited, Unavailable, Rejected) as verdict:
            log.info("post not looked at", post=ident, verdict=type(verdict).__name__)
            return {}


def _has_id(payload: Json) -> bool:
    ident = payload.get("id")
    return isinstance(ident, str) and IDENT.fullmatch(ident) is not None


def _reaches(page: Sequence[Json], floor: datetime) -> bool:
    """Tell whether a page goes below a moment."""
    moments = [at for each in page if (at := moment_of(each.get("timestamp")))]
    return bool(moments) and min(moments) < floor
