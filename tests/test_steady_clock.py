"""The machine's clock is set an hour ahead or back, or was wrong from the beginning: the bot goes on as if not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import format_datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from apscheduler.schedulers import base
from slack_sdk import signature

import jobs
from bot.models import Message, Reply, ReplyStatus
from bot.sandbox.app import Sandbox
from bot.steady_clock import SteadyClock, steady_now
from jobs import sweep
from tests.clocks import RunningClock
from tests.conftest import CHANNEL, SANNE, Bot, eventually, rows_with, running_bot
from tests.faults.virtual_time import VirtualTime
from tests.people import answer, square_texts

BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose clock can be set, while its seconds go on."""

    def __init__(self, *, ahead: timedelta = timedelta()) -> None:
        self.seconds, self.ahead = 0.0, ahead

    @property
    def true(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds)

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.true + self.ahead, lambda: self.seconds)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_is_not_followed_and_small_steps_are(jump: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.ahead, machine.seconds = jump, 10
    assert clock() == machine.true
    machine.ahead, machine.seconds = timedelta(), 20
    assert clock() == machine.true
    for step in range(1, 10):
        machine.ahead, machine.seconds = step * timedelta(minutes=1), 20 + step
        assert clock() == machine.true + machine.ahead


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_clock_that_was_wrong_from_the_beginning_is_set_by_slack_and_right_again_later(ahead: timedelta) -> None:
    machine = Machine(ahead=ahead)
    clock = machine.clock()
    assert clock() == machine.true + ahead
    for nonsense in ("", "morgen", "Fri, 99 Nov 2026 09:00:00 GMT"):
        clock.heard(nonsense)
    clock.heard(format_datetime(machine.true, usegmt=True))
    machine.seconds = 30
    assert clock() == machine.true
    machine.ahead = timedelta()
    assert clock() == machine.true


def test_a_machine_that_stood_still_without_knowing_it_is_told_by_slack() -> None:
    """As a virtual machine that is moved: its seconds stood still, and its clock is right."""
    machine = Machine()
    clock = machine.clock()
    machine.ahead = HOUR
    assert clock() == machine.true
    clock.heard(format_datetime(machine.true + HOUR, usegmt=True))
    assert clock() == machine.true + HOUR


@pytest.fixture
async def moved(sqlite_url: str, slack: Sandbox) -> AsyncIterator[tuple[Bot, RunningClock, RunningClock]]:
    """The bot; the machine's clock, which can be set, and the true time."""
    wall, true = RunningClock(), RunningClock()
    slack.workspace.now = lambda: true().timestamp()
    clock = SteadyClock(wall, lambda: true().timestamp())
    async with running_bot(sqlite_url, slack, clock) as bot:
        yield bot, wall, true


@pytest.mark.parametrize(("first", "then"), [(1, -1), (-1, 1)])
async def test_a_card_of_unknown_outcome_is_found_though_the_clock_was_set_twice(
    moved: tuple[Bot, RunningClock, RunningClock], first: int, then: int
) -> None:
    bot, wall, true = moved
    wall.advance(hours=first)
    bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("Komt dit twee keer?")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" or m.ts))  # or tried again
    wall.advance(hours=then, minutes=1)
    true.advance(minutes=1)
    await sweep(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.shown_version >= m.version))
    bot.citizen_posts("En dit?", name="Kees")
    await bot.card("En dit?")
    assert len(bot.cards()) == 2


async def test_what_was_tried_without_slack_by_a_clock_an_hour_ahead_does_not_wait_for_that_hour(
    database_url: str, slack: Sandbox
) -> None:
    """As when a machine starts before its network: neither Slack nor NTP says that the clock is wrong."""
    async with running_bot(database_url, slack, undo_seconds=60) as bot:
        bot.citizen_posts("Wanneer komt u?")
        await answer(bot, SANNE, await bot.card("Wanneer komt u?"), "Morgen")
        await eventually(lambda: rows_with(bot, Reply, lambda reply: reply.status is ReplyStatus.APPROVED))
        await eventually(lambda: all_shown(bot))
    wall = RunningClock()
    wall.advance(hours=1)
    slack.faults.down = True
    slack.faults.status("square.replies", 425)  # it surely does not take it
    async with running_bot(database_url, slack, SteadyClock(wall, time.monotonic), slack_pace=0.1) as bot:
        slack.workspace.now = time.time
        bot.citizen_posts("Komt dit nog?", name="Noor")
        await eventually(lambda: swept(bot, Message, lambda message: message.problem == "unreachable"))
        await eventually(lambda: swept(bot, Reply, lambda reply: reply.delays))
        slack.faults.clear()
        for number in range(3):
            bot.citizen_posts(f"En dit, {number}?", name=f"Kees {number}")
        await bot.slack.wait_for(lambda: len(bot.cards()) == 5)
        await eventually(lambda: swept(bot, Reply, lambda reply: reply.status is ReplyStatus.SENT))
        await eventually(lambda: all_shown(bot))
    assert len(bot.cards()) == 5
    assert square_texts(bot) == ["Morgen ^SB"]


async def swept(bot: Bot, table: type, holds: Callable[[Any], Any]) -> bool:
    await sweep(bot.desk)
    return bool(await rows_with(bot, table, holds))


async def all_shown(bot: Bot) -> bool:
    await sweep(bot.desk)
    return all(m.shown_version >= m.version for m in await bot.rows(Message))


@pytest.mark.parametrize("hours", [-1, 1])
async def test_what_comes_over_http_is_heard_though_the_machines_clock_was_set(
    sqlite_url: str, slack: Sandbox, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A source and Slack sign by the true time, and no signature is taken that is older than five minutes."""
    async with running_bot(sqlite_url, slack, http=True) as bot:
        true, ahead = steady_now._wall, timedelta(hours=hours)
        monkeypatch.setattr(steady_now, "_wall", lambda: true() + ahead)
        monkeypatch.setattr(signature, "time", lambda: (true() + ahead).timestamp())
        bot.citizen_posts("Hoort u mij?")
        card = await bot.card("Hoort u mij?")
        assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")).ok
        await bot.card("In behandeling", SANNE)


@pytest.mark.parametrize("hours", [-1, 1])
@pytest.mark.logs("a job failed")
def test_jobs_go_on_when_the_machines_clock_is_set(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    runs, ahead = list[float](), timedelta()

    async def job(desk: Any) -> None:
        runs.append(asyncio.get_running_loop().time())
        if len(runs) == 2:
            raise ValueError("it goes on")

    def machine() -> datetime:
        return BEGAN + timedelta(seconds=asyncio.get_running_loop().time()) + ahead

    class Machines(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return machine().astimezone(tz)

    async def two_minutes() -> None:
        nonlocal ahead
        scheduler = jobs.start(SimpleNamespace())  # type: ignore[arg-type]
        await asyncio.sleep(61)
        ahead = timedelta(hours=hours)
        await asyncio.sleep(60)
        await scheduler.stop()

    monkeypatch.setattr(jobs, "intervals", lambda desk: {job: 5})
    monkeypatch.setattr(jobs, "datetime", Machines)
    monkeypatch.setattr(time, "time", lambda: machine().timestamp())
    monkeypatch.setattr(base, "datetime", Machines)
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        runner.run(two_minutes())
    assert len(runs) >= 24
    assert max(then - before for before, then in pairwise(runs)) <= 10.1
