"""Write one message to Slack: take it, render it, post or update it, and store the result.

When Slack surely shows exactly that already, the message is level without a call.

Only one process writes a message at a time: it takes a lease with a conditional UPDATE, and gives up before the lease
ends. When we do not know whether a post arrived, we look for it in Slack (by the key in its metadata) before we post
again. Slack may still carry out a call that we gave up: such a message is looked up and written once more after DOUBT,
and a duplicate is deleted.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy
import structlog
from sqlalchemy import ColumnElement, bindparam
from sqlmodel import col, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases import reminders
from bot.cases.follow_ups import OUT_OF_SIGHT
from bot.desk import Desk, TeamDesk
from bot.domain.case import OPEN, Status
from bot.domain.hours import NeverOpen, next_opening
from bot.domain.reminder import STANDS
from bot.domain.signals import QUIETLY
from bot.domain.slack_id import is_channel, is_person
from bot.models import (
    AGAIN,
    ASKED,
    NOT_TAKEN,
    RETURNED,
    Absence,
    Backlog,
    Called,
    Case,
    CaseFile,
    Escalation,
    FollowUp,
    Message,
    MessageKind,
    Reminder,
    Rollup,
    Unanswered,
    UtcDateTime,
)
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
    in_turn,
    is_in_background,
    post,
    remove,
    revise,
)
from bot.slack.places import card_above
from bot.slack.rendering import card_of, team_of, view_of
from bot.team import members, teams
from bot.team.digest_time import latest
from bot.team.settings import TeamSettings
from bot.views.block import View
from bot.views.slack_trouble import came_twice

log = structlog.get_logger()

TURN, LEASE = 2, 3
"""In multiples of the time of one call: how long all calls of one turn may take, and how long the lease lasts.

