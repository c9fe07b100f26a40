"""Duty and absence: who is called to what is urgent, the group that follows them, and the cases of one who is away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import cases
from bot.cases import inbox
from bot.domain.absence import status_says_away
from bot.domain.case import Status
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Event, Message, MessageKind, Person, Role, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import input_state, payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages
from bot.staffing import presence
from bot.team import agents
from bot.team.settings import TeamSettings
from jobs import absence, due, duty, members
from tests.acting import forged
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot, eventually, rows_with, running_bot
from tests.people import BEHEER, asked, mention, open_modal, second_team, settings

GROUP = "S0COMMUNICATIE"


@pytest.fixture
async def office(database_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot on a Friday morning; its clock and Slack's stand still until they are moved."""
    clock = StoppedClock(local("2026-11-20 10:00"))
    slack.workspace.now = lambda: clock().timestamp()
    async with running_bot(database_url, slack, clock) as bot:
        yield bot


def move(bot: Bot, moment: str) -> datetime:
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    return bot.desk.now()


async def every_minute(bot: Bot, moment: str) -> None:
    """Move the clock and let what the minute brings run, in three processes at once."""
    move(bot, moment)
    jobs = (due.look_after, duty.follow, absence.look, absence.hand_back)
    for job in jobs:
        await asyncio.gather(*(job(bot.desk) for _ in range(3)))


async def asked_as_seen_away(bot: Bot, minutes: int = 240) -> dict[str, Any]:
    """Let Slack show Sanne as away for so long; returns what she is asked in a direct message about her cases."""
    bot.slack.do_not_disturb(SANNE, minutes)
    await every_minute(bot, "2026-11-20 10:01")
    [question] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    return dict(question)


async def is_away(bot: Bot, who: str, away: bool = True) -> None:
    async with bot.desk.session() as session:
        await presence.set_away(session, who, away, bot.desk.now())


async def is_on_duty(bot: Bot, who: str) -> None:
    async with bot.desk.session() as session:
        await presence.set_duty(session, 1, who, True, bot.desk.now())


async def make_urgent(bot: Bot, case_id: int, on: bool = True) -> None:
    """Let Sanne press the button in the details, which other messages than the card open too."""
    details = {"action_id": "case:details", "block_id": "b", "type": "button", "value": str(case_id)}
    clicked = payloads.block_actions_in_message(
        bot.slack.workspace, SANNE, bot.slack.workspace.channels[CHANNEL], bot.cards()[0], details, {}, ephemeral=False
    )
    await bot.slack._deliver(Kind.INTERACTION, clicked)
    await open_modal(bot, SANNE, "said")
    await bot.slack.click_in_view(SANNE, "case:urgent" if on else "case:not_urgent")
    other = "case:not_urgent" if on else "case:urgent"
    await bot.slack.wait_for(lambda: other in action_ids(bot.slack.view(SANNE) or {}))
    await bot.slack.close_view(SANNE)


def thread(bot: Bot) -> list[str]:
    return [text_of(m) for m in bot.slack.thread(CHANNEL, bot.cards()[0]["ts"])]


async def messages_of(bot: Bot, kind: MessageKind) -> list[Message]:
    return [m for m in await bot.rows(Message) if m.kind is kind]


async def level(bot: Bot, kind: MessageKind) -> Message:
    """Wait until the one message of this kind is level with the state, and return it."""

    async def is_level() -> Message | None:
        [message] = await messages_of(bot, kind)
        return message if message.shown_version == message.version else None

    found: Message = await eventually(is_level)
    return found


async def claimed(bot: Bot, number: int = 1, by: str = SANNE) -> int:
    """Take a mention in and let someone claim it."""
    case_id = await mention(bot, number)
    await bot.card("Wanneer?")
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=by, now=bot.desk.now())
    return case_id


async def person(bot: Bot, slack_id: str = SANNE) -> Person:
    async with bot.desk.reading() as session:
        return await session.get_one(Person, slack_id)


def asked_of(bot: Bot, slack_id: str) -> list[str]:
    """The method calls in which Slack was asked about someone's absence."""
    return [call.method for call in bot.slack.calls() if call.args.get("user") == slack_id]


# --- Urgent cases --------------------------------------------------------------------------------


