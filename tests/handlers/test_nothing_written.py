"""What nobody sees, such as spaces, is nothing: it is no note, no question, no advice and no reason."""

from typing import Any

import pytest

from bot.domain.case import Status
from bot.models import Case, Escalation, Note, Transfer
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import open_modal, second_team

NOTHING = " \n\u200b"
ASKED = {"escalate_colleague": YOUSSEF, "escalate_question": "Mag dit?"}


async def opened(bot: Bot, action: str, callback: str, choice: str | None = None) -> None:
    bot.citizen_posts("Klopt dit?")
    card = await bot.card("Klopt dit?", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], action, choice)
    await open_modal(bot, SANNE, callback)


@pytest.mark.parametrize(
    ("action", "choice", "callback", "filled", "field"),
    [
        ("case:more", "close:1", "case:close", {"close_reason": "other"}, "close_text"),
        ("case:escalate", None, "case:escalate", {"escalate_colleague": YOUSSEF}, "escalate_question"),
    ],
)
async def test_a_form_is_not_sent_with_only_what_nobody_sees(
    sqlite_bot: Bot, action: str, choice: str | None, callback: str, filled: dict[str, Any], field: str
) -> None:
    bot = sqlite_bot
    await opened(bot, action, callback, choice)
    ack = await bot.slack.submit(SANNE, {**filled, field: NOTHING})
    assert ack.errors and set(ack.errors) == {field}
    assert (await bot.case()).status is Status.NEW
    assert await bot.rows(Note) == [] and await bot.rows(Escalation) == []
    assert not (await bot.slack.submit(SANNE, {field: "Vraag de wijk."})).errors


@pytest.mark.parametrize(
    ("verb", "field"), [("note", "note_text"), ("snooze", "snooze_reason"), ("transfer", "transfer_note")]
)
async def test_a_note_says_something_and_so_does_why_a_case_waits_or_goes(
    sqlite_bot: Bot, verb: str, field: str
) -> None:
    bot = sqlite_bot
    await second_team(bot)
    await opened(bot, "case:more", "more", "more:1")
    await bot.slack.click_in_view(SANNE, "case:more", value=f"{verb}:1")
    await open_modal(bot, SANNE, f"case:{verb}")
    filled = {"transfer_to": "2"} if verb == "transfer" else {}
    ack = await bot.slack.submit(SANNE, {**filled, field: NOTHING})
    assert ack.errors and set(ack.errors) == {field}
    assert await bot.rows(Note) == [] and await bot.rows(Transfer) == []


async def test_a_question_goes_on_waiting_for_advice_that_says_something(bot: Bot) -> None:
    await opened(bot, "case:escalate", "case:escalate")
    assert not (await bot.slack.submit(SANNE, ASKED)).errors
    [asked] = await bot.slack.wait_for(lambda: [m for m in bot.slack.direct(YOUSSEF) if "Mag dit?" in text_of(m)])
    await bot.slack.click(YOUSSEF, bot.direct_channel(YOUSSEF), asked["ts"], "case:advise")
    await open_modal(bot, YOUSSEF, "case:advise")
    ack = await bot.slack.submit(YOUSSEF, {"advice_text": NOTHING})
    assert ack.errors and set(ack.errors) == {"advice_text"}
    assert [each.advice for each in await bot.rows(Escalation)] == [None]
    assert not (await bot.slack.submit(YOUSSEF, {"advice_text": "Ja."})).errors
    await eventually(lambda: _is_claimed(bot))


async def _is_claimed(bot: Bot) -> bool:
    return [case.status for case in await bot.rows(Case)] == [Status.CLAIMED]
