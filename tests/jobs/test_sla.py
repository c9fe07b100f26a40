"""The clock at work: what is timed, who is reminded when; nobody is reminded twice, at night or for nothing."""

import asyncio
from datetime import datetime, timedelta

import pytest

from bot import cases
from bot.cases import clocks, inbox
from bot.domain.case import CloseReason, Status, WaitsFor
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.queue import Filter, Which
from bot.domain.sla import ClockKind
from bot.figures.lists import waiting
from bot.figures.standing import standing
from bot.models import Case, Clock, Event, Message, Reminder, ReminderKind, Reply, ReplyKind, ReplyStatus, Team
from bot.outgoing import replies
from bot.outgoing.composing import Answer
from bot.sandbox.app import Sandbox
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from bot.team.settings import TeamSettings
from jobs import absence, claims, sla
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.people import (
    answer,
    asked,
    asks_for_a_promise,
    at,
    lists,
    mention,
    open_modal,
    read,
    refusing,
    reminders,
    sent,
    settings,
    showing,
    square_texts,
)


async def clock(bot: Bot, kind: ClockKind) -> Clock:
    return [c for c in await bot.rows(Clock) if c.kind is kind][-1]


async def test_a_new_case_has_an_hour_for_the_first_reaction_and_four_for_the_resolution(office: Bot) -> None:
    await mention(office)
    due = {c.kind: c.due_at for c in await office.rows(Clock)}
    assert due == {
        ClockKind.FIRST_REACTION: local("2026-11-20 11:00"),
        ClockKind.RESOLUTION: local("2026-11-20 14:00"),
    }


async def test_reminders_climb_the_ladder_at_their_minutes_and_only_in_opening_hours(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE], escalation_channel="C0ESCALATIE")
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    assert await at(office, "2026-11-20 16:59") == []
    assert await at(office, "2026-11-20 23:00") == []
    assert await at(office, "2026-11-22 12:00") == []
    assert await at(office, "2026-11-23 09:17") == []
    assert await at(office, "2026-11-23 09:18") == [f"{SANNE}:80"]
    assert await at(office, "2026-11-23 09:29") == []
    assert await at(office, "2026-11-23 09:30") == [f"{CHANNEL}:100"]
    assert await at(office, "2026-11-23 09:45") == [f"{MARIEKE}:125"]
    assert await at(office, "2026-11-23 10:00") == ["C0ESCALATIE:150"]
    assert await at(office, "2026-11-23 11:00") == []


async def test_the_reminder_names_what_is_due_and_the_card_says_so_too(office: Bot) -> None:
    case_id = await mention(office, text="Waar blijft mijn paspoort?")
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await at(office, "2026-11-20 10:48")
    await messages.wake_lanes(office.desk)
    told = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    assert "Bijna te laat" in text_of(told[0])
    assert "paspoort" in text_of(told[0])
    await office.card("paspoort", "Bijna te laat", "11:00")
    await at(office, "2026-11-20 11:00")
    await office.card("paspoort", "Te laat")
    [listed] = await office.slack.wait_for(lambda: showing(office, "1 te laat"))
    assert "paspoort" in text_of(listed)
    await office.slack.wait_for(lambda: "1 te laat" in text_of(office.slack.direct(SANNE)[0]))
    assert office.slack.thread(CHANNEL, office.cards()[0]["ts"]) == []


