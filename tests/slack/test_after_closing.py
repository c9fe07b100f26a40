"""What the clock asks of people while the team is open, and Slack did not take by then, waits until it opens again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot import cases
from bot.domain.case import Urgency
from bot.keeping import soundness
from bot.models import ReplyKind, Role
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.slack import messages, troubles
from bot.staffing import presence
from bot.team import teams
from bot.watch.stored import Stored
from jobs import claims, digest, due, sla
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, YOUSSEF, Bot
from tests.people import BEHEER, make_role, mention, second_team, sent, settings


async def urgent(bot: Bot) -> None:
    """A case that nobody has is made urgent."""
    await settings(bot, coordinators=[MARIEKE])
    async with bot.desk.session() as session:
        await cases.set_urgent(session, 1, urgent=True, by=SANNE, now=bot.desk.now())
    await due.look_after(bot.desk)


async def away(bot: Bot) -> None:
    """Slack shows the owner of a case as away."""
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
        await presence.saw(session, SANNE, True, bot.desk.now())


async def unanswered(bot: Bot) -> None:
    """A citizen did not answer for days."""
    await sent(bot, 1, ReplyKind.QUESTION)
    at(bot, "2026-11-30 16:59")
    await due.look_after(bot.desk)


def at(bot: Bot, moment: str) -> None:
    bot.clock.at = local(moment)  # type: ignore[attr-defined]


async def level(bot: Bot) -> None:
    await messages.wake_lanes(bot.desk)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


def told(bot: Bot) -> int:
    """How many messages notify somebody: direct ones and those in threads."""
    direct = [m for who in (SANNE, MARIEKE) for m in bot.slack.direct(who)]
    return len(direct) + len(bot.slack.thread(CHANNEL, bot.cards()[0]["ts"]))


async def stale(bot: Bot) -> float:
    """How many messages a monitor reads to be in arrears."""
    async with bot.desk.reading() as session:
        figures = await Stored().read(session, bot.desk.now())
    return sum(each.value for figure in figures if figure.name == "webcare_messages_stale" for each in figure.samples)


async def deep(bot: Bot) -> str:
    """What `webcare check --deep` says of our messages."""
    findings = soundness.findings(bot.engine, bot.desk.settings, bot.desk.now())
    return next(each.words for each in [each async for each in findings] if each.about == "Messages")


async def cut_off(bot: Bot, begins: Callable[[Bot], Awaitable[None]]) -> int:
    """Let something begin a minute before closing time, while Slack is away; returns what people read before."""
    at(bot, "2026-11-20 16:59")
    await mention(bot)
    await level(bot)
    before = told(bot)
    bot.slack.faults.down = True
    await begins(bot)
    await level(bot)
    bot.slack.faults.clear()
    return before


@pytest.mark.parametrize("begins", [urgent, away, unanswered])
async def test_what_slack_did_not_take_before_the_team_closed_comes_when_it_opens(
    office: Bot, begins: Callable[[Bot], Awaitable[None]]
) -> None:
    before = await cut_off(office, begins)
    day, next_day = ("2026-11-30", "2026-12-01") if begins is unanswered else ("2026-11-20", "2026-11-23")
    for moment in (f"{day} 17:05", f"{day} 23:00", f"{next_day} 08:59"):
        at(office, moment)
        await level(office)
        assert told(office) == before, moment
        assert await stale(office) == 0, "nothing is in arrears, so no monitor is alarmed"
        assert await deep(office) == "Slack shows all as they are."
    at(office, f"{next_day} 09:00")
    for _ in range(2):
        await level(office)
    assert told(office) == before + 1


@pytest.mark.parametrize("goes_on", [False, True])
async def test_that_a_case_is_back_without_advice_is_told_at_the_opening_unless_it_went_on(
    office: Bot, goes_on: bool
) -> None:
    await mention(office)
    now = office.desk.now()
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=now)
        await cases.escalate(
            session, 1, by=SANNE, now=now, target=MARIEKE, channels=[MARIEKE], question="Weet jij dit?",
            urgency=Urgency.NORMAL, submission="v",
        )  # fmt: skip
    await level(office)
    at(office, "2026-11-20 16:59")
    office.slack.faults.down = True
    await due.look_after(office.desk)
    office.slack.faults.clear()

    def back() -> int:
        thread = office.slack.thread(CHANNEL, office.cards()[0]["ts"])
        return len([m for m in thread if "niet op tijd advies" in text_of(m)])

    at(office, "2026-11-20 19:00")
    await level(office)
    assert back() == 0
    if goes_on:
        async with office.desk.session() as session:
            await cases.release(session, 1, by=SANNE, now=office.desk.now())
    at(office, "2026-11-23 09:00")
    await level(office)
    assert back() == (not goes_on)


async def test_what_is_over_by_the_time_the_team_opens_is_not_told_any_more(office: Bot) -> None:
    before = await cut_off(office, urgent)
    at(office, "2026-11-20 17:05")
    await level(office)
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=office.desk.now())
    for moment in ("2026-11-20 17:06", "2026-11-23 09:00"):
        at(office, moment)
        await level(office)
    assert told(office) == before


async def test_who_is_in_two_teams_is_asked_while_one_of_them_is_open(office: Bot) -> None:
    await second_team(office, always_open=True)
    await make_role(office, SANNE, Role.AGENT, 2)
    before = await cut_off(office, away)
    at(office, "2026-11-20 17:05")
    await level(office)
    assert told(office) == before + 1


async def test_what_slack_took_just_before_the_team_closed_without_our_knowing_follows_its_case_meanwhile(
    office: Bot,
) -> None:
    at(office, "2026-11-20 16:59")
    await mention(office)
    await level(office)
    before = told(office)
    office.slack.faults.drop_after("chat.postMessage")
    await urgent(office)
    await level(office)
    assert told(office) == before + 1, "Slack has it"
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=office.desk.now())
    for moment in ("2026-11-20 17:05", "2026-11-20 17:10"):
        at(office, moment)
        await level(office)
    assert told(office) == before + 1
    [call] = [m for m in office.slack.thread(CHANNEL, office.cards()[0]["ts"]) if "geroepen" in text_of(m)]
    assert action_ids(call) == [], "nobody is called any more"


@pytest.mark.parametrize("begins", [urgent, away, unanswered])
async def test_what_slack_perhaps_took_just_before_the_team_closed_waits_too_if_it_did_not(
    office: Bot, begins: Callable[[Bot], Awaitable[None]]
) -> None:
    at(office, "2026-11-20 16:59")
    await mention(office)
    await level(office)
    before = told(office)
    office.slack.faults.drop_before("chat.postMessage", times=2)
    await begins(office)
    await level(office)
    office.slack.faults.clear()
    day, next_day = ("2026-11-30", "2026-12-01") if begins is unanswered else ("2026-11-20", "2026-11-23")
    for moment in (f"{day} 17:05", f"{day} 17:10", f"{day} 17:15", f"{next_day} 08:59"):
        at(office, moment)
        await level(office)
        assert told(office) == before, moment
    assert await stale(office) == 0
    at(office, f"{next_day} 09:00")
    for _ in range(2):
        await level(office)
    assert told(office) == before + 1


@pytest.mark.parametrize("begins", [urgent, away, unanswered])
async def test_what_waits_comes_when_the_team_opens_earlier_than_it_used_to(
    office: Bot, begins: Callable[[Bot], Awaitable[None]]
) -> None:
    before = await cut_off(office, begins)
    day = "2026-11-30" if begins is unanswered else "2026-11-20"
    at(office, f"{day} 19:00")
    await level(office)
    assert told(office) == before
    async with office.desk.session() as session:
        await teams.change(session, 1, {"always_open": True}, by=MARIEKE, now=office.desk.now())
    at(office, f"{day} 19:01")
    await sla.remind(office.desk)
    await office.desk.wake.idle()  # type: ignore[attr-defined]
    assert told(office) == before + 1


async def test_a_channel_is_open_to_us_again_once_it_takes_what_waited_for_the_opening(office: Bot) -> None:
    at(office, "2026-11-20 16:59")
    await mention(office)
    await level(office)
    office.slack.faults.error("chat.postMessage", "restricted_action_thread_only_channel")
    await urgent(office)
    await level(office)
    assert await closed_channels(office) == [CHANNEL]
    for moment in ("2026-11-20 17:05", "2026-11-23 09:00"):
        at(office, moment)
        await level(office)
    assert len(office.slack.thread(CHANNEL, office.cards()[0]["ts"])) == 1
    assert await closed_channels(office) == []


@pytest.mark.parametrize("goes_on", ["", "claimed", "handed over"])
async def test_that_a_case_is_back_in_the_queue_is_told_at_the_opening_unless_it_went_on(
    office: Bot, goes_on: str
) -> None:
    beheer = await second_team(office)
    await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=office.desk.now())
    await level(office)
    for moment in ("2026-11-20 16:30", "2026-11-20 16:59"):
        at(office, moment)
        office.slack.faults.down = moment.endswith("16:59")
        await claims.look_after(office.desk)
        await level(office)
    office.slack.faults.clear()
    assert (await office.case()).assignee is None

    def back() -> int:
        ours = [*office.slack.thread(CHANNEL, office.cards()[0]["ts"]), *thread_of(office, BEHEER)]
        return len([m for m in ours if "weer in de wachtrij" in text_of(m)])

    for moment in ("2026-11-20 17:05", "2026-11-20 17:10", "2026-11-20 23:00"):
        at(office, moment)
        await level(office)
        assert back() == 0, moment
    async with office.desk.session() as session:
        now = office.desk.now()
        if goes_on == "claimed":
            await cases.claim(session, 1, by=YOUSSEF, now=now)
        elif goes_on:
            await cases.transfer(session, 1, seen=1, to=beheer, note="Voor jullie", by=SANNE, now=now, submission="t")
    for _ in range(2):
        at(office, "2026-11-23 09:00")
        await level(office)
    assert back() == (not goes_on)


def thread_of(bot: Bot, channel: str) -> list[dict[str, Any]]:
    """What is in the threads of a channel."""
    return [each for message in bot.slack.messages(channel) for each in bot.slack.thread(channel, message["ts"])]


@pytest.mark.parametrize("meanwhile", [[], [False, True]], ids=["it waits on", "it had nothing to say for a while"])
async def test_what_waits_for_the_opening_is_refused_no_longer_once_its_channel_is_open_again(
    office: Bot, meanwhile: list[bool]
) -> None:
    at(office, "2026-11-20 16:59")
    await mention(office)
    await level(office)
    office.slack.workspace.channels[CHANNEL].archived = True
    await urgent(office)
    await level(office)
    assert (CHANNEL, "is_archived") in await refused(office)
    await make_urgent(office, *meanwhile[:1])
    at(office, "2026-11-20 17:05")
    await level(office)
    office.slack.workspace.channels[CHANNEL].archived = False
    await troubles.look_around(office.desk)
    await make_urgent(office, *meanwhile[1:])
    await level(office)
    assert (await closed_channels(office), await refused(office), await stale(office)) == ([], [], 0)
    at(office, "2026-11-23 09:00")
    await level(office)
    assert len(office.slack.thread(CHANNEL, office.cards()[0]["ts"])) == 1


async def test_what_slack_refused_for_itself_waits_for_the_opening_and_no_longer_counts_as_refused(office: Bot) -> None:
    at(office, "2026-11-20 16:59")
    await mention(office)
    await level(office)
    office.slack.faults.error("chat.postMessage", "msg_too_long")
    await urgent(office)
    await level(office)
    assert await refused(office) == [(CHANNEL, "msg_too_long")]
    at(office, "2026-11-20 17:05")
    await level(office)
    assert (await refused(office), await stale(office)) == ([], 0)
    at(office, "2026-11-23 09:00")
    await level(office)
    assert len(office.slack.thread(CHANNEL, office.cards()[0]["ts"])) == 1


async def test_a_channel_is_open_to_us_again_once_it_takes_what_it_perhaps_had_before_it_refused_it(
    office: Bot,
) -> None:
    at(office, "2026-11-20 16:58")
    await mention(office)
    await level(office)
    office.slack.faults.drop_before("chat.postMessage")
    await urgent(office)
    await level(office)
    office.slack.faults.error("chat.postMessage", "restricted_action_thread_only_channel")
    at(office, "2026-11-20 16:59")
    await level(office)
    assert await closed_channels(office) == [CHANNEL]
    for moment in ("2026-11-20 17:05", "2026-11-20 17:10", "2026-11-20 17:15", "2026-11-23 09:00"):
        at(office, moment)
        await level(office)
    assert len(office.slack.thread(CHANNEL, office.cards()[0]["ts"])) == 1
    assert await closed_channels(office) == []


async def make_urgent(bot: Bot, *each: bool) -> None:
    async with bot.desk.session() as session:
        for urgently in each:
            await cases.set_urgent(session, 1, urgent=urgently, by=SANNE, now=bot.desk.now())


async def refused(bot: Bot) -> list[tuple[str, str]]:
    """What Slack refused last time and still waits, as the health says it: channel and Slack's error."""
    async with bot.desk.reading() as session:
        return [(channel, problem) for channel, problem, _ in await messages.waiting(session)]


