"""The ladder of reminders in bad times: it changes, the bot was down, nobody answers. Nothing falls silent."""

import asyncio

import pytest

from bot import cases
from bot.cases import clocks, inbox
from bot.domain.event import EventKind
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.sla import ClockKind
from bot.models import (
    Account,
    Clock,
    Event,
    Listed,
    Message,
    Note,
    Reminder,
    ReminderKind,
    ReplyKind,
    Team,
)
from bot.sandbox.slack.inspection import text_of
from bot.slack import messages
from bot.staffing import presence
from bot.team import teams
from jobs import claims, digest, due, duty, sla
from jobs.members import look_at_accounts
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import BEHEER, at, lists, mention, open_modal, second_team, sent, settings, showing

USUAL = [{"percent": 80, "to": "owner"}, {"percent": 100, "to": "thread"}, {"percent": 125, "to": "coordinator"}]


async def change(bot: Bot, **changed: object) -> None:
    """Let a coordinator change settings of the team."""
    async with bot.desk.session() as session:
        await teams.change(session, 1, changed, by=MARIEKE, now=bot.desk.now())


async def told(bot: Bot, kind: ClockKind) -> list[int]:
    """The percentages that were told of the clocks of a kind."""
    ids = {clock.id for clock in await bot.rows(Clock) if clock.kind is kind}
    log = [event.details for event in await bot.rows(Event) if event.kind == EventKind.REMINDED]
    return [details["percent"] for details in log if details["clock"] in ids]


async def team_with_trouble(bot: Bot) -> None:
    """A second team with a case, whose settings cannot be read."""
    async with bot.desk.session() as session:
        session.add(Team(id=2, name="Kapot", channel="C0WEGEN", created_at=bot.desk.now()))
        await session.flush()
        session.add(Account(id=2, team_id=2, platform="webhook", name="kapot", url="", created_at=bot.desk.now()))
        await session.flush()
        post = Post("k", Author("k", "Kees"), "Hallo?", bot.desk.now(), permits=permits(Act.ANSWER))
        await inbox.take_in(session, 2, [post], now=bot.desk.now())
        team = await session.get_one(Team, 2)
        team.settings = {"time_zone": "Mars/Olympus"}


async def test_an_emptied_ladder_ends_the_reminders_of_norms_and_keeps_those_of_promises(office: Bot) -> None:
    await mention(office, 1)
    promised = await mention(office, 2)
    await sent(office, promised, ReplyKind.INTERIM, local("2026-11-20 15:00"))
    await change(office, ladder=[])
    assert await at(office, "2026-11-20 14:00") == [f"{SANNE}:80"]
    assert await at(office, "2026-11-20 15:00") == [f"{CHANNEL}:100"]
    assert await at(office, "2026-11-20 15:15") == [f"{CHANNEL}:125"]
    assert await told(office, ClockKind.FIRST_REACTION) == []


async def test_a_promise_that_lapses_climbs_to_the_coordinators(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE])
    case_id = await mention(office)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 16:50"))
    await at(office, "2026-11-20 16:50")
    assert await told(office, ClockKind.PROMISE) == [100]
    assert await at(office, "2026-11-20 16:59") == []
    assert await at(office, "2026-11-20 17:30") == []
    assert f"{MARIEKE}:125" in await at(office, "2026-11-23 09:05")
    assert await told(office, ClockKind.PROMISE) == [100, 125]


async def test_a_step_for_coordinators_goes_to_those_who_are_left_and_else_to_the_channel(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE, YOUSSEF], ladder=[{"percent": 125, "to": "coordinator"}])
    for gone, number, moment, to in ((YOUSSEF, 1, "11:15", MARIEKE), (MARIEKE, 2, "12:30", CHANNEL)):
        await mention(office, number)
        office.slack.workspace.people[gone].deleted = True
        await look_at_accounts(office.desk)
        assert await at(office, f"2026-11-20 {moment}") == [f"{to}:125"]


async def test_what_is_late_after_the_last_step_is_listed_once_on_each_opening_day(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE])
    for number in range(3):
        await mention(office, number, text=f"Vraag {number}")
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=YOUSSEF, now=office.desk.now())
        await presence.set_duty(session, 1, SANNE, True, office.desk.now())
    await at(office, "2026-11-20 16:59")
    for day in ("2026-11-23", "2026-11-24"):
        assert await at(office, f"{day} 08:59") == []
        assert await at(office, f"{day} 09:00") == [f"{CHANNEL}:150"]
        assert [told for hour in range(10, 17) for told in await at(office, f"{day} {hour}:00")] == []
    await messages.wake_lanes(office.desk)
    [posted] = await office.slack.wait_for(lambda: showing(office, "3 te laat", f"<@{SANNE}> <@{MARIEKE}>"))
    assert [text_of(posted).count(f"Vraag {number}") for number in range(3)] == [1, 1, 1], "one row for each case"
    await sent(office, 2)
    await at(office, "2026-11-25 09:00")
    [posted] = await office.slack.wait_for(lambda: showing(office, "2 te laat"))
    assert "Vraag 1" not in text_of(posted)
    assert showing(office, "3 te laat") == []


