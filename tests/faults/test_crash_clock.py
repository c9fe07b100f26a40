"""The bot in a process of its own, killed while it reminds: each step that is due is told once, none is lost."""

from pathlib import Path

import psycopg
import pytest

from bot.domain.sla import ClockKind
from bot.models import Clock
from bot.sandbox.app import Sandbox
from tests.conftest import Bot, Databases, eventually
from tests.fakes.between import ANY, Between
from tests.faults.processes import (
    STEPS,
    all_is_in_slack_once,
    caught_or,
    is_level,
    late,
    looking_on,
    running,
    steps_due,
    steps_told,
    time_passes,
)

KILLS = [(calls, calls % 2 == 0) for calls in range(12)]
"""After how many calls to Slack of each run the next one does it, whatever it is for, and whether that one arrived."""


@pytest.fixture
async def postgres_url(databases: Databases, postgres_uri: str) -> str:
    return await databases.postgresql(postgres_uri)


async def run_until_all_is_told(bot: Bot, folder: Path) -> None:
    async with running(bot, folder):
        await eventually(lambda: all_is_told(bot))


async def all_is_told(bot: Bot) -> bool:
    return not await steps_due(bot) and await is_level(bot)


async def every_step_is_told_once(bot: Bot) -> None:
    """Check that each clock told the step that was due, once, and that each message about it is in Slack once."""
    clocks = [c.id for c in await bot.rows(Clock) if c.kind is ClockKind.FIRST_REACTION]
    assert await steps_told(bot) == {(clock, STEPS[n % len(STEPS)]): 1 for n, clock in enumerate(clocks)}
    await all_is_in_slack_once(bot)


async def test_killed_again_and_again_while_it_tells_each_step_stands_once(
    database_url: str, slack: Sandbox, tmp_path: Path
) -> None:
    async with looking_on(database_url, slack) as bot, Between(slack.base_url) as to_slack:
        await late(bot, 12, claimed=9)
        for calls, arrives in KILLS:
            holding = to_slack.holding(ANY, ANY, passed_on=arrives, skip=calls)
            async with holding as caught, running(bot, tmp_path, slack_api_url=f"{to_slack.url}/api/"):
                await caught_or(caught(), lambda: all_is_told(bot))
            await time_passes(bot, minutes=1)
        await run_until_all_is_told(bot, tmp_path)
        await every_step_is_told_once(bot)


async def test_killed_with_the_steps_taken_but_not_committed_they_are_taken_again(
    postgres_url: str, slack: Sandbox, tmp_path: Path
) -> None:
    async with looking_on(postgres_url, slack) as bot:
        await late(bot, 5)
        async with await psycopg.AsyncConnection.connect(postgres_url) as holder:
            await holder.execute("LOCK TABLE reminders IN SHARE MODE")
            async with running(bot, tmp_path):
                await eventually(lambda: is_held(postgres_url, "clocks"))
        assert {clock.told_percent for clock in await bot.rows(Clock)} == {0}
        await time_passes(bot, minutes=1)
        await run_until_all_is_told(bot, tmp_path)
        await every_step_is_told_once(bot)


async def is_held(url: str, table: str) -> bool:
    """Whether a transaction that has written in this table waits for a lock."""
    found = (
        "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE wait_event_type = 'Lock'"
        " AND relation = %s::regclass AND mode = 'RowExclusiveLock'"
    )
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return (await (await connection.execute(found, [table])).fetchone()) is not None
