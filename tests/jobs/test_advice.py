"""Questions to advisers: they are asked again in opening hours, and in the end the case is with its owner again."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlmodel import select

from bot import cases
from bot.domain.case import Status, Urgency
from bot.models import Case, Escalation, Message, MessageKind, Reminder, ReminderKind, ReplyKind
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from jobs import due
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually
from tests.people import home, mention, open_modal, second_team, sent, settings


async def escalated(bot: Bot, *places: str, target: str = YOUSSEF, submission: str = "v") -> int:
    """Let Sanne ask for advice on a case that came in an hour ago: three of its four hours are left."""
    case_id = await mention(bot) if not await bot.rows(Case) else 1
    bot.clock.at = local("2026-11-20 11:00")  # type: ignore[attr-defined]
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        await cases.escalate(
            session, case_id, by=SANNE, now=bot.desk.now(), target=target, channels=[*(places or [target])],
            question="Weet jij dit?", urgency=Urgency.NORMAL, submission=submission,
        )  # fmt: skip
    await messages.wake_lanes(bot.desk)
    return case_id


async def chased(bot: Bot, moment: str) -> list[int]:
    """Let the minute's job run at a moment, and return the percentages of the questions that it asked again."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    await due.look_after(bot.desk)
    rows = [each for each in await bot.rows(Reminder) if each.kind is ReminderKind.ADVICE]
    return [each.percent for each in rows if each.told_at == bot.desk.now()]


def to_youssef(bot: Bot, *words: str) -> list[dict]:
    return [m for m in bot.slack.direct(YOUSSEF) if all(word in text_of(m) for word in words)]


async def advise(bot: Bot, message: dict) -> None:
    """Let Youssef give advice with the button of a message."""
    await bot.slack.click(YOUSSEF, bot.direct_channel(YOUSSEF), message["ts"], "case:advise")
    await open_modal(bot, YOUSSEF, "case:advise")
    ack = await bot.slack.submit(YOUSSEF, {"advice_text": "Morgen."})
    assert ack.ok and not ack.errors


async def test_an_adviser_is_asked_again_at_half_of_what_is_left_and_answers_with_that_message(office: Bot) -> None:
    case_id = await escalated(office)
    assert await chased(office, "2026-11-20 12:29") == []
    assert await chased(office, "2026-11-20 12:30") == [50]
    assert await chased(office, "2026-11-20 12:31") == []
    [again] = await office.slack.wait_for(lambda: to_youssef(office, "wacht nog op advies"))
    assert "Weet jij dit?" in text_of(again)
    await advise(office, again)
    await office.slack.wait_for(lambda: to_youssef(office, "Advies van"))
    await office.slack.wait_for(lambda: to_youssef(office, "Hier wacht niets meer", "Gedaan: "))
    assert to_youssef(office, "wacht nog") == []
    assert (await office.case(case_id)).status is Status.CLAIMED
    assert await chased(office, "2026-11-20 14:00") == []


async def test_without_advice_the_owner_has_the_case_again_and_late_advice_is_still_shown(office: Bot) -> None:
    case_id = await escalated(office)
    await chased(office, "2026-11-20 12:30")
    assert await chased(office, "2026-11-20 13:59") == []
    assert await chased(office, "2026-11-20 14:00") == [100]
    case = await office.case(case_id)
    assert (case.status, case.assignee) == (Status.CLAIMED, SANNE)
    card = await office.card("Wanneer?", "In behandeling", "Te laat")
    [told] = await office.slack.wait_for(
        lambda: [m for m in office.slack.thread(CHANNEL, card["ts"]) if "niet op tijd advies" in text_of(m)]
    )
    assert f"<@{SANNE}>" in text_of(told)
    assert await chased(office, "2026-11-20 16:00") == []
    [last] = await office.slack.wait_for(lambda: to_youssef(office, "gaat nu verder"))
    await advise(office, last)
    await office.slack.wait_for(
        lambda: [m for m in office.slack.thread(CHANNEL, card["ts"]) if "Morgen." in text_of(m)]
    )
    assert (await office.case(case_id)).status is Status.CLAIMED


async def test_after_downtime_an_adviser_is_asked_once(office: Bot) -> None:
    await escalated(office)
    assert await chased(office, "2026-11-20 16:00") == [100]
    assert await chased(office, "2026-11-20 16:01") == []


