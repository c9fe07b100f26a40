"""Closing several cases of a list at once: one reason, one undo, each case by itself in the log."""

import asyncio
import functools
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.cases import inbox
from bot.domain.case import CloseReason, Status
from bot.domain.event import EventKind
from bot.domain.mention import Author, Post
from bot.domain.queue import Filter, Which
from bot.models import Case, Event, Message, MessageKind, ReplyKind, Role
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.input_state import elements
from bot.sandbox.slack.inspection import action_ids, text_of
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.people import (
    BEHEER,
    asked,
    claim_in_two_teams,
    home,
    make_role,
    mention,
    open_modal,
    second_team,
    sent,
    settings,
)


@pytest.fixture
async def minute(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on a Friday morning that stands still, with a minute to undo."""
    clock = StoppedClock(local("2026-11-20 10:00"))
    async with running_bot(database_url, slack, clock, undo_seconds=60) as running:
        yield running


async def written(bot: Bot, count: int, **more: Any) -> list[int]:
    return [await mention(bot, number, f"Bericht {number}", **more) for number in range(1, count + 1)]


async def opens(bot: Bot, person: str, command: str = "/webcare open") -> dict[str, Any]:
    """Press "Zaken afsluiten…" under a list that a command gave."""
    before = len(bot.slack.ephemerals(person))
    assert (await bot.slack.command(person, CHANNEL, command)).ok
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person)[before:])
    assert (await bot.slack.click(person, CHANNEL, listed["ts"], "list:close")).ok
    return await open_modal(bot, person, "case:close_many")


def boxes(view: dict[str, Any]) -> dict[str, list[str]]:
    """The checkboxes of the modal: the values of each field."""
    found = [element for _, element in elements(view["blocks"]) if element["type"] == "checkboxes"]
    return {each["action_id"]: [one["value"] for one in each["options"]] for each in found}


async def closes(bot: Bot, person: str, view: dict[str, Any], *case_ids: int) -> dict[str, Any]:
    """Tick these cases and send; returns what the modal says then."""
    ticked = {
        field: [value for value in values if int(value.partition(":")[0]) in case_ids]
        for field, values in boxes(view).items()
    }
    ack = await bot.slack.submit(person, {"close_reason": "no_answer_needed", **ticked})
    assert ack.ok and not ack.errors, ack.errors
    return await open_modal(bot, person, "said")


async def statuses(bot: Bot) -> list[Status]:
    return [case.status for case in await bot.rows(Case)]


async def log(bot: Bot) -> list[tuple[int, EventKind, str]]:
    moves = {EventKind.CLOSE, EventKind.UNCLOSE, EventKind.CLAIM}
    return [(event.case_id, event.kind, event.by) for event in await bot.rows(Event) if event.kind in moves]


async def test_the_chosen_cases_are_closed_each_with_an_event_of_its_own(minute: Bot) -> None:
    bot = minute
    await written(bot, 4)
    said = await closes(bot, SANNE, await opens(bot, SANNE), 1, 3)
    assert "2 zaken afgesloten" in text_of(said)
    assert await statuses(bot) == [Status.CLOSED, Status.NEW, Status.CLOSED, Status.NEW]
    assert await log(bot) == [(1, EventKind.CLOSE, SANNE), (3, EventKind.CLOSE, SANNE)]
    for words in ("Bericht 1", "Bericht 3"):
        await bot.card(words, "Afgesloten", "geen antwoord nodig")


async def test_one_undo_gives_all_of_them_back_and_twice_is_once(minute: Bot) -> None:
    bot = minute
    await written(bot, 3)
    await closes(bot, SANNE, await opens(bot, SANNE), 1, 2, 3)
    bot.clock.at += timedelta(seconds=30)  # type: ignore[attr-defined]
    clicks = [bot.slack.click_in_view(SANNE, "case:undo_close") for _ in range(2)]
    await asyncio.gather(*clicks)
    await bot.slack.wait_for(lambda: "3 zaken" in text_of(bot.slack.view(SANNE)))
    assert await statuses(bot) == [Status.NEW] * 3
    undone = [each for each in await log(bot) if each[1] is EventKind.UNCLOSE]
    assert undone == [(number, EventKind.UNCLOSE, SANNE) for number in (1, 2, 3)]
    await bot.card("Bericht 3", "Nieuw")


async def test_why_a_case_goes_first_is_cut_between_signs_where_a_box_has_no_more_room(minute: Bot) -> None:
    bot = minute
    await settings(bot, signal_words=["rook & vuur", "gas & lucht", "gladheid kou & hitte"])
    await mention(bot, 1, "Rook & vuur, gas & lucht en gladheid kou & hitte!")
    [box] = [element for _, element in elements((await opens(bot, SANNE))["blocks"]) if element["type"] == "checkboxes"]
    said = box["options"][0]["description"]["text"]
    assert "rook &amp; vuur" in said and said.endswith("kou …"), said


@pytest.mark.parametrize(
    ("language", "labels"),
    [
        ("nl", ["In deze lijst: 1 tot en met 10", "In deze lijst: 11"]),
        ("en", ["In this list: 1 to 10", "In this list: 11"]),
    ],
    ids=["nl", "en"],
)
async def test_above_the_boxes_stand_places_in_the_list_and_no_numbers_of_cases(
    minute: Bot, language: str, labels: Sequence[str]
) -> None:
    bot = minute
    await settings(bot, language=language)
    await written(bot, 11)
    view = await opens(bot, SANNE)
    asked_for = [block for block in view["blocks"] if block.get("element", {}).get("type") == "checkboxes"]
    assert [each["label"]["text"] for each in asked_for] == labels


@pytest.mark.parametrize("left", [(), (BEHEER,)], ids=len)
async def test_one_undo_gives_back_the_cases_of_each_team_in_which_they_still_answer(
    minute: Bot, left: Sequence[str]
) -> None:
    bot = minute
    await claim_in_two_teams(bot)
    view = await opens(bot, SANNE, "/webcare mijn")
    assert all(name in str(view["blocks"]) for name in ("Webcare", "Beheer")), "each is case 1"
    said = await closes(bot, SANNE, view, 1, 2)
    assert "2 zaken afgesloten" in text_of(said)
    for channel in left:
        await bot.slack.leave(SANNE, channel)
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    said = await bot.slack.wait_for(lambda: "↩️" in text_of(bot.slack.view(SANNE)) and bot.slack.view(SANNE))
    assert text_of(said).count("Dit is van een ander team.") == len(left) and "intussen" not in text_of(said)
    assert text_of(said).count("zaak 1 van \u2068Burger 2\u2069 (\u2068Beheer\u2069): ") == len(left), "both are case 1"
    assert await statuses(bot) == [Status.CLAIMED, Status.CLOSED if left else Status.CLAIMED]


async def test_after_the_undo_time_nothing_is_given_back(minute: Bot) -> None:
    bot = minute
    await written(bot, 2)
    await closes(bot, SANNE, await opens(bot, SANNE), 1, 2)
    bot.clock.at += timedelta(seconds=61)  # type: ignore[attr-defined]
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(lambda: any("Te laat" in text_of(each) for each in bot.slack.direct(SANNE)))
    assert await statuses(bot) == [Status.CLOSED] * 2


async def test_what_changed_meanwhile_is_left_as_it_is_and_named(minute: Bot) -> None:
    bot = minute
    await written(bot, 4)
    view = await opens(bot, SANNE)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
        await cases.add_note(session, 2, by=YOUSSEF, now=bot.desk.now(), text="Wacht!", submission="n")
        await cases.close(session, 3, by=YOUSSEF, now=bot.desk.now(), reason="spam")
    shown = await closes(bot, SANNE, view, 1, 2, 3, 4)
    said = text_of(shown)
    assert "1 zaak afgesloten" in said and f"al bij <@{YOUSSEF}>" in said
    assert action_ids(shown).count("case:take_over") == 1
    assert all(f"Burger {number}" in said for number in (1, 2, 3)) and "Burger 4" not in said
    assert await statuses(bot) == [Status.CLAIMED, Status.NEW, Status.CLOSED, Status.CLOSED]


async def test_what_a_colleague_took_meanwhile_can_be_taken_over_and_the_rest_still_undone(minute: Bot) -> None:
    bot = minute
    await written(bot, 2)
    view = await opens(bot, SANNE)
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
    await closes(bot, SANNE, view, 1, 2)
    await bot.slack.click_in_view(SANNE, "case:take_over")
    assert f"<@{YOUSSEF}>" in text_of(await open_modal(bot, SANNE, "case:take_over"))
    assert (await bot.slack.submit(SANNE)).ok
    assert (await bot.case(1)).assignee == SANNE
    assert "1 zaak afgesloten" in text_of(await open_modal(bot, SANNE, "said"))
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(lambda: "teruggezet" in text_of(bot.slack.view(SANNE)))
    assert await statuses(bot) == [Status.CLAIMED, Status.NEW]


async def test_of_two_coordinators_at_once_each_case_is_closed_by_one(minute: Bot) -> None:
    bot = minute
    for person in (SANNE, MARIEKE):
        await make_role(bot, person, Role.COORDINATOR)
    await written(bot, 12)
    views = [await opens(bot, person) for person in (SANNE, MARIEKE)]
    some, others = range(1, 10), range(4, 13)
    await asyncio.gather(closes(bot, SANNE, views[0], *some), closes(bot, MARIEKE, views[1], *reversed(others)))
    assert await statuses(bot) == [Status.CLOSED] * 12
    assert sorted(case_id for case_id, _, _ in await log(bot)) == list(range(1, 13))


async def test_an_undo_leaves_the_case_to_which_the_citizen_wrote_again(minute: Bot) -> None:
    bot = minute
    bot.citizen_posts("Mooie foto!")
    await bot.card("Mooie foto!", "Nieuw")
    bot.citizen_posts("Top gedaan", name="Joost")
    await bot.card("Top gedaan", "Nieuw")
    await closes(bot, SANNE, await opens(bot, SANNE), 1, 2)
    bot.citizen_posts("Toch een vraag", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("Toch een vraag", "Nieuw")
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    said = await bot.slack.wait_for(lambda: "teruggezet" in text_of(bot.slack.view(SANNE)) and bot.slack.view(SANNE))
    assert "1 zaak" in text_of(said) and "Fatima" in text_of(said) and "Joost" not in text_of(said)
    assert await log(bot) == [(1, EventKind.CLOSE, SANNE), (2, EventKind.CLOSE, SANNE), (2, EventKind.UNCLOSE, SANNE)]


async def test_a_coordinator_closes_colleagues_cases_too_and_each_colleague_hears_it_once(minute: Bot) -> None:
    bot = minute
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    await written(bot, 4)
    async with bot.desk.session() as session:
        for case_id, owner in ((1, SANNE), (2, SANNE), (3, YOUSSEF)):
            await cases.claim(session, case_id, by=owner, now=bot.desk.now())
    assert sum(map(len, boxes(await opens(bot, YOUSSEF)).values())) == 2, "his own and nobody's"
    await closes(bot, MARIEKE, await opens(bot, MARIEKE), 1, 2, 3, 4)
    [told] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert "2 zaken" in text_of(told) and "Burger 1" in text_of(told) and "Burger 2" in text_of(told)
    assert len([message for message in await bot.rows(Message) if message.kind is MessageKind.PASSED]) == 2
    await bot.slack.click_in_view(MARIEKE, "case:undo_close")
    await bot.slack.wait_for(lambda: "ongedaan" in text_of(bot.slack.direct(SANNE)[0]))
    assert [case.assignee for case in await bot.rows(Case)] == [SANNE, SANNE, YOUSSEF, None]
    assert await statuses(bot) == [Status.CLAIMED] * 3 + [Status.NEW]


async def test_who_is_in_several_teams_hears_of_which_team_each_closed_case_is(minute: Bot) -> None:
    bot = minute
    await claim_in_two_teams(bot)
    for team_id in (1, 2):
        await make_role(bot, MARIEKE, Role.COORDINATOR, team_id)
    await closes(bot, MARIEKE, await opens(bot, MARIEKE), 1)
    [told] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert "1 zaak van jou" in text_of(told) and "Zaak 1 (\u2068Webcare\u2069)" in text_of(told)


async def test_who_is_in_several_teams_reads_of_which_team_the_case_is_that_was_skipped(minute: Bot) -> None:
    bot = minute
    await claim_in_two_teams(bot)
    view = await opens(bot, SANNE, "/webcare mijn")
    async with bot.desk.session() as session:
        await cases.assign(session, 1, to=YOUSSEF, by=SANNE, now=bot.desk.now())
    said = text_of(await closes(bot, SANNE, view, 1, 2))
    assert "1 zaak afgesloten" in said and "zaak 1 van \u2068Burger 1\u2069 (\u2068Webcare\u2069): " in said


async def opens_those_of_the_citizen(bot: Bot, person: str) -> dict[str, Any]:
    """Press "Zaken afsluiten…" under the list of the cases that wait for the citizen."""
    before = len(bot.slack.ephemerals(person))
    await bot.slack.command(person, CHANNEL, "/webcare open")
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(person)[before:])
    await bot.slack.click(person, CHANNEL, listed["ts"], "list:which", Filter(Which.CITIZEN).to_text())
    await bot.slack.wait_for(lambda: "Bericht 1" in text_of(bot.slack.ephemerals(person)[-1]))
    await bot.slack.click(person, CHANNEL, listed["ts"], "list:close")
    return await open_modal(bot, person, "case:close_many")


async def test_what_waits_for_the_citizen_is_closed_from_its_list_by_its_owner_or_a_coordinator(minute: Bot) -> None:
    bot = minute
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    for number in (1, 2):
        bot.citizen_posts(f"Bericht {number}", name=f"Burger {number}")
        await bot.card(f"Bericht {number}", "Nieuw")
        bot.clock.at += timedelta(seconds=1)  # type: ignore[attr-defined]
        await sent(bot, number, ReplyKind.QUESTION)
    async with bot.desk.session() as session:
        await cases.assign(session, 2, to=YOUSSEF, by=SANNE, now=bot.desk.now())
    view = await opens_those_of_the_citizen(bot, SANNE)
    assert [int(value.partition(":")[0]) for values in boxes(view).values() for value in values] == [1]
    await closes(bot, SANNE, view, 1)
    assert await statuses(bot) == [Status.CLOSED, Status.WITH_CITIZEN]
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(
        lambda: "1 zaak" in text_of(bot.slack.view(SANNE)) and "↩️" in text_of(bot.slack.view(SANNE))
    )
    assert await statuses(bot) == [Status.WITH_CITIZEN] * 2
    await closes(bot, MARIEKE, await opens_those_of_the_citizen(bot, MARIEKE), 1, 2)
    for owner, number in ((SANNE, 1), (YOUSSEF, 2)):
        [told] = await bot.slack.wait_for(functools.partial(bot.slack.direct, owner))
        assert f"<@{MARIEKE}>" in text_of(told) and f"Burger {number}" in text_of(told)


async def test_more_than_ten_cases_are_in_several_blocks_and_private_ones_are_marked(minute: Bot) -> None:
    bot = minute
    await written(bot, 11)
    await mention(bot, 12, "Mijn <!channel> *dossier*", private=True)
    view = await opens(bot, SANNE)
    assert [len(values) for values in boxes(view).values()] == [10, 2]
    [private] = [one for _, each in elements(view["blocks"]) for one in each.get("options", [])
                 if "dossier" in one["text"]["text"]]  # fmt: skip
    assert "privébericht" in private["description"]["text"] and "&lt;!channel&gt; ∗dossier∗" in private["text"]["text"]
    assert "privébericht" not in json.dumps(view["blocks"][-1]["element"]["options"][0])
    ack = await bot.slack.submit(SANNE, {"close_reason": "spam"})
    assert "minstens één" in str(ack.errors)
    ack = await bot.slack.submit(SANNE, {"close_reason": "other", "close_many_0": [boxes(view)["close_many_0"][0]]})
    assert list(ack.errors) == ["close_text"]


async def test_at_most_a_hundred_are_closed_at_once_and_the_modal_says_how_many_are_left(sqlite_bot: Bot) -> None:
    bot, now = sqlite_bot, sqlite_bot.desk.now()
    posts = [Post(f"p{n}", Author(f"a{n}", f"Burger {n}"), f"Bericht {n}", now) for n in range(103)]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=now)
    view = await opens(bot, SANNE)
    offered = [int(value.partition(":")[0]) for values in boxes(view).values() for value in values]
    assert len(offered) == 100 and "3 zaken staan hier niet" in text_of(view)
    assert "100 zaken afgesloten" in text_of(await closes(bot, SANNE, view, *offered))
    assert (await statuses(bot)).count(Status.NEW) == 3


async def test_the_same_submission_twice_closes_once(minute: Bot) -> None:
    bot = minute
    await written(bot, 2)
    view = await opens(bot, SANNE)
    ticked = {"close_reason": "spam", **boxes(view)}
    acks = await asyncio.gather(bot.slack.submit(SANNE, ticked), bot.slack.submit(SANNE, ticked))
    assert all(ack.ok for ack in acks)
    assert [kind for _, kind, _ in await log(bot)] == [EventKind.CLOSE] * 2


def undo_of(view: dict[str, Any]) -> list[str]:
    """The value of the button that undoes a closing."""
    return [each["value"] for _, each in elements(view["blocks"]) if each["action_id"] == "case:undo_close"]


async def test_a_submission_that_comes_twice_says_twice_what_it_closed_and_offers_to_undo_that(
    minute: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, deliver, delivered = minute, minute.slack._deliver, list[Any]()

    async def noted(*what: Any, **more: Any) -> Any:
        delivered.append(what)
        return await deliver(*what, **more)

    monkeypatch.setattr(bot.slack, "_deliver", noted)
    await written(bot, 2)
    first = await closes(bot, SANNE, await opens(bot, SANNE), 1, 2)
    kind, payload = delivered[-1]
    bot.clock.at += timedelta(seconds=5)  # type: ignore[attr-defined]
    again = await deliver(kind, payload)
    assert again.payload is not None
    for view in (first, again.payload["view"]):
        assert "2 zaken afgesloten." in text_of(view)
    assert undo_of(again.payload["view"]) == undo_of(first)
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(lambda: "2 zaken" in text_of(bot.slack.view(SANNE)))
    assert await statuses(bot) == [Status.NEW] * 2


async def test_it_begins_from_the_home_and_from_a_search_too(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await written(bot, 2)
    view = await opens(bot, SANNE, "/webcare zoek Bericht")
    assert sum(map(len, boxes(view).values())) == 2
    await bot.slack.close_view(SANNE)
    await bot.slack.open_home(SANNE)
    shown = await home(bot, SANNE, "Bericht 1")
    assert "list:close" in action_ids(shown)
    await bot.slack.click_in_view(SANNE, "list:close")
    await closes(bot, SANNE, await open_modal(bot, SANNE, "case:close_many"), 1, 2)
    await eventually(lambda: _all_closed(bot))


async def _all_closed(bot: Bot) -> bool:
    return set(await statuses(bot)) == {Status.CLOSED}


async def test_a_reader_is_not_offered_it(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await written(bot, 1)
    await make_role(bot, SANNE, Role.READER)
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    [listed] = await bot.slack.wait_for(lambda: bot.slack.ephemerals(SANNE))
    assert "list:close" not in action_ids(listed)


@pytest.mark.parametrize("command", ["/webcare open", "/webcare zoek Bericht"])
async def test_the_list_from_which_it_began_shows_how_it_stands_then_and_after_the_undo(
    minute: Bot, command: str
) -> None:
    bot = minute
    await written(bot, 3)
    view = await opens(bot, SANNE, command)
    [listed] = bot.slack.ephemerals(SANNE)
    assert "3 zaken" in text_of(listed)

    def left(*words: str) -> bool:
        [shown] = bot.slack.ephemerals(SANNE)
        return all(word in text_of(shown) for word in words)

    await closes(bot, SANNE, view, 1, 3)
    await bot.slack.wait_for(lambda: left("afgesloten") if "zoek" in command else left("1 zaak", "Bericht 2"))
    await bot.slack.click_in_view(SANNE, "case:undo_close")
    await bot.slack.wait_for(
        lambda: (
            left("3 zaken", "Bericht 1", "Bericht 3") and "afgesloten" not in text_of(bot.slack.ephemerals(SANNE)[0])
        )
    )


async def test_the_home_from_which_it_began_shows_what_is_taken_over_from_the_result(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await written(bot, 2)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Bericht 1")
    await bot.slack.click_in_view(SANNE, "list:close")
    view = await open_modal(bot, SANNE, "case:close_many")
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=bot.desk.now())
    await closes(bot, SANNE, view, 1, 2)
    await home(bot, SANNE, "*Mijn zaken* (0)")
    await bot.slack.click_in_view(SANNE, "case:take_over")
    await open_modal(bot, SANNE, "case:take_over")
    assert (await bot.slack.submit(SANNE)).ok
    await home(bot, SANNE, "*Mijn zaken* (1)", "Bericht 1")


async def test_the_home_from_which_it_began_shows_how_it_stands_then(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await written(bot, 2)
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Bericht 1")
    await bot.slack.click_in_view(SANNE, "list:close")
    await closes(bot, SANNE, await open_modal(bot, SANNE, "case:close_many"), 1)
    await bot.slack.wait_for(lambda: "Bericht 1" not in text_of(bot.slack.home(SANNE)))
    assert "Bericht 2" in text_of(bot.slack.home(SANNE))


async def test_who_left_the_team_meanwhile_closes_nothing_and_the_list_shows_no_case_of_it(bot: Bot) -> None:
    await second_team(bot)
    await written(bot, 1)
    view = await opens(bot, SANNE)
    [listed] = bot.slack.ephemerals(SANNE, CHANNEL)
    await bot.slack.leave(SANNE, CHANNEL)
    await mention(bot, 2, "Mijn BSN is 123456782", private=True)
    assert "ander team" in text_of(await closes(bot, SANNE, view, 1))
    [shown] = await bot.slack.wait_for(
        lambda: "geen rol meer" in text_of((own := bot.slack.ephemerals(SANNE, CHANNEL))[0]) and own
    )
    assert shown["ts"] == listed["ts"]
    assert "Burger" not in json.dumps(shown) and "123456782" not in json.dumps(shown)
    assert await statuses(bot) == [Status.NEW] * 2


async def test_a_search_that_found_only_what_has_ended_offers_to_close_nothing(bot: Bot) -> None:
    case_id = await mention(bot, text="Wanneer komt de veegwagen?")
    listed = "/webcare zoek veegwagen"
    await asked(bot, SANNE, listed)
    assert "list:close" in action_ids(bot.slack.ephemerals(SANNE)[-1])
    async with bot.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    assert "afgesloten" in await asked(bot, SANNE, listed)
    assert "list:close" not in action_ids(bot.slack.ephemerals(SANNE)[-1])


@pytest.mark.parametrize(("on_home", "turns"), [(False, 10), (True, 6)], ids=["a list", "the Home"])
async def test_the_cases_of_the_page_that_was_read_can_be_chosen_however_long_the_list_is(
    bot: Bot, on_home: bool, turns: int
) -> None:
    posts = [Post(f"p{n}", Author(f"a{n}", f"Burger {n}"), f"Vraag {n}", bot.desk.now()) for n in range(130)]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())
    if on_home:
        await bot.slack.open_home(SANNE)
        await home(bot, SANNE, "(130)")
        await bot.slack.click_in_view(SANNE, "list:which", Filter(Which.UNOWNED).to_text())
    else:
        assert (await bot.slack.command(SANNE, CHANNEL, "/webcare open")).ok
    pages = 9 if on_home else 13

    def page(number: int) -> dict[str, Any] | None:
        shown = bot.slack.home(SANNE) if on_home else next(iter(bot.slack.ephemerals(SANNE)), None)
        return shown if shown and f"pagina {number} van {pages}" in text_of(shown) else None

    for number in range(1, turns + 1):
        shown = await bot.slack.wait_for(functools.partial(page, number))
        await (
            bot.slack.click_in_view(SANNE, "list:on")
            if on_home
            else bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:on")
        )
    shown = await bot.slack.wait_for(functools.partial(page, turns + 1))
    read = {int(number) for number in re.findall(r"Vraag (\d+)", text_of(shown))}
    await (
        bot.slack.click_in_view(SANNE, "list:close")
        if on_home
        else bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:close")
    )
    view = await open_modal(bot, SANNE, "case:close_many")
    offered = {int(number) for number in re.findall(r"Vraag (\d+)", json.dumps(view["blocks"]))}
    assert len(read) == (15 if on_home else 10)
    assert offered >= read
