"""What is wrong with an account: its team hears of it once, and once more when it is over."""

import asyncio
import json
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from sqlalchemy import event, insert
from structlog.testing import capture_logs

import jobs
from bot import accounts
from bot.accounts.troubles import known
from bot.cases import inbox
from bot.connectors.base import Health
from bot.domain.budget import Budget
from bot.domain.mention import Author, Post
from bot.domain.text import text
from bot.figures.standing import standing
from bot.models import Account, Mention, Team
from bot.outgoing.outcomes import stop_account
from bot.sandbox.slack.inspection import text_of
from jobs import account_troubles, check, poll, sweep
from tests import people
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, Bot, account_of, eventually
from tests.connectors.facebook.fake import OPTIONS, PAGE, SECRETS, FakeFacebook
from tests.connectors.mastodon.fake import FakeMastodon
from tests.connectors.whatsapp import fake as numbers
from tests.connectors.whatsapp.fake import FakeWhatsApp
from tests.people import (
    ACCOUNT,
    answer,
    connect,
    connected,
    mention,
    refusing,
    second_team,
    sent_out,
    set_sealed,
    signed,
    stopped,
)

NOTIFICATIONS = "/api/v1/notifications"
REFUSED = '{"error": {"message": "(#200) Missing Permissions", "code": 200}}'
FULL = text("Its disk is full.")


async def looked(bot: Bot) -> list[str]:
    """Let the minute's job run in two processes at once; return what the channel shows, oldest first."""
    await asyncio.gather(*(account_troubles.look_after(bot.desk) for _ in range(2)))
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return shown(bot)


def shown(bot: Bot) -> list[str]:
    return [text_of(message) for message in bot.slack.messages(CHANNEL)]


async def polled(bot: Bot) -> Account:
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return await account_of(bot, ACCOUNT)


async def troubles(bot: Bot) -> int:
    """How many troubles are known now."""
    async with bot.desk.reading() as session:
        return len(await known(session))


async def health(bot: Bot, name: str) -> dict[str, Any]:
    """What /health says of an account."""
    async with ClientSession() as session, session.get(f"{bot.url}/health") as answer:
        return next(each for each in (await answer.json())["accounts"] if each["name"] == name)


def text_in_zone(bot: Bot, moment: datetime | None) -> str:
    """A moment as the team reads it."""
    assert moment is not None
    return bot.desk.texts().when(moment, bot.desk.now())


async def set_problem(bot: Bot, problem: dict[str, Any] | None) -> None:
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.problem = problem
        session.add(account)


async def test_a_failure_that_lasts_is_told_once_and_once_more_when_it_is_over(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "status", status=503, count=3)
    assert (await polled(bot)).problem
    assert await looked(bot) == []
    assert (await health(bot, ACCOUNT))["state"] == "failing"
    bot.clock.advance(minutes=16)
    await polled(bot)
    for _ in range(2):
        [told] = await looked(bot)
        assert ACCOUNT in told and "werkt niet sinds" in told
    bot.clock.advance(minutes=1)
    await polled(bot)
    assert len(await looked(bot)) == 1
    bot.clock.advance(minutes=1)
    assert (await polled(bot)).problem is None
    for _ in range(2):
        before, news = await looked(bot)
        assert "werkte" in before and "niet sinds" not in before
        assert "✅" in news and "werkt weer" in news
    assert await troubles(bot) == 0
    assert (await health(bot, ACCOUNT))["state"] == "ok"