async def closed_channels(bot: Bot) -> list[str]:
    """The channels in which we cannot write, as far as we know."""
    async with bot.desk.reading() as session:
        return [each.channel for each in await troubles.known(session)]


def digests(bot: Bot) -> int:
    return len([m for m in bot.slack.messages(CHANNEL) if "Dagoverzicht" in text_of(m)])


async def written_while_slack_is_away(bot: Bot, moment: str) -> None:
    """Let the digest be written at this moment, while Slack takes nothing."""
    bot.slack.faults.down = True
    at(bot, moment)
    await digest.send_digests(bot.desk)
    await level(bot)
    bot.slack.faults.clear()


async def test_a_digest_that_slack_did_not_take_all_day_comes_when_the_team_opens(office: Bot) -> None:
    await written_while_slack_is_away(office, "2026-11-24 09:00")
    for moment in ("2026-11-24 17:01", "2026-11-25 03:00", "2026-11-25 08:59"):
        at(office, moment)
        await level(office)
        assert digests(office) == 0, moment
        assert await stale(office) == 0
    at(office, "2026-11-25 09:00")
    await digest.send_digests(office.desk)
    for _ in range(2):
        await level(office)
    assert digests(office) == 2


async def test_a_digest_comes_at_the_time_that_the_team_set_though_it_is_closed_then(office: Bot) -> None:
    await settings(office, digest_at="17:30")
    at(office, "2026-11-24 17:30")
    await digest.send_digests(office.desk)
    await level(office)
    assert digests(office) == 1
    await written_while_slack_is_away(office, "2026-11-25 17:30")
    for moment, shown in (("2026-11-25 20:00", 1), ("2026-11-26 09:00", 2)):
        at(office, moment)
        for _ in range(2):
            await level(office)
        assert digests(office) == shown, moment


