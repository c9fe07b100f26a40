"""A citizen who does not answer our question: the clock rests, and after a number of days the owner is asked."""

import asyncio
from typing import Any

import pytest

from bot import cases
from bot.cases import clocks, inbox
from bot.domain.case import CloseReason, Status
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.period import Period
from bot.figures import reports
from bot.figures.standing import standing
from bot.models import Agent, Message, MessageKind, Reply, ReplyKind, Role, Team
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from jobs import due
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import BEHEER, mention, open_modal, second_team, sent, settings, settings_of


@pytest.fixture
async def asked(office: Bot) -> Bot:
    """A question to a citizen, asked by Sanne on a Friday morning."""
    await mention(office)
    await sent(office, 1, ReplyKind.QUESTION)
    assert (await office.case()).status is Status.WITH_CITIZEN
    return office


async def at(bot: Bot, moment: str) -> list[str]:
    """Let the minute's job run at a moment, in two processes at once; return where it asked."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    before = {message.id for message in await questions(bot)}
    await due.look_after(bot.desk)
    await due.look_after(bot.desk)
    return [where(message) for message in await questions(bot) if message.id not in before]


async def questions(bot: Bot) -> list[Message]:
    return [message for message in await bot.rows(Message) if message.kind is MessageKind.UNANSWERED]


def where(message: Message) -> str:
    return "the thread" if message.in_thread else "the owner"


async def in_dm(bot: Bot, person: str, *words: str) -> dict[str, Any]:
    """Wait until the last direct message to someone holds these words, and return it."""

    def shown() -> dict[str, Any] | None:
        told = bot.slack.direct(person)
        return told[-1] if told and all(word in text_of(told[-1]) for word in words) else None

    return await bot.slack.wait_for(shown)


async def test_the_owner_is_asked_after_so_many_working_days_in_opening_hours(asked: Bot) -> None:
    assert await at(asked, "2026-11-27 16:59") == []
    assert await at(asked, "2026-11-30 08:59") == [], "the team is closed"
    assert await at(asked, "2026-11-30 09:00") == ["the owner"], "five working days lie between, no weekend"
    told = await in_dm(asked, SANNE, "5 werkdagen", "Zaak 1 · ", "Wacht op de burger")
    [card, *_] = asked.cards()
    assert f"/archives/{CHANNEL}/p{card['ts'].replace('.', '')}|kaart>" in str(told["blocks"])
    assert action_ids(told) == ["case:answer", "case:more", "case:wait_on"]
    assert await at(asked, "2026-12-03 12:00") == []


async def test_a_team_sets_the_number_of_days(asked: Bot) -> None:
    await settings(asked, citizen_days=1)
    assert await at(asked, "2026-11-23 12:00") == []
    assert await at(asked, "2026-11-24 09:00") == ["the owner"]


async def test_a_day_that_the_change_to_summer_time_makes_shorter_is_a_whole_day(office: Bot) -> None:
    await settings(office, always_open=True, citizen_days=1)
    office.clock.at = local("2027-03-27 23:50")  # type: ignore[attr-defined]
    await mention(office)
    await sent(office, 1, ReplyKind.QUESTION)
    assert await at(office, "2027-03-28 23:59") == []
    assert await at(office, "2027-03-29 00:00") == ["the owner"], "the Sunday of 23 hours lies between"


async def test_a_number_of_days_that_changes_asks_when_these_are_over_and_not_for_days_that_were_asked_about(
    asked: Bot,
) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    await settings(asked, citizen_days=1)
    assert await at(asked, "2026-11-30 12:00") == [], "she was asked about these five days this morning"
    await settings(asked, citizen_days=6)
    assert await at(asked, "2026-11-30 15:00") == []
    assert await at(asked, "2026-12-01 09:00") == ["the owner"]
    assert "6 werkdagen" in text_of(await in_dm(asked, SANNE, "6 werkdagen"))
    assert await at(asked, "2026-12-01 12:00") == []
    await settings(asked, citizen_days=4)
    assert await at(asked, "2026-12-03 09:00") == ["the owner", "the thread"]


async def test_waiting_on_gives_the_citizen_as_much_time_again(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    told = await in_dm(asked, SANNE, "5 werkdagen")
    place = SANNE, asked.direct_channel(SANNE), told["ts"]
    await asyncio.gather(*(asked.slack.click(*place, "case:wait_on") for _ in range(2)))
    assert action_ids(await in_dm(asked, SANNE, "✓")) == [], "an old question shouts no more"
    assert await at(asked, "2026-12-07 12:00") == []
    assert await at(asked, "2026-12-08 09:00") == ["the owner"]


async def test_reminding_is_another_question_and_the_case_never_looks_answered(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    told = await in_dm(asked, SANNE, "5 werkdagen")
    await asked.slack.click(SANNE, asked.direct_channel(SANNE), told["ts"], "case:answer")
    view = await open_modal(asked, SANNE, "case:answer")
    [kind] = [block["element"] for block in view["blocks"] if block.get("block_id", "").startswith("answer_kind")]
    assert kind["initial_option"]["value"] == "question"
    await asked.slack.submit(SANNE, {"answer_text": "Weet u het nog?"})

    async def waits_again() -> bool:
        case, replies = await asked.case(), await asked.rows(Reply)
        return len(replies) == 2 and replies[1].reached and case.waits_since == asked.desk.now()

    await eventually(waits_again)
    assert (await asked.case()).status is Status.WITH_CITIZEN
    await asked.card("*Wacht op de burger*", "Weet u het nog?")


async def test_closing_is_one_click_away(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    told = await in_dm(asked, SANNE, "5 werkdagen")
    await asked.slack.click(SANNE, asked.direct_channel(SANNE), told["ts"], "case:more", value="close:1")
    await open_modal(asked, SANNE, "case:close")
    await asked.slack.submit(SANNE, {"close_reason": "other", "close_text": "Hoorde niets meer"})
    await in_dm(asked, SANNE, "✓", "Afgesloten")


async def test_when_the_owner_is_away_or_gone_the_team_is_asked(asked: Bot) -> None:
    async with asked.desk.session() as session:
        await presence.set_away(session, SANNE, True, asked.desk.now())
        await presence.set_duty(session, 1, YOUSSEF, True, asked.desk.now())
    assert await at(asked, "2026-11-30 09:00") == ["the thread"]
    [message] = await questions(asked)
    assert message.details["asked"] == [YOUSSEF]


@pytest.mark.parametrize("called", [[], [MARIEKE]])
async def test_a_question_in_the_thread_that_names_nobody_is_seen_in_the_channel(asked: Bot, called: list[str]) -> None:
    await settings(asked, coordinators=called)
    async with asked.desk.session() as session:
        await presence.set_away(session, SANNE, True, asked.desk.now())
    assert await at(asked, "2026-11-30 09:00") == ["the thread"]
    [card] = asked.cards()
    [told] = await asked.slack.wait_for(lambda: asked.slack.thread(CHANNEL, card["ts"]))
    assert "5 werkdagen" in text_of(told)
    assert (told.get("subtype") == "thread_broadcast") is (called == [])


async def test_an_owner_who_only_reads_now_is_not_asked_the_team_is(asked: Bot) -> None:
    async with asked.desk.session() as session:
        agent = await session.get_one(Agent, (1, SANNE))
        agent.role = Role.READER
        session.add(agent)
    await settings(asked, coordinators=[MARIEKE])
    assert await at(asked, "2026-11-30 09:00") == ["the thread"]
    [message] = await questions(asked)
    assert message.details["asked"] == [MARIEKE]


async def test_an_owner_who_does_nothing_is_asked_again_and_the_team_hears_of_it(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    assert await at(asked, "2026-12-07 09:00") == ["the owner", "the thread"]


async def test_what_the_citizen_writes_ends_the_waiting_and_nobody_is_asked(asked: Bot) -> None:
    post = Post("9", Author("a1", "Burger 1"), "Op de Dam", asked.desk.now(), in_reply_to="1",
                permits=permits(Act.ANSWER))  # fmt: skip
    async with asked.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=asked.desk.now())
    case = await asked.case()
    assert (case.status, case.waits_since) == (Status.NEW, None)
    assert await at(asked, "2026-11-30 09:00") == []


async def test_a_colleague_takes_a_waiting_case_over_and_the_clock_rests_on(asked: Bot) -> None:
    since = (await asked.case()).waits_since
    async with asked.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=SANNE, now=asked.desk.now())
    case = await asked.case()
    assert (case.status, case.assignee, case.waits_since) == (Status.WITH_CITIZEN, YOUSSEF, since)
    async with asked.desk.reading() as session:
        assert not any(clock.running_since for clock in await clocks.open_clocks(session, 1))


async def give(bot: Bot, to: str) -> None:
    """Let Sanne give the case to a colleague."""
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=to, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)


async def test_who_gets_the_case_after_its_owner_was_asked_is_asked_in_their_place(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    await in_dm(asked, SANNE, "5 werkdagen")
    await give(asked, YOUSSEF)
    assert await at(asked, "2026-11-30 09:01") == ["the owner"]
    assert action_ids(await in_dm(asked, YOUSSEF, "5 werkdagen")) == ["case:answer", "case:more", "case:wait_on"]
    assert action_ids(await in_dm(asked, SANNE, "✓", YOUSSEF)) == [], "what she was asked is no longer hers"
    assert await at(asked, "2026-11-30 09:02") == []
    await give(asked, SANNE)
    assert await at(asked, "2026-11-30 09:03") == [], "she was asked"
    assert "case:wait_on" in action_ids(await in_dm(asked, SANNE, "5 werkdagen"))
    assert await at(asked, "2026-12-07 09:00") == ["the owner", "the thread"]


async def test_who_gets_the_case_and_is_away_is_not_asked_the_team_is(asked: Bot) -> None:
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    await give(asked, YOUSSEF)
    async with asked.desk.session() as session:
        await presence.set_away(session, YOUSSEF, True, asked.desk.now())
    assert await at(asked, "2026-11-30 09:01") == ["the thread"]
    assert await at(asked, "2026-11-30 09:02") == []


async def test_who_no_longer_has_the_case_when_slack_takes_the_question_is_not_asked(asked: Bot) -> None:
    asked.slack.faults.down = True
    assert await at(asked, "2026-11-30 09:00") == ["the owner"]
    await give(asked, YOUSSEF)
    assert await at(asked, "2026-11-30 09:01") == ["the owner"]
    asked.slack.faults.clear()
    asked.clock.at = local("2026-11-30 09:05")  # type: ignore[attr-defined]
    await messages.wake_lanes(asked.desk)
    await in_dm(asked, YOUSSEF, "5 werkdagen")
    assert not asked.slack.direct(SANNE)


async def test_a_question_is_no_answer_in_the_figures(asked: Bot) -> None:
    async with asked.desk.reading() as session:
        team = await session.get_one(Team, 1)
        today = Period(local("2026-11-20 00:00"), local("2026-11-21 00:00"))
        figures = await reports.figures(session, team, today, now=asked.desk.now())
        stands = await standing(session, team, asked.desk.now())
    assert (figures.mentions, figures.answered) == (1, 0)
    assert (stands.open, stands.with_citizen) == (0, 1)


async def test_the_number_of_days_is_a_setting_that_has_its_default(asked: Bot) -> None:
    assert (await settings_of(asked)).citizen_days == 5


async def writes(bot: Bot, number: int, words: str, *, private: bool = False) -> None:
    """The citizen of the case writes once more."""
    about: dict[str, Any] = {"conversation": "1", "in_reply_to": "1", "private": private}
    post = Post(str(number), Author("a1", "Fatima"), words, bot.desk.now(), **about)
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())


async def asked_thrice_and_handed_over(bot: Bot, to: int) -> None:
    """The owner was asked twice, and the thread once; the citizen wrote, and the case went to another team."""
    assert await at(bot, "2026-11-30 09:00") == ["the owner"]
    assert await at(bot, "2026-12-07 09:00") == ["the owner", "the thread"]
    await in_dm(bot, SANNE, "10 werkdagen")
    await bot.slack.wait_for(lambda: "10 werkdagen" in str(bot.slack.thread(CHANNEL, bot.cards()[0]["ts"])))
    await writes(bot, 2, "Ik woon in Houten")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.transfer(session, 1, seen=1, to=to, note="Voor jullie", by=SANNE, now=now, submission="t")


def told(bot: Bot) -> list[dict[str, Any]]:
    """All that the owner read in direct messages, and what stands below the card."""
    return [*bot.slack.direct(SANNE), *bot.slack.thread(CHANNEL, bot.cards()[0]["ts"])]


async def test_what_went_to_another_team_shows_nothing_of_it_to_those_who_were_asked_before(asked: Bot) -> None:
    bot = asked
    await asked_thrice_and_handed_over(bot, await second_team(bot))
    await writes(bot, 3, "Mijn BSN is 123456782")
    async with bot.desk.session() as session:
        seen, now = (await cases.read(session, 1)).seen_to_close, bot.desk.now()
        await cases.close(session, 1, by=MARIEKE, now=now, reason=CloseReason.OTHER, text="Bel 06-12345678", seen=seen)
    await messages.wake_lanes(bot.desk)

    def shown() -> list[str]:
        return [text_of(each) for each in told(bot) if "*Afgesloten* door" in text_of(each)]

    await bot.slack.wait_for(lambda: len(shown()) == 3)
    for each in shown():
        assert "123456782" not in each and "06-12345678" not in each, each


async def test_why_a_case_goes_first_with_another_team_is_not_told_to_those_who_were_asked_before(asked: Bot) -> None:
    """The reason quotes a word of that team, by what the citizen wrote to it alone."""
    bot = asked
    await asked_thrice_and_handed_over(bot, await second_team(bot, signal_words=["faillissement"]))
    await writes(bot, 3, "Ik ga failliet, het faillissement is vandaag", private=True)
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(lambda: "faillissement" in str(bot.slack.messages(BEHEER)))

    def shown() -> list[str]:
        return [str(each) for each in told(bot) if "✓" in text_of(each) and "*Nieuw*" in text_of(each)]

    assert "faillissement" not in "".join(await bot.slack.wait_for(lambda: len(shown()) == 3 and shown()))


async def test_who_has_the_case_no_more_is_asked_nothing_about_it_and_reads_no_new_words(asked: Bot) -> None:
    bot = asked
    assert await at(bot, "2026-11-30 09:00") == ["the owner"]
    await in_dm(bot, SANNE, "5 werkdagen", "Wanneer?")
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=MARIEKE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    assert action_ids(await in_dm(bot, SANNE, "✓", f"<@{YOUSSEF}>")) == []
    assert "Wanneer?" not in text_of(bot.slack.direct(SANNE)[-1])
    post = Post("2", Author("a1", "Fatima"), "Ik woon in Houten", bot.desk.now(), conversation="1", in_reply_to="1")
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    assert "Houten" not in text_of(await in_dm(bot, SANNE, "✓", "Nieuw"))
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=SANNE, by=MARIEKE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await in_dm(bot, SANNE, "✓", "Houten")
