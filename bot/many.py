"""Many values in one parameter of a statement: a list to look in, or rows to add.

With a parameter for each value it is another statement for each number of them. The driver of PostgreSQL parses those
anew each time, which takes longer than the server takes to carry them out.
"""

import json
import typing
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Self

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    Dialect,
    Executable,
    String,
    Table,
    TypeDecorator,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from bot.models import in_utc


class _Given(TypeDecorator[Any]):
    """A list of values of one type, as PostgreSQL's array or SQLite's JSON."""

    impl = JSON
    cache_ok = True

    def __init__(self, each: TypeEngine[Any]) -> None:
        self.each = each
        super().__init__()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the parameter."""
        return dialect.type_descriptor(ARRAY(self.each) if dialect.name == "postgresql" else JSON())


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Self:
        """Return it as it is: with "= 1" behind it, which a truth value gets, SQLite would look in no index."""
        return self


def among(key: Mapped[Any] | ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that a key is one of the values in the list that is given as `name` when it is executed."""
    return _Among(key, bindparam(name, type_=_Given(typing.cast("ColumnElement[Any]", key).type)))


@compiles(_Among, "postgresql")
def _in_array(condition: _Among, compiler: SQLCompiler, **options: Any) -> str:
    key, given = (compiler.process(each, **options) for each in condition.clauses)
    return f"{key} = ANY ({given})"


@compiles(_Among, "sqlite")
def _in_json(condition: _Among, compiler: SQLCompiler, **options: Any) -> str:
    key, given = (compiler.process(each, **options) for each in condition.clauses)
    return f"{key} IN (SELECT value FROM json_each({given}))"  # noqa: S608 - the compiler's own words


async def add(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], *returned: str
) -> Sequence[Any]:
    """Add rows that all have the same columns; returns the columns `returned` of the new ones, in any order.

    To keep the order of `rows`, SQLite would add them one by one.
    """
    dialect = connection.dialect.name
    result = await connection.execute(_adding(table, tuple(rows[0]), returned, dialect), rows_for(dialect, rows))
    return result.all() if returned else []


@cache
def _adding(table: Table, names: tuple[str, ...], returned: tuple[str, ...], dialect: str) -> Executable:
    inserts = inserting(table, names, dialect)
    return inserts.returning(*(table.c[name] for name in returned)) if returned else inserts


def inserting(table: Table, names: Sequence[str], dialect: str) -> postgresql.Insert | sqlite.Insert:
    """Return the statement that adds rows with these columns, in order; it is executed with `rows_for` them.

    https://www.postgresql.org/docs/current/functions-json.html#FUNCTIONS-JSON-PROCESSING
    """
    if dialect == "sqlite":  # whose driver has no use for it
        return sqlite.insert(table)
    rows = cast(bindparam("rows", type_=String), JSON)
    given = func.json_populate_recordset(literal_column(f'NULL::"{table.name}"'), rows).table_valued(*names)
    return postgresql.insert(table).from_select(list(names), select(*(given.c[name] for name in names)))


def rows_for(dialect: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return what `inserting` is executed with."""
    return rows if dialect == "sqlite" else {"rows": json.dumps(rows, default=_moment)}


def _moment(value: Any) -> str:
    """Return a moment as `UtcDateTime` stores it: PostgreSQL reads no zone that is more than 16 hours from UTC."""
    if not isinstance(value, datetime):
        raise TypeError(f"a {type(value).__name__} cannot be stored")
    return in_utc(value).isoformat()
