"""Slack and sources that come to us over HTTP: the same story, and who is not who they say is refused unheard."""

import asyncio
import base64
import gc
import hmac
import io
import json
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import structlog
from standardwebhooks import Webhook
from structlog.testing import capture_logs
from yarl import URL

from bot.accounts.bodies import MAX_BODY, SMALL, Bodies
from bot.app import build_app
from bot.connectors.base import Received, Request
from bot.connectors.webhook import PLATFORM
from bot.domain.case import Status
from bot.logs import set_up_logging
from bot.models import Case, Mention
from bot.run import serving
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.delivery import SignedHttp
from bot.watch.web import Watch
from tests.conftest import CHANNEL, SANNE, Bot, account_of, eventually, running_bot
from tests.people import answer, square_texts

WORDS = "Mijn BSN is 123456782"
SENT = json.dumps({"id": "1", "text": WORDS, "author": {"id": "f", "name": "Fatima"}, "published_at": 1795525200})


@pytest.fixture
async def http_bot(sqlite_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    async with running_bot(sqlite_url, slack, http=True) as running:
        yield running


@pytest.fixture
def logging_for_real(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log as the running bot does, with all that libraries would say at DEBUG seen by caplog too."""
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook, sys.unraisablehook)
    levels = {name: logging.getLogger(name).level for name in list(logging.Logger.manager.loggerDict)}
    set_up_logging("DEBUG", "text")
    root.addHandler(caplog.handler)
    root.setLevel(logging.DEBUG)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


async def send(bot: Bot, path: str, body: str | bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """POST to the bot; returns the status and what was answered."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            URL(f"{bot.url}{path}", encoded=True),
            data=io.BytesIO(body.encode() if isinstance(body, str) else body),
            headers=headers,
        ) as response,
    ):
        read = response.json if response.content_type == "application/json" else response.text
        return response.status, await read()


def signed(bot: Bot, body: str | bytes, secret: str = "") -> dict[str, str]:
    """The headers of a source that signs by Standard Webhooks, with its own secret or another."""
    at, key = bot.desk.now(), secret or bot.slack.square.secret
    if isinstance(body, str):
        signature = Webhook(key).sign("msg_1", at, body)
    else:  # by the letter of the specification: the package signs text only
        signed_bytes = f"msg_1.{int(at.timestamp())}.".encode() + body
        digest = hmac.digest(base64.b64decode(key.removeprefix("whsec_")), signed_bytes, "sha256")
        signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def hub_signed(bot: Bot, body: bytes) -> dict[str, str]:
    """The header of a source that signs as GitHub does."""
    return {"x-hub-signature-256": "sha256=" + hmac.digest(bot.slack.square.secret.encode(), body, "sha256").hex()}


# --- Slack ---------------------------------------------------------------------------------------


async def test_a_citizen_posts_and_reads_the_answer_over_http(http_bot: Bot) -> None:
    bot = http_bot
    bot.citizen_posts("Wanneer wordt de grijze container geleegd?")
    card = await bot.card("grijze container", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling", SANNE)
    await answer(bot, SANNE, card, "Donderdag, Fatima!")
    await bot.card("*Beantwoord*", "Donderdag, Fatima! ^SB")
    assert square_texts(bot) == ["Donderdag, Fatima! ^SB"]
    assert (await bot.case()).status is Status.ANSWERED
    assert bot.slack.socket_mode.connections == []


async def test_what_is_wrong_in_a_modal_is_told_at_its_field_over_http(http_bot: Bot) -> None:
    bot = http_bot
    bot.citizen_posts("KOOP SCHOENEN")
    card = await bot.card("SCHOENEN")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "close:1")
    await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and v["callback_id"] == "case:close")
    assert list((await bot.slack.submit(SANNE, {"close_reason": "other"})).errors) == ["close_text"]
    assert not (await bot.slack.submit(SANNE, {"close_reason": "spam"})).errors
    await bot.card("Afgesloten")


