"""The queue of one account: its replies and its acts, in order of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, inspect
from sqlalchemy.orm import aliased
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases.state import FOLLOW_THE_CASE
from bot.domain.event import EventKind, Why
from bot.domain.mention import OPPOSITES
from bot.models import (
    GOING,
    UNFINISHED,
    UNSENT,
    Account,
    Act,
    ActStatus,
    MessageKind,
    Reply,
    ReplyKind,
    ReplyStatus,
    UtcDateTime,
)
from bot.outgoing import moderation

CRASH_GUARD = timedelta(seconds=90)
"""Longer than any request runs. An item that is being sent is not sent again sooner, after a crash or elsewhere."""

STOPPED_JUST_NOW = timedelta(minutes=2)
"""The cards of what was due longer ago have said by now that the account is stopped."""

TABLES = ((Reply, UNSENT), (Act, UNFINISHED))
WAITS = frozenset({ReplyStatus.APPROVED, ReplyStatus.SENDING, *GOING})
_EARLIER = aliased(Reply)
_IS_FIRST = ~(
    sqlalchemy.select(col(_EARLIER.id))
    .where(col(_EARLIER.case_id) == Reply.case_id, col(_EARLIER.id) < Reply.id)
    .where(col(_EARLIER.status) == ReplyStatus.APPROVED)
    .where(col(_EARLIER.kind) != ReplyKind.INVITATION, col(Reply.kind) != ReplyKind.INVITATION)
    .correlate(Reply)
    .exists()
)
"""The condition that no earlier answer to the same citizen was put off: they read ours in the order of writing.

