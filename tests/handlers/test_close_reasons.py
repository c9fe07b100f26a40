"""Reasons to close a case: the standard ones that a team uses, and its own, in its own words wherever they show."""

import pytest
from sqlalchemy import text

from bot.domain.case import Status
from bot.models import Case, Clock, Event, Role
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import text_of
from bot.team.settings import TeamSettings
from tests.conftest import CHANNEL, SANNE, Bot
from tests.people import asked, changed, make_role, open_group, open_modal, settings_of

OWN = "Doorverwezen <naar> waterschap & co"
SHOWN = "Doorverwezen &lt;naar&gt; waterschap &amp; co"


async def set_reasons(bot: Bot, **filled: object) -> None:
    await open_group(bot, SANNE, "reasons")
    ack = await bot.slack.submit(SANNE, filled)
    assert ack.ok and not ack.errors, ack.errors
    while bot.slack.view(SANNE):
        await bot.slack.close_view(SANNE)


async def closing(bot: Bot, words: str) -> dict:
    """Open the modal that closes the case of a new mention."""
    bot.citizen_posts(words, name=words)
    card = await bot.card(words)
    [case] = [each for each in await bot.rows(Case) if each.status is Status.NEW]
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", f"close:{case.id}")
    return await open_modal(bot, SANNE, "case:close")


def choice(view: dict) -> dict:
    return next(element for _, element in elements(view["blocks"]) if element["action_id"] == "close_reason")


async def test_a_case_is_closed_for_a_reason_of_the_teams_own_that_shows_everywhere(bot: Bot) -> None:
    await set_reasons(bot, close_reasons=f"{OWN}\nDubbel", topics="Water")
    view = await closing(bot, "De sloot stinkt")
    assert choice(view)["type"] == "radio_buttons"
    assert [each["text"]["text"] for each in choice(view)["options"]][-3:] == [OWN, "Dubbel", "Anders"]
    ack = await bot.slack.submit(SANNE, {"close_reason": OWN})
    assert ack.ok and not ack.errors, ack.errors
    await bot.card("Afgesloten", SHOWN)
    assert [case.close_reason for case in await bot.rows(Case)] == [OWN]
    assert [event.details for event in await bot.rows(Event) if event.kind == "close"] == [
        {"reason": OWN, "was": "new"}
    ]
    assert {(clock.stopped_at is not None, clock.counts) for clock in await bot.rows(Clock)} == {(True, False)}

    for command in ("/webcare stats vandaag", "/webcare digest"):
        assert f"{SHOWN}\u2069 1" in await asked(bot, SANNE, command)
    await asked(bot, SANNE, "/webcare export vandaag")
    [file] = bot.slack.workspace.files.values()
    assert OWN in file.content.decode("utf-8-sig")


async def test_a_reason_that_the_team_no_longer_has_stays_with_the_cases_that_have_it(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await set_reasons(bot, close_reasons="Dubbel")
    await closing(bot, "Weer die lantaarn")
    assert not (await bot.slack.submit(SANNE, {"close_reason": "Dubbel"})).errors
    await set_reasons(bot, close_reasons="")
    assert "Dubbel" not in text_of(await closing(bot, "En die andere"))
    assert "Dubbel" in await asked(bot, SANNE, "/webcare stats vandaag")
    await bot.card("lantaarn", "Afgesloten", "Dubbel")


async def test_standard_reasons_can_be_left_out_but_other_stays(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await set_reasons(bot, standard_reasons=["spam"])
    assert [each["value"] for each in choice(await closing(bot, "Mooie dag"))["options"]] == ["spam", "other"]
    await set_reasons(bot, standard_reasons=[])
    assert TeamSettings().reasons()[-1] == "other"
    assert (await settings_of(bot)).reasons() == ["other"]
    shown = await open_group(bot, SANNE, "reasons")
    await bot.slack.submit(SANNE, {"standard_reasons": ["spam", "not_for_us"]})
    await changed(bot, SANNE, bot.slack.view(SANNE), "settings:undo")
    assert (await settings_of(bot)).reasons() == ["other"], shown


async def test_more_reasons_than_radio_buttons_are_a_menu(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await set_reasons(bot, close_reasons="\n".join(f"Reden {n}" for n in range(10)))
    view = await closing(bot, "Het regent")
    assert (choice(view)["type"], len(choice(view)["options"])) == ("static_select", 15)
    assert not (await bot.slack.submit(SANNE, {"close_reason": "Reden 9"})).errors
    await bot.card("Afgesloten", "Reden 9")


async def test_other_still_needs_words(sqlite_bot: Bot) -> None:
    await closing(sqlite_bot, "Tja")
    assert list((await sqlite_bot.slack.submit(SANNE, {"close_reason": "other"})).errors) == ["close_text"]


@pytest.mark.parametrize("words", ["a" * 60])
async def test_the_column_holds_the_longest_label(bot: Bot, words: str) -> None:
    await set_reasons(bot, close_reasons=words)
    await closing(bot, "Hoe laat?")
    assert not (await bot.slack.submit(SANNE, {"close_reason": words})).errors
    async with bot.engine.connect() as connection:
        assert (await connection.execute(text("SELECT close_reason FROM cases"))).scalar() == words


async def test_one_who_became_a_reader_meanwhile_closes_nothing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await closing(bot, "Tja")
    await make_role(bot, SANNE, Role.READER)
    ack = await bot.slack.submit(SANNE, {"close_reason": "spam"})
    assert "Je kijkt alleen mee" in ack.errors["close_reason"]
    assert (await bot.case()).status is Status.NEW
