"""The database is gone for a while, moves to another server, is full, or has few connections: nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine

from bot import db
from bot.domain.case import Status
from bot.models import Case, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.shared_lanes import shared_lanes
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, Databases, eventually, running_bot
from tests.fakes.ports import free_port
from tests.faults.own_postgres import Server, standby_of, started
from tests.faults.processes import (
    REPLIES,
    add_square,
    all_is_in_slack_once,
    citizens_at_their_platform,
    is_level,
    looking_on,
    pushed,
    running,
    time_passes,
)
from tests.people import answer

pytestmark = pytest.mark.logs("a handler failed", "a message cannot be shown", "a request failed", "lane failed")
WORDS = "geheim"
PROCESSES = 2


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL of this test alone, which it may stop."""
    yield from started(tmp_path_factory)


@asynccontextmanager
async def bots(url: str, slack: Sandbox, folder: Path, callback: str) -> AsyncIterator[tuple[Bot, list[str]]]:
    """Two processes on a database, and where they take webhooks in; they go on to the end, and say nothing wrong."""
    async with looking_on(url, slack) as bot, AsyncExitStack() as stack:
        await add_square(bot, callback)
        urls, logs, those = [], [], []
        for _ in range(PROCESSES):
            port = free_port()
            own = folder / str(port)
            own.mkdir()
            those.append(await stack.enter_async_context(running(bot, own, port=port)))
            urls.append(f"http://127.0.0.1:{port}/in/plein")
            logs.append(own / "log")
        for log in logs:
            await eventually(partial(says, log, "webcare runs"))
        yield bot, urls
        assert all(process.is_alive() for process in those)
        for log in logs:
            told = told_in(log)
            assert WORDS not in told
            assert "Traceback" not in told


def told_in(log: Path) -> str:
    return log.read_text(encoding="utf-8") if log.exists() else ""


async def says(log: Path, words: str) -> bool:
    return words in told_in(log)


async def accepted(session: ClientSession, bot: Bot, url: str, number: int) -> bool:
    return await pushed(session, bot, url, number, words=WORDS) < 300


async def statuses(bot: Bot) -> list[ReplyStatus]:
    return [reply.status for reply in await bot.rows(Reply)]


async def claim(bot: Bot, person: str, card: dict[str, Any]) -> None:
    assert (await bot.slack.click(person, CHANNEL, card["ts"], "case:claim")).ok


async def test_gone_for_a_while_nothing_is_lost_and_who_clicks_is_told(
    server: Server, slack: Sandbox, tmp_path: Path
) -> None:
    url = await Databases(tmp_path).postgresql(server.uri)
    async with (
        citizens_at_their_platform() as citizens,
        bots(url, slack, tmp_path, citizens.to.url + REPLIES) as (bot, urls),
        ClientSession() as session,
    ):
        for number in (1, 2):
            assert await accepted(session, bot, urls[0], number)
            await bot.card(f"{WORDS} {number:02}")
        await bot.slack.wait_for(lambda: citizens.to.requests)  # the account is checked at the start
        async with citizens.to.holding("POST", REPLIES, passed_on=True) as caught:
            await answer(bot, SANNE, await bot.card(f"{WORDS} 01"), "Dat zit zo.")
            await caught()
            server.stop()
        for each in urls:
            assert await pushed(session, bot, each, 3, words=WORDS) == 500  # the source sends it again
        await claim(bot, YOUSSEF, await bot.card(f"{WORDS} 02"))
        told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
        assert "eferentie" in text_of(told[0])
        assert not [word for word in ("Error", "psycopg", "Traceback") if word in text_of(told[0])]
        server.start()
        await eventually(lambda: accepted(session, bot, urls[0], 3))
        await bot.card(f"{WORDS} 03")
        await claim(bot, YOUSSEF, await bot.card(f"{WORDS} 02"))
        await bot.card(f"{WORDS} 02", "In behandeling", YOUSSEF)
        await time_passes(bot, minutes=2)  # of the answer that was on its way we know only after its lease
        await eventually(lambda: all_sent(bot, 1))
        await eventually(lambda: is_level(bot))
        assert citizens.texts() == ["Dat zit zo. ^SB"]
        await all_is_in_slack_once(bot)


async def all_sent(bot: Bot, count: int) -> bool:
    return await statuses(bot) == [ReplyStatus.SENT] * count