@pytest.mark.parametrize("moment", ["2026-11-20 16:30", "2026-11-20 17:30", "2026-11-23 08:59"])
async def test_what_was_late_when_another_team_got_it_is_listed_there_on_its_first_opening_day(
    office: Bot, moment: str
) -> None:
    beheer = await second_team(office)
    case_id = await mention(office)
    assert await at(office, "2026-11-20 16:00") == [f"{CHANNEL}:150"]
    office.clock.at = local(moment)  # type: ignore[attr-defined]
    now = office.desk.now()
    async with office.desk.session() as session:
        await cases.transfer(session, case_id, seen=1, to=beheer, note="", by=SANNE, now=now, submission="t")
    assert await at(office, "2026-11-23 09:00") == [f"{BEHEER}:150"]
    assert await at(office, "2026-11-23 16:00") == []
    assert await at(office, "2026-11-24 09:00") == [f"{BEHEER}:150"]


@pytest.mark.parametrize("moment", ["2026-11-20 16:30", "2026-11-20 20:00"])
async def test_what_was_late_when_we_asked_the_citizen_is_listed_on_the_opening_day_after_they_wrote(
    office: Bot, moment: str
) -> None:
    case_id = await mention(office)
    assert await at(office, "2026-11-20 16:00") == [f"{CHANNEL}:150"]
    await sent(office, case_id, ReplyKind.QUESTION)
    office.clock.at = local(moment)  # type: ignore[attr-defined]
    author, now = Author("a1", "Fatima"), office.desk.now()
    async with office.desk.session() as session:
        post = Post("2", author, "Ik woon in Houten", now, conversation="1", in_reply_to="1")
        await inbox.take_in(session, 1, [post], now=now)
    assert await at(office, "2026-11-23 09:00") == [f"{CHANNEL}:150"]
    assert await at(office, "2026-11-23 09:30") == []


async def test_a_team_that_never_closes_gets_the_list_of_what_is_late_in_the_morning(office: Bot) -> None:
    await settings(office, always_open=True)
    await mention(office)
    await at(office, "2026-11-20 16:59")
    for day in ("2026-11-21", "2026-11-22"):
        for moment in ("00:00", "00:30", "08:59"):
            assert await at(office, f"{day} {moment}") == []
        assert await at(office, f"{day} 09:00") == [f"{CHANNEL}:150"]
        assert await at(office, f"{day} 23:59") == []


async def test_a_team_that_opens_twice_on_one_day_gets_a_list_at_each_opening(office: Bot) -> None:
    """The bot was down when the night shift began, and lists only after midnight what is late."""
    await settings(office, week=[[("22:00", "06:00")]] * 7)
    await mention(office)
    await at(office, "2026-11-21 05:59")
    assert await at(office, "2026-11-23 00:30") == [f"{CHANNEL}:150"]
    assert await at(office, "2026-11-23 05:00") == []
    assert await at(office, "2026-11-23 22:00") == [f"{CHANNEL}:150"]


async def test_what_is_not_late_is_not_listed(office: Bot) -> None:
    await settings(office, norm={"first_reaction": 600, "next_reaction": 600, "resolution": 6000}, ladder=USUAL[:1])
    await mention(office)
    assert await at(office, "2026-11-23 09:59") == []
    assert await at(office, "2026-11-23 10:00") == [f"{CHANNEL}:80"]
    assert await at(office, "2026-11-23 13:00") == []
    assert await at(office, "2026-11-24 09:00") == [f"{CHANNEL}:80"]


async def test_processes_at_the_same_opening_list_what_is_late_once(office: Bot) -> None:
    await mention(office)
    await at(office, "2026-11-20 16:59")
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await asyncio.gather(*(sla.remind(office.desk) for _ in range(3)))
    await sla.remind(office.desk)
    assert len([m for m in await lists(office) if Listed.of(m.details).written_at == office.desk.now()]) == 1


