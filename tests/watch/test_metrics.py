"""What `/metrics` tells: what waits and how long, how calls ended, and no word of a citizen; and to whom."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, update

from bot.cases import inbox, silent
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Clock, Message
from bot.sandbox.app import Sandbox
from bot.slack import messages
from bot.watch.stored import EDGES, MOST_ACCOUNTS
from bot.watch.web import is_loopback
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, Bot, account_of, running_bot
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import ACCOUNT, answer, connect, mention, polled, second_team, set_sealed, settings
from tests.watch.asking import ask, measured, one

NOTIFICATIONS = "/api/v1/notifications"
WORDS, NAME = "Mijn BSN is 123456782", "Fatima Voorbeeld"


async def test_a_story_from_mention_to_answer_is_counted(bot: Bot) -> None:
    before = await measured(bot)
    assert one(before, "webcare_card_shown_seconds_count") == 0
    bot.citizen_posts(WORDS, name=NAME)
    card = await bot.card("BSN")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling")
    await answer(bot, SANNE, card, "Vanaf acht uur.")
    await bot.card("*Beantwoord*")
    found = await measured(bot)
    assert one(found, "webcare_database_up") == 1
    assert one(found, "webcare_card_shown_seconds_count") == 1
    assert one(found, "webcare_sends_total", platform="webhook", what="reply", outcome="sent") == 1
    assert one(found, "webcare_slack_calls_total", method="chat.postMessage", result="ok") == 1
    assert one(found, "webcare_slack_calls_total", method="chat.update", result="ok") >= 2
    assert one(found, "webcare_slack_acknowledged_seconds_count", kind="block_actions") == 2
    assert one(found, "webcare_slack_acknowledged_seconds_count", kind="view_submission") == 1
    assert one(found, "webcare_account_works", account="plein") == 1
    assert one(found, "webcare_account_lag_seconds", account="plein") >= 0
    assert one(found, "webcare_slack_socket_open") == 1
    assert one(found, "process_resident_memory_bytes") > 1e6


async def test_nothing_in_it_is_a_citizens_or_a_colleagues(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts(WORDS, name=NAME)
    card = await bot.card("BSN")
    await answer(bot, SANNE, card, "Vanaf acht uur.")
    await bot.card("*Beantwoord*")
    _, text = await ask(bot, "/metrics")
    for word in ("BSN", "fatima", "acht uur", SANNE, CHANNEL, bot.slack.app.bot_token):
        assert word.lower() not in text.lower()


async def test_what_waits_for_slack_is_counted_with_its_age(bot: Bot) -> None:
    bot.slack.faults.down = True
    await mention(bot)
    bot.clock.advance(minutes=3)
    found = await measured(bot)
    assert one(found, "webcare_messages_stale", what="new") == 1
    assert 180 <= one(found, "webcare_messages_stale_oldest_seconds", what="new") < 600
    assert one(found, "webcare_slack_unreachable_seconds") >= 180
    assert one(found, "webcare_slack_calls_total", method="chat.postMessage", result="failed") >= 1
    bot.slack.faults.down = False
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    found = await measured(bot)
    assert one(found, "webcare_messages_stale", what="new") == 0
    assert one(found, "webcare_messages_stale_oldest_seconds", what="new") == 0
    assert one(found, "webcare_card_shown_seconds_sum") >= 180


async def test_an_update_that_waits_is_as_old_as_we_have_seen_it_wait(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.down = True
    for _ in range(2):
        async with bot.desk.session() as session:
            await session.exec(update(Message).values(version=col(Message.version) + 1))
        await measured(bot)
        bot.clock.advance(minutes=4)
    assert 480 <= one(await measured(bot), "webcare_messages_stale_oldest_seconds", what="changed") < 900
    bot.slack.faults.down = False
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    bot.slack.faults.down = True
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(version=col(Message.version) + 1))
    found = await measured(bot)
    assert one(found, "webcare_messages_stale", what="changed") == 1
    assert one(found, "webcare_messages_stale_oldest_seconds", what="changed") < 60


@pytest.mark.logs("reading an account failed")
async def test_what_fails_again_and_again_is_counted_by_what_it_is(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    assert "webcare_faults_total" not in await measured(bot)
    right = await set_sealed(bot, ACCOUNT)
    for _ in range(2):
        await polled(bot)
    assert one(await measured(bot), "webcare_faults_total", event="reading an account failed") == 2
    await set_sealed(bot, ACCOUNT, right)
    await polled(bot)
    assert one(await measured(bot), "webcare_faults_total", event="reading an account failed") == 2


async def test_a_limit_of_slack_is_counted_by_its_method(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.faults.rate_limit("chat.postMessage", 1)
    await mention(bot)
    found = await measured(bot)
    assert one(found, "webcare_slack_calls_total", method="chat.postMessage", result="ratelimited") >= 1


async def test_replies_that_wait_are_counted_with_their_age(slow_bot: Bot) -> None:
    bot = slow_bot
    bot.citizen_posts("Vraag")
    await answer(bot, SANNE, await bot.card("Vraag"), "Vanaf acht uur.")
    await bot.card("Vraag", "Vanaf acht uur")
    bot.clock.advance(seconds=20)
    found = await measured(bot)
    assert one(found, "webcare_outgoing_waiting", what="reply", status="approved") == 1
    assert 20 <= one(found, "webcare_outgoing_oldest_seconds", what="reply", status="approved") < 300


async def test_open_cases_are_counted_by_status_and_age(bot: Bot) -> None:
    for number, hours in enumerate((0, 150, 30), 1):
        bot.clock.advance(hours=hours)
        await mention(bot, number)
    found = await measured(bot)
    groups = {age: one(found, "webcare_cases_open", status="new", age=age) for age in EDGES}
    assert sum(found["webcare_cases_open"].values()) == 3
    assert groups == {"0-1h": 1, "1-4h": 0, "4-24h": 0, "1-3d": 1, "3-7d": 0, "7d+": 1}


async def test_a_case_that_the_clock_forgot_is_found_with_why(bot: Bot) -> None:
    for number in (1, 2, 3):
        await mention(bot, number)
    assert set((await measured(bot))["webcare_cases_silent"].values()) == {0}
    async with bot.desk.session() as session:
        await session.exec(update(Clock).where(col(Clock.case_id) == 1).values(next_at=None))
        await session.exec(
            update(Clock).where(col(Clock.case_id) == 2).values(stopped_at=bot.desk.now(), running_since=None)
        )
    found = await measured(bot)
    assert {reason: one(found, "webcare_cases_silent", reason=reason) for reason in silent.Silence} == {
        "no_clock": 1, "no_moment": 1, "never_open": 0,
    }  # fmt: skip
    await settings(bot, week=[[] for _ in range(7)])
    found = await measured(bot)
    assert one(found, "webcare_cases_silent", reason="never_open") == 1
    assert one(found, "webcare_cases_silent", reason="no_moment") == 0


async def test_a_case_that_the_clock_forgot_is_found_behind_many_that_cannot_be_answered(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries of a feed have no clocks, and stay open until somebody closes them."""
    monkeypatch.setattr(silent, "AT_MOST", 2)
    entries = [Post(f"e{n}", Author("krant", "Krant"), "Nieuws", bot.desk.now()) for n in range(3)]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, entries, now=bot.desk.now())
    assert set((await measured(bot))["webcare_cases_silent"].values()) == {0}
    bot.clock.advance(minutes=1)
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        forgotten = update(Clock).where(col(Clock.case_id) == case_id)
        await session.exec(forgotten.values(stopped_at=bot.desk.now(), running_since=None))
    assert one(await measured(bot), "webcare_cases_silent", reason="no_clock") == 1