async def test_an_adviser_is_left_alone_outside_opening_hours(office: Bot) -> None:
    await escalated(office)
    assert await chased(office, "2026-11-20 23:00") == []
    assert await chased(office, "2026-11-22 12:00") == []
    assert await chased(office, "2026-11-23 09:00") == [100]


async def test_everyone_in_a_group_is_asked_again_and_processes_do_so_once(office: Bot) -> None:
    await escalated(office, YOUSSEF, MARIEKE, target="S0JURISTEN")
    office.clock.at = local("2026-11-20 12:30")  # type: ignore[attr-defined]
    await asyncio.gather(*(due.look_after(office.desk) for _ in range(3)))
    office.clock.at = local("2026-11-20 14:00")  # type: ignore[attr-defined]
    await asyncio.gather(*(due.look_after(office.desk) for _ in range(3)))
    kinds = Counter(m.kind for m in await office.rows(Message))
    told = [each.recipient for each in await office.rows(Reminder) if each.kind is ReminderKind.ADVICE]
    assert (sorted(told), kinds[MessageKind.REMINDER], kinds[MessageKind.NO_ADVICE]) == ([MARIEKE, YOUSSEF], 2, 1)


async def test_a_case_returns_when_its_last_question_lapses(office: Bot) -> None:
    case_id = await escalated(office)
    office.clock.at = local("2026-11-20 13:30")  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await cases.escalate(
            session, case_id, by=SANNE, now=office.desk.now(), target=MARIEKE, channels=[MARIEKE],
            question="En jij?", urgency=Urgency.NORMAL, submission="w",
        )  # fmt: skip
    assert await chased(office, "2026-11-20 14:00") == [100, 50], "a question has at least the time of a reaction"
    assert (await office.case(case_id)).status is Status.ESCALATED
    assert await chased(office, "2026-11-20 14:30") == [100]
    assert (await office.case(case_id)).status is Status.CLAIMED


async def test_a_question_of_a_case_that_was_answered_is_asked_no_more(office: Bot) -> None:
    case_id = await escalated(office)
    await sent(office, case_id)
    assert await chased(office, "2026-11-20 14:00") == []


@pytest.mark.parametrize("way", ["released", "put back", "transferred", "the citizen was asked"])
async def test_who_was_asked_before_the_case_left_its_owner_is_asked_no_more_and_holds_up_no_new_question(
    office: Bot, way: str
) -> None:
    case_id, bot, about = await escalated(office), office, dict[str, Any]()
    bot.clock.at = local("2026-11-20 11:30")  # type: ignore[attr-defined]
    team = await second_team(bot) if way == "transferred" else 1
    if way == "the citizen was asked":
        await sent(bot, case_id, ReplyKind.QUESTION)
    async with bot.desk.session() as session:
        match way:
            case "released":
                await cases.release(session, case_id, by=SANNE, now=bot.desk.now())
            case "put back":
                about = {"owner": SANNE, "still_since": bot.desk.now(), "now": bot.desk.now()}
                await cases.put_back(session, case_id, away=True, **about)
            case "transferred":
                about = {"seen": 1, "to": team, "note": "Voor jullie", "submission": "t"}
                await cases.transfer(session, case_id, by=SANNE, now=bot.desk.now(), **about)
            case _:
                await cases.reopen(session, case_id, by=SANNE, now=bot.desk.now())
    bot.clock.at = local("2026-11-20 11:40")  # type: ignore[attr-defined]
    new: dict[str, Any] = {"target": MARIEKE, "channels": [MARIEKE], "question": "En jij?", "submission": "w"}
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
        await cases.escalate(session, case_id, by=SANNE, now=bot.desk.now(), urgency=Urgency.NORMAL, **new)
    await messages.wake_lanes(bot.desk)
    await bot.slack.wait_for(lambda: to_youssef(bot, "Weet jij dit?", "ging verder zonder"))
    assert await chased(bot, "2026-11-20 12:30") == []
    async with bot.desk.session() as session:
        asked = (await session.exec(select(Escalation.id).where(Escalation.submission == "w"))).one()
        await cases.advise(session, asked, by=MARIEKE, now=bot.desk.now(), advice="Morgen.")
    assert (await bot.case(case_id)).status is Status.CLAIMED


