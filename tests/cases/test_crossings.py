"""Two moves that cross on PostgreSQL: the second waits for the first, and then sees what it did.

SQLite has one writer at a time, so there nothing crosses.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, func, select, text, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import inbox
from bot.connectors.base import Sent, Unauthorized, Unknowable
from bot.domain.case import OPEN, CloseReason, Status, Urgency
from bot.domain.event import EventKind
from bot.domain.mention import Act, Arrived, Author, Delivery, Post, permits
from bot.domain.text import Refused
from bot.models import (
    Account,
    Case,
    Escalation,
    Event,
    Mention,
    Message,
    MessageKind,
    Reply,
    ReplyKind,
    ReplyStatus,
    Role,
)
from bot.outgoing import outcomes, replies
from bot.run import open_desk
from bot.sandbox.app import Sandbox
from bot.staffing import presence
from bot.team import agents, members
from jobs import claims
from tests.cases.moving import Table, one_case, write
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Databases, eventually, settings_for

LATER = timedelta(seconds=1)
Step = Callable[[Table, AsyncSession], Awaitable[object]]


@pytest.fixture
async def url(databases: Databases, postgres_uri: str) -> str:
    return await databases.postgresql(postgres_uri)


@pytest.fixture
async def table(url: str) -> AsyncIterator[Table]:
    """A case on PostgreSQL, which Sanne has claimed."""
    async with one_case(url) as table:
        async with table.session() as session:
            await cases.claim(session, 1, by=SANNE, now=table.clock.at)
        yield table


async def cross(table: Table, first: Step, second: Callable[[], Awaitable[object]], then: Step | None = None) -> object:
    """Let `second` begin before `first` is committed, and end after it; returns its refusal, if it is refused.

    `then` is what the first transaction goes on to do while the second waits for it.
    """
    async with table.session() as session:
        await first(table, session)
        running = asyncio.ensure_future(second())
        await eventually(lambda: ended_or_blocked(table, running))
        assert not running.done(), f"nothing held it up: {running}"
        if then is not None:
            await then(table, session)
    try:
        return await running
    except Refused as refusal:
        return refusal


async def ended_or_blocked(table: Table, running: asyncio.Future[object]) -> bool:
    """Tell whether a transaction waits for a lock of another, or has ended without that."""
    if running.done():
        return True
    async with table.session() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool((await session.exec(text(waiting))).scalar())  # type: ignore[call-overload]


def in_own_session(table: Table, step: Step) -> Callable[[], Awaitable[object]]:
    async def taken() -> object:
        async with table.session() as session:
            return await step(table, session)

    return taken


async def close(t: Table, session: AsyncSession) -> None:
    await cases.close(session, 1, by=SANNE, now=t.clock.at, reason=CloseReason.SPAM)


async def answer(t: Table, session: AsyncSession) -> None:
    mention = (await session.exec(select(Mention))).first()
    reply = Reply(
        case_id=1, mention_id=mention.id if mention else 0, account_id=1, by=SANNE, key="k1", draft="Morgen",
        text="Morgen", kind=ReplyKind.FINAL, created_at=t.clock.at, send_at=t.clock.at + timedelta(hours=1),
    )  # fmt: skip
    await cases.answered(session, reply, now=t.clock.at)


async def escalate(t: Table, session: AsyncSession) -> None:
    await cases.escalate(
        session, 1, by=SANNE, now=t.clock.at, target=YOUSSEF, channels=[YOUSSEF], question="Weet jij dit?",
        urgency=Urgency.NORMAL, submission=f"e{await count(session, Escalation)}",
    )  # fmt: skip


async def advise(t: Table, session: AsyncSession) -> None:
    await cases.advise(session, 1, by=YOUSSEF, now=t.clock.at, advice="Ja, morgen")


async def assign(t: Table, session: AsyncSession) -> None:
    await cases.assign(session, 1, to=MARIEKE, by=YOUSSEF, now=t.clock.at)


async def settle(t: Table, session: AsyncSession) -> None:
    await replies.settle(session, 1, published=True, by=YOUSSEF, now=t.clock.at)


async def citizen(t: Table, session: AsyncSession) -> None:
    await write(t, session, t.clock.at, "En wanneer de groene bak?")


async def count(session: AsyncSession, model: type[Escalation | Event]) -> int:
    return (await session.exec(select(func.count()).select_from(model))).one()


async def make(table: Table, *steps: Step) -> None:
    for step in steps:
        async with table.session() as session:
            await step(table, session)
        table.passes(seconds=1)


@pytest.mark.parametrize(
    ("before", "first", "second", "stands"),
    [
        ([escalate], close, advise, Status.CLOSED),
        ([escalate], answer, advise, Status.ANSWERED),
        ([escalate], escalate, advise, Status.ESCALATED),
        ([], escalate, assign, Status.ESCALATED),
        ([], close, assign, Status.CLOSED),
        ([], answer, assign, Status.ANSWERED),
        ([escalate], advise, assign, Status.CLAIMED),
    ],
)
async def test_what_crosses_a_move_does_not_undo_it(
    table: Table, before: list[Step], first: Step, second: Step, stands: Status
) -> None:
    await make(table, *before)
    await cross(table, first, in_own_session(table, second))
    case = await table.case()
    assert case.status is stands
    assert (case.closed_at is not None) is (stands is Status.CLOSED)
    assert case.assignee == (MARIEKE if second is assign and stands in OPEN else SANNE)
    if before and second is advise:
        async with table.session() as session:
            assert (await session.get_one(Escalation, 1)).advice, "the advice itself is kept"


async def test_an_answer_that_crosses_another_is_refused_and_the_citizen_gets_one(table: Table) -> None:
    async def again(t: Table, session: AsyncSession) -> None:
        reply = Reply(case_id=1, mention_id=1, account_id=1, by=SANNE, key="k2", draft="Nee", text="Nee",
                      created_at=t.clock.at, send_at=t.clock.at)  # fmt: skip
        await cases.answered(session, reply, now=t.clock.at)

    assert isinstance(await cross(table, answer, in_own_session(table, again)), Refused)
    async with table.session() as session:
        assert [reply.key for reply in await session.exec(select(Reply))] == ["k1"]


async def doubted(table: Table) -> None:
    """Sanne's answer has gone out, and nobody knows whether it is there."""
    await make(table, answer)
    async with table.session() as session:
        reply = (await session.exec(select(Reply))).one()
        reply.status, reply.tries = ReplyStatus.SENDING, 1
        await session.flush()
        await outcomes.record(session, reply, Unknowable(), table.clock.at)
    table.passes(seconds=1)


