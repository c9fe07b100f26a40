"""Hide replies in our threads, like posts, and remove our answers; doing it again changes nothing.

https://docs.bsky.app/docs/tutorials/thread-gates
"""

from datetime import datetime

from bot.connectors.base import Rejected, Unavailable
from bot.connectors.bluesky import writing
from bot.connectors.bluesky.posts import POST, split
from bot.connectors.bluesky.server import Server, Swapped
from bot.connectors.json_api import Json, within
from bot.domain.mention import Act, Post

LIKE, THREADGATE = "app.bsky.feed.like", "app.bsky.feed.threadgate"
MAX_HIDDEN = 300
"""https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/feed/threadgate.json"""
TRIES = 5
"""How many times a record is read and written again if others write it in the meantime."""


async def act(server: Server, kind: Act, post: Post, now: datetime) -> None:
    """Do this to a post."""
    if kind in {Act.HIDE, Act.SHOW}:
        await _hide(server, post, now, hidden=kind is Act.HIDE)
    elif kind is Act.LIKE:
        await _like(server, post, now)
    elif kind is Act.UNLIKE:
        await _unlike(server, post)
    elif kind is Act.DELETE:
        await _remove(server, post)
    else:
        raise Rejected("This platform cannot do this.")


async def _hide(server: Server, post: Post, now: datetime, *, hidden: bool) -> None:
    """Add a reply to the hidden ones of its thread, or remove it from them; who may reply does not change."""
    root = within(dict(post.place or {}), "root", "uri")
    me = await server.me()
    if not root or split(root)[0] != me:
        raise Rejected("Only replies in a thread that our account began can be hidden.")
    gate = f"at://{me}/{THREADGATE}/{split(root)[2]}"
    for _ in range(TRIES):
        stored = await server.record(gate)
        record = stored["value"] if stored else {"post": root, "createdAt": writing.moment(now)}
        before = list(record.get("hiddenReplies") or ())
        if (post.external_id in before) is hidden:
            return
        after = [*before, post.external_id] if hidden else [uri for uri in before if uri != post.external_id]
        if len(after) > MAX_HIDDEN:
            raise Rejected("Bluesky hides at most {count} replies in one thread.", count=MAX_HIDDEN)
        try:
            instead_of = stored["cid"] if stored else None
            await server.put(THREADGATE, split(root)[2], {**record, "hiddenReplies": after}, instead_of=instead_of)
        except Swapped:
            continue
        return
    raise Unavailable("Others keep changing the settings of this thread; we try again.")


async def _like(server: Server, post: Post, now: datetime) -> None:
    """Like a post that we do not like yet."""
    shown = (await server.posts([post.external_id])).get(post.external_id)
    if shown is None:
        raise Rejected("{host} no longer shows the post.", host=server.host)
    if within(shown, "viewer", "like"):
        return
    record: Json = {"subject": {"uri": post.external_id, "cid": shown["cid"]}, "createdAt": writing.moment(now)}
    try:
        await server.put(LIKE, _key_of_like(post), record, instead_of=None)
    except Swapped:  # it is already there
        return


async def _unlike(server: Server, post: Post) -> None:
    """Remove our like, even one that was given in the app."""
    me = await server.me()
    await server.remove(f"at://{me}/{LIKE}/{_key_of_like(post)}")
    shown = (await server.posts([post.external_id])).get(post.external_id)
    like = within(shown, "viewer", "like")
    if isinstance(like, str) and split(like)[:2] == (me, LIKE):
        await server.remove(like)


async def _remove(server: Server, post: Post) -> None:
    """Remove our answer."""
    if post.private:
        raise Rejected("A private message on Bluesky cannot be taken back.")
    if split(post.external_id)[:2] != (await server.me(), POST):
        raise Rejected("Only an answer of our own account can be removed.")
    await server.remove(post.external_id)


def _key_of_like(post: Post) -> str:
    return writing.record_key(post.external_id, post.published_at)
