"""A reply that does not succeed is tried again, later each time, whatever the server asks."""

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.models import Account, Reply, ReplyStatus
from bot.outgoing import outbox
from jobs import poll, sweep
from tests.conftest import SANNE, Bot, account_of, eventually
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import answer, connect

STATUSES = "/api/v1/statuses"


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        (STATUSES, {"effect": "ratelimit", "headers": {"Retry-After": "0", "X-RateLimit-Reset": ""}}),
        (STATUSES, {"effect": "ratelimit", "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}}),
        (STATUSES, {"effect": "ratelimit", "headers": {"X-RateLimit-Reset": "2000-01-01T00:00:00Z"}}),
        (STATUSES, {"effect": "status", "status": 503}),
        (f"{STATUSES}/*", {"effect": "status", "status": 503}),  # surely not sent: what it answers cannot be read
    ],
    ids=["Retry-After: 0", "a moment in the past", "a reset in the past", "perhaps sent", "surely not sent"],
)
async def test_each_wait_is_longer_than_the_one_before(
    bot: Bot, mastodon: FakeMastodon, path: str, fault: dict[str, Any]
) -> None:
    account_id = await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
    await poll.poll_due(bot.desk)
    card = await bot.card("vuilniswagen")
    mastodon.fault(path, method="POST" if path == STATUSES else "GET", **fault)
    await answer(bot, SANNE, card, "Donderdag, Jan!")

    async def is_put_off() -> bool:
        return [reply.delays for reply in await bot.rows(Reply)] == [1]

    await eventually(is_put_off)
    least, tried = {2: 30, 3: 60, 4: 120, 5: 240, 6: 480, 7: 600, 8: 600}, 1
    while tried < max(least):
        bot.clock.advance(minutes=15)
        before = bot.desk.now()
        due = await outbox.drain(bot.desk, str(account_id))
        [reply] = await bot.rows(Reply)
        if reply.delays > tried:  # else the desk's own lane had it just then
            assert due is not None and due - before >= timedelta(seconds=least[reply.delays])
        tried = reply.delays
    mastodon.clear_faults()
    bot.clock.advance(minutes=15)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]
    assert len(mastodon.statuses_by_team()) == 1


async def test_a_callback_gets_the_same_bytes_and_the_same_id_at_every_attempt(sqlite_bot: Bot) -> None:
    """It may compare them: after an attempt that may have arrived, after one that surely did not, and after days."""
    bot, came = sqlite_bot, list[tuple[str, bytes]]()
    statuses = [503, 429, 500, 200]

    async def take(request: web.Request) -> web.Response:
        came.append((request.headers["webhook-id"], await request.read()))
        return web.json_response({}, status=statuses[len(came) - 1])

    platform = web.Application()
    platform.router.add_post("/replies", take)
    async with TestServer(platform) as server:
        async with bot.desk.session() as session:
            account = await session.get_one(Account, (await account_of(bot)).id)
            account.options = {**account.options, "callback_url": str(server.make_url("/replies"))}
            session.add(account)
        bot.citizen_posts("Wanneer?")
        await answer(bot, SANNE, await bot.card("Wanneer?"), "Donderdag, Fatima!")
        for attempts in (1, 2, 3):

            async def is_put_off(times: int = attempts) -> bool:
                return [reply.delays for reply in await bot.rows(Reply)] == [times]

            await eventually(is_put_off)
            bot.clock.advance(hours=1)
            await sweep(bot.desk)
        await bot.card("*Beantwoord*")
    assert len(came) == len(statuses)
    assert len(set(came)) == 1
