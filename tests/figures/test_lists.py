"""Lists of cases: read in as few queries however many, with the same row and the same marks on every surface."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason, Status, WaitsFor
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.queue import Filter, Where, Which
from bot.domain.reminder import Standing
from bot.domain.sla import ClockKind
from bot.figures import lists
from bot.figures.search import Asked, search
from bot.models import Account, Clock, Team
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.texts import LANGUAGES, Texts
from bot.views.case_card import case_card
from bot.views.case_list import case_row
from bot.views.marks import Mark, marks
from bot.views.reminder import Due, Reminders, reminder, urgent_call
from jobs import sla
from tests.clocks import local
from tests.conftest import CHANNEL, SANNE, Bot
from tests.people import answer, asked, home, mention
from tests.views.examples import CLOCKS, NOW, case_file, lines


@asynccontextmanager
async def queries(session: AsyncSession) -> AsyncIterator[list[str]]:
    """The statements that this session sends to the database."""
    sent: list[str] = []
    connection = (await session.connection()).sync_connection

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", note)


async def test_a_list_takes_as_many_queries_for_ten_cases_as_for_one(bot: Bot) -> None:
    counts = []
    for n in range(10):
        bot.citizen_posts(f"Vraag {n}", name=f"Burger{n}")
        await bot.card(f"Vraag {n}")
        if n in {0, 9}:
            async with bot.desk.reading() as session, queries(session) as sent:
                found = await lists.waiting(session, [1], now=bot.desk.now(), most=10)
                searched = await search(session, [1], Asked("vraag"), most=10)
            assert [found.count, len(searched.lines)] == [n + 1, n + 1]
            counts.append(len(sent))
    assert counts == [9, 9]


async def test_a_case_that_waits_for_the_citizen_says_so_in_the_list_and_on_the_card(bot: Bot) -> None:
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await answer(bot, SANNE, card, "Welke lantaarn is het?", answer_kind="question")
    card = await bot.card("*Wacht op de burger*", "Onze vraag:", "Welke lantaarn is het?")
    assert "beantwoord" not in text_of(card).lower().replace("beantwoorden", "")
    assert text_of({"blocks": card["blocks"]}).count("Welke lantaarn is het?") == 1
    before = len(bot.slack.ephemerals(SANNE, CHANNEL))
    await bot.slack.command(SANNE, CHANNEL, "/webcare zoek lantaarn")
    [told] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE, CHANNEL)[before:])
    assert "beantwoord" not in text_of(told).lower().replace("beantwoorden", "") and "wacht op de burger" in text_of(
        told
    )
    async with bot.desk.reading() as session:
        [line] = (await search(session, [1], Asked("lantaarn"), most=10)).lines
    assert line.waits_for is WaitsFor.CITIZEN


async def test_the_filters_name_platforms_and_never_one_of_their_accounts(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        for id_, platform, title in ((11, "webhook", "Het Plein"), (12, "webhook", "Formulier"), (13, "bluesky", "")):
            session.add(
                Account(id=id_, team_id=1, platform=platform, name=f"n{id_}", url="", options={"title": title},
                        created_at=bot.desk.now())
            )  # fmt: skip
    async with bot.desk.reading() as session:
        places = await lists.places(session, [await session.get_one(Team, 1)], bot.desk.texts())
    named = {place.name: place.label for place in places if place.kind is Where.PLATFORM}
    assert (named["webhook"], named["bluesky"]) == ("Eigen bronnen", "Bluesky")


async def test_the_home_and_the_list_show_the_same_row(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mag ik *hier* vissen?")
    await bot.card("vissen")
    async with bot.desk.reading() as session:
        [line] = (await lists.waiting(session, [1], Filter(Which.UNOWNED), now=bot.desk.now(), most=10)).lines
    row = case_row(line, Texts("nl", "Europe/Amsterdam"), bot.desk.now())
    await bot.slack.open_home(SANNE)
    assert row in text_of(await home(bot, SANNE, "vissen"))
    before = len(bot.slack.ephemerals(SANNE, CHANNEL))
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    [told] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE, CHANNEL)[before:])
    assert row in text_of(told)


async def test_a_citizen_whom_the_platform_does_not_name_has_the_same_sign_on_every_surface(office: Bot) -> None:
    """Facebook names only few of those who comment on a page."""
    bot, citizen, unnamed = office, Author("unknown:1", ""), "\u2068?\u2069"
    first = Post("1", citizen, "Waar is het loket?", bot.desk.now(), conversation="k", permits=permits(Act.ANSWER))
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [first], now=bot.desk.now())
        await inbox.take_in(session, 1, [replace(first, external_id="2", text="En de kassa?")], now=bot.desk.now())
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    card = await bot.card("kassa")
    [below] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert f"{unnamed} schreef opnieuw" in below["text"]
    assert f"*{unnamed}* via" in await asked(bot, SANNE, "/webcare open")
    bot.clock.at = local("2026-11-20 10:50")  # type: ignore[attr-defined]
    await sla.remind(bot.desk)
    [told] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert f"*{unnamed}* via" in text_of(told)
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM, text="")
    await messages.wake_lanes(bot.desk)
    assert await bot.slack.wait_for(lambda: f"Gedaan: {unnamed}" in text_of(bot.slack.direct(SANNE)[0]))


async def test_by_ear_each_button_of_a_list_says_of_which_case_it_is(sqlite_bot: Bot) -> None:
    for number in range(3):
        await mention(sqlite_bot, number, f"Vraag {number}")
    await sqlite_bot.slack.command(SANNE, CHANNEL, "/webcare open")
    [told] = await sqlite_bot.slack.wait_for(lambda: sqlite_bot.slack.ephemerals(SANNE, CHANNEL))
    heard = [each["accessibility_label"] for _, each in elements(told["blocks"]) if each["action_id"] == "case:claim"]
    assert heard == [f"Oppakken: Zaak {number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mark_is_in_words(language: str) -> None:
    t = Texts(language, "Europe/Amsterdam")
    for line in lines():
        for mark in marks(line, t, NOW):
            assert any(letter.isalpha() for letter in mark), mark


def test_each_surface_shows_every_mark_once() -> None:
    t = Texts("nl", "Europe/Amsterdam")
    promise = Clock(
        id=9, case_id=1, team_id=1, kind=ClockKind.PROMISE, started_at=NOW, running_since=NOW,
        due_at=NOW + timedelta(days=2), snoozed_until=NOW + timedelta(hours=1),
    )  # fmt: skip
    file = case_file(Status.CLAIMED, clocks=[CLOCKS[0], promise])
    file.case.urgent, file.case.signals = True, ["danger"]
    shown = marks(file, t, NOW)
    assert [mark for mark in Mark if mark not in {Mark.ADVICE, Mark.CITIZEN}] == list(Mark)[: len(shown)]
    card = text_of({"blocks": case_card(file, t, NOW).blocks})
    assert [card.count(mark) for mark in shown] == [1] * len(shown)
    unclaimed = case_file(Status.NEW, clocks=[CLOCKS[0], promise])
    unclaimed.case.urgent = True
    for view in (
        reminder(Reminders({Standing.LATE: 1}, [Due(file)]), t, NOW),
        urgent_call(unclaimed, [], t, NOW, is_over=False),
    ):
        words = text_of({"blocks": view.blocks})
        assert "Dringend" in words and words.count("🔒 privébericht") == 1
