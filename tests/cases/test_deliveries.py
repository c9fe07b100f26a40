"""A reply that the platform holds, that does not arrive or that is removed: case, clocks and figures know it."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlmodel import col, select

from bot.cases import clocks, idle
from bot.connectors.base import Sent
from bot.domain.case import UNCLOSES, CloseReason, Move, Status, WaitsFor
from bot.domain.event import EventKind
from bot.domain.mention import Arrived
from bot.domain.sla import ClockKind
from bot.models import BY_AGENTS, Clock, Event, Message, MessageKind, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing import outcomes, queue, replies
from bot.team.settings import TeamSettings
from tests.cases.moving import Table, bring_to, deliver, hold, one_case

FIRST, NEXT, WHOLE, PROMISE = (
    ClockKind.FIRST_REACTION,
    ClockKind.NEXT_REACTION,
    ClockKind.RESOLUTION,
    ClockKind.PROMISE,
)


async def rows(table: Table, model: type[Any]) -> list[Any]:
    async with table.session() as session:
        return list(await session.exec(select(model).order_by(model.id)))


async def running(table: Table) -> set[ClockKind]:
    """What is timed at this moment."""
    return {clock.kind for clock in await rows(table, Clock) if clock.running_since}


async def wait(table: Table) -> WaitsFor:
    case = await table.case()
    async with table.session() as session:
        return await clocks.waits_for(session, case, await clocks.open_clocks(session, table.case_id))


async def kinds(table: Table) -> list[EventKind]:
    return [event.kind for event in await rows(table, Event)]


async def problems(table: Table) -> int:
    """How often the thread was told that a reply did not go out."""
    async with table.session() as session:
        found = await session.exec(select(Message.id).where(col(Message.kind) == MessageKind.REPLY_PROBLEM))
        return len(found.all())


async def answered(table: Table, kind: ReplyKind, *moves: Move) -> None:
    table.kind = kind
    await bring_to(table, Status.ANSWERED)
    for move in moves:
        await table.must_make(move)
    table.passes(minutes=10)


@pytest.mark.parametrize(
    ("kind", "status", "waits", "times"),
    [
        (ReplyKind.FINAL, Status.ANSWERED, WaitsFor.NOBODY, set()),
        (ReplyKind.QUESTION, Status.WITH_CITIZEN, WaitsFor.CITIZEN, set()),
        (ReplyKind.INTERIM, Status.CLAIMED, WaitsFor.MOMENT, {WHOLE, PROMISE}),
    ],
)
async def test_a_held_reply_reaches_the_citizen_when_it_is_approved_and_not_before(
    database_url: str, kind: ReplyKind, status: Status, waits: WaitsFor, times: set[ClockKind]
) -> None:
    async with one_case(database_url) as table:
        await answered(table, kind)
        await hold(table)
        assert ((await table.case()).status, await wait(table)) == (Status.ANSWERED, WaitsFor.US)
        assert await running(table) == {FIRST, WHOLE}
        [reply] = await rows(table, Reply)
        assert (reply.sent_at, (await table.case()).answered_at) == (None, None)
        assert (await kinds(table))[-1] is EventKind.REPLY_HELD
        table.passes(minutes=30)
        await deliver(table, Arrived.DELIVERED)
        assert ((await table.case()).status, await wait(table)) == (status, waits)
        assert await running(table) == times
        [reply] = await rows(table, Reply)
        assert reply.sent_at == (await table.case()).answered_at == table.clock.at
        first = next(clock for clock in await rows(table, Clock) if clock.kind is FIRST)
        assert (first.stopped_at, first.counts) == (table.clock.at, True)


async def test_a_held_reply_that_is_refused_is_not_sent_and_the_clocks_go_on(database_url: str) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL)
        await hold(table)
        await deliver(table, Arrived.FAILED)
        assert ((await table.case()).status, await wait(table)) == (Status.CLAIMED, WaitsFor.US)
        [reply] = await rows(table, Reply)
        assert (reply.status, reply.held, await problems(table)) == (ReplyStatus.FAILED, False, 1)
        assert await running(table) == {FIRST, WHOLE}


@pytest.mark.parametrize("kind", [ReplyKind.INTERIM, ReplyKind.FINAL])
async def test_a_promise_goes_on_when_the_reply_that_kept_it_does_not_arrive(
    database_url: str, kind: ReplyKind
) -> None:
    async with one_case(database_url) as table:
        promised = await kept_by_second(table, kind)
        await deliver(table, Arrived.FAILED, "second")
        assert [(clock.due_at, clock.next_at is not None) for clock in await promises(table)] == [(promised, True)]


async def test_a_promise_that_goes_on_is_of_the_team_that_has_the_case_by_then(database_url: str) -> None:
    async with one_case(database_url) as table:
        promised = await kept_by_second(table, ReplyKind.INTERIM)
        await table.must_make(Move.TRANSFER)
        table.passes(minutes=1)
        await deliver(table, Arrived.FAILED, "second")
        [promise], case = await promises(table), await table.case()
        assert (promise.due_at, promise.team_id, case.transfers) == (promised, case.team_id, 1)


async def test_a_promise_that_did_not_arrive_is_kept_by_no_later_answer(database_url: str) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.INTERIM, Move.KEEP)
        table.kind = ReplyKind.FINAL
        await table.must_make(Move.ANSWER)
        await deliver(table, Arrived.FAILED, "x")
        assert (await table.case()).status is Status.ANSWERED
        await sent_now(table, "second")
        [promise] = [clock for clock in await rows(table, Clock) if clock.kind is PROMISE]
        assert (promise.stopped_at is not None, promise.counts) == (True, False)
        assert await running(table) == set()


async def kept_by_second(table: Table, kind: ReplyKind) -> datetime | None:
    """We promise something in a reply and keep it by a second one; returns until when it was promised."""
    await answered(table, ReplyKind.INTERIM, Move.KEEP)
    [promise] = await promises(table)
    table.kind = kind
    await table.must_make(Move.ANSWER)
    table.passes(minutes=1)
    await sent_now(table, "second")
    table.passes(minutes=1)
    return promise.due_at


async def sent_now(table: Table, external_id: str) -> None:
    """The newest reply goes out."""
    async with table.session() as session:
        reply = (await session.exec(select(Reply).order_by(col(Reply.id).desc()))).first()
        assert reply is not None
        reply.status, reply.tries = ReplyStatus.SENDING, 1
        session.add(reply)
        await session.flush()
        await outcomes.record(session, reply, Sent(external_id), table.clock.at)


async def promises(table: Table) -> list[Clock]:
    """The promises that stand."""
    return [clock for clock in await rows(table, Clock) if clock.kind is PROMISE and clock.stopped_at is None]


async def test_what_the_citizen_writes_while_a_reply_is_held_keeps_its_clocks(database_url: str) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL)
        await hold(table)
        table.passes(minutes=1)
        await table.write("En wanneer dan?")
        table.passes(minutes=1)
        await deliver(table, Arrived.DELIVERED)
        assert (await table.case()).status is Status.NEW
        assert await running(table) == {NEXT, WHOLE}


@pytest.mark.parametrize("kind", BY_AGENTS)
async def test_a_reply_that_did_not_arrive_brings_the_case_back_with_its_clocks(
    database_url: str, kind: ReplyKind
) -> None:
    async with one_case(database_url) as table:
        await answered(table, kind, Move.KEEP)
        for _ in range(2):  # told twice
            await deliver(table, Arrived.FAILED, "x")
        case = await table.case()
        [reply] = await rows(table, Reply)
        assert (case.status, case.assignee, reply.status) == (Status.CLAIMED, reply.by, ReplyStatus.FAILED)
        assert (await problems(table), (await kinds(table)).count(EventKind.REPLY_FAILED)) == (1, 1)
        assert await running(table) == {NEXT, WHOLE}
        assert await wait(table) is WaitsFor.US


@pytest.mark.parametrize("ends", [Move.FAIL, Move.DOUBT, Move.WITHDRAW])
@pytest.mark.parametrize("bounces_first", [True, False])
async def test_a_reaction_is_timed_when_a_reply_does_not_arrive_and_the_next_does_not_go_out(
    database_url: str, bounces_first: bool, ends: Move
) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL, Move.KEEP, Move.REOPEN, Move.ANSWER)
        if not bounces_first:
            await table.must_make(ends)
        table.passes(minutes=1)
        await deliver(table, Arrived.FAILED, "x")
        table.passes(minutes=1)
        if bounces_first:
            await table.must_make(ends)
        assert ((await table.case()).status, await wait(table)) == (Status.CLAIMED, WaitsFor.US)
        assert await running(table) == {NEXT, WHOLE}


async def test_a_later_reply_that_goes_out_is_the_reaction_in_place_of_one_that_did_not_arrive(
    database_url: str,
) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL, Move.KEEP, Move.REOPEN, Move.ANSWER)
        table.passes(minutes=1)
        await deliver(table, Arrived.FAILED, "x")
        assert await running(table) == {NEXT, WHOLE}
        table.passes(minutes=1)
        await sent_now(table, "second")
        reaction = next(clock for clock in await rows(table, Clock) if clock.kind is NEXT)
        assert (reaction.stopped_at, reaction.counts, await running(table)) == (table.clock.at, True, set())


async def test_a_promise_goes_on_when_the_reply_that_kept_it_does_not_arrive_and_the_next_does_not_go_out(
    database_url: str,
) -> None:
    async with one_case(database_url) as table:
        promised = await kept_by_second(table, ReplyKind.FINAL)
        for move in (Move.REOPEN, Move.ANSWER):
            await table.must_make(move)
        await deliver(table, Arrived.FAILED, "second")
        await table.must_make(Move.FAIL)
        assert [(clock.due_at, clock.next_at is not None) for clock in await promises(table)] == [(promised, True)]


@pytest.mark.parametrize("first", [Arrived.DELIVERED, Arrived.READ])
async def test_a_reply_that_came_does_not_fail_any_more(database_url: str, first: Arrived) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL, Move.KEEP)
        await deliver(table, first, "x")
        await deliver(table, Arrived.FAILED, "x")
        [reply] = await rows(table, Reply)
        assert (reply.status, reply.arrived) == (ReplyStatus.SENT, first)
        assert (await table.case()).status is Status.ANSWERED


async def test_how_far_a_reply_came_is_shown_once_each_and_moves_nothing(database_url: str) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL, Move.KEEP)
        [card] = [message for message in await rows(table, Message) if message.kind is MessageKind.CASE]
        versions, log = [card.version], await kinds(table)
        for arrived in (Arrived.DELIVERED, Arrived.DELIVERED, Arrived.READ, Arrived.DELIVERED, Arrived.READ, None):
            await deliver(table, arrived, "x")
            [card] = [message for message in await rows(table, Message) if message.kind is MessageKind.CASE]
            versions.append(card.version)
        assert [b - a for a, b in pairwise(versions)] == [1, 0, 1, 0, 0, 0]
        assert (await kinds(table), (await table.case()).status) == (log, Status.ANSWERED)


async def test_a_reply_that_did_not_arrive_leaves_a_closed_case_closed_and_is_told(database_url: str) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.FINAL, Move.KEEP)
        await table.must_make(Move.CLOSE)
        await deliver(table, Arrived.FAILED, "x")
        case = await table.case()
        assert (case.status, case.close_reason in set(CloseReason)) == (Status.CLOSED, True)
        assert (await problems(table), await running(table)) == (1, set())


@pytest.mark.parametrize(
    ("kind", "outcome", "was"),
    [(ReplyKind.QUESTION, Move.ASK, Status.WITH_CITIZEN), (ReplyKind.INTERIM, Move.KEEP, Status.CLAIMED)],
)
async def test_a_closing_is_not_undone_once_what_the_case_waited_on_did_not_arrive(
    database_url: str, kind: ReplyKind, outcome: Move, was: Status
) -> None:
    async with one_case(database_url) as table:
        await answered(table, kind, outcome)
        assert (await table.case()).status is was
        await table.must_make(Move.CLOSE)
        table.passes(seconds=3)
        await deliver(table, Arrived.FAILED, "x")
        assert not any([await table.make(UNCLOSES[was]) for _ in range(20)])
        assert ((await table.case()).status, await problems(table)) == (Status.CLOSED, 1)


async def test_an_answer_that_is_taken_back_after_the_question_did_not_arrive_leaves_the_case_with_us(
    database_url: str,
) -> None:
    async with one_case(database_url) as table:
        await answered(table, ReplyKind.QUESTION, Move.ASK)
        table.kind = ReplyKind.FINAL
        await table.must_make(Move.ANSWER)
        table.passes(seconds=3)
        await deliver(table, Arrived.FAILED, "x")
        await table.must_make(Move.WITHDRAW)
        assert ((await table.case()).status, await wait(table)) == (Status.CLAIMED, WaitsFor.US)
        assert await running(table) == {NEXT, WHOLE}


# --- A reply that the platform knows by its key --------------------------------------------------


async def in_the_air(table: Table, kind: ReplyKind) -> Reply:
    """Let a reply be on its way, with no answer to our request yet."""
    await answered(table, kind)
    async with table.session() as session:
        reply = await queue.take_next(session, 1, table.clock.at)
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.parametrize("told", [None, Arrived.DELIVERED, Arrived.READ])
@pytest.mark.parametrize("doubted", [False, True], ids=["being sent", "uncertain"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ReplyKind.FINAL, Status.ANSWERED),
        (ReplyKind.QUESTION, Status.WITH_CITIZEN),
        (ReplyKind.INTERIM, Status.CLAIMED),
    ],
)
async def test_a_report_with_the_key_of_a_reply_proves_that_it_was_sent(
    database_url: str, kind: ReplyKind, status: Status, doubted: bool, told: Arrived | None
) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, kind)
        if doubted:
            await table.must_make(Move.DOUBT)
            assert (await table.case()).status is Status.CLAIMED
        await deliver(table, told, "x", key=reply.key)
        assert (await table.case()).status is status
        [known] = await rows(table, Reply)
        assert (known.status, known.external_id, known.arrived) == (ReplyStatus.SENT, "x", told)
        assert known.sent_at == table.clock.at
        log = await kinds(table)
        for late in (None, Arrived.READ):  # told again, in any order
            await deliver(table, late, "x", key=reply.key)
        assert await kinds(table) == log


async def test_the_answer_to_our_request_after_the_report_changes_nothing(database_url: str) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        await deliver(table, Arrived.DELIVERED, "x", key=reply.key)
        before = await rows(table, Reply)
        table.passes(seconds=5)
        async with table.session() as session:
            await outcomes.record(session, reply, Sent("x"), table.clock.at)
        assert await rows(table, Reply) == before
        assert (await kinds(table)).count(EventKind.REPLY_SENT) == 1


async def test_a_report_that_the_reply_failed_is_told_although_its_outcome_was_unknown(database_url: str) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        await deliver(table, Arrived.FAILED, "x", key=reply.key)
        [known] = await rows(table, Reply)
        assert (known.status, (await table.case()).status) == (ReplyStatus.FAILED, Status.CLAIMED)
        assert (await problems(table), (await kinds(table)).count(EventKind.REPLY_SENT)) == (1, 0)
        assert known.sent_at == table.clock.at, "it was taken"


@pytest.mark.parametrize("told", list(Arrived))
async def test_a_report_with_an_id_that_we_chose_ourselves_settles_a_reply_without_its_key(
    database_url: str, told: Arrived
) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        async with table.session() as session:
            chosen = await session.get_one(Reply, reply.id)
            chosen.external_id = "x"
            session.add(chosen)
        await table.must_make(Move.DOUBT)
        asked = next(m for m in await rows(table, Message) if m.kind is MessageKind.REPLY_PROBLEM)
        await deliver(table, told, "x")
        [known] = await rows(table, Reply)
        failed = told is Arrived.FAILED
        assert known.status is (ReplyStatus.FAILED if failed else ReplyStatus.SENT)
        assert known.sent_at == table.clock.at
        assert await wait(table) is (WaitsFor.US if failed else WaitsFor.NOBODY)
        shown = next(m for m in await rows(table, Message) if m.id == asked.id)
        assert shown.version > asked.version, "it asks nothing any more"


@pytest.mark.parametrize("key", ["", "of another system"])
async def test_a_report_without_our_key_proves_nothing(database_url: str, key: str) -> None:
    async with one_case(database_url) as table:
        await in_the_air(table, ReplyKind.FINAL)
        await deliver(table, Arrived.DELIVERED, "x", key=key)
        [known] = await rows(table, Reply)
        assert (known.status, known.external_id) == (ReplyStatus.SENDING, None)


async def test_an_answer_whose_outcome_the_platform_told_is_no_question_to_its_agent_any_more(
    database_url: str,
) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        await table.must_make(Move.DOUBT)
        asked = next(m for m in await rows(table, Message) if m.kind is MessageKind.REPLY_PROBLEM)
        await deliver(table, None, "x", key=reply.key)
        shown = next(m for m in await rows(table, Message) if m.id == asked.id)
        assert shown.version > asked.version


@pytest.mark.parametrize("told", [Arrived.DELIVERED, Arrived.FAILED])
async def test_a_report_corrects_a_colleague_who_thought_that_an_answer_was_not_sent(
    database_url: str, told: Arrived
) -> None:
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        await table.must_make(Move.DOUBT)
        async with table.session() as session:
            await replies.settle(session, table.case_id, published=False, by=reply.by, now=table.clock.at)
        await deliver(table, told, "x", key=reply.key)
        [known] = await rows(table, Reply)
        sent = told is not Arrived.FAILED
        assert known.status is (ReplyStatus.SENT if sent else ReplyStatus.WITHDRAWN)
        assert (await table.case()).status is (Status.ANSWERED if sent else Status.CLAIMED)
        log = await kinds(table)
        await deliver(table, told, "x", key=reply.key)
        assert await kinds(table) == log


async def test_whose_answer_turns_out_to_have_been_sent_and_then_fails_has_the_case_and_is_asked_when_it_lies_still(
    database_url: str,
) -> None:
    """Nobody had the case meanwhile: its agent had put it back in the queue."""
    async with one_case(database_url) as table:
        reply = await in_the_air(table, ReplyKind.FINAL)
        await table.must_make(Move.DOUBT)
        await table.must_make(Move.RELEASE)
        for told in (None, Arrived.FAILED):
            table.passes(minutes=1)
            await deliver(table, told, "x", key=reply.key)
        case = await table.case()
        assert (case.status, case.assignee) == (Status.CLAIMED, reply.by)
        table.passes(hours=1)
        async with table.session() as session:
            team = await session.get_one(Team, case.team_id)
            lie_still = await idle.claims(session, team, TeamSettings.of(team.settings), table.clock.at)
        assert [(claim.case_id, claim.owner) for claim in lie_still] == [(case.id, reply.by)]
