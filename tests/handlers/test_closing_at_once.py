"""Closing at once because a case needs no answer, and undoing that within the undo time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.domain.case import OPEN, CloseReason, Status, Urgency
from bot.models import Case, Clock, Event, Mention
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, rows_with, running_bot
from tests.people import asked, open_modal, settings


@pytest.fixture
async def minute(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on a Friday morning that stands still, with a minute to undo."""
    clock = StoppedClock(local("2026-11-20 10:00"))
    async with running_bot(database_url, slack, clock, undo_seconds=60) as running:
        yield running


def passes(bot: Bot, seconds: float) -> None:
    bot.clock.at += timedelta(seconds=seconds)  # type: ignore[attr-defined]


async def closed_at_once(bot: Bot, person: str = SANNE, words: str = "Mooie foto!") -> dict[str, Any]:
    """Choose "Geen antwoord nodig" in the menu of a new card; returns what only this person is told."""
    bot.citizen_posts(words)
    card = await bot.card(words, "Nieuw")
    passes(bot, 30)
    return await closes(bot, person, card, words)


async def closes(bot: Bot, person: str, card: dict[str, Any], words: str) -> dict[str, Any]:
    before = len(bot.slack.ephemerals(person))
    [case] = [case.id for case in await bot.rows(Case) if case.status in OPEN]
    newest = max(mention.id for mention in await bot.rows(Mention) if mention.case_id == case)
    assert (await bot.slack.click(person, CHANNEL, card["ts"], "case:more", f"no_answer:{case}:{newest}")).ok
    await bot.card(words, "Afgesloten", "geen antwoord nodig")
    [told] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person)[before:])
    return told


async def undoes(bot: Bot, told: dict[str, Any], person: str = SANNE) -> None:
    assert (await bot.slack.click(person, CHANNEL, told["ts"], "case:undo_close")).ok


async def kinds(bot: Bot) -> list[str]:
    return [event.kind for event in await bot.rows(Event) if event.by]


def timed(clock: Clock) -> dict[str, Any]:
    return clock.model_dump(exclude={"id", "used_seconds", "running_since"})


async def test_one_click_closes_and_one_undoes_it_as_if_nothing_was(minute: Bot) -> None:
    bot = minute
    told = await closed_at_once(bot)
    assert "geen antwoord nodig" in text_of(told)
    closing = next(event for event in await bot.rows(Event) if event.kind == "close")
    assert (closing.by, closing.details["reason"]) == (SANNE, CloseReason.NO_ANSWER_NEEDED)
    assert "geen antwoord nodig\u2069 1" in await asked(bot, SANNE, "/webcare stats vandaag")
    passes(bot, 20)
    await undoes(bot, told)
    await bot.card("Mooie foto!", "Nieuw")
    case = await bot.case()
    assert (case.status, case.assignee, case.closed_at, case.close_reason) == (Status.NEW, None, None, None)
    assert await kinds(bot) == ["close", "unclose"]
    assert "geen antwoord nodig\u2069" not in await asked(bot, SANNE, "/webcare stats vandaag")
    await asked(bot, SANNE, "/webcare export vandaag")
    [file] = bot.slack.workspace.files.values()
    assert "geen antwoord nodig" not in file.content.decode("utf-8-sig")


async def test_the_clocks_go_on_as_if_they_had_not_been_stopped(minute: Bot) -> None:
    bot = minute
    bot.citizen_posts("Dank jullie wel")
    card = await bot.card("Dank", "Nieuw")
    before = await bot.rows(Clock)
    passes(bot, 30)
    told = await closes(bot, SANNE, card, "Dank")
    assert all(clock.stopped_at for clock in await bot.rows(Clock))
    passes(bot, 20)
    await undoes(bot, told)
    await bot.card("Dank", "Nieuw")
    after = await bot.rows(Clock)
    assert [timed(clock) for clock in after] == [timed(clock) for clock in before]
    assert {clock.used_seconds for clock in after} == {30}


