"""The one place where a case changes status or owner. The map (bot/__init__.py) gives the order of locks."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases import clocks
from bot.domain.case import (
    ALLOWED_FROM,
    BY_OWNER,
    BY_WHO_HAS_IT,
    CLAIMS_TOO,
    ENDS_QUESTIONS,
    ENDS_SNOOZE,
    FILLED_IN,
    LEADS_TO,
    ONGOING,
    OPEN,
    TAKES,
    WAITS_ANEW,
    Move,
    Status,
    logged_as,
)
from bot.domain.signals import QUIETLY
from bot.domain.text import Refused
from bot.models import (
    ASKED,
    Case,
    Escalation,
    Event,
    Message,
    MessageKind,
    Reply,
    ReplyStatus,
    Shows,
    UtcDateTime,
    kinds_that_show,
)
from bot.wake import note


class Taken(Refused):
    """A colleague has the case; another can take it over from them."""

    def __init__(self, case: Case) -> None:
        self.case_id, self.owner = case.id, case.assignee or ""
        super().__init__("This case is already with {agent}.", agent=f"<@{case.assignee}>")


FOLLOW_THE_CASE = kinds_that_show(Shows.CASE)
"""The messages that show the state of their case, and are updated with it."""
TEAM = "team"
"""The key in a session's `info` of the only team whose cases it may change: see `within_team`."""
EMPTY = {name: "" if name == "close_text" else None for name in FILLED_IN}


async def move(
    session: AsyncSession,
    made: Move,
    case: Case,
    *,
    by: str,
    now: datetime,
    owner: str | None = None,
    details: dict[str, Any] | None = None,
    fills: Mapping[str, Any] | None = None,
    coordinates: bool = False,
) -> Case:
    """Make an agent's move with a locked case, and return it; raises Refused with who or what stands in the way.

    `owner` is who has the case afterwards, when that changes; `fills` are the other columns that the new status fills
    (FILLED_IN). `coordinates` as in `refuse_unless_allowed`.
    """
    refuse_unless_allowed(case, made, by, coordinates=coordinates)
    if case.status is Status.NEW and made in CLAIMS_TOO:
        owner = by
    await _change(session, case, made, now, owner=owner, by=by, fills=fills)
    await _log(session, case, made, by, now, details)
    return case


async def record(
    session: AsyncSession,
    made: Move,
    case: Case,
    *,
    by: str = "",
    now: datetime,
    owner: str | None = None,
    details: dict[str, Any] | None = None,
    stays: bool = False,
    fills: Mapping[str, Any] | None = None,
) -> None:
    """Log what happened to a locked case, and make the move if its status allows that; `fills` as for `move`.

    `stays`: it happened without moving the case, like news of an older reply, or advice that is not the last.
    """
    if not stays and case.status in ALLOWED_FROM[made]:
        await _change(session, case, made, now, owner=owner, by=by, fills=fills)
    await _log(session, case, made, by, now, details)


async def locked(session: AsyncSession, case_id: int) -> Case:
    """Return the case as it is now and lock its row, so that a request delivered twice sees its first effect."""
    case = (await session.exec(_LOCKED, params={"case": case_id})).first()
    if case is None:
        raise Refused("This case no longer exists.")
    if session.info.get(TEAM, case.team_id) != case.team_id:
        raise Refused("This case moved meanwhile.")
    return case


async def locked_of(session: AsyncSession, case_id: int, teams: Collection[int]) -> Case:
    """Lock and return a case as `locked` does; raises Refused when it is of none of these teams."""
    case = await locked(session, case_id)
    if case.team_id not in teams:
        raise Refused("This belongs to another team.")
    return case


def within_team(sessions: db.Sessions, team_id: int) -> db.Sessions:
    """Return an opener of sessions that cannot change a case of another team.

    Permissions are checked before the case is locked; a colleague may transfer it to another team in between.
    """

    @asynccontextmanager
    async def opened(**options: bool) -> AsyncIterator[AsyncSession]:
        async with sessions(**options) as session:
            session.info[TEAM] = team_id
            yield session

    return opened


