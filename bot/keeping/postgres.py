"""PostgreSQL's own programs for backups, called without showing the password to anybody, and its counters of ids.

https://www.postgresql.org/docs/current/app-pgdump.html
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

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
CHUNK = 1 << 20
"""So many bytes of an archive are passed on at once."""
SETS = re.compile(r"^SET (\w+) = ", re.MULTILINE)
ADVICE = {
    "server version mismatch": "Install the client programs of the server's PostgreSQL, or of a newer one.",
    "unsupported version": "A newer pg_dump made it: install the client programs of its PostgreSQL, or of a newer one.",
}
"""What helps, by a part of what the programs say, where they speak English."""


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


class _Running:
    """One of PostgreSQL's programs at work."""

    def __init__(self, program: str, process: subprocess.Popen[bytes], wrong: IO[bytes]) -> None:
        self.process, self._program, self._wrong = process, program, wrong

    def ended(self, pulse: Callable[[], None]) -> None:
        """Wait for its end; raises BadSettings with what it says is wrong."""
        while self.process.poll() is None:
            pulse()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS)
        if self.process.returncode != 0:
            self._wrong.seek(0)
            said = " ".join(self._wrong.read().decode(errors="replace").split())
            advice = next((f". {words}" for sign, words in ADVICE.items() if sign in said), "")
            raise BadSettings(f"{self._program} failed: {said or self.process.returncode}{advice}")


@contextmanager
def _running(
    program: str, arguments: Sequence[str], *, reads: int = subprocess.DEVNULL, writes: IO[bytes] | int
) -> Iterator[_Running]:
    """Run one of PostgreSQL's programs, at the longest until the block ends."""
    path = path_of(program)
    with tempfile.TemporaryFile() as wrong:
        started = []
        try:
            with _stopped_after():
                started.append(subprocess.Popen([path, *arguments], stdin=reads, stdout=writes, stderr=wrong))  # noqa: S603
            yield _Running(program, started[0], wrong)
        finally:
            for process in started:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(BrokenPipeError):
                            pipe.close()


@contextmanager
def _stopped_after() -> Iterator[None]:
    """Hear only after the block that we are to stop: a program that is half started would be left running."""
    if threading.current_thread() is not threading.main_thread():  # only that one hears of signals
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
    heard = list[int]()
    handlers = {number: signal.getsignal(number) for number in numbers}
    before = {number: each for number, each in handlers.items() if each not in {None, signal.SIG_IGN}}
    for number in before:
        signal.signal(number, lambda told, _frame: heard.append(told))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in heard:
            signal.raise_signal(number)


def path_of(program: str) -> str:
    """Return where one of PostgreSQL's programs is; raises BadSettings when it is not on this machine."""
    path = shutil.which(program)
    if path is None:
        raise BadSettings(f"{program} is not on this machine: install the client programs of PostgreSQL.")
    return path


def call(program: str, arguments: Sequence[str], *, pulse: Callable[[], None] = lambda: None) -> str:
    """Run one of PostgreSQL's programs and return what it printed; raises BadSettings with what it says is wrong."""
    with tempfile.TemporaryFile() as out:
        with _running(program, arguments, writes=out) as running:
            running.ended(pulse)
        out.seek(0)
        return out.read().decode(errors="replace")


async def settings_of(connection: AsyncConnection) -> frozenset[str]:
    """Return the names of the settings that a server has."""
    return frozenset((await connection.scalars(text("SELECT name FROM pg_settings"))).all())


def unknown(archive: Path, known: Collection[str]) -> frozenset[str]:
    """Return the settings that pg_restore sets before it fills a database, and that the server does not have.

    Raises BadSettings when there are any, and the program is not on this machine that is needed then.
    """
    head = call("pg_restore", ["--use-list", os.devnull, "--file", "-", str(archive)])
    lacking = frozenset(SETS.findall(head)) - frozenset(known)
    if lacking:
        path_of("psql")
    return lacking


def fill(
    address: str, archive: Path, schema: str, without: Collection[str], *, pulse: Callable[[], None] = lambda: None
) -> None:
    """Fill this schema of a database with what an archive has of it, in one transaction.

    Raises BadSettings with what is in the way. The schema itself is there already: so is what others have in it.

    `without` are the settings that an older server does not have. Whatever its age, pg_restore sets them, and ends when
    the server refuses; so psql is told all but that.
    """
    plain = ["--no-owner", "--no-privileges", f"--schema={schema}"]
    if not without:
        once = ["--single-transaction", "--exit-on-error", "--no-password"]
        call("pg_restore", [*plain, *once, f"--dbname={address}", str(archive)], pulse=pulse)
        return
    once = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", f"--dbname={address}", "--file=-"]
    with (
        _running("pg_restore", [*plain, "--file", "-", str(archive)], writes=subprocess.PIPE) as reading,
        _running("psql", once, reads=subprocess.PIPE, writes=subprocess.DEVNULL) as filling,
    ):
        script, told = reading.process.stdout, filling.process.stdin
        assert script is not None  # noqa: S101 - for the type checker
        assert told is not None  # noqa: S101 - for the type checker
        with suppress(BrokenPipeError):  # it ended, and says below why
            told.write(b"BEGIN;\n")
            for line in script:
                found = SETS.match(line.decode(errors="replace"))
                if found is None or found[1] not in without:
                    told.write(line)
                if line.startswith(b"CREATE "):  # what is set before that is set for all
                    break
            while part := script.read(CHUNK):
                told.write(part)
                pulse()
            reading.ended(pulse)  # else what it wrote may lack its end
            told.write(b"COMMIT;\n")
            told.close()
        filling.ended(pulse)


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


def origin(archive: Path) -> tuple[str, str]:
    """Return the schema that an archive's tables were in, and their revision.

    Raises BadSettings if it is none of ours, or half of one.
    """
    if f" {db.UNFINISHED} " in call("pg_restore", ["--list", str(archive)]):
        raise BadSettings(f"{archive} is of a database that a restore or a copy was filling: end that first.")
    rows = call("pg_restore", ["--data-only", "--table", "alembic_version", "--file", "-", str(archive)]).splitlines()
    begins = next((n for n, row in enumerate(rows) if row.startswith("COPY ")), None)
    if begins is None or not rows[begins + 1 :] or rows[begins + 1] == "\\.":
        raise BadSettings(f"{archive} is not a backup of webcare.")
    schema = rows[begins].removeprefix("COPY ").partition(".alembic_version ")[0]
    return schema[1:-1].replace('""', '"') if schema.startswith('"') else schema, rows[begins + 1]
