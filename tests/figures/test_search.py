"""Search: what is found, by the newest cases and by the full-text index alike; level with what is written; safe."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot import cases
from bot.cases import inbox
from bot.domain.case import OPEN, Status
from bot.domain.mention import Author, Gone, Post
from bot.figures import search as by_words
from bot.figures.search import Asked, search
from bot.models import Note, ReplyStatus, Team
from bot.sandbox.slack.inspection import action_ids
from tests.conftest import CHANNEL, SANNE, Bot, eventually, rows_with
from tests.people import answer, asked, mention, sent

HOSTILE = (
    '"', "'", "'; DROP TABLE cases; --", "NEAR(", "NEAR(a b, 5)", "*", "a*", "a* OR b*", "AND", "OR NOT", "-a", "^a",
    "names:a", "{names words}: a", "(", ")", "%", "_", "\\", "a\\:*", "a & !b", "<->", "👩‍👩‍👧", "😀", "ﷺ", "x\u0000y",
    "x" * 3000, "de " * 1000, "#", "<@U0SANNE>",
)  # fmt: skip


@pytest.fixture(params=["newest", "index"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How cases are found: among the newest, or, as of a word that those do not hold, by the full-text index."""
    if request.param == "index":
        monkeypatch.setattr(by_words, "LOOKED_THROUGH", 1)
        monkeypatch.setattr(by_words, "RARE", 10)
    return str(request.param)


async def found(bot: Bot, words: str, teams: tuple[int, ...] = (1,), **more: object) -> list[int]:
    async with bot.desk.reading() as session:
        result = await search(session, teams, Asked(words, **more), most=10)  # type: ignore[arg-type]
    ids = [line.case.id for line in result.lines]
    assert result.count == len(ids)
    return ids


async def test_a_case_is_found_by_name_handle_and_all_words_that_were_written(bot: Bot) -> None:
    bot.citizen_posts("De ondergrondse CONTAINER zit vól, hélp!", name="Fatma Yılmaz")
    card = await bot.card("CONTAINER")
    bot.citizen_posts("De container is leeg", name="Kees")
    await bot.card("leeg")
    await answer(bot, SANNE, card, "Donderdag komt de wagen.")
    await bot.slack.post(SANNE, CHANNEL, "Wijkbeheerder Öztürk gebeld", thread_ts=card["ts"])
    await eventually(lambda: bot.rows(Note))
    for words in ("Yilmaz", "YILMAZ", "yilm", "vol", "help", "wagen", "ozturk", "wijkbeheer", "yilmaz container wagen"):
        assert await found(bot, words) == [1], words
    assert await found(bot, "container") == [2, 1]
    for words in ("tainer", "yilmaz leeg", "", "?!"):
        assert await found(bot, words) == [], words


async def test_words_leave_the_index_with_what_they_were_of_and_come_with_what_is_new(bot: Bot) -> None:
    posted = bot.citizen_posts("Een lantaarn is stuk")
    card = await bot.card("lantaarn")
    bot.citizen_posts("De lantaarn doet het", name="Kees")
    await bot.card("doet het")
    bot.slack.square.edit(posted["id"], "Een stoeptegel is stuk")
    await bot.card("stoeptegel")
    assert (await found(bot, "lantaarn"), await found(bot, "stoeptegel")) == ([2], [1])
    note = await bot.slack.post(SANNE, CHANNEL, "Wat een zeur", thread_ts=card["ts"])
    await eventually(lambda: found(bot, "zeur"))
    await bot.slack.edit(SANNE, CHANNEL, (note.message or {})["ts"], "Wat een heer")
    await eventually(lambda: found(bot, "heer"))
    assert await found(bot, "zeur") == []
    await bot.slack.delete(CHANNEL, (note.message or {})["ts"])
    await eventually(lambda: rows_with(bot, Note, lambda each: each.deleted_at))
    assert await found(bot, "heer") == []
    bot.slack.square.delete(posted["id"])
    await bot.card("stoeptegel", "🗑")
    assert (await found(bot, "stoeptegel"), await found(bot, "fatima")) == ([], [1])


async def test_what_a_mail_leaves_out_of_its_words_is_found_too(office: Bot) -> None:
    now, fatima, place = office.desk.now(), Author("f", "Fatima"), {"left_out": "Mijn paspoort is kwijt"}
    first = Post("1", fatima, "Goedemorgen", now, place=place, conversation="k")
    second = Post("2", fatima, "Hallo?", now, place={"left_out": "En ook mijn rijbewijs"}, conversation="k")
    for post in (first, second):
        async with office.desk.session() as session:
            await inbox.take_in(session, 1, [post], now=now)
        assert await found(office, "paspoort") == [1]
    assert await found(office, "rijbewijs paspoort goedemorgen hallo") == [1]
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [replace(second, text="", gone=Gone.BY_AUTHOR)], now=now)
    assert (await found(office, "rijbewijs"), await found(office, "paspoort")) == ([], [1])


async def test_a_new_name_finds_all_cases_of_an_author_and_the_old_one_none(bot: Bot) -> None:
    author = {"id": "c-1", "name": "Jan de Vries", "handle": "jan"}
    for number in range(2):
        bot.slack.square.post(author, f"Vraag {number}")
        await bot.card(f"Vraag {number}")
    bot.slack.square.post({**author, "name": "Anna Jansen"}, "Vraag 2")
    await bot.card("Vraag 2")
    assert (await found(bot, "vries"), await found(bot, "jansen"), await found(bot, "anna jan")) == (
        [],
        [3, 2, 1],
        [3, 2, 1],
    )


