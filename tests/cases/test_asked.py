"""What those who are asked for advice read of a case: nothing private in a channel, and nothing after their turn."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Note, Role
from bot.sandbox.slack.inspection import text_of
from bot.sandbox.slack.workspace import Person, UserGroup
from bot.slack import messages
from jobs import due
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, Bot
from tests.people import (
    BEA,
    BEHEER,
    answer,
    card_in,
    make_role,
    open_modal,
    read,
    reopened,
    second_team,
    sent,
    settings,
)

QUESTION = "Weten jullie dit?"
PRIVATE = "Mijn BSN is 123456782"


async def settled(bot: Bot) -> None:
    """Let Slack have all that is to be shown."""
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def writes(bot: Bot, number: int, words: str, *, private: bool = False) -> None:
    """The same citizen writes on in one conversation."""
    post = Post(
        str(number), Author("a1", "Fatima"), words, bot.desk.now(), conversation="k", private=private,
        permits=permits(Act.ANSWER, Act.ANSWER_PRIVATELY),
    )  # fmt: skip
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await settled(bot)


async def edits(bot: Bot, number: int, words: str) -> None:
    """The citizen edits what they wrote in private."""
    now = bot.desk.now()
    post = Post(
        str(number), Author("a1", "Fatima"), words, now, conversation="k", private=True, edited_at=now,
        permits=permits(Act.ANSWER, Act.ANSWER_PRIVATELY),
    )  # fmt: skip
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=now)
    await settled(bot)


async def asks(bot: Bot, **whom: str) -> dict[str, Any]:
    """Let Sanne ask for advice on the first card; returns the modal with which she does."""
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:escalate")
    view = await open_modal(bot, SANNE, "case:escalate")
    ack = await bot.slack.submit(SANNE, {**whom, "escalate_question": QUESTION})
    assert ack.ok and not ack.errors, ack.errors
    await settled(bot)
    return view


async def modal_of(bot: Bot, person: str, channel: str, message: dict[str, Any]) -> str:
    """What the modal says that asks for the advice."""
    await bot.slack.click(person, channel, message["ts"], "case:advise")
    return read(await open_modal(bot, person, "case:advise"))


async def advises(bot: Bot, person: str, channel: str, message: dict[str, Any]) -> None:
    await modal_of(bot, person, channel, message)
    ack = await bot.slack.submit(person, {"advice_text": "Kamer 3"})
    assert ack.ok and not ack.errors, ack.errors
    await settled(bot)


def to_marieke(bot: Bot) -> str:
    return json.dumps(bot.slack.direct(MARIEKE), ensure_ascii=False)


async def test_a_question_in_a_channel_never_shows_what_the_citizen_writes_in_private_later(bot: Bot) -> None:
    await second_team(bot)
    await writes(bot, 1, "Waar is het loket?")
    assert "In een kanaal, en buiten de organisatie, is niets te zien dat privé is" in read(
        await asks(bot, escalate_group=BEHEER)
    )
    question = await card_in(bot, BEHEER, QUESTION, "loket")
    assert "Privéberichten" not in read(question)
    await writes(bot, 2, PRIVATE, private=True)
    await writes(bot, 3, "Ik hoor het graag")
    question = await card_in(bot, BEHEER, QUESTION, "loket", "Ik hoor het graag")
    assert "Privéberichten worden niet in een kanaal getoond" in read(question)
    assert "Ik hoor het graag" in await modal_of(bot, BEA, BEHEER, question)
    await writes(bot, 4, PRIVATE, private=True)
    assert "Ik hoor het graag" in await modal_of(bot, BEA, BEHEER, question)
    assert "123456782" not in json.dumps([bot.slack.messages(BEHEER), bot.slack.views(BEA)])
    await advises(bot, BEA, BEHEER, question)
    assert "Kamer 3" in read(await card_in(bot, BEHEER, QUESTION))
    await bot.card("123456782")


async def test_who_answers_below_a_question_reads_that_it_does_not_come_with_the_case(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await second_team(bot)
    await writes(bot, 1, "Waar is het loket?")
    await asks(bot, escalate_group=BEHEER)
    question = await card_in(bot, BEHEER, QUESTION, "wat je onder dit bericht schrijft, komt niet bij de zaak")
    assert (await bot.slack.post(BEA, BEHEER, "Kamer 3", thread_ts=question["ts"])).ok
    assert await bot.rows(Note) == [] and (await bot.case()).status is Status.ESCALATED
    await advises(bot, BEA, BEHEER, question)
    assert "komt niet bij de zaak" not in read(await card_in(bot, BEHEER, QUESTION, "Kamer 3"))


async def test_a_question_in_a_channel_does_not_show_our_private_answer(office: Bot) -> None:
    bot = office
    await second_team(bot)
    await writes(bot, 1, "Waar is het loket?")
    await answer(bot, SANNE, bot.cards()[0], "Uw dossier 987654 is zoek", answer_visibility="private")
    await bot.card("*Beantwoord*", "987654")
    await reopened(bot)
    await asks(bot, escalate_group=BEHEER)
    await card_in(bot, BEHEER, QUESTION, "loket", "Privéberichten worden niet in een kanaal getoond")
    assert "987654" not in json.dumps(bot.slack.messages(BEHEER))


async def test_an_adviser_does_not_read_on_after_the_advice(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await writes(bot, 1, "Mijn dossier is kwijt", private=True)
    await asks(bot, escalate_colleague=MARIEKE)
    await writes(bot, 2, "Het is nummer 4711", private=True)
    [question] = bot.slack.direct(MARIEKE)
    assert "dossier" in text_of(question) and "4711" in text_of(question)
    await advises(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    await writes(bot, 3, PRIVATE, private=True)
    assert "Kamer 3" in to_marieke(bot) and "4711" in to_marieke(bot)
    assert "123456782" not in to_marieke(bot)


@pytest.mark.parametrize("ends", ["advised", "closed"])
async def test_an_adviser_does_not_read_what_the_citizen_edits_after_their_turn(office: Bot, ends: str) -> None:
    bot = office
    await writes(bot, 1, "Mijn dossier is kwijt", private=True)
    await asks(bot, escalate_colleague=MARIEKE)
    [question] = bot.slack.direct(MARIEKE)
    if ends == "advised":
        await advises(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    else:
        await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "no_answer:1:1")
        await bot.card("Afgesloten")
    bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await edits(bot, 1, PRIVATE)
    assert "123456782" in json.dumps(bot.cards()) and "dossier" in to_marieke(bot)
    assert "123456782" not in to_marieke(bot)
    if ends == "closed":
        assert "dossier" in await modal_of(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
        assert "123456782" not in json.dumps(bot.slack.views(MARIEKE))


async def test_an_adviser_whom_the_answer_came_before_reads_that_and_does_not_read_on_after_their_time(
    office: Bot,
) -> None:
    bot = office
    await writes(bot, 1, "Mijn dossier is kwijt", private=True)
    await asks(bot, escalate_colleague=MARIEKE)
    assert "ging verder zonder" not in to_marieke(bot)
    await sent(bot, 1)
    await settled(bot)
    [question] = bot.slack.direct(MARIEKE)
    assert "De zaak ging verder zonder dit advies" in read(question)
    assert "De zaak ging verder zonder dit advies" in question["text"]
    bot.clock.at = local("2026-11-20 16:00")  # type: ignore[attr-defined]
    await due.look_after(bot.desk)
    await writes(bot, 2, PRIVATE, private=True)
    assert "dossier" in await modal_of(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    assert "123456782" not in json.dumps([bot.slack.direct(MARIEKE), bot.slack.views(MARIEKE)])
    await advises(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    assert "Kamer 3" in to_marieke(bot) and "ging verder zonder" not in to_marieke(bot)
    assert "123456782" not in to_marieke(bot)


@pytest.mark.parametrize("ends", ["answered", "closed"])
async def test_an_adviser_of_a_case_that_ended_without_advice_does_not_read_on(office: Bot, ends: str) -> None:
    bot = office
    await writes(bot, 1, "Mijn dossier is kwijt", private=True)
    await asks(bot, escalate_colleague=MARIEKE)
    [question] = bot.slack.direct(MARIEKE)
    bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    if ends == "answered":
        await answer(bot, SANNE, bot.cards()[0], "Gevonden!", answer_visibility="private")
        await bot.card("*Beantwoord*")
    else:
        await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "no_answer:1:1")
        await bot.card("Afgesloten")
    await settled(bot)
    assert "ging verder zonder dit advies" in to_marieke(bot)
    bot.clock.at += timedelta(minutes=1)  # type: ignore[attr-defined]
    await writes(bot, 2, "Bedankt!", private=True)
    await writes(bot, 3, PRIVATE, private=True)
    await bot.card("Nieuw", "123456782")
    await settled(bot)
    assert "dossier" in to_marieke(bot)
    assert "123456782" not in to_marieke(bot) and "Bedankt!" not in to_marieke(bot)
    await advises(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    assert "123456782" not in json.dumps([bot.slack.direct(MARIEKE), bot.slack.views(MARIEKE)])


async def test_an_adviser_whose_time_is_over_does_not_read_on_and_may_still_advise(office: Bot) -> None:
    bot = office
    await writes(bot, 1, "Mijn dossier is kwijt", private=True)
    await asks(bot, escalate_colleague=MARIEKE)
    bot.clock.at = local("2026-11-20 16:00")  # type: ignore[attr-defined]
    await due.look_after(bot.desk)
    bot.clock.at += timedelta(minutes=5)  # type: ignore[attr-defined]
    await writes(bot, 2, PRIVATE, private=True)
    [question] = [each for each in bot.slack.direct(MARIEKE) if "vraagt" in text_of(each)]
    assert "dossier" in await modal_of(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    assert "123456782" not in json.dumps(bot.slack.views(MARIEKE))
    await advises(bot, MARIEKE, bot.direct_channel(MARIEKE), question)
    assert "Kamer 3" in to_marieke(bot)
    assert "123456782" not in to_marieke(bot)


@pytest.mark.parametrize(("field", "why"), [("escalate_adviser", "gesloten"), ("escalate_colleague", "app")])
async def test_nobody_is_asked_who_cannot_read_the_question(office: Bot, field: str, why: str) -> None:
    bot = office
    await settings(bot, advisers=[{"title": "Jurist", "target": MARIEKE}])
    await writes(bot, 1, "Waar is het loket?")
    bot.slack.workspace.people[MARIEKE].deleted = True
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    whom = f"0:{MARIEKE}" if field == "escalate_adviser" else bot.slack.app.user_id
    ack = await bot.slack.submit(SANNE, {field: whom, "escalate_question": QUESTION})
    assert list(ack.errors) == [field] and why in ack.errors[field]
    assert (await bot.case()).status is Status.NEW


async def test_while_slack_says_nothing_of_somebody_they_are_asked(office: Bot) -> None:
    bot = office
    await writes(bot, 1, "Waar is het loket?")
    bot.slack.faults.error("users.info", "internal_error")
    await asks(bot, escalate_colleague=MARIEKE)
    assert QUESTION in to_marieke(bot)


GUEST, PARTNER = "U0GAST", "U0PARTNER"


def outsiders(bot: Bot) -> None:
    """A guest, and somebody of an organisation with which we share a channel, are in the workspace."""
    bot.slack.workspace.people[GUEST] = Person(GUEST, "gijs", "Gijs Gast", guest=True)
    bot.slack.workspace.people[PARTNER] = Person(PARTNER, "pia", "Pia Partner", team_id="T0ANDERS")


async def refusal(bot: Bot, **whom: str) -> str:
    """What Sanne reads when she asks somebody who may not be asked."""
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    ack = await bot.slack.submit(SANNE, {**whom, "escalate_question": QUESTION})
    return str(ack.errors)


@pytest.mark.parametrize("who", [GUEST, PARTNER])
async def test_who_is_outside_the_organisation_is_shown_nothing_private(bot: Bot, who: str) -> None:
    outsiders(bot)
    await writes(bot, 1, "Waar is het loket?")
    await asks(bot, escalate_colleague=who)
    await writes(bot, 2, PRIVATE, private=True)
    [question] = bot.slack.direct(who)
    assert "loket" in read(question) and "Privéberichten worden niet buiten de organisatie getoond" in read(question)
    assert "loket" in await modal_of(bot, who, bot.direct_channel(who), question)
    assert "123456782" not in json.dumps([bot.slack.direct(who), bot.slack.views(who)])


@pytest.mark.parametrize("how", ["guest", "partner", "group", "unknown"])
async def test_nobody_outside_the_organisation_is_asked_about_a_private_message(sqlite_bot: Bot, how: str) -> None:
    bot = sqlite_bot
    outsiders(bot)
    await writes(bot, 1, PRIVATE, private=True)
    whom = {"guest": {"escalate_colleague": GUEST}, "partner": {"escalate_colleague": PARTNER}}.get(how)
    if how == "group":
        bot.slack.workspace.usergroups["S0BRAND"] = UserGroup("S0BRAND", "brandweer", "Brandweer", [MARIEKE, GUEST])
        whom = {"escalate_group": "S0BRAND"}
    if how == "unknown":
        bot.slack.workspace.people["U0NIEUW"] = Person("U0NIEUW", "noor", "Noor Nieuw")
        bot.slack.faults.error("users.info", "internal_error", times=2)
    told = await refusal(bot, **(whom or {"escalate_colleague": "U0NIEUW"}))
    assert "gasten en andere organisaties" in told
    await settled(bot)
    assert (await bot.case()).status is Status.NEW
    assert not bot.slack.direct(GUEST) and not bot.slack.direct(PARTNER) and not bot.slack.direct(MARIEKE)


async def test_slack_is_asked_once_who_somebody_is(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    outsiders(bot)
    await writes(bot, 1, "Waar is het loket?")
    await asks(bot, escalate_colleague=GUEST)
    assert [call.method for call in bot.slack.calls() if call.args.get("user") == GUEST] == ["users.info"]


async def test_a_guest_with_a_role_in_the_team_is_asked_as_a_colleague(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    outsiders(bot)
    await make_role(bot, GUEST, Role.READER)
    await writes(bot, 1, PRIVATE, private=True)
    await asks(bot, escalate_colleague=GUEST)
    [question] = bot.slack.direct(GUEST)
    assert "123456782" in read(question)


async def test_a_closed_account_in_a_group_keeps_nobody_from_a_private_message(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.slack.workspace.people["U0WEG"] = Person("U0WEG", "wim", "Wim Weg", deleted=True)
    bot.slack.workspace.people["U0NIEUW"] = Person("U0NIEUW", "noor", "Noor Nieuw")
    bot.slack.workspace.usergroups["S0BRAND"] = UserGroup("S0BRAND", "brandweer", "Brandweer", ["U0NIEUW", "U0WEG"])
    await writes(bot, 1, PRIVATE, private=True)
    await asks(bot, escalate_group="S0BRAND")
    [question] = bot.slack.direct("U0NIEUW")
    assert "123456782" in read(question)
