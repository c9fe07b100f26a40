"""Open cases of one author name each other on their cards: when one card changes, the others follow.

The other cards show that a case is open, its number, and where its card is. When a card was written after a change of
its own, the transaction that stores it as level also marks the cards of its author's other open cases. If anything
fails in between, the next writing of the card does it. A card that was only marked does not mark others.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import BindParameter, bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.domain.case import ONGOING
from bot.models import FEW, Case, Message, MessageKind, Named
from bot.slack.calls import Place

# Built once, for each card: to build it takes longer than to run it.
_CASE: BindParameter[int] = bindparam("case")
_AUTHOR = select(Case.author_id).where(Case.id == _CASE).scalar_subquery()
_BESIDE = db.short(
    select(Case.id).where(Case.author_id == _AUTHOR, Case.id != _CASE, col(Case.status).in_(ONGOING)).limit(FEW + 2)
)


def named_as(case: Case) -> str:
    """Return the name of a case on other cards; "" for one that has ended, which they do not name."""
    return f"{case.team_id}:{case.number}" if case.status in ONGOING else ""


async def lock_others(session: AsyncSession, card: Message, name: str, place: Place | None) -> Sequence[Message]:
    """Return the cards that must follow this card: those of its author's other open cases.

    These cases and this one are locked before any message is, so that two cards that follow each other take turns.
    Then their cards and this one are locked in the order of all who lock several messages: some lock no cases.
    """
    if _shown_of(card, name, place) == Named.of(card.details).told:
        return []
    others = (await session.exec(_BESIDE, params={"case": card.case_id})).all()
    if len(others) > FEW + 1:  # each of them says only that there are many, before and after this change
        return []
    if not others:
        return []
    together = {*others, card.case_id or 0}
    await cases.lock_all(session, together)
    theirs = select(Message).where(col(Message.case_id).in_(together), Message.kind == MessageKind.CASE)
    held = theirs.order_by(col(Message.id)).with_for_update(key_share=True).execution_options(populate_existing=True)
    return [each for each in await session.exec(held) if each.case_id != card.case_id]


def let_follow(stored: Message, card: Message, name: str, place: Place | None, others: Sequence[Message]) -> set[str]:
    """Mark these cards, which are locked, and return their channels.

    `card` is the row as it was when it was rendered, `stored` as it is now.
    """
    stored.details = replace(Named.of(stored.details), told=_shown_of(card, name, place)).to_json()
    for each in others:
        named = Named.of(each.details)
        each.details, each.version = replace(named, followed=named.followed + 1).to_json(), each.version + 1
    return {each.channel for each in others}


def _shown_of(card: Message, name: str, place: Place | None) -> str:
    """Return what other cards show of a case, and the number of its own changes.

    With that number the other cards are marked again when a case ended and was reopened, although its name is the same.
    """
    channel, ts = (place.channel, place.ts) if place else (card.channel, card.ts)
    return f"{name}:{channel}:{ts or ''}:{card.version - Named.of(card.details).followed}"
