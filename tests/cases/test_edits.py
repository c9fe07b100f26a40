"""What the citizen says after us is heard, also when they say it by editing what they wrote."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.cases import clocks, inbox
from bot.domain.case import Status, Urgency
from bot.domain.mention import Act, Author, Gone, Media, Post, Quote, permits
from bot.domain.sla import ClockKind
from bot.models import Clock, Event, Mention, ReplyKind
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from tests.conftest import CHANNEL, SANNE, Bot
from tests.people import open_modal, sent

FATIMA = Author("f", "Fatima")
ASKED = "Wanneer komt de bus?"
NOT_AGAIN = "Bedankt! Maar hij kwam weer niet. Wat nu?"


async def says(bot: Bot, text: str, number: int = 1, *, edits: bool = False, **more: Any) -> Post:
    """Fatima writes, or edits what she wrote, some minutes later."""
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    now = bot.desk.now()
    more = {"permits": permits(Act.ANSWER), "conversation": "k", "edited_at": now if edits else None, **more}
    post = Post(str(number), FATIMA, text, now, **more)
    await comes_in(bot, post)
    return post


async def comes_in(bot: Bot, post: Post) -> None:
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def kinds(bot: Bot) -> list[str]:
    return [event.kind.value for event in await bot.rows(Event) if event.case_id]


def thread(bot: Bot) -> list[str]:
    """What stands below the card."""
    card = bot.cards()[0]
    return [json.dumps(each, ensure_ascii=False) for each in bot.slack.thread(CHANNEL, card["ts"])]


@pytest.mark.parametrize("words", ["Prima, dank!", "Ok", "Top"])
async def test_a_mere_yes_to_our_question_is_an_answer(office: Bot, words: str) -> None:
    await says(office, "Mogen we u bellen?")
    await sent(office, 1, ReplyKind.QUESTION)
    assert (await office.case()).status is Status.WITH_CITIZEN
    await says(office, words, 2)
    assert (await office.case()).status is Status.NEW
    assert [clock.kind for clock in await office.rows(Clock) if clock.running_since] == [
        ClockKind.RESOLUTION,
        ClockKind.NEXT_REACTION,
    ]
    await says(office, "Bedankt!", 3)
    assert (await kinds(office)).count("reopened_by_citizen") == 1


async def test_an_edit_to_a_mere_yes_answers_our_question_too(office: Bot) -> None:
    await says(office, "Mogen jullie mij bellen over de bus?")
    await sent(office, 1, ReplyKind.QUESTION)
    assert (await office.case()).status is Status.WITH_CITIZEN
    await says(office, "mogen jullie mij bellen over de bus", edits=True)
    assert (await office.case()).status is Status.WITH_CITIZEN, "no word was added"
    await says(office, "Ok", edits=True)
    assert (await office.case()).status is Status.NEW
    assert (await kinds(office)).count("reopened_by_citizen") == 1


async def test_thanks_that_are_edited_into_a_question_reopen_the_case_and_are_shown_in_its_thread(office: Bot) -> None:
    await says(office, ASKED)
    await sent(office, 1)
    await says(office, "Bedankt!", 2)
    assert (await office.case()).status is Status.ANSWERED
    edit = await says(office, NOT_AGAIN, 2, edits=True)
    assert (await office.case()).status is Status.NEW
    assert ClockKind.NEXT_REACTION in {clock.kind for clock in await office.rows(Clock) if clock.running_since}
    assert sum(NOT_AGAIN in each for each in thread(office)) == 2, "the thread says so, and the words before follow"
    async with office.desk.reading() as session:
        assert await clocks.asked_since_replies(session, 1) == office.desk.now()
    await comes_in(office, edit)
    assert (await kinds(office)).count("reopened_by_citizen") == 1


async def test_a_first_post_that_asks_something_new_reopens_a_closed_case(office: Bot) -> None:
    await says(office, ASKED)
    await office.slack.click(SANNE, CHANNEL, office.cards()[0]["ts"], "case:more", "no_answer:1:1")
    await office.card("Afgesloten")
    await says(office, f"{ASKED} Hij is er nog steeds niet.", edits=True)
    await office.card("Nieuw", "nog steeds niet")
    assert (await office.case()).status is Status.NEW


@pytest.mark.parametrize(
    "edited",
    [
        {"text": "wanneer komt de bus"},
        {"text": f"  {ASKED}!!  "},
        {"text": ASKED, "media": (Media("https://e.nl/bus.jpg"),)},
        {"text": "Wanneer de bus?"},
        {"text": "Bedankt!"},
    ],
)
async def test_an_edit_without_new_words_reopens_nothing(office: Bot, edited: dict[str, Any]) -> None:
    bot = office
    post = Post("1", FATIMA, ASKED, bot.desk.now(), permits=permits(Act.ANSWER))
    await comes_in(bot, post)
    await sent(bot, 1)
    await comes_in(bot, replace(post, edited_at=bot.desk.now(), **edited))
    assert (await bot.case()).status is Status.ANSWERED
    assert "mention_edited" in await kinds(bot)


async def test_an_open_case_is_only_shown_anew(office: Bot) -> None:
    await says(office, ASKED)
    await says(office, f"{ASKED} Ik sta in de kou.", edits=True)
    await office.card("in de kou")
    assert await kinds(office) == ["opened", "mention_edited"] and thread(office) == []


async def test_what_stands_in_the_thread_follows_an_edit_and_a_removal(office: Bot) -> None:
    await says(office, ASKED)
    post = await says(office, "Ik woon op Dorpsstraat 5, bsn 123456789", 2)
    assert "123456789" in thread(office)[0]
    edit = await says(office, "Ik woon in de Dorpsstraat", 2, edits=True)
    [shown] = thread(office)
    assert "123456789" not in shown and edit.text in shown and "bewerkt" in shown
    await comes_in(office, replace(post, text="", gone=Gone.BY_AUTHOR))
    assert "verwijderd" in thread(office)[0]
    assert len(await office.rows(Mention)) == 2


HURT = f"{ASKED} Help, mijn dochter is aangereden!"
AGAIN = "De burger schreef intussen opnieuw of paste een bericht aan"


async def opens(bot: Bot, verb: str) -> dict[str, Any]:
    """Sanne opens the modal to answer or to close the first case."""
    button = ("case:answer", "") if verb == "answer" else ("case:more", "close:1")
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], *button)
    return await open_modal(bot, SANNE, f"case:{verb}")


async def submits(bot: Bot, verb: str) -> str:
    """Sanne sends the modal; returns what she reads then, "" when it closed."""
    filled = {"answer_text": "Om 10.30 uur.", "initials": "SB"} if verb == "answer" else {"close_reason": "spam"}
    ack = await bot.slack.submit(SANNE, filled)
    assert ack.ok and not ack.errors, ack
    return text_of(bot.slack.view(SANNE) or {})


@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_what_a_citizen_edits_while_a_colleague_answers_or_closes_is_read_first(office: Bot, verb: str) -> None:
    await says(office, ASKED)
    await opens(office, verb)
    await says(office, HURT, edits=True)
    shown = await submits(office, verb)
    assert "aangereden" in shown and AGAIN in shown
    assert (await office.case()).status is Status.NEW
    await says(office, f"{HURT} Ze ligt nog op straat.", edits=True)
    assert "op straat" in await submits(office, verb)
    assert await submits(office, verb) == ""
    assert (await office.case()).status is (Status.ANSWERED if verb == "answer" else Status.CLOSED)


@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_an_edit_of_an_earlier_post_is_shown_too(office: Bot, verb: str) -> None:
    await says(office, ASKED)
    await says(office, "Nou?", 2)
    await opens(office, verb)
    await says(office, HURT, edits=True)
    assert "aangereden" in await submits(office, verb)
    assert await submits(office, verb) == ""


@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_an_edit_of_signs_and_one_that_the_modal_showed_already_stop_nothing(office: Bot, verb: str) -> None:
    await says(office, ASKED)
    await says(office, HURT, edits=True)
    view = await opens(office, verb)
    assert "aangereden" in text_of(view) and AGAIN not in text_of(view)
    await says(office, f"  {HURT}!!", edits=True)
    assert await submits(office, verb) == ""


async def test_an_edit_that_the_answer_shows_while_one_types_is_pointed_out(office: Bot) -> None:
    await says(office, ASKED)
    await opens(office, "answer")
    await says(office, HURT, edits=True)
    await office.slack.type(SANNE, "answer_text", "Om 10.30 uur.")
    view = await office.slack.wait_for(
        lambda: (view := office.slack.view(SANNE)) and "aangereden" in text_of(view) and view
    )
    assert AGAIN in text_of(view)
    assert await submits(office, "answer") == ""


async def test_what_was_edited_since_the_menu_was_opened_is_read_before_the_case_is_closed_at_once(office: Bot) -> None:
    await says(office, "Mooie foto!")
    await office.slack.click(SANNE, CHANNEL, office.cards()[0]["ts"], "case:more", "more:1")
    await open_modal(office, SANNE, "more")
    await says(office, HURT, edits=True)
    await office.slack.click_in_view(SANNE, "case:more", value="no_answer:1:1")
    view = await open_modal(office, SANNE, "case:close")
    assert "aangereden" in text_of(view) and AGAIN in text_of(view)
    assert (await office.case()).status is Status.NEW
    await office.slack.close_view(SANNE)
    [value] = [each["value"] for each in menu_of(office) if each["value"].startswith("no_answer")]
    await office.slack.click(SANNE, CHANNEL, office.cards()[0]["ts"], "case:more", value)
    await office.card("Afgesloten")


def menu_of(bot: Bot) -> list[dict[str, Any]]:
    """The options in the menu of the card."""
    found = [each for _, each in input_state.elements(bot.cards()[0]["blocks"]) if each["action_id"] == "case:more"]
    options: list[dict[str, Any]] = found[0]["options"]
    return options


SECRET = "Mijn bsn is 123456782"
BOTH = permits(Act.ANSWER, Act.ANSWER_PRIVATELY)


async def test_a_post_that_becomes_private_is_so_everywhere_from_then_on(office: Bot) -> None:
    post = await says(office, "Hoi", permits=BOTH)
    await says(office, SECRET, edits=True, private=True, permits=permits(Act.ANSWER_PRIVATELY))
    await office.card(SECRET, "privébericht")
    [mention] = await office.rows(Mention)
    assert mention.private and mention.permits() == permits(Act.ANSWER_PRIVATELY)
    await office.slack.click(SANNE, CHANNEL, office.cards()[0]["ts"], "case:answer")
    assert "alleen" in text_of(await open_modal(office, SANNE, "case:answer"))
    await comes_in(office, replace(post, text="Toch openbaar", edited_at=office.desk.now() + timedelta(minutes=1)))
    [mention] = await office.rows(Mention)
    assert mention.private and mention.text == "Toch openbaar"


async def test_that_a_post_becomes_private_is_an_edit_without_other_words_too(office: Bot) -> None:
    await says(office, ASKED)
    post = await says(office, SECRET, 2, permits=BOTH)
    await comes_in(office, replace(post, private=True))
    await office.card(SECRET, "privébericht")
    assert "privébericht" in thread(office)[0]
    assert (await kinds(office)).count("mention_edited") == 1
    await comes_in(office, replace(post, private=True))
    assert (await kinds(office)).count("mention_edited") == 1


async def test_who_answers_a_post_that_becomes_private_quotes_it_no_more_not_even_to_advisers(office: Bot) -> None:
    """Everybody in a channel that is asked for advice may read it, and none of them what is private."""
    bot, elsewhere = office, "C0ESCALATIE"
    post = await says(bot, SECRET, permits=BOTH)
    for number, quote in ((2, None), (3, Quote("Fatima", SECRET))):
        author, at = Author(f"a{number}", "Jan"), bot.desk.now()
        await comes_in(bot, Post(str(number), author, f"Nee {number}", at, in_reply_to="1", replies_to=quote))
        async with bot.desk.session() as session:
            await cases.claim(session, number, by=SANNE, now=at)
            await cases.escalate(
                session, number, by=SANNE, now=at, target=elsewhere, channels=[elsewhere], question="Weten jullie dit?",
                urgency=Urgency.NORMAL, submission=str(number),
            )  # fmt: skip
        await messages.wake_lanes(bot.desk)
        await bot.slack.wait_for(lambda: f"Nee {number}" in str(bot.slack.messages(elsewhere)))  # noqa: B023
    assert SECRET in str(bot.slack.messages(elsewhere)[0]) and SECRET in str(bot.slack.messages(elsewhere)[1])
    await comes_in(bot, replace(post, private=True))
    await bot.card(SECRET, "privébericht")
    assert [SECRET in str(each) for each in bot.cards()] == [True, False, False]
    assert SECRET not in str(bot.slack.messages(elsewhere))


@pytest.mark.parametrize(("text", "timed"), [("En deze bus dan?", True), ("Bedankt!", False)])
async def test_a_later_post_that_can_be_answered_only_now_is_timed_from_now(
    office: Bot, text: str, timed: bool
) -> None:
    await says(office, ASKED)
    await sent(office, 1)
    await says(office, "En de tram?", 2, permits=frozenset())
    hidden = await says(office, text, 3, permits=frozenset())
    office.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await comes_in(office, replace(hidden, permits=permits(Act.ANSWER)))
    reactions = [clock for clock in await office.rows(Clock) if clock.kind is ClockKind.NEXT_REACTION]
    assert [clock.started_at for clock in reactions] == [office.desk.now()][: int(timed)]
