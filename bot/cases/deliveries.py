"""Whether our replies reach the citizen: readable, held by the platform, not delivered, removed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import advice, clocks
from bot.cases.indexing import index
from bot.cases.moves import before_answer, tell_thread
from bot.cases.state import locked, record, touch, touch_messages
from bot.domain.case import Move
from bot.domain.event import EventKind, Why, because
from bot.domain.mention import FOR_GOOD, Act, Arrived, Delivery, Gone, Post
from bot.domain.text import Text, text
from bot.models import AGAIN, Case, Event, Mention, Message, MessageKind, Reply, ReplyKind, ReplyStatus

NOT_APPROVED = text("The moderators of the platform did not approve it.")
NOT_DELIVERED = text("The platform could not deliver it to the citizen.")
UNPROVEN = frozenset({ReplyStatus.SENDING, ReplyStatus.UNCERTAIN, ReplyStatus.WITHDRAWN})
"""The statuses of replies that were not sent as far as we know; of a withdrawn one a colleague said so."""


async def is_last(session: AsyncSession, reply: Reply) -> bool:
    """Tell whether a reply is the last of its case, so that its outcome decides the case; an invitation never is."""
    return reply.kind is not ReplyKind.INVITATION and not await clocks.later_replies(session, reply)


async def published(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Record that a reply was published.

    After an interim message its agent keeps the case, for which they may still want advice; after a question it waits
    for the citizen.
    """
    reply.sent_at, reply.held = now, False
    session.add(reply)
    await use_up(session, reply)
    await session.flush()
    stays = reply.kind is ReplyKind.FINAL or not await is_last(session, reply)
    made = Move.ASK if reply.kind is ReplyKind.QUESTION else await outcome(session, case, reply, Move.KEEP)
    await record(session, made, case, **_about(reply, now), stays=stays)
    await reached(session, case, reply, now)
    invite(session, reply, now)


async def outcome(session: AsyncSession, case: Case, reply: Reply, made: Move) -> Move:
    """Return the move by which what became of a reply returns its case: an interim message leaves it with advisers."""
    if reply.kind is not ReplyKind.INTERIM:
        return made
    return await advice.still_waits(session, case, made, await before_answer(session, case))


async def use_up(session: AsyncSession, reply: Reply) -> None:
    """Note on the mention that it was answered this way, for platforms that allow that once."""
    mention = await session.get_one(Mention, reply.mention_id)
    mention.use_up(Act.ANSWER_PRIVATELY if reply.private else Act.ANSWER)
    session.add(mention)


def invite(session: AsyncSession, reply: Reply, now: datetime) -> None:
    """Approve the public invitation that goes with a reply, if any, now that it was sent; never for one that failed."""
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
    """Record that the platform must approve a reply before it shows it: until then the citizen still waits."""
    reply.held = True
    session.add(reply)
    session.add(Event(case_id=case.id, kind=EventKind.REPLY_HELD, by=reply.by, at=now, details={"reply": reply.id}))
    await session.flush()
    await touch(session, case.id)


async def failed(session: AsyncSession, case: Case, reply: Reply, problem: Text, now: datetime) -> None:
    """Record that the citizen does not get a reply: its agent gets the case back, and a notification."""
    was_reached = reply.reached
    reply.status, reply.held, reply.problem = ReplyStatus.FAILED, False, problem.to_json()
    session.add(reply)
    last = await is_last(session, reply)
    made = await outcome(session, case, reply, Move.FAIL)
    await record(session, made, case, **_about(reply, now), stays=not last)
    await tell_thread(session, case, MessageKind.REPLY_PROBLEM, f"{Move.FAIL}:{reply.id}", reply.id)
    if was_reached and reply.kind is not ReplyKind.INVITATION:
        await clocks.reply_lost(session, case, reply, now)


