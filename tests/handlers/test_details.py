"""The details of a case with a long exchange: all of it can be seen, also while one writes an answer."""

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, text
from sqlmodel import col, select

from bot import cases
from bot.domain.event import EventKind
from bot.domain.mention import Act
from bot.domain.queue import Filter, Which
from bot.models import Escalation, Event, Mention, Note, Role, UtcDateTime
from bot.sandbox.slack.inspection import action_ids, text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import home, make_role, mention, open_modal, settings


async def wrote(bot: Bot, count: int) -> dict[str, Any]:
    """A citizen writes so many posts in one case; returns its card."""
    await mention(bot, 1, "Bericht 01")
    async with bot.desk.session() as session:
        for number in range(2, count + 1):
            at = bot.desk.now() + timedelta(seconds=number)
            session.add(
                Mention(case_id=1, account_id=1, external_id=f"m{number}", text=f"Bericht {number:02}",
                        allows=[Act.ANSWER.value], published_at=at, received_at=at)
            )  # fmt: skip
    return await bot.card("Zaak 1")


async def shown(bot: Bot, *words: str) -> list[int]:
    """Wait until the details hold these words, and return which posts they show."""

    def found() -> str:
        view = bot.slack.view(SANNE)
        said = text_of(view) if view and view["callback_id"] == "said" else ""
        return said if all(word in said for word in words) else ""

    return [int(number) for number in re.findall(r"Bericht (\d\d)", str(await bot.slack.wait_for(found)))]


async def test_the_details_say_what_they_do_not_show_and_turn_to_it_and_back(bot: Bot) -> None:
    card = await wrote(bot, 33)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    assert await shown(bot, "18 eerdere berichten niet getoond") == list(range(19, 34))
    await bot.slack.click_in_view(SANNE, "case:earlier", value="1:15")
    assert await shown(bot, "3 eerdere", "15 nieuwere berichten niet getoond") == list(range(4, 19))
    await bot.slack.click_in_view(SANNE, "case:earlier", value="1:30")
    assert await shown(bot, "30 nieuwere berichten niet getoond") == [1, 2, 3]
    assert "eerdere berichten" not in text_of(bot.slack.view(SANNE))
    await bot.slack.click_in_view(SANNE, "case:earlier", value="1:0")
    assert await shown(bot, "18 eerdere berichten niet getoond") == list(range(19, 34))


async def noted(bot: Bot, *words: str) -> None:
    """A colleague noted these in case 1, one after another."""
    async with bot.desk.session() as session:
        for number, each in enumerate(words):
            at = bot.desk.now() + timedelta(seconds=number)
            session.add(Note(case_id=1, by=YOUSSEF, text=each, at=at))


async def test_the_details_show_the_notes_and_count_what_they_leave_out(bot: Bot) -> None:
    card = await wrote(bot, 1)
    whole, long = "De afspraak is: " + "wij bellen terug, " * 60 + "op maandag", "zo " * 500 + "klaar"
    await noted(bot, whole, *(f"Notitie {number:02}" for number in range(2, 56)))
    async with bot.desk.session() as session:
        for number in range(1, 7):
            session.add(
                Escalation(case_id=1, target=YOUSSEF, question=f"Vraag {number}", by=SANNE, at=bot.desk.now(),
                           submission=str(number), advice=f"Raad {number}: {long}", advised_by=YOUSSEF)
            )  # fmt: skip
        session.add_all(Event(case_id=1, kind=EventKind.NOTE, by=YOUSSEF, at=bot.desk.now()) for number in range(54))
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    await shown(bot, "5 eerdere notities niet getoond.", "Notitie 06", "Notitie 55", "15 eerdere regels niet getoond.")
    said = text_of(bot.slack.view(SANNE))
    assert "Notitie 05" not in said and "1 eerdere vraag niet getoond." in said
    assert "Vraag 1" not in said and "Vraag 2" in said and said.count("zo klaar") == 5
    async with bot.desk.session() as session:
        for each in (await session.exec(select(Note).order_by(col(Note.id)).offset(12))).all():
            await session.delete(each)
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    await shown(bot, whole, "Notitie 02", "Notitie 12")
    assert "notities niet getoond" not in text_of(bot.slack.view(SANNE))