async def test_a_case_that_the_clock_forgot_is_found_behind_many_of_a_team_that_is_never_open(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent, "AT_MOST", 2)
    team_id = await second_team(bot, "Dicht", week=[[] for _ in range(7)])
    posts = [Post(f"d{n}", Author("jan", "Jan"), "Hoi", bot.desk.now(), permits=permits(Act.ANSWER)) for n in range(3)]
    async with bot.desk.session() as session:
        session.add(Account(id=2, team_id=team_id, platform="webhook", name="dicht", url="", created_at=bot.desk.now()))
        await session.flush()
        await inbox.take_in(session, 2, posts, now=bot.desk.now())
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await session.exec(update(Clock).where(col(Clock.case_id) == case_id).values(next_at=None))
    found = await measured(bot)
    assert one(found, "webcare_cases_silent", reason="never_open") == 2
    assert one(found, "webcare_cases_silent", reason="no_moment") == 1


@pytest.mark.logs("metrics: the database does not answer")
async def test_without_its_database_it_tells_what_the_process_knows(bot: Bot) -> None:
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE accounts RENAME TO elsewhere")
    found = await measured(bot)
    assert one(found, "webcare_database_up") == 0
    assert "process_resident_memory_bytes" in found
    assert not {"webcare_accounts", "webcare_cases_open"} & found.keys()
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO accounts")
    assert one(await measured(bot), "webcare_database_up") == 1


