"""A copy to PostgreSQL in a process of its own, which SIGKILL ends: nothing in it can tidy up."""

import asyncio
import os
import signal
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from bot import db
from bot.keeping import copying
from tests.fakes.command import FORKS

BATCH = 50


async def copied(source: Path, target: str, *, after: int) -> int:
    """Copy until so many batches were written, of which the last is not committed (0: to the end); its exit code."""
    process = FORKS.Process(target=_copy, args=(source, target, after))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode is not None
    return process.exitcode


def _copy(source: Path, target: str, after: int) -> None:
    write, written = copying._write, 0

    async def write_and_die(connection: AsyncConnection, statement: str, rows: list[copying.Row]) -> None:
        nonlocal written
        await write(connection, statement, rows)
        written += 1
        if written == after:
            os.kill(os.getpid(), signal.SIGKILL)

    copying.BATCH = BATCH
    copying._write = write_and_die  # type: ignore[assignment]
    asyncio.run(copying.copy(source, db.create_engine(target), lambda _done, _total: None))
