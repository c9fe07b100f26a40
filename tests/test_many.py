"""Many values in one parameter, on both databases: what is given comes back as it was, and is found by its index."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    select,
    text,
)
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot import db, many
from bot.models import UtcDateTime

NOW = datetime(2026, 11, 30, 4, 5, 6, 123456, tzinfo=UTC)
TEXTS = [
    "",
    "Wat nu?",
    "d'r \"zei\" \\ {'a': :rows} %s %(x)s",
    "NULL",
    "null",
    "é 🌉 \u2028 \u202e\n\t",
    "[1, 2]",
    "a" * 9000,
]
SOME = Table(
    "some",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False),
    Column("by", Boolean),
    Column("at", UtcDateTime),
    Column("rating", Float),
    Column("order", JSON(none_as_null=True)),
    Column("version", Integer, default=1),
)
BY_KEY = Index("some_by_key", SOME.c.key)


def row(number: int, key: str) -> dict[str, Any]:
    """A row with each type of value; every third has nothing where it may."""
    if number % 3 == 2:
        return {"key": key, "by": None, "at": None, "rating": None, "order": None}
    moment = NOW + timedelta(microseconds=number, hours=number)
    return {"key": key, "by": number % 2 == 0, "at": moment, "rating": number / 4, "order": {"of": [key, number, None]}}


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = db.create_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(SOME.metadata.create_all)
        yield connection
    await engine.dispose()


async def added(connection: AsyncConnection, rows: list[dict[str, Any]]) -> list[Any]:
    return list(await many.add(connection, SOME, rows, "id", "key"))


@pytest.mark.parametrize("count", [1, 2, 300])
async def test_rows_are_stored_as_they_were_given_whatever_is_in_them(connection: AsyncConnection, count: int) -> None:
    rows = [row(number, f"{number}: {TEXTS[number % len(TEXTS)]}") for number in range(count)]
    returned = await added(connection, rows)
    stored = [dict(each._mapping) for each in await connection.execute(select(SOME).order_by(SOME.c.id))]
    assert stored == [{"id": id, **each, "version": 1} for id, each in enumerate(rows, 1)], "in order, with defaults"
    assert {key: id for id, key in returned} == {each["key"]: each["id"] for each in stored}


async def test_a_moment_of_any_zone_is_stored_and_one_without_a_zone_refused(connection: AsyncConnection) -> None:
    zones = [timedelta(hours=23, minutes=59), timedelta(hours=-20), timedelta(minutes=19, seconds=32, microseconds=5)]
    given = [row(number, "") | {"at": NOW.astimezone(timezone(zone))} for number, zone in enumerate(zones)]
    await added(connection, given)
    assert set((await connection.execute(select(SOME.c.at))).scalars()) == {NOW}
    with pytest.raises((ValueError, StatementError), match="without a zone"):
        await added(connection, [row(1, "") | {"at": NOW.replace(tzinfo=None)}])


async def test_each_of_a_list_is_found_however_many_there_are_and_nothing_else(connection: AsyncConnection) -> None:
    await added(connection, [row(number, each) for number, each in enumerate(TEXTS)])
    looked_for = select(SOME.c.key).where(many.among(SOME.c.key, "keys")).order_by(SOME.c.id)
    for keys in ([], TEXTS[:1], TEXTS, ["%", "_", "Wat", "wat nu?"], [*map(str, range(5000)), TEXTS[2]]):
        found = (await connection.execute(looked_for, {"keys": keys})).scalars().all()
        assert found == [each for each in TEXTS if each in keys]
    numbers = select(SOME.c.id).where(many.among(SOME.c.id, "ids"), SOME.c.key != bindparam("key"))
    ids = (await connection.execute(numbers, {"ids": [3, 1, 99], "key": ""})).scalars()
    assert sorted(ids) == [3]


async def test_what_is_looked_for_is_looked_up_in_its_index(connection: AsyncConnection) -> None:
    await added(connection, [row(number, f"post-{number}") for number in range(2000)])
    for key, name, values in ((SOME.c.key, BY_KEY.name, ["post-1", "post-2"]), (SOME.c.id, "some_pkey", [1, 2])):
        asked = select(SOME.c.rating).where(many.among(key, "values"))
        compiled = asked.compile(dialect=connection.dialect)
        if connection.dialect.name == "sqlite":
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", ("[]",))
            told = " ".join(str(each) for each in plan)
            assert f"USING INDEX {name}" in told or "USING INTEGER PRIMARY KEY" in told, told
        else:
            await connection.execute(text('ANALYZE "some"'))
            plan = await connection.exec_driver_sql(f"EXPLAIN {compiled}", {"values": values})
            told = " ".join(str(each) for each in plan)
            assert str(name) in told and "Seq Scan" not in told, told
