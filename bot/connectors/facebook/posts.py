"""Turn what Facebook gives (comments, posts, recommendations) into our posts; nothing here asks the server.

https://developers.facebook.com/docs/graph-api/reference/comment and …/page-post
https://developers.facebook.com/docs/graph-api/webhooks/reference/page
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.meta.graph import words
from bot.connectors.meta.hooks import Update, moment_of
from bot.connectors.meta.parts import flag, gone, ident_of
from bot.domain.mention import Act, Author, Gone, Media, Permit, Post, PostKind, Quote, permits

ATTACHMENT = "type,url,media"
COMMENT = (
    "id,from,message,created_time,permalink_url,parent{id,from,message},attachment,is_hidden,can_hide,can_like,"
    "can_comment,can_reply_privately"
)
POST = "id,from,message,created_time,permalink_url,can_reply_privately,attachments{type,url,media,subattachments}"
ABOVE = "id,from,message,permalink_url"
"""The fields of our posts that we request, to show what the comments below them are about."""
REVIEW = "created_time,reviewer,review_text,recommendation_type,rating,open_graph_story{id}"
PRIVATELY_FOR = timedelta(days=7)
"""https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/private-replies"""
ITEMS = frozenset({"album", "note", "photo", "post", "share", "status", "video"})
"""The kinds of visitors' posts in Facebook's pushes."""
WRITTEN, EDITED, REMOVED = "add", frozenset({"edit", "edited", "update"}), frozenset({"delete", "remove"})
NAMED_BY = {
    (True, "rating"): "open_graph_story_id",
    (False, "comment"): "comment_id",
    **{(False, item): "post_id" for item in ITEMS},
}
"""The field of the id in a push: by whether it is a recommendation, and by its item."""
SIGNS = {"positive": "👍", "negative": "👎"}
"""The words before a recommendation, which has no stars."""


@dataclass(frozen=True)
class Page:
    """Our page, and whether a post can be answered in Messenger."""

    id: str
    has_messages: bool


# --- What we requested -----------------------------------------------------------------------------


def comment_of(payload: Json, page: Page, post: Json | None = None) -> Post:
    """Return a comment below a post, or raise one of UNREADABLE. It says what can be done with it."""
    ident, written = ident_of(payload["id"]), time_of(payload["created_time"])
    post_id, parent = within(post, "id"), within(payload, "parent")
    above = [each for each in (within(parent, "id"), post_id) if isinstance(each, str)]
    return Post(
        external_id=ident,
        author=author_of(payload.get("from"), ident),
        text=words(payload.get("message")),
        published_at=written,
        url=web(payload.get("permalink_url")) or url_of(ident),
        in_reply_to=above[0] if above else None,
        ancestors=tuple(above[1:]),
        replies_to=_quote(parent, page) or _quote(post, page, own_too=True),
        media=tuple(_attached([payload["attachment"]] if isinstance(payload.get("attachment"), dict) else [])),
        permits=frozenset(_allowed(payload, page, written)),
        hidden=flag(payload, "is_hidden"),
        kind=PostKind.REPLY,
        place={"is": "comment", **({"parent": parent["id"]} if within(parent, "id") else {})},
    )


def post_of(payload: Json, page: Page, *, is_ours: bool) -> Post:
    """Return a visitor's post on our page, or a post elsewhere that names it, or raise one of UNREADABLE."""
    ident, written = ident_of(payload["id"]), time_of(payload["created_time"])
    privately = is_ours and page.has_messages and payload.get("can_reply_privately") is not False
    return Post(
        external_id=ident,
        author=author_of(payload.get("from"), ident),
        text=words(payload.get("message")),
        published_at=written,
        url=web(payload.get("permalink_url")) or url_of(ident),
        media=tuple(_attached(within(payload, "attachments", "data") or ())),
        permits=frozenset([Permit(Act.ANSWER), *_privately(written)] if privately else [Permit(Act.ANSWER)]),
        place={"is": "post" if is_ours else "mention"},
    )


def review_of(payload: Json) -> Post:
    """Return a recommendation, or raise one of UNREADABLE; without a story it has no id."""
    ident = ident_of(payload["open_graph_story"]["id"])
    return _review(ident, payload.get("reviewer"), payload, time_of(payload["created_time"]))


def _review(ident: str, by: Any, payload: Json, written: datetime) -> Post:
    sign = SIGNS.get(str(payload.get("recommendation_type")).lower(), "")
    stars = payload.get("rating")
    return Post(
        external_id=ident,
        author=author_of(by, ident),
        text=" ".join(part for part in (sign, words(payload.get("review_text"))) if part),
        published_at=written,
        url=url_of(ident),
        permits=frozenset({Permit(Act.ANSWER)}),
        kind=PostKind.REVIEW,
        rating=stars if isinstance(stars, int) and stars in range(1, 6) else None,
        place={"is": "review"},
    )


def _allowed(payload: Json, page: Page, written: datetime) -> Iterator[Permit]:
    """Yield what a comment lets us do; what it does not mention, it does not forbid."""
    acts = {"can_comment": Act.ANSWER, "can_hide": Act.HIDE, "can_like": Act.LIKE}
    yield from (Permit(act) for flag, act in acts.items() if payload.get(flag) is not False)
    if page.has_messages and payload.get("can_reply_privately") is not False:
        yield from _privately(written)


def _privately(written: datetime) -> Iterator[Permit]:
    yield Permit(Act.ANSWER_PRIVATELY, written + PRIVATELY_FOR, once=True)


# --- What was pushed to us -------------------------------------------------------------------------


