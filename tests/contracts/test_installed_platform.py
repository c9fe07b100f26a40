"""A platform of another package, installed in a folder: it is known, its mentions become cards, and it is answered."""

import asyncio
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot import accounts, connectors
from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.mention import Arrived, Delivery
from bot.domain.text import text
from bot.models import Clock, Event, Mention, Message, MessageKind, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from jobs import check, poll
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, Bot, account_of, eventually, installed
from tests.contracts.forum.fake_forum import KEY, FakeForum
from tests.people import answer, at, showing

PACKAGE = Path(__file__).parent / "forum"


@pytest.fixture(autouse=True)
def forum_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from installed(monkeypatch, PACKAGE)


@pytest.fixture
async def forum() -> AsyncIterator[FakeForum]:
    async with FakeForum() as server:
        yield server


async def connect(bot: Bot, forum: FakeForum) -> None:
    async with bot.desk.session() as session:
        await accounts.add(
            session, bot.desk.settings, platform="forum", name="dorpsforum", url=forum.url, secrets={"key": KEY},
            options={"username": "gemeente"}, now=bot.desk.now(),
        )  # fmt: skip
    await check.check_accounts(bot.desk)


async def polled(bot: Bot) -> None:
    await poll.poll_due(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def sent(bot: Bot) -> Reply:
    async def last() -> Reply | None:
        return next((r for r in reversed(await bot.rows(Reply)) if r.status is ReplyStatus.SENT), None)

    found: Reply = await eventually(last)
    return found


def test_the_package_is_found_and_nothing_is_broken() -> None:
    found = connectors.registry()
    assert "forum" in found.platforms
    assert found.broken == {}
    assert connectors.title("forum") == "Forum"


async def webcare(bot: Bot, *arguments: str, typed: str = "") -> str:
    """Run the command where the package is installed too, on this bot's database; return what it wrote."""
    settings = bot.desk.settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=PACKAGE,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={
            "PATH": os.defpath, "PYTHONPATH": str(PACKAGE), "COLUMNS": "200", "ALLOW_PRIVATE_ADDRESSES": "true",
            "DATABASE_URL": settings.database_url, "SLACK_CHANNEL": settings.slack_channel,
            "WEBCARE_SECRET_KEY": settings.webcare_secret_key.get_secret_value(), "WEBCARE_LANGUAGE": "en",
        },
    )  # fmt: skip
    out, _ = await process.communicate(typed.encode())
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_command_adds_an_account_of_it_by_the_options_it_declares(sqlite_bot: Bot, forum: FakeForum) -> None:
    bot = sqlite_bot
    assert "forum" in await webcare(bot, "accounts", "add", "--help")
    assert "Name of our account there" in await webcare(bot, "accounts", "add", "forum", "--help")
    flags = ("--url", forum.url, "--username", "gemeente", "--key-file", "-", "--name", "dorpsforum")
    await webcare(bot, "accounts", "add", "forum", *flags, typed=KEY)
    forum.write("jan", "Wanneer wordt er geveegd?")
    await polled(bot)
    await bot.card("geveegd", "Nieuw", "Forum")


async def test_a_mention_becomes_a_card_and_the_answer_stands_under_it(bot: Bot, forum: FakeForum) -> None:
    await connect(bot, forum)
    written = forum.write("jan", "Wanneer wordt er geveegd?")
    forum.write("gemeente", "Een eigen bericht")
    await polled(bot)
    card = await bot.card("geveegd", "Nieuw", "Forum")
    await answer(bot, SANNE, card, "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB")
    (ours,) = [post for post in forum.by_us() if post["raw"] != "Een eigen bericht"]
    asked = next(post for post in forum.posts if str(post["id"]) == written)
    assert (ours["raw"], ours["topic_id"]) == ("Donderdag! ^SB", asked["topic_id"])
    await polled(bot)
    assert [mention.external_id for mention in await bot.rows(Mention)] == [written]


async def test_a_private_answer_opens_a_conversation_and_the_citizens_next_words_join_the_case(
    bot: Bot, forum: FakeForum
) -> None:
    await connect(bot, forum)
    forum.write("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw")
    await answer(bot, SANNE, card, "Wat is uw nummer?", answer_visibility="private")
    reply = await sent(bot)
    (ours,) = forum.by_us()
    assert reply.conversation == str(ours["topic_id"])
    assert ours["title"].startswith("Uw bericht van ")
    forum.write("jan", "012-345", topic=ours["topic_id"], private=True)
    await polled(bot)
    assert [(mention.case_id, mention.private) for mention in await bot.rows(Mention)] == [(1, False), (1, True)]


