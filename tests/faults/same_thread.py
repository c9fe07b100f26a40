"""SQLite in the thread of the event loop, so that the same schedule runs the same way each time.

aiosqlite has a thread for each connection. Here a statement is carried out at once or a turn of the loop later, by the
dice, and its result comes a turn later: others get their turn, and a crash may come, before and after each statement.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import aiosqlite
import pytest

BUSY = "database is locked"
GIVES_UP = 30.0


class _SameThread(aiosqlite.Connection):
    dice: Random

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._tx = _Turns(self.dice)  # type: ignore[assignment]

    def __await__(self) -> Any:
        return self._connect().__await__()


class _Turns:
    """Takes the place of the queue to the thread."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._connection: sqlite3.Connection | None = None

    def put_nowait(self, asked: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = asked
        if future is None:
            function()
            return
        loop = future.get_loop()
        if loop.is_closed() or self._dice.random() < 0.7:
            self._do(future, function, loop.time() + GIVES_UP)
        else:
            loop.call_soon(self._do, future, function, loop.time() + GIVES_UP)

    def _do(self, future: asyncio.Future[Any], function: Callable[[], Any], until: float) -> None:
        loop = future.get_loop()
        try:
            result = function()
        except sqlite3.OperationalError as error:
            if BUSY in str(error) and loop.time() < until and not future.done():
                loop.call_later(0.001 + self._dice.random() / 50, self._do, future, function, until)
                return
            loop.call_soon(_set, future, None, error)
        except BaseException as error:
            loop.call_soon(_set, future, None, error)
        else:
            if isinstance(result, sqlite3.Connection):
                self._connection = result
            elif self._connection is not None and "busy_timeout" in str(getattr(function, "args", "")):
                self._connection.execute("PRAGMA busy_timeout = 0")  # waiting would stop the whole loop
                self._connection.execute("PRAGMA synchronous = OFF")  # nothing here has to outlive a power cut
            loop.call_soon(_set, future, result, None)


def _set(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


@contextmanager
def sqlite_in_this_thread(monkeypatch: pytest.MonkeyPatch, dice: Random) -> Iterator[None]:
    """Let aiosqlite make its connections here until the end of the block."""

    def connect(database: Any, *, iter_chunk_size: int = 64, **more: Any) -> aiosqlite.Connection:
        kind = type("SameThread", (_SameThread,), {"dice": dice})
        return kind(lambda: sqlite3.connect(str(database), **{**more, "timeout": 0}), iter_chunk_size)

    with monkeypatch.context() as patched:
        patched.setattr(aiosqlite, "connect", connect)
        yield
