"""How the shared tests use Facebook: what citizens do there, and what of ours can be seen there."""

import json
from datetime import UTC, datetime

import httpx

from bot.connectors import facebook
from bot.connectors.base import Account, Cursor, Identity
from bot.connectors.facebook import posts as read
from bot.connectors.meta.messages import WINDOW, message_of
from bot.domain.mention import Act, Gone, Post
from tests.connectors.facebook.fake import OPTIONS, PAGE, SECRETS, FakeFacebook
from tests.connectors.meta.graph import pushed
from tests.contracts.drivers import NOW, Driver


class OnFacebook(Driver):
    """A page; edits and removals are sent to us, but not by whom, and all else is asked for."""

    platform = facebook.PLATFORM
    removed = Gone.REMOVED
    publishes = "/v26.0/*/comments"
    uploads = f"/v26.0/{PAGE}/photos"

    fake = FakeFacebook
    server: FakeFacebook

    def account_at(self, url: str) -> Account:
        options = {**OPTIONS, "images": True}
        return Account(1, "facebook", "gemeente", url, SECRETS, options, identity=Identity(PAGE))

    def write(self, text: str) -> str:
        return self.server.comment("jan", text)

    def pictures(self) -> list[tuple[bytes, str]]:
        return self.server.pictures()

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        fields = {Act.HIDE: "is_hidden", Act.LIKE: "user_likes"}
        things = self.server.things.items()
        return [(act, ident) for act, name in fields.items() for ident, each in things if each.fields.get(name)]

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        assert self.platform.receiver is not None
        items = self.platform.receiver.receive(self.account, self.server.sent(), datetime.now(UTC)).items
        return [each for each in items if isinstance(each, Post) and (each.edited_at or each.gone)]

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return a comment with its post, a conversation with one message, or what is sent to us."""
        given, page = json.loads(body), read.Page("104000000000001", has_messages=True)
        if "object" in given:
            ours = Account(1, "facebook", "gemeente", "", SECRETS, {"messages": True}, identity=Identity(page.id))
            received = facebook.PLATFORM.receiver.receive(ours, pushed(body), NOW)
            return next(item for item in received.items if isinstance(item, Post))
        if "messages" in given:
            citizen = given["participants"]["data"][0]["id"]
            message = given["messages"]["data"][0]
            return message_of(message, read.author_of(message["from"], citizen), citizen, WINDOW)
        return read.comment_of(given["comment"], page, given["post"])
