"""A flood: so many mentions a minute into one channel, what of them Slack shows and when, and what clicks notice of it.

    uv run python -m tests.bench.flood [--database postgresql] [--minutes 10] [--rate 1000] [--after 300]

The bot is `webcare run --http` in a process of its own; the local Slack holds it to Slack's rates (one new message a
second in a channel, the tiers of the other methods). The mentions are those of the made-up fire of `webcare try
--flood`. A mention is in Slack when a card of it stands in the channel, or when a message counts it: the one that says
how many cases have no card of their own counts so many of the oldest; without it, so do the cards that cases share.
Urgent are those of people in danger. Clicks are claims, one in two seconds, before the flood and during it: each edits
a card, and Slack takes fifty edits a minute. The team is open all the time. Afterwards it waits until Slack shows what
the database holds, at most `--after` seconds, and looks whether each mention was stored.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from sqlmodel import col, func, select, update

from bot import db
from bot.domain.signals import Rank, rank_of, signals_of
from bot.models import Mention, Message, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.workspace import Change
from bot.trial import fire
from bot.trial.trying import MANIFEST
from tests.bench.ack import PERSON, put_cards
from tests.bench.apps import CHANNEL, blank_databases, running, settings_for
from tests.bench.fill import SOURCE, count_days, fill, ts_of
from tests.bench.ingest import Json, signed
from tests.bench.table import figure, p50, p99, show_rows

URL = "https://plein.example/posts/{}"
POSTED = re.compile(r"plein\.example/posts/(\d+)")
COUNTED = re.compile(r"^(?!✅)\W*\*(\d+) ")
"""How many cases a message counts; none once it is over."""
COUNTING = ("backlog:", "rollup:")
CASES = 2_000
"""Cases that are there already; the newest wait, and are clicked."""
IDLE_CLICKS = 30
A_MINUTE = 30
"""Clicks."""


@dataclass
class Seen:
    """When each mention was accepted, shown and counted, by its number; what calls and clicks took, in seconds.

    `clicked` is when the cards were clicked that do not show it yet, by their place; `changed` what that took for those
    clicked in the flood that do. `counts` is how many cases each message counts that does so now.
    """

    accepted: dict[int, float] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)
    counted: dict[int, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    urgent: set[int] = field(default_factory=set)
    calls: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    clicked: dict[str, float] = field(default_factory=dict)
    changed: list[float] = field(default_factory=list)

    def delays(self, numbers: Sequence[int], until: float, *, own: bool = False) -> list[float]:
        """Return how long each of these waited to be in Slack, or for its `own` card; one that waits, until now."""
        counted = {} if own else self.counted
        return [
            min(self.shown.get(number, until), counted.get(number, until)) - self.accepted[number] for number in numbers
        ]

    def count(self) -> None:
        """Note which mentions the messages count now: the oldest of those without a card."""
        waiting = (number for number in self.accepted if number not in self.shown)
        by_kind = [sum(n for key, n in self.counts.items() if key.startswith(kind)) for kind in COUNTING]
        for number in itertools.islice(waiting, max(by_kind)):
            self.counted.setdefault(number, time.perf_counter())


async def main() -> None:
    """Let it flood, and print what happened beside what should."""
    options = _options()
    with blank_databases(options.database) as (url, _):
        async with Sandbox(json.loads(MANIFEST.read_text(encoding="utf-8")), rules=Rules()) as slack:
            settings = settings_for(slack, url)
            clicked = IDLE_CLICKS + A_MINUTE * options.minutes + 5
            await fill(settings, cases=CASES, waiting=clicked)
            await _open_always(url)
            await count_days(url)
            ids = range(CASES - clicked + 1, CASES + 1)
            await put_cards(slack, settings, ids)
            async with running(settings, "bot", "run", "--http") as bot, aiohttp.ClientSession() as session:
                slack.deliver_to(f"{bot}/slack/events")
                cards, seen = iter(ids), Seen()
                stop = slack.workspace.listen(lambda change: _hear(slack, seen, change))
                await _clicks(slack, cards, seen.idle, IDLE_CLICKS, {})
                memory, calls = _memory(), len(slack.api.calls)
                flooding = asyncio.create_task(_flood(session, f"{bot}/in/{SOURCE}", seen, options))
                await _clicks(slack, cards, seen.clicks, A_MINUTE * options.minutes, seen.clicked)
                await flooding
                level = await _level(url, options.after)
                until, grown = time.perf_counter(), _memory() - memory
                stored = await _ask(url, select(func.count()).where(col(Mention.external_id).like("flood-%")))
                limited = [call.status == 429 for call in slack.api.calls[calls:]]
                stop()
                await slack.delivery.close()
    came = f"{len(seen.accepted):,} mentions in {options.minutes} minutes"
    rows = [*_rows(seen, until, grown, limited), _lost(seen, stored), _leveled(level, options.after)]
    show_rows(f"{came}, {options.database}", rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--after", type=int, default=300, choices=range(60, 3600), metavar="60…")
    return parser.parse_args()


def _memory() -> int:
    """Return the bytes of memory that the bot holds: our child that runs it."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    bot = next(each for each in children if b"run" in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0"))
    held = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{bot}/status").read_text())
    return int(held[1]) * 1024 if held else 0


def _hear(slack: Sandbox, seen: Seen, change: Change) -> None:
    if change.kind != "message" or change.channel != CHANNEL:
        return
    message = slack.message(CHANNEL, change.ts)
    if message is None:
        return
    if (clicked := seen.clicked.pop(change.ts, None)) is not None:
        seen.changed.append(time.perf_counter() - clicked)
    key = str(((message.get("metadata") or {}).get("event_payload") or {}).get("key", ""))
    if key.startswith(COUNTING):
        found = COUNTED.match(message["blocks"][0]["text"]["text"])
        seen.counts[key] = int(found[1]) if found else 0
        seen.count()
    elif found := POSTED.search(json.dumps(message.get("blocks"))):
        seen.shown.setdefault(int(found[1]), time.perf_counter())


