"""The wall: a platform on which posts can be hidden and liked, installed as a package of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot import connectors
from tests.fakes.between import Between
from tests.fakes.wall import INSTALLED, Wall


@pytest.fixture
async def wall(wall_installed: None) -> AsyncIterator[Wall]:
    async with Wall() as server:
        yield server


@pytest.fixture
async def to_wall(wall: Wall) -> AsyncIterator[Between]:
    """What stands between the bot and the wall."""
    async with Between(wall.url) as between:
        yield between


@pytest.fixture
def wall_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bot finds the platform as it finds that of any installed package."""
    monkeypatch.syspath_prepend(str(INSTALLED))
    connectors.registry.cache_clear()
    yield
    connectors.registry.cache_clear()
