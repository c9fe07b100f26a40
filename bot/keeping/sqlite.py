"""SQLite files: copy one while it is used, check one, hold one so that nobody else uses it, and its counters of ids."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bot.config import BadSettings

Progress = Callable[[int, int], None]
"""Called again and again with how much is done, and of how much."""

STEPS = 100_000
"""How many steps of SQLite there are between two calls of the progress."""
LOST = "PRAGMA foreign_key_check"
"""Returns the rows that refer to one that is not there: https://www.sqlite.org/pragma.html#pragma_foreign_key_check"""
COUNTED = re.compile(r"\bid INTEGER NOT NULL,(.*?),\s*PRIMARY KEY \(id\)", re.DOTALL)
"""The key of a table as migrations make it, in the words with which SQLite keeps it."""
MADE = "made"
"""Beside the ids that the tables of a database gave: when it was made, in seconds. Databases of one installation, as
a backup and what came of it, have that in common."""
NUMBERS = "numbers"
"""Beside these: how many numbers of cases were given or skipped, of all teams together."""
NOT_OURS = "{file} is not a database of webcare."
DEFENDED = (
    "The SQLite of this Python lets nobody change what it keeps of the tables (its defensive mode), without which ids "
    "that were given after the backup would be given again. Nothing was changed: restore with another Python."
)
"""https://www.sqlite.org/c3ref/c_dbconfig_defensive.html"""


@contextmanager
def opened(file: Path, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
    """Open an existing file, without waiting for others; raises BadSettings with what SQLite has against it."""
    try:
        mode = "rw" if writes else "ro"
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=0)) as connection:
            connection.isolation_level = None
            yield connection
    except sqlite3.Error as error:
        raise BadSettings(f"{file} cannot be used ({error}).") from None


def copy(source: sqlite3.Connection, draft: Path, progress: Progress) -> None:
    """Copy a database as it is at this moment, no matter who uses it, into one empty file without files beside it.

    Nothing of what was deleted is in the copy: https://www.sqlite.org/lang_vacuum.html#vacuum_with_an_into_clause
    """
    total = source.execute("PRAGMA page_count").fetchone()[0] * source.execute("PRAGMA page_size").fetchone()[0]
    stopped = list[BaseException]()

    def step() -> bool:
        try:
            progress(min(draft.stat().st_size, total), total)
        except BaseException as error:  # SQLite would only say that it was interrupted
            stopped.append(error)
        return bool(stopped)

    source.set_progress_handler(step, STEPS)
    try:
        source.execute("VACUUM INTO ?", (str(draft),))
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:  # a signal is heard before the first line of `step` too
            raise (stopped or [KeyboardInterrupt()])[0] from None
        raise BadSettings(f"The database cannot be copied ({error}).") from None
    finally:
        source.set_progress_handler(None, 0)
    progress(total, total)


def check(connection: sqlite3.Connection, file: Path) -> None:
    """Read everything; raises BadSettings when something is damaged, or a row refers to one that is not there."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BadSettings(f"{file} is damaged ({' '.join(str(found).split())}).")
    lost = connection.execute(LOST).fetchone()
    if lost is not None:
        raise BadSettings(f"{file} is damaged: {in_words(lost)}.")


def in_words(lost: Sequence[object]) -> str:
    """Say what a row of `LOST` means."""
    table, row, other, *_ = lost
    return f"row {row} of {table} refers to one in {other} that is not there"


def revision(connection: sqlite3.Connection, file: Path) -> str:
    """Return the revision of the tables; raises BadSettings if it is no database of ours."""
    has_revision = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if has_revision else None
    if row is None:
        raise BadSettings(NOT_OURS.format(file=file))
    return str(row[0])


@contextmanager
def alone(file: Path) -> Iterator[sqlite3.Connection]:
    """Hold a database so that nobody else can use it; raises BadSettings when somebody does.

    A running bot keeps connections open, and with an open connection the WAL cannot be ended. Within the block all of
    the database is in one file. https://www.sqlite.org/wal.html
    """
    with opened(file) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise BadSettings(f"{file} is in use: stop the bot first, and every other command of webcare.") from None
        yield connection
        connection.rollback()


def given(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the highest id that each table has given, MADE and NUMBERS, as far as they can be read.

    https://www.sqlite.org/autoinc.html
    """
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    counted = dict(connection.execute("SELECT name, seq FROM sqlite_sequence") if "sqlite_sequence" in there else ())
    for name in there.intersection(_with_ids()):
        with suppress(sqlite3.DatabaseError):  # it may be damaged: that is why a backup takes its place
            newest = connection.execute(f"SELECT max(id) FROM {name}").fetchone()[0]  # noqa: S608
            counted[name] = max(newest or 0, counted.get(name, 0))
    with suppress(sqlite3.DatabaseError):
        made = connection.execute("SELECT CAST(strftime('%s', min(created_at)) AS INTEGER) FROM workspaces").fetchone()
        counted[MADE] = made[0] or 0
        counted[NUMBERS] = connection.execute("SELECT sum(counted) FROM case_counts").fetchone()[0] or 0
    return counted


def _with_ids() -> list[str]:
    return [table.name for table in SQLModel.metadata.sorted_tables if "id" in table.c]


def number_on(connection: Connection, leap: int, before: Mapping[str, int]) -> None:
    """Let new rows get ids after the highest that was given, here or `before` by table, and so many further.

    Raises BadSettings when SQLite does not let its counters be changed.

    Without a counter SQLite numbers on from the highest row, so each table gets one. That changes none of its rows, but
    SQLite has no other word for it than to write what it keeps of the table:
    https://www.sqlite.org/pragma.html#pragma_writable_schema
    """
    connection.exec_driver_sql("PRAGMA writable_schema=ON")
    for name in _with_ids():
        mine = {"name": name}
        kept = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), mine)
        counted = COUNTED.sub(r"id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,\1", str(kept.scalar()), count=1)
        change = text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name")
        try:
            connection.execute(change, {"sql": counted, **mine})
        except DBAPIError:
            raise BadSettings(DEFENDED) from None
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar() or 0
    connection.exec_driver_sql(f"PRAGMA schema_version={version + 1}")  # so that each connection reads it anew
    connection.exec_driver_sql("PRAGMA writable_schema=RESET")
    for name in _with_ids():
        newest = connection.exec_driver_sql(f"SELECT max(id) FROM {name}").scalar() or 0  # noqa: S608
        seen = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": name}).scalar()
        last = {"name": name, "last": max(newest, seen or 0, before.get(name, 0)) + leap}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), last)
        connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), last)
