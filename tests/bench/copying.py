"""Moving an SQLite installation to PostgreSQL, beside reading all of its rows once.

    uv run python -m tests.bench.copying [--cases 100000]

A database as a year of work leaves it is copied into an empty PostgreSQL on this machine, and read back to compare, as
`webcare copy` does it. The floor is what nothing can avoid: reading each row of the file once, in this process.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlmodel import SQLModel

from bot import db
from bot.accounts import seal
from bot.config import Settings
from bot.keeping import copying
from tests.bench.apps import CHANNEL, blank_databases
from tests.bench.fill import fill


def read(file: Path) -> float:
    """Return the seconds that reading every row takes."""
    begun = time.perf_counter()
    with closing(sqlite3.connect(file)) as connection:
        for table in SQLModel.metadata.tables:
            for _ in connection.execute(f"SELECT * FROM {table}"):
                pass
    return time.perf_counter() - begun


async def measured(cases: int, source: str, target: str) -> str:
    """Fill the source, copy it, and return what that took in a sentence."""
    settings = Settings(
        _env_file=None, database_url=source, slack_channel=CHANNEL, webcare_secret_key=SecretStr(seal.new_key())
    )
    await fill(settings, cases=cases, waiting=200, claimed=60)
    file = Path(make_url(source).database or "")
    floor, engine, begun = read(file), db.create_engine(target), time.perf_counter()
    copied = await copying.copy(file, engine, lambda _done, _total: None)
    took = time.perf_counter() - begun
    await engine.dispose()
    return (
        f"{cases:,} mentions, {copied.rows:,} rows: {took:.0f} s, {copied.rows / took:,.0f} rows a second, "
        f"read back and compared; {took / floor:.1f} times the reading of the file ({floor:.1f} s)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=100_000)
    asked = parser.parse_args()
    with blank_databases("sqlite") as (source, _), blank_databases("postgresql") as (target, _):
        sys.stdout.write(asyncio.run(measured(asked.cases, source, target)) + "\n")


if __name__ == "__main__":
    main()
