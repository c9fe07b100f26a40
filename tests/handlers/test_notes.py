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


async def test_what_another_app_posts_under_a_card_is_no_note(sqlite_bot: Bot) -> None:
    """Bolt ignores what we post ourselves, but not the messages of other apps in the channel."""
    bot = sqlite_bot
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    ts = bot.slack.workspace.new_ts()
    event = {
        "type": "message", "channel": CHANNEL, "channel_type": "channel", "thread_ts": card["ts"], "ts": ts,
        "event_ts": ts, "user": "U0OTHERAPP", "bot_id": "B0OTHERAPP", "app_id": "A0OTHERAPP", "text": "Herinnering!",
    }  # fmt: skip
    assert (await bot.slack.emit(event)).ok
    assert (await bot.slack.emit({**event, "subtype": "file_share", "ts": bot.slack.workspace.new_ts()})).ok
    await bot.slack.post(SANNE, CHANNEL, "Ik bel de wijkbeheerder", thread_ts=card["ts"])
    assert [note.text for note in await bot.rows(Note)] == ["Ik bel de wijkbeheerder"]
