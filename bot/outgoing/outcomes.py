"""Store the outcome of a reply or an act: on it, its case and its account, and in the case's thread."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import clocks, deliveries
from bot.cases.moves import tell_thread
from bot.connectors.base import (
    NotNow,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
    UsedUp,
)
from bot.domain.budget import Budget
from bot.domain.case import OPEN, Move
from bot.domain.event import EventKind, Why
from bot.domain.mention import Act as ActKind
from bot.domain.mention import Gone
from bot.domain.payload import UNSTORABLE
from bot.domain.storable import storable_id
from bot.domain.text import Refused, Text
from bot.models import (
    Account,
    Act,
    ActStatus,
    Case,
    Event,
    Message,
    MessageKind,
    Reply,
    ReplyStatus,
    Team,
)
from bot.outgoing import hiding, moderation
from bot.outgoing.retry import NotYet, put_off, refused, stays_unknown
from bot.outgoing.waiting import ACT_WAITS, LONG, waits_since


@dataclass(frozen=True)
class Done:
    """The platform did what an act asks for."""


Outcome = Sent | Done | Rejected | Unknowable | NotYet
DOUBTED = frozenset({ReplyStatus.UNCERTAIN, ReplyStatus.WITHDRAWN})
"""The statuses of a reply that a later try put in doubt; a withdrawn one was being sent, so a colleague said "no"."""


def name_of(outcome: Outcome) -> str:
    """Return the name of an outcome, as it is counted and logged: "sent", "rejected", "outcome_unknown" …"""
    return re.sub(r"(?<=.)(?=[A-Z])", "_", type(outcome).__name__).lower()


async def record(
    session: AsyncSession, item: Reply | Act, outcome: Outcome, now: datetime, *, asked_at: datetime | None = None
) -> None:
    """Store what the platform said; an item that is no longer being sent is left as it is.

    `asked_at`: as for `stop_account`.
    """
    if isinstance(outcome, Unauthorized):
        await stop_account(session, item.account_id, outcome.text, now, asked_at=asked_at)
    await _note_limit(session, item.account_id, outcome, now)
    if isinstance(item, Reply):
        await _record_reply(session, item, outcome, now)
    else:
        await _record_act(session, item, outcome, now)


async def _note_limit(session: AsyncSession, account_id: int, outcome: Outcome, now: datetime) -> None:
    """Note on the account that its platform's limit keeps us from answering, or no longer does."""
    seen = Budget.of((await session.get_one(Account, account_id)).budget)
    if not isinstance(outcome, RateLimited) and (seen.answering is None or not isinstance(outcome, Sent | Done)):
        return
    account = await session.get_one(Account, account_id, with_for_update=db.HELD, populate_existing=True)
    known = Budget.of(account.budget)
    known = known.not_answered(outcome.retry_at, now) if isinstance(outcome, RateLimited) else known.answered()
    account.budget = known.to_json()
    session.add(account)


async def _record_reply(session: AsyncSession, seen: Reply, outcome: Outcome, now: datetime) -> None:
    case = await cases.locked(session, seen.case_id)
    reply = await session.get_one(Reply, seen.id, with_for_update=db.HELD, populate_existing=True)
    if reply.status in DOUBTED and isinstance(outcome, Sent) and not outcome.held:
        _note_where(reply, outcome)
        await deliveries.settled(session, case, reply, published=True, by="", now=now, why=Why.PLATFORM)
        return
    if reply.status is not ReplyStatus.SENDING or _is_overtaken(seen, reply, outcome):
        return
    session.add(reply)
    match outcome:
        case Sent():
            reply.status, reply.problem = ReplyStatus.SENT, None
            _note_where(reply, outcome)
            await (deliveries.held if outcome.held else deliveries.published)(session, case, reply, now)
        case UsedUp() if reply.tries > 1:  # it was already done, perhaps by our earlier try
            await deliveries.use_up(session, reply)
            await _doubt(session, case, reply, now)
        case Rejected():
            if isinstance(outcome, UsedUp):
                await deliveries.use_up(session, reply)
            await deliveries.failed(session, case, reply, outcome.text, now)
        case Unknowable():
            await _doubt(session, case, reply, now)
        case NotNow() if why := refused(reply, outcome, now):
            await deliveries.failed(session, case, reply, why, now)
        case OutcomeUnknown() if stays_unknown(reply, outcome, now):
            await _doubt(session, case, reply, now)
        case RateLimited() | Unauthorized() | Unavailable():
            put_off(reply, outcome, now)
    await session.flush()
    await cases.touch(session, reply.case_id)


def _note_where(reply: Reply, sent: Sent) -> None:
    reply.external_id, reply.url = storable_id(sent.external_id), UNSTORABLE.sub("", sent.url)
    reply.conversation = storable_id(sent.conversation) or None


def _is_overtaken(seen: Reply | Act, item: Reply | Act, outcome: Outcome) -> bool:
    """Tell whether another process tries it again by now: only that it succeeded is still worth knowing of this try."""
    return item.tries != seen.tries and not isinstance(outcome, Sent | Done)


