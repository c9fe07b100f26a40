"""Replies on their way out: each is published once, or a person is asked.

`approved` → (committed) `sending` → `sent`. A reply found in `sending` is one whose outcome is unknown (a crash, a lost
connection): it is sent again only while the platform recognises its key, else looked up, else it is `uncertain`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import clocks
from bot.connectors.base import (
    Connector,
    Draft,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.desk import Desk
from bot.domain.case import Move
from bot.domain.event import EventKind
from bot.domain.text import Refused, Text, Wrong
from bot.logs import trace
from bot.models import UNSENT, Account, Case, Event, Message, MessageKind, Reply, ReplyKind, ReplyStatus, Team
from bot.models import Author as AuthorRow
from bot.models import Mention as MentionRow
from bot.outgoing import composing
from bot.outgoing.composing import Answer
from bot.slack import messages
from bot.team import agents

log = structlog.get_logger()

RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=10)


async def answer(
    session: AsyncSession,
    answer: Answer,
    *,
    connector: Callable[[Account], Connector],
    by: str,
    now: datetime,
    undo: timedelta,
) -> Reply:
    """Approve a reply: it goes out after the undo time. The same submission again approves nothing twice.

    Raises Wrong with what is not valid about each part of the answer, and Refused when the case takes none now.
    """
    await cases.locked(session, answer.case_id)
    earlier = (await session.exec(select(Reply).where(Reply.key == answer.submission))).first()
    if earlier is not None:
        return earlier
    file = await cases.read(session, answer.case_id)
    mention = composing.mention_of(file, answer.mention_id)
    initials = await agents.initials(session, by) or await _choose_initials(session, answer, by, now)
    composed = composing.compose(connector(file.account), file, mention, answer.words, initials, private=answer.private)
    composing.refuse_invalid(answer, mention, composed, now)
    reply = Reply(
        case_id=file.case.id,
        mention_id=mention.id,
        account_id=file.case.account_id,
        by=by,
        key=answer.submission,
        draft=answer.words,
        text=composed.text,
        private=answer.private,
        kind=answer.kind,
        promised_at=answer.promised_at,
        created_at=now,
        send_at=now + undo,
    )
    await cases.answered(session, reply, now=now)
    return reply


async def _choose_initials(session: AsyncSession, answer: Answer, by: str, now: datetime) -> str:
    """Give an agent without initials those that came with their answer."""
    try:
        return await agents.set_initials(session, by, answer.initials, now=now)
    except Refused as refused:
        raise Wrong({composing.INITIALS: refused.text}) from None


async def withdraw(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Take back the last reply, if it has not gone out; the draft is kept for the next try.

    The case returns to the reply's author, unless it moved on meanwhile.
    """
    case = await cases.locked(session, case_id)
    approved = select(Reply).where(Reply.case_id == case_id, Reply.status == ReplyStatus.APPROVED)
    found = await session.exec(approved.order_by(col(Reply.id).desc()).limit(1).with_for_update(key_share=True))
    reply = found.first()
    if reply is None:
        raise Refused("Too late to undo: the reply is on its way.")
    stays = not await _is_last(session, reply)
    reply.status = ReplyStatus.WITHDRAWN
    session.add(reply)
    await cases.record(session, Move.WITHDRAW, case, by=by, owner=reply.by, now=now, stays=stays)
    return case


async def settle(session: AsyncSession, case_id: int, *, published: bool, by: str, now: datetime) -> Case:
    """Let a person decide on a reply with an unknown outcome: it is there, or it is not and may be sent anew.

    One that is there counts as sent from now: the figures of the past stay what they were. It answers the case only if
    the case still waits for this reply, and not for an answer to a later question.
    """
    case = await cases.locked(session, case_id)
    uncertain = select(Reply).where(Reply.case_id == case_id, Reply.status == ReplyStatus.UNCERTAIN)
    replies = (await session.exec(uncertain.order_by(col(Reply.id)).with_for_update(key_share=True))).all()
    if not replies:
        raise Refused("A colleague has already decided on this.")
    reply = replies[-1]
    last = await _is_last(session, reply)
    for each_reply in replies:
        each_reply.status = ReplyStatus.SENT if published else ReplyStatus.WITHDRAWN
        each_reply.sent_at, each_reply.problem = now if published else None, None
        session.add(each_reply)
    await session.flush()
    answers = published and last and reply.kind is not ReplyKind.INTERIM
    stays = not answers or await clocks.asked_since_replies(session, case_id) is not None
    details = {"published": published}
    await cases.record(session, Move.SETTLE, case, by=by, owner=reply.by, now=now, details=details, stays=stays)
    if published:
        await _reached(session, case, reply, now)
    return case


