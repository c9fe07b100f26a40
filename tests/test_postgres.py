"""The connections to PostgreSQL: one that the server closed is replaced unseen."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import db
from bot.config import BadSettings
from tests.conftest import Databases

OPENERS = (db.sessions, db.readings)
PID = text("SELECT pg_backend_pid()")
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
TRANSACTION = text("SELECT transaction_timestamp()")


@pytest.fixture
async def url(databases: Databases, postgres_uri: str) -> str:
    return await databases.postgresql(postgres_uri)


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = db.create_engine(url)
    yield engine
    await engine.dispose()


async def pid(opener: db.Sessions) -> int:
    """Return which of the server's processes a session has."""
    async with opener() as session:
        return int((await (await session.connection()).execute(PID)).scalar_one())


def end_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        others += " AND backend_type = 'client backend'"  # what PostgreSQL begins by itself ends by itself too
        assert other.execute(f"SELECT bool_and(pg_terminate_backend(pid, 60000)) {others}").fetchone() == (True,)


@pytest.mark.parametrize("fresh", [db.FRESH, 0.0], ids=["used a moment ago", "not used for long"])
@pytest.mark.parametrize("opener", OPENERS, ids=["writing", "reading"])
async def test_connections_that_the_server_closed_are_replaced_before_anything_is_asked(
    engine: AsyncEngine, url: str, opener: Any, fresh: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "FRESH", fresh)
    async with opener(engine)() as one, opener(engine)() as other:  # two wait in the pool then
        before = {(await (await each.connection()).execute(PID)).scalar() for each in (one, other)}
    end_connections(url)
    after = {await pid(each(engine)) for each in (*OPENERS, *OPENERS)}
    assert len(before) == 2
    assert not after & before


async def test_a_connection_that_is_cut_while_it_is_used_is_an_error(engine: AsyncEngine, url: str) -> None:
    async def asks_again() -> None:
        async with db.readings(engine)() as session:
            connection = await session.connection()
            end_connections(url)
            await connection.execute(PID)

    with pytest.raises(OperationalError):
        await asks_again()
    assert await pid(db.readings(engine))


async def test_a_server_that_may_only_be_read_is_not_there_until_it_may_be_written_to_again(
    engine: AsyncEngine, url: str
) -> None:
    """Where an address still leads to a standby during a failover, connections to that would stay after it."""
    name = make_url(url).database
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(BadSettings, match="read-only"):
        await db.prepare(engine)
    for opener in OPENERS:
        with pytest.raises(OperationalError):
            await pid(opener(engine))
    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as other:
        other.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    async with db.sessions(engine)() as session:
        await (await session.connection()).execute(text("CREATE TABLE written (id int)"))


async def asked_twice(opener: db.Sessions) -> set[Any]:
    """Return when the transaction began in which each of two statements of a session ran."""
    async with opener() as session:
        connection = await session.connection()
        return {(await connection.execute(TRANSACTION)).scalar_one() for _ in range(2)}


async def test_what_only_reads_begins_no_transaction_and_what_writes_on_that_connection_does(
    engine: AsyncEngine,
) -> None:
    reading, writing = db.readings(engine), db.sessions(engine)
    used = set[int]()
    for _ in range(2):
        assert len(await asked_twice(reading)) == 2
        assert len(await asked_twice(writing)) == 1
        used |= {await pid(reading), await pid(writing)}
        async with writing() as session:
            await (await session.connection()).execute(text("CREATE TABLE never_there (id int)"))
            await session.rollback()
        async with reading() as session:
            there = text("SELECT to_regclass('never_there')")
            assert (await (await session.connection()).execute(there)).scalar_one() is None
    assert len(used) == 1


async def test_a_reading_that_is_given_up_gives_its_connection_back(engine: AsyncEngine, url: str) -> None:
    async def reads() -> None:
        async with db.readings(engine)() as session:
            await (await session.connection()).execute(text("SELECT pg_sleep(3600)"))

    with psycopg.connect(url, autocommit=True) as other:
        for _ in range(3):
            running = asyncio.create_task(reads())
            while not running.done() and other.execute(SLEEPING).fetchone() == (0,):
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()
            assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
            assert len(await asked_twice(db.sessions(engine))) == 1
