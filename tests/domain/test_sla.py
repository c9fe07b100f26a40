"""The rules of norms and reminders, and when a team opens again, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.hours import ALWAYS, Hours, NeverOpen, is_open, opens_again
from bot.domain.sla import (
    LADDER,
    PROMISE_CLIMBS_AFTER,
    URGENT,
    ClockKind,
    Policy,
    Pressure,
    Recipient,
    Step,
    Targets,
    advice_due,
    is_late,
    is_used_up,
    pressure,
    step_at,
    untold,
)
from tests.clocks import AMSTERDAM, local

OFFICE = Hours((((540, 1020),),) * 5 + ((), ()), AMSTERDAM)
LUNCH = Hours((((540, 720), (780, 1020)),) * 5 + ((), ()), AMSTERDAM)
SPLIT = Hours((((600, 720), (961, 1080)),) * 7, AMSTERDAM)
BREAKS = Hours((((120, 720), (900, 1320)),) * 7, AMSTERDAM)
NIGHTS = Hours((((1320, 1800),),) * 7, AMSTERDAM)
WEEKDAYS = Hours((((0, 1440),),) * 5 + ((), ()), AMSTERDAM)


@pytest.mark.parametrize(
    ("hours", "at", "opens"),
    [
        (OFFICE, "2026-11-20 08:00", "2026-11-23 09:00"),
        (OFFICE, "2026-11-20 09:00", "2026-11-23 09:00"),
        (OFFICE, "2026-11-20 17:00", "2026-11-23 09:00"),
        (OFFICE, "2026-11-22 12:00", "2026-11-23 09:00"),
        (OFFICE, "2026-11-23 08:59", "2026-11-24 09:00"),
        (LUNCH, "2026-11-23 11:00", "2026-11-24 09:00"),
        (LUNCH, "2026-11-23 12:30", "2026-11-24 09:00"),
        (NIGHTS, "2026-11-23 22:00", "2026-11-24 22:00"),
        (NIGHTS, "2026-11-24 03:00", "2026-11-24 22:00"),
        (SPLIT, "2026-11-24 12:00", "2026-11-24 16:01"),
        (SPLIT, "2026-11-24 17:00", "2026-11-25 10:00"),
        (BREAKS, "2026-11-24 15:00", "2026-11-25 02:00"),
        (BREAKS, "2026-11-24 23:00", "2026-11-25 02:00"),
        (BREAKS, "2026-11-23 22:00", "2026-11-24 02:00"),
        (Hours(ALWAYS, AMSTERDAM), "2026-11-23 14:23", "2026-11-24 09:00"),
        (Hours(ALWAYS, AMSTERDAM), "2026-11-24 00:00", "2026-11-24 09:00"),
        (Hours(ALWAYS, AMSTERDAM), "2026-11-24 09:00", "2026-11-25 09:00"),
        (Hours(ALWAYS, AMSTERDAM), "2026-11-24 06:00", "2026-11-25 09:00"),  # not twice within a few hours
        (WEEKDAYS, "2026-11-24 14:00", "2026-11-25 09:00"),
        (WEEKDAYS, "2026-11-27 14:00", "2026-11-30 00:00"),
        (Hours(ALWAYS, AMSTERDAM), "2026-10-25 02:30", "2026-10-25 09:00"),
        (OFFICE, "2026-10-23 16:00", "2026-10-26 09:00"),
    ],
)
def test_a_team_opens_again_after_it_was_closed_for_longer_than_a_break(hours: Hours, at: str, opens: str) -> None:
    assert opens_again(hours, local(at)) == local(opens)


def test_a_team_that_never_opens_does_not_open_again() -> None:
    with pytest.raises(NeverOpen):
        opens_again(Hours(((),) * 7, AMSTERDAM), local("2026-11-23 09:00"))


spans = st.lists(
    st.sampled_from([(540, 1020), (0, 1440), (1320, 1800), (600, 720), (780, 1000), (120, 390)]), max_size=2
)
weeks = st.tuples(*[spans.map(tuple)] * 7)


@given(week=weeks, minutes=st.integers(0, 60 * 24 * 14))
def test_a_team_opens_again_later_and_within_a_day_of_closing_at_most_once(week: tuple, minutes: int) -> None:
    hours, at = Hours(week, AMSTERDAM), local("2026-10-19 00:00") + timedelta(minutes=minutes)
    try:
        again = opens_again(hours, at)
    except NeverOpen:
        return
    assert again > at
    assert is_open(hours, again)
    assert opens_again(hours, again) > again
    assert again - at <= timedelta(days=15)


# --- Norms ---------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
NORMAL, PRIVATE, FEED = Targets(HOUR), Targets(2 * HOUR), Targets(3 * HOUR)
POLICY = Policy(NORMAL, URGENT, PRIVATE, {"feed": FEED})


@pytest.mark.parametrize(
    ("policy", "platform", "private", "urgent", "expected"),
    [
        (POLICY, "webhook", False, False, NORMAL),
        (POLICY, "feed", False, False, FEED),
        (POLICY, "feed", True, False, PRIVATE),
        (POLICY, "webhook", True, False, PRIVATE),
        (POLICY, "feed", True, True, URGENT),
        (POLICY, "webhook", False, True, URGENT),
        (Policy(NORMAL, platforms={"feed": FEED}), "feed", True, False, FEED),
        (Policy(NORMAL), "webhook", True, False, NORMAL),
        (Policy(), "webhook", False, False, Targets()),
        (Policy(), "webhook", False, True, URGENT),
    ],
)
def test_urgent_comes_before_private_and_private_before_the_platform(
    policy: Policy, platform: str, private: bool, urgent: bool, expected: Targets
) -> None:
    assert policy.targets(platform=platform, private=private, urgent=urgent) == expected


def test_the_norms_of_a_team_that_set_none() -> None:
    assert Targets() == Targets(HOUR, HOUR, 4 * HOUR)
    assert Targets(HOUR / 4, HOUR / 4, 4 * HOUR) == URGENT
    assert Policy().targets(platform="x", private=True, urgent=False) == Targets()


def test_each_kind_of_clock_has_its_target() -> None:
    targets = Targets(HOUR, 2 * HOUR, 3 * HOUR)
    kinds = (ClockKind.FIRST_REACTION, ClockKind.NEXT_REACTION, ClockKind.RESOLUTION)
    assert [targets.of(kind) for kind in kinds] == [HOUR, 2 * HOUR, 3 * HOUR]


# --- Reminders -----------------------------------------------------------------------------------

DUE = local("2026-11-20 11:00")
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("at", "told", "expected"),
    [
        (DUE - MOMENT, 0, Pressure.IN_TIME),
        (DUE - MOMENT, 1, Pressure.SOON),
        (DUE, 0, Pressure.LATE),
        (DUE, 80, Pressure.LATE),
        (DUE + MOMENT, 0, Pressure.LATE),
    ],
)
def test_what_is_due_is_late_and_of_what_was_told_it_is_soon(at: object, told: int, expected: Pressure) -> None:
    assert pressure(DUE, told, at) is expected  # type: ignore[arg-type]


@given(seconds=st.integers(-10_000, 10_000))
def test_late_by_the_clock_is_late_by_working_time(seconds: int) -> None:
    passed = timedelta(seconds=seconds)
    assert is_late(DUE, DUE + passed) is is_used_up(HOUR, HOUR + passed) is (seconds >= 0)


steps = st.lists(st.builds(Step, st.integers(1, 200), st.sampled_from(Recipient)), max_size=6)


@given(ladder=steps, told=st.integers(0, 200))
def test_what_is_told_next_is_after_what_was_told_last_in_order(ladder: list[Step], told: int) -> None:
    left = untold(ladder, told)
    assert [step.percent for step in left] == sorted(step.percent for step in ladder if step.percent > told)
    assert all(step in ladder for step in left)


def test_the_usual_ladder_climbs_from_the_owner_to_the_channel() -> None:
    assert [(step.percent, step.to) for step in untold(LADDER, 0)] == [
        (80, Recipient.OWNER), (100, Recipient.TEAM), (125, Recipient.COORDINATOR), (150, Recipient.CHANNEL),
    ]  # fmt: skip
    assert [step.percent for step in untold(LADDER, 80)] == [100, 125, 150]
    assert untold(LADDER, 150) == []


def test_a_step_is_due_when_that_part_of_the_target_is_used_in_working_time() -> None:
    assert step_at(OFFICE, local("2026-11-20 16:30"), HOUR, 80) == local("2026-11-23 09:18")
    assert step_at(OFFICE, local("2026-11-20 16:30"), HOUR, 50) == local("2026-11-20 17:00")


def test_an_adviser_is_reminded_at_half_of_the_time_and_at_its_end() -> None:
    moments = advice_due(OFFICE, local("2026-11-20 16:45"), HOUR)
    assert moments == {50: local("2026-11-23 09:15"), 100: local("2026-11-23 09:45")}
    assert advice_due(replace(OFFICE, week=((),) * 7), local("2026-11-20 16:45"), HOUR) == {}


def test_a_promise_that_lapsed_climbs_after_a_quarter_of_an_hour() -> None:
    assert timedelta(minutes=15) == PROMISE_CLIMBS_AFTER
