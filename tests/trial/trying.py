"""`webcare try` in this process, and its cards."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.sandbox.app import Sandbox
from bot.trial.trying import RealSource, try_out
from tests.conftest import CHANNEL

PATIENCE = 240
"""Seconds in which it starts, with weeks of the demo's past, on a machine that does much else."""


@asynccontextmanager
async def trying(*sources: RealSource, speed: float = 1, flood: bool = False) -> AsyncIterator[Sandbox]:
    """Run `webcare try` until the end of the block; yields its workspace."""
    ready: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
    said: list[str] = []
    work = try_out(port=0, sources=sources, say=said.append, browse=False, speed=speed, flood=flood, ready=ready)
    task = asyncio.create_task(work)
    await asyncio.wait((task, ready), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    try:
        slack = ready.result()
        assert [slack.base_url in line for line in said] == [True]
        yield slack
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def card(slack: Sandbox, *words: str) -> dict[str, Any]:
    """Wait for the card with all these words."""

    def shown() -> dict[str, Any] | None:
        cards = ((card, json.dumps(card, ensure_ascii=False)) for card in slack.messages(CHANNEL))
        return next((card for card, text in cards if all(word in text for word in words)), None)

    return await slack.wait_for(shown)
