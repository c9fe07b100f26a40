"""Reports, lists and the minute's jobs, beside the cheapest query: how their cost grows with all that was ever kept.

    uv run python -m tests.bench.reports [--postgres] [--sizes 10000 100000 1000000] [--rounds 5]

So many cases of the past year, 200 of them waiting, are in a database of their own for each size. Every measure is the
best of some rounds, in this process, warm: the code behind a command or job, without Slack's own time. The floor is a
bare count in SQL, on the same connection, over the rows that the measure is about, at the largest size; it is given
with each. At the largest size the commands are then given by a person in the local Slack to `webcare run` in a process
of its own, and timed until the answer is there; the worst of the rounds counts.
"""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from bot import db
from bot.config import Settings
from bot.desk import Desk
from bot.domain.period import Period
from bot.domain.queue import Filter, Which
from bot.domain.text import Refused
from bot.figures import days as counted_days
from bot.figures import export, home, lists, reports
from bot.figures.search import Asked, search
from bot.figures.standing import standing
from bot.models import Team
from bot.run import open_desk
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.trial.trying import MANIFEST
from handlers.lists import SHOWN
from jobs import absence, claims, days, digest, due, refresh, sla, time_left
from tests.bench.apps import CHANNEL, blank_databases, running, settings_for
from tests.bench.fill import AGENT, SELDOM, fill
from tests.bench.table import figure, show_rows

EVERYWHERE, NEVER = "vraag", "zeepaardje"
SEARCHES = {
    "a word that occurs seldom": SELDOM,
    "its beginning": SELDOM[:4],
    "a word that all hold": EVERYWHERE,
    "its beginning and another": f"{EVERYWHERE[:3]} grijze",
    "a word that all hold and a name": f"{EVERYWHERE} inwoner77",
    "one letter": "v",
    "a word that occurs never": NEVER,
}
SEARCH_SECONDS, YEAR_SECONDS = 0.15, 0.5
WAITING, CLAIMED = 200, 60
MAX_SECONDS = 3.0
MAX_GROWTH = 2.0

WAITS = "FROM cases WHERE status IN ('new','claimed','escalated')"
HOLDS = "FROM mentions WHERE lower(text) LIKE '%{}%'"
CAME_IN = "FROM mentions WHERE received_at >= :since AND received_at < :until"


@dataclass
class Measure:
    """What is measured: the work, the rows it is about as SQL for the floor, and whether it may grow.

    `days` is the length of the period up to now that it is over; `most` is the most seconds that what may grow takes.
    """

    what: str
    work: Callable[[Desk, Team, Period], Awaitable[Any]]
    rows: str
    days: int = 1
    grows: bool = True
    most: float = MAX_SECONDS
    seconds: dict[int, float] = field(default_factory=dict)
    floor: float = 0.0

    def cells(self, sizes: list[int]) -> list[str]:
        """Return the line as it is printed: milliseconds per size, growth, floor, ratio, and the target."""
        first, last = self.seconds[sizes[0]], self.seconds[sizes[-1]]
        met = last <= self.most if self.grows else last <= MAX_GROWTH * first
        return [
            self.what,
            *(figure(self.seconds[size] * 1e3, "ms") for size in sizes),
            f"{last / first:.1f}",
            figure(self.floor * 1e3, "ms"),
            f"{last / self.floor:.1f}",
            f"≤ {self.most:g} s" if self.grows else f"growth ≤ {MAX_GROWTH:.0f}",
            "met" if met else "MISSED",
        ]


