"""Told to stop, the bot ends within ten seconds whatever others do, and finishes what it acknowledged."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot import run
from bot.cli.app import STOP_SECONDS
from bot.models import Case
from bot.sandbox.app import Sandbox
from bot.shared_lanes import END_SECONDS
from bot.web_server import REQUEST_SECONDS
from tests.conftest import CHANNEL, SANNE, SECRET_KEY, Bot, Databases, eventually, settings_for
from tests.fakes.ports import free_port
from tests.faults.processes import add_square, looking_on
from tests.people import open_modal

WITHIN = 20
"""Seconds: it takes at most 10, on a machine that has time for it."""


def test_what_may_take_time_when_it_stops_takes_less_than_a_kill_waits() -> None:
    """https://docs.docker.com/reference/cli/docker/container/stop: killed after 10 seconds."""
    in_order = run.CLOSE_SECONDS + REQUEST_SECONDS + run.CLICK_SECONDS + run.LANE_SECONDS + END_SECONDS
    assert in_order < STOP_SECONDS < 10


@asynccontextmanager
async def process(
    folder: Path, settings: Mapping[str, object], *arguments: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`webcare run` as a real process; its log goes to folder/log, and it is killed if it is still there at the end."""
    environment = {"PATH": os.defpath, **{name.upper(): str(value) for name, value in settings.items()}}
    with (folder / "log").open("ab") as log:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", *arguments, cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        await eventually(lambda: logged(folder, "webcare runs"), 60)
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def logged(folder: Path, words: str) -> bool:
    return words in (folder / "log").read_text()


def settings_of(bot: Bot, port: int, **changes: object) -> dict[str, object]:
    return {
        "database_url": bot.desk.settings.database_url,
        "slack_bot_token": bot.slack.app.bot_token,
        "slack_app_token": bot.slack.app.app_token,
        "slack_signing_secret": bot.slack.app.signing_secret,
        "slack_channel": CHANNEL,
        "slack_api_url": bot.slack.api_url,
        "slack_pace": 0,
        "slack_timeout": 60,
        "undo_seconds": 0,
        "port": port,
        "watch_port": 0,
        "allow_private_addresses": True,
        "webcare_secret_key": SECRET_KEY,
        **changes,
    }


async def stops(started: asyncio.subprocess.Process) -> None:
    """Tell the process to stop, and see that it does."""
    started.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WITHIN):
        assert await started.wait() == 0


@pytest.fixture
async def hanging_platform() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A platform that takes an answer and never says what became of it."""
    asked, for_ever = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        asked.set()
        await for_ever.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/replies", hang)
    async with TestServer(app) as server:
        yield str(server.make_url("/replies")), asked
        for_ever.set()


@pytest.mark.parametrize("http", [False, True])
async def test_it_ends_in_time_whatever_clients_slack_and_a_platform_do(
    databases: Databases, slack: Sandbox, tmp_path: Path, hanging_platform: tuple[str, asyncio.Event], http: bool
) -> None:
    callback, asked = hanging_platform
    port = free_port()
    async with looking_on(await databases.sqlite(), slack) as bot:
        await add_square(bot, callback)
        async with process(tmp_path, settings_of(bot, port), *(["--http"] if http else [])) as started:
            if http:
                slack.deliver_to(f"http://127.0.0.1:{port}/slack/events")
            slack.square.bot_url = f"http://127.0.0.1:{port}/in/plein"
            bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
            card = await bot.card("paspoort")
            await slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
            await open_modal(bot, SANNE, "case:answer")
            await slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "SB"})
            await asyncio.wait_for(asked.wait(), 60)  # an answer is on its way

            slack.faults.delay("*", 60, times=1000)
            bot.citizen_posts("En hoe duur is dat?", name="Kees")  # and a card, to a Slack that hangs
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            slow = [await slow_post(port, path) for path in ("/in/plein", "/slack/events")]
            async with ClientSession() as kept:
                async with kept.get(f"http://127.0.0.1:{port}/health") as answer:
                    await answer.read()
                await eventually(lambda: all_cases(bot, 2))
                await stops(started)
                assert not await logged(tmp_path, "ends now"), "all could be ended in order"
            for _, writer in [*idle, *slow]:
                writer.close()
        slack.faults.clear()