async def test_those_on_duty_are_called_to_an_urgent_case_once(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await is_on_duty(office, MARIEKE)
    await make_urgent(office, case_id)
    [told] = await office.slack.wait_for(lambda: thread(office))
    assert f"<@{MARIEKE}>" in told
    assert "nog niemand heeft deze zaak opgepakt" in told
    await make_urgent(office, case_id, on=False)
    await make_urgent(office, case_id)
    await every_minute(office, "2026-11-20 10:05")
    assert len(await messages_of(office, MessageKind.URGENT)) == 1
    card = office.cards()[0]
    await office.slack.click(MARIEKE, CHANNEL, office.slack.thread(CHANNEL, card["ts"])[0]["ts"], "case:claim")
    await office.card("In behandeling", MARIEKE)


async def test_what_is_made_urgent_while_we_are_closed_is_told_at_opening(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await settings(office, rota={0: [YOUSSEF], 4: [MARIEKE]})
    move(office, "2026-11-20 17:30")
    await make_urgent(office, case_id)
    await every_minute(office, "2026-11-22 12:00")
    assert await messages_of(office, MessageKind.URGENT) == []
    await every_minute(office, "2026-11-23 09:00")
    [message] = await messages_of(office, MessageKind.URGENT)
    assert message.details == {"called": [YOUSSEF]}
    [told] = await office.slack.wait_for(lambda: thread(office))
    assert f"<@{YOUSSEF}>" in told


@pytest.mark.parametrize(
    ("moment", "called"),
    [("2026-11-20 23:00", YOUSSEF), ("2026-11-21 00:30", YOUSSEF), ("2026-11-21 05:59", YOUSSEF),
     ("2026-11-21 22:00", MARIEKE)],
)  # fmt: skip
async def test_at_night_those_are_called_who_have_the_shift_and_not_those_of_the_next_day(
    office: Bot, moment: str, called: str
) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await settings(office, week=[[["22:00", "06:00"]]] * 7, rota={4: [YOUSSEF], 5: [MARIEKE]})
    await make_urgent(office, case_id)
    await every_minute(office, moment)
    assert [m.details for m in await messages_of(office, MessageKind.URGENT)] == [{"called": [called]}]


async def test_an_urgent_case_that_someone_has_calls_nobody(office: Bot) -> None:
    case_id = await claimed(office)
    await is_on_duty(office, MARIEKE)
    await make_urgent(office, case_id)
    await every_minute(office, "2026-11-20 10:05")
    assert await messages_of(office, MessageKind.URGENT) == []


async def test_without_anyone_on_duty_the_coordinators_are_called_and_else_the_next_on_duty(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await make_urgent(office, case_id)
    await every_minute(office, "2026-11-20 10:01")
    assert await messages_of(office, MessageKind.URGENT) == []
    await settings(office, coordinators=[YOUSSEF, MARIEKE])
    await is_away(office, YOUSSEF)
    await every_minute(office, "2026-11-20 10:02")
    assert [m.details for m in await messages_of(office, MessageKind.URGENT)] == [{"called": [MARIEKE]}]


async def test_one_in_the_rota_whose_account_was_closed_is_not_called_but_the_coordinators_are(office: Bot) -> None:
    await settings(office, rota={4: [MARIEKE]}, coordinators=[SANNE, YOUSSEF])
    for gone in (MARIEKE, YOUSSEF):
        office.slack.workspace.people[gone].deleted = True
    await members.look_at_accounts(office.desk)
    await make_urgent(office, await mention(office))
    await every_minute(office, "2026-11-20 10:01")
    assert [m.details for m in await messages_of(office, MessageKind.URGENT)] == [{"called": [SANNE]}]


NAMED = "without a role where the team names its agents itself"


@pytest.mark.parametrize("how", ["a reader", NAMED, "out of the channel"])
@pytest.mark.parametrize("by", ["the rota", "themselves"])
async def test_one_on_duty_who_may_only_read_or_left_the_team_is_not_called_but_the_coordinators_are(
    office: Bot, how: str, by: str
) -> None:
    if by == "themselves":
        await is_on_duty(office, YOUSSEF)
    rota = {4: [YOUSSEF]} if by == "the rota" else {}
    await settings(office, rota=rota, coordinators=[MARIEKE], channel_answers=how != NAMED)
    if how == "out of the channel":
        await members.read_channels(office.desk)
        await office.slack.leave(YOUSSEF, CHANNEL)
    if how == "a reader":
        async with office.desk.session() as session:
            agent = await agents.locked(session, 1, YOUSSEF, office.desk.now())
            agent.role = Role.READER
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.set_urgent(session, case_id, urgent=True, by=MARIEKE, now=office.desk.now())
    await every_minute(office, "2026-11-20 10:01")
    assert [m.details for m in await messages_of(office, MessageKind.URGENT)] == [{"called": [MARIEKE]}]


@pytest.mark.parametrize("seen", ["by an event", "by a reading"])
async def test_one_who_comes_back_to_the_channel_is_on_duty_only_if_they_say_so_again(office: Bot, seen: str) -> None:
    await settings(office, rota={4: [MARIEKE]})
    await members.read_channels(office.desk)
    await is_on_duty(office, YOUSSEF)
    if seen == "by an event":
        await office.slack.leave(YOUSSEF, CHANNEL)
    else:
        office.slack.workspace.channels[CHANNEL].members -= {YOUSSEF}
        move(office, "2027-03-05 10:00")
        await members.read_channels(office.desk)
    move(office, "2027-04-09 10:00")
    await office.slack.join(YOUSSEF, CHANNEL)
    await make_urgent(office, await mention(office))
    await every_minute(office, "2027-04-09 10:01")
    assert [m.details for m in await messages_of(office, MessageKind.URGENT)] == [{"called": [MARIEKE]}]


async def test_an_urgent_case_that_its_citizen_reopens_is_called_out_again(office: Bot) -> None:
    case_id = await mention(office)
    await office.card("Wanneer?")
    await is_on_duty(office, MARIEKE)
    await make_urgent(office, case_id)
    async with office.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=office.desk.now(), reason="no_answer_needed")
    await every_minute(office, "2026-11-20 10:05")
    post = Post("9", Author("a1", "Burger 1"), "Nog steeds niet?", office.desk.now(), in_reply_to="1",
                permits=permits(Act.ANSWER))  # fmt: skip
    async with office.desk.session() as session:
        await inbox.take_in(session, 1, [post], now=office.desk.now())
    await every_minute(office, "2026-11-20 10:06")
    await every_minute(office, "2026-11-20 10:07")
    assert len(await messages_of(office, MessageKind.URGENT)) == 2


@pytest.mark.parametrize("how", ["its owner is away", "its owner releases it"])
async def test_an_urgent_case_that_goes_back_to_the_queue_is_called_out_again(office: Bot, how: str) -> None:
    bot, case_id = office, await mention(office)
    await bot.card("Wanneer?")
    await is_on_duty(bot, MARIEKE)
    await make_urgent(bot, case_id)
    await bot.slack.wait_for(lambda: thread(bot))
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())
    if how == "its owner releases it":
        move(bot, "2026-11-20 10:16")
        async with bot.desk.session() as session:
            await cases.release(session, case_id, by=SANNE, now=bot.desk.now())
    else:
        await asked_as_seen_away(bot)
        await every_minute(bot, "2026-11-20 10:16")
    assert (await bot.case(case_id)).status is Status.NEW
    for minute in (17, 18):
        await every_minute(bot, f"2026-11-20 10:{minute}")
    assert len(await messages_of(bot, MessageKind.URGENT)) == 2
    _, news = await bot.slack.wait_for(
        lambda: (told := [words for words in thread(bot) if "wachtrij" not in words]) and len(told) == 2 and told
    )
    assert f"<@{MARIEKE}>" in news and "nog niemand heeft deze zaak opgepakt" in news


async def posted(bot: Bot, channel: str = CHANNEL) -> list[str]:
    """Let Slack have all that waits; returns the keys of the messages in a channel, in the order of their posting."""
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    rows = [each for each in await bot.rows(Message) if each.ts and each.channel == channel]
    return [each.key for each in sorted(rows, key=lambda each: float(each.ts))]


async def come(bot: Bot, *numbers: int, account: int = 1) -> None:
    """Let citizens write, without showing it."""
    posts = [Post(str(n), Author(f"a{n}", f"Burger {n}"), "Wanneer?", bot.desk.now(), permits=permits(Act.ANSWER))
             for n in numbers]  # fmt: skip
    async with bot.desk.session() as session:
        await inbox.take_in(session, account, posts, now=bot.desk.now())


async def test_what_is_made_urgent_while_many_wait_for_their_card_goes_first_with_the_call_to_it(office: Bot) -> None:
    await mention(office)
    await office.card("Wanneer?")
    await is_on_duty(office, MARIEKE)
    await come(office, *range(2, 12))
    await make_urgent(office, 9)
    waited = [number for number in range(2, 12) if number != 9]
    assert await posted(office) == ["case:1", "case:9", "urgent:9:0", *(f"case:{number}" for number in waited)]


@pytest.mark.parametrize("why", ["danger", "urgent", "neither"])
async def test_a_case_that_goes_first_does_so_in_the_team_that_gets_it_too(office: Bot, why: str) -> None:
    beheer = await second_team(office)
    async with office.desk.session() as session:
        session.add(Account(id=5, team_id=beheer, platform="webhook", name="b", url="", created_at=office.desk.now()))
    case_id = await mention(office, text="Mijn kind is in het water gevallen!" if why == "danger" else "Wanneer?")
    card = await office.card("Burger 1")
    if why == "urgent":
        await make_urgent(office, case_id)
    await come(office, *range(2, 7), account=5)
    await office.slack.click(SANNE, CHANNEL, card["ts"], "case:more", f"more:{case_id}")
    await open_modal(office, SANNE, "more")
    await office.slack.click_in_view(SANNE, "case:more", value=f"transfer:{case_id}")
    await open_modal(office, SANNE, "case:transfer")
    ack = await office.slack.submit(SANNE, {"transfer_to": str(beheer), "transfer_note": "Jullie zijn dichtbij."})
    assert ack.ok, ack
    theirs, waited = ["case:1:1", "transferred:1"], [f"case:{number}" for number in range(2, 7)]
    assert await posted(office, BEHEER) == ([*waited, *theirs] if why == "neither" else [*theirs, *waited])


# --- The user group ------------------------------------------------------------------------------


def group(bot: Bot) -> list[str]:
    return bot.slack.workspace.usergroups[GROUP].people


def updates(bot: Bot) -> int:
    return len(bot.slack.calls("usergroups.users.update"))


async def test_the_user_group_follows_duty_and_is_left_alone_while_that_stays_the_same(office: Bot) -> None:
    await settings(office, duty_group=GROUP, rota={4: [SANNE, YOUSSEF]})
    await duty.follow(office.desk)
    assert group(office) == [SANNE, YOUSSEF]
    move(office, "2026-11-20 10:59")
    await duty.follow(office.desk)
    assert updates(office) == 1
    await is_on_duty(office, MARIEKE)
    await every_minute(office, "2026-11-20 11:00")
    assert group(office) == [MARIEKE]
    office.slack.workspace.usergroups[GROUP].people = [YOUSSEF]  # someone changed it by hand
    await every_minute(office, "2026-11-20 12:00")
    assert group(office) == [MARIEKE]


async def test_with_nobody_on_duty_the_user_group_is_left_as_it_is(office: Bot) -> None:
    await settings(office, duty_group=GROUP, rota={4: [SANNE]})
    await duty.follow(office.desk)
    await is_away(office, SANNE)
    await every_minute(office, "2026-11-20 11:00")
    assert group(office) == [SANNE]
    assert updates(office) == 1


async def test_a_group_that_may_not_be_changed_is_logged_once_and_tried_again_later(office: Bot) -> None:
    await settings(office, duty_group=GROUP, rota={4: [SANNE]})
    office.slack.app.scopes.discard("usergroups:write")
    with capture_logs() as logs:
        for moment in ("10:00", "10:01", "10:59", "11:00"):
            move(office, f"2026-11-20 {moment}")
            await duty.follow(office.desk)
    assert updates(office) == 2
    assert [(each["log_level"], each["reason"]) for each in logs] == [("warning", "missing_scope")]
    async with office.desk.reading() as session:
        team = await session.get_one(Team, 1)
    assert (team.duty_shown or {})["problem"] == "missing_scope"
    office.slack.app.scopes.add("usergroups:write")
    await every_minute(office, "2026-11-20 12:00")
    assert group(office) == [SANNE]


async def test_a_slack_that_is_down_is_asked_again_the_next_minute(office: Bot) -> None:
    await settings(office, duty_group=GROUP, rota={4: [SANNE]})
    office.slack.faults.down = True
    await duty.follow(office.desk)
    office.slack.faults.clear()
    await every_minute(office, "2026-11-20 10:01")
    assert group(office) == [SANNE]


# --- Absence -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("emoji", "words", "away"),
    [
        (":palm_tree:", "", True),
        (":face_with_thermometer:", "Ziek", True),
        ("", "Zomervakantie t/m 3 januari", True),
        ("", "Ouderschapsverlof", True),
        ("", "Out of Office", True),
        (":calendar:", "OOO until Monday", True),
        (":house_with_garden:", "Thuiswerken", False),
        (":bus:", "Naar het ziekenhuis voor overleg", False),
        ("", "Terug van vakantie", False),
        ("", "Bezig met het verlofrooster", False),
        ("", "", False),
    ],
)
def test_a_status_of_leave_or_illness_means_away(emoji: str, words: str, away: bool) -> None:
    now = local("2026-11-20 10:00")
    assert status_says_away(emoji, words, 0, now) is away
    assert not status_says_away(emoji, words, now.timestamp(), now)


