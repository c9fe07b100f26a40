"""One, two and four processes on one PostgreSQL: mentions, cards and clicks a second, as ratios to one process.

    uv run python -m tests.bench.processes [--cases 10000] [--teams 8] [--pages 60] [--size 10] [--share 0.2]
                                           [--seconds 240] [--no-flood | --only-flood]

Each process is `webcare run`. Pages of mentions go to all of them at once, for so many teams in turn, each with its own
channel and source: what one source says is stored in turn, and so are the cards of one channel written. "cards" is
until the last card of these stands in Slack, at no pace; then each card is claimed, a few at a time, and "clicks" is
until the last card shows it.

The local Slack and the senders are this process. It and PostgreSQL take part of the machine too, so that on one of few
cores a second process has nothing to run on: `--share` gives each process that part of a core, as if it were on a small
host of its own.

Last comes a flood: four processes, 2,000 mentions at once, and a Slack that keeps its own rates. Told is the share of
the calls that Slack refused with a 429; it must be under 1 %. All cards take half an hour: `--seconds` stops sooner.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import aiohttp

from bot import accounts, db
from bot.config import Settings
from bot.models import Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.workspace import Channel
from bot.trial.trying import MANIFEST
from tests.bench.apps import CHANNEL, blank_databases, running, settings_for, small_host
from tests.bench.fill import SOURCE, SOURCE_SECRET, count_days, fill
from tests.bench.ingest import mention, signed
from tests.bench.table import figure, show_rows
from tests.fakes.ports import free_port

COUNTS = (1, 2, 4)
FIRST = (CHANNEL, SOURCE)
"""The channel and the source of the first team."""
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
    if not options.no_flood:
        await _flood(options)


async def _compare(options: argparse.Namespace) -> None:
    speeds = {count: await _measured(count, options) for count in COUNTS}
    one = speeds[1]
    rows: list[Sequence[str]] = [("processes", "mentions", "ratio", "cards", "ratio", "clicks", "ratio")]
    for count, speed in speeds.items():
        pairs = ((speed.mentions, one.mentions), (speed.cards, one.cards), (speed.clicks, one.clicks))
        rows.append((str(count), *(cell for ours, its in pairs for cell in (figure(ours, "/s"), f"{ours / its:.2f}"))))
    each = f", {options.share:g} of a core for each process" if options.share else ""
    what = f"{options.pages * options.size} mentions for {options.teams} teams{each}"
    show_rows(f"On PostgreSQL with {options.cases:,} cases, {what}", rows)


async def _flood(options: argparse.Namespace) -> None:
    """Let four processes write the cards of a flood at Slack's rates; print how many of their calls were refused."""
    rules = Rules(ack_seconds=30)
    async with AsyncExitStack() as stack:
        slack, bots = await _started(stack, max(COUNTS), options, rules, 1)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        slack.api.calls.clear()
        begun = time.perf_counter()
        pages = _pages(options.cases + 1, FLOOD, options.size)
        await _each([_send(session, bots[at % len(bots)], SOURCE, page) for at, page in enumerate(pages)])
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
    parser.add_argument("--teams", type=int, default=8)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--size", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3_600)
    parser.add_argument("--share", type=float, default=0.0, help="of a core, for each process; needs root")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--no-flood", action="store_true")
    which.add_argument("--only-flood", action="store_true")
    return parser.parse_args()


async def _measured(count: int, options: argparse.Namespace) -> Speed:
    rules = Rules(message_seconds=0, tiers=False, ack_seconds=30)
    async with AsyncExitStack() as stack:
        slack, bots = await _started(stack, count, options, rules, 0, teams=options.teams)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        return await _run(slack, session, bots, [FIRST, *map(_of_team, range(2, options.teams + 1))], options)


async def _started(
    stack: AsyncExitStack, count: int, options: argparse.Namespace, rules: Rules, pace: float, teams: int = 1
) -> tuple[Sandbox, list[str]]:
    """Start so many processes on one filled database and one Slack; returns that Slack and their addresses."""
    url, _ = stack.enter_context(blank_databases("postgresql"))
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    slack = await stack.enter_async_context(Sandbox(manifest, rules=rules))
    settings = settings_for(slack, url).model_copy(update={"slack_pace": pace})
    await fill(settings, cases=options.cases)
    await count_days(url)
    await _add_teams(settings, slack, range(2, teams + 1))
    those = [settings.model_copy(update={"port": free_port()}) for _ in range(count)]
    bots = []
    for each in those:
        put = stack.enter_context(small_host(options.share)) if options.share else None
        bots.append(await stack.enter_async_context(running(each, "bot", "run", answers=put)))
    await slack.wait_for(lambda: len(slack.socket_mode.connections) == count, 60)
    return slack, bots


