"""PostgreSQL's own programs for backups, called without showing the password to anybody, and its counters of ids.

https://www.postgresql.org/docs/current/app-pgdump.html
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, cast, func, select, text
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from bot import db
from bot.config import BadSettings
from bot.keeping.sqlite import MADE, NUMBERS

SECONDS = 0.2
"""How often the progress is told of a running program."""


@contextmanager
def address(url: URL) -> Iterator[str]:
    """Yield the address of a database for libpq; its password is in a file that only we can read, for the block.

    https://www.postgresql.org/docs/current/libpq-pgpass.html
    """
    password = url.password or url.query.get("password")
    query = {name: value for name, value in url.query.items() if name != "password"}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    if not password:
        yield plain.render_as_string(hide_password=False)
        return
    escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
    number, name = tempfile.mkstemp(prefix="webcare-")  # mode 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(f"*:*:*:*:{escaped}\n")
        yield plain.update_query_dict({"passfile": name}).render_as_string(hide_password=False)
    finally:
        Path(name).unlink(missing_ok=True)


def call(program: str, arguments: Sequence[str], *, pulse: Callable[[], None] = lambda: None) -> str:
    """Run one of PostgreSQL's programs and return what it printed; raises BadSettings with what it says is wrong."""
    path = shutil.which(program)
    if path is None:
        raise BadSettings(f"{program} is not on this machine: install the client programs of PostgreSQL.")
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as wrong:
        running = subprocess.Popen([path, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=wrong)  # noqa: S603
        try:
            while running.poll() is None:
                pulse()
                try:
                    running.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            running.kill()
            running.wait()
        if running.returncode != 0:
            wrong.seek(0)
            said = " ".join(wrong.read().decode(errors="replace").split())
            raise BadSettings(f"{program} failed: {said or running.returncode}")
        out.seek(0)
        return out.read().decode(errors="replace")


def check(archive: Path, *, pulse: Callable[[], None] = lambda: None) -> None:
    """Read an archive to its end; raises BadSettings when it is damaged, or none."""
    call("pg_restore", ["--file", os.devnull, str(archive)], pulse=pulse)


async def given(connection: AsyncConnection, there: Collection[str]) -> dict[str, int]:
    """Return the highest id that each table that is `there` gave, MADE and NUMBERS, as far as they can be read."""
    counted = await _ids(connection, there)
    with suppress(DBAPIError):
        async with connection.begin_nested():
            made = text("SELECT floor(extract(epoch FROM min(created_at))) FROM workspaces")
            counted[MADE] = int(await connection.scalar(made) or 0)
            counted[NUMBERS] = int(await connection.scalar(text("SELECT sum(counted) FROM case_counts")) or 0)
    return counted


async def _ids(connection: AsyncConnection, there: Collection[str]) -> dict[str, int]:
    counted = {}
    for table in SQLModel.metadata.sorted_tables:
        if "id" in table.c and table.name in there:
            counter = cast(func.pg_get_serial_sequence(table.name, "id"), REGCLASS)
            highest = func.greatest(func.max(table.c["id"]), func.pg_sequence_last_value(counter), 0)
            with suppress(DBAPIError):  # it may be damaged: that is why a backup takes its place
                async with connection.begin_nested():
                    counted[table.name] = int(await connection.scalar(select(highest)) or 0)
    return counted


async def number_on(connection: AsyncConnection, leap: int, before: Mapping[str, int]) -> None:
    """Let new rows get ids after the highest that was given, here or `before` by table, and so many further."""
    for name, highest in (await _ids(connection, SQLModel.metadata.tables)).items():
        last = max(highest, before.get(name, 0)) + leap
        counter = func.pg_get_serial_sequence(name, "id")
        await connection.execute(select(func.setval(counter, max(last, 1), last > 0)))


def revision(archive: Path) -> str:
    """Return the revision of the tables in an archive; raises BadSettings if it is none of ours, or half of one."""
    if f" {db.UNFINISHED} " in call("pg_restore", ["--list", str(archive)]):
        raise BadSettings(f"{archive} is of a database that a restore or a copy was filling: end that first.")
    rows = call("pg_restore", ["--data-only", "--table", "alembic_version", "--file", "-", str(archive)]).splitlines()
    begins = next((n for n, row in enumerate(rows) if row.startswith("COPY ")), None)
    if begins is None or not rows[begins + 1 :] or rows[begins + 1] == "\\.":
        raise BadSettings(f"{archive} is not a backup of webcare.")
    return rows[begins + 1]
