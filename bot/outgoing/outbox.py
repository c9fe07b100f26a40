"""Send to a platform: each reply is published once, or a person is asked; acts may be repeated.

`approved` → (committed) `sending` → `sent` or `done`. A reply found in `sending` is one whose outcome is unknown (a
crash, a lost connection): it is sent again only while the platform recognises its key, else looked up, else it is
`uncertain`. An act with an unknown outcome is carried out again, because that changes nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.contextvars import bound_contextvars

from bot import cases, connectors, db
from bot.cases import mirror
from bot.connectors import http
from bot.connectors.base import (
    OUR_FAULT,
    Connector,
    Draft,
    Moderates,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Replies,
    Sent,
    TakesImages,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.desk import Desk
from bot.domain.mention import Act, Permit, Post
from bot.domain.text import Text
from bot.logs import going_on, trace
from bot.models import Account, Case, Reply, Team
from bot.models import Act as ActRow
from bot.models import Author as AuthorRow
from bot.models import Mention as MentionRow
from bot.outgoing import composing, images, outcomes, queue
from bot.outgoing.outcomes import Done, Outcome
from bot.slack import messages

log = structlog.get_logger()

MAY_STILL_ARRIVE = timedelta(minutes=3)
"""How long a platform may take for a request that we no longer wait for; until then a missing post proves nothing."""

Attempt = Callable[[Connector], Awaitable[Sent | Done]]


async def drain(desk: Desk, lane: str) -> datetime | None:
    """Send everything due of the account with the id `lane`; returns when the next item is due, if anything waits."""
    account_id = int(lane)
    while True:
        async with desk.session() as session:
            now = desk.now()
            account = await session.get_one(Account, account_id)
            if account.stopped_at is not None:
                await queue.show_stopped(session, account_id, now)
                return None
            item = await queue.take_next(session, account_id, now)
            if item is None:
                return await queue.next_due(session, account_id)
            attempt = await _prepared_or_not(desk, session, account, item, now)
        with bound_contextvars(case=item.case_id):
            with http.asking_first(partial(_is_ours, desk, item)):
                outcome = await _try(partial(desk.connector, account), attempt)
            async with desk.session() as session:  # ends soon: the citizen may react as soon as the platform has it
                await outcomes.record(session, item, outcome, desk.now(), asked_at=now)
            _tell(desk, account, item, outcome)
            with going_on("a message cannot be shown"):  # the lane of its channel tries it again
                await messages.sync(desk, item.case_id)
        if isinstance(outcome, Unauthorized):
            await messages.wake_lanes(desk)  # the message to the team that the account stopped belongs to no case


async def _is_ours(desk: Desk, item: Reply | ActRow) -> bool:
    async with desk.reading() as session:
        return await queue.is_ours(session, item)


def _tell(desk: Desk, account: Account, item: Reply | ActRow, outcome: Outcome) -> None:
    """Count and log what a platform said, or that it could not be asked."""
    what, ended = "reply" if isinstance(item, Reply) else "act", outcomes.name_of(outcome)
    desk.meters.sends.labels(account.platform, what, ended).inc()
    log.info("a platform was asked", what=what, item=item.id, account=account.id, outcome=ended)


async def _prepared_or_not(
    desk: Desk, session: AsyncSession, account: Account, item: Reply | ActRow, now: datetime
) -> Attempt:
    """Prepare as below; an item for which that is not possible is put off, and holds up none behind it."""
    try:
        return await _prepared(desk, session, account, item, now)
    except Exception as error:
        if db.is_gone(error):
            raise
        log.error("preparing what goes to a platform failed", account=account.id, **trace(error))
        return _unprepared


async def _prepared(
    desk: Desk, session: AsyncSession, account: Account, item: Reply | ActRow, now: datetime
) -> Attempt:
    """Return what to ask of the connector, so that no transaction is open while the platform answers."""
    if isinstance(item, Reply):
        item.external_id = connectors.reply_id(account.platform, account.options, item.key)
        draft, again = await _draft(desk, session, item), item.tries > 1
        has_templates = bool(connectors.templates(account.platform, account.limits))
        kept_back = composing.exposed(draft, became_private=await _became_private(session, item))
        kept_back = kept_back or await _nothing_to_tell(session, item)
        return partial(_reply, draft=draft, again=again, now=now, has_templates=has_templates, kept_back=kept_back)
    return partial(_act, kind=item.kind, post=await _post(session, account, item))


async def _became_private(session: AsyncSession, reply: Reply) -> bool:
    """Tell whether the post of a public reply became private since it was approved: nobody agreed to publish it."""
    return not reply.private and await mirror.became_private(session, reply.mention_id, since=reply.created_at)


async def _nothing_to_tell(session: AsyncSession, reply: Reply) -> Text | None:
    """Return why a reply is not to tell of an act any more, such as of a post that is shown again meanwhile, if so."""
    if reply.tells_of is None:
        return None
    return composing.nothing_to_tell(await cases.read(session, reply.case_id), reply.tells_of)


async def _unprepared(_: Connector) -> Sent | Done:
    raise Unavailable(OUR_FAULT.message)


async def _draft(desk: Desk, session: AsyncSession, reply: Reply) -> Draft:
    mention = await session.get_one(MentionRow, reply.mention_id)
    case = await session.get_one(Case, reply.case_id)
    author = await session.get_one(AuthorRow, case.author_id)
    to = replace(composing.post_of(mention, author), permits=await _permits(session, mention))
    at = reply.first_tried_at or reply.send_at
    team = await session.get_one(Team, case.team_id)
    subject = composing.subject_of(mention, desk.of(team)) if reply.private else ""
    image = await images.of(session, reply)
    return Draft(reply.key, reply.text, reply.private, to, at, subject, reply.created_at, image)


async def _permits(session: AsyncSession, mention: MentionRow) -> frozenset[Permit]:
    """Return what the platform lets us do with a mention now, beside the last of its conversation, of any case."""
    if not mention.conversation:
        return mention.permits()
    same = (col(MentionRow.account_id) == mention.account_id) & (col(MentionRow.conversation) == mention.conversation)
    newest = col(MentionRow.published_at).desc()
    last = await session.exec(select(MentionRow).where(same, MentionRow.private).order_by(newest).limit(1))
    return mention.permits_beside(last)


async def _post(session: AsyncSession, account: Account, act: ActRow) -> Post:
    """Return the post that an act is about: the citizen's, or our reply to it."""
    mention = await session.get_one(MentionRow, act.mention_id)
    case = await session.get_one(Case, act.case_id)
    author = await session.get_one(AuthorRow, case.author_id)
    if act.reply_id is None:
        return composing.post_of(mention, author)
    return composing.post_of_reply(await session.get_one(Reply, act.reply_id), mention, account)


