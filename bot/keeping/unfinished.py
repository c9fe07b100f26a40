"""A PostgreSQL database that a command fills: marked, so that no bot starts on it; what was in it is put aside."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from bot import db
from bot.config import BadSettings

ASIDE = "webcare_before_"
"""How the schemas begin that hold what was put aside."""
NO_TABLES = (
    "The database {place} cannot be filled ({reason}): its user must be allowed to make tables there, for which its "
    "owner has GRANT ALL ON SCHEMA public."
)
OURS = frozenset({*SQLModel.metadata.tables, "alembic_version"})
FILLED = OURS - {"alembic_version", "workspaces"}
"""The tables that are empty in a database that was never used."""
PATIENCE = 10
"""How often we look whether others have gone: PostgreSQL forgets a connection a moment after it was closed."""
OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
"""https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW"""
WITH_WHAT_REFERS_TO_THEM = text(
    "WITH RECURSIVE refers (one, other) AS ("
    "SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' "
    "UNION SELECT ev_class, refobjid FROM pg_rewrite JOIN pg_depend ON objid = pg_rewrite.oid "
    "JOIN pg_class ON pg_class.oid = ev_class "
    "WHERE classid = 'pg_rewrite'::regclass AND refclassid = 'pg_class'::regclass AND pg_has_role(relowner, 'USAGE')"
    "), theirs AS ("
    "SELECT oid FROM pg_class "
    "WHERE relname = ANY(:ours) AND relnamespace = quote_ident(current_schema())::regnamespace "
    "UNION SELECT one FROM refers JOIN theirs ON other = theirs.oid) "
    "SELECT quote_ident(relname) FROM theirs JOIN pg_class USING (oid) "
    "WHERE relnamespace = quote_ident(current_schema())::regnamespace ORDER BY relname"
)
"""Our tables, and those that refer to them: a newer version of the program made tables that we do not know.

And the views on them that our user owns: they would show what was put aside, and stand in the way of the backup's own.
"""
DROP_QUEUE = r"""
DO $$
DECLARE
  drops text[];
  dropping text;
BEGIN
  SELECT array_agg(word ORDER BY number) INTO drops FROM (
    SELECT 1, format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
    WHERE relkind = 'r' AND relname ~ '^procrastinate_' AND relnamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 2, format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
    WHERE proname ~ '^procrastinate_' AND pronamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 3, format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM pg_type
    WHERE typname ~ '^procrastinate_' AND typrelid = 0 AND typelem = 0
    AND typnamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 4, format('DROP TYPE IF EXISTS %s CASCADE', pg_type.oid::regtype)
    FROM pg_type JOIN pg_class ON pg_class.oid = typrelid
    WHERE typname ~ '^procrastinate_' AND relkind = 'c' AND typnamespace = quote_ident(current_schema())::regnamespace
  ) AS ours (number, word);
  FOREACH dropping IN ARRAY coalesce(drops, '{}') LOOP
    EXECUTE dropping;
  END LOOP;
END $$
"""
"""Drops what belongs to the queue: a backup brings its own, and what waited in it is found by the rows it is for."""


async def tables(engine: AsyncEngine) -> set[str]:
    """Return the names of the tables of a database."""
    async with db.connected(engine) as connection:
        return await connection.run_sync(_tables)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def is_filled(engine: AsyncEngine, names: Collection[str]) -> bool:
    """Tell whether one of these tables has a row."""
    async with db.connected(engine) as connection:
        for name in names:
            if (await connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1"))).first():  # noqa: S608
                return True
    return False


async def mark(engine: AsyncEngine, what: str, details: str = "") -> None:
    """Mark a database as unfinished; raises BadSettings when a bot, or anybody else by our name, is connected to it.

    So it does when we may make no table. The mark comes first: a bot that starts after we looked sees it.
    """
    was_there = db.UNFINISHED in await tables(engine)
    async with db.connected(engine) as connection:
        try:
            await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {db.UNFINISHED} (what text, details text)"))
        except DBAPIError as error:
            raise BadSettings(
                NO_TABLES.format(place=db.place(engine), reason=" ".join(str(error.orig).split()))
            ) from None
        await connection.execute(text(f"DELETE FROM {db.UNFINISHED}"))  # noqa: S608
        row = text(f"INSERT INTO {db.UNFINISHED} VALUES (:what, :details)")  # noqa: S608
        await connection.execute(row, {"what": what, "details": details})
    try:
        async with db.connected(engine) as connection:
            await refuse_used(connection)
    except BadSettings:
        if not was_there:
            await unmark(engine)
        raise


async def unmark(engine: AsyncEngine) -> None:
    """Take the mark away."""
    async with db.connected(engine) as connection:
        await connection.execute(text(f"DROP TABLE IF EXISTS {db.UNFINISHED}"))


async def refuse_used(connection: AsyncConnection) -> None:
    """Raise BadSettings when others are connected to this database."""
    for _ in range(PATIENCE):
        if not (await connection.execute(OTHERS)).scalar():
            return
        await asyncio.sleep(0.2)
        await connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    raise BadSettings("The database is in use: stop the bot first, and every other command of webcare.")


async def put_aside(engine: AsyncEngine) -> str:
    """Move our tables into a schema of their own, where nothing reads them, and return its name; drop the queue.

    So are those of a newer version: when the program is updated again, it makes them anew. Our user's views go along.
    """
    schema = f"{ASIDE}{datetime.now(UTC):%Y%m%d_%H%M%S_%f}"
    async with db.connected(engine) as connection:
        there = await connection.run_sync(_tables)
        await connection.execute(text(f"CREATE SCHEMA {schema}"))
        for name in (await connection.scalars(WITH_WHAT_REFERS_TO_THEM, {"ours": sorted(OURS)})).all():
            await connection.execute(text(f"ALTER TABLE {name} SET SCHEMA {schema}"))
        await connection.execute(text(DROP_QUEUE))
        if "events" in there:
            await connection.execute(text(f"ALTER FUNCTION refuse_event_change() SET SCHEMA {schema}"))
    return schema
