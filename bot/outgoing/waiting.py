"""Replies that could not be sent for long, because their platform refuses them or their account is stopped."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast
from sqlmodel import col, literal, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases.moves import tell_thread
from bot.models import UNSENT, Message, MessageKind, Reply

LONG = timedelta(hours=1)
"""The agent is notified of a reply or an act that has not succeeded for this long."""


async def untold(session: AsyncSession, now: datetime, long: timedelta) -> list[tuple[int, int]]:
    """Return (case, reply) for each reply that has waited for that long, and of which nobody was told."""
    columns: list[Any] = [Reply.case_id, Reply.id]
    rows = await session.exec(select(*columns).where(*_waits(now, long)))
    return sorted((case_id, reply_id) for case_id, reply_id in rows)


async def tell(session: AsyncSession, case_id: int, reply_id: int, now: datetime, long: timedelta) -> None:
    """Say once in the thread of a case that its reply still waits, and why; its card follows."""
    case = await cases.locked(session, case_id)
    if (await session.exec(select(Reply.id).where(Reply.id == reply_id, *_waits(now, long)))).first() is None:
        return
    await tell_thread(session, case, MessageKind.REPLY_WAITS, f"{MessageKind.REPLY_WAITS}:{reply_id}", reply_id)
    await cases.touch(session, case_id)


def _waits(now: datetime, long: timedelta) -> tuple[ColumnElement[bool], ...]:
    key = literal(f"{MessageKind.REPLY_WAITS}:") + cast(col(Reply.id), String)
    told = select(Message.id).where(Message.key == key).correlate(Reply).exists()
    return UNSENT, col(Reply.created_at) <= now - long, ~told
