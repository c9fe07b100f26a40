"""What a colleague clicked is shown before what nobody waits for, when Slack takes fewer edits than there are."""

from sqlmodel import col, select, update

from bot import cases
from bot.domain.signals import Rank
from bot.models import Message, MessageKind, Role
from bot.slack import messages
from bot.slack.pace import Pace
from jobs import absence
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, rows_with
from tests.people import make_role
from tests.slack.conftest import SECOND, all_work, come, post, refused


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
