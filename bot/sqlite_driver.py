"""SQLite for SQLAlchemy with one call to the driver's thread per statement, where SQLAlchemy's own driver makes four.

Each call wakes two threads. A transaction of ten statements spends more time on that than in SQLite.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite import aiosqlite as dialect
from sqlalchemy.util import await_only


class _Cursor(dialect.AsyncAdapt_aiosqlite_cursor):
    """Runs a statement and reads all its rows in one call; the driver's cursor is closed by the end of that call."""

    __slots__ = ("_result",)

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor = None  # type: ignore[assignment]  # nothing to close
        self._rows: deque[Any] = deque()
        self._result: tuple[Any, int, int] = (None, -1, 0)

    @property
    def description(self) -> Any:
        return self._result[0]

    @property
    def rowcount(self) -> int:
        return self._result[1]

    @property
    def lastrowid(self) -> int:
        return self._result[2]

    async def _async_soft_close(self) -> None:
        pass

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._call("execute", operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._call("executemany", operation, seq_of_parameters)

    async def _call(self, method: str, operation: Any, parameters: Any) -> None:
        async with self._adapt_connection._execute_mutex:
            driver = self._connection
            self._result, self._rows = await driver._execute(_run, driver._conn, method, operation, parameters)


def _run(connection: Any, method: str, operation: Any, parameters: Any) -> tuple[tuple[Any, int, int], deque[Any]]:
    cursor = connection.cursor()
    try:
        getattr(cursor, method)(operation, parameters)
        rows = deque(cursor.fetchall() if cursor.description else ())
        return (cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


async def run_all(driver: aiosqlite.Connection, statements: Sequence[str]) -> None:
    """Run several statements that return nothing in one call to the driver's thread."""

    def run() -> None:
        for each in statements:
            driver._conn.execute(each)

    await driver._execute(run)  # type: ignore[no-untyped-call]


class _Connection(dialect.AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class _Driver(dialect.AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> _Connection:
        connection = self.aiosqlite.connect(*arg, **kw)
        connection._thread.daemon = True  # as SQLAlchemy does
        return _Connection(self, await_only(connection))


class Dialect(dialect.SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect with this driver, for addresses that begin with `sqlite+webcare:`."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> _Driver:
        """Return the driver."""
        return _Driver(aiosqlite, sqlite3)
