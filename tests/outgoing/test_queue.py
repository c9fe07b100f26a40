"""The order in which one account's replies and acts go out, to the microsecond."""

from datetime import timedelta

from sqlalchemy.orm.attributes import set_committed_value

from bot.domain.mention import Act
from bot.models import Act as ActRow
from bot.models import ActStatus, Reply, ReplyStatus
from bot.outgoing import queue
from tests.acting import answered, approve
from tests.conftest import Bot

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
