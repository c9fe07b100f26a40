"""Read what is new below our posts, and the words of a mention.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media/comments

One request returns a few of our newest posts with the newest comments below each, and their replies. We read more only
where the number of comments changed and there are more, a part at a time, so that a busy post does not hold up the
others.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from bot.connectors.base import Rejected, Unavailable
from bot.connectors.instagram.posts import COMMENT, NAMED_BY, NAMED_IN, OURS, comment_of, is_ours, moment
from bot.connectors.instagram.server import Server
from bot.connectors.json_api import Json, within
from bot.connectors.meta.graph import NotThere, after, listed
from bot.connectors.meta.newest import EVER, Found, Known, first_pages, tried_later
from bot.connectors.meta.parts import ident_of, read_all
from bot.domain.mention import Post

PAGES, MEDIA, COMMENTS = 3, 10, 25
"""Pages of our newest posts, posts on each, comments that come with a post and replies that come with a comment."""
MORE, PAGES_AT_ONCE = 50, 5
BELOW = f"comments.limit({COMMENTS}){{{COMMENT},replies.limit({COMMENTS}){{{COMMENT}}}}}"

log = structlog.get_logger()


class Reader:
    """Reads for one account. Each method may raise a verdict."""

    def __init__(self, server: Server, begins: datetime | None) -> None:
        self._server, self._account, self._begins = server, server.account, begins
        self.is_whole = True
        """Whether we could read on below each post."""

    async def comments(self, state: Mapping[str, Any] | None) -> Found:
        """Return new comments of others below our posts; the first time only those that we did not answer."""
        known, state = Known.of(state, self._begins), state or {}
        before, left, counts = state.get("counts", {}), list(state.get("left", ())), {}
        raw: list[tuple[Json, Json]] = []
        for media in await self._media():
            threads, ident = listed(media.get("comments")), str(media.get("id"))
            counts[ident] = media.get("comments_count")
            raw += [(each, media) for each in _all(threads)]
            if counts[ident] != before.get(ident):
                left += self._places(media, threads, known)
        older, left = await self._read_on(left)
        news, seen = self._new(raw, answered_too=not known.is_first)
        older = [post for post in older if post.external_id not in known.ids]  # by the floor of its place, not by ours
        state = known.after([*seen, *older], self._server.now())
        more = bool(left) and self.is_whole
        return Found([*known.news(news), *older], {**state, "counts": counts, "left": left}, more)

    async def _media(self) -> list[Json]:
        """Return our newest posts, each with its newest comments."""
        path, fields = f"{self._server.id}/media", f"{OURS},comments_count,{BELOW}"
        return await first_pages(partial(self._server.get_list, path, fields=fields, limit=MEDIA), PAGES)

    def _new(self, raw: Sequence[tuple[Json, Json]], *, answered_too: bool) -> tuple[list[Post], list[Post]]:
        """Return the comments of others: those that may be new, and all."""
        ours = [each for each, _ in raw if is_ours(each, self._account)]
        news, seen = [], []
        for comment, media in raw:
            if is_ours(comment, self._account):
                continue
            posts = read_all([comment], lambda each: comment_of(each, self._account, media), log)  # noqa: B023
            seen += posts
            news += posts if answered_too or not _is_answered(comment, ours) else []
        return news, seen

    # --- what one request does not return --------------------------------------------------------

    def _places(self, media: Json, threads: Sequence[Json], known: Known) -> Iterator[Json]:
        """Yield where to continue below a post: in its comments, and in the replies to each."""
        shown = {name: media[name] for name in ("id", "caption", "permalink", "username") if name in media}
        place = {"media": shown, "floor": known.floor.isoformat(), "first": known.is_first}
        if (cursor := after(media.get("comments"))) and not _reaches(threads, known.floor):
            yield {**place, "at": f"{media.get('id')}/comments", "after": cursor}
        for thread in threads:
            if cursor := after(thread.get("replies")):
                yield {**place, "at": f"{thread.get('id')}/replies", "after": cursor}

    async def _read_on(self, left: list[Json]) -> tuple[list[Post], list[Json]]:
        """Read some pages of the first place with more; returns the remaining places."""
        if not left:
            return [], []
        place, *others = left
        floor, raw = datetime.fromisoformat(place["floor"]), list[Json]()
        for _ in range(PAGES_AT_ONCE):
            try:
                page, cursor = await self._page(place)
            except NotThere:
                log.info("comments not read on", at=place["at"])
                break
            except (Rejected, Unavailable) as verdict:
                log.warning("comments not read on", at=place["at"], verdict=type(verdict).__name__)
                self.is_whole = False
                others = _with_one(others, tried_later(place, verdict))
                break
            raw += page
            if not cursor or (place["at"].endswith("/comments") and _reaches(page, floor)):
                break
            place = {**place, "after": cursor}
        else:
            others.append(place)
        posts, _ = self._new([(each, place["media"]) for each in _all(raw)], answered_too=not place["first"])
        return [post for post in posts if post.published_at >= floor], others

    async def _page(self, place: Json) -> tuple[list[Json], str]:
        object_id, edge = str(place["at"]).split("/")
        fields = COMMENT if edge == "replies" else f"{COMMENT},replies.limit({COMMENTS}){{{COMMENT}}}"
        asked = {"fields": fields, "limit": MORE, **({"after": place["after"]} if place["after"] else {})}
        answer = await self._server.get_list(f"{ident_of(object_id)}/{edge}", **asked)
        return listed(answer), after(answer)


async def mention(server: Server, place: Mapping[str, Any]) -> Json:
    """Return the content of a mention: a comment, or somebody's post; Instagram does not list these for us."""
    name, ident, fields = "mentioned_media", place["media"], NAMED_IN
    if "comment" in place:
        name, ident, fields = "mentioned_comment", place["comment"], NAMED_BY
    key = "comment_id" if "comment" in place else "media_id"
    answer = await server.get(server.id, fields=f"{name}.{key}({ident_of(ident)}){{{fields}}}")
    payload = within(answer, name)
    if not isinstance(payload, dict):
        raise server.unreadable()
    return payload


def _all(threads: Sequence[Json]) -> Iterator[Json]:
    """Yield comments and the replies to them."""
    for thread in threads:
        yield thread
        yield from ({"parent_id": thread.get("id"), **reply} for reply in listed(thread.get("replies")))


def _with_one(left: Sequence[Json], place: Json) -> list[Json]:
    """Add a place that was not read; it takes others at the same comments along, so that they do not pile up."""
    same = [each for each in left if each["at"] == place["at"]]
    others = [each for each in left if each["at"] != place["at"]]
    if same:
        is_first = any(each["first"] for each in (place, *same))
        place = {**place, "after": "", "floor": min(each["floor"] for each in (place, *same)), "first": is_first}
    return [*others, place]


def _reaches(page: Sequence[Json], floor: datetime) -> bool:
    """Tell whether a page of comments goes below a moment."""
    return any((moment(each) or EVER) < floor for each in page)


def _is_answered(comment: Json, ours: Sequence[Json]) -> bool:
    """Tell whether we wrote in the same thread, at that moment or later."""
    top, written = comment.get("parent_id") or comment.get("id"), moment(comment) or EVER
    return any(each.get("parent_id") == top and (moment(each) or EVER) >= written for each in ours)
