"""One, two and four processes on one PostgreSQL: mentions, cards and clicks a second, as ratios to one process.

    uv run python -m tests.bench.processes [--cases 10000] [--pages 60] [--size 10] [--only-flood] [--seconds 240]

Each process is `webcare run`. Pages of mentions go to all of them at once; "cards" is until the last card of these
stands in Slack, at no pace; then each card is claimed, a few clicks at a time, and "clicks" is until the last card
shows it. The local Slack, which takes part of the machine too, is this process.

Last comes a flood: four processes, 2,000 mentions at once, and a Slack that keeps its own rates. Told is the share of
the calls that Slack refused with a 429; it must be under 1 %. All cards take half an hour: `--seconds` stops sooner.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.trial.trying import MANIFEST
from tests.bench.apps import CHANNEL, blank_databases, free_port, running, settings_for
from tests.bench.fill import SOURCE, count_days, fill
from tests.bench.ingest import mention, signed
from tests.bench.table import figure, show_rows

COUNTS = (1, 2, 4)
AT_ONCE = 16
"""How many pages are sent, and how many cards are clicked, at once."""
PERSON = "U0SANNE"
PATIENCE = 300.0
FLOOD = 2_000
MOST_REFUSED = 0.01


@dataclass(frozen=True)
class Speed:
    """How many mentions were stored, cards shown and clicks shown a second."""

    mentions: float
    cards: float
    clicks: float


async def main() -> None:
    """Measure each number of processes on a database of its own, and print them in a table."""
    options = _options()
    if not options.only_flood:
        await _compare(options)
    await _flood(options)


async def _compare(options: argparse.Namespace) -> None:
    speeds = {count: await _measured(count, options) for count in COUNTS}
    one = speeds[1]
    rows: list[Sequence[str]] = [("processes", "mentions", "ratio", "cards", "ratio", "clicks", "ratio")]
    for count, speed in speeds.items():
        pairs = ((speed.mentions, one.mentions), (speed.cards, one.cards), (speed.clicks, one.clicks))
        rows.append((str(count), *(cell for ours, its in pairs for cell in (figure(ours, "/s"), f"{ours / its:.2f}"))))
    show_rows(f"On PostgreSQL with {options.cases:,} cases, {options.pages * options.size} mentions", rows)


async def _flood(options: argparse.Namespace) -> None:
    """Let four processes write the cards of a flood at Slack's rates; print how many of their calls were refused."""
    rules = Rules(ack_seconds=30)
    async with AsyncExitStack() as stack:
        slack, bots = await _started(stack, max(COUNTS), options, rules, 1)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        slack.api.calls.clear()
        begun = time.perf_counter()
        pages = _pages(options.cases + 1, FLOOD, options.size)
        await _each([_send(session, bots[at % len(bots)], page) for at, page in enumerate(pages)])
        with contextlib.suppress(TimeoutError):
            await slack.wait_for(lambda: len(slack.messages(CHANNEL)) >= FLOOD, options.seconds)
        seconds, calls, cards = time.perf_counter() - begun, list(slack.api.calls), len(slack.messages(CHANNEL))
    refused = sum(call.status == 429 for call in calls)
    share = refused / len(calls)
    met = "met" if share < MOST_REFUSED else "MISSED"
    rows = [("mentions", "seconds", "cards", "calls", "429", "share", "target", "")]
    rows.append(
        (f"{FLOOD:,}", f"{seconds:.0f}", f"{cards:,}", f"{len(calls):,}", str(refused), f"{share:.2%}", "< 1%", met)
    )
    show_rows("Four processes, one channel, at Slack's rates", rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--only-flood", action="store_true")
    return parser.parse_args()


async def _measured(count: int, options: argparse.Namespace) -> Speed:
    rules = Rules(message_seconds=0, tiers=False, ack_seconds=30)
    async with AsyncExitStack() as stack:
        slack, bots = await _started(stack, count, options, rules, 0)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        return await _run(slack, session, bots, options)


async def _started(
    stack: AsyncExitStack, count: int, options: argparse.Namespace, rules: Rules, pace: float
) -> tuple[Sandbox, list[str]]:
    """Start so many processes on one filled database and one Slack; returns that Slack and their addresses."""
    url, _ = stack.enter_context(blank_databases("postgresql"))
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    slack = await stack.enter_async_context(Sandbox(manifest, rules=rules))
    settings = settings_for(slack, url).model_copy(update={"slack_pace": pace})
    await fill(settings, cases=options.cases)
    await count_days(url)
    those = [settings.model_copy(update={"port": free_port()}) for _ in range(count)]
    bots = [await stack.enter_async_context(running(each, "bot", "run")) for each in those]
    await slack.wait_for(lambda: len(slack.socket_mode.connections) == count, 60)
    return slack, bots


async def _run(
    slack: Sandbox, session: aiohttp.ClientSession, bots: Sequence[str], options: argparse.Namespace
) -> Speed:
    first = options.cases + 1
    await _send(session, bots[0], [mention(first)])  # to warm up
    before = 1
    await slack.wait_for(lambda: len(slack.messages(CHANNEL)) >= before, PATIENCE)
    total = options.pages * options.size
    pages = _pages(first + 1, total, options.size)
    begun = time.perf_counter()
    await _each([_send(session, bots[at % len(bots)], page) for at, page in enumerate(pages)])
    stored = time.perf_counter()
    await slack.wait_for(lambda: len(slack.messages(CHANNEL)) >= before + total, PATIENCE)
    shown = time.perf_counter()
    cards = [card["ts"] for card in slack.messages(CHANNEL)]
    await _each([_click(slack, ts) for ts in cards])
    await slack.wait_for(lambda: all("In behandeling" in json.dumps(m) for m in slack.messages(CHANNEL)), PATIENCE)
    claimed = time.perf_counter()
    return Speed(total / (stored - begun), total / (shown - begun), len(cards) / (claimed - shown))


def _pages(first: int, total: int, size: int) -> list[list[dict[str, Any]]]:
    """Return pages of mentions that have no word in common: what is alike would share one card."""
    mentions = [mention(n) | {"text": f"Lantaarn{n} in straat{n} is kapot{n}"} for n in range(first, first + total)]
    return [mentions[at : at + size] for at in range(0, total, size)]


async def _each(work: Sequence[Awaitable[Any]]) -> None:
    """Do all of it, AT_ONCE at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(each: Awaitable[Any]) -> None:
        async with room:
            await each

    await asyncio.gather(*map(one, work))


async def _send(session: aiohttp.ClientSession, bot: str, page: Sequence[dict[str, Any]]) -> None:
    body = json.dumps({"mentions": page}).encode()
    async with session.post(f"{bot}/in/{SOURCE}", data=body, headers=signed(body)) as response:
        response.raise_for_status()


async def _click(slack: Sandbox, ts: str) -> None:
    ack = await slack.click(PERSON, CHANNEL, ts, "case:claim")
    if not ack.ok:
        raise RuntimeError(f"not acknowledged: {ack.reason}")


if __name__ == "__main__":
    asyncio.run(main())
