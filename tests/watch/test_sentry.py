"""Sentry hears that something failed and where, and no word, token or person of what it was about."""

import asyncio
import dataclasses
import json
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.config import BadSettings
from bot.connectors.base import Request
from bot.connectors.webhook import PLATFORM
from bot.run import run
from bot.sandbox.app import Sandbox
from bot.watch.sentry import event_of, reporting
from tests.conftest import CHANNEL, SANNE, eventually, running_bot, settings_for
from tests.people import told

WORDS, TOKEN = "Mijn BSN is 123456782", "xoxb-1-geheim"


@dataclasses.dataclass
class FakeSentry:
    """Keeps the envelopes it gets (https://develop.sentry.dev/sdk/data-model/envelopes/)."""

    dsn: str
    envelopes: list[str] = dataclasses.field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        found = []
        for envelope in self.envelopes:
            _, *items = envelope.splitlines()
            found += [json.loads(body) for head, body in zip(items[::2], items[1::2], strict=True) if "event" in head]
        return found


@pytest.fixture
async def sentry(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeSentry]:
    monkeypatch.setattr("bot.watch.sentry.FLUSH_SECONDS", 60.0)  # it takes what it is told, whenever its turn comes

    async def take(request: web.Request) -> web.Response:
        found.envelopes.append((await request.read()).decode())
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/api/1/envelope/", take)
    async with TestServer(app) as server:
        found = FakeSentry(f"http://key@{server.host}:{server.port}/1")
        yield found


class Fails:
    """A receiver whose code has a fault while it holds what a citizen wrote and a token."""

    def challenge(self, account: Any, request: Request) -> str | None:
        return None

    def accounts_of(self, request: Request) -> frozenset[str]:
        return frozenset()

    def receive(self, account: Any, request: Request, now: Any) -> Any:
        said, token = request.body.decode(), TOKEN
        raise ValueError(f"{said} {token}")


def holds_nothing(sentry: FakeSentry) -> None:
    whole = "\n".join(sentry.envelopes)
    for secret in ("BSN", "123456782", "geheim", "fatima", SANNE, CHANNEL, "authorization", "request_body"):
        assert secret.lower() not in whole.lower()


@pytest.mark.logs("a request failed")
async def test_a_request_that_fails_is_reported_without_what_it_was_about(
    sqlite_url: str, slack: Sandbox, sentry: FakeSentry
) -> None:
    failing = {"webhook": dataclasses.replace(PLATFORM, receiver=Fails())}
    settings = settings_for(sqlite_url, slack, sentry_dsn=sentry.dsn)
    async with reporting(settings), running_bot(sqlite_url, slack, stand_ins=failing) as bot:
        headers = {"authorization": f"Bearer {TOKEN}", "x-request-id": "of-the-proxy", "cookie": "fatima"}
        status, answer = await told(bot, "/in/plein", Request("POST", headers, {"q": WORDS}, WORDS.encode()))
        assert status == 500
        assert "BSN" not in answer
        [event] = await eventually(lambda: some(sentry))
    holds_nothing(sentry)
    [thrown] = event["exception"]["values"]
    assert (thrown["type"], thrown["value"]) == ("ValueError", "a request failed")
    assert thrown["stacktrace"]["frames"][-1]["function"] == "receive"
    assert all(frame.keys() <= {"filename", "lineno", "function", "in_app"} for frame in thrown["stacktrace"]["frames"])
    assert event["tags"]["request"] == "of-the-proxy"
    assert event["tags"]["reference"] == json.loads(answer)["reference"]
    assert not event.keys() & {"breadcrumbs", "request", "user", "extra", "contexts", "modules", "server_name"}


@pytest.mark.logs("a handler failed")
async def test_a_click_that_fails_is_reported_without_who_clicked(
    sqlite_url: str, slack: Sandbox, sentry: FakeSentry
) -> None:
    settings = settings_for(sqlite_url, slack, sentry_dsn=sentry.dsn)
    async with reporting(settings), running_bot(sqlite_url, slack) as bot:
        bot.citizen_posts(WORDS)
        card = await bot.card("BSN")
        async with bot.engine.begin() as connection:  # the error then quotes a statement with what was filled in
            await connection.exec_driver_sql("ALTER TABLE events RENAME TO elsewhere")
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
        await eventually(lambda: some(sentry))
    holds_nothing(sentry)
    events = [event for event in sentry.events() if event["exception"]["values"][0]["value"] == "a handler failed"]
    assert [event["tags"]["case"] for event in events] == ["1"]


