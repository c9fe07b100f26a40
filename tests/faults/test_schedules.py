"""Whatever happens, in any order and at once: what must hold holds once it has settled.

The few seeds here are always the same; tests/faults/long_run.py runs as many as there is time for.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import Databases
from tests.faults.long_run import KINDS, drop
from tests.faults.runner import Runner

FEW = 2


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """The process that runs the schedules."""
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[str, str]]:
    """A kind of database, and the address of a new one, which is dropped afterwards."""
    if request.param == "sqlite":
        yield request.param, asyncio.run(databases.sqlite())
        return
    uri = request.getfixturevalue("postgres_uri")
    url = asyncio.run(databases.postgresql(uri))
    yield request.param, url
    drop(uri, url)


@pytest.mark.parametrize("seed", range(1, FEW + 1))
def test_whatever_happens_what_must_hold_holds(runner: Runner, seed: int, fresh: tuple[str, str]) -> None:
    """When something does not hold, all of the schedule is told."""
    kind, url = fresh
    lines, found = runner.run(seed, kind, url)
    if found:
        again = f"uv run python -m tests.faults.long_run 1 --only {kind} --first {seed}"
        pytest.fail("\n".join([f"Seed {seed} on {kind}:", *lines, *found, f"To run only this: {again}"]), pytrace=False)
