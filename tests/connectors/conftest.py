import asyncio

import pytest

from tests.fakes.wires import Names


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """The names of this machine's look-ups."""
    names = Names()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    return names
