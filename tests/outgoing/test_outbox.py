"""A reply on its way out, and another process that looks for work meanwhile."""

from datetime import timedelta

from bot import cases
from bot.domain.case import CloseReason
from bot.models import Clock, Reply, ReplyStatus
from bot.outgoing import outbox
from jobs import poll
from tests.conftest import SANNE, Bot, eventually, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.people import answer, connect, settings

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


async def counted(bot: Bot) -> list[Clock]:
    """Return the clocks, once all of them count."""
    clocks = await bot.rows(Clock)
    return clocks if all(clock.counts for clock in clocks) else []


async def test_a_case_that_is_closed_while_its_answer_goes_out_counts_when_the_answer_arrives(
    bot: Bot, mastodon: FakeMastodon, to_mastodon: Between
) -> None:
    await settings(bot, always_open=True)
    await connect(bot, to_mastodon.url)
    mastodon.post_as("jan", "@gemeente Wanneer komt de vuilniswagen?")
    await poll.poll_due(bot.desk)
    card = await bot.card("vuilniswagen")
    async with to_mastodon.holding(*SEND, passed_on=True) as caught:
        await answer(bot, SANNE, card, "Donderdag, Jan!")
        await caught()
        async with bot.desk.session() as session:
            await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
        assert {clock.counts for clock in await bot.rows(Clock)} == {False}
        bot.clock.advance(seconds=60)
    clocks = await eventually(lambda: counted(bot))
    assert all(60 <= (clock.elapsed_seconds or 0) < 600 for clock in clocks)
