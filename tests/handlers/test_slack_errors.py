"""When Slack refuses or does not answer, the agent reads what failed, whether it was done, and what to do."""

import json
from typing import Any

import pytest

from bot.domain.case import Status
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import text_of
from bot.texts import Texts
from bot.views.slack_error import WORDS, words_of
from tests.conftest import CHANNEL, SANNE, Bot, running_bot
from tests.people import mention, open_modal

T = Texts("nl", "Europe/Amsterdam")


async def told(bot: Bot, *words: str) -> str:
    """Wait until Sanne alone was told this, in the channel or in her direct messages."""

    def found() -> str:
        shown = [*bot.slack.ephemerals(SANNE, CHANNEL), *bot.slack.direct(SANNE)]
        return next((text for text in map(text_of, shown) if all(word in text for word in words)), "")

    return await bot.slack.wait_for(found)


async def list_to_share(bot: Bot) -> dict[str, Any]:
    assert (await bot.slack.command(SANNE, CHANNEL, "/webcare open")).ok
    shown: dict[str, Any] = await bot.slack.wait_for(lambda: next(iter(bot.slack.ephemerals(SANNE, CHANNEL)), None))
    return shown


@pytest.mark.parametrize("error", sorted(set(WORDS) - {"ratelimited", "unreachable"}))
async def test_each_error_of_slack_has_its_words_and_stands_in_the_reference(
    sqlite_bot: Bot, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = sqlite_bot
    await mention(bot)
    shown = await list_to_share(bot)
    bot.slack.faults.error("chat.postMessage", error)
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:share")
    text = await told(bot, T(words_of(error)))
    assert f" {error})" in text
    assert "slack='chat.postMessage: " in capsys.readouterr().out


async def test_an_error_without_words_of_its_own_says_to_look_first(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    shown = await list_to_share(bot)
    bot.slack.faults.error("chat.postMessage", "some_new_error")
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:share")
    await told(bot, "niet zeker of het gedaan is", "some_new_error")


async def test_a_window_that_does_not_open_says_that_nothing_was_done(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.error("views.open", "expired_trigger_id")
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    await told(bot, "wachtte te lang op het venster", "Klik nog eens")
    bot.slack.faults.status("views.open", 503)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    await told(bot, "antwoordt nu even niet, dus het is niet gedaan", "unreachable")
    bot.slack.faults.rate_limit("views.open", 3)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    await told(bot, "neemt nu even niets meer van ons aan", "ratelimited")
    assert (await bot.case()).status is Status.NEW


async def test_of_what_may_have_been_posted_it_is_said_that_one_must_look(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    shown = await list_to_share(bot)
    bot.slack.faults.drop_after("chat.postMessage")
    await bot.slack.click(SANNE, CHANNEL, shown["ts"], "list:share")
    await told(bot, "misschien is het wel geplaatst en misschien niet")


async def test_a_window_closed_while_it_loaded_is_no_fault(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.error("views.update", "not_found")
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "details:1")
    assert bot.slack.ephemerals(SANNE) == []


# --- Telling cannot fail unheard -------------------------------------------------------------------


async def test_who_cannot_be_told_in_the_channel_is_told_directly(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.error("views.open", "expired_trigger_id")
    bot.slack.faults.error("chat.postEphemeral", "user_not_in_channel")
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    await bot.slack.wait_for(lambda: any("te lang op het venster" in text_of(each) for each in bot.slack.direct(SANNE)))


async def test_who_cannot_be_told_at_all_stands_in_the_log_with_slacks_error(
    sqlite_bot: Bot, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.error("views.open", "expired_trigger_id")
    bot.slack.faults.error("chat.postEphemeral", "is_archived")
    bot.slack.faults.error("chat.postMessage", "messages_tab_disabled")
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    logged = capsys.readouterr().out
    assert "an agent was not told" in logged
    assert "slack='chat.postMessage: messages_tab_disabled'" in logged


async def test_a_command_whose_response_url_is_gone_is_answered_all_the_same(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.rules.response_url_uses = 0
    await bot.slack.command(SANNE, CHANNEL, "/webcare open")
    await told(bot, "Er wacht 1 zaak")
    bot.slack.faults.error("chat.postEphemeral", "channel_not_found")
    await bot.slack.command(SANNE, CHANNEL, "/webcare digest")
    await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))


async def test_a_first_answer_needs_no_name_from_slack(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    bot.slack.faults.error("users.info", "user_not_found", times=9)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "initials" in json.dumps(view)


# --- What we no longer know ------------------------------------------------------------------------


async def test_a_button_of_before_an_update_gets_a_kind_word(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    card = bot.cards()[0]
    button = next(b for b in card["blocks"] if b["type"] == "actions")["elements"][0]
    button["action_id"] = "case:of_before"
    assert (await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:of_before")).ok
    await told(bot, "ken ik niet meer", "knoppen op de kaart")
    assert (await bot.case()).status is Status.NEW


async def test_a_window_or_menu_of_before_an_update_keeps_what_was_typed(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await mention(bot)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    view["callback_id"] = "case:of_before"
    ack = await bot.slack.submit(SANNE, {"answer_text": "Getypt", "initials": "SB"})
    assert ack.ok
    assert any("ken ik niet meer" in words for words in ack.errors.values())
    assert bot.slack.view(SANNE) is not None


async def test_shortcuts_and_menus_of_before_an_update_are_answered(sqlite_url: str, slack: Sandbox) -> None:
    async with running_bot(sqlite_url, slack) as bot:
        shortcut = {"type": "shortcut", "callback_id": "of_before", "user": {"id": SANNE}, "trigger_id": "1.2.3"}
        assert (await slack.delivery.deliver(Kind.INTERACTION, {**shortcut, "team": {"id": "T0"}})).ok
        await told(bot, "ken ik niet meer")
        menu = {"type": "block_suggestion", "action_id": "of_before", "value": "x", "user": {"id": SANNE}}
        ack = await slack.delivery.deliver(Kind.INTERACTION, {**menu, "team": {"id": "T0"}})
        assert ack.payload == {"options": []}
