"""What agents do with a case. Each verb is one transaction: the WHERE of its UPDATE is the lock."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.cases import clocks
from bot.domain.case import ALLOWED_FROM, BY_OWNER, CloseReason, Move, Status, Urgency
from bot.domain.sla import ClockKind
from bot.domain.text import Refused
from bot.models import (
    Account,
    Author,
    Case,
    CaseFile,
    Escalation,
    Event,
    Mention,
    Message,
    MessageKind,
    Note,
    Reply,
    Team,
)


async def claim(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Give the case to one agent; of two who click at once, the first has it. Claiming one's own changes nothing."""
    case = await locked(session, case_id)
    if case.status is Status.CLAIMED and case.assignee == by:
        return case
    return await _make(Move.CLAIM, session, case_id, by, now, status=Status.CLAIMED, assignee=by, claimed_at=now)


async def take_over(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Take a case from the colleague who has it; the log keeps from whom, and they are told."""
    before = await get(session, case_id)
    case = await _make(Move.TAKE_OVER, session, case_id, by, now, {"from": before.assignee}, assignee=by)
    if before.assignee and before.assignee != by:
        told = f"taken_over:{case_id}:{by}:{now.timestamp()}"
        await _tell_thread(session, case, MessageKind.TAKEN_OVER, told)
    return case


async def release(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Put one's case back in the queue."""
    return await _make(Move.RELEASE, session, case_id, by, now, status=Status.NEW, assignee=None, claimed_at=None)


async def put_back(session: AsyncSession, case_id: int, *, owner: str, now: datetime, away: bool = False) -> Case:
    """Put a case that lay still with its owner, or whose owner is `away`, back in the queue.

    The log keeps why, and that nobody did so by hand; the thread is told.
    """
    freed: dict[str, Any] = {"status": Status.NEW, "assignee": None, "claimed_at": None}
    why = {"why": "away" if away else "still"}
    case = await _make(Move.RELEASE, session, case_id, owner, now, why, logged_by="", **freed)
    key, told = f"returned:{case_id}:{now.timestamp()}", {"away": owner} if away else None
    await _tell_thread(session, case, MessageKind.RETURNED, key, details=told)
    return case


async def assign(session: AsyncSession, case_id: int, *, to: str, by: str, now: datetime) -> Case:
    """Give the case to a colleague, who is told in the thread."""
    before = await get(session, case_id)
    if before.assignee == to:
        return before
    status = Status.CLAIMED if before.status is Status.NEW else before.status
    details = {"to": to, "from": before.assignee}
    case = await _make(Move.ASSIGN, session, case_id, by, now, details, status=status, assignee=to, claimed_at=now)
    if to != by:
        await _tell_thread(session, case, MessageKind.ASSIGNED, f"assigned:{case_id}:{to}:{now.timestamp()}")
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
) -> Case:
    """Ask `target` (a colleague, group or channel) for advice; the question is posted in each of `channels`."""
    await locked(session, case_id)
    asked = await session.exec(select(Escalation.id).where(Escalation.submission == submission))
    if asked.first() is not None:
        return await get(session, case_id)
    case = await _make(Move.ESCALATE, session, case_id, by, now, {"to": target}, status=Status.ESCALATED)
    escalation = Escalation(
        case_id=case_id, target=target, question=question, urgency=urgency, by=by, at=now, submission=submission
    )
    session.add(escalation)
    await session.flush()
    for channel in channels:
        key = f"ask:{escalation.id}:{channel}"
        session.add(Message(key=key, kind=MessageKind.ASK, case_id=case_id, subject_id=escalation.id, channel=channel))
    return case


async def advise(session: AsyncSession, escalation_id: int, *, by: str, now: datetime, advice: str) -> Case:
    """Give advice on a question; the first advice counts, and it goes into the case's thread for the owner."""
    given = await session.exec(
        update(Escalation)
        .where(col(Escalation.id) == escalation_id, col(Escalation.advice).is_(None))
        .values(advice=advice, advised_by=by, advised_at=now)
        .returning(Escalation)
    )
    escalation = given.scalar_one_or_none()
    if escalation is None:
        first = await session.get(Escalation, escalation_id)
        if first is None:
            raise Refused("This question no longer exists.")
        if first.advised_by == by and first.advice == advice:
            return await get(session, first.case_id)
        raise Refused("{agent} has already given advice on this.", agent=f"<@{first.advised_by}>")
    case = await get(session, escalation.case_id)
    session.add(Event(case_id=case.id, kind=Move.ADVISE, by=by, at=now, details={"escalation": escalation_id}))
    waiting = await session.exec(
        select(Escalation.id).where(Escalation.case_id == case.id, col(Escalation.advice).is_(None))
    )
    if case.status is Status.ESCALATED and waiting.first() is None:
        case.status = Status.CLAIMED if case.assignee else Status.NEW
        session.add(case)
    await touch(session, escalation.case_id)
    await _tell_thread(session, case, MessageKind.ADVICE, f"advice:{escalation_id}", escalation_id)
    return case


