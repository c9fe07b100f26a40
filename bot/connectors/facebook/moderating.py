"""Hide comments on our page, like them, and remove our answers; doing it again changes nothing.

https://developers.facebook.com/docs/graph-api/reference/comment
"""

from bot.connectors.base import Rejected
from bot.connectors.facebook.server import Server
from bot.connectors.json_api import within
from bot.connectors.meta.graph import NotThere
from bot.domain.mention import Act, Post


async def act(server: Server, kind: Act, post: Post) -> None:
    """Do this to a comment."""
    if kind in {Act.HIDE, Act.SHOW}:
        await _hide(server, post, hidden=kind is Act.HIDE)
    elif kind in {Act.LIKE, Act.UNLIKE}:
        await _like(server, post, liked=kind is Act.LIKE)
    elif kind is Act.DELETE:
        await _remove(server, post)
    else:
        raise Rejected("This platform cannot do this.")


async def _hide(server: Server, post: Post, *, hidden: bool) -> None:
    """Hide a comment or show it again; its author and their friends always see it."""
    comment = await server.get(post.external_id, fields="is_hidden,can_hide")
    if comment.get("is_hidden") is hidden:
        return
    if comment.get("can_hide") is False:
        raise Rejected("Facebook does not let us hide this comment.")
    await server.post(post.external_id, {"is_hidden": hidden})


async def _like(server: Server, post: Post, *, liked: bool) -> None:
    comment = await server.get(post.external_id, fields="user_likes")
    if comment.get("user_likes") is liked:
        return
    if liked:
        await server.post(f"{post.external_id}/likes", {})
    else:
        await server.delete(f"{post.external_id}/likes")


async def _remove(server: Server, post: Post) -> None:
    """Remove a comment of ours; it is no error if it is not there."""
    if post.private:
        raise Rejected("A message in Messenger cannot be taken back.")
    try:
        comment = await server.get(post.external_id, fields="from")
        if within(comment, "from", "id") != server.page.id:
            raise Rejected("Only an answer of our own account can be removed.")
        await server.delete(post.external_id)
    except NotThere:
        return