One that is being sent, perhaps without an end, holds up no other: it may be there already.
"""
_NEXT = ((Reply, UNSENT & _IS_FIRST), (Act, UNFINISHED))
# Built once, for each sweep: to build them takes longer than to run them.
SOUGHT: Sequence[Any] = [
    sqlalchemy.select(col(table.account_id))
    .join(Account, col(table.account_id) == Account.id)
    .where(waits, col(table.send_at) <= bindparam("now", type_=UtcDateTime), col(Account.stopped_at).is_(None))
    .distinct()
    for table, waits in _NEXT
]
"""What `accounts_due` looks for."""


@dataclass(frozen=True)
class _First:
    """The first item in the queue, due or not."""

    at: datetime
    table: type[Reply] | type[Act]
    id: int


async def take_next(session: AsyncSession, account_id: int, now: datetime) -> Reply | Act | None:
    """Mark the next due item as being sent, so that after a crash we know that it was tried."""
    while (first := await _first(session, account_id)) is not None and first.at <= now:
        item = await _locked(session, first)
        if item.status not in WAITS or item.send_at > now:  # another process was faster
            return None
        session.add(item)
        if isinstance(item, Reply):
            if await _tells_of_unfinished(session, item):
                continue
            item.status = ReplyStatus.SENDING
            await cases.touch(session, item.case_id)
        elif await _waits_for_opposite(session, item, now):
            continue
        else:
            item.status, item.problem = ActStatus.SENDING, None
            await cases.touch(session, item.case_id)
        item.first_tried_at = item.first_tried_at or now
        item.tries += 1
        item.send_at = now + CRASH_GUARD
        await session.flush()
        return item
    return None


async def is_ours(session: AsyncSession, item: Reply | Act) -> bool:
    """Tell whether we still send what `take_next` gave us: no other process took it because we were silent so long."""
    table = type(item)
    now = (await session.exec(select(table.status, table.tries).where(table.id == item.id))).one()
    return now == (item.status, item.tries)


def lane_of(item: Reply | Act) -> str | None:
    """Return the lane for which an item that was just stored is new work, if it is any."""
    attributes = inspect(item).attrs
    changed = attributes.status.history.has_changes() or attributes.send_at.history.has_changes()
    is_approved = item.status in {ReplyStatus.APPROVED, ActStatus.APPROVED}
    return f"outgoing:{item.account_id}" if changed and is_approved else None


async def next_due(session: AsyncSession, account_id: int) -> datetime | None:
    """Return when the first item in the queue is due, if anything waits."""
    first = await _first(session, account_id)
    return first.at if first else None


async def accounts_due(session: AsyncSession, now: datetime) -> set[int]:
    """Return the accounts that have something due and are not stopped."""
    connection = await session.connection()
    return {id for due in SOUGHT for id in (await connection.execute(due, {"now": now})).scalars()}


async def put_off_no_longer(session: AsyncSession, now: datetime) -> None:
    """Let what was surely not sent and was put off be due now: nobody knows for how long, as our clock was ahead."""
    for table, status in ((Reply, ReplyStatus.APPROVED), (Act, ActStatus.APPROVED)):
        waits = (table.status == status, col(table.delays) > 0, col(table.send_at) > now)
        free = select(table.id).where(*waits).with_for_update(key_share=True, skip_locked=True)
        due = update(table).where(col(table.id).in_(free)).values(send_at=now)
        await session.exec(due.execution_options(synchronize_session=False))


async def show_stopped(session: AsyncSession, account_id: int, now: datetime) -> None:
    """Let the cards and threads of what would go out about now say that it waits, because the account is stopped."""
    about_now = set[int]()
    for table, waits in TABLES:
        waiting = (table.account_id == account_id, waits, col(table.send_at) > now - STOPPED_JUST_NOW)
        about_now |= set(await session.exec(select(table.case_id).where(*waiting)))
    await cases.lock_all(session, about_now)
    await cases.touch_all(session, about_now, {*FOLLOW_THE_CASE, MessageKind.ACT_PROBLEM})


async def _first(session: AsyncSession, account_id: int) -> _First | None:
    rows = []
    for table, waits in _NEXT:
        in_order = (
            select(table.send_at, table.id)
            .where(table.account_id == account_id, waits)
            .order_by(col(table.send_at), col(table.id))
            .limit(1)
        )
        rows += [_First(at, table, id) for at, id in await session.exec(in_order)]
    return min(rows, key=lambda first: first.at, default=None)


async def _locked(session: AsyncSession, first: _First) -> Reply | Act:
    if first.table is Reply:
        return await session.get_one(Reply, first.id, with_for_update=db.HELD, populate_existing=True)
    return await session.get_one(Act, first.id, with_for_update=db.HELD, populate_existing=True)


async def _tells_of_unfinished(session: AsyncSession, reply: Reply) -> bool:
    """Tell whether a reply must wait because it is about an act that is not carried out yet; it is due after that."""
    rows = await session.exec(select(Act.send_at).where(UNFINISHED, Act.id == reply.tells_of))
    act_at = rows.first()
    if act_at is None:
        return False
    reply.send_at = act_at + timedelta(microseconds=1)
    await session.flush()
    return True


async def _waits_for_opposite(session: AsyncSession, act: Act, now: datetime) -> bool:
    """Tell whether an act must wait, because an earlier opposite act may be in progress at this moment.

    The act that was approved last decides the state of the post. So an earlier one that was put off is dropped, and one
    whose request may still arrive is waited for.
    """
    earlier_act = await _earlier_opposite(session, act)
    if earlier_act is None:
        return False
    if earlier_act.status is ActStatus.SENDING and earlier_act.problem is None:
        act.send_at = earlier_act.send_at  # of two acts due at the same time the earlier one goes first
        await session.flush()
        return True
    earlier_act.status = ActStatus.WITHDRAWN
    session.add(earlier_act)
    await moderation.log(session, earlier_act, EventKind.ACT_WITHDRAWN, "", now, Why.OPPOSITE)
    return False


async def _earlier_opposite(session: AsyncSession, act: Act) -> Act | None:
    rows = await session.exec(
        select(Act)
        .where(UNFINISHED, Act.mention_id == act.mention_id, col(Act.reply_id).is_not_distinct_from(act.reply_id))
        .where(Act.kind == OPPOSITES.get(act.kind), col(Act.id) < act.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return rows.first()
