"""Whatever happens, in any order and at once: what must hold holds once it has settled.

The few seeds of the short run are always the same. `pytest -m soak` runs many: as many as WEBCARE_SCHEDULES says (500),
half on each database, from the seed WEBCARE_FIRST_SEED (1) on.
"""

import asyncio
import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Databases
from tests.faults.runner import Runner

FIRST = int(os.environ.get("WEBCARE_FIRST_SEED", "1"))
MANY = int(os.environ.get("WEBCARE_SCHEDULES", "500"))
FEW = 2
KINDS = ("sqlite", "postgresql")


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
    with psycopg.connect(uri, autocommit=True) as connection:
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(str(name))))


def holds(runner: Runner, seed: int, fresh: tuple[str, str]) -> None:
    """Run the schedule of a seed; when something does not hold, tell all of it."""
    kind, url = fresh
    lines, found = runner.run(seed, kind, url)
    again = (
        f"WEBCARE_FIRST_SEED={seed} WEBCARE_SCHEDULES=2 uv run pytest tests/faults/test_schedules.py -m soak -k {kind}"
    )
    if found:
        pytest.fail("\n".join([f"Seed {seed} on {kind}:", *lines, *found, f"To run only this: {again}"]), pytrace=False)


@pytest.mark.parametrize("seed", range(1, FEW + 1))
def test_whatever_happens_what_must_hold_holds(runner: Runner, seed: int, fresh: tuple[str, str]) -> None:
    holds(runner, seed, fresh)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (MANY + 1) // 2))
def test_whatever_happens_for_long_what_must_hold_holds(runner: Runner, seed: int, fresh: tuple[str, str]) -> None:
    holds(runner, seed, fresh)