@pytest.mark.parametrize("how", ["status", "do_not_disturb"])
async def test_an_owner_who_is_away_is_asked_once_and_without_an_answer_the_cases_go_back(
    office: Bot, how: str
) -> None:
    case_id = await claimed(office)
    await every_minute(office, "2026-11-20 10:01")
    assert await messages_of(office, MessageKind.AWAY) == []
    if how == "status":
        office.slack.set_status(SANNE, ":palm_tree:", "Op vakantie")
    else:
        office.slack.do_not_disturb(SANNE, 240)
    await every_minute(office, "2026-11-20 10:06")
    [question] = await messages_of(office, MessageKind.AWAY)
    assert (await person(office)).away_since == office.desk.now()
    [asked] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    assert "Je hebt nog 1 zaak" in text_of(asked)
    await every_minute(office, "2026-11-20 10:20")
    assert (await office.case(case_id)).assignee == SANNE
    await every_minute(office, "2026-11-20 10:21")
    case = await office.case(case_id)
    assert (case.status, case.assignee) == (Status.NEW, None)
    assert len(await messages_of(office, MessageKind.AWAY)) == 1
    why = [e for e in await office.rows(Event) if e.kind == "release"]
    assert [(e.by, e.details) for e in why] == [("", {"why": "away"})]
    await office.slack.wait_for(lambda: [m for m in thread(office) if f"<@{SANNE}> is afwezig" in m])
    await office.slack.wait_for(
        lambda: [m for m in office.slack.direct(SANNE) if "1 zaak weer in de wachtrij" in text_of(m)]
    )
    assert len(office.slack.direct(SANNE)) == 1
    assert question.id == (await messages_of(office, MessageKind.AWAY))[0].id


