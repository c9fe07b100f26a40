"""A refusal reaches a person where they are."""

from bot.models import Note, Role
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import make_role


async def test_who_clicks_on_a_card_with_a_thread_is_refused_in_the_channel_not_in_the_closed_thread(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await make_role(bot, YOUSSEF, Role.READER)
    bot.citizen_posts("Is de sluis open?")
    card = await bot.card("sluis")
    await bot.slack.post(SANNE, CHANNEL, "Ik vraag het na.", thread_ts=card["ts"])
    await eventually(lambda: bot.rows(Note))
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    [told] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    assert "Je kijkt alleen mee" in text_of(told)
    assert "thread_ts" not in told
