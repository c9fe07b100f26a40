"""What colleagues write under a card is kept, also while we do not know yet where Slack put the card."""

from bot.models import Message, Note
from jobs import refresh
from tests.conftest import CHANNEL, SANNE, Bot, eventually, rows_with


async def test_a_note_under_a_card_whose_place_we_do_not_know_is_kept(bot: Bot) -> None:
    bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and m.ts is None))
    await bot.slack.post(SANNE, CHANNEL, "Ik bel de wijkbeheerder", thread_ts=card["ts"])
    await eventually(lambda: bot.rows(Note))
    assert [(n.case_id, n.by, n.text) for n in await bot.rows(Note)] == [(1, SANNE, "Ik bel de wijkbeheerder")]
    bot.clock.advance(minutes=1)
    await refresh.refresh(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.ts == card["ts"]))


async def test_talk_in_other_threads_is_no_note(bot: Bot) -> None:
    bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    other = await bot.slack.post(SANNE, CHANNEL, "Wie haalt koffie?")
    assert other.message
    await bot.slack.post(SANNE, CHANNEL, "Ik!", thread_ts=other.message["ts"])
    await bot.slack.post(SANNE, CHANNEL, "Deze wel", thread_ts=card["ts"])
    await eventually(lambda: bot.rows(Note))
    assert [note.text for note in await bot.rows(Note)] == ["Deze wel"]