@pytest.mark.usefixtures("logging_for_real")
async def test_a_badly_signed_request_of_slack_is_refused_and_no_word_of_it_is_logged(
    http_bot: Bot, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    bot = http_bot
    bot.citizen_posts("Wie pakt dit op?")
    card = await bot.card("pakt dit op")
    assert isinstance(bot.slack.delivery, SignedHttp)
    bot.slack.delivery.tampered = True
    click = await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    command = await bot.slack.command(SANNE, CHANNEL, f"/webcare {WORDS}")
    note = await bot.slack.post(SANNE, CHANNEL, WORDS, thread_ts=card["ts"])
    assert [ack.reason for ack in (click, command, note)] == ["http_401"] * 3
    status, _ = await send(bot, "/slack/events", json.dumps({"type": "event_callback", "event": {"text": WORDS}}))
    assert status == 401
    assert (await bot.case()).status is Status.NEW
    written = caplog.text + "".join(capfd.readouterr())
    for secret in ("BSN", bot.slack.app.bot_token, bot.slack.app.signing_secret, "trigger_id"):
        assert secret not in written


async def test_the_log_says_once_that_what_slack_sends_is_refused_for_its_signature(http_bot: Bot) -> None:
    """A wrong SLACK_SIGNING_SECRET shows nowhere else: each click does nothing."""
    http_bot.citizen_posts("Wie pakt dit op?")
    card = await http_bot.card("pakt dit op")
    assert isinstance(http_bot.slack.delivery, SignedHttp)
    with capture_logs() as logged:
        assert (await send(http_bot, "/slack/events", "of a stranger"))[0] == 401
        assert not any("is refused" in each["event"] for each in logged)
        http_bot.slack.delivery.tampered = True
        for _ in range(3):
            assert (await http_bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")).reason == "http_401"
    refused = [each["event"] for each in logged if "is refused" in each["event"]]
    assert refused == ["what comes to /slack/events is refused: check SLACK_SIGNING_SECRET, and the machine's clock"]


@pytest.mark.usefixtures("logging_for_real")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-request-timestamp": "1", "x-slack-signature": "v0=00"},
        {"x-slack-request-timestamp": "now", "x-slack-signature": "v0=00"},
        {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": "v0=é"},
    ],
    ids=["unsigned", "long ago", "no time", "no signature"],
)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"payload=%7B", b"payload=[]", b'{"type":"event_callback"}', b"[]", b"7"]
)
async def test_what_is_no_request_of_slack_is_refused_whatever_it_holds(
    http_bot: Bot, body: bytes, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    headers |= {"content-type": "application/json" if body[:1] in b"{[7" else "application/x-www-form-urlencoded"}
    status, _ = await send(http_bot, "/slack/events", body, headers)
    assert status == 401
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


# --- Sources -------------------------------------------------------------------------------------


async def test_a_signed_mention_becomes_a_case_once(http_bot: Bot) -> None:
    for new in (1, 0):
        assert await send(http_bot, "/in/plein", SENT, signed(http_bot, SENT)) == (200, {"received": 1, "new": new})
    assert len(await http_bot.rows(Mention)) == 1


@pytest.mark.usefixtures("logging_for_real")
async def test_a_badly_signed_mention_is_refused_and_no_word_of_it_is_logged(
    http_bot: Bot, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    bot = http_bot
    other = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
    stale = signed(bot, SENT) | {"webhook-timestamp": "1000000000"}
    for headers in ({}, signed(bot, SENT, other), signed(bot, SENT + " "), stale, {"x-hub-signature-256": "sha256=00"}):
        status, told = await send(bot, "/in/plein", SENT, headers)
        assert status == 401
        assert "BSN" not in json.dumps(told)
    assert await bot.rows(Case) == []
    written = caplog.text + "".join(capfd.readouterr())
    for secret in ("BSN", bot.slack.square.secret):
        assert secret not in written


NO_MENTIONS = [
    b"", b"{", b"[1]", b'"x"', b"\x00", b"[" * 100_000, b'{"id": "1", "text": "caf\xe9"}', b"\xff\xfe\x00",
    b'{"id": NaN, "text": "a"}', b'{"id": -Infinity, "text": "a"}', b'{"id": 1e400, "text": "a"}',
    b'{"id": "1", "text": "a", "published_at": 1e400}', b'{"id": ' + b"9" * 5000 + b', "text": "a"}',
    b'{"id": "1", "text": "a", "author": "Jan"}', b'{"id": "1", "text": "a", "author": ["Jan"]}',
]  # fmt: skip


@pytest.mark.parametrize("body", NO_MENTIONS, ids=lambda body: repr(body[:30]))
async def test_a_signed_body_that_is_no_mention_is_refused_with_what_is_wrong(http_bot: Bot, body: bytes) -> None:
    for headers in (signed(http_bot, body), hub_signed(http_bot, body)):
        status, told = await send(http_bot, "/in/plein", body, headers)
        assert status == 400
        assert told["error"]
    assert await http_bot.rows(Case) == []


async def test_a_source_that_nobody_added_is_unknown(http_bot: Bot) -> None:
    for path in ("/in/elders", "/in/plein%00", "/in/../health", "/in/%2e%2e", "/in/"):
        status, _ = await send(http_bot, path, SENT, signed(http_bot, SENT))
        assert status in {404, 405}, path


@pytest.mark.parametrize("path", ["/in/plein%00", "/in/webhook/plein%00", "/in/%ff", "/in/webhook/%ed%a0%80"])
async def test_a_name_that_no_database_takes_is_unknown(bot: Bot, path: str) -> None:
    assert (await send(bot, path, SENT, signed(bot, SENT)))[0] == 404


@pytest.mark.parametrize("path", ["/in/plein", "/slack/events"])
@pytest.mark.parametrize("packed", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_unpacked_is_refused(http_bot: Bot, path: str, packed: str) -> None:
    assert (await send(http_bot, path, "no such thing", {"Content-Encoding": packed}))[0] == 400


@pytest.mark.usefixtures("logging_for_real")
@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"no header\r\n\r\n",
        b"Long: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
    ids=["packed unknown", "no chunk", "no header", "long header"],
)
async def test_what_cannot_be_read_as_http_is_refused_and_is_no_fault_of_ours(
    http_bot: Bot, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection(*_place(http_bot))
    writer.write(b"POST /in/plein HTTP/1.1\r\nHost: bot\r\n" + rest)
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 60)
    writer.close()
    assert {record.levelname for record in caplog.records if record.name == "aiohttp.server"} == {"WARNING"}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.usefixtures("logging_for_real")
@pytest.mark.parametrize("path", ["/in/nobody", "/healthz", "/elsewhere"])
async def test_a_body_that_cannot_be_unpacked_and_that_nobody_reads_is_no_fault_of_ours(
    http_bot: Bot, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await send(http_bot, path, "no such thing", {"Content-Encoding": "gzip"}))[0] in {404, 405}

    async def levels() -> set[str]:
        return {record.levelname for record in caplog.records if record.name == "aiohttp.server"}

    assert await eventually(levels) == {"WARNING"}


async def test_a_body_that_is_too_large_is_refused(http_bot: Bot) -> None:
    body = json.dumps({"id": "1", "text": "a" * MAX_BODY})
    status, told = await send(http_bot, "/in/plein", body, signed(http_bot, body))
    assert (status, told) == (413, {"error": "The body is larger than 5 MB; send fewer mentions at once."})
    assert await http_bot.rows(Case) == []


class Long:
    """A receiver that reads until it is let on, as one that gets much HTML does for a while."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.was_let_on = threading.Event(), threading.Event(), False
        self.threads = set[int]()

    def challenge(self, account: Any, request: Request) -> str | None:
        return None

    def accounts_of(self, request: Request) -> frozenset[str]:
        return frozenset()

    def receive(self, account: Any, request: Request, now: Any) -> Received:
        self.threads.add(threading.get_ident())
        self.begun.set()
        self.was_let_on = self.may_end.wait(30)
        return Received(())

    async def is_reading(self) -> bool:
        return self.begun.is_set()


async def test_while_much_is_read_whoever_else_asks_is_answered(sqlite_url: str, slack: Sandbox) -> None:
    long = Long()
    reads_long = {"webhook": replace(PLATFORM, receiver=long)}
    async with running_bot(sqlite_url, slack, http=True, stand_ins=reads_long) as bot:
        sending = asyncio.create_task(send(bot, "/in/plein", "x" * (SMALL + 1)))
        await eventually(long.is_reading)
        assert (await health(bot))[0] == 200
        long.may_end.set()
        assert (await sending)[0] == 200
    assert long.was_let_on


async def test_large_calls_take_no_thread_in_which_a_name_is_looked_up(sqlite_url: str, slack: Sandbox) -> None:
    """More than there are threads that all share, whatever the machine."""
    long = Long()
    reads_long = {"webhook": replace(PLATFORM, receiver=long)}
    async with running_bot(sqlite_url, slack, http=True, stand_ins=reads_long) as bot:
        sending = [asyncio.create_task(send(bot, "/in/plein", "x" * (SMALL + 1))) for _ in range(40)]
        await eventually(long.is_reading)
        await asyncio.get_running_loop().getaddrinfo("localhost", 443)
        long.may_end.set()
        assert {status for status, _ in await asyncio.gather(*sending)} == {200}
    assert (long.was_let_on, len(long.threads)) == (True, 1)


@pytest.mark.parametrize("path", ["/in/webhook/plein", "/in/plein?token=not-needed"])
async def test_a_source_is_reached_by_its_platform_too(http_bot: Bot, path: str) -> None:
    assert await send(http_bot, path, SENT, signed(http_bot, SENT)) == (200, {"received": 1, "new": 1})


async def test_a_source_has_no_question_to_answer(http_bot: Bot) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{http_bot.url}/in/plein") as response:
        assert response.status == 405
    status, _ = await send(http_bot, "/in/webhook", SENT, signed(http_bot, SENT))
    assert status == 404  # a source has an address of its own


async def test_what_comes_for_an_unknown_source_is_refused_before_it_is_read(http_bot: Bot) -> None:
    """No byte of the body is sent, and the answer is there."""
    reader, writer = await asyncio.open_connection(*_place(http_bot))
    writer.write(b"POST /in/elders HTTP/1.1\r\nHost: bot\r\nContent-Length: 5000000\r\n\r\n")
    assert b" 404 " in await asyncio.wait_for(reader.readline(), 60)
    writer.close()


def _place(bot: Bot) -> tuple[str, int]:
    url = URL(bot.url)
    return url.host or "", url.port or 0


async def test_a_sender_that_gives_up_halfway_is_no_fault_of_ours(
    sqlite_bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    bot, bodies = sqlite_bot, Bodies()
    head = b"POST /in/plein HTTP/1.1\r\nHost: bot\r\nContent-Length: 5000000\r\n\r\n"
    async with serving(bot.desk, build_app(bot.desk), http=False, bodies=bodies) as bot.url:
        _, writer = await asyncio.open_connection(*_place(bot))
        writer.write(head + b"x" * 200_000)
        await eventually(lambda: _is_held(bodies))
        writer.transport.abort()
        await eventually(lambda: _is_zero(bodies))
    assert "a request failed" not in capsys.readouterr().out


async def _is_held(bodies: Bodies) -> bool:
    return bodies.in_hand > 0


async def test_a_hundred_unfinished_bodies_fill_no_memory_and_keep_no_mention_out(sqlite_bot: Bot) -> None:
    """Each sends nearly 5 MB and then nothing: most are refused, the rest is let go when their time is over."""
    bot, bodies, watch = sqlite_bot, Bodies(seconds=3), Watch(sqlite_bot.desk, patience=60)
    head = b"POST /in/plein HTTP/1.1\r\nHost: bot\r\nContent-Length: 5000000\r\n\r\n"

    async def unfinished() -> bytes:
        reader, writer = await asyncio.open_connection(*_place(bot))
        try:
            writer.write(head + b"x" * 4_900_000)
            return await reader.readline()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async with serving(bot.desk, build_app(bot.desk), http=False, bodies=bodies, watch=watch) as bot.url:
        posts = [asyncio.create_task(unfinished()) for _ in range(100)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        assert bodies.in_hand <= bodies.room + MAX_BODY
        assert (await health(bot))[0] == 200
        assert await send(bot, "/in/plein", SENT, signed(bot, SENT)) == (200, {"received": 1, "new": 1})
        answers = await asyncio.gather(*posts)
        assert {answer.split()[1] for answer in answers if answer} == {b"503", b"408"}
        await eventually(lambda: _is_zero(bodies))


async def _is_zero(bodies: Bodies) -> bool:
    return bodies.in_hand == 0


# --- Health --------------------------------------------------------------------------------------


async def health(bot: Bot) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/health") as response:
        return response.status, await response.json()


async def test_health_tells_of_each_account_whether_it_works(http_bot: Bot) -> None:
    bot = http_bot
    for state, change in (
        ("ok", {}),
        ("failing", {"problem": {"message": "It is down.", "params": {}}}),
        ("stopped", {"stopped_at": bot.desk.now()}),
    ):
        async with bot.desk.session() as session:
            account = await session.merge(await account_of(bot))
            for name, value in change.items():
                setattr(account, name, value)
        status, said = await health(bot)
        assert (status, said["database"]) == (200, "ok")
        [told] = said["accounts"]
        assert (told["platform"], told["name"], told["state"]) == ("webhook", "plein", state)


@pytest.mark.logs("health: the database does not answer")
async def test_health_says_when_the_database_does_not_answer(http_bot: Bot) -> None:
    async with http_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE accounts RENAME TO elsewhere")
    assert await health(http_bot) == (503, {"database": "down"})
    async with http_bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO accounts")


async def test_a_start_that_is_cut_off_anywhere_lets_go_of_its_port(sqlite_bot: Bot) -> None:
    app = build_app(sqlite_bot.desk)

    async def serve() -> None:
        async with serving(sqlite_bot.desk, app, http=False):
            await asyncio.Event().wait()

    for turns in range(20):
        task = asyncio.create_task(serve())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    gc.collect()  # a socket that was left open is told of here
