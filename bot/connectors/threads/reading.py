"""Reading what is new below our posts, below our answers elsewhere, and where others name us.

https://developers.facebook.com/docs/threads/retrieve-and-manage-replies/replies-and-conversations
https://developers.facebook.com/docs/threads/threads-mentions

There is no list of all replies to us: we ask for the replies below each of our newest posts that have any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from bot.connectors.base import RateLimited, Rejected, Unavailable
from bot.connectors.json_api import Json
from bot.connectors.meta.graph import listed
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
"""Posts on a page, the most that there can be."""
POSTS, ANSWERS = 25, 10
"""Below how many of our newest posts, and of our newest answers elsewhere, we look for replies."""
PAGES = 100
FIRST_PAGES = 4
"""Pages of a list that the first reading looks at when the account begins at no moment."""
LOOKS = 30
"""Requests for what is not in a list (alternative texts, parts of an album, what was answered) in one reading."""

log = structlog.get_logger()


class Reader:
    """Reads once for one account. Each method may raise a verdict."""

    def __init__(self, server: Server, me: Me, now: datetime, begins: datetime | None) -> None:
        self._server, self._me = server, me
        self._now, self._begins = now, begins
        self._mine: dict[str, Json] = {}
        self._seen: dict[str, Json] = {}
        self._looks = 0

    async def replies(self, state: Mapping[str, Any] | None) -> Found:
        """Return new replies of others to us; the first time those that we did not answer."""
        known = Known.of(state, self._begins)
        threads = listed(await self._server.get("me/threads", fields=THREAD, limit=AT_ONCE))
        self._mine = {each["id"]: each for each in threads if _has_id(each)}
        ours = await self._ours(known)
        raw: list[Json] = []
        for each in [each for each in self._mine.values() if each.get("has_replies")][:POSTS]:
            raw += await self._below(f"{each['id']}/conversation", known)
        for each in [each for each in ours if each.get("has_replies") and not self._is_below_ours(each)][:ANSWERS]:
            raw += await self._below(f"{each['id']}/replies", known)
        answered = {id_at(each, "replied_to") for each in ours} if known.is_first else set()
        return await self._new(raw, known, answered, with_alt=False)

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
            found = await self._down("me/replies", known, fields=OURS, limit=AT_ONCE)
        else:
            found = listed(await self._server.get("me/replies", fields=OURS, limit=AT_ONCE))
        return [each for each in found if _has_id(each)]

    async def _below(self, path: str, known: Known) -> list[Json]:
        """Return the replies below a post of ours that may be new; none when it was removed meanwhile."""
        try:
            return await self._down(path, known, fields=REPLY, reverse="true")
        except Rejected as verdict:
            log.info("replies not read", path=path, verdict=type(verdict).__name__)
            return []

    async def _down(self, path: str, known: Known, **asked: Any) -> list[Json]:
        """Read a list, which has the newest first, down to what is known."""
        found: list[Json] = []
        for _ in range(FIRST_PAGES if known.floor <= EVER else PAGES):
            answer = await self._server.get(path, **asked)
            page, cursor = listed(answer), next_page(answer)
            found += page
            if not cursor or cursor == asked.get("after") or _reaches(page, known.floor):
                return found
            asked["after"] = cursor
        log.warning("list not read to its end", path=path, read=len(found))
        return found

    # --- posts -----------------------------------------------------------------------------------

    async def _new(self, raw: Sequence[Json], known: Known, answered: set[str], *, with_alt: bool) -> Found:
        """Return which posts of others in a list are new. `with_alt`: the list has the texts of pictures."""
        self._seen |= {each["id"]: each for each in raw if _has_id(each)}
        theirs = [post for each in raw if not self._is_ours(each) and (post := self._read(each))]
        news = {post.external_id: post for post in known.news(theirs) if post.external_id not in answered}
        posts = []
        for post in news.values():
            found = self._seen[post.external_id]
            media = await self._media(post, found, with_alt=with_alt)
            posts.append(replace(post, media=media, replies_to=await self._above(found)))
        return Found(posts, known.after(theirs, self._now))

    def _read(self, found: Json) -> Post | None:
        try:
            return post_of(found, self._mine)
        except UNREADABLE as error:
            log.warning("post not understood", post=found.get("id"), error=type(error).__name__)
            return None

    def _is_ours(self, found: Json) -> bool:
        return found.get("is_reply_owned_by_me") is True or found.get("username") == self._me.username

    def _is_below_ours(self, found: Json) -> bool:
        """Tell whether a reply is in a thread that we began and look into."""
        return id_at(found, "root_post") in self._mine

    async def _media(self, post: Post, found: Json, *, with_alt: bool) -> tuple[Media, ...]:
        """Return what a post shows, with what the list does not tell: the parts of an album, the texts of pictures."""
        if parts := parts_of(found):
            return tuple([each for ident in parts for each in media_of(await self._look(ident, f"{PARTS},alt_text"))])
        if with_alt or not any(each.url == found.get("media_url") for each in post.media):
            return post.media
        told = await self._look(post.external_id, "alt_text")
        return tuple(media_of({**found, "alt_text": told.get("alt_text")}))

    async def _above(self, found: Json) -> Quote | None:
        """Return the post that one answers or quotes; of our own words only those with which a thread began."""
        above, quoted = id_at(found, "replied_to"), id_at(found, "quoted_post")
        ident = above or quoted
        if not ident:
            return None
        known = self._mine.get(ident) or self._seen.get(ident) or await self._look(ident, QUOTED)
        is_an_answer_of_ours = self._is_ours(known) and above and above != id_at(found, "root_post")
        return None if is_an_answer_of_ours else quote_of(known)

    async def _look(self, ident: str, fields: str) -> Json:
        """Ask for one post; {} when it cannot be read now, because the rest is enough for a card."""
        if self._looks >= LOOKS:
            return {}
        self._looks += 1
        try:
            return await self._server.get(ident, fields=fields)
        except (RateLimited, Unavailable, Rejected) as verdict:
            log.info("post not looked at", post=ident, verdict=type(verdict).__name__)
            return {}


def _has_id(found: Json) -> bool:
    ident = found.get("id")
    return isinstance(ident, str) and IDENT.fullmatch(ident) is not None


def _reaches(page: Sequence[Json], floor: datetime) -> bool:
    """Tell whether a page goes below a moment."""
    moments = [at for each in page if (at := moment_of(each.get("timestamp")))]
    return bool(moments) and min(moments) < floor
