"""The menu of a card and the modal "More…": nothing is cut, all that a case allows is reached, readers only look."""

import asyncio
import functools
from typing import Any

import pytest

from bot.domain.case import UNCLOSES, Move, Status, moves_from
from bot.models import Event, Note, Role
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import text_of
from bot.texts import Texts
from bot.views.block import option, overflow
from bot.views.case_card import case_card
from bot.views.case_menu import CHOICES, more_modal
from handlers.card_menu import DOES, OPENS
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, make_role, open_modal
from tests.views.examples import NOW, case_file

T = Texts("nl", "Europe/Amsterdam")
ELSEWHERE = {Move.TAKE_OVER, Move.WITHDRAW, Move.ADVISE, Move.WAIT_ON, *UNCLOSES.values()}
"""Moves with a button of their own: in the modal that a colleague's Answer opens, under a reply, on a question, on
what is said of a closing."""


def verbs(view: dict[str, Any]) -> list[str]:
    """What the modal "More…" offers."""
    found = (element["value"].partition(":")[0] for _, element in input_state.elements(view["blocks"]))
    return list(found)


async def more(bot: Bot, person: str, card: dict[str, Any], *words: str) -> dict[str, Any]:
    """Open "More…" in the menu of a card, and wait until the modal holds these words."""
    ack = await bot.slack.click(person, CHANNEL, card["ts"], "case:more", "more:1")
    assert ack.ok
    return await more_shows(bot, person, *words)


async def more_shows(bot: Bot, person: str, *words: str) -> dict[str, Any]:
    return await bot.slack.wait_for(
        lambda: (
            (view := bot.slack.view(person))
            and view["callback_id"] == "more"
            and all(word in text_of(view) for word in words)
            and view
        ),
    )


# --- What is held of the table -------------------------------------------------------------------


def test_every_choice_has_its_handler_and_every_handler_its_choice() -> None:
    offered = [choice.verb for choice in CHOICES]
    assert sorted([*OPENS, *DOES]) == sorted(offered)
    assert len(set(offered)) == len(offered)


@pytest.mark.parametrize("count", [0, 6, 7])
def test_a_menu_of_more_choices_than_slack_takes_is_refused_and_not_cut(count: int) -> None:
    with pytest.raises(ValueError, match="Slack takes 1 to 5"):
        overflow("case:more", [option(str(n), str(n)) for n in range(count)])


@pytest.mark.parametrize("status", Status)
def test_all_that_a_case_allows_is_on_its_card_or_one_click_further(status: Status) -> None:
    file = case_file(status)
    modal = verbs(more_modal(file, T, NOW, acts=True))
    assert {move for move in Move if move in modal} == set(moves_from(status)) - ELSEWHERE
    assert "details" in modal and "note" in modal
    card = [element for _, element in input_state.elements(case_card(file, T, NOW).blocks)]
    [menu] = [element for element in card if element["action_id"] == "case:more"]
    values = [each["value"] for each in menu.get("options", [menu])]
    in_menu = [value.partition(":")[0] for value in values]
    shown = {*in_menu, *(element["action_id"].partition(":")[2] for element in card)}
    assert set(modal) <= shown or in_menu[-1] == "more"
    assert "details" in in_menu or in_menu == ["more"]


# --- What it does --------------------------------------------------------------------------------


async def test_a_move_in_the_modal_is_made_and_the_modal_shows_what_is_possible_then(bot: Bot) -> None:
    bot.citizen_posts("De brug is dicht")
    card = await bot.card("brug")
    view = await more(bot, SANNE, card, "Nieuw")
    assert "claim" in verbs(view) and "release" not in verbs(view)
    await bot.slack.click_in_view(SANNE, "case:more", value="claim:1")
    view = await more_shows(bot, SANNE, "In behandeling")
    assert "release" in verbs(view) and "claim" not in verbs(view)
    await bot.card("brug", "In behandeling", SANNE)

    await bot.slack.click_in_view(SANNE, "case:more", value="urgent:1")
    await bot.card("brug", "Dringend")
    await bot.slack.wait_for(lambda: "not_urgent" in verbs(bot.slack.view(SANNE)))
    await bot.slack.click_in_view(SANNE, "case:more", value="not_urgent:1")
    await bot.slack.wait_for(lambda: "urgent" in verbs(bot.slack.view(SANNE)))

    await bot.slack.click_in_view(SANNE, "case:more", value="release:1")
    await more_shows(bot, SANNE, "Nieuw")
    await bot.card("brug", "Nieuw")
    kinds = [event.kind for event in await bot.rows(Event) if event.by == SANNE]
    assert kinds == ["claim", "urgent", "not_urgent", "release"]


async def test_a_modal_that_is_chosen_takes_the_place_of_the_list(bot: Bot) -> None:
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await more(bot, SANNE, card, "Nieuw")
    first = bot.slack.view(SANNE)["id"]
    await bot.slack.click_in_view(SANNE, "case:more", value="answer:1")
    view = await open_modal(bot, SANNE, "case:answer")
    assert view["id"] == first
    ack = await bot.slack.submit(SANNE, {"answer_text": "We komen langs.", "initials": "SB"})
    assert ack.ok and not ack.errors
    answered = await bot.card("*Beantwoord*", "We komen langs. ^SB")
    assert bot.slack.view(SANNE) is None

    await bot.slack.click(SANNE, CHANNEL, answered["ts"], "case:more", "close:1")
    await open_modal(bot, SANNE, "case:close")