async def test_the_cases_of_one_whose_account_was_closed_go_back_and_nobody_keeps_trying_to_ask(office: Bot) -> None:
    case_id = await claimed(office)
    office.slack.workspace.people[SANNE].deleted = True
    for moment in ("10:01", "10:16"):
        await every_minute(office, f"2026-11-20 {moment}")
        question = await level(office, MessageKind.AWAY)
        assert (question.ts, question.problem, question.retry_at) == (None, "user_disabled", None)
    assert (await office.case(case_id)).status is Status.NEW


async def claimed_and_not_asked(bot: Bot, minutes: int) -> int:
    """Sanne claims a case and is away for so long, and Slack does not take the question; returns the case."""
    case_id = await claimed(bot)
    bot.slack.do_not_disturb(SANNE, minutes)
    bot.slack.faults.status("conversations.open", 503, times=500)
    await every_minute(bot, "2026-11-20 10:01")

    async def failed() -> bool:
        return (await messages_of(bot, MessageKind.AWAY))[0].problem == "unreachable"

    await eventually(failed)
    return case_id


async def test_a_question_that_slack_did_not_take_is_not_asked_once_they_are_back(office: Bot) -> None:
    await claimed_and_not_asked(office, 4)
    await every_minute(office, "2026-11-20 10:06")
    office.slack.faults.clear()

    async def left() -> bool:
        """Let a minute pass: the question is left once nothing can bring it to Slack any more."""
        office.clock.at = office.desk.now() + timedelta(minutes=1)  # type: ignore[attr-defined]
        await messages.wake_lanes(office.desk)
        [question] = await messages_of(office, MessageKind.AWAY)
        return question.shown_version == question.version

    await eventually(left)
    assert office.slack.direct(SANNE) == []


