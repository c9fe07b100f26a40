"""`webcare backup`: a whole, checked copy of the database while the bot runs, or nothing."""

import asyncio
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from asyncio import create_subprocess_exec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from bot.config import BadSettings, Settings
from bot.keeping import backup, postgres, restore, sqlite
from tests.conftest import SANNE, Bot, Databases, eventually
from tests.fakes.command import webcare
from tests.keeping.rows import pg_programs, rows_of
from tests.people import answer


def nothing(_done: int, _total: int) -> None:
    """Show no progress."""


def file_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def with_work(bot: Bot) -> None:
    """Let there be an answered case and a new one."""
    bot.citizen_posts("Wanneer komt de vuilniswagen?")
    await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag!")
    bot.citizen_posts("Mag dat? 🙈 Ik wil \u0000 meer.", name="Piet")
    await bot.card("Mag dat?")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_a_backup_of_a_running_bot_holds_every_row(bot: Bot, tmp_path: Path) -> None:
    await with_work(bot)
    url = bot.desk.settings.database_url
    done = await webcare(tmp_path, "backup", "b.db", database_url=url, path=pg_programs(url))
    assert done.code == 0, done.err
    assert "WEBCARE_SECRET_KEY is not in it" in done.out
    assert stat.S_IMODE((tmp_path / "b.db").stat().st_mode) == 0o600
    assert names(tmp_path) == {"b.db", "stdin", "stdout", "stderr"}
    if "sqlite" in url:
        assert await rows_of(f"sqlite:///{tmp_path}/b.db") == await rows_of(url)


def test_what_is_not_in_the_file_of_the_database_yet_is_in_the_backup(tmp_path: Path, sqlite_url: str) -> None:
    """Of a process that was killed, the last changes are in the file beside it."""
    writer = sqlite3.connect(file_of(sqlite_url))
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("INSERT INTO slack_pace (key, free_at) VALUES ('k', '2026-11-28 00:00:00')")
    writer.commit()
    killed = tmp_path / "killed.db"
    for side in ("", "-wal"):
        shutil.copy(f"{file_of(sqlite_url)}{side}", f"{killed}{side}")
    writer.close()
    backup.make(make_url(f"sqlite:///{killed}"), tmp_path / "b.db", nothing)
    assert sqlite3.connect(tmp_path / "b.db").execute("SELECT key FROM slack_pace").fetchall() == [("k",)]


def test_a_copy_ends_although_the_database_changes_all_the_time(tmp_path: Path, sqlite_url: str) -> None:
    writer = sqlite3.connect(file_of(sqlite_url))
    writer.execute("PRAGMA journal_mode=WAL")
    calls = 0

    def write(_done: int, _total: int) -> None:
        nonlocal calls
        calls += 1
        writer.execute("INSERT INTO slack_pace (key, free_at) VALUES (?, '2026-11-28 00:00:00')", [str(calls)])
        writer.commit()

    draft = tmp_path / "draft.db"
    draft.touch()
    with pytest.MonkeyPatch.context() as patch, sqlite.opened(file_of(sqlite_url)) as source:
        patch.setattr(sqlite, "STEPS", 100)
        sqlite.copy(source, draft, write)
    assert calls > 5
    assert sqlite3.connect(draft).execute("SELECT count(*) FROM slack_pace").fetchone() == (0,)
    writer.close()


