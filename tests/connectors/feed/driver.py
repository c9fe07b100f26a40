"""How the shared tests use feeds: what is written there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
from aiohttp import web

from bot.connectors import feed
from bot.connectors.base import Account
from bot.domain.mention import Post
from tests.contracts.drivers import NOW, Driver
from tests.fakes.server import FakeServer

FEED = httpx.URL("https://vragen.example/feed")


class FakeFeed(FakeServer):
    """A site with a feed of `items`, which are in the order in which they were written."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[str] = []

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.get("/", self._feed)

    async def _feed(self, request: web.Request) -> web.Response:
        channel = "<title>Nieuws</title>" + "".join(reversed(self.items))
        return web.Response(text=f'<rss version="2.0"><channel>{channel}</channel></rss>', content_type="text/xml")


class OnFeed(Driver):
    platform = feed.PLATFORM
    publishes = ""

    fake = FakeFeed
    server: FakeFeed

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

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return the newest post of a feed."""
        reading = json.loads(feed._run_reader(b"application/atom+xml\n" + body))
        entries = [feed.Entry(**entry) for entry in reading["entries"]]
        read = feed._Read(feed.Reading(**{**reading, "entries": entries}), FEED, NOW)
        posts, _ = feed._first(read, None, with_undated=True)
        return posts[-1]
