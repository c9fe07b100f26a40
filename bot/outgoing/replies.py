"""What agents do with a reply: approve it, take it back, decide on one with an unknown outcome."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import advice, deliveries
from bot.cases.closing import is_lost
from bot.cases.moves import before_answer
from bot.cases.state import recalled
from bot.connectors.base import Connector
from bot.domain.case import Move, Status
from bot.domain.text import Refused, Wrong
from bot.models import Account, Case, Event, Reply, ReplyStatus, Role
from bot.outgoing import composing, drafts, images
from bot.outgoing.composing import Answer
from bot.team import agents


async def answer(
    session: AsyncSession,
    answer: Answer,
    *,
    connector: Callable[[Account], Connector],
    by: str,
    now: datetime,
    undo: timedelta,
) -> Reply:
    """Approve a reply, which is sent after the undo time, and delete its draft.

    The same submission again approves nothing twice.

    Raises Wrong with what is not valid in each part of the answer, Unread when the citizen wrote more than the agent
    saw, and Refused when the case takes no answer now, or when the submission was approved before with other words.
    """
    await cases.locked(session, answer.case_id)
    earlier = (await session.exec(select(Reply).where(Reply.key == answer.submission))).first()
    if earlier is not None:
        _refuse_unless_same(earlier, answer)
        return earlier
    file = await cases.read(session, answer.case_id)
    draft = await drafts.taken(session, answer.case_id, by=by)
    mention = composing.mention_of(file, answer.mention_id)
    initials = await agents.initials(session, file.team.id, by)
    initials = initials or await _choose_initials(session, file.team.id, answer, by, now)
    to = connector(file.account)
    composed = composing.compose(to, file, mention, answer.words, initials, private=answer.private, now=now)
    invitation = composing.compose_invitation(to, file, mention, answer, initials, now=now)
    taken = composing.images_taken(to, file, mention, private=answer.private, now=now)
    fits = bool(answer.image and taken and await images.fits(session, answer.image, taken))
    composing.refuse_invalid(answer, file, draft, composed, now, invitation, images=taken, image_fits=fits)
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
        tells_of=answer.tells_of,
        invitation={"draft": answer.invitation.strip(), "text": invitation.text} if invitation else None,
        created_at=now,
        send_at=now + undo,
        image=answer.image,
        image_file=answer.image_file if answer.image else "",
        image_description=answer.image_description if answer.image else "",
    )
    await cases.answered(session, reply, now=now, seen=answer.seen)
    return reply


def _refuse_unless_same(earlier: Reply, answer: Answer) -> None:
    """Refuse a submission that changed after it was approved: a modal stays open if our response to it is lost."""
    if earlier.status is ReplyStatus.WITHDRAWN:
        raise Refused("You took this answer back. Close this window and open Answer again to send another.")
    chosen = (
        answer.words, answer.private, answer.kind, answer.promised_at, answer.invitation.strip(), answer.image,
        answer.image_description if answer.image else "",
    )  # fmt: skip
    accepted = (
        earlier.draft, earlier.private, earlier.kind, earlier.promised_at, (earlier.invitation or {}).get("draft", ""),
        earlier.image, earlier.image_description,
    )  # fmt: skip
    if accepted != chosen:
        raise Refused("Your answer was accepted as you first sent it. Take that back on the card, or answer again.")


async def _choose_initials(session: AsyncSession, team_id: int, answer: Answer, by: str, now: datetime) -> str:
    """Give an agent without initials the ones that came with their answer."""
    try:
        return await agents.set_initials(session, team_id, by, answer.initials, now=now)
    except Refused as refused:
        raise Wrong({composing.INITIALS: refused.text}) from None


async def withdraw(session: AsyncSession, case_id: int, *, reply_id: int | None = None, by: str, now: datetime) -> Case:
    """Take back a reply that has not been sent: one's own, or as a coordinator; its words stay for the next try.

    Without `reply_id` (a button of an earlier version) it is the newest one that waits. The case returns to the reply's
    author, and waits for advice or the citizen if it did so before, unless it moved in the meantime, or the question
    turned out not to reach the citizen. Raises Refused when it is too late, or the reply is a colleague's.
    """
    case = await cases.locked(session, case_id)
    which = Reply.status == ReplyStatus.APPROVED if reply_id is None else Reply.id == reply_id
    rows = await session.exec(
        select(Reply)
        .where(Reply.case_id == case_id, which)
        .order_by(col(Reply.id).desc())
        .limit(1)
        .with_for_update(key_share=True)
    )
    reply = rows.first()
    if reply is not None and reply.status is ReplyStatus.WITHDRAWN:  # a second click
        return case
    if reply is None or reply.status is not ReplyStatus.APPROVED:
        raise Refused("Too late to undo: the reply is on its way.")
    if reply.by != by and by not in await agents.with_role(session, case.team_id, Role.COORDINATOR):
        if reply.tells_of is not None:
            raise Refused(
                "An answer of {agent} that tells the citizen goes with this: only they or a coordinator can undo it.",
                agent=f"<@{reply.by}>",
            )
        raise Refused("This is the answer of {agent}: only they or a coordinator can undo it.", agent=f"<@{reply.by}>")
    stays = not await deliveries.is_last(session, reply)
    reply.status = ReplyStatus.WITHDRAWN
    session.add(reply)
    await cases.index(session, {case_id})
    before, made = await before_answer(session, case), Move.WITHDRAW_WITH_CITIZEN
    if before.get("was") != Status.WITH_CITIZEN or await is_lost(session, case_id, col(Event.at) >= reply.created_at):
        made = await advice.still_waits(session, case, Move.WITHDRAW, before)
    await cases.record(session, made, case, by=by, owner=reply.by, now=now, stays=stays, fills=recalled(before))
    return case


async def settle(
    session: AsyncSession, case_id: int, *, reply_id: int | None = None, published: bool, by: str, now: datetime
) -> Case:
    """Let a person decide on a reply with an unknown outcome: it was published, or it was not and may be sent again.

    Without `reply_id`, as a button of an earlier version sends it, on the newest: its card asked about that.
    """
    case = await cases.locked(session, case_id)
    uncertain = select(Reply).where(Reply.case_id == case_id, Reply.status == ReplyStatus.UNCERTAIN)
    asked = uncertain if reply_id is None else uncertain.where(Reply.id == reply_id)
    newest = asked.order_by(col(Reply.id).desc()).limit(1)
    reply = (await session.exec(newest.with_for_update(key_share=True))).first()
    if reply is None:
        raise Refused("A colleague has already decided on this.")
    await deliveries.settled(session, case, reply, published=published, by=by, now=now)
    return case