async def test_nobody_loses_a_case_because_slack_did_not_take_the_question_in_time(office: Bot) -> None:
    bot = office
    case_id = await claimed_and_not_asked(bot, 240)
    await every_minute(bot, "2026-11-20 10:30")
    assert (await bot.case(case_id)).assignee == SANNE
    bot.slack.faults.clear()
    move(bot, "2026-11-20 10:40")
    await messages.wake_lanes(bot.desk)
    [asked] = await bot.slack.wait_for(lambda: bot.slack.direct(SANNE))
    assert "Je hebt nog 1 zaak" in text_of(asked)
    await every_minute(bot, "2026-11-20 10:54")
    assert (await bot.case(case_id)).assignee == SANNE
    await every_minute(bot, "2026-11-20 10:55")
    assert (await bot.case(case_id)).status is Status.NEW


async def test_one_who_is_asked_anew_just_when_their_cases_would_return_has_the_same_time_again(office: Bot) -> None:
    bot, case_id = office, await claimed(office)
    async with bot.desk.session() as session:
        await presence.set_away(session, SANNE, True, move(bot, "2026-11-20 10:01"))
        await presence.ask(session, SANNE, bot.desk.now())
    now = move(bot, "2026-11-20 10:16")
    async with bot.desk.reading() as session:
        team = await session.get_one(Team, 1)
        [due_now] = await presence.unanswered(session, team, TeamSettings.of(team.settings), now)
    async with bot.desk.session() as session:  # they were back for a moment
        await presence.set_away(session, SANNE, False, now)
        await presence.set_away(session, SANNE, True, now := move(bot, "2026-11-20 10:16:30"))
        await presence.ask(session, SANNE, now)
    async with bot.desk.session() as session:
        asked_at = due_now.asked_at
        assert await presence.return_unanswered(session, SANNE, [due_now.case_id], now, asked_at=asked_at) == []
    await every_minute(bot, "2026-11-20 10:31")
    assert (await bot.case(case_id)).assignee == SANNE
    await every_minute(bot, "2026-11-20 10:32")
    assert (await bot.case(case_id)).status is Status.NEW


async def test_one_who_answers_to_keep_the_cases_keeps_them(office: Bot) -> None:
    case_id = await claimed(office)
    asked = await asked_as_seen_away(office)
    await office.slack.click(SANNE, office.direct_channel(SANNE), asked["ts"], "agent:keep")
    await office.slack.wait_for(lambda: "Alles blijft bij jou" in text_of(office.slack.direct(SANNE)[0]))
    for moment in ("10:10", "10:20", "10:29"):
        await every_minute(office, f"2026-11-20 {moment}")
    assert (await office.case(case_id)).assignee == SANNE
    assert len(await messages_of(office, MessageKind.AWAY)) == 1


