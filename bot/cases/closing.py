"""Close cases without an answer, and undo that within the undo time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks
from bot.cases.moves import tell_of, tell_undone
from bot.cases.reading import refuse_answered, refuse_unread
from bot.cases.state import lock_all, locked, locked_of, move, recalled, refuse_unless_allowed, remembered
from bot.domain.case import ONGOING, UNCLOSES, Move, Status
from bot.domain.event import EventKind
from bot.domain.mention import Seen
from bot.domain.text import Refused, Text
from bot.models import ASKED, Case, Escalation, Event, Passed, Role
from bot.team import agents


@dataclass(frozen=True)
class Outcome:
    """The result for several cases: those that were changed, and why each of the others was not."""

    done: Sequence[int]
    skipped: Mapping[int, Text]


@dataclass(frozen=True)
class Closed(Outcome):
    """When the cases were closed besides the result for each: the first time, if the same was asked for twice."""

    at: datetime


async def close(
    session: AsyncSession,
    case_id: int,
    *,
    by: str,
    now: datetime,
    reason: str,
    text: str = "",
    seen: Seen | None = None,
) -> Case:
    """End a case without a further answer; the reason is one of CloseReason or a team's own words.

    Closing a closed case again for the same reason changes nothing. When a coordinator closes a colleague's case, that
    colleague is notified. Raises Unread when the citizen wrote more, edited a post or got an answer since what `by` saw
    (`seen`).
    """
    reason = str(reason)
    case = await locked(session, case_id)
    if _is_closed_so(case, by, reason):
        return case
    if seen is not None:
        await refuse_closing(session, case, by)  # it says who has it or ended it
        await refuse_unread(session, case_id, seen)
        await refuse_answered(session, case_id, seen)
    if owner := await _close(session, case, by, now, reason, text):
        await tell_of(session, owner, Passed(by, [case_id]), now)
    return case


def _is_closed_so(case: Case, by: str, reason: str) -> bool:
    return case.status is Status.CLOSED and case.closed_by == by and case.close_reason == reason


async def _close(session: AsyncSession, case: Case, by: str, now: datetime, reason: str, text: str) -> str:
    """Close a locked case; return the colleague who had it, "" when nobody did."""
    owner = case.assignee or "" if case.status in ONGOING and case.assignee != by else ""
    details = {"reason": reason, "was": case.status, **remembered(case)}
    await move(
        session, Move.CLOSE, case, by=by, now=now, details=details,
        fills={"close_reason": reason, "close_text": text}, coordinates=await _coordinates(session, case, by),
    )  # fmt: skip
    return owner


async def close_all(
    session: AsyncSession,
    seen: Mapping[int, int],
    *,
    teams: Collection[int],
    by: str,
    now: datetime,
    reason: str,
    text: str = "",
) -> Closed:
    """Close these cases of these teams, each by itself; one that changed since the agent saw it is left as it is.

    `seen` gives the last event of each case at that time, as `last_events` does. One that `by` closed since then for
    the same reason counts as closed: the same submission may come twice. A colleague whose cases a coordinator closes
    gets one notification for all of them.
    """
    await lock_all(session, seen)
    last, done, skipped = await last_events(session, seen), dict[int, datetime](), {}
    of_colleagues: dict[str, list[int]] = {}
    for case_id in sorted(seen):
        try:
            case = await locked_of(session, case_id, teams)
            if _is_closed_so(case, by, reason):
                done[case_id] = case.closed_at or now
                continue
            if last.get(case_id) != seen[case_id]:
                await refuse_closing(session, case, by)  # it says who has it or ended it
                raise Refused("This case moved meanwhile.")
            owner = await _close(session, case, by, now, reason, text)
        except Refused as refused:
            skipped[case_id] = refused.text
        else:
            done[case_id] = now
            if owner:
                of_colleagues.setdefault(owner, []).append(case_id)
    for owner, case_ids in of_colleagues.items():
        await tell_of(session, owner, Passed(by, case_ids), now)
    return Closed([*done], skipped, max(done.values(), default=now))


async def last_events(session: AsyncSession, case_ids: Collection[int]) -> dict[int, int]:
    """Return the last event of each of these cases; reminders do not count."""
    rows = await session.exec(
        select(col(Event.case_id), func.max(Event.id))
        .where(col(Event.case_id).in_(case_ids), Event.kind != EventKind.REMINDED)
        .group_by(col(Event.case_id))
    )
    return {case_id: last for case_id, last in rows if case_id is not None}


async def refuse_closing(session: AsyncSession, case: Case, by: str) -> None:
    """Raise Refused when an agent may not close a case now; a coordinator may close a colleague's case too."""
    refuse_unless_allowed(case, Move.CLOSE, by, coordinates=await _coordinates(session, case, by))


