"""Taking a case over: from the colleague whom the modal names, who is told; and giving a colleague's case away."""

import asyncio
import copy
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.models import AnswerDraft, Event, Mention, ReplyKind
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from jobs import sweep
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, rows_with
from tests.people import answer, mention, open_modal, sent


async def claimed(bot: Bot) -> dict[str, Any]:
    bot.citizen_posts("Waar blijft de bus?")
    card = await bot.card("bus", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    return await bot.card("bus", "In behandeling", SANNE)


async def thread_message(bot: Bot, card: dict[str, Any], *words: str) -> str:
    """Wait until the thread of the card has a message with all these words, and return it."""

    def said() -> str | None:
        texts = (text_of(message) for message in bot.slack.thread(CHANNEL, card["ts"]))
        return next((text for text in texts if all(word in text for word in words)), None)

    return await bot.slack.wait_for(said)


async def takes_over(bot: Bot, person: str, card: dict[str, Any]) -> dict[str, Any]:
    """Press Answer on a colleague's card; returns the question whether to take it over."""
    await bot.slack.click(person, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, person, "case:take_over")


async def assigns(bot: Bot, person: str, card: dict[str, Any], to: str) -> None:
    await bot.slack.click(person, CHANNEL, card["ts"], "case:more", "assign:1")
    await open_modal(bot, person, "case:assign")
    assert (await bot.slack.submit(person, {"assign_to": to})).ok


async def test_who_assigns_a_case_that_a_colleague_took_meanwhile_is_asked_first(bot: Bot) -> None:
    bot.citizen_posts("Waar blijft de bus?")
    card = await bot.card("bus", "Nieuw")
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:more", "assign:1")
    await open_modal(bot, MARIEKE, "case:assign")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("bus", "In behandeling", SANNE)
    assert (await bot.slack.submit(MARIEKE, {"assign_to": YOUSSEF})).ok
    asked = await open_modal(bot, MARIEKE, "case:assign")
    assert f"<@{SANNE}> heeft deze zaak intussen" in text_of(asked)
    assert (await bot.case()).assignee == SANNE
    assert (await bot.slack.submit(MARIEKE)).ok
    await bot.card("In behandeling", YOUSSEF)
    await thread_message(bot, card, f"<@{YOUSSEF}>", "toegewezen", f"<@{SANNE}>")


async def test_the_colleague_who_had_the_case_is_told_by_name(bot: Bot) -> None:
    card = await claimed(bot)
    await takes_over(bot, YOUSSEF, card)
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:answer")
    await thread_message(bot, card, f"<@{SANNE}>", f"<@{YOUSSEF}>", "overgenomen")
    assert (await bot.case()).assignee == YOUSSEF


async def test_a_case_that_waits_for_its_citizen_is_offered_too_when_it_was_given_away_meanwhile(office: Bot) -> None:
    await mention(office)
    await sent(office, 1, ReplyKind.QUESTION)
    card = await office.card("*Wacht op de burger*")
    await office.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(office, SANNE, "case:answer")
    async with office.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=YOUSSEF, now=office.desk.now())
    await office.slack.submit(SANNE, {"answer_text": "Weet u het nog?"})
    asked = await open_modal(office, SANNE, "case:take_over")
    assert f"<@{YOUSSEF}>" in text_of(asked)
    case = await office.case()
    assert (case.status, case.assignee) == (Status.WITH_CITIZEN, YOUSSEF)