async def test_one_who_answers_yes_hands_back_at_once(office: Bot) -> None:
    case_id = await claimed(office)
    office.slack.set_status(SANNE, "", "Ziek")
    await every_minute(office, "2026-11-20 10:01")
    [asked] = await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    await office.slack.click(SANNE, office.direct_channel(SANNE), asked["ts"], "agent:hand_back")
    assert (await office.case(case_id)).status is Status.NEW
    await level(office, MessageKind.CASE)
    assert office.card_now("Nieuw")
    assert (await person(office)).asked_at is None


async def test_one_who_is_back_keeps_the_cases_and_the_next_absence_is_asked_about_anew(office: Bot) -> None:
    case_id = await claimed(office)
    office.slack.do_not_disturb(SANNE, 9)
    await every_minute(office, "2026-11-20 10:01")
    assert (await person(office)).asked_at is not None
    await every_minute(office, "2026-11-20 10:10")
    back = await person(office)
    assert (back.away_since, back.seen_away_since, back.asked_at) == (None, None, None)
    await every_minute(office, "2026-11-20 10:16")
    assert (await office.case(case_id)).assignee == SANNE
    office.slack.do_not_disturb(SANNE, 60)
    await every_minute(office, "2026-11-20 10:21")
    assert len(await messages_of(office, MessageKind.AWAY)) == 2


@pytest.mark.parametrize("command", ["weg terug", "dienst"])
async def test_the_question_to_one_seen_away_ends_at_once_when_they_say_that_they_are_back(
    office: Bot, command: str
) -> None:
    await claimed(office)
    await asked_as_seen_away(office)
    move(office, "2026-11-20 10:05")
    await asked(office, SANNE, f"/webcare {command}")
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    assert "Je bent er weer" in text_of(office.slack.direct(SANNE)[0])


@pytest.mark.parametrize("then", ["back", "returned"])
async def test_the_question_to_one_seen_away_ends_too_when_they_say_so_themselves_after_it(
    office: Bot, then: str
) -> None:
    await claimed(office)
    await asked_as_seen_away(office, 9)
    move(office, "2026-11-20 10:05")
    assert "Je bent weg" in await asked(office, SANNE, "/webcare weg")
    if then == "back":
        move(office, "2026-11-20 10:10")
        await asked(office, SANNE, "/webcare weg terug")
        said = "Je bent er weer"
    else:
        await every_minute(office, "2026-11-20 14:00")
        said = "antwoordde niet"
    await messages.wake_lanes(office.desk)
    await office.slack.wait_for(lambda: said in text_of(office.slack.direct(SANNE)[0]))
    assert action_ids(office.slack.direct(SANNE)[0]) == []


async def test_a_question_that_is_on_its_way_when_they_say_so_themselves_ends_too(office: Bot) -> None:
    await claimed(office)
    office.slack.do_not_disturb(SANNE, 9)
    on_its_way = office.slack.faults.hold("chat.postMessage")
    await every_minute(office, "2026-11-20 10:01")
    await eventually(lambda: rows_with(office, Message, lambda m: m.kind is MessageKind.AWAY and m.posting_since))
    move(office, "2026-11-20 10:05")
    assert "Je bent weg" in await asked(office, SANNE, "/webcare weg")
    on_its_way.set()
    await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    move(office, "2026-11-20 10:10")
    await asked(office, SANNE, "/webcare weg terug")
    await messages.wake_lanes(office.desk)
    await office.slack.wait_for(lambda: "Je bent er weer" in text_of(office.slack.direct(SANNE)[0]))
    assert action_ids(office.slack.direct(SANNE)[0]) == []
    assert len(office.slack.direct(SANNE)) == 1


@pytest.mark.parametrize("how", ["seen", "command", "duty"])
async def test_the_question_to_one_who_is_back_says_so_and_takes_no_cases_any_more(office: Bot, how: str) -> None:
    case_id = await claimed(office)
    asked = await asked_as_seen_away(office, 9)
    where = office.direct_channel(SANNE)
    clicks = [each for _, each in input_state.elements(asked["blocks"]) if each["action_id"] == "agent:hand_back"]
    if how == "seen":
        await every_minute(office, "2026-11-20 10:10")
    elif how == "command":
        await is_away(office, SANNE, False)
    else:
        await is_on_duty(office, SANNE)
    await messages.wake_lanes(office.desk)
    await office.slack.wait_for(lambda: "Je bent er weer" in text_of(office.slack.direct(SANNE)[0]))
    assert action_ids(office.slack.direct(SANNE)[0]) == []
    await forged(office, SANNE, asked, "agent:hand_back", clicks[0]["value"], channel=where)
    await office.slack.wait_for(lambda: "Mijn zaken overdragen" in str(office.slack.direct(SANNE)))
    assert (await office.case(case_id)).assignee == SANNE


