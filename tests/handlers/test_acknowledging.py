"""Slack waits 3 seconds for an acknowledgement: a click has it before anything is read."""

import inspect
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

import handlers
from bot.domain.case import Status
from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL, SANNE, Bot, Databases, eventually, running_bot
from tests.people import open_modal


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


@pytest.fixture
async def impatient_bot(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot, with no patience at all for the work behind a submission."""
    async with running_bot(await databases.postgresql(postgres_uri), slack, ack_within=0) as bot:
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


# --- A submission that takes longer than Slack waits --------------------------------------------


@asynccontextmanager
async def locked_tables(bot: Bot) -> AsyncIterator[None]:
    """Lock the agents, so that every listener waits."""
    async with bot.engine.connect() as other:
        await other.execute(text("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE"))
        yield


async def view_with(bot: Bot, *words: str) -> dict:
    def shown() -> dict | None:
        view = bot.slack.view(SANNE)
        return view if view and all(word in json.dumps(view, ensure_ascii=False) for word in words) else None

    return await bot.slack.wait_for(shown)


async def in_modal(bot: Bot, action: str, callback: str) -> None:
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], action)
    await open_modal(bot, SANNE, callback)
    bot.slack.listeners_end = None  # the listener cannot end while the tables are locked


async def test_an_answer_that_takes_long_is_acknowledged_and_the_modal_says_later_that_it_was_sent(
    impatient_bot: Bot,
) -> None:
    bot = impatient_bot
    await in_modal(bot, "case:answer", "case:answer")
    async with locked_tables(bot):
        sent = await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "SB"})
        assert sent.ok
        await view_with(bot, "Een ogenblik")
    await view_with(bot, "Gelukt")
    await bot.slack.wait_for(lambda: [post for post in bot.slack.square.posts if "Bij de balie. ^SB" in post["text"]])


async def test_what_is_wrong_with_a_slow_submission_is_said_above_what_was_typed(impatient_bot: Bot) -> None:
    bot = impatient_bot
    await in_modal(bot, "case:answer", "case:answer")
    async with locked_tables(bot):
        sent = await bot.slack.submit(SANNE, {"answer_text": "Bij de balie.", "initials": "12"})
        assert sent.ok
        await view_with(bot, "Een ogenblik")
    again = await view_with(bot, "Bij de balie.", "letters")
    assert again["callback_id"] == "case:answer"
    assert (await bot.slack.submit(SANNE, {"initials": "SB"})).ok
    await bot.slack.wait_for(lambda: [post for post in bot.slack.square.posts if "Bij de balie. ^SB" in post["text"]])


async def test_a_slow_submission_that_is_refused_comes_back_with_the_reason(impatient_bot: Bot) -> None:
    bot = impatient_bot
    bot.citizen_posts("Waar kan ik mijn paspoort ophalen?")
    card = await bot.card("paspoort")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, SANNE, "case:close")
    bot.slack.listeners_end = None
    async with locked_tables(bot):
        assert (await bot.slack.submit(SANNE, {"close_reason": "other"})).ok
        await view_with(bot, "Een ogenblik")
    again = await view_with(bot, "in een paar woorden")
    assert again["callback_id"] == "case:close"
    assert (await bot.slack.submit(SANNE, {"close_text": "Dubbel gemeld"})).ok
    await bot.card("paspoort", "Gesloten", "Dubbel gemeld")
