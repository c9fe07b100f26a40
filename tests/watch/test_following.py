"""One value leads through the log from what a citizen wrote to our answer; who calls a webhook has an id of it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest
import structlog

from bot.logs import id_in
from tests.conftest import CHANNEL, SANNE, Bot, eventually
from tests.people import answer, signed

WORDS, NAME = "Mijn BSN is 123456782", "Fatima Voorbeeld"


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """All lines of the log, as `bot.logs` makes them before they become text."""
    kept: list[dict[str, Any]] = []

    def keep(_: Any, __: str, line: Any) -> Any:
        kept.append(dict(line))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, keep])
    yield kept
    structlog.reset_defaults()


async def call(bot: Bot, ident: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """Let a citizen's post come in by webhook; returns the status and the id of the request."""
    author = {"id": ident, "name": NAME, "handle": "fatima"}
    body = json.dumps({"id": ident, "text": WORDS, "author": author, "published_at": int(bot.desk.now().timestamp())})
    return await post(bot, body, headers)


async def post(bot: Bot, body: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """Send a body to the webhook; returns the status and the id of the request."""
    sent = {**signed(bot.slack.square.secret, body), **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{bot.url}/in/plein", data=body, headers=sent) as response,
    ):
        return response.status, response.headers["X-Request-Id"]


async def test_all_lines_of_a_case_are_found_by_one_value(sqlite_bot: Bot, lines: list[dict[str, Any]]) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Een andere vraag", name="Joost")
    await bot.card("Een andere vraag")
    bot.citizen_posts(WORDS, name=NAME)
    card = await bot.card("BSN")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("BSN", "In behandeling")
    await answer(bot, SANNE, card, "Vanaf acht uur.")
    await bot.card("BSN", "*Beantwoord*")
    expected = {
        ("a mention came in", None, None, None),
        ("a message was posted", "case", None, None),
        ("a colleague asked something of a case", "block_actions", "case:claim", None),
        ("a colleague asked something of a case", "block_actions", "case:answer", None),
        ("a colleague asked something of a case", "view_submission", "case:answer", None),
        ("a platform was asked", None, "reply", "sent"),
    }

    async def told() -> Counter[tuple[Any, ...]]:  # Slack shows it before we log it
        ours = [line for line in lines if line.get("case") == 2]
        return Counter((line["event"], line.get("kind"), line.get("what"), line.get("outcome")) for line in ours)

    async def are_told() -> bool:
        return expected <= (await told()).keys()

    await eventually(are_told)
    assert await told() == Counter(expected)
    requests = [line["request"] for line in lines if line.get("case") == 2]
    assert len(set(requests)) == len(requests)
    written = json.dumps(lines, default=str)
    for secret in (
        "BSN",
        "Fatima",
        "andere vraag",
        "acht uur",
        SANNE,
        bot.slack.app.bot_token,
        bot.slack.square.secret,
    ):
        assert secret not in written


async def test_the_id_that_a_caller_gave_leads_to_the_case(sqlite_bot: Bot, lines: list[dict[str, Any]]) -> None:
    assert await call(sqlite_bot, "p1", {"X-Request-Id": "of-the-proxy-7"}) == (200, "of-the-proxy-7")
    await sqlite_bot.card("BSN")
    assert [line["case"] for line in lines if line.get("request") == "of-the-proxy-7"] == [1]


async def test_cases_that_came_in_together_are_in_one_line(sqlite_bot: Bot, lines: list[dict[str, Any]]) -> None:
    bot = sqlite_bot
    both = ("a", "Vraag 1", "s"), ("b", "Vraag 2", "t"), ("c", "Vraag 2, nog iets", "t")
    sent = [
        {"id": ident, "text": words, "conversation": f"t{who}", "author": {"id": who, "name": NAME}}
        for ident, words, who in both
    ]
    assert await post(bot, json.dumps({"mentions": sent}), {"X-Request-Id": "of-all-7"}) == (200, "of-all-7")

    async def told() -> list[dict[str, Any]]:
        return [line for line in lines if line["event"] == "mentions came in"]

    [line] = await eventually(told)
    assert (line["cases"], line["count"], line["request"]) == ([1, 2], 3, "of-all-7")
    assert await told() == [line]
    assert not [line for line in lines if line["event"] == "a mention came in"]


@pytest.mark.logs("a handler failed")
async def test_a_fault_of_a_click_has_its_case_too(sqlite_bot: Bot, lines: list[dict[str, Any]]) -> None:
    bot = sqlite_bot
    await call(bot, "p1", {})
    card = await bot.card("BSN")
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE events RENAME TO elsewhere")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE, CHANNEL))

    async def asked() -> list[dict[str, Any]]:
        return [line for line in lines if line["event"] == "a colleague asked something of a case"]

    [clicked] = await eventually(asked)
    [failed] = [line for line in lines if line["event"] == "a handler failed"]
    assert (failed["case"], failed["request"]) == (1, clicked["request"])


HOSTILE = [
    {}, {"X-Request-Id": ""}, {"X-Request-Id": "a b"}, {"X-Request-Id": "x" * 65}, {"X-Request-Id": "é"},
    {"X-Request-Id": "<script>"}, {"X-Request-Id": "a\tb"}, {"X-Request-Id": "${jndi:x}"}, {"X-Request-Id": "a_b"},
    {"traceparent": "00-x-y-01"}, {"traceparent": "00-" + "A" * 32 + "-" + "b" * 16 + "-01"}, {"traceparent": WORDS},
]  # fmt: skip


@pytest.mark.parametrize("headers", HOSTILE, ids=str)
async def test_an_id_that_may_not_stand_in_the_log_is_replaced(
    sqlite_bot: Bot, lines: list[dict[str, Any]], headers: dict[str, str]
) -> None:
    status, ident = await call(sqlite_bot, "p1", headers)
    assert status == 200
    assert len(ident) == 16
    assert int(ident, 16) >= 0
    assert [line["request"] for line in lines if line["event"] == "a mention came in"] == [ident]


def test_a_trace_gives_its_id() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert id_in({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}) == trace
    assert id_in({"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": "mine"}) == "mine"


async def test_also_what_is_refused_has_an_id(sqlite_bot: Bot) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/nowhere", "/in/nobody"):
            async with session.get(f"{sqlite_bot.url}{path}", headers={"X-Request-Id": "mine"}) as response:
                assert (response.status, response.headers["X-Request-Id"]) == (404, "mine")
