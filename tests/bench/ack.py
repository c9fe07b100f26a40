"""A click on "claim": how long until it is acknowledged, and until the card shows it, beside a bare Bolt app.

    uv run python -m tests.bench.ack [--postgres] [--cases 100000] [--rounds 8] [--clicks 50]

The bot (`webcare run`, with so many cases in its database) and the bare app each have a process of their own and take
turns, a round of clicks each, one click at a time; the local Slack that sends the clicks is this process. So the floor
includes what it costs to send and receive. "card changed" is when Slack has taken the bot's chat.update.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot import cases, db
from bot.config import Settings
from bot.domain.case import Status
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import blocks
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.workspace import Change
from bot.steady_clock import utc_now
from bot.texts import Texts
from bot.trial.trying import MANIFEST
from bot.views.case_card import case_card
from tests.bench.apps import CHANNEL, blank_databases, running, settings_for
from tests.bench.fill import count_days, fill, ts_of
from tests.bench.table import Line, p50, p99, show
from tests.fakes.ports import free_port

PERSON = "U0SANNE"
PAUSE = 0.03
"""Seconds between clicks: people do not click while the last one's events are still on their way."""
ACTIONS = {"bot": "case:claim", "bare": "case:claim", "bare, changing": "case:answer"}


@dataclass
class Measured:
    """Seconds from each click until it was acknowledged, and until the card had changed."""

    acknowledged: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)


async def main() -> None:
    """Measure HTTP and Socket Mode, and print a table for each."""
    options = _options()
    kind = "postgresql" if options.postgres else "sqlite"
    async for title, lines in tables(kind, options.cases, options.rounds, options.clicks):
        show(title, lines)