async def answered(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Count the case as answered by its owner; the reply itself is the outbox's."""
    return await _make(Move.ANSWER, session, case_id, by, now, status=Status.ANSWERED)


async def withdrawn(session: AsyncSession, case_id: int, *, by: str, owner: str, now: datetime) -> Case:
    """Give a case whose reply was taken back to the one who wrote it."""
    return await _make(Move.WITHDRAW, session, case_id, by, now, status=Status.CLAIMED, assignee=owner)


async def close(session: AsyncSession, case_id: int, *, by: str, now: datetime, reason: str, text: str = "") -> Case:
    """End a case without a further answer; the reason, one of CloseReason or a team's own words, is kept.

    Closing a closed case again changes nothing.
    """
    reason = str(reason)
    case = await locked(session, case_id)
    if case.status is Status.CLOSED and case.closed_by == by and case.close_reason == reason:
        return case
    ended: dict[str, Any] = {"closed_at": now, "closed_by": by, "close_reason": reason, "close_text": text}
    case = await _make(Move.CLOSE, session, case_id, by, now, {"reason": reason}, status=Status.CLOSED, **ended)
    await clocks.closed(session, case, now, counts=reason == CloseReason.ANSWERED_ELSEWHERE)
    return case


async def reopen(session: AsyncSession, case_id: int, *, by: str, now: datetime) -> Case:
    """Take up an answered or closed case again; it is then with the one who reopened it."""
    values: dict[str, Any] = {"status": Status.CLAIMED, "assignee": by, "claimed_at": now, **NOT_CLOSED}
    case = await _make(Move.REOPEN, session, case_id, by, now, **values)
    account = await session.get_one(Account, case.account_id)
    await clocks.start(session, case, account.platform, [ClockKind.RESOLUTION], now, private=False)
    return case


async def set_urgent(session: AsyncSession, case_id: int, *, urgent: bool, by: str, now: datetime) -> Case:
    """Say that a case is urgent, or no longer; its clocks get the targets that belong to that."""
    case = await locked(session, case_id)
    refuse_ended(case)
    if case.urgent is not urgent:
        case.urgent = urgent
        session.add(case)
        session.add(Event(case_id=case_id, kind="urgent" if urgent else "not_urgent", by=by, at=now))
        file = await read(session, case_id)
        await clocks.retarget(session, case, file.account.platform, now, private=file.latest.private)
        await touch(session, case_id)
    return case


async def set_topic(session: AsyncSession, case_id: int, *, topic: str | None, by: str, now: datetime) -> Case:
    """Say what a case is about, by one of the team's topics, or None; allowed whatever its status."""
    case = await locked(session, case_id)
    if case.topic != topic:
        details = {"before": case.topic, "after": topic}
        case.topic = topic
        session.add_all([case, Event(case_id=case_id, kind="topic", by=by, at=now, details=details)])
        await touch(session, case_id)
    return case


async def add_note(session: AsyncSession, case_id: int, *, by: str, now: datetime, text: str, submission: str) -> None:
    """Keep a note and post it in the thread; the same submission again adds nothing."""
    case = await locked(session, case_id)
    key = f"note:{submission}"
    found = await session.exec(select(Message.id).where(Message.key == key))
    if found.first() is None:
        note = Note(case_id=case_id, by=by, text=text, at=now)
        session.add(note)
        session.add(Event(case_id=case_id, kind="note", by=by, at=now))
        await session.flush()
        await _tell_thread(session, case, MessageKind.NOTE, key, note.id)


async def keep_thread_message(
    session: AsyncSession, case_id: int, *, by: str, now: datetime, text: str, channel: str, ts: str
) -> None:
    """Keep what a colleague wrote in the thread as a note; the same message (edited, delivered again) is kept once."""
    await locked(session, case_id)
    found = await session.exec(select(Note).where(Note.channel == channel, Note.ts == ts))
    kept = found.first()
    if kept is None:
        session.add(Note(case_id=case_id, by=by, text=text, at=now, channel=channel, ts=ts))
        session.add(Event(case_id=case_id, kind="note", by=by, at=now))
    elif kept.text != text:
        kept.text = text
        session.add(kept)


async def get(session: AsyncSession, case_id: int) -> Case:
    """Return the case; raises Refused when there is none."""
    case = await session.get(Case, case_id)
    if case is None:
        raise Refused("This case no longer exists.")
    return case


async def locked(session: AsyncSession, case_id: int) -> Case:
    """Return the case as it is now and hold its row, so that the same request delivered twice sees its first effect."""
    case = await session.get(Case, case_id, with_for_update=db.HELD, populate_existing=True)
    if case is None:
        raise Refused("This case no longer exists.")
    return case


async def read(session: AsyncSession, case_id: int) -> CaseFile:
    """Return all that is known of a case; raises Refused when there is none."""
    found = await session.exec(
        select(Case, Team, Account, Author)
        .join(Team, col(Case.team_id) == Team.id)
        .join(Account, col(Case.account_id) == Account.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(Case.id == case_id)
    )
    row = found.first()
    if row is None:
        raise Refused("This case no longer exists.")
    case, team, account, author = row
    mentions = await session.exec(
        select(Mention).where(Mention.case_id == case_id).order_by(col(Mention.published_at), col(Mention.id))
    )
    replies = await session.exec(select(Reply).where(Reply.case_id == case_id).order_by(col(Reply.id)))
    asked = await session.exec(select(Escalation).where(Escalation.case_id == case_id).order_by(col(Escalation.id)))
    notes = await session.exec(select(Note).where(Note.case_id == case_id).order_by(col(Note.id)))
    running = await clocks.open_clocks(session, case_id)
    rows = mentions.all(), replies.all(), asked.all(), notes.all(), running
    return CaseFile(case, team, account, platform_of(account), author, *rows)


def platform_of(account: Account) -> str:
    """Return what people call the platform of an account; a source of one's own goes by its own name."""
    return str(account.options.get("title") or connectors.title(account.platform) or account.name)


async def touch(session: AsyncSession, case_id: int) -> None:
    """Say that what the case's card and its questions show is no longer level with the case."""
    await session.exec(
        update(Message)
        .where(col(Message.case_id) == case_id, col(Message.kind).in_([MessageKind.CASE, MessageKind.ASK]))
        .values(version=Message.version + 1)
        .execution_options(synchronize_session=False)
    )


async def touch_all(session: AsyncSession, case_ids: Collection[int]) -> None:
    """Touch several cases, held in one order: two who do so at once then wait for one another, not for each other."""
    shown = (col(Message.case_id).in_(case_ids), col(Message.kind).in_([MessageKind.CASE, MessageKind.ASK]))
    held = select(Message.id).where(*shown).order_by(col(Message.id)).with_for_update(key_share=True)
    ids = (await session.exec(held)).all()
    await session.exec(
        update(Message)
        .where(col(Message.id).in_(ids))
        .values(version=Message.version + 1)
        .execution_options(synchronize_session=False)
    )


NOT_CLOSED: dict[str, Any] = {"closed_at": None, "closed_by": None, "close_reason": None, "close_text": ""}


async def _make(
    move: Move,
    session: AsyncSession,
    case_id: int,
    by: str,
    now: datetime,
    details: dict[str, Any] | None = None,
    logged_by: str | None = None,
    **values: Any,
) -> Case:
    """Make a move if the case allows it now, and log it; raises Refused with who or what stands in the way."""
    conditions = [col(Case.id) == case_id, col(Case.status).in_(ALLOWED_FROM[move])]
    if move in BY_OWNER:
        conditions.append(col(Case.assignee) == by)
    if move is Move.CLOSE:
        conditions.append(
            or_(col(Case.assignee).is_(None), col(Case.assignee) == by, col(Case.status) == Status.ANSWERED)
        )
    changed = await session.exec(
        update(Case)
        .where(*conditions)
        .values(**values)
        .returning(Case)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    case: Case | None = changed.scalar_one_or_none()
    if case is None:
        raise await _why_not(session, case_id, by)
    who = by if logged_by is None else logged_by
    session.add(Event(case_id=case_id, kind=move, by=who, at=now, details=details or {}))
    await touch(session, case_id)
    return case


async def _why_not(session: AsyncSession, case_id: int, by: str) -> Refused:
    found = await session.exec(select(Case).where(Case.id == case_id).execution_options(populate_existing=True))
    case = found.first()
    if case is None:
        return Refused("This case no longer exists.")
    ended = _ended(case)
    if ended is not None:
        return ended
    if case.status is Status.NEW:
        return Refused("Nobody has this case; claim it first.")
    if case.assignee != by:
        return Refused("{agent} already has this case.", agent=f"<@{case.assignee}>")
    return Refused("That is not possible now: the case is already with you.")


def _ended(case: Case) -> Refused | None:
    if case.status is Status.CLOSED:
        return Refused("This case was closed by {agent}; reopen it first.", agent=f"<@{case.closed_by}>")
    if case.status is Status.ANSWERED:
        return Refused("This case was answered by {agent}; reopen it first.", agent=f"<@{case.assignee}>")
    return None


def refuse_ended(case: Case) -> None:
    """Raise Refused when a case no longer waits for us; it says who ended it."""
    ended = _ended(case)
    if ended is not None:
        raise ended


async def _tell_thread(
    session: AsyncSession,
    case: Case,
    kind: MessageKind,
    key: str,
    subject_id: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Post a message in the thread under the case's card, once per key."""
    channel = (await session.get_one(Team, case.team_id)).channel
    about: dict[str, Any] = {"case_id": case.id, "subject_id": subject_id, "details": details}
    session.add(Message(key=key, kind=kind, channel=channel, in_thread=True, **about))