After the lease, the message of a process that crashed is free again.
"""
DOUBT = timedelta(minutes=2)
"""How long after we gave up a call Slack may still carry it out."""
TRY_AGAIN = timedelta(seconds=5)
TRY_MUCH_LATER = timedelta(minutes=2)
PLACING = frozenset({"chat.postMessage", "chat.update"})
"""What each message of a channel needs; other calls that Slack takes later hold up only the message they are for."""
LEFT = frozenset({"user_disabled", "user_not_found"})
UNREACHED = LEFT | {"user_not_visible"}
"""Nobody reads it: they left, or we share no channel any more with somebody of another organisation
(https://docs.slack.dev/reference/methods/conversations.open)."""
GONE = UNREACHED | {"message_not_found", "cant_update_message", "edit_window_closed"}
"""Refusals after which a retry is useless: the message was deleted, an earlier app of ours wrote it, the workspace lets
it be edited no longer, or its reader cannot be reached."""
NO_CARD = "thread_not_found"
"""Slack's refusal of a message in the thread of a card that is gone: a person deleted it, or Slack did, which keeps
messages as long as the workspace says."""
OF_THE_TEAM = frozenset(
    {
        MessageKind.CASE,
        MessageKind.DIGEST,
        MessageKind.ACCOUNT_PROBLEM,
        MessageKind.BACKLOG,
        MessageKind.ROLLUP,
        MessageKind.SPIKE,
    }
)
"""The kinds that are posted in the team's channel; all others are in a thread, or for those asked or notified."""
TO_WHOLE_TEAM = frozenset({MessageKind.SECOND, MessageKind.REVIEW, MessageKind.NOTICE})
"""The kinds that are posted there outside threads, when they ask nobody by name."""


IN_OPENING_HOURS = frozenset(
    {
        MessageKind.URGENT,
        MessageKind.UNANSWERED,
        MessageKind.NO_ADVICE,
        MessageKind.REVIEW,
        MessageKind.AWAY,
        MessageKind.DIGEST,
    }
)
"""The kinds that the clock begins while the team is open: they wait if it closed by now."""
LOOK_AGAIN = timedelta(hours=1)
"""How long they wait at a time: whose team is concerned may change meanwhile. For other hours, see `hours_changed`."""


@dataclass(frozen=True)
class Lease:
    """A message that only we may write now, and what it must show.

    `began` is when we took it. `since` is when an earlier call began that Slack may have carried out, or still may.
    Without a `view` it has nothing to say any more: we only look for it, as Slack may have it after all, or twice.
    `named` is the name of the case on other cards, None for a message that is no card. `opened_at` is when its case
    came in, unless that was in another team. `is_shown`: Slack surely shows the view, so there is nothing to write.
    `opens_at`: the message is only looked for now, and waits until then if Slack does not have it.
    """

    desk: TeamDesk
    message: Message
    view: View | None
    thread_ts: str | None
    began: datetime
    since: datetime | None
    named: str | None = None
    opened_at: datetime | None = None
    is_shown: bool = False
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Result:
    """Where the message is now, or why it was not written and when to try again.

    Without a `place` and a `problem`, Slack does not have it, and it has nothing to say any more.
    `later` is until when Slack takes no such call, for this message or another; `retry_at` is for this message only.
    `waits`: a colleague who clicked waits for it, so that it is tried again at that very moment.
    `unknown`: Slack may have taken it; `late`: it still may. `vanished`: the message or its reader no longer exists.
    """

    place: Place | None = None
    later: datetime | None = None
    retry_at: datetime | None = None
    waits: bool = False
    problem: str = ""
    unknown: bool = False
    late: bool = False
    vanished: bool = False


def _is_of_the_team(message: Message) -> bool:
    """Tell whether a message belongs in its team's channel, by its kind, or as it asks nobody by name."""
    is_to_all = message.kind in TO_WHOLE_TEAM and is_channel(message.channel) and not message.in_thread
    return message.kind in OF_THE_TEAM or is_to_all


def is_stale() -> ColumnElement[bool]:
    """Return the condition that a message must be written."""
    return col(Message.shown_version) < col(Message.version)


def is_free(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that nobody writes a message now, and that it was not put off."""
    lease = col(Message.leased_until)
    return or_(lease.is_(None), lease <= now) & is_not_put_off(now)


def is_not_put_off(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that a message may be written now, unless somebody just does."""
    return or_(col(Message.retry_at).is_(None), col(Message.retry_at) <= now)


def is_in_arrears(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a message must be written and does not merely wait until its team opens."""
    return is_stale() & or_(col(Message.retry_at).is_(None), col(Message.retry_at) <= now, col(Message.problem) != "")


# Built once, for each writing: to build them takes longer than to run them.
_TO_WRITE = (
    select(Message)
    .where(is_stale(), is_free(bindparam("now", type_=UtcDateTime)))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_ONE = db.short(_TO_WRITE.where(col(Message.id) == bindparam("message")))
_UPDATES = db.short(
    _TO_WRITE.where(Message.case_id == bindparam("case"), col(Message.ts).is_not(None)).order_by(col(Message.id))
)
_MESSAGES = db.table_of(Message)
_LEASING = db.short(
    sqlalchemy.update(_MESSAGES)
    .where(_MESSAGES.c.id == bindparam("message"))
    .values(leased_until=bindparam("until"), retry_at=None, shown="")
)
_VERSION = db.short(sqlalchemy.select(_MESSAGES.c.version).where(_MESSAGES.c.id == bindparam("message")))


async def take(desk: Desk, session: AsyncSession, message_id: int) -> Lease | None:
    """Lease a message if it is stale and free, and render it in the same transaction."""
    now = desk.now()
    message = (await session.exec(_ONE, params={"message": message_id, "now": now})).first()
    return await _lease(desk, session, message, now) if message is not None else None


async def take_updates(desk: Desk, session: AsyncSession, case_id: int, now: datetime) -> Sequence[Message]:
    """Lease the stale and free messages of a case that Slack has; `render` renders each."""
    messages = (await session.exec(_UPDATES, params={"case": case_id, "now": now})).all()
    until = now + _lease_of(desk)
    if messages:
        leases = [{"message": each.id, "until": until} for each in messages]
        await (await session.connection()).execute(_LEASING, leases)
    for each in messages:
        session.expunge(each)  # what Slack showed before stays in it, until it is rendered
        each.leased_until, each.retry_at = until, None
    return messages


async def render(desk: Desk, session: AsyncSession, message: Message, began: datetime) -> Lease:
    """Render a message that `take_updates` leased then."""
    card = await card_above(session, message) if message.in_thread else None
    return await _rendered(desk, session, message, card, began)


def draw(desk: Desk, message: Message, file: CaseFile, began: datetime) -> Lease:
    """Render a card that `take_updates` leased then, of this case.

    It reads nothing, so that it can be done while the change that the card shows is being stored.
    """
    team_desk = desk.of(file.team)
    return _showing(team_desk, message, card_of(team_desk, message, file), file, None, began, None)


async def is_as_leased(session: AsyncSession, message: Message) -> bool:
    """Tell whether a message did not change since `take_updates` leased it: its case may be with others now."""
    version = (await (await session.connection()).execute(_VERSION, {"message": message.id})).scalar()
    return bool(version == message.version)


async def _lease(desk: Desk, session: AsyncSession, message: Message, now: datetime) -> Lease | None:
    """Lease a message that this transaction has locked; None when there is nothing to write now."""
    card = await card_above(session, message) if message.in_thread else None
    if message.in_thread and card is None and message.ts is None:
        return None
    opens_at = await _waits_for_opening(session, message, now) if message.ts is None else None
    if opens_at is not None and message.posting_since is None:
        message.leased_until, message.retry_at = None, opens_at
        message.problem = _standing(message.problem)
        session.add(message)
        return None
    lease = await _rendered(desk, session, message, card, now, opens_at)
    session.add(message)
    message.leased_until, message.retry_at = None, None
    if lease.view is None and lease.since is None:
        message.shown_version, message.awaited_at = message.version, None
        return None
    message.leased_until = now + _lease_of(desk)
    message.shown = ""  # from here until the result is certain, nobody knows what Slack shows
    if message.ts is None and lease.since is None:
        message.posting_since = now
    return lease


async def _rendered(
    desk: Desk,
    session: AsyncSession,
    message: Message,
    card: Place | None,
    now: datetime,
    opens_at: datetime | None = None,
) -> Lease:
    """Return what a message must show, below this `card` if it is in a thread, and its channel if it is a new one."""
    if card is not None:  # the team may have another channel now; the thread stays under its card
        message.channel = card.channel
    file = await cases.read(session, message.case_id) if message.kind is MessageKind.CASE and message.case_id else None
    team_desk = desk.of(file.team if file else await team_of(session, message))
    if _is_of_the_team(message) and not message.may_be_there:
        message.channel = team_desk.team.channel  # the team may have another one now
    view = await view_of(team_desk, session, message, file) if opens_at is None else None
    return _showing(team_desk, message, view, file, card, now, opens_at)


def _showing(
    desk: TeamDesk,
    message: Message,
    view: View | None,
    file: CaseFile | None,
    card: Place | None,
    now: datetime,
    opens_at: datetime | None,
) -> Lease:
    since = message.posting_since
    is_shown = since is None and _surely_shows(message, view)
    named = naming.named_as(file.case) if file else None
    opened_at = file.case.opened_at if file and not file.case.transfers else None
    thread_ts = card.ts if card else None
    return Lease(desk, message, view, thread_ts, now, since, named, opened_at, is_shown, opens_at)


async def hours_changed(session: AsyncSession) -> None:
    """Let all that waits for an opening be looked at again now: a team may open earlier than it used to."""
    kinds = col(Message.kind).in_({*IN_OPENING_HOURS, MessageKind.SECOND, MessageKind.NOTICE})
    await put_off_no_longer(session, col(Message.ts).is_(None), kinds)


async def put_off_no_longer(session: AsyncSession, *where: ColumnElement[bool]) -> None:
    """Let what was put off, all of it or only where this holds, be tried again now."""
    waits = (is_stale(), col(Message.retry_at).is_not(None), *where)
    free = select(Message.id).where(*waits).with_for_update(key_share=True, skip_locked=True)
    tries = update(Message).where(col(Message.id).in_(free)).values(retry_at=None)
    await session.exec(tries.execution_options(synchronize_session=False))


async def _waits_for_opening(session: AsyncSession, message: Message, now: datetime) -> datetime | None:
    """Return when to look again at a new message that its team is not to be notified of now, as it is closed."""
    by_the_clock = message.kind is MessageKind.SECOND and not message.in_thread
    by_the_clock |= message.kind is MessageKind.REPLY_PROBLEM and message.key.endswith(AGAIN)
    by_the_clock |= message.key.startswith(RETURNED)
    if message.kind not in IN_OPENING_HOURS and not by_the_clock:
        return None
    concerned = [await team_of(session, message)]
    if message.kind is MessageKind.DIGEST and latest(TeamSettings.of(concerned[0].settings), now) is not None:
        return None  # it is of this hour, so its team wants it now
    if message.kind is MessageKind.AWAY:
        concerned = list(await teams.of_person(session, Absence.of(message.details).owner)) or concerned
    opens_at = [now + LOOK_AGAIN]
    for team in concerned:
        with suppress(NeverOpen):
            opens_at.append(next_opening(TeamSettings.of(team.settings).hours(now), now))
    return min(opens_at) if min(opens_at) > now else None


def _surely_shows(message: Message, view: View | None) -> bool:
    """Tell whether Slack shows exactly this view: its last write succeeded, with the same content."""
    is_written = view is not None and message.ts is not None and not message.problem
    return view is not None and is_written and message.shown == _shown(message, view)


def _shown(message: Message, view: View) -> str:
    """Return what we store about a view that Slack shows; it is valid only for the version that was shown."""
    return f"{message.shown_version}:{view.digest}"


def _lease_of(desk: Desk) -> timedelta:
    """Return how long a lease lasts: the same in Slack's time, no matter how fast our clock runs."""
    return timedelta(seconds=LEASE * desk.settings.slack_timeout) * desk.speed


async def write(lease: Lease) -> Result:
    """Write a message to Slack, and give up well before the lease ends."""
    desk, message, now = lease.desk, lease.message, lease.began
    waits = message.ts is not None and not is_in_background(desk.slack)
    failed = Result(retry_at=now + TRY_AGAIN, waits=waits, problem="unreachable")
    try:
        async with asyncio.timeout(TURN * desk.settings.slack_timeout):
            return Result(await _put(lease))
    except SlackLater as later:
        until, is_of_all = now + later.wait, later.method in PLACING
        retry_at = until if waits or not is_of_all else None
        return Result(later=until if is_of_all else None, retry_at=retry_at, waits=waits, problem="ratelimited")
    except SlackDown as down:
        return replace(failed, unknown=down.maybe_done, late=down.maybe_late)
    except TimeoutError:
        return replace(failed, unknown=True, late=True)
    except SlackRefuses as refusal:
        log.warning("Slack refuses a message", kind=message.kind, channel=message.channel, reason=refusal.error)
        return Result(retry_at=now + TRY_MUCH_LATER, problem=refusal.error, vanished=refusal.error in GONE)


async def _put(lease: Lease) -> Place | None:
    """Post or update the message, and delete its duplicates in Slack; raises as `call` does."""
    client, message = lease.desk.slack, lease.message
    place = Place(message.channel, message.ts) if message.ts is not None else None
    channel = await conversation(client, message.channel)
    if lease.since is not None or channel != message.channel:  # more calls follow, and the turn has room for both
        client = in_turn(client, (TURN - 1) * lease.desk.settings.slack_timeout)
    if lease.since is not None:
        since = min(lease.since, message.posted_at or lease.since)
        places = await find(client, channel, message.key, since=since, thread_ts=lease.thread_ts)
        place = place or next(iter(places), None)  # it was posted after all, perhaps with older content
        for surplus in places:
            if surplus != place:
                await remove(client, surplus, came_twice(lease.desk.t))
    if lease.view is None or lease.is_shown:
        return place
    if place is None:
        both = _in_channel(lease)
        return await post(client, channel, message.key, lease.view, thread_ts=lease.thread_ts, in_channel=both)
    return await revise(client, place, lease.view)


def _in_channel(lease: Lease) -> bool:
    """Tell whether the channel shows a new message of a thread too: not below a card that was posted just now."""
    message = lease.message
    match message.kind:
        case MessageKind.FOLLOW_UP:
            is_meant = FollowUp.of(message.details).in_channel
        case MessageKind.UNANSWERED:  # one in a thread that names nobody notifies nobody
            is_meant = not Unanswered.of(message.details).asked
        case MessageKind.REPLY_PROBLEM if message.details:
            is_meant = not Called.of(message.details).called
        case _:
            is_meant = False
    if not is_meant:
        return False
    carded_at = datetime.fromtimestamp(float(lease.thread_ts or 0), UTC)
    return lease.began - carded_at > OUT_OF_SIGHT


async def record(session: AsyncSession, lease: Lease, result: Result, now: datetime) -> tuple[bool, Collection[str]]:
    """Store the result and end the lease; return whether it is stale again, and the channels where work came of it."""
    card, name = lease.message, lease.named
    others = await naming.lock_others(session, card, name, result.place) if name is not None else []
    gone = await _lock_gone_card(session, lease, result, now)
    stale_again = await _record_result(session, lease, result, now)
    stored = await session.get_one(Message, card.id)
    channels = {stored.channel} if _is_posted_anew(stored, result) else set[str]()
    if gone is not None and stored.ts is None and stored.problem == result.problem:
        channels |= _post_card_again(session, gone, stored)
    if name is not None and stored.kind is MessageKind.CASE:
        channels |= naming.let_follow(stored, card, name, result.place, others)
    return stale_again, channels


async def _lock_gone_card(session: AsyncSession, lease: Lease, result: Result, now: datetime) -> Message | None:
    """Return the card below which Slack takes no message, the second time that it says so; None if nobody writes it.

    So too one in a channel that is closed to us, and that its team no longer uses. Card and message are locked in the
    order of all who lock several messages.
    """
    message = lease.message
    is_left = message.in_thread and result.problem in CLOSED and message.channel != lease.desk.team.channel
    if not is_left and not result.problem == message.problem == NO_CARD:
        return None
    heads = (col(Message.kind) == MessageKind.CASE) & (col(Message.case_id) == message.case_id)
    both = select(Message).where(heads | (col(Message.id) == message.id)).order_by(col(Message.id))
    rows = await session.exec(both.with_for_update(key_share=True).execution_options(populate_existing=True))
    cards = [row for row in rows if row.kind is MessageKind.CASE and row.ts == lease.thread_ts]
    return next((card for card in cards if card.leased_until is None or card.leased_until <= now), None)


def _post_card_again(session: AsyncSession, card: Message, below: Message) -> set[str]:
    """Let a card that is gone be posted again, whatever became of its case, and a message below it; return where."""
    card.ts, card.posting_since, card.retry_at, card.version = None, None, None, card.version + 1
    below.retry_at = None
    session.add_all([card, below])
    return {card.channel}


def _is_posted_anew(stored: Message, result: Result) -> bool:
    """Tell whether a message that Slack refused is to be posted now: in another channel, or as it was deleted."""
    is_refused = result.place is None and (result.vanished or result.problem in CLOSED)
    return is_refused and stored.retry_at is None and stored.shown_version < stored.version


async def _record_result(session: AsyncSession, lease: Lease, result: Result, now: datetime) -> bool:
    """Store the result and end the lease; return whether the message became stale again in the meantime."""
    message = await session.get_one(Message, lease.message.id, with_for_update=db.HELD)
    session.add(message)
    if message.leased_until != lease.message.leased_until:
        return _overtaken(message, lease, result, now)
    message.leased_until, message.retry_at = None, result.retry_at
    if not (result.problem == "ratelimited" and message.problem == "unreachable"):  # what the last call came to stays
        message.problem = result.problem
    if result.problem != "ratelimited":
        message.rank, message.written_at = message.rank % QUIETLY, lease.began
    if result.problem not in NOT_TAKEN:
        message.awaited_at = None
    elif result.waits or (message.ts is not None and message.version > lease.message.version):
        message.awaited_at = message.awaited_at or lease.began  # if it changed, somebody may just have clicked
    if result.place is not None:
        _placed(message, lease, result.place)
    elif not result.problem:
        _not_there(message, lease)
    elif result.vanished:
        await _gone(session, message, lease)
    elif message.ts is not None and result.late:
        message.posting_since = lease.began
    else:
        if message.ts is None and not result.unknown and lease.since is None:
            message.posting_since = None  # Slack refused: it was certainly not posted
        if result.problem in CLOSED:
            await _follow_the_team(session, message, lease)
    return result.place is not None and message.shown_version < message.version


def _placed(message: Message, lease: Lease, place: Place) -> None:
    """Store that Slack shows the message. While a call that we gave up may still be carried out, the doubt remains."""
    was_new, overtook = lease.message.ts is None, message.posting_since != lease.message.posting_since
    message.channel, message.ts, message.shown_version = place.channel, place.ts, lease.message.version
    if overtook or lease.since is None:
        message.posting_since = message.posting_since if overtook else None
    elif was_new:
        message.posting_since = lease.began
    elif lease.began - lease.since >= DOUBT * lease.desk.speed:
        message.posting_since = None
    message.shown = _shown(message, lease.view) if lease.view and message.posting_since is None else ""


def _not_there(message: Message, lease: Lease) -> None:
    """Stop writing a message that has nothing to say now, once no call that we gave up can still post it."""
    doubt, since, before = DOUBT * lease.desk.speed, lease.since or lease.began, lease.message.problem
    standing = _standing(before) if lease.opens_at is not None else ""
    message.problem = standing
    if before != standing or lease.began - since < doubt:
        message.retry_at = lease.began + doubt
    elif lease.opens_at is not None:
        message.posting_since, message.retry_at = None, lease.opens_at
    else:
        message.shown_version, message.posting_since = lease.message.version, None


def _standing(problem: str) -> str:
    """Return a problem while its message waits for an opening: only one that is of its channel or of our token.

    That such a trouble is over is told when the message is taken. Anything else is over: we write nothing now.
    """
    return problem if problem in CLOSED | REFUSED_TOKEN else ""


def _overtaken(message: Message, lease: Lease, result: Result, now: datetime) -> bool:
    """Handle that another writer took the message while we wrote: its next turn corrects what Slack has from us."""
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


async def _follow_the_team(session: AsyncSession, message: Message, lease: Lease) -> None:
    """The channel is closed to us: move a message of the team to the team's channel, if that is another one now.

    A list of reminders does not move: its reminders do (`cases.reminders.remind`). In a channel that no team needs any
    more, what stands in a thread, shows where a case went, or asked for advice stays as it is, with its reminders. So
    does a question that was never taken there, once nobody waits for the advice.
    """
    channel = lease.desk.team.channel
    is_left = is_channel(message.channel) and not await troubles.is_needed(session, message.channel)
    if message.in_thread or message.kind in {MessageKind.FORMER, MessageKind.ASK}:
        if is_left and (message.ts is not None or await _asks_in_vain(session, message)):
            message.shown_version, message.retry_at = lease.message.version, None  # as an ended card above it
        return
    if message.channel == channel:
        return
    if message.kind is MessageKind.REMINDER:
        stays = await _reminds_of_nothing(session, message, lease.began, is_left=is_left)
    else:
        stays = message.ts is not None and not await _is_needed(session, message)
    if stays and (message.kind is MessageKind.REMINDER or _is_of_the_team(message)):
        message.shown_version, message.retry_at = lease.message.version, None  # it stays where it is
    elif _is_of_the_team(message):
        message.channel, message.ts, message.posting_since, message.retry_at = channel, None, None, None


async def _asks_in_vain(session: AsyncSession, message: Message) -> bool:
    """Tell whether a message is a question for advice whose case waits for that no more."""
    waits = (
        select(Escalation.id)
        .join(Case, col(Escalation.case_id) == Case.id)
        .where(Escalation.id == message.subject_id, ASKED, Case.status == Status.ESCALATED)
    )
    return message.kind is MessageKind.ASK and (await session.exec(waits)).first() is None


async def _reminds_of_nothing(session: AsyncSession, listed: Message, now: datetime, *, is_left: bool) -> bool:
    """Tell whether a list of reminders has none, or in a channel that no team needs only what was read or is over."""
    rows = (await session.exec(select(Reminder).where(Reminder.message_id == listed.id))).all()
    if not is_left or listed.ts is not None:
        return is_left or not rows
    return not any(fact.standing in STANDS for fact in await reminders.facts_of(session, rows, now))


async def _is_needed(session: AsyncSession, message: Message) -> bool:
    """Tell whether open cases are found by this message: it is the card of one, or shows those that have none.

    So is a list of reminders, which is only edited as more of them come, unless its reader cannot be reached.
    """
    match message.kind:
        case MessageKind.CASE:
            case = await cases.get(session, message.case_id) if message.case_id is not None else None
            return case is not None and case.status in OPEN
        case MessageKind.ROLLUP:
            lasting = select(Rollup.subject_id).where(Rollup.message_id == message.id)
        case MessageKind.BACKLOG:
            lasting = select(Backlog.team_id).where(Backlog.message_id == message.id)
        case MessageKind.REMINDER if message.problem not in UNREACHED:
            lasting = select(Reminder.id).where(Reminder.message_id == message.id)
        case _:
            return False
    return (await session.exec(lasting)).first() is not None


async def _gone(session: AsyncSession, message: Message, lease: Lease) -> None:
    """The message or its reader no longer exists: post what is still needed again, leave anything else."""
    if await _is_needed(session, message):
        message.ts, message.posting_since, message.retry_at = None, None, None
    else:
        message.shown_version, message.retry_at = lease.message.version, None


async def note_trouble(lease: Lease, result: Result) -> None:
    """Note that Slack does not let us write in this channel, to this person or at all, or that it does again."""
    desk, message = lease.desk, lease.message
    if result.problem in REFUSED_TOKEN:
        await troubles.note(desk, troubles.EVERYWHERE, result.problem)
    elif result.problem in CLOSED and is_channel(message.channel) and await _waits_there(desk, message):
        await troubles.note(desk, message.channel, result.problem, team_id=desk.team.id)
    elif result.problem in LEFT and is_person(message.channel):
        async with desk.session() as session:
            await members.saw_account(session, message.channel, closed=True, now=desk.now())
    elif result.place is not None and message.problem in CLOSED | REFUSED_TOKEN:
        await troubles.note_end(desk, message.channel if message.problem in CLOSED else troubles.EVERYWHERE)


async def _waits_there(desk: Desk, message: Message) -> bool:
    """Tell whether a message still waits for the channel that refused it: it may be for another one now, or stay."""
    there = (col(Message.id) == message.id, Message.channel == message.channel, is_stale())
    async with desk.reading() as session:
        return (await session.exec(select(Message.id).where(*there))).first() is not None
