"""What became of a reply: written down on the reply, its case and its account, and told in the case's thread."""

from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases.moves import tell_thread
from bot.connectors.base import RateLimited, Rejected, Sent, Unauthorized, Unavailable, Unknowable
from bot.domain.case import Move
from bot.domain.event import EventKind
from bot.domain.text import Text
from bot.models import Account, Event, Message, MessageKind, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing.replies import is_last, reached
from bot.outgoing.retry import NotYet, put_off

Outcome = Sent | Rejected | Unknowable | NotYet


async def record(session: AsyncSession, reply_id: int, outcome: Outcome, now: datetime) -> None:
    """Write down what the platform said, on the reply and its case."""
    seen = await session.get_one(Reply, reply_id)
    if isinstance(outcome, Unauthorized):
        await stop_account(session, seen.account_id, outcome.text, now)
    case = await cases.locked(session, seen.case_id)
    reply = await session.get_one(Reply, reply_id, with_for_update=db.HELD, populate_existing=True)
    if reply.status is not ReplyStatus.SENDING:
        return
    stays = not await is_last(session, reply)
    about: dict[str, Any] = {"by": reply.by, "owner": reply.by, "now": now, "details": {"reply": reply.id}}
    session.add(reply)
    match outcome:
        case Sent():
            reply.status, reply.sent_at, reply.problem = ReplyStatus.SENT, now, None
            reply.external_id, reply.url = outcome.external_id, outcome.url
            reply.conversation, reply.held = outcome.conversation or None, outcome.held
            stays |= reply.kind is not ReplyKind.INTERIM
            await cases.record(session, Move.KEEP, case, **about, stays=stays)
            await reached(session, case, reply, now)
        case Rejected():
            reply.status, reply.problem = ReplyStatus.FAILED, outcome.text.to_json()
            await cases.record(session, Move.FAIL, case, **about, stays=stays)
            await tell_thread(session, case, MessageKind.REPLY_PROBLEM, f"{Move.FAIL}:{reply.id}", reply.id)
        case Unknowable():
            reply.status = ReplyStatus.UNCERTAIN
            await cases.record(session, Move.DOUBT, case, **about, stays=stays)
            await tell_thread(session, case, MessageKind.REPLY_PROBLEM, f"{Move.DOUBT}:{reply.id}", reply.id)
        case RateLimited() | Unauthorized() | Unavailable():
            put_off(reply, outcome, now)
    await session.flush()
    await cases.touch(session, reply.case_id)


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
