"""What stands around a case: who had it before, and what of others its mentions answer."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.models import Account, Author, Case, Event, Mention, Reply

GAVE = sorted({EventKind.CLAIM, EventKind.TAKE_OVER, EventKind.ASSIGN, EventKind.REOPEN})
"""The events that gave a case to somebody: who it is says `to` in their details, else `by`."""


async def former(session: AsyncSession, case: Case) -> str | None:
    """Return who had a case last that nobody has now; None when nobody ever had it."""
    if case.status is not Status.NEW:
        return None
    had = select(Event).where(Event.case_id == case.id, col(Event.kind).in_(GAVE)).order_by(col(Event.id).desc())
    last = (await session.exec(had.limit(1))).first()
    return (last.details.get("to") or last.by or None) if last else None


async def answered_posts(
    session: AsyncSession, account: Account, mentions: Sequence[Mention]
) -> dict[str, dict[str, str]]:
    """Return what these mentions answer that others wrote, or that we wrote to others, in public."""
    own = {mention.external_id for mention in mentions}
    above = {m.in_reply_to for m in mentions if m.in_reply_to and not m.replies_to} - own
    if not above:
        return {}
    case_ids = {mention.case_id for mention in mentions}
    posts = await session.exec(
        select(Mention.external_id, Author.name, Mention.text)
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(Mention.account_id == account.id, col(Mention.external_id).in_(above), ~col(Mention.private))
        .where(col(Mention.gone_at).is_(None))
    )
    ours = await session.exec(
        select(Reply.external_id, Reply.text)
        .where(Reply.account_id == account.id, col(Reply.external_id).in_(above), ~col(Reply.private))
        .where(col(Reply.gone_at).is_(None), col(Reply.case_id).not_in(case_ids))
    )
    found = {key: {"author": name, "text": text} for key, name, text in posts}
    us = connectors.label_of(account)
    return found | {key: {"author": us.name or us.platform, "text": text} for key, text in ours if key}