def pushed(update: Update, page: Page, now: datetime) -> Iterator[Post]:
    """Yield the post in one update: a new, edited or removed post of others, or raise one of UNREADABLE.

    Facebook does not say who removed it (its author, the page or Facebook).

    Nor does it say what we may do with a comment, or what is above it, nor always what pictures are in it: we request
    that. Until then an edit leaves the pictures as they were.
    """
    value, verb = update.value, str(update.value.get("verb"))
    item, by_us = str(value.get("item")), within(value, "from", "id") == page.id
    named = NAMED_BY.get((update.field == "ratings", item))
    if named is None or verb not in {WRITTEN, *EDITED, *REMOVED}:
        return
    ident = ident_of(value.get(named))
    if verb in REMOVED:
        yield gone(ident, Gone.REMOVED)
    elif not by_us and (update.field != "feed" or item == "comment" or within(value, "from", "id")):
        post = _pushed(update, ident, page, now)
        yield replace(post, edited_at=update.at or now, media=post.media or None) if verb in EDITED else post


def _pushed(update: Update, ident: str, page: Page, now: datetime) -> Post:
    value, written = update.value, moment_of(update.value.get("created_time")) or update.at or now
    by = value.get("from") or {"id": value.get("sender_id"), "name": value.get("sender_name")}
    if update.field == "ratings":
        return _review(ident, {"id": value.get("reviewer_id"), "name": value.get("reviewer_name")}, value, written)
    parent, post_id = value.get("parent_id"), value.get("post_id")
    is_comment = value.get("item") == "comment"
    is_ours = update.field == "feed" or str(post_id).startswith(f"{page.id}_")
    above = [each for each in dict.fromkeys([parent, post_id]) if isinstance(each, str)] if is_comment else []
    kind = ("comment" if is_comment else "post") if is_ours else "mention"
    under_comment = is_comment and isinstance(parent, str) and parent != post_id
    return Post(
        external_id=ident,
        author=author_of(by, ident),
        text=words(value.get("message")),
        published_at=written,
        url=_url_in(value, ident),
        in_reply_to=above[0] if above else None,
        ancestors=tuple(above[1:]),
        media=tuple(_in_update(value)),
        permits=frozenset(_presumed(kind, page, written)),
        kind=PostKind.REPLY if is_comment else PostKind.POST,
        place={"is": kind, **({"parent": parent} if under_comment else {})},
    )


def _presumed(kind: str, page: Page, written: datetime) -> Iterator[Permit]:
    """Yield what may usually be done with a pushed item."""
    yield from permits(Act.ANSWER, Act.HIDE, Act.LIKE) if kind == "comment" else permits(Act.ANSWER)
    if kind != "mention" and page.has_messages:
        yield from _privately(written)


# --- Parts -----------------------------------------------------------------------------------------


def is_in(post: Post) -> str:
    """Return what a post is: a comment, like our answers, a visitor's post, or something elsewhere."""
    return str((post.place or {}).get("is", "comment"))


def author_of(by: Any, of: str) -> Author:
    """Return who wrote something. An author whom Facebook does not name is a different one for each post (`of`)."""
    ident, name = within(by, "id"), words(within(by, "name"))
    return Author(words(str(ident)), name) if ident else Author(f"unknown:{of}", name)


def url_of(ident: str) -> str:
    """Return the address of a post or comment for which Facebook gave none."""
    return f"https://www.facebook.com/{ident}"


def url_below(above: str, *idents: str) -> str:
    """Return the address of a comment: that of the post above it, with the comment's number.

    A comment's id is `<post>_<comment>`; a reply to a comment has its own parameter. "" if `above` is not an address.
    """
    try:
        url = httpx.URL(web(above))
    except httpx.InvalidURL:
        return ""
    if not url.host:
        return ""
    for ident in idents:
        name = "reply_comment_id" if "comment_id" in url.params else "comment_id"
        url = url.copy_set_param(name, ident.rpartition("_")[2])
    return str(url)


def _url_in(value: Json, ident: str) -> str:
    """Return the address of a pushed item: Facebook gives only the address of a comment's post."""
    post, parent = web(within(value, "post", "permalink_url")), value.get("parent_id")
    if not post or value.get("item") != "comment":
        return post or url_of(ident)
    above = [parent] if isinstance(parent, str) and parent != value.get("post_id") else []
    return url_below(post, *above, ident)


def _quote(payload: Any, page: Page, *, own_too: bool = False) -> Quote | None:
    """Return what a comment answers, to show with it; our own words only if it is the post itself."""
    said, by = words(within(payload, "message")), within(payload, "from")
    if not said or (within(by, "id") == page.id and not own_too):
        return None
    return Quote(author_of(by, "").name, said, web(within(payload, "permalink_url")))


def _attached(attachments: Sequence[Any]) -> Iterator[Media]:
    """Yield pictures and films: https://developers.facebook.com/docs/graph-api/reference/story-attachment"""
    for each in attachments:
        kind, inside = str(within(each, "type")), within(each, "subattachments", "data")
        if isinstance(inside, list):
            yield from _attached(inside)
            continue
        film, image = web(within(each, "media", "source")), web(within(each, "media", "image", "src"))
        if "video" in kind and (film or image):
            yield Media(film or image, "video" if film else "image")
        elif image:
            yield Media(image, "image")


def _in_update(value: Json) -> Iterator[Media]:
    several = value.get("photos")
    pictures = several if isinstance(several, list) and several else [value.get("photo")]
    link = [value.get("link")] if value.get("item") == "photo" and not any(pictures) else []
    yield from (Media(url, "image") for each in [*pictures, *link] if (url := web(each)))
    if url := web(value.get("video")):
        yield Media(url, "video")
