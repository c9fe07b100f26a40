"""Read what is new below the posts of a page and around it: comments, visitors' posts, posts that name us, reviews.

https://developers.facebook.com/docs/graph-api/reference/page/feed

One request returns the newest posts of the page with the newest comments below each. If there are more new comments
than a few pages, we remember where we stopped and continue later, so that a busy post does not hold up the others.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bot.connectors.base import Rejected, Unavailable
from bot.connectors.facebook.posts import COMMENT, POST, REVIEW, comment_of, post_of, review_of
from bot.connectors.facebook.server import Server
from bot.connectors.json_api import Json, time_of, within
from bot.connectors.meta.graph import NotThere, after, listed
from bot.connectors.meta.hooks import moment_of
from bot.connectors.meta.newest import EVER, Found, Known, first_pages, read_down, tried_later
from bot.connectors.meta.parts import ident_of, read_all
from bot.domain.mention import Post

FEED_PAGES, POSTS, COMMENTS = 2, 25, 25
"""Pages of the feed that we read, posts on each, and comments that come with each post."""
MORE_COMMENTS, PAGES_AT_ONCE = 100, 5
FAILURES = 3
"""Below how many posts a reading asks in vain of a server that has a fault; it waits for that below no other."""
NEWEST_FIRST = {"filter": "stream", "order": "reverse_chronological"}

log = structlog.get_logger()


class Reader:
    """Reads for one page. Each method may raise a verdict."""

    def __init__(self, server: Server, now: datetime, begins: datetime | None) -> None:
        self._server, self._page = server, server.page
        self._now, self._begins = now, begins
        self._failures = 0
        self.is_whole = True
        """Whether we could read on below each post."""

    # --- comments --------------------------------------------------------------------------------

    async def comments(self, state: Mapping[str, Any] | None) -> Found:
        """Return new comments of others; the first time only those that we did not answer."""
        known, left = Known.of(state, self._begins), list((state or {}).get("left", ()))
        raw: list[tuple[Json, Json]] = []
        for post in await self._feed(known):
            below, places = await self._below(post, known, left)
            raw += [(each, post) for each in below]
            left = places
        ours = self._ours([each for each, _ in raw])
        seen = theirs = self._read(raw)
        if known.is_first:
            theirs = [post for post in theirs if not _is_answered(post, ours)]
            left = [place if "ours" in place else _with(ours, place) for place in left]
        has_places = self.is_whole  # else the first reading goes on
        older, left = await self._read_on(left)
        return Found(
            [*known.news(theirs), *older],
            {**known.after([*seen, *older], self._now, is_whole=has_places), "left": left},
            bool(left) and self.is_whole,
        )

    async def _feed(self, known: Known) -> list[Json]:
        """Return the newest posts on the page, each with its newest comments."""
        since = "" if known.floor <= EVER else f".since({int(known.floor.timestamp())})"
        ordered = "".join(f".{name}({value})" for name, value in NEWEST_FIRST.items())
        fields = f"id,from,message,permalink_url,comments{ordered}{since}.limit({COMMENTS}){{{COMMENT}}}"
        path = f"{self._page.id}/feed"
        return await first_pages(partial(self._server.get_list, path, fields=fields, limit=POSTS), FEED_PAGES)

    async def _below(self, post: Json, known: Known, left: list[Json]) -> tuple[list[Json], list[Json]]:
        """Return the comments below a post that may be new, and the places to continue, with this one if it has more.

        A place whose turn was refused takes the earlier ones below its post along, so that they do not pile up.
        """
        first = post.get("comments")
        comments, cursor = listed(first), after(first)
        if not cursor or _reaches(comments, known.floor):
            return comments, left
        place: Json = {"post": str(post.get("id")), "after": cursor, "floor": known.floor.isoformat()}
        if self._failures >= FAILURES:
            return comments, self._put_off(place, known, left)
        try:
            rest, cursor = await self._down(place["post"], cursor, known)
        except (Rejected, Unavailable) as verdict:
            self._failures += isinstance(verdict, Unavailable)
            log.warning("comments not read", post=place["post"], verdict=type(verdict).__name__)
            return comments, self._put_off(place, known, left)
        goes_on = cursor and not (known.is_first and known.floor <= EVER)
        more = [{**place, "after": cursor}] if goes_on else []
        return [*comments, *rest], [*left, *more]

    def _put_off(self, place: Json, known: Known, left: list[Json]) -> list[Json]:
        """Return the places to continue with one that was not read."""
        if known.is_first:  # of a place we could not tell which ones we answered
            self.is_whole = False
            return left
        same, others = _parted(left, place["post"])
        floor = min(each["floor"] for each in (place, *same))
        return [*others, {**place, "floor": floor}]

    async def _down(self, post_id: str, cursor: str, known: Known) -> tuple[list[Json], str]:
        """Continue below a post, down to what is known; returns where to go on if that was not reached."""
        comments: list[Json] = []
        for _ in range(PAGES_AT_ONCE):
            asked = {**NEWEST_FIRST, "fields": COMMENT, "limit": MORE_COMMENTS, **({"after": cursor} if cursor else {})}
            answer = await self._server.get_list(f"{ident_of(post_id)}/comments", **asked)
            page, cursor = listed(answer), after(answer)
            comments += page
            if not cursor or _reaches(page, known.floor) or all(self._is_known(each, known) for each in page):
                return comments, ""
        return comments, cursor

    def _is_known(self, comment: Json, known: Known) -> bool:
        return comment.get("id") in known.ids or within(comment, "from", "id") == self._page.id

    async def _read_on(self, left: list[Json]) -> tuple[list[Post], list[Json]]:
        """Continue below the last post where we stopped; returns its comments and the remaining places."""
        if not left:
            return [], []
        *others, place = left
        floor = moment_of(place["floor"]) or EVER
        try:
            comments, cursor = await self._down(place["post"], place["after"], Known(floor, {}))
        except NotThere:
            log.info("comments not read on", post=place["post"])
            return [], others
        except (Rejected, Unavailable) as verdict:
            log.warning("comments not read on", post=place["post"], verdict=type(verdict).__name__)
            self.is_whole = False
            return [], [tried_later(place, verdict), *others]
        posts = self._read([(each, {"id": place["post"]}) for each in comments])
        if "ours" in place:
            ours = [*((above, time_of(at)) for above, at in place["ours"]), *self._ours(comments)]
            posts, place = [post for post in posts if not _is_answered(post, ours)], _with(ours, place)
        place_left = [{**place, "after": cursor}] if cursor else []
        return [post for post in posts if post.published_at >= floor], [*others, *place_left]

    def _read(self, raw: Sequence[tuple[Json, Json]]) -> list[Post]:
        """Return the comments of others."""
        posts: list[Post] = []
        for comment, post in raw:
            if within(comment, "from", "id") != self._page.id:
                posts += read_all([comment], partial(comment_of, page=self._page, post=post), log)
        return posts

    def _ours(self, comments: Sequence[Json]) -> list[tuple[str, datetime]]:
        """Return for each comment of ours what it answers, and when it was written."""
        return [
            (str(within(each, "parent", "id")), at)
            for each in comments
            if within(each, "from", "id") == self._page.id and (at := moment_of(each.get("created_time")))
        ]

    # --- the rest --------------------------------------------------------------------------------

    async def visitors(self, state: Mapping[str, Any] | None) -> Found:
        """Return new posts of others on the page."""
        fields = f"{POST},comments.limit({COMMENTS}){{from}}"
        return await self._list("visitor_posts", state, fields, lambda each: post_of(each, self._page, is_ours=True))

    async def tagged(self, state: Mapping[str, Any] | None) -> Found:
        """Return new posts elsewhere that name the page."""
        return await self._list("tagged", state, POST, lambda each: post_of(each, self._page, is_ours=False))

    async def reviews(self, state: Mapping[str, Any] | None) -> Found:
        """Return new recommendations."""
        return await self._list("ratings", state, REVIEW, review_of)

    async def _list(
        self, edge: str, state: Mapping[str, Any] | None, fields: str, read: Callable[[Json], Post]
    ) -> Found:
        known = Known.of(state, self._begins)
        ask = partial(self._server.get_list, f"{self._page.id}/{edge}", fields=fields, limit=POSTS)
        raw, rest = await read_down(ask, known, "created_time", self._now)
        theirs = [each for each in raw if within(each, "from", "id") != self._page.id]
        seen = posts = read_all(theirs, read, log)
        if known.is_first:
            answered = {each.get("id") for each in theirs if self._has_our_comment(each)}
            posts = [post for post in posts if post.external_id not in answered]
        return Found(known.news(posts), known.after(seen, self._now, rest), more=rest is not None)

    def _has_our_comment(self, post: Json) -> bool:
        return any(within(each, "from", "id") == self._page.id for each in listed(post.get("comments")))


def _with(ours: Sequence[tuple[str, datetime]], place: Json) -> Json:
    """Return a place of the first reading with what we answered above it, which its older comments may be."""
    return {**place, "ours": [[above, at.isoformat()] for above, at in ours]}


def _parted(left: Sequence[Json], post_id: str) -> tuple[list[Json], list[Json]]:
    """Return the places below this post, and the others."""
    same = [each for each in left if each["post"] == post_id]
    return same, [each for each in left if each["post"] != post_id]


def _reaches(page: Sequence[Json], floor: datetime) -> bool:
    """Tell whether a page goes below a moment."""
    moments = [at for each in page if (at := moment_of(each.get("created_time")))]
    return bool(moments) and min(moments) < floor


def _is_answered(post: Post, ours: Sequence[tuple[str, datetime]]) -> bool:
    """Tell whether we wrote below a comment, or later below the one that it answers."""
    parent = (post.place or {}).get("parent")
    return any(above in {post.external_id, parent} and at >= post.published_at for above, at in ours)
