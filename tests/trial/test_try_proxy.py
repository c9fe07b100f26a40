"""`webcare try` in an office, where the environment names a proxy for what is elsewhere."""

import os
from pathlib import Path

import pytest

from tests.fakes.ports import free_port
from tests.trial.trying import card, trying


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy"])
async def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(name, proxy)
    async with trying() as slack:
        await card(slack, "container")
    assert os.environ[name] == proxy
