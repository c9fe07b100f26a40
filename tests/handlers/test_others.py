"""A citizen's other cases: how many on the card, the list of them, and open ones that name each other."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Case, Message, MessageKind, Role
from bot.slack import messages
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import (
    BEA,
    BEHEER,
    answer,
    card_in,
    held_up,
    make_role,
    open_group,
    open_modal,
    read,
    second_team,
    settings,
    settings_of,
)


async def writes(bot: Bot, text: str, *words: str, name: str = "Fatima", **more: Any) -> dict[str, Any]:
    bot.citizen_posts(text, name=name, **more)
    return await bot.card(text, *words)


async def close(bot: Bot, case_id: int, by: str = SANNE) -> None:
    async with bot.desk.session() as session:
        await cases.close(session, case_id, by=by, now=bot.desk.now(), reason=CloseReason.SPAM)
    await messages.sync(bot.desk, case_id)


async def card_shows(bot: Bot, text: str, *, has: str = "", lacks: str = "", links: str = "") -> dict[str, Any]:
    """Wait until the card of this post has or lacks some words, and links others."""

    def shown() -> dict[str, Any] | None:
        card = bot.card_now(text)
        if card is None or has not in read(card) or (lacks and lacks in read(card)):
            return None
        return card if links in str(card["blocks"]) else None

    return await bot.slack.wait_for(shown)


async def others_of(bot: Bot, person: str, card: dict[str, Any], case_id: int) -> dict[str, Any]:
    """Open the list of other cases from the menu of a card."""
    await bot.slack.click(person, CHANNEL, card["ts"], "case:more", f"more:{case_id}")
    await open_modal(bot, person, "more")
    await bot.slack.click_in_view(person, "case:more", value=f"others:{case_id}")
    return await open_modal(bot, person, "others")


async def test_open_cases_of_one_citizen_name_each_other_until_one_ends(bot: Bot) -> None:
    await writes(bot, "De brug is dicht")
    await writes(bot, "De lamp is stuk")
    await writes(bot, "Iets anders", name="Joris")
    first = await card_shows(bot, "De brug", has="ook open: ", links="|zaak 2>")
    second = await card_shows(bot, "De lamp", has="ook open: ", links="|zaak 1>")
    assert f"/archives/{CHANNEL}/p{second['ts'].replace('.', '')}|zaak 2>" in str(first["blocks"])
    assert f"/archives/{CHANNEL}/p{first['ts'].replace('.', '')}|zaak 1>" in str(second["blocks"])
    assert "1 eerdere zaak" in read(second) and "eerdere" not in read(first)
    assert "open" not in read(await bot.card("Iets anders"))

    await close(bot, 1)
    await card_shows(bot, "De lamp", has="1 eerdere zaak", lacks="ook open")
    async with bot.desk.session() as session:
        await cases.reopen(session, 1, by=YOUSSEF, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    await card_shows(bot, "De lamp", has="ook open: ")
    await card_shows(bot, "De brug", has="ook open: ")
    await close(bot, 2)
    await card_shows(bot, "De brug", lacks="ook open")


async def test_two_posts_of_one_page_name_each_other(bot: Bot) -> None:
    author = Author("f", "Fatima")
    posts = [
        Post(str(n), author, f"Vraag {n}", bot.desk.now(), permits=permits(Act.ANSWER), conversation=str(n))
        for n in range(5)
    ]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    for n in range(5):
        card = await card_shows(bot, f"Vraag {n}", has="nog 1")
        ends = [each for each in range(1, 6) if each != n + 1][:3]
        for each in ends:
            await card_shows(bot, f"Vraag {n}", links=f"|zaak {each}>")
        assert f"zaak {n + 1}>" not in str(card["blocks"])


async def test_who_has_very_many_open_cases_does_not_change_all_of_their_cards_with_each(bot: Bot) -> None:
    """As a newspaper whose every article is a case."""

    async def article(number: int) -> None:
        post = Post(str(number), Author("n", "De Courant"), f"Stuk {number}.", bot.desk.now(), conversation=str(number))
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
        await messages.wake_lanes(bot.desk)
        await bot.card(f"Stuk {number}.")
        await bot.desk.wake.idle()  # type: ignore[attr-defined]

    for number in range(1, 12):
        await article(number)
    await card_shows(bot, "Stuk 1.", has="nog 7", links="zaak 2>")
    await article(12)
    for number in range(1, 13):
        await card_shows(bot, f"Stuk {number}.", has="nog meer dan 10 andere open", lacks="ook open")
    rows = {m.case_id: m.version for m in await bot.rows(Message) if m.kind is MessageKind.CASE}
    await article(13)
    after = {m.case_id: m.version for m in await bot.rows(Message) if m.kind is MessageKind.CASE}
    assert {case_id: after[case_id] for case_id in rows} == rows
    await close(bot, 13)
    await close(bot, 12)
    await card_shows(bot, "Stuk 1.", has="nog 7", links="zaak 2>")


async def test_both_end_at_once_and_neither_waits_for_the_other(bot: Bot) -> None:
    for n in range(4):
        await writes(bot, f"Vraag {n}")
    await card_shows(bot, "Vraag 0", has="zaak 4")
    await asyncio.gather(*(close(bot, case_id) for case_id in (1, 2, 3, 4)))
    for n in range(4):
        await card_shows(bot, f"Vraag {n}", has="☑️", lacks="ook open")


async def test_a_job_that_marks_all_cards_at_that_moment_and_a_card_that_is_written_wait_for_each_other_in_turn(
    postgres_bot: Bot,
) -> None:
    """Who reminds marks the cards of many cases, without locking those; both lock the cards in one order."""
    bot = postgres_bot
    for n in range(3):
        await writes(bot, f"Vraag {n}")
    await card_shows(bot, "Vraag 2", has="zaak 1")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with bot.desk.session() as first:
        await first.exec(select(Message).where(Message.case_id == 1).with_for_update())
        marking = asyncio.create_task(mark_all(bot))
        await eventually(lambda: held_up(bot.engine, 1))
        ending = asyncio.create_task(close(bot, 3))
        await eventually(lambda: held_up(bot.engine, 2))
    await asyncio.gather(marking, ending)
    await card_shows(bot, "Vraag 0", lacks="zaak 3")


async def mark_all(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await cases.touch_all(session, {1, 2, 3})


async def test_a_case_that_ended_and_is_open_again_before_its_card_was_written_is_named_again(bot: Bot) -> None:
    """Its own card looks as before; that of the other was written in between."""
    await writes(bot, "De brug is dicht")
    await writes(bot, "De lamp is stuk")
    await card_shows(bot, "De brug", links="zaak 2>")
    await card_shows(bot, "De lamp", links="zaak 1>")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    at = bot.desk.now()
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, now=at, reason=CloseReason.SPAM)
    async with bot.desk.session() as session:
        await cases.set_urgent(session, 2, urgent=True, by=SANNE, now=at)
    await messages.sync(bot.desk, 2)
    await card_shows(bot, "De lamp", has="Dringend", lacks="ook open")
    async with bot.desk.session() as session:
        await cases.undo_close(session, {1}, teams={1}, closed_at=at, by=SANNE, now=at, undo=timedelta(minutes=1))
    await messages.wake_lanes(bot.desk)
    await card_shows(bot, "De lamp", links="zaak 1>")


async def test_what_a_stopped_process_left_is_named_by_the_next_writing(bot: Bot) -> None:
    """The end of a case is stored, and nothing more happens: the sweep brings both cards level."""
    await writes(bot, "De brug is dicht")
    await writes(bot, "De lamp is stuk")
    await card_shows(bot, "De brug", has="ook open: ")
    async with bot.desk.session() as session:
        await cases.close(session, 2, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    await messages.wake_lanes(bot.desk)
    await card_shows(bot, "De brug", lacks="ook open")


async def test_the_list_is_one_click_from_the_card_the_details_and_the_answer(bot: Bot) -> None:
    first = await writes(bot, "De brug is dicht")
    await answer(bot, SANNE, first, "Vanaf acht uur.")
    await bot.card("brug", "*Beantwoord*")
    card = await writes(bot, "De lamp is stuk", "1 eerdere zaak")
    view = await others_of(bot, SANNE, card, 2)
    assert "De brug is dicht" in read(view) and "beantwoord" in read(view) and "lamp" not in read(view)
    assert "/archives/" in read(view)
    await bot.slack.close_view(SANNE)

    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:2")
    details = await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and "1 eerdere zaak" in read(v) and v)
    await bot.slack.click_in_view(SANNE, "case:others")
    await open_modal(bot, SANNE, "others")
    await bot.slack.close_view(SANNE)
    assert bot.slack.view(SANNE)["id"] == details["id"]
    await bot.slack.close_view(SANNE)

    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    modal = await open_modal(bot, SANNE, "case:answer")
    assert "1 eerdere zaak" in read(modal)
    await bot.slack.type(SANNE, "answer_text", "Morgen is hij heel.")
    await bot.slack.click_in_view(SANNE, "case:others")
    view = await open_modal(bot, SANNE, "others")
    assert "De brug is dicht" in read(view)
    await bot.slack.close_view(SANNE)
    assert bot.slack.view(SANNE)["id"] == modal["id"]
    assert (await bot.slack.submit(SANNE, {"answer_text": "Morgen is hij heel."})).ok
    await bot.card("lamp", "Morgen is hij heel.")


async def test_without_other_cases_nothing_is_offered(bot: Bot) -> None:
    card = await writes(bot, "De brug is dicht")
    assert "eerdere" not in read(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    details = await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and "Geschiedenis" in read(v) and v)
    assert "case:others" not in str(details)


async def test_what_another_team_was_written_privately_is_a_line_without_words(bot: Bot) -> None:
    """Bea is in one of the two teams, Sanne in both."""
    team = await second_team(bot)
    await settings(bot, signal_words=["geheim*"])  # the mark of what goes first quotes such a word
    await writes(bot, "Mijn bsn is geheim", private=True)
    await writes(bot, "De lamp is stuk")
    async with bot.desk.session() as session:
        await cases.transfer(session, 2, seen=1, to=team, note="x", by=SANNE, now=bot.desk.now(), submission="v")
    await messages.wake_lanes(bot.desk)
    card = await card_in(bot, BEHEER, "De lamp", "ook open: ", "zaak 1> (Webcare)")
    for person, reads in ((BEA, False), (SANNE, True)):
        await bot.slack.click(person, BEHEER, card["ts"], "case:more", "more:2")
        await open_modal(bot, person, "more")
        await bot.slack.click_in_view(person, "case:more", value="others:2")
        view = read(await open_modal(bot, person, "others"))
        assert "🔒 privébericht" in view and "Zaak 1 (Webcare)" in view
        assert ("bsn" in view) is reads and ("geheim" in view) is reads
    await card_shows(bot, "Mijn bsn", has="zaak 1> (Beheer)")


async def test_a_public_post_after_a_private_one_lets_another_team_read_no_word_of_the_private_one(bot: Bot) -> None:
    """The mark of what goes first quotes a word of either; Sanne is in both teams, Bea is not."""
    team = await second_team(bot)
    await settings(bot, signal_words=["geheim*"])
    here: dict[str, Any] = {"conversation": "a", "permits": permits(Act.ANSWER)}
    posts = [
        Post("1", Author("f", "Fatima"), "Mijn bsn is geheim", bot.desk.now(), private=True, **here),
        Post("2", Author("f", "Fatima"), "Hoort u mij?", bot.desk.now(), in_reply_to="1", **here),
        Post("3", Author("f", "Fatima"), "De lamp is stuk", bot.desk.now(), conversation="b"),
    ]
    for post in posts:
        async with bot.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=bot.desk.now())
    async with bot.desk.session() as session:
        await cases.transfer(session, 2, seen=1, to=team, note="x", by=SANNE, now=bot.desk.now(), submission="v")
    await messages.wake_lanes(bot.desk)
    card = await card_in(bot, BEHEER, "De lamp", "ook open: ")
    for person, reads in ((BEA, False), (SANNE, True)):
        await bot.slack.click(person, BEHEER, card["ts"], "case:more", "more:2")
        await open_modal(bot, person, "more")
        await bot.slack.click_in_view(person, "case:more", value="others:2")
        view = read(await open_modal(bot, person, "others"))
        assert "Hoort u mij?" in view and "bsn" not in view
        assert ("geheim" in view) is reads


@pytest.mark.parametrize("months", [1, 24])
async def test_how_far_back_is_a_setting_of_the_team(sqlite_bot: Bot, months: int) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.COORDINATOR)
    await writes(bot, "De brug is dicht")
    await close(bot, 1)
    async with bot.desk.session() as session:
        case = await session.get_one(Case, 1)
        case.opened_at = case.opened_at.replace(year=case.opened_at.year - 1)
        session.add(case)
    await open_group(bot, SANNE, "card")
    assert (await bot.slack.submit(SANNE, {"person_months": "0"})).errors
    ack = await bot.slack.submit(SANNE, {"person_months": str(months)})
    assert ack.ok and not ack.errors
    assert (await settings_of(bot)).person_months == months
    card = await writes(bot, "De lamp is stuk")
    assert ("1 eerdere zaak" in read(card)) is (months == 24)
