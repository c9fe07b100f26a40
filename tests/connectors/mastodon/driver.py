"""How the shared tests use Mastodon: what citizens do there, and what of ours can be seen there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import pytest

from bot.connectors import mastodon
from bot.connectors.base import Account
from bot.connectors.mastodon.posts import post_of
from bot.domain.mention import Act, Post
from tests.connectors.mastodon.fake import FakeMastodon
from tests.contracts.drivers import Driver
from tests.fakes.between import ANY, Between


class OnMastodon(Driver):
    platform = mastodon.PLATFORM
    publishes = "/api/v1/statuses"
    uploads = "/api/v2/media"

    server: FakeMastodon

    @classmethod
    @asynccontextmanager
    async def running(cls, request: pytest.FixtureRequest) -> AsyncIterator[Self]:
        server = request.getfixturevalue("mastodon")
        async with Between(server.base_url) as between:
            yield cls(server, between)

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

    def pictures(self) -> list[tuple[bytes, str]]:
        shown = [each for status in self.server.statuses_by_team() for each in status["media_attachments"]]
        return [(self.server.content_of(each["url"]), each["description"]) for each in shown]

    def marks(self) -> list[tuple[Act, str]]:
        return [(Act.LIKE, status["id"]) for status in self.server.as_team("GET", "/api/v1/favourites")]

    def request_of(self, act: Act) -> tuple[str, str]:
        return "DELETE" if act is Act.DELETE else "POST", ANY

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        return post_of(json.loads(body), None, "", may_answer=True)