async def reached(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Record that the citizen can read the reply, unless it only says that another one was sent."""
    if reply.kind is ReplyKind.INVITATION:
        return
    case.answered_at = now
    session.add(case)
    await clocks.reply_sent(session, case, reply, now)


async def store(session: AsyncSession, account_id: int, deliveries: Sequence[Delivery], now: datetime) -> set[int]:
    """Store how far each of our messages got; returns the cases whose card shows it, locked.

    A report that comes late or twice takes nothing back.
    """
    changed = set[int]()
    for each in deliveries:
        for reply in await _concerned(session, account_id, each):
            if await _reported(session, reply, each, now):
                changed.add(reply.case_id)
    return changed


async def _concerned(session: AsyncSession, account_id: int, report: Delivery) -> Sequence[Reply]:
    """Lock and return the replies that a report is about: by their id, or by their key while they have no id."""
    replies = await ours(session, account_id, [report.external_id])
    if replies or not report.key:
        return replies
    named = select(Reply).where(
        Reply.account_id == account_id, Reply.key == report.key, col(Reply.external_id).is_(None)
    )
    return (await session.exec(named.with_for_update(key_share=True))).all()


async def _reported(session: AsyncSession, reply: Reply, report: Delivery, now: datetime) -> bool:
    """Store one report about a reply; returns whether its card changes."""
    proves = reply.status in UNPROVEN
    if reply.status is ReplyStatus.WITHDRAWN and report.arrived is Arrived.FAILED:
        return False
    if not proves and reply.status is not ReplyStatus.SENT:
        return False
    reply.external_id = report.external_id
    is_news = _is_news(reply.arrived, report.arrived)
    if is_news:
        reply.arrived, reply.arrived_at = report.arrived, report.at
    session.add(reply)
    await session.flush()
    decides = proves or (is_news and (reply.held or report.arrived is Arrived.FAILED))
    if decides:
        await _decided(session, reply, report, now)
    elif is_news:
        await touch(session, reply.case_id)
    return decides or is_news


def _is_news(before: Arrived | None, now: Arrived | None) -> bool:
    """Tell whether a message got further; once it arrived it cannot fail any more."""
    if now is None or before is None:
        return now is not None
    order = list(Arrived)
    return Arrived.FAILED not in {before, now} and order.index(now) > order.index(before)


async def _decided(session: AsyncSession, reply: Reply, report: Delivery, now: datetime) -> None:
    """Record what a report decides: a reply that was held or whose outcome was unknown was published, or failed."""
    case = await locked(session, reply.case_id)
    if report.arrived is Arrived.FAILED:
        if reply.status is not ReplyStatus.SENT:
            reply.sent_at = now  # it was taken, though nobody knew
        why = NOT_APPROVED if reply.held else NOT_DELIVERED
        await failed(session, case, reply, report.reason or why, now)
    elif reply.status in {ReplyStatus.UNCERTAIN, ReplyStatus.WITHDRAWN}:
        await settled(session, case, reply, published=True, by="", now=now, why=Why.PLATFORM)
    else:
        reply.status, reply.problem = ReplyStatus.SENT, None
        await published(session, case, reply, now)
    await _end_doubt(session, reply)


def doubts(reply: Reply) -> tuple[str, str]:
    """Return the keys of the notice that asks whether a reply was published, and of the one that asks again."""
    return f"{Move.DOUBT}:{reply.id}", f"{Move.DOUBT}:{reply.id}{AGAIN}"


async def _end_doubt(session: AsyncSession, reply: Reply) -> None:
    """Let the notices that asked whether this reply was published say how that ended."""
    await touch_messages(session, col(Message.key).in_(doubts(reply)))


async def settled(
    session: AsyncSession,
    case: Case,
    reply: Reply,
    *,
    published: bool,
    by: str,
    now: datetime,
    why: Why | None = None,
) -> None:
    """Record whether a reply with an unknown outcome was published.

    A published one counts as sent from now, so figures of the past do not change. It answers the case only if the case
    still waits for this reply, and not for an answer to a later question.
    """
    last = await is_last(session, reply)
    reply.status = ReplyStatus.SENT if published else ReplyStatus.WITHDRAWN
    reply.sent_at, reply.problem = now if published else None, None
    session.add(reply)
    await index(session, {case.id})
    answers = published and last and reply.kind is not ReplyKind.INTERIM
    stays = not answers or await clocks.asked_since_replies(session, case.id) is not None
    details: dict[str, Any] = {"published": published, **because(why)}
    made = Move.SETTLE_ASKED if reply.kind is ReplyKind.QUESTION else Move.SETTLE
    await record(session, made, case, by=by, owner=reply.by, now=now, details=details, stays=stays)
    if published:
        await use_up(session, reply)
        await reached(session, case, reply, now)
        invite(session, reply, now)
    await _end_doubt(session, reply)


async def mirror(session: AsyncSession, sent: Sequence[Reply], page: Mapping[str, Post], now: datetime) -> set[int]:
    """Mirror how these replies of ours appear in a page; returns the cases whose card shows it, locked.

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
    """Store that our reply can no longer be read, or can be again (None); returns whether that is news."""
    if reply.gone is why or reply.gone in FOR_GOOD:
        return False
    reply.gone, reply.gone_at = why, (reply.gone_at or now) if why else None
    kind, details = EventKind.REPLY_GONE if why else EventKind.REPLY_BACK, {"reply": reply.id, "gone": why}
    session.add_all([reply, Event(case_id=reply.case_id, kind=kind, at=now, details=details)])
    await session.flush()
    await touch(session, reply.case_id)
    return True


async def ours(session: AsyncSession, account_id: int, external_ids: Collection[str]) -> Sequence[Reply]:
    """Lock and return the replies that were sent from here and have these ids on the platform."""
    mine = select(Reply).where(Reply.account_id == account_id, col(Reply.external_id).in_(external_ids))
    return (await session.exec(mine.order_by(col(Reply.id)).with_for_update(key_share=True))).all()


def _about(reply: Reply, now: datetime) -> dict[str, Any]:
    return {"by": reply.by, "owner": reply.by, "now": now, "details": {"reply": reply.id}}
