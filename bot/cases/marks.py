"""What agents add to a case without moving it: urgency, a topic, notes."""

import html
import re
from datetime import datetime

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks, signals
from bot.cases.indexing import index
from bot.cases.moves import tell_thread
from bot.cases.state import locked, refuse_ended, touch
from bot.domain.event import EventKind
from bot.domain.signals import Rank
from bot.models import Case, Event, Message, MessageKind, Note

LINK = re.compile(r"<((?:https?://|mailto:|tel:)([^|>\s]+))(?:\|([^>]*))?>")
"""An address in the text of a message, as Slack sends it: whole, without its scheme, and the words that are linked."""


async def set_urgent(session: AsyncSession, case_id: int, *, urgent: bool, by: str, now: datetime) -> Case:
    """Mark a case as urgent, or no longer; its clocks get the targets that belong to that.

    The card of an urgent case goes first if it still waits to be posted, with the others of its author.
    """
    case = await locked(session, case_id)
    refuse_ended(case)
    if case.urgent is not urgent:
        case.urgent = urgent
        session.add(case)
        kind = EventKind.URGENT if urgent else EventKind.NOT_URGENT
        session.add(Event(case_id=case_id, kind=kind, by=by, at=now))
        await clocks.retarget(session, case, now)
        if urgent:
            await signals.bring_forward(session, {case.author_id: Rank.FIRST})
        await touch(session, case_id)
    return case


async def set_topic(session: AsyncSession, case_id: int, *, topic: str | None, by: str, now: datetime) -> Case:
    """Set the topic of a case, one of the team's or None; allowed in every status."""
    case = await locked(session, case_id)
    if case.topic != topic:
        details = {"before": case.topic, "after": topic}
        case.topic = topic
        session.add_all([case, Event(case_id=case_id, kind=EventKind.TOPIC, by=by, at=now, details=details)])
        await touch(session, case_id)
    return case


async def add_note(session: AsyncSession, case_id: int, *, by: str, now: datetime, text: str, submission: str) -> None:
    """Store a note and post it in the thread; the same submission again adds nothing."""
    case = await locked(session, case_id)
    if not await is_noted(session, submission):
        note = Note(case_id=case_id, by=by, text=text, at=now)
        session.add(note)
        session.add(Event(case_id=case_id, kind=EventKind.NOTE, by=by, at=now))
        await session.flush()
        await tell_thread(session, case, MessageKind.NOTE, _submitted(submission), note.id)
        await index(session, {case_id})


async def is_noted(session: AsyncSession, submission: str) -> bool:
    """Tell whether a submission left a note before."""
    posted = await session.exec(select(Message.id).where(Message.key == _submitted(submission)))
    return posted.first() is not None


def _submitted(submission: str) -> str:
    return f"note:{submission}"


async def keep_thread_message(
    session: AsyncSession,
    case_id: int,
    *,
    by: str,
    now: datetime,
    text: str,
    card_id: int,
    channel: str,
    ts: str,
    edited_ts: str,
) -> None:
    """Store what a colleague wrote in the thread as a note; the same message, edited or sent again, is one note.

    `edited_ts` is when it was edited, "" if it was not. An older version may come in after a newer one, or once more,
    and then takes nothing back. One of which all words were taken out is no note, unless an edit brings words again. A
    note under a card (the message `card_id`) from before the case was handed over is shown under the new card too, also
    when the case is back with the same team.
    """
    case, text = await locked(session, case_id), _as_typed(text)
    rows = await session.exec(select(Note).where(Note.channel == channel, Note.ts == ts))
    note = rows.first()
    if note is None:
        note = Note(case_id=case_id, by=by, text=text, at=now, channel=channel, ts=ts, edited_ts=edited_ts or None)
        session.add(note)
        if text:
            session.add(Event(case_id=case_id, kind=EventKind.NOTE, by=by, at=now))
        if text and case.transfers and await _is_former(session, card_id):
            await session.flush()
            await tell_thread(session, case, MessageKind.NOTE, _key(note), note.id)
    elif note.deleted_at is None and edited_ts > (note.edited_ts or ""):
        note.text, note.edited_ts = text, edited_ts
        session.add(note)
        await _show_again(session, note)
    await index(session, {case_id})


def _as_typed(slack_text: str) -> str:
    """Return what somebody typed in Slack, which sends signs escaped and addresses between angle brackets.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return html.unescape(LINK.sub(lambda link: _linked(link[1], link[2], link[3] or ""), slack_text))


def _linked(url: str, bare: str, label: str) -> str:
    """Return an address, as somebody typed it or, behind the words that they linked to it."""
    is_typed = label.rstrip("/") in {"", url.rstrip("/"), bare.rstrip("/")}
    return label or url if is_typed else f"{label} ({url})"


def _key(note: Note) -> str:
    """Return the key of the message that repeats a note under the new card."""
    return f"note:{note.channel}:{note.ts}"


async def _show_again(session: AsyncSession, note: Note) -> None:
    """Update the message that repeats an edited note, if there is one."""
    repeated = update(Message).where(col(Message.key) == _key(note))
    await session.exec(repeated.values(version=Message.version + 1).execution_options(synchronize_session=False))


async def _is_former(session: AsyncSession, card_id: int) -> bool:
    """Tell whether a card is from before its case was handed over."""
    kinds = await session.exec(select(Message.kind).where(Message.id == card_id))
    return kinds.first() is MessageKind.FORMER


async def delete_thread_message(
    session: AsyncSession, case_id: int, *, by: str, now: datetime, channel: str, ts: str
) -> None:
    """Delete the note that a colleague wrote in the thread. Its message may come in after this: it is no note then."""
    await locked(session, case_id)
    note = (await session.exec(select(Note).where(Note.channel == channel, Note.ts == ts))).first()
    if note is None:
        session.add(Note(case_id=case_id, by=by, text="", at=now, channel=channel, ts=ts, deleted_at=now))
    elif note.deleted_at is None:
        note.text, note.deleted_at = "", now
        session.add_all([note, Event(case_id=case_id, kind=EventKind.NOTE_DELETED, at=now)])
        await _show_again(session, note)
        await index(session, {case_id})