async def test_what_was_noted_has_room_beside_a_long_exchange_with_many_pictures(bot: Bot) -> None:
    card = await wrote(bot, 15)
    await noted(bot, *(f"Notitie {number:02}" for number in range(1, 11)))
    async with bot.desk.session() as session:
        for each in (await session.exec(select(Mention))).all():
            each.media = [{"kind": "image", "url": f"https://platform.example/{n}.png", "alt": ""} for n in range(2)]
            session.add(each)
        session.add_all(
            Escalation(case_id=1, target=YOUSSEF, question=f"Vraag {number}", by=SANNE, at=bot.desk.now(),
                       submission=str(number), advice="Ja", advised_by=YOUSSEF) for number in range(1, 6)
        )  # fmt: skip
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    assert await shown(bot, "Notitie 01", "Vraag 5", "Notitie 10") == list(range(1, 16))


async def test_the_details_show_a_long_post_to_its_end(bot: Bot) -> None:
    words = " ".join(str(number) for number in range(1000, 3000))
    await mention(bot, 1, f"Bericht 01\n{words} 😶‍🌫️")
    card = await bot.card("Zaak 1")
    assert "2999" not in text_of(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    assert await shown(bot, "1000", "2999 😶‍🌫️") == [1]
    said = text_of(bot.slack.view(SANNE)).split()
    assert all(str(number) in said for number in range(1001, 2999, 100))


async def test_the_details_show_also_what_a_newer_version_of_the_program_recorded(bot: Bot) -> None:
    card = await wrote(bot, 1)
    async with bot.desk.session() as session:
        newer = text("INSERT INTO events (case_id, kind, \"by\", at, details) VALUES (1, 'parked', :by, :at, '{}')")
        await (await session.connection()).execute(
            newer.bindparams(bindparam("at", bot.desk.now(), UtcDateTime), by=SANNE)
        )
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    assert await shown(bot, "iets wat alleen een nieuwere versie van de bot kan benoemen") == [1]


async def test_what_the_answer_modal_does_not_show_is_seen_on_top_of_it(bot: Bot) -> None:
    card = await wrote(bot, 15)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "2 eerdere berichten niet getoond" in text_of(view)
    await bot.slack.type(SANNE, "answer_text", "Dat zit zo.")
    await bot.slack.click_in_view(SANNE, "case:earlier")
    assert await shown(bot, "12 nieuwere berichten niet getoond") == [1, 2, 3]
    await bot.slack.close_view(SANNE)
    below = await open_modal(bot, SANNE, "case:answer")
    assert below["state"]["values"]["answer_text"]["answer_text"]["value"] == "Dat zit zo."


async def test_what_is_done_in_the_details_of_a_case_of_the_home_shows_on_the_home(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await settings(bot, topics=["Afval"])
    await wrote(bot, 31)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Bericht")
    await bot.slack.click_in_view(SANNE, "list:which", Filter(Which.MINE, SANNE).to_text())
    await home(bot, SANNE, "Terug naar het overzicht")
    await bot.slack.click_in_view(SANNE, "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.click_in_view(SANNE, "case:earlier")
    await shown(bot, "nieuwere berichten niet getoond")
    await bot.slack.click_in_view(SANNE, "case:earlier", value="1:0")
    await shown(bot, "16 eerdere berichten niet getoond")
    await bot.slack.click_in_view(SANNE, "case:urgent")
    await home(bot, SANNE, "Terug naar het overzicht", "Dringend")
    await bot.slack.click_in_view(SANNE, "case:not_urgent")
    await bot.slack.wait_for(lambda: "Dringend" not in text_of(bot.slack.home(SANNE)))


async def test_a_reader_turns_the_details_too(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.READER)
    card = await wrote(bot, 16)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    await shown(bot, "1 eerder bericht niet getoond")
    await bot.slack.click_in_view(SANNE, "case:earlier")
    assert await shown(bot, "15 nieuwere berichten niet getoond") == [1]


async def test_an_exchange_that_fits_has_no_such_button(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    card = await wrote(bot, 13)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    assert await shown(bot, "Bericht 13") == list(range(1, 14))
    assert "case:earlier" not in action_ids(bot.slack.view(SANNE))
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "case:earlier" not in action_ids(await open_modal(bot, SANNE, "case:answer"))


async def test_why_a_click_in_the_details_did_nothing_stands_there(bot: Bot) -> None:
    await mention(bot, 1, "Bericht 01")
    card = await bot.card("Zaak 1")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    await shown(bot, "Bericht 01")
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=YOUSSEF, now=bot.desk.now(), reason="spam")
    await bot.slack.click_in_view(SANNE, "case:urgent")
    await shown(bot, f"<@{YOUSSEF}> heeft deze zaak afgesloten.")
    assert bot.slack.direct(SANNE) == []
