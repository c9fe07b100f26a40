"""Working time: lunch breaks, nights, holidays, both changes of the clock; adding and counting agree."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.hours import ALWAYS, DAY, Hours, NeverOpen, add, between, is_open, next_opening

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
OFFICE = Hours((((540, 1020),),) * 5 + ((), ()), AMSTERDAM)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def test_friday_a_quarter_to_five_plus_half_an_hour_is_monday_a_quarter_past_nine() -> None:
    assert add(OFFICE, local("2026-11-20 16:45"), minutes(30)) == local("2026-11-23 09:15")


def test_what_ends_exactly_at_closing_is_due_at_closing() -> None:
    assert add(OFFICE, local("2026-11-20 16:30"), minutes(30)) == local("2026-11-20 17:00")


def test_a_lunch_break_does_not_count() -> None:
    lunch = Hours((((540, 720), (780, 1020)),) * 7, AMSTERDAM)
    assert add(lunch, local("2026-11-23 11:50"), minutes(20)) == local("2026-11-23 13:10")
    assert between(lunch, local("2026-11-23 11:50"), local("2026-11-23 13:10")) == minutes(20)
    assert not is_open(lunch, local("2026-11-23 12:30"))


def test_hours_past_midnight_belong_to_the_evening_they_began() -> None:
    night = Hours((((20 * 60, 26 * 60),), *((),) * 6), AMSTERDAM)
    assert is_open(night, local("2026-11-24 01:59"))
    assert not is_open(night, local("2026-11-24 02:00"))
    assert add(night, local("2026-11-23 23:30"), minutes(60)) == local("2026-11-24 00:30")


def test_holidays_are_skipped_and_an_early_closing_ends_the_day() -> None:
    hours = Hours(OFFICE.week, AMSTERDAM, frozenset({date(2026, 12, 25)}), {date(2026, 12, 24): 15 * 60})
    assert add(hours, local("2026-12-24 14:45"), minutes(30)) == local("2026-12-28 09:15")


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-24", 24)])
def test_a_day_counts_as_long_as_it_really_lasts(day: str, length: int) -> None:
    always = Hours(ALWAYS, AMSTERDAM)
    start = local(f"{day} 00:00")
    tomorrow = datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), AMSTERDAM)
    assert between(always, start, tomorrow.astimezone(UTC)) == timedelta(hours=length)


def test_an_opening_in_the_hour_that_summer_time_skips_loses_that_hour() -> None:
    hours = Hours((*((),) * 6, ((60, 240),)), AMSTERDAM)
    assert between(hours, local("2026-03-29 00:00"), local("2026-03-29 12:00")) == timedelta(hours=2)
    assert between(hours, local("2026-10-25 00:00"), local("2026-10-25 12:00")) == timedelta(hours=4)


def test_a_team_that_never_opens_says_so_at_once() -> None:
    shut = Hours(((),) * 7, AMSTERDAM)
    for ask in (
        lambda: add(shut, local("2026-11-23 09:00"), minutes(1)),
        lambda: next_opening(shut, local("2026-11-23 09:00")),
    ):
        with pytest.raises(NeverOpen):
            ask()


def test_intervals_that_meet_or_overlap_count_once() -> None:
    hours = Hours((((0, 600), (300, 700), (700, 800)),) * 7, AMSTERDAM)
    assert between(hours, local("2026-11-23 00:00"), local("2026-11-23 23:00")) == minutes(800)


@pytest.mark.parametrize("interval", [(-1, 60), (DAY, DAY + 1), (600, 600), (600, 500), (600, 600 + DAY + 1)])
def test_an_impossible_interval_is_refused(interval: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="interval"):
        Hours(((interval,),) * 7, AMSTERDAM)


INTERVALS = st.tuples(st.integers(0, DAY - 1), st.integers(1, DAY)).map(lambda pair: (pair[0], pair[0] + pair[1]))
WEEKS = st.tuples(*[st.lists(INTERVALS, max_size=3).map(tuple)] * 7)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
HOURS = st.builds(
    Hours,
    WEEKS,
    st.sampled_from([AMSTERDAM, ZoneInfo("UTC"), ZoneInfo("America/New_York")]),
    st.frozensets(DAYS, max_size=5),
    st.dictionaries(DAYS, st.integers(0, DAY), max_size=3),
)


def moments(first: str, last: str) -> st.SearchStrategy[datetime]:
    start, end = datetime.fromisoformat(first + "T00:00:00+00:00"), datetime.fromisoformat(last + "T00:00:00+00:00")
    return st.integers(0, int((end - start).total_seconds())).map(lambda n: start + timedelta(seconds=n))


MOMENTS = st.one_of(
    moments("2026-01-01", "2027-12-01"), moments("2026-03-28", "2026-03-30"), moments("2026-10-24", "2026-10-26")
)
AMOUNTS = st.integers(0, 5 * DAY).map(minutes)


@given(HOURS, MOMENTS, AMOUNTS)
def test_adding_then_counting_gives_back_the_amount(hours: Hours, at: datetime, amount: timedelta) -> None:
    assume(any(hours.week))
    try:
        due = add(hours, at, amount)
    except NeverOpen:
        assume(False)
    assert between(hours, at, due) == amount


@given(HOURS, MOMENTS, AMOUNTS)
def test_nothing_is_due_in_closed_time(hours: Hours, at: datetime, amount: timedelta) -> None:
    assume(any(hours.week) and amount)
    try:
        due = add(hours, at, amount)
    except NeverOpen:
        assume(False)
    assert is_open(hours, due - timedelta(microseconds=1))


@given(HOURS, MOMENTS, AMOUNTS, AMOUNTS)
def test_more_time_is_never_due_earlier(hours: Hours, at: datetime, one: timedelta, more: timedelta) -> None:
    assume(any(hours.week))
    try:
        assert add(hours, at, one) <= add(hours, at, one + more)
    except NeverOpen:
        assume(False)


@given(HOURS, st.tuples(MOMENTS, MOMENTS, MOMENTS).map(sorted))
def test_counting_two_parts_counts_the_whole(hours: Hours, moments: list[datetime]) -> None:
    first, middle, last = moments
    assert between(hours, first, middle) + between(hours, middle, last) == between(hours, first, last)
    assert timedelta() <= between(hours, first, last) <= last - first


@given(HOURS, MOMENTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(hours: Hours, at: datetime) -> None:
    try:
        opening = next_opening(hours, at)
    except NeverOpen:
        assume(False)
    assert opening >= at
    assert is_open(hours, opening)
    assert between(hours, at, opening) == timedelta()