async def _doubt(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Ask a person whether a reply was published, and again at the next opening if nothing else reminds of the case."""
    reply.status = ReplyStatus.UNCERTAIN
    about: dict[str, Any] = {"by": reply.by, "owner": reply.by, "details": {"reply": reply.id}}
    stays = not await deliveries.is_last(session, reply)
    made = await deliveries.outcome(session, case, reply, Move.DOUBT)
    await cases.record(session, made, case, **about, now=now, stays=stays)
    question, again = deliveries.doubts(reply)
    await tell_thread(session, case, MessageKind.REPLY_PROBLEM, question, reply.id)
    if case.status not in OPEN:
        opening = await clocks.next_day(session, case, now)
        await tell_thread(session, case, MessageKind.REPLY_PROBLEM, again, reply.id, not_before=opening)


async def _record_act(session: AsyncSession, seen: Act, outcome: Outcome, now: datetime) -> None:
    await cases.locked(session, seen.case_id)
    act = await session.get_one(Act, seen.id, with_for_update=db.HELD, populate_existing=True)
    if act.status is ActStatus.UNCERTAIN and isinstance(outcome, Sent | Done):  # a later try put it in doubt
        session.add(act)
        await _is_done(session, act, now)
        await _end(session, act, ActStatus.DONE, EventKind.ACT_DONE, None, now)
        return
    if act.status is not ActStatus.SENDING or _is_overtaken(seen, act, outcome):
        return
    session.add(act)
    match outcome:
        case RateLimited() | Unauthorized() | Unavailable():
            put_off(act, outcome, now)
            await session.flush()
            await cases.touch(session, act.case_id)
            await moderation.touch_notice(session, act)  # it may have been written while the act was tried
            if now - await waits_since(session, act) >= LONG:
                await _report_problem(session, act, ACT_WAITS)
        case Rejected() if act.tries == 1:
            await _end(session, act, ActStatus.FAILED, EventKind.ACT_FAILED, outcome.text, now)
        case Rejected():  # proves nothing about an earlier try, which may have succeeded
            await _end(session, act, ActStatus.UNCERTAIN, EventKind.ACT_UNCERTAIN, outcome.text, now)
        case Unknowable():
            await _end(session, act, ActStatus.UNCERTAIN, EventKind.ACT_UNCERTAIN, None, now)
        case Done() | Sent():
            await _is_done(session, act, now)
            await _end(session, act, ActStatus.DONE, EventKind.ACT_DONE, None, now)


async def settle_act(session: AsyncSession, case_id: int, act_id: int, *, done: bool, by: str, now: datetime) -> Act:
    """Let a person say whether an act with an unknown outcome was done; if not, it can be done anew."""
    await cases.locked(session, case_id)
    act = await session.get(Act, act_id, with_for_update=db.HELD, populate_existing=True)
    if act is None or act.case_id != case_id:
        raise Refused("This belongs to another case.")
    if act.status is not ActStatus.UNCERTAIN:
        raise Refused("A colleague has already decided on this.")
    act.status, act.problem = ActStatus.DONE if done else ActStatus.FAILED, None
    session.add(act)
    if done:
        await _is_done(session, act, now)
    else:
        await hiding.not_carried_out(session, act)
    await session.flush()
    await moderation.log(session, act, EventKind.ACT_DONE if done else EventKind.ACT_NOT_DONE, by, now)
    return act


async def _is_done(session: AsyncSession, act: Act, now: datetime) -> None:
    act.done_at = now
    if act.kind is ActKind.DELETE and act.reply_id is not None:
        reply = await session.get_one(Reply, act.reply_id, with_for_update=db.HELD, populate_existing=True)
        await deliveries.gone(session, reply, Gone.BY_AUTHOR, now)


async def _end(
    session: AsyncSession, act: Act, status: ActStatus, kind: EventKind, problem: Text | None, now: datetime
) -> None:
    act.status, act.problem = status, problem.to_json() if problem else None
    if act.kind is ActKind.HIDE and status is not ActStatus.FAILED:
        await hiding.carried_out(session, act, now)
    if act.kind is ActKind.HIDE and status is not ActStatus.DONE:
        await moderation.take_back_telling(session, act, now=now)
    await session.flush()
    await moderation.log(session, act, kind, act.by, now)
    if status is not ActStatus.DONE:
        await _report_problem(session, act, kind)


async def _report_problem(session: AsyncSession, act: Act, why: str) -> None:
    """Report a problem with an act in the thread, once per problem."""
    key = f"{why}:{act.id}"
    if (await session.exec(select(Message.id).where(Message.key == key))).first() is None:
        case = await cases.get(session, act.case_id)
        await tell_thread(session, case, MessageKind.ACT_PROBLEM, key, act.id)


async def stop_account(
    session: AsyncSession, account_id: int, problem: Text, now: datetime, *, asked_at: datetime | None = None
) -> None:
    """Stop an account whose token no longer works, and notify its team, once.

    `asked_at`: when we asked what was refused; if people renewed the account since then, that says nothing.
    """
    account = await session.get_one(Account, account_id, with_for_update=db.HELD)
    if account.stopped_at is not None or (asked_at is not None and await _is_renewed(session, account_id, asked_at)):
        return
    account.stopped_at, account.problem = now, problem.to_json()
    session.add(account)
    session.add(Event(account_id=account_id, kind=EventKind.ACCOUNT_STOPPED, at=now))
    team = await session.get_one(Team, account.team_id)
    session.add(
        Message(
            key=f"account_stopped:{account_id}:{now.timestamp()}",
            kind=MessageKind.ACCOUNT_PROBLEM,
            subject_id=account_id,
            channel=team.channel,
        )
    )


async def _is_renewed(session: AsyncSession, account_id: int, since: datetime) -> bool:
    renewed = (Event.account_id == account_id) & (Event.kind == EventKind.ACCOUNT_RENEWED)
    return (await session.exec(select(Event.id).where(renewed, Event.at >= since).limit(1))).first() is not None