async def test_an_interim_message_to_the_citizen_does_not_end_the_waiting_for_advice(office: Bot) -> None:
    case_id = await escalated(office)
    office.clock.at = local("2026-11-20 11:30")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 16:00"))
    await messages.wake_lanes(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    await office.card("wacht op advies", "aan de burger: uiterlijk 16:00")
    [asked] = to_youssef(office, "Weet jij dit?")
    assert "ging verder zonder" not in text_of(asked)
    await office.slack.open_home(YOUSSEF)
    await home(office, YOUSSEF, "Aan jou gevraagd", "Weet jij dit?")
    assert await chased(office, "2026-11-20 12:30") == [50]
    [again] = await office.slack.wait_for(lambda: to_youssef(office, "wacht nog op advies"))
    await advise(office, again)
    await office.card("Wanneer?", "In behandeling")
    assert await chased(office, "2026-11-20 14:00") == []


async def test_the_home_of_an_adviser_lists_what_is_asked_of_them(office: Bot) -> None:
    case_id = await escalated(office)
    await office.slack.open_home(YOUSSEF)
    await home(office, YOUSSEF, "Aan jou gevraagd", f"<@{SANNE}> vraagt", "Weet jij dit?")
    await home(office, YOUSSEF, f"Zaak {case_id} · <https://", f"/archives/{CHANNEL}/")
    assert "Dringend" not in text_of(office.slack.home(YOUSSEF) or {})
    await office.slack.open_home(MARIEKE)
    assert "Aan jou gevraagd" not in text_of(await home(office, MARIEKE, "Webcare"))
    await office.slack.click_in_view(YOUSSEF, "case:advise")
    await open_modal(office, YOUSSEF, "case:advise")
    assert not (await office.slack.submit(YOUSSEF, {"advice_text": "Morgen."})).errors

    async def is_claimed() -> bool:
        return (await office.case(case_id)).status is Status.CLAIMED

    await eventually(is_claimed)
    await office.slack.wait_for(lambda: "Aan jou gevraagd" not in text_of(office.slack.home(YOUSSEF) or {}))


async def test_an_adviser_of_a_case_that_is_nearly_late_has_the_time_of_a_reaction_by_the_norm_of_that_case(
    office: Bot,
) -> None:
    for number, urgent in ((1, False), (2, True)):
        case_id = await mention(office, number)
        async with office.desk.session() as session:
            await cases.set_urgent(session, case_id, urgent=urgent, by=SANNE, now=office.desk.now())
    office.clock.at = local("2026-11-20 13:59")  # type: ignore[attr-defined]
    for case_id in (1, 2):
        async with office.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
            await cases.escalate(
                session, case_id, by=SANNE, now=office.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
                question="Weet jij dit?", urgency=Urgency.NORMAL, submission=f"v{case_id}",
            )  # fmt: skip
    assert [each.allowed_seconds for each in await office.rows(Escalation)] == [60 * 60, 15 * 60]


async def test_what_is_asked_of_an_adviser_is_listed_with_the_urgent_first_in_words(office: Bot) -> None:
    """The last of four is of an urgent case, the one before it an urgent question, the second is due first."""
    for number, (reaction, urgency) in enumerate(
        ((240, Urgency.NORMAL), (60, Urgency.NORMAL), (60, Urgency.URGENT), (60, Urgency.NORMAL))
    ):
        await settings(office, norm={"first_reaction": reaction})
        case_id = await mention(office, number)
        async with office.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
            await cases.set_urgent(session, case_id, urgent=number == 3, by=SANNE, now=office.desk.now())
            await cases.escalate(
                session, case_id, by=SANNE, now=office.desk.now(), target=YOUSSEF, channels=[YOUSSEF],
                question=f"Weet jij {number}?", urgency=urgency, submission=f"v{number}",
            )  # fmt: skip
    await office.slack.open_home(YOUSSEF)
    shown = text_of(await home(office, YOUSSEF, "*Aan jou gevraagd* (4)"))
    assert sorted(range(4), key=lambda number: shown.index(f"Weet jij {number}?")) == [3, 2, 1, 0]
    rows = [line for line in shown.splitlines() if line.startswith("Zaak ") and "🔴 *Dringend*" in line]
    assert [row.split(" · ")[0] for row in rows] == ["Zaak 4", "Zaak 3"]
