"""Open cases of one author name each other on their cards: each card that changes in that lets the others follow.

What others say of a case (that it is open, its number, where its card stands) is stored with its card once their cards
are marked. So whatever fails in between, it is done again with the card's next writing.
"""

from collections.abc import Collection

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import ONGOING
from bot.models import Case, Message, MessageKind, Named
from bot.slack.calls import Place


def named_as(case: Case) -> str:
    """Return how others name a case; "" for one that has ended, which they do not name."""
    return f"{case.team_id}:{case.number}" if case.status in ONGOING else ""


async def lock_others(session: AsyncSession, card: Message, name: str, place: Place | None) -> Collection[int]:
    """Return the open cases whose cards must name this card's case anew, and hold them, before any message is held."""
    if name_at(card, name, place) == Named.of(card.details).named:
        return []
    author = select(Case.author_id).where(Case.id == card.case_id).scalar_subquery()
    beside = select(Case.id).where(Case.author_id == author, Case.id != card.case_id, col(Case.status).in_(ONGOING))
    others = (await session.exec(beside)).all()
    await cases.lock_all(session, others)
    return others


async def let_follow(
    session: AsyncSession, card: Message, name: str, place: Place | None, others: Collection[int]
) -> set[str]:
    """Mark the cards of these cases, which we hold; return the channels in which they stand."""
    card.details = Named(name_at(card, name, place)).to_json()
    if not others:
        return set()
    await cases.touch_all(session, others, kinds=(MessageKind.CASE,))
    where = select(Message.channel).where(col(Message.case_id).in_(others), Message.kind == MessageKind.CASE)
    return set(await session.exec(where))


def name_at(card: Message, name: str, place: Place | None) -> str:
    """Return how others name a case and link its card."""
    channel, ts = (place.channel, place.ts) if place else (card.channel, card.ts)
    return f"{name}:{channel}:{ts}" if name and ts else name
