"""Undo always works until a reply is being sent, whatever became of its case; for one's own, or as a coordinator."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot import cases
from bot.domain.case import CloseReason, Status
from bot.domain.event import EventKind
from bot.domain.text import Refused
from bot.models import Event, Reply, ReplyStatus, Role
from bot.outgoing import outbox, replies
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import answer, make_role, open_modal, square_texts

WORDS = "Dat zit zo."
Step = Callable[[Bot], Awaitable[None]]


async def approved(bot: Bot) -> dict[str, Any]:
    """Sanne's answer goes out within a minute; returns the card."""
    bot.citizen_posts("Klopt dit?")
    card = await bot.card("Klopt dit?", "Nieuw")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "close:1")
    await open_modal(bot, YOUSSEF, "case:close")
    await answer(bot, SANNE, card, WORDS)
    return await bot.card("Klopt dit?", "Wordt zo verstuurd")


async def statuses(bot: Bot) -> list[ReplyStatus]:
    return [reply.status for reply in await bot.rows(Reply)]


async def sent_after_all(bot: Bot) -> list[str]:
    """What the citizen can read once the minute has passed."""
    bot.clock.advance(minutes=2)
    await outbox.drain(bot.desk, "1")
    return square_texts(bot)


async def the_citizen_writes(bot: Bot) -> None:
    bot.citizen_posts("Laat maar, ik zie het al", in_reply_to=bot.slack.square.posts[0]["id"])
    await bot.card("Laat maar", "Nieuw")


async def a_colleague_closes(bot: Bot) -> None:
    """Youssef had the modal open before the answer was approved."""
    await bot.slack.submit(YOUSSEF, {"close_reason": CloseReason.SPAM})
    await bot.card("Klopt dit?", "Afgesloten")


async def a_colleague_takes_it_up(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await cases.reopen(session, 1, by=YOUSSEF, now=bot.desk.now())
    await messages.sync(bot.desk, 1)


async def nothing(bot: Bot) -> None:
    """Let nothing happen meanwhile."""


@pytest.mark.parametrize(
    ("meanwhile", "stands"),
    [
        (nothing, Status.CLAIMED),
        (the_citizen_writes, Status.NEW),
        (a_colleague_closes, Status.CLOSED),
        (a_colleague_takes_it_up, Status.CLAIMED),
    ],
)
async def test_undo_works_within_its_seconds_whatever_happens(slow_bot: Bot, meanwhile: Step, stands: Status) -> None:
    bot = slow_bot
    card = await approved(bot)
    await meanwhile(bot)
    shown = await bot.card("Wordt zo verstuurd")
    assert "case:undo" in action_ids(shown)
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")

    async def withdrawn() -> bool:
        return await statuses(bot) == [ReplyStatus.WITHDRAWN]

    await eventually(withdrawn)
    assert (await bot.case()).status is stands
    await bot.slack.wait_for(lambda: "case:undo" not in action_ids(bot.cards()[0]))
    assert await sent_after_all(bot) == []


@pytest.mark.parametrize("meanwhile", [the_citizen_writes, a_colleague_closes])
async def test_a_reply_that_nobody_takes_back_goes_out_and_the_card_says_so_meanwhile(
    slow_bot: Bot, meanwhile: Step
) -> None:
    await approved(slow_bot)
    await meanwhile(slow_bot)
    assert await sent_after_all(slow_bot) == [f"{WORDS} ^SB"]
    if meanwhile is a_colleague_closes:
        await slow_bot.card("Afgesloten", "*Beantwoord*")


async def test_only_its_author_or_a_coordinator_takes_a_reply_back(slow_bot: Bot) -> None:
    bot = slow_bot
    card = await approved(bot)
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:undo")
    told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    assert f"het antwoord van <@{SANNE}>" in text_of(told[-1])
    assert await statuses(bot) == [ReplyStatus.APPROVED]
    await make_role(bot, MARIEKE, Role.COORDINATOR)
    await bot.slack.click(MARIEKE, CHANNEL, card["ts"], "case:undo")
    await bot.card("Klopt dit?", "In behandeling", SANNE)
    assert await statuses(bot) == [ReplyStatus.WITHDRAWN]


async def test_a_button_takes_back_the_reply_that_it_stood_under_and_no_newer_one(slow_bot: Bot) -> None:
    bot = slow_bot
    card = await approved(bot)
    button = next(e for block in card["blocks"] for e in block.get("elements", []) if e.get("action_id") == "case:undo")
    await the_citizen_writes(bot)
    await answer(bot, SANNE, await bot.card("Laat maar", "Nieuw"), "Nog een.")
    await bot.card("Nog een.", "Wordt zo verstuurd")
    async with bot.desk.session() as session:
        case_id, _, reply_id = button["value"].partition(":")
        await replies.withdraw(session, int(case_id), reply_id=int(reply_id), by=SANNE, now=bot.desk.now())
    assert await statuses(bot) == [ReplyStatus.WITHDRAWN, ReplyStatus.APPROVED]
    assert (await bot.case()).status is Status.ANSWERED


async def test_a_second_click_changes_nothing_and_one_that_is_too_late_is_told_so(slow_bot: Bot) -> None:
    bot = slow_bot
    await approved(bot)
    async with bot.desk.session() as session:
        await replies.withdraw(session, 1, reply_id=1, by=SANNE, now=bot.desk.now())
    async with bot.desk.session() as session:
        await replies.withdraw(session, 1, reply_id=1, by=SANNE, now=bot.desk.now())
    assert [event.kind for event in await bot.rows(Event)].count(EventKind.WITHDRAW) == 1
    async with bot.desk.session() as session:
        reply = await session.get_one(Reply, 1)
        reply.status = ReplyStatus.SENDING
        session.add(reply)
    for reply_id in (1, None, 99):
        with pytest.raises(Refused, match="Too late"):
            async with bot.desk.session() as session:
                await replies.withdraw(session, 1, reply_id=reply_id, by=SANNE, now=bot.desk.now())


async def old_button(bot: Bot, person: str, card: dict[str, Any]) -> None:
    """Click the Undo of a card that an earlier version wrote: its value is the case alone."""
    message = next(m for m in bot.slack.messages(CHANNEL) if m["ts"] == card["ts"])
    for block in message["blocks"]:
        for element in block.get("elements", []):
            if element.get("action_id") == "case:undo":
                element["value"] = "1"
    await bot.slack.click(person, CHANNEL, card["ts"], "case:undo", value="1")


async def test_the_button_of_an_earlier_version_takes_back_ones_own_newest_reply(slow_bot: Bot) -> None:
    bot = slow_bot
    card = await approved(bot)
    await old_button(bot, YOUSSEF, card)
    told = await bot.slack.wait_for(lambda: bot.slack.ephemerals(YOUSSEF, CHANNEL))
    assert f"het antwoord van <@{SANNE}>" in text_of(told[-1])
    await old_button(bot, SANNE, card)
    await bot.card("Klopt dit?", "In behandeling", SANNE)
    assert await statuses(bot) == [ReplyStatus.WITHDRAWN]


async def test_a_reply_that_is_refused_after_a_colleague_closed_is_told_with_the_way_on(slow_bot: Bot) -> None:
    bot = slow_bot
    card = await approved(bot)
    await a_colleague_closes(bot)
    bot.slack.faults.status("square.replies", 403)
    assert await sent_after_all(bot) == []
    await bot.card("Afgesloten", "Niet verstuurd")
    told = await bot.slack.wait_for(lambda: [m for m in bot.slack.thread(CHANNEL, card["ts"]) if SANNE in text_of(m)])
    assert "Heropenen" in text_of(told[-1])
