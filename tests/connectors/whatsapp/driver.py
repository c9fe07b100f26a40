"""How the shared tests use WhatsApp: what citizens do there, and what of ours can be seen there."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx

from bot.connectors import whatsapp
from bot.connectors.base import Account, Cursor, Page
from bot.domain.mention import Act, Post
from tests.connectors.meta.graph import SECRETS, pushed
from tests.connectors.whatsapp.fake import IDENTITY, NUMBER_ID, OPTIONS, FakeWhatsApp
from tests.connectors.whatsapp.openapi import stored
from tests.contracts.drivers import NOW, Driver


class OnWhatsApp(Driver):
    platform = whatsapp.PLATFORM
    publishes = f"/v26.0/{NUMBER_ID}/messages"
    uploads = f"/v26.0/{NUMBER_ID}/media"
    tells = False

    fake = FakeWhatsApp
    server: FakeWhatsApp

    def account_at(self, url: str) -> Account:
        return Account(1, "whatsapp", "gemeente", url, SECRETS, OPTIONS, identity=IDENTITY)

    def write(self, text: str) -> str:
        return self.server.write("jan", text)

    def edit(self, post_id: str, text: str) -> None:
        self.server.edit("jan", post_id, text)

    def remove(self, post_id: str) -> None:
        self.server.revoke("jan", post_id)

    def spoil(self) -> None:
        self.server.spoil({"messages": [{"id": 7, "type": "text", "timestamp": "gisteren"}, {}, 7]})

    def published(self) -> list[str]:
        return self.server.said()

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return the images; WhatsApp has no descriptions."""
        shown = [each.body["image"]["id"] for each in self.server.sent if each.body["type"] == "image"]
        return [(self.server.media[each], "") for each in shown]

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.LIKE, ident) for ident in self.server.reactions]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "POST", self.publishes

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        seen = cursor.get("seen", 0)
        return Page(self._received(self.server.events[seen:]), {"seen": len(self.server.events)})

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        changed = [item for item in self._received(self.server.events) if isinstance(item, Post)]
        return [post for post in changed if post.edited_at or post.gone]

    def _received(self, events: list[dict[str, Any]]) -> tuple[Any, ...]:
        assert self.platform.receiver is not None
        return self.platform.receiver.receive(self.account, self.server.request(*events), datetime.now(UTC)).items

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return the message of a citizen in what is sent to us."""
        stored().hold_named("WebhookPayload", json.loads(body))
        account = Account(1, "whatsapp", "gemeente", "", SECRETS, identity=IDENTITY)
        (post,) = whatsapp.PLATFORM.receiver.receive(account, pushed(body), NOW).items
        assert isinstance(post, Post)
        return post
