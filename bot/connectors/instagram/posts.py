"""Turn what Instagram gives (comments, posts that name us) into our posts; nothing here asks the server.

https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment
https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram

Neither a comment nor an answer has its own address: links go to the post above it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.base import Account
from bot.connectors.instagram.server import has_messages, id_of, is_us
from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.meta.graph import words
from bot.connectors.meta.hooks import Update, moment_of
from bot.connectors.meta.parts import flag, gone, ident_of
from bot.domain.mention import Act, Author, Gone, Media, Permit, Post, PostKind, Quote

COMMENT = "id,from,username,text,timestamp,hidden,parent_id"
OURS = "id,caption,permalink,username"
"""The fields of our posts that we request, to show what the comments below them are about."""
NAMED_IN = "id,caption,timestamp,username,permalink,media_type,media_url,thumbnail_url,alt_text"
NAMED_BY = "id,text,timestamp,media{id,username,permalink}"
PRIVATELY_FOR = timedelta(days=7)
"""https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/private-replies"""
KINDS = {"VIDEO": "video"}
NAME = re.compile(r"[\w.]{1,30}", re.ASCII)


def comment_of(payload: Json, account: Account, media: Json | None = None) -> Post:
    """Return a comment below a post of ours, or raise one of UNREADABLE."""
    ident, written = ident_of(payload["id"]), time_of(payload["timestamp"])
    post = _comment(ident, payload, account, written)
    post = replace(post, permits=frozenset(_allowed(payload, account, written)), hidden=flag(payload, "hidden"))
    return beneath(post, account, media) if media else post


def pushed(update: Update, account: Account, now: datetime) -> Iterator[Post]:
    """Yield the comment or the mention in one update, or raise one of UNREADABLE.

    For a mention it only says where it is: we request the words.
    """
    value, written = update.value, update.at or now
    if update.field == "mentions":
        comment, media = value.get("comment_id"), ident_of(value.get("media_id"))
        ident = ident_of(comment) if comment else media
        place = {"is": "mention", "media": media, **({"comment": ident} if comment else {})}
        yield Post(ident, Author(f"unknown:{ident}", ""), "", written, place=place)
    elif update.field == "comments" and not is_us(account, value.get("from")):
        ident = ident_of(value.get("id"))
        post = _comment(ident, value, account, written)
        yield replace(post, permits=frozenset(_allowed(value, account, written)))


def _comment(ident: str, payload: Json, account: Account, written: datetime) -> Post:
    given = (payload.get("parent_id"), within(payload, "media", "id"))
    parent, media = (each if isinstance(each, str) else None for each in given)
    above = [each for each in (parent, media) if each]
    return Post(
        external_id=ident,
        author=author_of(payload.get("from") or {"username": payload.get("username")}, f"unknown:{ident}"),
        text=words(payload.get("text")),
        published_at=written,
        in_reply_to=above[0] if above else None,
        ancestors=tuple(above[1:]),
        kind=PostKind.REPLY,
        place={"is": "comment", **({"media": media} if media else {}), **({"parent": parent} if parent else {})},
    )


def beneath(post: Post, account: Account, media: Json) -> Post:
    """Return a comment with the post above it: its address, and what it is about."""
    caption, ident = words(media.get("caption")), ident_of(media["id"])
    above = [each for each in ((post.place or {}).get("parent"), ident) if isinstance(each, str)]
    by = words(media.get("username")) or (account.identity.handle if account.identity else "")
    url = web(media.get("permalink"))
    return replace(
        post,
        url=url,
        in_reply_to=above[0],
        ancestors=tuple(above[1:]),
        replies_to=Quote(by, caption, url) if caption else None,
        place={**(post.place or {}), "media": ident},
    )


def _allowed(payload: Json, account: Account, written: datetime) -> Iterator[Permit]:
    """Yield what may be done with a comment below a post of ours; a hidden one cannot be answered."""
    yield Permit(Act.HIDE)
    if payload.get("hidden") is True:
        return
    yield Permit(Act.ANSWER)
    if has_messages(account):
        yield Permit(Act.ANSWER_PRIVATELY, written + PRIVATELY_FOR, once=True)


# --- Mentions --------------------------------------------------------------------------------------


def named_in(payload: Json, post: Post) -> Post:
    """Return somebody's post that names us in its caption, or raise one of UNREADABLE."""
    return replace(
        post,
        author=author_of({"username": payload.get("username")}, post.author.external_id),
        text=words(payload.get("caption")),
        published_at=time_of(payload["timestamp"]),
        url=web(payload.get("permalink")),
        media=tuple(_shown(payload)),
        permits=frozenset({Permit(Act.ANSWER)}),
        kind=PostKind.POST,
    )


def named_by(payload: Json, post: Post) -> Post:
    """Return a comment that names us below somebody's post, or raise one of UNREADABLE; its author is unknown."""
    return replace(
        post,
        text=words(payload["text"]),
        published_at=time_of(payload["timestamp"]),
        url=web(within(payload, "media", "permalink")),
        in_reply_to=str((post.place or {})["media"]),
        permits=frozenset({Permit(Act.ANSWER)}),
        kind=PostKind.REPLY,
    )


def _shown(payload: Json) -> Iterator[Media]:
    """Yield the picture or film of a post; if there are several, Instagram gives only the first."""
    if url := web(payload.get("media_url")):
        yield Media(url, KINDS.get(str(payload.get("media_type")), "image"), words(payload.get("alt_text")))
    elif url := web(payload.get("thumbnail_url")):
        yield Media(url, "image", words(payload.get("alt_text")))


# --- Messages --------------------------------------------------------------------------------------


def unsent_in(event: Json, account: Account) -> Iterator[Post]:
    """Yield a message that its author took back, or raise one of UNREADABLE."""
    message = event.get("message")
    if within(message, "is_deleted") is True and event["sender"]["id"] != id_of(account):
        yield gone(ident_of(within(message, "mid")), Gone.BY_AUTHOR)


def author_of(by: Any, unknown: str) -> Author:
    """Return who wrote something; an author without id is known by name, or is a different one each time."""
    ident, name = within(by, "id"), words(within(by, "username"))
    url = f"https://www.instagram.com/{name}/" if NAME.fullmatch(name) else ""
    return Author(words(str(ident)) if ident else f"@{name}" if name else unknown, name, name, url)


def is_ours(payload: Json, account: Account) -> bool:
    """Tell whether we wrote a comment."""
    return is_us(account, payload.get("from")) or is_us(account, payload)


def moment(payload: Json) -> datetime | None:
    """Return when a comment was written, None when that cannot be read."""
    return moment_of(payload.get("timestamp"))
