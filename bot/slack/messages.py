"""Make Slack's messages equal to the state: cards, questions, thread messages.

Level-triggered: a message is stale while `shown_version < version`, and is brought level again and again until it is.
One writer per message: a lease taken by conditional UPDATE. A post with an unknown outcome is looked up in Slack (by
its key in the metadata) before another is made, so that no card appears twice.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.desk import Desk
from bot.domain.case import OPEN
from bot.logs import trace
from bot.models import Message, MessageKind
from bot.slack.calls import Place, SlackDown, SlackLater, SlackRefuses, find, post, revise
from bot.slack.rendering import view_of
from bot.views.block import View

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
"""Longer than any one call to Slack may take; a crashed writer's message is free again after it."""
TRY_AGAIN = timedelta(seconds=5)
TRY_MUCH_LATER = timedelta(minutes=2)
GONE = frozenset({"message_not_found", "user_disabled", "user_not_found"})
"""Refusals after which trying again is of no use: someone deleted the message, or whom it is for has left."""


async def sync(desk: Desk, case_id: int) -> None:
    """Bring what Slack shows of a case level now, as far as it goes; the rest is woken and left to its lane."""
    async with desk.reading() as session:
        found = await session.exec(select(Message).where(Message.case_id == case_id, _stale()))
        stale = found.all()
    for message in stale:
        if message.ts is not None:
            await level(desk, message.id)
    wake(desk, {message.channel for message in stale if message.ts is None})


async def drain(desk: Desk, channel: str) -> datetime | None:
    """Bring all of a channel's messages level, updates first; returns when to go on, if something has to wait."""
    while True:
        async with desk.reading() as session:
            ready = await _ready(session, channel, desk.now())
        if not ready:
            async with desk.reading() as session:
                return await _next_due(session, channel, desk.now())
        for message in ready:
            asked = await _level_or_put_off(desk, message)
            if asked and message.ts is None:
                await asyncio.sleep(desk.settings.slack_pace)
                break


async def _level_or_put_off(desk: Desk, message: Message) -> bool:
    """Bring a message level; one that fails by a fault of ours is put off, so that it holds up no other."""
    try:
        return await level(desk, message.id)
    except Exception as error:
        log.error("a message cannot be shown", kind=message.kind, message=message.id, **trace(error))
        async with desk.session() as session:
            await session.exec(
                update(Message)
                .where(col(Message.id) == message.id)
                .values(retry_at=desk.now() + TRY_MUCH_LATER, leased_until=None, problem="fault")
            )
        return False


async def wake_lanes(desk: Desk) -> None:
    """Wake the lanes of all channels that have something to bring level now."""
    async with desk.reading() as session:
        found = await session.exec(select(Message.channel).where(_stale(), _free(desk.now())).distinct())
        channels = found.all()
    wake(desk, channels)


def wake(desk: Desk, channels: Iterable[str]) -> None:
    """Wake the lanes of these channels."""
    for channel in channels:
        desk.wake(f"messages:{channel}")


async def level(desk: Desk, message_id: int) -> bool:
    """Bring one message level; tells whether Slack was asked. Whatever goes wrong is kept for a later try."""
    asked = False
    while True:
        async with desk.session() as session:
            work = await _take(desk, session, message_id)
        if work is None:
            return asked
        asked = True
        done = await _carry_out(desk, work)
        async with desk.session() as session:
            again = await _record(session, work, done)
        if not again:  # the state moved on while we were writing, and the other writer left it to us
            return asked


@dataclass(frozen=True)
class _Work:
    """A leased message and what it must show."""

    message: Message
    view: View
    thread_ts: str | None
    since: datetime | None


@dataclass(frozen=True)
class _Done:
    """What came of it: where the message is now, or why not and when to try again."""

    place: Place | None = None
    retry_at: datetime | None = None
    problem: str = ""
    unknown: bool = False
    vanished: bool = False


def _stale() -> ColumnElement[bool]:
    return col(Message.shown_version) < col(Message.version)


def _free(now: datetime) -> ColumnElement[bool]:
    lease, retry = col(Message.leased_until), col(Message.retry_at)
    return or_(lease.is_(None), lease <= now) & or_(retry.is_(None), retry <= now)


