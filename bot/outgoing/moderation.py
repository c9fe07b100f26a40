"""What agents do to a post besides answering it: hide it, like it, remove our own answer, and undo these.

The outbox carries an act out. An act may be repeated: doing it again changes nothing on the platform.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, connectors
from bot.cases import redaction
from bot.domain.event import EventKind, Why, because
from bot.domain.mention import Act, Gone, alike
from bot.domain.text import Refused
from bot.models import HOLDS, ActStatus, CaseFile, Event, Mention, Message, MessageKind, Reply, ReplyStatus
from bot.models import Act as ActRow
from bot.outgoing import replies


@dataclass(frozen=True)
class Moderation:
    """Everything that an agent chose: what to do to a mention, or to our reply to it when `reply_id` is given.

    `submission` is the same each time Slack delivers one submission. `note` says why, for colleagues.
    """

    kind: Act
    case_id: int
    mention_id: int
    submission: str
    reply_id: int | None = None
    note: str = ""


async def approve(session: AsyncSession, chosen: Moderation, *, by: str, now: datetime, undo: timedelta) -> ActRow:
    """Approve an act: it is carried out after the undo time. The same submission again approves nothing twice.

    When the same act is waiting or was the last one done, that one is returned. When the opposite act waits, the two
    cancel each other out: both are withdrawn. An answer that tells of the opposite act and still waits is taken back.
    Raises Refused when the platform or the post does not allow the act.
    """
    await cases.locked(session, chosen.case_id)
    earlier = (await session.exec(select(ActRow).where(ActRow.key == chosen.submission))).first()
    if earlier is not None:
        return earlier
    file = await cases.read(session, chosen.case_id)
    await refuse_not_allowed(session, file, chosen, now)
    last = await _last(session, chosen)
    if last is not None and last.kind is chosen.kind:
        return last
    act = ActRow(
        case_id=chosen.case_id,
        mention_id=chosen.mention_id,
        reply_id=chosen.reply_id,
        account_id=file.case.account_id,
        kind=chosen.kind,
        by=by,
        key=chosen.submission,
        note=chosen.note,
        created_at=now,
        send_at=now + undo,
    )
    session.add(act)
    if last is not None:
        await take_back_telling(session, last, now=now)
    if last is not None and last.status is not ActStatus.DONE and await _take_back(session, last.id):
        act.status = ActStatus.WITHDRAWN
        await session.flush()
        await log(session, last, EventKind.ACT_WITHDRAWN, by, now, Why.OPPOSITE)
    else:
        await session.flush()
        await log(session, act, EventKind.ACT_APPROVED, by, now)
    return act


async def withdraw(session: AsyncSession, act_id: int, *, by: str, now: datetime, case_id: int | None = None) -> ActRow:
    """Take back an act that has not been carried out, of this case if one is given; a second time changes nothing.

    Any agent may do this, because any agent may do the opposite. Raises Refused when it is too late.
    """
    act = await session.get(ActRow, act_id)
    if act is None or case_id not in {None, act.case_id}:
        raise Refused("This belongs to another case.")
    await cases.locked(session, act.case_id)
    taken_back = await _take_back(session, act_id)
    await session.refresh(act)
    if taken_back:
        await log(session, act, EventKind.ACT_WITHDRAWN, by, now)
    elif act.status is not ActStatus.WITHDRAWN:
        raise Refused("Too late to undo: the platform has been asked already.")
    return act


async def take_back_telling(session: AsyncSession, act: ActRow, *, now: datetime, by: str = "") -> None:
    """Take back the answer about an act, if that has not been sent; it becomes a draft again.

    Raises Refused when an agent does this to a colleague's answer; without `by` it is done for the answer's author.
    """
    waiting = select(Reply).where(Reply.tells_of == act.id, Reply.status == ReplyStatus.APPROVED)
    for reply in (await session.exec(waiting.order_by(col(Reply.id)))).all():
        await replies.withdraw(session, act.case_id, reply_id=reply.id, by=by or reply.by, now=now)


async def log(
    session: AsyncSession, act: ActRow, kind: EventKind, by: str, now: datetime, why: Why | None = None
) -> None:
    """Log what happened to an act in its case; the card and the messages in the thread follow."""
    about = {"act": act.kind.value, "id": act.id, **because(why)}
    session.add(Event(case_id=act.case_id, kind=kind, by=by, at=now, details=about))
    await session.flush()
    if act.kind is Act.HIDE:
        await redaction.delete_copies(session, [act.mention_id])
    await cases.touch(session, act.case_id)
    await touch_notice(session, act)


async def touch_notice(session: AsyncSession, act: ActRow) -> None:
    """Mark what the thread says of a problem with an act as no longer level."""
    in_thread = (col(Message.case_id) == act.case_id) & (col(Message.kind) == MessageKind.ACT_PROBLEM)
    await cases.touch_messages(session, in_thread & (col(Message.subject_id) == act.id))


async def _take_back(session: AsyncSession, act_id: int) -> bool:
    taken = await session.exec(
        update(ActRow)
        .where(col(ActRow.id) == act_id, col(ActRow.status).in_((ActStatus.APPROVED, ActStatus.ASKED)))
        .values(status=ActStatus.WITHDRAWN)
        .returning(col(ActRow.id))
    )
    return taken.scalar() is not None


async def _last(session: AsyncSession, chosen: Moderation) -> ActRow | None:
    """Return the last act that decides the same thing: this act or its opposite, on the same post."""
    rows = await session.exec(
        select(ActRow)
        .where(
            col(ActRow.status).in_(HOLDS),
            ActRow.mention_id == chosen.mention_id,
            col(ActRow.reply_id).is_not_distinct_from(chosen.reply_id),
        )
        .where(col(ActRow.kind).in_(alike(chosen.kind)))
        .order_by(col(ActRow.id).desc())
        .limit(1)
    )
    return rows.first()


async def refuse_not_allowed(session: AsyncSession, file: CaseFile, chosen: Moderation, now: datetime) -> None:
    """Raise Refused when the platform cannot do this, or does not let us do it to this post."""
    platform = connectors.known(file.account.platform)
    if platform is None or chosen.kind not in platform.acts:
        raise Refused("{platform} does not let us do this.", platform=file.label.platform)
    mention = next((each for each in file.mentions if each.id == chosen.mention_id), None)
    if mention is None:
        raise Refused("This post belongs to another case now.")
    if chosen.kind is Act.DELETE:
        await _refuse_not_removable(session, file, chosen)
    elif chosen.reply_id is not None or not _is_permitted(mention, chosen.kind, now):
        raise Refused("{platform} does not allow this for this post.", platform=file.label.platform)
    elif mention.gone_at is not None and not (chosen.kind is Act.SHOW and mention.gone is Gone.HIDDEN):
        raise Refused("This post is no longer there.")


def _is_permitted(mention: Mention, kind: Act, now: datetime) -> bool:
    """Tell whether a mention lets us do this now; an allowed act may also be undone."""
    return any(mention.may(act, now) for act in alike(kind))


async def _refuse_not_removable(session: AsyncSession, file: CaseFile, chosen: Moderation) -> None:
    reply = next((each for each in file.replies if each.id == chosen.reply_id), None)
    if reply is None or reply.mention_id != chosen.mention_id or not _is_published(reply):
        raise Refused("Only an answer of ours that was published can be removed.")
    if reply.private and not file.removes_private:
        raise Refused("{platform} does not allow this for this post.", platform=file.label.platform)
    removed = select(ActRow.id).where(
        ActRow.reply_id == reply.id, ActRow.kind == Act.DELETE, ActRow.status == ActStatus.DONE
    )
    if (await session.exec(removed.limit(1))).first() is not None:
        raise Refused("This answer has been removed already.")


def _is_published(reply: Reply) -> bool:
    return reply.status is ReplyStatus.SENT and reply.external_id is not None
