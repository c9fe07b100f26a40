"""A server that ignores the key of a reply: after a crash or a lost answer the reply is published once, or we ask."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.models import Reply, ReplyStatus
from bot.outgoing import outbox
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids
from jobs import poll, sweep
from tests.conftest import SANNE, Bot, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.connectors.mastodon.snac import Snac
from tests.fakes.between import ANY
from tests.faults.processes import looking_on, running, time_passes
from tests.people import answer, connect

STATUSES = "/api/v1/statuses"
SEND = ("POST", STATUSES)


@pytest.fixture
async def snac(mastodon: FakeMastodon) -> AsyncIterator[Snac]:
    async with Snac(mastodon.base_url) as server:
        yield server


def published(mastodon: FakeMastodon) -> list[str]:
    return [mastodon.as_team("GET", f"{STATUSES}/{s['id']}/source")["text"] for s in mastodon.statuses_by_team()]


async def asked(bot: Bot, mastodon: FakeMastodon, snac: Snac) -> tuple[int, dict[str, Any]]:
    """Let a citizen ask something; returns our account and the card."""
    account_id = await connect(bot, snac.url)
    mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
    await poll.poll_due(bot.desk)
    return account_id, await bot.card("vuilniswagen")


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "never arrived"])
async def test_killed_while_sending_the_reply_is_looked_up_at_once(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, snac: Snac, tmp_path: Path, arrives: bool
) -> None:
    async with looking_on(database_url, slack, snac.url) as bot:
        mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
        async with snac.holding(*SEND, passed_on=arrives) as caught, running(bot, tmp_path):
            card = await bot.slack.wait_for(lambda: bot.card_now("vuilniswagen"))
            await answer(bot, SANNE, card, "Donderdag, Jan!")
            await caught()
        await time_passes(bot, minutes=5)
        async with running(bot, tmp_path):
            await bot.slack.wait_for(lambda: bot.card_now("*Beantwoord*"))
        assert published(mastodon) == ["@jan Donderdag, Jan! ^SB"]
        assert snac.requests.count(SEND) == (1 if arrives else 2)


async def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(
    bot: Bot, mastodon: FakeMastodon, snac: Snac
) -> None:
    _, card = await asked(bot, mastodon, snac)
    snac.loses = 1
    await answer(bot, SANNE, card, "Donderdag, Jan!")
    await bot.card("Wordt verstuurd", "504")
    bot.clock.advance(minutes=2)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert published(mastodon) == ["@jan Donderdag, Jan! ^SB"]


async def test_a_reply_that_the_server_publishes_late_is_not_sent_again(
    bot: Bot, mastodon: FakeMastodon, snac: Snac
) -> None:
    """We no longer wait for its answer, and the reply is not there yet when we look."""
    account_id, card = await asked(bot, mastodon, snac)
    snac.is_slow = True
    await answer(bot, SANNE, card, "Donderdag, Jan!")
    await bot.card("Wordt verstuurd", "504")
    bot.clock.advance(minutes=1)
    await outbox.drain(bot.desk, str(account_id))
    await bot.card("Wordt verstuurd", "nog bezig")
    await snac.arrive()
    snac.is_slow = False
    bot.clock.advance(minutes=5)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert published(mastodon) == ["@jan Donderdag, Jan! ^SB"]
    assert snac.requests.count(SEND) == 1


async def test_a_process_that_hung_while_it_looked_does_not_send_what_another_sent_by_then(
    bot: Bot, mastodon: FakeMastodon, snac: Snac
) -> None:
    account_id, card = await asked(bot, mastodon, snac)
    async with snac.holding(*SEND, passed_on=False) as caught:
        await answer(bot, SANNE, card, "Donderdag, Jan!")
        await caught()
    await bot.card("Wordt verstuurd", "nog niet zeker")
    bot.clock.advance(minutes=5)
    async with snac.holding("GET", ANY, passed_on=True, skip=2) as caught, second_desk(bot) as other:
        hangs = asyncio.create_task(outbox.drain(bot.desk, str(account_id)))
        await caught()
        bot.clock.advance(minutes=2)
        await outbox.drain(other, str(account_id))
        assert published(mastodon) == ["@jan Donderdag, Jan! ^SB"]
    await hangs
    await bot.card("*Beantwoord*")
    assert published(mastodon) == ["@jan Donderdag, Jan! ^SB"]


async def test_a_private_reply_that_never_arrived_is_asked_about(
    sqlite_url: str, slack: Sandbox, mastodon: FakeMastodon, snac: Snac, tmp_path: Path
) -> None:
    """What the server does not show may be there all the same: private posts stand in no list."""
    async with looking_on(sqlite_url, slack, snac.url) as bot:
        mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?", visibility="direct")
        async with snac.holding(*SEND, passed_on=False) as caught, running(bot, tmp_path):
            card = await bot.slack.wait_for(lambda: bot.card_now("vuilniswagen"))
            await answer(bot, SANNE, card, "Donderdag, Jan!")
            await caught()
        await time_passes(bot, minutes=5)
        async with running(bot, tmp_path):
            asked = await bot.slack.wait_for(lambda: bot.card_now("Misschien verstuurd", SANNE))
        assert {"case:settle_sent", "case:settle_absent"} <= set(action_ids(asked))
        assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.UNCERTAIN]
        assert published(mastodon) == []
        assert snac.requests.count(SEND) == 1
