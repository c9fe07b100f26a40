"""The queue of one account: which reply is next, and when there is one."""

from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.models import UNSENT, Reply, ReplyStatus

CRASH_GUARD = timedelta(seconds=90)
"""Longer than any request runs. What is being sent is not sent again sooner: after a crash, or by another process."""


async def take_next(session: AsyncSession, account_id: int, now: datetime) -> Reply | None:
    """Mark the next due reply as being sent, so that whatever happens next is known to have been tried."""
    due = (
        select(Reply.id)
        .where(Reply.account_id == account_id, UNSENT, Reply.send_at <= now)
        .order_by(col(Reply.send_at), col(Reply.id))
        .limit(1)
    )
    reply_id = (await session.exec(due)).first()
    if reply_id is None:
        return None
    reply = await session.get_one(Reply, reply_id, with_for_update=db.HELD)
    if reply.status not in {ReplyStatus.APPROVED, ReplyStatus.SENDING} or reply.send_at > now:
        return None
    reply.status = ReplyStatus.SENDING
    reply.first_tried_at = reply.first_tried_at or now
    reply.tries += 1
    reply.send_at = now + CRASH_GUARD
    session.add(reply)
    await session.flush()
    await cases.touch(session, reply.case_id)
    return reply


async def next_due(session: AsyncSession, account_id: int) -> datetime | None:
    """Return when the next reply of an account falls due, if any waits."""
    found = await session.exec(
        select(Reply.send_at).where(Reply.account_id == account_id, UNSENT).order_by(col(Reply.send_at)).limit(1)
    )
    return found.first()