def measures() -> list[Measure]:
    """Return all that is measured."""
    periods = (("a day", 1), ("a week", 7), ("a month", 31), ("a year", 365))
    return [
        *(Measure(f"figures of {name}", _figures, CAME_IN, days, most=YEAR_SECONDS) for name, days in periods),
        *(Measure(f"export of {name}", _export, CAME_IN, days) for name, days in periods[:3]),
        Measure("standing", _standing, WAITS, grows=False),
        Measure("open", _waiting(), WAITS, grows=False),
        Measure("mijn", _waiting(Which.MINE, AGENT), f"{WAITS} AND assignee = '{AGENT}'", grows=False),
        Measure("open, what is late", _waiting(Which.LATE), WAITS, grows=False),
        *(Measure(f"zoek, {what}", _search(asked), HOLDS.format(asked.split()[-1]), most=SEARCH_SECONDS)
          for what, asked in SEARCHES.items()),
        Measure("App Home", _home, WAITS, grows=False),
        Measure("job: reminders, none due", lambda desk, *_: sla.remind(desk),
                "FROM clocks WHERE stopped_at IS NULL AND next_at <= :until", grows=False),
        Measure("job: claims", lambda desk, *_: claims.look_after(desk), WAITS, grows=False),
        Measure("job: what is due", lambda desk, *_: due.look_after(desk), WAITS, grows=False),
        Measure("job: owners away", lambda desk, *_: absence.look(desk), WAITS, grows=False),
        Measure("job: cases of owners away", lambda desk, *_: absence.hand_back(desk), WAITS, grows=False),
        Measure("job: time left on cards", lambda desk, *_: time_left.count_down(desk),
                "FROM clocks WHERE stopped_at IS NULL AND next_at <= :until", grows=False),
        Measure("job: days to count, none due", lambda desk, *_: days.count(desk), "FROM teams", grows=False),
        Measure("job: digests, none due", lambda desk, *_: digest.send_digests(desk), "FROM teams", grows=False),
        Measure("job: cards and replies not level", lambda desk, *_: refresh.refresh(desk),
                "FROM messages WHERE shown_version < version", grows=False),
    ]  # fmt: skip


async def _figures(desk: Desk, team: Team, period: Period) -> None:
    async with desk.reading() as session:
        await reports.figures(session, team, period, desk.now())


async def _export(desk: Desk, team: Team, period: Period) -> None:
    try:
        async with desk.reading() as session:
            found = await export.lines(session, team, period, desk.now())
    except Refused:
        return
    export.csv_of(found, desk.texts(), reports.zone_of(team))


async def _standing(desk: Desk, team: Team, period: Period) -> None:
    async with desk.reading() as session:
        await standing(session, team, period.until)


async def _home(desk: Desk, _team: Team, period: Period) -> None:
    async with desk.reading() as session:
        await home.home(session, AGENT, desk.texts(), period.until)


def _search(words: str) -> Callable[[Desk, Team, Period], Awaitable[Any]]:
    async def find(desk: Desk, _team: Team, _period: Period) -> None:
        async with desk.reading() as session:
            await search(session, [1], Asked(words), most=SHOWN)

    return find


def _waiting(which: Which = Which.OPEN, of: str = "") -> Callable[[Desk, Team, Period], Awaitable[Any]]:
    async def waiting(desk: Desk, _team: Team, period: Period) -> None:
        async with desk.reading() as session:
            await lists.waiting(session, [1], Filter(which, of), now=period.until, most=SHOWN)

    return waiting


async def main() -> None:
    """Measure each size, then the commands at the largest, and print two tables."""
    options = _options()
    kind = "postgresql" if options.postgres else "sqlite"
    found = measures()
    commands: Mapping[str, float] = {}
    for size in options.sizes:
        with blank_databases(kind) as (url, _):
            async with _slack() as slack:
                settings = settings_for(slack, url)
                await fill(settings, cases=size, waiting=WAITING, claimed=CLAIMED)
                await _measure_all(settings, found, size, options.rounds)
                if size == options.sizes[-1]:
                    commands = await _give_commands(slack, settings, options.rounds)
    sizes = [f"{size:,}" for size in options.sizes]
    head = ["", *sizes, "growth", "floor", "ratio", "target", ""]
    show_rows(f"{kind}, {WAITING} cases waiting", [head, *(each.cells(options.sizes) for each in found)])
    answered = [
        [what, figure(worst * 1e3, "ms"), f"< {MAX_SECONDS:.0f} s", "met" if worst <= MAX_SECONDS else "MISSED"]
        for what, worst in commands.items()
    ]
    show_rows(f"{kind}, {sizes[-1]} cases, as a person waits", [["", "worst", "target", ""], *answered])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