async def lock_all(session: AsyncSession, case_ids: Collection[int]) -> None:
    """Lock several cases, in order of their ids; before changing more than one, lock all of them.

    Before their messages are marked, too: who moves several cases marks those of one after those of another.
    """
    if case_ids:
        await lock_where(session, col(Case.id).in_(case_ids))


async def lock_where(session: AsyncSession, which: ColumnElement[bool]) -> None:
    """Lock all cases with this condition, as `lock_all`."""
    held = select(Case.id).where(which).order_by(col(Case.id))
    await session.exec(held.with_for_update(key_share=True))


async def _change(
    session: AsyncSession,
    case: Case,
    made: Move,
    now: datetime,
    *,
    owner: str | None,
    by: str,
    fills: Mapping[str, Any] | None = None,
) -> None:
    """Set the status and its columns, clear those of other statuses, and bring the clocks level."""
    if made in ENDS_QUESTIONS:
        await _lapse(session, case, now)
    await session.flush()
    status = LEADS_TO[made][case.status]
    news: dict[str, Any] = {"status": status}
    if owner is not None:
        news["assignee"] = owner
    if made in TAKES or (case.claimed_at is None and (owner or case.assignee)):
        news["claimed_at"] = now
    if made in WAITS_ANEW:
        news["waits_since"] = now
    if status is Status.CLOSED:
        news["closed_at"], news["closed_by"] = now, by
    news |= fills or {}
    news |= {name: EMPTY[name] for name, statuses in FILLED_IN.items() if status not in statuses}
    news = {name: value for name, value in news.items() if value != getattr(case, name)}
    for name, value in news.items():
        set_committed_value(case, name, value)
    if news:  # round the session, which takes longer
        await (await session.connection()).execute(_CHANGING, {"case": case.id, **news})
    if made in ENDS_SNOOZE:
        await clocks.end_snooze(session, case, now)
    await clocks.follow(session, case, now)


async def ended_at(session: AsyncSession, case: Case) -> datetime | None:
    """Return when a case was closed or last answered, None while it goes on."""
    if case.status is Status.ANSWERED:
        replies = select(func.max(Reply.created_at)).where(Reply.case_id == case.id)
        last = await session.exec(replies.where(col(Reply.status) != ReplyStatus.WITHDRAWN))
        return last.one() or case.answered_at
    return case.closed_at


async def _lapse(session: AsyncSession, case: Case, now: datetime) -> None:
    """Let the questions to advisers lapse without which a case ended, or left their owner: they were asked no more."""
    over = await ended_at(session, case) or now
    asked = update(Escalation).where(col(Escalation.case_id) == case.id, ASKED)
    await session.exec(asked.values(lapsed_at=over))


async def ask_on(session: AsyncSession, case_id: int, *, lapsed_at: datetime) -> None:
    """Let the questions to advisers that lapsed at that moment wait again: what ended them is undone."""
    lapsed = (col(Escalation.case_id) == case_id, col(Escalation.lapsed_at) == lapsed_at)
    await session.exec(update(Escalation).where(*lapsed).values(lapsed_at=None))


async def _log(
    session: AsyncSession, case: Case, made: Move, by: str, now: datetime, details: dict[str, Any] | None
) -> None:
    await session.flush()
    connection = await session.connection()
    event = {"case_id": case.id, "kind": logged_as(made), "by": by, "at": now, "details": details or {}}
    await connection.execute(_LOGGING, event)
    _note(session, await connection.execute(_FOLLOWING, {"case": case.id}))


def remembered(case: Case) -> dict[str, Any]:
    """Return the columns that the status of a case fills, for the details of an event; `recalled` reads them."""
    filled = {name: getattr(case, name) for name in FILLED_IN if getattr(case, name) != EMPTY[name]}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in filled.items()}


