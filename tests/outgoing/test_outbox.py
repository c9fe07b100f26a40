"""A reply on its way out, and another process that looks for work meanwhile."""

from datetime import timedelta

from bot.models import Reply, ReplyStatus
from bot.outgoing import outbox
from jobs import poll
from tests.conftest import SANNE, Bot, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.people import answer, connect

SEND = ("POST", "/api/v1/statuses")


async def test_a_reply_that_is_being_sent_is_left_alone_by_other_processes(
    bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    account_id = await connect(bot, to_mastodon.url)
    mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
    await poll.poll_due(bot.desk)
    card = await bot.card("vuilniswagen")
    async with second_desk(bot) as other, to_mastodon.holding(*SEND, passed_on=True) as caught:
        await answer(bot, SANNE, card, "Donderdag, Jan!")
        await caught()
        due = await outbox.drain(other, str(account_id))
        assert due is not None
        assert due - bot.desk.now() > timedelta(seconds=60)
        (reply,) = await bot.rows(Reply)
        assert (reply.status, reply.tries) == (ReplyStatus.SENDING, 1)
    await bot.card("*Beantwoord*", "Donderdag, Jan!")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    (reply,) = await bot.rows(Reply)
    assert (reply.status, reply.tries) == (ReplyStatus.SENT, 1)
    assert to_mastodon.requests.count(SEND) == 1