async def test_moved_to_its_standby_the_work_goes_on_there(server: Server, slack: Sandbox, tmp_path: Path) -> None:
    url = await Databases(tmp_path).postgresql(server.uri)
    standby = standby_of(server)
    both = f"{url}&host={standby.sockets}&target_session_attrs=read-write"
    try:
        async with (
            citizens_at_their_platform() as citizens,
            bots(both, slack, tmp_path, citizens.to.url + REPLIES) as (bot, urls),
            ClientSession() as session,
        ):
            assert await accepted(session, bot, urls[0], 1)
            await claim(bot, SANNE, await bot.card(f"{WORDS} 01"))
            await bot.card(f"{WORDS} 01", "In behandeling", SANNE)
            server.stop()
            assert await pushed(session, bot, urls[1], 2, words=WORDS) == 500
            standby.promote()
            await eventually(lambda: accepted(session, bot, urls[1], 2))
            await answer(bot, SANNE, await bot.card(f"{WORDS} 01"), "Dat zit zo.")
            await bot.card(f"{WORDS} 01", "*Beantwoord*")
            await bot.card(f"{WORDS} 02")
            await eventually(lambda: is_level(bot))
            assert [case.status for case in await bot.rows(Case)] == [Status.ANSWERED, Status.NEW]
            assert citizens.texts() == ["Dat zit zo. ^SB"]
            await all_is_in_slack_once(bot)
    finally:
        standby.stop()


async def test_with_one_connection_all_wait_for_it_and_nobody_for_ever(
    databases: Databases, postgres_uri: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held the only one and wanted another would wait for ever."""
    one = partial(create_async_engine, pool_size=1, max_overflow=0, pool_timeout=60)
    monkeypatch.setattr(db, "create_async_engine", one)
    async with running_bot(await databases.postgresql(postgres_uri), slack) as bot:
        for number in range(10):
            bot.citizen_posts(f"{WORDS} {number:02}", name=f"Burger{number}")
        await bot.slack.wait_for(lambda: len(bot.cards()) == 10)
        clicks = (claim(bot, who, card) for card in bot.cards() for who in (SANNE, YOUSSEF))
        await asyncio.gather(*clicks)
        await eventually(lambda: all_are_claimed(bot, 10))
        card = bot.cards()[0]
        owner = (await bot.case()).assignee
        assert owner
        await answer(bot, owner, card, "Dat zit zo.")
        await bot.card("*Beantwoord*")
        await eventually(lambda: is_level(bot))


async def all_are_claimed(bot: Bot, count: int) -> bool:
    return [case.status for case in await bot.rows(Case)] == [Status.CLAIMED] * count


class Disk:
    """The disk of an SQLite database, which can be full."""

    def __init__(self, bot: Bot) -> None:
        self.is_full = False
        event.listen(bot.engine.sync_engine, "begin", self._limit)

    def _limit(self, connection: Any) -> None:
        cursor = connection.connection.cursor()
        # https://www.sqlite.org/pragma.html#pragma_max_page_count: never below what the file has
        cursor.execute(f"PRAGMA max_page_count = {1 if self.is_full else 4294967294}")
        cursor.close()


async def test_with_a_full_disk_nothing_is_lost_and_what_waits_is_done_once_there_is_room(
    sqlite_bot: Bot, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    bot, disk = sqlite_bot, Disk(sqlite_bot)
    url = f"{bot.url}/in/plein"
    async with ClientSession() as session:
        assert await pushed(session, bot, url, 0, words=WORDS) < 300
        card = await bot.card(f"{WORDS} 00")
        disk.is_full = True
        answers = [await pushed(session, bot, url, number, words=WORDS) for number in range(1, 60)]
        assert 500 in answers
        assert bot.desk.disk.is_full()
        await claim(bot, SANNE, card)
        await claimed_or_told(bot, card)
        disk.is_full = False
        for number in range(1, 60):
            assert await pushed(session, bot, url, number, words=WORDS) < 300
    await sweep(bot.desk)
    await bot.slack.wait_for(lambda: len(bot.cards()) == 60, 60)
    if (await bot.case()).status is Status.NEW:
        await claim(bot, SANNE, card)
    await bot.card(f"{WORDS} 00", "In behandeling", SANNE)
    await eventually(lambda: is_level(bot))
    assert len(await bot.rows(Case)) == 60
    assert WORDS not in caplog.text
    assert WORDS not in capsys.readouterr().out


async def claimed_or_told(bot: Bot, card: dict[str, Any]) -> None:
    """A click while the disk is full was done, or its person is told that it was not."""

    def seen() -> bool:
        return bool(bot.slack.ephemerals(SANNE, CHANNEL)) or bot.card_now(f"{WORDS} 00", "In behandeling") is not None

    await bot.slack.wait_for(seen)
    assert not [each for each in bot.slack.ephemerals(SANNE, CHANNEL) if "sqlite" in text_of(each).lower()]


async def test_a_server_that_goes_without_a_word_is_noticed_in_half_a_minute(
    databases: Databases, postgres_uri: str
) -> None:
    """Its own test would need a network that loses packets: here is held that libpq is told."""
    url = await databases.postgresql(postgres_uri)
    for address, idle in ((url, "15"), (f"{url}&keepalives_idle=99", "99")):
        engine = db.create_engine(address)
        async with engine.connect() as connection, shared_lanes(engine, lambda: datetime.now(UTC), 1, lambda _: None):
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            assert driver.info.get_parameters()["keepalives_idle"] == idle
            assert driver.info.get_parameters()["tcp_user_timeout"] == "30000"
        await engine.dispose()
