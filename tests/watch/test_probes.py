"""Whether it lives and whether it can take work, as it tells who asks, also when something is wrong."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from sqlalchemy.exc import DBAPIError
from yarl import URL

from bot import run as running_it
from bot import web_server
from bot.app import build_app
from bot.config import Settings
from bot.run import Part, run, serving
from bot.sandbox.app import Sandbox
from bot.watch.web import Watch
from tests.conftest import Bot, Databases, eventually, running_bot, settings_for
from tests.watch.asking import ask, measured, parsed

TOO_LONG = "what a monitor asks takes too long"


@pytest.fixture(autouse=True)
def monitors_get_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else this machine has to do: what a monitor asks is waited for, also at the end."""
    monkeypatch.setattr(running_it, "Watch", partial(Watch, patience=60))
    monkeypatch.setattr(web_server, "REQUEST_SECONDS", 60.0)


async def test_a_running_bot_lives_and_is_ready(sqlite_bot: Bot) -> None:
    assert await ask(sqlite_bot, "/healthz") == (200, "webcare lives\n")
    assert await ask(sqlite_bot, "/readyz") == (200, "ready\n")


@pytest.mark.logs("readiness: the database does not answer")
async def test_without_its_database_it_lives_and_is_not_ready(sqlite_bot: Bot) -> None:
    async with sqlite_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE alembic_version RENAME COLUMN version_num TO elsewhere")
    assert await ask(sqlite_bot, "/healthz") == (200, "webcare lives\n")
    assert await ask(sqlite_bot, "/readyz") == (503, "The database does not answer.\n")
    async with sqlite_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE alembic_version RENAME COLUMN elsewhere TO version_num")
    sqlite_bot.clock.advance(seconds=2)
    assert (await ask(sqlite_bot, "/readyz"))[0] == 200


FULL = {
    "sqlite": ("PRAGMA max_page_count = 1", "CREATE TABLE filling AS SELECT hex(randomblob(100000))"),
    "postgresql": ("DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$",),
}
"""What each database refuses as it does when its disk is full."""


async def test_with_a_full_disk_it_is_not_ready_until_a_minute_after_the_last_refusal(bot: Bot) -> None:
    await refused(bot, "SELECT 1 FROM nowhere")
    assert (await measured(bot))["webcare_database_disk_full"] == {frozenset(): 0}
    assert await ask(bot, "/readyz") == (200, "ready\n")
    await refused(bot, *FULL[bot.engine.dialect.name])
    assert (await measured(bot))["webcare_database_disk_full"] == {frozenset(): 1}
    assert await ask(bot, "/readyz") == (503, "The disk of the database is full, so that nothing can be stored.\n")
    assert await ask(bot, "/healthz") == (200, "webcare lives\n")
    bot.clock.advance(minutes=1)
    assert await ask(bot, "/readyz") == (200, "ready\n")


async def refused(bot: Bot, *statements: str) -> None:
    """Ask the database what it refuses, on a connection of its own."""
    connection = await bot.engine.connect()
    try:
        for each in statements[:-1]:
            await connection.exec_driver_sql(each)
        with pytest.raises(DBAPIError):
            await connection.exec_driver_sql(statements[-1])
    finally:
        await connection.invalidate()
        await connection.close()


async def test_tables_of_an_older_version_are_named(bot: Bot) -> None:
    await at_revision(bot, "0001")
    status, why = await ask(bot, "/readyz")
    assert (status, "webcare migrate" in why) == (503, True)


async def test_with_tables_of_a_newer_version_it_goes_on_until_it_is_replaced(bot: Bot) -> None:
    """An update migrates first: if the old processes were not ready then, nobody would answer until there are new."""
    await at_revision(bot, "9999")
    assert await ask(bot, "/readyz") == (200, "ready\n")


async def at_revision(bot: Bot, revision: str) -> None:
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
    bot.clock.advance(seconds=2)


@pytest.mark.logs("Slack gives no connection: clicks do not arrive; run `webcare check`")
async def test_a_closed_socket_keeps_clicks_out_and_is_named(sqlite_bot: Bot) -> None:
    await sqlite_bot.slack.withdraw_app_token()

    async def is_refused() -> bool:
        return await ask(sqlite_bot, "/readyz") == (503, "Slack's socket is not open, so that clicks do not arrive.\n")

    await eventually(is_refused)
    sqlite_bot.slack.install_again()

    async def is_ready() -> bool:
        return (await ask(sqlite_bot, "/readyz"))[0] == 200

    await eventually(is_ready)


