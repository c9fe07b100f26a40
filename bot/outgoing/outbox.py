"""Replies on their way out: each is published once, or a person is asked.

`approved` → (committed) `sending` → `sent`. A reply found in `sending` is one whose outcome is unknown (a crash, a lost
connection): it is sent again only while the platform recognises its key, else looked up, else it is `uncertain`.
"""

from datetime import datetime

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.connectors.base import (
    Connector,
    Draft,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Replies,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.desk import Desk
from bot.logs import trace
from bot.models import Account, Case, Reply, Team
from bot.models import Author as AuthorRow
from bot.models import Mention as MentionRow
from bot.outgoing import composing, outcomes, queue
from bot.outgoing.outcomes import Outcome
from bot.slack import messages

log = structlog.get_logger()


async def drain(desk: Desk, lane: str) -> datetime | None:
    """Send all replies due of the account whose id is `lane`; returns when the next one falls due, if any waits."""
    account_id = int(lane)
    while True:
        async with desk.session() as session:
            now = desk.now()
            account = await session.get_one(Account, account_id)
            if account.stopped_at is not None:
                return None
            reply = await queue.take_next(session, account_id, now)
            if reply is None:
                return await queue.next_due(session, account_id)
            draft = await _draft(desk, session, reply)
            again = reply.tries > 1
        outcome = await _try(desk.connector(account), draft, again=again, now=now)
        async with desk.session() as session:
            await outcomes.record(session, reply.id, outcome, desk.now())
        await messages.sync(desk, reply.case_id)
        if isinstance(outcome, Unauthorized):
            await messages.wake_lanes(desk)  # the word to the team that the account stopped belongs to no case


async def _draft(desk: Desk, session: AsyncSession, reply: Reply) -> Draft:
    mention = await session.get_one(MentionRow, reply.mention_id)
    case = await session.get_one(Case, reply.case_id)
    author = await session.get_one(AuthorRow, case.author_id)
    to, at = composing.post_of(mention, author), reply.first_tried_at or reply.send_at
    team = await session.get_one(Team, case.team_id)
    subject = composing.subject_of(mention, desk.of(team)) if reply.private else ""
    return Draft(reply.key, reply.text, reply.private, to, at, subject)


async def _try(connector: Connector, draft: Draft, *, again: bool, now: datetime) -> Outcome:
    """Publish, or find out what became of an earlier try; never sends twice what the platform would publish twice."""
    try:
        if not isinstance(connector, Replies):
            raise Rejected("This post cannot be answered from here; open it on the platform and close the case.")
        if not again and composing.ended(draft, now):
            raise Rejected(composing.ENDED.message)
        return await _publish(connector, draft, again=again, now=now)
    except (Rejected, RateLimited, Unauthorized, Unavailable, Unknowable) as outcome:
        return outcome
    except Exception as error:  # a fault of ours in a connector: whether it was sent is not known
        log.error("sending a reply failed", connector=type(connector).__name__, **trace(error))
        return OutcomeUnknown("An unexpected fault on our side; its reference is in the log.")


async def _publish(connector: Replies, draft: Draft, *, again: bool, now: datetime) -> Sent:
    if again and not _recognised(connector, draft, now):
        return await connector.find(draft) or await connector.send(draft)
    try:
        return await connector.send(draft)
    except Rejected:  # says nothing about an earlier try: its post may be there, and the citizen's own removed since
        found = await connector.find(draft) if again else None
        if found is None:
            raise
        return found


def _recognised(connector: Replies, draft: Draft, now: datetime) -> bool:
    safe_for = connector.resend_safe_for
    return safe_for is not None and now - draft.first_tried_at < safe_for
