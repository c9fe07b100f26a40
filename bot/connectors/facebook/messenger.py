"""Messages to our page in Messenger, and private answers to posts.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/discovery/private-replies
"""

from bot.connectors.base import Unknowable
from bot.connectors.facebook.posts import author_of, is_in
from bot.connectors.facebook.server import Server
from bot.connectors.json_api import Json, within
from bot.connectors.meta.messages import Messages
from bot.connectors.meta.parts import ident_of
from bot.domain.mention import Post

MAX_MESSAGE = 2_000
"""https://developers.facebook.com/docs/messenger-platform/reference/send-api"""


class Messenger(Messages):
    """The messages of one page."""

    def __init__(self, server: Server) -> None:
        page = server.page.id
        super().__init__(
            server,
            server.account,
            inbox=page,
            platform="MESSENGER",
            fields="sticker",
            is_us=lambda by: within(by, "id") == page,
            author_of=author_of,
        )

    def recipient(self, to: Post) -> Json:
        """Return the recipient of an answer; visitors' posts can be answered privately too."""
        return {"post_id": to.external_id} if _is_post(to) and not to.private else super().recipient(to)

    async def opened_by(self, to: Post) -> Json | None:
        """Return the conversation that a private answer to a post opened; a visitor's post does not show it."""
        fields = "can_reply_privately" if _is_post(to) else "can_reply_privately,private_reply_conversation{id}"
        post = await self.server.get(to.external_id, fields=fields)
        ident = within(post, "private_reply_conversation", "id")
        if isinstance(ident, str):
            return await self.server.get(ident_of(ident), fields=self.fields)
        if post.get("can_reply_privately") is True:
            return None
        raise Unknowable("the conversation that the answer would open is not shown")


def _is_post(to: Post) -> bool:
    return is_in(to) == "post"
