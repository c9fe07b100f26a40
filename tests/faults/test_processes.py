"""Three bots in processes of their own on one PostgreSQL: what they all find at once is done once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from aiohttp import ClientError, ClientSession

from bot.domain.case import Status
from bot.models import Case, Message, MessageKind
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from jobs import digest, sla
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, Databases, eventually, second_desk
from tests.fakes.ports import free_port
from tests.faults.processes import (
    all_is_in_slack_once,
    is_level,
    late,
    looking_on,
    pushed,
    running,
    steps_due,
    steps_told,
)

PROCESSES = 3
MANY = 20
CARDS = {f"case:{number}" for number in range(1, MANY + 1)}


@pytest.fixture
async def bot(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """A desk that looks on; the work is done by the processes."""
    async with looking_on(await databases.postgresql(postgres_uri), slack) as looking:
        yield looking


@asynccontextmanager
async def processes(bot: Bot, folder: Path) -> AsyncIterator[list[str]]:
    """Run three bots on one database, killed at the end of the block; gives where each takes webhooks in."""
    ports = [free_port() for _ in range(PROCESSES)]
    async with AsyncExitStack() as stack:
        for port in ports:
            own = folder / str(port)
            own.mkdir()
            await stack.enter_async_context(running(bot, own, port=port))
        yield [f"http://127.0.0.1:{port}/in/plein" for port in ports]
    logs = [(folder / str(port) / "log").read_text(encoding="utf-8") for port in ports]
    assert not [line for log in logs for line in log.splitlines() if "[error" in line or "error at" in line]


async def waiting_for(bot: Bot, statement: str) -> int:
    """How many connections wait for a lock to carry out a statement like this."""
    found = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    async with await psycopg.AsyncConnection.connect(bot.desk.settings.database_url) as connection:
        row = await (await connection.execute(found, [statement])).fetchone()
    return row[0] if row else 0


async def all_remind(bot: Bot) -> bool:
    """Whether one desk reminds, the others wait for it, and all of them write the digest."""
    reminds, wait = await waiting_for(bot, "SELECT clocks.id%"), await waiting_for(bot, "SELECT teams.%")
    return reminds >= 1 and wait >= PROCESSES - 1 and await waiting_for(bot, "INSERT INTO messages%") >= PROCESSES


async def test_twenty_steps_and_a_digest_that_three_find_due_at_once_are_told_once(bot: Bot, tmp_path: Path) -> None:
    """One process at a time does a job; but one that hangs may go on when another has it, and nothing is told twice."""
    await late(bot, MANY)
    async with AsyncExitStack() as stack:
        desks = [await stack.enter_async_context(second_desk(bot)) for _ in range(PROCESSES)]
        async with await psycopg.AsyncConnection.connect(bot.desk.settings.database_url) as holder:
            await holder.execute("LOCK TABLE clocks, messages IN EXCLUSIVE MODE")  # reading goes on
            jobs = [asyncio.create_task(job(desk)) for desk in desks for job in (sla.remind, digest.send_digests)]
            await eventually(lambda: all_remind(bot), 60)
            await holder.rollback()
            await asyncio.gather(*jobs)
        async with processes(bot, tmp_path):
            await eventually(lambda: is_told(bot), 60)
    assert [m.kind for m in await bot.rows(Message)].count(MessageKind.DIGEST) >= 1
    assert set((await steps_told(bot)).values()) == {1}
    await all_is_in_slack_once(bot)


async def is_told(bot: Bot) -> bool:
    return not await steps_due(bot) and await is_level(bot)


async def test_twenty_mentions_sent_to_all_three_at_once_are_twenty_cards(bot: Bot, tmp_path: Path) -> None:
    await late(bot, 0)
    async with processes(bot, tmp_path) as urls, ClientSession() as session:
        await eventually(lambda: all_serve(session, urls), 60)
        sent = (pushed(session, bot, url, number, words="Melding") for number in range(MANY) for url in urls)
        assert max(await asyncio.gather(*sent)) < 400
        await bot.slack.wait_for(lambda: len(bot.cards()) >= MANY, 60)
        await eventually(lambda: is_level(bot), 60)
    assert len(await bot.rows(Case)) == MANY
    await all_is_in_slack_once(bot)


async def test_what_two_people_click_at_once_is_shown_as_it_was_decided_whoever_of_the_three_hears_it(
    bot: Bot, tmp_path: Path
) -> None:
    await late(bot, MANY)
    cards = bot.cards()
    async with processes(bot, tmp_path):
        await eventually(lambda: all_listen(bot), 60)
        clicks = [bot.slack.click(who, CHANNEL, card["ts"], "case:claim") for card in cards for who in (SANNE, YOUSSEF)]
        assert all(ack.ok for ack in await asyncio.gather(*clicks))
        await eventually(lambda: all_are_claimed(bot), 60)
        await eventually(lambda: is_level(bot), 60)
    owners = {case.id: case.assignee for case in await bot.rows(Case)}
    shown = {m.case_id: text_of(bot.slack.message(CHANNEL, m.ts)) for m in await bot.rows(Message) if m.key in CARDS}
    assert all(f"*In behandeling* – bij <@{owners[case_id]}>" in text for case_id, text in shown.items())
    assert len(shown) == MANY


async def all_listen(bot: Bot) -> bool:
    """Whether each of the three holds its connection to Slack."""
    return len(bot.slack.socket_mode.connections) == PROCESSES


async def all_serve(session: ClientSession, urls: list[str]) -> bool:
    for url in urls:
        try:
            async with session.get(url.replace("/in/plein", "/health")) as answer:
                await answer.read()
        except ClientError:
            return False
    return True


async def all_are_claimed(bot: Bot) -> bool:
    return {case.status for case in await bot.rows(Case)} == {Status.CLAIMED}
