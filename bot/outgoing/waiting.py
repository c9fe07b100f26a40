"""Replies and acts that could not go out for long, because their platform refuses them or their account is stopped."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, cast
from sqlmodel import col, func, literal, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases.moves import tell_thread
from bot.models import UNFINISHED, UNSENT, Act, Hiding, Message, MessageKind, Reply

LONG = timedelta(hours=1)
"""The agent is notified of a reply or an act that has not succeeded for this long."""
ACT_WAITS = "act_waits"
_AGREED_AT = select(Hiding.decided_at).where(Hiding.act_id == Act.id).correlate(Act).scalar_subquery()
_SINCE: dict[type[Reply] | type[Act], Any] = {
    Reply: col(Reply.created_at),
    Act: func.coalesce(_AGREED_AT, col(Act.created_at)),
}
"""Since when something is to go out: what waited for a second colleague, since they agreed."""
_ITEMS: dict[str, tuple[type[Reply] | type[Act], ColumnElement[bool], MessageKind]] = {
    MessageKind.REPLY_WAITS: (Reply, UNSENT, MessageKind.REPLY_WAITS),
    ACT_WAITS: (Act, UNFINISHED, MessageKind.ACT_PROBLEM),
}
"""How the key of the message begins that tells of what waits, its table, when it does, and the kind of the message."""


async def waits_since(session: AsyncSession, act: Act) -> datetime:
    """Return since when an act is to be carried out."""
    since: datetime = (await session.exec(select(_SINCE[Act]).where(Act.id == act.id))).one()
    return since


async def untold(session: AsyncSession, now: datetime, long: timedelta) -> list[tuple[int, str, int]]:
    """Return what has waited for so long without that anybody was told: case, how its message's key begins, and id."""
    found = list[tuple[int, str, int]]()
    for key, (table, _, _) in _ITEMS.items():
        columns: list[Any] = [table.case_id, table.id]
        found += [(case_id, key, id) for case_id, id in await session.exec(_untold(columns, key, now, long))]
    return sorted(found)


async def tell(session: AsyncSession, case_id: int, key: str, item_id: int, now: datetime, long: timedelta) -> None:
    """Say once in the thread of a case that its reply or act still waits, and why; its card follows."""
    table, _, kind = _ITEMS[key]
    case = await cases.locked(session, case_id)
    if (await session.exec(_untold([table.id], key, now, long).where(table.id == item_id))).first() is None:
        return
    await tell_thread(session, case, kind, f"{key}:{item_id}", item_id)
    await cases.touch(session, case_id)


def _untold(columns: list[Any], key: str, now: datetime, long: timedelta) -> Any:
    table, waits, _ = _ITEMS[key]
    of_item = literal(f"{key}:") + cast(col(table.id), String)
    told = select(Message.id).where(Message.key == of_item).correlate(table).exists()
    return select(*columns).where(waits, _SINCE[table] <= now - long, ~told)
