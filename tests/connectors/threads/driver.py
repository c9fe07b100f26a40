"""How the shared tests use Threads: what citizens do there, and what of ours can be seen there."""

import json

from bot.connectors import threads
from bot.connectors.base import Account
from bot.connectors.threads.posts import post_of
from bot.domain.mention import Act, Post
from tests.connectors.threads.fake import SECRETS, FakeThreads
from tests.contracts.drivers import Driver


class OnThreads(Driver):
    platform = threads.PLATFORM
    publishes = "/v1.0/me/threads_publish"

    fake = FakeThreads
    server: FakeThreads

    def account_at(self, url: str) -> Account:
        return Account(1, "threads", "gemeente", url, SECRETS)

    def write(self, text: str) -> str:
        return self.server.reply("jan", text)

    def spoil(self) -> None:
        self.server.spoil(self.write("oeps"))

    def published(self) -> list[str]:
        return self.server.ours()

    def marks(self) -> list[tuple[Act, str]]:
        things = self.server.things.items()
        return [(Act.HIDE, ident) for ident, each in things if each.more.get("hide_status") == "HIDDEN"]

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return a reply below a post of ours, or a post that names us."""
        return post_of(json.loads(body), {"18050000000000001": {}})
