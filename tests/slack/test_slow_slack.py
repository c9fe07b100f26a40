"""Slack is slow, or does what we had given up: one message all the same, and the others do not wait for it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select, update

from bot import cases
from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Message, MessageKind
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages, writing
from bot.slack.calls import SlackDown, call, open_socket
from jobs import sweep
from tests.conftest import SANNE, YOUSSEF, Bot, eventually, rows_with, running_bot, second_desk
from tests.people import mention, settings

AFTER_THE_DOUBT = writing.DOUBT + timedelta(seconds=10)


@pytest.fixture
async def impatient(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot, which gives up a call to Slack after some seconds: more than any call takes that is not held up.

    It tries again when a test lets the time pass, so that a test sees what was given up however busy this machine is.
    """
    async with running_bot(database_url, slack, slack_timeout=3) as running:
        running.clock.stop()
        yield running


@pytest.fixture
async def hasty(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot, which gives up a call to Slack after half a second."""
    async with running_bot(database_url, slack, slack_timeout=0.5) as running:
        running.clock.stop()
        yield running


async def card_row(bot: Bot) -> Message:
    [row] = [m for m in await bot.rows(Message) if m.kind is MessageKind.CASE]
    return row


async def ask_who(bot: Bot) -> None:
    await call(bot.desk.slack, "users.info", user=SANNE)


async def ask_for_a_socket(bot: Bot) -> None:
    await open_socket(bot.desk.settings)


@pytest.mark.parametrize(("ask", "method"), [(ask_who, "users.info"), (ask_for_a_socket, "apps.connections.open")])
async def test_a_call_that_slack_does_not_answer_is_given_up(
    hasty: Bot, ask: Callable[[Bot], Awaitable[None]], method: str
) -> None:
    held = hasty.slack.faults.hold(method)
    with pytest.raises(SlackDown) as given_up:
        async with asyncio.timeout(60):
            await ask(hasty)
    assert (given_up.value.method, given_up.value.maybe_late) == (method, True)
    held.set()

    async def is_answered() -> bool:
        try:
            await ask(hasty)
        except SlackDown:  # half a second is little for a busy machine
            return False
        return True

    await eventually(is_answered)


async def renamed(bot: Bot, table: str, to: str) -> None:
    async with bot.desk.session() as session:
        await (await session.connection()).execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


@pytest.mark.logs("a message cannot be shown", "lane failed")
async def test_of_several_messages_that_the_database_refuses_at_once_no_error_is_left_uncaught(bot: Bot) -> None:
    async def both(holds: Callable[[Message], object]) -> bool:
        return len(await rows_with(bot, Message, holds)) == 2

    async def one_ended() -> bool:
        return sum("_level_or_put_off" in repr(task) for task in asyncio.all_tasks()) < 2

    uncaught = list[dict[str, object]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: uncaught.append(context))
    for number in (1, 2):
        await mention(bot, number, f"Vraag {number}")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    held = [bot.slack.faults.hold("chat.update") for _ in range(2)]
    async with bot.desk.session() as session:
        for case_id in (1, 2):
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await eventually(lambda: both(lambda m: m.leased_until))
    await renamed(bot, "messages", "gone")
    held[0].set()
    await eventually(one_ended)
    held[1].set()
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await renamed(bot, "gone", "messages")
    gc.collect()  # only then an error that nobody caught is told
    assert uncaught == []
    bot.clock.advance(minutes=3)
    await sweep(bot.desk)
    await eventually(lambda: both(lambda m: m.shown_version == m.version))


async def is_posted_twice(bot: Bot) -> None:
    """Let Slack take the call for a card only once the card was posted again."""
    late = bot.slack.faults.hold("chat.postMessage")
    bot.citizen_posts("Komt dit twee keer?")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and not m.leased_until))
    bot.clock.advance(seconds=6)
    await sweep(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.ts and m.shown_version == m.version))
    late.set()


async def test_a_card_that_slack_posts_long_after_we_gave_it_up_stands_there_once(impatient: Bot) -> None:
    bot = impatient
    await is_posted_twice(bot)
    await bot.slack.wait_for(lambda: len(bot.slack.calls("chat.postMessage")) == 2)
    shown = await card_row(bot)
    bot.clock.advance(seconds=AFTER_THE_DOUBT.total_seconds())
    await sweep(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.posting_since is None))
    assert [card["ts"] for card in bot.cards()] == [shown.ts]
    assert (await card_row(bot)).ts == shown.ts


async def test_a_card_that_slack_posted_twice_is_found_however_late_it_can_be_looked_for(impatient: Bot) -> None:
    """The first look for it fails hours later, so that its doubt begins anew, long after both were posted."""
    bot = impatient
    await is_posted_twice(bot)
    await bot.slack.wait_for(lambda: len(bot.slack.calls("chat.postMessage")) == 2)
    look = bot.slack.faults.hold("conversations.history")
    bot.clock.advance(hours=14)
    await sweep(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and not m.leased_until))
    look.set()
    await eventually(lambda: the_doubt_is_over(bot))
    assert len(bot.cards()) == 1


async def test_a_card_that_slack_has_twice_goes_on_where_slack_keeps_all_messages(impatient: Bot) -> None:
    """A workspace with compliance exports lets nobody delete anything."""
    bot = impatient
    await is_posted_twice(bot)
    await bot.slack.wait_for(lambda: len(bot.cards()) == 2)
    bot.slack.faults.error("chat.delete", "compliance_exports_prevent_deletion", times=1000)
    await eventually(lambda: the_doubt_is_over(bot))
    kept = await bot.card("kwam twee keer aan")
    assert action_ids(kept) == [] and "Komt dit twee keer?" not in text_of(kept)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    assert (await bot.card("Komt dit twee keer?", SANNE))["ts"] == (await card_row(bot)).ts != kept["ts"]


async def the_doubt_is_over(bot: Bot) -> bool:
    """Let so much time pass that the doubt ends; a call that this machine makes slow begins it anew."""
    bot.clock.advance(seconds=AFTER_THE_DOUBT.total_seconds())
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    return bool(await rows_with(bot, Message, lambda m: m.posting_since is None))


async def test_two_processes_post_one_card_though_slack_takes_ten_times_as_long_as_a_call_may(impatient: Bot) -> None:
    bot = impatient
    late = bot.slack.faults.hold("chat.postMessage")
    async with second_desk(bot) as other:
        bot.citizen_posts("Komt dit twee keer?")
        await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and not m.leased_until))

        async def time_passes(seconds: float) -> None:
            """Both look at what is due then, and end with it: the clock must not run ahead of what they write."""
            bot.clock.advance(seconds=seconds)
            await asyncio.gather(sweep(bot.desk), sweep(other))
            for desk in (bot.desk, other):
                await desk.wake.idle()  # type: ignore[attr-defined]

        async def is_level() -> list[Message]:
            await time_passes(6)
            return await rows_with(bot, Message, lambda m: m.ts and m.shown_version == m.version)

        await eventually(is_level)
        posted = len(bot.slack.calls("chat.postMessage"))
        late.set()
        await bot.slack.wait_for(lambda: len(bot.slack.calls("chat.postMessage")) > posted)  # also what we gave up

        async def is_beyond_doubt() -> list[Message]:
            await time_passes(AFTER_THE_DOUBT.total_seconds())
            return await rows_with(bot, Message, lambda m: m.posting_since is None and not m.leased_until)

        await eventually(is_beyond_doubt)
    assert [card["ts"] for card in bot.cards()] == [(await card_row(bot)).ts]


async def test_a_doubted_message_that_has_nothing_to_say_any_more_is_cleared_up_and_then_left(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await settings(bot, always_open=True)
    async with bot.desk.session() as session:
        asked = {"owner": SANNE, "returned": 2}
        session.add(Message(key="asked", kind=MessageKind.AWAY, channel=SANNE, details=asked))
    await messages.wake_lanes(bot.desk)
    [shown] = await eventually(lambda: rows_with(bot, Message, lambda m: m.ts))
    again = {"event_type": "webcare_message", "event_payload": {"key": "asked"}}
    await bot.desk.slack.chat_postMessage(channel=shown.channel, text="Twee keer", metadata=again)
    async with bot.desk.session() as session:
        row = await session.get_one(Message, shown.id)
        row.details, row.posting_since, row.version = {"owner": SANNE}, bot.desk.now(), row.version + 1
        session.add(row)
    for _ in range(3):
        bot.clock.advance(seconds=AFTER_THE_DOUBT.total_seconds())
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    [left] = await bot.rows(Message)
    assert (left.posting_since, left.version) == (None, shown.version + 1)
    assert [m["ts"] for m in bot.slack.messages(shown.channel)] == [shown.ts]


async def gives_up_its_question(bot: Bot) -> None:
    """An agent is asked something, in a call that the bot gives up; then there is nothing to ask any more."""
    await settings(bot, always_open=True)
    async with bot.desk.session() as session:
        asked = {"owner": SANNE, "returned": 2}
        session.add(Message(key="asked", kind=MessageKind.AWAY, channel=SANNE, details=asked))
    await messages.wake_lanes(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and not m.leased_until))
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(details={"owner": SANNE}, version=Message.version + 1))
    bot.clock.advance(seconds=6)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def the_doubt_ends(bot: Bot) -> Message:
    """Let the doubt about the only message end, also the doubt that began with the last look for it."""
    for _ in range(3):
        bot.clock.advance(seconds=AFTER_THE_DOUBT.total_seconds())
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    [row] = await bot.rows(Message)
    return row


async def test_a_post_that_slack_carries_out_after_it_has_nothing_to_say_any_more_is_found(impatient: Bot) -> None:
    bot = impatient
    late = bot.slack.faults.hold("chat.postMessage")
    await gives_up_its_question(bot)
    late.set()
    await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    row = await the_doubt_ends(bot)
    assert [m["ts"] for m in bot.slack.direct(SANNE)] == [row.ts]
    assert (row.posting_since, row.shown_version) == (None, row.version)


async def test_a_post_that_slack_never_had_and_that_has_nothing_to_say_any_more_is_left(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.faults.drop_before("chat.postMessage")
    await gives_up_its_question(bot)
    row = await the_doubt_ends(bot)
    assert bot.slack.direct(SANNE) == []
    assert (row.ts, row.posting_since, row.shown_version) == (None, None, row.version)


async def test_an_update_that_slack_carries_out_after_a_newer_one_is_made_good(impatient: Bot) -> None:
    bot = impatient
    case_id = await mention(bot)
    late = bot.slack.faults.hold("chat.update")
    await set_topic(bot, case_id, "Oud")
    await messages.sync(bot.desk, case_id)
    assert (await card_row(bot)).problem == "unreachable"
    bot.clock.advance(seconds=6)
    await set_topic(bot, case_id, "Nieuw")
    await messages.sync(bot.desk, case_id)
    await bot.card("Nieuw")
    late.set()
    await bot.card("Oud")  # Slack did it after all
    bot.clock.advance(seconds=AFTER_THE_DOUBT.total_seconds())
    await sweep(bot.desk)
    await bot.card("Nieuw")
    assert len(bot.cards()) == 1


async def gave_up(bot: Bot) -> list[Message]:
    return await rows_with(bot, Message, lambda m: m.problem == "unreachable" and not m.leased_until)


async def test_the_calls_of_one_turn_end_before_its_lease_however_many_they_are(hasty: Bot) -> None:
    bot = hasty
    await settings(bot, always_open=True)
    async with bot.desk.session() as session:
        message = Message(key="asked", kind=MessageKind.AWAY, channel=SANNE, details={"owner": SANNE, "returned": 2})
        message.posting_since = bot.desk.now()
        session.add(message)
    for method in ("conversations.open", "conversations.history", "chat.postMessage"):
        bot.slack.faults.delay(method, 0.45, times=2 if method == "conversations.open" else 1)
    await messages.wake_lanes(bot.desk)
    async with second_desk(bot) as other:
        await eventually(lambda: gave_up(bot))

        async def is_level() -> list[Message]:
            if await gave_up(bot):  # again, where the machine is slow too
                bot.clock.advance(seconds=6)
            await asyncio.gather(sweep(bot.desk), sweep(other))
            return await rows_with(bot, Message, lambda m: m.ts and not m.leased_until)

        await eventually(is_level)
    await eventually(lambda: the_doubt_is_over(bot))
    assert len(bot.slack.direct(SANNE)) == 1


async def set_topic(bot: Bot, case_id: int, topic: str) -> None:
    async with bot.desk.session() as session:
        await cases.set_topic(session, case_id, topic=topic, by=SANNE, now=bot.desk.now())


async def lease_ends(bot: Bot) -> None:
    """Let the lease of a running call be over, as if its process had stood still."""
    await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(leased_until=bot.desk.now() - timedelta(seconds=1)))


async def test_of_two_processes_that_post_one_card_the_surplus_is_deleted(bot: Bot) -> None:
    held = bot.slack.faults.hold("chat.postMessage")
    async with bot.desk.session() as session:
        post = Post("1", Author("a", "Fatima"), "Wanneer?", bot.desk.now(), permits=permits(Act.ANSWER))
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    card = await card_row(bot)
    slow = asyncio.create_task(messages.level(bot.desk, card.id))
    await lease_ends(bot)
    async with second_desk(bot) as other:
        await messages.level(other, card.id)
    held.set()
    await slow
    await eventually(lambda: rows_with(bot, Message, lambda m: m.ts and m.shown_version == m.version))
    assert len(bot.slack.calls("chat.postMessage")) == 2
    assert [each["ts"] for each in bot.cards()] == [(await card_row(bot)).ts]


async def test_a_process_that_was_overtaken_leaves_no_old_state(bot: Bot) -> None:
    case_id = await mention(bot)
    card = await card_row(bot)
    held = bot.slack.faults.hold("chat.update")
    await set_topic(bot, case_id, "Oud")
    slow = asyncio.create_task(messages.level(bot.desk, card.id))
    await lease_ends(bot)
    await set_topic(bot, case_id, "Nieuw")
    async with second_desk(bot) as other:
        await messages.level(other, card.id)
    assert bot.card_now("Nieuw")
    held.set()
    await slow
    assert bot.card_now("Nieuw")
    row = await card_row(bot)
    assert (row.shown_version, row.leased_until) == (row.version, None)


async def test_one_slow_card_holds_up_no_other(database_url: str, slack: Sandbox) -> None:
    async with running_bot(database_url, slack, slack_timeout=60) as bot:
        slack.faults.delay("chat.postMessage", 60)
        bot.citizen_posts("Deze duurt lang")
        await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
        bot.citizen_posts("Deze niet", name="Kees")
        await bot.card("Deze niet")
        assert len(bot.cards()) == 1


async def test_a_card_that_slack_keeps_refusing_holds_up_no_other_however_much_hangs_under_it(bot: Bot) -> None:
    bot.slack.faults.error("chat.postMessage", "restricted_action", times=1000)
    await mention(bot, conversation="c")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "restricted_action"))
    async with bot.desk.session() as session:
        who, may = Author("a1", "Burger 1"), permits(Act.ANSWER)
        more = [
            Post(f"more{n}", who, f"Nog iets {n}", bot.desk.now(), conversation="c", permits=may) for n in range(60)
        ]
        await inbox.take_in(session, 1, more, now=bot.desk.now())
    async with bot.desk.reading() as session:
        hanging = select(Message.id).where(col(Message.in_thread).is_(True))
        assert len((await session.exec(hanging)).all()) > 50
    bot.slack.faults.clear()
    await mention(bot, 2, "Andere burger, brand!")
    assert bot.card_now("Andere burger")
    bot.clock.advance(minutes=3)
    await sweep(bot.desk)
    await bot.card("Nog iets")


async def test_a_message_under_a_card_that_was_deleted_does_not_spin(bot: Bot) -> None:
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.add_note(session, case_id, text="Let op", by=SANNE, submission="v1", now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        card = await session.get_one(Message, (await card_row(bot)).id)
        card.ts, card.retry_at = None, bot.desk.now() + timedelta(hours=1)
        await session.exec(update(Message).where(col(Message.in_thread).is_(True)).values(version=9))
        session.add(card)
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert await rows_with(bot, Message, lambda m: m.in_thread and m.shown_version == 9)
    assert YOUSSEF not in text_of(bot.cards()[0])


async def test_the_end_of_a_doubt_waits_for_nobody_who_holds_the_messages(postgres_bot: Bot) -> None:
    """Whoever hands a case over holds its messages in an order of their own; two who wait for each other are ended."""
    bot = postgres_bot
    for number in range(2):
        bot.citizen_posts(f"Vraag {number}", name=f"Burger {number}")
        await bot.card(f"Vraag {number}")
    doubted = update(Message).values(posting_since=bot.desk.now() - writing.DOUBT)
    async with bot.desk.session() as session:
        await session.exec(doubted)
    first, second = [row.id for row in await bot.rows(Message) if row.kind is MessageKind.CASE]
    marks = update(Message).values(version=Message.version + 1)
    async with bot.desk.session() as session:
        await session.exec(marks.where(col(Message.id) == second))
        async with asyncio.timeout(60):
            await messages.wake_lanes(bot.desk)
        await session.exec(marks.where(col(Message.id) == first))
    await messages.wake_lanes(bot.desk)

    async def both_are_level() -> bool:
        level = [m for m in await bot.rows(Message) if m.shown_version == m.version and not m.posting_since]
        return {first, second} <= {m.id for m in level}

    await eventually(both_are_level)


async def test_who_stops_a_lane_stops_all_that_it_writes(bot: Bot) -> None:
    held = bot.slack.faults.hold("chat.postMessage")
    bot.citizen_posts("Gaat dit door na het einde?")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
    await bot.desk.wake.stop(0)  # type: ignore[attr-defined]
    assert [each for each in asyncio.all_tasks() if "_level_or_put_off" in repr(each.get_coro())] == []
    held.set()
