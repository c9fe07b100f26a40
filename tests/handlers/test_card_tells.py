"""What a card, its details and the answer modal tell besides the post: who had it, what went before, pictures."""

from dataclasses import replace
from typing import Any

import pytest

from bot import cases
from bot.cases import inbox
from bot.domain.case import Urgency
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Caution, Gone, Media, Post, permits
from bot.models import Event, Role
from bot.slack import messages
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import answer, make_role, open_group, open_modal, read, settings, settings_of


async def takes_in(bot: Bot, *posts: Post) -> None:
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)


def post(bot: Bot, number: int, text: str, **more: Any) -> Post:
    about: dict[str, Any] = {"permits": permits(Act.ANSWER), "conversation": "c", **more}
    author = about.pop("author", Author("f", "Fatima"))
    return Post(str(number), author, text, bot.desk.now(), **about)


# --- Who had it, and what is urgent --------------------------------------------------------------


async def test_a_case_that_came_back_names_who_had_it(bot: Bot) -> None:
    bot.citizen_posts("De brug is dicht")
    card = await bot.card("brug")
    assert "eerder bij" not in read(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    card = await bot.card("brug", "In behandeling")
    assert "eerder bij" not in read(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "assign:1")
    await open_modal(bot, SANNE, "case:assign")
    assert (await bot.slack.submit(SANNE, {"assign_to": YOUSSEF})).ok
    card = await bot.card("brug", f"<@{YOUSSEF}>")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, YOUSSEF, "more")
    await bot.slack.click_in_view(YOUSSEF, "case:more", value="release:1")
    await bot.card("brug", "Nieuw", f"eerder bij <@{YOUSSEF}>")


