"""Slack waits 3 seconds for an acknowledgement: a click has it before anything is read."""

import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

import handlers
from bot.domain.case import Status
from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL, SANNE, Bot, Databases, eventually, running_bot


class Registered:
    """Takes down which listeners answer by themselves; stands where the Bolt app stands."""

    def __init__(self) -> None:
        self.acknowledging: list[tuple[str, str]] = []

    def __getattr__(self, kind: str) -> Any:
        def of(name: str) -> Any:
            def take(listener: Any) -> None:
                if "ack" in inspect.getclosurevars(listener).nonlocals["wanted"]:
                    self.acknowledging.append((kind, name))

            return take

        return of


@pytest.fixture
async def postgres_bot(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    async with running_bot(await databases.postgresql(postgres_uri), slack) as bot:
        yield bot


async def test_a_click_is_acknowledged_while_the_database_answers_nobody(postgres_bot: Bot) -> None:
    bot = postgres_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    bot.slack.listeners_end = None  # the listener cannot end while the tables are locked
    async with bot.engine.connect() as other:
        await other.execute(text("LOCK TABLE agents, cases, teams IN ACCESS EXCLUSIVE MODE"))
        assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")).ok

    async def claimed() -> bool:
        return (await bot.case()).status is Status.CLAIMED

    await eventually(claimed)


def test_only_what_is_answered_with_what_was_read_acknowledges_by_itself() -> None:
    registered = Registered()
    handlers.register(registered, None)  # type: ignore[arg-type]
    assert {kind for kind, name in registered.acknowledging} <= {"view", "options"}
    assert registered.acknowledging