def test_a_copy_that_is_stopped_while_sqlite_works_is_no_fault_of_the_database(tmp_path: Path, sqlite_url: str) -> None:
    """Python hears of the signal when it comes back from SQLite, before the first line of what SQLite calls."""

    def stop(_number: int, _frame: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, sqlite.opened(file_of(sqlite_url)) as source:
        patch.setattr(sqlite, "STEPS", 1_000)
        rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, i FROM n"
        source.execute(f"INSERT INTO slack_pace (key, free_at) {rows}")
        before = signal.signal(signal.SIGALRM, stop)
        try:
            for number in range(10):
                (draft := tmp_path / f"{number}.db").touch()
                signal.setitimer(signal.ITIMER_REAL, 0.005)
                with pytest.raises(KeyboardInterrupt):
                    sqlite.copy(source, draft, nothing)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


async def test_a_backup_never_replaces_a_file_unless_told(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "b.db").write_text("mine")
    done = await webcare(tmp_path, "backup", "b.db", database_url=sqlite_url)
    assert done.code == 2
    assert "is there already" in done.err
    assert (tmp_path / "b.db").read_text() == "mine"
    assert (await webcare(tmp_path, "backup", "b.db", "--force", database_url=sqlite_url)).code == 0
    assert (tmp_path / "b.db").read_bytes().startswith(b"SQLite format 3")


def test_a_backup_never_takes_the_place_of_the_database_itself(sqlite_url: str) -> None:
    with pytest.raises(BadSettings, match="the database itself"):
        backup.make(make_url(sqlite_url), file_of(sqlite_url).parent / "x" / ".." / file_of(sqlite_url).name, nothing)


@pytest.mark.parametrize("is_new", [False, True])
def test_a_backup_goes_where_a_link_leads(tmp_path: Path, sqlite_url: str, is_new: bool) -> None:
    """As to another disk."""
    link, place = tmp_path / "b.db", tmp_path / "disk" / "real.db"
    place.parent.mkdir()
    if not is_new:
        place.write_text("older")
    link.symlink_to(place)
    backup.make(backup.address_of(sqlite_url), link, nothing, force=not is_new)
    assert link.is_symlink()
    assert place.read_bytes().startswith(b"SQLite format 3")


def test_what_is_no_ordinary_file_is_not_replaced_by_one(tmp_path: Path, sqlite_url: str) -> None:
    """As a device is not, which root could replace, nor the standard output, which is a link to one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read, write = os.pipe()
    for place in (pipe, Path(f"/dev/fd/{write}")):
        with pytest.raises(BadSettings, match=f"^{place} is no ordinary file"):
            backup.make(backup.address_of(sqlite_url), place, lambda done, total: None, force=True)
    os.close(read)
    os.close(write)
    assert pipe.is_fifo()


def test_a_link_that_leads_back_to_itself_is_refused_in_one_sentence(tmp_path: Path, sqlite_url: str) -> None:
    (ring := tmp_path / "ring").symlink_to("ring")
    for force in (False, True):
        with pytest.raises(BadSettings, match="leads back to itself"):
            backup.make(backup.address_of(sqlite_url), ring, nothing, force=force)
    settings = Settings(_env_file=None, database_url=f"sqlite:///{ring}")
    with pytest.raises(BadSettings, match="leads back to itself"):
        restore.restore(settings, file_of(sqlite_url), nothing, slack=False)
    assert [each.name for each in tmp_path.iterdir()] == ["ring"]


def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path, sqlite_url: str) -> None:
    def write(_done: int, _total: int) -> None:
        (tmp_path / "b.db").write_text("mine")

    with pytest.raises(BadSettings, match="is there already"):
        backup.make(make_url(sqlite_url), tmp_path / "b.db", write)
    assert [path.name for path in tmp_path.iterdir()] == ["b.db"]
    assert (tmp_path / "b.db").read_text() == "mine"


def test_stopping_it_leaves_nothing(tmp_path: Path, sqlite_url: str) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup.make(make_url(sqlite_url), tmp_path / "b.db", stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, sqlite_url: str) -> None:
    program = (
        "import resource, sys; from bot.__main__ import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); sys.argv = ['webcare', 'backup', 'b.db']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"DATABASE_URL": sqlite_url, "PYTHONPATH": str(Path.cwd())},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "cannot be copied" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"a picture", b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_database_of_ours_is_not_copied(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.db").write_bytes(content)
    with pytest.raises(BadSettings):
        backup.make(make_url(f"sqlite:///{tmp_path}/w.db"), tmp_path / "b.db", nothing)
    with pytest.raises(BadSettings, match="There is no database"):
        backup.make(make_url(f"sqlite:///{tmp_path}/missing.db"), tmp_path / "b.db", nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["w.db"]


def test_a_damaged_database_is_named(tmp_path: Path, sqlite_url: str) -> None:
    broken = sqlite3.connect(file_of(sqlite_url))
    broken.execute("PRAGMA foreign_keys=OFF")
    broken.execute("INSERT INTO removals (account_id, external_id, at) VALUES (7, 'x', '2026-11-28 00:00:00')")
    broken.commit()
    broken.close()
    with pytest.raises(BadSettings, match="row 1 of removals refers to one in accounts that is not there"):
        backup.make(make_url(sqlite_url), tmp_path / "b.db", nothing)
    assert list(tmp_path.iterdir()) == []


async def test_without_the_programs_of_postgresql_that_is_said(tmp_path: Path) -> None:
    url = "postgresql://u:hunter2@127.0.0.1:1/w"
    done = await webcare(tmp_path, "backup", database_url=url, path="/nowhere")
    assert done.code == 2
    assert "pg_dump is not on this machine" in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_backup_that_is_told_to_stop_leaves_nothing(
    number: signal.Signals, databases: Databases, postgres_uri: str, tmp_path: Path
) -> None:
    """As a container's is, and one whose terminal is closed; pg_dump waits for a table meanwhile."""
    url = await databases.postgresql(postgres_uri)
    environment = {"DATABASE_URL": url, "PATH": pg_programs(url), "TMPDIR": str(tmp_path)}
    async with await psycopg.AsyncConnection.connect(url) as holding:
        await holding.execute("LOCK TABLE cases IN ACCESS EXCLUSIVE MODE")
        backing_up = await create_subprocess_exec(
            sys.executable, "-m", "bot", "backup", "b", cwd=tmp_path, env=environment, stderr=subprocess.PIPE
        )

        async def waits() -> bool:
            return await _dumping(url)

        await eventually(waits, 60)
        assert any(name.endswith(".partial") for name in names(tmp_path))
        backing_up.send_signal(number)
        _, said = await asyncio.wait_for(backing_up.communicate(), 60)
    assert (backing_up.returncode, said.strip(), names(tmp_path)) == (130, b"Stopped.", set())

    async def gone() -> bool:
        return not await _dumping(url)

    await eventually(gone, 60)


def test_a_program_that_was_just_started_as_we_are_told_to_stop_ends_with_us(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a pg_dump that nobody waits for would write a backup that nobody asked for."""
    started: list[subprocess.Popen[bytes]] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    of_the_tests = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            postgres.call("sleep", ["600"])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, of_the_tests)
    assert [each.returncode for each in started] == [-signal.SIGKILL]


async def _dumping(url: str) -> bool:
    """Whether a backup of this database waits for a lock: another test may make one of its own beside it."""
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock' "
        "AND datname = current_database()"
    )
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return await (await connection.execute(waiting)).fetchone() is not None


async def test_what_helps_is_told_when_the_server_is_newer_than_the_programs(
    databases: Databases, postgres_uri: str, tmp_path: Path
) -> None:
    url = await databases.postgresql(postgres_uri)
    older = {"database_url": url, "path": pg_programs(url, 16)}
    done = await webcare(tmp_path, "backup", "b", **older)
    assert (done.code, "b" in names(tmp_path)) == (2, False)
    assert "pg_dump version: 16" in done.err
    assert "Install the client programs of the server's PostgreSQL, or of a newer one." in done.err


def test_a_backup_whose_last_bytes_found_no_room_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_uri: str
) -> None:
    """Of a full disk pg_dump sees all but that; the archive lacks its end then."""
    real = pg_programs(postgres_uri)
    (program := tmp_path / "bin" / "pg_dump").parent.mkdir()
    file = '"$(echo "$*" | sed "s/.*--file=//; s/ .*//")"'
    program.write_text(f'#!/bin/sh\nPATH="{real}" pg_dump "$@"\ntruncate --size=-500 {file}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{real}")
    with pytest.raises(BadSettings, match=f"What pg_dump wrote in {tmp_path} lacks its end: is there room"):
        backup.make(make_url(postgres_uri), tmp_path / "b.dump", nothing)
    assert names(tmp_path) == {"bin"}


def test_a_password_is_never_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "pg_dump"
    program = (
        f"#!{sys.executable}\nimport sys, urllib.parse\nfrom pathlib import Path\n"
        "Path('args').write_text(' '.join(sys.argv))\n"
        "name = urllib.parse.parse_qs(sys.argv[-1].partition('?')[2])['passfile'][0]\n"
        "Path('pass').write_text(Path(name).read_text() + oct(Path(name).stat().st_mode))\nsys.exit(1)\n"
    )
    fake.write_text(program)
    fake.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(BadSettings, match="pg_dump failed"):
        backup.make(make_url("postgresql://u:hun:ter2@h/w?sslmode=disable"), tmp_path / "b.dump", nothing)
    assert "hun" not in (tmp_path / "args").read_text()
    assert (tmp_path / "pass").read_text() == "*:*:*:*:hun\\:ter2\n0o100600"
    with postgres.address(make_url("postgresql://h/w?password=hunter2")) as address:
        assert "hunter2" not in address
