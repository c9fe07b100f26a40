"""Faults are normal: the same click twice, twenty at once, Slack down, connections lost, hostile words; same result."""

import asyncio
import json
import logging
from typing import Any

import aiohttp
import pytest
from sqlmodel import select

from bot import cases
from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.text import Refused
from bot.models import Event, Message, Reply, ReplyStatus
from bot.sandbox.slack.delivery import Acknowledgement, Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from jobs import sweep
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, account_of, eventually, rows_with
from tests.people import answer, open_modal, square_texts


async def test_of_twenty_who_claim_at_once_one_has_the_case_and_nineteen_are_told_who(bot: Bot) -> None:
    bot.citizen_posts("Wie pakt dit op?")
    await bot.card("pakt dit op")

    async def one_claims(agent: str) -> str:
        async with bot.desk.session() as session:
            return (await cases.claim(session, 1, by=agent, now=bot.desk.now())).assignee or ""

    agents = [f"U{n:03}" for n in range(20)]
    results = await asyncio.gather(*(one_claims(agent) for agent in agents), return_exceptions=True)
    winners = [r for r in results if isinstance(r, str)]
    refusals = [str(r) for r in results if isinstance(r, Refused)]
    assert len(winners) == 1
    assert refusals == [f"This case is already with <@{winners[0]}>."] * 19
    assert [e.by for e in await bot.rows(Event) if e.kind == "claim"] == winners


async def test_a_click_by_the_second_is_told_who_was_first(bot: Bot) -> None:
    bot.citizen_posts("Wie pakt dit op?")
    card = await bot.card("pakt dit op")
    stale = await recorded_click(bot, YOUSSEF, card, "case:claim")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("In behandeling", SANNE)
    await bot.slack.delivery.deliver(Kind.INTERACTION, stale)
    told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    assert f"<@{SANNE}>" in text_of(told[0])


async def recorded_click(bot: Bot, person: str, card: dict[str, Any], action_id: str) -> dict[str, Any]:
    """The payload of a click as Slack would send it, without sending it."""
    sent: list[dict[str, Any]] = []
    deliver = bot.slack.delivery.deliver

    async def keep(kind: Kind, payload: dict[str, Any], attempt: int = 0, reason: str = "") -> Any:
        sent.append(payload)
        return Acknowledgement(True)

    bot.slack.delivery.deliver = keep  # type: ignore[method-assign]
    try:
        await bot.slack.click(person, CHANNEL, card["ts"], action_id)
    finally:
        bot.slack.delivery.deliver = deliver  # type: ignore[method-assign]
    return sent[0]


async def test_a_click_and_a_submission_delivered_twice_have_one_effect(bot: Bot) -> None:
    bot.citizen_posts("Wanneer is het zwembad open?")
    card = await bot.card("zwembad")
    click = await recorded_click(bot, SANNE, card, "case:claim")
    for _ in range(2):
        await bot.slack.delivery.deliver(Kind.INTERACTION, click)
    await bot.card("In behandeling", SANNE)
    sent: list[dict[str, Any]] = []
    deliver = bot.slack.delivery.deliver

    async def twice(kind: Kind, payload: dict[str, Any], attempt: int = 0, reason: str = "") -> Any:
        if payload.get("type") == "view_submission":
            sent.append(payload)
            await deliver(kind, payload)
        return await deliver(kind, payload, attempt, reason)

    bot.slack.delivery.deliver = twice  # type: ignore[method-assign]
    await answer(bot, SANNE, card, "Om negen uur")
    await bot.card("*Beantwoord*")
    assert len(sent) == 1
    assert square_texts(bot) == ["Om negen uur ^SB"]
    assert [e.kind for e in await bot.rows(Event)].count("answer") == 1
    assert [e.kind for e in await bot.rows(Event)].count("claim") == 1
    assert bot.slack.ephemerals(SANNE) == []


async def test_after_a_minute_without_slack_every_card_is_level(bot: Bot) -> None:
    bot.citizen_posts("Eerste vraag")
    card = await bot.card("Eerste vraag")
    bot.clock.stop()
    bot.slack.faults.down = True
    bot.citizen_posts("Tweede vraag", name="Kees")
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable"))
    bot.clock.advance(minutes=1)
    bot.slack.faults.clear()
    await sweep(bot.desk)
    await bot.card("Eerste vraag", "In behandeling", SANNE)
    await bot.card("Tweede vraag", "Nieuw")
    assert len(bot.cards()) == 2
    assert card["ts"] == bot.cards()[0]["ts"]


async def test_a_card_whose_connection_dropped_after_slack_took_it_is_found_again_not_posted_twice(bot: Bot) -> None:
    bot.clock.stop()
    bot.slack.faults.drop_after("chat.postMessage")
    bot.citizen_posts("Komt dit twee keer?")
    await bot.card("twee keer")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem == "unreachable"))
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    await eventually(lambda: rows_with(bot, Message, lambda m: m.shown_version >= m.version))
    assert len(bot.cards()) == 1
    assert len(bot.slack.calls("chat.postMessage")) == 1


