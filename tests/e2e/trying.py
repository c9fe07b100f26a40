"""`webcare try` as a newcomer starts it, and its cards in the browser."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from playwright.async_api import Locator, Page, expect

from tests.fakes.ports import free_port

ROOT = Path(__file__).parents[2]


ANSWERED = re.compile(r"Beantwoord\b")
"""How a card says that it is answered; its button to do so says "Beantwoorden"."""
WAIT = 60_000
PATIENCE = 240
"""Seconds in which the command starts or stops on a machine that does much else."""
PATIENT = """
from functools import partial
from bot.__main__ import main
from bot.trial import trying
trying.Rules = partial(trying.Rules, ack_seconds=30, trigger_seconds=60)
main()
"""
"""The command, in a Slack that waits longer for an answer to a click: on such a machine it would give up the click."""
T = TypeVar("T")


@asynccontextmanager
async def trying(tmp_path: Path, artifacts: Path, *options: str, language: str = "nl") -> AsyncIterator[str]:
    """Run the command in an empty folder; at the end it must stop cleanly on Ctrl-C."""
    port = free_port()
    folder = tmp_path / "empty"
    folder.mkdir()
    command = [sys.executable, "-c", PATIENT, "try", "--port", str(port), "--no-browser", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "UNDO_SECONDS": "4", "WEBCARE_LANGUAGE": language}
    environment["PYTHONFAULTHANDLER"] = "1"
    errors = artifacts / "try-stderr.txt"
    with errors.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=stderr
        )
        try:
            assert process.stdout
            line = (await _soon(process, process.stdout.readline())).decode()
            assert f"http://127.0.0.1:{port}" in line
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            await _soon(process, process.communicate())
    assert process.returncode == 0
    logged = errors.read_text()
    assert "Traceback" not in logged
    assert "[error" not in logged


async def _soon(process: Process, awaited: Coroutine[Any, Any, T]) -> T:
    """Wait as long as a busy machine may need; a program that hangs then says where, in its errors."""
    try:
        return await asyncio.wait_for(awaited, PATIENCE)
    except TimeoutError:
        process.send_signal(signal.SIGABRT)
        await process.wait()
        raise


def card_of(page: Page, words: str) -> Locator:
    """The card with these words in the channel; a list that only its reader sees may have them too."""
    return page.locator('[data-test="message"][data-channel="C0WEBCARE"]:not(.ephemeral)').filter(has_text=words)


async def be(page: Page, person: str) -> None:
    """Become another person; what they see comes with their own connection, so wait for that."""
    button = page.locator(f'[data-test="person"][data-person="{person}"]')
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true", timeout=WAIT)
