"""What the citizen writes while a colleague answers or closes their case is read first: no modal buries it."""

from typing import Any

from bot.domain.case import Status
from bot.models import Mention, Reply
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, open_modal, settings, square_texts

HELP = "Help! Mijn dochter is net aangereden bij de halte."
WORDS = "Om 10.30 uur."
AGAIN = "De burger schreef intussen opnieuw"


async def opened(bot: Bot, verb: str = "answer") -> dict[str, Any]:
    """A citizen asks something, and Sanne opens the modal to answer or to close."""
    bot.citizen_posts("Wanneer komt de bus?")
    card = await bot.card("Wanneer komt de bus?")
    if verb == "answer":
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    else:
        return await opens_closing(bot)
    return await open_modal(bot, SANNE, "case:answer")


async def opens_closing(bot: Bot) -> dict[str, Any]:
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "close:1")
    return await open_modal(bot, SANNE, "case:close")


async def writes(bot: Bot, text: str, count: int = 2, **more: Any) -> None:
    """The citizen writes below their first post."""
    bot.citizen_posts(text, in_reply_to=bot.slack.square.posts[0]["id"], **more)
    await eventually(lambda: _came_in(bot, count))


async def _came_in(bot: Bot, count: int) -> bool:
    return len(await bot.rows(Mention)) == count


async def submits(bot: Bot, **filled: str) -> dict[str, Any] | None:
    """Sanne sends the modal; returns what she sees then."""
    ack = await bot.slack.submit(SANNE, filled)
    assert ack.ok and not ack.errors, ack
    view: dict[str, Any] | None = bot.slack.view(SANNE)
    return view


def held(view: dict[str, Any], name: str) -> Any:
    """What a field has, as Slack knows it."""
    return next(state[name] for state in view["state"]["values"].values() if name in state)


async def test_an_answer_goes_out_only_once_its_agent_saw_what_the_citizen_added(bot: Bot) -> None:
    await opened(bot)
    await writes(bot, HELP)
    view = await submits(bot, answer_text=WORDS, initials="SB", answer_kind="question")
    assert view is not None and view["callback_id"] == "case:answer"
    assert HELP in text_of(view) and AGAIN in text_of(view)
    assert held(view, "answer_text")["value"] == WORDS
    assert held(view, "initials")["value"] == "SB"
    assert held(view, "answer_kind")["selected_option"]["value"] == "question"
    assert await bot.rows(Reply) == [] and (await bot.case()).status is Status.NEW
    assert await submits(bot) is None
    await bot.slack.wait_for(lambda: square_texts(bot))
    [reply] = await bot.rows(Reply)
    assert reply.mention_id == 2, "it answers what they wrote last"
    assert reply.draft == WORDS


async def test_each_word_that_comes_in_meanwhile_is_read_first(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot)
    await writes(bot, HELP)
    await submits(bot, answer_text=WORDS, initials="SB")
    await writes(bot, "Ze ligt nog op straat!", 3)
    view = await submits(bot)
    assert view is not None and "Ze ligt nog op straat!" in text_of(view)
    assert await submits(bot) is None


async def test_what_a_modal_shows_while_one_types_is_seen_and_it_says_so(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot)
    await writes(bot, HELP)
    await bot.slack.type(SANNE, "answer_text", WORDS)
    view = await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and HELP in text_of(view) and view)
    assert AGAIN in text_of(view)
    assert await submits(bot, initials="SB") is None


async def test_what_the_card_did_not_show_yet_is_read_before_the_case_is_closed_at_once(bot: Bot) -> None:
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!")
    shows_it = bot.slack.faults.hold("chat.update")
    await writes(bot, HELP)
    assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "no_answer:1:1")).ok
    view = await open_modal(bot, SANNE, "case:close")
    assert HELP in text_of(view) and AGAIN in text_of(view)
    assert (await bot.case()).status is Status.NEW
    shows_it.set()
    await bot.card(HELP)
    assert await submits(bot, close_reason="no_answer_needed") is None
    await bot.card("Afgesloten", "geen antwoord nodig")


async def test_the_menu_of_a_case_too_closes_at_once_only_what_it_showed(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await writes(bot, HELP)
    await bot.slack.click_in_view(SANNE, "case:more", value="no_answer:1:1")
    assert HELP in text_of(await open_modal(bot, SANNE, "case:close"))
    assert (await bot.case()).status is Status.NEW


async def test_a_card_of_an_earlier_version_closes_at_once_as_it_did(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!")
    menu = next(block for block in card["blocks"] for each in block.get("elements", []) if each["type"] == "overflow")
    menu["elements"][-1]["options"].append({"text": {"type": "plain_text", "text": "-"}, "value": "no_answer:1"})
    assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "no_answer:1")).ok
    await bot.card("Afgesloten", "geen antwoord nodig")