@pytest.mark.logs("reading an account failed")
async def test_a_fault_of_ours_that_keeps_us_from_reading_an_account_is_told_like_any_other(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    await connect(bot, mastodon.base_url)
    await polled(bot)
    right = await set_sealed(bot, ACCOUNT)
    assert (await polled(bot)).problem
    assert await looked(bot) == []
    bot.clock.advance(minutes=16)
    await polled(bot)
    [told] = await looked(bot)
    assert ACCOUNT in told and "werkt niet sinds" in told
    assert "Een onverwachte fout aan onze kant. De referentie staat in het log." in told
    await set_sealed(bot, ACCOUNT, right)
    assert (await polled(bot)).problem is None
    _, news = await looked(bot)
    assert "werkt weer" in news


async def test_an_account_whose_platform_is_not_installed_any_more_is_told_like_any_other(bot: Bot) -> None:
    async def of_platform(name: str) -> None:
        async with bot.desk.session() as session:
            (await session.get_one(Account, 1)).platform = name

    await of_platform("forum")
    await check.check_accounts(bot.desk)
    assert await looked(bot) == []
    bot.clock.advance(minutes=16)
    await check.check_failing(bot.desk)
    [told] = await looked(bot)
    assert "plein" in told and "Het platform forum is hier niet geïnstalleerd." in told
    await of_platform("webhook")
    bot.clock.advance(minutes=16)
    await check.check_failing(bot.desk)
    _, news = await looked(bot)
    assert "werkt weer" in news


@pytest.mark.logs("a request failed")
async def test_a_fault_of_ours_that_keeps_us_from_taking_a_call_is_told_when_it_lasts(sqlite_bot: Bot) -> None:
    bot, secret = sqlite_bot, sqlite_bot.slack.square.secret
    async with refusing(bot, "INSERT ON mentions"):
        assert await pushed(bot, secret, text="Wie veegt hier?") == 500
        assert await looked(bot) == []
        bot.clock.advance(minutes=16)
        assert await pushed(bot, secret, text="Wie veegt hier?") == 500
        [told] = await looked(bot)
        assert "Een onverwachte fout aan onze kant" in told
    assert await pushed(bot, secret, text="Wie veegt hier?") == 200
    _, news = [words for words in await looked(bot) if "account" in words]
    assert "werkt weer helemaal" in news


async def test_health_says_when_something_last_came_in_and_how_late(bot: Bot) -> None:
    assert (await health(bot, "plein"))["last_heard"] is None
    async with bot.desk.session() as session:
        written = bot.desk.now() - timedelta(seconds=90)
        await inbox.take_in(session, 1, [Post("p1", Author("jan", "Jan"), "Help!", written)], now=bot.desk.now())
    first = await health(bot, "plein")
    assert first["lag_seconds"] == 90 and first["last_heard"] is not None
    bot.citizen_posts("Nog iets")
    await bot.card("Nog iets")
    assert await health(bot, "plein") == first  # within the minute
    bot.clock.advance(minutes=2)
    bot.citizen_posts("En nog iets")
    await bot.card("En nog iets")
    last = await health(bot, "plein")
    assert last["last_heard"] > first["last_heard"] and last["lag_seconds"] != 90


async def test_a_failure_that_is_over_soon_is_never_told(office: Bot) -> None:
    for _ in range(2):
        await set_problem(office, FULL.to_json())
        assert await looked(office) == []
        office.clock.at += timedelta(minutes=10)  # type: ignore[attr-defined]
        await set_problem(office, None)
        assert await looked(office) == []


async def test_a_stopped_account_that_works_again_is_told_so_and_one_that_people_stop_is_not(office: Bot) -> None:
    bot = office
    async with bot.desk.session() as session:
        await stop_account(session, 1, text("The token was refused."), bot.desk.now())
    [stopped] = await looked(bot)
    assert ("gestopt" in stopped and "Het token is geweigerd" in stopped) or "token" in stopped
    bot.clock.at += timedelta(hours=1)  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        accounts.learned(await session.get_one(Account, 1), Health())
    before, news = await looked(bot)
    assert "was het account" in before and "werkt weer" in news
    async with bot.desk.session() as session:
        accounts.stop(session, await session.get_one(Account, 1), bot.desk.now())
    assert await looked(bot) == [before, news]


async def add_feed(bot: Bot) -> int:
    """Add an account that has no tokens to the team, and return its id."""
    async with bot.desk.session() as session:
        feed = await accounts.add(
            session, bot.desk.settings, platform="feed", name="nieuws", url="https://news.example/rss",
            secrets={}, options={}, now=bot.desk.now(),
        )  # fmt: skip
    return feed.id


async def test_a_stopped_account_without_tokens_is_no_removed_one(office: Bot) -> None:
    """A feed has none, and stops when it is gone for good."""
    bot = office
    feed_id = await add_feed(bot)
    async with bot.desk.session() as session:
        await stop_account(session, feed_id, text("This feed has ended."), bot.desk.now())
    async with bot.desk.reading() as session:
        [trouble] = (await standing(session, await session.get_one(Team, 1), bot.desk.now())).troubles
    assert (trouble.stopped, trouble.problem) == (True, text("This feed has ended.").to_json())


async def test_a_feed_that_people_stopped_is_no_removed_one(office: Bot) -> None:
    bot = office
    feed_id = await add_feed(bot)
    for change, stands in ((accounts.stop, [True]), (accounts.start, []), (accounts.stop, [True])):
        async with bot.desk.session() as session:
            change(session, await session.get_one(Account, feed_id), bot.desk.now())
        assert await stopped_on_home(bot) == stands
    for _ in range(2):
        async with bot.desk.session() as session:
            assert not await accounts.remove(session, await session.get_one(Account, feed_id), bot.desk.now())
        assert await stopped_on_home(bot) == []
        async with bot.desk.session() as session:
            accounts.stop(session, await session.get_one(Account, feed_id), bot.desk.now())
        assert await stopped_on_home(bot) == []


async def stopped_on_home(bot: Bot) -> list[bool]:
    """Of each account with which the Home says that something is wrong, whether it is stopped."""
    async with bot.desk.reading() as session:
        return [
            each.stopped for each in (await standing(session, await session.get_one(Team, 1), bot.desk.now())).troubles
        ]


async def test_a_failure_that_becomes_a_stop_is_told_as_a_stop(office: Bot) -> None:
    bot = office
    await set_problem(bot, FULL.to_json())
    await looked(bot)
    bot.clock.at += timedelta(minutes=20)  # type: ignore[attr-defined]
    assert len(await looked(bot)) == 1
    async with bot.desk.session() as session:
        await stop_account(session, 1, text("The token was refused."), bot.desk.now())
    failed, stopped = await looked(bot)
    assert "werkte" in failed and "gestopt" in stopped


async def test_a_limit_that_is_used_up_is_told_at_once_with_its_end_and_when_it_is_over(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "ratelimit", headers={"Retry-After": "3600", "X-RateLimit-Reset": ""})
    account = await polled(bot)
    assert account.problem is None
    for _ in range(2):
        [told] = await looked(bot)
        assert "limiet" in told and ACCOUNT in told and "Er komen geen nieuwe berichten binnen" in told
        assert text_in_zone(bot, account.poll_after) in told
    shown_by = await health(bot, ACCOUNT)
    assert (shown_by["state"], shown_by["budget"]["answers_again"]) == ("limited", None)
    assert account.poll_after is not None and shown_by["budget"]["reads_again"] == account.poll_after.isoformat()
    async with bot.desk.reading() as session:
        [trouble] = (await standing(session, await session.get_one(Team, 1), bot.desk.now())).troubles
    assert trouble.until == account.poll_after
    bot.clock.advance(minutes=61)
    later = await polled(bot)
    assert later.poll_after is not None and later.poll_after > account.poll_after
    [told] = await looked(bot)
    assert text_in_zone(bot, later.poll_after) in told
    mastodon.clear_faults()
    bot.clock.advance(minutes=61)
    await polled(bot)
    for _ in range(2):
        before, news = await looked(bot)
        assert "Van" in before and "limiet" in before and "werkt weer" in news
    shown_by = await health(bot, ACCOUNT)
    assert (shown_by["state"], shown_by["budget"]["reads_again"]) == ("ok", None)
    assert await troubles(bot) == 0


async def test_a_limit_that_is_free_again_soon_is_never_told(bot: Bot, mastodon: FakeMastodon) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "ratelimit", count=1, headers={"Retry-After": "300", "X-RateLimit-Reset": ""})
    await polled(bot)
    assert await looked(bot) == []
    shown_by = await health(bot, ACCOUNT)
    assert shown_by["state"] == "ok" and shown_by["budget"]["reads_again"] is not None
    bot.clock.advance(minutes=6)
    await polled(bot)
    assert await looked(bot) == []
    assert (await health(bot, ACCOUNT))["budget"]["reads_again"] is None


