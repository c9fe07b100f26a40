"""Make Slack's messages equal to the state: cards, questions, thread messages.

A message is stale while `shown_version < version`; it is written to Slack again and again until it is level.
When Slack surely shows just that already, it is level without a call.

Only one process writes a message at a time: it takes a lease with a conditional UPDATE, and gives up before the lease
ends. When we do not know whether a post arrived, we look for it in Slack (by the key in its metadata) before we post
again. Slack may still carry out a call that we gave up: such a message is looked at and written once more after DOUBT,
and what then stands there twice is deleted.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import col, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import reminders
from bot.desk import Desk, TeamDesk
from bot.domain.case import OPEN
from bot.logs import trace
from bot.models import PUT_OFF, Case, Message, MessageKind
from bot.slack import naming, troubles
from bot.slack.calls import (
    CLOSED,
    REFUSED_TOKEN,
    Place,
    SlackDown,
    SlackLater,
    SlackRefuses,
    conversation,
    find,
    in_background,
    in_turn,
    key_at,
    post,
    remove,
    revise,
)
from bot.slack.rendering import team_of, view_of
from bot.views.block import View

log = structlog.get_logger()

TURN, LEASE = 2, 3
"""In times that one call may take: how long all calls of one turn may take together, and how long the lease lasts.