async def test_reminders_are_postponed_from_the_modal(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await more(bot, SANNE, card, "Nieuw")
    await bot.slack.click_in_view(SANNE, "case:more", value="snooze:1")
    await open_modal(bot, SANNE, "case:snooze")
    ack = await bot.slack.submit(SANNE, {"snooze_minutes": "60", "snooze_reason": "De monteur belt terug."})
    assert ack.ok and not ack.errors
    await eventually(lambda: bot.rows(Note))
    assert "snooze" in [event.kind for event in await bot.rows(Event)]


async def test_a_closed_case_has_its_details_and_its_reopening_in_the_menu(bot: Bot) -> None:
    bot.citizen_posts("Koop nu goedkope horloges")
    card = await bot.card("horloges")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, YOUSSEF, "case:close")
    await bot.slack.submit(YOUSSEF, {"close_reason": "spam"})
    closed = await bot.card("Afgesloten", "spam")
    assert "*Afgesloten*" in text_of(closed)
    await bot.slack.click(SANNE, CHANNEL, closed["ts"], "case:more", "details:1")
    details = await open_modal(bot, SANNE, "said")
    assert "horloges" in text_of(details)
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, closed["ts"], "case:more", "reopen:1")
    await bot.card("horloges", "In behandeling", SANNE)


async def test_what_the_case_no_longer_allows_is_refused_in_the_modal(bot: Bot) -> None:
    bot.citizen_posts("Is de sluis open?")
    card = await bot.card("sluis")
    await more(bot, SANNE, card, "Nieuw")
    await answer(bot, YOUSSEF, card, "Ja, tot zes uur.")
    await bot.card("sluis", "*Beantwoord*")
    await bot.slack.click_in_view(SANNE, "case:more", value="claim:1")
    await bot.slack.wait_for(lambda: "Heropen die eerst" in text_of(bot.slack.view(SANNE)))
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.ANSWERED, YOUSSEF)


async def test_a_double_click_in_the_modal_makes_the_move_once(bot: Bot) -> None:
    bot.citizen_posts("Is de sluis open?")
    card = await bot.card("sluis")
    view = await more(bot, SANNE, card, "Nieuw")
    click = functools.partial(bot.slack.click_in_view, SANNE, "case:more", value="claim:1", view_id=view["id"])
    await asyncio.gather(click(), click())
    await more_shows(bot, SANNE, "In behandeling")
    assert [event.kind for event in await bot.rows(Event)].count("claim") == 1


async def test_a_reader_sees_only_what_shows_something(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, MARIEKE, Role.READER)
    bot.citizen_posts("Mag ik hier vissen?")
    card = await bot.card("vissen")
    view = await more(bot, MARIEKE, card)
    assert verbs(view) == ["details"]
    await bot.slack.click_in_view(MARIEKE, "case:more", value="details:1")
    assert "vissen" in text_of(await open_modal(bot, MARIEKE, "said"))


async def test_one_who_became_a_reader_with_the_modal_open_changes_nothing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mag ik hier vissen?")
    card = await bot.card("vissen")
    view = await more(bot, MARIEKE, card)
    await make_role(bot, MARIEKE, Role.READER)
    values = {element["value"] for _, element in input_state.elements(view["blocks"])} - {"details:1"}
    for value in values:
        before = len(bot.slack.direct(MARIEKE))
        ack = await bot.slack.click_in_view(MARIEKE, "case:more", value=value, view_id=view["id"])
        assert ack.ok
        await bot.slack.wait_for(lambda before=before: len(bot.slack.direct(MARIEKE)) == before + 1)  # type: ignore[misc]
    assert (await bot.case()).status is Status.NEW
    assert bot.slack.view(MARIEKE)["callback_id"] == "more"


@pytest.mark.parametrize("callback", ["case:close", "case:assign", "case:note", "said"])
async def test_the_menu_of_an_old_message_keeps_working(sqlite_bot: Bot, callback: str) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Een kaart van vorig jaar")
    card = await bot.card("vorig jaar")
    old = [option(verb, f"{verb}:1") for verb in ("close", "assign", "note", "details", "open")]
    row = {"type": "actions", "elements": [overflow("case:more", old)]}
    await bot.desk.slack.chat_update(channel=CHANNEL, ts=card["ts"], text="oud", blocks=[row])
    verb = callback.partition(":")[2] or "details"
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", f"{verb}:1")
    await open_modal(bot, SANNE, callback)
    ack = await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "open:1")
    assert ack.ok


async def test_the_same_submission_puts_the_reminders_off_once(bot: Bot) -> None:
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="snooze:1")
    await open_modal(bot, SANNE, "case:snooze")
    filled = {"snooze_minutes": "60", "snooze_reason": "De monteur belt terug."}
    acks = await asyncio.gather(*(bot.slack.submit(SANNE, filled) for _ in range(2)))
    assert all(ack.ok for ack in acks), acks
    kinds = [event.kind for event in await bot.rows(Event)]
    assert (kinds.count("snooze"), kinds.count("note")) == (1, 1)
