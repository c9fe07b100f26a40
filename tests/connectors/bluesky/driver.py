"""How the shared tests use Bluesky: what citizens do there, and what of ours can be seen there."""

import json

from bot.connectors import bluesky
from bot.connectors.base import Account
from bot.connectors.bluesky.posts import message_of, post_of
from bot.domain.mention import Act, Post
from tests.connectors.bluesky.fake import HANDLE, PASSWORD, FakeBluesky
from tests.contracts.drivers import Driver


class OnBluesky(Driver):
    platform = bluesky.PLATFORM
    publishes = "/xrpc/com.atproto.repo.putRecord"
    uploads = "/xrpc/com.atproto.repo.uploadBlob"

    fake = FakeBluesky
    server: FakeBluesky

    def account_at(self, url: str) -> Account:
        return Account(1, "bluesky", "gemeente", url, {"app_password": PASSWORD}, {"handle": HANDLE, "directory": url})

    def write(self, text: str) -> str:
        return self.server.write("jan", f"@{HANDLE} {text}")

    def edit(self, post_id: str, text: str) -> None:
        self.server.overwrite(post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.remove(post_id)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return [post["text"] for post in self.server.ours()]

    def pictures(self) -> list[tuple[bytes, str]]:
        shown = [each for post in self.server.ours() for each in post.get("embed", {}).get("images", ())]
        return [(self.server.blobs[each["image"]["ref"]["$link"]], each["alt"]) for each in shown]

    def write_below_ours(self) -> str:
        ours = self.server.write("gemeente", "De markt gaat door.")
        return self.server.write("jan", f"@{HANDLE} Onzin", answers=ours)

    def marks(self) -> list[tuple[Act, str]]:
        hidden = [uri for each in self.server.records.values() for uri in each.value.get("hiddenReplies", ())]
        return [*((Act.HIDE, uri) for uri in hidden), *((Act.LIKE, uri) for uri in self.server.likes())]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "POST", "/xrpc/com.atproto.repo.*"

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return a post as its server shows it, or a private message with its conversation."""
        given = json.loads(body)
        if "convo" in given:
            return message_of(given["message"], given["convo"])
        return post_of(given, "did:plc:gemeente7bzq4xoyh6d3k2v", parent=None, by_message=True)
