"""After a restore: nothing that may have been done since the backup is done again.

The database is then older than the platforms and Slack. What was on its way may have been sent, or taken back: a person
decides. What Slack shows may be newer: it is written again. What we were about to post may be there: it is looked up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases import restored
from bot.connectors.base import Unknowable
from bot.domain.case import ONGOING
from bot.domain.event import EventKind
from bot.keeping import postgres, sqlite
from bot.models import (
    UNFINISHED,
    UNSENT,
    WAITING,
    Account,
    Act,
    ActStatus,
    Case,
    CaseCount,
    Event,
    Message,
    MessageKind,
    Reply,
    ReplyStatus,
    Team,
    Workspace,
)
from bot.outgoing import outcomes

RECENT = timedelta(days=30)
"""How long before the backup a case must have been touched last, so that its messages are written again."""
LEAP = 1_000
"""So many numbers of cases are skipped, when we cannot know how many cases there were after the backup."""
IDS = 1_000_000
"""So many ids are skipped, and one for each second since the backup: the buttons of Slack's messages hold for ever
those of what came after it. So they differ from those of an earlier restore too, of which nothing may be left."""


@dataclass(frozen=True)
class Settled:
    """What a restore found. `as_of` is the last moment that the database knows of, None if it knows nothing.

    `skipped` is how many numbers of cases each team skips.
    """

    as_of: datetime | None = None
    replies: int = 0
    acts: int = 0
    stale: int = 0
    waiting: int = 0
    skipped: int = 0


async def settle(session: AsyncSession, now: datetime, given: Mapping[str, int]) -> Settled:
    """Prepare a database that was just restored for a start of the bot.

    `given` has, by table, the highest id that the database gave whose place it takes, and its MADE and NUMBERS.
    """
    as_of = await newest(session)
    if as_of is None:
        return Settled()
    skipped = await _leap(session, given, IDS + max(0, int((now - as_of).total_seconds())))
    await _look_for_unposted(session, as_of)
    replies, acts = await _doubt_replies(session, now), await _doubt_acts(session, now)
    stale = await _mark_stale(session, as_of)
    session.add(Event(kind=EventKind.RESTORED, at=now, details={"as_of": as_of.isoformat()}))
    waiting = await _warn(session, as_of, now)
    return Settled(as_of, replies, acts, stale, waiting, skipped)


async def newest(session: AsyncSession) -> datetime | None:
    """Return the last moment at which something happened, as far as the database knows."""
    moments = [
        (await session.exec(select(func.max(each)))).one()
        for each in (col(Event.at), col(Account.polled_at), col(Account.created_at), col(Team.created_at))
    ]
    return max((each for each in moments if each is not None), default=None)


async def _doubt_replies(session: AsyncSession, now: datetime) -> int:
    """Ask a person about each reply that was on its way.

    It may have been sent, or taken back for another that we do not know of. So finding nothing on the platform would
    not be a reason to send it.
    """
    doubted = (await session.exec(select(Reply).where(UNSENT).order_by(col(Reply.id)))).all()
    for reply in doubted:
        reply.status, reply.tries = ReplyStatus.SENDING, max(1, reply.tries)
        reply.first_tried_at = reply.first_tried_at or reply.created_at
        session.add(reply)
        await session.flush()
        await outcomes.record(session, reply, Unknowable(), now)
    unclear = update(Reply).where(col(Reply.status) == ReplyStatus.UNCERTAIN).values(invitation=None)
    await session.exec(unclear.execution_options(synchronize_session=False))  # it may have been published too
    return len(doubted)


async def _doubt_acts(session: AsyncSession, now: datetime) -> int:
    """Report each act that was on its way: it may have been done, and undone again."""
    doubted = (await session.exec(select(Act).where(UNFINISHED).order_by(col(Act.id)))).all()
    for act in doubted:
        act.status, act.tries = ActStatus.SENDING, max(1, act.tries)
        session.add(act)
        await session.flush()
        await outcomes.record(session, act, Unknowable(), now)
    return len(doubted)


async def _look_for_unposted(session: AsyncSession, as_of: datetime) -> None:
    """Let messages that were not posted yet be looked for in Slack first, by their keys."""
    unposted = col(Message.ts).is_(None) & col(Message.posting_since).is_(None)
    begun = (
        update(Message).where(unposted, col(Message.shown_version) < col(Message.version)).values(posting_since=as_of)
    )
    await session.exec(begun.execution_options(synchronize_session=False))


async def _mark_stale(session: AsyncSession, as_of: datetime) -> int:
    """Let all that Slack may show in a newer state be written again; sentences never change."""
    recent = as_of - RECENT
    moved = select(Event.case_id).where(col(Event.at) > recent, col(Event.case_id).is_not(None))
    ongoing = select(Case.id).where(col(Case.status).in_(ONGOING))
    posted: ColumnElement[bool] = col(Message.ts) > f"{recent.timestamp():.6f}"
    shown = col(Message.case_id).in_(moved) | col(Message.case_id).in_(ongoing) | posted
    marked = await session.exec(
        update(Message)
        .where(col(Message.ts).is_not(None), col(Message.kind) != MessageKind.NOTICE, shown)
        .values(version=Message.version + 1, shown="", retry_at=None, leased_until=None)
        .execution_options(synchronize_session=False)
    )
    return int(marked.rowcount)


async def _leap(session: AsyncSession, given: Mapping[str, int], ids: int) -> int:
    """Skip numbers of cases, and `ids`, so that none means another row than before; return how many numbers.

    Slack still shows cases that came after the backup, or were handed over after it, with numbers of their own.
    """
    connection = await session.connection()
    if db.is_sqlite(session):
        await connection.run_sync(sqlite.number_on, ids, given)
    else:
        await postgres.number_on(connection, ids, given)
    made = (await session.exec(select(func.min(col(Workspace.created_at))))).one()
    here = (await session.exec(select(func.sum(CaseCount.counted)))).one() or 0
    since = given.get(sqlite.NUMBERS, -1) - here  # of all teams together, so each of them has given no more
    is_known = made is not None and given.get(sqlite.MADE) == int(made.timestamp()) and since >= 0
    skipped = since if is_known else LEAP
    await session.exec(update(CaseCount).values(counted=CaseCount.counted + skipped))
    return skipped


async def _warn(session: AsyncSession, as_of: datetime, now: datetime) -> int:
    """Warn each team in its channel, and below each case that waits, that it may have been answered since."""
    for team in (await session.exec(select(Team).order_by(col(Team.id)))).all():
        await restored.tell_team(session, team, as_of, now)
    waiting = (await session.exec(select(Case).where(WAITING).order_by(col(Case.id)))).all()
    for case in waiting:
        await restored.warn(session, case, as_of, now)
    return len(waiting)
