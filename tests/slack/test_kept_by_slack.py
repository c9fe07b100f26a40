"""Slack keeps messages as long as the workspace says: a card may be gone when something is said about its case."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import cases
from bot.cases import inbox, restored
from bot.domain.case import Status, Urgency
from bot.domain.mention import Act, Author, Gone, Post, permits
from bot.models import Message, MessageKind, ReplyKind, Team
from bot.sandbox.slack.inspection import text_of
from bot.slack import troubles
from bot.team import members
from jobs import due, sweep
from jobs.workspace import look_at_slack
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import BEA, BEHEER, mention, moves_to, second_team, sent

NEW = "C0ALGEMEEN"


async def thanks(bot: Bot) -> str:
    """The citizen says thanks for an answer, which reopens nothing."""
    async with bot.desk.session() as session:
        said = Post("2", Author("a1", "Burger 1"), "Bedankt!", bot.desk.now(), in_reply_to="1")
        await inbox.take_in(session, 1, [said], now=bot.desk.now())
    return "Bedankt!"


async def no_answer(bot: Bot) -> str:
    """The citizen does not answer the question of a colleague who left, so the team is asked what to do."""
    async with bot.desk.session() as session:
        await members.saw_account(session, SANNE, closed=True, now=bot.desk.now())
    await due.look_after(bot.desk)
    return "onze vraag"


async def asks_again(bot: Bot) -> str:
    """The citizen answers our question, which reopens the case."""
    async with bot.desk.session() as session:
        said = Post("2", Author("a1", "Burger 1"), "In de Kerkstraat", bot.desk.now(), in_reply_to="1")
        await inbox.take_in(session, 1, [said], now=bot.desk.now())
    return "Kerkstraat"


@pytest.mark.parametrize(
    ("kind", "happens"),
    [(ReplyKind.FINAL, thanks), (ReplyKind.QUESTION, no_answer), (ReplyKind.QUESTION, asks_again)],
)
async def test_what_is_said_under_a_card_that_is_gone_brings_the_card_back(
    office: Bot, kind: ReplyKind, happens: Callable[[Bot], Awaitable[str]]
) -> None:
    bot = office
    await mention(bot)
    await sent(bot, 1, kind)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    [old] = bot.cards()
    bot.clock.at = local("2027-11-22 10:00")  # type: ignore[attr-defined]
    for message in [*bot.slack.thread(CHANNEL, old["ts"]), old]:
        await bot.slack.delete(CHANNEL, message["ts"])
    said = await happens(bot)
    for _ in range(3):
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        bot.clock.at += timedelta(minutes=3)  # type: ignore[attr-defined]
    [card] = bot.cards()
    assert card["ts"] != old["ts"] and "Burger 1" in text_of(card)
    below = [text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"])]
    assert [said in each for each in below] == [True], below
    twice = [each for each in bot.slack.thread(CHANNEL, card["ts"]) if each.get("subtype") == "thread_broadcast"]
    assert twice == [], "the channel shows the card, which says the same"
    assert not [each for each in await bot.rows(Message) if each.shown_version < each.version]


async def settles(bot: Bot) -> None:
    """Let some minutes pass, in which all is written that Slack takes."""
    for _ in range(3):
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
        bot.clock.at += timedelta(minutes=3)  # type: ignore[attr-defined]
    await look_at_slack(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def nothing_waits(bot: Bot) -> bool:
    """Whether no message waits, and no channel is known in which we cannot write."""
    async with bot.desk.reading() as session:
        known = await troubles.known(session)
    return not known and not [each for each in await bot.rows(Message) if each.shown_version < each.version]


@pytest.mark.parametrize(("kind", "happens"), [(ReplyKind.FINAL, thanks), (ReplyKind.QUESTION, no_answer)])
async def test_what_is_said_under_a_card_in_an_archived_channel_that_its_team_left_comes_with_it_in_the_new_one(
    office: Bot, kind: ReplyKind, happens: Callable[[Bot], Awaitable[str]]
) -> None:
    bot = office
    await mention(bot)
    await sent(bot, 1, kind)
    await settles(bot)
    await moves_to(bot, NEW)
    await bot.slack.archive(CHANNEL)
    bot.clock.at = local("2027-11-22 10:00")  # type: ignore[attr-defined]
    said = await happens(bot)
    await settles(bot)
    [card] = [each for each in bot.slack.messages(NEW) if each.get("thread_ts", each["ts"]) == each["ts"]]
    below = [text_of(each) for each in bot.slack.thread(NEW, card["ts"])]
    assert [said in each for each in below] == [True], below
    assert await nothing_waits(bot)


async def test_what_stands_in_an_archived_channel_that_its_team_left_stays_as_it_is(office: Bot) -> None:
    bot = office
    beheer, more = await second_team(bot), permits(Act.ANSWER)
    await mention(bot, 1, "Voor beheer")
    await mention(bot, 2, "Voor ons")
    async with bot.desk.session() as session:
        again = Post("3", Author("a2", "Burger 2"), "En nog iets", bot.desk.now(), in_reply_to="2", permits=more)
        await inbox.take_in(session, 1, [again], now=bot.desk.now())
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.transfer(session, 1, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=now, submission="t")
    await sent(bot, 2)
    await settles(bot)
    await moves_to(bot, NEW)
    await bot.slack.archive(CHANNEL)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=BEA, now=bot.desk.now())
        await inbox.take_in(session, 1, [replace(again, gone=Gone.BY_AUTHOR)], now=bot.desk.now())
    await settles(bot)
    assert bot.slack.messages(NEW) == []
    assert await nothing_waits(bot)


async def asked_in_new_channel(bot: Bot) -> None:
    """Let Sanne ask for advice on a case in a channel that is in no team's settings."""
    await mention(bot)
    await bot.slack.join(bot.slack.app.user_id, NEW)
    async with bot.desk.session() as session:
        await cases.escalate(
            session, 1, by=SANNE, now=bot.desk.now(), target=NEW, channels=[NEW], question="Klopt dit?",
            urgency=Urgency.NORMAL, submission="e1",
        )  # fmt: skip
    await settles(bot)


