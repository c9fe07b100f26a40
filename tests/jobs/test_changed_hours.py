"""Opening hours that change under a running clock: the card, the reminders and the figures still say the same."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.cases import clocks
from bot.domain.case import WaitsFor
from bot.domain.hours import Hours
from bot.domain.sla import LADDER, ClockKind, Pressure, pressure
from bot.figures.standing import standing
from bot.models import Clock, Message, MessageKind, Team
from bot.slack import messages
from bot.team import teams
from jobs import sla
from tests.clocks import AMSTERDAM, local
from tests.conftest import CHANNEL, MARIEKE, Bot
from tests.people import at, mention, sent


async def change(bot: Bot, **changed: object) -> None:
    """Let a coordinator change settings of the team."""
    async with bot.desk.session() as session:
        await teams.change(session, 1, changed, by=MARIEKE, now=bot.desk.now())


async def reaction(bot: Bot) -> Clock:
    return next(clock for clock in await bot.rows(Clock) if clock.kind is ClockKind.FIRST_REACTION)


async def count_late(bot: Bot) -> int:
    async with bot.desk.reading() as session:
        return (await standing(session, await session.get_one(Team, 1), bot.desk.now())).late


async def test_a_closing_day_added_under_a_running_clock_moves_the_card_the_reminders_and_the_figures(
    office: Bot,
) -> None:
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    case_id = await mention(office)
    await office.card("Wanneer?", "ma 23 nov 09:30")
    await change(office, closed_days=["2026-11-23"])
    assert await at(office, "2026-11-20 16:45") == []
    await office.card("Wanneer?", "di 24 nov 09:30")
    assert await at(office, "2026-11-23 12:00") == []
    assert await count_late(office) == 0
    assert await at(office, "2026-11-24 09:10") == []
    await sent(office, case_id)
    clock = await reaction(office)
    assert (clock.elapsed_seconds, clock.kept) == (40 * 60, True)


async def test_hours_that_become_longer_make_it_late_at_once_and_it_is_told(office: Bot) -> None:
    office.clock.at = local("2026-11-20 16:45")  # type: ignore[attr-defined]
    await mention(office)
    office.clock.at = local("2026-11-20 18:00")  # type: ignore[attr-defined]
    await change(office, always_open=True)
    assert await at(office, "2026-11-20 18:01") == [f"{CHANNEL}:125"]
    await messages.wake_lanes(office.desk)
    await office.card("Wanneer?", "Te laat", "17:45")
    assert await count_late(office) == 1


async def test_what_ends_before_the_clocks_were_set_anew_is_measured_by_the_hours_as_they_are(office: Bot) -> None:
    office.clock.at = local("2026-11-20 16:30")  # type: ignore[attr-defined]
    case_id = await mention(office)
    await change(office, closed_days=["2026-11-23"])
    office.clock.at = local("2026-11-24 09:10")  # type: ignore[attr-defined]
    await sent(office, case_id)
    clock = await reaction(office)
    assert (clock.elapsed_seconds, clock.kept) == (40 * 60, True)


async def test_a_step_that_is_added_to_the_ladder_is_told_when_it_is_due(office: Bot) -> None:
    await mention(office)
    await change(office, ladder=[{"percent": 50, "to": "thread"}])
    assert await at(office, "2026-11-20 10:29") == []
    assert await at(office, "2026-11-20 10:30") == [f"{CHANNEL}:50"]


async def test_no_card_is_written_again_for_clocks_that_stay_as_they_are(office: Bot) -> None:
    await mention(office)
    before = [message.version for message in await office.rows(Message) if message.kind is MessageKind.CASE]
    await sla.remind(office.desk)
    await change(office, ladder=[{"percent": 50, "to": "thread"}])
    await sla.remind(office.desk)
    assert [m.version for m in await office.rows(Message) if m.kind is MessageKind.CASE] == before


async def test_a_target_that_was_used_up_before_the_clock_rested_was_not_kept(office: Bot) -> None:
    await mention(office)
    hours = Hours((((540, 1020),),) * 7, AMSTERDAM)
    clock = await reaction(office)
    clocks.pause(clock, hours, local("2026-11-20 11:30"), WaitsFor.CITIZEN)
    clocks.stop(clock, hours, local("2026-11-23 10:00"), counts=True)
    assert (clock.elapsed_seconds, clock.kept) == (5400, False)


days = st.lists(st.sampled_from([(540, 1020), (0, 1440), (1320, 1800), (600, 601)]), max_size=1).map(tuple)
weeks = st.tuples(*[days] * 7)
minutes = st.integers(0, 60 * 24 * 10)


@given(before=weeks, after=weeks, began=minutes, target=st.integers(1, 60 * 24), lasted=minutes)
def test_late_on_the_card_is_late_in_the_ladder_and_in_the_figures(
    before: tuple, after: tuple, began: int, target: int, lasted: int
) -> None:
    started = local("2026-11-20 10:00") + timedelta(minutes=began)
    ends = started + timedelta(minutes=lasted)
    row = clocks.new_row(1, ClockKind.RESOLUTION, timedelta(minutes=target), Hours(before, AMSTERDAM), LADDER, started)
    clock, hours = Clock(case_id=1, **row), Hours(after, AMSTERDAM)
    clocks.aim(clock, hours, LADDER)
    late = says_late(clock, ends)
    told = [step.percent for step in clocks.due_steps(clock, hours, LADDER, ends)]
    assert (bool(told) and told[0] >= 100) is late
    clocks.stop(clock, hours, ends, counts=True)
    assert clock.kept is not late
    assert (clock.elapsed_seconds >= target * 60) is late


def says_late(clock: Clock, now: datetime) -> bool:
    return clock.due_at is not None and pressure(clock.due_at, 0, now) is Pressure.LATE


async def test_what_was_late_by_hours_that_were_wrong_is_told_again_once_it_is_late_by_the_right_ones(
    office: Bot,
) -> None:
    await change(office, always_open=True)
    office.clock.at = local("2026-11-21 10:00")  # type: ignore[attr-defined]
    await mention(office)
    assert await at(office, "2026-11-21 11:30") == [f"{CHANNEL}:150"]
    office.clock.at = local("2026-11-21 12:00")  # type: ignore[attr-defined]
    await change(office, always_open=False)
    assert await at(office, "2026-11-23 09:00") == []
    assert await at(office, "2026-11-23 10:00") == [f"{CHANNEL}:100"]