@pytest.mark.parametrize(("first", "stands"), [(close, Status.CLOSED), (citizen, Status.CLAIMED)])
async def test_settling_that_crosses_a_closing_or_a_new_question_moves_nothing(
    table: Table, first: Step, stands: Status
) -> None:
    await doubted(table)
    await cross(table, first, in_own_session(table, settle))
    case = await table.case()
    assert (case.status, case.close_reason) == (stands, CloseReason.SPAM if stands is Status.CLOSED else None)
    async with table.session() as session:
        assert [reply.status for reply in await session.exec(select(Reply))] == [ReplyStatus.SENT]


async def test_two_who_settle_at_once_settle_once(table: Table) -> None:
    await doubted(table)
    assert isinstance(await cross(table, settle, in_own_session(table, settle)), Refused)
    async with table.session() as session:
        settled = await session.exec(select(Event).where(Event.kind == EventKind.SETTLED))
        assert len(settled.all()) == 1


async def test_the_clock_does_not_take_a_case_from_an_owner_who_has_just_escalated_it(
    table: Table, url: str, slack: Sandbox
) -> None:
    """The job has read that the case lies still; its owner escalates before the job puts it back."""
    table.passes(minutes=30)
    engine = db.create_engine(url)
    try:
        async with open_desk(settings_for(url, slack), engine, table.clock) as desk:
            await claims.look_after(desk)
            table.passes(minutes=15)
            await cross(table, escalate, lambda: claims.look_after(desk))
    finally:
        await engine.dispose()
    case = await table.case()
    assert (case.status, case.assignee) == (Status.ESCALATED, SANNE)


async def test_of_two_first_coordinators_at_once_one_becomes_it(table: Table) -> None:
    async with table.session() as session:
        for who in (SANNE, YOUSSEF):
            await members.saw(session, CHANNEL, who, is_full=True, now=table.clock.at)

    async def asks(t: Table, session: AsyncSession) -> None:
        await agents.coordinate(session, 1, SANNE, now=t.clock.at)

    async def asks_too(t: Table, session: AsyncSession) -> None:
        await agents.coordinate(session, 1, YOUSSEF, now=t.clock.at)

    async with table.session() as session:
        for person in (SANNE, YOUSSEF):
            await members.saw(session, CHANNEL, person, is_full=True, now=table.clock.at)
    refusal = await cross(table, asks, in_own_session(table, asks_too))
    assert isinstance(refusal, Refused)
    async with table.session() as session:
        assert await agents.with_role(session, 1, Role.COORDINATOR) == [SANNE]


# --- One order of locks ----------------------------------------------------------------------------


async def lock(t: Table, session: AsyncSession) -> None:
    await cases.locked(session, 1)


async def touch(t: Table, session: AsyncSession) -> None:
    await cases.touch(session, 1)


async def published(table: Table, *, held: bool) -> None:
    """Sanne's answer was taken by the platform as `r1`; it is perhaps held by its moderators."""
    await make(table, answer)
    async with table.session() as session:
        reply = (await session.exec(select(Reply))).one()
        reply.status, reply.tries = ReplyStatus.SENDING, 1
        await session.flush()
        await outcomes.record(session, reply, Sent("r1", "", held=held), table.clock.at)


def post(number: int, text: str, at: datetime, **more: Any) -> Post:
    return Post(f"p{number}", Author("a", "Fatima"), text, at, conversation="c1", permits=permits(Act.ANSWER), **more)


