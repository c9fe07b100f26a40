"""What is done with the cases of a roll-up at once: claim those that nobody has, take some out."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases.moves import claim
from bot.cases.state import lock_all, locked, touch
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.domain.text import Refused
from bot.models import Case, Event

AGAIN = timedelta(minutes=1)
"""Who claims a lot again so soon clicked twice, before Slack showed that it was done."""


async def claim_lot(
    session: AsyncSession, subject_id: int, *, teams: Collection[int], by: str, now: datetime, most: int
) -> list[int]:
    """Give the cases of a subject that nobody has to one agent, the oldest first; of two at once each gets others.

    One that somebody is just changing is left out while there are others, so that nobody waits for those that a
    colleague is claiming. When all are taken, claiming again at once changes nothing: it returns those that `by` has
    just claimed. Raises Refused for anybody else.
    """
    free = select(Case.id).where(
        Case.subject_id == subject_id, col(Case.status) == Status.NEW, col(Case.team_id).in_(teams)
    )
    oldest = free.order_by(col(Case.opened_at), col(Case.id)).limit(most)
    claimed = sorted(await session.exec(oldest.with_for_update(key_share=True, skip_locked=True)))
    if not claimed:  # nothing is left, unless a colleague's claim fails: that is waited for, in the order of all locks
        claimed = list(await session.exec(free.order_by(col(Case.id)).limit(most).with_for_update(key_share=True)))
    if not claimed:
        return await _just_claimed(session, subject_id, teams, by, now)
    for case_id in claimed:
        await claim(session, case_id, by=by, now=now)
    return claimed


async def _just_claimed(
    session: AsyncSession, subject_id: int, teams: Collection[int], by: str, now: datetime
) -> list[int]:
    own = select(Case.id).where(Case.subject_id == subject_id, col(Case.team_id).in_(teams))
    own = own.where(Case.status == Status.CLAIMED, Case.assignee == by, col(Case.claimed_at) > now - AGAIN)
    theirs = sorted(await session.exec(own))
    if not theirs:
        raise Refused("Somebody has each of these cases already.")
    return theirs


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
