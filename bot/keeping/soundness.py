"""Read the whole database, and find what should not be: damage, forgotten cases, tokens that no key opens."""

from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, exists, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, db
from bot.accounts import seal
from bot.cases.silent import answerable
from bot.config import BadSettings, Settings
from bot.domain.case import Status
from bot.keeping import sqlite
from bot.models import (
    WAITING,
    Account,
    Case,
    CaseCount,
    CaseWords,
    Clock,
    Event,
    Message,
    MessageKind,
    Reply,
    ReplyStatus,
    SigningIn,
)
from bot.slack.check import Finding
from bot.slack.writing import is_in_arrears

NAMED = 5
"""So many cases are named of those that something is wrong with."""
LEVEL_WITHIN = timedelta(minutes=15)
"""A message that is not level for longer is worth a look; a bot that runs needs seconds."""
GUARDS = {
    "sqlite": frozenset({"events_no_update", "events_no_delete", "events_no_replace"}),
    "postgresql": frozenset({"events_no_update", "events_no_delete", "events_no_truncate"}),
}
"""The triggers with which each database keeps the log of events from being changed."""


async def findings(engine: AsyncEngine, settings: Settings, now: datetime) -> AsyncGenerator[Finding, None]:
    """Read everything in a migrated database, and yield each finding at once."""
    async with engine.execution_options(reads_only=True).connect() as connection:
        yield await _integrity(connection)
        yield await _tables(connection)
        yield await _guards(connection)
        yield await _counters(connection)
        yield await _rows(connection)
    async with db.readings(engine)() as session:
        yield await _tokens(session, settings)
        for about, condition, repair in _of_cases():
            yield await _cases(session, about, condition, repair)
        yield await _numbers(session)
        yield await _level(session, now)


# --- The tables ----------------------------------------------------------------------------------


async def _integrity(connection: AsyncConnection) -> Finding:
    """Read every page (SQLite), or every reference from row to row (PostgreSQL, which checks its own pages)."""
    damage = ""
    if connection.dialect.name == "sqlite":
        found = (await connection.execute(text("PRAGMA integrity_check(3)"))).scalars().all()
        damage = "" if list(found) == ["ok"] else "; ".join(map(str, found))
        lost = (await connection.execute(text(sqlite.LOST))).first()
        damage = damage or (sqlite.in_words(lost) if lost else "")
    else:
        for table in SQLModel.metadata.sorted_tables:
            damage = damage or await _lost_of(connection, table)
        invalid = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid LIMIT 1")
        index = (await connection.execute(invalid)).scalar()
        damage = damage or (f"the index {index} is not valid" if index else "")
    words = f"{damage}. Restore a backup (webcare restore), or ask who keeps the database."
    return Finding("Integrity", not damage, words if damage else "every row can be read and refers to rows that exist.")


async def _lost_of(connection: AsyncConnection, table: Table) -> str:
    for key in table.foreign_keys:
        other = key.column.table.alias()
        there = exists().where(other.c[key.column.name] == key.parent)
        lost = select(func.count()).select_from(table).where(key.parent.is_not(None), ~there)
        if count := (await connection.execute(lost)).scalar():
            return f"{count} rows of {table.name} refer to rows of {key.column.table.name} that are not there"
    return ""


async def _tables(connection: AsyncConnection) -> Finding:
    """Compare the columns that are there with those that this version uses."""

    def lacking(sync: Connection) -> list[str]:
        there = inspect(sync)
        names = set(there.get_table_names())
        return [
            f"{table.name}.{column}"
            for table in SQLModel.metadata.sorted_tables
            for column in {each.name for each in table.columns}
            - ({each["name"] for each in there.get_columns(table.name)} if table.name in names else set())
        ]

    missing = sorted(await connection.run_sync(lacking))
    words = f"they lack {', '.join(missing[:NAMED])}: restore a backup, or report this."
    return Finding("Tables", not missing, words if missing else "all that this version needs are there.")


async def _guards(connection: AsyncConnection) -> Finding:
    kind = connection.dialect.name
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if kind != "sqlite":
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass AND tgenabled <> 'D'"
    missing = GUARDS[kind] - set((await connection.execute(text(query))).scalars())
    words = f"nothing keeps it from being changed ({', '.join(sorted(missing))} is missing): report this."
    return Finding("Log of events", not missing, words if missing else "the database refuses to change it.")


async def _counters(connection: AsyncConnection) -> Finding:
    """With PostgreSQL, the next id of a table must be a new one. SQLite has no counters that could be behind."""
    behind = []
    for table in SQLModel.metadata.sorted_tables if connection.dialect.name == "postgresql" else []:
        if "id" not in table.c:
            continue
        name = (await connection.execute(select(func.pg_get_serial_sequence(table.name, "id")))).scalar()
        if name is not None:
            last = (await connection.execute(text(f"SELECT last_value FROM {name}"))).scalar() or 0  # noqa: S608
            newest = (await connection.execute(select(func.max(table.c["id"])))).scalar() or 0
            behind += [table.name] if newest > last else []
    words = f"those of {', '.join(behind)} are behind: new rows are refused. Report this."
    return Finding("Counters", not behind, words if behind else "new rows get new ids.")


