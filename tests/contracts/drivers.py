"""How the contract test uses each platform: what citizens do there, and what of ours can be seen there."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
from aiohttp import web
from standardwebhooks import Webhook as Signature

from bot.connectors import bluesky, feed, mastodon, webhook
from bot.connectors.base import Account, Connector, Cursor, Page, Polls, Rechecks, Request
from bot.connectors.platform import Platform
from bot.domain.mention import Post
from tests.contracts.forum import webcare_forum
from tests.contracts.forum.fake_forum import KEY, FakeForum
from tests.fakes.between import Between
from tests.fakes.bluesky import HANDLE, PASSWORD, FakeBluesky
from tests.fakes.mastodon import FakeMastodon
from tests.fakes.server import FakeServer
from tests.fakes.tools import tools

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


class Driver(ABC):
    """One platform under test. `publishes` is the path of the request that publishes a reply."""

    platform: ClassVar[Platform]
    publishes: ClassVar[str]
    account: Account

    def __init__(self, server: Any, between: Between) -> None:
        self.server = server
        self.between = between
        self.account = self.account_at(between.url)

    @abstractmethod
    def account_at(self, url: str) -> Account:
        """Return the team's account on the server at this address."""

    @abstractmethod
    def write(self, text: str) -> str:
        """Let a citizen write; returns the post's id."""

    def edit(self, post_id: str, text: str) -> None:
        """Let the citizen change their post."""
        raise NotImplementedError

    def remove(self, post_id: str) -> None:
        """Let the citizen remove their post."""
        raise NotImplementedError

    @abstractmethod
    def spoil(self) -> None:
        """Let something be between the posts that cannot be read."""

    @abstractmethod
    def published(self) -> list[str]:
        """Return the words of what we published, as they were sent."""

    def connector(self, client: httpx.AsyncClient, **changes: Any) -> Connector:
        return self.platform.connect(replace(self.account, **changes), tools(client, self.account.secrets))

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        """Return what is new, whether we ask for it or it is pushed to us."""
        connector = self.connector(client)
        assert isinstance(connector, Polls)
        return await connector.fetch(cursor)

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        """Return which posts were edited or removed."""
        connector = self.connector(client)
        assert isinstance(connector, Rechecks)
        return list((await connector.recheck(posts, {})).changed)


class OnMastodon(Driver):
    platform = mastodon.PLATFORM
    publishes = "/api/v1/statuses"

    server: FakeMastodon

    def account_at(self, url: str) -> Account:
        return Account(1, "mastodon", "gemeente", url, {"token": self.server.token})

    def write(self, text: str) -> str:
        return str(self.server.post_as("jan", f"@gemeente {text}")["id"])

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit("jan", post_id, f"@gemeente {text}")

    def remove(self, post_id: str) -> None:
        self.server.delete("jan", post_id)

    def spoil(self) -> None:
        self.remove(self.write("oeps"))

    def published(self) -> list[str]:
        path = "/api/v1/statuses/{}/source"
        return [self.server.as_team("GET", path.format(s["id"]))["text"] for s in self.server.statuses_by_team()]


class OnBluesky(Driver):
    platform = bluesky.PLATFORM
    publishes = "/xrpc/com.atproto.repo.putRecord"

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


class OnForum(Driver):
    platform = webcare_forum.PLATFORM
    publishes = "/posts.json"

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


class FakeSite(FakeServer):
    """A site with a feed, and a source that pushes: `taken` are the replies by their key."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[str] = []
        self.taken: dict[str, str] = {}

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/", self._feed)
        yield web.post("/", self._reply)

    async def _feed(self, request: web.Request) -> web.Response:
        channel = "<title>Nieuws</title>" + "".join(reversed(self.items))
        return web.Response(text=f'<rss version="2.0"><channel>{channel}</channel></rss>', content_type="text/xml")

    async def _reply(self, request: web.Request) -> web.Response:
        sent = await request.json()
        if sent["type"] == "reply.created":
            if len(sent["data"]["text"]) > 5000:
                return web.json_response({"error": "Too long."}, status=422)
            self.taken.setdefault(request.headers["webhook-id"], sent["data"]["text"])
        return web.json_response({})


class OnFeed(Driver):
    platform = feed.PLATFORM
    publishes = ""

    server: FakeSite

    def account_at(self, url: str) -> Account:
        return Account(1, "feed", "nieuws", url + "/")

    def write(self, text: str) -> str:
        number = str(len(self.server.items))
        now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        body = f"<guid>{number}</guid><title>{text}</title><pubDate>{now}</pubDate>"
        self.server.items.append(f"<item>{body}</item>")
        return number

    def spoil(self) -> None:
        self.server.items.append("<item></item>")

    def published(self) -> list[str]:
        return []


class OnWebhook(Driver):
    platform = webhook.PLATFORM
    publishes = "/"

    server: FakeSite

    def __init__(self, server: Any, between: Between) -> None:
        super().__init__(server, between)
        self.sent: list[dict[str, Any]] = []

    def account_at(self, url: str) -> Account:
        options = {"callback_url": url + "/"}
        return Account(1, "webhook", "bron", "", {"signing_secret": SECRET}, options)

    def write(self, text: str) -> str:
        number = str(len(self.sent))
        at = datetime.now(UTC).isoformat()
        self.sent.append({"id": number, "text": text, "author": {"id": "7", "name": "Jan"}, "published_at": at})
        return number

    def edit(self, post_id: str, text: str) -> None:
        self.sent[int(post_id)] |= {"text": text, "edited_at": datetime.now(UTC).isoformat()}

    def remove(self, post_id: str) -> None:
        self.sent[int(post_id)] |= {"deleted": True}

    def spoil(self) -> None:
        """The source is told in a 400 which mention is wrong, and mends its own."""

    def published(self) -> list[str]:
        return list(self.server.taken.values())

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        seen = cursor.get("seen", 0)
        return Page(self._received(self.sent[seen:]), {"seen": len(self.sent)})

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        changed = [each for each in self.sent if each.get("edited_at") or each.get("deleted")]
        return [item for item in self._received(changed) if isinstance(item, Post)]

    def _received(self, mentions: list[dict[str, Any]]) -> tuple[Any, ...]:
        now = datetime.now(UTC)
        body = json.dumps({"mentions": mentions})
        headers = {
            "webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signature(SECRET).sign("m1", now, body),
        }  # fmt: skip
        assert self.platform.receiver is not None
        return self.platform.receiver.receive(self.account, Request("POST", headers, {}, body.encode()), now).items
