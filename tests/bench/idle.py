"""The bot with nothing to do, beside a bare Bolt app: how long it takes to start, and what memory and time it takes.

    uv run python -m tests.bench.idle [--postgres] [--cases 100000] [--rounds 5] [--seconds 60]

Started is when `/health` answers. Memory is what a process has in the machine's memory (Rss, from /proc:
https://docs.kernel.org/filesystems/proc.html), CPU the time that it was given of one core; both over Socket Mode, with
tables that were there already. Some virtual machines charge a process that wakes up dozens of times what the same work
costs in one that is awake: compare with the bare app's time, not with another machine's.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.trial.trying import MANIFEST
from tests.bench.apps import blank_databases, running, settings_for
from tests.bench.fill import count_days, fill
from tests.bench.table import Line, p50, show
from tests.fakes.ports import free_port

SETTLED = 10.0
"""Seconds after the start from which an app counts as idle."""
TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds: finer the machine does not count the time of a process."""
MODULES = {"bot": ("bot", "run"), "bare": ("tests.bench.bare",)}


async def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    kind = "postgresql" if options.postgres else "sqlite"
    show(*await table(kind, options.cases, options.rounds, options.seconds))


async def table(kind: str, count: int, rounds: int, seconds: float) -> tuple[str, list[Line]]:
    """Measure on a database of this kind; returns the title and the lines."""
    started: dict[str, list[float]] = {app: [] for app in MODULES}
    with blank_databases(kind) as (url, _), tempfile.NamedTemporaryFile("w", suffix=".json") as blocks:
        json.dump([], blocks)
        blocks.flush()
        async with Sandbox(json.loads(MANIFEST.read_text(encoding="utf-8")), rules=Rules()) as slack:
            settings = settings_for(slack, url)
            await fill(settings, cases=count)
            await count_days(url)
            for _ in range(rounds):
                for app, module in MODULES.items():
                    here = settings.model_copy(update={"port": free_port()})
                    begun = time.perf_counter()
                    async with running(here, *module, BLOCKS=blocks.name):
                        started[app].append(time.perf_counter() - begun)
            async with AsyncExitStack() as stack:
                for module in MODULES.values():
                    here = settings.model_copy(update={"port": free_port()})
                    await stack.enter_async_context(running(here, *module, BLOCKS=blocks.name))
                await asyncio.sleep(SETTLED)
                bot, bare = (_process(module[0]) for module in MODULES.values())
                before, begun = (_cpu(bot), _cpu(bare)), time.perf_counter()
                await asyncio.sleep(seconds)
                taken = time.perf_counter() - begun
                used = (_cpu(bot) - before[0], max(_cpu(bare) - before[1], TICK))
                held = _memory(bot), _memory(bare)
    lines = [
        Line("started, p50", p50(started["bot"]) * 1e3, p50(started["bare"]) * 1e3, "ms"),
        Line("memory, idle", held[0], held[1], "MB", at_most=1.9),
        Line("CPU of one core, idle", 100 * used[0] / taken, 100 * used[1] / taken, "%"),
    ]
    return f"With nothing to do, {kind}, {count:,} cases", lines


def _process(module: str) -> int:
    """Return the process of ours that runs a module."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = folder.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            arguments = folder.joinpath("cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has just ended
            continue
        if int(parent) == os.getpid() and arguments[1:3] == ["-m", module]:
            return int(folder.name)
    raise RuntimeError(f"{module} does not run")


def _memory(process: int) -> float:
    """Return the memory of a process in MB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss:"))


def _cpu(process: int) -> float:
    """Return the CPU time of a process so far, in seconds."""
    after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) * TICK


if __name__ == "__main__":
    asyncio.run(main())
