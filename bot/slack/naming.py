"""Open cases of one author name each other on their cards: each card that changes lets the others follow.

What others say of a case is that it is open, its number, and where its card stands. Whenever a card was written after a
change of its own, the cards of its author's other open cases are marked, in the transaction that says that it is level.
So whatever fails in between, it is done again with the card's next writing. A mark that came from another card is not
passed on.
"""

from collections.abc import Collection
from dataclasses import replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import ONGOING
from bot.models import FEW, Case, Message, MessageKind, Named
from bot.slack.calls import Place


def named_as(case: Case) -> str:
    """Return how others name a case; "" for one that has ended, which they do not name."""
    return f"{case.team_id}:{case.number}" if case.status in ONGOING else ""


async def lock_others(session: AsyncSession, card: Message, name: str, place: Place | None) -> Collection[int]:
    """Return the open cases whose cards must follow this card.

    They are held, and this one, before any message is: two cards that follow each other then do so one by one.
    """
    if _told(card, name, place) == Named.of(card.details).told:
        return []
    author = select(Case.author_id).where(Case.id == card.case_id).scalar_subquery()
    beside = select(Case.id).where(Case.author_id == author, Case.id != card.case_id, col(Case.status).in_(ONGOING))
    others = (await session.exec(beside.limit(FEW + 2))).all()
    if len(others) > FEW + 1:  # each of them says that there are many, before this change and after it
        return []
    if others:
        await cases.lock_all(session, {*others, card.case_id or 0})
    return others


async def let_follow(
    session: AsyncSession, stored: Message, card: Message, name: str, place: Place | None, others: Collection[int]
) -> set[str]:
    """Mark the cards of these cases, which we hold, and return their channels.

    `card` is the row as it was when it was rendered, `stored` as it is now.
    """
    stored.details = replace(Named.of(stored.details), told=_told(card, name, place)).to_json()
    if not others:
        return set()
    theirs = select(Message).where(col(Message.case_id).in_(others), Message.kind == MessageKind.CASE)
    held = theirs.order_by(col(Message.id)).with_for_update(key_share=True).execution_options(populate_existing=True)
    found = (await session.exec(held)).all()
    for each in found:
        told = Named.of(each.details)
        each.details, each.version = replace(told, followed=told.followed + 1).to_json(), each.version + 1
    return {each.channel for each in found}


def _told(card: Message, name: str, place: Place | None) -> str:
    """Return what others say of a case, and after how many changes of its own.

    The count makes that a case which ended and is open again is told anew, though it is named as before.
    """
    channel, ts = (place.channel, place.ts) if place else (card.channel, card.ts)
    return f"{name}:{channel}:{ts or ''}:{card.version - Named.of(card.details).followed}"