async def test_an_owner_gets_their_case_back(minute: Bot) -> None:
    bot = minute
    bot.citizen_posts("Top!")
    card = await bot.card("Top!", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    card = await bot.card("Top!", "In behandeling")
    claimed = await bot.case()
    passes(bot, 5)
    await undoes(bot, await closes(bot, SANNE, card, "Top!"))
    await bot.card("Top!", "In behandeling", SANNE)
    assert (await bot.case()).model_dump() == claimed.model_dump()


@pytest.mark.parametrize("advised", [False, True])
async def test_a_case_that_waited_for_advice_waits_again_unless_the_advice_came(minute: Bot, advised: bool) -> None:
    bot = minute
    bot.citizen_posts("Mag dit?")
    card = await bot.card("Mag dit?", "Nieuw")
    async with bot.desk.session() as session:
        now = bot.desk.now()
        await cases.claim(session, 1, by=SANNE, now=now)
        await cases.escalate(session, 1, by=SANNE, now=now, target=YOUSSEF, channels=[YOUSSEF], question="?",
                             urgency=Urgency.NORMAL, submission="s")  # fmt: skip
    told = await closes(bot, SANNE, card, "Mag dit?")
    if advised:
        async with bot.desk.session() as session:
            await cases.advise(session, 1, by=YOUSSEF, now=bot.desk.now(), advice="Ja")
    await undoes(bot, told)
    await bot.card("Mag dit?", "In behandeling" if advised else "Geëscaleerd")
    assert (await bot.case()).status is (Status.CLAIMED if advised else Status.ESCALATED)


async def test_undoing_twice_is_undoing_once(minute: Bot) -> None:
    bot = minute
    told = await closed_at_once(bot)
    acks = await asyncio.gather(*(bot.slack.click(SANNE, CHANNEL, told["ts"], "case:undo_close") for _ in range(2)))
    assert all(ack.ok for ack in acks)
    await bot.card("Mooie foto!", "Nieuw")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert await kinds(bot) == ["close", "unclose"]


async def test_after_the_undo_time_the_agent_is_told_how_to_go_on(minute: Bot) -> None:
    bot = minute
    told = await closed_at_once(bot)
    passes(bot, 61)
    await undoes(bot, told)
    await bot.slack.wait_for(lambda: any("Te laat" in text_of(each) for each in bot.slack.ephemerals(SANNE)))
    assert (await bot.case()).status is Status.CLOSED


async def test_a_case_that_the_citizen_reopened_stays_so_and_is_named(minute: Bot) -> None:
    bot = minute
    told = await closed_at_once(bot)
    bot.citizen_posts("Toch nog een vraag", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("Toch nog een vraag", "Nieuw")
    clocks = await bot.rows(Clock)
    await undoes(bot, told)
    [said] = await bot.slack.wait_for(lambda: [m for m in bot.slack.ephemerals(SANNE) if "niets gedaan" in text_of(m)])
    assert "Fatima" in text_of(said) and "case:undo_close" not in action_ids(said)
    assert await bot.rows(Clock) == clocks
    assert await kinds(bot) == ["close"]


async def test_a_closing_that_was_made_again_is_not_undone_by_the_first_button(minute: Bot) -> None:
    bot = minute
    told = await closed_at_once(bot)
    passes(bot, 5)
    await bot.slack.click(SANNE, CHANNEL, (await bot.card("Mooie foto!"))["ts"], "case:more", "reopen:1")
    card = await bot.card("Mooie foto!", "In behandeling")
    passes(bot, 5)
    await closes(bot, SANNE, card, "Mooie foto!")
    await undoes(bot, told)
    await bot.slack.wait_for(lambda: any("niets gedaan" in text_of(each) for each in bot.slack.ephemerals(SANNE)))
    assert (await bot.case()).status is Status.CLOSED


async def test_in_the_modal_the_button_to_undo_is_in_the_modal(minute: Bot) -> None:
    bot = minute
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="no_answer:1:1")
    await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and "case:undo_close" in action_ids(view))
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(lambda: "teruggezet" in text_of(bot.slack.view(SANNE)))
    await bot.card("Mooie foto!", "Nieuw")


async def test_a_colleague_who_claimed_first_keeps_the_case(minute: Bot) -> None:
    bot = minute
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!", "Nieuw")
    await asyncio.gather(
        bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim"),
        bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "no_answer:1:1"),
    )
    await eventually(lambda: rows_with(bot, Event, lambda event: event.by))
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert len(await kinds(bot)) == 1


async def test_a_team_that_left_that_reason_out_is_not_offered_it(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await settings(bot, reasons_left_out=["no_answer_needed"])
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!", "Nieuw")
    assert "Geen antwoord nodig" not in text_of(card) and "no_answer" not in str(card)