async def _is_last(session: AsyncSession, reply: Reply) -> bool:
    """Tell whether a reply is the last of its case, so that its outcome is the case's."""
    later = select(Reply.id).where(
        Reply.case_id == reply.case_id, col(Reply.id) > reply.id, Reply.status != ReplyStatus.WITHDRAWN
    )
    return (await session.exec(later.limit(1))).first() is None


async def _reached(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """Write down that the citizen has the reply."""
    case.answered_at = now
    session.add(case)
    await clocks.reply_sent(session, case, reply, now)


async def drain(desk: Desk, lane: str) -> datetime | None:
    """Send all replies due of the account whose id is `lane`; returns when the next one falls due, if any waits."""
    account_id = int(lane)
    while True:
        async with desk.session() as session:
            now = desk.now()
            account = await session.get_one(Account, account_id)
            if account.stopped_at is not None:
                return None
            reply = await _take_next(session, account_id, now)
            if reply is None:
                return await _next_due(session, account_id)
            draft = await _draft(session, reply)
            again = reply.tries > 1
        outcome = await _try(desk.connector(account), draft, again=again, now=now)
        async with desk.session() as session:
            await _record(session, reply.id, outcome, desk.now())
        await messages.sync(desk, reply.case_id)
        if isinstance(outcome, Unauthorized):
            await messages.wake_lanes(desk)  # the word to the team that the account stopped belongs to no case


async def _take_next(session: AsyncSession, account_id: int, now: datetime) -> Reply | None:
    """Mark the next due reply as being sent, so that whatever happens next is known to have been tried."""
    due = (
        select(Reply.id)
        .where(Reply.account_id == account_id, UNSENT, Reply.send_at <= now)
        .order_by(col(Reply.send_at), col(Reply.id))
        .limit(1)
    )
    reply_id = (await session.exec(due)).first()
    if reply_id is None:
        return None
    reply = await session.get_one(Reply, reply_id, with_for_update=db.HELD)
    if reply.status not in {ReplyStatus.APPROVED, ReplyStatus.SENDING} or reply.send_at > now:
        return None
    reply.status = ReplyStatus.SENDING
    reply.first_tried_at = reply.first_tried_at or now
    reply.tries += 1
    # Whoever finds it after a crash waits this long, so that a request still under way has ended by then.
    reply.send_at = now + timedelta(seconds=90)
    session.add(reply)
    await session.flush()
    await cases.touch(session, reply.case_id)
    return reply


async def _next_due(session: AsyncSession, account_id: int) -> datetime | None:
    found = await session.exec(
        select(Reply.send_at).where(Reply.account_id == account_id, UNSENT).order_by(col(Reply.send_at)).limit(1)
    )
    return found.first()


async def _draft(session: AsyncSession, reply: Reply) -> Draft:
    mention = await session.get_one(MentionRow, reply.mention_id)
    case = await session.get_one(Case, reply.case_id)
    author = await session.get_one(AuthorRow, case.author_id)
    return Draft(
        reply.key, reply.text, reply.private, composing.post_of(mention, author), reply.first_tried_at or reply.send_at
    )


Outcome = Sent | Rejected | RateLimited | Unauthorized | Unavailable | Unknowable


async def _try(connector: Connector, draft: Draft, *, again: bool, now: datetime) -> Outcome:
    """Publish, or find out what became of an earlier try; never sends twice what the platform would publish twice."""
    try:
        return await _publish(connector, draft, again=again, now=now)
    except (Rejected, RateLimited, Unauthorized, Unavailable, Unknowable) as outcome:
        return outcome
    except Exception as error:  # a fault of ours in a connector: whether it was sent is not known
        log.error("sending a reply failed", connector=type(connector).__name__, **trace(error))
        return OutcomeUnknown("An unexpected fault on our side; its reference is in the log.")


async def _publish(connector: Connector, draft: Draft, *, again: bool, now: datetime) -> Sent:
    if again and not _recognised(connector, draft, now):
        return await connector.find(draft) or await connector.send(draft)
    try:
        return await connector.send(draft)
    except Rejected:  # says nothing about an earlier try: its post may be there, and the citizen's own removed since
        found = await connector.find(draft) if again else None
        if found is None:
            raise
        return found


def _recognised(connector: Connector, draft: Draft, now: datetime) -> bool:
    safe_for = connector.resend_safe_for
    return safe_for is not None and now - draft.first_tried_at < safe_for


async def _record(session: AsyncSession, reply_id: int, outcome: Outcome, now: datetime) -> None:
    """Write down what the platform said, on the reply and its case."""
    seen = await session.get_one(Reply, reply_id)
    if isinstance(outcome, Unauthorized):
        await stop_account(session, seen.account_id, outcome.text, now)
    case = await cases.locked(session, seen.case_id)
    reply = await session.get_one(Reply, reply_id, with_for_update=db.HELD, populate_existing=True)
    if reply.status is not ReplyStatus.SENDING:
        return
    stays = not await _is_last(session, reply)
    about: dict[str, Any] = {"by": reply.by, "owner": reply.by, "now": now, "details": {"reply": reply.id}}
    session.add(reply)
    match outcome:
        case Sent():
            reply.status, reply.sent_at, reply.problem = ReplyStatus.SENT, now, None
            reply.external_id, reply.url = outcome.external_id, outcome.url
            stays |= reply.kind is not ReplyKind.INTERIM
            await cases.record(session, Move.KEEP, case, **about, stays=stays)
            await _reached(session, case, reply, now)
        case Rejected():
            reply.status, reply.problem = ReplyStatus.FAILED, outcome.text.to_json()
            await cases.record(session, Move.FAIL, case, **about, stays=stays)
            await _tell_problem(session, case, reply, Move.FAIL)
        case Unknowable():
            reply.status = ReplyStatus.UNCERTAIN
            await cases.record(session, Move.DOUBT, case, **about, stays=stays)
            await _tell_problem(session, case, reply, Move.DOUBT)
        case RateLimited():
            reply.send_at, reply.problem = outcome.retry_at, outcome.text.to_json()
            _not_carried_out(reply)
        case Unauthorized():
            reply.send_at, reply.problem = now, outcome.text.to_json()
            _not_carried_out(reply)
        case OutcomeUnknown():  # stays `sending`: the next try looks first
            reply.send_at, reply.problem = now + _backoff(reply), outcome.text.to_json()
        case Unavailable():
            reply.send_at, reply.problem = now + _backoff(reply), outcome.text.to_json()
            _not_carried_out(reply)
    await session.flush()
    await cases.touch(session, reply.case_id)


def _not_carried_out(reply: Reply) -> None:
    """Count as never tried a reply whose only try did nothing; after an earlier try it stays `sending`."""
    if reply.tries == 1:
        reply.status, reply.tries, reply.first_tried_at = ReplyStatus.APPROVED, 0, None


def _backoff(reply: Reply) -> timedelta:
    doublings = max(0, min(reply.tries - 1, 8))
    return min(RETRY * (1 << doublings), LONGEST_RETRY)


async def _tell_problem(session: AsyncSession, case: Case, reply: Reply, made: Move) -> None:
    """Tell the thread that a reply was refused, or that its outcome is unknown."""
    team = await session.get_one(Team, case.team_id)
    session.add(
        Message(
            key=f"{made}:{reply.id}",
            kind=MessageKind.REPLY_PROBLEM,
            case_id=case.id,
            subject_id=reply.id,
            channel=team.channel,
            in_thread=True,
        )
    )


async def stop_account(session: AsyncSession, account_id: int, problem: Text, now: datetime) -> None:
    """Stop an account whose token no longer works, and tell its team, once."""
    account = await session.get_one(Account, account_id, with_for_update=db.HELD)
    if account.stopped_at is not None:
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
