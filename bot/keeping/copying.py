"""Move an SQLite installation to PostgreSQL: every row, in batches that go on where they were cut off.

The file is held during the copy, so that nothing in it can change. The new database is marked as unfinished until every
table was read back and is the same, row by row.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Column, DateTime, LargeBinary, String, Table, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from bot import db
from bot.config import BadSettings
from bot.keeping import postgres, sqlite, unfinished
from bot.keeping.sqlite import Progress

HALF = (
    "A copy into this database was begun and did not end, so the bot does not start on it: "
    "run `webcare copy` again, which goes on where it stopped."
)
COPIED = "webcare_copied"
"""A table without a model: how far each table was copied. It goes away with the mark."""
BATCH, BATCH_OF_FILES = 20_000, 50
"""Rows that are committed together; fewer in a table that may hold images."""
ALL_HASHES = 1 << 128
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
Row = tuple[str | None, ...]
"""A row as PostgreSQL writes it: each value as text."""
Convert = Callable[[Any], str]
NOT_IN_JSON = re.compile(r"\\u0000|\\ud[89a-f]|NaN|Infinity", re.IGNORECASE)
"""What Python's JSON may hold and PostgreSQL's may not: https://www.postgresql.org/docs/current/datatype-json.html"""


@dataclass
class Copied:
    """What was copied. `mended` is how many rows held signs that PostgreSQL does not store, which are now `�`."""

    tables: int = 0
    rows: int = 0
    mended: int = 0


async def copy(source: Path, engine: AsyncEngine, progress: Progress) -> Copied:
    """Copy an SQLite database that nobody uses into a PostgreSQL database without data of ours.

    Raises BadSettings with what is in the way, and when a copy is not the same as its source.
    """
    with sqlite.alone(source) as reading:
        if why := db.misfit_of(sqlite.revision(reading, source)):
            raise BadSettings(why)
        reading.text_factory = lambda raw: raw.decode("utf-8", "replace")
        await _begin(engine, _identity(reading))
        tables = SQLModel.metadata.sorted_tables
        total, copied = sum(_count(reading, each) for each in tables), Copied(len(tables))
        for table in tables:
            async for count in _copied(reading, engine, table, copied):
                copied.rows += count
                progress(copied.rows, 2 * total)
        async with db.connected(engine) as connection:
            await postgres.number_on(connection, 0, sqlite.given(reading))
        for table in tables:
            await _refuse_different(reading, engine, table)
            progress(total + copied.rows, 2 * total)
        await _end(engine)
    return copied


def _identity(reading: sqlite3.Connection) -> str:
    """Return what tells one installation from another: the moment at which its database was made."""
    return str(reading.execute("SELECT min(created_at) FROM workspaces").fetchone()[0])


