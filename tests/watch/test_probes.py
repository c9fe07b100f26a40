"""Whether it lives and whether it can take work, as it tells who asks, also when something is wrong."""

import asyncio

from yarl import URL

from bot.app import build_app
from bot.run import run, serving
from bot.sandbox.app import Sandbox
from bot.watch.web import Watch
from tests.conftest import Bot, eventually, running_bot, settings_for
from tests.watch.asking import ask


async def test_a_running_bot_lives_and_is_ready(sqlite_bot: Bot) -> None:
    assert await ask(sqlite_bot, "/healthz") == (200, "webcare lives\n")
    assert await ask(sqlite_bot, "/readyz") == (200, "ready\n")


async def test_without_its_database_it_lives_and_is_not_ready(sqlite_bot: Bot) -> None:
    async with sqlite_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE alembic_version RENAME COLUMN version_num TO elsewhere")
    assert await ask(sqlite_bot, "/healthz") == (200, "webcare lives\n")
    assert await ask(sqlite_bot, "/readyz") == (503, "The database does not answer.\n")
    async with sqlite_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE alembic_version RENAME COLUMN elsewhere TO version_num")
    sqlite_bot.clock.advance(seconds=2)
    assert (await ask(sqlite_bot, "/readyz"))[0] == 200


async def test_a_database_of_another_version_is_named(bot: Bot) -> None:
    for revision in ("0001", "9999"):
        async with bot.engine.begin() as connection:
            await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        bot.clock.advance(seconds=2)
        status, why = await ask(bot, "/readyz")
        assert (status, "webcare migrate" in why) == (503, True)


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


async def test_a_database_that_hangs_is_not_waited_for(postgres_bot: Bot) -> None:
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
