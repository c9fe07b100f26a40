"""How many messages and edits one day brings each person and channel, on the local Slack with the clock moved by hand.

    uv run python -m tests.bench.busy_day [neglected] [busy]

`neglected`: eight cases that come in one after the other, four of them claimed, and nobody does anything with them.
`busy`: sixty mentions between nine and four; three people claim, ask, answer and hand over, and some lie too long.

A post notifies its readers, an edit does not. The cards of the cases are counted apart from what reminds of them.
"""

import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlmodel import col, select

from bot import cases, db
from bot.domain.case import CloseReason, Status, Urgency
from bot.domain.text import Refused
from bot.models import WAITING, Case, Message, MessageKind
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from bot.slack import messages
from bot.trial.trying import MANIFEST
from jobs import BY_OUR_CLOCK
from tests.bench.table import show_rows
from tests.clocks import StoppedClock, local
from tests.conftest import MARIEKE, SANNE, YOUSSEF, Bot, running_bot
from tests.people import mention, sent, settings

DAY = "2026-11-20"
ESCALATION = "C0ESCALATIE"
MADE_WITH_CARDS = {MessageKind.CASE, MessageKind.FOLLOW_UP, MessageKind.NOTE, MessageKind.ADVICE, MessageKind.ASK}
Events = Callable[[Bot, int], Awaitable[None]]
"""What people do in a minute of the day, counted from nine o'clock."""


async def neglected(bot: Bot, minute: int) -> None:
    """Eight cases come in half an hour apart; of every two the first is claimed. Then nothing."""
    number, rest = divmod(minute - 5, 30)
    if rest == 0 and 0 <= number < 8:
        case_id = await mention(bot, number, text=f"Vraag {number}")
        if number % 2 == 0:
            async with bot.desk.session() as session:
                await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())


async def busy(bot: Bot, minute: int) -> None:
    """A mention every seven minutes, and somebody at work every four; everything by one seed."""
    chance = random.Random(minute)
    if minute % 7 == 0 and minute < 420:
        case_id = await mention(bot, minute // 7, text=f"Vraag {minute // 7}")
        if minute // 7 in {11, 29, 47}:
            async with bot.desk.session() as session:
                await cases.set_urgent(session, case_id, urgent=True, by=SANNE, now=bot.desk.now())
    if minute % 4 == 0:
        with suppress(Refused):
            await _work(bot, chance, [SANNE, YOUSSEF, MARIEKE][minute // 4 % 3], minute)


async def _work(bot: Bot, chance: random.Random, who: str, minute: int) -> None:
    """One thing that an agent does: claim, ask, hand over, close or answer."""
    async with bot.desk.reading() as session:
        waiting = (await session.exec(select(Case).where(WAITING).order_by(col(Case.id)))).all()
    new = [case.id for case in waiting if case.status is Status.NEW]
    mine = [case.id for case in waiting if case.status is Status.CLAIMED and case.assignee == who]
    now, does = bot.desk.now(), chance.random()
    if new and (does < 0.45 or not mine):
        async with bot.desk.session() as session:
            await cases.claim(session, chance.choice(new), by=who, now=now)
    elif mine and does < 0.53:
        async with bot.desk.session() as session:
            await cases.escalate(
                session, mine[0], by=who, now=now, target=YOUSSEF, channels=[YOUSSEF], question="Weet jij dit?",
                urgency=Urgency.NORMAL, submission=f"v{minute}",
            )  # fmt: skip
    elif mine and does < 0.6:
        async with bot.desk.session() as session:
            await cases.assign(session, mine[0], to=SANNE, by=who, now=now)
    elif mine and does < 0.7:
        async with bot.desk.session() as session:
            await cases.close(session, mine[0], by=who, now=now, reason=CloseReason.SPAM)
    elif mine and who == SANNE:
        await sent(bot, chance.choice(mine))
    elif mine:
        async with bot.desk.session() as session:
            reason = CloseReason.ANSWERED_ELSEWHERE
            await cases.close(session, chance.choice(mine), by=who, now=now, reason=reason)


async def live_through(bot: Bot, events: Events) -> None:
    """Let a day of eight hours pass, minute by minute, with every job at its time."""
    for minute in range(8 * 60):
        bot.clock.at = local(f"{DAY} 09:00") + timedelta(minutes=minute)  # type: ignore[attr-defined]
        await events(bot, minute)
        for job, seconds in BY_OUR_CLOCK.items():
            if minute % (seconds // 60) == 0:
                await job(bot.desk)
        await messages.wake_lanes(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def counted(bot: Bot) -> list[tuple[str, ...]]:
    """Return per reader: cards and their threads, what reminds (alone and in threads), and the edits of both."""
    rows = {(m.channel, m.ts): m for m in await bot.rows(Message)}
    counts: dict[str, Counter[str]] = {}
    for call in bot.slack.api.calls:
        if call.method not in {"chat.postMessage", "chat.update"} or not (call.answer or {}).get("ok"):
            continue
        row = rows.get((call.answer["channel"], call.answer["ts"]))
        if row is None:
            continue
        what = "card" if row.kind in MADE_WITH_CARDS else "reminder"
        how = "edit" if call.method == "chat.update" else "thread" if row.in_thread else "post"
        counts.setdefault(_reader(bot, row.channel), Counter())[f"{what} {how}"] += 1
    columns = ("card post", "card thread", "card edit", "reminder post", "reminder thread", "reminder edit")
    return [("", *columns), *((who, *(str(c[column]) for column in columns)) for who, c in sorted(counts.items()))]


def _reader(bot: Bot, channel: str) -> str:
    people = {bot.direct_channel(person): person for person in (SANNE, YOUSSEF, MARIEKE)}
    return people.get(channel, channel)


def main() -> None:
    """Live through each day on SQLite and print what it brought whom."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    days: dict[str, Events] = {"neglected": neglected, "busy": busy}
    for name in sys.argv[1:] or days:
        show_rows(f"One day: {name}", asyncio.run(lived(days[name], manifest)))


async def lived(events: Events, manifest: dict[str, Any]) -> list[tuple[str, ...]]:
    """Live through a day with a new database and a new Slack, and return what it brought whom."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/day.db"
        engine = db.create_engine(url)
        await db.migrate(engine)
        await engine.dispose()
        rules, clock = Rules(message_seconds=0, tiers=False, ack_seconds=30), StoppedClock(local(f"{DAY} 09:00"))
        async with Sandbox(manifest, rules=rules) as slack, running_bot(url, slack, clock) as bot:
            await settings(bot, coordinators=[MARIEKE], escalation_channel=ESCALATION)
            await live_through(bot, events)
            return await counted(bot)


if __name__ == "__main__":
    main()
