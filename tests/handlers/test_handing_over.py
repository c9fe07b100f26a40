"""Handing one's own cases over at once: to colleagues in turn or to the queue, with one note and one undo."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.cases.handing_over import HandingOver
from bot.domain.case import Status, Urgency
from bot.domain.event import EventKind
from bot.models import Case, Event, Message, MessageKind, Note, Role
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from bot.team import teams
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.people import BEHEER, claim_in_two_teams, home, make_role, mention, open_modal, read, second_team

NOTE = "Ik ben vanmiddag *vrij* <!channel>"


@pytest.fixture
async def minute(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on a Friday morning that stands still, with a minute to undo."""
    clock = StoppedClock(local("2026-11-20 10:00"))
    async with running_bot(database_url, slack, clock, undo_seconds=60) as running:
        yield running


async def owned(bot: Bot, count: int, by: str = SANNE, first: int = 1) -> list[int]:
    """Let an agent have so many new cases."""
    found = []
    for number in range(first, first + count):
        found.append(await mention(bot, number, f"Bericht {number}"))
        async with bot.desk.session() as session:
            await cases.claim(session, found[-1], by=by, now=bot.desk.now())
        await messages.sync(bot.desk, found[-1])
    return found


async def opens(bot: Bot, person: str = SANNE) -> dict[str, Any]:
    """Press "Mijn zaken overdragen…" under one's own list."""
    before = len(bot.slack.ephemerals(person))
    assert (await bot.slack.command(person, CHANNEL, "/webcare mijn")).ok
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person)[before:])
    assert (await bot.slack.click(person, CHANNEL, listed["ts"], "list:hand_over")).ok
    return await open_modal(bot, person, "case:hand_over")


def boxes(view: dict[str, Any]) -> dict[str, list[str]]:
    """The checkboxes of the modal that are ticked: the values of each field."""
    found = [element for _, element in elements(view["blocks"]) if element["type"] == "checkboxes"]
    return {each["action_id"]: [one["value"] for one in each["initial_options"]] for each in found}


def descriptions(view: dict[str, Any]) -> list[str]:
    """What stands below each checkbox."""
    found = [element for _, element in elements(view["blocks"]) if element["type"] == "checkboxes"]
    return [read({"blocks": [{"type": "section", "text": one["description"]}]}) for each in found
            for one in each["options"] if "description" in one]  # fmt: skip


async def hands_over(bot: Bot, *to: str, note: str = "", person: str = SANNE, **more: Any) -> dict[str, Any]:
    """Send the modal: to these colleagues, or to the queue without any; returns what it says then."""
    where = "colleagues" if to else "queue"
    filled = {"hand_over_where": where, "hand_over_to": list(to), "hand_over_note": note, **more}
    ack = await bot.slack.submit(person, filled)
    assert ack.ok and not ack.errors, ack.errors
    return await open_modal(bot, person, "said")


async def owners(bot: Bot) -> list[str | None]:
    return [case.assignee for case in await bot.rows(Case)]


async def log(bot: Bot, *kinds: EventKind) -> list[tuple[int, str | None]]:
    """The cases that moved so, each with who got it."""
    return [(event.case_id, event.details.get("to")) for event in await bot.rows(Event) if event.kind in kinds]


async def told(bot: Bot, person: str, *words: str) -> str:
    """Wait until the one direct message to a person holds these words."""

    def only() -> str | None:
        direct = bot.slack.direct(person)
        return read(direct[0]) if len(direct) == 1 and all(word in read(direct[0]) for word in words) else None

    return await bot.slack.wait_for(only)