async def _rows(connection: AsyncConnection) -> Finding:
    counts = {
        table.name: (await connection.execute(select(func.count()).select_from(table))).scalar() or 0
        for table in SQLModel.metadata.sorted_tables
    }
    listed = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)
    return Finding("Rows", True, f"{sum(counts.values()):,} ({listed}).")


# --- What they hold ------------------------------------------------------------------------------


async def _tokens(session: AsyncSession, settings: Settings) -> Finding:
    """Try the key on all that is sealed; what is stopped, and a sign-in, holds nothing up (accounts.seal_anew)."""
    key = settings.webcare_secret_key.get_secret_value()
    connected = (await session.exec(select(Account).order_by(col(Account.id)))).all()
    begun = (await session.exec(select(SigningIn).order_by(col(SigningIn.id)))).all()
    closed = [row for row in connected if not _opens(row.sealed, key)]
    names = [*map(accounts.key, closed), *(f"sign-in {row.id}" for row in begun if not _opens(row.sealed, key))]
    words = f"WEBCARE_SECRET_KEY opens none of {', '.join(names)}: set the key that was used, or connect them again."
    if not names:
        return Finding("Sealed tokens", True, f"all {len(connected) + len(begun)} can be opened.")
    is_needed = any(row.stopped_at is None for row in closed)
    return Finding("Sealed tokens", not is_needed, words, warns=not is_needed)


def _opens(sealed: bytes, key: str) -> bool:
    try:
        seal.unseal(sealed, key)
    except (BadSettings, ValueError):
        return False
    return True


def _of_cases() -> Iterator[tuple[str, ColumnElement[bool], str]]:
    """Yield what may be wrong with cases: what it is called, the condition, and what it means and what to do."""
    clock = select(Clock.id).where(Clock.case_id == Case.id, col(Clock.stopped_at).is_(None))
    yield (
        "Waiting cases", WAITING & answerable() & ~clock.where(col(Clock.next_at).is_not(None)).exists(),
        "wait for us, and nobody will hear of them again. If their team has opening hours, report this; until then "
        "look after them in Slack.",
    )  # fmt: skip
    card = select(Message.id).where(Message.case_id == Case.id, Message.kind == MessageKind.CASE)
    yield "Cards", ~card.exists(), "have no card. Report this; Home and the search show them."
    unmeasured = select(Clock.id).where(col(Clock.stopped_at).is_not(None), col(Clock.elapsed_seconds).is_(None))
    torn = or_(
        (col(Case.status) == Status.CLOSED) & clock.exists(),
        WAITING & clock.where(col(Clock.rests_for).is_not(None)).exists(),
        clock.where(Clock.team_id != Case.team_id).exists(),
        unmeasured.where(Clock.case_id == Case.id).exists(),
    )
    yield "Clocks", torn, "have clocks that contradict them. Report this: their figures may be wrong."
    words = select(CaseWords.case_id).where(CaseWords.case_id == Case.id)
    yield "Search", ~words.exists(), "cannot be found by their words. Report this."
    asked = select(Message.id).where(Message.case_id == Case.id, Message.kind == MessageKind.REPLY_PROBLEM)
    unclear = select(Reply.id).where(Reply.case_id == Case.id, Reply.status == ReplyStatus.UNCERTAIN)
    wrong = unclear.exists() & ~asked.exists()
    yield "Unclear answers", wrong, "have an answer that may have been sent, and nobody was asked. Report this."


async def _cases(session: AsyncSession, about: str, wrong: ColumnElement[bool], repair: str) -> Finding:
    count = (await session.exec(select(func.count()).select_from(Case).where(wrong))).one()
    if not count:
        return Finding(about, True, "nothing is wrong with those of any case.")
    numbers = (await session.exec(select(Case.number).where(wrong).order_by(col(Case.id)).limit(NAMED))).all()
    named = ", ".join(f"#{number}" for number in numbers) + (" …" if count > NAMED else "")
    return Finding(about, False, f"{count} cases ({named}) {repair}")


async def _numbers(session: AsyncSession) -> Finding:
    highest = select(func.max(Case.number)).where(Case.team_id == CaseCount.team_id).scalar_subquery()
    behind = (await session.exec(select(CaseCount.team_id).where(highest > CaseCount.counted))).all()
    words = f"those of team {', '.join(map(str, behind))} would be given twice: report this."
    return Finding("Numbers of cases", not behind, words if behind else "no number is given twice.")


async def _level(session: AsyncSession, now: datetime) -> Finding:
    """Count the messages that Slack does not show as they are, and say since when the oldest waits.

    What waits until its team opens is as it must be.
    """
    stale = is_in_arrears(now)
    count = (await session.exec(select(func.count()).select_from(Message).where(stale))).one()
    if not count:
        return Finding("Messages", True, "Slack shows all as they are.")
    moved = select(func.max(Event.at)).where(Event.case_id == Message.case_id).correlate(Message).scalar_subquery()
    since = select(func.min(moved)).select_from(Message).where(stale)
    oldest = (await session.exec(since)).one()
    waited = now - oldest if oldest is not None else timedelta()
    words = f"{count} are not as they should be in Slack"
    if waited <= LEVEL_WITHIN:
        return Finding("Messages", True, f"{words}; they are written as soon as Slack takes them.")
    minutes = int(waited.total_seconds() // 60)
    return Finding(
        "Messages", True, f"{words}, the oldest for {minutes} minutes: does the bot run? See /health.", warns=True
    )
