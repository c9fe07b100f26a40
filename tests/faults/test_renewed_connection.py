"""Slack renews the connection of Socket Mode, as it does every few hours, while colleagues click and write."""

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.models import Case, Event, Note
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids
from tests.conftest import CHANNEL, SANNE, Bot, eventually
from tests.faults.processes import all_is_in_slack_once, is_level, late, looking_on, running

MANY = 30
CLOSED = {"connection_closed", "no_connection"}
"""How a click fails of which Slack hears nothing: the person sees a warning beside the button, and clicks again."""


async def test_what_is_clicked_and_written_while_the_connection_is_renewed_happens_once(
    database_url: str, slack: Sandbox, tmp_path: Path
) -> None:
    slack.rules.redelivery_seconds = (0.2,) * 50
    async with looking_on(database_url, slack) as bot:
        await late(bot, MANY)
        cards = bot.cards()
        async with running(bot, tmp_path):
            await eventually(lambda: listens(bot))
            clicks = [asyncio.create_task(claimed(bot, card)) for card in cards]
            await asyncio.sleep(0)  # all are on their way, and of none has the answer come
            await bot.slack.socket_mode.refresh()
            renewing = asyncio.create_task(renewed_again_and_again(bot))
            try:
                failed = sum(await asyncio.gather(*clicks), Counter[str]())
                for card in cards:
                    await bot.slack.post(SANNE, CHANNEL, "Ik bel de wijk.", thread_ts=card["ts"])
            finally:
                renewing.cancel()
                with suppress(asyncio.CancelledError):
                    await renewing
            assert failed, "some clicks met a connection that closed"
            await eventually(lambda: all_is_done(bot))
            await eventually(lambda: is_level(bot))
            assert len(bot.slack.socket_mode.connections) == 1
        assert {case.assignee for case in await bot.rows(Case)} == {SANNE}
        happened = Counter((event.case_id, event.kind) for event in await bot.rows(Event))
        assert {n for (_, kind), n in happened.items() if kind == EventKind.CLAIM} == {1}
        assert Counter(note.case_id for note in await bot.rows(Note)) == dict.fromkeys(range(1, MANY + 1), 1)
        await all_is_in_slack_once(bot)


async def listens(bot: Bot) -> bool:
    return bool(bot.slack.socket_mode.connections)


async def renewed_again_and_again(bot: Bot) -> None:
    """Renew the connection as soon as there is one that was used."""
    while True:
        await eventually(lambda: listens(bot))
        before = len(await bot.rows(Event))
        await bot.slack.socket_mode.refresh()
        await eventually(partial(goes_on, bot, before))


async def goes_on(bot: Bot, events: int) -> bool:
    return await listens(bot) and len(await bot.rows(Event)) > events


async def claimed(bot: Bot, card: dict[str, Any]) -> Counter[str]:
    """Click until Slack hears that it was taken, or the card shows that it was; returns why it was not heard."""
    failed = Counter[str]()
    while "case:claim" in action_ids(bot.slack.message(CHANNEL, card["ts"])):
        ack = await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
        if ack.ok:
            break
        assert ack.reason in CLOSED
        failed[ack.reason] += 1
        await eventually(lambda: listens(bot))
    return failed


async def all_is_done(bot: Bot) -> bool:
    written, cases = await bot.rows(Note), await bot.rows(Case)
    return len(written) >= MANY and {case.status for case in cases} == {Status.CLAIMED}
