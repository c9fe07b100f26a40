"""SQLite for SQLAlchemy with one call to the driver's thread per statement, where SQLAlchemy's own driver makes four.

Each call wakes two threads. A transaction of ten statements spends more time on that than in SQLite, and on a busy
machine most of its time. So a transaction begins in the call of its first statement, where none has begun there is
nothing to undo, and a statement that is `SHORT` runs at once, in the thread that asks, unless it has to wait.
"""

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any

import aiosqlite
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import aiosqlite as dialect
from sqlalchemy.sql.expression import ReleaseSavepointClause, SavepointClause
from sqlalchemy.util import await_only

SHORT = "short"
"""The execution option of a statement that reads or writes a few rows, which it finds by an index.

It does not count for a statement that is run for many rows, one after the other.
"""


_Ran = tuple[tuple[Any, int, int], deque[Any]]


class _Cursor(dialect.AsyncAdapt_aiosqlite_cursor):
    """Runs a statement and reads all its rows in one call; the driver's cursor is closed by the end of that call."""

    __slots__ = ("_result", "is_short")

    def __init__(self, adapt_connection: Any) -> None:
        self.is_short = False
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
            run = self._adapt_connection.run_now if self.is_short else self._adapt_connection.run  # type: ignore[attr-defined]
            self._result, self._rows = await run(method, operation, parameters)


def _run(connection: Any, begins: Sequence[str], method: str, operation: Any, parameters: Any) -> _Ran:
    for each in begins:
        connection.execute(each)
    cursor = connection.cursor()
    try:
        getattr(cursor, method)(operation, parameters)
        rows = deque(cursor.fetchall() if cursor.description else ())
        return (cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


class SQLiteConnection(dialect.AsyncAdapt_aiosqlite_connection):
    """A connection of the dialect below."""

    __slots__ = ("_begins", "_has_begun", "_waits")
    _cursor_cls = _Cursor

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._begins, self._waits, self._has_begun = tuple[str, ...](), False, False

    def begin(self, *words: str, waits: bool) -> None:
        """Begin a transaction with these statements, in the call of the first that follows.

        It `waits` for others if it writes: for their locks at its beginning, for the disk at its end.
        """
        self._begins, self._waits = words, waits

    async def run(self, *asked: Any) -> _Ran:
        """Run a statement, as `_run` does, in the driver's thread."""
        driver, begins = self._connection, self._beginning()
        try:
            ran: _Ran = await driver._execute(_run, driver._conn, begins, *asked)
        except sqlite3.Error:
            if begins and not driver._conn.in_transaction:  # it could not begin, so the next statement begins it
                self._begins, self._has_begun = begins, False
            raise
        return ran

    async def run_now(self, *asked: Any) -> _Ran:
        """Run a short statement at once; in the driver's thread one that has to wait.

        A call in that thread has ended: SQLAlchemy uses no connection any more on which a statement was cancelled.
        """
        if self._begins and self._waits and not self._begins_at_once():
            return await self.run(*asked)
        return _run(self._connection._conn, self._beginning(), *asked)

    def _begins_at_once(self) -> bool:
        """Begin a transaction that writes; False while another has the lock, as another program may."""
        driver = self._connection._conn
        patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        driver.execute("PRAGMA busy_timeout=0")
        try:
            for each in self._begins:
                driver.execute(each)
        except sqlite3.OperationalError:
            return False
        finally:
            driver.execute(f"PRAGMA busy_timeout={patience}")
        self._beginning()
        return True

    def _beginning(self) -> tuple[str, ...]:
        begins, self._begins = self._begins, ()
        self._has_begun = self._has_begun or bool(begins)
        return begins

    def commit(self) -> None:
        """End the transaction, if one has begun; raises OperationalError when SQLite undid it before, for want of room.

        https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
        """
        self._begins, driver = (), self._connection._connection
        if self._has_begun and driver and not driver.in_transaction:
            raise sqlite3.OperationalError("the transaction was undone by an error")
        if self._has_begun and self._waits:
            super().commit()
        elif self._has_begun and driver:
            driver.commit()
        self._has_begun = False

    def rollback(self) -> None:
        """Undo the transaction, if one has begun."""
        self._begins = ()
        if self._has_begun:
            super().rollback()
            self._has_begun = False


class _Driver(dialect.AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> SQLiteConnection:
        connection = self.aiosqlite.connect(*arg, **kw)
        connection._thread.daemon = True  # as SQLAlchemy does
        return SQLiteConnection(self, await_only(connection))


class Dialect(dialect.SQLiteDialect_aiosqlite):
    """SQLAlchemy's dialect with this driver, for addresses that begin with `sqlite+webcare:`."""

    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        """Run a statement; see `SHORT`."""
        cursor.is_short = context is not None and bool(context.execution_options.get(SHORT))
        cursor.execute(statement, parameters)

    def do_savepoint(self, connection: Connection, name: str) -> None:
        """Begin a transaction in a transaction."""
        connection.execute(SavepointClause(name), execution_options={SHORT: True})  # type: ignore[no-untyped-call]

    def do_release_savepoint(self, connection: Connection, name: str) -> None:
        """End a transaction in a transaction."""
        connection.execute(ReleaseSavepointClause(name), execution_options={SHORT: True})  # type: ignore[no-untyped-call]

    @classmethod
    def import_dbapi(cls) -> _Driver:
        """Return the driver."""
        return _Driver(aiosqlite, sqlite3)
