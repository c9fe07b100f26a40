"""What a case is about: chosen from the team's list, shown on the card, counted in the figures."""

import pytest
from sqlmodel import col, select

from bot.models import AnswerDraft, Event
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.team import teams
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot
from tests.people import card_in, claim_in_two_teams, mention, open_modal, settings


async def opened_details(bot: Bot, case_id: int) -> None:
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", f"details:{case_id}")
    await open_modal(bot, SANNE, "said")


async def test_an_agent_says_what_a_case_is_about(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"topics": ["Afval", "Wegwerk"]}, by=SANNE, now=bot.desk.now())
    case_id = await mention(bot)
    await bot.card("Wanneer?")
    await opened_details(bot, case_id)
    await bot.slack.click_in_view(SANNE, "case:topic", "is:Afval")
    await bot.card("Wanneer?", "Afval")
    await bot.slack.click_in_view(SANNE, "case:topic", "is:Afval")
    await bot.slack.click_in_view(SANNE, "case:topic", "none")
    async with bot.desk.reading() as session:
        found = await session.exec(select(Event).where(Event.kind == "topic").order_by(col(Event.id)))
        told = [(event.by, event.details) for event in found]
    assert told == [
        (SANNE, {"before": None, "after": "Afval"}),
        (SANNE, {"before": "Afval", "after": None}),
    ]


@pytest.mark.parametrize("topic", ["2", "2: wegwerk"])
async def test_a_topic_that_is_a_number_is_no_case_of_another_team(bot: Bot, topic: str) -> None:
    await claim_in_two_teams(bot)
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"topics": [topic]}, by=SANNE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await opened_details(bot, 1)
    await bot.slack.click_in_view(SANNE, "case:topic", f"is:{topic}")
    await card_in(bot, CHANNEL, "Bericht 1", "Onderwerp", topic)
    assert (await bot.case(1)).topic == topic


async def test_without_a_list_there_is_nothing_to_choose(sqlite_bot: Bot) -> None:
    case_id = await mention(sqlite_bot)
    await sqlite_bot.card("Wanneer?")
    await opened_details(sqlite_bot, case_id)
    assert "case:topic" not in action_ids(sqlite_bot.slack.view(SANNE) or {})


async def test_the_topic_is_asked_with_the_answer(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"topics": ["Afval", "Wegwerk"]}, by=SANNE, now=bot.desk.now())
    bot.citizen_posts("Wanneer komt de kraakwagen?")
    card = await bot.card("kraakwagen")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.type(SANNE, "initials", "SB")
    await bot.slack.type(SANNE, "answer_text", "Morgen om tien uur.")
    await bot.slack.click_in_view(SANNE, "answer_topic", "is:Afval")
    ack = await bot.slack.submit(SANNE)
    assert ack.ok and not ack.errors, ack.errors
    await bot.card("kraakwagen", "*Beantwoord*", "Onderwerp", "Afval")


async def test_the_topic_is_asked_when_a_case_is_closed(sqlite_bot: Bot) -> None:
    async with sqlite_bot.desk.session() as session:
        await teams.change(session, 1, {"topics": ["Afval"]}, by=SANNE, now=sqlite_bot.desk.now())
    case_id = await mention(sqlite_bot)
    await sqlite_bot.card("Wanneer?")
    await sqlite_bot.slack.click(SANNE, CHANNEL, sqlite_bot.cards()[0]["ts"], "case:more", f"close:{case_id}")
    await open_modal(sqlite_bot, SANNE, "case:close")
    await sqlite_bot.slack.click_in_view(SANNE, "close_reason", "not_for_us")
    await sqlite_bot.slack.click_in_view(SANNE, "case:topic", "is:Afval")
    ack = await sqlite_bot.slack.submit(SANNE)
    assert ack.ok and not ack.errors, ack.errors
    await sqlite_bot.card("Afgesloten", "Onderwerp", "Afval")


# --- A colleague sets it while a modal is open ----------------------------------------------------


async def opens(bot: Bot, verb: str) -> None:
    """Sanne opens the modal that answers or closes a case, which has no topic yet."""
    await settings(bot, topics=["Afval", "Wegwerk"])
    bot.citizen_posts("Wanneer?")
    card = await bot.card("Wanneer?")
    if verb == "answer":
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    else:
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, SANNE, f"case:{verb}")


async def colleague_sets(bot: Bot, topic: str) -> None:
    card = await bot.card("Wanneer?")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "details:1")
    await open_modal(bot, YOUSSEF, "said")
    await bot.slack.click_in_view(YOUSSEF, "case:topic", f"is:{topic}")
    await bot.card("Wanneer?", topic)


async def sends(bot: Bot, verb: str) -> None:
    filled = {"answer": {"initials": "SB", "answer_text": "Morgen."}, "close": {"close_reason": "not_for_us"}}
    ack = await bot.slack.submit(SANNE, filled[verb])
    assert ack.ok and not ack.errors, ack.errors


async def citizen_writes_again(bot: Bot, verb: str) -> None:
    """The citizen writes again, so that the modal that Sanne sends shows that first, as she filled it in."""
    bot.citizen_posts("En waar?", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("En waar?")
    await sends(bot, verb)
    assert "En waar?" in text_of(bot.slack.view(SANNE) or {})


async def set_by(bot: Bot) -> list[tuple[str | None, object]]:
    """Who set the topic of the case, and to what."""
    return [(event.by, event.details["after"]) for event in await bot.rows(Event) if event.kind == "topic"]


@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_the_topic_that_a_colleague_set_while_a_modal_was_open_stays(bot: Bot, verb: str) -> None:
    await opens(bot, verb)
    await colleague_sets(bot, "Afval")
    await sends(bot, verb)
    await bot.card("Wanneer?", "*Beantwoord*" if verb == "answer" else "Afgesloten", "Onderwerp", "Afval")
    assert await set_by(bot) == [(YOUSSEF, "Afval")]


@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_it_stays_also_when_the_modal_was_shown_again_meanwhile(sqlite_bot: Bot, verb: str) -> None:
    bot = sqlite_bot
    await opens(bot, verb)
    await colleague_sets(bot, "Afval")
    await citizen_writes_again(bot, verb)
    await sends(bot, verb)
    await bot.card("En waar?", "*Beantwoord*" if verb == "answer" else "Afgesloten", "Onderwerp", "Afval")
    assert await set_by(bot) == [(YOUSSEF, "Afval")]


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("verb", ["answer", "close"])
async def test_what_the_agent_chose_in_the_modal_replaces_it(sqlite_bot: Bot, verb: str, *, again: bool) -> None:
    bot = sqlite_bot
    await opens(bot, verb)
    await colleague_sets(bot, "Afval")
    await bot.slack.click_in_view(SANNE, {"answer": "answer_topic", "close": "case:topic"}[verb], "is:Wegwerk")
    if again:
        await citizen_writes_again(bot, verb)
    await sends(bot, verb)
    await bot.card("*Beantwoord*" if verb == "answer" else "Afgesloten", "Onderwerp", "Wegwerk")
    assert await set_by(bot) == [(YOUSSEF, "Afval"), (SANNE, "Wegwerk")]


async def test_a_topic_that_a_colleague_set_is_no_choice_of_who_types_an_answer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opens(bot, "answer")
    await colleague_sets(bot, "Afval")
    await bot.slack.type(SANNE, "answer_text", "Morgen.")

    async with bot.desk.reading() as session:
        drafts = (await session.exec(select(AnswerDraft))).all()
    assert [(draft.words, draft.topic) for draft in drafts] == [("Morgen.", "")]