async def _coordinates(session: AsyncSession, case: Case, by: str) -> bool:
    return by in await agents.with_role(session, case.team_id, Role.COORDINATOR)


async def undo_close(
    session: AsyncSession,
    case_ids: Collection[int],
    *,
    teams: Collection[int],
    closed_at: datetime,
    by: str,
    now: datetime,
    undo: timedelta,
) -> Outcome:
    """Give these cases of these teams, which `by` closed at that moment, the status, owner and clocks that they had.

    A case that moved since then stays as it is. Undoing twice changes nothing. Raises Refused after the undo time.
    """
    if now > closed_at + undo:
        raise Refused("Too late to undo: press Reopen on the card.")
    await lock_all(session, case_ids)
    done, skipped = [], {}
    owners: set[str] = set()
    for case_id in sorted(case_ids):
        try:
            case = await locked_of(session, case_id, teams)
            await _unclose(session, case, closed_at, by, now)
        except Refused as refused:
            skipped[case_id] = refused.text
        else:
            done.append(case_id)
            owners |= {case.assignee} if case.assignee not in {None, by} else set()
    for owner in sorted(owners):
        await tell_undone(session, owner, closed_at, done, by=by)
    return Outcome(done, skipped)


async def _unclose(session: AsyncSession, case: Case, closed_at: datetime, by: str, now: datetime) -> None:
    closing, *undone = await _closings(session, case.id, closed_at)
    if closing.by != by:
        raise Refused("{agent} closed this case. Only they can undo that.", agent=f"<@{closing.by}>")
    if undone:
        return
    if case.status is not Status.CLOSED or case.closed_at != closed_at or closing.details["was"] not in UNCLOSES:
        raise Refused("This case moved meanwhile.")
    if await is_lost(session, case.id, col(Event.id) > closing.id):  # it waited for what the citizen did not get
        raise Refused("This case moved meanwhile.")
    was = Status(closing.details["was"])
    if was is Status.ESCALATED and not await is_asked(session, case.id):
        was = Status.CLAIMED
    await clocks.restart(session, case, closed_at)
    details = {"reason": closing.details["reason"], "closed_at": closed_at.isoformat()}
    fills = recalled(closing.details)
    await move(session, UNCLOSES[was], case, by=by, now=now, details=details, fills=fills)


async def _closings(session: AsyncSession, case_id: int, closed_at: datetime) -> list[Event]:
    """Return the closing of a case at that moment, then its undoing, if any; raises Refused without a closing."""
    kinds = (EventKind.CLOSE, EventKind.UNCLOSE)
    rows = await session.exec(
        select(Event).where(Event.case_id == case_id, col(Event.kind).in_(kinds)).order_by(col(Event.id))
    )
    events = list(rows)
    closings = [event for event in events if event.kind is EventKind.CLOSE and event.at == closed_at]
    if not closings:
        raise Refused("This case moved meanwhile.")
    undone = [event for event in events if event.details.get("closed_at") == closed_at.isoformat()]
    return [closings[-1], *undone]


async def is_lost(session: AsyncSession, case_id: int, since: ColumnElement[bool]) -> bool:
    """Tell whether a reply of a case turned out not to reach the citizen in the events with this condition."""
    rows = await session.exec(
        select(Event.id).where(Event.case_id == case_id, Event.kind == EventKind.REPLY_FAILED, since).limit(1)
    )
    return rows.first() is not None


async def is_asked(session: AsyncSession, case_id: int) -> bool:
    """Tell whether a question about a case waits for advice."""
    rows = await session.exec(select(Escalation.id).where(Escalation.case_id == case_id, ASKED))
    return rows.first() is not None
