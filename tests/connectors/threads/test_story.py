"""The main job on Threads, end to end: asked for, answered in Slack, the answer is there once, the token lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts
from bot.accounts import seal
from bot.connectors import own_secrets
from bot.connectors.threads.server import Token
from bot.domain.mention import Act
from bot.models import Account, ActStatus, Author, Mention, Reply, ReplyStatus
from bot.models import Act as ActRow
from bot.sandbox.slack.inspection import text_of
from jobs import check
from tests import people
from tests.acting import approve
from tests.conftest import SANNE, SECRET_KEY, Bot, account_of
from tests.connectors.threads.fake import LASTS, SECRETS, TOKEN, FakeThreads
from tests.people import answer, polled, sent_out


@pytest.fixture
async def server() -> AsyncIterator[FakeThreads]:
    async with FakeThreads() as one:
        yield one


async def connected(bot: Bot, server: FakeThreads) -> Bot:
    """Add the team's account to the bot, and check it."""
    now = bot.desk.now()
    server.clock = bot.desk.now
    server.tokens, server.made_at = {TOKEN: now + LASTS}, {TOKEN: now - timedelta(days=2)}
    return await people.connected(bot, "threads", server.url, SECRETS)


@pytest.fixture
async def on_threads(bot: Bot, server: FakeThreads) -> Bot:
    """The bot on each database, with the team's account."""
    return await connected(bot, server)


async def test_a_reply_and_a_mention_are_cards_and_an_answer_is_below_the_reply(
    on_threads: Bot, server: FakeThreads
) -> None:
    bot = on_threads
    asked = server.reply("jan", "Wanneer wordt de <container> geleegd?")
    named = server.name("els", "@gemeente de lamp is stuk")
    await polled(bot)
    await bot.card("lamp is stuk", "Nieuw", "Threads")
    card = await bot.card("container", "Nieuw", "🧵")
    await answer(bot, SANNE, card, "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB", "bekijk het antwoord")
    assert [(each.text, each.parent) for each in server.things.values() if each.text.endswith("^SB")] == [
        ("Donderdag! ^SB", asked)
    ]
    await polled(bot)  # our own answer is no case
    assert {mention.external_id for mention in await bot.rows(Mention)} == {asked, named}


async def test_a_reply_is_hidden_and_our_answer_removed(on_threads: Bot, server: FakeThreads) -> None:
    bot = on_threads
    asked = server.reply("jan", "Wanneer wordt de container geleegd?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("container", "Nieuw"), "Donderdag!")
    await bot.card("*Beantwoord*")
    await approve(bot, Act.HIDE)
    await approve(bot, Act.DELETE, reply_id=1)
    await sent_out(bot)
    assert (server.things[asked].more["hide_status"], server.ours()) == ("HIDDEN", [])
    assert {act.status for act in await bot.rows(ActRow)} == {ActStatus.DONE}
    await bot.card("*Beantwoord*", "ons antwoord is verwijderd")


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_an_answer_whose_outcome_was_lost_is_there_once(
    sqlite_bot: Bot, server: FakeThreads, taken: bool
) -> None:
    bot = await connected(sqlite_bot, server)
    server.reply("jan", "Wie belt mij terug?")
    await polled(bot)
    server.fail("/v1.0/me/threads_publish", method="POST", status=0, done=taken)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.")
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    assert server.ours() == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_answers_over_those_of_a_day_go_out_when_there_is_room(sqlite_bot: Bot, server: FakeThreads) -> None:
    bot = await connected(sqlite_bot, server)
    server.reply("jan", "Wie belt mij terug?")
    await polled(bot)
    server.quotas["reply"] = (1000, 1000)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.")
    await sent_out(bot)
    assert server.ours() == []
    server.quotas["reply"] = (0, 1000)
    bot.clock.advance(minutes=61)
    await sent_out(bot)
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    assert server.ours() == ["Wij bellen u. ^SB"]


async def test_the_token_is_renewed_in_time_for_as_long_as_the_bot_runs(on_threads: Bot, server: FakeThreads) -> None:
    bot = on_threads
    for _ in range(20):
        bot.clock.advance(days=10)
        await check.check_accounts(bot.desk)
    row = await account_of(bot, "gemeente")
    assert (row.stopped_at, row.problem) == (None, None)
    assert row.token_ends_at is not None
    assert row.token_ends_at - bot.desk.now() > timedelta(days=20)
    assert len(server.tokens) > 3
    server.reply("jan", "Wanneer wordt de container geleegd?")
    await polled(bot)
    await bot.card("container", "Nieuw")


@pytest.mark.parametrize("what", ["renewed", "removed"])
async def test_what_people_do_while_a_token_is_exchanged_counts_whenever_they_do_it(
    on_threads: Bot, server: FakeThreads, what: str
) -> None:
    """Between any two transactions of the check that exchanges it."""
    bot, given, moments = on_threads, {"token": "THQWJgiven"}, 0
    before, account = 0, await account_of(bot, "gemeente")
    bot.clock.advance(days=40)
    server.tokens = {TOKEN: bot.desk.now() + timedelta(days=20), given["token"]: bot.desk.now() + LASTS}
    async with bot.desk.session() as session:
        session.add(Author(account_id=account.id, external_id="1", name="Jan"))

    @asynccontextmanager
    async def opened(**options: bool) -> AsyncIterator[AsyncSession]:
        nonlocal moments
        moments += 1
        if moments == before:
            async with bot.desk.session() as session:
                row = await session.get_one(Account, account.id)
                if what == "renewed":
                    accounts.renew(session, row, given, bot.desk.settings, bot.desk.now())
                else:
                    assert not await accounts.remove(session, row, bot.desk.now())
        async with bot.desk.session(**options) as session:
            yield session

    counts = Token(given["token"], "", own_secrets.fingerprint(given["token"])) if what == "renewed" else None
    for before in range(2, 5):  # the first one is when it is read
        moments = 0
        await people.set_sealed(bot, "gemeente", seal.seal(SECRETS, SECRET_KEY))
        connector = accounts.connector_of(bot.desk.settings, bot.desk.http, bot.desk.now, opened)
        await accounts.health(connector(await account_of(bot, "gemeente")))
        stored = accounts.opened(await account_of(bot, "gemeente"), bot.desk.settings).secrets
        assert moments >= before
        assert (Token.stored(stored) if stored else None) == counts, before


async def test_a_token_that_was_withdrawn_stops_the_account_and_tells_the_team(
    sqlite_bot: Bot, server: FakeThreads
) -> None:
    bot = await connected(sqlite_bot, server)
    server.tokens.clear()
    await polled(bot)
    assert (await account_of(bot, "gemeente")).stopped_at is not None
    told_team = text_of(await bot.card("gemeente", "Error validating access token"))
    assert TOKEN not in told_team