async def some(sentry: FakeSentry) -> list[dict[str, Any]]:
    return sentry.events()


async def so_many(sentry: FakeSentry, count: int) -> bool:
    return len(sentry.events()) >= count


@pytest.mark.logs("it failed")
async def test_a_sentry_that_is_down_holds_nothing_up(sqlite_url: str, slack: Sandbox) -> None:
    settings = settings_for(sqlite_url, slack, sentry_dsn="http://key@127.0.0.1:1/1")
    async with asyncio.timeout(60), reporting(settings):
        for _ in range(500):
            structlog.get_logger().error("it failed", case=1)


@pytest.mark.logs("first", "second")
async def test_after_the_block_nothing_is_reported(sqlite_url: str, slack: Sandbox, sentry: FakeSentry) -> None:
    async with reporting(settings_for(sqlite_url, slack, sentry_dsn=sentry.dsn)):
        structlog.get_logger().warning("Slack refuses a message")
        structlog.get_logger().error("first")
    structlog.get_logger().error("second")
    await eventually(lambda: some(sentry))
    assert [event["exception"]["values"][0]["value"] for event in sentry.events()] == ["first"]


async def test_what_a_library_logs_as_an_error_is_reported_too(
    sqlite_url: str, slack: Sandbox, sentry: FakeSentry
) -> None:
    def fails() -> None:
        said = WORDS
        raise LookupError(f"{said} {TOKEN}")

    handlers = [*logging.getLogger().handlers]
    async with reporting(settings_for(sqlite_url, slack, sentry_dsn=sentry.dsn)):
        try:
            fails()
        except LookupError:
            logging.getLogger("apscheduler.executors.default").exception("Job %s failed", WORDS)
        logging.getLogger("aiohttp.server").error("%s", TOKEN)
        logging.getLogger("aiohttp.server").warning("%s", TOKEN)
        logging.getLogger("sentry_sdk.errors").error("%s", TOKEN)
    await eventually(lambda: so_many(sentry, 2))
    holds_nothing(sentry)
    first, second = (event["exception"]["values"][0] for event in sentry.events())
    assert (first["type"], first["stacktrace"]["frames"][-1]["function"]) == ("LookupError", "fails")
    assert first["value"].startswith("apscheduler.executors.default: error at test_sentry:")
    assert second["value"].startswith("aiohttp.server: error at test_sentry:")
    assert logging.getLogger().handlers == handlers


def test_what_no_code_of_ours_put_in_a_line_is_not_sent() -> None:
    line = {
        "event": "it failed", "level": "error", "case": 7, "team": WORDS, "lane": "é", "kind": "x" * 81, "by": SANNE,
        "reason": WORDS, "at": f"{WORDS} < outbox.py:12 _try < <frozen x>:3 <module>",
    }  # fmt: skip
    event = event_of(line)
    assert event["tags"] == {"case": "7"}
    assert "BSN" not in json.dumps(event)
    assert SANNE not in json.dumps(event)


@pytest.mark.parametrize("dsn", ["https://sentry.example.nl/1", "geheim", "ftp://key@sentry.example.nl/1"])
async def test_what_is_no_dsn_is_refused_before_the_start(sqlite_url: str, slack: Sandbox, dsn: str) -> None:
    with pytest.raises(BadSettings) as refused:
        await run(settings_for(sqlite_url, slack, sentry_dsn=dsn))
    assert str(refused.value) == "SENTRY_DSN is no DSN: copy it from the project's settings in Sentry."


async def test_without_its_package_the_setting_is_refused(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(BadSettings) as refused:
        await run(settings_for(sqlite_url, slack, sentry_dsn="https://key@sentry.example.nl/1"))
    assert str(refused.value) == (
        "SENTRY_DSN needs its package: install webcare-bot[sentry], "
        "or with uv run: uv run --no-dev --extra sentry webcare check"
    )
