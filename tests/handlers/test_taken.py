"""A colleague has the case: every refusal that says so offers to take it over, and what was wanted goes on."""

import asyncio
from typing import Any

import pytest

from bot.domain.case import Status
from bot.domain.event import EventKind
from bot.models import Event, ReplyKind, Role, Team
from bot.sandbox.slack.inspection import action_ids, text_of
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import make_role, open_modal, sent


async def claimed(bot: Bot) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case that Sanne claimed; returns its card as it was before, and as it is now."""
    bot.citizen_posts("Waar blijft de bus?")
    before = await bot.card("bus", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, before["ts"], "case:claim")
    return before, await bot.card("bus", "In behandeling", SANNE)


async def asked_the_citizen(bot: Bot) -> dict[str, Any]:
    """A case of Sanne's that waits for its citizen; returns its card."""
    bot.citizen_posts("Waar blijft de bus?")
    await bot.card("bus", "Nieuw")
    await sent(bot, 1, ReplyKind.QUESTION)
    return await bot.card("*Wacht op de burger*")


async def kinds(bot: Bot) -> list[EventKind]:
    return [event.kind for event in await bot.rows(Event) if event.by]


@pytest.mark.parametrize(("button", "value", "modal"), [
    ("case:more", "close:1", "case:close"), ("case:escalate", "", "case:escalate"), ("case:answer", "", "case:answer"),
])  # fmt: skip
async def test_whoever_takes_the_case_over_goes_on_with_what_they_wanted(
    bot: Bot, button: str, value: str, modal: str
) -> None:
    _, card = await claimed(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], button, value)
    asked = await open_modal(bot, YOUSSEF, "case:take_over")
    assert f"<@{SANNE}>" in text_of(asked)
    assert (await bot.case()).assignee == SANNE
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, modal)
    assert (await bot.case()).assignee == YOUSSEF
    await bot.card("bus", YOUSSEF)


async def test_whoever_takes_a_case_over_to_hand_it_to_another_team_goes_on_with_that(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        session.add(Team(name="Beheer", channel="C0BEHEER", created_at=bot.desk.now()))
    _, card = await claimed(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, YOUSSEF, "more")
    await bot.slack.click_in_view(YOUSSEF, "case:more", value="transfer:1")
    await open_modal(bot, YOUSSEF, "case:take_over")
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:transfer")
    assert (await bot.case()).assignee == YOUSSEF


async def test_a_case_that_waits_for_its_citizen_is_taken_over_before_it_is_closed(bot: Bot) -> None:
    card = await asked_the_citizen(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    assert f"<@{SANNE}>" in text_of(await open_modal(bot, YOUSSEF, "case:take_over"))
    assert (await bot.case()).status is Status.WITH_CITIZEN
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:close")
    assert (await bot.slack.submit(YOUSSEF, {"close_reason": "spam"})).ok
    await bot.card("Afgesloten", "spam", YOUSSEF)
    assert (await bot.case()).assignee == YOUSSEF


async def offered(bot: Bot, person: str) -> dict[str, Any]:
    """Wait for the refusal that only this person sees, and ask to take the case over."""
    [told] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person))
    await bot.slack.click(person, CHANNEL, told["ts"], "case:take_over")
    await open_modal(bot, person, "case:take_over")
    return told


async def test_a_case_that_waits_for_its_citizen_is_not_taken_up_behind_the_back_of_who_has_it(bot: Bot) -> None:
    card = await asked_the_citizen(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "reopen:1")
    told = await offered(bot, YOUSSEF)
    assert f"<@{SANNE}>" in text_of(told)
    assert ((await bot.case()).status, (await bot.case()).assignee) == (Status.WITH_CITIZEN, SANNE)
    assert (await bot.slack.submit(YOUSSEF)).ok
    card = await bot.card("*Wacht op de burger*", YOUSSEF)
    await bot.slack.wait_for(lambda: "heeft deze zaak van je overgenomen" in str(bot.slack.thread(CHANNEL, card["ts"])))
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "reopen:1")
    await bot.card("bus", "In behandeling", YOUSSEF)
    assert (await kinds(bot))[-2:] == ["take_over", "reopen"]