async def test_mere_thanks_and_what_was_removed_stop_no_answer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot)
    await writes(bot, "Bedankt!")
    await writes(bot, HELP, 3)
    bot.slack.square.delete(bot.slack.square.posts[-1]["id"])
    await bot.card("verwijderd")
    assert await submits(bot, answer_text=WORDS, initials="SB") is None


async def test_a_modal_of_an_older_version_does_not_say_what_it_showed_and_is_sent(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    view = await opened(bot)
    [block] = [each for each in view["blocks"] if each.get("block_id", "").startswith("seen:")]
    block["block_id"] = "x"
    await writes(bot, HELP)
    assert await submits(bot, answer_text=WORDS, initials="SB") is None


async def test_a_case_is_closed_only_once_its_agent_saw_what_the_citizen_added(bot: Bot) -> None:
    await opened(bot, "close")
    await writes(bot, HELP)
    await writes(bot, "Bedankt!", 3)
    view = await submits(bot, close_reason="other", close_text="Al bekend")
    assert view is not None and view["callback_id"] == "case:close"
    assert HELP in text_of(view) and AGAIN in text_of(view)
    assert held(view, "close_reason")["selected_option"]["value"] == "other"
    assert held(view, "close_text")["value"] == "Al bekend"
    assert (await bot.case()).status is Status.NEW
    assert await submits(bot) is None
    case = await bot.case()
    assert (case.status, case.close_text) == (Status.CLOSED, "Al bekend")


async def test_what_is_read_first_is_shown_too_when_the_chosen_reason_was_removed_meanwhile(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await settings(bot, close_reasons=["Dubbel", "Doorgebeld"])
    await opened(bot, "close")
    await settings(bot, close_reasons=["Dubbel"])
    await writes(bot, HELP)
    view = await submits(bot, close_reason="Doorgebeld", close_text="Al bekend")
    assert view is not None and HELP in text_of(view)
    assert held(view, "close_text")["value"] == "Al bekend"
    assert await submits(bot, close_reason="Dubbel") is None
    assert (await bot.case()).close_reason == "Dubbel"


async def youssef_answers(bot: Bot) -> None:
    await answer(bot, YOUSSEF, bot.cards()[0], WORDS)
    await bot.card("*Beantwoord*", WORDS)


async def test_a_case_that_a_colleague_answered_meanwhile_is_closed_only_once_that_was_read(bot: Bot) -> None:
    await opened(bot, "close")
    await youssef_answers(bot)
    view = await submits(bot, close_reason="spam", close_text="Reclame")
    assert view is not None and view["callback_id"] == "case:close"
    assert f"<@{YOUSSEF}> heeft deze burger geantwoord" in text_of(view) and WORDS in text_of(view)
    assert held(view, "close_text")["value"] == "Reclame"
    assert (await bot.case()).status is Status.ANSWERED
    assert await submits(bot) is None
    assert (await bot.case()).status is Status.CLOSED


async def test_a_case_that_a_colleague_answered_meanwhile_is_not_closed_at_once(bot: Bot) -> None:
    bot.citizen_posts("Mooie foto!")
    card = await bot.card("Mooie foto!")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await youssef_answers(bot)
    await bot.slack.click_in_view(SANNE, "case:more", value="no_answer:1:1")
    view = await open_modal(bot, SANNE, "case:close")
    assert WORDS in text_of(view)
    assert (await bot.case()).status is Status.ANSWERED


async def test_a_reopened_case_is_closed_without_a_word_about_the_answer_that_its_card_shows(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot, "close")
    await youssef_answers(bot)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "reopen:1")
    await bot.card("In behandeling", SANNE)
    await opens_closing(bot)
    assert await submits(bot, close_reason="spam") is None
    assert (await bot.case()).status is Status.CLOSED


async def test_mere_thanks_stop_no_closing_and_a_modal_of_an_older_version_neither(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    view = await opened(bot, "close")
    await writes(bot, "Bedankt!")
    assert await submits(bot, close_reason="spam") is None
    await writes(bot, HELP, 3)
    await bot.card("Nieuw")
    view = await opens_closing(bot)
    await writes(bot, "Hallo?", 4)
    view["blocks"][0]["block_id"] = "x"
    assert await submits(bot, close_reason="spam") is None
