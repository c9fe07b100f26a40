"""What is done with the cases of a roll-up at once: claim those that nobody has, take some out."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.moves import claim
from bot.cases.state import lock_all, locked, touch
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.text import Refused
from bot.models import Case, Event, Person

TWICE = timedelta(seconds=5)
"""Who claims a lot again so soon clicked twice, and wants no second lot."""
IN_LOT = "lot"
"""The key in the details of the claim of a case in a lot, which may be a lot of one."""
AGAIN = timedelta(minutes=1)
"""Who claims a lot again so soon, when all are taken, clicked before Slack showed that it was done."""


async def claim_lot(
    session: AsyncSession,
    subject_id: int,
    *,
    teams: Collection[int],
    by: str,
    now: datetime,
    most: int,
    speed: float = 1.0,
) -> list[int]:
    """Give the cases of a subject that nobody has to one agent, the oldest first; of two at once each gets others.

    One that somebody is just changing is left out while there are others, so that nobody waits for those that a
    colleague is claiming. Clicking twice changes nothing, nor does claiming again at once when all are taken: it
    returns those that `by` has just claimed. Raises Refused for anybody else.
    """
    await db.lock_or_add(session, Person(slack_id=by))  # the second of two clicks waits for the first
    own = await _claimed_since(session, subject_id, teams, by, now - AGAIN * speed)
    if lot := await _last_lot(session, {case_id: at for case_id, at in own.items() if at > now - TWICE * speed}):
        return lot
    free = select(Case.id).where(
        Case.subject_id == subject_id, col(Case.status) == Status.NEW, col(Case.team_id).in_(teams)
    )
    oldest = free.order_by(col(Case.opened_at), col(Case.id)).limit(most)
    claimed = sorted(await session.exec(oldest.with_for_update(key_share=True, skip_locked=True)))
    if not claimed:  # nothing is left, unless a colleague's claim fails: that is waited for, in the order of all locks
        claimed = list(await session.exec(free.order_by(col(Case.id)).limit(most).with_for_update(key_share=True)))
    if not claimed and not own:
        raise Refused("Somebody has each of these cases already.")
    if not claimed:
        return list(own)
    for case_id in claimed:
        await claim(session, case_id, by=by, now=now, details={IN_LOT: True})
    return claimed


async def _claimed_since(
    session: AsyncSession, subject_id: int, teams: Collection[int], by: str, since: datetime
) -> dict[int, datetime]:
    """Return when somebody claimed each of the cases of a subject that are theirs since then; a lot has one moment."""
    own = select(Case.id, Case.claimed_at).where(Case.subject_id == subject_id, col(Case.team_id).in_(teams))
    own = own.where(Case.status == Status.CLAIMED, Case.assignee == by, col(Case.claimed_at) > since)
    return {case_id: at for case_id, at in await session.exec(own.order_by(col(Case.id))) if at is not None}


async def _last_lot(session: AsyncSession, own: Mapping[int, datetime]) -> list[int]:
    """Return those of these cases that were claimed as the last lot; one that was claimed by itself is in none."""
    claims = select(Event).where(col(Event.case_id).in_(own), Event.kind == EventKind.CLAIM)
    lots = {claimed.at for claimed in await session.exec(claims) if claimed.details.get(IN_LOT)}
    last = max(lots.intersection(own.values()), default=None)
    return [case_id for case_id, at in own.items() if at == last]


async def take_out(
    session: AsyncSession, case_ids: Collection[int], *, teams: Collection[int], by: str, now: datetime
) -> list[int]:
    """Take cases out of their roll-up for good, so that each has a card of its own; returns those that were in one."""
    await lock_all(session, case_ids)
    taken = []
    for case_id in sorted(case_ids):
        case = await locked(session, case_id)
        if case.team_id in teams and case.subject_id is not None:
            case.subject_id = None
            session.add_all([case, Event(case_id=case_id, kind=EventKind.PICKED_OUT, by=by, at=now)])
            await session.flush()
            await touch(session, case_id)
            taken.append(case_id)
    return taken