@pytest.mark.parametrize(
    ("choice", "words"), [("agent:keep", "Alles blijft bij jou"), ("agent:hand_back", "in de wachtrij")]
)
async def test_what_one_who_is_away_chose_stands_though_the_question_was_to_be_written_again(
    office: Bot, choice: str, words: str
) -> None:
    """A case goes away while they choose: the question would have had another number."""
    await claimed(office)
    asked = await asked_as_seen_away(office)
    async with office.desk.session() as session:
        await presence.asked_anew(session, SANNE)
    await office.slack.click(SANNE, office.direct_channel(SANNE), asked["ts"], choice)
    await office.slack.wait_for(lambda: words in text_of(office.slack.direct(SANNE)[0]))
    await messages.wake_lanes(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    assert words in text_of(office.slack.direct(SANNE)[0])


@pytest.mark.parametrize(
    ("choice", "words"), [("agent:keep", "Alles blijft bij jou"), ("agent:hand_back", "in de wachtrij")]
)
async def test_what_one_who_is_away_chose_stands_when_slack_carries_out_an_older_update_after_it(
    office: Bot, choice: str, words: str
) -> None:
    """The update was begun as one of two cases went away, and the click replaces the message at once."""
    gone, _ = await claimed(office, 1), await claimed(office, 2)
    asked = await asked_as_seen_away(office)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    async with office.desk.session() as session:
        await cases.release(session, gone, by=SANNE, now=office.desk.now())
        await presence.asked_anew(session, SANNE)
    on_its_way = office.slack.faults.hold("chat.update")
    messages.wake(office.desk, [office.direct_channel(SANNE)])
    await eventually(lambda: rows_with(office, Message, lambda m: m.kind is MessageKind.AWAY and m.leased_until))
    await office.slack.click(SANNE, office.direct_channel(SANNE), asked["ts"], choice)
    await office.slack.wait_for(lambda: words in text_of(office.slack.direct(SANNE)[0]))
    on_its_way.set()
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    await office.slack.wait_for(lambda: words in text_of(office.slack.direct(SANNE)[0]))
    assert action_ids(office.slack.direct(SANNE)[0]) == []


@pytest.mark.parametrize(("choice", "words"), [("keep", "Alles blijft bij jou"), ("hand_back", "in de wachtrij")])
async def test_what_was_chosen_below_a_command_is_said_in_the_direct_message_too(
    office: Bot, choice: str, words: str
) -> None:
    """Else two questions stand open, and the second answer undoes the first."""
    await claimed(office)
    await asked_as_seen_away(office)
    await asked(office, SANNE, "/webcare weg")
    shown = office.slack.ephemerals(SANNE, CHANNEL)[-1]
    await office.slack.click(SANNE, CHANNEL, shown["ts"], f"agent:{choice}")
    await office.slack.wait_for(lambda: words in text_of(office.slack.direct(SANNE)[0]))
    assert action_ids(office.slack.direct(SANNE)[0]) == []


async def test_one_who_says_to_be_there_is_believed_whatever_slack_shows(office: Bot) -> None:
    case_id = await claimed(office)
    office.slack.do_not_disturb(SANNE, 240)
    await every_minute(office, "2026-11-20 10:01")
    await is_away(office, SANNE, False)
    for moment in ("10:07", "10:13", "10:20"):
        await every_minute(office, f"2026-11-20 {moment}")
    assert (await person(office)).away_since is None
    assert (await office.case(case_id)).assignee == SANNE
    assert len(await messages_of(office, MessageKind.AWAY)) == 1


@pytest.mark.parametrize("word", ["weg terug", "dienst"])
async def test_one_who_says_to_be_there_before_slack_was_asked_is_believed_too(office: Bot, word: str) -> None:
    bot = office
    await asked(bot, SANNE, "/webcare weg")
    bot.slack.set_status(SANNE, ":palm_tree:", "Op vakantie")  # it still stands there on the first day back
    await asked(bot, SANNE, f"/webcare {word}")
    case_id = await claimed(bot)
    for minute in (1, 7, 13):
        await every_minute(bot, f"2026-11-20 10:{minute:02}")
    assert (await person(bot)).away_since is None
    bot.slack.set_status(SANNE, "", "")
    await every_minute(bot, "2026-11-20 10:19")
    bot.slack.set_status(SANNE, ":palm_tree:", "Op vakantie")
    await every_minute(bot, "2026-11-20 10:25")
    assert (await person(bot)).away_since == bot.desk.now()
    assert (await bot.case(case_id)).assignee == SANNE


async def test_what_one_who_is_away_did_something_with_since_stays_with_them(office: Bot) -> None:
    first, second = await claimed(office, 1), await claimed(office, 2)
    await asked_as_seen_away(office)
    move(office, "2026-11-20 10:05")
    async with office.desk.session() as session:
        await cases.add_note(session, second, by=SANNE, now=office.desk.now(), text="Gebeld", submission="v")
    await every_minute(office, "2026-11-20 10:16")
    assert [(await office.case(case_id)).assignee for case_id in (first, second)] == [None, SANNE]


async def test_one_who_left_by_command_and_does_not_answer_hands_back_too(office: Bot) -> None:
    case_id = await claimed(office)
    await office.slack.command(SANNE, CHANNEL, "/webcare weg")
    await office.slack.wait_for(lambda: office.slack.ephemerals(SANNE, CHANNEL))
    await every_minute(office, "2026-11-20 10:14")
    assert (await office.case(case_id)).assignee == SANNE
    await every_minute(office, "2026-11-20 10:15")
    assert (await office.case(case_id)).status is Status.NEW
    await office.slack.wait_for(lambda: office.slack.direct(SANNE))
    shown = office.slack.ephemerals(SANNE, CHANNEL)[-1]
    await office.slack.click(SANNE, CHANNEL, shown["ts"], "agent:keep")
    await office.slack.wait_for(
        lambda: [m for m in office.slack.ephemerals(SANNE, CHANNEL) if "wacht niets meer" in text_of(m)]
    )


async def test_one_on_duty_who_leaves_reads_that_this_ended_it(office: Bot) -> None:
    assert "dienst" not in await asked(office, SANNE, "/webcare weg")
    await asked(office, SANNE, "/webcare dienst")
    assert "Je dienst is daarmee afgelopen" in await asked(office, SANNE, "/webcare weg")
    await asked(office, SANNE, "/webcare weg terug")
    async with office.desk.reading() as session:
        team = await session.get_one(Team, 1)
        assert await presence.on_duty(session, 1, TeamSettings.of(team.settings), office.desk.now()) == []


async def test_one_who_takes_on_duty_while_away_reads_that_they_are_back(office: Bot) -> None:
    await claimed(office)
    assert "niet meer weg" not in await asked(office, SANNE, "/webcare dienst")
    await asked(office, SANNE, "/webcare weg")
    assert "niet meer weg" not in await asked(office, SANNE, "/webcare dienst uit")
    assert "Je bent daarmee niet meer weg" in await asked(office, SANNE, "/webcare dienst")
    async with office.desk.reading() as session:
        assert not await presence.is_away(session, SANNE)


async def test_slack_is_asked_about_owners_only_every_five_minutes_and_never_while_we_are_closed(office: Bot) -> None:
    await claimed(office)
    for moment in ("10:01", "10:02", "10:05"):
        await every_minute(office, f"2026-11-20 {moment}")
    assert asked_of(office, SANNE) == ["users.info", "dnd.info"]
    assert asked_of(office, YOUSSEF) == []
    await every_minute(office, "2026-11-20 10:06")
    await every_minute(office, "2026-11-20 18:00")
    assert len(asked_of(office, SANNE)) == 4


async def test_without_the_permission_do_not_disturb_is_not_seen_and_a_status_is(office: Bot) -> None:
    office.slack.app.scopes.discard("dnd:read")
    await claimed(office)
    office.slack.do_not_disturb(SANNE, 240)
    await every_minute(office, "2026-11-20 10:01")
    assert await messages_of(office, MessageKind.AWAY) == []
    office.slack.set_status(SANNE, ":palm_tree:")
    await every_minute(office, "2026-11-20 10:06")
    assert len(await messages_of(office, MessageKind.AWAY)) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "down", "user_not_found"])
