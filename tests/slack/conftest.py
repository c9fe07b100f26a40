"""A Slack that keeps its rates, on a clock that is moved by hand."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.app import Sandbox
from bot.sandbox.slack.rules import Rules
from tests.clocks import StoppedClock, local
from tests.conftest import MANIFEST, Bot, running_bot

NOW = local("2026-11-24 14:00")


@pytest.fixture
async def strict(database_url: str) -> AsyncIterator[Bot]:
    """The bot with a Slack that keeps its rates; the clock of both stands still until it is moved."""
    clock = StoppedClock(NOW)
    rules = Rules(ack_seconds=30, trigger_seconds=60)
    async with (
        Sandbox(MANIFEST, rules=rules, now=lambda: clock().timestamp()) as slack,
        running_bot(database_url, slack, clock, slack_pace=1, slack_timeout=60) as bot,  # this machine may be busy
    ):
        yield bot
