"""SQLite's driver: one call to its thread per statement, and else as SQLAlchemy's own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import db
from bot.config import BadSettings


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made = db.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    async with made.begin() as connection:
        await connection.execute(text("CREATE TABLE sheep (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
    yield made
    await made.dispose()


class Calls:
    """Counts what the driver's thread is asked."""

    def __init__(self, queue: Any) -> None:
        self._queue, self.made = queue, 0

    def put_nowait(self, asked: Any) -> None:
        self.made += 1
        self._queue.put_nowait(asked)


async def driver_of(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def test_a_statement_takes_one_call_to_the_drivers_thread(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine.begin() as connection:
        driver = await driver_of(connection)
        calls = Calls(driver._tx)
        monkeypatch.setattr(driver, "_tx", calls)
        await connection.execute(text("INSERT INTO sheep (name) VALUES ('Dolly'), ('Shaun')"))
        assert calls.made == 1
        names = await connection.execute(text("SELECT name FROM sheep ORDER BY id"))
        assert names.scalars().all() == ["Dolly", "Shaun"]
        assert calls.made == 2
        await connection.execute(text("INSERT INTO sheep (name) VALUES (:name)"), [{"name": "A"}, {"name": "B"}])
        assert calls.made == 3
        monkeypatch.undo()


@pytest.fixture
def counted(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Callable[[AsyncConnection], Awaitable[Calls]]:
    """Counts from now on what the thread of a connection is asked."""

    async def count(connection: AsyncConnection) -> Calls:
        driver = await driver_of(connection)
        calls = Calls(driver._tx)
        monkeypatch.setattr(driver, "_tx", calls)
        return calls

    return count


COUNT = db.short(text("SELECT count(*) FROM sheep"))
ADD = db.short(text("INSERT INTO sheep (name) VALUES (:name)"))
Counted = Callable[[AsyncConnection], Awaitable[Calls]]


async def test_what_only_reads_a_few_rows_asks_the_drivers_thread_nothing(
    engine: AsyncEngine, counted: Counted
) -> None:
    async with engine.execution_options(reads_only=True).connect() as connection:
        calls = await counted(connection)
        async with connection.begin():
            assert (await connection.execute(COUNT)).scalar() == 0
    assert calls.made == 0
    async with engine.begin() as connection:
        await connection.execute(ADD, {"name": "Dolly"})
    async with engine.execution_options(reads_only=True).connect() as connection:
        assert (await connection.execute(COUNT)).scalar() == 1, "it reads what is there now"


async def test_a_transaction_that_writes_a_few_rows_asks_the_drivers_thread_only_for_its_end(
    engine: AsyncEngine, counted: Counted
) -> None:
    async with engine.connect() as connection:
        calls = await counted(connection)
        async with connection.begin():
            await connection.execute(ADD, {"name": "Dolly"})
            async with connection.begin_nested():
                await connection.execute(ADD, {"name": "Shaun"})
            assert (await connection.execute(COUNT)).scalar() == 2
        assert calls.made == 1
    assert calls.made == 1, "there is nothing to undo"


@pytest.mark.parametrize(("is_short", "made"), [(False, 3), (True, 2)])
async def test_a_transaction_of_short_statements_asks_the_drivers_thread_only_to_add_rows_one_by_one(
    engine: AsyncEngine, counted: Counted, is_short: bool, made: int
) -> None:
    async with db.sessions(engine)(is_short=is_short) as session:
        connection = await session.connection()
        calls = await counted(connection)
        await connection.execute(ADD, {"name": "Dolly"})
        await connection.execute(text("INSERT INTO sheep (name) VALUES (:name)"), [{"name": "A"}, {"name": "B"}])
        assert (await connection.execute(text("SELECT count(*) FROM sheep"))).scalar() == 3
    assert calls.made == made


async def test_of_two_that_write_a_few_rows_the_second_waits_for_the_first_and_the_loop_goes_on(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as first, first.begin():
        await first.execute(ADD, {"name": "Dolly"})

        async def adds() -> None:
            async with engine.begin() as second:
                await second.execute(ADD, {"name": "Shaun"})
                patience = await second.execute(text("PRAGMA busy_timeout"))
                assert patience.scalar() == 30_000, "it is patient again, also with other programs"

        second = asyncio.create_task(adds())
        await asyncio.wait([second], timeout=0.05)
        assert not second.done()
    await second
    async with engine.connect() as connection:
        assert (await connection.execute(COUNT)).scalar() == 2


async def test_a_refused_short_statement_is_sqlalchemys_error_and_undoes_its_transaction(engine: AsyncEngine) -> None:
    async def adds_twice() -> None:
        async with engine.begin() as connection:
            await connection.execute(ADD, {"name": "Dolly"})
            await connection.execute(ADD, {"name": "Dolly"})

    with pytest.raises(IntegrityError):
        await adds_twice()
    async with engine.begin() as connection:
        assert (await connection.execute(COUNT)).scalar() == 0


@pytest.fixture
async def elsewhere(engine: AsyncEngine) -> AsyncIterator[sqlite3.Connection]:
    """A connection of another program; who waits for it gives up at once."""

    def hurry(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=10")
        cursor.close()

    await engine.dispose()
    event.listen(engine.sync_engine, "connect", hurry)
    other = sqlite3.connect(str(engine.url.database), isolation_level=None)
    yield other
    other.close()


async def test_a_database_that_another_program_holds_is_said_in_one_sentence(
    engine: AsyncEngine, elsewhere: sqlite3.Connection
) -> None:
    elsewhere.execute("BEGIN IMMEDIATE")
    with pytest.raises(BadSettings, match=r"cannot be opened \(database is locked\)"):
        await db.migrate(engine)


async def test_what_comes_after_a_transaction_that_could_not_begin_begins_it(
    engine: AsyncEngine, elsewhere: sqlite3.Connection
) -> None:
    """Else each of its statements would stay, also when it is undone."""

    async def adds() -> None:
        async with db.sessions(engine)() as session:
            elsewhere.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError, match="locked"):
                await (await session.connection()).execute(ADD, {"name": "Dolly"})
            elsewhere.rollback()
            await (await session.connection()).execute(ADD, {"name": "Shaun"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await adds()
    assert elsewhere.execute("SELECT name FROM sheep").fetchall() == []


async def test_a_transaction_that_sqlite_undid_does_not_count_as_stored(engine: AsyncEngine) -> None:
    """It undoes all of it when the disk is full; who goes on after that error would hear that it is stored."""

    async def adds() -> None:
        async with engine.begin() as connection:
            await connection.execute(ADD, {"name": "Dolly"})
            await connection.execute(text("PRAGMA max_page_count=4"))
            with pytest.raises(OperationalError, match="full"):
                await connection.execute(ADD, {"name": "baa" * 100_000})

    with pytest.raises(OperationalError, match="undone"):
        await adds()
    async with engine.begin() as connection:
        assert (await connection.execute(COUNT)).scalar() == 0
        await connection.execute(ADD, {"name": "Shaun"})


async def test_it_tells_what_a_statement_did(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        added = await connection.execute(text("INSERT INTO sheep (name) VALUES ('Dolly') RETURNING id, name"))
        assert added.all() == [(1, "Dolly")]
        assert (await connection.execute(text("INSERT INTO sheep (name) VALUES ('Shaun')"))).lastrowid == 2
        assert (await connection.execute(text("UPDATE sheep SET name = name || '!'"))).rowcount == 2
        none = await connection.execute(text("SELECT id, name FROM sheep WHERE id = 9"))
        assert [*none.keys()] == ["id", "name"]
        assert none.all() == []


async def test_an_error_is_sqlalchemys_and_the_transaction_is_undone(engine: AsyncEngine) -> None:
    async def adds_twice() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO sheep (name) VALUES ('Dolly')"))
            await connection.execute(text("INSERT INTO sheep (name) VALUES ('Dolly')"))

    with pytest.raises(IntegrityError):
        await adds_twice()
    async with engine.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM sheep"))).scalar() == 0


async def test_a_connection_that_was_closed_says_so(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        await (await driver_of(connection)).close()
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT 1"))
        await connection.invalidate()


LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"


async def test_nothing_comes_after_a_statement_of_which_the_end_was_not_awaited(engine: AsyncEngine) -> None:
    """Else it would run before the transaction has begun, and stay when that is undone."""

    async def adds() -> None:
        async with engine.begin() as connection:
            begins.set()
            with suppress(asyncio.CancelledError):
                await connection.execute(text(LONG))
            await connection.execute(ADD, {"name": "Dolly"})

    begins = asyncio.Event()
    task = asyncio.create_task(adds())
    await begins.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(PendingRollbackError):
        await task
    async with engine.begin() as connection:
        assert (await connection.execute(COUNT)).scalar() == 0


async def test_who_is_cancelled_in_a_statement_leaves_a_database_that_works(engine: AsyncEngine) -> None:
    async def adds() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO sheep (name) VALUES ('Dolly')"))
            adding.set()
            await connection.execute(text(LONG))

    adding = asyncio.Event()
    task = asyncio.create_task(adds())
    await adding.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with engine.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM sheep"))).scalar() == 0