async def test_a_slack_that_tells_nothing_changes_nothing(office: Bot, fault: str) -> None:
    case_id = await claimed(office)
    office.slack.do_not_disturb(SANNE, 240)
    faults: dict[str, Any] = {
        "rate_limit": lambda: office.slack.faults.rate_limit("users.info", 30, times=3),
        "down": lambda: office.slack.faults.status("users.info", 503, times=3),
        "user_not_found": lambda: office.slack.faults.error("users.info", "user_not_found", times=3),
    }
    faults[fault]()
    await every_minute(office, "2026-11-20 10:01")
    assert await messages_of(office, MessageKind.AWAY) == []
    assert (await office.case(case_id)).assignee == SANNE


async def test_those_seen_away_are_not_on_duty_until_they_are_back(office: Bot) -> None:
    await is_on_duty(office, SANNE)
    await claimed(office)
    office.slack.do_not_disturb(SANNE, 5)
    await every_minute(office, "2026-11-20 10:01")
    async with office.desk.reading() as session:
        assert await presence.on_duty(session, 1, await _wishes(office), office.desk.now()) == []
    await every_minute(office, "2026-11-20 10:10")
    async with office.desk.reading() as session:
        assert await presence.on_duty(session, 1, await _wishes(office), office.desk.now()) == [SANNE]


async def _wishes(bot: Bot) -> Any:
    async with bot.desk.reading() as session:
        return TeamSettings.of((await session.get_one(Team, 1)).settings)