def _count(reading: sqlite3.Connection, table: Table) -> int:
    return int(reading.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608


# --- Begin and end -------------------------------------------------------------------------------


async def _begin(engine: AsyncEngine, identity: str) -> None:
    """Mark an empty database and make its tables; or go on with one that was begun from the same source."""
    there = await unfinished.tables(engine)
    if db.UNFINISHED in there:
        async with db.connected(engine) as connection:
            begun = (await connection.execute(text(f"SELECT what, details FROM {db.UNFINISHED}"))).one_or_none()  # noqa: S608
        if begun is not None and tuple(begun) != (HALF, identity):
            raise BadSettings("Something else was begun in that database, or from another source: give an empty one.")
    elif await unfinished.is_filled(engine, unfinished.FILLED & there):
        raise BadSettings("That database is not empty: make a new one for the copy.")
    await unfinished.mark(engine, HALF, identity)
    await db.migrate(engine)
    if COPIED not in there:
        async with db.connected(engine) as connection:
            await connection.execute(text("DELETE FROM workspaces"))  # made by migrations; the copy brings its own
            await connection.execute(text(f"CREATE TABLE {COPIED} (name text PRIMARY KEY, after bigint, rows bigint)"))


async def _end(engine: AsyncEngine) -> None:
    """Take the mark away: from now on the bot starts on this database."""
    async with db.connected(engine) as connection:
        await connection.execute(text(f"DROP TABLE {COPIED}"))
        await connection.execute(text(f"DROP TABLE {db.UNFINISHED}"))


# --- Rows ----------------------------------------------------------------------------------------


async def _copied(reading: sqlite3.Connection, engine: AsyncEngine, table: Table, copied: Copied) -> AsyncIterator[int]:
    """Copy a table batch by batch, each with how far it came; yields how many rows are copied, the earlier ones first.

    https://www.postgresql.org/docs/current/sql-copy.html
    """
    async with db.connected(engine) as connection:
        far = text(f"SELECT after, rows FROM {COPIED} WHERE name = :name")  # noqa: S608
        after, rows = (await connection.execute(far, {"name": table.name})).one_or_none() or (-(1 << 63), 0)
    yield rows
    columns = ", ".join(f'"{each.name}"' for each in table.columns)
    batch_of = BATCH_OF_FILES if any(isinstance(_kind(each), LargeBinary) for each in table.columns) else BATCH
    query = f"SELECT rowid, {columns} FROM {table.name} WHERE rowid > ? ORDER BY rowid LIMIT {batch_of}"  # noqa: S608
    convert = _converts(table)
    while batch := reading.execute(query, [after]).fetchall():
        after, rows = batch[-1][0], rows + len(batch)
        try:
            async with engine.begin() as connection:
                await _write(connection, f"COPY {table.name} ({columns}) FROM STDIN", convert(batch, copied))
                keep = text(
                    f"INSERT INTO {COPIED} VALUES (:name, :after, :rows) "  # noqa: S608
                    "ON CONFLICT (name) DO UPDATE SET after = :after, rows = :rows"
                )
                await connection.execute(keep, {"name": table.name, "after": after, "rows": rows})
        except (engine.dialect.loaded_dbapi.Error, SQLAlchemyError) as error:
            reason = str(getattr(error, "orig", None) or error)
            raise BadSettings(
                f"The copy stopped at {table.name} ({' '.join(reason.split())}): run it again, and it goes on there."
            ) from None
        yield len(batch)


async def _write(connection: AsyncConnection, statement: str, rows: Iterable[Row]) -> None:
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None  # noqa: S101 - for the type checker
    async with driver.cursor() as cursor, cursor.copy(statement) as copying:
        for row in rows:
            await copying.write_row(row)


async def _read(engine: AsyncEngine, table: Table) -> AsyncIterator[Row]:
    columns = ", ".join(_as_text(each) for each in table.columns)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - for the type checker
        query = f"COPY (SELECT {columns} FROM {table.name}) TO STDOUT"  # noqa: S608
        async with driver.cursor() as cursor, cursor.copy(query) as copying:
            async for row in copying.rows():
                yield row


def _as_text(column: Column[Any]) -> str:
    """Return the SQL that gives a value as `_converts` writes it."""
    name = f'"{column.name}"'
    if isinstance(_kind(column), DateTime):
        return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')"
    return f"{name}::text"


def _kind(column: Column[Any]) -> Any:
    return getattr(column.type, "impl", column.type)


async def _refuse_different(reading: sqlite3.Connection, engine: AsyncEngine, table: Table) -> None:
    """Raise BadSettings when a table is not the same in both databases: as many rows, and the same ones."""
    columns = ", ".join(f'"{each.name}"' for each in table.columns)
    source = reading.execute(f"SELECT rowid, {columns} FROM {table.name}")  # noqa: S608
    theirs = ours = (0, 0)
    for row in _converts(table)(source, Copied()):
        theirs = (theirs[0] + 1, (theirs[1] + _hash(row)) % ALL_HASHES)
    async for row in _read(engine, table):
        ours = (ours[0] + 1, (ours[1] + _hash(row)) % ALL_HASHES)
    if theirs != ours:
        raise BadSettings(
            f"{table.name} is not the same in both databases ({theirs[0]} and {ours[0]} rows): the source changed "
            "while the copy was interrupted. Begin again with an empty database."
        )


def _hash(row: Row) -> int:
    return int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest())


# --- Values --------------------------------------------------------------------------------------


def _converts(table: Table) -> Callable[[Iterable[Any], Copied], Iterator[Row]]:
    """Return what turns rows of SQLite, each after its rowid, into rows as PostgreSQL writes them."""
    converts = [(n, _convert_of(each)) for n, each in enumerate(table.columns) if not isinstance(_kind(each), String)]
    of_json = [n for n, each in enumerate(table.columns) if isinstance(_kind(each), JSON)]

    def converted(rows: Iterable[Any], copied: Copied) -> Iterator[Row]:
        for _, *row in rows:
            before = [row[n] for n in of_json]
            for n, convert in converts:
                if row[n] is not None:
                    row[n] = convert(row[n])
            try:
                signs = "".join(filter(None, row))
            except TypeError:  # SQLite stores bytes in a column of texts too
                row = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row]
                signs = "".join(filter(None, row))
            if "\0" in signs:
                row = [value and value.replace("\0", UNKNOWN) for value in row]
                copied.mended += 1
            elif of_json and any(str(was) != row[n] for n, was in zip(of_json, before, strict=True) if was is not None):
                copied.mended += 1
            yield tuple(row)

    return converted


def _convert_of(column: Column[Any]) -> Convert:
    match _kind(column):
        case DateTime():
            return _moment
        case Boolean():
            return lambda value: "true" if value else "false"
        case LargeBinary():
            return lambda value: "\\x" + bytes(value).hex()
        case JSON():
            return _json
    return str


def _moment(value: Any) -> str:
    """Return a moment with its zone, which SQLite does not store: it is always UTC."""
    return f"{value}+00" if "." in str(value) else f"{value}.000000+00"


def _json(value: Any) -> str:
    """Return JSON that PostgreSQL takes and can read again: SQLite stores numbers as such, and any sign."""
    written = value if isinstance(value, str) else json.dumps(value)
    if NOT_IN_JSON.search(written) is None:
        return written
    return json.dumps(_mended(json.loads(written, parse_constant=lambda _: None)))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return (
            value.encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    return value
