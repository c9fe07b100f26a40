"""Make Slack's messages equal to the state: cards, questions, thread messages.

A message is stale while `shown_version < version`; it is written to Slack until it is level. The lane of each channel
does that, one message after another (bot/slack/writing.py writes one).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

import sqlalchemy
import structlog
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import Boolean, bindparam, exists, inspect
from sqlalchemy.orm import aliased
from sqlmodel import col, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.contextvars import bound_contextvars

from bot import cases, db
from bot.cases import reminders
from bot.desk import Desk
from bot.domain.signals import QUIETLY, Rank
from bot.logs import trace
from bot.models import PUT_OFF, CaseFile, Message, MessageKind, UtcDateTime
from bot.slack import address
from bot.slack.calls import book, full_until, in_background, in_front
from bot.slack.writing import (
    DOUBT,
    TRY_AGAIN,
    TRY_MUCH_LATER,
    Lease,
    Result,
    draw,
    is_as_leased,
    is_free,
    is_not_put_off,
    is_stale,
    note_trouble,
    record,
    render,
    take,
    take_updates,
    write,
)
from bot.wake import settle

log = structlog.get_logger()

PATIENCE = 1.0
"""Seconds after which a running call no longer holds up the next messages of its channel."""
MAX_AT_ONCE = 5
"""How many messages of one channel may be written to Slack at the same time."""
AT_A_TIME = 50
"""How many updates, and how many new messages, are read at once."""

_Turn = asyncio.Task[datetime | None]
"""The task that writes one message; its result is when Slack lets us write it, if it asked us to wait."""


class _Room(Enum):
    """What a message needs of the calls that Slack takes: each has moments of its own at which there is some again."""

    CLICKS = auto()
    """Of the edits, as much as clicks: what goes first, and what a colleague waits for."""
    REST = auto()
    """Of the edits, what clicks leave."""
    NEW = auto()
    """The next new message of the channel."""


async def sync(desk: Desk, case_id: int, *, is_awaited: bool = True) -> None:
    """Update the messages of a case now; new ones are left to the lanes of their channels.

    `is_awaited`: a colleague waits for it; what time did has only the room that clicks leave.
    """
    async with desk.reading() as session:
        rows = await (await session.connection()).execute(_STALE_OF_CASE, {"case": case_id, "now": desk.now()})
        stale, behind = rows.all(), await reminders.behind(session, case_id)
    if behind:
        await _follow(desk, behind)
    theirs = desk if is_awaited else replace(desk, slack=in_background(desk.slack))
    late = set[str]()
    for message_id, channel, is_for_now in stale:
        if not is_for_now or await _level_or_put_off(theirs, message_id):
            late.add(channel)
    wake(desk, late)


@asynccontextmanager
async def changing(
    desk: Desk, case_id: int, *, then: Callable[[], Awaitable[Any]] | None = None
) -> AsyncIterator[AsyncSession]:
    """Open a transaction that changes a case, and update its messages after it, as `sync` does.

    The messages are leased in the same transaction: for one of their own, the colleague who clicked would wait for a
    second durable commit. What the card shows is read there too, as it is at hand, while the call for it is booked; the
    card is drawn while the change is being stored. `then` is called in between, once the change is stored; it waits for
    nothing else.
    """
    drawing: asyncio.Task[Lease | None] | None = None
    try:
        async with desk.session() as session:
            yield session
            began = desk.now()
            leased = await _take_updates(desk, session, case_id, began)
            if leased and then is None:
                drawing = await _begin_drawing(desk, session, leased[0], began)
    except BaseException:
        if drawing is not None:
            drawing.cancel()
        raise
    if then is not None:
        await then()
    drawn = await drawing if drawing is not None else None
    for message in leased:
        await _update(desk, message, began, drawn)
        drawn = None
    await sync(desk, case_id)  # it wakes the lane of one for which there was no room, too


async def _take_updates(desk: Desk, session: AsyncSession, case_id: int, now: datetime) -> Sequence[Message]:
    """Lease as `take_updates`; none when one is of a kind that only a newer version knows, as that undoes no change."""
    try:
        leased = await take_updates(desk, session, case_id, now)
    except ValueError as error:
        log.error("a message cannot be shown", case=case_id, **trace(error))
        return []
    for message in leased:
        settle(session, f"messages:{message.channel}", message.id)
    return leased


async def _begin_drawing(
    desk: Desk, session: AsyncSession, card: Message, began: datetime
) -> asyncio.Task[Lease | None] | None:
    """Begin to draw a card that this transaction leased, once its case is read; None for another message."""
    if card.kind is not MessageKind.CASE or card.case_id is None or card.posting_since is not None:
        return None
    booking = asyncio.create_task(book(desk.slack, "chat.update", card.channel))
    await session.flush()
    session.expunge_all()  # what was changed by a statement is read anew
    with suppress(Exception):
        file = await cases.read(session, card.case_id)
        return asyncio.create_task(_drawn(desk, card, file, began, booking))
    return None


async def _drawn(
    desk: Desk, card: Message, file: CaseFile, began: datetime, booking: asyncio.Task[AsyncWebClient]
) -> Lease | None:
    """Draw a card as `draw` does, for its booked call; None when that fails."""
    with suppress(Exception):
        lease = draw(desk, card, file, began)
        return replace(lease, desk=replace(lease.desk, slack=await booking))
    return None


async def _update(desk: Desk, message: Message, began: datetime, lease: Lease | None) -> None:
    """Bring a message level that was leased then, and perhaps rendered.

    One that cannot be rendered, or changed meanwhile, is leased anew and rendered in the transaction that holds it.
    """
    if lease is None:
        with suppress(Exception):  # a case that changes between two of its reads may be one that never was
            async with desk.reading() as session:
                lease = await render(desk, session, message, began)
                lease = lease if await is_as_leased(session, message) else None
    if lease is not None:
        await _level_leased(desk, lease)
        return
    ours = (col(Message.id) == message.id, col(Message.leased_until) == message.leased_until)
    async with desk.session(durable=False) as session:
        await session.exec(update(Message).where(*ours).values(leased_until=None))
    await _level_or_put_off(desk, message.id)


async def drain(desk: Desk, channel: str) -> datetime | None:
    """Bring all messages of a channel level, in `_ready`'s order; return when to continue if something has to wait.

    A message that Slack is slow to take does not hold up the others. One that goes first has as much room as a click:
    while colleagues click all the time, there is no other. So has one that a colleague who clicked waits for.
    """
    await address.recall(desk)
    background = replace(desk, slack=in_background(desk.slack))
    running = set[_Turn]()
    held = dict[_Room, datetime]()  # until when Slack has none
    if (until := await full_until(desk.slack, "chat.postMessage", channel)) is not None:
        held[_Room.NEW] = until
    try:
        while True:
            now = desk.now()
            held = {room: until for room, until in held.items() if until > now}
            async with desk.reading() as session:
                ready = await _ready(session, channel, now, held)
                if not ready and not running:
                    return await _next_due(session, channel, now, held)
            for turn, message_id, room in ready:
                theirs = desk if turn == Rank.FIRST else background
                task = asyncio.create_task(_level_or_put_off(theirs, message_id))
                running.add(task)  # before we wait: who stops this lane must stop all its tasks
                running = await _going_on(running, task)
                later = None if task in running else task.result()
                if room is _Room.NEW or later:
                    held[room] = later or now + timedelta(seconds=desk.settings.slack_pace)
                    break
                if len(running) > 1:  # Slack is slow: what came meanwhile may go before the others
                    break
            else:
                if running:
                    running = await _going_on(running, *running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _going_on(running: set[_Turn], *awaited: _Turn) -> set[_Turn]:
    """Wait until one of `awaited` is done, at most PATIENCE; return the tasks of `running` that still run.

    What one of them raised ends the lane, whichever of them we waited for: the database is gone.
    """
    await asyncio.wait(awaited, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if sum(not task.done() for task in running) >= MAX_AT_ONCE:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    ended = {task for task in running if task.done()}
    for task in ended:
        task.result()
    return running - ended


async def _level_or_put_off(desk: Desk, message_id: int) -> datetime | None:
    """Bring a message level; one that we cannot render is tried again later, so that it does not block the others.

    What the database refuses at this moment, such as one side of a deadlock, or while it has no free connection, is
    tried again soon.
    """
    try:
        return await level(desk, message_id)
    except Exception as error:
        log.error("a message cannot be shown", message=message_id, **trace(error))
        wait = TRY_AGAIN if db.is_gone(error) else TRY_MUCH_LATER
        async with desk.session() as session:
            await session.exec(
                update(Message)
                .where(col(Message.id) == message_id)
                .values(retry_at=desk.now() + wait, leased_until=None, problem="fault")
            )
        return None


async def wake_lanes(desk: Desk) -> None:
    """Wake the lanes of all channels that have stale messages which can be written now."""
    await _look_again(desk)
    async with desk.reading() as session:
        behind = await reminders.behind(session)
    if behind:
        await _follow(desk, behind)
    async with desk.reading() as session:
        free = await (await session.connection()).execute(_CHANNELS, {"now": desk.now()})
        channels = free.scalars().all()
    wake(desk, channels)


async def _follow(desk: Desk, message_ids: Sequence[int]) -> None:
    """Mark lists of reminders whose cases changed as stale, and wake their lanes."""
    async with desk.session() as session:
        channels = await reminders.follow(session, message_ids)
    wake(desk, channels)


async def _look_again(desk: Desk) -> None:
    """Mark messages whose doubt is over as stale: Slack will no longer carry out the calls that we gave up.

    Only messages that nobody has locked: we do not lock their cases, and those who do lock messages in another order.
    """
    over = {"over": desk.now() - DOUBT * desk.speed}
    async with desk.reading() as session:
        doubtful = (await (await session.connection()).execute(_ANY_DOUBTED, over)).first()
    if doubtful is not None:
        async with desk.session() as session:
            await (await session.connection()).execute(_LOOKING_AGAIN, over)


def lane_of(message: Message) -> str | None:
    """Return the lane for which a message that was just stored is new work, if it is any."""
    changed = inspect(message).attrs.version.history.has_changes()
    is_ready = message.leased_until is None and message.retry_at is None
    return f"messages:{message.channel}" if changed and is_ready and message.shown_version < message.version else None


def wake(desk: Desk, channels: Iterable[str]) -> None:
    """Wake the lanes of these channels."""
    for channel in channels:
        desk.wake(f"messages:{channel}")


async def level(desk: Desk, message_id: int) -> datetime | None:
    """Bring one message level, or leave it for a later try; return when that may be, if Slack asked to wait."""
    async with desk.session() as session:
        lease = await take(desk, session, message_id)
    return await _level_leased(desk, lease) if lease is not None else None


async def _level_leased(desk: Desk, lease: Lease) -> datetime | None:
    """Write a leased message, and again if it became stale in the meantime; return as `level` does."""
    with bound_contextvars(message=lease.message.id, case=lease.message.case_id):
        result = await write(lease)
        # If the power fails, the message is still leased: it is written again, or looked for, when the lease is over.
        async with desk.session(durable=False) as session:
            stale_again, follow = await record(session, lease, result, desk.now())
        wake(desk, follow)
        _tell(desk, lease, result)
        await note_trouble(lease, result)
    if not stale_again:
        return result.later
    return await level(replace(desk, slack=in_front(desk.slack)), lease.message.id)  # somebody may just have clicked


def _tell(desk: Desk, lease: Lease, result: Result) -> None:
    """Log that a message was posted, and note how long a new case waited for its card.

    A card that is posted again, or in the channel of another team, is not timed.
    """
    if result.place is None or lease.message.ts is not None:
        return
    log.info("a message was posted", kind=lease.message.kind)
    if lease.opened_at is not None and not lease.message.shown_version:
        desk.meters.carded.observe((desk.now() - lease.opened_at).total_seconds())


_CARD = aliased(Message)
_HAS_CARD = exists().where(
    col(_CARD.case_id) == Message.case_id, col(_CARD.kind) == MessageKind.CASE, col(_CARD.ts).is_not(None)
)
# What each click, wake of a lane and sweep runs is built once: to build a statement takes longer than to run it.
_NOW = bindparam("now", type_=UtcDateTime)
_CHANNELS = sqlalchemy.select(col(Message.channel)).where(is_stale(), is_free(_NOW)).distinct()
_DOUBTED = sqlalchemy.select(col(Message.id)).where(
    col(Message.posting_since) <= bindparam("over", type_=UtcDateTime), col(Message.ts).is_not(None), ~is_stale()
)
SOUGHT: Sequence[Any] = (_DOUBTED, reminders.BEHIND, _CHANNELS)
"""What `wake_lanes` looks for."""
_ANY_DOUBTED = _DOUBTED.limit(1)
_MESSAGES = db.table_of(Message)
_LOOKING_AGAIN = (
    sqlalchemy.update(_MESSAGES)
    .where(_MESSAGES.c.id.in_(_DOUBTED.with_for_update(key_share=True, skip_locked=True)))
    .values(version=_MESSAGES.c.version + 1)
)
# Also what another writes at this moment: mostly it is done by the time we may lease it.
_STALE_OF_CASE = db.short(
    sqlalchemy.select(col(Message.id), col(Message.channel), col(Message.ts).is_not(None) & is_not_put_off(_NOW)).where(
        col(Message.case_id) == bindparam("case"), is_stale()
    )
)
_STALE = (col(Message.channel) == bindparam("channel"), is_stale())
_IS_NEW, _IS_FIRST = col(Message.ts).is_(None), col(Message.rank) == Rank.FIRST
_IS_AWAITED = col(Message.awaited_at).is_not(None)
_IS_HURRIED = or_(_IS_FIRST, _IS_AWAITED)
_FREE = sqlalchemy.select(col(Message.id), col(Message.rank)).where(*_STALE, is_free(_NOW))
_HAS_ROOM = or_(
    bindparam("for_clicks", type_=Boolean) & _IS_HURRIED, bindparam("for_the_rest", type_=Boolean) & ~_IS_HURRIED
)
_UPDATES = (
    _FREE.add_columns(_IS_HURRIED)
    .where(~_IS_NEW, _HAS_ROOM)
    .order_by(
        sqlalchemy.case((_IS_FIRST, 0), (_IS_AWAITED, 1), (col(Message.rank) < QUIETLY, 2), else_=3),
        col(Message.awaited_at).nulls_first(),
        sqlalchemy.case((col(Message.rank) == bindparam("preferred"), 0), else_=1),
        col(Message.written_at).nulls_first(),
        col(Message.id),
    )
    .limit(AT_A_TIME)
)
"""The free updates of a channel for which there may be room. Those awaited longest go before the others of their kind,
then those of a preferred rank, then those written longest ago: what changes all the time keeps no other waiting."""
_NEW = (
    _FREE.where(_IS_NEW, or_(col(Message.in_thread).is_(False), _HAS_CARD))
    .order_by(col(Message.rank), col(Message.id))
    .limit(AT_A_TIME)
)
"""The free new messages of a channel, in the order of an index: thousands may wait to be posted."""
_ANY = {
    room: sqlalchemy.select(col(Message.id)).where(*_STALE, these).limit(1)
    for room, these in {
        _Room.CLICKS: ~_IS_NEW & _IS_HURRIED,
        _Room.REST: ~_IS_NEW & ~_IS_HURRIED,
        _Room.NEW: _IS_NEW,
    }.items()
}
_PUT_OFF = sqlalchemy.select(col(Message.retry_at), col(Message.leased_until)).where(*_STALE, PUT_OFF)


async def _ready(
    session: AsyncSession, channel: str, now: datetime, held: Collection[_Room]
) -> list[tuple[int, int, _Room]]:
    """Return the free stale messages of a channel: their turn, their id, and the room that they need.

    Those that go first come first, the new ones before the others, and those that a colleague waits for after them;
    then other updates, then what else is new, then what nothing happened to. There is no room in those `held`.

    A message in a thread waits for its card. The kind is not read: a row of a kind that only a newer version of this
    program knows must not block the others.
    """
    connection, asked = await session.connection(), {"channel": channel, "now": now}
    ready = list[tuple[int, int, _Room]]()
    room = {"for_clicks": _Room.CLICKS not in held, "for_the_rest": _Room.REST not in held}
    if any(room.values()):
        updates = await connection.execute(_UPDATES, {**asked, **room, "preferred": _preferred(now)})
        for id, rank, is_hurried in updates:
            turn = Rank.FIRST if is_hurried else rank if rank >= QUIETLY else Rank.SOON
            ready.append((turn, id, _Room.CLICKS if is_hurried else _Room.REST))
    if _Room.NEW not in held:
        ready += [(rank, id, _Room.NEW) for id, rank in await connection.execute(_NEW, asked)]
    return sorted(ready, key=lambda each: (each[0], each[2] is not _Room.NEW))


def _preferred(now: datetime) -> Rank:
    """Return which of the updates that nobody waits for come first now, when there may be room for one in ten seconds.

    About two in three times it is what many read, such as roll-ups; hundreds of cards may have changed at once, too.
    """
    return Rank.LATER if int(now.timestamp()) // 10 % 3 == 0 else Rank.SOON


async def _next_due(
    session: AsyncSession, channel: str, now: datetime, held: Mapping[_Room, datetime]
) -> datetime | None:
    """Return when more is due in a channel than what was ready at `now`: it may be so already."""
    connection, channels = await session.connection(), {"channel": channel}
    put_off = await connection.execute(_PUT_OFF, channels)
    due = [at for moments in put_off for at in moments if at is not None and at > now]
    for room, until in held.items():
        if until > now and (await connection.execute(_ANY[room], channels)).first():
            due.append(until)
    return min(due, default=None)


async def waiting(session: AsyncSession) -> list[tuple[str, str, int]]:
    """Return what Slack refused last time and still waits: channel, Slack's error, and how many messages."""
    refused = select(Message.channel, Message.problem, func.count()).where(is_stale(), Message.problem != "")
    return list(await session.exec(refused.group_by(Message.channel, Message.problem).order_by(Message.channel)))
