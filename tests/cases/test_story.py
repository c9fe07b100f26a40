"""The main job, end to end: a citizen posts, the team answers in Slack, the citizen reads the reply."""

import json

import pytest

from bot.domain.case import CloseReason, Status
from bot.models import Escalation, Event, Mention, Note, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import redaction
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, open_modal, square_texts


async def test_a_citizen_posts_and_reads_the_answer(bot: Bot) -> None:
    bot.citizen_posts("Wanneer wordt de grijze container geleegd?")
    card = await bot.card("grijze container", "Nieuw")
    assert action_ids(card)[:3] == ["case:claim", "case:answer", "case:escalate"]

    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
    await bot.card("grijze container", "In behandeling", SANNE)

    await answer(bot, SANNE, card, "Donderdag, Fatima!")
    await bot.slack.wait_for(lambda: square_texts(bot))
    assert square_texts(bot) == ["Donderdag, Fatima! ^SB"]
    await bot.card("*Beantwoord*", "Donderdag, Fatima! ^SB")
    assert (await bot.case()).status is Status.ANSWERED
    assert [r.status for r in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_the_next_posts_join_the_case_and_reopen_it_but_thanks_do_not(bot: Bot) -> None:
    first = bot.citizen_posts("Wat kost een rijbewijs?")
    card = await bot.card("rijbewijs")
    await answer(bot, SANNE, card, "€ 52,10")
    await bot.card("*Beantwoord*")
    bot.citizen_posts("Bedankt! 👍", in_reply_to=first["id"])
    await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert (await bot.case()).status is Status.ANSWERED
    bot.citizen_posts("En met spoed?", in_reply_to=first["id"])
    await bot.card("En met spoed?", "Nieuw")
    assert len(bot.cards()) == 1
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.NEW, None)


@pytest.mark.parametrize("minutes", [59, 61])
async def test_what_reopens_a_case_whose_card_is_out_of_sight_is_shown_in_the_channel_too(
    bot: Bot, minutes: int
) -> None:
    first = bot.citizen_posts("Wat kost een rijbewijs?")
    card = await bot.card("rijbewijs")
    await answer(bot, SANNE, card, "€ 52,10")
    await bot.card("*Beantwoord*")

    async def writes(words: str) -> str:
        """Which of its words are seen in the channel, and how many messages the thread has."""
        before = len(bot.slack.thread(CHANNEL, card["ts"]))
        bot.citizen_posts(words, in_reply_to=first["id"])
        await bot.slack.wait_for(lambda: len(bot.slack.thread(CHANNEL, card["ts"])) > before)
        return bot.slack.thread(CHANNEL, card["ts"])[-1].get("subtype", "")

    bot.clock.advance(minutes=minutes)
    assert await writes("Bedankt!") == ""
    assert await writes("En met spoed?") == ("thread_broadcast" if minutes > 60 else "")
    assert await writes("Of is dat duurder?") == ""
    await bot.card("Of is dat duurder?", "Nieuw")
    assert len(bot.cards()) == 1


async def test_what_answers_our_question_hours_later_is_shown_in_the_channel_too(bot: Bot) -> None:
    first = bot.citizen_posts("Mijn container is niet geleegd")
    card = await bot.card("container")
    await answer(bot, SANNE, card, "In welke straat?", answer_kind="question")
    await bot.card("container", "Wacht op de burger")
    bot.clock.advance(hours=2)
    bot.citizen_posts("Ok", in_reply_to=first["id"])
    [said] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"])[-1:])
    assert said["subtype"] == "thread_broadcast"
    assert "schreef opnieuw" in said["text"] and "Ok" in said["text"]


async def test_an_edit_that_reopens_a_case_hours_later_is_shown_in_the_channel_and_its_removal_too(bot: Bot) -> None:
    first = bot.citizen_posts("Wat kost een rijbewijs?")
    card = await bot.card("rijbewijs")
    await answer(bot, SANNE, card, "€ 52,10")
    await bot.card("*Beantwoord*")
    bot.clock.advance(hours=2)
    bot.slack.square.edit(first["id"], "Wat kost een paspoort?")
    [said] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"])[-1:])
    assert said["subtype"] == "thread_broadcast" and "paspoort" in text_of(said)
    bot.slack.square.delete(first["id"])
    await bot.card("verwijderd")
    bot.clock.advance(days=31)
    await redaction.redact(bot.desk)
    await bot.slack.wait_for(lambda: "paspoort" not in json.dumps(bot.slack.messages(CHANNEL)))


