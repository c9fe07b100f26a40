"""A reply on its way out, and another process that looks for work meanwhile."""

from datetime import timedelta

import pytest

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason
from bot.domain.mention import ANSWERS, Act, Author, Post, permits
from bot.models import Clock, Reply, ReplyStatus
from bot.outgoing import outbox, replies
from bot.outgoing.composing import Answer
from bot.slack import messages
from jobs import poll
from tests.conftest import SANNE, Bot, eventually, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import Between
from tests.people import answer, connect, mention, settings

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


@pytest.mark.parametrize(
    ("allowed", "why"),
    [
        ([Act.ANSWER], "alleen privé"),
        ([Act.ANSWER_PRIVATELY], "alleen privé"),
        ([*ANSWERS], "intussen privé geworden"),
    ],
)
async def test_a_public_answer_does_not_go_out_below_a_post_that_became_private_meanwhile(
    office: Bot, allowed: list[Act], why: str
) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
        file = await cases.read(session, case_id)
        chosen = Answer(case_id, file.latest.id, submission="v", words="Dag", private=False, initials="SB")
        connector, undo = office.desk.connector, timedelta(minutes=1)
        await replies.answer(session, chosen, connector=connector, by=SANNE, now=office.desk.now(), undo=undo)
    now_private = Post(
        "1", Author("a1", "Burger 1"), "Wanneer?", office.desk.now(), private=True, edited_at=office.desk.now(),
        permits=permits(*allowed),
    )  # fmt: skip
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [now_private], now=office.desk.now())
    office.clock.at += undo  # type: ignore[attr-defined]
    await outbox.drain(office.desk, "1")
    [reply] = await office.rows(Reply)
    assert (reply.status, reply.external_id) == (ReplyStatus.FAILED, None)
    await messages.wake_lanes(office.desk)
    await office.card("Niet verstuurd", why)