@asynccontextmanager
async def _slack() -> AsyncIterator[Sandbox]:
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    async with Sandbox(manifest, rules=Rules(message_seconds=0, tiers=False)) as slack:
        yield slack


async def _measure_all(settings: Settings, those: list[Measure], size: int, rounds: int) -> None:
    engine = db.create_engine(settings.database_url)
    now = datetime.now(UTC)
    try:
        async with open_desk(settings, engine, lambda: now) as desk:
            async with desk.session() as session:
                team = await session.get_one(Team, 1)
                team.settings = {"always_open": True}  # or the jobs would have nothing to do at night
                session.add(team)
            await _count_days(desk)
            for each in those:
                period = Period(now - timedelta(days=each.days), now)
                each.seconds[size] = await _best(lambda m=each, p=period: m.work(desk, team, p), rounds)  # type: ignore[misc]
                each.floor = await _floor(desk, each.rows, period, rounds)
    finally:
        await engine.dispose()


async def _count_days(desk: Desk) -> None:
    """Count all days that are over, as the job does in time, and say what that took."""
    begun, due = time.perf_counter(), True
    while due:
        await days.count(desk)
        async with desk.reading() as session:
            due = await counted_days.is_due(session, desk.now())
    print(f"the days of the year were counted in {time.perf_counter() - begun:.1f} s")  # noqa: T201


async def _floor(desk: Desk, rows: str, period: Period, rounds: int) -> float:
    query = text(f"SELECT count(*) {rows}")
    bound = {name: getattr(period, name) for name in ("since", "until") if f":{name}" in rows}

    async with desk.reading() as session:
        connection = await session.connection()
        if connection.dialect.name == "sqlite":
            bound = {name: f"{at:%Y-%m-%d %H:%M:%S.%f}" for name, at in bound.items()}
        return await _best(lambda: connection.execute(query, bound), rounds)


async def _best(work: Callable[[], Awaitable[Any]], rounds: int) -> float:
    """Return the seconds of the fastest round, after one to warm up."""
    return min([await _timed(work) for _ in range(rounds + 1)][1:])


async def _timed(work: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def _give_commands(slack: Sandbox, settings: Settings, rounds: int) -> dict[str, float]:
    """Return for each command, and for opening the App Home, the seconds until the answer was there."""
    year = f"{datetime.now(UTC) - timedelta(days=364):%Y-%m-%d}..{datetime.now(UTC):%Y-%m-%d}"
    said = ["stats vandaag", "stats maand", f"stats {year}", "open", "mijn", f"zoek {SELDOM}", f"zoek {EVERYWHERE}",
            f"zoek {NEVER}", "digest", "export vandaag", "export maand"]  # fmt: skip
    async with running(settings, "bot", "run"):
        await slack.wait_for(lambda: slack.socket_mode.connections, 20)
        await asyncio.sleep(2)  # the jobs of the start are not what is measured
        worst = {f"/webcare {words}": max([await _command(slack, words) for _ in range(rounds)]) for words in said}
        worst["App Home opened"] = max([await _open_home(slack) for _ in range(rounds)])
    return worst


async def _command(slack: Sandbox, words: str) -> float:
    before = len(slack.ephemerals(AGENT, CHANNEL))
    begun = time.perf_counter()
    await slack.command(AGENT, CHANNEL, f"/webcare {words}")
    await slack.wait_for(lambda: len(slack.ephemerals(AGENT, CHANNEL)) > before, 120)
    return time.perf_counter() - begun


async def _open_home(slack: Sandbox) -> float:
    before = len(slack.calls("views.publish"))
    begun = time.perf_counter()
    await slack.open_home(AGENT)
    await slack.wait_for(lambda: len(slack.calls("views.publish")) > before, 120)
    return time.perf_counter() - begun


if __name__ == "__main__":
    asyncio.run(main())
