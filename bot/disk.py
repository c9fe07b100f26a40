"""Whether a database has room on its disk, as its refusals show: whoever only reads is answered all the same.

https://www.sqlite.org/rescode.html#full and https://www.postgresql.org/docs/current/errcodes-appendix.html (53100)
"""

import errno
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

LATELY = timedelta(minutes=1)
"""How long after a refusal the disk counts as full; there is one each minute while anything is to be stored."""
DISK_FULL = "53100"
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Disk:
    """Knows when the database last refused to store something because its disk is full."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime]) -> None:
        self._now = now
        self._full_at: datetime | None = None
        event.listen(engine.sync_engine, "handle_error", self._refused)

    def is_full(self) -> bool:
        """Tell whether the database refused that within the last minute."""
        return self._full_at is not None and timedelta() <= self._now() - self._full_at < LATELY

    def _refused(self, context: ExceptionContext) -> None:
        if _is_full(context.original_exception):
            self._full_at = self._now()


def takes_nothing(error: BaseException) -> bool:
    """Tell whether this says that a disk is full or cannot be written."""
    error = getattr(error, "orig", None) or error  # SQLAlchemy's, around that of the driver
    code = getattr(error, "sqlite_errorcode", None)
    unwritten = code is not None and code & 0xFF == sqlite3.SQLITE_IOERR
    return _is_full(error) or unwritten or getattr(error, "errno", None) in NO_ROOM


def _is_full(error: BaseException | None) -> bool:
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return full or getattr(error, "sqlstate", None) == DISK_FULL