async def test_what_the_former_owner_was_told_stays_true_after_the_next_take_over(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await claimed(bot)
    for person in (YOUSSEF, MARIEKE):
        await takes_over(bot, person, card)
        await bot.slack.submit(person)
    await thread_message(bot, card, f"<@{SANNE}>", f"<@{YOUSSEF}>", "overgenomen")
    await thread_message(bot, card, f"<@{YOUSSEF}>", f"<@{MARIEKE}>", "overgenomen")


async def test_a_colleague_whose_case_is_given_to_another_is_told_too(bot: Bot) -> None:
    card = await claimed(bot)
    await assigns(bot, YOUSSEF, card, MARIEKE)
    told = await thread_message(bot, card, f"<@{MARIEKE}>", "toegewezen")
    assert f"<@{SANNE}>" in told


async def test_who_gives_their_own_case_away_is_not_told_so(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await claimed(bot)
    await assigns(bot, SANNE, card, MARIEKE)
    told = await thread_message(bot, card, f"<@{MARIEKE}>", "toegewezen")
    assert f"<@{SANNE}>" not in told


async def test_a_stale_question_takes_nothing_from_someone_it_did_not_name(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await claimed(bot)
    asked = await takes_over(bot, YOUSSEF, card)
    assert f"<@{SANNE}>" in text_of(asked)
    await assigns(bot, SANNE, card, MARIEKE)
    await eventually(lambda: rows_with(bot, Event, lambda event: event.kind is EventKind.ASSIGN))
    assert (await bot.slack.submit(YOUSSEF)).ok
    assert f"<@{MARIEKE}>" in text_of(await open_modal(bot, YOUSSEF, "case:take_over"))
    assert (await bot.case()).assignee == MARIEKE
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:answer")
    assert (await bot.case()).assignee == YOUSSEF


async def test_the_same_take_over_twice_is_one(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await claimed(bot)
    await takes_over(bot, YOUSSEF, card)
    acks = await asyncio.gather(bot.slack.submit(YOUSSEF), bot.slack.submit(YOUSSEF))
    assert all(ack.ok for ack in acks), acks
    await open_modal(bot, YOUSSEF, "case:answer")
    taken = await rows_with(bot, Event, lambda event: event.kind is EventKind.TAKE_OVER)
    assert len(taken) == 1


async def test_a_take_over_that_comes_again_after_the_answer_leaves_no_draft_of_it(bot: Bot) -> None:
    """A process that hung hears of the first submission when the answer of the same modal was sent by another."""
    card = await claimed(bot)
    await takes_over(bot, YOUSSEF, card)
    view = bot.slack.view(YOUSSEF)
    assert view is not None
    late = payloads.view_submission(bot.slack.workspace, YOUSSEF, copy.deepcopy(view))
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:answer")
    await bot.slack.submit(YOUSSEF, {"answer_text": "Waar woont u?", "answer_kind": "question"})
    await bot.card("*Wacht op de burger*")
    assert (await bot.slack._deliver(Kind.INTERACTION, late)).ok
    async with bot.desk.reading() as session:
        assert not (await session.exec(select(AnswerDraft))).all()
    assert "schrijft een antwoord" not in text_of(await bot.card("*Wacht op de burger*"))


async def refused(bot: Bot) -> dict[str, Any]:
    """Let the platform refuse Sanne's answer; returns the card."""
    bot.citizen_posts("Waar blijft de bus?")
    bot.slack.faults.status("square.replies", 403)
    await answer(bot, SANNE, await bot.card("bus", "Nieuw"), "Die komt zo")
    return await bot.card("Niet verstuurd", SANNE)


@pytest.mark.parametrize("how", ["released", "taken over", "assigned"])
async def test_who_has_a_case_stands_on_its_card_beside_the_answer_of_another_that_was_refused(
    bot: Bot, how: str
) -> None:
    card = await refused(bot)
    assert not bot.card_now("In behandeling"), "its writer, who has it, is named"
    if how == "released":
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
        await open_modal(bot, SANNE, "more")
        await bot.slack.click_in_view(SANNE, "case:more", value="release:1")
        await bot.card("Nieuw", "Niet verstuurd")
        await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    elif how == "taken over":
        await takes_over(bot, YOUSSEF, card)
        assert (await bot.slack.submit(YOUSSEF)).ok
    else:
        await assigns(bot, SANNE, card, YOUSSEF)
    shown = await bot.card(f"*In behandeling* – bij <@{YOUSSEF}>", "Niet verstuurd", SANNE, "Die komt zo")
    assert "case:answer" in action_ids(shown) and "case:claim" not in action_ids(shown)
    assert f"opgepakt door <@{YOUSSEF}>" in shown["text"]


async def test_who_takes_a_case_with_an_uncertain_answer_stands_on_its_card_and_can_settle_it(bot: Bot) -> None:
    bot.citizen_posts("Waar blijft de bus?")
    bot.slack.faults.drop_after("square.replies")
    await answer(bot, SANNE, await bot.card("bus", "Nieuw"), "Die komt zo")
    await bot.card("nog niet zeker")
    bot.clock.advance(days=2)  # longer than the other side recognises the key
    await sweep(bot.desk)
    card = await bot.card("Misschien verstuurd", SANNE)
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=MARIEKE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    shown = await bot.card(f"*In behandeling* – bij <@{YOUSSEF}>", "Misschien verstuurd", SANNE)
    assert action_ids(shown) == ["case:open", "case:settle_sent", "case:settle_absent"]
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:settle_sent")
    await bot.card("*Beantwoord*")


async def test_what_is_opened_to_look_for_an_uncertain_answer_is_the_post_that_it_answers(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Waar blijft de bus?")
    bot.slack.faults.drop_after("square.replies")
    await answer(bot, SANNE, await bot.card("bus", "Nieuw"), "Die komt zo")
    await bot.card("nog niet zeker")
    bot.citizen_posts("Hallo, hoort iemand mij?", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("hoort iemand mij")
    bot.clock.advance(days=2)  # longer than the other side recognises the key
    await sweep(bot.desk)
    card = await bot.card("Misschien verstuurd", SANNE)
    first, second = await bot.rows(Mention)
    opens = [each["url"] for _, each in input_state.elements(card["blocks"]) if each["action_id"] == "case:open"]
    assert opens == [first.url] and first.url != second.url
