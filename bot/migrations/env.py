"""Runs the migrations, inside the connection that bot.db hands over or on DATABASE_URL (the alembic command)."""

import asyncio
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Table, event, text
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from bot import db, models
from bot.config import load_settings

BATCH = "_alembic_tmp_"
"""How the name of a table begins while it is made to take the place of another, which SQLite needs to change a column:
https://alembic.sqlalchemy.org/en/latest/batch.html"""
target_metadata = SQLModel.metadata
assert models.Case.metadata is target_metadata  # noqa: S101 - importing the models fills the metadata


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as plain ones: a migration imports nothing of ours."""
    if kind == "type" and isinstance(item, models.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, models.EnumText):
        return "sa.String(length=32)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


def count_ids(table: Table, connection: Connection, **_: Any) -> None:
    """Let the table that takes the place of one that counts its ids, since a restore, count them too."""
    query = text("SELECT 1 FROM sqlite_master WHERE name = :name AND sql LIKE '%AUTOINCREMENT%'")
    if connection.execute(query, {"name": replaced_by(table)}).first():
        table.dialect_options["sqlite"]["autoincrement"] = True


def count_on(table: Table, connection: Connection, **_: Any) -> None:
    """Let it begin with the id that was given last."""
    if table.dialect_options["sqlite"]["autoincrement"]:
        last = text("INSERT INTO sqlite_sequence SELECT :new, seq FROM sqlite_sequence WHERE name = :name")
        connection.execute(last, {"new": table.name, "name": replaced_by(table)})


def replaced_by(table: Table) -> str:
    """Return the name of the table whose place a new one takes, "" for a table that is just new."""
    return table.name.removeprefix(BATCH) if table.name.startswith(BATCH) else ""


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
    )
    listening = {"before_create": count_ids, "after_create": count_on} if connection.dialect.name == "sqlite" else {}
    for what, listener in listening.items():
        event.listen(Table, what, listener)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        for what, listener in listening.items():
            event.remove(Table, what, listener)


async def run_alone() -> None:
    engine = db.create_engine(load_settings().database_url)
    async with db.connected(engine) as connection:
        await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_alone())
else:
    run(given)
