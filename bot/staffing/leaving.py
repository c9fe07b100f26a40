"""Move the open cases of colleagues who no longer answer for a team: a reader never keeps one.

Roles and settings are changed here, in one transaction with the cases.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import HandingOver
from bot.cases.moves import notify
from bot.domain.case import ALLOWED_FROM, Move
from bot.domain.coming import Coming
from bot.domain.event import EventKind, Why, because
from bot.domain.text import Refused, text
from bot.models import WAITING, Agent, Case, Event, Passed, Role, Team
from bot.team import agents, teams, undo


class Asks(Exception):
    """These colleagues would no longer answer and have open cases: somebody must say where these go."""

    def __init__(self, theirs: Mapping[str, Sequence[int]]) -> None:
        self.theirs = theirs
        super().__init__(f"{len(theirs)} colleagues have open cases")


@dataclass(frozen=True)
class Destination:
    """Where the cases of those who no longer answer go: to these colleagues in turn, or without any to the queue."""

    to: Sequence[str]
    submission: str


@dataclass(frozen=True)
class Changed:
    """What was changed, and how many cases went to a colleague or the queue because of it."""

    events: Sequence[Event]
    moved: int


async def set_roles(
    session: AsyncSession,
    team_id: int,
    given: Mapping[Role, Collection[str]],
    destination: Destination | None,
    *,
    by: str,
    now: datetime,
) -> Changed:
    """Give these people their roles, as `agents.set_roles`; raises Asks if open cases have no destination."""
    before = await _hold(session, team_id)
    events = await agents.set_roles(session, team_id, given, by=by, now=now)
    lost = await _lost(session, team_id, before)
    if lost and destination is None:
        raise Asks(lost)
    moved = await _let_go(session, team_id, lost, destination, by, now) if destination else 0
    return Changed(events, moved)


async def change_settings(
    session: AsyncSession, team_id: int, changes: Mapping[str, Any], submission: str, *, by: str, now: datetime
) -> Changed:
    """Change the settings of a team, as `teams.change`.

    If being in its channel is no longer enough to answer, the cases of those who answered that way go to the queue.
    """
    closes = changes.get("channel_answers") is False
    before = await _hold(session, team_id) if closes else {}
    events = await teams.change(session, team_id, changes, by=by, now=now)
    lost = await _lost(session, team_id, before) if any(map(_is_of_roles, events)) else {}
    return Changed(events, await _let_go(session, team_id, lost, Destination([], submission), by, now))


async def put_back(
    session: AsyncSession, event_id: int, team_id: int, submission: str, *, by: str, now: datetime
) -> Changed:
    """Undo a change, as `undo.undo`; cases of those who then no longer answer go to the queue."""
    before = await _hold(session, team_id)
    events = await undo.undo(session, event_id, team_id, by=by, now=now)
    lost = await _lost(session, team_id, before) if any(map(_is_of_roles, events)) else {}
    return Changed(events, await _let_go(session, team_id, lost, Destination([], submission), by, now))


async def _hold(session: AsyncSession, team_id: int) -> Mapping[str, Sequence[int]]:
    """Lock a team and its open cases, and return the cases of owners who answer for it."""
    await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)
    held = select(Case.id).where(WAITING, Case.team_id == team_id)
    await cases.lock_all(session, (await session.exec(held)).all())
    owned = select(Case.id, Case.assignee).where(WAITING, Case.team_id == team_id, col(Case.assignee).is_not(None))
    answering, theirs = set(await agents.answering(session, team_id)), dict[str, list[int]]()
    for case_id, owner in await session.exec(owned.order_by(col(Case.id))):
        if owner in answering:
            theirs.setdefault(str(owner), []).append(case_id)
    return theirs


def _is_of_roles(event: Event) -> bool:
    """Tell whether a change decides who answers; a team that moves to another channel keeps its cases."""
    return event.kind is EventKind.ROLE or event.details.get("field") == "channel_answers"


async def _lost(
    session: AsyncSession, team_id: int, before: Mapping[str, Sequence[int]]
) -> Mapping[str, Sequence[int]]:
    """Return the cases of owners who answered before and no longer do."""
    answering = set(await agents.answering(session, team_id))
    return {owner: case_ids for owner, case_ids in before.items() if owner not in answering}


async def _let_go(
    session: AsyncSession,
    team_id: int,
    lost: Mapping[str, Sequence[int]],
    destination: Destination,
    by: str,
    now: datetime,
) -> int:
    """Move cases away from their owners, who are notified; raises Refused when a colleague cannot take them."""
    answering = set(await agents.still_answering(session, team_id, destination.to))
    if lost and set(destination.to) - answering:
        raise Refused("Choose colleagues who can answer.")
    for owner, case_ids in sorted(lost.items()):
        seen = await cases.last_events(session, case_ids)
        asked = HandingOver(owner, seen, destination.to, "", f"{destination.submission}:{owner}")
        await cases.hand_over(session, asked, by=by, now=now)
        if owner != by:
            await cases.tell_of(session, owner, Passed(by, list(case_ids), leaves=True), now)
    return sum(map(len, lost.values()))


async def with_readers(session: AsyncSession) -> Sequence[int]:
    """Return the open cases of owners who may only read: they got them, or got them back, when they became readers.

    That is by a claim at that very moment, or an answer that the platform refused later.
    """
    rows = await session.exec(select(Case.id).join(Agent, _HAS_IT).where(WAITING, Agent.role == Role.READER))
    return sorted(rows)


async def coming(session: AsyncSession, case: Case, team: Team, now: datetime) -> list[Coming]:
    """Return that a case goes back to the queue because its owner may only read; that happens at any hour."""
    if case.id not in await with_readers(session):
        return []
    return [Coming(now, Move.PUT_BACK, (team.channel,), why=Why.READER)]


async def return_from_reader(session: AsyncSession, case_id: int, now: datetime) -> None:
    """Put the open case of a reader back in the queue; the thread says so. Nothing happens if the case moved."""
    case = await cases.locked(session, case_id)
    agent = await session.get(Agent, (case.team_id, case.assignee)) if case.assignee else None
    if agent is not None and agent.role is Role.READER and case.status in ALLOWED_FROM[Move.PUT_BACK]:
        await cases.record(session, Move.PUT_BACK, case, now=now, details=because(Why.READER))
        words = text("{agent} has read-only access, so this case is back in the queue.", agent=f"<@{agent.slack_id}>")
        await notify(session, case, f"returned_from_reader:{case_id}:{now.timestamp()}", words)


_HAS_IT = (col(Agent.team_id) == Case.team_id) & (col(Agent.slack_id) == Case.assignee)
