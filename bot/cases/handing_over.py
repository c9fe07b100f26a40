"""Hand several cases of an agent over at once, to colleagues in turn or back to the queue, and undo that."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import reminders
from bot.cases.closing import Outcome, is_asked, last_events
from bot.cases.marks import add_note
from bot.cases.moves import say_undone
from bot.cases.reading import MOVED
from bot.cases.state import ask_on, lock_all, locked, locked_of, record
from bot.domain.case import OPEN, Move, Status
from bot.domain.text import Refused
from bot.models import Case, Event, HandedOver, Message, MessageKind
from bot.team import agents


@dataclass(frozen=True)
class HandingOver:
    """What one submission asks: whose cases, each with the last event that was `seen`, to whom, and with which note.

    Several colleagues get a case in turn; without any the cases go back to the queue. `submission` is the modal's id:
    sent twice, it is done once.
    """

    of: str
    seen: Mapping[int, int]
    to: Sequence[str]
    note: str
    submission: str


@dataclass(frozen=True)
class HandedOut(Outcome):
    """Which colleague got which cases, besides the result for each case."""

    got: Mapping[str, Sequence[int]] = field(default_factory=dict)


async def hand_over(session: AsyncSession, asked: HandingOver, *, by: str, now: datetime) -> HandedOut:
    """Hand these cases over, each by itself in the log; one that changed since it was seen stays as it is.

    Each colleague gets only cases of teams for which they answer, and one notification for all of them.
    """
    await lock_all(session, asked.seen)
    last, got, done, skipped = await _last(session, asked.seen), {to: list[int]() for to in asked.to}, [], {}
    for case_id in sorted(asked.seen):
        try:
            case = await locked(session, case_id)
            event = last[case_id]
            if event.details.get("submission") != asked.submission:
                if case.assignee != asked.of or case.status not in OPEN or event.id != asked.seen[case_id]:
                    raise Refused("This case moved meanwhile.")
                await _hand_over(session, case, await _next(session, case, got), asked, by, now)
        except Refused as refused:
            skipped[case_id] = refused.text
        else:
            done.append(case_id)
            if case.assignee in got:
                got[case.assignee].append(case_id)
    for to, case_ids in got.items():
        if case_ids and to != by:
            details = HandedOver(to, by, case_ids, asked.of, asked.note)
            await _notify(session, details, _key(asked.submission, to), now)
    return HandedOut(done, skipped, {to: case_ids for to, case_ids in got.items() if case_ids})


async def _last(session: AsyncSession, case_ids: Collection[int]) -> dict[int, Event]:
    """Return the last event of each of these cases."""
    ids = (await last_events(session, case_ids)).values()
    events = await session.exec(select(Event).where(col(Event.id).in_(ids)))
    return {event.case_id: event for event in events if event.case_id is not None}


async def _next(session: AsyncSession, case: Case, got: Mapping[str, Sequence[int]]) -> str | None:
    """Return whose turn it is among those who answer for the team of a case; None when it goes to the queue."""
    if not got:
        return None
    answering = await agents.still_answering(session, case.team_id, list(got))
    able = [to for to in got if to in answering]
    if not able:
        raise Refused("None of them can answer for the team of this case.")
    return min(able, key=lambda to: len(got[to]))


async def _hand_over(
    session: AsyncSession, case: Case, to: str | None, asked: HandingOver, by: str, now: datetime
) -> None:
    if asked.note:
        note = f"{asked.submission}:{case.id}"
        await add_note(session, case.id, by=by, now=now, text=asked.note, submission=note)
    about = {"to": to, "from": asked.of, "was": case.status, "submission": asked.submission}
    if to is None:
        await record(session, Move.RELEASE, case, by=by, now=now, details=about)
    else:
        await record(session, Move.ASSIGN, case, by=by, now=now, owner=to, details=about)


async def _notify(session: AsyncSession, details: HandedOver, key: str, now: datetime) -> None:
    """Notify a colleague in one direct message which cases they got; the message follows these cases."""
    if (await session.exec(select(Message.id).where(Message.key == key))).first() is not None:
        return
    message = Message(key=key, kind=MessageKind.HANDED_OVER, channel=details.to, details=details.to_json())
    session.add(message)
    await session.flush()
    await reminders.list_handed_over(session, message, await last_events(session, details.cases), now)


def _key(submission: str, to: str) -> str:
    return f"handed_over:{submission}:{to}"


async def undo_hand_over(
    session: AsyncSession,
    case_ids: Collection[int],
    *,
    teams: Collection[int],
    submission: str,
    by: str,
    now: datetime,
    undo: timedelta,
) -> Outcome:
    """Give these cases of these teams, which `by` handed over with that submission, back to who had them.

    A case that waited for advice does so again. One that moved since then stays as it is; after the undo time all do.
    Undoing twice changes nothing.
    """
    await lock_all(session, case_ids)
    done, skipped, receivers = list[int](), {}, set[str]()
    for case_id in sorted(case_ids):
        try:
            case = await locked_of(session, case_id, teams)
            handed, since = await _handed(session, case_id, submission)
            if handed.by != by:
                raise Refused("{agent} handed this case over. Only they can undo that.", agent=f"<@{handed.by}>")
            if now > handed.at + undo:
                raise Refused("Too late to undo.")
            await _take_back(session, case, handed, since, now)
        except Refused as refused:
            skipped[case_id] = refused.text
        else:
            done.append(case_id)
            receivers |= {handed.details["to"]} - {None}
    for to in sorted(receivers):
        await say_undone(session, _key(submission, to), HandedOver, done)
    return Outcome(done, skipped)


async def _handed(session: AsyncSession, case_id: int, submission: str) -> tuple[Event, Sequence[Event]]:
    """Return the event by which a submission handed a case over, and its later moves; raises Refused without one."""
    rows = await session.exec(
        select(Event).where(Event.case_id == case_id, col(Event.kind).in_(MOVED)).order_by(col(Event.id))
    )
    moves = rows.all()
    handed = next((each for each in moves if each.details.get("submission") == submission), None)
    if handed is None:
        raise Refused("This case moved meanwhile.")
    return handed, [each for each in moves if each.id > handed.id]


async def _take_back(session: AsyncSession, case: Case, handed: Event, since: Sequence[Event], now: datetime) -> None:
    """Give a locked case back to its former owner, unless that was done; raises Refused when it moved since."""
    of = handed.details["from"]
    undone = {"to": of, "undone": handed.details["submission"]}
    if any(each.details == undone for each in since):
        return
    if since:
        raise Refused("This case moved meanwhile.")
    if not await agents.still_answering(session, case.team_id, [of]):
        raise Refused("{agent} can no longer answer for this team.", agent=f"<@{of}>")
    await record(session, Move.ASSIGN, case, by=handed.by, now=now, owner=of, details=undone)
    if handed.details["was"] == Status.ESCALATED and case.status is Status.CLAIMED:
        await ask_on(session, case.id, lapsed_at=handed.at)
        if await is_asked(session, case.id):
            await record(session, Move.ESCALATE, case, by=handed.by, now=now)
