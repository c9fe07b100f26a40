"""Opening a modal changes nothing: who looks and cancels leaves the case as it was; sending makes it theirs."""

import asyncio
from typing import Any

import pytest

from bot.domain.case import Status
from bot.models import Clock, Escalation, Event, Message, MessageKind, Reply
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, open_modal, square_texts


async def asked(bot: Bot) -> dict[str, Any]:
    """A citizen asks something; returns the card."""
    bot.citizen_posts("Mijn paspoort is kwijt")
    return await bot.card("paspoort", "Nieuw")


async def opens(bot: Bot, person: str, card: dict[str, Any], what: str) -> dict[str, Any]:
    await bot.slack.click(person, CHANNEL, card["ts"], what)
    return await open_modal(bot, person, what)


async def of_the_case(bot: Bot) -> Any:
    """All that opening could have changed."""
    case = (await bot.case()).model_dump()
    clocks = [clock.model_dump() for clock in await bot.rows(Clock)]
    return case, clocks, [event.kind for event in await bot.rows(Event)]


@pytest.mark.parametrize("what", ["case:answer", "case:escalate"])
async def test_opening_and_cancelling_leaves_the_case_as_it_was(bot: Bot, what: str) -> None:
    card = await asked(bot)
    before = await of_the_case(bot)
    await opens(bot, SANNE, card, what)
    assert await of_the_case(bot) == before
    await bot.slack.close_view(SANNE)
    assert await of_the_case(bot) == before
    assert (await bot.case()).status is Status.NEW
    await bot.card("paspoort", "Nieuw")


async def test_sending_an_answer_claims_the_case_that_nobody_has(bot: Bot) -> None:
    await answer(bot, SANNE, await asked(bot), "Kom even langs.")
    await bot.slack.wait_for(lambda: square_texts(bot))
    await bot.card("*Beantwoord*", SANNE)
    case = await bot.case()
    assert case.assignee == SANNE and case.claimed_at is not None


async def test_asking_for_advice_claims_the_case_that_nobody_has(bot: Bot) -> None:
    await opens(bot, SANNE, await asked(bot), "case:escalate")
    ack = await bot.slack.submit(SANNE, {"escalate_colleague": MARIEKE, "escalate_question": "Weet jij dit?"})
    assert ack.ok and not ack.errors, ack
    await bot.card("Geëscaleerd", SANNE, MARIEKE)
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.ESCALATED, SANNE)
    assert case.claimed_at is not None


async def test_of_two_who_write_at_once_one_answers_and_the_other_is_told_who_and_keeps_their_words(bot: Bot) -> None:
    card = await asked(bot)
    words = {SANNE: ("Kom even langs.", "SB"), YOUSSEF: ("Bel ons even.", "YA")}
    for person in words:
        await opens(bot, person, card, "case:answer")
    acks = await asyncio.gather(
        *(bot.slack.submit(who, {"answer_text": text, "initials": own}) for who, (text, own) in words.items())
    )
    assert all(ack.ok for ack in acks), acks
    await bot.slack.wait_for(lambda: square_texts(bot))
    await bot.card("*Beantwoord*")
    [reply] = await bot.rows(Reply)
    assert len(square_texts(bot)) == 1
    late = next(who for who in words if who != reply.by)
    view = await bot.slack.wait_for(lambda: bot.slack.view(late))
    assert words[late][0] in str(view["state"]["values"])
    assert (await bot.case()).assignee == reply.by


async def test_of_two_who_ask_for_advice_at_once_one_has_the_case(bot: Bot) -> None:
    card = await asked(bot)
    for person in (SANNE, YOUSSEF):
        await opens(bot, person, card, "case:escalate")
    filled = {"escalate_colleague": MARIEKE, "escalate_question": "Weet jij dit?"}
    await asyncio.gather(*(bot.slack.submit(person, filled) for person in (SANNE, YOUSSEF)))

    async def escalated() -> bool:
        return (await bot.case()).status is Status.ESCALATED

    await eventually(escalated)
    [question] = await bot.rows(Escalation)
    assert question.by == (await bot.case()).assignee
    assert len([m for m in await bot.rows(Message) if m.kind is MessageKind.ASK]) == 1


async def test_who_is_not_the_owner_is_asked_to_take_the_case_over_first(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await asked(bot)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling", SANNE)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:escalate")
    assert f"<@{SANNE}>" in text_of(await open_modal(bot, YOUSSEF, "case:take_over"))