async def test_short_waits_that_follow_each_other_for_long_are_told(bot: Bot, mastodon: FakeMastodon) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "ratelimit", headers={"Retry-After": "300", "X-RateLimit-Reset": ""})
    told = []
    for _ in range(4):
        await polled(bot)
        told.append(len(await looked(bot)))
        bot.clock.advance(minutes=6)
    assert told == [0, 0, 0, 1]
    mastodon.clear_faults()


async def test_a_page_that_is_read_and_then_rests_long_for_its_limit_is_told(bot: Bot) -> None:
    async with FakeFacebook() as server:
        server.clock = bot.desk.now
        await connected(bot, "facebook", server.url, SECRETS, OPTIONS)
        server.usage = {
            "X-Business-Use-Case-Usage": '{"104": [{"call_count": 100, "estimated_time_to_regain_access": 50}]}'
        }
        account = await polled(bot)
        assert account.problem is None and account.polled_at is not None
        [told] = await looked(bot)
        assert text_in_zone(bot, account.poll_after) in told
        assert (await health(bot, ACCOUNT))["budget"]["used_percent"] == 100
        server.usage = {"X-Business-Use-Case-Usage": '{"104": [{"call_count": 91}]}'}
        bot.clock.advance(minutes=51)
        await polled(bot)
        before, news = await looked(bot)
        assert "limiet" in before and "werkt weer" in news
        assert (await health(bot, ACCOUNT))["budget"]["used_percent"] == 91


