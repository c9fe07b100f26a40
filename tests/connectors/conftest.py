import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.connectors import http
from tests.fakes.wires import Names


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The names of this machine's look-ups."""
    names = Names()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    return names


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client that reaches the servers of the tests."""
    async with http.new_client(allow_private=True) as one:
        yield one
