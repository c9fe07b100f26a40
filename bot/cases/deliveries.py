"""How our replies come to the citizen: they can read one, the platform holds it, it does not arrive, it is removed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks
from bot.cases.moves import tell_thread
from bot.cases.state import locked, record, touch
from bot.domain.case import Move
from bot.domain.event import EventKind
from bot.domain.mention import Arrived, Delivery, Gone, Post
from bot.domain.text import Text, text
from bot.models import Case, Event, MessageKind, Reply, ReplyKind, ReplyStatus

NOT_APPROVED = text("The moderators of the platform did not approve it.")
NOT_DELIVERED = text("The platform could not deliver it to the citizen.")


async def is_last(session: AsyncSession, reply: Reply) -> bool:
    """Tell whether a reply is the last of its case, so that its outcome is the case's; an invitation never is."""
    if reply.kind is ReplyKind.INVITATION:
        return False
    later = (
        select(Reply.id)
        .where(Reply.case_id == reply.case_id, col(Reply.id) > reply.id, Reply.status != ReplyStatus.WITHDRAWN)
        .where(Reply.kind != ReplyKind.INVITATION)
    )
    return (await session.exec(later.limit(1))).first() is None


async def published(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Write down that a reply was published.

    After an interim message its agent keeps the case; after a question it waits for the citizen.
    """
    reply.sent_at, reply.held = now, False
    session.add(reply)
    await session.flush()
    stays = reply.kind is ReplyKind.FINAL or not await is_last(session, reply)
    made = Move.ASK if reply.kind is ReplyKind.QUESTION else Move.KEEP
    await record(session, made, case, **_about(reply, now), stays=stays)
    await reached(session, case, reply, now)
    invite(session, reply, now)


def invite(session: AsyncSession, reply: Reply, now: datetime) -> None:
    """Approve what is said in public beside a reply, if anything, now that it was sent; never of one that failed."""
    said = reply.invitation
    if said is None:
        return
    session.add(
        Reply(
            case_id=reply.case_id,
            mention_id=reply.mention_id,
            account_id=reply.account_id,
            by=reply.by,
            key=f"{reply.key}:invitation",
            draft=said["draft"],
            text=said["text"],
            kind=ReplyKind.INVITATION,
            created_at=reply.created_at,
            send_at=now,
        )
    )


async def held(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Write down that the platform shows a reply only once it approved that: until then the citizen still waits."""
    reply.held = True
    session.add(reply)
    session.add(Event(case_id=case.id, kind=EventKind.REPLY_HELD, by=reply.by, at=now, details={"reply": reply.id}))
    await session.flush()
    await touch(session, case.id)


async def failed(session: AsyncSession, case: Case, reply: Reply, problem: Text, now: datetime) -> None:
    """Write down that the citizen does not get a reply: its agent has the case again, and is told."""
    was_reached = reply.reached
    reply.status, reply.held, reply.problem = ReplyStatus.FAILED, False, problem.to_json()
    session.add(reply)
    stays = not await is_last(session, reply)
    await record(session, Move.FAIL, case, **_about(reply, now), stays=stays)
    await tell_thread(session, case, MessageKind.REPLY_PROBLEM, f"{Move.FAIL}:{reply.id}", reply.id)
    if was_reached and not stays:
        await clocks.reply_lost(session, case, reply, now)


async def reached(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Write down that the citizen can read the reply, unless it only says that another one was sent."""
    if reply.kind is ReplyKind.INVITATION:
        return
    case.answered_at = now
    session.add(case)
    await clocks.reply_sent(session, case, reply, now)


async def store(session: AsyncSession, account_id: int, deliveries: Sequence[Delivery], now: datetime) -> set[int]:
    """Store how far each of our messages came; returns the cases whose card shows it. They are locked.

    What a platform tells late or twice takes nothing back.
    """
    changed = set[int]()
    for each in deliveries:
        for reply in await ours(session, account_id, [each.external_id]):
            if not _is_news(reply.arrived, each.arrived):
                continue
            reply.arrived, reply.arrived_at = each.arrived, each.at
            session.add(reply)
            await session.flush()
            if reply.status is ReplyStatus.SENT and (reply.held or each.arrived is Arrived.FAILED):
                await _decided(session, reply, each, now)
                changed.add(reply.case_id)
    return changed


def _is_news(before: Arrived | None, now: Arrived) -> bool:
    """Tell whether a message came further; it does not fail any more once it came."""
    order = list(Arrived)
    return before is None or (Arrived.FAILED not in {before, now} and order.index(now) > order.index(before))


async def _decided(session: AsyncSession, reply: Reply, told: Delivery, now: datetime) -> None:
    case = await locked(session, reply.case_id)
    if told.arrived is not Arrived.FAILED:
        await published(session, case, reply, now)
    else:
        why = NOT_APPROVED if reply.held else NOT_DELIVERED
        await failed(session, case, reply, told.reason or why, now)


async def mirror(session: AsyncSession, sent: Sequence[Reply], page: Mapping[str, Post], now: datetime) -> set[int]:
    """Mirror what became of these replies of ours in a page; returns the cases whose card shows it. They are locked.

    One that was held and can be read now has been approved.
    """
    changed = set[int]()
    for reply in sent:
        why = page[reply.external_id or ""].gone
        if reply.held and why is None:
            await published(session, await locked(session, reply.case_id), reply, now)
        elif reply.held or not await gone(session, reply, why, now):
            continue
        changed.add(reply.case_id)
    return changed


async def gone(session: AsyncSession, reply: Reply, why: Gone | None, now: datetime) -> bool:
    """Store that our reply can no longer be read, or can be again (None); tells whether that is news."""
    if reply.gone is why or reply.gone is Gone.BY_AUTHOR:
        return False
    reply.gone, reply.gone_at = why, (reply.gone_at or now) if why else None
    kind, details = EventKind.REPLY_GONE if why else EventKind.REPLY_BACK, {"reply": reply.id, "gone": why}
    session.add_all([reply, Event(case_id=reply.case_id, kind=kind, at=now, details=details)])
    await session.flush()
    await touch(session, reply.case_id)
    return True


async def ours(session: AsyncSession, account_id: int, external_ids: Collection[str]) -> Sequence[Reply]:
    """Return the replies that were sent from here and have these ids on the platform, and lock them."""
    mine = select(Reply).where(Reply.account_id == account_id, col(Reply.external_id).in_(external_ids))
    return (await session.exec(mine.order_by(col(Reply.id)).with_for_update(key_share=True))).all()


def _about(reply: Reply, now: datetime) -> dict[str, Any]:
    return {"by": reply.by, "owner": reply.by, "now": now, "details": {"reply": reply.id}}