async def test_more_than_one_tick_can_handle_is_listed_in_the_same_message(
    office: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await mention(office, number, text=f"Vraag {number}")
    await at(office, "2026-11-20 16:59")
    monkeypatch.setattr(sla, "AT_ONCE", 4)
    await at(office, "2026-11-23 09:00")
    written = len(await lists(office))
    for minute in range(1, 4):
        await at(office, f"2026-11-23 09:0{minute}")
    assert len(await lists(office)) == written
    await messages.wake_lanes(office.desk)
    [listed] = await office.slack.wait_for(lambda: showing(office, "5 te laat"))
    assert all(f"Vraag {number}" in text_of(listed) for number in range(5))


async def snoozed(bot: Bot, case_id: int, minutes: int) -> None:
    async with bot.desk.session() as session:
        await clocks.snooze(session, await cases.locked(session, case_id), minutes, bot.desk.now())
        await cases.touch(session, case_id)


async def test_a_snooze_after_the_last_step_reminds_when_it_is_over_and_leaves_the_daily_list(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await at(office, "2026-11-20 16:30")
    await snoozed(office, case_id, 60)
    assert await at(office, "2026-11-23 09:29") == []
    assert await at(office, "2026-11-23 09:30") == [f"{SANNE}:150"]
    assert await at(office, "2026-11-23 12:00") == []
    assert await at(office, "2026-11-24 09:00") == [f"{CHANNEL}:150"]


async def test_a_snooze_before_anything_is_due_reminds_when_it_is_over(office: Bot) -> None:
    case_id = await mention(office)
    await snoozed(office, case_id, 30)
    assert await at(office, "2026-11-20 10:29") == []
    assert await at(office, "2026-11-20 10:30") == [f"{CHANNEL}:0"]
    assert await at(office, "2026-11-20 10:48") == [f"{CHANNEL}:80"]


async def test_a_shorter_snooze_takes_the_place_of_a_longer_one_for_all_that_is_timed(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await snoozed(office, case_id, 240)
    await snoozed(office, case_id, 30)
    assert await at(office, "2026-11-20 10:29") == []
    assert await at(office, "2026-11-20 10:30") == [f"{SANNE}:0"]
    assert not [clock.kind for clock in await office.rows(Clock) if clock.snoozed_until]
    assert (await office.rows(Clock))[1].next_at == local("2026-11-20 13:12"), "four fifths of the time to resolve it"


async def test_a_snooze_that_would_end_as_the_team_closes_says_that_the_reminder_comes_at_the_opening(
    office: Bot,
) -> None:
    office.clock.at = local("2026-11-20 16:00")  # type: ignore[attr-defined]
    case_id = await mention(office)
    await snoozed(office, case_id, 60)
    await messages.sync(office.desk, case_id)
    await office.card("Wanneer?", "herinnering uitgesteld tot ma 23 nov 09:00")
    assert await at(office, "2026-11-20 17:00") == []
    assert await at(office, "2026-11-23 09:00") == [f"{CHANNEL}:100"]


async def test_a_snooze_that_is_over_when_the_case_is_late_notifies_also_where_a_list_stands(office: Bot) -> None:
    await mention(office, 1, text="Vraag 1")
    office.clock.at = local("2026-11-20 10:30")  # type: ignore[attr-defined]
    case_id = await mention(office, 2, text="Vraag 2")
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
    office.clock.at = local("2026-11-20 11:10")  # type: ignore[attr-defined]
    await snoozed(office, case_id, 30)
    await messages.wake_lanes(office.desk)
    await office.slack.wait_for(lambda: showing(office, "1 te laat", "Vraag 1"))
    assert await at(office, "2026-11-20 11:30") == [f"{CHANNEL}:150"]
    assert await at(office, "2026-11-20 11:40") == [f"{CHANNEL}:100"]
    await messages.wake_lanes(office.desk)
    [posted] = await office.slack.wait_for(lambda: showing(office, "2 te laat", "Vraag 2"))
    assert float(posted["ts"]) >= local("2026-11-20 11:40").timestamp(), "an edit notifies nobody"


@pytest.mark.parametrize("how", ["released", "away"])
async def test_what_was_put_off_by_one_who_no_longer_has_it_is_told_to_the_queue_when_it_is_due(
    office: Bot, how: str
) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    async with office.desk.session() as session:
        until = await clocks.snooze(session, await cases.locked(session, case_id), 240, office.desk.now())
        details = {"minutes": 240, "until": until.isoformat()}
        session.add(Event(case_id=case_id, kind=EventKind.SNOOZE, by=SANNE, at=office.desk.now(), details=details))
    office.clock.at = local("2026-11-20 10:20")  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        if how == "released":
            await cases.release(session, case_id, by=SANNE, now=office.desk.now())
        else:
            since = local("2026-11-20 10:05")
            await cases.put_back(session, case_id, owner=SANNE, still_since=since, now=office.desk.now(), away=True)
    await messages.wake_lanes(office.desk)
    assert await office.card("Nieuw")
    assert not office.card_now("uitgesteld")
    assert await at(office, "2026-11-20 10:48") == [f"{CHANNEL}:80"]
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=YOUSSEF, now=office.desk.now())
    office.clock.at = local("2026-11-20 11:30")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    still = [each for each in await office.rows(Reminder) if each.kind is ReminderKind.STILL]
    assert [each.recipient for each in still] == [YOUSSEF], "the claim of a colleague lies still as any other"


async def test_a_snooze_of_a_team_that_never_opens_is_refused_kindly(office: Bot) -> None:
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    await at(office, "2026-11-20 10:48")
    await messages.wake_lanes(office.desk)
    [reminder] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    await change(office, week=[[]] * 7)
    await office.slack.click(SANNE, office.direct_channel(SANNE), reminder["ts"], "case:snooze")
    await open_modal(office, SANNE, "case:snooze")
    ack = await office.slack.submit(SANNE, {"snooze_minutes": "30", "snooze_reason": "Bellen"})
    assert "geen openingstijden" in " ".join(ack.errors.values())
    assert await office.rows(Note) == []


async def test_a_shortened_ladder_tells_nothing_twice(office: Bot) -> None:
    await mention(office)
    await at(office, "2026-11-20 10:48")
    await at(office, "2026-11-20 11:00")
    await change(office, ladder=USUAL[:2])
    await at(office, "2026-11-20 11:15")
    await at(office, "2026-11-20 11:30")
    assert await told(office, ClockKind.FIRST_REACTION) == [80, 100]


async def test_two_steps_at_the_same_percentage_are_both_told(office: Bot) -> None:
    await settings(office, coordinators=[MARIEKE], ladder=[USUAL[1], {"percent": 100, "to": "coordinator"}])
    await mention(office)
    assert sorted(await at(office, "2026-11-20 11:00")) == [f"{CHANNEL}:100", f"{MARIEKE}:100"]


@pytest.mark.parametrize("minutes", [1, 4])
async def test_after_downtime_the_last_step_alone_is_told_in_one_message(office: Bot, minutes: int) -> None:
    await settings(office, coordinators=[MARIEKE], escalation_channel="C0ESCALATIE")
    await mention(office)
    assert await at(office, "2026-11-20 11:45") == ["C0ESCALATIE:150"]
    for minute in range(minutes):
        assert await at(office, f"2026-11-20 11:{46 + minute}") == []


async def test_of_a_promise_too_the_last_step_alone_is_told_after_downtime(office: Bot) -> None:
    case_id = await mention(office)
    await sent(office, case_id, ReplyKind.INTERIM, local("2026-11-20 11:00"))
    assert await at(office, "2026-11-20 11:01") == [f"{CHANNEL}:100"]


@pytest.mark.logs(
    "a digest failed",
    "a message cannot be shown",
    "a user group could not follow duty",
    "reminding failed",
    "setting the clocks of a team anew failed",
    "the settings of a team cannot be read",
)
async def test_the_trouble_of_one_team_stops_no_other(office: Bot) -> None:
    await team_with_trouble(office)
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    assert await at(office, "2026-11-20 10:48") == [f"{SANNE}:80"]
    assert await office.slack.wait_for(lambda: office.slack.direct(SANNE))  # before the case goes back to the queue
    await claims.look_after(office.desk)
    office.clock.at = local("2026-11-20 11:03")  # type: ignore[attr-defined]
    await claims.look_after(office.desk)
    await due.look_after(office.desk)
    await duty.follow(office.desk)
    office.clock.at = local("2026-11-23 09:00")  # type: ignore[attr-defined]
    await digest.send_digests(office.desk)
    assert {"returned", "digest"} <= {message.key.partition(":")[0] for message in await office.rows(Message)}


async def test_a_case_that_is_urgent_no_longer_climbs_the_ladder_of_its_norm_again(office: Bot) -> None:
    case_id = await mention(office)
    for minute, urgent in ((0, True), (25, False)):
        office.clock.at = local(f"2026-11-20 10:{minute:02}")  # type: ignore[attr-defined]
        async with office.desk.session() as session:
            await cases.set_urgent(session, case_id, urgent=urgent, by=SANNE, now=office.desk.now())
        assert await at(office, f"2026-11-20 10:{minute + 24}") == ([f"{CHANNEL}:150"] if urgent else [f"{CHANNEL}:80"])
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
