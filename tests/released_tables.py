"""The tables and columns that the newest release uses: while an update is rolled out, it works on the new tables.

`uv run python -m tests.released_tables` writes them anew, right after a release. Until then each of them stays, and
what comes new into these tables must do without that program. See "A change of the tables" in CONTRIBUTING.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from sqlmodel import SQLModel

import bot.models  # noqa: F401 - its tables

FILE = Path(__file__).with_suffix(".json")

Tables = Mapping[str, Mapping[str, bool]]
"""Of each table its columns, and whether they may be empty."""


def released() -> Tables:
    """Return those of the newest release."""
    tables: Tables = json.loads(FILE.read_text(encoding="utf-8"))
    return tables


def present() -> Tables:
    """Return those of this program."""
    tables = sorted(SQLModel.metadata.tables.items())
    return {name: {column.name: bool(column.nullable) for column in table.columns} for name, table in tables}


if __name__ == "__main__":
    lines = (f" {json.dumps(name)}: {json.dumps(columns)}" for name, columns in present().items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
