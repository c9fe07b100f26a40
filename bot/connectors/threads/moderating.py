"""Hide replies below our posts, and remove our answers; doing it again changes nothing.

https://developers.facebook.com/docs/threads/reply-management
https://developers.facebook.com/docs/threads/posts/delete-posts
"""

from bot.connectors.base import Rejected
from bot.connectors.meta.graph import NotThere
from bot.connectors.threads.posts import is_top
from bot.connectors.threads.server import Server
from bot.domain.mention import Act, Post

SHOWN = frozenset({"NOT_HUSHED", "UNHUSHED"})


async def act(server: Server, kind: Act, post: Post) -> None:
    """Do this to a reply."""
    if kind in {Act.HIDE, Act.SHOW}:
        await _hide(server, post, hidden=kind is Act.HIDE)
    elif kind is Act.DELETE:
        await _remove(server, post)
    else:
        raise Rejected("This platform cannot do this.")


async def _hide(server: Server, post: Post, *, hidden: bool) -> None:
    """Hide a reply and those below it, or show them again."""
    reply = await server.get(post.external_id, fields="hide_status,root_post,replied_to")
    status = reply.get("hide_status")
    if status == "HIDDEN" if hidden else status in SHOWN:
        return
    if not is_top(reply):
        raise Rejected("Threads hides only replies directly below a post of ours.")
    await server.post(f"{post.external_id}/manage_reply", {"hide": "true" if hidden else "false"})


async def _remove(server: Server, post: Post) -> None:
    """Remove a reply of ours; it is no error if it is not there. Threads limits the number of these per day."""
    try:
        reply = await server.get(post.external_id, fields="username")
        if reply.get("username") != (await server.me()).username:
            raise Rejected("Only an answer of our own account can be removed.")
        await server.refuse_over_quota("delete")
        await server.delete(post.external_id)
    except NotThere:
        return
