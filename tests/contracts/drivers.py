"""How the tests of all platforms use each: what citizens do there, and what of ours can be seen there.

`drivers` finds them: that of a platform stands in tests/connectors/<platform>/driver.py.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import pytest

from bot.connectors import OURS
from bot.connectors.base import Account, Connector, Cursor, Page, Polls, Rechecks
from bot.connectors.platform import Platform
from bot.domain.mention import Act, Gone, Post
from tests.fakes.between import ANY, Between
from tests.fakes.server import FakeServer
from tests.fakes.tools import tools

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 11, 25, tzinfo=UTC)
"""When the documented payloads came."""


class Driver(ABC):
    """One platform under test. `publishes` is the path of the request that publishes a reply.

    `uploads` is that of the request before it that gives its image; "": the image goes with the reply.

    `tells`: what became of a reply whose connection was cut can be found out; otherwise a person must look. `removed`:
    how a post looks whose author removed it. `fake` is its server.
    """

    platform: ClassVar[Platform]
    fake: ClassVar[type[FakeServer]]
    publishes: ClassVar[str]
    uploads: ClassVar[str] = ""
    tells: ClassVar[bool] = True
    removed: ClassVar[Gone] = Gone.BY_AUTHOR
    account: Account

    def __init__(self, server: Any, between: Any) -> None:
        self.server = server
        self.between = between
        self.account = self.account_at(between.url)

    @classmethod
    @asynccontextmanager
    async def running(cls, request: pytest.FixtureRequest) -> AsyncIterator[Self]:
        """Run the platform; it is reached through `Between`, which can hold up and cut off what passes."""
        async with cls.fake() as server, Between(server.url) as between:
            yield cls(server, between)

    @abstractmethod
    def account_at(self, url: str) -> Account:
        """Return the team's account on the server at this address."""

    @abstractmethod
    def write(self, text: str) -> str:
        """Let a citizen write; returns the post's id."""

    def edit(self, post_id: str, text: str) -> None:
        """Let the citizen change their post."""
        raise NotImplementedError

    def remove(self, post_id: str) -> None:
        """Let the citizen remove their post."""
        raise NotImplementedError

    @abstractmethod
    def spoil(self) -> None:
        """Let something be between the posts that cannot be read."""

    @abstractmethod
    def published(self) -> list[str]:
        """Return the words of what we published, as they were sent."""

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return the images of what we published, each with its description."""
        raise NotImplementedError

    def write_below_ours(self) -> str:
        """Let a citizen write where we may hide it; returns the post's id."""
        return self.write("Onzin")

    def marks(self) -> list[tuple[Act, str]]:
        """Return what is hidden and what we like, each as often as that stands there."""
        raise NotImplementedError

    def request_of(self, act: Act) -> tuple[str, str]:
        """Return the method and path of the request that carries out an act."""
        return "DELETE" if act in {Act.DELETE, Act.UNLIKE} else "POST", ANY

    @asynccontextmanager
    async def failing(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None, *, sends: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Run a server that answers everything so, and give what changes in the account to use it; 0: it hangs up.

        `sends`: it is about a reply, not about reading.
        """
        async with FakeServer() as server:
            server.fail(status=status, body=body, headers=dict(headers or {}), count=100)
            yield self.at(server.url)

    def at(self, url: str) -> dict[str, Any]:
        """Return what changes in the account so that its server is at this address."""
        return {"url": url}

    def connector(self, client: httpx.AsyncClient, **changes: Any) -> Connector:
        return self.platform.connect(replace(self.account, **changes), tools(client, self.account.secrets))

    async def read(self, client: httpx.AsyncClient, cursor: Cursor) -> Page:
        """Return what is new, whether we ask for it or it is pushed to us."""
        connector = self.connector(client)
        assert isinstance(connector, Polls)
        return await connector.fetch(cursor)

    async def changes(self, client: httpx.AsyncClient, posts: list[Post], cursor: Cursor) -> list[Post]:
        """Return which posts were edited or removed."""
        connector = self.connector(client)
        assert isinstance(connector, Rechecks)
        return list((await connector.recheck(posts, {})).changed)

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        """Return the post that a payload of the platform becomes, as those in its folder `pairs`."""
        raise NotImplementedError


def drivers() -> Sequence[type[Driver]]:
    """Return the drivers of all our platforms and of the made-up forum."""
    modules = [f"tests.connectors.{platform.name}.driver" for platform in OURS] + ["tests.contracts.forum.driver"]
    return [kind for module in modules for kind in drivers_in(module)]


def drivers_in(module: str) -> Sequence[type[Driver]]:
    """Return the drivers that stand in a module; it must be there, and have one."""
    path = Path(*module.split(".")).with_suffix(".py")
    assert (ROOT / path).exists(), f"Write {path}, with a subclass of tests.contracts.drivers.Driver."
    things = vars(import_module(module)).values()
    kinds = [each for each in things if isinstance(each, type) and each.__module__ == module]
    found = [kind for kind in kinds if issubclass(kind, Driver)]
    assert found, f"Write in {path} a subclass of tests.contracts.drivers.Driver."
    return found
