"""A Slack that keeps its rates, on a clock that is moved by hand; posts that come in without being shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot.cases import inbox
from bot.desk import Desk
from bot.domain.mention import Act, Author, Post, permits
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from jobs import sweep
from tests.clocks import StoppedClock, local
from tests.conftest import MANIFEST, Bot, account_of, running_bot

NOW = local("2026-11-24 14:00")
SECOND = timedelta(seconds=1)


@asynccontextmanager
async def keeping_rates(database_url: str, **changes: Any) -> AsyncIterator[Bot]:
    """The bot with a Slack that keeps its rates; the clock of both stands still until it is moved."""
    clock = StoppedClock(NOW)
    rules = Rules(ack_seconds=30, trigger_seconds=60)
    async with (
        Sandbox(MANIFEST, rules=rules, now=lambda: clock().timestamp()) as slack,
        running_bot(database_url, slack, clock, slack_pace=1, **changes) as bot,
    ):
        yield bot


@pytest.fixture
async def strict(database_url: str) -> AsyncIterator[Bot]:
    """The bot with a Slack that keeps its rates, as in `keeping_rates`."""
    async with keeping_rates(database_url) as bot:
        yield bot


def post(bot: Bot, number: int, text: str = "Wanneer?", **more: object) -> Post:
    author = more.pop("author", Author(f"a{number}", f"Burger {number}"))
    return Post(f"p{number}", author, text, bot.desk.now(), permits=permits(Act.ANSWER), **more)  # type: ignore[arg-type]


async def all_work(*desks: Desk) -> None:
    """Let each process do all that it can at this moment."""
    await asyncio.gather(*(sweep(desk) for desk in desks))
    for desk in desks:
        await desk.wake.idle()  # type: ignore[attr-defined]


def refused(bot: Bot) -> list[str]:
    """Return the methods of the calls that Slack refused as too many."""
    return [call.method for call in bot.slack.calls() if call.status == 429]


async def come(bot: Bot, *posts: Post) -> None:
    """Take posts in, without showing them."""
    async with bot.desk.session() as session:
        await inbox.take_in(session, (await account_of(bot)).id, posts, now=bot.desk.now())
