"""When something usually comes in, and how odd silence is."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.usual import HOURS_OF_WEEK, chance_of_silence, usual
from tests.clocks import local

ZONE = ZoneInfo("Europe/Amsterdam")
MONDAY = local("2026-09-28 00:00")
WEEKS = timedelta(weeks=8)
HOUR = timedelta(hours=1)
MOMENTS = st.integers(0, 120 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


def office_hours(until: datetime) -> list[datetime]:
    """Every hour from nine to five on working days since that Monday."""
    hours = [MONDAY + n * HOUR for n in range(int((until - MONDAY) / HOUR))]
    return [at for at in hours if at.astimezone(ZONE).weekday() < 5 and 9 <= at.astimezone(ZONE).hour < 17]


def test_a_night_and_a_weekend_are_no_silence_but_half_a_working_day_is() -> None:
    until = MONDAY + WEEKS
    likely = usual(office_hours(until), MONDAY, until, ZONE)
    friday, monday = local("2026-11-20 17:00"), local("2026-11-23 09:00")
    assert chance_of_silence(likely, friday, monday, ZONE) == 1
    assert chance_of_silence(likely, friday, monday + HOUR, ZONE) > 0.05
    assert chance_of_silence(likely, friday, monday + 4 * HOUR, ZONE) < 0.001


def test_the_hours_are_those_on_the_clock_also_when_it_changes() -> None:
    until = MONDAY + WEEKS  # in the night to 25 October the clock went back
    likely = usual(office_hours(until), MONDAY, until, ZONE)
    assert [hour for hour, each in enumerate(likely) if each] == [
        day * 24 + hour for day in range(5) for hour in range(9, 17)
    ]


@given(st.lists(st.floats(0, 0.99), min_size=HOURS_OF_WEEK, max_size=HOURS_OF_WEEK), MOMENTS, MOMENTS, MOMENTS)
def test_longer_silence_is_never_more_likely_and_its_parts_multiply(
    likely: list[float], a: datetime, b: datetime, c: datetime
) -> None:
    first, second, third = sorted((a, b, c))
    whole = chance_of_silence(likely, first, third, ZONE)
    parts = chance_of_silence(likely, first, second, ZONE) * chance_of_silence(likely, second, third, ZONE)
    assert 0 <= whole <= chance_of_silence(likely, first, second, ZONE) <= 1
    assert abs(whole - parts) < 1e-9


@given(st.sets(st.integers(0, 24 * 56 - 1)))
def test_nothing_is_ever_certain_and_what_never_came_is_not_expected(numbers: set[int]) -> None:
    busy = [MONDAY + n * HOUR for n in numbers]
    likely = usual([at.astimezone(UTC) for at in busy], MONDAY, MONDAY + WEEKS, ZONE)
    assert all(0 <= each < 1 for each in likely)
    assert any(likely) == bool(numbers)


def test_an_hour_counts_when_it_has_begun_and_not_when_the_time_ends_with_it() -> None:
    assert usual([MONDAY], MONDAY, MONDAY + HOUR, ZONE)[:2] == [0.5, 0]
    assert not any(usual([MONDAY + HOUR], MONDAY, MONDAY + HOUR, ZONE)), "nothing came in before the end"