async def _try(connect: Callable[[], Connector], attempt: Attempt) -> Outcome:
    """Ask the platform, and return what it said or why it could not be asked."""
    try:
        connector = connect()
    except Unavailable as outcome:
        return outcome
    except Exception as error:  # our own fault, before anything was sent
        log.error("making a connector failed", **trace(error))
        return Unavailable(OUR_FAULT.message)
    try:
        return await attempt(connector)
    except (Rejected, RateLimited, Unauthorized, Unavailable, Unknowable) as outcome:
        return outcome
    except Exception as error:  # our own fault, in a connector: it may have been carried out
        log.error("asking a platform failed", connector=type(connector).__name__, **trace(error))
        return OutcomeUnknown(OUR_FAULT.message)


async def _act(connector: Connector, *, kind: Act, post: Post) -> Done:
    if not isinstance(connector, Moderates):
        raise Rejected("This platform cannot do this.")
    await connector.act(kind, post)
    return Done()


async def _reply(
    connector: Connector, *, draft: Draft, again: bool, now: datetime, has_templates: bool, kept_back: Text | None
) -> Sent:
    if not isinstance(connector, Replies):
        raise Rejected(composing.UNANSWERABLE.message)
    if not again and not has_templates and composing.ended(draft, now):
        raise Rejected(composing.ENDED.message)
    takes_image = isinstance(connector, TakesImages) and connector.images(private=draft.private) is not None
    if not again and draft.image is not None and not takes_image:
        raise Rejected("The platform takes no image with an answer any more. Send it without.")
    return await _publish(connector, draft, again=again, now=now, kept_back=kept_back)


async def _publish(connector: Replies, draft: Draft, *, again: bool, now: datetime, kept_back: Text | None) -> Sent:
    """Publish, or look up the result of an earlier try; never sends twice what the platform would publish twice.

    One with a reason in `kept_back` is not published, but an earlier try may have done so.
    """
    if again and (kept_back is not None or not _recognised(connector, draft, now)):
        published = await _found(connector, draft)
        if published is None and now - draft.first_tried_at < MAY_STILL_ARRIVE:
            raise OutcomeUnknown("The platform may still be publishing the answer; we look again before we send it.")
        return published or await _sent(connector, draft, kept_back=kept_back)
    try:
        return await _sent(connector, draft, kept_back=kept_back)
    except Rejected:  # proves nothing about an earlier try: its post may be there, and the citizen's removed since
        published = await _found(connector, draft) if again else None
        if published is None:
            raise
        return published


async def _sent(connector: Replies, draft: Draft, *, kept_back: Text | None) -> Sent:
    if kept_back is not None:
        raise Rejected(kept_back.message)
    return await connector.send(draft)


async def _found(connector: Replies, draft: Draft) -> Sent | None:
    """Look up a reply; a platform that refuses that says nothing about the reply, so a person must look."""
    try:
        return await connector.find(draft)
    except Rejected as verdict:
        raise Unknowable(str(verdict)) from verdict


def _recognised(connector: Replies, draft: Draft, now: datetime) -> bool:
    safe_for = connector.resend_safe_for
    return safe_for is not None and now - draft.first_tried_at < safe_for
