"""Turn a post of Mastodon into our post: https://docs.joinmastodon.org/entities/Status/"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.connectors.html import text_of
from bot.connectors.json_api import Json, time_of, web, within
from bot.connectors.mastodon.server import Found
from bot.domain.mention import Act, Author, Caution, Media, Post, PostKind, Quote, permits

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
FOR_QUOTE = "quote-inline"
"""The class of the link that servers write for those who cannot show the quoted post:
https://docs.joinmastodon.org/client/quotes/"""


def post_of(status: Json, parent: Found, me: str, *, may_answer: bool) -> Post:
    """Return a post from https://docs.joinmastodon.org/entities/Status/, or raise one of UNREADABLE.

    The author's external id is `account.id`: all server software has it and never reuses it, while an address may
    change. A followers-only post counts as private, because a public answer would reveal it.
    """
    account = status["account"]
    private = _is_private(status)
    ways = [Act.ANSWER_PRIVATELY] if private else [Act.ANSWER, Act.ANSWER_PRIVATELY]
    ways.append(Act.LIKE)
    edited = status.get("edited_at")
    return Post(
        external_id=status["id"],
        author=Author(
            external_id=str(account["id"]),
            name=account.get("display_name") or account["acct"],
            handle="@" + account["acct"],
            url=web(account.get("url")),
        ),
        text=_own_words(status),
        published_at=time_of(status["created_at"]),
        url=web(status.get("url")) or web(status.get("uri")),
        in_reply_to=reply_to(status) or None,
        ancestors=tuple(filter(None, [reply_to(parent)])) if isinstance(parent, dict) else (),
        replies_to=(_quote(parent, status) if within(parent, "account", "id") != me else None) or _quoted(status),
        private=private,
        language=status.get("language") or "",
        media=tuple(_media(status.get("media_attachments") or [])),
        permits=permits(*ways) if may_answer else frozenset(),
        cautions=(Caution.SENSITIVE,) if status.get("sensitive") is True and status.get("media_attachments") else (),
        edited_at=time_of(edited) if edited else None,
        kind=_kind(status),
    )


def _is_private(status: Json) -> bool:
    return status.get("visibility") not in {"public", "unlisted"}


def _kind(status: Json) -> PostKind:
    if status.get("visibility") == "direct":
        return PostKind.MESSAGE
    return PostKind.REPLY if reply_to(status) else PostKind.POST


def _words(status: Json, *, without: str = "") -> str:
    """Return the content as text: after the content warning (plain text), before the options of a poll."""
    warning = " ".join((status.get("spoiler_text") or "").split())
    content = text_of(status["content"], without=without)
    return "\n".join(part for part in (warning, content, *_poll_options(status)) if part)


def _own_words(status: Json) -> str:
    """Return the content as text, without the link that stands for a quote that we show, unless that is all of it.

    Of an answer we show what it answers, so there the link stays.
    """
    if reply_to(status) or _quoted(status) is None:
        return _words(status)
    return _words(status, without=FOR_QUOTE) or _words(status)


def _poll_options(status: Json) -> Iterator[str]:
    """Yield a line for each option of the poll, plain text: https://docs.joinmastodon.org/entities/Poll/"""
    for option in within(status, "poll", "options") or ():
        if title := " ".join(str(within(option, "title") or "").split()):
            yield f"▫️ {title}"


def _media(attachments: list[Json]) -> Iterator[Media]:
    for one in attachments:
        if url := web(one.get("url")) or web(one.get("remote_url")):
            yield Media(url, one.get("type") or "unknown", one.get("description") or "")


def _quoted(status: Json) -> Quote | None:
    return _quote(within(status, "quote", "quoted_status"), status)


def _quote(shown: Any, status: Json) -> Quote | None:
    """Return an answered or quoted status, to show with the post; None when it is unreadable.

    Nor is a private one shown with a public post: who may read only what is public, as advisers elsewhere, reads both.
    """
    try:
        if _is_private(shown) and not _is_private(status):
            return None
        account = shown["account"]
        return Quote(account.get("display_name") or account["acct"], _words(shown), web(shown.get("url")))
    except UNREADABLE:
        return None


def time_in(item: Json) -> datetime | None:
    """Return when a notification or status was made, None when that is unreadable."""
    try:
        return time_of(item["created_at"])
    except UNREADABLE:
        return None


def reply_to(status: Json) -> str:
    """Return the id of the status that this one answers, "" for none."""
    parent = status.get("in_reply_to_id")
    return parent if isinstance(parent, str) else ""
