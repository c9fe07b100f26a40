"""What colleagues write under a card is kept, also while we do not know yet where Slack put the card."""

from typing import Any

from bot.models import Event, Message, Note
from bot.sandbox.slack.inspection import text_of
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, rows_with
from tests.people import asked, open_modal


async def test_a_note_under_a_card_whose_place_we_do_not_know_is_kept(bot: Bot) -> None:
    bot.clock.stop()
    bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable" and m.ts is None))
    await bot.slack.post(SANNE, CHANNEL, "Ik bel de wijkbeheerder", thread_ts=card["ts"])
    await eventually(lambda: bot.rows(Note))
    assert [(n.case_id, n.by, n.text) for n in await bot.rows(Note)] == [(1, SANNE, "Ik bel de wijkbeheerder")]
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
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


async def notes(bot: Bot) -> list[tuple[str, bool]]:
    """The notes, and whether each was deleted."""
    return [(note.text, note.deleted_at is not None) for note in await bot.rows(Note)]


async def details(bot: Bot) -> str:
    await bot.slack.click(YOUSSEF, CHANNEL, bot.cards()[0]["ts"], "case:more", "details:1")
    shown = text_of(await open_modal(bot, YOUSSEF, "said"))
    await bot.slack.close_view(YOUSSEF)
    return shown


async def written(bot: Bot, *texts: str) -> list[dict[str, Any]]:
    """Sanne writes these in the thread of a card."""
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    posted = [await bot.slack.post(SANNE, CHANNEL, text, thread_ts=card["ts"]) for text in texts]

    async def kept() -> bool:
        return len(await notes(bot)) == len(texts)

    await eventually(kept)
    return [each.message or {} for each in posted]


async def test_an_edit_changes_the_note_and_a_deletion_ends_it(bot: Bot) -> None:
    stays, changes, goes = await written(bot, "Bel de wijkbeheerder", "Hij belt terug", "Wat een zeur")
    await bot.slack.edit(SANNE, CHANNEL, changes["ts"], "Hij belt morgen terug")
    await bot.slack.delete(CHANNEL, goes["ts"])

    async def level() -> bool:
        return await notes(bot) == [(stays["text"], False), ("Hij belt morgen terug", False), ("", True)]

    await eventually(level)
    shown = await details(bot)
    assert "Hij belt morgen terug" in shown
    assert "zeur" not in shown
    assert "notitie verwijderd in Slack" in shown


HERE = {"type": "message", "channel": CHANNEL, "channel_type": "channel"}


def changes(bot: Bot, message: dict[str, Any], words: str) -> dict[str, Any]:
    """Return what Slack sends when Sanne edits a message now."""
    edited = {**message, "text": words, "edited": {"user": SANNE, "ts": bot.slack.workspace.new_ts()}}
    return {"subtype": "message_changed", "message": edited, "ts": bot.slack.workspace.new_ts()}


async def test_a_message_that_comes_again_or_after_its_edit_takes_the_edit_not_back(bot: Bot) -> None:
    (note,) = await written(bot, "Zijn nummer is 06-12345678")
    before, late = dict(note), {**note, "ts": bot.slack.workspace.new_ts()}
    await bot.slack.edit(SANNE, CHANNEL, note["ts"], "Zijn nummer staat in het systeem")
    changed = changes(bot, late, "Hij is thuis")
    for event in (before, changed, late):
        assert (await bot.slack.emit({**event, **HERE})).ok

    async def level() -> bool:
        return await notes(bot) == [("Zijn nummer staat in het systeem", False), ("Hij is thuis", False)]

    await eventually(level)
    assert "06-12345678" not in await details(bot)


async def test_of_two_edits_the_later_one_stays_in_whichever_order_they_come_in(bot: Bot) -> None:
    (first,) = await written(bot, "Zijn nummer is 06-12345678")
    second = {**first, "ts": bot.slack.workspace.new_ts()}
    for message, order in ((dict(first), (0, 1, 0)), (second, (1, 0))):
        edits = [changes(bot, message, words) for words in ("Bel 06-12345678", "Zijn nummer staat in het systeem")]
        for event in (message, *(edits[which] for which in order)):
            assert (await bot.slack.emit({**event, **HERE})).ok

    async def level() -> bool:
        return await notes(bot) == [("Zijn nummer staat in het systeem", False)] * 2

    await eventually(level)
    assert "06-12345678" not in await details(bot)


async def test_words_taken_out_of_a_message_with_a_file_are_taken_out_of_the_note(bot: Bot) -> None:
    """Slack lets somebody edit such a message to nothing: the file stays. Its versions may come in in any order."""
    (first,) = await written(bot, "Zijn nummer is 06-12345678")
    second = {**first, "ts": bot.slack.workspace.new_ts()}
    again = {**first, "ts": bot.slack.workspace.new_ts()}
    files = {"files": [{"id": "F1", "name": "foto.jpg"}]}
    for message, order in ((dict(first), (0, 1)), (second, (1, 0)), (again, (0, 1, 2))):
        edits = [changes(bot, {**message, **files}, words) for words in ("", "Hij is thuis")]
        versions = [{**message, **files, "subtype": "file_share"}, *edits]
        for event in (versions[which] for which in order):
            assert (await bot.slack.emit({**event, **HERE})).ok

    async def level() -> bool:
        return await notes(bot) == [("", False), ("", False), ("Hij is thuis", False)]

    await eventually(level)
    shown = await details(bot)
    assert "06-12345678" not in shown and shown.count("Notitie van") == 1
    assert "Zaak 1" not in await asked(bot, SANNE, "/webcare zoek 06-12345678")


async def test_a_note_reads_as_it_was_typed(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await written(
        bot, "R&amp;D zegt: 3 &lt; 4, zie <https://a.nl/?b=1&amp;c=2> en <http://wijk.nl|wijk.nl>",
        "Bel <tel:14030|14030> of <https://a.nl/dossier|dit dossier>, &lt;!channel&gt;",
        "Het <https://a.nl/formulier?nr=7|formulier> op <http://wijk.nl/|wijk.nl>",
    )  # fmt: skip
    shown = [text for text, _ in await notes(bot)]
    assert shown == [
        "R&D zegt: 3 < 4, zie https://a.nl/?b=1&c=2 en wijk.nl",
        "Bel 14030 of dit dossier (https://a.nl/dossier), <!channel>",
        "Het formulier (https://a.nl/formulier?nr=7) op wijk.nl",
    ]
    assert "R&amp;D zegt" in await details(bot) and "<!channel>" not in await details(bot)
    assert "Zaak 1" in await asked(bot, SANNE, "/webcare zoek R&D wijk.nl")


async def test_a_deletion_that_overtakes_the_message_or_comes_twice_leaves_no_note(bot: Bot) -> None:
    (note,) = await written(bot, "Bel de wijkbeheerder")
    late = {**note, "ts": bot.slack.workspace.new_ts(), "text": "Wat een zeur"}
    here = {"type": "message", "channel": CHANNEL, "channel_type": "channel"}
    for message in (late, late, note, note):
        deleted = {"subtype": "message_deleted", "deleted_ts": message["ts"], "previous_message": message}
        assert (await bot.slack.emit({**here, **deleted, "ts": bot.slack.workspace.new_ts()})).ok
    changed = {"subtype": "message_changed", "message": note, "ts": bot.slack.workspace.new_ts()}
    for event in (late, changed):
        assert (await bot.slack.emit({**event, **here})).ok

    async def level() -> bool:
        return await notes(bot) == [("", True), ("", True)]

    await eventually(level)
    assert [event.kind for event in await bot.rows(Event)].count("note_deleted") == 1
