"""A draft is all that the agent chose: it comes back after undo, refusal and cancel, and stays private."""

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.mention import Act
from bot.models import Mention, Reply, ReplyKind
from bot.sandbox.slack.inspection import action_ids
from tests.conftest import CHANNEL, SANNE, Bot, eventually
from tests.people import answer, open_modal, settings, square_texts

WORDS = "Dat zit zo."


async def asked(bot: Bot) -> dict[str, Any]:
    """A citizen asks something; returns the card."""
    bot.citizen_posts("Klopt dit?")
    return await bot.card("Klopt dit?", "Nieuw")


async def reopened(bot: Bot) -> dict[str, Any]:
    """Sanne opens the modal again."""
    card = await bot.card("Klopt dit?", "In behandeling")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, SANNE, "case:answer")


async def undone(bot: Bot, **chosen: Any) -> dict[str, Any]:
    """Sanne answers, takes the answer back and opens the modal again."""
    await answer(bot, SANNE, await asked(bot), WORDS, **chosen)
    card = await bot.card("Klopt dit?", WORDS)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    return await reopened(bot)


async def refused(bot: Bot, **chosen: Any) -> dict[str, Any]:
    """Sanne answers, the platform refuses that, and she opens the modal again."""
    card = await asked(bot)
    bot.slack.faults.status("square.replies", 403)
    await answer(bot, SANNE, card, WORDS, **chosen)
    await bot.card("Klopt dit?", WORDS)
    bot.clock.advance(minutes=2)
    bot.desk.wake("outgoing:1")
    card = await bot.card("Klopt dit?", "Niet verstuurd")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, SANNE, "case:answer")


async def cancelled(bot: Bot, **chosen: Any) -> dict[str, Any]:
    """Sanne takes an answer back, opens the modal, cancels, and opens it again."""
    await undone(bot, **chosen)
    await bot.slack.close_view(SANNE)
    return await reopened(bot)


def chosen_in(view: dict[str, Any], name: str) -> str:
    """What a choice of the modal stands at."""
    return str(view["state"]["values"][name][name]["selected_option"]["value"])


def text_in(view: dict[str, Any]) -> str:
    return str(view["state"]["values"]["answer_text"]["answer_text"]["value"])


@pytest.mark.parametrize("comes_back", [undone, refused, cancelled])
async def test_the_whole_draft_comes_back(slow_bot: Bot, comes_back: Any) -> None:
    bot = slow_bot
    await settings(bot, topics=["Afval", "Wegwerk"])
    until = int((bot.desk.now() + timedelta(hours=3)).timestamp())
    chosen = {"answer_visibility": "private", "answer_kind": "interim", "answer_promise": until}
    view = await comes_back(bot, **chosen, answer_topic="is:Wegwerk")
    assert text_in(view) == WORDS
    assert chosen_in(view, "answer_visibility") == "private"
    assert chosen_in(view, "answer_kind") == ReplyKind.INTERIM
    assert view["state"]["values"]["answer_promise"]["answer_promise"]["selected_date_time"] == until
    assert chosen_in(view, "answer_topic") == "is:Wegwerk"
    await bot.slack.submit(SANNE, {})

    async def sent_again() -> bool:
        made = [(r.private, r.kind, r.promised_at and int(r.promised_at.timestamp())) for r in await bot.rows(Reply)]
        return made == [(True, ReplyKind.INTERIM, until)] * 2

    await eventually(sent_again)
    assert square_texts(bot) == []


async def test_a_private_draft_is_not_offered_where_only_a_public_answer_is_possible(slow_bot: Bot) -> None:
    bot = slow_bot
    await undone(bot, answer_visibility="private")
    await bot.slack.close_view(SANNE)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [Act.ANSWER.value]
        session.add(mention)
    view = await reopened(bot)
    assert WORDS not in str(view)
    assert "answer_confirm" in action_ids(view)


async def made_public(bot: Bot) -> dict[str, Any]:
    """Sanne chooses public in the open modal, which then asks her to confirm that."""
    await bot.slack.click_in_view(SANNE, "answer_visibility", "public")
    return await bot.slack.wait_for(
        lambda: (view := bot.slack.view(SANNE)) and "answer_confirm" in action_ids(view) and view
    )


async def test_a_private_draft_becomes_public_only_by_a_choice_that_is_confirmed(slow_bot: Bot) -> None:
    bot = slow_bot
    view = await undone(bot, answer_visibility="private")
    assert "answer_confirm" not in action_ids(view)
    await made_public(bot)
    ack = await bot.slack.submit(SANNE, {})
    assert "answer_confirm" in ack.errors
    await bot.slack.click_in_view(SANNE, "answer_confirm", ["public"])
    await bot.slack.click_in_view(SANNE, "answer_visibility", "private")
    await bot.slack.wait_for(lambda: "answer_confirm" not in action_ids(bot.slack.view(SANNE) or {}))
    view = await made_public(bot)
    assert view["state"]["values"]["answer_confirm"]["answer_confirm"]["selected_options"] == []
    assert text_in(view) == WORDS
    ack = await bot.slack.submit(SANNE, {"answer_confirm": ["public"]})
    assert (ack.ok, ack.errors) == (True, {})
    await bot.card("Klopt dit?", "Wordt zo verstuurd", "🌐 openbaar")
    assert [reply.private for reply in await bot.rows(Reply)] == [True, False]


async def test_public_sent_before_the_modal_asked_to_confirm_it_asks_and_nothing_goes_out(slow_bot: Bot) -> None:
    bot = slow_bot
    view = await undone(bot, answer_visibility="private")
    ack = await bot.slack.submit(SANNE, {"answer_visibility": "public"})
    assert ack.ok
    asking = await bot.slack.wait_for(
        lambda: (shown := bot.slack.view(SANNE)) and "answer_confirm" in action_ids(shown) and shown
    )
    assert text_in(asking) == text_in(view) == WORDS
    assert len(await bot.rows(Reply)) == 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"answer_visibility": "private"}, "🔒 privébericht · antwoord"),
        ({"answer_visibility": "public", "answer_kind": "question"}, "🌐 openbaar · vraag aan de burger"),
        ({"answer_visibility": "public", "answer_kind": "interim"}, "🌐 openbaar · tussenbericht"),
    ],
)
async def test_the_card_says_in_its_last_seconds_who_may_read_it_and_what_it_is(
    slow_bot: Bot, chosen: dict[str, Any], said: str
) -> None:
    if chosen.get("answer_kind") == "interim":
        chosen = {**chosen, "answer_promise": int((slow_bot.desk.now() + timedelta(hours=3)).timestamp())}
    await answer(slow_bot, SANNE, await asked(slow_bot), WORDS, **chosen)
    await slow_bot.card("Wordt zo verstuurd", said)