async def _open_always(url: str) -> None:
    """Open the team at all hours: at night no card counts down, and no reminder comes."""
    engine = db.create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.execute(update(Team).values(settings={"always_open": True}))
    finally:
        await engine.dispose()


async def _ask(url: str, query: Any) -> int:
    """Return the number that a query finds in the database of the bot."""
    engine = db.create_engine(url)
    try:
        async with engine.connect() as connection:
            return int((await connection.execute(query)).scalar_one())
    finally:
        await engine.dispose()


async def _level(url: str, after: float) -> float | int:
    """Wait until Slack shows what the database holds; returns the seconds, or how many messages were still behind."""
    behind = select(func.count()).where(col(Message.shown_version) < col(Message.version))
    begun = time.perf_counter()
    while left := await _ask(url, behind):
        if time.perf_counter() - begun > after:
            return left
        await asyncio.sleep(1)
    return time.perf_counter() - begun


async def _clicks(
    slack: Sandbox, cards: Iterator[int], took: list[float], count: int, clicked: dict[str, float]
) -> None:
    """Claim one case after another, and note when."""
    for case_id in itertools.islice(cards, count):
        clicked[ts_of(case_id)] = begun = time.perf_counter()
        ack = await slack.click(PERSON, CHANNEL, ts_of(case_id), "case:claim")
        took.append(time.perf_counter() - begun)
        if not ack.ok:
            raise RuntimeError(f"not acknowledged: {ack.reason}")
        await asyncio.sleep(max(0.0, begun + 60 / A_MINUTE - time.perf_counter()))


async def _flood(session: aiohttp.ClientSession, url: str, seen: Seen, options: argparse.Namespace) -> None:
    """Send each mention at its moment, as many at once as that takes."""
    begun, sending = time.perf_counter(), set[asyncio.Task[None]]()
    said = list(fire.posts(options.rate * options.minutes, 60.0 * options.minutes))
    for number, each in enumerate(said):
        if rank_of(signals_of(each.text), private=False) is Rank.FIRST:
            seen.urgent.add(number)
        at = begun + number * 60 / options.rate
        await asyncio.sleep(at - time.perf_counter())
        task = asyncio.create_task(_send(session, url, seen, number, each))
        sending.add(task)
        task.add_done_callback(sending.discard)
    await asyncio.gather(*sending)


async def _send(session: aiohttp.ClientSession, url: str, seen: Seen, number: int, said: fire.Said) -> None:
    body = json.dumps({"mentions": [_mention(number, said)]}).encode()
    begun = time.perf_counter()
    async with session.post(url, data=body, headers=signed(body)) as response:
        response.raise_for_status()
    seen.calls.append(time.perf_counter() - begun)
    seen.accepted[number] = time.perf_counter()


def _mention(number: int, said: fire.Said) -> Json:
    return {
        "id": f"flood-{number}",
        "text": said.text,
        "published_at": datetime.now(UTC).isoformat(),
        "url": URL.format(number),
        "language": "nl",
        "author": {"id": f"flood-{number}", "name": said.name, "handle": f"citizen{number}"},
    }


def _rows(seen: Seen, until: float, grown: int, limited: Sequence[bool]) -> list[tuple[str, ...]]:
    accepted, urgent = sorted(seen.accepted), sorted(seen.urgent & seen.accepted.keys())
    all_within = [delay <= 60 for delay in seen.delays(accepted, until)]
    own_within = [delay <= 60 for delay in seen.delays(accepted, until, own=True)]
    urgent_within = [delay <= 10 for delay in seen.delays(urgent, until, own=True)]
    clicks = p99(seen.clicks) / p99(seen.idle)
    rate = sum(limited) / len(limited) if limited else 0.0
    return [
        ("", "measured", "target", ""),
        ("stored, p99 of a call", figure(p99(seen.calls) * 1e3, "ms"), "", ""),
        ("in Slack within 60 s, on a card or counted", *_share(all_within, 1.0)),
        ("on a card of its own within 60 s", *_share(own_within, 1.0)[:1], "", ""),
        ("urgent ones on a card within 10 s", *_share(urgent_within, 1.0)),
        ("clicks acknowledged, p99, times idle", f"{clicks:.2f}", "≤ 2", _met(clicks <= 2)),
        ("the card shows the click, p50", figure(p50(seen.changed), "s"), "", ""),
        ("the card shows the click, p99", figure(p99(seen.changed), "s"), "", ""),
        ("calls that Slack refused as too many", f"{rate:.2%}", "< 1 %", _met(rate < 0.01)),
        ("memory grown", figure(grown / 2**20, "MB"), "≤ 50 MB", _met(grown <= 50 * 2**20)),
    ]


def _lost(seen: Seen, stored: int) -> tuple[str, ...]:
    lost = len(seen.accepted) - stored
    return "mentions lost or stored twice", f"{lost:,}", "0", _met(lost == 0)


def _leveled(level: float | int, after: float) -> tuple[str, ...]:
    behind = f"{level:,} behind" if isinstance(level, int) else figure(level, "s")
    return "Slack level with the database after", behind, f"≤ {after} s", _met(isinstance(level, float))


def _share(within: Sequence[bool], target: float) -> tuple[str, str, str]:
    share = sum(within) / len(within) if within else 1.0
    return f"{share:.1%} of {len(within):,}", f"{target:.0%}", _met(share >= target)


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    asyncio.run(main())
