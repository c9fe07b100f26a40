"""Mentions from a source: how many a second, from its signed POST to stored, beside plain inserts of the same rows.

    uv run python -m tests.bench.ingest [--postgres] [--cases 100000] [--rounds 6] [--pages 20]

Every mention is of an author we did not know and opens a case: the most rows there can be. The bot is `webcare run` in
a process of its own, with so many cases in its database already, and shows cards meanwhile at Slack's pace. The floor
is one transaction per page with an executemany for each table, one page after the other, through the same engine
(SQLite: WAL, synchronous=FULL) on a second database as full, with every id known beforehand. They take turns.

A source that has much to say does not wait for each answer: the last line sends twenty calls at a time.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks.webhooks import Webhook as Signature

from bot import db
from bot.domain.case import Status
from bot.domain.sla import ClockKind
from bot.domain.words import names_of, words_of
from bot.models import Author, Case, CaseWords, Clock, Event, Mention, Message, MessageKind
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.trial.trying import MANIFEST
from tests.bench.apps import CHANNEL, blank_databases, running, settings_for
from tests.bench.fill import SOURCE, SOURCE_SECRET, count_days, fill
from tests.bench.table import Line, show

TEXT = "De grijze container in onze straat is al twee weken niet geleegd, en bellen heeft niet geholpen. Wat nu? ({})"
Json = dict[str, Any]


@dataclass
class Speeds:
    """Mentions a second in each round."""

    bot: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)


async def main() -> None:
    """Measure pages of 100 and of 1, and print them in a table."""
    options = _options()
    kind = "postgresql" if options.postgres else "sqlite"
    show(*await table(kind, options.cases, options.rounds, options.pages))


async def table(kind: str, count: int, rounds: int, pages: int) -> tuple[str, list[Line]]:
    """Measure on databases of this kind with so many cases; returns the title and the lines."""
    with blank_databases(kind) as urls:
        async with Sandbox(
            json.loads(MANIFEST.read_text(encoding="utf-8")), rules=Rules(message_seconds=0, tiers=False)
        ) as slack:
            ours, floor = (settings_for(slack, url) for url in urls)
            for settings in (ours, floor):
                await fill(settings, cases=count)
            await count_days(ours.database_url)
            engine = db.create_engine(floor.database_url)
            async with running(ours, "bot", "run") as bot, aiohttp.ClientSession() as session:
                source = _Source(session, f"{bot}/in/{SOURCE}", engine, count)
                lines = [
                    await _line(source, "pages of 100", 100, 1, rounds, pages, at_least=0.6),
                    await _line(source, "pages of 1", 1, 1, rounds, pages),
                    await _line(source, "pages of 1, 20 calls at once", 1, 20, rounds, pages, at_least=0.5),
                ]
            await engine.dispose()
    return f"Mentions stored, {kind}, {count:,} cases there already", lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--pages", type=int, default=20)
    return parser.parse_args()


@dataclass
class _Source:
    """Makes mentions, each only once, and stores pages of them in both ways."""

    session: aiohttp.ClientSession
    url: str
    engine: AsyncEngine
    made: int

    def page(self, size: int) -> list[Json]:
        """Return new mentions as a source tells them."""
        self.made += size
        return [mention(number) for number in range(self.made - size + 1, self.made + 1)]

    async def send(self, bodies: Sequence[bytes], at_once: int) -> None:
        """Send pages to the bot, so many of them at a time."""
        left = iter(bodies)

        async def send_next() -> None:
            for body in left:
                async with self.session.post(self.url, data=body, headers=signed(body)) as response:
                    response.raise_for_status()

        await asyncio.gather(*(send_next() for _ in range(at_once)))

    async def insert(self, pages: Sequence[Sequence[Json]]) -> None:
        """Store pages with nothing but inserts."""
        for page in pages:
            rows = _rows(page)
            async with self.engine.begin() as connection:
                for model, values in rows.items():
                    await connection.execute(insert(model), values)


async def _line(
    source: _Source, what: str, size: int, at_once: int, rounds: int, count: int, at_least: float | None = None
) -> Line:
    speeds = Speeds()
    for turn in range(rounds + 1):  # the first is to warm up
        pages = [source.page(size) for _ in range(count * at_once)]
        bodies = [json.dumps({"mentions": page}).encode() for page in pages]
        sent = await _speed(source.send(bodies, at_once), size * len(pages))
        inserted = await _speed(source.insert(pages), size * len(pages))
        if turn:
            speeds.bot.append(sent)
            speeds.floor.append(inserted)
    return Line(what, _mean(speeds.bot), _mean(speeds.floor), "/s", at_least=at_least)


async def _speed(work: Any, count: int) -> float:
    begun = time.perf_counter()
    await work
    return count / (time.perf_counter() - begun)


def _mean(speeds: Sequence[float]) -> float:
    """Return the mean of speeds over equal amounts of work: all work by all time."""
    return len(speeds) / sum(1 / speed for speed in speeds)


def mention(number: int) -> Json:
    """Return a mention as a source tells it."""
    return {
        "id": f"post-{number}",
        "conversation": f"talk-{number}",
        "text": TEXT.format(number),
        "published_at": datetime.now(UTC).isoformat(),
        "url": f"https://plein.example/posts/{number}",
        "language": "nl",
        "author": {"id": f"citizen-{number}", "name": f"Bewoner {number}", "handle": f"bewoner{number}"},
    }


def signed(body: bytes) -> dict[str, str]:
    """Return the headers with which the source signs a body."""
    now, key = datetime.now(UTC), f"msg_{time.monotonic_ns()}"
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signature(SOURCE_SECRET).sign(key, now, body.decode()),
    }


def _rows(page: Sequence[Json]) -> dict[type[Any], list[Json]]:
    """Return the rows that the bot makes of a page; a mention's number is the id of all that belongs to it."""
    now = datetime.now(UTC)
    rows: dict[type[Any], list[Json]] = {
        Author: [],
        Case: [],
        Mention: [],
        CaseWords: [],
        Message: [],
        Event: [],
        Clock: [],
    }
    for sent in page:
        number = int(sent["id"].removeprefix("post-"))
        author = sent["author"]
        rows[Author].append(
            {"id": number, "account_id": 1, "external_id": author["id"], "name": author["name"],
             "handle": author["handle"], "url": ""}
        )  # fmt: skip
        rows[Case].append(
            {
                "id": number,
                "team_id": 1,
                "number": number,
                "account_id": 1,
                "author_id": number,
                "status": Status.NEW,
                "opened_at": now,
            }
        )
        rows[Mention].append(
            {"id": number, "case_id": number, "account_id": 1, "external_id": sent["id"],
             "conversation": sent["conversation"], "text": sent["text"], "url": sent["url"], "language": "nl",
             "allows": ["answer"], "published_at": datetime.fromisoformat(sent["published_at"]), "received_at": now}
        )  # fmt: skip
        names = names_of(author["name"], author["handle"])
        rows[CaseWords].append({"case_id": number, "names": names, "words": words_of([sent["text"]])})
        rows[Message].append(
            {"id": number, "key": f"case:{number}", "kind": MessageKind.CASE, "case_id": number, "channel": CHANNEL}
        )
        rows[Event].append({"case_id": number, "kind": "opened", "at": now})
        rows[Clock] += [
            {"case_id": number, "team_id": 1, "kind": kind, "target_seconds": 7200, "started_at": now,
             "running_since": now, "due_at": now, "next_at": now}
            for kind in (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION)
        ]  # fmt: skip
    return rows


if __name__ == "__main__":
    asyncio.run(main())