@pytest.mark.parametrize("urgency", Urgency)
async def test_an_urgent_question_marks_the_card_until_it_has_advice(bot: Bot, urgency: Urgency) -> None:
    bot.citizen_posts("Mag dit?")
    card = await bot.card("Mag dit?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    asked = {"escalate_colleague": YOUSSEF, "escalate_question": "Mag dat?", "escalate_urgency": urgency.value}
    ack = await bot.slack.submit(SANNE, asked)
    assert ack.ok and not ack.errors, ack
    card = await bot.card("Mag dit?", "Geëscaleerd")
    assert ("🔴 *Dringende vraag* · ❓" in read(card)) is (urgency is Urgency.URGENT)
    async with bot.desk.session() as session:
        await cases.advise(session, 1, by=YOUSSEF, now=bot.desk.now(), advice="Ja, dat mag.")
    await messages.sync(bot.desk, 1)
    card = await bot.card("Mag dit?", "In behandeling")
    assert "Dringende vraag" not in read(card)


# --- The exchange --------------------------------------------------------------------------------

SAID = ("Eerste vraag", "Eerste antwoord", "Tweede vraag", "Tweede antwoord", "Derde vraag")


async def exchanged(bot: Bot) -> dict[str, Any]:
    """A citizen who wrote three times, and was answered twice in between."""
    below = None
    for number, words in enumerate(SAID):
        if number % 2 == 0:
            below = bot.citizen_posts(words, in_reply_to=below)["id"]
        else:
            await answer(bot, SANNE, await bot.card(SAID[number - 1]), words)
            await bot.card("*Beantwoord*", words)
    return await bot.card("Derde vraag")


def in_order(view: dict[str, Any]) -> bool:
    places = [read(view).find(words) for words in SAID]
    return -1 not in places and places == sorted(places)


async def test_the_exchange_stands_in_order_in_the_details_and_in_the_answer_modal(bot: Bot) -> None:
    card = await exchanged(bot)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    details = await bot.slack.wait_for(lambda: (v := bot.slack.view(SANNE)) and "Geschiedenis" in read(v) and v)
    assert in_order(details), read(details)
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert in_order(await open_modal(bot, SANNE, "case:answer"))


async def test_what_a_post_answers_of_somebody_else_stands_above_it(bot: Bot) -> None:
    """The platform may tell what was answered; else it is known when it came in here."""
    wanted = "als reactie op Joris: Wie weet wanneer de markt is?"
    await takes_in(bot, post(bot, 1, "Wie weet wanneer de markt is?", author=Author("j", "Joris")))
    await takes_in(bot, post(bot, 2, "Dat vraag ik me ook af", in_reply_to="1"))
    card = await bot.card("Dat vraag ik me ook af")
    assert wanted in read(card)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert wanted in read(await open_modal(bot, SANNE, "case:answer"))


async def test_what_a_post_answers_in_private_stays_with_those_two(bot: Bot) -> None:
    await takes_in(bot, post(bot, 1, "Mijn bsn is geheim", author=Author("j", "Joris"), private=True))
    await takes_in(bot, post(bot, 2, "Dat vraag ik me ook af", in_reply_to="1"))
    assert "geheim" not in read(await bot.card("Dat vraag ik me ook af"))


# --- Pictures ------------------------------------------------------------------------------------

PICTURE = Media("https://platform.example/lamp.png", "image", "Een <!channel> kapotte & scheve lamp")


def pictures(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for block in message["blocks"] if block["type"] == "image"]


async def test_what_the_thread_says_aloud_of_a_picture_without_words_is_that_it_is_one(bot: Bot) -> None:
    await takes_in(bot, post(bot, 1, "Lamp stuk"))
    card = await bot.card("Lamp stuk")
    await takes_in(bot, post(bot, 2, "", media=(PICTURE,)), post(bot, 3, "", private=True, media=(PICTURE,)))
    said = await bot.slack.wait_for(lambda: len(said := bot.slack.thread(CHANNEL, card["ts"])) == 2 and said)
    spoken = {each["text"].replace("\u2068", "").replace("\u2069", "") for each in said}
    assert spoken == {
        "Fatima schreef opnieuw: (afbeelding).", "Fatima schreef opnieuw: 🔒 privébericht: (afbeelding)."
    }  # fmt: skip


async def test_pictures_are_shown_once_the_team_wants_that(bot: Bot) -> None:
    await make_role(bot, SANNE, Role.COORDINATOR)
    await takes_in(bot, post(bot, 1, "Lamp stuk", media=(PICTURE,)))
    assert pictures(await bot.card("Lamp stuk")) == []
    await open_group(bot, SANNE, "card")
    assert "Slack haalt elke afbeelding dan zelf op" in read(bot.slack.view(SANNE))
    ack = await bot.slack.submit(SANNE, {"images": ["yes"]})
    assert ack.ok and not ack.errors
    assert (await settings_of(bot)).images
    many = (PICTURE, replace(PICTURE, url="http://platform.example/1.png"), replace(PICTURE, kind="video"))
    await takes_in(bot, post(bot, 2, "Paal stuk", media=(PICTURE, *many), conversation="d", author=Author("j", "J")))
    card = await bot.card("Paal stuk")
    [shown, _] = pictures(card)
    assert shown["image_url"] == PICTURE.url
    assert shown["alt_text"] == "Een &lt;!channel&gt; kapotte &amp; scheve lamp"
    assert "afbeelding" in read(card) and "video" in read(card)


async def test_at_most_three_pictures_are_shown_and_none_of_a_private_or_removed_post(bot: Bot) -> None:
    await settings(bot, images=True)
    four = tuple(replace(PICTURE, url=f"https://platform.example/{n}.png") for n in range(4))
    await takes_in(bot, post(bot, 1, "Openbaar", media=four))
    card = await bot.card("Openbaar")
    assert len(pictures(card)) == 3 and "https://platform.example/3.png|afbeelding" in str(card)
    await takes_in(bot, post(bot, 2, "Besloten", media=four, private=True, author=Author("j", "J"), conversation="d"))
    card = await bot.card("Besloten")
    assert pictures(card) == [] and "https://platform.example/0.png|afbeelding" in str(card)
    await takes_in(bot, replace(post(bot, 1, "Openbaar", media=four), gone=Gone.BY_AUTHOR))
    assert pictures(await bot.card("Openbaar", "verwijderd")) == []


async def test_what_is_marked_on_its_platform_is_said_before_its_words_and_its_pictures_stay_links(bot: Bot) -> None:
    await settings(bot, images=True)
    marked = post(bot, 1, "Kijk dan!", media=(PICTURE,), cautions=(Caution.GRAPHIC, Caution.ADULT))
    await takes_in(bot, marked)
    card = await bot.card("Let op: op het platform gemarkeerd als seksueel, schokkende beelden.", "Kijk dan!")
    assert pictures(card) == [] and f"{PICTURE.url}|afbeelding" in str(card)
    assert read(card).index("gemarkeerd") < read(card).index("Kijk dan!")
    await takes_in(bot, replace(marked, cautions=(Caution.SPAM,)))
    await bot.card("gemarkeerd als spam.")
    await takes_in(bot, replace(marked, cautions=()))
    await bot.slack.wait_for(lambda: not bot.card_now("gemarkeerd"))
    assert len(pictures(await bot.card("Kijk dan!"))) == 1
    assert EventKind.MENTION_EDITED not in {event.kind for event in await bot.rows(Event)}


async def test_a_picture_that_slack_cannot_fetch_is_a_link(bot: Bot) -> None:
    await settings(bot, images=True)
    lost = replace(PICTURE, url="https://platform.invalid/lamp.png")
    await takes_in(bot, post(bot, 1, "Lamp stuk", media=(lost,)))
    card = await bot.card("Lamp stuk")
    assert pictures(card) == [] and "https://platform.invalid/lamp.png|afbeelding" in str(card)


async def test_the_next_post_in_the_thread_shows_its_pictures_too(bot: Bot) -> None:
    await settings(bot, images=True)
    await takes_in(bot, post(bot, 1, "Lamp stuk"))
    card = await bot.card("Lamp stuk")
    await takes_in(bot, post(bot, 2, "Kijk maar", media=(PICTURE,), in_reply_to="1"))
    [shown] = await bot.slack.wait_for(
        lambda: [picture for said in bot.slack.thread(CHANNEL, card["ts"]) for picture in pictures(said)]
    )
    assert shown["image_url"] == PICTURE.url
