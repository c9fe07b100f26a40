"""Runs schedules in a process of its own, so that a seed says all: on SQLite the same happens each time.

There the order of sets is fixed, and each schedule runs in a fork of a process that has run nothing yet. A test asks by
a line of JSON, and gets one back: the lines of the schedule, and what did not hold.
"""

import asyncio
import faulthandler
import gc
import json
import os
import subprocess
import sys
import traceback
from random import Random

import pytest

from tests.faults import invariants, schedule
from tests.faults.same_thread import sqlite_in_this_thread
from tests.faults.virtual_time import VirtualTime

HANGS = 1800
"""Seconds after which a schedule is given up; its stack goes to standard error."""


class Runner:
    """The process that runs schedules, from the test's side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.faults.runner"],
            env={**os.environ, "PYTHONHASHSEED": "0"},
            cwd=schedule.INSTALLED.parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, seed: int, kind: str, url: str, processes: int = 0) -> tuple[list[str], list[str]]:
        """Run a schedule, with so many processes if it is said; gives its lines, and what did not hold."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([seed, kind, url, processes]) + "\n")
        self._process.stdin.flush()
        lines, found = json.loads(self._process.stdout.readline())
        return lines, found

    def stop(self) -> None:
        """End the process."""
        self._process.communicate()


def serve() -> None:
    """Run what is asked until there is no more."""
    sys.path.append(str(schedule.INSTALLED))
    gc.freeze()  # what is imported is not looked through again by every fork: a twentieth of its time
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(HANGS, exit=True)
            _tell(*_run(*json.loads(line)))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            _tell([], ["the schedule did not end by itself; see standard error"])


def _tell(lines: list[str], found: list[str]) -> None:
    sys.stdout.write(json.dumps([lines, found]) + "\n")
    sys.stdout.flush()


def _uncaught(error: BaseException | None) -> list[str]:
    """What is said of an error in a destructor; what was killed was never awaited if it had not begun, nor closed."""
    return [] if isinstance(error, RuntimeWarning | ResourceWarning) else [f"nobody caught this: {error!r}"]


def _run(seed: int, kind: str, url: str, processes: int) -> tuple[list[str], list[str]]:
    found: list[str] = []
    unraised: list[str] = []
    sys.unraisablehook = lambda thrown: unraised.extend(_uncaught(thrown.exc_value))
    lines: list[str] = []

    async def check(world: schedule.World) -> None:
        found.extend(await invariants.broken(world))

    async def runs() -> None:
        await schedule.run(seed, kind, url, check, lines, processes)

    with pytest.MonkeyPatch.context() as patch, sqlite_in_this_thread(patch, Random(seed)):
        try:
            with asyncio.Runner(loop_factory=VirtualTime) as runner:
                runner.run(runs())
        except Exception:
            found.append(f"the schedule failed: {traceback.format_exc()}")
    return lines, found + unraised


if __name__ == "__main__":
    serve()
