"""What agents do with a case, and what happens by itself in their place. Each verb is one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks
from bot.cases.indexing import index
from bot.cases.reading import idle_since, last_moved_at, refuse_unread
from bot.cases.state import Taken, locked, move, record, refuse_unless_allowed, remembered
from bot.domain.case import ALLOWED_FROM, Move, Status, Urgency
from bot.domain.event import EventKind, Why, because
from bot.domain.mention import Seen
from bot.domain.signals import Rank
from bot.domain.slack_id import is_channel, is_person
from bot.domain.text import Refused, Text, text
from bot.models import (
    ASKED,
    RETURNED,
    Case,
    Escalation,
    Event,
    HandedOver,
    Mention,
    Message,
    MessageKind,
    Passed,
    Reply,
    Team,
)

__all__ = [
    "advise",
    "answered",
    "assign",
    "claim",
    "escalate",
    "put_back",
    "release",
    "reopen",
    "take_over",
    "tell_of",
    "wait_on",
    "was_asked",
]
"""What `bot.cases` offers of this module."""

IN_CHANNEL = text("A private message is not shown in another channel: ask a colleague or a user group.")
OUTSIDE = text(
    "The citizen wrote privately, and Slack does not say that everyone you ask belongs to our organisation: nothing "
    "private is shown to guests and other organisations. Ask a colleague, or let a coordinator give them a role."
)


async def claim(
    session: AsyncSession, case_id: int, *, by: str, now: datetime, details: dict[str, Any] | None = None
) -> Case:
    """Give the case to one agent; of two who click at once, the first has it. Claiming one's own changes nothing."""
    case = await locked(session, case_id)
    if case.status is Status.CLAIMED and case.assignee == by:
        return case
    return await move(session, Move.CLAIM, case, by=by, owner=by, now=now, details=details)


async def take_over(session: AsyncSession, case_id: int, *, owner: str, by: str, now: datetime) -> Case:
    """Take a case from `owner`, who is notified in the thread; raises Refused when another or nobody has it now."""
    case = await locked(session, case_id)
    if case.assignee != owner:
        raise Refused("This case moved meanwhile.")
    await move(session, Move.TAKE_OVER, case, by=by, owner=by, now=now, details={"from": owner})
    if owner != by:
        words = text("{former}, {agent} has taken this case over from you.", former=f"<@{owner}>", agent=f"<@{by}>")
        await notify(session, case, f"taken_over:{case_id}:{by}:{now.timestamp()}", words)
    return case


