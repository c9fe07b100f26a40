"""Asking the platforms on the clock: nothing is missed, nothing comes in twice, and no account holds up another."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bot import accounts
from bot.desk import Desk
from bot.models import Account, Event, Mention, Message
from bot.sandbox.app import Sandbox
from jobs import check, poll, sweep
from tests.conftest import SANNE, Bot, account_of, eventually, running_bot, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.connectors.mastodon.snac import Snac
from tests.fakes.between import Between
from tests.people import ACCOUNT, answer, connect, refusing, set_sealed

NOTIFICATIONS = "/api/v1/notifications"
FETCH = ("GET", NOTIFICATIONS)


async def polled(bot: Bot) -> Account:
    """Let the clock tick, and return the account once all that was due has been asked."""
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return await account_of(bot, ACCOUNT)


async def written(bot: Bot) -> list[str]:
    return [mention.text for mention in await bot.rows(Mention)]


@pytest.mark.logs("reading an account failed")
async def test_the_cursor_moves_only_with_the_posts(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    """A page that cannot be stored is read again at the next tick."""
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", "@gemeente Eerst")
    before = (await polled(bot)).cursor
    assert before
    async with refusing(bot, "INSERT ON mentions"):
        mastodon.post_as("jan", "@gemeente Daarna")
        assert (await polled(bot)).cursor == before
        assert await written(bot) == ["@gemeente Eerst"]
    assert (await polled(bot)).cursor != before
    assert await written(bot) == ["@gemeente Eerst", "@gemeente Daarna"]


@pytest.mark.logs("a page was refused by the database")
async def test_a_post_that_the_database_refuses_keeps_no_other_out_and_comes_in_cut(
    database_url: str, slack: Sandbox
) -> None:
    """PostgreSQL refuses it with the same kind of error as when it cannot be reached."""
    large = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=6_000))
    words, moment = {"Brug dicht": "", "Te groot": large, "Weg open": ""}, datetime.now(UTC) - timedelta(hours=1)

    async def answer_with(_: web.Request) -> web.Response:
        at = format_datetime(moment)
        items = "".join(
            f"<item><title>{title}</title><description>{more}</description><pubDate>{at}</pubDate></item>"
            for title, more in words.items()
        )
        return web.Response(text=f'<rss version="2.0"><channel>{items}</channel></rss>', content_type="text/xml")

    app = web.Application()
    app.router.add_get("/rss", answer_with)
    async with TestServer(app) as server, running_bot(database_url, slack) as bot:
        async with bot.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE INDEX narrow ON mentions (text)")
        async with bot.desk.session() as session:
            await accounts.add(
                session, bot.desk.settings, platform="feed", name=ACCOUNT, url=str(server.make_url("/rss")),
                secrets={}, options={}, now=bot.desk.now() - timedelta(days=1),
            )  # fmt: skip
        account = await polled(bot)
        assert sorted(text[:8] for text in await written(bot)) == ["Brug dic", "Te groot", "Weg open"]
        assert (account.problem, bool(account.cursor)) == (None, True)
        await polled(bot)
        assert len(await bot.rows(Mention)) == 3
        words["Weg open"], moment = large[::-1], moment + timedelta(minutes=30)
        await polled(bot)
        [edited] = [each for each in await bot.rows(Mention) if each.text.startswith("Weg open")]
        assert large[:-50:-1] in edited.text
        assert [each["kind"] for each in edited.media] == ["unsupported"] * database_url.startswith("postgresql")


async def test_the_same_page_again_stores_nothing_twice(bot: Bot, mastodon: FakeMastodon) -> None:
    await connect(bot, mastodon.base_url)
    first = mastodon.post_as("jan", "@gemeente Eerst")
    mastodon.post_as("jan", "@gemeente Verder", in_reply_to=first["id"])
    mastodon.post_as("piet", "@gemeente Iets anders")
    await polled(bot)
    tables = (Mention, Message, Event)
    before = [len(await bot.rows(table)) for table in tables]
    async with bot.desk.session() as session:
        account = await session.get_one(Account, (await account_of(bot, ACCOUNT)).id)
        account.cursor = {}
    await polled(bot)
    assert [len(await bot.rows(table)) for table in tables] == before
    assert before[0] == 3
    await bot.card("Iets anders")
    await bot.card("Verder")
    assert len(bot.cards()) == 2


async def test_all_pages_are_read_in_order(sqlite_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between) -> None:
    bot = sqlite_bot
    await connect(bot, to_mastodon.url)
    await polled(bot)
    posts = [mastodon.post_as("jan", f"@gemeente Vraag {number}") for number in range(90)]
    asked = to_mastodon.requests.count(FETCH)
    await polled(bot)
    assert to_mastodon.requests.count(FETCH) >= asked + 2
    assert [m.external_id for m in await bot.rows(Mention)] == [p["id"] for p in posts]


@pytest.mark.parametrize("days", [999_999, 99_999_999_999])
async def test_an_account_that_takes_in_what_was_written_before_any_date_reads_all(
    sqlite_bot: Bot, mastodon: FakeMastodon, days: int
) -> None:
    mastodon.post_as("jan", "@gemeente Al eerder gevraagd")
    await connect(sqlite_bot, mastodon.base_url, since_days=days)
    await poll.poll_due(sqlite_bot.desk)
    await sqlite_bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert [mention.text for mention in await sqlite_bot.rows(Mention)] == ["@gemeente Al eerder gevraagd"]
    assert (await account_of(sqlite_bot, ACCOUNT)).problem is None


async def test_an_account_that_does_not_answer_holds_up_no_other(
    sqlite_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    bot = sqlite_bot
    await connect(bot, to_mastodon.url, name="traag")
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", "@gemeente Wie is er?")
    async with to_mastodon.holding(*FETCH, passed_on=True) as caught:
        await poll.poll_due(bot.desk)
        await caught()
        await bot.card("Wie is er?")
        assert len(await bot.rows(Mention)) == 1
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(await bot.rows(Mention)) == 2


@pytest.mark.logs("reading an account failed")
async def test_an_account_whose_token_cannot_be_read_holds_up_no_other(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url, name="kapot")
    await connect(bot, mastodon.base_url)
    await set_sealed(bot, "kapot")
    mastodon.post_as("jan", "@gemeente Wie is er?")
    await polled(bot)
    assert await written(bot) == ["@gemeente Wie is er?"]


async def test_a_platform_that_asks_to_wait_is_left_alone_until_then(
    sqlite_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    bot = sqlite_bot
    await connect(bot, to_mastodon.url)
    mastodon.post_as("jan", "@gemeente Druk?")
    wait = {"Retry-After": "120", "X-RateLimit-Reset": "2000-01-01T00:00:00Z"}
    mastodon.fault(NOTIFICATIONS, "ratelimit", count=1, headers=wait)
    account = await polled(bot)
    assert account.poll_after is not None
    assert timedelta(seconds=100) < account.poll_after - bot.clock() <= timedelta(seconds=120)
    assert account.problem is None
    asked = list(to_mastodon.requests)
    await polled(bot)
    assert to_mastodon.requests == asked
    bot.clock.advance(seconds=121)
    account = await polled(bot)
    assert (account.poll_after, account.problem) == (None, None)
    assert await written(bot) == ["@gemeente Druk?"]


async def test_an_account_recovers_by_itself(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", "@gemeente Storing?")
    mastodon.fault(NOTIFICATIONS, "status", status=503, count=2)
    for _ in range(2):
        account = await polled(bot)
        assert account.problem is not None
        assert account.stopped_at is None
    account = await polled(bot)
    assert (account.problem, account.polled_at is not None) == (None, True)
    assert await written(bot) == ["@gemeente Storing?"]


async def test_the_log_says_once_why_an_account_is_not_read(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = sqlite_bot
    account_id = await connect(bot, mastodon.base_url)
    with capture_logs() as lines:
        for status in (503, 503, 502, 0, 503):
            if status:
                mastodon.fault(NOTIFICATIONS, "status", status=status, count=1)
            await polled(bot)
    failed = [line for line in lines if line["event"] == "polling an account failed"]
    assert [(line["log_level"], line["status"]) for line in failed] == [
        ("warning", 503), ("debug", 503), ("warning", 502), ("warning", 503)
    ]  # fmt: skip
    assert {(line["account"], line["verdict"], line["reason"]) for line in failed} == {
        (account_id, "OutcomeUnknown", "{host} has a fault (HTTP {status}).")
    }, "no word of the platform's"


async def test_the_log_says_once_that_a_part_of_an_account_is_not_read_and_once_that_it_is_again(
    sqlite_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = sqlite_bot
    account_id = await connect(bot, mastodon.base_url, hashtags=["sluis"])
    with capture_logs() as lines:
        for status in (503, 503, 0, 0, 503):
            if status:
                mastodon.fault("/api/v1/timelines/tag/*", "status", status=status, count=1)
            await polled(bot)
    told = [
        (line["event"], line["account"]) for line in lines if "part" in line["event"] and line["log_level"] != "debug"
    ]
    not_read, again = ("part not read", account_id), ("all parts are read again", account_id)
    assert told == [not_read, again, not_read]


async def test_the_log_says_once_that_a_platform_asks_an_account_to_wait(
    sqlite_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    with capture_logs() as lines:
        for status in (429, 429, 503, 429, 0, 429):
            bot.clock.advance(minutes=30)
            if status:
                mastodon.fault(NOTIFICATIONS, "status", status=status, count=1)
            await polled(bot)
    failed = [line for line in lines if line["event"] == "polling an account failed"]
    assert [(line["log_level"], line["verdict"]) for line in failed] == [
        ("warning", "RateLimited"), ("debug", "RateLimited"), ("warning", "OutcomeUnknown"), ("debug", "RateLimited"),
        ("warning", "RateLimited"),
    ]  # fmt: skip


@pytest.mark.parametrize("failing", [False, True], ids=["the answer is good", "the answer is a fault"])
async def test_an_account_stopped_by_hand_while_it_is_asked_stays_so(
    sqlite_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between, failing: bool
) -> None:
    bot = sqlite_bot
    account_id = await connect(bot, to_mastodon.url)
    if failing:
        mastodon.fault(NOTIFICATIONS, "status", status=503)
    async with to_mastodon.holding(*FETCH, passed_on=True) as caught:
        await poll.poll_due(bot.desk)
        await caught()
        async with bot.desk.session() as session:
            accounts.stop(session, await session.get_one(Account, account_id), bot.desk.now())
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert (await account_of(bot, ACCOUNT)).is_stopped_by_hand


async def test_an_account_stopped_by_hand_while_it_is_checked_stays_so(
    sqlite_bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    bot = sqlite_bot
    account_id = await connect(bot, to_mastodon.url)
    mastodon.fault("/api/v2/instance", "status", status=503)
    async with to_mastodon.holding("GET", "/api/v2/instance", passed_on=True) as caught:
        checking = asyncio.create_task(check.check_accounts(bot.desk))
        await caught()
        async with bot.desk.session() as session:
            accounts.stop(session, await session.get_one(Account, account_id), bot.desk.now())
    await checking
    assert (await account_of(bot, ACCOUNT)).is_stopped_by_hand


async def test_edits_and_removals_of_open_posts_are_mirrored_once(bot: Bot, mastodon: FakeMastodon) -> None:
    await connect(bot, mastodon.base_url)
    edited, gone = (mastodon.post_as("jan", f"@gemeente {words}") for words in ("De brug is dicht", "Laat maar"))
    await polled(bot)
    mastodon.edit("jan", edited["id"], "@gemeente De brug is open")
    mastodon.delete("jan", gone["id"])
    for _ in range(3):
        await polled(bot)
    kinds = [event.kind for event in await bot.rows(Event)]
    assert (kinds.count("mention_edited"), kinds.count("mention_gone")) == (1, 1)
    await bot.card("De brug is open", "bewerkt")
    await bot.card("Laat maar", "verwijderd")


async def test_what_we_wrote_ourselves_is_no_mention(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url, hashtags=["voorbeeldstad"])
    mastodon.as_team("POST", "/api/v1/statuses", json={"status": "@gemeente Vandaag open #voorbeeldstad"})
    mastodon.post_as("jan", "Mooi! #voorbeeldstad")
    await polled(bot)
    assert await written(bot) == ["Mooi! #voorbeeldstad"]


@pytest.fixture
async def second(bot: Bot) -> AsyncIterator[Desk]:
    async with second_desk(bot) as desk:
        yield desk


async def test_two_processes_that_ask_at_once_store_each_mention_once(
    bot: Bot, second: Desk, slack: Sandbox, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    """The first has an old page in its hands while the second has long stored it, and more."""
    account_id = await connect(bot, to_mastodon.url)
    for number in range(5):
        mastodon.post_as(f"citizen{number}", f"@gemeente Vraag {number}")
    async with to_mastodon.holding(*FETCH, passed_on=True) as caught:
        await poll.poll_due(bot.desk)
        await caught()
        mastodon.post_as("jan", "@gemeente Vraag 5")
        await poll.poll(second, str(account_id))
        assert len(await bot.rows(Mention)) == 6
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    mastodon.post_as("jan", "@gemeente Vraag 6")
    await both_ask(bot, second, account_id)
    assert sorted(await written(bot)) == [f"@gemeente Vraag {number}" for number in range(7)]
    await sweep(bot.desk)
    await eventually(lambda: all_shown(bot))
    assert len(bot.cards()) == 7


async def both_ask(bot: Bot, second: Desk, account_id: int) -> None:
    bot.desk.wake(f"poll:{account_id}")
    second.wake(f"poll:{account_id}")
    for desk in (bot.desk, second):
        await desk.wake.idle()  # type: ignore[attr-defined]


async def all_shown(bot: Bot) -> bool:
    messages: list[Any] = await bot.rows(Message)
    return all(message.shown_version == message.version for message in messages)


async def test_a_removed_post_of_a_server_that_answers_in_html_does_not_hold_up_the_others(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    """snac answers a removed post with a web page; what became of the others is shown all the same."""
    async with Snac(mastodon.base_url) as snac:
        await connect(bot, snac.url)
        removed = mastodon.post_as("jan", "@gemeente De lamp is stuk")
        edited = mastodon.post_as("piet", "@gemeente De brug is stuk")
        await polled(bot)  # to its end: it rechecks the posts last, and would see the removal while Sanne answers
        card = await bot.card("De lamp is stuk")
        await bot.card("De brug is stuk")
        mastodon.delete("jan", removed["id"])
        mastodon.edit("piet", edited["id"], "@gemeente De brug doet het weer")
        await answer(bot, SANNE, card, "Vandaag gemaakt!")
        await bot.card("De lamp is stuk", "Niet verstuurd")
        await poll.poll_due(bot.desk)
        await bot.card("De brug doet het weer")
        await bot.card("De lamp is stuk", "niet meer te zien")
        assert mastodon.statuses_by_team() == []
