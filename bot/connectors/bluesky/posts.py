"""Turn what Bluesky gives (views of posts, notifications, messages) into our posts; nothing here asks the server.

https://github.com/bluesky-social/atproto/tree/main/lexicons: app.bsky.feed.defs#postView, chat.bsky.convo.defs
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from bot.connectors.json_api import Json, time_of, web, within
from bot.domain.mention import Act, Author, Caution, Media, Post, PostKind, Quote, permits

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
POST = "app.bsky.feed.post"
CONCERNING = ("mention", "reply", "quote")
"""The reasons of notifications that concern us:
https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/notification/listNotifications.json"""
LABELS = {
    "!hide": Caution.UNFIT, "!warn": Caution.SENSITIVE, "sensitive": Caution.SENSITIVE,
    "porn": Caution.ADULT, "sexual": Caution.ADULT, "sexual-figurative": Caution.ADULT, "nudity": Caution.NUDITY,
    "graphic-media": Caution.GRAPHIC, "gore": Caution.GRAPHIC, "self-harm": Caution.SELF_HARM,
    "threat": Caution.THREAT, "intolerant": Caution.HATEFUL, "extremist": Caution.HATEFUL, "rude": Caution.RUDE,
    "misleading": Caution.MISLEADING, "misinformation": Caution.MISLEADING, "impersonation": Caution.MISLEADING,
    "scam": Caution.SCAM, "spam": Caution.SPAM,
}  # fmt: skip
"""The labels that warn, among those of the protocol and of Bluesky's own moderators; the rest mean other things:
https://docs.bsky.app/docs/advanced-guides/moderation#labels"""
Link = tuple[int, int, str]
"""The start and end of a link in a text, in bytes, and its address."""
NO_HANDLE = "handle.invalid"
"""The placeholder for a handle that does not resolve to its account: https://atproto.com/specs/handle"""


def post_of(view: Json, me: str, *, parent: Json | None, by_message: bool) -> Post:
    """Return a post from app.bsky.feed.defs#postView or from a notification, or raise one of UNREADABLE.

    `by_message`: our account can send private messages. The text of a shortened link becomes the link itself.
    """
    record, author = view["record"], view["author"]
    reply = record.get("reply")
    root, above = within(reply, "root", "uri"), within(reply, "parent", "uri")
    quoted = within(view.get("embed"), "record", "record") or within(view.get("embed"), "record")
    return Post(
        external_id=view["uri"],
        author=author_of(author),
        text=_words(record, view.get("embed")),
        published_at=written_at(view),
        url=url_of(view["uri"]),
        in_reply_to=above,
        ancestors=(root,) if root and root != above else (),
        replies_to=(quote_of(parent) if within(parent, "author", "did") != me else None) or quote_of(quoted),
        language=(record.get("langs") or [""])[0],
        media=tuple(_media(view["embed"]) if "embed" in view else _named(record.get("embed"))),
        permits=permits(*_allowed(view, root, me, by_message=by_message)),
        cautions=cautions_of(view, author),
        kind=PostKind.REPLY if above else PostKind.POST,
        place={"cid": view["cid"], **({"root": {"uri": root, "cid": reply["root"]["cid"]}} if root else {})},
    )


def message_of(message: Json, convo: Json) -> Post:
    """Return a private message from chat.bsky.convo.defs#messageView, or raise one of UNREADABLE."""
    sender = next(each for each in convo["members"] if each["did"] == message["sender"]["did"])
    answered = within(message, "replyTo", "id")
    return Post(
        external_id=f"{convo['id']}/{message['id']}",
        author=author_of(sender),
        text=_words(message, message.get("embed")),
        published_at=time_of(message["sentAt"]),
        conversation=convo["id"],
        in_reply_to=f"{convo['id']}/{answered}" if answered else None,
        replies_to=quote_of(within(message, "embed", "record")),
        private=True,
        permits=permits(Act.ANSWER_PRIVATELY),
        cautions=cautions_of(sender),
        kind=PostKind.MESSAGE,
        place={"convo": convo["id"]},
    )


def author_of(profile: Json) -> Author:
    """Return who wrote something; the DID never changes, the handle may."""
    did, handle = profile["did"], profile.get("handle") or NO_HANDLE
    shown = "" if handle == NO_HANDLE else f"@{handle}"
    return Author(did, profile.get("displayName") or shown or did, shown, f"https://bsky.app/profile/{did}")


def url_of(uri: str) -> str:
    """Return the address on bsky.app of a post: at://did:plc:…/app.bsky.feed.post/3k…."""
    did, _, key = split(uri)
    return f"https://bsky.app/profile/{did}/post/{key}"


def split(uri: str) -> tuple[str, str, str]:
    """Return the repository, the collection and the key of a record, or raise ValueError for another address.

    https://atproto.com/specs/at-uri-scheme
    """
    scheme, _, rest = uri.partition("://")
    repo, collection, key = rest.split("/")
    if scheme != "at":
        raise ValueError(uri)
    return repo, collection, key


