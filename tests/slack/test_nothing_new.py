"""An edit that would change nothing is left out, but only while it is certain what Slack shows."""

import asyncio
from datetime import timedelta

from sqlmodel import update

from bot import cases
from bot.models import Message, MessageKind
from bot.slack import messages, writing
from jobs import sweep
from tests.conftest import SANNE, Bot, eventually, rows_with, second_desk
from tests.people import mention

ONE, OTHER = "Afval", "Wegwerk"


async def card_row(bot: Bot) -> Message:
    [row] = [m for m in await bot.rows(Message) if m.kind is MessageKind.CASE]
    return row


async def choose(bot: Bot, case_id: int, topic: str | None, *, shown: bool = True) -> None:
    """Choose a topic, which the card shows, and bring the card level."""
    async with bot.desk.session() as session:
        await cases.set_topic(session, case_id, topic=topic, by=SANNE, now=bot.desk.now())
    if shown:
        await messages.sync(bot.desk, case_id)


async def touch(bot: Bot, case_id: int) -> None:
    async with bot.desk.session() as session:
        await cases.touch(session, case_id)
    await messages.sync(bot.desk, case_id)


async def is_level(bot: Bot) -> bool:
    row = await card_row(bot)
    return (row.shown_version, row.leased_until, row.problem) == (row.version, None, "")


def edits(bot: Bot) -> int:
    return len(bot.slack.calls("chat.update"))


async def test_a_card_that_looks_the_same_is_level_without_a_call(bot: Bot) -> None:
    case_id = await mention(bot)
    for _ in range(3):
        await touch(bot, case_id)
        assert await is_level(bot)
    await choose(bot, case_id, ONE, shown=False)
    await choose(bot, case_id, None)
    assert edits(bot) == 0 and await is_level(bot)
    await choose(bot, case_id, ONE)
    await touch(bot, case_id)
    assert edits(bot) == 1 and bot.card_now(ONE)


async def test_two_processes_leave_it_out_too(bot: Bot) -> None:
    case_id = await mention(bot)
    async with second_desk(bot) as other:
        await asyncio.gather(*(touch(bot, case_id) for _ in range(3)), messages.wake_lanes(other))
        await messages.wake_lanes(other)
    await eventually(lambda: is_level(bot))
    assert edits(bot) == 0


async def test_what_slack_may_have_taken_is_written_again_though_it_was_shown_before(bot: Bot) -> None:
    """Slack takes the other topic, but its answer is lost; before the next try the first topic is back."""
    case_id = await mention(bot)
    await choose(bot, case_id, ONE)
    for lose in (bot.slack.faults.drop_after, bot.slack.faults.drop_before):
        lose("chat.update")
        await choose(bot, case_id, OTHER)
        assert not await is_level(bot)
        count = edits(bot)
        await choose(bot, case_id, ONE, shown=False)
        bot.clock.advance(seconds=6)
        await sweep(bot.desk)
        await eventually(lambda: is_level(bot))
        assert edits(bot) > count and bot.card_now(ONE)
        bot.clock.advance(seconds=writing.DOUBT.total_seconds() + 10)
        await sweep(bot.desk)
        await eventually(lambda: rows_with(bot, Message, lambda m: m.shown and not m.posting_since))
        assert bot.card_now(ONE)


async def test_a_fault_of_slack_after_it_did_the_work_is_no_certainty(bot: Bot) -> None:
    case_id = await mention(bot)
    await choose(bot, case_id, ONE)
    bot.slack.faults.status("chat.update", 503)
    await choose(bot, case_id, OTHER)
    await choose(bot, case_id, ONE, shown=False)
    count = edits(bot)
    bot.clock.advance(seconds=6)
    await sweep(bot.desk)
    await eventually(lambda: is_level(bot))
    assert edits(bot) > count


async def test_a_process_that_died_after_its_call_leaves_no_certainty(bot: Bot) -> None:
    """It had taken the card and written the other topic; what the row says of Slack is from before."""
    case_id = await mention(bot)
    await choose(bot, case_id, ONE)
    await choose(bot, case_id, OTHER, shown=False)
    async with bot.desk.session() as session:
        lease = await writing.take(bot.desk, session, (await card_row(bot)).id)
    assert lease is not None
    await writing.write(lease)
    assert bot.card_now(OTHER)
    await choose(bot, case_id, ONE, shown=False)
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(leased_until=bot.desk.now() - timedelta(seconds=1)))
    await messages.sync(bot.desk, case_id)
    assert await is_level(bot) and bot.card_now(ONE) and not bot.card_now(OTHER)


async def test_a_process_that_died_after_it_showed_a_click_leaves_no_certainty_to_the_next_click(bot: Bot) -> None:
    case_id = await mention(bot)
    await choose(bot, case_id, ONE)
    async with bot.desk.session() as session:
        await cases.set_topic(session, case_id, topic=OTHER, by=SANNE, now=bot.desk.now())
        [card] = await writing.take_updates(bot.desk, session, case_id, bot.desk.now())
    async with bot.desk.reading() as session:
        lease = await writing.render(bot.desk, session, card, bot.desk.now())
    await writing.write(lease)
    assert bot.card_now(OTHER)
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(leased_until=bot.desk.now() - timedelta(seconds=1)))
    async with messages.changing(bot.desk, case_id) as session:
        await cases.set_topic(session, case_id, topic=ONE, by=SANNE, now=bot.desk.now())
    assert await is_level(bot) and bot.card_now(ONE) and not bot.card_now(OTHER)


async def test_one_that_was_overtaken_makes_it_uncertain_what_stands_there(bot: Bot) -> None:
    case_id = await mention(bot)
    card = await card_row(bot)
    held = bot.slack.faults.hold("chat.update")
    await choose(bot, case_id, OTHER, shown=False)
    slow = asyncio.create_task(messages.level(bot.desk, card.id))
    await eventually(lambda: rows_with(bot, Message, lambda m: m.leased_until))
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(leased_until=bot.desk.now() - timedelta(seconds=1)))
    await choose(bot, case_id, ONE, shown=False)
    async with second_desk(bot) as other:
        await messages.level(other, card.id)
    held.set()
    await slow
    assert bot.card_now(ONE) and not bot.card_now(OTHER) and await is_level(bot)


async def test_what_a_version_before_this_one_wrote_is_written_once_more(bot: Bot) -> None:
    """It does not store what Slack shows, and counts on as ever."""
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await session.exec(update(Message).values(version=7, shown_version=7))
    await touch(bot, case_id)
    await touch(bot, case_id)
    assert edits(bot) == 1 and await is_level(bot)
