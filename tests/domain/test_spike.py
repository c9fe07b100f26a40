"""When more comes in than usual: by what came in at the same hour of earlier weeks."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.spike import AUTHORS, POSTS, WEEKS, Band, band, comparable
from tests.clocks import local

ZONE = ZoneInfo("Europe/Amsterdam")
NOW = local("2026-09-29 14:00")
COUNTS = st.lists(st.integers(0, 500), min_size=1, max_size=20)


def since(**ago: float) -> list[datetime]:
    return comparable(NOW, NOW - timedelta(**ago), ZONE)


def test_in_its_first_week_an_installation_finds_nothing_unusual() -> None:
    assert since(days=6, hours=23) == []


def test_until_three_weeks_the_same_hour_of_each_earlier_day_is_usual() -> None:
    assert since(days=7, hours=1) == [NOW - timedelta(days=n) for n in range(1, 8)]
    assert len(since(days=7)) == 6, "only whole hours"
    assert len(since(days=20, hours=23)) == 20


def test_after_three_weeks_it_is_the_same_hour_of_the_weeks_before_at_most_eight() -> None:
    assert since(weeks=3, hours=1) == [NOW - timedelta(weeks=n) for n in (1, 2, 3)]
    assert since(weeks=100) == [NOW - timedelta(weeks=n) for n in range(1, WEEKS + 1)]


def test_the_hour_is_that_of_the_clock_on_the_wall_in_summer_and_winter() -> None:
    before, after = local("2026-10-22 09:30"), local("2026-10-29 09:30")
    assert comparable(after, after - timedelta(weeks=50), ZONE)[0] == before
    assert after - before == timedelta(days=7, hours=1)


def test_a_few_posts_or_authors_are_never_a_spike() -> None:
    nothing = band([0] * WEEKS)
    assert nothing.is_spike(POSTS, AUTHORS)
    assert not nothing.is_spike(POSTS - 1, POSTS - 1)
    assert not nothing.is_spike(500, AUTHORS - 1)


def test_what_an_hour_usually_has_is_no_spike_and_far_more_is() -> None:
    mondays = [18, 22, 20, 19, 25, 21, 20, 17]
    usual = band(mondays)
    assert usual.usual == 20
    assert not any(usual.is_spike(count, count) for count in (*mondays, 30))
    assert usual.is_spike(45, 45)


def test_a_spike_ends_lower_than_it_begins() -> None:
    usual = Band(10, 5)
    assert not usual.is_spike(30, 30)
    assert usual.is_spike(31, 30)
    assert not usual.is_over(21)
    assert usual.is_over(20)


@given(counts=COUNTS, posts=st.integers(0, 3000), authors=st.integers(0, 3000))
def test_a_spike_is_not_over_when_it_begins_and_is_more_than_at_least_half_of_the_past(
    counts: list[int], posts: int, authors: int
) -> None:
    usual = band(counts)
    if usual.is_spike(posts, authors):
        assert not usual.is_over(posts)
        assert sum(count < posts for count in counts) * 2 >= len(counts)
        assert usual.is_spike(posts + 1, authors + 1), "more is a spike too"


@given(counts=st.lists(st.integers(0, 50), min_size=5, max_size=8), odd=st.lists(st.integers(0, 10_000), max_size=2))
def test_two_odd_weeks_such_as_holidays_or_an_earlier_spike_leave_the_band_within_the_others(
    counts: list[int], odd: list[int]
) -> None:
    usual = band([*odd, *counts][: len(counts) + 2])
    assert min(counts) <= usual.usual <= max(counts)
    assert usual.deviation <= max(1.4826 * (max(counts) - min(counts)), max(counts) ** 0.5, 1.0)


@given(counts=COUNTS, times=st.integers(1, 50))
def test_the_order_of_the_weeks_and_the_size_of_the_team_do_not_matter(counts: list[int], times: int) -> None:
    assert band(counts) == band(sorted(counts))
    grown = band([count * times for count in counts])
    assert grown.usual == band(counts).usual * times
    assert grown.deviation <= band(counts).deviation * times + 1e-6


@given(hours=st.integers(0, 120_000), known=st.integers(0, 200))
def test_whatever_is_compared_lies_in_what_is_known_and_at_the_same_time_of_day(hours: int, known: int) -> None:
    now = NOW + timedelta(hours=hours)
    since = now - timedelta(days=known)
    ends = comparable(now, since, ZONE)
    assert all(since + timedelta(hours=1) <= end < now for end in ends)
    wall = now.astimezone(ZONE)
    assert sum(end.astimezone(ZONE).time() != wall.time() for end in ends) <= 1, "one may be skipped by the clock"
