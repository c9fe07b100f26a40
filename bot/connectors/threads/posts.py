"""Turn what Threads gives (posts, and replies to them) into our posts; nothing here asks the server.

https://developers.facebook.com/docs/threads/retrieve-and-discover-posts/retrieve-posts
https://developers.facebook.com/docs/threads/retrieve-and-manage-replies/replies-and-conversations
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.meta.graph import listed, words
from bot.domain.mention import Act, Author, Media, Permit, Post, PostKind, Quote

PARTS = "media_type,media_url,thumbnail_url"
REPLY = (
    f"id,username,text,timestamp,permalink,{PARTS},gif_url,children,is_quote_post,quoted_post,root_post,replied_to,"
    "is_reply_owned_by_me,has_replies,hide_status"
)
"""The fields of a reply. The alternative text is not available in lists: we request it for the single post."""
MENTION = f"{REPLY},alt_text,link_attachment_url"
OURS = "id,text,timestamp,permalink,replied_to,root_post,has_replies"
"""The fields of a reply that we wrote."""
THREAD = "id,text,timestamp,permalink,username,has_replies"
"""The fields of a post that we wrote."""
QUOTED = "username,text,permalink"
IDENT = re.compile(r"\w{1,100}")
KINDS = {"IMAGE": "image", "VIDEO": "video", "AUDIO": "audio"}


def post_of(payload: Json, mine: Mapping[str, Json]) -> Post:
    """Return a post or reply, or raise one of UNREADABLE. `mine` are our posts, by id."""
    ident, root = ident_of(payload["id"]), id_at(payload, "root_post")
    above = [each for each in dict.fromkeys([id_at(payload, "replied_to"), root]) if each]
    return Post(
        external_id=ident,
        author=author_of(payload.get("username"), ident),
        text=_text(payload),
        published_at=time_of(payload["timestamp"]),
        url=web(payload.get("permalink")),
        in_reply_to=above[0] if above else None,
        ancestors=tuple(above[1:]),
        media=tuple(media_of(payload)),
        permits=frozenset({Permit(Act.ANSWER), *([Permit(Act.HIDE)] if is_top(payload) and root in mine else [])}),
        kind=PostKind.REPLY if above else PostKind.POST,
    )


def is_top(payload: Json) -> bool:
    """Tell whether a reply is directly below the first post of its thread: only those can be hidden."""
    root = id_at(payload, "root_post")
    return bool(root) and id_at(payload, "replied_to") == root


def ident_of(value: Any) -> str:
    """Return an id in the form of Threads, or raise ValueError."""
    if not isinstance(value, str) or not IDENT.fullmatch(value):
        raise ValueError("no id")
    return value


def id_at(payload: Json, name: str) -> str:
    """Return the id of the post in a field of another; "" if there is none."""
    ident = within(payload, name, "id")
    return ident if isinstance(ident, str) and IDENT.fullmatch(ident) else ""


def author_of(username: Any, of: str) -> Author:
    """Return who wrote something. An author whom Threads does not name is a different one for each post (`of`)."""
    name = words(username)
    if not name:
        return Author(f"unknown:{of}", "")
    return Author(name, name, f"@{name}", f"https://www.threads.com/@{quote(name)}")


def quote_of(payload: Json) -> Quote | None:
    """Return a post in the form shown with one that answers or quotes it; None when it has no words."""
    said = words(payload.get("text"))
    return Quote(author_of(payload.get("username"), "").name, said, web(payload.get("permalink"))) if said else None


def media_of(payload: Json) -> Iterator[Media]:
    """Yield the picture, film or sound of a post; those of an album are only in its parts."""
    kind = KINDS.get(str(payload.get("media_type")))
    url = web(payload.get("media_url")) or web(payload.get("thumbnail_url"))
    if kind and url:
        yield Media(url, kind if web(payload.get("media_url")) else "image", words(payload.get("alt_text")))
    if gif := web(payload.get("gif_url")):
        yield Media(gif, "image")


def parts_of(payload: Json) -> list[str]:
    """Return the ids of the parts of an album."""
    parts = within(payload, "children", "data")
    idents = [within(each, "id") for each in parts] if isinstance(parts, list) else []
    return [each for each in idents if isinstance(each, str) and IDENT.fullmatch(each)]


def next_page(answer: Json) -> str:
    """Return the cursor of the next page of a list; "" after a page without posts.

    Threads gives a cursor even with the last page, and not always the address of the next one.
    """
    cursor = within(answer, "paging", "cursors", "after")
    return cursor if isinstance(cursor, str) and listed(answer) else ""


def _text(payload: Json) -> str:
    """Return the words, and below them the attached link if it is not in them."""
    said, link = words(payload.get("text")), words(web(payload.get("link_attachment_url")))
    return "\n".join(part for part in (said, link if link not in said else "") if part)