async def test_a_question_in_an_archived_channel_that_no_team_needs_stays_as_it_is_and_nobody_hears_of_that(
    office: Bot,
) -> None:
    bot = office
    await asked_in_new_channel(bot)
    assert [text_of(each) for each in bot.slack.messages(NEW)] != []
    await bot.slack.archive(NEW)
    again = Post("2", Author("a1", "Burger 1"), "En nog iets", bot.desk.now(), in_reply_to="1")
    for words in ("En nog iets", "En nog iets anders"):
        async with bot.desk.session() as session:
            said = replace(again, text=words, edited_at=bot.desk.now())
            await inbox.take_in(session, 1, [said], now=bot.desk.now())
        await settles(bot)
        assert await nothing_waits(bot)
    assert MessageKind.SLACK_TROUBLE not in {each.kind for each in await bot.rows(Message)}


async def test_a_question_that_an_archived_channel_did_not_take_is_tried_no_more_once_nobody_waits_for_the_advice(
    office: Bot,
) -> None:
    bot = office
    await bot.slack.join(bot.slack.app.user_id, NEW)
    await bot.slack.archive(NEW)
    await asked_in_new_channel(bot)
    assert not await nothing_waits(bot), "the case waits for this advice, so coordinators hear that it is not asked"
    await sent(bot, 1)
    await settles(bot)
    assert await nothing_waits(bot)
    assert bot.slack.messages(NEW) == []


@pytest.mark.parametrize("is_posted", [True, False])
async def test_who_was_asked_in_an_archived_channel_that_no_team_needs_is_reminded_there_no_more(
    office: Bot, is_posted: bool
) -> None:
    bot = office
    await asked_in_new_channel(bot)
    for moment in ("2026-11-20 12:10", "2026-11-20 14:30"):
        if is_posted is moment.endswith("14:30"):
            await bot.slack.archive(NEW)
        bot.clock.at = local(moment)  # type: ignore[attr-defined]
        await due.look_after(bot.desk)
        await settles(bot)
    assert (await bot.case(1)).status is Status.CLAIMED
    assert await nothing_waits(bot) is is_posted, "coordinators hear of a channel while somebody must be asked there"
    await sent(bot, 1)
    await settles(bot)
    assert await nothing_waits(bot)
    assert any(each.kind is MessageKind.REMINDER for each in await bot.rows(Message))


async def test_who_slack_does_not_let_us_see_any_more_is_not_written_to_for_ever(office: Bot) -> None:
    bot = office
    await mention(bot)
    async with bot.desk.session() as session:
        await cases.escalate(
            session, 1, by=SANNE, now=bot.desk.now(), target=YOUSSEF, channels=[YOUSSEF], question="Klopt dit?",
            urgency=Urgency.NORMAL, submission="e1",
        )  # fmt: skip
    bot.slack.faults.error("conversations.open", "user_not_visible", times=999)
    for moment in ("2026-11-20 10:00", "2026-11-20 12:10", "2026-11-20 14:30"):
        bot.clock.at = local(moment)  # type: ignore[attr-defined]
        await due.look_after(bot.desk)
        await settles(bot)
        assert await nothing_waits(bot), moment
    assert (await bot.case(1)).status is Status.CLAIMED, "the owner goes on without the advice"
    asked = len(bot.slack.calls("conversations.open"))
    await settles(bot)
    assert len(bot.slack.calls("conversations.open")) == asked


async def test_that_the_data_were_put_back_comes_in_the_new_channel_when_that_of_then_is_archived(office: Bot) -> None:
    bot = office
    beheer = await second_team(bot)
    await bot.slack.archive(BEHEER)
    async with bot.desk.session() as session:
        team = await session.get_one(Team, beheer)
        await restored.tell_team(session, team, bot.desk.now() - timedelta(hours=1), bot.desk.now())
    await settles(bot)
    await moves_to(bot, NEW, beheer)
    await settles(bot)
    assert ["teruggezet" in text_of(each) for each in bot.slack.messages(NEW)] == [True]
    assert await nothing_waits(bot)


async def test_a_card_that_the_workspace_lets_nobody_edit_any_longer_is_posted_again_while_its_case_is_open(
    bot: Bot,
) -> None:
    await mention(bot)
    [old] = bot.cards()
    bot.slack.faults.error("chat.update", "edit_window_closed")
    assert (await bot.slack.click(SANNE, CHANNEL, old["ts"], "case:claim")).ok
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert bot.card_now("Burger 1", "In behandeling", SANNE)
    assert not [each for each in await bot.rows(Message) if each.shown_version < each.version]


async def test_an_ended_case_whose_card_nobody_may_edit_any_longer_is_not_tried_for_ever(bot: Bot) -> None:
    await mention(bot)
    [card] = bot.cards()
    bot.slack.faults.error("chat.update", "edit_window_closed", times=100)
    assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "no_answer:1:1")).ok
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(bot.cards()) == 1
    assert not [each for each in await bot.rows(Message) if each.shown_version < each.version]
