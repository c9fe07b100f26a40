"""Idle claims: when the owner of an idle case is reminded, and when the case goes back to the queue.

Only a case that waits for us can be idle. A case with a promise to its citizen waits for that moment, and an escalated
case waits for advice. `cases.last_moved_at` defines what counts as movement; while its reminders are put off, a case is
not idle either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import reminders
from bot.cases.reading import idle_since
from bot.domain.case import Move, WaitsFor, waits_for
from bot.domain.coming import Coming, Doing, heard_at
from bot.domain.event import Why
from bot.domain.hours import NeverOpen, add
from bot.domain.sla import ClockKind
from bot.models import WAITING, Case, Clock, Team
from bot.team.settings import TeamSettings


@dataclass(frozen=True)
class Claim:
    """A case that waits for its owner, since when; when they are reminded of that, and when it was for too long.

    That is a while after they were reminded: nobody loses a case unasked because the bot was down. While they are not,
    `return_at` is the earliest moment.
    """

    case_id: int
    owner: str
    idle_since: datetime
    remind_at: datetime
    return_at: datetime
    is_reminded: bool


async def claims(
    session: AsyncSession, team: Team, settings: TeamSettings, now: datetime, case_id: int | None = None
) -> list[Claim]:
    """Return the claims of a team that may be idle now; of one case, if it waits for its owner at all."""
    hours, remind_after = settings.hours(now), timedelta(minutes=settings.claim_reminder)
    return_after = timedelta(minutes=settings.claim_return)
    which = (
        (Case.id == case_id, col(Case.claimed_at).is_not(None))
        if case_id is not None
        else (col(Case.claimed_at) <= now - remind_after,)
    )
    found, waiting = list[Claim](), await _waiting_with_an_owner(session, team, which)
    reminded = await reminders.told_idle(session, [owned_id for owned_id, _, _ in waiting])
    for owned_id, owner, since in waiting:
        told_at = reminded.get((owned_id, owner, since))
        try:
            remind_at = add(hours, since, remind_after)
            return_at = add(hours, max(remind_at, told_at or now), return_after)
        except NeverOpen:
            continue
        found.append(Claim(owned_id, owner, since, remind_at, return_at, told_at is not None))
    return found


async def _waiting_with_an_owner(
    session: AsyncSession, team: Team, which: Sequence[Any]
) -> Sequence[tuple[int, str, datetime]]:
    """Return (case, owner, since when it is idle) for the cases among these that wait for us and have an owner."""
    promised = (
        select(Clock.id)
        .where(Clock.case_id == Case.id, Clock.kind == ClockKind.PROMISE, col(Clock.stopped_at).is_(None))
        .correlate(Case)
        .exists()
    )
    owned = (WAITING, Case.team_id == team.id, col(Case.assignee).is_not(None), *which)
    columns: list[Any] = [Case.id, Case.status, Case.assignee, promised]
    rows = (await session.exec(select(*columns).where(*owned))).all()
    since = await idle_since(session, *owned) if rows else {}
    return [
        (case_id, owner, since[case_id])
        for case_id, status, owner, promised in rows
        if case_id in since and waits_for(status, promised=promised) is WaitsFor.US
    ]


async def coming(
    session: AsyncSession, case_id: int, team: Team, settings: TeamSettings, now: datetime
) -> list[Coming]:
    """Return when the owner of a case will be reminded that it is idle, and when it goes back to the queue."""
    hours, found = settings.hours(now), list[Coming]()
    for claim in await claims(session, team, settings, now, case_id):
        reminded, returned = (heard_at(hours, at, now) for at in (claim.remind_at, claim.return_at))
        if reminded and not claim.is_reminded:
            found.append(Coming(reminded, Doing.IDLE, (claim.owner,)))
        if returned:
            found.append(Coming(returned, Move.PUT_BACK, (team.channel,), why=Why.STILL))
    return found