async def urgent_on_friday(bot: Bot) -> None:
    """A case that nobody has is made urgent."""
    async with bot.desk.session() as session:
        await cases.set_urgent(session, 1, urgent=True, by=SANNE, now=bot.desk.now())
    await due.look_after(bot.desk)


async def unanswered_of_one_away(bot: Bot) -> None:
    """A citizen did not answer for days, and the owner of the case is away."""
    await sent(bot, 1, ReplyKind.QUESTION)
    async with bot.desk.session() as session:
        await presence.set_away(session, SANNE, True, bot.desk.now())
    at(bot, "2026-12-04 16:59")
    await due.look_after(bot.desk)


@pytest.mark.parametrize("begins", [urgent_on_friday, unanswered_of_one_away])
async def test_at_the_opening_those_are_called_who_are_on_duty_then(
    office: Bot, begins: Callable[[Bot], Awaitable[None]]
) -> None:
    await settings(office, rota={4: [MARIEKE], 0: [YOUSSEF]})
    await cut_off(office, begins)
    monday = "2026-12-07" if begins is unanswered_of_one_away else "2026-11-23"
    for moment in (f"{monday} 08:00", f"{monday} 09:00"):
        at(office, moment)
        for _ in range(2):
            await level(office)
    [called] = office.slack.thread(CHANNEL, office.cards()[0]["ts"])
    assert f"<@{YOUSSEF}>" in text_of(called) and f"<@{MARIEKE}>" not in text_of(called)
    async with office.desk.session() as session:
        await cases.add_note(session, 1, by=SANNE, text="x", now=office.desk.now(), submission="n")
    at(office, f"{monday[:-2]}{int(monday[-2:]) + 1:02} 09:00")
    await level(office)
    assert f"<@{YOUSSEF}>" in text_of(office.slack.thread(CHANNEL, office.cards()[0]["ts"])[0]), "as it was called"