def written_at(view: Json) -> datetime:
    """Return when a post was written: by its author's clock, but not later than when the platform got it.

    Lists are sorted by this moment. Raises one of UNREADABLE.
    """
    indexed = time_of(view["indexedAt"])
    try:
        return min(indexed, time_of(view["record"]["createdAt"]))
    except UNREADABLE:
        return indexed


def quote_of(view: Any) -> Quote | None:
    """Return an answered or quoted post, to show with the post; None when it cannot be read or shown."""
    try:
        record = view["record"] if "record" in view else view["value"]
        return Quote(author_of(view["author"]).name, _words(record, None), url_of(view["uri"]))
    except UNREADABLE:
        return None


def cautions_of(*shown: Json) -> tuple[Caution, ...]:
    """Return the warnings on posts and profiles, from labels that were not taken back.

    https://atproto.com/specs/label: of the labels with one source, subject and value the newest counts.
    """
    given = [one.get("labels") for one in shown]
    all_labels = [each for labels in given if isinstance(labels, list) for each in labels if isinstance(each, dict)]
    all_labels.sort(key=lambda each: str(each.get("cts")))
    newest = {tuple(str(each.get(key)) for key in ("src", "uri", "val")): each for each in all_labels}
    holds = {LABELS.get(value) for (_, _, value), each in newest.items() if each.get("neg") is not True}
    return tuple(caution for caution in Caution if caution in holds)


def _allowed(view: Json, root: str | None, me: str, *, by_message: bool) -> Iterator[Act]:
    yield Act.LIKE
    if within(view, "viewer", "replyDisabled") is not True:
        yield Act.ANSWER
    if by_message and within(view, "author", "associated", "chat", "allowIncoming") != "none":
        yield Act.ANSWER_PRIVATELY
    if me and root and root.startswith(f"at://{me}/"):
        yield Act.HIDE


def _words(record: Json, embed: Any) -> str:
    """Return the text, with the address of a link card if the text does not have it; one may be beside a quote."""
    text = _with_whole_links(record["text"], record.get("facets") or ())
    places = [place for each in (embed, record.get("embed")) for place in (each, within(each, "media"))]
    card = next((uri for place in places if (uri := web(within(place, "external", "uri")))), "")
    return "\n".join(part for part in (text, card if card not in text else "") if part)


def _with_whole_links(text: str, facets: Any) -> str:
    """Put the address in place of a shortened link, and after words that are a link.

    Positions are in bytes of UTF-8: https://docs.bsky.app/docs/advanced-guides/post-richtext
    """
    raw = text.encode()
    links = [(f["index"]["byteStart"], f["index"]["byteEnd"], uri) for f in facets for uri in _links(f)]
    for start, end, uri in reversed(_placed(raw, links)):
        shown = raw[start:end].decode()
        if shown.strip().rstrip("/").removesuffix("...").removesuffix("…") in uri:
            whole = uri if shown.endswith(("...", "…")) else shown
        else:
            whole = f"{shown} ({uri})"
        raw = raw[:start] + whole.encode() + raw[end:]
    return raw.decode()


def _placed(raw: bytes, links: Iterable[Link]) -> list[Link]:
    """Return the links that are about whole characters of a text, in order; if two overlap, only the first."""
    placed, reached = list[Link](), 0
    for start, end, uri in sorted(links):
        if reached <= start < end <= len(raw) and _begins_character(raw, start) and _begins_character(raw, end):
            placed.append((start, end, uri))
            reached = end
    return placed


def _begins_character(raw: bytes, place: int) -> bool:
    """Tell whether a character of UTF-8 begins at a place, or the text ends there."""
    return place == len(raw) or raw[place] & 0xC0 != 0x80


def _links(facet: Json) -> Iterator[str]:
    for feature in facet["features"]:
        if feature.get("$type") == "app.bsky.richtext.facet#link" and (uri := web(feature.get("uri"))):
            yield uri


def _media(embed: Any) -> Iterator[Media]:
    """Yield pictures and films: app.bsky.embed.images#view, gallery#view, video#view, recordWithMedia#view."""
    embed = within(embed, "media") or embed
    for each in within(embed, "images") or within(embed, "items") or ():
        if url := web(within(each, "fullsize")):
            yield Media(url, "image", within(each, "alt") or "")
    if url := web(within(embed, "thumbnail")) or web(within(embed, "playlist")):
        yield Media(url, "video", within(embed, "alt") or "")


def _named(embed: Any) -> Iterator[Media]:
    """Yield the pictures and films that a record names, without an address: a notification has no other."""
    embed = within(embed, "media") or embed
    for name in ("images", "items"):
        for each in listed if isinstance(listed := within(embed, name), list) else ():
            yield Media("", "image", _alt(each))
    if within(embed, "video") is not None:
        yield Media("", "video", _alt(embed))


def _alt(value: Any) -> str:
    alt = within(value, "alt")
    return alt if isinstance(alt, str) else ""
