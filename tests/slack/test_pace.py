"""Slack's rates and its Retry-After: no call before its time, by one process or several; no wait without need."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import cases, db
from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Absence, Message, MessageKind, Team
from bot.sandbox.app import Sandbox
from bot.slack import calls, messages, pace
from bot.slack.pace import A_MINUTE, TIERS, Pace, rate_of
from tests.conftest import CHANNEL, SANNE, Bot, Databases, running_bot, second_desk
from tests.people import mention, open_modal, settings
from tests.slack.conftest import NOW, SECOND, all_work, refused

OTHER_CHANNEL = "C0ALGEMEEN"
RETURNED = Absence(SANNE, returned=2).to_json()


@pytest.fixture
async def engines(databases: Databases, postgres_uri: str) -> AsyncIterator[list[AsyncEngine]]:
    url = await databases.postgresql(postgres_uri)
    made = [db.create_engine(url) for _ in range(3)]
    yield made
    for engine in made:
        await engine.dispose()


@pytest.mark.parametrize("method", [method for method, tier in TIERS.items() if tier])
async def test_no_minute_has_more_calls_than_slack_takes_however_eager_we_are(method: str) -> None:
    ours, taken, now = Pace(1), [], NOW
    while now < NOW + timedelta(minutes=4):
        wait = await ours.wait(method, "", now)
        if wait:
            now += wait
        else:
            taken.append(now)
    most = A_MINUTE[TIERS[method] or 0]
    busiest = max(sum(at <= each < at + timedelta(minutes=1) for each in taken) for at in taken)
    assert most - 1 <= busiest <= most
    assert taken.count(NOW) == most * pace.AT_ONCE
    assert await ours.wait(method, "", now + timedelta(minutes=1)) == timedelta(), "no wait where there is room"


async def test_a_click_has_room_while_the_background_waits() -> None:
    ours = Pace(1)
    while not await ours.wait("chat.update", "", NOW, share=0.5):
        pass
    assert await ours.wait("chat.update", "", NOW) == timedelta()


@pytest.mark.parametrize("shared", [False, True])
async def test_what_nobody_waits_for_has_turns_while_clicks_take_all_that_slack_takes(
    engines: list[AsyncEngine], shared: bool
) -> None:
    clicks, lane = (Pace(1, engines[n] if shared else None) for n in range(2))
    lane = lane if shared else clicks
    clicked, turns = list[timedelta](), list[timedelta]()
    for tenth in range(0, 1300, 5):
        after = tenth * SECOND / 10
        while not await clicks.wait("chat.update", "", NOW + after):
            clicked.append(after)
        if not await lane.wait("chat.update", "", NOW + after, share=0.5):
            turns.append(after)
    taken = sorted([*clicked, *turns])
    assert max(sum(at <= each < at + 60 * SECOND for each in taken) for at in taken) <= A_MINUTE[3]
    assert len(taken) > 90 and len(clicked) > 80 and 10 < len(turns) < 13  # one in 12 seconds: five a minute
    await clicks.hold("chat.update", "", NOW + 200 * SECOND)
    for seconds in (131, 150, 199, 199.9):
        assert await lane.wait("chat.update", "", NOW + seconds * SECOND, share=0.5) >= (200 - seconds) * SECOND
    assert await lane.wait("chat.update", "", NOW + 200 * SECOND, share=0.5) == timedelta()


async def test_without_rates_of_ours_only_slack_makes_us_wait() -> None:
    ours = Pace(0)
    assert not any([await ours.wait("chat.update", "", NOW) for _ in range(1000)])
    await ours.hold("chat.update", "", NOW + 20 * SECOND)
    assert await ours.wait("chat.update", "", NOW + 5 * SECOND) == 15 * SECOND
    assert await ours.wait("views.update", "", NOW + 5 * SECOND) == timedelta()
    assert await ours.wait("chat.update", "", NOW + 20 * SECOND) == timedelta()


@pytest.mark.parametrize(("method", "at_once"), [("chat.postMessage", 1), ("chat.update", 10)])
async def test_three_processes_have_together_what_one_has(
    engines: list[AsyncEngine], method: str, at_once: int
) -> None:
    processes = [Pace(1, engine) for engine in engines]

    async def admitted(moment: timedelta) -> int:
        asked = (each.wait(method, CHANNEL, NOW + moment) for each in processes for _ in range(8))
        return (await asyncio.gather(*asked)).count(timedelta())

    assert await admitted(timedelta()) == at_once
    assert await admitted(timedelta()) == 0
    assert await admitted(rate_of(method, 1).step) == 1
    await processes[0].hold(method, CHANNEL, NOW + 20 * SECOND)
    assert await processes[1].wait(method, CHANNEL, NOW + 19 * SECOND) == SECOND
    assert await processes[2].wait(method, CHANNEL, NOW + 20 * SECOND) == timedelta()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "auth.test"])
async def test_whoever_asks_until_when_there_is_no_room_books_nothing(
    engines: list[AsyncEngine], method: str, shared: bool
) -> None:
    ours = Pace(1, engines[0] if shared else None)
    for _ in range(30):
        until = await ours.full_until(method, CHANNEL, NOW)
        assert until == await ours.full_until(method, CHANNEL, NOW)
        wait = await ours.wait(method, CHANNEL, NOW)
        assert until == (NOW + wait if wait else None)
    await ours.hold(method, CHANNEL, NOW + 20 * SECOND)
    assert await ours.full_until(method, CHANNEL, NOW + SECOND) == NOW + 20 * SECOND
    assert await ours.full_until(method, CHANNEL, NOW + 20 * SECOND) is None


async def test_a_channel_that_slack_holds_up_holds_up_no_other(engines: list[AsyncEngine]) -> None:
    one, other = (Pace(1, engine) for engine in engines[:2])
    await one.hold("chat.postMessage", CHANNEL, NOW + 20 * SECOND)
    await one.hold("chat.postMessage", CHANNEL, NOW + 5 * SECOND)  # an earlier moment shortens nothing
    assert await other.wait("chat.postMessage", CHANNEL, NOW) == 20 * SECOND
    assert await other.wait("chat.postMessage", "C0OTHER", NOW) == timedelta()


@pytest.mark.parametrize("shared", [False, True])
async def test_what_slack_gives_no_rate_waits_for_no_other_call_whatever_the_clocks_say(
    engines: list[AsyncEngine], shared: bool
) -> None:
    """Of two calls at once, one reads the clock first; two hosts even differ by more than that."""
    one, other = (Pace(1, engine if shared else None) for engine in engines[:2])
    for ours in (one, other if shared else one):
        for late in (0.001, 2):
            assert await one.wait("auth.test", "", NOW) == timedelta()
            assert await ours.wait("auth.test", "", NOW - late * SECOND) == timedelta()
    await one.hold("auth.test", "", NOW + 20 * SECOND)
    assert await one.wait("auth.test", "", NOW) == 20 * SECOND
    assert await one.wait("auth.test", "", NOW + 20 * SECOND) == timedelta()


def view_saying(words: str) -> dict[str, object]:
    title, said = ({"type": "plain_text", "text": each} for each in ("X", words))
    return {"type": "modal", "callback_id": "x", "title": title, "blocks": [{"type": "section", "text": said}]}


async def take_in(bot: Bot, count: int) -> None:
    posts = [
        Post(
            str(n), Author(f"a{n}", f"Burger {n}"), f"Vraag {n}", NOW, conversation=str(n), permits=permits(Act.ANSWER)
        )
        for n in range(count)
    ]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=NOW)


async def test_three_processes_post_one_message_a_second(strict: Bot) -> None:
    await take_in(strict, 6)
    async with AsyncExitStack() as stack:
        shared = strict.engine.dialect.name == "postgresql"  # SQLite is of one process
        others = [await stack.enter_async_context(second_desk(strict)) for _ in range(2 * shared)]
        for second in range(1, 7):
            await all_work(strict.desk, *others)
            assert len(strict.cards()) == second
            strict.clock.at += SECOND  # type: ignore[attr-defined]
    assert refused(strict) == []


async def test_what_waits_for_its_turn_is_not_touched_by_each_mention_that_comes_in(strict: Bot) -> None:
    """Else a flood would lease and render a card for each mention, only to hear that the channel is full."""
    await take_in(strict, 6)
    await all_work(strict.desk)
    assert len(strict.cards()) == 1
    done = list[str]()
    event.listen(strict.engine.sync_engine, "before_cursor_execute", lambda *told: done.append(told[2]))
    strict.desk.wake(f"messages:{CHANNEL}")
    await strict.desk.wake.idle()  # type: ignore[attr-defined]
    assert done, "it looked for updates"
    assert not [each for each in done if not each.startswith("SELECT")]
    strict.clock.at += SECOND  # type: ignore[attr-defined]
    await all_work(strict.desk)
    assert len(strict.cards()) == 2


async def test_forty_updates_at_once_keep_to_slacks_pace_and_a_click_does_not_wait(strict: Bot) -> None:
    bot = strict
    await take_in(bot, 40)
    for _ in range(40):
        await all_work(bot.desk)
        bot.clock.at += SECOND  # type: ignore[attr-defined]
    assert len(bot.cards()) == 40
    async with bot.desk.session() as session:
        for case_id in range(1, 41):
            await cases.set_topic(session, case_id, topic="Paspoort", by=SANNE, now=NOW)
    await all_work(bot.desk)
    assert 0 < len(bot.slack.calls("chat.update")) < 40
    async with bot.desk.session() as session:
        await cases.claim(session, 40, by=SANNE, now=NOW)
    await messages.sync(bot.desk, 40)
    assert bot.card_now("Vraag 39", "In behandeling")
    for _ in range(80):
        bot.clock.at += SECOND  # type: ignore[attr-defined]
        await all_work(bot.desk)
    assert all(m.shown_version == m.version for m in await bot.rows(Message))
    assert refused(bot) == []


async def test_a_modal_that_changes_at_every_key_keeps_to_slacks_pace_and_shows_the_last(strict: Bot) -> None:
    bot = strict
    await take_in(bot, 1)
    await all_work(bot.desk)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    view_id = (await open_modal(bot, SANNE, "case:answer"))["id"]
    held = 0
    for n in range(150):  # two and a half a second: Slack takes a hundred a minute
        bot.clock.at += 0.4 * SECOND  # type: ignore[attr-defined]
        try:
            await calls.call(bot.desk.slack, "views.update", view_id=view_id, view=view_saying(f"toets {n}"))
        except calls.SlackLater:
            held += 1
    assert 0 < held < 150
    assert refused(bot) == []
    bot.clock.at += 60 * SECOND  # type: ignore[attr-defined]
    await calls.show(bot.desk.slack, view_id, view_saying("klaar"))
    assert "klaar" in str(bot.slack.view(SANNE))


async def test_during_a_retry_after_no_process_calls_the_method(strict: Bot) -> None:
    bot = strict
    await take_in(bot, 1)
    await all_work(bot.desk)
    bot.slack.faults.rate_limit("chat.update", 20)
    async with AsyncExitStack() as stack:
        shared = bot.engine.dialect.name == "postgresql"
        others = [await stack.enter_async_context(second_desk(bot)) for _ in range(2 * shared)]
        async with bot.desk.session() as session:
            await cases.claim(session, 1, by=SANNE, now=NOW)
        await messages.sync(bot.desk, 1)
        for _ in range(19):
            bot.clock.at += SECOND  # type: ignore[attr-defined]
            await all_work(bot.desk, *others)
        assert len(bot.slack.calls("chat.update")) == 1
        bot.clock.at += SECOND  # type: ignore[attr-defined]
        await messages.sync(bot.desk, 1)
    assert bot.card_now("In behandeling")


@pytest.mark.parametrize("seconds", [10**9, 10**11, 10**15], ids=["years", "no date", "no time span"])
async def test_a_wait_that_cannot_be_meant_lasts_an_hour(strict: Bot, seconds: int) -> None:
    """A proxy between us and Slack may say so, in other units perhaps."""
    strict.slack.faults.rate_limit("chat.postMessage", seconds)
    await take_in(strict, 1)
    await all_work(strict.desk)
    for _ in range(59):
        strict.clock.at += 60 * SECOND  # type: ignore[attr-defined]
        await all_work(strict.desk)
    assert len(strict.slack.calls("chat.postMessage")) == 1
    strict.clock.at += 60 * SECOND  # type: ignore[attr-defined]
    await all_work(strict.desk)
    assert len(strict.cards()) == 1


async def test_rate_limited_is_ratelimited(bot: Bot) -> None:
    await mention(bot)
    bot.slack.faults.error("chat.update", "rate_limited")
    with pytest.raises(calls.SlackLater):
        await calls.call(bot.desk.slack, "chat.update", channel=CHANNEL, ts=bot.cards()[0]["ts"], text="x")


async def test_of_the_views_that_wait_for_their_turn_the_newest_is_shown(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    shown = await open_modal(bot, SANNE, "case:answer")
    made = len(bot.slack.calls("views.update"))
    bot.slack.faults.rate_limit("views.update", 1)
    await asyncio.gather(*(calls.show(bot.desk.slack, shown["id"], view_saying(f"toets {n}")) for n in range(9)))
    await bot.slack.wait_for(lambda: "toets 8" in str(bot.slack.view(SANNE)))
    assert len(bot.slack.calls("views.update")) == made + 2


async def test_a_retry_after_for_new_messages_holds_for_that_channel_alone_in_every_process(strict: Bot) -> None:
    bot = strict
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel=OTHER_CHANNEL, created_at=NOW))
    await bot.slack.join(bot.slack.app.user_id, OTHER_CHANNEL)
    bot.slack.faults.rate_limit("chat.postMessage", 20)
    await take_in(bot, 3)
    async with AsyncExitStack() as stack:
        shared = bot.engine.dialect.name == "postgresql"
        others = [await stack.enter_async_context(second_desk(bot)) for _ in range(2 * shared)]
        await all_work(bot.desk, *others)
        async with bot.desk.session() as session:
            session.add(Message(key="elsewhere", kind=MessageKind.AWAY, channel=OTHER_CHANNEL, details=RETURNED))
        for _ in range(19):
            bot.clock.at += SECOND  # type: ignore[attr-defined]
            await all_work(bot.desk, *others)
        posted = [call.args["channel"] for call in bot.slack.calls("chat.postMessage")]
        assert posted == [CHANNEL, OTHER_CHANNEL], "the one that was refused, and the other channel's"
        for _ in range(3):
            bot.clock.at += SECOND  # type: ignore[attr-defined]
            await all_work(bot.desk, *others)
    assert len(bot.cards()) == 3
    assert len(refused(bot)) == 1


async def test_a_direct_message_in_doubt_ends_also_while_others_use_all_that_slack_takes(
    database_url: str, slack: Sandbox
) -> None:
    """It needs several calls, and there is room for one at a time: to begin anew would use that up for ever."""
    async with running_bot(database_url, slack, slack_pace=1) as bot:
        await settings(bot, always_open=True)  # it would wait for the opening
        others: Pace = bot.desk.slack.pace  # type: ignore[attr-defined]
        while not await others.wait("conversations.open", "", bot.desk.now(), share=0.5):
            pass
        async with bot.desk.session() as session:
            since = bot.desk.now() - SECOND
            session.add(
                Message(key="in doubt", kind=MessageKind.AWAY, channel=SANNE, details=RETURNED, posting_since=since)
            )
        await messages.wake_lanes(bot.desk)
        await bot.slack.wait_for(lambda: bot.slack.messages(bot.direct_channel(SANNE)))