async def test_a_refusal_in_the_channel_has_the_button_to_take_over(bot: Bot) -> None:
    _, card = await claimed(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "no_answer:1:1")
    told = await offered(bot, YOUSSEF)
    assert f"<@{SANNE}>" in text_of(told) and "Overnemen" in text_of(told)
    assert (await bot.slack.submit(YOUSSEF)).ok
    await bot.card("bus", "In behandeling", YOUSSEF)
    assert await kinds(bot) == ["claim", "take_over"]


async def test_of_two_who_claim_at_once_the_second_may_take_over(bot: Bot) -> None:
    bot.citizen_posts("Waar blijft de bus?")
    card = await bot.card("bus", "Nieuw")
    await asyncio.gather(*(bot.slack.click(who, CHANNEL, card["ts"], "case:claim") for who in (SANNE, YOUSSEF)))
    await bot.card("bus", "In behandeling")
    owner = (await bot.case()).assignee
    [second] = {SANNE, YOUSSEF} - {owner}
    assert f"<@{owner}>" in text_of(await offered(bot, second))
    assert (await bot.slack.submit(second)).ok
    await bot.card("bus", "In behandeling", second)


async def test_a_modal_that_was_open_is_sent_again_after_the_take_over_with_what_was_typed(bot: Bot) -> None:
    bot.citizen_posts("Waar blijft de bus?")
    card = await bot.card("bus", "Nieuw")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, YOUSSEF, "case:close")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("bus", SANNE)
    await bot.slack.submit(YOUSSEF, {"close_reason": "other", "close_text": "Is al gebeld."})
    asked = await open_modal(bot, YOUSSEF, "case:take_over")
    assert f"<@{SANNE}>" in text_of(asked)
    assert (await bot.case()).assignee == SANNE
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:close")
    await bot.card("bus", "In behandeling", YOUSSEF)
    assert (await bot.slack.submit(YOUSSEF, {"close_reason": "other", "close_text": "Is al gebeld."})).ok
    await bot.card("Afgesloten", "Is al gebeld.")
    assert await kinds(bot) == ["claim", "take_over", "close"]


async def test_a_stale_question_to_close_names_who_has_the_case_now(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    _, card = await claimed(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, YOUSSEF, "case:take_over")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "assign:1")
    await open_modal(bot, SANNE, "case:assign")
    assert (await bot.slack.submit(SANNE, {"assign_to": MARIEKE})).ok
    await bot.card("bus", MARIEKE)
    assert (await bot.slack.submit(YOUSSEF)).ok
    assert f"<@{MARIEKE}>" in text_of(await open_modal(bot, YOUSSEF, "case:take_over"))
    assert (await bot.case()).assignee == MARIEKE
    assert (await bot.slack.submit(YOUSSEF)).ok
    await open_modal(bot, YOUSSEF, "case:close")


async def test_a_coordinator_closes_a_colleagues_case_in_one_step_and_the_colleague_hears_it(bot: Bot) -> None:
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    _, card = await claimed(bot)
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, MARIEKE, "case:close")
    assert (await bot.slack.submit(MARIEKE, {"close_reason": "spam"})).ok
    await bot.card("Afgesloten", "spam", MARIEKE)
    [told] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert f"<@{MARIEKE}>" in text_of(told) and "Fatima" in text_of(told) and "bus" in text_of(told)
    case = await bot.case()
    assert (case.status, case.closed_by, case.assignee) == (Status.CLOSED, MARIEKE, SANNE)


async def test_a_coordinator_assigns_a_colleagues_case_in_one_step(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    _, card = await claimed(bot)
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:more", "assign:1")
    await open_modal(bot, MARIEKE, "case:assign")
    assert (await bot.slack.submit(MARIEKE, {"assign_to": YOUSSEF})).ok
    await bot.card("bus", YOUSSEF)


async def test_the_modal_with_all_moves_offers_the_take_over_too(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    _, card = await claimed(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, YOUSSEF, "more")
    await bot.slack.click_in_view(YOUSSEF, "case:more", value="release:1")
    asked = await open_modal(bot, YOUSSEF, "case:take_over")
    assert f"<@{SANNE}>" in text_of(asked) and "case:take_over" not in action_ids(asked)
