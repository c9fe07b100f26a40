"""How the shared tests use the forum: what citizens do there, and what of ours can be seen there."""

from bot.connectors.base import Account
from tests.contracts.drivers import Driver
from tests.contracts.forum import webcare_forum
from tests.contracts.forum.fake_forum import KEY, FakeForum


class OnForum(Driver):
    platform = webcare_forum.PLATFORM
    publishes = "/posts.json"

    fake = FakeForum
    server: FakeForum

    def account_at(self, url: str) -> Account:
        return Account(1, "forum", "gemeente", url, {"key": KEY}, {"username": "gemeente"})

    def write(self, text: str) -> str:
        return self.server.write("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.change(post_id, raw=text)

    def remove(self, post_id: str) -> None:
        self.server.change(post_id, user_deleted=True)

    def spoil(self) -> None:
        self.server.change(self.write("oeps"), username=None, user_id=None, created_at="gisteren")

    def published(self) -> list[str]:
        return [post["raw"] for post in self.server.by_us()]


class EndlessForum(FakeForum):
    """A forum that says of no length that it is too long."""

    longest = None


class OnEndlessForum(OnForum):
    """The same connector, on such a forum."""

    fake = EndlessForum