async def test_of_thousands_of_accounts_all_are_counted_and_some_are_named(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    first = await account_of(bot)
    async with bot.desk.session() as session:
        session.add_all(
            Account(
                team_id=first.team_id, platform="webhook", name=f"a{n}", url="", created_at=bot.desk.now(),
                problem={"message": "x", "params": {}} if n % 3 == 0 else None,
            )
            for n in range(3000)
        )  # fmt: skip
    found = await measured(bot)
    assert one(found, "webcare_accounts", state="ok") + one(found, "webcare_accounts", state="failing") == len(
        await bot.rows(Account)
    )
    assert len(found["webcare_account_works"]) == MOST_ACCOUNTS
    assert sum(map(len, found.values())) < 1000


async def test_an_account_is_overdue_only_when_it_was_to_be_read_again(sqlite_bot: Bot) -> None:
    bot, now = sqlite_bot, sqlite_bot.desk.now()
    first, hour = await account_of(bot), timedelta(hours=1)
    each: dict[str, dict[str, Any]] = {
        "calm": {"polled_at": now - 2 * hour, "poll_after": now + hour},
        "late": {"polled_at": now - 5 * hour, "poll_after": now - 2 * hour},
        "stopped": {"polled_at": now - 5 * hour, "stopped_at": now - hour},
    }
    rows = [
        Account(team_id=first.team_id, platform="feed", name=name, url="", created_at=now - 9 * hour, **more)
        for name, more in each.items()
    ]
    async with bot.desk.session() as session:
        session.add_all(rows)
    told = (await measured(bot))["webcare_account_overdue_seconds"]
    overdue = {dict(labels)["account"]: round(seconds / 3600) for labels, seconds in told.items()}
    assert overdue == {"calm": 0, "late": 2}


async def test_an_account_that_is_refused_again_and_again_is_overdue(sqlite_bot: Bot, mastodon: FakeMastodon) -> None:
    """Each time for a minute, so that it is never long until it is asked again."""
    bot = sqlite_bot
    await connect(bot, mastodon.base_url)
    await polled(bot)

    async def overdue() -> float:
        return one(await measured(bot), "webcare_account_overdue_seconds", platform="mastodon", account=ACCOUNT)

    mastodon.fault(NOTIFICATIONS, "ratelimit", headers={"Retry-After": "3600", "X-RateLimit-Reset": ""}, count=1)
    await polled(bot)
    bot.clock.advance(minutes=30)
    assert await overdue() == 0, "for as long as the platform said at first, nothing is wrong"
    mastodon.fault(NOTIFICATIONS, "ratelimit", headers={"Retry-After": "60", "X-RateLimit-Reset": ""})
    for _ in range(12):
        await polled(bot)
    assert await overdue() > 3000
    mastodon.clear_faults()
    await polled(bot)
    assert await overdue() < 60


async def test_ten_who_ask_at_once_cost_the_database_as_much_as_one(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await measured(bot)
    bot.clock.advance(seconds=6)
    seen: list[str] = []
    event.listen(bot.engine.sync_engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    answers = await asyncio.gather(*(ask(bot, "/metrics") for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    assert all("webcare_cases_open" in text for _, text in answers)
    assert sum("FROM accounts" in statement for statement in seen) == 1


# --- Who may ask ---------------------------------------------------------------------------------

GUARDED = ["/metrics", "/health"]
PROXIED = [
    {"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}, {"X-Real-IP": "203.0.113.7"},
    {"Via": "1.1 proxy"}, {"Host": "webcare.example.nl"}, {"Host": "[::1"}, {"Host": ""},
]  # fmt: skip


@pytest.mark.parametrize("path", GUARDED)
async def test_without_a_token_only_this_machine_is_answered_and_no_proxy(sqlite_bot: Bot, path: str) -> None:
    assert (await ask(sqlite_bot, path))[0] == 200
    assert (await ask(sqlite_bot, path, {"Host": "localhost:3000"}))[0] == 200
    assert (await ask(sqlite_bot, path, {"Host": "[::1]:3000"}))[0] == 200
    for headers in PROXIED:
        status, text = await ask(sqlite_bot, path, headers)
        assert (status, "plein" in text) == (403, False), headers
    for open_to_all in ("/healthz", "/readyz"):
        assert (await ask(sqlite_bot, open_to_all, PROXIED[0]))[0] == 200


@pytest.mark.parametrize("path", GUARDED)
async def test_with_a_token_who_has_it_is_answered_from_anywhere(sqlite_url: str, slack: Sandbox, path: str) -> None:
    async with running_bot(sqlite_url, slack, metrics_token="géheim-1") as bot:
        assert (await ask(bot, path, {"Authorization": "Bearer géheim-1", **PROXIED[0]}))[0] == 200
        for given in ("", "Bearer", "Bearer ", "Bearer geheim-1", "Bearer géheim-12", "Basic géheim-1", "géheim-1"):
            status, text = await ask(bot, path, {"Authorization": given})
            assert (status, "plein" in text, "heim" in text) == (401, False, False), given
        assert (await ask(bot, path))[0] == 401


@pytest.mark.parametrize(
    ("address", "is_here"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("0.0.0.0", False), ("localhost", False), ("", False),
    ],
)  # fmt: skip
def test_what_an_address_of_this_machine_is(address: str, is_here: bool) -> None:
    assert is_loopback(address) is is_here
