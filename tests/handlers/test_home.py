"""The App Home and who may do what: my cases, the queue, today's figures and promises; readers only look."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.util import await_only

from bot import cases
from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.mention import Author, Post
from bot.domain.sla import ClockKind
from bot.models import Account, Clock, ReplyKind, Role, Team
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import members
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import (
    BEHEER,
    answer,
    asked,
    home,
    make_role,
    mention,
    open_modal,
    second_team,
    sent,
    settings,
    square_texts,
)


async def test_the_home_of_a_quiet_day_says_so(sqlite_bot: Bot) -> None:
    await sqlite_bot.slack.open_home(SANNE)
    shown = await home(sqlite_bot, SANNE, "Berichten ontvangen: *0*", "Hier is niets.")
    assert action_ids(shown) == ["search:words", "list:which", "list:where", "settings:open"]
    assert "Zaken geopend" not in text_of(shown) and "Antwoorden verstuurd" not in text_of(shown)
    assert "nog geen coördinator" in text_of(shown)


async def test_each_team_has_its_figures_on_the_home_and_no_chart_of_one_bar(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=bot.desk.now()))
    await members.read_channels(bot.desk)
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    shown = await home(
        bot, SANNE, "Vandaag", "Wegen", "Berichten ontvangen: *1*", "Berichten ontvangen: *0*", "• Open: *1*"
    )
    assert "data_visualization" not in {block["type"] for block in shown["blocks"]}


async def test_of_several_teams_a_case_is_named_with_its_team(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    assert "Zaak 1 ·" in text_of(await home(bot, SANNE, "zwembad"))
    await second_team(bot)
    await make_role(bot, SANNE, Role.AGENT, 2)
    ours = (await bot.rows(Team))[0].name
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, f"Zaak 1 (\u2068{ours}\u2069)")
    [claim] = [each for _, each in elements(shown["blocks"]) if each["action_id"] == "case:claim"]
    assert claim["accessibility_label"] == f"Oppakken: Zaak 1 ({ours})"


async def test_who_is_in_more_teams_than_the_home_shows_figures_of_reads_how_many_and_where_they_are(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        session.add_all(
            Team(id=n, name=f"Wijk {n}", channel=f"C0WIJK{n}", created_at=bot.desk.now()) for n in range(2, 13)
        )
    for number in range(2, 13):
        await make_role(bot, SANNE, Role.AGENT, number)
    await bot.slack.open_home(SANNE)
    await home(
        bot, SANNE, "Vandaag – \u2068Wijk 10", "Cijfers van nog 2 teams: `/webcare cijfers` met de naam van een team"
    )
    assert "Wijk 12" in await asked(bot, SANNE, "/webcare cijfers Wijk 12")


@pytest.mark.parametrize(
    ("zone", "moment", "theirs", "ours"),
    [("America/Kralendijk", "02:00", "19 nov", "20 nov"), ("Asia/Tokyo", "20:00", "21 nov", "20 nov")],
)
async def test_the_chart_of_the_week_adds_teams_by_the_date_that_each_has(
    office: Bot, zone: str, moment: str, theirs: str, ours: str
) -> None:
    bot = office
    other = await second_team(bot, "Ver weg", time_zone=zone)
    bot.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        session.add(Account(id=2, team_id=other, platform="webhook", name="x", url="", created_at=bot.desk.now()))
        await session.flush()
        for account_id, count in ((1, 1), (2, 2)):
            posts = [Post(f"{account_id}:{n}", Author("a", "Ank"), "Hoi", bot.desk.now()) for n in range(count)]
            await inbox.take_in(session, account_id, posts, now=bot.desk.now())
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "Ver weg")
    [chart] = [block["chart"] for block in shown["blocks"] if block["type"] == "data_visualization"]
    received = {point["label"]: point["value"] for point in chart["series"][0]["data"]}
    assert {label: n for label, n in received.items() if n} == {theirs: 2, ours: 1}
    assert len(received) == 7


async def test_a_choice_counts_that_was_made_while_the_home_was_published_again(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await bot.slack.open_home(SANNE)
    seen = await home(bot, SANNE, "Berichten ontvangen: *0*")
    [chosen_in] = [block["block_id"] for block in seen["blocks"] if "list:which" in action_ids({"blocks": [block]})]
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "zwembad")
    clicked = await bot.slack.click_in_view(SANNE, "list:which", "unowned||0|", block_id=chosen_in)
    assert clicked.ok
    await home(bot, SANNE, "Terug naar het overzicht", "zwembad")


async def test_a_workspace_without_charts_has_the_home_all_the_same(sqlite_bot: Bot) -> None:
    sqlite_bot.slack.rules.modern_blocks = False
    await sqlite_bot.slack.open_home(SANNE)
    shown = await home(sqlite_bot, SANNE, "Berichten ontvangen: *0*")
    assert "data_visualization" not in {block["type"] for block in shown["blocks"]}


async def test_what_is_chosen_while_the_home_is_still_being_opened_stays(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    bot.slack.listeners_end = None  # that of the opening waits for Slack
    opening = bot.slack.faults.hold("views.publish")
    await bot.slack.open_home(SANNE)
    await eventually(lambda: held(bot))
    await bot.slack.click_in_view(SANNE, "list:which", "unowned||0|")
    await home(bot, SANNE, "Terug naar het overzicht")
    opening.set()
    await bot.slack.wait_for(
        lambda: [call for call in bot.slack.api.calls if (call.answer or {}).get("error") == "hash_conflict"]
    )
    assert "Terug naar het overzicht" in text_of(bot.slack.home(SANNE))


async def test_of_two_quick_clicks_the_home_shows_what_the_second_chose(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    slow = bot.slack.faults.hold("views.publish")
    async with asyncio.TaskGroup() as clicks:
        clicks.create_task(bot.slack.click_in_view(SANNE, "case:claim", value="1"))
        await eventually(lambda: held(bot))
        clicks.create_task(bot.slack.click_in_view(SANNE, "list:which", "unowned||0|"))
        await eventually(lambda: chose_more(bot))
        slow.set()
    assert "Terug naar het overzicht" in text_of(bot.slack.home(SANNE))


async def test_what_is_chosen_while_an_earlier_click_is_still_at_work_stays(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    bot.citizen_posts("Waar kan ik parkeren?", name="Kees")
    await bot.card("parkeren")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (2)")
    slow = bot.slack.faults.hold("chat.update")
    async with asyncio.TaskGroup() as clicks:
        clicks.create_task(bot.slack.click_in_view(SANNE, "case:claim", value="1"))
        await eventually(lambda: held(bot, "chat.update"))
        clicks.create_task(bot.slack.click_in_view(SANNE, "list:which", "unowned||0|"))
        await home(bot, SANNE, "Terug naar het overzicht")
        slow.set()
    shown = text_of(bot.slack.home(SANNE))
    assert "Terug naar het overzicht" in shown and "parkeren" in shown and "zwembad" not in shown


async def test_what_is_chosen_stays_when_the_next_click_is_on_the_home_as_it_was(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    slow = bot.slack.faults.hold("views.publish")
    async with asyncio.TaskGroup() as clicks:
        clicks.create_task(bot.slack.click_in_view(SANNE, "list:which", "unowned||0|"))
        await eventually(lambda: held(bot))
        clicks.create_task(bot.slack.click_in_view(SANNE, "case:claim", value="1"))
        await eventually(lambda: chose_more(bot))
        slow.set()
    shown = text_of(bot.slack.home(SANNE))
    assert "Terug naar het overzicht" in shown and "zwembad" not in shown


@pytest.mark.logs("the Home was not shown")
async def test_what_is_chosen_is_shown_though_the_home_before_it_could_not_be_read(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    await bot.card("zwembad")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    reading, gone = list[str](), asyncio.Event()

    def lose(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM escalations JOIN cases" in statement and not reading:
            reading.append(statement)
            await_only(gone.wait())
            raise ConnectionError("the database is gone for a moment")

    event.listen(bot.engine.sync_engine, "before_cursor_execute", lose)
    async with asyncio.TaskGroup() as clicks:
        clicks.create_task(bot.slack.click_in_view(SANNE, "case:claim", value="1"))
        await eventually(lambda: begun(reading))
        clicks.create_task(bot.slack.click_in_view(SANNE, "list:which", "unowned||0|"))
        await eventually(lambda: chose_more(bot))
        gone.set()
    assert "Terug naar het overzicht" in text_of(bot.slack.home(SANNE))


async def begun(reading: list[str]) -> bool:
    return bool(reading)


async def chose_more(bot: Bot) -> bool:
    """Whether another choice of Sanne came in while her Home is still being published."""
    return bool(bot.desk.homes[SANNE])


async def held(bot: Bot, method: str = "views.publish") -> bool:
    """Whether the call that is to be held up was made."""
    return not bot.slack.faults._next.get(method)


async def test_a_case_is_claimed_and_answered_from_the_home(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is <!channel> het zwembad open?")
    await bot.card("zwembad")
    bot.citizen_posts("Waar kan ik parkeren?", name="Kees")
    await bot.card("parkeren")
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "Berichten ontvangen: *2*", "*Wachtrij* (2)", "*Mijn zaken* (0)")
    assert text_of(shown).index("zwembad") < text_of(shown).index("parkeren")
    assert "<!channel>" not in text_of(shown)
    assert "Eerste reactie: uiterlijk" in text_of(shown)

    await bot.slack.click_in_view(SANNE, "case:claim", value="1")
    await home(bot, SANNE, "*Mijn zaken* (1)", "*Wachtrij* (1)")
    await bot.card("zwembad", "In behandeling", SANNE)
    await bot.slack.click_in_view(SANNE, "case:answer", value="1")
    await open_modal(bot, SANNE, "case:answer")
    ack = await bot.slack.submit(SANNE, {"answer_text": "Vanaf acht uur.", "initials": "SB"})
    assert ack.ok and not ack.errors
    await home(bot, SANNE, "*Mijn zaken* (0)", "• Open: *1*")
    await bot.slack.wait_for(lambda: square_texts(bot))


async def test_a_claim_that_came_too_late_is_told_and_the_home_shows_how_it_stands(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Is de brug dicht?")
    card = await bot.card("brug")
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:claim")
    await bot.card("brug", "In behandeling", YOUSSEF)
    await bot.slack.click_in_view(SANNE, "case:claim")
    await home(bot, SANNE, "*Wachtrij* (0)")
    told = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert f"Deze zaak is al bij <@{YOUSSEF}>" in text_of(told[-1])


async def test_a_case_that_went_to_another_team_leaves_the_home_when_its_button_is_clicked(bot: Bot) -> None:
    bot.citizen_posts("Is de brug dicht?")
    await bot.card("brug")
    beheer = await second_team(bot)
    await bot.slack.leave(SANNE, BEHEER)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Wachtrij* (1)")
    async with bot.desk.session() as session:
        await cases.transfer(
            session, 1, seen=1, to=beheer, note="Voor jullie", by=YOUSSEF, now=bot.desk.now(), submission="t"
        )
    await bot.slack.click_in_view(SANNE, "case:claim")
    assert "*Wachtrij* (0)" in text_of(bot.slack.home(SANNE))
    assert "Beheer" in text_of(bot.slack.direct(SANNE)[-1])


async def test_what_is_taken_over_from_the_home_stands_there_at_once_and_is_gone_once_it_is_answered(bot: Bot) -> None:
    bot.citizen_posts("Is de brug dicht?")
    card = await bot.card("brug")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("brug", "In behandeling", SANNE)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "*Mijn zaken* (1)")
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=MARIEKE, now=bot.desk.now())
    await bot.slack.click_in_view(SANNE, "case:answer")
    await open_modal(bot, SANNE, "case:take_over")
    await home(bot, SANNE, "*Mijn zaken* (0)")
    assert (await bot.slack.submit(SANNE)).ok
    await open_modal(bot, SANNE, "case:answer")
    await home(bot, SANNE, "*Mijn zaken* (1)")
    ack = await bot.slack.submit(SANNE, {"answer_text": "Nee hoor.", "initials": "SB"})
    assert ack.ok and not ack.errors
    await home(bot, SANNE, "*Mijn zaken* (0)")


async def test_a_promise_of_today_is_on_everybodys_home(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Wanneer krijg ik mijn paspoort?")
    card = await bot.card("paspoort")
    soon = int((bot.desk.now() + timedelta(seconds=30)).timestamp())
    await answer(bot, SANNE, card, "Dat zoek ik uit.", answer_kind="interim", answer_promise=str(soon))

    async def shown() -> bool:
        await bot.slack.open_home(MARIEKE)
        view = bot.slack.home(MARIEKE)
        return view is not None and f"<@{SANNE}>" in text_of(view)

    await eventually(shown)
    assert "Wanneer krijg ik mijn paspoort?" in text_of(await home(bot, MARIEKE, f"<@{SANNE}>"))


async def test_the_home_shows_fifteen_cases_and_counts_the_rest(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    for n in range(17):
        bot.citizen_posts(f"Vraag {n:02}", name=f"Burger{n}")
        await bot.card(f"Vraag {n:02}")
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "*Wachtrij* (17)", "Alle 17 bekijken")
    assert action_ids(shown).count("case:claim") == 15


async def promised(bot: Bot, case_id: int, due_at: datetime) -> None:
    """Let Sanne have promised the citizen an answer by then."""
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        now = bot.desk.now()
        session.add(
            Clock(
                case_id=case_id, team_id=1, kind=ClockKind.PROMISE, started_at=now, running_since=now, due_at=due_at
            )
        )  # fmt: skip


async def test_the_figures_count_the_promises_that_the_list_has_with_what_lapsed_and_what_the_citizen_is_asked(
    office: Bot,
) -> None:
    bot = office
    for number, until in ((1, "2026-11-20 15:00"), (2, "2026-11-23 15:00"), (3, "2026-11-23 16:00")):
        case_id = await mention(bot, number)
        await sent(bot, case_id, ReplyKind.INTERIM, local(until))
        bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await sent(bot, case_id, ReplyKind.QUESTION)
    bot.clock.at = local("2026-11-23 10:00")  # type: ignore[attr-defined]
    await bot.slack.open_home(SANNE)
    shown = text_of(await home(bot, SANNE, "*Toezeggingen voor vandaag* (3)"))
    assert "Toezeggingen voor vandaag: *3*" in shown
    assert "Toezeggingen voor vandaag: *3*" in await asked(bot, SANNE, "/webcare digest")


async def test_the_home_counts_all_promises_of_today_and_leads_to_those_it_does_not_show(office: Bot) -> None:
    """A promise of tomorrow at 00:30 in Amsterdam is not of today, although it still is today in UTC."""
    bot = office
    for number in range(1, 19):
        await mention(bot, number, f"Vraag {number:02}")
        tonight, tomorrow = local("2026-11-20 23:30"), local("2026-11-21 00:30")
        await promised(bot, number, tonight if number < 18 else tomorrow)
    await bot.slack.open_home(MARIEKE)
    await home(bot, MARIEKE, "*Toezeggingen voor vandaag* (17)", "Alle 17 bekijken")
    await bot.slack.click_in_view(MARIEKE, "list:all")
    first = text_of(await home(bot, MARIEKE, "*Toezeggingen voor vandaag – pagina 1 van 2* (17)"))
    await bot.slack.click_in_view(MARIEKE, "list:on")
    second = text_of(await home(bot, MARIEKE, "*Toezeggingen voor vandaag – pagina 2 van 2* (17)"))
    pages = [{int(number) for number in re.findall(r"Vraag (\d\d)", page)} for page in (first, second)]
    assert [len(page) for page in pages] == [15, 2] and set.union(*pages) == set(range(1, 18))


async def test_a_promise_is_for_today_by_the_clock_of_its_team_in_the_lists_as_in_the_figures(office: Bot) -> None:
    """At 22:00 on Bonaire it is already tomorrow in Amsterdam."""
    bot = office
    await settings(bot, time_zone="America/Kralendijk")
    await promised(bot, await mention(bot), local("2026-11-21 03:00"))
    assert "Toezeggingen voor vandaag: *1*" in await asked(bot, SANNE, "/webcare digest")
    await bot.slack.open_home(SANNE)
    shown = text_of(await home(bot, SANNE, "Toezeggingen voor vandaag: *1*"))
    assert "*Toezeggingen voor vandaag* (1)" in shown


async def test_a_reader_looks_at_everything_and_acts_on_nothing(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, MARIEKE, Role.READER)
    bot.citizen_posts("Mag ik hier vissen?")
    card = await bot.card("vissen")
    await bot.slack.open_home(MARIEKE)
    assert action_ids(await home(bot, MARIEKE, "vissen", "Je kijkt alleen mee")) == [
        "search:words",
        "list:which",
        "list:where",
    ]
    for verb, choice in [
        ("case:claim", None), ("case:answer", None), ("case:escalate", None),
        ("case:more", "close:1"), ("case:more", "assign:1"), ("case:more", "no_answer:1:1"),
    ]:  # fmt: skip
        before = len(bot.slack.ephemerals(MARIEKE, CHANNEL))
        ack = await bot.slack.click(MARIEKE, CHANNEL, card["ts"], verb, choice)
        assert ack.ok
        assert len(bot.slack.ephemerals(MARIEKE, CHANNEL)) == before + 1
    assert "Je kijkt alleen mee" in text_of(bot.slack.ephemerals(MARIEKE, CHANNEL)[-1])
    assert bot.slack.view(MARIEKE) is None
    assert (await bot.case()).status is Status.NEW
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:more", "details:1")
    await bot.slack.wait_for(lambda: (view := bot.slack.view(MARIEKE)) and "vissen" in text_of(view))


async def test_one_who_became_a_reader_meanwhile_is_refused_in_the_modal_and_keeps_the_text(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mag ik hier zwemmen?")
    card = await bot.card("zwemmen")
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, MARIEKE, "case:answer")
    await make_role(bot, MARIEKE, Role.READER)
    ack = await bot.slack.submit(MARIEKE, {"answer_text": "Nee.", "initials": "MV"})
    assert "Je kijkt alleen mee" in ack.errors["answer_text"]
    assert square_texts(bot) == []


async def test_a_reader_who_was_asked_gives_advice(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, MARIEKE, Role.READER)
    bot.citizen_posts("Mag ik hier een boom kappen?")
    card = await bot.card("boom")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    await bot.slack.submit(SANNE, {"escalate_colleague": MARIEKE, "escalate_question": "Weet jij dit?"})
    asked = await bot.slack.wait_for(lambda: bot.slack.direct(MARIEKE))
    await bot.slack.click(MARIEKE, bot.direct_channel(MARIEKE), asked[0]["ts"], "case:advise")
    await open_modal(bot, MARIEKE, "case:advise")
    await bot.slack.submit(MARIEKE, {"advice_text": "Alleen met vergunning."})
    await bot.card("boom", "In behandeling", SANNE)
