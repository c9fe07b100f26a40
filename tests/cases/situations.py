"""The situations that a case can be in, each on a bare database; for tests that go through all of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot import db
from bot.desk import Desk
from bot.domain.case import Move, Status, WaitsFor
from bot.domain.mention import Arrived
from bot.models import ReplyKind
from bot.run import open_desk
from bot.sandbox.app import Sandbox
from jobs import BY_OUR_CLOCK
from tests.cases.moving import STANDS, Table, bring_to, deliver, hold, one_case
from tests.conftest import settings_for

DAYS = 3
"""So far off is the moment of what `moving.HOW` promises or puts off."""


async def _status(table: Table, status: Status) -> None:
    table.kind = ReplyKind.FINAL
    await bring_to(table, status)
    if status is Status.ANSWERED:
        await table.must_make(Move.KEEP)


async def _after(table: Table, kind: ReplyKind, *moves: Move) -> None:
    table.kind = kind
    await bring_to(table, Status.ANSWERED)
    for move in moves:
        await table.must_make(move)


async def _promised_and_asked(table: Table) -> None:
    await _after(table, ReplyKind.INTERIM, Move.KEEP)
    table.kind = ReplyKind.QUESTION
    for move in (Move.ANSWER, Move.KEEP):
        await table.must_make(move)


async def _held(table: Table) -> None:
    await _after(table, ReplyKind.QUESTION)
    await hold(table)


async def _lost(table: Table) -> None:
    await _after(table, ReplyKind.INTERIM, Move.KEEP)
    await deliver(table, Arrived.FAILED, "x")


def _in(status: Status) -> Callable[[Table], Awaitable[None]]:
    return lambda table: _status(table, status)


SITUATIONS: dict[str, Callable[[Table], Awaitable[None]]] = {
    **{str(status): _in(status) for status in Status},
    "a reply on its way": lambda table: _after(table, ReplyKind.FINAL),
    "a question to the citizen": lambda table: _after(table, ReplyKind.QUESTION, Move.KEEP),
    "a promise": lambda table: _after(table, ReplyKind.INTERIM, Move.KEEP),
    "a reply that was refused": lambda table: _after(table, ReplyKind.FINAL, Move.FAIL),
    "a reply of unknown outcome": lambda table: _after(table, ReplyKind.QUESTION, Move.DOUBT),
    "a reply that its platform holds": _held,
    "a promise that did not arrive": _lost,
    "a promise and a question": _promised_and_asked,
    "a question, then reopened": lambda table: _after(table, ReplyKind.QUESTION, Move.KEEP, Move.REOPEN),
}

WAITS: dict[str, WaitsFor] = {
    **{str(status): wait for status, wait in STANDS.items()},
    "a reply on its way": WaitsFor.US,
    "a question to the citizen": WaitsFor.CITIZEN,
    "a promise": WaitsFor.MOMENT,
    "a reply that was refused": WaitsFor.US,
    "a reply of unknown outcome": WaitsFor.US,
    "a reply that its platform holds": WaitsFor.US,
    "a promise that did not arrive": WaitsFor.US,
    "a promise and a question": WaitsFor.CITIZEN,
    "a question, then reopened": WaitsFor.US,
}
"""What a case waits for in each situation, in words of its own: not asked of the rule that it is held to."""
RESTING = {
    *(str(status) for status, wait in STANDS.items() if wait in {WaitsFor.CITIZEN, WaitsFor.MOMENT}),
    "a question to the citizen",
    "a promise and a question",
}
"""The situations in which the clocks of norms rest."""


@asynccontextmanager
async def in_situation(name: str, url: str, slack: Sandbox) -> AsyncIterator[tuple[Table, Desk]]:
    """A case in this situation, and the desk whose jobs look after it; nobody takes the messages to Slack."""
    async with one_case(url) as table:
        await SITUATIONS[name](table)
        engine = db.create_engine(url)
        try:
            async with open_desk(settings_for(url, slack), engine, table.clock) as desk:
                yield table, desk
        finally:
            await engine.dispose()


async def run_jobs(desk: Desk) -> None:
    for job in BY_OUR_CLOCK:
        await job(desk)
