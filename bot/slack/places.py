"""Where our messages are in Slack: the card of a case, the case of a thread."""

from collections.abc import Collection
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import TeamDesk
from bot.models import Message, MessageKind, Transfer
from bot.slack.calls import Place, home_of, key_at
from bot.views.block import message_url


async def card_of(session: AsyncSession, case_id: int | None) -> Place | None:
    """Return where the card of a case is, if it has been posted."""
    return (await cards_of(session, [case_id])).get(case_id) if case_id is not None else None


async def cards_of(session: AsyncSession, case_ids: Collection[int]) -> dict[int, Place]:
    """Return where the cards of these cases are, for those that have been posted."""
    rows = await session.exec(
        select(Message.case_id, Message.channel, Message.ts).where(
            col(Message.case_id).in_(case_ids), Message.kind == MessageKind.CASE, col(Message.ts).is_not(None)
        )
    )
    return {case_id: Place(channel, ts) for case_id, channel, ts in rows if case_id is not None and ts is not None}


async def links_of(session: AsyncSession, client: AsyncWebClient, case_ids: Collection[int]) -> dict[int, str]:
    """Return the links to the cards of these cases, without a call; none until Slack has said where our home is."""
    home = home_of(client)
    cards = await cards_of(session, case_ids) if home else {}
    return {case_id: message_url(home, card.channel, card.ts) for case_id, card in cards.items()}


async def card_above(session: AsyncSession, message: Message) -> Place | None:
    """Return where the card is whose thread contains, or will contain, a message.

    A message that Slack may have is under the card in its channel, even when another team has the case now.
    """
    if not message.may_be_there:
        return await card_of(session, message.case_id)
    head = await _head(session, message)
    return head[0] if head else await card_of(session, message.case_id)


async def left_channel_at(session: AsyncSession, message: Message) -> datetime | None:
    """Return when the case of a message in a thread was handed over by the team of that thread; None if it was not."""
    head = await _head(session, message)
    made = await session.get(Transfer, head[1]) if head and head[1] is not None else None
    return made.at if made else None


async def _head(session: AsyncSession, message: Message) -> tuple[Place, int | None] | None:
    """Return where the newest card of the case in the channel of a message is, and the transfer by which it left."""
    headed = select(Message.channel, Message.ts, Message.subject_id).where(
        Message.case_id == message.case_id,
        Message.channel == message.channel,
        col(Message.kind).in_([MessageKind.CASE, MessageKind.FORMER]),
        col(Message.ts).is_not(None),
    )
    head = (await session.exec(headed.order_by(col(Message.id).desc()).limit(1))).first()
    return (Place(head[0], str(head[1])), head[2]) if head else None


async def any_shown(session: AsyncSession) -> bool:
    """Tell whether a message of ours was ever shown in Slack."""
    return (await session.exec(select(Message.id).where(col(Message.ts).is_not(None)).limit(1))).first() is not None


async def card_of_thread(desk: TeamDesk, thread: Place) -> Message | None:
    """Return the card that heads a thread, also that of a team that handed its case over; None if no card does.

    Slack may show a card before we have stored where it is; then we ask Slack for the key of that message.
    """
    being_posted = col(Message.ts).is_(None) & col(Message.posting_since).is_not(None)
    async with desk.reading() as session:
        rows = await session.exec(
            select(Message)
            .where(Message.channel == thread.channel, col(Message.kind).in_([MessageKind.CASE, MessageKind.FORMER]))
            .where(or_(col(Message.ts) == thread.ts, being_posted))
        )
        cards = rows.all()
    known = next((card for card in cards if card.ts is not None), None)
    if known is None and cards:
        key = await key_at(desk.slack, thread)
        known = next((card for card in cards if card.key == key), None)
    return known
