"""The ladder of reminders in bad times: it changes, the bot was down, nobody answers. Nothing falls silent."""

import pytest

from bot import cases
from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.sla import ClockKind
from bot.models import Account, Clock, ReplyKind, Team
from bot.team import teams
from jobs import claims, duty
from tests.clocks import local
from tests.conftest import CHANNEL, MARIEKE, SANNE, Bot
from tests.people import at, mention, reminders, sent, settings

USUAL = [{"percent": 80, "to": "owner"}, {"percent": 100, "to": "thread"}, {"percent": 125, "to": "coordinator"}]


async def change(bot: Bot, **changed: object) -> None:
    """Let a coordinator change settings of the team."""
    async with bot.desk.session() as session:
        await teams.change(session, 1, changed, by=MARIEKE, now=bot.desk.now())


async def told(bot: Bot, kind: ClockKind) -> list[int]:
    """The percentages that were told of the clocks of a kind."""
    ids = {clock.id for clock in await bot.rows(Clock) if clock.kind is kind}
    return [step["percent"] for m in await reminders(bot) for step in m.details["steps"] if step["clock"] in ids]


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
    assert await told(office, ClockKind.FIRST_REACTION) == []


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


async def test_the_trouble_of_one_team_stops_no_other(office: Bot) -> None:
    await team_with_trouble(office)
    case_id = await mention(office)
    async with office.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=office.desk.now())
    assert await at(office, "2026-11-20 10:48") == [f"{SANNE}:80"]
    await claims.look_after(office.desk)
    await duty.call_out(office.desk)
    await duty.follow(office.desk)
    assert await office.slack.wait_for(lambda: office.slack.direct(SANNE), 10)


async def test_a_case_that_is_urgent_no_longer_climbs_the_ladder_of_its_norm_again(office: Bot) -> None:
    case_id = await mention(office)
    for minute, urgent in ((0, True), (25, False)):
        office.clock.at = local(f"2026-11-20 10:{minute:02}")  # type: ignore[attr-defined]
        async with office.desk.session() as session:
            await cases.set_urgent(session, case_id, urgent=urgent, by=SANNE, now=office.desk.now())
        assert await at(office, f"2026-11-20 10:{minute + 24}") == ([f"{CHANNEL}:150"] if urgent else [f"{CHANNEL}:80"])
    assert await at(office, "2026-11-20 11:00") == [f"{CHANNEL}:100"]