async def test_what_it_pushes_to_one_address_goes_to_the_account_that_the_body_names(
    bot: Bot, forum: FakeForum
) -> None:
    await connect(bot, forum)
    written = forum.write("jan", "Wanneer wordt er geveegd?")
    post = next(each for each in forum.posts if str(each["id"]) == written)

    async def push(account: int, key: str = KEY) -> int:
        body = json.dumps({"account": account, "posts": [post]}).encode()
        signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Forum-Signature": signature}
        async with ClientSession() as session, session.post(f"{bot.url}/in/forum", data=body, headers=headers) as told:
            return told.status

    assert [await push(99), await push(1, "wrong"), await push(1), await push(1)] == [404, 401, 200, 200]
    await bot.card("geveegd", "Nieuw", "Forum")
    assert [mention.external_id for mention in await bot.rows(Mention)] == [written]


async def test_it_is_told_that_the_address_is_ours_only_when_it_proves_who_asks(bot: Bot, forum: FakeForum) -> None:
    await connect(bot, forum)

    async def ask(key: str) -> tuple[int, str]:
        signature = hmac.new(key.encode(), b"1234", hashlib.sha256).hexdigest()
        asked = {"challenge": "1234", "signature": signature}
        async with ClientSession() as session, session.get(f"{bot.url}/in/forum", params=asked) as told:
            return told.status, await told.text()

    assert await ask(KEY) == (200, "1234")
    status, words = await ask("wrong")
    assert status == 401
    assert "1234" not in words