After the lease, the message of a process that crashed is free again.
"""
DOUBT = timedelta(minutes=2)
"""How long after we gave a call up Slack may still carry it out."""
PATIENCE = 1.0
"""Seconds after which a call that is still running no longer holds up the next messages of its channel."""
MAX_AT_ONCE = 5
"""How many messages of one channel may be on their way to Slack at the same time."""
AT_A_TIME = 50
"""How many updates, and how many new messages, are looked up at once."""
TRY_AGAIN = timedelta(seconds=5)
TRY_MUCH_LATER = timedelta(minutes=2)
GONE = frozenset({"message_not_found", "user_disabled", "user_not_found"})
"""Refusals after which it is useless to try again: the message was deleted, or its reader has left."""
OF_THE_TEAM = frozenset({MessageKind.CASE, MessageKind.DIGEST, MessageKind.ACCOUNT_PROBLEM})
"""The kinds that stand in the channel of the team; all others are in a thread, or for whoever is asked or told."""


_Turn = asyncio.Task[datetime | None]
"""The writing of one message; its result is when Slack lets us write it, if it asked us to wait."""


async def sync(desk: Desk, case_id: int) -> None:
    """Update the messages of a case now; new ones are left to the lanes of their channels."""
    async with desk.reading() as session:
        found = await session.exec(
            select(Message.id, Message.channel, Message.ts).where(Message.case_id == case_id, _stale())
        )
        stale, behind = found.all(), await reminders.behind(session, case_id)
    if behind:
        await _follow(desk, behind)
    for message_id, _, ts in stale:
        if ts is not None:
            await level(desk, message_id)
    wake(desk, {channel for _, channel, ts in stale if ts is None})


async def drain(desk: Desk, channel: str) -> datetime | None:
    """Bring all messages of a channel level, updates first; return when to continue if something has to wait.

    One with which Slack is slow holds up no other.
    """
    desk = replace(desk, slack=in_background(desk.slack))
    running = set[_Turn]()
    held = dict[bool, datetime]()  # until when Slack takes no updates (False), no new messages (True)
    try:
        while True:
            now = desk.now()
            held = {is_new: until for is_new, until in held.items() if until > now}
            async with desk.reading() as session:
                ready = await _ready(session, channel, now, held)
                if not ready and not running:
                    return await _next_due(session, channel, desk.now(), held)
            for message_id, is_new in ready:
                task = asyncio.create_task(_level_or_put_off(desk, message_id))
                running = await _going_on({*running, task}, task)
                later = None if task in running else task.result()
                if is_new or later:
                    held[is_new] = later or now + timedelta(seconds=desk.settings.slack_pace)
                    break
            else:
                if running:
                    running = await _going_on(running, *running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _going_on(running: set[_Turn], *awaited: _Turn) -> set[_Turn]:
    """Wait for one of these tasks, but not longer than our patience; return those of all that still run."""
    await asyncio.wait(awaited, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if sum(not task.done() for task in running) >= MAX_AT_ONCE:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    return {task for task in running if not task.done()}


async def _level_or_put_off(desk: Desk, message_id: int) -> datetime | None:
    """Bring a message level; one that we cannot show is tried again later, so that it does not block the others."""
    try:
        return await level(desk, message_id)
    except Exception as error:
        log.error("a message cannot be shown", message=message_id, **trace(error))
        async with desk.session() as session:
            await session.exec(
                update(Message)
                .where(col(Message.id) == message_id)
                .values(retry_at=desk.now() + TRY_MUCH_LATER, leased_until=None, problem="fault")
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
        found = await session.exec(select(Message.channel).where(_stale(), _free(desk.now())).distinct())
        channels = found.all()
    wake(desk, channels)


async def _follow(desk: Desk, message_ids: Sequence[int]) -> None:
    """Mark lists of reminders as stale of which a case changed, and wake their lanes."""
    async with desk.session() as session:
        channels = await reminders.follow(session, message_ids)
    wake(desk, channels)


async def _look_again(desk: Desk) -> None:
    """Mark messages as stale whose doubt is over: Slack does no more now of what we gave up.

    Only those that nobody holds: we do not hold their cases, and whoever does takes messages in an order of its own.
    """
    over = col(Message.posting_since) <= desk.now() - DOUBT * desk.speed
    doubted = select(Message.id).where(over, col(Message.ts).is_not(None), ~_stale())
    async with desk.reading() as session:
        found = (await session.exec(doubted.limit(1))).first()
    if found is not None:
        async with desk.session() as session:
            free = doubted.with_for_update(key_share=True, skip_locked=True)
            marked = update(Message).where(col(Message.id).in_(free)).values(version=col(Message.version) + 1)
            await session.exec(marked.execution_options(synchronize_session=False))


def wake(desk: Desk, channels: Iterable[str]) -> None:
    """Wake the lanes of these channels."""
    for channel in channels:
        desk.wake(f"messages:{channel}")


async def level(desk: Desk, message_id: int) -> datetime | None:
    """Bring one message level; what Slack does not take is tried again later: from when on, if Slack asked to wait."""
    while True:
        async with desk.session() as session:
            lease = await _take(desk, session, message_id)
        if lease is None:
            return None
        result = await _write(lease)
        async with desk.session() as session:
            stale_again, follow = await _record_card(session, lease, result, desk.now())
        wake(desk, follow)
        await _note_trouble(lease, result)
        if not stale_again:
            return result.later


@dataclass(frozen=True)
class _Lease:
    """A message that only we may write now, and what it must show.

    `began` is when we took it. `since` is when an earlier call began that Slack may have carried out, or may yet.
    Without a `view` it has nothing to say any more: it is only looked for, as Slack may have it after all, or twice.
    `named` is how other cards name the case of a card, None for any other message. `is_shown`: Slack surely shows the
    view, so that there is nothing to write.
    """

    desk: TeamDesk
    message: Message
    view: View | None
    thread_ts: str | None
    began: datetime
    since: datetime | None
    named: str | None = None
    is_shown: bool = False


@dataclass(frozen=True)
class _Result:
    """Where the message is now, or why it was not written and when to try again.

    Without a `place` and a `problem`, Slack does not have it, and it has nothing to say any more.
    `later` is until when Slack takes no such call, of this message or another; `retry_at` is for this message only.
    `unknown`: Slack may have taken it; `late`: it may take it yet. `vanished`: the message or its reader no longer
    exists.
    """

    place: Place | None = None
    later: datetime | None = None
    retry_at: datetime | None = None
    problem: str = ""
    unknown: bool = False
    late: bool = False
    vanished: bool = False


async def _note_trouble(lease: _Lease, result: _Result) -> None:
    """Note that Slack does not let us write in this channel or at all, or does so again."""
    desk, message = lease.desk, lease.message
    if result.problem in REFUSED_TOKEN:
        await troubles.note(desk, troubles.EVERYWHERE, result.problem)
    elif result.problem in CLOSED and message.channel.startswith(("C", "G")):
        await troubles.note(desk, message.channel, result.problem, team_id=desk.team.id)
    elif result.place is not None and message.problem in CLOSED | REFUSED_TOKEN:
        await troubles.note_end(desk, message.channel if message.problem in CLOSED else troubles.EVERYWHERE)


_CARD = aliased(Message)
_HAS_CARD = exists().where(
    col(_CARD.case_id) == Message.case_id, col(_CARD.kind) == MessageKind.CASE, col(_CARD.ts).is_not(None)
)


def _stale() -> ColumnElement[bool]:
    return col(Message.shown_version) < col(Message.version)


def _free(now: datetime) -> ColumnElement[bool]:
    lease, retry = col(Message.leased_until), col(Message.retry_at)
    return or_(lease.is_(None), lease <= now) & or_(retry.is_(None), retry <= now)


async def _ready(session: AsyncSession, channel: str, now: datetime, held: Collection[bool]) -> list[tuple[int, bool]]:
    """Return the free stale messages of a channel, and which are new: updates first, then new ones in order.

    `held` names what to leave out: updates (False), new messages (True).

    A message in a thread waits for its card. The kinds are not read: a row of a kind that only a newer version of this
    program knows must not block the others.
    """
    changed = col(Message.ts).is_not(None)
    writable = {False: changed, True: ~changed & or_(col(Message.in_thread).is_(False), _HAS_CARD)}
    ready = list[tuple[int, bool]]()
    for is_new, these in writable.items():  # each along an index of its own: thousands may wait to be posted
        if is_new not in held:
            free = select(Message.id).where(Message.channel == channel, _stale(), _free(now), these)
            found = await session.exec(free.order_by(col(Message.id)).limit(AT_A_TIME))
            ready += [(message_id, is_new) for message_id in found]
    return ready


async def _next_due(
    session: AsyncSession, channel: str, now: datetime, held: Mapping[bool, datetime]
) -> datetime | None:
    waiting = select(Message.id).where(Message.channel == channel, _stale()).limit(1)
    put_off = select(Message.retry_at, Message.leased_until).where(Message.channel == channel, _stale(), PUT_OFF)
    due = [at for moments in await session.exec(put_off) for at in moments if at is not None and at > now]
    for is_new, until in held.items():
        if until > now and (await session.exec(waiting.where(col(Message.ts).is_(None).is_(is_new)))).first():
            due.append(until)
    return min(due, default=None)


async def card_of(session: AsyncSession, case_id: int | None) -> Place | None:
    """Return where the card of a case is, if it has been posted."""
    return (await cards_of(session, [case_id])).get(case_id) if case_id is not None else None


async def cards_of(session: AsyncSession, case_ids: Collection[int]) -> dict[int, Place]:
    """Return where the cards of these cases are, of those that have been posted."""
    found = await session.exec(
        select(Message.case_id, Message.channel, Message.ts).where(
            col(Message.case_id).in_(case_ids), Message.kind == MessageKind.CASE, col(Message.ts).is_not(None)
        )
    )
    return {case_id: Place(channel, ts) for case_id, channel, ts in found if case_id is not None and ts is not None}


async def _card_above(session: AsyncSession, message: Message) -> Place | None:
    """Return where the card is in whose thread a message stands, or will stand.

    What Slack may have of it is under the card in its channel, also when another team has the case by now.
    """
    if message.ts is None and message.posting_since is None:
        return await card_of(session, message.case_id)
    headed = select(Message.channel, Message.ts).where(
        Message.case_id == message.case_id,
        Message.channel == message.channel,
        col(Message.kind).in_([MessageKind.CASE, MessageKind.FORMER]),
        col(Message.ts).is_not(None),
    )
    found = (await session.exec(headed.order_by(col(Message.id).desc()).limit(1))).first()
    return Place(found[0], str(found[1])) if found else await card_of(session, message.case_id)


async def any_shown(session: AsyncSession) -> bool:
    """Tell whether a message of ours was ever shown in Slack."""
    return (await session.exec(select(Message.id).where(col(Message.ts).is_not(None)).limit(1))).first() is not None


async def waiting(session: AsyncSession) -> list[tuple[str, str, int]]:
    """Return what Slack refused the last time and what still waits: channel, Slack's error, and how many messages."""
    refused = select(Message.channel, Message.problem, func.count()).where(_stale(), Message.problem != "")
    return list(await session.exec(refused.group_by(Message.channel, Message.problem).order_by(Message.channel)))


