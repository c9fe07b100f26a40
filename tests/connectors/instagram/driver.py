"""How the shared tests use Instagram: what citizens do there, and what of ours can be seen there."""

import json

from bot.connectors import instagram
from bot.connectors.base import Account, Identity
from bot.connectors.instagram.posts import comment_of, named_in
from bot.domain.mention import Act, Author, Gone, Post
from tests.connectors.instagram.fake import HANDLE, ME, OPTIONS, SECRETS, FakeInstagram
from tests.connectors.meta.graph import pushed
from tests.contracts.drivers import NOW, Driver
from tests.fakes.between import ANY


class OnInstagram(Driver):
    """An account; that a comment was removed is only found, not sent, and not by whom."""

    platform = instagram.PLATFORM
    publishes = ANY
    removed = Gone.UNREACHABLE

    fake = FakeInstagram
    server: FakeInstagram

    def account_at(self, url: str) -> Account:
        return Account(1, "instagram", "gemeente", url, SECRETS, OPTIONS, identity=Identity(ME, HANDLE))

    def write(self, text: str) -> str:
        return self.server.comment("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.HIDE, ident) for ident, each in self.server.things.items() if each.fields.get("hidden")]

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return a comment with its post, what names us with what was told of it, or what is sent to us."""
        given, identity = json.loads(body), Identity("17841400000000001", "gemeentevoorbeeld")
        options = {"instagram_id": identity.id, "messages": True}
        ours = Account(1, "instagram", "gemeente", "", SECRETS, options, identity=identity)
        if "object" in given:
            received = instagram.PLATFORM.receiver.receive(ours, pushed(body), NOW)
            return next(item for item in received.items if isinstance(item, Post))
        if "mentioned_media" in given:
            media = given["mentioned_media"]
            return named_in(media, Post(media["id"], Author("unknown:1", ""), "", NOW, place={"is": "mention"}))
        return comment_of(given["comment"], ours, given["post"])