async def test_answers_that_wait_for_a_limit_are_told_and_when_one_is_taken_that_is_over(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.post_as("jan", "@gemeente Wanneer komt de bus?")
    await polled(bot)
    await looked(bot)
    mastodon.fault(
        "/api/v1/statuses", "ratelimit", method="POST", headers={"Retry-After": "3600", "X-RateLimit-Reset": ""}
    )
    await answer(bot, SANNE, await bot.card("bus", "Nieuw"), "Om negen uur.")
    await sent_out(bot)
    account = await account_of(bot, ACCOUNT)
    [told] = [words for words in await looked(bot) if "limiet" in words]
    assert "Antwoorden komen niet aan" in told
    shown_by = await health(bot, ACCOUNT)
    assert (shown_by["state"], shown_by["budget"]["reads_again"]) == ("limited", None)
    assert shown_by["budget"]["answers_again"] is not None
    bot.clock.advance(minutes=1)
    await polled(bot)  # reading works, which says nothing of answering
    await looked(bot)
    assert (await health(bot, ACCOUNT))["state"] == "limited"
    mastodon.clear_faults()
    bot.clock.advance(minutes=61)
    await sent_out(bot)
    await bot.card("*Beantwoord*", "Om negen uur.")
    assert any("werkt weer" in words for words in await looked(bot))
    assert (await health(bot, ACCOUNT))["state"] == "ok"
    assert account.problem is None


async def test_a_limit_that_is_used_up_again_after_a_failure_is_told_again(office: Bot) -> None:
    bot = office
    budget = Budget().not_answered(bot.desk.now() + timedelta(hours=9), bot.desk.now()).to_json()
    async with bot.desk.session() as session:
        (await session.get_one(Account, 1)).budget = budget
    told = [len(await looked(bot))]
    for problem in (FULL.to_json(), None):
        await set_problem(bot, problem)
        bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
        told.append(len(await looked(bot)))
    assert told == [1, 1, 2]


async def test_a_platform_that_refuses_a_minute_at_a_time_changes_its_message_once_a_quarter(office: Bot) -> None:
    bot, budget, words = office, Budget(), set[str]()
    for _ in range(45):
        budget = budget.not_answered(bot.desk.now() + timedelta(minutes=1), bot.desk.now())
        async with bot.desk.session() as session:
            (await session.get_one(Account, 1)).budget = budget.to_json()
        words.update(await looked(bot))
        bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    assert len(shown(bot)) == 1
    assert len(words) == 3  # told after 14 minutes, until the 15th; then until the 30th, and the 45th


async def test_a_part_that_cannot_be_read_is_told_when_it_lasts_while_the_rest_comes_in(bot: Bot) -> None:
    async with FakeFacebook() as server:
        server.clock = bot.desk.now
        await connected(bot, "facebook", server.url, SECRETS, OPTIONS)
        server.fail(f"/v26.0/{PAGE}/tagged", status=400, body=REFUSED, count=3)
        assert (await polled(bot)).problem is None
        assert await looked(bot) == []
        assert (await health(bot, "gemeente"))["state"] == "partly"
        bot.clock.advance(minutes=16)
        server.comment("jan", "Wie veegt hier?")
        await polled(bot)
        await bot.card("Wie veegt hier?")
        [told] = [words for words in await looked(bot) if "deel van het account" in words]
        assert "niet sinds" in told and "die de pagina noemen, zijn nu niet te lezen" in told
        async with bot.desk.reading() as session:
            [trouble] = (await standing(session, await session.get_one(Team, 1), bot.desk.now())).troubles
        assert trouble.problem and not trouble.stopped
        for _ in range(3):
            bot.clock.advance(minutes=6)
            await polled(bot)
        before, news = [words for words in await looked(bot) if "account" in words]
        assert "werkte een deel" in before and "werkt weer helemaal" in news
        assert (await health(bot, "gemeente"))["state"] == "ok"


async def test_each_part_that_cannot_be_read_is_told_and_no_longer_once_it_can(bot: Bot) -> None:
    tagged, visitors = "Berichten elders die de pagina noemen", "Berichten van bezoekers"
    right, permission = "pages_read_user_content", "pages_messaging"
    async with FakeFacebook() as server:
        server.clock = bot.desk.now
        await connected(bot, "facebook", server.url, SECRETS, {**OPTIONS, "messages": True})
        with capture_logs() as lines:
            for fails in ({"tagged"}, {"tagged", "visitor_posts"}, {"tagged", "visitor_posts"}, {"visitor_posts"}):
                for each in fails:
                    server.fail(f"/v26.0/{PAGE}/{each}", status=400, body=REFUSED)
                await polled(bot)
                await looked(bot)
                bot.clock.advance(minutes=16)
                [told] = await looked(bot)
                assert [part in told for part in (tagged, visitors)] == [
                    each in fails for each in ("tagged", "visitor_posts")
                ]
        not_read = [line["part"] for line in lines if line["event"] == "part not read" and line["log_level"] != "debug"]
        assert len(not_read) == len(set(not_read)) == 2, "the log says it once of each"
        server.known["scopes"] = [each for each in server.known["scopes"] if each not in {right, permission}]
        server.fail(f"/v26.0/{PAGE}/visitor_posts", status=400, body=REFUSED)
        await check.check_accounts(bot.desk)
        await polled(bot)
        [told] = await looked(bot)
        assert all(each in told for each in (visitors, right, permission))


async def test_what_the_daily_check_finds_is_told_although_each_reading_works(bot: Bot) -> None:
    async with FakeFacebook() as server:
        server.clock = bot.desk.now
        await connected(bot, "facebook", server.url, SECRETS, {**OPTIONS, "messages": True})
        server.known["scopes"].remove("pages_messaging")
        await check.check_accounts(bot.desk)
        for _ in range(4):
            await polled(bot)
            told = await looked(bot)
            bot.clock.advance(minutes=6)
        assert len(told) == 1
        assert "deel van het account" in told[0] and "pages_messaging" in told[0]
        server.known["scopes"].append("pages_messaging")
        await check.check_accounts(bot.desk)
        _before, news = await looked(bot)
        assert "werkt weer helemaal" in news


async def test_an_account_to_which_nothing_is_sent_any_more_is_told_of(bot: Bot) -> None:
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        server.fail(f"/v26.0/{numbers.OPTIONS['business_account_id']}/subscribed_apps", status=400, body=REFUSED)
        await check.check_accounts(bot.desk)
        await looked(bot)
        bot.clock.advance(minutes=16)
        [told] = await looked(bot)
        assert "stuurt ons niet wat nieuw is" in told
        assert (await health(bot, "gemeente"))["state"] == "partly"
        await check.check_accounts(bot.desk)
        _before, news = await looked(bot)
        assert "werkt weer helemaal" in news


async def pushed(bot: Bot, secret: str, **mention: object) -> int:
    """Send a mention as the team's source does, signed with this secret; returns how we answer."""
    body = json.dumps({"id": "1", "author": {"id": "jan"}, **mention})
    sent, headers = BytesIO(body.encode()), signed(secret, body)
    async with ClientSession() as session, session.post(f"{bot.url}/in/plein", data=sent, headers=headers) as answered:
        return answered.status


WRONG_SECRET = "whsec_" + "A" * 32


async def test_that_what_is_sent_to_us_is_refused_is_told_when_it_lasts_and_when_it_is_over(bot: Bot) -> None:
    right, stored = bot.slack.square.secret, list[str]()
    event.listen(bot.engine.sync_engine, "before_cursor_execute", lambda *them: stored.append(them[2]))
    assert [await pushed(bot, WRONG_SECRET, text="Wie veegt hier?") for _ in range(3)] == [401] * 3
    assert sum(each.startswith("UPDATE accounts") for each in stored) == 1, "what is known is not written again"
    assert await looked(bot) == []
    assert (await health(bot, "plein"))["state"] == "partly"
    bot.clock.advance(minutes=16)
    [told] = await looked(bot)
    assert "deel van het account" in told
    assert "Wat ons wordt toegestuurd, wordt geweigerd: webhook-signature past niet bij" in told
    assert await pushed(bot, right, text=["Wie veegt hier?"]) == 400
    [told] = await looked(bot)
    assert "geweigerd: text is geen tekst." in told
    assert "Wie veegt hier?" not in told
    assert await pushed(bot, right, text="Wie veegt hier?" * 400_000) == 413
    assert "groter dan 5 MB" not in str(await looked(bot)), "anybody may call: not each reason is written at once"
    bot.clock.advance(seconds=11)
    assert await pushed(bot, right, text="Wie veegt hier?" * 400_000) == 413
    [told] = await looked(bot)
    assert "groter dan 5 MB" in told
    assert await pushed(bot, right, text="Wie veegt hier?") == 200
    before, news = [words for words in await looked(bot) if "account" in words]
    assert "werkte een deel" in before
    assert "werkt weer helemaal" in news
    await bot.card("Wie veegt hier?")


async def test_that_what_is_sent_to_us_is_refused_for_a_moment_is_never_told(bot: Bot) -> None:
    assert await pushed(bot, WRONG_SECRET, text="Wie veegt hier?") == 401
    await looked(bot)
    assert await pushed(bot, bot.slack.square.secret, text="Wie veegt hier?") == 200
    await bot.card("Wie veegt hier?")
    bot.clock.advance(minutes=16)
    assert [words for words in await looked(bot) if "account" in words] == []


async def test_an_account_that_is_only_sent_to_fails_by_its_check_whatever_else_is_wrong(bot: Bot) -> None:
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        server.number["status"] = "BANNED"
        for refused in (1, 0):
            path = f"/v26.0/{numbers.OPTIONS['business_account_id']}/subscribed_apps"
            server.fail(path, status=400, body=REFUSED, count=refused)
            await check.check_accounts(bot.desk)
            assert (await health(bot, "gemeente"))["state"] == "failing"
        server.number["status"] = "CONNECTED"
        await check.check_accounts(bot.desk)
        assert (await health(bot, "gemeente"))["state"] == "ok"


async def test_all_that_keeps_an_account_from_working_is_told(bot: Bot) -> None:
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        rights = server.known["scopes"]
        server.known["scopes"] = []
        await check.check_accounts(bot.desk)
        await looked(bot)
        bot.clock.advance(minutes=16)
        [told] = await looked(bot)
        assert len(rights) == 2 and all(each in told for each in rights)


async def passes_a_quarter(bot: Bot) -> None:
    """Let a quarter of an hour pass, with all that is done so often, in steps of five minutes."""
    for step in range(3):
        bot.clock.advance(minutes=5)
        for job, seconds in jobs.intervals(bot.desk).items():
            if seconds <= 5 * 60 or (seconds <= 15 * 60 and step == 1):
                await job(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]


def told_of(bot: Bot) -> list[str]:
    """What the team was told of the account, besides the digest, which may come in any quarter."""
    return [words for words in shown(bot) if "gemeente" in words and "Dagoverzicht" not in words]


async def test_a_fault_that_was_over_after_the_check_of_a_day_is_not_told_for_that_day(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        server.fail("/v26.0/debug_token", status=503)
        await check.check_accounts(bot.desk)
        assert (await health(bot, "gemeente"))["state"] == "failing"
        for _ in range(2):
            await passes_a_quarter(bot)
        assert (await health(bot, "gemeente"))["state"] == "ok"
        assert told_of(bot) == []


async def test_a_part_that_failed_only_during_the_check_of_a_day_is_not_told_and_one_that_fails_on_is_told_once(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    async with FakeFacebook() as server:
        server.clock = bot.desk.now
        await connected(bot, "facebook", server.url, SECRETS, OPTIONS)
        for lasts, told in ((False, 0), (True, 1)):
            server.known["scopes"].remove("pages_manage_metadata")
            await check.check_accounts(bot.desk)
            assert (await health(bot, "gemeente"))["state"] == "partly"
            await looked(bot)
            if not lasts:
                server.known["scopes"].append("pages_manage_metadata")
            for _ in range(3):
                await passes_a_quarter(bot)
            assert (await health(bot, "gemeente"))["state"] == ("partly" if lasts else "ok")
            assert len(told_of(bot)) == told


async def test_a_failing_account_is_asked_once_at_the_start_and_not_before_its_platform_wants_that(
    sqlite_bot: Bot,
) -> None:
    bot, asks = sqlite_bot, "GET /v26.0/debug_token"
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        server.fail("/v26.0/debug_token", status=503)
        await check.check_accounts(bot.desk)
        assert (await health(bot, "gemeente"))["state"] == "failing"
        bot.clock.advance(minutes=20)
        server.asked.clear()
        server.fail("/v26.0/debug_token", status=429, headers={"Retry-After": str(2 * 3600)})  # by the world's clock
        await asyncio.gather(check.check_accounts(bot.desk), check.check_failing(bot.desk))
        await check.check_failing(bot.desk)
        assert server.asked.count(asks) == 1
        for minutes, asked in ((90, 1), (11, 2)):
            bot.clock.advance(minutes=minutes)
            await check.check_failing(bot.desk)
            assert server.asked.count(asks) == asked
        assert (await health(bot, "gemeente"))["state"] == "ok"


async def test_a_check_that_its_platform_asked_to_wait_is_made_then_and_not_before(sqlite_bot: Bot) -> None:
    bot, asks = sqlite_bot, "GET /v26.0/debug_token"
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        bot.clock.advance(minutes=20)
        server.asked.clear()
        server.fail("/v26.0/debug_token", status=429, headers={"Retry-After": str(2 * 3600)})  # by the world's clock
        await check.check_accounts(bot.desk)
        await check.check_accounts(bot.desk)  # as at a new start
        await check.check_failing(bot.desk)
        assert server.asked.count(asks) == 1
        for minutes, asked in ((90, 1), (31, 2), (11, 2)):
            bot.clock.advance(minutes=minutes)
            await check.check_failing(bot.desk)
            assert server.asked.count(asks) == asked, minutes
        bot.clock.advance(days=1)
        await check.check_accounts(bot.desk)
        assert server.asked.count(asks) == 3


async def test_a_platform_that_asks_a_check_to_wait_is_not_told_to_fail(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with FakeWhatsApp() as server:
        await connected(bot, "whatsapp", server.url, SECRETS, numbers.OPTIONS)
        server.fail("/v26.0/debug_token", status=429, headers={"Retry-After": "3600"})
        await check.check_accounts(bot.desk)
        assert (await health(bot, "gemeente"))["state"] == "ok"


async def test_an_account_that_still_cannot_be_read_is_not_told_to_work_by_the_check_of_a_day(
    sqlite_bot: Bot, mastodon: FakeMastodon
) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "status", status=503)
    await polled(bot)
    await looked(bot)
    bot.clock.advance(minutes=16)
    [told] = await looked(bot)
    await check.check_accounts(bot.desk)
    assert await looked(bot) == [told]
    assert (await health(bot, ACCOUNT))["state"] == "failing"
    mastodon.clear_faults()


async def test_an_account_that_fails_and_then_must_wait_does_not_work_again(bot: Bot, mastodon: FakeMastodon) -> None:
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "status", status=503, count=1)
    await polled(bot)
    await looked(bot)
    bot.clock.advance(minutes=16)
    [told] = await looked(bot)
    mastodon.fault(NOTIFICATIONS, "ratelimit", headers={"Retry-After": "60", "X-RateLimit-Reset": ""})
    await polled(bot)
    assert await looked(bot) == [told]
    assert (await health(bot, ACCOUNT))["state"] == "failing"
    mastodon.clear_faults()


def entries(reading: int) -> str:
    """A feed that makes new ids at every reading, and says in each entry how often it was read."""
    said = f"<description>{reading} keer gelezen</description>"
    each = (f"<item><title>Bericht {n}</title><guid>{reading}-{n}</guid>{said}</item>" for n in range(4))
    return f"<rss version='2.0'><channel><title>Nieuws</title>{''.join(each)}</channel></rss>"


async def test_that_a_feed_is_held_that_brings_the_same_again_and_again_is_told_to_its_team_once(bot: Bot) -> None:
    read = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal read
        read += 1
        return web.Response(text=entries(read), content_type="application/rss+xml")

    site = web.Application()
    site.router.add_get("/feed", answer)
    async with TestServer(site) as server:
        await connected(bot, "feed", str(server.make_url("/feed")), {})

        async def is_held() -> bool:
            await people.polled(bot)
            return (await account_of(bot, "gemeente")).stopped_at is not None

        await eventually(is_held)
        await bot.slack.wait_for(lambda: [words for words in shown(bot) if "alsof ze nieuw zijn" in words])
        before = read
        await people.polled(bot)
        await looked(bot)
    assert read == before
    assert len([words for words in shown(bot) if "alsof ze nieuw zijn" in words]) == 1
    assert (await health(bot, "gemeente"))["state"] == "stopped"


async def heard(bot: Bot, *moments: str, account_id: int = 1) -> None:
    """Let mentions have come in at these hours, without more of them than the row that says when."""
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        rows = [
            {"account_id": account_id, "case_id": case_id, "external_id": f"h{n}", "text": "", "received_at": local(at)}
            for n, at in enumerate(moments)
        ]
        values = {"published_at": local(moments[0]), "url": "", "private": False}
        await session.exec(insert(Mention).values([{**values, **row} for row in rows]))


WORKDAYS = [f"2026-{month:02}-{day:02}" for month, day in
            [(10, d) for d in (*range(5, 10), *range(12, 17), *range(19, 24), *range(26, 31))]
            + [(11, d) for d in (*range(2, 7), *range(9, 14), *range(16, 20))]]  # fmt: skip


@pytest.fixture
async def busy(office: Bot) -> Bot:
    """Seven weeks in which something came in every hour of the working days, until Thursday evening."""
    office.clock.at = local("2026-11-19 16:59")  # type: ignore[attr-defined]
    await heard(office, *(f"{day} {hour:02}:10" for day in WORKDAYS for hour in range(9, 17)))
    return office


async def listened(bot: Bot, moment: str) -> list[str]:
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    await asyncio.gather(*(account_troubles.listen(bot.desk) for _ in range(2)))
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return [words for words in shown(bot) if "binnengekomen" in words or "binnen" in words]


async def test_silence_longer_than_usual_at_these_hours_is_told_once_and_its_end_too(busy: Bot) -> None:
    bot = busy
    assert await listened(bot, "2026-11-20 09:30") == []
    assert await listened(bot, "2026-11-20 11:00") == []
    for moment in ("2026-11-20 13:00", "2026-11-20 14:00"):
        [told] = await listened(bot, moment)
        assert "Sinds" in told and "niets binnengekomen" in told
    assert (await health(bot, "plein"))["state"] == "silent"
    async with bot.desk.reading() as session:
        [trouble] = (await standing(session, await session.get_one(Team, 1), bot.desk.now())).troubles
    assert trouble.name and trouble.problem
    await mention(bot, 999, "Eindelijk")
    await looked(bot)
    before, news = [words for words in shown(bot) if "binnen" in words]
    assert "niets binnen" in before and "weer" in news
    assert await listened(bot, "2026-11-20 15:00") == [before, news]


@pytest.mark.parametrize("minutes", [1, 20])
async def test_a_silence_that_goes_on_after_a_failure_is_told_again_if_the_failure_was(busy: Bot, minutes: int) -> None:
    bot = busy
    [first] = await listened(bot, "2026-11-20 13:00")
    await set_problem(bot, {"message": "It is down.", "params": {}})
    await looked(bot)
    bot.clock.at += timedelta(minutes=minutes)  # type: ignore[attr-defined]
    await looked(bot)
    await set_problem(bot, None)
    await looked(bot)
    for moment in ("2026-11-20 13:30", "2026-11-20 13:40"):
        silences = [words for words in await listened(bot, moment) if "🔇" in words]
        assert silences == [first]
    assert (await health(bot, "plein"))["state"] == "silent"
    assert "🔇" in shown(bot)[-1]
    await mention(bot, 999, "Eindelijk")
    await looked(bot)
    assert [words for words in shown(bot) if "🔇" in words] == []
    assert [words for words in shown(bot) if "komen weer" in words] == [shown(bot)[-1]]


async def test_hours_in_which_we_did_not_read_an_account_are_no_silence_of_it(
    office: Bot, mastodon: FakeMastodon
) -> None:
    bot = office
    bot.clock.at = local("2026-11-19 16:59")  # type: ignore[attr-defined]
    await connect(bot, mastodon.base_url)
    read = await polled(bot)
    await heard(bot, *(f"{day} {hour:02}:10" for day in WORKDAYS for hour in range(9, 17)), account_id=read.id)
    assert await listened(bot, "2026-11-20 14:00") == []  # after an outage, before anything is read
    await polled(bot)
    [told] = await listened(bot, "2026-11-20 15:00")
    assert "niets binnengekomen" in told


@pytest.mark.logs("the settings of a team cannot be read")
async def test_the_silence_of_one_team_is_told_though_the_settings_of_another_cannot_be_read(busy: Bot) -> None:
    bot = busy
    team_id = await second_team(bot, "Kapot", time_zone="Mars/Olympus")
    async with bot.desk.session() as session:
        session.add(Account(id=2, team_id=team_id, platform="webhook", name="kapot", url="", created_at=bot.desk.now()))
    await heard(bot, *(f"{day} {hour:02}:10" for day in WORKDAYS for hour in range(9, 17)), account_id=2)
    [told] = await listened(bot, "2026-11-20 13:00")
    assert "niets binnengekomen" in told


@pytest.mark.parametrize(
    "moments",
    [
        [f"{day} {hour:02}:10" for day in WORKDAYS[-8:] for hour in range(9, 17)],
        [f"{day} 10:10" for day in WORKDAYS[::5]],
    ],
    ids=["known for a few days", "heard once a week"],
)
async def test_silence_is_not_odd_on_an_account_that_is_new_or_seldom_heard(office: Bot, moments: list[str]) -> None:
    office.clock.at = local("2026-11-19 16:59")  # type: ignore[attr-defined]
    await heard(office, *moments)
    assert await listened(office, "2026-11-20 16:00") == []


async def test_an_account_with_a_trouble_can_be_removed(office: Bot) -> None:
    bot = office
    await set_problem(bot, FULL.to_json())
    await looked(bot)
    assert await troubles(bot) == 1
    async with bot.desk.session() as session:
        assert await accounts.remove(session, await session.get_one(Account, 1), bot.desk.now())
    assert await troubles(bot) == 0


async def test_an_account_that_people_start_is_not_said_to_work_before_it_does(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    token = mastodon.token_with("read", "write")
    await connect(bot, mastodon.base_url, token=token)
    await polled(bot)
    mastodon.as_team("POST", "/oauth/revoke", data={"token": token})
    bot.clock.advance(minutes=1)
    assert (await polled(bot)).stopped_at
    await looked(bot)
    await stopped(bot, ACCOUNT, again=True)
    was, news = await looked(bot)
    assert "was het account" in was
    assert "is weer gestart" in news and "werkt weer" not in news
    bot.clock.advance(minutes=1)
    await polled(bot)
    assert "is gestopt" in (await looked(bot))[-1]


async def failing(bot: Bot, mastodon: FakeMastodon) -> None:
    """Let an account fail for so long that its team hears of it."""
    await connect(bot, mastodon.base_url)
    mastodon.fault(NOTIFICATIONS, "status", status=503)
    await polled(bot)
    await looked(bot)
    bot.clock.advance(minutes=16)
    await polled(bot)


async def removed(bot: Bot) -> None:
    async with bot.desk.session() as session:
        assert await accounts.remove(session, await accounts.named(session, ACCOUNT), bot.desk.now())


async def test_a_message_about_an_account_that_was_removed_says_so(bot: Bot, mastodon: FakeMastodon) -> None:
    await failing(bot, mastodon)
    [told] = await looked(bot)
    assert "werkt niet sinds" in told
    await removed(bot)
    await sweep(bot.desk)
    [told] = await looked(bot)
    assert ACCOUNT in told and "is verwijderd" in told


async def test_a_message_about_an_account_that_was_removed_keeps_no_other_from_slack(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    await failing(bot, mastodon)
    bot.slack.faults.down = True
    await looked(bot)
    await removed(bot)
    bot.slack.faults.down = False
    bot.citizen_posts("Wanneer komt de vuilniswagen?")
    bot.clock.advance(minutes=10)
    await sweep(bot.desk)
    await bot.card("vuilniswagen")
    [card] = await looked(bot)
    assert "vuilniswagen" in card