async def test_nothing_is_said_after_the_answer_not_even_what_was_written_already(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    office.slack.faults.down = True
    assert await at(office, "2026-11-20 10:48") == [f"{CHANNEL}:80"]
    await sent(office, case_id)
    office.slack.faults.clear()
    office.clock.at += timedelta(minutes=10)  # type: ignore[attr-defined]
    await messages.drain(office.desk, CHANNEL)
    assert office.slack.thread(CHANNEL, office.cards()[0]["ts"]) == []
    assert await at(office, "2026-11-23 12:00") == []


async def test_what_fell_due_while_we_were_closed_is_told_at_opening_in_one_message(office: Bot) -> None:
    for number in range(20):
        await mention(office, number)
    assert await at(office, "2026-11-20 23:00") == []
    told = await at(office, "2026-11-23 09:00")
    assert told == [f"{CHANNEL}:150"]
    assert len(await lists(office)) == 1
    assert len({each.case_id for each in await reminders(office)}) == 20


async def test_processes_at_the_same_minute_remind_once(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    office.clock.at = local("2026-11-20 10:50")  # type: ignore[attr-defined]
    await asyncio.gather(*(sla.remind(office.desk) for _ in range(3)))
    await sla.remind(office.desk)
    assert len(await reminders(office)) == 1


async def test_an_interim_message_is_a_reaction_and_its_promise_is_reminded_of(office: Bot) -> None:
    case_id = await mention(office)
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 15:30"))
    case = await office.case(case_id)
    assert (case.status, case.assignee) == (Status.CLAIMED, SANNE)
    reaction = await clock(office, ClockKind.FIRST_REACTION)
    assert (reaction.elapsed_seconds, reaction.kept) == (1800, True)
    assert (await clock(office, ClockKind.RESOLUTION)).stopped_at is None
    promise = await clock(office, ClockKind.PROMISE)
    assert promise.next_at == local("2026-11-20 14:30")
    assert f"{SANNE}:80" in await at(office, "2026-11-20 14:30")
    await sent(office, case_id)
    assert (await clock(office, ClockKind.PROMISE)).kept is True
    assert (await office.case(case_id)).status is Status.ANSWERED


async def promises(bot: Bot) -> list[tuple[datetime | None, bool | None]]:
    """By when each promise was to be kept, and whether it was; None while it still stands."""
    return [(c.due_at, c.kept) for c in await bot.rows(Clock) if c.kind is ClockKind.PROMISE]


async def test_a_second_interim_message_keeps_the_first_promise_and_the_new_one_counts(office: Bot) -> None:
    case_id = await mention(office)
    first, second = local("2026-11-20 15:00"), local("2026-11-23 12:00")
    await sent(office, case_id, ReplyKind.INTERIM, first)
    office.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.INTERIM, second)
    assert await promises(office) == [(first, True), (second, None)]
    await messages.wake_lanes(office.desk)
    assert await office.card("In behandeling", "ma 23 nov 12:00")
    for moment in ("20 15:00", "20 15:15", "23 09:00"):
        await at(office, f"2026-11-{moment}")
    kept = next(c.id for c in await office.rows(Clock) if c.kind is ClockKind.PROMISE)
    assert kept not in {each.subject_id for each in await reminders(office)}, "nobody is told that it lapsed"


async def test_a_second_interim_message_that_lapsed_before_it_came_leaves_the_first_promise_broken(office: Bot) -> None:
    case_id = await mention(office)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 15:00"))
    office.clock.at = local("2026-11-20 15:01")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-23 12:00"))
    assert [kept for _, kept in await promises(office)] == [False, None]


async def test_a_promise_is_reminded_of_while_our_question_waits_for_the_citizen(office: Bot) -> None:
    case_id = await mention(office)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 15:30"))
    await sent(office, case_id, ReplyKind.QUESTION)
    assert (await office.case(case_id)).status is Status.WITH_CITIZEN
    assert f"{SANNE}:80" in await at(office, "2026-11-20 14:24")
    await messages.wake_lanes(office.desk)
    [told] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    assert "1 bijna te laat" in text_of(told)
    async with office.desk.session() as session:
        await cases.take_over(session, case_id, owner=SANNE, by=MARIEKE, now=office.desk.now())
    await at(office, "2026-11-20 14:25")
    await messages.wake_lanes(office.desk)
    [passed] = await office.slack.wait_for(lambda: office.slack.direct(MARIEKE))
    assert "1 bijna te laat" in text_of(passed)
    await at(office, "2026-11-20 15:30")
    await office.slack.wait_for(lambda: showing(office, "1 te laat"))
    async with office.desk.session() as session:
        team = await session.get_one(Team, 1)
        now = await standing(session, team, office.desk.now())
        late = await waiting(session, [1], Filter(Which.LATE), now=office.desk.now(), most=10)
    assert (now.late, [line.case.id for line in late.lines]) == (1, [case_id])


async def test_a_question_to_the_citizen_stops_the_clock_until_they_write_again(office: Bot) -> None:
    case_id = await mention(office)
    office.clock.at = local("2026-11-20 11:00")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.QUESTION)
    assert (await clock(office, ClockKind.RESOLUTION)).due_at is None
    office.clock.at = local("2026-11-23 10:00")  # type: ignore[attr-defined]
    await mention(office, 1)  # the same post again is no answer
    post = Post("9", Author("a1", "Burger 1"), "Op de Dam", office.desk.now(), in_reply_to="1",
                permits=permits(Act.ANSWER))  # fmt: skip
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=office.desk.now())
    resolution = await clock(office, ClockKind.RESOLUTION)
    assert (resolution.used_seconds, resolution.due_at) == (3600, local("2026-11-23 13:00"))
    assert (await clock(office, ClockKind.NEXT_REACTION)).due_at == local("2026-11-23 11:00")