async def _add_teams(settings: Settings, slack: Sandbox, numbers: Iterable[int]) -> None:
    """Add teams beside the first, each with a channel and a source of its own."""
    engine, members = db.create_engine(settings.database_url), slack.workspace.channels[CHANNEL].members
    async with db.sessions(engine)() as session:
        first = await session.get_one(Team, 1)
        for channel, source in map(_of_team, numbers):
            slack.workspace.add_channel(Channel(channel, source, {*members}))
            session.add(
                Team(
                    name=source,
                    channel=channel,
                    settings=first.settings,
                    timed_by=first.timed_by,
                    created_at=first.created_at,
                )
            )
            await session.flush()
            await accounts.add(
                session, settings, platform="webhook", name=source, url="", secrets={"signing_secret": SOURCE_SECRET},
                options={}, now=first.created_at, team=source,
            )  # fmt: skip
    await engine.dispose()


def _of_team(number: int) -> tuple[str, str]:
    """Return the channel and the source of a team."""
    return f"C0TEAM{number}", f"{SOURCE}{number}"


async def _run(
    slack: Sandbox,
    session: aiohttp.ClientSession,
    bots: Sequence[str],
    teams: Sequence[tuple[str, str]],
    options: argparse.Namespace,
) -> Speed:
    first = options.cases + 1
    for number, (_, source) in enumerate(teams):  # to warm up
        await _send(session, bots[number % len(bots)], source, [mention(first + number)])
    await slack.wait_for(lambda: _has_cards(slack, teams, len(teams)), PATIENCE)
    total = options.pages * options.size
    pages = _pages(first + len(teams), total, options.size)
    begun = time.perf_counter()
    await _each(
        [
            _send(session, bots[at % len(bots)], teams[at // len(bots) % len(teams)][1], page)
            for at, page in enumerate(pages)
        ]
    )
    stored = time.perf_counter()
    await slack.wait_for(lambda: _has_cards(slack, teams, len(teams) + total), PATIENCE)
    shown = time.perf_counter()
    cards = _to_claim(slack, teams)
    await _each([_claim(slack, *card) for card in cards])
    claimed = time.perf_counter()
    return Speed(total / (stored - begun), total / (shown - begun), len(cards) / (claimed - shown))


def _has_cards(slack: Sandbox, teams: Sequence[tuple[str, str]], count: int) -> bool:
    messages = sum(len(slack.workspace.messages.get(channel, ())) for channel, _ in teams)
    return messages >= count and len(_to_claim(slack, teams)) == count  # to look into all of them takes long


def _to_claim(slack: Sandbox, teams: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return channel and ts of the cards that nobody has yet; a message about the backlog may stand beside them.

    The channels take turns.
    """
    cards = [[(channel, card["ts"]) for card in slack.messages(channel)] for channel, _ in teams]
    each = [card for turn in zip_longest(*cards) for card in turn if card]
    return [card for card in each if "case:claim" in _shown(slack, *card)]


def _shown(slack: Sandbox, channel: str, ts: str) -> str:
    return json.dumps(slack.message(channel, ts).get("blocks"))


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


async def _send(session: aiohttp.ClientSession, bot: str, source: str, page: Sequence[dict[str, Any]]) -> None:
    body = json.dumps({"mentions": page}).encode()
    async with session.post(f"{bot}/in/{source}", data=body, headers=signed(body)) as response:
        response.raise_for_status()


async def _claim(slack: Sandbox, channel: str, ts: str) -> None:
    """Click on "claim", and wait until the card shows it."""
    ack = await slack.click(PERSON, channel, ts, "case:claim")
    if not ack.ok:
        raise RuntimeError(f"not acknowledged: {ack.reason}")
    await slack.wait_for(lambda: "In behandeling" in _shown(slack, channel, ts), PATIENCE)


if __name__ == "__main__":
    asyncio.run(main())