async def release(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Put your own case back in the queue."""
    return await move(session, Move.RELEASE, await locked(session, case_id), by=by, now=now)


async def put_back(
    session: AsyncSession, case_id: int, *, owner: str, still_since: datetime, now: datetime, away: bool = False
) -> Case:
    """Put a case that has not moved since then, or whose owner is `away`, back in the queue; the thread says so.

    The log says why, and that nobody did it by hand. Raises Refused when the case moved meanwhile.
    """
    case = await locked(session, case_id)
    if away:
        moved = (await session.exec(select(last_moved_at()).where(Case.id == case_id))).one()
    else:
        moved = (await idle_since(session, Case.id == case_id))[case_id]
    if case.assignee != owner or case.status not in ALLOWED_FROM[Move.PUT_BACK] or moved > still_since:
        raise Refused("This case moved meanwhile.")
    await record(session, Move.PUT_BACK, case, now=now, details=because(Why.AWAY if away else Why.STILL))
    words = text("Nothing happened with this case, so it is back in the queue.")
    if away:
        words = text("{agent} is away, so this case is back in the queue.", agent=f"<@{owner}>")
    await notify(session, case, f"{RETURNED}{case_id}:{now.timestamp()}", words)
    return case


async def assign(
    session: AsyncSession, case_id: int, *, to: str, by: str, now: datetime, seen: str | None = None
) -> Case:
    """Give the case to a colleague; the thread notifies them and the former owner, unless that is `by`.

    Raises Taken when another colleague has it than the owner that was `seen` ("" for nobody, None if unknown).
    """
    case = await locked(session, case_id)
    former = case.assignee
    if former == to:
        return case
    is_news = seen is not None and former not in {None, seen, by}
    if is_news and case.status in ALLOWED_FROM[Move.ASSIGN]:
        raise Taken(case)
    await move(session, Move.ASSIGN, case, by=by, owner=to, now=now, details={"to": to, "from": former})
    lost = former if former and former != by else ""
    if to != by or lost:
        words = text("{agent}, this case has been assigned to you.", agent=f"<@{to}>")
        if lost:
            words = text("{agent}, this case has been assigned to you. {former}, it is no longer with you.",
                         agent=f"<@{to}>", former=f"<@{lost}>")  # fmt: skip
        await notify(session, case, f"assigned:{case_id}:{to}:{now.timestamp()}", words)
    return case


async def escalate(
    session: AsyncSession,
    case_id: int,
    *,
    by: str,
    now: datetime,
    target: str,
    channels: list[str],
    question: str,
    urgency: Urgency,
    submission: str,
    outside: bool = False,
) -> Case:
    """Ask `target` (a colleague, group or channel) for advice; the question goes to each of `channels` and the thread.

    Raises Refused for a channel, and for people who may be `outside` our organisation, when the citizen wrote
    privately: nothing private is shown there, so the question would stand without what it is about. A private answer
    of ours is only left out.
    """
    case = await locked(session, case_id)
    asked = await session.exec(select(Escalation.id).where(Escalation.submission == submission))
    if asked.first() is not None:
        return case
    if (is_channel(target) or outside) and await _is_private(session, case_id):
        raise Refused(OUTSIDE.message if outside else IN_CHANNEL.message)
    await move(session, Move.ESCALATE, case, by=by, now=now, details={"to": target})
    escalation = Escalation(
        case_id=case_id, target=target, question=question, urgency=urgency, by=by, at=now, submission=submission,
        outside=outside,
    )  # fmt: skip
    escalation.allowed_seconds = int((await clocks.time_for_advice(session, case, now)).total_seconds())
    session.add(escalation)
    await session.flush()
    await tell_thread(session, case, MessageKind.QUESTION, f"question:{escalation.id}", escalation.id)
    for channel in channels:
        key = f"ask:{escalation.id}:{channel}"
        session.add(Message(key=key, kind=MessageKind.ASK, case_id=case_id, subject_id=escalation.id, channel=channel))
    return case


async def _is_private(session: AsyncSession, case_id: int) -> bool:
    rows = await session.exec(select(Mention.id).where(Mention.case_id == case_id, col(Mention.private)))
    return rows.first() is not None


async def advise(session: AsyncSession, escalation_id: int, *, by: str, now: datetime, advice: str) -> Case:
    """Give advice on a question; the first advice counts, and is posted in the case's thread for the owner."""
    asked = await session.get(Escalation, escalation_id)
    if asked is None:
        raise Refused("This question no longer exists.")
    case = await locked(session, asked.case_id)
    await session.refresh(asked)
    if asked.advice is not None:
        if asked.advised_by == by and asked.advice == advice:
            return case
        raise Refused("{agent} has already given advice on this.", agent=f"<@{asked.advised_by}>")
    asked.advice, asked.advised_by, asked.advised_at = advice, by, now
    session.add(asked)
    await session.flush()
    others = await session.exec(select(Escalation.id).where(Escalation.case_id == case.id, ASKED))
    stays = others.first() is not None
    await record(session, Move.ADVISE, case, by=by, now=now, details={"escalation": escalation_id}, stays=stays)
    await tell_thread(session, case, MessageKind.ADVICE, f"advice:{escalation_id}", escalation_id)
    return case


async def was_asked(session: AsyncSession, escalation: Escalation, slack_id: str, place: str) -> bool:
    """Tell whether a question was put to somebody: to them, or where they clicked (`place`, "" outside a message).

    People see a question only where it was posted, so the modal of a group or channel is theirs.
    """
    if escalation.target == slack_id:
        return True
    if not place:
        return not is_person(escalation.target)
    put = select(Message.id).where(
        Message.kind == MessageKind.ASK, Message.case_id == escalation.case_id,
        Message.subject_id == escalation.id, Message.channel == place,
    )  # fmt: skip
    return (await session.exec(put)).first() is not None


async def answered(session: AsyncSession, reply: Reply, *, now: datetime, seen: Seen | None = None) -> Case:
    """Store an approved reply and mark its case as answered by its owner; the outbox sends it.

    Raises Unread when the citizen wrote more, or edited a post, since what the owner saw (`seen`).
    """
    case = await locked(session, reply.case_id)
    refuse_unless_allowed(case, Move.ANSWER, reply.by)
    await refuse_unread(session, case.id, seen)
    session.add(reply)
    await index(session, {reply.case_id})
    details = {"was": case.status, **remembered(case)}
    return await move(session, Move.ANSWER, case, by=reply.by, now=now, details=details)


async def before_answer(session: AsyncSession, case: Case) -> Mapping[str, Any]:
    """Return what the log says of how a case stood when it was answered: the status that it `was` in, and its columns.

    Nothing for a case that is not answered.
    """
    answers = select(Event.details).where(Event.case_id == case.id, Event.kind == EventKind.ANSWER)
    last = (await session.exec(answers.order_by(col(Event.id).desc()).limit(1))).first()
    return last if last and case.status is Status.ANSWERED else {}


async def reopen(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Reopen an answered or closed case, for the agent who does so."""
    return await move(session, Move.REOPEN, await locked(session, case_id), by=by, owner=by, now=now)


async def wait_on(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Give the citizen the same time again to answer our question."""
    return await move(session, Move.WAIT_ON, await locked(session, case_id), by=by, now=now)


async def notify(session: AsyncSession, case: Case, key: str, words: Text) -> None:
    """Say a sentence in the thread under the case's card, once per key; it notifies whom it names."""
    await tell_thread(session, case, MessageKind.NOTICE, key, details=words.to_json())


async def tell_thread(
    session: AsyncSession,
    case: Case,
    kind: MessageKind,
    key: str,
    subject_id: int | None = None,
    details: dict[str, Any] | None = None,
    rank: Rank = Rank.SOON,
    not_before: datetime | None = None,
) -> None:
    """Post a message in the thread under the case's card, once per key; in a flood, before the new cards."""
    channel = (await session.get_one(Team, case.team_id)).channel
    about: dict[str, Any] = {"case_id": case.id, "subject_id": subject_id, "details": details, "rank": rank}
    session.add(Message(key=key, kind=kind, channel=channel, in_thread=True, retry_at=not_before, **about))


async def tell_of(session: AsyncSession, to: str, passed: Passed, now: datetime) -> None:
    """Notify a colleague in one direct message of what was done with their cases."""
    session.add(
        Message(key=_passed(to, passed.by, now), kind=MessageKind.PASSED, channel=to, details=passed.to_json())
    )  # fmt: skip
    await session.flush()


async def tell_undone(session: AsyncSession, to: str, at: datetime, case_ids: Sequence[int], *, by: str) -> None:
    """Show in the message that a colleague got at that moment that it was undone for these cases."""
    await say_undone(session, _passed(to, by, at), Passed, case_ids)


async def say_undone(
    session: AsyncSession, key: str, kind: type[Passed] | type[HandedOver], case_ids: Sequence[int]
) -> None:
    """Show in the message with this key, if there is one, that what it says was undone for these of its cases."""
    query = select(Message).where(Message.key == key).with_for_update(key_share=True)
    message = (await session.exec(query)).first()
    if message is not None:
        was = kind.of(message.details)
        undone = sorted({*was.undone, *case_ids} & set(was.cases))
        message.details, message.version = replace(was, undone=undone).to_json(), message.version + 1
        session.add(message)


def _passed(to: str, by: str, at: datetime) -> str:
    return f"passed:{to}:{by}:{at.timestamp()}"
