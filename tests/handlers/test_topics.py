"""What a case is about: chosen from the team's list, shown on the card, counted in the figures."""

from sqlmodel import col, select

from bot.models import Event
from bot.sandbox.slack.inspection import action_ids
from bot.team import teams
from tests.conftest import CHANNEL, SANNE, Bot
from tests.people import mention, open_modal


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
    await bot.card("kraakwagen", "Beantwoord", "Onderwerp", "Afval")


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
