"""What each recipient is reminded of, all of it in one message per recipient.

A message is posted for the first reminder of an opening, and for the first once nothing in it waits any more; else it
is edited as cases come and go, and posted again only for what is newly late. When Slack does not get it before the team
closes, a new one is posted at the opening. How each reminder stands is read from its case, so a message never says what
is no longer true. Lock the team first (`hold`) before reminding anybody, so that of several processes one writes at a
time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import col, delete, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.reading import idle_since
from bot.cases.state import FOLLOW_THE_CASE
from bot.domain.case import ONGOING, OPEN, Status, Urgency
from bot.domain.hours import Hours, NeverOpen, opens_again
from bot.domain.reminder import CALM, STANDS, Heard, Row, Standing, Write, heard_of, how_to_write
from bot.domain.signals import Rank
from bot.domain.sla import is_late
from bot.domain.slack_id import is_channel, is_person
from bot.models import (
    IN_ORDER,
    NOT_TAKEN,
    TOLD_ONCE,
    WAITING,
    Case,
    Clock,
    Escalation,
    Listed,
    Message,
    MessageKind,
    Reminder,
    ReminderKind,
    Reply,
    Team,
    due_at,
    lingering,
    overdue,
)
from bot.team.settings import TeamSettings

# Built once, for each change of a case: to build it takes longer than to run it.
BEHIND = (
    sqlalchemy.select(col(Reminder.message_id))
    .join(Message, (col(Message.case_id) == Reminder.case_id) & (col(Message.kind) == MessageKind.CASE))
    .where(col(Message.version) != Reminder.seen)
    .distinct()
)
_BEHIND_CASE = db.short(BEHIND.where(col(Reminder.case_id) == bindparam("case")))


@dataclass(frozen=True)
class Told:
    """Something a recipient is reminded of now. `heard`: what needs no new post for them; `at_once`: they asked for it.

    `climbs`: it is the next step of a clock. The other fields are those of Reminder.
    """

    recipient: str
    case_id: int
    kind: ReminderKind
    subject_id: int
    percent: int = 0
    text: str = ""
    for_owner: bool = False
    since: datetime | None = None
    heard: Heard = Heard.NOTHING
    at_once: bool = False
    climbs: bool = False

    @property
    def key(self) -> tuple[str, ReminderKind, int]:
        """What is unique in a team."""
        return self.recipient, self.kind, self.subject_id

    def is_anew(self, row: Reminder) -> bool:
        """Tell whether its clock got more time since the existing row: the recipient was told of such a step before."""
        return self.climbs and self.percent <= row.percent


@dataclass(frozen=True)
class Fact:
    """A reminder, its case, and how it stands now; `due_at` is when the first running clock of the case is due."""

    reminder: Reminder
    case: Case
    standing: Standing
    due_at: datetime | None = None
    urgent: bool = False


async def hold(session: AsyncSession, team_id: int) -> Team:
    """Return a team, locked; call it before anything else that reminds."""
    return await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)


async def hold_messages(session: AsyncSession, team_id: int, case_ids: Collection[int]) -> None:
    """Lock the lists of a team and the messages that follow these cases; before changing both, against deadlocks.

    Messages are locked in the order of their ids, and a list may be older than a card or newer.
    """
    lists = {row.message_id for row in (await _rows(session, team_id)).values()}
    following = (col(Message.case_id).in_(case_ids), col(Message.kind).in_(FOLLOW_THE_CASE))
    await _held(session, lists.union(await session.exec(select(Message.id).where(*following))))


async def remind(
    session: AsyncSession,
    team: Team,
    told: Sequence[Told],
    *,
    now: datetime,
    duty: Sequence[str] = (),
    leads: Sequence[str] = (),
) -> None:
    """Bring the messages of all recipients of a team level with their new reminders, and with who has which case.

    A message in a channel names those on duty when it lists a case that nobody has, and `leads` too when it lists what
    was late before the team opened. The caller holds the team.
    """
    rows = await _rows(session, team.id)
    held = await _held(session, {row.message_id for row in rows.values()})
    settings = TeamSettings.of(team.settings)
    passed = [*await _handed_over(session, rows, now), *await _from_former_channel(session, rows, team, settings, held)]
    new = {each.key: each for each in [*passed, *told]}  # what is told now is newer than what another was told
    anew = {rows[each.key].id for each in new.values() if each.key in rows and each.is_anew(rows[each.key])}
    fresh = [each for each in new.values() if not _update_existing(rows, each, now)]
    for each in fresh:
        rows[each.key] = _new(team, each, now)
    facts = defaultdict[str, list[Fact]](list)
    for fact in await facts_of(session, list(rows.values()), now):
        facts[fact.reminder.recipient].append(fact)
    hours = settings.hours(now)
    for recipient, theirs in facts.items():
        mine = [each for each in [*told, *fresh] if each.recipient == recipient]
        live = next((held[fact.reminder.message_id] for fact in theirs if fact.reminder.message_id), None)
        written = Listed.of(live.details).written_at if live else None
        opened = written is None or _opened_since(hours, written, now)
        how = how_to_write(
            _rows_by_case(theirs),
            told=bool(mine),
            opened=opened,
            done=not any(_waited(fact, anew) for fact in theirs),
            calm=written is not None and now - written >= CALM,
            at_once=any(each.at_once for each in mine),
        )
        if how is Write.POST or (live is None and mine) or (opened and _was_held_back(live, theirs)):
            called = [*(duty if _nobody_has_any(theirs) else ()), *(leads if _is_opening_list(mine) else ())]
            details = Listed(recipient, now.isoformat(), [] if is_person(recipient) else list(dict.fromkeys(called)))
            await _post(session, team, details, theirs, live, begins=opened)
        elif how is Write.EDIT and live is not None:
            await _edit(session, live, theirs)


async def _rows(session: AsyncSession, team_id: int) -> dict[tuple[str, ReminderKind, int], Reminder]:
    of_recipients = (Reminder.team_id == team_id, col(Reminder.kind).not_in(TOLD_ONCE))
    reminders = await session.exec(select(Reminder).where(*of_recipients).order_by(col(Reminder.id)))
    return {(row.recipient, row.kind, row.subject_id): row for row in reminders}


async def _held(session: AsyncSession, message_ids: Collection[int]) -> dict[int, Message]:
    held = select(Message).where(col(Message.id).in_(message_ids)).order_by(col(Message.id))
    messages = await session.exec(held.with_for_update(key_share=True), execution_options={"populate_existing": True})
    return {message.id: message for message in messages}


def _update_existing(rows: dict[tuple[str, ReminderKind, int], Reminder], new: Told, now: datetime) -> bool:
    """Update the existing row of the same reminder; return whether there is one."""
    row = rows.get(new.key)
    if row is None:
        return False
    if row.since != new.since or new.is_anew(row):
        row.since, row.heard = new.since, Heard.NOTHING
    row.percent, row.text, row.told_at, row.for_owner = new.percent, new.text, now, new.for_owner
    return True


def _new(team: Team, new: Told, now: datetime) -> Reminder:
    return Reminder(
        team_id=team.id, recipient=new.recipient, case_id=new.case_id, kind=new.kind, subject_id=new.subject_id,
        since=new.since, percent=new.percent, text=new.text, for_owner=new.for_owner, told_at=now, heard=new.heard,
    )  # fmt: skip


async def _handed_over(
    session: AsyncSession, rows: dict[tuple[str, ReminderKind, int], Reminder], now: datetime
) -> list[Told]:
    """Return the reminders that go to the new owners of cases, because the former owners had them."""
    owned = [row for row in rows.values() if row.for_owner and is_person(row.recipient)]
    cases = await _by_id(session, Case, {row.case_id for row in owned})
    passed = []
    for row in owned:
        owner = cases[row.case_id].assignee
        if owner and owner != row.recipient and (owner, row.kind, row.subject_id) not in rows:
            passed.append(
                Told(owner, row.case_id, row.kind, row.subject_id, row.percent, row.text, for_owner=True,
                     heard=row.heard)
            )  # fmt: skip
    open_now = {case.id for case in cases.values() if case.status in OPEN}
    promises = await _promises(session, {case.id for case in cases.values() if case.status is Status.WITH_CITIZEN})
    return [
        each
        for each in passed
        if each.case_id in open_now or (each.kind is ReminderKind.CLOCK and each.subject_id in promises)
    ]


async def _from_former_channel(
    session: AsyncSession,
    rows: dict[tuple[str, ReminderKind, int], Reminder],
    team: Team,
    settings: TeamSettings,
    held: Mapping[int, Message],
) -> list[Told]:
    """Take all reminders out of a channel that a team no longer uses, and return those that its own channel lacks."""
    used = {team.channel, settings.escalation_channel}
    clocks = [row for row in rows.values() if row.kind is ReminderKind.CLOCK and is_channel(row.recipient)]
    former, moved = [row for row in clocks if row.recipient not in used], list[Told]()
    for message_id in {row.message_id for row in former}:
        held[message_id].version += 1
        session.add(held[message_id])
    for row in former:
        told = Told(team.channel, row.case_id, row.kind, row.subject_id, row.percent, row.text, for_owner=row.for_owner)
        moved += [] if told.key in rows else [told]
        del rows[row.recipient, row.kind, row.subject_id]
        await session.delete(row)
    await session.flush()
    return moved


async def _promises(session: AsyncSession, case_ids: Collection[int]) -> set[int]:
    """Return the clocks that run while these cases wait for their citizens: those of promises."""
    if not case_ids:
        return set()
    running = col(Clock.case_id).in_(case_ids) & col(Clock.stopped_at).is_(None) & col(Clock.running_since).is_not(None)
    return set(await session.exec(select(Clock.id).where(running)))


def _rows_by_case(facts: Sequence[Fact]) -> list[Row]:
    """Return the rows for the rules: a recipient who heard one reminder of a case has heard all of that case."""
    heard = defaultdict[int, set[Heard]](set)
    for fact in facts:
        heard[fact.case.id].add(fact.reminder.heard)
    order = list(Heard)
    return [Row(fact.standing, max(heard[fact.case.id], key=order.index), fact.urgent) for fact in facts]


def _opened_since(hours: Hours, written: datetime, now: datetime) -> bool:
    """Tell whether the team closed for longer than a break since then, and opened again."""
    try:
        return opens_again(hours, written) <= now
    except NeverOpen:
        return False


def _waited(fact: Fact, anew: Collection[int]) -> bool:
    """Tell whether a reminder waited for its recipient before this one, in the message that they have."""
    return fact.standing in STANDS and bool(fact.reminder.message_id) and fact.reminder.id not in anew


def _nobody_has_any(facts: Sequence[Fact]) -> bool:
    """Tell whether a reminder has no present owner: its case has none, or its owner is away, so it is in a channel."""
    return any(fact.standing in STANDS and (fact.case.assignee is None or fact.reminder.for_owner) for fact in facts)


def _is_opening_list(new: Sequence[Told]) -> bool:
    return any(each.heard is Heard.LATE for each in new)


async def _post(
    session: AsyncSession, team: Team, listed: Listed, facts: Sequence[Fact], live: Message | None, *, begins: bool
) -> None:
    """Write a new message with all standing reminders; the message before it keeps none.

    In a flood it goes before the new cards. One that `begins` an opening drops what was done before. Its key names the
    message before it, so that two processes can never both write the next one; without one the moment, as a channel
    that the team left has none and the team may come back.
    """
    key = f"reminder:{team.id}:{live.id if live else listed.written_at}:{listed.to}"
    message = Message(
        key=key, kind=MessageKind.REMINDER, subject_id=team.id, channel=listed.to, details=listed.to_json(),
        rank=Rank.SOON,
    )  # fmt: skip
    session.add(message)
    if live is not None:
        live.version += 1
        session.add(live)
    await session.flush()
    for fact in facts:
        if fact.standing in STANDS:
            fact.reminder.heard = heard_of(fact.standing)
            if live is not None and live.ts is None and fact.standing is Standing.STILL:  # the owner was not asked yet
                fact.reminder.told_at = listed.written_at
        elif begins and fact.reminder.message_id:
            await session.delete(fact.reminder)
            continue
        fact.reminder.message_id = message.id
        session.add(fact.reminder)
    await session.flush()
    await _level_with_cases(session, [message.id])


async def _edit(session: AsyncSession, live: Message, facts: Sequence[Fact]) -> None:
    """Show the new reminders in the message of a recipient; it notifies of them if Slack does not have it yet."""
    live.version += 1
    session.add(live)
    for fact in facts:
        fact.reminder.message_id = live.id
        if live.ts is None and fact.standing in STANDS:
            fact.reminder.heard = heard_of(fact.standing)
        session.add(fact.reminder)
    await session.flush()
    await _level_with_cases(session, [live.id])


def _was_held_back(live: Message | None, facts: Sequence[Fact]) -> bool:
    """Tell whether Slack did not get a message before the team closed, and its recipient still has to hear of it."""
    return (
        live is not None
        and live.ts is None
        and any(fact.standing in STANDS for fact in facts if fact.reminder.message_id)
    )


async def told_idle(
    session: AsyncSession, case_ids: Collection[int]
) -> dict[tuple[int, str, datetime | None], datetime]:
    """Return when the owners of these cases were reminded that they are idle, by case, owner and since when.

    While Slack could not take it, nobody was. One that Slack refuses counts: else the case would never return. What
    Slack took still counts while it is behind with another change of the list: it was posted with the list, or the list
    was written after it was added.
    """
    is_shown = col(Message.ts).is_not(None) & (col(Message.shown_version) >= col(Message.version))
    is_written = (col(Message.written_at) >= col(Reminder.told_at)) & (col(Message.problem) != "unreachable")
    was_shown = col(Message.ts).is_not(None) & or_(col(Reminder.heard) != Heard.NOTHING, is_written)
    rows = await session.exec(
        select(Reminder)
        .join(Message, col(Reminder.message_id) == Message.id)
        .where(Reminder.kind == ReminderKind.STILL, col(Reminder.case_id).in_(case_ids))
        .where(or_(is_shown, was_shown, col(Message.problem).not_in(NOT_TAKEN)))
    )
    return {(each.case_id, each.recipient, each.since): each.told_at for each in rows}


async def list_late(session: AsyncSession, digest: Message, team_id: int, now: datetime, *, most: int) -> None:
    """List in the digest of a day what is late, while it is; the digest before it no longer lists anything."""
    before = (col(Reminder.team_id) == team_id, col(Reminder.kind) == ReminderKind.LISTED)
    former = set(await session.exec(select(Reminder.message_id).where(*before)))
    await _held(session, former)  # lock a message before its rows, as everywhere, against deadlocks
    await session.exec(delete(Reminder).where(*before))
    await follow(session, sorted(former))
    for case_id in await late_at(session, team_id, now, most=most):
        about: dict[str, Any] = {"case_id": case_id, "subject_id": case_id, "kind": ReminderKind.LISTED}
        place: dict[str, Any] = {"message_id": digest.id, "team_id": team_id, "recipient": digest.channel}
        session.add(Reminder(**about, **place, told_at=now, heard=Heard.LATE))
    await session.flush()
    await _level_with_cases(session, [digest.id])


async def late_at(session: AsyncSession, team_id: int, at: datetime, *, most: int) -> Sequence[int]:
    """Return the first cases of a team that are late, or will be at this moment if nothing happens with any."""
    late = select(Case.id).where(overdue(at), Case.team_id == team_id)
    return (await session.exec(late.order_by(*IN_ORDER).limit(most))).all()


async def list_handed_over(session: AsyncSession, message: Message, got: Mapping[int, int], now: datetime) -> None:
    """Let the message to a colleague follow the cases that they got, each by this event, while they have them."""
    for case in (await _by_id(session, Case, got)).values():
        about: dict[str, Any] = {"case_id": case.id, "subject_id": got[case.id], "team_id": case.team_id}
        place: dict[str, Any] = {"message_id": message.id, "recipient": message.channel}
        session.add(Reminder(**about, **place, kind=ReminderKind.HANDED_OVER, told_at=now))
    await session.flush()
    await _level_with_cases(session, [message.id])


# --- How reminders stand -------------------------------------------------------------------------


async def facts_of(session: AsyncSession, reminders: Sequence[Reminder], now: datetime) -> list[Fact]:
    """Return how these reminders stand now, in their order."""
    by_kind = defaultdict[ReminderKind, set[int]](set)
    for each in reminders:
        by_kind[each.kind].add(each.subject_id)
    cases = await _by_id(session, Case, {each.case_id for each in reminders})
    clocks = await _clocks(session, cases)
    asked = await _by_id(session, Escalation, by_kind[ReminderKind.ADVICE])
    unread = await unread_among(session, cases.values(), now)
    still = by_kind[ReminderKind.STILL]
    idle = await idle_since(session, col(Case.id).in_(still)) if still else {}
    facts = []
    for each in reminders:
        case, urgent = cases[each.case_id], cases[each.case_id].urgent
        due = due_at(clocks[case.id].values())
        match each.kind:
            case ReminderKind.CLOCK:
                standing = of_clock(each, case, clocks[case.id][each.subject_id], now, unread=case.id in unread)
            case ReminderKind.ADVICE:
                question = asked[each.subject_id]
                standing, urgent = _of_question(each, case, question), question.urgency is Urgency.URGENT
            case ReminderKind.LISTED:
                standing = _of_listed(each, case, due, now, unread=case.id in unread)
            case ReminderKind.STILL:
                standing = _of_idle(each, case, idle.get(case.id))
            case ReminderKind.HANDED_OVER:
                continue
        facts.append(Fact(each, case, standing, due, urgent))
    return facts


async def _clocks(session: AsyncSession, case_ids: Collection[int]) -> dict[int, dict[int, Clock]]:
    """Return the clocks of these cases by case and id."""
    by_case: dict[int, dict[int, Clock]] = {case_id: {} for case_id in case_ids}
    for clock in await session.exec(select(Clock).where(col(Clock.case_id).in_(case_ids))):
        by_case[clock.case_id][clock.id] = clock
    return by_case


Table = TypeVar("Table", Case, Escalation)


async def _by_id(session: AsyncSession, table: type[Table], ids: Collection[int]) -> dict[int, Table]:
    rows = await session.exec(select(table).where(col(table.id).in_(ids)))
    return {row.id: row for row in rows}


async def unread_among(session: AsyncSession, cases: Iterable[Case], now: datetime) -> set[int]:
    """Return which of these cases were answered, but their citizen cannot read that: it is held, or was not sent."""
    answered = [case.id for case in cases if case.status is Status.ANSWERED]
    if not answered:
        return set()
    return set(await session.exec(select(Reply.case_id).where(or_(*lingering(now)), col(Reply.case_id).in_(answered))))


def of_clock(reminder: Reminder, case: Case, clock: Clock, now: datetime, *, unread: bool) -> Standing:
    """Return gone for a clock that rests, got more time or has another owner; done after the answer.

    An answer that is `unread` is not one yet: somebody may have to approve it on the platform, or mend the account. A
    promise goes on while our question waits for the citizen.
    """
    is_open = case.status in ONGOING or unread
    others = reminder.for_owner and is_person(reminder.recipient) and case.assignee != reminder.recipient
    if case.team_id != reminder.team_id or clock.rests_for is not None or (others and is_open):
        return Standing.GONE
    if clock.stopped_at is not None or not is_open:
        return Standing.GONE if others and case.assignee else Standing.DONE
    if clock.due_at is None or clock.told_percent < reminder.percent:
        return Standing.GONE
    if is_late(clock.due_at, now):
        return Standing.LATE
    return Standing.SOON if clock.told_percent else Standing.PUT_OFF


def _of_question(reminder: Reminder, case: Case, question: Escalation) -> Standing:
    if case.team_id != reminder.team_id:
        return Standing.GONE
    return Standing.ASKED if question.advice is None and case.status in OPEN else Standing.DONE


def _of_listed(reminder: Reminder, case: Case, due: datetime | None, now: datetime, *, unread: bool) -> Standing:
    late = due is not None and is_late(due, now) and (case.status in ONGOING or unread)
    return Standing.LATE if late and case.team_id == reminder.team_id else Standing.DONE


def _of_idle(reminder: Reminder, case: Case, since: datetime | None) -> Standing:
    if case.assignee != reminder.recipient:
        return Standing.GONE
    if case.status is Status.CLAIMED and since == reminder.since:
        return Standing.STILL
    return Standing.GONE if case.status in OPEN else Standing.DONE


# --- Following the cases -------------------------------------------------------------------------


async def behind(session: AsyncSession, case_id: int | None = None) -> list[int]:
    """Return the messages with reminders of cases that changed since; of all cases or of one."""
    query, about = (BEHIND, {}) if case_id is None else (_BEHIND_CASE, {"case": case_id})
    return sorted((await (await session.connection()).execute(query, about)).scalars())


async def follow(session: AsyncSession, message_ids: Sequence[int]) -> set[str]:
    """Mark messages as no longer level with the cases of their reminders; returns their channels.

    Moves of cases do not touch these messages: two that change several cases would deadlock.
    """
    held = await _held(session, message_ids)
    for message in held.values():
        message.version += 1
    session.add_all(held.values())
    await session.flush()
    await _level_with_cases(session, message_ids)
    await _follow_no_longer(session, message_ids)
    return {message.channel for message in held.values()}


async def _follow_no_longer(session: AsyncSession, message_ids: Sequence[int]) -> None:
    """Delete the reminders in these messages of cases that their readers got and no longer have."""
    theirs = select(Case.id).where(WAITING, Case.id == Reminder.case_id, Case.assignee == Reminder.recipient)
    over = delete(Reminder).where(
        col(Reminder.message_id).in_(message_ids), col(Reminder.kind) == ReminderKind.HANDED_OVER,
        ~theirs.correlate(Reminder).exists(),
    )  # fmt: skip
    await session.exec(over.execution_options(synchronize_session=False))


async def _level_with_cases(session: AsyncSession, message_ids: Sequence[int]) -> None:
    """Store the version of each case's card that these messages will show once they are written."""
    card = (
        select(func.max(Message.version))
        .where(col(Message.case_id) == Reminder.case_id, col(Message.kind) == MessageKind.CASE)
        .correlate(Reminder)
        .scalar_subquery()
    )
    mine = col(Reminder.message_id).in_(message_ids)
    level = update(Reminder).where(mine).values(seen=func.coalesce(card, 0))
    await session.exec(level.execution_options(synchronize_session=False))


async def teams_with_reminders(session: AsyncSession) -> set[int]:
    """Return the teams in which somebody is reminded of something, or was recently."""
    return set(await session.exec(select(Reminder.team_id).distinct()))