async def tables(kind: str, count: int, rounds: int, clicks: int) -> AsyncIterator[tuple[str, list[Line]]]:
    """Measure on a database of this kind with so many cases; yields the title of each mode, and its lines."""
    needed = clicks * (rounds + 1)  # a round to warm up
    with blank_databases(kind) as (url, _):
        async with Sandbox(
            json.loads(MANIFEST.read_text(encoding="utf-8")), rules=Rules(message_seconds=0, tiers=False)
        ) as slack:
            # One click at a time is faster than Slack's rates allow; what it costs to keep to them is measured.
            settings = settings_for(slack, url).model_copy(update={"slack_pace": 0})
            await fill(settings, cases=count, waiting=2 * needed)
            await count_days(url)
            waiting = range(count - 2 * needed + 1, count + 1)
            constant = await put_cards(slack, settings, waiting)
            for mode, ids in (("HTTP", waiting[:needed]), ("Socket Mode", waiting[needed:])):
                async with _apps(slack, settings, constant, http=mode == "HTTP") as turn_to:
                    measured = await _rounds(slack, turn_to, list(ids), rounds, clicks)
                yield f"{mode}, {kind}, {count:,} cases, {rounds * clicks} clicks", list(_lines(measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=50)
    return parser.parse_args()


async def put_cards(slack: Sandbox, settings: Settings, ids: range) -> list[dict[str, Any]]:
    """Put the cards of these cases in the channel; returns the blocks of a claimed one."""
    engine = db.create_engine(settings.database_url)
    t = Texts("nl", "Europe/Amsterdam")
    try:
        async with db.readings(engine)() as session:
            for case_id in ids:
                file = await cases.read(session, case_id)
                shown = blocks.with_ids(case_card(file, t, utc_now()).blocks)
                author = {"user": slack.app.user_id, "bot_id": slack.app.bot_id, "app_id": slack.app.id}
                slack.workspace.add_message(CHANNEL, {**author, "ts": ts_of(case_id), "text": "", "blocks": shown})
        file.case.status, file.case.assignee, file.case.claimed_at = Status.CLAIMED, PERSON, utc_now()
        return case_card(file, t, utc_now()).blocks
    finally:
        await engine.dispose()


@asynccontextmanager
async def _apps(
    slack: Sandbox, settings: Settings, constant: list[dict[str, Any]], *, http: bool
) -> AsyncIterator[Callable[[str], None]]:
    """Run the bot and the bare app; yields what makes Slack send to one of them."""
    bare_settings = settings.model_copy(update={"port": free_port()})
    arguments = ["--http"] if http else []
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
        json.dump(constant, file)
        file.flush()
        async with AsyncExitStack() as stack:
            bot = await stack.enter_async_context(running(settings, "bot", "run", *arguments))
            if not http:
                await slack.wait_for(lambda: len(slack.socket_mode.connections) == 1, 20)
            bare = await stack.enter_async_context(
                running(bare_settings, "tests.bench.bare", *arguments, BLOCKS=file.name)
            )
            if not http:
                await slack.wait_for(lambda: len(slack.socket_mode.connections) == 2, 20)
            sockets = list(slack.socket_mode.connections)

            def turn_to(app: str) -> None:
                if http:
                    slack.deliver_to(f"{bot if app == 'bot' else bare}/slack/events")
                else:
                    slack.delivery = slack.socket_mode
                    slack.socket_mode.connections[:] = sockets[:1] if app == "bot" else sockets[1:]

            yield turn_to
            await slack.delivery.close()


async def _rounds(
    slack: Sandbox, turn_to: Callable[[str], None], ids: list[int], rounds: int, clicks: int
) -> dict[str, Measured]:
    """Let the apps take turns; each case is clicked by each, by the bot last, for it changes the card."""
    measured = {app: Measured() for app in ACTIONS}
    for turn in range(rounds + 1):
        places = [ts_of(case_id) for case_id in ids[turn * clicks : (turn + 1) * clicks]]
        fresh = {ts: dict(slack.message(CHANNEL, ts)) for ts in places}
        apps = ["bare", "bare, changing", "bot"] if turn % 2 else ["bot", "bare, changing", "bare"]
        for app in apps:
            slack.workspace.messages[CHANNEL] |= {ts: dict(card) for ts, card in fresh.items()}
            turn_to(app)
            for ts in places:
                acknowledged, changed = await _click(slack, ts, ACTIONS[app], changes=app != "bare")
                if turn:
                    measured[app].acknowledged.append(acknowledged)
                    measured[app].changed.append(changed)
    return measured


async def _click(slack: Sandbox, ts: str, action: str, *, changes: bool) -> tuple[float, float]:
    """Click once; returns the seconds until the acknowledgement and until the card changed (0 if it does not)."""
    changed: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def hear(change: Change) -> None:
        if change.kind == "message" and change.ts == ts and not changed.done():
            changed.set_result(time.perf_counter())

    stop = slack.workspace.listen(hear)
    try:
        begun = time.perf_counter()
        ack = await slack.click(PERSON, CHANNEL, ts, action)
        acknowledged = time.perf_counter() - begun
        if not ack.ok:
            raise RuntimeError(f"not acknowledged: {ack.reason}")
        until = (await asyncio.wait_for(changed, 10)) - begun if changes else 0.0
    finally:
        stop()
    await asyncio.sleep(PAUSE)
    return acknowledged, until


def _lines(measured: dict[str, Measured]) -> Iterator[Line]:
    bot, bare, changing = (measured[app] for app in ACTIONS)
    for name, of, at_most in (("p50", p50, 1.2), ("p99", p99, 2.0)):
        yield Line(f"acknowledged, {name}", of(bot.acknowledged) * 1e3, of(bare.acknowledged) * 1e3, "ms", at_most)
    for name, of, most in (("p50", p50, 4.0), ("p99", p99, None)):
        yield Line(f"card changed, {name}", of(bot.changed) * 1e3, of(changing.changed) * 1e3, "ms", most)


if __name__ == "__main__":
    asyncio.run(main())
