"""Every move, made as the bot makes it, on a bare database; for tests that go through all of them.

A new move needs its line in `HOW`, and a new status its line in `STANDS`; the tests then try them in any order, twice,
and two at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import inbox
from bot.connectors.base import Rejected, Sent, Unknowable
from bot.domain.case import LEADS_TO, UNCLOSES, CloseReason, Move, Status, Urgency, WaitsFor, moves_from
from bot.domain.event import EventKind
from bot.domain.mention import Act, Arrived, Author, Delivery, Post, permits
from bot.domain.text import Refused
from bot.models import BY_AGENTS, UNSENT, Account, Case, Escalation, Event, Mention, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing import outcomes, replies
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF

AGENTS = [SANNE, YOUSSEF, MARIEKE]
BEHEER = "C0BEHEER"
"""The channel of the second team."""
ALWAYS_OPEN = {"always_open": True, "coordinators": [MARIEKE]}


@dataclass
class Table:
    """One case on a database, whose clock stands still until it is moved."""

    session: db.Sessions
    clock: StoppedClock
    dice: Random = field(default_factory=lambda: Random(1))
    case_id: int = 1
    kind: ReplyKind | None = None
    """The kind of the replies; any when empty."""
    written: int = 0
    conversation: int = 0

    def passes(self, **time: float) -> None:
        self.clock.at += timedelta(**time)

    async def case(self) -> Case:
        async with self.session() as session:
            return await session.get_one(Case, self.case_id)

    def agent(self, case: Case) -> str:
        """Mostly the owner of a case, sometimes a colleague."""
        return case.assignee if case.assignee and self.dice.random() < 0.7 else self.dice.choice(AGENTS)

    async def make(self, move: Move) -> bool:
        """Make a move; tells whether it was not refused."""
        try:
            async with self.session() as session:
                await HOW[move](self, session, await cases.get(session, self.case_id), self.clock.at)
        except Refused:
            return False
        return True

    async def must_make(self, move: Move) -> None:
        """Make a move that the case allows; who may not is refused, then a colleague tries."""
        for _ in range(20):
            if await self.make(move):
                return
        raise AssertionError(f"{move} is always refused")

    async def open_case(self) -> None:
        """Let a citizen begin a conversation; what happens next happens to the case that this opens."""
        self.conversation += 1
        await self.write("Wanneer komt de vuilniswagen?")
        async with self.session() as session:
            self.case_id = (await session.exec(select(func.max(Case.id)))).one() or 0

    async def write(self, text: str = "En nog iets?") -> None:
        """Let the citizen write again."""
        async with self.session() as session:
            await write(self, session, self.clock.at, text)


async def write(table: Table, session: AsyncSession, now: datetime, text: str) -> None:
    table.written += 1
    post = Post(f"p{table.written}", Author("a", "Fatima"), text, now, conversation=f"c{table.conversation}",
                permits=permits(Act.ANSWER))  # fmt: skip
    await inbox.take_in(session, 1, [post], now=now)


@asynccontextmanager
async def one_case(
    database_url: str, seed: int = 1, settings: Mapping[str, object] = ALWAYS_OPEN
) -> AsyncIterator[Table]:
    """Two teams, an account of the first and one new case, on a Friday morning."""
    engine = db.create_engine(database_url)
    table = Table(db.sessions(engine), StoppedClock(local("2026-11-20 10:00")), Random(seed))
    try:
        async with table.session() as session:
            for number, name, channel in ((1, "Webcare", CHANNEL), (2, "Beheer", BEHEER)):
                session.add(
                    Team(id=number, name=name, channel=channel, settings=ALWAYS_OPEN, created_at=table.clock.at)
                )
            await session.flush()
            session.add(Account(id=1, team_id=1, platform="webhook", name="plein", url="", created_at=table.clock.at))
        await table.open_case()
        yield table
    finally:
        await engine.dispose()


async def _claim(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.claim(session, case.id, by=t.agent(case), now=now)


async def _take_over(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    owner = t.dice.choice([case.assignee or SANNE, t.dice.choice(AGENTS)])
    await cases.take_over(session, case.id, owner=owner, by=t.dice.choice(AGENTS), now=now)


async def _release(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.release(session, case.id, by=t.agent(case), now=now)


async def _assign(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.assign(session, case.id, to=t.dice.choice(AGENTS), by=t.agent(case), now=now)


async def _transfer(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    to = 3 - case.team_id
    await cases.transfer(
        session, case.id, seen=case.team_id, to=to, note="Dit is van jullie.", by=t.agent(case), now=now,
        submission=f"t{t.dice.random()}",
    )  # fmt: skip


async def _answer(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    mention = (await session.exec(select(Mention).where(Mention.case_id == case.id))).first()
    assert mention is not None
    kind = t.kind or t.dice.choice(BY_AGENTS)
    reply = Reply(
        case_id=case.id, mention_id=mention.id, account_id=case.account_id, by=t.agent(case),
        key=f"k{t.dice.random()}", draft="Morgen", text="Morgen", kind=kind, created_at=now, send_at=now,
        promised_at=now + timedelta(days=3) if kind is ReplyKind.INTERIM else None,
    )  # fmt: skip
    await cases.answered(session, reply, now=now)


async def _withdraw(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    approved = select(Reply.by).where(Reply.case_id == case.id, Reply.status == ReplyStatus.APPROVED)
    author = (await session.exec(approved.order_by(col(Reply.id).desc()))).first()
    by = author if author and t.dice.random() < 0.7 else t.dice.choice(AGENTS)
    await replies.withdraw(session, case.id, by=by, now=now)


async def _escalate(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.escalate(
        session, case.id, by=t.agent(case), now=now, target=YOUSSEF, channels=[YOUSSEF], question="Weet jij dit?",
        urgency=Urgency.NORMAL, submission=f"e{t.dice.random()}",
    )  # fmt: skip


async def _advise(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    asked = await session.exec(select(Escalation.id).where(Escalation.case_id == case.id))
    await cases.advise(session, t.dice.choice([0, *asked]), by=YOUSSEF, now=now, advice="Morgen")


async def _no_advice(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    asked = (await session.exec(select(Escalation.id).where(Escalation.case_id == case.id))).all()
    if case.status is not Status.ESCALATED:
        raise Refused("Nobody is asked for advice.")
    for each in asked:
        await cases.ask_again(session, each, percent=100, now=now)


async def _close(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.close(session, case.id, by=t.agent(case), now=now, reason=t.dice.choice(list(CloseReason)), text="Ja")


def _undo_close(was: Status) -> "Making":
    async def undone(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
        found = await session.exec(
            select(Event).where(Event.case_id == case.id, Event.kind == EventKind.CLOSE).order_by(col(Event.id).desc())
        )
        closing = found.first()
        if closing is None or closing.details["was"] != was:
            raise Refused("It was not closed from there.")
        undo, by = timedelta(seconds=10), closing.by if t.dice.random() < 0.8 else t.dice.choice(AGENTS)
        outcome = await cases.undo_close(
            session, [case.id], teams=[case.team_id], closed_at=closing.at, by=by, now=now, undo=undo
        )
        if outcome.skipped:
            raise Refused(outcome.skipped[case.id].message)

    return undone


async def _reopen(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.reopen(session, case.id, by=t.agent(case), now=now)


async def _put_back(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    owner = case.assignee or SANNE
    await cases.put_back(session, case.id, owner=owner, still_since=now, now=now, away=t.dice.random() < 0.5)


async def _citizen(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await write(t, session, now, t.dice.choice(["En nog iets?", "Bedankt!"]))


def _outcome(outcome: outcomes.Outcome) -> "Making":
    async def published(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
        await cases.locked(session, case.id)
        unsent = await session.exec(select(Reply).where(Reply.case_id == case.id, UNSENT).order_by(col(Reply.id)))
        on_their_way = unsent.all()
        if not on_their_way:
            raise Refused("There is no reply on its way.")
        reply = t.dice.choice(on_their_way)
        reply.status, reply.tries = ReplyStatus.SENDING, 1
        session.add(reply)
        await session.flush()
        await outcomes.record(session, reply, outcome, now)

    return published


async def _settle(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await replies.settle(session, case.id, published=t.dice.random() < 0.7, by=t.agent(case), now=now)


async def _wait_on(t: Table, session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.wait_on(session, case.id, by=t.agent(case), now=now)


SENT = _outcome(Sent("x", ""))
FAILED = _outcome(Rejected("Too long."))
DOUBTED = _outcome(Unknowable())

Making = Callable[[Table, AsyncSession, Case, datetime], Awaitable[None]]
HOW: Mapping[Move, Making] = {
    Move.CLAIM: _claim,
    Move.TAKE_OVER: _take_over,
    Move.RELEASE: _release,
    Move.ASSIGN: _assign,
    Move.TRANSFER: _transfer,
    Move.ANSWER: _answer,
    Move.WITHDRAW: _withdraw,
    Move.ESCALATE: _escalate,
    Move.ADVISE: _advise,
    Move.NO_ADVICE: _no_advice,
    Move.CLOSE: _close,
    **{move: _undo_close(was) for was, move in UNCLOSES.items()},
    Move.REOPEN: _reopen,
    Move.PUT_BACK: _put_back,
    Move.REOPEN_BY_CITIZEN: _citizen,
    Move.WAIT_ON: _wait_on,
    Move.KEEP: SENT,
    Move.ASK: SENT,
    Move.FAIL: FAILED,
    Move.DOUBT: DOUBTED,
    Move.SETTLE: _settle,
    Move.SETTLE_ASKED: _settle,
    Move.WITHDRAW_ESCALATED: _withdraw,
    Move.WITHDRAW_WITH_CITIZEN: _withdraw,
    Move.KEEP_ESCALATED: SENT,
    Move.FAIL_ESCALATED: FAILED,
    Move.DOUBT_ESCALATED: DOUBTED,
}

STANDS: Mapping[Status, WaitsFor] = {
    Status.NEW: WaitsFor.US,
    Status.CLAIMED: WaitsFor.US,
    Status.ESCALATED: WaitsFor.ADVICE,
    Status.WITH_CITIZEN: WaitsFor.CITIZEN,
    Status.ANSWERED: WaitsFor.NOBODY,
    Status.CLOSED: WaitsFor.NOBODY,
}
"""What a case waits for in each status, in words of its own: not asked of the rule that it is held to."""

HELD = _outcome(Sent("r1", "", held=True))


async def hold(table: Table) -> None:
    """Let the platform take the reply, as `r1`, and hold it until its moderators approve it."""
    async with table.session() as session:
        await HELD(table, session, await cases.get(session, table.case_id), table.clock.at)


async def deliver(table: Table, arrived: Arrived | None, external_id: str = "r1", key: str = "") -> None:
    """Let the platform tell how far our message came."""
    told = Delivery(external_id, arrived, table.clock.at, key=key)
    async with table.session() as session:
        await inbox.take_in(session, 1, [told], now=table.clock.at)


def path_to(status: Status) -> list[Move]:
    """The shortest way from a new case to a status, by the table: agents' moves, and that a question is sent."""
    paths: dict[Status, list[Move]] = {Status.NEW: []}
    for at in (queue := [Status.NEW]):
        for move in (move for move in Move if move in moves_from(at) | {Move.ASK} and at in LEADS_TO[move]):
            to = LEADS_TO[move][at]
            if to not in paths:
                paths[to] = [*paths[at], move]
                queue.append(to)
    return paths[status]


async def bring_to(table: Table, status: Status) -> None:
    """Bring a new case to a status, with a second between the moves."""
    kind = table.kind
    for move in path_to(status):
        table.kind = ReplyKind.QUESTION if status is Status.WITH_CITIZEN else kind
        await table.must_make(move)
        table.passes(seconds=1)
    table.kind = kind
    assert (await table.case()).status is status