async def test_a_writer_that_died_while_posting_leaves_one_card(bot: Bot) -> None:
    """The lease of a crashed process runs out; the next writer looks first and then posts once."""
    bot.slack.faults.down = True
    bot.citizen_posts("Half geplaatst")
    await eventually(lambda: rows_with(bot, Message, lambda m: m.problem))
    async with bot.desk.session() as session:
        message = (await session.exec(select(Message))).one()
        message.posting_since = message.leased_until = bot.desk.now()
        session.add(message)
    bot.slack.faults.clear()
    bot.clock.advance(minutes=2)
    await sweep(bot.desk)
    await bot.card("Half geplaatst")
    assert len(bot.cards()) == 1
    assert bot.slack.calls("conversations.history")


async def test_slack_asking_to_wait_delays_a_card_and_loses_none(bot: Bot) -> None:
    bot.slack.faults.rate_limit("chat.postMessage", 30, times=2)
    for n in range(5):
        bot.citizen_posts(f"Vraag nummer {n}", name=f"Burger{n}")
    for _ in range(4):
        await eventually(lambda: rows_with(bot, Message, lambda m: True))
        bot.clock.advance(seconds=31)
        await sweep(bot.desk)
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    for n in range(5):
        await bot.card(f"Vraag nummer {n}")
    assert len(bot.cards()) == 5


async def test_a_card_that_someone_deleted_comes_back_while_the_case_waits(bot: Bot) -> None:
    bot.citizen_posts("Weggegooid")
    card = await bot.card("Weggegooid")
    await bot.slack.delete(CHANNEL, card["ts"])
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    await sweep(bot.desk)
    await bot.card("Weggegooid", "In behandeling")


async def test_the_card_of_an_earlier_app_which_cannot_be_changed_is_posted_again_while_the_case_waits(
    bot: Bot,
) -> None:
    """Nobody can use its buttons either: Slack sends their clicks to that app."""
    bot.citizen_posts("Van de vorige app")
    card = await bot.card("Van de vorige app")
    bot.slack.workspace.messages[CHANNEL][card["ts"]]["bot_id"] = "B0EARLIER"
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    await sweep(bot.desk)
    anew = await bot.card("Van de vorige app", "In behandeling")
    assert anew["ts"] != card["ts"]


HOSTILE = {
    "a call to everyone": "<!channel> <!here> <@U0SANNE> <https://kwaad.example|klik>",
    "20,000 characters": "Lang verhaal. " * 1500,
    "right-to-left marks": "\u202egnikrew\u202c \u2067abc\u2069 عربى 123",
    "60 emoji": "👩🏽‍🚒🏳️‍🌈👨‍👩‍👧‍👦" * 20,
    "raw HTML": "<script>alert(1)</script><b>vet</b>&amp;&lt;",
    "markup": "*vet* _schuin_ ~door~ `code` ```blok``` > citaat\n• lijst :fire:",
    "nothing to see": "\u200b\u200b",
    "zalgo": "Z̸̡̢̛̗̬̱̘̲͚̙̻͑̀̈́̏͌̕͠a̶̧̛̯̱̗̣̐̽̈́̚͝l̶̨̢̛̯̹̘͋g̵o" * 50,
}


