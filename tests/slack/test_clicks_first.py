"""What a colleague clicked is shown before what nobody waits for, when Slack takes fewer edits than there are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import col, select, update

from bot import cases
from bot.domain.signals import QUIETLY, Rank
from bot.models import Message, MessageKind, Role
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.rules import Rules
from bot.slack import messages
from bot.slack.pace import Pace
from jobs import absence
from tests.conftest import CHANNEL, MANIFEST, SANNE, YOUSSEF, Bot, eventually, rows_with, running_bot
from tests.people import make_role
from tests.slack.conftest import SECOND, all_work, come, keeping_rates, post, refused


async def carded(bot: Bot, count: int) -> None:
    """Post so many cards."""
    await come(bot, *(post(bot, number, f"Vraag {number}") for number in range(1, count + 1)))
    for _ in range(count):
        await all_work(bot.desk)
        bot.clock.at += SECOND  # type: ignore[attr-defined]
    assert len(bot.cards()) == count
    bot.slack.api.calls.clear()


async def use_up(bot: Bot) -> None:
    """Make so many edits, of other messages, that Slack takes no more at this moment."""
    others: Pace = bot.desk.slack.pace  # type: ignore[attr-defined]
    while not await others.wait("chat.update", "", bot.desk.now()):
        pass


async def news(bot: Bot, *case_ids: int) -> None:
    """Change cards that nobody looks at."""
    async with bot.desk.session() as session:
        for case_id in case_ids:
            await cases.set_topic(session, case_id, topic=f"Om {bot.desk.now():%X.%f}", by=SANNE, now=bot.desk.now())


async def card_of(bot: Bot, case_id: int) -> Message:
    async with bot.desk.session() as session:
        mine = select(Message).where(Message.case_id == case_id, col(Message.kind) == MessageKind.CASE)
        return (await session.exec(mine)).one()


async def click(bot: Bot, case_id: int) -> None:
    ack = await bot.slack.click(SANNE, CHANNEL, (await card_of(bot, case_id)).ts or "", "case:claim")
    assert ack.ok


async def waits(bot: Bot, case_id: int) -> None:
    """Wait until the click is carried out, and its card has to wait."""
    await eventually(lambda: rows_with(bot, Message, lambda m: m.case_id == case_id and m.retry_at))


async def edited(bot: Bot, *, rounds: int) -> list[int]:
    """Let it work for so many half seconds; returns the cases whose cards were edited, in order."""
    bot.slack.api.calls.clear()
    for _ in range(rounds):
        bot.clock.at += SECOND / 2  # type: ignore[attr-defined]
        await all_work(bot.desk)
    places = {each.ts: each.case_id for each in await bot.rows(Message)}
    return [places[call.args["ts"]] for call in bot.slack.calls("chat.update")]


async def test_clicks_without_room_are_shown_in_their_order_before_what_nobody_waits_for(strict: Bot) -> None:
    bot = strict
    await carded(bot, 12)
    await use_up(bot)
    await news(bot, 1, 2, 3, 4)
    await all_work(bot.desk)  # the rest has its turn now, and then not for six others
    for case_id in (12, 8, 10):
        await click(bot, case_id)
        await waits(bot, case_id)
        bot.clock.at += SECOND / 10  # type: ignore[attr-defined]
    order = await edited(bot, rounds=40)
    assert order[:3] == [12, 8, 10]
    assert sorted(order[3:]) == [2, 3, 4]
    assert refused(bot) == []


async def test_each_click_takes_the_room_of_one_edit(strict: Bot) -> None:
    bot = strict
    await carded(bot, 12)
    bot.clock.at += 60 * SECOND  # type: ignore[attr-defined]
    for case_id in range(1, 11):
        await click(bot, case_id)
    await eventually(lambda: has_edits(bot, 10))
    for case_id in (11, 12):
        await click(bot, case_id)
        await waits(bot, case_id)
    assert len(bot.slack.calls("chat.update")) == 10
    assert await edited(bot, rounds=6) == [11, 12]
    assert refused(bot) == []


async def has_edits(bot: Bot, count: int) -> bool:
    return len(bot.slack.calls("chat.update")) >= count


async def test_a_click_on_a_card_that_is_just_being_written_is_waited_for_too(strict: Bot) -> None:
    bot = strict
    await carded(bot, 6)
    held = bot.slack.faults.hold("chat.update")
    await news(bot, 1)
    await messages.wake_lanes(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
    await use_up(bot)
    await click(bot, 1)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.case_id == 1 and m.version > m.shown_version + 1))
    held.set()
    await waits(bot, 1)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await news(bot, 2, 3)
    order = await edited(bot, rounds=20)
    assert order.index(1) <= 1, "before all others but the turn of the rest"
    assert bot.card_now("Vraag 1", f"<@{SANNE}>")


async def test_who_clicks_without_room_sees_it_as_soon_as_there_is_some(strict: Bot) -> None:
    bot = strict
    await carded(bot, 1)
    await use_up(bot)
    await click(bot, 1)
    await waits(bot, 1)
    bot.clock.at += 2 * SECOND  # type: ignore[attr-defined]
    await eventually(lambda: rows_with(bot, Message, lambda m: m.case_id == 1 and m.shown_version == m.version))
    assert bot.card_now("Vraag 1", f"<@{SANNE}>")


async def test_what_time_did_is_nothing_that_a_colleague_waits_for(strict: Bot) -> None:
    bot = strict
    await carded(bot, 3)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
    await edited(bot, rounds=10)
    await make_role(bot, YOUSSEF, Role.READER)
    await use_up(bot)
    await news(bot, 2)
    await all_work(bot.desk)  # the turn of the rest
    await absence.return_from_readers(bot.desk)
    bot.clock.at += SECOND / 10  # type: ignore[attr-defined]
    await click(bot, 3)
    await waits(bot, 3)
    assert (await edited(bot, rounds=30))[:2] == [3, 1]
    assert bot.card_now("Vraag 1", "Nieuw")


async def test_the_rest_has_its_turn_while_clicks_wait(strict: Bot) -> None:
    bot = strict
    await carded(bot, 40)
    await news(bot, 1, 2, 3, 4)
    bot.slack.api.calls.clear()
    await use_up(bot)
    for case_id in range(5, 41):
        await click(bot, case_id)
        await waits(bot, case_id)
    order = await edited(bot, rounds=60)
    assert len({1, 2, 3, 4} & {*order}) >= 2 and len(order) >= 18
    assert refused(bot) == []


async def test_what_many_read_has_most_turns_and_each_of_a_kind_as_many(strict: Bot) -> None:
    """Roll-ups change all the time, and so does the list of reminders; their rank is that of these cards."""
    bot = strict
    await carded(bot, 12)
    async with bot.desk.session() as session:
        await session.exec(update(Message).where(col(Message.case_id) <= 4).values(rank=Rank.SOON))
    order = list[int]()
    for _ in range(60):
        await news(bot, *range(1, 13))
        await use_up(bot)
        order += await edited(bot, rounds=10)
    counts = [order.count(case_id) for case_id in range(1, 13)]
    for each in (counts[:4], counts[4:]):
        assert max(each) <= min(each) + 1
    assert sum(counts[:4]) > 1.2 * sum(counts[4:])
    assert refused(bot) == []


def fails_for(bot: Bot, ts: str) -> None:
    """Let Slack answer each edit of one message with a fault of its own."""
    answer = bot.slack.api._answer

    def failing(name: str, args: dict[str, Any], token: str) -> Any:
        fails = name == "chat.update" and args.get("ts") == ts
        return (200, {"ok": False, "error": "internal_error"}, {}) if fails else answer(name, args, token)

    bot.slack.api._answer = failing  # type: ignore[method-assign]


async def test_a_card_at_which_slack_always_fails_does_not_take_every_turn_of_the_rest(strict: Bot) -> None:
    bot = strict
    await carded(bot, 6)
    fails_for(bot, (await card_of(bot, 1)).ts or "")
    await news(bot, 1, 2, 3, 4, 5, 6)
    taken = list[int]()
    for _ in range(60):  # colleagues click all the time: a minute
        await use_up(bot)
        taken += await edited(bot, rounds=2)
    assert 1 in taken
    assert {2, 3, 4, 5, 6} & {*taken}, taken


async def test_a_click_at_which_slack_failed_once_keeps_its_place(strict: Bot) -> None:
    bot = strict
    await carded(bot, 12)
    bot.slack.faults.status("chat.update", 500)
    await click(bot, 12)
    await waits(bot, 12)
    await news(bot, *range(1, 12))
    await use_up(bot)
    order = await edited(bot, rounds=60)
    assert order.index(12) <= 2, order


async def test_a_click_during_a_write_that_slack_puts_off_keeps_its_place(strict: Bot) -> None:
    bot = strict
    await carded(bot, 12)
    held = asyncio.Event()
    bot.slack.faults._add("chat.update", Fault(held=held, status=429, error="ratelimited", retry_after=20), 1)
    await news(bot, 12)
    await messages.wake_lanes(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
    await click(bot, 12)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.case_id == 12 and m.version > m.shown_version + 1))
    held.set()
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await news(bot, *range(1, 12))
    order = await edited(bot, rounds=100)
    assert order.index(12) <= 2, order


async def test_what_nothing_happened_to_stays_behind_when_it_was_tried_without_room(strict: Bot) -> None:
    bot = strict
    await carded(bot, 6)
    await news(bot, 5)
    await use_up(bot)
    await all_work(bot.desk)  # the turn of the rest
    async with bot.desk.session() as session:
        await cases.set_topic(session, 1, topic="Om", by=SANNE, now=bot.desk.now())
        await session.exec(update(Message).where(col(Message.case_id) == 1).values(rank=Rank.LATER + QUIETLY))
    await all_work(bot.desk)
    await news(bot, 2, 3, 4)
    order = await edited(bot, rounds=60)
    assert order[-1] == 1, order


@pytest.fixture
async def patient(database_url: str) -> AsyncIterator[Bot]:
    """As `strict`, with the time for a call that is usual, so that one in doubt is looked for."""
    async with keeping_rates(database_url, slack_timeout=10) as bot:
        yield bot


async def test_a_search_that_slack_puts_off_holds_up_no_new_card(patient: Bot) -> None:
    bot = patient
    bot.slack.faults.status("chat.postMessage", 500)
    await come(bot, post(bot, 1, "Vraag 1"))
    await all_work(bot.desk)
    bot.slack.faults.rate_limit("conversations.history", 60)
    bot.clock.at += 6 * SECOND  # type: ignore[attr-defined]
    await all_work(bot.desk)
    await come(bot, post(bot, 2, "Vraag 2"))
    await edited(bot, rounds=60)
    assert bot.card_now("Vraag 2")


async def test_a_search_that_slack_puts_off_holds_up_no_edit(patient: Bot) -> None:
    bot = patient
    await carded(bot, 4)
    async with bot.desk.session() as session:
        await session.exec(update(Message).where(col(Message.case_id) == 1).values(posting_since=bot.desk.now()))
    await news(bot, 1)
    await news(bot, 2)
    bot.slack.faults.rate_limit("conversations.history", 60)
    await all_work(bot.desk)
    await edited(bot, rounds=40)
    other = await card_of(bot, 2)
    assert other.shown_version == other.version


async def test_edits_that_hang_hold_up_no_urgent_card(database_url: str) -> None:
    rules = Rules(ack_seconds=30, trigger_seconds=60)
    async with (
        Sandbox(MANIFEST, rules=rules) as slack,
        running_bot(database_url, slack, slack_pace=1, slack_timeout=2) as bot,
    ):
        await come(bot, *(post(bot, number, f"Vraag {number}") for number in range(1, 16)))
        for _ in range(16):
            await all_work(bot.desk)
            bot.clock.advance(seconds=1.1)
        assert len(bot.cards()) == 15
        bot.clock.advance(seconds=60)
        held = slack.faults.hold("chat.update", times=200)
        await news(bot, *range(1, 16))
        bot.desk.wake(f"messages:{CHANNEL}")
        await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
        await come(bot, post(bot, 99, "Mijn huis staat in brand, bel 112!"))
        bot.desk.wake(f"messages:{CHANNEL}")
        await bot.card("staat in brand")
        hung = await rows_with(bot, Message, lambda m: m.shown_version < m.version and (m.leased_until or m.problem))
        held.set()
        assert 0 < len(hung) < 12, "not all that is stale goes before it"
