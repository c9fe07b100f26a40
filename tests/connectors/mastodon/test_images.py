"""An image on Mastodon: given to the server first, waited for, and posted with the reply."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiohttp import web

from bot.connectors import json_api
from bot.connectors.base import (
    Account,
    Draft,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Verdict,
)
from bot.connectors.mastodon import Mastodon, answering
from bot.connectors.mastodon.server import limits_of
from bot.domain.image import JPEG, PNG, Image, Images
from bot.domain.mention import Author, Post
from tests.fakes.pictures import drawing
from tests.fakes.server import FakeServer
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
IMAGE = Image(drawing(), PNG, 200, 100, "Een gele lijn.")


class Server(FakeServer):
    """A server as https://docs.joinmastodon.org/methods/media/ describes it. `works` is how often it is still busy."""

    def __init__(self) -> None:
        super().__init__()
        self.works, self.breaks = 0, False
        self.given: list[tuple[str, str, bytes, str]] = []
        self.posted: list[dict[str, Any]] = []

    def routes(self) -> Iterator[web.RouteDef]:
        yield web.post("/api/v2/media", self._give)
        yield web.get("/api/v1/media/{id}", self._look)
        yield web.get("/api/v1/statuses/{id}", self._status)
        yield web.post("/api/v1/statuses", self._post)

    async def _give(self, request: web.Request) -> web.Response:
        fields = await request.post()
        file = fields["file"]
        assert isinstance(file, web.FileField)
        told = str(fields.get("description", ""))
        self.given.append((file.filename, file.content_type, file.file.read(), told))
        return self._media(202 if self.works else 200)

    async def _look(self, request: web.Request) -> web.Response:
        assert request.match_info["id"] == "77"
        if self.breaks:
            return web.json_response({"error": "Error processing media"}, status=422)
        self.works -= 1
        return self._media(206 if self.works > 0 else 200)

    def _media(self, status: int) -> web.Response:
        url = None if status > 200 else f"{self.url}/x.png"
        return web.json_response({"id": "77", "type": "image", "url": url, "description": ""}, status=status)

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request.match_info["id"], "visibility": "public"})

    async def _post(self, request: web.Request) -> web.Response:
        self.posted.append(await request.json())
        return web.json_response({"id": "9", "visibility": "public", "url": f"{self.url}/9"})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as one:
        yield one


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LOOKS_AGAIN_AFTER", 0)


def account(server: Server, **more: Any) -> Account:
    return Account(1, "mastodon", "gemeente", server.url, {"token": "t"}, **more)


def draft() -> Draft:
    to = Post("1", Author("7", "Jan", "@jan"), "Wat staat daar?", NOW)
    return Draft("key-1", "@jan Een lijn ^SB", False, to, NOW, image=IMAGE)


async def test_the_image_is_given_with_its_description_and_posted_by_its_id(
    server: Server, client: httpx.AsyncClient
) -> None:
    sent = await Mastodon(account(server), tools(client)).send(draft())
    assert sent.external_id == "9"
    assert server.given == [("image.png", "image/png", IMAGE.content, "Een gele lijn.")]
    assert [each["media_ids"] for each in server.posted] == [["77"]]


async def test_an_image_at_which_the_server_is_still_at_work_is_waited_for(
    server: Server, client: httpx.AsyncClient
) -> None:
    server.works = 3
    await Mastodon(account(server), tools(client)).send(draft())
    assert (server.works, len(server.posted)) == (0, 1)
    assert server.asked.count("GET /api/v1/media/77") == 3


async def test_when_the_server_never_gets_done_nothing_was_sent(
    server: Server, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_api, "GIVEN_WITHIN", 0.5)
    server.works = 1_000_000
    with pytest.raises(Unavailable) as raised:
        await Mastodon(account(server), tools(client)).send(draft())
    assert not isinstance(raised.value, OutcomeUnknown)
    assert server.posted == []


async def test_an_image_that_the_server_cannot_read_is_refused_in_its_words(
    server: Server, client: httpx.AsyncClient
) -> None:
    server.works, server.breaks = 1, True
    with pytest.raises(Rejected, match="Error processing media"):
        await Mastodon(account(server), tools(client)).send(draft())
    assert server.posted == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(401, Unauthorized), (429, RateLimited), (503, Unavailable), (0, Unavailable), (422, Rejected)],
)
async def test_whatever_goes_wrong_with_the_image_nothing_was_sent(
    server: Server, client: httpx.AsyncClient, status: int, verdict: type[Verdict]
) -> None:
    for done in (False, True):
        server.fail("/api/v2/media", status=status, body='{"error": "no"}', done=done)
        with pytest.raises(verdict) as raised:
            await Mastodon(account(server), tools(client)).send(draft())
        assert not isinstance(raised.value, OutcomeUnknown)
        assert server.posted == []


def test_the_limits_are_those_that_the_server_names(client: httpx.AsyncClient) -> None:
    said = {
        "image_size_limit": 1_000, "image_matrix_limit": 2_000, "description_limit": 40,
        "supported_mime_types": ["image/webp", PNG],
    }  # fmt: skip
    instance = {"configuration": {"media_attachments": said}}
    learned = Account(1, "mastodon", "x", "https://x.example", {"token": "t"}, limits=limits_of(instance))
    connector = Mastodon(learned, tools(client))
    assert connector.images(private=False) == connector.images(private=True) == Images([PNG], 1_000, 2_000, 40)


@pytest.mark.parametrize("instance", [{}, {"configuration": {"media_attachments": None}}, {"configuration": "x"}])
def test_a_server_that_names_no_limits_has_mastodons_own(client: httpx.AsyncClient, instance: dict[str, Any]) -> None:
    learned = Account(1, "mastodon", "x", "https://x.example", {"token": "t"}, limits=limits_of(instance))
    images = Mastodon(learned, tools(client)).images(private=False)
    assert images is not None and (set(images.kinds), images.bytes) == ({JPEG, PNG}, 16 * 1024**2)


def test_who_only_reads_and_a_server_without_our_kinds_take_none(client: httpx.AsyncClient) -> None:
    limits: dict[str, Any] = {"images": {"kinds": []}}
    no_kinds = Account(1, "mastodon", "x", "https://x.example", {"token": "t"}, limits=limits)
    reads = Account(1, "mastodon", "x", "https://x.example", {"token": "t"}, {"read_only": True})
    for each in (no_kinds, reads):
        assert Mastodon(each, tools(client)).images(private=False) is None
