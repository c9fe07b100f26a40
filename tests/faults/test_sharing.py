"""Bots in processes of their own that share the work on one PostgreSQL; some are killed, hang, or are told to stop."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg
import pytest
from aiohttp import ClientError, ClientSession
from sqlalchemy import text

import jobs
from bot.models import Case, Message, MessageKind, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL, SANNE, Bot, Databases, eventually
from tests.fakes.ports import free_port
from tests.faults.processes import (
    REPLIES,
    Citizens,
    add_square,
    all_is_in_slack_once,
    citizens_at_their_platform,
    is_level,
    looking_on,
    running,
    time_passes,
)
from tests.people import answer, signed

PROCESSES = 4
MANY, ANSWERED = 20, 6
WITHIN = 20
"""Seconds in which a process that is told to stop ends: it takes at most 10, on a machine that has time for it."""


@pytest.fixture
async def citizens() -> AsyncIterator[Citizens]:
    async with citizens_at_their_platform() as those:
        yield those


@pytest.fixture
async def bot(databases: Databases, postgres_uri: str, slack: Sandbox, citizens: Citizens) -> AsyncIterator[Bot]:
    """A desk that looks on, with the square as a source; the work is done by the processes."""
    async with looking_on(await databases.postgresql(postgres_uri), slack) as looking:
        await add_square(looking, citizens.to.url + REPLIES)
        yield looking


class Started:
    """A process of the bot, and where it takes webhooks in."""

    def __init__(self, process: BaseProcess, port: int, folder: Path) -> None:
        self.process, self.url, self.log = process, f"http://127.0.0.1:{port}", folder / "log"

    def gets(self, number: signal.Signals) -> None:
        assert self.process.pid
        os.kill(self.process.pid, number)

    async def runs(self) -> bool:
        return self.log.exists() and "webcare runs" in self.log.read_text(encoding="utf-8")

    async def stops(self) -> bool:
        return "webcare stops" in self.log.read_text(encoding="utf-8")

    def faults(self) -> list[str]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "[error" in line or "error at" in line]


@asynccontextmanager
async def started(bot: Bot, folder: Path, *arguments: str) -> AsyncIterator[Started]:
    """Run a bot, killed at the end of the block; it runs when this begins."""
    port = free_port()
    own = folder / str(port)
    own.mkdir()
    async with running(bot, own, *arguments, port=port) as process:
        one = Started(process, port, own)
        await eventually(one.runs, 60)
        yield one


async def post(session: ClientSession, bot: Bot, one: Started, number: int) -> None:
    """Send one mention to one process, as the platform would."""
    about = {"id": f"p{number}", "text": f"Melding {number:02}", "author": {"id": f"a{number}", "name": "Burger"}}
    body = json.dumps(about)
    headers = signed(bot.slack.square.secret, body, f"m{number}")
    async with session.post(f"{one.url}/in/plein", data=body, headers=headers) as answered:
        answered.raise_for_status()


async def sql(bot: Bot, statement: str) -> list[tuple]:
    async with bot.engine.begin() as connection:
        found = await connection.execute(text(statement))
        return [tuple(row) for row in found] if found.returns_rows else []


async def statuses(bot: Bot) -> list[ReplyStatus]:
    return [reply.status for reply in await bot.rows(Reply)]


async def all_sent(bot: Bot, count: int) -> bool:
    return await statuses(bot) == [ReplyStatus.SENT] * count


async def test_four_share_the_work_and_nothing_is_done_twice(bot: Bot, citizens: Citizens, tmp_path: Path) -> None:
    """Each mention is one card, each answer goes out once, and each tick of a job is one run."""
    await sql(bot, "CREATE TABLE ticks (lane text, slot bigint, worker bigint)")
    await sql(
        bot,
        "CREATE FUNCTION count_tick() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO ticks VALUES (NEW.args->>'lane', (NEW.args->>'slot')::bigint, NEW.worker_id);"
        " RETURN NEW; END $$",
    )
    await sql(
        bot,
        "CREATE TRIGGER count_ticks AFTER UPDATE OF status ON procrastinate_jobs FOR EACH ROW"
        " WHEN (NEW.status = 'doing') EXECUTE FUNCTION count_tick()",
    )
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession())
        enter = stack.enter_async_context
        those = await asyncio.gather(*(enter(started(bot, tmp_path)) for _ in range(PROCESSES)))
        await asyncio.gather(*(post(session, bot, one, number) for number in range(MANY) for one in those))
        await bot.slack.wait_for(lambda: len(bot.cards()) >= MANY, 60)
        for number in range(ANSWERED):
            await answer(bot, SANNE, await bot.card(f"Melding {number:02}"), f"Antwoord {number}")
        await eventually(lambda: all_sent(bot, ANSWERED), 60)
        await eventually(lambda: is_level(bot), 60)
        await eventually(lambda: ticked(bot, 3), 60)
        assert [one.faults() for one in those] == [[]] * PROCESSES
    assert len(await bot.rows(Case)) == MANY
    await all_is_in_slack_once(bot)
    assert citizens.texts() == [f"Antwoord {number} ^SB" for number in range(ANSWERED)]
    assert citizens.requests == ANSWERED
    ticks = await sql(bot, "SELECT lane, slot FROM ticks WHERE slot IS NOT NULL")
    assert set(Counter(ticks).values()) == {1}
    shared = {f"job:{jobs.name_of(job)}" for job in jobs.intervals(bot.desk) if job not in jobs.OF_ONE_PROCESS}
    assert {lane for lane, _ in ticks} == shared
    assert len({worker for (worker,) in await sql(bot, "SELECT DISTINCT worker FROM ticks")}) > 1


async def ticked(bot: Bot, times: int) -> bool:
    """Whether the sweep has had so many ticks."""
    found = await sql(bot, f"SELECT count(DISTINCT slot) FROM ticks WHERE lane = 'job:{jobs.name_of(jobs.sweep)}'")
    return found[0][0] >= times


async def two_are_asked(bot: Bot, one: Started) -> None:
    """Two citizens ask something, each has a card."""
    async with ClientSession() as session:
        for number in (1, 2):
            await post(session, bot, one, number)
            await bot.card(f"Melding {number:02}")


@asynccontextmanager
async def first_hangs_second_waits(bot: Bot, citizens: Citizens, one: Started) -> AsyncIterator[None]:
    """Both are answered; what became of the first answer is not said in this block, so the second waits in the lane."""
    await two_are_asked(bot, one)
    await bot.slack.wait_for(lambda: citizens.to.requests)  # the account is checked at the start
    async with citizens.to.holding("POST", REPLIES, passed_on=True) as caught:
        for number in (1, 2):
            await answer(bot, SANNE, await bot.card(f"Melding {number:02}"), f"Antwoord {number}")
            await caught()
        await eventually(lambda: second_waits(bot))
        yield


async def second_waits(bot: Bot) -> bool:
    return await statuses(bot) == [ReplyStatus.SENDING, ReplyStatus.APPROVED]


async def second_is_sent(bot: Bot) -> bool:
    return await statuses(bot) == [ReplyStatus.SENDING, ReplyStatus.SENT]


BOTH = ["Antwoord 1 ^SB", "Antwoord 2 ^SB"]


async def test_what_a_killed_process_was_about_to_do_is_done_by_another(
    bot: Bot, citizens: Citizens, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        async with started(bot, tmp_path) as first, first_hangs_second_waits(bot, citizens, first):
            await stack.enter_async_context(started(bot, tmp_path))
            first.gets(signal.SIGKILL)
            await eventually(lambda: second_is_sent(bot), 60)
        await time_passes(bot, minutes=2)  # of the first, we know only after its lease that it may be sent again
        await eventually(lambda: all_sent(bot, 2), 60)
        await eventually(lambda: is_level(bot), 60)
    assert citizens.texts() == BOTH
    await all_is_in_slack_once(bot)


async def test_a_process_that_hangs_for_minutes_and_goes_on_does_no_harm(
    bot: Bot, citizens: Citizens, tmp_path: Path
) -> None:
    async with started(bot, tmp_path) as first:
        async with first_hangs_second_waits(bot, citizens, first), started(bot, tmp_path):
            first.gets(signal.SIGSTOP)
            await eventually(lambda: second_is_sent(bot), 60)
            await time_passes(bot, minutes=2)
            await eventually(lambda: all_sent(bot, 2), 60)
        first.gets(signal.SIGCONT)  # the answer to its request has come, and another is long done with its lane
        async with ClientSession() as session:
            await post(session, bot, first, 3)
        await answer(bot, SANNE, await bot.card("Melding 03"), "Antwoord 3")  # it works alone now
        await eventually(lambda: all_sent(bot, 3), 60)
        await eventually(lambda: is_level(bot), 60)
    assert citizens.texts() == [*BOTH, "Antwoord 3 ^SB"]
    await all_is_in_slack_once(bot)


@pytest.mark.parametrize("arguments", [(), ("--only", "worker")], ids=["everything", "worker"])
async def test_told_to_stop_in_the_middle_of_a_lane_it_hands_the_lane_to_another(
    bot: Bot, citizens: Citizens, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    async with AsyncExitStack() as stack, started(bot, tmp_path, *arguments) as first:
        others = ("--only", "web", "--only", "clock")
        web = await stack.enter_async_context(started(bot, tmp_path, *others)) if arguments else first
        async with first_hangs_second_waits(bot, citizens, web):
            await stack.enter_async_context(started(bot, tmp_path, *arguments))
            await ends(first)
            assert len(await sql(bot, "SELECT id FROM procrastinate_workers")) == 1
            await eventually(lambda: second_is_sent(bot), 60)
        await time_passes(bot, minutes=2)
        await eventually(lambda: all_sent(bot, 2), 60)
        assert first.faults() == []
    assert citizens.texts() == BOTH


async def ends(one: Started) -> None:
    """Tell it to stop, and see that it does."""
    one.gets(signal.SIGTERM)
    await asyncio.to_thread(one.process.join, WITHIN)
    assert one.process.exitcode == 0


async def test_a_web_alone_that_is_told_to_stop_first_does_what_it_acknowledged(
    bot: Bot, citizens: Citizens, tmp_path: Path
) -> None:
    async with started(bot, tmp_path, "--only", "web") as web, started(bot, tmp_path, "--only", "worker"):
        await two_are_asked(bot, web)
        card = await bot.card("Melding 01")
        async with await psycopg.AsyncConnection.connect(bot.desk.settings.database_url) as holder:
            await holder.execute("SELECT id FROM cases FOR UPDATE")
            assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")).ok
            await eventually(lambda: waits_for_a_lock(bot, "%FROM cases%"))
            web.gets(signal.SIGTERM)
            await eventually(web.stops)
            await holder.rollback()
        await asyncio.to_thread(web.process.join, WITHIN)
        assert (web.process.exitcode, web.faults()) == (0, [])
        assert Counter(case.assignee for case in await bot.rows(Case)) == {SANNE: 1, None: 1}


async def test_a_clock_alone_that_is_told_to_stop_in_a_tick_ends_and_another_goes_on(
    bot: Bot, citizens: Citizens, tmp_path: Path
) -> None:
    async with started(bot, tmp_path, "--only", "clock") as clock:
        await eventually(lambda: ticks(bot), 60)
        async with await psycopg.AsyncConnection.connect(bot.desk.settings.database_url) as holder:
            await holder.execute("LOCK TABLE procrastinate_jobs IN ACCESS EXCLUSIVE MODE")
            await eventually(lambda: waits_for_a_lock(bot, "%procrastinate_defer_periodic_job%"))
            await ends(clock)
        assert clock.faults() == []
    before = await ticks(bot)
    async with started(bot, tmp_path, "--only", "clock"), started(bot, tmp_path, "--only", "worker"):
        await eventually(lambda: more_ticks(bot, before), 60)


async def waits_for_a_lock(bot: Bot, statement: str) -> int:
    """How many connections wait for a lock to carry out a statement like this."""
    found = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '" + statement + "'"
    return int((await sql(bot, found))[0][0])


async def ticks(bot: Bot) -> int:
    """The number of the newest job: a tick makes one."""
    return int((await sql(bot, "SELECT coalesce(max(id), 0) FROM procrastinate_jobs"))[0][0])


async def more_ticks(bot: Bot, before: int) -> bool:
    return await ticks(bot) > before


async def test_each_part_can_run_by_itself(bot: Bot, citizens: Citizens, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        parts = ("web", "worker", "clock")
        enter = stack.enter_async_context
        those = await asyncio.gather(*(enter(started(bot, tmp_path, "--only", part)) for part in parts))
        assert len(bot.slack.socket_mode.connections) == 1
        await two_are_asked(bot, those[0])
        await answer(bot, SANNE, await bot.card("Melding 01"), "Antwoord 1")
        await eventually(lambda: all_sent(bot, 1), 60)
        await eventually(lambda: is_level(bot), 60)
        with pytest.raises(ClientError):
            async with ClientSession() as session, session.get(f"{those[1].url}/in/plein"):
                pass
        assert [one.faults() for one in those] == [[], [], []]
    assert [m.kind for m in await bot.rows(Message)].count(MessageKind.CASE) == 2
    assert citizens.texts() == ["Antwoord 1 ^SB"]
    await all_is_in_slack_once(bot)
