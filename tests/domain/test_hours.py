"""Working time: lunch breaks, nights, holidays, both changes of the clock; adding and counting agree."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.hours import (
    ALWAYS,
    DAY,
    Hours,
    NeverOpen,
    add,
    at_minute,
    between,
    day_of_opening,
    is_open,
    next_opening,
)

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


def test_a_moment_belongs_to_the_day_on_which_its_opening_began() -> None:
    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    night = (((20 * 60, 26 * 60),), ((9 * 60, 17 * 60),), *((),) * 5)
    for hours, last in (
        (Hours(night, AMSTERDAM), 2 * 60),
        (Hours(night, AMSTERDAM, early={monday: 25 * 60}), 60),
        (Hours(night, AMSTERDAM, frozenset({monday})), 0),
        (Hours(ALWAYS, AMSTERDAM), 0),
    ):
        midnight = local("2026-11-24 00:00")
        assert day_of_opening(hours, midnight - minutes(1)) == monday
        assert day_of_opening(hours, midnight + minutes(last - 1)) == monday
        assert day_of_opening(hours, midnight + minutes(last)) == tuesday


def test_holidays_are_skipped_and_an_early_closing_ends_the_day() -> None:
    hours = Hours(OFFICE.week, AMSTERDAM, frozenset({date(2026, 12, 25)}), {date(2026, 12, 24): 15 * 60})
    assert add(hours, local("2026-12-24 14:45"), minutes(30)) == local("2026-12-28 09:15")


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-24", 24)])
def test_a_day_counts_as_long_as_it_really_lasts(day: str, length: int) -> None:
    always = Hours(ALWAYS, AMSTERDAM)
    start = local(f"{day} 00:00")
    tomorrow = datetime.combine(date.fromisoformat(day) + timedelta(days=1), datetime.min.time(), AMSTERDAM)
    assert between(always, start, tomorrow.astimezone(UTC)) == timedelta(hours=length)


NIGHT_HOURS = [
    # interval in minutes, hours open on 29 March (02:00 to 03:00 never comes), on 25 October (it comes twice)
    ((60, 240), 2, 4),
    ((120, 180), 0, 2),
    ((135, 165), 0, 1),
    ((150, 360), 3, 4),
    ((0, 150), 2, 3),
    ((0, 165), 2, 3.5),
]


@pytest.mark.parametrize(("interval", "march", "october"), NIGHT_HOURS)
def test_what_opens_or_closes_in_the_hour_that_the_clock_skips_or_repeats_counts_by_the_wall(
    interval: tuple[int, int], march: float, october: float
) -> None:
    hours = Hours((*((),) * 6, (interval,)), AMSTERDAM)
    assert between(hours, local("2026-03-29 00:00"), local("2026-03-29 12:00")) == timedelta(hours=march)
    assert between(hours, local("2026-10-25 00:00"), local("2026-10-25 12:00")) == timedelta(hours=october)


def test_a_local_time_that_never_comes_is_when_the_clock_changes_and_one_that_comes_twice_the_first() -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    for minute, at in ((119, change - minutes(1)), (120, change), (150, change), (179, change), (180, change)):
        assert at_minute(date(2026, 3, 29), minute, AMSTERDAM) == at
    assert at_minute(date(2026, 3, 28), DAY + 150, AMSTERDAM) == change
    assert at_minute(date(2026, 10, 25), 150, AMSTERDAM) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_team_that_never_opens_says_so_at_once() -> None:
    shut = Hours(((),) * 7, AMSTERDAM)
    for ask in (
        lambda: add(shut, local("2026-11-23 09:00"), minutes(1)),
        lambda: next_opening(shut, local("2026-11-23 09:00")),
    ):
        with pytest.raises(NeverOpen):
            ask()


def test_at_closing_time_the_next_opening_is_the_one_of_the_next_day() -> None:
    assert next_opening(OFFICE, local("2026-11-23 17:00")) == local("2026-11-24 09:00")
    assert next_opening(OFFICE, local("2026-11-23 16:59")) == local("2026-11-23 16:59")


def test_a_team_that_opens_once_in_a_long_while_is_due_however_far_off_that_is() -> None:
    seldom = Hours((((540, 600),), *((),) * 6), AMSTERDAM)
    weeks_later = add(seldom, local("2026-11-23 08:00"), timedelta(hours=720))
    assert weeks_later == local("2040-09-03 10:00")
    holidays = frozenset(date(2026, 11, 24) + timedelta(days=n) for n in range(400))
    assert next_opening(Hours(ALWAYS, AMSTERDAM, holidays), local("2026-11-24 00:00")) == local("2027-12-29 00:00")
    with pytest.raises(NeverOpen):
        next_opening(Hours(ALWAYS, AMSTERDAM, holidays | {date(2027, 12, 29)}), local("2026-11-24 00:00"))
    with pytest.raises(NeverOpen):
        add(Hours(ALWAYS, AMSTERDAM, holidays | {date(2027, 12, 29)}), local("2026-11-23 12:00"), timedelta(hours=13))


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
OTHER_ZONES = (
    "UTC",
    "America/New_York",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "America/Havana",
)
"""Lord Howe changes by half an hour, Havana at midnight, and Kiritimati is fourteen hours ahead."""
HOURS = st.builds(
    Hours,
    WEEKS,
    st.sampled_from([AMSTERDAM, *map(ZoneInfo, OTHER_ZONES)]),
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


def shown(hours: Hours, at: datetime) -> bool:
    """The slow and obvious way to tell whether a team is open: look at the wall clock."""
    wall = at.astimezone(hours.zone)
    minute = wall.hour * 60 + wall.minute
    return any(
        start <= minute + ahead < min(end, hours.early.get(day, 2 * DAY))
        for day, ahead in ((wall.date(), 0), (wall.date() - timedelta(days=1), DAY))
        if day not in hours.closed
        for start, end in hours.week[day.weekday()]
    )


CHANGES = {
    AMSTERDAM: ("2026-03-29T01:00", "2026-10-25T01:00"),
    ZoneInfo("America/New_York"): ("2026-03-08T07:00", "2026-11-01T06:00"),
    ZoneInfo("Australia/Lord_Howe"): ("2026-10-03T15:30", "2026-04-04T15:00"),
    ZoneInfo("America/Havana"): ("2026-03-08T05:00", "2026-11-01T05:00"),
}


@given(st.data(), WEEKS, st.sampled_from(sorted(CHANGES, key=str)), st.integers(0, 1), st.integers(-1500, 1500))
def test_on_the_night_the_clock_changes_each_minute_counts_as_the_wall_shows_it(
    data: st.DataObject, week: tuple[tuple[tuple[int, int], ...], ...], zone: ZoneInfo, which: int, offset: int
) -> None:
    change = datetime.fromisoformat(CHANGES[zone][which] + "+00:00")
    day = change.astimezone(zone).date()
    near = st.dictionaries(
        st.sampled_from([day + timedelta(days=n) for n in (-1, 0, 1)]), st.integers(0, DAY), max_size=2
    )
    hours = Hours(week, zone, frozenset(data.draw(near)), data.draw(near))
    start = change + timedelta(minutes=offset)
    each = [start + timedelta(minutes=n) for n in range(240)]
    opened = [shown(hours, at) for at in each]
    assert [is_open(hours, at) for at in each[::7]] == opened[::7]
    assert between(hours, start, start + timedelta(minutes=240)) == minutes(sum(opened))
    if any(opened):
        assert next_opening(hours, start) == each[opened.index(True)]
        assert add(hours, start, minutes(sum(opened))) == each[len(opened) - 1 - opened[::-1].index(True)] + minutes(1)