async def test_sarcasm_is_no_thanks_and_reopens_the_case(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    first = bot.citizen_posts("Wat kost een rijbewijs?")
    await answer(bot, SANNE, await bot.card("rijbewijs"), "€ 52,10")
    await bot.card("*Beantwoord*")
    bot.citizen_posts("Super hulp", in_reply_to=first["id"])
    await bot.card("Super hulp", "Nieuw")
    assert (await bot.case()).status is Status.NEW


async def test_escalating_asks_a_colleague_whose_advice_reaches_the_owner(bot: Bot) -> None:
    bot.citizen_posts("Mag ik hier een boom kappen?")
    card = await bot.card("boom")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    ack = await bot.slack.submit(
        SANNE, {"escalate_colleague": MARIEKE, "escalate_question": "Weet jij dit?", "escalate_urgency": "urgent"}
    )
    assert ack.ok and not ack.errors, ack
    await bot.card("Geëscaleerd", MARIEKE)
    asked = await bot.slack.wait_for(lambda: bot.slack.direct(MARIEKE))
    [told] = await bot.slack.wait_for(lambda: bot.slack.thread(CHANNEL, card["ts"]))
    assert "Weet jij dit?" in text_of(told), "the thread says what was asked"
    assert MARIEKE not in str(told), "who was asked reads it where they were asked, once"
    assert "Weet jij dit?" in text_of(asked[0])
    assert "boom kappen" in text_of(asked[0])
    await bot.slack.click(MARIEKE, bot.direct_channel(MARIEKE), asked[0]["ts"], "case:advise")
    await open_modal(bot, MARIEKE, "case:advise")
    await bot.slack.submit(MARIEKE, {"advice_text": "Alleen met vergunning."})
    thread = await bot.slack.wait_for(
        lambda: [m for m in bot.slack.thread(CHANNEL, card["ts"]) if "vergunning" in text_of(m)]
    )
    assert f"<@{SANNE}>" in text_of(thread[0])
    case = await bot.case()
    assert (case.status, case.assignee) == (Status.CLAIMED, SANNE)
    assert (await bot.rows(Escalation))[0].advised_by == MARIEKE
    await bot.slack.wait_for(lambda: "case:advise" not in action_ids(bot.slack.direct(MARIEKE)[0]))
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    assert "Alleen met vergunning." in text_of(await open_modal(bot, SANNE, "case:answer"))


async def test_an_open_question_stands_in_the_answer_modal(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mag ik hier een boom kappen?")
    card = await bot.card("boom")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:escalate")
    await open_modal(bot, SANNE, "case:escalate")
    await bot.slack.submit(SANNE, {"escalate_colleague": MARIEKE, "escalate_question": "Weet jij dit?"})
    await bot.card("Geëscaleerd", MARIEKE)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    shown = text_of(await open_modal(bot, SANNE, "case:answer"))
    assert "Weet jij dit?" in shown and f"<@{MARIEKE}>" in shown


async def test_closing_needs_a_reason_and_leaves_a_short_card_that_can_be_reopened(bot: Bot) -> None:
    bot.citizen_posts("KOOP NU GOEDKOPE SCHOENEN")
    card = await bot.card("SCHOENEN")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, YOUSSEF, "case:close")
    ack = await bot.slack.submit(YOUSSEF, {"close_reason": "other"})
    assert list(ack.errors) == ["close_text"]
    await bot.slack.submit(YOUSSEF, {"close_reason": "spam"})
    closed = await bot.card("Afgesloten", "spam")
    assert action_ids(closed) == ["case:more"] and len(closed["blocks"]) == 1, "two lines and a menu"
    assert (await bot.case()).close_reason == CloseReason.SPAM
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "reopen:1")
    await bot.card("In behandeling", YOUSSEF)
    assert [e.kind for e in await bot.rows(Event) if e.by == YOUSSEF] == ["close", "reopen"]


async def test_replies_in_the_thread_are_notes_and_stay_inside(bot: Bot) -> None:
    bot.citizen_posts("De lantaarn is stuk")
    card = await bot.card("lantaarn")
    await bot.slack.post(SANNE, CHANNEL, "Zal ik dit bij Openbare Werken neerleggen?", thread_ts=card["ts"])
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="note:1")
    await open_modal(bot, SANNE, "case:note")
    await bot.slack.submit(SANNE, {"note_text": "Gebeld met de wijkbeheerder."})

    async def both_kept() -> bool:
        return len(await bot.rows(Note)) == 2

    await eventually(both_kept)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "details:1")
    details = await bot.slack.wait_for(
        lambda: (view := bot.slack.view(SANNE)) and "Gebeld met" in json.dumps(view) and view
    )
    assert "Openbare Werken" in text_of(details)
    assert square_texts(bot) == []


async def test_an_edit_and_a_removal_by_the_citizen_show_on_the_card(bot: Bot) -> None:
    post = bot.citizen_posts("De brug is dicht")
    await bot.card("De brug is dicht")
    bot.slack.square.edit(post["id"], "De brug is weer open")
    await bot.card("De brug is weer open", "bewerkt")
    assert (await bot.rows(Mention))[0].earlier_text == "De brug is dicht"
    bot.slack.square.delete(post["id"])
    await bot.card("verwijderd")
