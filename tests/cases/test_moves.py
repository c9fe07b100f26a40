"""All moves in any order, twice and two at once: a case stays whole, and its clocks follow what it waits for."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from sqlmodel import col, func, select

from bot import cases
from bot.cases import clocks, inbox
from bot.cases.state import recalled, remembered
from bot.connectors.base import Rejected
from bot.domain.case import FILLED_IN, LEADS_TO, OPEN, UNCLOSES, Move, Status, Urgency, WaitsFor, logged_as, rests_for
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.sla import REACTIONS, ClockKind
from bot.domain.text import Refused
from bot.models import (
    BY_AGENTS,
    Case,
    Clock,
    Escalation,
    Event,
    Message,
    MessageKind,
    Reply,
    ReplyKind,
    ReplyStatus,
    UtcDateTime,
)
from bot.outgoing import outcomes, replies
from tests.cases.moving import HOW, Table, bring_to, one_case
from tests.clocks import local
from tests.conftest import SANNE, YOUSSEF

NOW = local("2026-11-20 10:00")
SEEDS = range(4)
STEPS = 40


async def is_whole(table: Table) -> None:
    """Check everything that holds of a case at every moment."""
    async with table.session() as session:
        case = await session.get_one(Case, table.case_id)
        now = table.clock.at
        for name, statuses in FILLED_IN.items():
            assert case.status in statuses or not getattr(case, name), f"{name} of a case that is {case.status}"
        assert case.status in {Status.NEW, Status.CLOSED} or case.assignee, f"nobody has a case that is {case.status}"
        assert not case.assignee or case.claimed_at, "somebody has it, and it never counts as idle"
        assert case.status is not Status.CLOSED or (case.closed_at and case.closed_by and case.close_reason)
        running = await clocks.open_clocks(session, case.id)
        wait = await clocks.waits_for(session, case, running)
        kinds = Counter(clock.kind for clock in running)
        timed = {kind: n for kind, n in kinds.items() if kind is not ClockKind.PROMISE}
        assert set(timed.values()) <= {1}, f"two clocks of a kind: {kinds}"
        assert wait is not WaitsFor.NOBODY or not running, f"it waits for nobody, yet is timed: {kinds}"
        assert case.status not in OPEN or kinds[ClockKind.RESOLUTION], "it waits on our desk, and nothing times that"
        rest = rests_for(case.status, wait)
        for clock in running:
            if clock.kind is ClockKind.PROMISE:
                assert clock.rests_for is None and clock.due_at, "a promise keeps its own moment"
                continue
            assert clock.rests_for is rest, f"{clock.kind} of a case that is {case.status} and waits for {wait}"
            assert (clock.running_since is None) is (rest is not None) is (clock.due_at is None)
            assert clock.next_at is not None or rest is not None, "nobody hears of it"
        later = await clocks.asked_since_replies(session, case.id)
        closed = await session.exec(
            select(func.max(Event.at)).where(Event.case_id == case.id, Event.kind == EventKind.CLOSE)
        )
        if case.status in OPEN and later and later > (closed.one() or case.opened_at):
            assert any(clock.kind in REACTIONS for clock in running), "the citizen's last words are not timed"
        before = [clock.model_dump() for clock in running]
        await clocks.follow(session, case, now)
        again = [clock.model_dump() for clock in await clocks.open_clocks(session, case.id)]
        assert again == before, "following once more changes nothing"


async def rows(table: Table, model: type[Any]) -> list[Any]:
    async with table.session() as session:
        return list(await session.exec(select(model).order_by(model.id)))


async def fail(table: Table, reply_id: int) -> None:
    async with table.session() as session:
        reply = await session.get_one(Reply, reply_id)
        reply.status, reply.tries = ReplyStatus.SENDING, 1
        await session.flush()
        await outcomes.record(session, reply, Rejected("Too long."), table.clock.at)


def inbox_post(number: int, table: Table) -> Post:
    may = permits(Act.ANSWER)
    return Post(
        f"m{number}", Author(f"m{number}", "Jan"), "Vraag", table.clock.at, private=number % 2 == 0, permits=may
    )


async def events(table: Table) -> list[Event]:
    async with table.session() as session:
        return list(await session.exec(select(Event).order_by(col(Event.id))))


async def card_version(table: Table) -> int:
    async with table.session() as session:
        cards = col(Message.kind).in_([MessageKind.CASE, MessageKind.FORMER])
        found = await session.exec(select(func.sum(Message.version)).where(cards))
        return found.one()


def test_every_move_is_tried_and_has_its_place_in_the_tables() -> None:
    assert set(HOW) == set(LEADS_TO) == set(Move)
    assert all(logged_as(move) for move in Move)
    assert {to for leads in LEADS_TO.values() for to in leads.values()} == set(Status)


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_order_of_moves_leaves_a_whole_case(database_url: str, seed: int) -> None:
    async with one_case(database_url, seed) as table:
        await is_whole(table)
        for _ in range(STEPS):
            move = table.dice.choice(list(Move))
            before, version, logged = await table.case(), await card_version(table), len(await events(table))
            made = await table.make(move)
            after = await table.case()
            moved = (after.status, after.assignee) != (before.status, before.assignee)
            alike = [each for each in Move if HOW[each] is HOW[move]]  # it depends on the reply which of these it is
            assert after.status in {before.status, *(LEADS_TO[each].get(before.status) for each in alike)}, move
            new = (await events(table))[logged:]
            assert made or not (moved or new), f"{move} was refused, yet changed something"
            if moved:
                assert logged_as(move) in {event.kind for event in new}, f"{move} is not in the log"
                assert await card_version(table) > version, f"{move} leaves the card as it was"
            await is_whole(table)
            table.passes(seconds=table.dice.choice([1, 60, 3600, 86400]))


@pytest.mark.parametrize("seed", SEEDS)
async def test_two_moves_at_once_leave_a_whole_case(database_url: str, seed: int) -> None:
    async with one_case(database_url, seed) as table:
        for _ in range(STEPS // 2):
            pair = [table.dice.choice(list(Move)) for _ in range(2)]
            await asyncio.gather(*(table.make(move) for move in pair))
            await is_whole(table)
            table.passes(seconds=table.dice.choice([1, 3600]))


@pytest.mark.parametrize("status", Status)
async def test_each_move_twice_at_once_is_made_no_oftener_than_the_table_says(
    database_url: str, status: Status
) -> None:
    async with one_case(database_url) as table:
        for move in Move:
            await table.open_case()
            await bring_to(table, status)
            logged = len(await events(table))
            await asyncio.gather(table.make(move), table.make(move))
            made = [event for event in (await events(table))[logged:] if event.kind is logged_as(move)]
            twice = LEADS_TO[move].get(LEADS_TO[move].get(status, status)) is not None
            assert len(made) <= (2 if twice else 1), f"{move} from {status} was made {len(made)} times"
            await is_whole(table)


@pytest.mark.parametrize("kind", BY_AGENTS)
async def test_what_the_citizen_wrote_after_a_reply_was_approved_keeps_its_clocks(
    database_url: str, kind: ReplyKind
) -> None:
    async with one_case(database_url) as table:
        table.kind = kind
        await bring_to(table, Status.ANSWERED)
        table.passes(minutes=2)
        await table.write()
        wrote_at = table.clock.at
        table.passes(minutes=3)
        assert await table.make(Move.KEEP)
        await is_whole(table)
        assert (await table.case()).status is Status.NEW
        async with table.session() as session:
            running = {clock.kind: clock for clock in await clocks.open_clocks(session, 1)}
        assert running[ClockKind.NEXT_REACTION].started_at == wrote_at
        assert (running[ClockKind.RESOLUTION].started_at == wrote_at) is (kind is ReplyKind.FINAL)
        assert (ClockKind.PROMISE in running) is (kind is ReplyKind.INTERIM)


async def test_a_reply_is_no_reaction_to_what_the_citizen_wrote_after_it_was_approved(database_url: str) -> None:
    """A first reaction was given, so their next words start a clock of their own while the reply is on its way."""
    async with one_case(database_url) as table:
        table.kind = ReplyKind.INTERIM
        await bring_to(table, Status.ANSWERED)
        await table.must_make(Move.KEEP)
        table.passes(minutes=1)
        table.kind = ReplyKind.FINAL
        await table.must_make(Move.ANSWER)
        table.passes(minutes=2)
        await table.write()
        wrote_at = table.clock.at
        table.passes(minutes=3)
        assert await table.make(Move.KEEP)
        await is_whole(table)
        [clock] = [clock for clock in await rows(table, Clock) if clock.kind is ClockKind.NEXT_REACTION]
        assert (clock.started_at, clock.stopped_at) == (wrote_at, None)


async def test_settling_an_old_reply_leaves_a_newer_question_waiting(database_url: str) -> None:
    async with one_case(database_url) as table:
        table.kind = ReplyKind.FINAL
        await bring_to(table, Status.ANSWERED)
        assert await table.make(Move.DOUBT)
        table.passes(minutes=1)
        await table.write()
        table.passes(minutes=1)
        async with table.session() as session:
            await replies.settle(session, table.case_id, published=True, by=SANNE, now=table.clock.at)
        assert {reply.status for reply in await rows(table, Reply)} == {ReplyStatus.SENT}
        assert (await table.case()).status is Status.CLAIMED
        await is_whole(table)


async def test_settling_a_closed_case_leaves_it_closed(database_url: str) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, Status.ANSWERED)
        assert await table.make(Move.DOUBT)
        await table.must_make(Move.CLOSE)
        before = await table.case()
        assert await table.make(Move.SETTLE)
        after = await table.case()
        assert [getattr(after, name) for name in ("status", *FILLED_IN)] == [
            getattr(before, name) for name in ("status", *FILLED_IN)
        ]
        await is_whole(table)


async def test_news_of_an_older_reply_leaves_the_case_with_the_newer_one(database_url: str) -> None:
    async with one_case(database_url) as table:
        table.kind = ReplyKind.FINAL
        await bring_to(table, Status.ANSWERED)
        table.passes(seconds=1)
        for move in (Move.REOPEN, Move.ANSWER):
            await table.must_make(move)
        older = (await rows(table, Reply))[0]
        await fail(table, older.id)
        case = await table.case()
        assert case.status is Status.ANSWERED
        assert case.assignee == (await rows(table, Reply))[1].by
        await is_whole(table)


async def test_undo_takes_the_reply_back_whatever_happened_to_the_case(database_url: str) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, Status.ANSWERED)
        await table.write("Laat maar, ik zie hem al")
        await table.must_make(Move.WITHDRAW)
        assert [reply.status for reply in await rows(table, Reply)] == [ReplyStatus.WITHDRAWN]
        assert (await table.case()).status is Status.NEW
        await is_whole(table)


@pytest.mark.parametrize("status", UNCLOSES)
async def test_undoing_a_closing_fills_again_all_that_the_status_filled(database_url: str, status: Status) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, status)
        table.passes(minutes=5)
        before = await table.case()
        await table.must_make(Move.CLOSE)
        table.passes(seconds=5)
        await table.must_make(UNCLOSES[status])
        after = await table.case()
        assert {name: getattr(after, name) for name in ("status", *FILLED_IN)} == {
            name: getattr(before, name) for name in ("status", *FILLED_IN)
        }
        await is_whole(table)


def test_an_event_remembers_all_that_a_status_fills() -> None:
    case = Case(team_id=1, number=1, account_id=1, author_id=1, opened_at=NOW)
    for name in FILLED_IN:
        setattr(case, name, NOW if isinstance(getattr(Case, name).type, UtcDateTime) else "U1")
    assert recalled(json.loads(json.dumps(remembered(case)))) == {name: getattr(case, name) for name in FILLED_IN}
    assert remembered(Case(team_id=1, number=1, account_id=1, author_id=1, opened_at=NOW)) == {}


async def test_a_page_opens_whole_cases(database_url: str) -> None:
    """Many cases are opened at once, past the one function that changes a case; they must be as it leaves them."""
    async with one_case(database_url) as table:
        async with table.session() as session:
            posts = [inbox_post(n, table) for n in range(5)]
            await inbox.take_in(session, 1, posts, now=table.clock.at)
        for case in await rows(table, Case):
            table.case_id = case.id
            await is_whole(table)
            assert case.status is Status.NEW


async def test_a_source_that_cannot_be_answered_is_not_timed_whatever_is_done_with_it(sqlite_url: str) -> None:
    async with one_case(sqlite_url) as table:
        async with table.session() as session:
            post = Post("n", Author("k", "Krant"), "Nieuws", table.clock.at)
            await inbox.take_in(session, 1, [post], now=table.clock.at)
        table.case_id = 2
        for move in (Move.CLAIM, Move.CLOSE, Move.REOPEN):
            await table.must_make(move)
        assert [clock for clock in await rows(table, Clock) if clock.case_id == 2] == []


async def test_the_same_advice_again_changes_nothing_and_any_other_is_refused(database_url: str) -> None:
    async with one_case(database_url) as table:
        for move in (Move.CLAIM, Move.ESCALATE):
            await table.must_make(move)
        for _ in range(2):
            async with table.session() as session:
                await cases.advise(session, 1, by=YOUSSEF, now=table.clock.at, advice="Morgen")
        for by, words in ((SANNE, "Morgen"), (YOUSSEF, "Overmorgen")):
            async with table.session() as session:
                with pytest.raises(Refused):
                    await cases.advise(session, 1, by=by, now=table.clock.at, advice=words)
        async with table.session() as session:
            log = [event.by for event in await cases.history(session, 1) if event.kind is EventKind.ADVISE]
    assert log == [YOUSSEF]


@pytest.mark.parametrize(
    ("target", "who", "place", "was"),
    [
        (YOUSSEF, YOUSSEF, "", True),
        (YOUSSEF, SANNE, "", False),
        (YOUSSEF, SANNE, "D1", True),
        ("S0JURIST", SANNE, "", True),
        ("S0JURIST", SANNE, "D1", True),
        ("S0JURIST", SANNE, "D2", False),
    ],
)
async def test_a_question_is_for_who_was_asked_or_who_sees_it_where_it_was_put(
    sqlite_url: str, target: str, who: str, place: str, was: bool
) -> None:
    async with one_case(sqlite_url) as table:
        await table.must_make(Move.CLAIM)
        async with table.session() as session:
            await cases.escalate(
                session, 1, by=(await cases.get(session, 1)).assignee or "", now=table.clock.at, target=target,
                channels=["D1"], question="Weet jij dit?", urgency=Urgency.NORMAL, submission="e",
            )  # fmt: skip
            question = await session.get_one(Escalation, 1)
            assert await cases.was_asked(session, question, who, place) is was


async def test_a_case_that_is_given_to_who_has_it_stays_as_it_is(database_url: str) -> None:
    async with one_case(database_url) as table:
        await table.must_make(Move.CLAIM)
        async with table.session() as session:
            before = await cases.get(session, 1)
            after = await cases.assign(session, 1, to=before.assignee or "", by=SANNE, now=table.clock.at)
            assert (after.id, after.assignee) == (1, before.assignee)
            assert EventKind.ASSIGN not in [event.kind for event in await cases.history(session, 1)]


@pytest.mark.parametrize("made", [Move.KEEP, Move.FAIL, Move.DOUBT, Move.WITHDRAW])
@pytest.mark.parametrize("kind", [ReplyKind.INTERIM, ReplyKind.FINAL])
async def test_an_interim_message_and_an_answer_that_is_taken_back_leave_the_case_with_those_whose_advice_it_waits_for(
    database_url: str, kind: ReplyKind, made: Move
) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, Status.ESCALATED)
        table.kind = kind
        await table.must_make(Move.ANSWER)
        await table.must_make(made)
        waits = kind is ReplyKind.INTERIM or made is Move.WITHDRAW
        otherwise = Status.ANSWERED if made is Move.KEEP else Status.CLAIMED
        assert (await table.case()).status is (Status.ESCALATED if waits else otherwise)
        await is_whole(table)


async def test_an_interim_message_after_which_the_advice_came_leaves_the_case_with_its_agent(database_url: str) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, Status.ESCALATED)
        table.kind = ReplyKind.INTERIM
        await table.must_make(Move.ANSWER)
        async with table.session() as session:
            await cases.advise(session, 1, by=YOUSSEF, now=table.clock.at, advice="Morgen")
        await table.must_make(Move.KEEP)
        assert (await table.case()).status is Status.CLAIMED
        await is_whole(table)


async def test_what_is_taken_back_leaves_the_case_waiting_for_the_answer_to_our_question(database_url: str) -> None:
    async with one_case(database_url) as table:
        await bring_to(table, Status.WITH_CITIZEN)
        before = await table.case()
        table.passes(minutes=5)
        table.kind = ReplyKind.QUESTION
        await table.must_make(Move.ANSWER)
        table.passes(seconds=5)
        await table.must_make(Move.WITHDRAW)
        after = await table.case()
        assert [getattr(after, name) for name in ("status", *FILLED_IN)] == [
            getattr(before, name) for name in ("status", *FILLED_IN)
        ]
        await is_whole(table)
