"""The order in which one account's replies and acts go out, to the microsecond."""

from datetime import timedelta

from sqlalchemy.orm.attributes import set_committed_value

from bot.connectors.base import RateLimited, Sent
from bot.domain.mention import Act
from bot.models import Act as ActRow
from bot.models import ActStatus, Reply, ReplyStatus
from bot.outgoing import outcomes, queue, replies
from bot.slack import messages
from tests.acting import answered, approve, writes_more
from tests.conftest import SANNE, Bot

MOMENT = timedelta(microseconds=1)
LATER = timedelta(minutes=1)


async def test_what_may_go_out_at_this_very_moment_is_due(acting: Bot) -> None:
    bot = acting
    reply = await answered(bot)
    async with bot.desk.reading() as session:
        assert await queue.accounts_due(session, reply.send_at) == {reply.account_id}
        assert await queue.accounts_due(session, reply.send_at - MOMENT) == set()
    async with bot.desk.session() as session:
        assert await queue.take_next(session, reply.account_id, reply.send_at - MOMENT) is None
        taken = await queue.take_next(session, reply.account_id, reply.send_at)
    assert taken is not None
    assert taken.status is ReplyStatus.SENDING


async def test_an_answer_that_tells_of_an_act_goes_out_right_after_it(acting: Bot) -> None:
    bot = acting
    act = await approve(bot, Act.HIDE, undo=LATER)
    reply = await answered(bot)
    async with bot.desk.session() as session:
        (await session.get_one(Reply, reply.id)).tells_of = act.id
    async with bot.desk.session() as session:
        assert await queue.take_next(session, act.account_id, bot.desk.now()) is None
    async with bot.desk.reading() as session:
        assert await queue.next_due(session, act.account_id) == act.send_at
        assert (await session.get_one(Reply, reply.id)).send_at == act.send_at + MOMENT
    async with bot.desk.session() as session:
        first = await queue.take_next(session, act.account_id, act.send_at + LATER)
        assert isinstance(first, ActRow)
        first.status = ActStatus.DONE
    async with bot.desk.session() as session:
        second = await queue.take_next(session, act.account_id, act.send_at + LATER)
        assert isinstance(second, Reply)


async def test_of_two_answers_to_a_citizen_the_first_goes_out_first_also_when_it_was_put_off(acting: Bot) -> None:
    bot, first = acting, await answered(acting)
    async with bot.desk.session() as session:
        tried = await queue.take_next(session, first.account_id, first.send_at)
        assert isinstance(tried, Reply)
        limit = RateLimited(bot.desk.now() + LATER)
        await outcomes.record(session, tried, limit, bot.desk.now())
    await writes_more(bot, "En morgen?")
    second = await answered(bot, "v2")
    await messages.sync(bot.desk, 1)
    await bot.card(f"gaat om {bot.desk.texts().seconds(limit.retry_at, bot.desk.now())} uit")
    async with bot.desk.session() as session:
        assert await queue.take_next(session, second.account_id, second.send_at) is None
        assert await queue.next_due(session, second.account_id) == limit.retry_at
        taken = await queue.take_next(session, first.account_id, limit.retry_at)
        assert taken is not None
        assert taken.id == first.id
        await outcomes.record(session, taken, Sent("77"), bot.desk.now())
        taken = await queue.take_next(session, first.account_id, limit.retry_at)
        assert taken is not None
        assert taken.id == second.id


async def test_an_answer_waits_for_no_earlier_one_that_was_taken_back_nor_for_that_to_another_citizen(
    acting: Bot,
) -> None:
    bot, first = acting, await answered(acting)
    async with bot.desk.session() as session:
        tried = await queue.take_next(session, first.account_id, first.send_at)
        assert isinstance(tried, Reply)
        await outcomes.record(session, tried, RateLimited(bot.desk.now() + LATER), bot.desk.now())
    await writes_more(bot, "En morgen?")
    second = await answered(bot, "v2")
    async with bot.desk.session() as session:
        await replies.withdraw(session, 1, reply_id=first.id, by=SANNE, now=bot.desk.now())
        taken = await queue.take_next(session, second.account_id, second.send_at)
        assert taken is not None
        assert taken.id == second.id


async def test_what_is_approved_or_put_off_wakes_the_lane_of_its_account(acting: Bot) -> None:
    reply = await answered(acting)
    act = await approve(acting, Act.HIDE)
    for item, sending in ((reply, ReplyStatus.SENDING), (act, ActStatus.SENDING)):
        assert queue.lane_of(item) is None, "nothing of it changed"
        item.send_at += LATER
        assert queue.lane_of(item) == f"outgoing:{item.account_id}"
        item.status = sending
        assert queue.lane_of(item) is None, "whoever sends it goes on with what comes next"
        set_committed_value(item, "send_at", item.send_at)
        set_committed_value(item, "status", sending)
        item.status = type(sending).APPROVED
        assert queue.lane_of(item) == f"outgoing:{item.account_id}"
