"""The wall: a platform on which posts can be hidden and liked, installed as a package of its own."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.app import Sandbox
from tests.acting import with_a_case
from tests.conftest import Bot, running_bot
from tests.fakes.between import Between
from tests.fakes.wall import Wall


@pytest.fixture
async def to_wall(wall: Wall) -> AsyncIterator[Between]:
    """What stands between the bot and the wall."""
    async with Between(wall.url) as between:
        yield between


@pytest.fixture(name="acting")
async def acting_fixture(bot: Bot, to_wall: Between) -> Bot:
    """The bot on each database, with an account on the wall (2) and a case of one post there (1)."""
    return await with_a_case(bot, to_wall.url)


@pytest.fixture(name="acting_sqlite")
async def acting_sqlite_fixture(sqlite_bot: Bot, to_wall: Between) -> Bot:
    """The same, on SQLite alone."""
    return await with_a_case(sqlite_bot, to_wall.url)


@pytest.fixture(name="slow")
async def slow_fixture(database_url: str, slack: Sandbox, to_wall: Between) -> AsyncIterator[Bot]:
    """The same on each database, with a minute to undo."""
    async with running_bot(database_url, slack, undo_seconds=60) as running:
        yield await with_a_case(running, to_wall.url)
