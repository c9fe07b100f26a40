"""`webcare try` with real sources: their posts appear as read-only cards, and nothing is written to the sources."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.config import BadSettings
from bot.run import run
from bot.sandbox.slack.inspection import action_ids
from bot.steady_clock import utc_now
from bot.trial.trying import RealSource, public_sources, try_out
from tests.conftest import CHANNEL, SANNE, eventually
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.trial.trying import card, trying

ENTRY = "https://nieuws.example/brug"


@pytest.fixture
async def feed() -> AsyncIterator[str]:
    """The address of a feed with one entry of today."""

    async def read(_: web.Request) -> web.Response:
        entry = f"<title>De brug is dicht</title><link>{ENTRY}</link><pubDate>{format_datetime(utc_now())}</pubDate>"
        rss = f'<rss version="2.0"><channel><title>Nieuws</title><item><guid>1</guid>{entry}</item></channel></rss>'
        return web.Response(text=rss, content_type="application/rss+xml")

    app = web.Application()
    app.router.add_get("/nieuws.xml", read)
    async with TestServer(app) as server:
        yield str(server.make_url("/nieuws.xml"))


def remaining_in(folder: Path) -> list[Path]:
    return list(folder.glob("webcare-try-*"))


async def test_real_posts_are_read_only_cards_and_nothing_is_written_to_the_sources(
    mastodon: FakeMastodon, to_mastodon: Between, feed: str, folder: Path
) -> None:
    post = mastodon.post_as("jan", "De lantaarn is stuk #voorbeeldstad")
    before = asyncio.all_tasks()
    async with trying(
        RealSource("mastodon", "social.example", to_mastodon.url, hashtags=("voorbeeldstad",)),
        RealSource("feed", "nieuws.example", feed),
    ) as slack:
        base_url = slack.base_url
        for words, address in (("De lantaarn is stuk", post["url"]), ("De brug is dicht", ENTRY)):
            new = await card(slack, words, "Nieuw")
            assert "case:answer" not in action_ids(new)
            assert {"case:claim", "case:open"} <= set(action_ids(new))
            assert [address] == [e["url"] for b in new["blocks"] for e in b.get("elements", []) if "url" in e]
            await slack.click(SANNE, CHANNEL, new["ts"], "case:claim")
            claimed = await card(slack, words, "In behandeling", SANNE)
            assert "case:answer" not in action_ids(claimed)
        seeded = await card(slack, "Lindestraat")
        assert "case:answer" in action_ids(seeded)
    assert mastodon.statuses_by_team() == []
    assert {method for method, _ in to_mastodon.requests} == {"GET"}
    assert asyncio.all_tasks() <= before
    assert remaining_in(folder) == []
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(urlsplit(base_url).hostname, urlsplit(base_url).port)


@pytest.mark.parametrize(
    ("address", "reason"),
    [("nieuws.example", "This is no web address: nieuws.example"), ("http://127.0.0.1:1/", "No connection with")],
)
async def test_a_source_that_cannot_be_read_is_told_before_the_workspace_opens(
    address: str, reason: str, folder: Path
) -> None:
    before, said = asyncio.all_tasks(), list[str]()
    with pytest.raises(BadSettings, match=reason) as refused:
        await try_out(port=0, sources=public_sources("", [], [address]), say=said.append, browse=False)
    assert str(refused.value).startswith(f"{address} cannot be read: ")
    assert (said, remaining_in(folder)) == ([], [])
    assert asyncio.all_tasks() <= before


async def test_an_interrupted_start_stops_at_once(folder: Path) -> None:
    before = asyncio.all_tasks()
    said: list[str] = []
    task = asyncio.create_task(try_out(port=0, say=said.append, browse=False))

    async def bot_starts() -> bool:
        return any(getattr(each.get_coro(), "__qualname__", "") == run.__qualname__ for each in asyncio.all_tasks())

    await eventually(bot_starts)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 60)
    assert asyncio.all_tasks() <= before