async def _ready(session: AsyncSession, channel: str, now: datetime) -> list[Message]:
    """Return the free stale messages of a channel: updates, then new ones in order; a thread waits for its card."""
    found = await session.exec(
        select(Message)
        .where(Message.channel == channel, _stale(), _free(now))
        .order_by(col(Message.ts).is_(None), col(Message.id))
        .limit(50)
    )
    ready = []
    for message in found:
        if message.in_thread and message.ts is None and await _card_of(session, message) is None:
            continue
        ready.append(message)
    return ready


async def _next_due(session: AsyncSession, channel: str, now: datetime) -> datetime | None:
    found = await session.exec(
        select(Message.retry_at, Message.leased_until).where(Message.channel == channel, _stale())
    )
    due = [at for row in found for at in row if at is not None and at > now]
    return min(due, default=None)


async def _card_of(session: AsyncSession, message: Message) -> Place | None:
    """Return where the card is under whose thread a message belongs, if it has been posted."""
    found = await session.exec(
        select(Message.channel, Message.ts).where(
            Message.case_id == message.case_id, Message.kind == MessageKind.CASE, col(Message.ts).is_not(None)
        )
    )
    row = found.first()
    return Place(row[0], row[1] or "") if row else None


async def _take(desk: Desk, session: AsyncSession, message_id: int) -> _Work | None:
    """Lease the message if it is stale and free, and render what it must show, in one transaction."""
    now = desk.now()
    leased = await session.exec(
        update(Message)
        .where(col(Message.id) == message_id, _stale(), _free(now))
        .values(leased_until=now + LEASE * desk.speed, retry_at=None)  # a call takes its time, however fast ours flies
        .returning(Message)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    message: Message | None = leased.scalar()
    if message is None:
        return None
    card = await _card_of(session, message) if message.in_thread else None
    if message.in_thread and card is None:
        message.leased_until = None
        session.add(message)
        return None
    if card is not None:  # a team may have moved to another channel since; the thread has not
        message.channel = card.channel
    view = await view_of(desk, session, message)
    if view is None:
        message.shown_version, message.leased_until = message.version, None
        session.add(message)
        return None
    since = message.posting_since
    if message.ts is None and since is None:
        message.posting_since = now
        session.add(message)
    return _Work(message, view, card.ts if card else None, since)


async def _carry_out(desk: Desk, work: _Work) -> _Done:
    message, now = work.message, desk.now()
    try:
        if message.ts is not None:
            await revise(desk.slack, Place(message.channel, message.ts), work.view)
            return _Done(Place(message.channel, message.ts))
        if work.since is not None:
            found = await find(desk.slack, message.channel, message.key, since=work.since, thread_ts=work.thread_ts)
            if found is not None:  # it was posted after all; whether what it shows is level is not known
                return _Done(await revise(desk.slack, found, work.view))
        return _Done(await post(desk.slack, message.channel, message.key, work.view, thread_ts=work.thread_ts))
    except SlackLater as later:
        return _Done(retry_at=now + later.wait, problem="ratelimited")
    except SlackDown as down:
        return _Done(retry_at=now + TRY_AGAIN, problem="unreachable", unknown=down.maybe_done)
    except SlackRefuses as refusal:
        log.warning("Slack refuses a message", kind=message.kind, channel=message.channel, reason=refusal.error)
        return _Done(retry_at=now + TRY_MUCH_LATER, problem=refusal.error, vanished=refusal.error in GONE)


async def _record(session: AsyncSession, work: _Work, done: _Done) -> bool:
    """Write down what came of it and end the lease; tells whether the message went stale again meanwhile."""
    message = await session.get_one(Message, work.message.id, with_for_update=db.HELD)
    message.leased_until, message.retry_at, message.problem = None, done.retry_at, done.problem
    if done.place is not None:
        message.channel, message.ts = done.place.channel, done.place.ts
        message.shown_version, message.posting_since = work.message.version, None
    elif done.vanished:
        await _gone(session, message, work)
    elif message.ts is None and not done.unknown and work.since is None:
        message.posting_since = None  # Slack said no: it is surely not posted
    session.add(message)
    return done.place is not None and message.shown_version < message.version


async def _gone(session: AsyncSession, message: Message, work: _Work) -> None:
    """A message or its reader is gone: an open case's card comes back, anything else stays away."""
    case = await cases.get(session, message.case_id) if message.case_id is not None else None
    if message.kind is MessageKind.CASE and case is not None and case.status in OPEN:
        message.ts, message.posting_since, message.retry_at = None, None, None
    else:
        message.shown_version, message.retry_at = work.message.version, None
