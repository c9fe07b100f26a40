"""Eleven days of a team, with summer time, Easter and a restart in them: every reminder at its minute, each once."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot import cases
from bot.cases import inbox
from bot.desk import Desk
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Event
from bot.sandbox.app import Sandbox
from jobs import sla
from tests.clocks import StoppedClock, local
from tests.conftest import MARIEKE, SANNE, Bot, running_bot, second_desk
from tests.people import at, lists, reminders, settings

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WEEK = [[("09:00", "12:30"), ("13:00", "17:00")]] * 4 + [[("09:00", "13:00")], [], [("00:00", "06:00")]]
OPEN = [[(540, 750), (780, 1020)]] * 4 + [[(540, 780)], [], [(0, 360)]]
EASTER = {date(2026, 4, 5), date(2026, 4, 6)}
ARRIVALS = (
    "2026-03-27 12:20", "2026-03-28 14:00", "2026-03-29 01:30", "2026-03-30 12:10", "2026-03-31 23:00",
    "2026-04-02 16:45", "2026-04-03 12:59", "2026-04-05 03:00",
)  # fmt: skip
STEPS = {80: SANNE, 100: "C0WEBCARE", 125: MARIEKE, 150: "C0ESCALATIE"}
LAST = "2026-04-08 17:00"
RESTART = "2026-04-04 12:00"
"""While the last step of a case from before it is still to come."""

Told = dict[datetime, set[tuple[str, int]]]
"""When which recipients were told of which percentage."""


@pytest.fixture
async def team(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    async with running_bot(database_url, slack, StoppedClock(local(ARRIVALS[0]))) as bot:
        yield bot


def is_working(minute: datetime) -> bool:
    """The slow and obvious way to tell: look at the wall clock."""
    wall = minute.astimezone(AMSTERDAM)
    if wall.date() in EASTER:
        return False
    return any(start <= wall.hour * 60 + wall.minute < end for start, end in OPEN[wall.weekday()])


def moments_of(arrival: datetime, target: int) -> Iterator[tuple[datetime, int]]:
    """Count minute by minute when each step of the ladder falls due."""
    worked, minute = 0, arrival
    steps = iter(STEPS)
    percent = next(steps, None)
    while percent is not None and minute < local(LAST):
        if worked * 100 >= target * percent:
            yield minute, percent
            percent = next(steps, None)
            continue
        worked += is_working(minute)
        minute += timedelta(minutes=1)


def opens_again(told: datetime) -> datetime:
    """When the team opens after it was closed for more than four hours; on the next day if it never is for so long."""
    closed, minute = 0, told
    while True:
        minute += timedelta(minutes=1)
        if is_working(minute):
            if closed > 4 * 60:
                return minute
            closed = 0
            continue
        closed += 1
        if closed == 1 and minute - told > timedelta(days=1):
            tomorrow = told.astimezone(AMSTERDAM).date() + timedelta(days=1)
            return told_at(datetime.combine(tomorrow, time(), AMSTERDAM).astimezone(UTC))


def told_of(arrival: datetime, target: int) -> Iterator[tuple[datetime, str, int]]:
    """When whom a case is told of: at its steps, of several at once the last; then in each list of what is late."""
    last = {told_at(moment): percent for moment, percent in moments_of(arrival, target)}
    for moment, percent in last.items():
        yield moment, STEPS[percent], percent
    moment = max(last)
    while last[max(last)] == max(STEPS) and (moment := opens_again(moment)) < local(LAST):
        yield moment, "C0WEBCARE", max(STEPS)


def told_at(moment: datetime) -> datetime:
    """What is due at closing time is told at the next opening."""
    while not is_working(moment):
        moment += timedelta(minutes=1)
    return moment


async def arrive(bot: Bot, number: int, moment: str) -> None:
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    post = Post(str(number), Author(f"a{number}", f"Burger {number}"), "?", bot.desk.now(), permits=permits(Act.ANSWER))
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await cases.claim(session, number, by=SANNE, now=bot.desk.now())


@asynccontextmanager
async def three_desks(bot: Bot) -> AsyncIterator[list[Desk]]:
    """Three desks on the bot's database with its clock, each with connections of its own, as three processes have."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(second_desk(bot)) for _ in range(3)]


async def live_through(bot: Bot, moments: Sequence[datetime]) -> Told:
    """Let three desks ask at each of these moments what is due; returns what was written when, each step once."""
    arrivals = {local(moment): (number, moment) for number, moment in enumerate(ARRIVALS, 1)}
    seen: Told = {}
    async with three_desks(bot) as desks:
        for moment in moments:
            if moment in arrivals:
                await arrive(bot, *arrivals[moment])
            before = {(each.id, each.told_at) for each in await reminders(bot)}
            bot.clock.at = moment  # type: ignore[attr-defined]
            await asyncio.gather(*(sla.remind(desk) for desk in desks))
            told = [each for each in await reminders(bot) if (each.id, each.told_at) not in before]
            if told:
                seen[moment] = {(each.recipient, each.percent) for each in told}
        log = [(e.details["clock"], e.details["percent"]) for e in await bot.rows(Event) if e.kind == "reminded"]
        assert len(log) == len(set(log)), "no step is told twice"
    return seen


async def test_eleven_days_bring_exactly_the_reminders_that_a_slow_count_expects(
    database_url: str, slack: Sandbox
) -> None:
    """Three desks ask at every moment, and on Easter Saturday all of them end and begin anew."""
    target = 60
    norm = {"first_reaction": target, "next_reaction": 60, "resolution": 60 * 24 * 30}
    expected: Told = {}
    for arrival in ARRIVALS:
        for moment, channel, percent in told_of(local(arrival), target):
            expected.setdefault(moment, set()).add((channel, percent))
    watched = {m + timedelta(minutes=d) for m in expected for d in (-1, 0, 1)}
    watched |= {local(ARRIVALS[0]) + timedelta(hours=h) for h in range(24 * 12)}
    moments = sorted(watched | {local(moment) for moment in ARRIVALS})
    restart = local(RESTART)
    seen: Told = {}
    for part in ([m for m in moments if m < restart], [m for m in moments if m >= restart]):
        async with running_bot(database_url, slack, StoppedClock(part[0])) as bot:
            if not seen:
                await settings(bot, week=WEEK, norm=norm, coordinators=[MARIEKE], escalation_channel="C0ESCALATIE")
            seen |= await live_through(bot, part)
    assert seen == expected
    assert all(is_working(moment) for moment in seen)
    assert {True, False} == {moment < restart for moment in seen}


async def test_a_reminder_survives_being_cut_off_anywhere_and_is_written_once(team: Bot) -> None:
    await settings(team, week=WEEK, coordinators=[MARIEKE])
    await arrive(team, 1, "2026-03-30 09:00")
    team.clock.at = local("2026-03-30 09:48")  # type: ignore[attr-defined]
    for turns in range(0, 60, 3):
        task = asyncio.create_task(sla.remind(team.desk))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await sla.remind(team.desk)
    assert len(await lists(team)) == len(await reminders(team)) == 1
    assert await at(team, "2026-03-30 09:59") == []