async def test_over_http_nothing_of_slack_has_to_be_open(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack, http=True) as bot:
        slack.faults.down = True
        assert (await ask(bot, "/readyz"))[0] == 200


@pytest.mark.logs(TOO_LONG)
async def test_a_database_that_hangs_is_not_waited_for(postgres_bot: Bot, errors_logged: list[str]) -> None:
    """The table is locked, as during a change of it; who asks is answered, and the lock is over before the test."""
    bot, watch = postgres_bot, Watch(postgres_bot.desk, patience=0.2)
    async with (
        serving(bot.desk, build_app(bot.desk), http=False, watch=watch) as bot.url,
        bot.engine.begin() as holder,
    ):
        await holder.exec_driver_sql("LOCK TABLE alembic_version, accounts IN ACCESS EXCLUSIVE MODE")
        status, why = await ask(bot, "/readyz")
        assert (status, why) == (503, "The database does not answer.\n")
        status, text = await ask(bot, "/metrics")
        assert (status, "webcare_database_up 0.0" in text, "webcare_accounts" in text) == (200, True, False)
        assert "process_resident_memory_bytes" in text
        assert await ask(bot, "/health") == (503, '{"database": "down"}')

        async def is_said() -> bool:
            return errors_logged == [TOO_LONG] * 3

        await eventually(is_said)


async def test_while_it_stops_it_is_not_ready_and_still_tells_how_it_does(sqlite_url: str, slack: Sandbox) -> None:
    """The connections are there before, as those of a proxy; they ask at the moment in which the bot begins to stop."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    streams: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    def ask_both() -> None:
        for path, (_, writer) in streams.items():
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    running = asyncio.create_task(run(settings_for(sqlite_url, slack), ready=ready, stopping=ask_both))
    url = URL(await ready)
    for path in ("/readyz", "/metrics"):
        streams[path] = await asyncio.open_connection(url.host, url.port)
    running.cancel()
    answers = {path: await reader.read() for path, (reader, _) in streams.items()}
    assert b" 503 " in answers["/readyz"]
    assert b"The bot is stopping." in answers["/readyz"]
    assert b" 200 " in answers["/metrics"]
    for _, writer in streams.values():
        writer.close()
    await asyncio.wait({running})
    assert running.cancelled()


@pytest.fixture
async def postgres_url(databases: Databases, postgres_uri: str) -> str:
    return await databases.postgresql(postgres_uri)


@pytest.mark.parametrize("part", [Part.WORKER, Part.CLOCK])
async def test_a_process_that_is_no_web_answers_monitors_at_its_own_port(
    postgres_url: str, slack: Sandbox, part: Part
) -> None:
    async with alone(settings_for(postgres_url, slack, watch_port=0), part) as url:
        assert await asked(url, "/healthz") == (200, "webcare lives\n")
        assert await asked(url, "/readyz") == (200, "ready\n")
        status, figures = await asked(url, "/metrics")
        assert (status, "webcare_database_up" in parsed(figures)) == (200, True)
        assert (await asked(url, "/health"))[0] == 200
        assert (await asked(url, "/in/plein"))[0] == 404
        assert (await asked(url, "/metrics", {"X-Forwarded-For": "192.0.2.1"}))[0] == 403
    async with alone(settings_for(postgres_url, slack, watch_port=0, metrics_token="sesam"), part) as url:
        assert (await asked(url, "/metrics"))[0] == 401
        assert (await asked(url, "/metrics", {"Authorization": "Bearer sesam"}))[0] == 200


async def test_a_worker_whose_port_another_has_works_and_says_that_no_monitor_can_ask_it(
    postgres_url: str, slack: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the same settings as many workers may run on one host as one likes."""
    async with alone(settings_for(postgres_url, slack, watch_port=0), Part.WORKER) as first:
        settings = settings_for(postgres_url, slack, watch_port=URL(first).port)
        async with alone(settings, Part.WORKER) as second:
            assert second == ""
    assert "choose another WATCH_PORT" in capsys.readouterr().out


@asynccontextmanager
async def alone(settings: Settings, part: Part) -> AsyncIterator[str]:
    """Run one part of the bot; gives where monitors ask it."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run(settings, parts=[part], ready=ready))
    first: set[asyncio.Future[Any]] = {running, ready}
    await asyncio.wait(first, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running  # it could not start
    yield ready.result()
    running.cancel()
    await asyncio.wait({running})


async def asked(url: str, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}{path}", headers=headers) as response:
        return response.status, await response.text()