async def test_a_case_that_an_agent_reopens_after_a_question_is_timed_again(office: Bot) -> None:
    case_id = await mention(office)
    office.clock.at = local("2026-11-20 11:00")  # type: ignore[attr-defined]
    await sent(office, case_id, ReplyKind.QUESTION)
    office.clock.at = local("2026-11-20 12:00")  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await cases.reopen(session, case_id, by=SANNE, now=office.desk.now())
    resolution = await clock(office, ClockKind.RESOLUTION)
    assert (resolution.rests_for, resolution.used_seconds) == (None, 3600)
    assert resolution.due_at == local("2026-11-20 15:00")
    assert await at(office, "2026-11-20 14:12") == [f"{SANNE}:80"]


async def test_a_reminder_that_slack_did_not_take_is_not_told_of_a_clock_that_rests_by_then(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    office.slack.faults.down = True
    assert f"{SANNE}:80" in await at(office, "2026-11-20 13:15")
    await sent(office, case_id, ReplyKind.QUESTION)
    office.slack.faults.down = False
    await eventually(lambda: level_a_minute_later(office))
    assert office.slack.direct(SANNE) == []


async def level(bot: Bot) -> None:
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def level_a_minute_later(bot: Bot) -> bool:
    """Let a minute pass; tell whether all messages are level, and nothing given up can bring one to Slack any more."""
    bot.clock.at = bot.desk.now() + timedelta(minutes=1)  # type: ignore[attr-defined]
    await messages.wake_lanes(bot.desk)
    return all(message.shown_version == message.version for message in await bot.rows(Message))


@pytest.mark.parametrize(("reason", "counts"), [(CloseReason.ANSWERED_ELSEWHERE, True), (CloseReason.SPAM, False)])
async def test_closing_ends_the_clocks_and_counts_only_when_the_citizen_was_served(
    office: Bot, reason: CloseReason, counts: bool
) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=office.desk.now(), reason=reason)
    assert {(c.stopped_at is not None, c.counts) for c in await office.rows(Clock)} == {(True, counts)}


async def test_a_changed_norm_leaves_what_runs_and_what_was_measured_as_it_was(office: Bot) -> None:
    await mention(office, 1)
    await settings(office, norm={"first_reaction": 10, "next_reaction": 10, "resolution": 20})
    await mention(office, 2)
    targets = [c.target_seconds for c in await office.rows(Clock) if c.kind is ClockKind.FIRST_REACTION]
    assert targets == [3600, 600]