async def test_a_page_with_an_edit_and_a_new_post_of_a_case_waits_for_a_click_on_it(table: Table) -> None:
    """The edit changes the card, the new post the case: a click takes the case first, and then the card."""

    async def page(t: Table, session: AsyncSession) -> None:
        edited = post(1, "Wanneer komt de wagen?", t.clock.at, edited_at=t.clock.at + LATER)
        await inbox.take_in(session, 1, [edited, post(2, "Nog iets", t.clock.at)], now=t.clock.at)

    await cross(table, lock, in_own_session(table, page), touch)
    async with table.session() as session:
        assert [m.text for m in await session.exec(select(Mention))] == ["Wanneer komt de wagen?", "Nog iets"]


async def test_a_page_with_a_delivery_and_a_new_post_of_a_case_waits_for_a_click_on_it(table: Table) -> None:
    await published(table, held=True)

    async def page(t: Table, session: AsyncSession) -> None:
        told = Delivery("r1", Arrived.DELIVERED, t.clock.at)
        await inbox.take_in(session, 1, [told, post(2, "Nog iets", t.clock.at)], now=t.clock.at)

    await cross(table, lock, in_own_session(table, page), touch)
    async with table.session() as session:
        reply = (await session.exec(select(Reply))).one()
        assert (reply.held, reply.arrived) == (False, Arrived.DELIVERED)
    assert (await table.case()).status is Status.NEW


async def test_an_answer_to_our_reply_and_an_edit_elsewhere_take_both_cases_in_order(table: Table) -> None:
    """A page concerns two cases; an agent who is away hands both back."""
    await table.open_case()
    await published(table, held=False)
    async with table.session() as session:
        await cases.reopen(session, 1, by=SANNE, now=table.clock.at)
        await cases.claim(session, 2, by=SANNE, now=table.clock.at)

    async def page(t: Table, session: AsyncSession) -> None:
        edited = Post("p2", Author("a", "Fatima"), "Of toch niet?", t.clock.at,
                      conversation="c2", edited_at=t.clock.at + LATER, permits=permits(Act.ANSWER))  # fmt: skip
        answered = post(3, "Nog iets", t.clock.at, in_reply_to="r1")
        await inbox.take_in(session, 1, [edited, answered], now=t.clock.at)

    async def hands_back(t: Table, session: AsyncSession) -> None:
        await presence.hand_back(session, SANNE, t.clock.at)

    await cross(table, hands_back, in_own_session(table, page))
    await make(table, page)
    async with table.session() as session:
        await session.exec(update(Case).values(status=Status.CLAIMED, assignee=SANNE))
    await cross(table, page, in_own_session(table, hands_back))
    assert (await table.case()).status is Status.NEW


async def test_the_platform_that_refuses_our_key_waits_for_a_page_of_the_same_account(table: Table) -> None:
    """The refusal stops the account and puts the reply off; the page takes the account, and then the case."""
    await make(table, answer)

    async def sending(t: Table, session: AsyncSession) -> None:
        reply = (await session.exec(select(Reply))).one()
        reply.status, reply.tries = ReplyStatus.SENDING, 1

    await make(table, sending)

    async def account(t: Table, session: AsyncSession) -> None:
        await session.get_one(Account, 1, with_for_update=db.HELD)

    async def refused(t: Table, session: AsyncSession) -> None:
        reply = (await session.exec(select(Reply))).one()
        await outcomes.record(session, reply, Unauthorized("nee"), t.clock.at)

    await cross(table, account, in_own_session(table, refused), citizen)
    async with table.session() as session:
        assert (await session.get_one(Account, 1)).stopped_at
        assert (await session.exec(select(Reply))).one().status is ReplyStatus.APPROVED


async def test_who_changes_a_card_and_its_question_takes_the_lower_id_first(table: Table) -> None:
    """The first transaction has the card, and takes the question while the second waits for the card."""
    await make(table, escalate)
    async with table.session() as session:  # PostgreSQL puts a changed row at the end: now the card is behind the ask
        card = update(Message).where(col(Message.kind) == MessageKind.CASE)
        await session.exec(card.values(version=Message.version + 1))

    def hold(kind: MessageKind) -> Step:
        async def held(t: Table, session: AsyncSession) -> None:
            await session.exec(select(Message.id).where(Message.kind == kind).with_for_update(nowait=True))

        return held

    await cross(table, hold(MessageKind.CASE), in_own_session(table, touch), hold(MessageKind.ASK))


async def test_clicks_and_the_reminders_of_every_minute_do_not_wait_for_each_other(table: Table) -> None:
    """Both change a card and the question beside it, whichever of the two stands first in the table."""
    await make(table, escalate)
    async with table.session() as session:  # PostgreSQL puts a changed row at the end: now the card is behind the ask
        await session.exec(
            update(Message).where(col(Message.kind) == MessageKind.CASE).values(version=Message.version + 1)
        )

    async def topic(t: Table, session: AsyncSession) -> None:
        await cases.set_topic(session, 1, topic=f"{t.dice.random()}", by=SANNE, now=t.clock.at)

    async def count_down(t: Table, session: AsyncSession) -> None:
        await cases.touch_all(session, {1})

    async def often(step: Step) -> None:
        for _ in range(40):
            await in_own_session(table, step)()

    await asyncio.gather(often(topic), often(count_down), often(count_down))