async def slow_post(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a POST whose body never ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: bot\r\nContent-Length: 1000\r\n\r\nbegin".encode())
    await writer.drain()
    return reader, writer


async def all_cases(bot: Bot, count: int) -> bool:
    return len(await bot.rows(Case)) == count


@asynccontextmanager
async def one_card(
    databases: Databases, slack: Sandbox, folder: Path
) -> AsyncIterator[tuple[Bot, asyncio.subprocess.Process, str, sqlite3.Connection]]:
    """A process with one card: who looks on, the process, where the card is, and a connection to its database."""
    port = free_port()
    async with looking_on(await databases.sqlite(), slack) as bot:
        await add_square(bot, f"{slack.base_url}/square/replies")
        async with process(folder, settings_of(bot, port)) as started:
            slack.square.bot_url = f"http://127.0.0.1:{port}/in/plein"
            bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
            card = await bot.card("paspoort")
            file = sqlite3.connect(bot.desk.settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
            with contextlib.closing(file):
                yield bot, started, card["ts"], file


async def test_it_ends_in_time_when_the_database_answers_nobody(
    databases: Databases, slack: Sandbox, tmp_path: Path
) -> None:
    async with one_card(databases, slack, tmp_path) as (_, started, ts, file):
        file.execute("BEGIN IMMEDIATE")
        assert (await slack.click(SANNE, CHANNEL, ts, "case:claim")).ok
        await stops(started)
        file.close()


async def test_a_click_that_was_acknowledged_is_done_before_it_ends(
    databases: Databases, slack: Sandbox, tmp_path: Path
) -> None:
    async with one_card(databases, slack, tmp_path) as (bot, started, ts, file):
        file.execute("BEGIN IMMEDIATE")  # nobody else writes
        assert (await slack.click(SANNE, CHANNEL, ts, "case:claim")).ok
        started.send_signal(signal.SIGTERM)
        await eventually(lambda: logged(tmp_path, "webcare stops"))
        file.execute("COMMIT")
        file.close()
        async with asyncio.timeout(WITHIN):
            assert await started.wait() == 0
        assert (await bot.case()).assignee == SANNE


@pytest.mark.parametrize("soon", [True, False])
async def test_what_came_in_before_it_stops_is_acknowledged_or_it_says_so_calmly(
    databases: Databases, slack: Sandbox, tmp_path: Path, soon: bool
) -> None:
    """Slack would show the person an error, and send it again."""
    async with one_card(databases, slack, tmp_path) as (bot, started, ts, file):
        await slack.click(SANNE, CHANNEL, ts, "case:more", "close:1")
        await open_modal(bot, SANNE, "case:close")
        file.execute("BEGIN IMMEDIATE")  # nobody else writes
        sent = asyncio.create_task(slack.submit(SANNE, {"close_reason": "spam"}))
        await asyncio.sleep(0)
        assert (await slack.click(SANNE, CHANNEL, ts, "case:answer")).ok  # so that came in before it
        started.send_signal(signal.SIGTERM)
        await eventually(lambda: logged(tmp_path, "webcare stops"))
        if soon:
            file.execute("COMMIT")
        acknowledgement = await sent
        file.close()
        async with asyncio.timeout(WITHIN):
            assert await started.wait() == 0
    assert acknowledgement.ok or not soon  # the other may be told in time that it takes longer
    assert not [line for line in (tmp_path / "log").read_text().splitlines() if "error at" in line]


async def test_a_stop_during_the_start_counts_though_a_library_swallows_it(sqlite_url: str, slack: Sandbox) -> None:
    """As asyncio.wait_for of Python 3.11 does, when what it waits for is done at that moment."""

    async def starts() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await run.run(settings_for(sqlite_url, slack))

    task = asyncio.create_task(starts())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=60)
    assert task.cancelled()