async def case_of_thread(desk: TeamDesk, thread: Place) -> int | None:
    """Return the case whose card heads a thread, also of a team that handed it over; or None.

    Slack may show a card before we have stored where it is; then Slack is asked for the key of that message.
    """
    being_posted = col(Message.ts).is_(None) & col(Message.posting_since).is_not(None)
    async with desk.reading() as session:
        found = await session.exec(
            select(Message)
            .where(Message.channel == thread.channel, col(Message.kind).in_([MessageKind.CASE, MessageKind.FORMER]))
            .where(or_(col(Message.ts) == thread.ts, being_posted))
        )
        cards = found.all()
    known = next((card for card in cards if card.ts is not None), None)
    if known is None and cards:
        key = await key_at(desk.slack, thread)
        known = next((card for card in cards if card.key == key), None)
    return known.case_id if known else None


async def _take(desk: Desk, session: AsyncSession, message_id: int) -> _Lease | None:
    """Lease a message if it is stale and free, and render it in the same transaction."""
    now = desk.now()
    leased = await session.exec(
        update(Message)
        .where(col(Message.id) == message_id, _stale(), _free(now))
        .values(leased_until=now + _lease_of(desk), retry_at=None)
        .returning(Message)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    message: Message | None = leased.scalar()
    if message is None:
        return None
    card = await _card_above(session, message) if message.in_thread else None
    if message.in_thread and card is None and message.ts is None:
        message.leased_until = None
        session.add(message)
        return None
    if card is not None:  # the team may have another channel by now; the thread stays under its card
        message.channel = card.channel
    team_desk = desk.of(await team_of(session, message))
    view = await view_of(team_desk, session, message)
    since = message.posting_since
    session.add(message)
    if view is None and since is None:
        message.shown_version, message.leased_until = message.version, None
        return None
    is_shown = since is None and _surely_shows(message, view)
    message.shown = ""  # from here until the result is certain, nobody knows what Slack shows
    if message.ts is None and since is None:
        message.posting_since = now
    named = None
    if message.kind is MessageKind.CASE and message.case_id is not None:
        named = naming.named_as(await session.get_one(Case, message.case_id))
    return _Lease(team_desk, message, view, card.ts if card else None, now, since, named, is_shown)


def _surely_shows(message: Message, view: View | None) -> bool:
    """Tell whether Slack shows exactly this view: its last write succeeded, with the same content."""
    is_written = view is not None and message.ts is not None and not message.problem
    return view is not None and is_written and message.shown == _shown(message, view)


def _shown(message: Message, view: View) -> str:
    """Return what is stored of a view that Slack shows; it counts only with the version that was shown."""
    return f"{message.shown_version}:{view.digest}"


def _lease_of(desk: Desk) -> timedelta:
    """Return how long a lease lasts: as long in Slack's time, however fast our clock runs."""
    return timedelta(seconds=LEASE * desk.settings.slack_timeout) * desk.speed


async def _write(lease: _Lease) -> _Result:
    """Write a message to Slack, and give up well before the lease ends."""
    desk, message, now = lease.desk, lease.message, lease.began
    try:
        async with asyncio.timeout(TURN * desk.settings.slack_timeout):
            return _Result(await _put(lease))
    except SlackLater as later:
        return _Result(later=now + later.wait, problem="ratelimited")
    except SlackDown as down:
        return _Result(retry_at=now + TRY_AGAIN, problem="unreachable", unknown=down.maybe_done, late=down.maybe_late)
    except TimeoutError:
        return _Result(retry_at=now + TRY_AGAIN, problem="unreachable", unknown=True, late=True)
    except SlackRefuses as refusal:
        log.warning("Slack refuses a message", kind=message.kind, channel=message.channel, reason=refusal.error)
        return _Result(retry_at=now + TRY_MUCH_LATER, problem=refusal.error, vanished=refusal.error in GONE)


async def _put(lease: _Lease) -> Place | None:
    """Post or update the message, and delete what Slack has of it besides; raises as `call` does."""
    client, message = lease.desk.slack, lease.message
    place = Place(message.channel, message.ts) if message.ts is not None else None
    channel = await conversation(client, message.channel)
    if lease.since is not None or channel != message.channel:  # more calls follow, and the turn has room for both
        client = in_turn(client, (TURN - 1) * lease.desk.settings.slack_timeout)
    if lease.since is not None:
        since = min(lease.since, datetime.fromtimestamp(float(place.ts), UTC)) if place else lease.since
        found = await find(client, channel, message.key, since=since, thread_ts=lease.thread_ts)
        place = place or next(iter(found), None)  # it was posted after all, perhaps with older content
        for surplus in found:
            if surplus != place:
                await remove(client, surplus)
    if lease.view is None or lease.is_shown:
        return place
    if place is None:
        return await post(client, channel, message.key, lease.view, thread_ts=lease.thread_ts)
    return await revise(client, place, lease.view)


async def _record_card(
    session: AsyncSession, lease: _Lease, result: _Result, now: datetime
) -> tuple[bool, Collection[str]]:
    """Store the result as `_record` does; return also the channels of the cards that name the case of this card."""
    card, name = lease.message, lease.named
    if name is None:
        return await _record(session, lease, result, now), ()
    others = await naming.lock_others(session, card, name, result.place)
    stale_again = await _record(session, lease, result, now)
    stored = await session.get_one(Message, card.id)
    if stored.kind is not MessageKind.CASE:
        return stale_again, ()
    return stale_again, await naming.let_follow(session, stored, card, name, result.place, others)


async def _record(session: AsyncSession, lease: _Lease, result: _Result, now: datetime) -> bool:
    """Store the result and end the lease; return whether the message became stale again in the meantime."""
    message = await session.get_one(Message, lease.message.id, with_for_update=db.HELD)
    session.add(message)
    if message.leased_until != lease.message.leased_until:
        return _overtaken(message, lease, result, now)
    message.leased_until, message.retry_at, message.problem = None, result.retry_at, result.problem
    if result.place is not None:
        _placed(message, lease, result.place)
    elif not result.problem:
        _not_there(message, lease)
    elif result.vanished:
        await _gone(session, message, lease)
    elif result.problem in CLOSED:
        await _follow_the_team(session, message, lease)
    elif message.ts is not None and result.late:
        message.posting_since = lease.began
    elif message.ts is None and not result.unknown and lease.since is None:
        message.posting_since = None  # Slack refused: it was certainly not posted
    return result.place is not None and message.shown_version < message.version


def _placed(message: Message, lease: _Lease, place: Place) -> None:
    """Store that Slack shows the message. While a call that we gave up may yet be carried out, the doubt goes on."""
    was_new, overtook = lease.message.ts is None, message.posting_since != lease.message.posting_since
    message.channel, message.ts, message.shown_version = place.channel, place.ts, lease.message.version
    if overtook or lease.since is None:
        message.posting_since = message.posting_since if overtook else None
    elif was_new:
        message.posting_since = lease.began
    elif lease.began - lease.since >= DOUBT * lease.desk.speed:
        message.posting_since = None
    message.shown = _shown(message, lease.view) if lease.view and message.posting_since is None else ""


def _not_there(message: Message, lease: _Lease) -> None:
    """Leave a message that has nothing to say any more, once no call that we gave up can bring it to Slack."""
    doubt, since = DOUBT * lease.desk.speed, lease.since or lease.began
    if lease.message.problem or lease.began - since < doubt:
        message.retry_at = lease.began + doubt
    else:
        message.shown_version, message.posting_since = lease.message.version, None


def _overtaken(message: Message, lease: _Lease, result: _Result, now: datetime) -> bool:
    """Another writer took the message over while we wrote: the next turn makes good what Slack has of ours."""
    if result.unknown:
        message.shown = ""
    if result.place is None and not result.late:
        return False
    if lease.message.ts is None or result.late:
        message.posting_since = now  # Slack may have it twice
    if result.place is not None and message.ts is None:
        message.channel, message.ts = result.place.channel, result.place.ts
    message.version, message.shown = message.version + 1, ""  # what we wrote may be older than what it showed
    return True


async def _follow_the_team(session: AsyncSession, message: Message, lease: _Lease) -> None:
    """The channel is closed to us: what belongs in the team's channel comes there, if the team has another by now."""
    channel = lease.desk.team.channel
    if message.in_thread or message.kind not in OF_THE_TEAM or message.channel == channel:
        return
    case = await cases.get(session, message.case_id) if message.case_id is not None else None
    if message.ts is not None and (case is None or case.status not in OPEN):
        message.shown_version, message.retry_at = lease.message.version, None  # it is over; it stays where it is
    else:
        message.channel, message.ts, message.posting_since, message.retry_at = channel, None, None, None


async def _gone(session: AsyncSession, message: Message, lease: _Lease) -> None:
    """A message or its reader no longer exists: the card of an open case is posted again, anything else is left."""
    case = await cases.get(session, message.case_id) if message.case_id is not None else None
    if message.kind is MessageKind.CASE and case is not None and case.status in OPEN:
        message.ts, message.posting_since, message.retry_at = None, None, None
    else:
        message.shown_version, message.retry_at = lease.message.version, None
