"""Whatever a case waits for, the clock touches only what it should, and nothing falls silent."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot import cases
from bot.cases import clocks, reminders
from bot.cases.reading import MOVED
from bot.cases.silent import silent
from bot.domain.case import OPEN, Status, WaitsFor, rests_for
from bot.domain.event import EventKind
from bot.domain.reminder import Standing
from bot.domain.sla import REACTIONS, ClockKind
from bot.figures import lists
from bot.figures.home import home
from bot.figures.standing import standing
from bot.models import Agent, Event, Message, MessageKind, Person, Reminder, ReminderKind, Role, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import text_of
from bot.views.case_card import case_card
from bot.views.case_list import case_row
from bot.views.details_modal import details_modal
from tests.cases.moving import AGENTS, Table
from tests.cases.situations import DAYS, RESTING, SITUATIONS, WAITS, in_situation, run_jobs
from tests.conftest import SANNE


async def wait_of(table: Table) -> tuple[WaitsFor, bool]:
    """What the case waits for, and whether its clocks rest."""
    case = await table.case()
    async with table.session() as session:
        wait = await clocks.waits_for(session, case, await clocks.open_clocks(session, case.id))
    return wait, rests_for(case.status, wait) is not None


RETURNED = "returned"


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_a_case_waits_for_and_whether_its_clocks_rest(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        assert await wait_of(table) == (WAITS[situation], situation in RESTING)
        async with desk.reading() as session:
            running = {c.kind for c in await clocks.open_clocks(session, 1) if c.running_since} - {ClockKind.PROMISE}
        assert bool(running) is (WAITS[situation] is not WaitsFor.NOBODY and situation not in RESTING)


async def told(table: Table) -> set[str]:
    """Which reminders there are of the case, and whether its thread was told that it returned to the queue."""
    async with table.session() as session:
        reminded = await session.exec(select(Reminder.kind))
        returned = await session.exec(select(Message.id).where(col(Message.key).startswith(f"{RETURNED}:")))
        return {*reminded, *(RETURNED for _ in returned)}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_the_clock_touches_what_waits_for_us_and_nothing_else(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        before, (wait, rests) = await table.case(), await wait_of(table)
        for minutes in (31, 20, 20, 120, 600):
            table.passes(minutes=minutes)
            await run_jobs(desk)
            async with table.session() as session:
                assert await silent(session, table.clock.at) == {}, "nothing falls silent"
        after, heard = await table.case(), await told(table)
        if wait is WaitsFor.ADVICE:
            assert (after.status, after.assignee) == (Status.CLAIMED, before.assignee), "no advice came in time"
        elif wait is WaitsFor.US and before.status in OPEN and before.assignee:
            assert {ReminderKind.STILL, RETURNED} <= heard
            assert after.status is Status.NEW
        else:
            assert not heard & {ReminderKind.STILL, RETURNED}
            assert (after.status, after.assignee) == (before.status, before.assignee)
        resting = rests or wait is WaitsFor.NOBODY
        assert (ReminderKind.CLOCK in heard) is not resting


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_one_who_is_away_gives_back_what_is_on_our_desk_and_nothing_else(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        before = await table.case()
        async with table.session() as session:
            for person in AGENTS:
                session.add(Person(slack_id=person, away_since=desk.now(), asked_at=desk.now()))
        for minutes in (16, 5):
            table.passes(minutes=minutes)
            await run_jobs(desk)
        after = await table.case()
        expected = Status.NEW if before.status in OPEN else before.status
        assert after.status is expected
        assert after.assignee == (None if expected is Status.NEW else before.assignee)


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_the_lists_the_home_and_the_figures_show_what_is_on_our_desk(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        case = await table.case()
        on_our_desk = case.status in OPEN or situation == "a reply that its platform holds"
        async with table.session() as session:
            session.add_all(Agent(team_id=1, slack_id=each, role=Role.AGENT, created_at=desk.now()) for each in AGENTS)
        async with desk.reading() as session:
            team = await session.get_one(Team, 1)
            shown = await home(session, case.assignee or SANNE, desk.texts(), desk.now())
            waiting = sum((await standing(session, team, desk.now())).ages)
            listed = await lists.waiting(session, [1], now=desk.now(), most=10)
        assert [each.case.id for each in shown.mine] == ([1] if on_our_desk and case.assignee else [])
        assert [each.case.id for each in shown.queue] == ([1] if case.status is Status.NEW else [])
        assert waiting == on_our_desk
        assert [each.case.id for each in listed.lines] == ([1] if on_our_desk else [])


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_the_citizen_writes_comes_to_us_and_is_timed(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        before = await table.case()
        table.passes(minutes=1)
        await table.write()
        after = await table.case()
        assert after.status is (before.status if before.status in OPEN else Status.NEW)
        async with desk.reading() as session:
            running = [c.kind for c in await clocks.open_clocks(session, 1) if c.running_since]
        assert set(running) & REACTIONS
        table.passes(days=1)
        await run_jobs(desk)
        assert ReminderKind.CLOCK in await told(table)


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_waits_for_a_moment_is_heard_of_once_it_has_come_and_left_alone_until_then(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        before = await table.case()
        if WAITS[situation] is not WaitsFor.MOMENT:
            return
        table.passes(days=DAYS, minutes=-1)
        await run_jobs(desk)
        assert (await table.case()).status is before.status
        table.passes(minutes=2)
        for _ in range(2):
            await run_jobs(desk)
        after, (wait, rests) = await table.case(), await wait_of(table)
        assert (after.assignee, rests) == (before.assignee, False), "it is with its owner, and timed"
        assert after.status in OPEN
        assert not await told(table) & {ReminderKind.STILL, RETURNED}, "its owner has had no time yet"
        assert ReminderKind.CLOCK in await told(table) or wait is WaitsFor.US


async def test_a_promise_is_heard_of_also_while_our_question_waits(sqlite_url: str, slack: Sandbox) -> None:
    async with in_situation("a promise and a question", sqlite_url, slack) as (table, desk):
        for _ in range(DAYS):
            table.passes(days=1, minutes=1)
            await run_jobs(desk)
        async with desk.reading() as session:
            reminded = (await session.exec(select(Reminder))).all()
            standings = {each.standing for each in await reminders.facts_of(session, reminded, desk.now())}
        assert Standing.LATE in standings
        assert (await table.case()).status is Status.WITH_CITIZEN


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_what_the_clock_did_is_in_the_log_and_told_once_and_not_done_again(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        for time in ({"minutes": 31}, {"minutes": 40}, {"days": DAYS}):
            table.passes(**time)
            before, kept = await table.case(), await written(table)
            for _ in range(2):
                await run_jobs(desk)
            after, new = await table.case(), await written(table) - kept
            if after.status is not before.status:
                assert {type(kind) for kind, _ in new} == {EventKind, MessageKind}, "logged, and told outside the card"
            await run_jobs(desk)
            assert await written(table) == kept | new, "nothing new is due"


async def written(table: Table) -> set[tuple[EventKind | MessageKind, int]]:
    """The moves in the log, and the messages about the case; each with its id."""
    async with table.session() as session:
        events = await session.exec(select(Event.kind, Event.id).where(col(Event.kind).in_(MOVED)))
        messages = await session.exec(select(Message.kind, Message.id).where(Message.case_id == 1))
        return {*events, *messages}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_every_case_is_shown_with_its_details(situation: str, sqlite_url: str, slack: Sandbox) -> None:
    async with in_situation(situation, sqlite_url, slack) as (_, desk), desk.reading() as session:
        file = await cases.read(session, 1)
        happened = (await session.exec(select(Event).where(Event.case_id == 1))).all()
        t = desk.texts()
        assert case_card(file, t, desk.now()).blocks
        assert details_modal(file, happened, [], t, desk.now())["blocks"]


@pytest.mark.parametrize("situation", [name for name, wait in WAITS.items() if wait is WaitsFor.MOMENT])
async def test_the_card_and_the_list_say_until_when_a_case_waits_for_a_moment(
    situation: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk), desk.reading() as session:
        file, t = await cases.read(session, 1), desk.texts()
        until = t.when(table.clock.at + timedelta(days=DAYS), desk.now())
        listed = await lists.waiting(session, [1], now=desk.now(), most=10)
    assert until in text_of({"blocks": case_card(file, t, desk.now()).blocks})
    for line in (file.line, *listed.lines):
        assert until in case_row(line, t, desk.now())
    assert len(listed.lines) == (file.case.status in OPEN)
