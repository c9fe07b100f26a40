"""Our answers: write each once, and look for it when we do not know whether it was written; hide; remove.

https://developers.facebook.com/docs/instagram-platform/comment-moderation
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/mentions
"""

import re

from bot.connectors.base import CLOCKS_DIFFER, Draft, Rejected, Sent, Unknowable
from bot.connectors.instagram.posts import COMMENT, is_ours
from bot.connectors.instagram.server import Server
from bot.connectors.json_api import Json
from bot.connectors.meta.graph import NotThere, after, listed
from bot.connectors.meta.messages import says, written_at
from bot.domain.mention import Act, Post

MAX_COMMENT = 2_200
"""The limit that tools for publishing on Instagram give; Instagram itself does not say."""
MAX_MESSAGE = 1_000
"""Bytes: https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api"""
PAGES = 10


async def send(server: Server, draft: Draft) -> Sent:
    """Write a comment: below the one that it answers, or below the post that names us."""
    place = draft.to.place or {}
    if place.get("is") == "mention":
        about = {"media_id": place["media"], **({"comment_id": place["comment"]} if "comment" in place else {})}
        made = await server.post(f"{server.id}/mentions", {**about, "message": draft.text})
    else:
        made = await server.post(f"{_top(draft.to)}/replies", {"message": draft.text})
    return Sent(server.id_in(made), draft.to.url)


async def find(server: Server, draft: Draft) -> Sent | None:
    """Look for our comment below what it answers, since the first attempt; raises Unknowable if it may be another.

    Comments below somebody else's post cannot be read.
    """
    place, since = draft.to.place or {}, draft.first_tried_at.replace(microsecond=0)
    if place.get("is") == "mention":
        raise Unknowable("what stands below somebody else's post is not shown")
    for each in await _replies(server, _top(draft.to)):
        if not is_ours(each, server.account) or not says(each.get("text"), draft.text):
            continue
        written = written_at(each, "timestamp")
        if written < since - CLOCKS_DIFFER:
            continue
        if "parent" in place or written < since:
            raise Unknowable("a comment of ours here says the same, and may be another answer")
        return Sent(str(each["id"]), draft.to.url)
    return None


async def _replies(server: Server, top: str) -> list[Json]:
    """Return all replies to a comment, in Instagram's order."""
    asked: Json = {"fields": COMMENT, "limit": 50}
    replies: list[Json] = []
    for _ in range(PAGES):
        try:
            answer = await server.get_list(f"{top}/replies", **asked)
        except NotThere:
            raise Unknowable("what was answered is no longer shown") from None
        replies += listed(answer)
        if not (cursor := after(answer)):
            return replies
        asked["after"] = cursor
    raise Unknowable("too many comments here")


def _top(post: Post) -> str:
    """Return the comment above an answer: Instagram has two levels."""
    return str((post.place or {}).get("parent") or post.external_id)


def addressed(text: str, to: Post) -> str:
    """Return an answer, with its addressee before it if it is below somebody else's comment."""
    handle = to.author.handle
    if not handle or "parent" not in (to.place or {}) or _begins_with(handle, text):
        return text
    return f"@{handle} {text}"


def _begins_with(handle: str, text: str) -> bool:
    """Tell whether a text begins with this whole name: a name may hold dots, but does not end with one."""
    return re.match(rf"@{re.escape(handle)}(?!\.*\w)", text, re.ASCII | re.IGNORECASE) is not None


async def act(server: Server, kind: Act, post: Post) -> None:
    """Hide a comment or show it again, or remove our answer; doing it again changes nothing."""
    if kind in {Act.HIDE, Act.SHOW}:
        await _hide(server, post, hidden=kind is Act.HIDE)
    elif kind is Act.DELETE:
        await _remove(server, post)
    else:
        raise Rejected("This platform cannot do this.")


async def _hide(server: Server, post: Post, *, hidden: bool) -> None:
    comment = await server.get(post.external_id, fields="hidden")
    if comment.get("hidden") is not hidden:
        await server.post(post.external_id, {"hide": hidden})


async def _remove(server: Server, post: Post) -> None:
    """Remove a comment of ours; it is no error if it is not there."""
    if post.private:
        raise Rejected("A message on Instagram cannot be taken back.")
    try:
        comment = await server.get(post.external_id, fields="from,username")
    except NotThere:
        return
    if not is_ours(comment, server.account):
        raise Rejected("Only an answer of our own account can be removed.")
    await server.delete(post.external_id)  # refused for one below somebody else's post