async def test_an_answer_that_was_taken_back_is_no_longer_found(bot: Bot) -> None:
    bot.desk.settings.undo_seconds = 60
    bot.citizen_posts("Waar is de markt?")
    card = await bot.card("markt")
    await answer(bot, SANNE, card, "Op het raadhuisplein.")
    assert await found(bot, "raadhuisplein") == [1]
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.card("markt", "In behandeling")
    assert await found(bot, "raadhuisplein") == []


async def test_no_search_fails_whatever_is_typed(bot: Bot) -> None:
    await mention(bot, 1, text="a b x xxx names words AND or near de vraag ﷺ")
    await mention(bot, 2, text="Een andere vraag")
    for words in HOSTILE:
        await found(bot, words)
        assert "gevonden" in await asked(bot, SANNE, f"/webcare zoek {words}"), words


async def test_nothing_found_offers_no_sharing_and_neither_do_private_cases_alone(bot: Bot) -> None:
    await mention(bot, 1, text="Mijn BSN is 123456782", private=True)
    assert "Niets gevonden" in await asked(bot, SANNE, "/webcare zoek zeepaardje")
    assert "list:share" not in action_ids(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
    shown = await asked(bot, SANNE, "/webcare zoek bsn")
    assert "🔒 privébericht" in shown
    assert "list:share" not in action_ids(bot.slack.ephemerals(SANNE, CHANNEL)[-1])


async def test_what_is_public_has_nothing_private_of_either_side(bot: Bot) -> None:
    await mention(bot, 1, text="Waar is het loket?")
    await mention(bot, 2, text="Waar is het loket?", private=True)
    await mention(bot, 3, text="Waar is het loket?")
    await sent(bot, 3)
    async with bot.desk.session() as session:
        [reply] = (await cases.read(session, 3)).replies
        reply.private, reply.status = True, ReplyStatus.SENT
        session.add(reply)
    assert await found(bot, "loket") == [3, 2, 1]
    assert await found(bot, "loket", public=True) == [1]


async def test_filters_leave_what_they_say_and_other_teams_are_never_seen(bot: Bot) -> None:
    for number in (1, 2, 3):
        await mention(bot, number, text=f"Vraag {number}")
    async with bot.desk.session() as session:
        session.add(Team(id=2, name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
        await cases.claim(session, 2, by=SANNE, now=bot.desk.now())
        third, first = await cases.get(session, 3), await cases.get(session, 1)
        await session.flush()
        third.team_id, first.opened_at = 2, bot.desk.now() - timedelta(days=9)
        session.add_all([first, third])
    assert await found(bot, "vraag") == [2, 1]
    assert await found(bot, "vraag", (2,)) == [3]
    assert await found(bot, "vraag", (1, 2)) == [3, 2, 1]
    assert await found(bot, "vraag", statuses=[Status.CLAIMED]) == [2]
    assert await found(bot, "vraag", statuses=OPEN) == [2, 1]
    assert await found(bot, "vraag", statuses=[Status.CLOSED]) == []
    assert await found(bot, "vraag", since=bot.desk.now() - timedelta(days=1)) == [2]
    assert await found(bot, "vraag", platform="webhook") == [2, 1]
    assert await found(bot, "vraag", platform="manual") == []


async def test_a_number_finds_the_case_with_that_number_first(bot: Bot) -> None:
    await mention(bot, 1, text="Mijn vraag")
    await mention(bot, 2, text="Ik wacht al 1 uur")
    await mention(bot, 3, text="Wie bel ik op nummer 14?")
    assert (await found(bot, "#1"), await found(bot, "1"), await found(bot, "2")) == ([1, 3, 2], [1, 3, 2], [2])
    assert await found(bot, "2", (2,)) == await found(bot, "#" + "9" * 30) == []
    assert await found(bot, "Zaak 2") == await found(bot, "case #2") == [2]
    shown = await asked(bot, SANNE, "/webcare zoek zaak 2")
    assert "1 zaak gevonden" in shown and "Zaak 2 · " in shown


async def test_more_than_are_counted_are_told_as_more(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_words, "MAX_COUNTED", 2)
    for number in (1, 2, 3):
        await mention(bot, number, text=f"Vraag {number}")
    shown = await asked(bot, SANNE, "/webcare zoek vraag")
    assert "Meer dan 2 zaken gevonden" in shown and "Typ er een woord bij" in shown and "Vraag 3" in shown


async def test_the_index_of_sqlite_holds_what_its_table_holds(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    posted = bot.citizen_posts("Een lantaarn is stuk")
    card = await bot.card("lantaarn")
    await answer(bot, SANNE, card, "Wij komen.")
    bot.slack.square.edit(posted["id"], "Een tegel is stuk")
    await bot.card("tegel")
    async with bot.desk.session() as session:
        check = "INSERT INTO case_words_fts (case_words_fts, rank) VALUES ('integrity-check', 1)"
        await session.exec(text(check))  # type: ignore[call-overload]  # it fails if they differ
