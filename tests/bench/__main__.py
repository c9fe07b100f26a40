"""All that the README says of speed, measured on this machine and printed as the table that stands in the guide.

    uv run python -m tests.bench [--sizes 100000 1000000] [--kinds sqlite postgresql] [--quick]

Takes about half an hour, on a machine that does nothing else; `--quick` tries it out with few rounds and few cases.
"""

import argparse
import asyncio
import os
import platform
from pathlib import Path

from tests.bench import ack, idle, ingest
from tests.bench.table import Line


async def main() -> None:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = [2_000] if options.quick else options.sizes
    rounds, clicks, pages, seconds = (1, 20, 2, 5.0) if options.quick else (8, 50, 20, 60.0)
    for kind in options.kinds:
        for size in sizes:
            async for title, lines in ack.tables(kind, size, rounds, clicks):
                _show(title, lines)
        _show(*await ingest.table(kind, sizes[0], rounds, pages))
        _show(*await idle.table(kind, sizes[0], 5, seconds))
    print(f"\nMeasured on {machine()}.")  # noqa: T201


def _show(title: str, lines: list[Line]) -> None:
    head = ["", "ours", "floor", "ratio", "target", ""]
    rows = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *(line.cells for line in lines))]
    print(f"\n{title}\n\n" + "\n".join(rows), flush=True)  # noqa: T201


def machine() -> str:
    """Return what this machine is, as far as speed goes."""
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = {line.partition(":")[2].strip() for line in about if line.startswith("model name")}
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {', '.join(sorted(names)) or platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    asyncio.run(main())
