"""The long run of random schedules, by hand: `uv run python -m tests.faults.long_run 10000 --processes 3 --at-once 2`.

So many schedules, half on each database (all on one with `--only sqlite` or `--only postgresql`), from the seed
`--first` on.
`--processes`: so many begin on PostgreSQL; without it the seed says. SQLite has one process, or two for a moment of an
update, as the seed says. A schedule that fails is told with what happened in it; its seed gives the same one again on
SQLite, and on PostgreSQL the same but for what the server does first. Ctrl-C ends it with the count so far.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

import psycopg

from tests.conftest import Databases
from tests.faults.own_postgres import Server, server_in
from tests.faults.runner import Runner

KINDS = ("sqlite", "postgresql")


def drop(uri: str, url: str) -> None:
    """Drop the database of a schedule that is over."""
    with psycopg.connect(uri, autocommit=True) as connection:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(str(name))))


def main() -> int:
    """Run what the arguments say; returns 1 if something did not hold."""
    wants = argparse.ArgumentParser(prog="python -m tests.faults.long_run")
    wants.add_argument("schedules", type=int)
    wants.add_argument("--processes", type=int, default=0)
    wants.add_argument("--first", type=int, default=1)
    wants.add_argument("--only", choices=KINDS)
    wants.add_argument("--at-once", type=int, default=2)
    asked = wants.parse_args()
    kinds = (asked.only,) if asked.only else KINDS
    work = [(asked.first + n // len(kinds), kinds[n % len(kinds)]) for n in range(asked.schedules)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)  # PostgreSQL runs as another user
        server = server_in(place / "pg") if "postgresql" in kinds else None
        try:
            return _run_all(work, server, Databases(place), asked.processes, asked.at_once)
        finally:
            if server is not None:
                server.end()


def _run_all(
    work: list[tuple[int, str]], server: Server | None, databases: Databases, processes: int, at_once: int
) -> int:
    ended, runners = Counter[tuple[str, str]](), SimpleQueue[Runner]()
    for _ in range(at_once):
        runners.put(Runner())

    making = Lock()

    def one(seed: int, kind: str) -> None:
        runner = runners.get()
        with making:  # the first makes the template of the others
            on = databases.postgresql(server.uri) if kind == "postgresql" and server else databases.sqlite()
            url = asyncio.run(on)
        lines, found = runner.run(seed, kind, url, processes)
        runners.put(runner)
        if kind == "postgresql" and server:
            drop(server.uri, url)
        else:
            Path(url.removeprefix("sqlite:///")).unlink()
        ended[kind, "failed" if found else "passed"] += 1
        if found:
            sys.stdout.write("\n".join([f"Seed {seed} on {kind}:", *lines, *found, ""]) + "\n")
        sys.stdout.write(f"{dict(ended)}\n")
        sys.stdout.flush()

    with ThreadPoolExecutor(at_once) as pool:
        try:
            list(pool.map(one, *zip(*work, strict=True)))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
    return 1 if any(result == "failed" for _, result in ended) else 0


if __name__ == "__main__":
    sys.exit(main())
