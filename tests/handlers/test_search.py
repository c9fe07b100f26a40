"""Searching: the field on the Home, the modal with its filters, and that one finds only what one may see."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.models import Account, Role, Team
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.views.search_modal import MAX_WORDS, Sought
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import BEHEER, asked, comes, home, make_role, mention, open_modal, second_team


async def opened(bot: Bot, person: str, *words: str) -> str:
    """Wait until the modal of the search holds these words, and return all that it says."""

    def shown() -> str | None:
        view = bot.slack.view(person)
        said = text_of(view) if view and view["callback_id"] == "search" else ""
        return said if said and all(word in said for word in words) else None

    return str(await bot.slack.wait_for(shown))


async def test_enter_in_the_field_on_the_home_opens_what_is_found(bot: Bot) -> None:
    await mention(bot, 1, text="Waar haal ik een rijbewijs?")
    await mention(bot, 2, text="Mijn BSN is 123456782", private=True)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Zaken zoeken")
    await bot.slack.type(SANNE, "search:words", "rijbew")
    said = await opened(bot, SANNE, "1 zaak gevonden")
    assert "Waar haal ik een rijbewijs?" in said and "BSN" not in said
    assert "list:share" not in action_ids(bot.slack.view(SANNE))
    await bot.slack.submit(SANNE, {"search_words": "bsn"})
    assert "🔒 privébericht" in await opened(bot, SANNE, "BSN")
    await bot.slack.submit(SANNE, {"search_words": "zeepaardje"})
    await opened(bot, SANNE, "Niets gevonden")


async def test_the_command_alone_opens_the_modal_and_with_words_its_list_leads_there(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot, 1, text="Waar haal ik een rijbewijs?")
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    assert "gevonden" not in await opened(bot, SANNE)
    await bot.slack.close_view(SANNE)
    await asked(bot, SANNE, "/webcare zoek rijbewijs")
    await bot.slack.click(SANNE, CHANNEL, bot.slack.ephemerals(SANNE, CHANNEL)[-1]["ts"], "search:open")
    await opened(bot, SANNE, "1 zaak gevonden", "Waar haal ik")


async def test_the_command_finds_what_was_typed_though_slack_sends_its_signs_escaped(bot: Bot) -> None:
    await mention(bot, 1, text="Waarom belt R&D mij?")
    await mention(bot, 2, text="Kost dat <5 euro?")
    for sent, found in (("R&amp;D", "R&amp;D mij"), ("&lt;5 euro", "&lt;5 euro")):
        told = await asked(bot, SANNE, f"/webcare zoek {sent}")
        assert "*1 zaak gevonden*" in told and found in told


async def test_filters_leave_fewer_and_stay_as_they_were_chosen(bot: Bot) -> None:
    await mention(bot, 1, text="Vraag een")
    await mention(bot, 2, text="Vraag twee")
    await mention(bot, 3, text="Vraag drie")
    async with bot.desk.session() as session:
        account = Account(team_id=1, platform="mastodon", name="gemeente", url="", created_at=bot.desk.now())
        session.add(account)
        await session.flush()
        await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason="spam")
        second, third = await cases.get(session, 2), await cases.get(session, 3)
        second.opened_at, third.account_id = bot.desk.now() - timedelta(days=20), account.id
        session.add_all([second, third])
    for filled, found in (
        ({}, {"een", "twee", "drie"}),
        ({"search_status": "open"}, {"twee", "drie"}),
        ({"search_status": "closed"}, {"een"}),
        ({"search_status": "all", "search_period": "7"}, {"een", "drie"}),
        ({"search_period": "31", "search_platform": "mastodon"}, {"drie"}),
    ):
        if not bot.slack.view(SANNE):
            await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
            await opened(bot, SANNE)
        ack = await bot.slack.submit(SANNE, {"search_words": "vraag", **filled})
        assert ack.ok and not ack.errors
        said = await opened(bot, SANNE, "gevonden")
        assert {word for word in ("een", "twee", "drie") if f"Vraag {word}" in said} == found, filled


async def test_the_word_all_is_searched_for_like_any_other(bot: Bot) -> None:
    await mention(bot, 1, text="Geldt dat voor alle straten?")
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await opened(bot, SANNE)
    await bot.slack.submit(SANNE, {"search_words": "all"})
    assert "1 zaak gevonden" in text_of(bot.slack.view(SANNE))


def numbers(said: str) -> list[int]:
    """The cases that a list shows, in its order."""
    return [int(found) for found in re.findall(r"Vraag (\d\d)", said)]


async def shown(bot: Bot, *words: str) -> dict[str, Any]:
    """Wait until the list that Sanne asked for holds these words, and return it."""

    def found() -> dict[str, Any] | None:
        lists = bot.slack.ephemerals(SANNE, CHANNEL)
        return lists[-1] if lists and all(word in text_of(lists[-1]) for word in words) else None

    return dict(await bot.slack.wait_for(found))


async def test_what_a_search_finds_is_turned_page_by_page_in_its_place(bot: Bot) -> None:
    for number in range(1, 23):
        await mention(bot, number, f"Vraag {number:02}")
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek vraag")
    first = await shown(bot, "*22 zaken gevonden* · pagina 1 van 3")
    assert numbers(text_of(first)) == list(range(22, 12, -1))
    assert action_ids(first)[-4:] == ["list:on", "list:close", "list:share", "search:open"]
    await bot.slack.click(SANNE, CHANNEL, first["ts"], "list:on")
    second = await shown(bot, "pagina 2 van 3")
    assert numbers(text_of(second)) == list(range(12, 2, -1))
    await bot.slack.click(SANNE, CHANNEL, second["ts"], "case:claim", value="7")
    second = await shown(bot, "pagina 2 van 3", f"<@{SANNE}>")
    await bot.slack.click(SANNE, CHANNEL, second["ts"], "list:on")
    last = await shown(bot, "pagina 3 van 3")
    assert numbers(text_of(last)) == [2, 1] and action_ids(last)[-4] == "list:back"
    assert len(bot.slack.ephemerals(SANNE, CHANNEL)) == 1, "it is turned in its place"
    await bot.slack.click(SANNE, CHANNEL, last["ts"], "list:share")
    card = await bot.card("pagina 3 van 3", "Zaak 2", "Zaak 1")
    assert "Vraag" not in text_of(card)


async def test_the_modal_is_turned_with_its_filters_and_its_cases_are_taken_up_from_it(bot: Bot) -> None:
    for number in range(1, 13):
        await mention(bot, number, f"Vraag {number:02}")
    async with bot.desk.session() as session:
        await cases.close(session, 12, by=YOUSSEF, now=bot.desk.now(), reason="spam")
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await opened(bot, SANNE)
    await bot.slack.submit(SANNE, {"search_words": "vraag", "search_status": "open"})
    assert numbers(await opened(bot, SANNE, "*11 zaken gevonden* · pagina 1 van 2")) == list(range(11, 1, -1))
    await bot.slack.click_in_view(SANNE, "list:on")
    assert numbers(await opened(bot, SANNE, "*11 zaken gevonden* · pagina 2 van 2")) == [1]
    await bot.slack.click_in_view(SANNE, "case:claim", value="1")
    assert numbers(await opened(bot, SANNE, "pagina 2 van 2", f"<@{SANNE}>", "Beantwoorden")) == [1]
    assert (await bot.case(1)).assignee == SANNE
    await bot.slack.click_in_view(SANNE, "case:answer", value="1")
    assert "Vraag 01" in text_of(await open_modal(bot, SANNE, "case:answer"))


async def test_the_modal_stays_with_the_team_in_whose_channel_it_was_opened(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    beheer = await second_team(bot)
    for number in range(1, 15):
        await mention(bot, number, f"Vraag {number:02}")
    async with bot.desk.session() as session:
        for number in (1, 2):
            (await cases.get(session, number)).team_id = beheer
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await opened(bot, SANNE)
    await bot.slack.submit(SANNE, {"search_words": "vraag"})
    assert numbers(await opened(bot, SANNE, "*12 zaken gevonden* · pagina 1 van 2")) == list(range(14, 4, -1))
    await bot.slack.click_in_view(SANNE, "list:on")
    assert numbers(await opened(bot, SANNE, "*12 zaken gevonden* · pagina 2 van 2")) == [4, 3]
    await bot.slack.click_in_view(SANNE, "case:claim", value="3")
    assert numbers(await opened(bot, SANNE, "*12 zaken gevonden*", f"<@{SANNE}>")) == [4, 3]
    await bot.slack.close_view(SANNE)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Zaken zoeken")
    await bot.slack.type(SANNE, "search:words", "vraag")
    await opened(bot, SANNE, "*14 zaken gevonden* · pagina 1 van 2")
    await bot.slack.click_in_view(SANNE, "list:on")
    assert numbers(await opened(bot, SANNE, "*14 zaken gevonden* · pagina 2 van 2")) == [4, 3, 2, 1]


@pytest.mark.parametrize("works_there", [True, False], ids=["of both teams", "of the first team"])
async def test_a_row_of_the_modal_whose_case_went_to_another_team_leaves_it_at_a_click(
    bot: Bot, works_there: bool
) -> None:
    beheer = await second_team(bot)
    if not works_there:
        await bot.slack.leave(SANNE, BEHEER)
    await mention(bot, 1, "Vraag 01")
    await mention(bot, 2, "Vraag 02")
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await opened(bot, SANNE)
    await bot.slack.submit(SANNE, {"search_words": "vraag"})
    await opened(bot, SANNE, "*2 zaken gevonden*")
    async with bot.desk.session() as session:
        await cases.transfer(
            session, 1, seen=1, to=beheer, note="Voor jullie", by=YOUSSEF, now=bot.desk.now(), submission="t"
        )
    await bot.slack.click_in_view(SANNE, "case:claim", value="1")
    assert numbers(text_of(bot.slack.view(SANNE))) == [2]
    assert (await bot.case(1)).assignee == (SANNE if works_there else None)
    assert bool(bot.slack.direct(SANNE)) is not works_there


async def test_a_reader_gets_no_buttons_in_the_rows_of_the_modal(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot, 1, "Vraag 01")
    await make_role(bot, SANNE, Role.READER)
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek")
    await opened(bot, SANNE)
    await bot.slack.submit(SANNE, {"search_words": "vraag"})
    await opened(bot, SANNE, "1 zaak gevonden")
    assert "case:claim" not in action_ids(bot.slack.view(SANNE))


def test_what_is_sought_is_read_from_every_button_however_old() -> None:
    for sought in (Sought("a|b:c"), Sought("x" * MAX_WORDS, "a:b", 31, "closed", 7), Sought()):
        assert Sought.of_text(sought.to_text()) == sought
    assert Sought.of_text("search||a|b") == Sought("a|b")
    assert Sought.of_text("search|x:y:gone:webhook|a") == Sought("a", "webhook")


async def test_one_finds_only_cases_of_teams_in_which_one_has_a_role(bot: Bot) -> None:
    await mention(bot, 1, text="Vraag aan ons")
    await mention(bot, 2, text="Vraag aan wegen")
    async with bot.desk.session() as session:
        session.add(Team(id=2, name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
        await session.flush()
        case = await cases.get(session, 2)
        case.team_id = 2
        session.add(case)
    wim = await comes(bot, "U0WIM", "Wim Wegen", "C0ESCALATIE")
    await make_role(bot, wim, Role.READER, team_id=2)
    for person, theirs, others in ((wim, "aan wegen", "aan ons"), (SANNE, "aan ons", "aan wegen")):
        await bot.slack.open_home(person)
        await home(bot, person, "Zaken zoeken")
        await bot.slack.type(person, "search:words", "vraag")
        assert others not in await opened(bot, person, theirs)
    await make_role(bot, YOUSSEF, Role.READER)
    assert "aan ons" in await asked(bot, YOUSSEF, "/webcare zoek vraag")