async def test_all_my_cases_go_to_one_colleague_who_is_told_once_and_each_gets_the_note(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    await mention(bot, 4, "Van niemand")
    view = await opens(bot)
    assert [len(ticked) for ticked in boxes(view).values()] == [3]
    said = await hands_over(bot, YOUSSEF, note=NOTE)
    assert f"<@{YOUSSEF}> heeft nu 3 zaken van je" in text_of(said)
    assert await owners(bot) == [YOUSSEF] * 3 + [None]
    assert await log(bot, EventKind.ASSIGN) == [(1, YOUSSEF), (2, YOUSSEF), (3, YOUSSEF)]
    assert [(note.case_id, note.by, note.text) for note in await bot.rows(Note)] == [
        (n, SANNE, NOTE) for n in (1, 2, 3)
    ]
    words = await told(
        bot, YOUSSEF, f"<@{SANNE}> heeft 3 zaken aan je overgedragen", "Burger 1", "Burger 2", "Burger 3"
    )
    assert "Van niemand" not in words and "*vrij*" in words
    card = await bot.card("Bericht 2", YOUSSEF)
    await bot.slack.wait_for(lambda: NOTE in str(bot.slack.thread(CHANNEL, card["ts"])))
    assert not any("toegewezen" in text_of(each) for each in bot.slack.thread(CHANNEL, card["ts"]))


async def test_several_colleagues_get_a_case_in_turn_and_each_hears_of_their_own(minute: Bot) -> None:
    bot = minute
    await owned(bot, 5)
    await opens(bot)
    said = text_of(await hands_over(bot, YOUSSEF, MARIEKE))
    assert "heeft nu 3 zaken" in said and "heeft nu 2 zaken" in said
    assert await owners(bot) == [YOUSSEF, MARIEKE, YOUSSEF, MARIEKE, YOUSSEF]
    await told(bot, YOUSSEF, "3 zaken", "Burger 1", "Burger 3", "Burger 5")
    assert "Burger 1" not in await told(bot, MARIEKE, "2 zaken", "Burger 2", "Burger 4")


async def test_only_the_ticked_ones_go_back_to_the_queue(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    view = await opens(bot)
    said = await hands_over(bot, own_cases_0=boxes(view)["own_cases_0"][:2])
    assert "2 zaken staan weer in de wachtrij" in text_of(said), text_of(said)
    assert await owners(bot) == [None, None, SANNE]
    assert [case.status for case in await bot.rows(Case)] == [Status.NEW, Status.NEW, Status.CLAIMED]
    await bot.card("Bericht 1", "Nieuw")
    assert not [each for each in await bot.rows(Message) if each.kind is MessageKind.HANDED_OVER]


async def test_what_is_unclear_is_said_at_its_field(minute: Bot) -> None:
    bot = minute
    await owned(bot, 1)
    view = await opens(bot)

    async def wrong(where: str, to: Sequence[str], **more: Any) -> list[str]:
        ack = await bot.slack.submit(SANNE, {"hand_over_where": where, "hand_over_to": list(to), **more})
        return list(ack.errors)

    assert await wrong("colleagues", []) == ["hand_over_to"]
    assert await wrong("colleagues", [SANNE, YOUSSEF]) == ["hand_over_to"]
    assert await wrong("queue", [YOUSSEF]) == ["hand_over_to"]
    assert await wrong("queue", [], own_cases_0=[]) == ["own_cases_0"]
    await make_role(bot, MARIEKE, Role.READER)
    assert await wrong("colleagues", [YOUSSEF, MARIEKE], own_cases_0=boxes(view)["own_cases_0"]) == ["hand_over_to"]
    assert await owners(bot) == [SANNE]


async def test_what_changed_meanwhile_stays_as_it_is_and_is_named(minute: Bot) -> None:
    bot = minute
    await owned(bot, 4)
    await opens(bot)
    async with bot.desk.session() as session:
        await cases.take_over(session, 1, owner=SANNE, by=MARIEKE, now=bot.desk.now())
        await cases.add_note(session, 2, by=MARIEKE, now=bot.desk.now(), text="Wacht!", submission="n")
        await cases.close(session, 3, by=SANNE, now=bot.desk.now(), reason="spam")
    said = read(await hands_over(bot, YOUSSEF, note="Voor jou"))
    assert "1 zaak van je" in said and all(f"Burger {number}" in said for number in (1, 2, 3))
    assert await owners(bot) == [MARIEKE, SANNE, SANNE, YOUSSEF]
    assert [note.text for note in await bot.rows(Note)] == ["Wacht!", "Voor jou"]


async def advice_is_asked(bot: Bot, case_id: int) -> None:
    async with bot.desk.session() as session:
        await cases.escalate(
            session, case_id, by=SANNE, now=bot.desk.now(), target=MARIEKE, channels=[], question="Mag dit?",
            urgency=Urgency.NORMAL, submission="q",
        )  # fmt: skip


async def test_the_same_submission_twice_is_done_and_told_once(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    await opens(bot)
    filled = {"hand_over_where": "colleagues", "hand_over_to": [YOUSSEF, MARIEKE], "hand_over_note": "Dank"}
    acks = await asyncio.gather(bot.slack.submit(SANNE, filled), bot.slack.submit(SANNE, filled))
    assert all(ack.ok and not ack.errors for ack in acks)
    assert len(await log(bot, EventKind.ASSIGN)) == 3 and len(await bot.rows(Note)) == 3
    said = read(await open_modal(bot, SANNE, "said"))
    assert "2 zaken van je" in said and "1 zaak van je" in said and "Burger" not in said
    assert len([each for each in await bot.rows(Message) if each.kind is MessageKind.HANDED_OVER]) == 2


async def test_one_undo_gives_all_back_twice_is_once_and_the_message_says_so(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    await advice_is_asked(bot, 2)
    await opens(bot)
    await hands_over(bot, YOUSSEF)
    await told(bot, YOUSSEF, "3 zaken")
    await asyncio.gather(*(bot.slack.click_in_view(SANNE, "case:undo_hand_over") for _ in range(2)))
    await bot.slack.wait_for(lambda: "3 zaken" in text_of(bot.slack.view(SANNE)))
    assert await owners(bot) == [SANNE] * 3
    assert [case.status for case in await bot.rows(Case)] == [Status.CLAIMED, Status.ESCALATED, Status.CLAIMED]
    assert len(await log(bot, EventKind.ASSIGN)) == 6
    await told(bot, YOUSSEF, "ongedaan")
    await bot.card("Bericht 3", SANNE)


async def test_an_undo_from_the_queue_gives_back_what_nobody_took_also_what_waits_for_advice(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    await advice_is_asked(bot, 2)
    await opens(bot)
    await hands_over(bot)
    assert await owners(bot) == [None] * 3
    async with bot.desk.session() as session:
        await cases.claim(session, 3, by=YOUSSEF, now=bot.desk.now())
    await bot.slack.click_in_view(SANNE, "case:undo_hand_over")
    said = await bot.slack.wait_for(lambda: "2 zaken" in text_of(bot.slack.view(SANNE)) and bot.slack.view(SANNE))
    assert "Burger 3" in read(said)
    assert await owners(bot) == [SANNE, SANNE, YOUSSEF]
    assert [case.status for case in await bot.rows(Case)] == [Status.CLAIMED, Status.ESCALATED, Status.CLAIMED]


async def test_after_the_undo_time_and_by_another_nothing_is_given_back(minute: Bot) -> None:
    bot = minute
    await owned(bot, 2)
    await opens(bot)
    await hands_over(bot, YOUSSEF)
    async with bot.desk.session() as session:
        submission = next(e.details["submission"] for e in await bot.rows(Event) if e.kind is EventKind.ASSIGN)
        outcome = await cases.undo_hand_over(
            session, [1, 2], teams=[1], submission=submission, by=MARIEKE, now=bot.desk.now(),
            undo=timedelta(minutes=1),
        )  # fmt: skip
    assert not outcome.done and len(outcome.skipped) == 2
    bot.clock.at += timedelta(seconds=61)  # type: ignore[attr-defined]
    await bot.slack.click_in_view(SANNE, "case:undo_hand_over")
    await bot.slack.wait_for(lambda: "Te laat" in text_of(bot.slack.view(SANNE)))
    assert await owners(bot) == [YOUSSEF] * 2


async def test_cases_go_and_come_back_while_slack_has_not_said_yet_who_is_in_the_teams_new_channel(minute: Bot) -> None:
    bot, now = minute, minute.desk.now()
    await owned(bot, 2)
    async with bot.desk.session() as session:
        await teams.change(session, 1, {"channel": "C0ESCALATIE"}, by=MARIEKE, now=now)
        asked = HandingOver(SANNE, await cases.last_events(session, [1, 2]), [YOUSSEF], "", "verlof")
        given = await cases.hand_over(session, asked, by=SANNE, now=now)
    assert (len(given.done), await owners(bot)) == (2, [YOUSSEF] * 2)
    async with bot.desk.session() as session:
        back = await cases.undo_hand_over(
            session, [1, 2], teams=[1], submission="verlof", by=SANNE, now=now, undo=timedelta(minutes=1)
        )
    assert (len(back.done), await owners(bot)) == (2, [SANNE] * 2)


@pytest.mark.parametrize("left", [(), (CHANNEL,), (CHANNEL, BEHEER)], ids=len)
async def test_one_undo_gives_back_the_cases_of_each_team_in_which_they_still_answer(
    minute: Bot, left: Sequence[str]
) -> None:
    bot = minute
    await claim_in_two_teams(bot)
    view = await opens(bot)
    assert [each.split(" · ")[0] for each in descriptions(view)] == ["Webcare", "Beheer"], "each is case 1"
    assert f"<@{YOUSSEF}> heeft nu 2 zaken van je" in read(await hands_over(bot, YOUSSEF))
    said = await told(bot, YOUSSEF, "2 zaken")
    assert "Zaak 1 (Webcare) · " in said and "Zaak 1 (Beheer) · " in said
    for channel in left:
        await bot.slack.leave(SANNE, channel)
    await bot.slack.click_in_view(SANNE, "case:undo_hand_over")
    if len(left) == 2:
        await bot.slack.wait_for(lambda: any("Dit kan alleen het team" in read(m) for m in bot.slack.direct(SANNE)))
    else:
        n = "2 zaken zijn" if not left else "1 zaak is"
        said = await bot.slack.wait_for(lambda: n in (words := read(bot.slack.view(SANNE))) and words)
        assert said.count("Dit is van een ander team.") == len(left) and "intussen" not in said
    assert await owners(bot) == [YOUSSEF if channel in left else SANNE for channel in (CHANNEL, BEHEER)]


async def test_what_a_colleague_was_told_follows_the_cases(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    await opens(bot)
    await hands_over(bot, YOUSSEF)
    await told(bot, YOUSSEF, "Burger 1", "Burger 2", "Burger 3")
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=YOUSSEF, now=bot.desk.now(), reason="spam")
    await messages.wake_lanes(bot.desk)
    assert "Burger 1" not in await told(bot, YOUSSEF, "✓ 1 zaak is klaar", "Burger 2")
    async with bot.desk.session() as session:
        await cases.take_over(session, 2, owner=YOUSSEF, by=MARIEKE, now=bot.desk.now())
        await cases.release(session, 3, by=YOUSSEF, now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    assert "Burger" not in await told(bot, YOUSSEF, "✓ 3 zaken zijn klaar")


async def test_of_two_submissions_at_once_each_case_goes_one_way(minute: Bot) -> None:
    bot = minute
    found = await owned(bot, 12)
    async with bot.desk.reading() as session:
        seen = await cases.last_events(session, found)

    async def sends(to: str, submission: str) -> cases.HandedOut:
        async with bot.desk.session() as session:
            asked = cases.HandingOver(SANNE, seen, [to], "Kijk hier", submission)
            return await cases.hand_over(session, asked, by=SANNE, now=bot.desk.now())

    outcomes = await asyncio.gather(sends(YOUSSEF, "a"), sends(MARIEKE, "b"))
    assert sorted(len(each.done) for each in outcomes) == [0, 12]
    assert len(await log(bot, EventKind.ASSIGN)) == 12 and len(await bot.rows(Note)) == 12
    assert len(set(await owners(bot))) == 1


async def test_a_colleague_gets_only_cases_of_teams_for_which_they_answer(minute: Bot) -> None:
    bot = minute
    beheer = await second_team(bot)
    found = await owned(bot, 2)
    async with bot.desk.session() as session:
        await cases.release(session, found[0], by=SANNE, now=bot.desk.now())
        await cases.transfer(
            session, found[0], seen=1, to=beheer, note="Voor jullie", by=SANNE, now=bot.desk.now(), submission="t"
        )
        await cases.claim(session, found[0], by=SANNE, now=bot.desk.now())
    await bot.slack.leave(YOUSSEF, BEHEER)
    await opens(bot)
    said = read(await hands_over(bot, YOUSSEF))
    assert "1 zaak van je" in said and "Burger 1" in said and "Geen van hen" in said
    assert await owners(bot) == [SANNE, YOUSSEF]


async def test_who_is_away_gets_them_all_the_same_and_that_is_said(minute: Bot) -> None:
    bot = minute
    await owned(bot, 1)
    async with bot.desk.session() as session:
        await presence.set_away(session, YOUSSEF, True, bot.desk.now())
    await opens(bot)
    assert f"⚠️ <@{YOUSSEF}> is afwezig" in text_of(await hands_over(bot, YOUSSEF))
    assert await owners(bot) == [YOUSSEF]


async def test_it_begins_from_the_home_which_shows_how_it_stands_then(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await owned(bot, 2)
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "*Mijn zaken* (2)")
    assert action_ids(shown).count("list:hand_over") == 1
    await bot.slack.click_in_view(SANNE, "list:hand_over")
    await open_modal(bot, SANNE, "case:hand_over")
    await hands_over(bot, YOUSSEF)
    await home(bot, SANNE, "*Mijn zaken* (0)")
    await bot.slack.open_home(YOUSSEF)
    await home(bot, YOUSSEF, "*Mijn zaken* (2)")


async def test_who_has_nothing_any_more_is_told_so(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await owned(bot, 1)
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare mijn")).ok
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    async with bot.desk.session() as session:
        await cases.release(session, 1, by=SANNE, now=bot.desk.now())
    await bot.slack.click(SANNE, CHANNEL, listed["ts"], "list:hand_over")
    assert "niets" in text_of(await open_modal(bot, SANNE, "said"))
    await eventually(lambda: owners(bot))


async def test_a_hundred_cases_go_at_once(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    found = await owned(bot, 103)
    view = await opens(bot)
    assert sum(len(ticked) for ticked in boxes(view).values()) == 100 and "3 zaken passen hier niet" in text_of(view)
    await hands_over(bot, YOUSSEF, MARIEKE, note="Ik ben met verlof")
    assert sorted(map(str, await owners(bot))).count(SANNE) == 3
    assert len(found) == 103 and len(await log(bot, EventKind.ASSIGN)) == 100


async def test_the_list_and_the_question_from_which_it_began_show_what_is_left(minute: Bot) -> None:
    bot = minute
    await owned(bot, 3)
    view = await opens(bot)
    chosen: dict[str, Any] = {field: ticked[:1] for field, ticked in boxes(view).items()}
    await hands_over(bot, YOUSSEF, **chosen)
    await bot.slack.wait_for(lambda: "2 zaken" in text_of(bot.slack.ephemerals(SANNE)[0]))
    await bot.slack.command(SANNE, CHANNEL, "/webcare weg")
    [_, question] = await bot.slack.wait_for(
        lambda: len(bot.slack.ephemerals(SANNE)) == 2 and bot.slack.ephemerals(SANNE)
    )
    assert "nog 2 zaken" in text_of(question)
    await bot.slack.click(SANNE, CHANNEL, question["ts"], "list:hand_over")
    await open_modal(bot, SANNE, "case:hand_over")
    await hands_over(bot)
    await bot.slack.wait_for(lambda: "agent:keep" not in action_ids(bot.slack.ephemerals(SANNE)[1]))
    assert "Je bent weg" in text_of(bot.slack.ephemerals(SANNE)[1])
    await bot.slack.click_in_view(SANNE, "case:undo_hand_over")
    await bot.slack.wait_for(lambda: "nog 2 zaken" in text_of(bot.slack.ephemerals(SANNE)[1]))


async def test_the_question_to_one_who_came_back_says_so_once_they_gave_cases_away(minute: Bot) -> None:
    bot = minute
    await owned(bot, 2)
    await bot.slack.command(SANNE, CHANNEL, "/webcare weg")
    [question] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    await bot.slack.command(SANNE, CHANNEL, "/webcare weg terug")
    await bot.slack.click(SANNE, CHANNEL, question["ts"], "list:hand_over")
    view = await open_modal(bot, SANNE, "case:hand_over")
    chosen: dict[str, Any] = {field: ticked[:1] for field, ticked in boxes(view).items()}
    await hands_over(bot, YOUSSEF, **chosen)
    question, _ = bot.slack.ephemerals(SANNE)
    assert "Je bent er weer" in text_of(question) and action_ids(question) == []