async def posted(bot: Bot, text: str, *, name: str = "Fatima") -> dict[str, Any]:
    """Take in a post as some platform may send it (the square itself is stricter), and return its card."""
    post = Post("1", Author("1", name, name), text, bot.desk.now(), permits=permits(Act.ANSWER))
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(bot.cards)
    return bot.cards()[0]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_words_give_a_valid_card_that_pings_nobody(
    sqlite_bot: Bot, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    bot = sqlite_bot
    card = await posted(bot, text, name="Bobby <!here> *Tables*")
    shown = json.dumps([card["text"], [b for b in card["blocks"] if b["type"] != "rich_text"]])
    assert "<!" not in shown
    assert f"<@{SANNE}>" not in shown
    assert len(json.dumps(card["blocks"], ensure_ascii=False)) < 13_200
    assert bot.slack.calls("chat.postMessage")[0].answer["ok"]
    assert "Tables" not in caplog.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_words_pass_through_every_modal(sqlite_bot: Bot, text: str) -> None:
    bot = sqlite_bot
    card = await posted(bot, text)
    for option, callback in (("close:1", "case:close"), ("assign:1", "case:assign"), ("note:1", "case:note")):
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
        await open_modal(bot, SANNE, "more")
        await bot.slack.click_in_view(SANNE, "case:more", value=option)
        await open_modal(bot, SANNE, callback)
        await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.type(SANNE, "answer_text", text[:2500])
    await bot.slack.wait_for(lambda: bot.slack.calls("views.update")[-1].answer["ok"])


async def test_a_lost_connection_while_sending_ends_in_one_reply(bot: Bot) -> None:
    """The square took the reply, its answer was lost; the bot asks again with the same key and gets the same post."""
    bot.citizen_posts("Is dit gelukt?")
    card = await bot.card("gelukt")
    bot.slack.faults.drop_after("square.replies")
    await answer(bot, SANNE, card, "Jazeker")
    await bot.card("Wordt verstuurd", "nog niet zeker")
    bot.clock.advance(minutes=2)
    await sweep(bot.desk)
    await bot.card("*Beantwoord*")
    assert square_texts(bot) == ["Jazeker ^SB"]


async def test_a_reply_with_an_unknowable_outcome_is_asked_about_in_slack(bot: Bot) -> None:
    bot.citizen_posts("En nu?")
    card = await bot.card("En nu?")
    bot.slack.faults.drop_after("square.replies")
    await answer(bot, SANNE, card, "We zoeken het uit")
    await bot.card("nog niet zeker")
    bot.clock.advance(days=2)  # longer than the other side recognises the key
    await sweep(bot.desk)
    asked = await bot.card("Misschien verstuurd")
    assert action_ids(asked) == ["case:open", "case:settle_sent", "case:settle_absent"]
    await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert (await bot.case()).status is Status.CLAIMED
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:settle_sent")
    await bot.card("*Beantwoord*")
    assert square_texts(bot) == ["We zoeken het uit ^SB"]
    assert [r.status for r in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_a_refused_reply_goes_back_to_its_agent_with_the_draft(bot: Bot) -> None:
    bot.citizen_posts("Mag dit?")
    card = await bot.card("Mag dit?")
    bot.slack.faults.status("square.replies", 403)
    await answer(bot, SANNE, card, "Dat mag")
    await bot.card("Niet verstuurd", SANNE)
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.CLAIMED, SANNE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "Dat mag" in json.dumps(view["blocks"])


async def test_an_account_whose_token_was_withdrawn_stops_and_the_team_hears_of_it_once(bot: Bot) -> None:
    bot.citizen_posts("Hallo?")
    card = await bot.card("Hallo?")
    bot.slack.faults.status("square.replies", 401)
    await answer(bot, SANNE, card, "Hallo!")
    told = await bot.card("plein", "gestopt", "Nieuwe berichten komen nog wel binnen", "accounts renew")
    assert "geen nieuwe berichten" not in text_of(told).lower()
    assert (await account_of(bot)).stopped_at is not None
    await bot.card("Hallo?", "Wacht op verzending")
    bot.citizen_posts("En nu?")
    await bot.card("En nu?", "Nieuw")
    await sweep(bot.desk)
    async with bot.desk.session() as session:
        account = await session.get_one(type(await account_of(bot)), 1)
        account.stopped_at = account.problem = None
        session.add(account)
    await sweep(bot.desk)
    await bot.card("Hallo?", "*Beantwoord*")
    assert square_texts(bot) == ["Hallo! ^SB"]


async def test_an_answer_can_be_taken_back_within_its_seconds(bot: Bot) -> None:
    object.__setattr__(bot.desk.settings, "undo_seconds", 10)
    bot.citizen_posts("Snel antwoord?")
    card = await bot.card("Snel antwoord?")
    await answer(bot, SANNE, card, "Oeps, verkeerd")
    await bot.card("Wordt zo verstuurd", "Ongedaan maken")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.card("In behandeling", SANNE)
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert square_texts(bot) == []


async def test_an_answer_is_refused_when_the_case_moved_on_and_the_draft_stays(bot: Bot) -> None:
    bot.citizen_posts("Wie antwoordt?")
    card = await bot.card("Wie antwoordt?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    async with bot.desk.session() as session:
        await cases.take_over(session, 1, owner=SANNE, by=YOUSSEF, now=bot.desk.now())
    ack = await bot.slack.submit(SANNE, {"answer_text": "Ik dus", "initials": "SB"})
    assert ack.ok and not ack.errors
    assert f"<@{YOUSSEF}>" in text_of(await open_modal(bot, SANNE, "case:take_over"))
    [view] = [each for each in bot.slack.views(SANNE) if each["callback_id"] == "case:answer"]
    assert view["state"]["values"]["answer_text"]["answer_text"]["value"] == "Ik dus"
    assert square_texts(bot) == []


async def test_a_badly_signed_request_is_refused_without_a_word_of_it_in_the_log(
    sqlite_bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    bot = sqlite_bot
    caplog.set_level(logging.DEBUG)
    url = f"{bot.url}/in/plein"
    async with aiohttp.ClientSession() as session, session.post(url, data=b'{"id":"1","text":"GEHEIM"}') as answer:
        assert answer.status == 401
    assert "GEHEIM" not in caplog.text