async def test_a_reminder_can_be_put_off_with_a_reason(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await messages.wake_lanes(office.desk)
    await office.card("Wanneer?")
    await at(office, "2026-11-20 10:48")
    await messages.wake_lanes(office.desk)
    [told] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    await office.slack.click(SANNE, office.direct_channel(SANNE), told["ts"], "case:details")
    details = await open_modal(office, SANNE, "said")
    assert office.cards()[0]["ts"].replace(".", "") in text_of(details), "a reminder leads to the card"
    await office.slack.close_view(SANNE)
    await office.slack.click(SANNE, office.direct_channel(SANNE), told["ts"], "case:snooze")
    await open_modal(office, SANNE, "case:snooze")
    ack = await office.slack.submit(SANNE, {"snooze_minutes": "60", "snooze_reason": "De wijkbeheerder belt terug"})
    assert ack.ok
    until = "herinnering uitgesteld tot 11:48"
    [note] = await office.slack.wait_for(lambda: office.slack.thread(CHANNEL, office.cards()[0]["ts"]))
    assert "Herinnering uitgesteld tot 11:48: De wijkbeheerder belt terug" in read(note)
    assert await office.card("In behandeling", until)
    await messages.wake_lanes(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    assert until in read(office.slack.message(office.direct_channel(SANNE), told["ts"]))
    assert until in await asked(office, YOUSSEF, "/webcare open")
    assert await at(office, "2026-11-20 11:30") == []
    assert await at(office, "2026-11-20 11:48") == [f"{CHANNEL}:150"]
    await messages.wake_lanes(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    assert "uitgesteld" not in read(office.cards()[0])
    assert "snooze" in {e.kind for e in await office.rows(Event)}


async def test_an_interim_message_needs_a_moment_in_the_modal(bot: Bot) -> None:
    bot.citizen_posts("Klopt dit?")
    card = await bot.card("Klopt dit?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    await bot.slack.click_in_view(SANNE, "answer_kind", "interim")
    await asks_for_a_promise(bot, SANNE)
    past = int((bot.desk.now() - timedelta(hours=3)).timestamp())
    filled = {"answer_text": "We zoeken het uit", "initials": "SB", "answer_promise": past}
    ack = await bot.slack.submit(SANNE, filled)
    assert list(ack.errors) == ["answer_promise"]
    until = int((bot.desk.now() + timedelta(hours=3)).timestamp())
    ack = await bot.slack.submit(SANNE, {"answer_promise": until})
    assert ack.ok
    assert not ack.errors
    await bot.slack.wait_for(lambda: square_texts(bot))

    async def its_status() -> bool:
        return [r.status for r in await bot.rows(Reply)] == [ReplyStatus.SENT]

    await eventually(its_status)
    [reply] = await bot.rows(Reply)
    assert reply.kind is ReplyKind.INTERIM
    assert int(reply.promised_at.timestamp()) == until
    await bot.slack.wait_for(lambda: "case:answer" in action_ids(bot.cards()[0]))
    await answer(bot, SANNE, card, "Het klopt")
    await bot.card("*Beantwoord*")


async def test_a_source_that_cannot_be_answered_is_not_timed(office: Bot) -> None:
    post = Post("1", Author("krant", "De krant"), "Nieuws", office.desk.now())
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=office.desk.now())
    assert await office.rows(Clock) == []


async def test_a_paused_clock_keeps_the_steps_it_took(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        for running in await clocks.open_clocks(session, case_id):
            hours = await clocks.hours_of(session, 1, office.desk.now())
            clocks.pause(running, hours, local("2026-11-20 10:30"), WaitsFor.CITIZEN)
            running.told_percent = 80
            clocks.resume(running, hours, (), local("2026-11-23 09:00"))
            session.add(running)
    reaction = await clock(office, ClockKind.FIRST_REACTION)
    assert (reaction.due_at, reaction.told_percent, reaction.next_at) == (
        local("2026-11-23 09:30"),
        80,
        local("2026-11-24 09:00"),
    )


async def test_a_claim_that_lies_still_is_asked_about_once_and_then_returns_to_the_queue(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())

    told: set[datetime] = set()

    async def look(moment: str) -> int:
        office.clock.at = local(moment)  # type: ignore[attr-defined]
        await asyncio.gather(claims.look_after(office.desk), claims.look_after(office.desk))
        told.update(each.told_at for each in await office.rows(Reminder) if each.kind is ReminderKind.STILL)
        return len(told)

    assert await look("2026-11-20 10:29") == 0
    assert await look("2026-11-20 10:30") == 1
    [shown] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    assert "1 stilgevallen" in text_of(shown) and "gaat terug naar de wachtrij (10:45)" in text_of(shown)
    async with office.desk.session() as session:
        await cases.add_note(session, case_id, by=SANNE, now=office.desk.now(), text="Gebeld", submission="v")
    assert await look("2026-11-20 10:45") == 1
    assert await look("2026-11-20 11:00") == 2
    assert await look("2026-11-20 23:00") == 2
    assert await look("2026-11-20 11:15") == 2
    assert (await office.case(case_id)).status is Status.NEW
    await office.slack.wait_for(
        lambda: [m for m in office.slack.thread(CHANNEL, office.cards()[0]["ts"]) if "Er gebeurde niets" in text_of(m)],
    )


@pytest.mark.logs("looking after a claim failed", "handing back the cases of an owner failed")
@pytest.mark.parametrize("why", ["it lies still", "its owner is away"])
async def test_a_case_that_cannot_be_put_back_keeps_no_other_from_it(sqlite_url: str, slack: Sandbox, why: str) -> None:
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-11-20 10:00"))) as bot:
        owners = {await mention(bot, 1): SANNE, await mention(bot, 2): YOUSSEF}
        for case_id, owner in owners.items():
            async with bot.desk.session() as session:
                await cases.claim(session, case_id, by=owner, now=bot.desk.now())
            if why == "its owner is away":
                async with bot.desk.session() as session:
                    await presence.set_away(session, owner, True, bot.desk.now())
                    await presence.ask(session, owner, bot.desk.now())
        async with refusing(bot, "UPDATE ON cases WHEN NEW.id = 1"):
            for moment in ("10:30", "10:45"):
                bot.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
                await (claims.look_after if why == "it lies still" else absence.hand_back)(bot.desk)
                await level(bot)
        assert [(await bot.case(case_id)).status for case_id in owners] == [Status.CLAIMED, Status.NEW]


async def test_after_downtime_a_claim_is_asked_about_before_it_returns_to_the_queue(office: Bot) -> None:
    """While the bot was down nobody could do anything with the case."""
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    for moment, assignee in (("13:00", SANNE), ("13:14", SANNE), ("13:15", None)):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        assert (await office.case(case_id)).assignee == assignee, moment
        if assignee:
            await messages.wake_lanes(office.desk)
            await office.slack.wait_for(
                lambda: [m for m in office.slack.direct(SANNE) if "terug naar de wachtrij (13:15)" in text_of(m)]
            )


async def test_after_slack_was_away_a_claim_is_asked_about_before_it_returns_to_the_queue(office: Bot) -> None:
    """What Slack did not show nobody could act on."""
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    office.slack.faults.down = True
    for moment in ("10:30", "10:45", "12:00", "12:59"):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        await level(office)
        assert (await office.case(case_id)).assignee == SANNE, moment
    office.slack.faults.clear()
    for moment, assignee in (("13:00", SANNE), ("13:14", SANNE), ("13:15", None)):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        await level(office)
        assert (await office.case(case_id)).assignee == assignee, moment
        [asked] = office.slack.direct(SANNE)
        assert not assignee or "terug naar de wachtrij (13:15)" in text_of(asked), text_of(asked)


async def test_a_claim_returns_in_time_though_slack_is_behind_with_other_reminders_of_its_owner(office: Bot) -> None:
    """Sanne reads in one message that her cases lie still: the first is posted, the next ones are edited in."""
    for number, moment in enumerate(("10:00", "10:14", "10:28"), 1):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await mention(office, number)
        async with office.desk.session() as session:
            await cases.claim(session, number, by=SANNE, now=office.desk.now())
    for moment, is_behind, left in (
        ("10:30", False, [1, 2, 3]), ("10:44", True, [1, 2, 3]), ("10:45", True, [2, 3]), ("10:46", False, [2, 3]),
        ("10:58", True, [2, 3]), ("11:00", True, [2, 3]), ("11:01", True, [3]), ("11:20", True, [3]),
        ("11:21", False, [3]), ("11:35", False, [3]), ("11:36", False, []),
    ):  # fmt: skip
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        office.slack.faults.clear()
        if is_behind:
            office.slack.faults.rate_limit("chat.update", 60, times=99)
        await claims.look_after(office.desk)
        await level(office)
        assert [each.id for each in await office.rows(Case) if each.assignee == SANNE] == left, moment


async def test_a_claim_is_not_asked_about_by_a_list_that_slack_failed_to_take_and_then_refused_for_now(
    office: Bot,
) -> None:
    for number, moment in enumerate(("10:00", "10:14"), 1):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await mention(office, number)
        async with office.desk.session() as session:
            await cases.claim(session, number, by=SANNE, now=office.desk.now())
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await level(office)
    assert "Zaak 1" in text_of(office.slack.direct(SANNE)[0])
    office.clock.at = local("2026-11-20 10:44")  # type: ignore[attr-defined]
    office.slack.faults.down = True
    await claims.look_after(office.desk)
    await level(office)
    office.slack.faults.clear()
    office.clock.at += timedelta(seconds=50)  # type: ignore[attr-defined]
    office.slack.faults.rate_limit("chat.update", 60, times=99)
    await level(office)
    for moment in ("10:58", "10:59", "11:05"):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        await level(office)
        assert (await office.case(2)).assignee == SANNE, moment


async def test_a_claim_asked_about_when_the_team_opens_returns_some_time_after_that(office: Bot) -> None:
    """Slack was away from before the team closed: the question came the next morning."""
    office.clock.at = local("2026-11-20 16:14")  # type: ignore[attr-defined]
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    office.slack.faults.down = True
    office.clock.at = local("2026-11-20 16:46")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await level(office)
    office.slack.faults.clear()
    office.clock.at = local("2026-11-20 20:00")  # type: ignore[attr-defined]
    await level(office)
    assert office.slack.direct(SANNE) == []
    for moment, assignee in (("09:00", SANNE), ("09:14", SANNE), ("09:15", None)):
        office.clock.at = local(f"2026-11-23 {moment}")  # type: ignore[attr-defined]
        await sla.remind(office.desk)
        await claims.look_after(office.desk)
        await level(office)
        assert (await office.case(case_id)).assignee == assignee, moment
    assert len(office.slack.direct(SANNE)) == 1, [text_of(each) for each in office.slack.direct(SANNE)]


async def test_a_claim_returns_to_the_queue_though_slack_refuses_the_reminder(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    office.slack.faults.error("conversations.open", "cannot_dm_bot", times=99)
    for moment, assignee in (("10:30", SANNE), ("10:45", None)):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        await level(office)
        assert (await office.case(case_id)).assignee == assignee, moment


async def claim_put_off(bot: Bot, minutes: int) -> int:
    """Let Sanne claim a new case and put its reminders off for so long; returns the case."""
    case_id = await mention(bot)
    await bot.card("Wanneer?")
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:more", "more:1")
    await open_modal(bot, SANNE, "more")
    await bot.slack.click_in_view(SANNE, "case:more", value="snooze:1")
    await open_modal(bot, SANNE, "case:snooze")
    ack = await bot.slack.submit(SANNE, {"snooze_minutes": str(minutes), "snooze_reason": "De monteur belt terug"})
    assert ack.ok and not ack.errors
    return case_id


async def test_a_claim_does_not_lie_still_while_its_reminders_are_put_off(office: Bot) -> None:
    case_id = await claim_put_off(office, 240)

    async def look(moment: str) -> tuple[str | None, int]:
        await at(office, moment)
        await claims.look_after(office.desk)
        still = [each for each in await office.rows(Reminder) if each.kind is ReminderKind.STILL]
        return (await office.case(case_id)).assignee, len(still)

    for moment in ("10:31", "10:46", "13:59", "14:00", "14:29"):
        assert await look(f"2026-11-20 {moment}") == (SANNE, 0), "the mechanic rings back at two"
    assert await look("2026-11-20 14:30") == (SANNE, 1)
    await office.slack.wait_for(
        lambda: [m for m in office.slack.direct(SANNE) if "terug naar de wachtrij (14:45)" in text_of(m)]
    )
    assert await look("2026-11-20 14:45") == (None, 1)


async def test_a_case_that_becomes_urgent_lies_still_again_though_it_was_put_off(office: Bot) -> None:
    case_id = await claim_put_off(office, 240)
    async with office.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=MARIEKE, now=office.desk.now())
    for moment in ("10:30", "10:45"):
        office.clock.at = local(f"2026-11-20 {moment}")  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
    assert (await office.case(case_id)).assignee is None


async def test_a_promise_in_a_case_that_becomes_urgent_is_reminded_of_though_it_was_put_off(office: Bot) -> None:
    case_id = await claim_put_off(office, 240)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 12:00"))
    async with office.desk.session() as session:
        case = await cases.locked(session, case_id)
        await clocks.snooze(session, case, 240, office.desk.now())
    async with office.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=MARIEKE, now=office.desk.now())
    assert not any(each.snoozed_until for each in await office.rows(Clock) if not each.stopped_at)
    assert await at(office, "2026-11-20 11:36") == [f"{SANNE}:80"]


async def writes_again(bot: Bot) -> None:
    """The citizen of the case writes below their post."""
    post = Post(
        "9", Author("a1", "Burger 1"), "Op de Dam", bot.desk.now(), in_reply_to="1", permits=permits(Act.ANSWER)
    )
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=bot.desk.now())


async def test_a_claim_lies_still_though_a_colleague_put_it_off_before_the_citizen_answered(office: Bot) -> None:
    case_id = await claim_put_off(office, 240)
    await sent(office, case_id, ReplyKind.QUESTION)
    office.clock.at = local("2026-11-20 10:10")  # type: ignore[attr-defined]
    await writes_again(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=YOUSSEF, now=office.desk.now())
    office.clock.at = local("2026-11-20 10:40")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    still = [each.recipient for each in await office.rows(Reminder) if each.kind is ReminderKind.STILL]
    assert still == [YOUSSEF]


async def test_what_the_citizen_writes_into_the_undo_time_of_an_answer_is_reminded_of_though_it_was_put_off(
    office: Bot,
) -> None:
    case_id = await claim_put_off(office, 240)
    async with office.desk.session() as session:
        file = await cases.read(session, case_id)
        words = Answer(case_id, file.latest.id, submission="v", words="Morgen", private=False, initials="SB")
        await replies.answer(
            session, words, connector=office.desk.connector, by=SANNE, now=office.desk.now(), undo=timedelta(minutes=1)
        )
    await writes_again(office)
    async with office.desk.session() as session:
        await replies.withdraw(session, case_id, by=SANNE, now=office.desk.now())
    case = await office.case(case_id)
    assert (case.status, case.assignee) == (Status.NEW, None)
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"], "nobody has it, and who put it off had it"


async def test_a_case_with_a_promise_may_lie_still(office: Bot) -> None:
    case_id = await mention(office)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 16:00"))
    office.clock.at = local("2026-11-20 14:00")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    assert (await office.case(case_id)).assignee == SANNE


async def test_an_urgent_case_has_a_quarter_of_an_hour_from_when_it_came_in(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    office.clock.at = local("2026-11-20 10:05")  # type: ignore[attr-defined]
    await office.slack.click(SANNE, CHANNEL, office.cards()[0]["ts"], "case:more", f"details:{case_id}")
    await open_modal(office, SANNE, "said")
    await office.slack.click_in_view(SANNE, "case:urgent")
    await office.card("Wanneer?", "Dringend", "10:15")
    reaction = await clock(office, ClockKind.FIRST_REACTION)
    assert (reaction.due_at, reaction.next_at) == (local("2026-11-20 10:15"), local("2026-11-20 10:12"))
    await office.slack.wait_for(lambda: "case:not_urgent" in action_ids(office.slack.view(SANNE) or {}))
    await office.slack.click_in_view(SANNE, "case:not_urgent")
    await office.card("Wanneer?", "11:00")


async def test_those_on_duty_are_called_to_what_nobody_has_and_one_who_is_away_is_not_reminded(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
        await presence.set_away(session, SANNE, True, office.desk.now())
        await presence.set_duty(session, 1, MARIEKE, True, office.desk.now())
    assert await at(office, "2026-11-20 10:48") == [f"{CHANNEL}:80"]
    await messages.wake_lanes(office.desk)
    await office.slack.wait_for(lambda: showing(office, f"<@{MARIEKE}>", "1 bijna te laat"))


async def test_the_rota_of_the_day_is_on_duty_until_someone_says_so(office: Bot) -> None:
    await settings(office, rota={4: [SANNE, MARIEKE]})  # the clock stands on a Friday
    async with office.desk.session() as session:
        wishes = TeamSettings.of((await session.get_one(Team, 1)).settings)
        await presence.set_away(session, SANNE, True, office.desk.now())
        assert await presence.on_duty(session, 1, wishes, office.desk.now()) == [MARIEKE]
        await presence.set_duty(session, 1, SANNE, True, office.desk.now())
        assert await presence.on_duty(session, 1, wishes, office.desk.now()) == [SANNE]


async def test_one_who_leaves_can_hand_all_cases_back_at_once(office: Bot) -> None:
    numbers = [await mention(office, n) for n in range(3)]
    async with office.desk.session() as session:
        for case_id in numbers[:2]:
            await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
        assert await presence.hand_back(session, SANNE, office.desk.now()) == numbers[:2]
    assert {(await office.case(case_id)).status for case_id in numbers} == {Status.NEW}