async def test_once_an_account_has_a_new_token_no_message_says_that_it_will_stop(bot: Bot, forum: FakeForum) -> None:
    ends = bot.desk.now() + timedelta(days=10)
    forum.key_ends_at = ends.isoformat()
    await connect(bot, forum)
    told = await bot.card("dorpsforum", "Het token", "verloopt op")
    forum.key_ends_at = (ends + timedelta(days=365)).isoformat()
    await check.check_accounts(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    now = next(message for message in bot.cards() if message["ts"] == told["ts"])
    assert "heeft een nieuw token" in text_of(now)
    assert "Daarna stopt het account" not in text_of(now)


async def test_the_team_hears_once_at_each_of_three_times_that_a_token_ends_soon(bot: Bot, forum: FakeForum) -> None:
    ends = bot.desk.now() + timedelta(days=20)
    forum.key_ends_at = ends.isoformat()
    await connect(bot, forum)
    assert f"Its token is valid until {ends:%Y-%m-%d}." in await webcare(bot, "accounts", "check")
    assert not [m for m in await bot.rows(Message) if m.kind is MessageKind.ACCOUNT_PROBLEM]
    bot.clock.advance(days=7)
    for _ in range(2):
        await check.check_accounts(bot.desk)
        await bot.card("dorpsforum", "Het token", "verloopt op", f"{ends.day}", "accounts renew")
    assert len([m for m in await bot.rows(Message) if m.kind is MessageKind.ACCOUNT_PROBLEM]) == 1
    told = []
    for days in (4, 3, 5, 1):  # 9, 6, 1 and 0 days before its end
        bot.clock.advance(days=days)
        for _ in range(2):
            await check.check_accounts(bot.desk)
        told.append(len([m for m in await bot.rows(Message) if m.kind is MessageKind.ACCOUNT_PROBLEM]))
    assert told == [1, 2, 3, 3]
    assert (await account_of(bot, "dorpsforum")).stopped_at is None
    forum.key_ends_at = (ends + timedelta(days=1)).isoformat()  # renewed, but hardly
    await check.check_accounts(bot.desk)
    assert len([m for m in await bot.rows(Message) if m.kind is MessageKind.ACCOUNT_PROBLEM]) == 4


async def answered(bot: Bot, forum: FakeForum, **chosen: str) -> str:
    """Sanne answers a post on the forum; returns the id of the answer there."""
    await connect(bot, forum)
    forum.write("jan", "Mag dit?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("Mag dit?", "Nieuw"), "Ja hoor.", **chosen)
    return (await sent(bot)).external_id or ""


async def polled_again(bot: Bot) -> None:
    bot.clock.advance(minutes=2)
    await polled(bot)


async def open_clocks(bot: Bot) -> list[Clock]:
    return [clock for clock in await bot.rows(Clock) if clock.stopped_at is None]


async def test_an_answer_that_moderators_must_approve_is_there_once_they_did(bot: Bot, forum: FakeForum) -> None:
    forum.approves_first = True
    ours = await answered(bot, forum)
    shown = json.dumps(await bot.card("Nog niet zichtbaar"), ensure_ascii=False)
    assert "Beantwoord" not in shown
    await polled_again(bot)
    reply = await sent(bot)
    assert (reply.held, reply.sent_at) == (True, None)
    assert all(clock.running_since for clock in await open_clocks(bot)), "the citizen still waits"
    assert len(await open_clocks(bot)) == 2
    forum.approve(ours)
    await polled_again(bot)
    await bot.card("*Beantwoord*")
    reply = await sent(bot)
    assert (reply.held, reply.sent_at is not None) == (False, True)
    assert await open_clocks(bot) == []


async def test_who_answered_is_reminded_of_an_answer_that_moderators_leave_lying(office: Bot, forum: FakeForum) -> None:
    forum.approves_first = True
    ours = await answered(office, forum)
    await office.card("Nog niet zichtbaar")
    await at(office, "2026-11-27 10:00")
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    [told] = showing(office, "1 te laat")
    assert "Nog niet zichtbaar" in text_of(told)
    forum.approve(ours)
    office.clock.at = local("2026-11-27 10:05")  # type: ignore[attr-defined]
    await polled(office)
    await office.card("*Beantwoord*")
    await messages.wake_lanes(office.desk)
    [done] = await office.slack.wait_for(lambda: showing(office, "Gedaan: "))
    assert done["ts"] == told["ts"] and "te laat" not in text_of(done)


async def test_an_answer_that_moderators_refuse_is_not_sent_and_the_case_is_with_its_agent(
    bot: Bot, forum: FakeForum
) -> None:
    forum.approves_first = True
    refused = Delivery(await answered(bot, forum), Arrived.FAILED, bot.desk.now())
    card = await bot.card("Nog niet zichtbaar")
    async with bot.desk.session() as session:
        taken = await inbox.take_in(session, (await account_of(bot, "dorpsforum")).id, [refused], now=bot.desk.now())
    assert taken.channels == {CHANNEL}
    bot.desk.wake(f"messages:{CHANNEL}")
    shown = text_of(await bot.card("Niet verstuurd", SANNE))
    assert "keurden het niet goed" in shown
    assert "case:answer" in action_ids(await bot.card("Niet verstuurd"))
    told = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert f"<@{SANNE}>" in text_of(told[-1])
    assert all(clock.running_since for clock in await open_clocks(bot))


async def test_why_an_answer_did_not_arrive_is_told_in_the_words_of_the_platform(bot: Bot, forum: FakeForum) -> None:
    why = text("{host} says: {reason}", host="forum.example", reason="There is no such person.")
    lost = Delivery(await answered(bot, forum), Arrived.FAILED, bot.desk.now(), why)
    card = await bot.card("*Beantwoord*")
    async with bot.desk.session() as session:
        await inbox.take_in(session, (await account_of(bot, "dorpsforum")).id, [lost], now=bot.desk.now())
    bot.desk.wake(f"messages:{CHANNEL}")
    await bot.card("Niet aangekomen", "There is no such person.")
    told = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert "forum.example meldt: There is no such person." in text_of(told[-1])


async def test_an_answer_that_the_platform_hides_is_marked_until_it_can_be_seen_again(
    bot: Bot, forum: FakeForum
) -> None:
    ours = await answered(bot, forum)
    await bot.card("*Beantwoord*", "bekijk het antwoord")
    forum.change(ours, hidden=True)
    await polled_again(bot)
    await bot.card("*Beantwoord*", "het platform heeft ons antwoord verborgen of verwijderd")
    forum.change(ours, hidden=False)
    await polled_again(bot)
    shown = text_of(await bot.card("*Beantwoord*", "bekijk het antwoord"))
    assert "verborgen" not in shown
    forum.change(ours, user_deleted=True)
    await polled_again(bot)
    await bot.card("*Beantwoord*", "ons antwoord is verwijderd")
    forum.change(ours, user_deleted=False)
    await polled_again(bot)
    assert [event.kind for event in await bot.rows(Event)].count("reply_gone") == 2
    await bot.card("ons antwoord is verwijderd")
    assert (await bot.case()).status is Status.ANSWERED


async def test_an_answer_after_the_platforms_end_is_refused_with_a_clear_sentence(
    sqlite_bot: Bot, forum: FakeForum
) -> None:
    bot = sqlite_bot
    await connect(bot, forum)
    forum.write("jan", "Nog op tijd?")
    await polled(bot)
    card = await bot.card("op tijd", "Nieuw")
    bot.clock.advance(days=31)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")

    async def refused() -> bool:
        said = json.dumps([bot.slack.view(SANNE), bot.slack.messages(CHANNEL)], ensure_ascii=False, default=str)
        return "beperkte tijd" in said

    assert await eventually(refused)
    assert forum.by_us() == []


async def test_an_answer_that_waits_past_the_end_comes_back_to_its_agent(sqlite_bot: Bot, forum: FakeForum) -> None:
    bot = sqlite_bot
    await connect(bot, forum)
    forum.write("jan", "Nog op tijd?")
    await polled(bot)
    card = await bot.card("op tijd", "Nieuw")
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [{"act": "answer", "until": (bot.desk.now() + timedelta(minutes=1)).isoformat()}]
        session.add(mention)
    forum.fail("/t/", count=1)
    await answer(bot, SANNE, card, "Zeker.")
    await bot.card("Wacht op verzending")
    bot.clock.advance(minutes=5)
    bot.desk.wake(f"outgoing:{(await account_of(bot, 'dorpsforum')).id}")
    await bot.card("Niet verstuurd", "beperkte tijd")
    assert forum.by_us() == []