def recalled(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that `remembered` stored in an event, so that a move can fill them again."""
    moments = {name for name in FILLED_IN if isinstance(getattr(Case, name).type, UtcDateTime)}
    return {
        name: datetime.fromisoformat(details[name]) if name in moments else details[name]
        for name in FILLED_IN
        if name in details
    }


def refuse_unless_allowed(case: Case, made: Move, by: str, *, coordinates: bool = False) -> None:
    """Raise Refused when the status or the owner of a case does not allow a move now; say who or what is in the way.

    Raises Taken when a colleague has the case. Somebody who `coordinates` the team may close a colleague's case.
    """
    allowed = case.status in ALLOWED_FROM[made]
    if made in BY_OWNER:
        allowed &= case.assignee in {None, by}
    if made in BY_WHO_HAS_IT and not coordinates:
        allowed &= case.assignee in {None, by} or case.status not in ONGOING
    if allowed:
        return
    refuse_ended(case)
    if case.status is Status.NEW:
        raise Refused("Nobody has this case. Claim it first.")
    if case.assignee != by:
        raise Taken(case)
    if case.status not in OPEN:
        raise Refused("This case does not wait for us now. Reopen it first.")
    raise Refused("That is not possible now. The case is already with you.")


def refuse_ended(case: Case) -> None:
    """Raise Refused when a case no longer waits for us; it says who ended it."""
    if case.status is Status.CLOSED:
        raise Refused("{agent} closed this case. Reopen it first.", agent=f"<@{case.closed_by}>")
    if case.status is Status.ANSWERED:
        raise Refused("{agent} answered this case. Reopen it first.", agent=f"<@{case.assignee}>")


async def touch(session: AsyncSession, case_id: int) -> None:
    """Mark the case's card and its questions as no longer level with the case."""
    await _touch(session, _FOLLOWING, {"case": case_id})


async def touch_all(
    session: AsyncSession, case_ids: Collection[int], kinds: Collection[MessageKind] = FOLLOW_THE_CASE
) -> None:
    """Mark the messages of these kinds, of several cases, as no longer level."""
    await touch_messages(session, col(Message.case_id).in_(case_ids) & col(Message.kind).in_(kinds))


async def touch_messages(session: AsyncSession, which: ColumnElement[bool], *, quietly: bool = False) -> None:
    """Mark messages as no longer level; they are locked in one order, so that two callers cannot deadlock.

    `quietly`: nothing happened to them; they are written after all others, unless something does meanwhile.
    """
    await _touch(session, _touching(which, quietly=quietly), {})


def _touching(which: ColumnElement[bool], *, quietly: bool = False) -> Any:
    held = select(Message.id).where(which).order_by(col(Message.id)).with_for_update(key_share=True)
    news = {"version": col(Message.version) + 1, "rank": col(Message.rank) % QUIETLY}
    if quietly:
        is_quiet = (col(Message.shown_version) >= col(Message.version)) | (col(Message.rank) >= QUIETLY)
        news["rank"] += sqlalchemy.case((is_quiet, QUIETLY), else_=0)
    table = db.table_of(Message)
    return sqlalchemy.update(table).where(table.c.id.in_(held)).values(news).returning(table.c.id, table.c.channel)


async def _touch(session: AsyncSession, touching: Any, params: Mapping[str, Any]) -> None:
    """Mark messages; it goes round the session, which takes longer."""
    await session.flush()
    _note(session, await (await session.connection()).execute(touching, params))


def _note(session: AsyncSession, touched: Iterable[Any]) -> None:
    for message_id, channel in touched:
        note(session, f"messages:{channel}", message_id)


# Built once, for each move: to build them takes longer than to run them.
_CASES = db.table_of(Case)
_CHANGING = db.short(sqlalchemy.update(_CASES).where(_CASES.c.id == bindparam("case")))
_LOGGING = db.short(sqlalchemy.insert(db.table_of(Event)))
_LOCKED = db.short(
    select(Case)
    .where(Case.id == bindparam("case"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)
_FOLLOWING = db.short(_touching((col(Message.case_id) == bindparam("case")) & col(Message.kind).in_(FOLLOW_THE_CASE)))
