"""How the shared tests use a source that pushes: what citizens do there, and what of ours can be seen there."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
from aiohttp import web
from standardwebhooks import Webhook as Signature

from bot.connectors import webhook
from bot.connectors.base import Account, Cursor, Page, Request
from bot.connectors.webhook.mentions import posts_of
from bot.domain.mention import Post
from bot.domain.payload import BadPayload
from tests.contracts.drivers import NOW, Driver
from tests.fakes.between import Between
from tests.fakes.server import FakeServer

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"


class FakeSource(FakeServer):
    """A source that takes our replies: `taken` are these by their key, `images` those that came with them."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, str] = {}
        self.images: dict[str, dict[str, Any]] = {}

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.post("/", self._reply)

    async def _reply(self, request: web.Request) -> web.Response:
        sent = await request.json()
        if sent["type"] == "reply.created":
            if len(sent["data"]["text"]) > 5000:
                return web.json_response({"error": "Too long."}, status=422)
            self.taken.setdefault(request.headers["webhook-id"], sent["data"]["text"])
            if "image" in sent["data"]:
                self.images.setdefault(request.headers["webhook-id"], sent["data"]["image"])
        return web.json_response({})


class OnWebhook(Driver):
    platform = webhook.PLATFORM
    publishes = "/"

    fake = FakeSource
    server: FakeSource

    def __init__(self, server: Any, between: Between) -> None:
        super().__init__(server, between)
        self.sent: list[dict[str, Any]] = []

    def at(self, url: str) -> dict[str, Any]:
        return {"options": {**self.account.options, "callback_url": url + "/"}}

    def account_at(self, url: str) -> Account:
        options = {"callback_url": url + "/", "images": True}
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
        self.sent.append({"id": str(len(self.sent)), "text": ["oeps"], "author": "Jan"})

    def published(self) -> list[str]:
        return list(self.server.taken.values())

    def pictures(self) -> list[tuple[bytes, str]]:
        return [(base64.b64decode(each["content"]), each["alt"]) for each in self.server.images.values()]

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        seen = cursor.get("seen", 0)
        return Page(self._received(self.sent[seen:]), {"seen": len(self.sent)})

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        changed = [each for each in self.sent if each.get("edited_at") or each.get("deleted")]
        return [item for item in self._received(changed) if isinstance(item, Post)]

    def _received(self, mentions: list[dict[str, Any]]) -> tuple[Any, ...]:
        """Send mentions; when that is refused because of one of them, each by itself, as a source would."""
        try:
            return self._receive(mentions)
        except BadPayload:
            return tuple(item for each in mentions for item in self._received([each])) if mentions[1:] else ()

    def _receive(self, mentions: list[dict[str, Any]]) -> tuple[Any, ...]:
        now = datetime.now(UTC)
        body = json.dumps({"mentions": mentions})
        headers = {
            "webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signature(SECRET).sign("m1", now, body),
        }  # fmt: skip
        assert self.platform.receiver is not None
        return self.platform.receiver.receive(self.account, Request("POST", headers, {}, body.encode()), now).items

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        options = {"callback_url": "https://forum.example.nl/replies"}
        return posts_of(Account(1, "webhook", "bron", "", options=options), body, now=NOW)[0]
