"""What rests because a platform's limit is used up: since when, until when, and when that is over."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import QUARTER, TRIED_WITHIN, Budget, Rest

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LASTS = timedelta(minutes=15)
MINUTES = st.integers(0, 3000).map(lambda minutes: timedelta(minutes=minutes))
RESTS = st.none() | st.builds(lambda since, more: Rest(NOW + since, NOW + since + more), MINUTES, MINUTES)
BUDGETS = st.builds(
    Budget, st.none() | st.integers(0, 100), RESTS, RESTS, st.none() | MINUTES.map(lambda later: NOW + later)
)


@given(BUDGETS)
def test_it_comes_back_from_json_as_it_was(budget: Budget) -> None:
    assert Budget.of(budget.to_json()) == budget
    assert Budget.of(None) == Budget()


@given(BUDGETS, MINUTES)
def test_what_is_gone_lasts_and_ends_after_it_began(budget: Budget, later: timedelta) -> None:
    gone = budget.gone(NOW + later, LASTS)
    rests = [each for each in (gone.reading, gone.answering) if each] if gone else []
    assert bool(gone) == bool(rests)
    assert all(max(rest.until, NOW + later) - rest.since >= LASTS for rest in rests)
    assert gone is None or gone.until == max(rest.until for rest in rests)


@given(st.lists(MINUTES, min_size=1))
def test_refusals_in_a_row_are_one_rest_from_the_first(waits: list[timedelta]) -> None:
    budget, at = Budget(), NOW
    for wait in waits:
        budget = budget.not_read(at + wait, at)
        at += wait
    assert budget.reading == Rest(NOW, at)
    assert budget.reading_due == NOW + waits[0]
    assert budget.read(40, None, at) == Budget(40)
    assert budget.read(97, at + LASTS, at).reading == Rest(at, at + LASTS)


def test_a_short_wait_is_nothing_until_it_has_come_again_for_long() -> None:
    minute = timedelta(minutes=1)
    budget = Budget().not_answered(NOW + minute, NOW)
    assert budget.gone(NOW, LASTS) is None
    for n in range(1, 15):
        budget = budget.not_answered(NOW + (n + 1) * minute, NOW + n * minute)
    assert budget.gone(NOW + 14 * minute, LASTS) is not None
    assert budget.answered().gone(NOW + 14 * minute, LASTS) is None


def test_answering_rests_no_longer_when_nothing_was_tried_after_the_wait() -> None:
    budget = Budget().not_answered(NOW + LASTS, NOW)
    assert budget.gone(NOW + LASTS, LASTS) == budget
    over = NOW + LASTS + TRIED_WITHIN
    assert budget.gone(over, LASTS) is None
    assert budget.not_answered(over + LASTS, over).answering == Rest(over, over + LASTS)


@given(st.lists(st.tuples(MINUTES, MINUTES), min_size=1, max_size=40))
def test_what_is_told_ends_after_now_or_was_not_put_off_and_is_never_far_off(
    news: list[tuple[timedelta, timedelta]],
) -> None:
    at, told = NOW, Budget()
    for wait, rest in news:
        at += wait
        real = Budget(40).not_read(at + rest, at)
        told = real.told(told, at)
        assert real.reading and told.reading
        assert told.reading.until > at or real.reading.until <= at
        assert abs(told.reading.until - real.reading.until) <= QUARTER
        assert real.told(told, at) == told


def test_a_platform_that_refuses_a_minute_at_a_time_is_told_anew_once_a_quarter() -> None:
    minute, told, ends = timedelta(minutes=1), Budget(), list[datetime]()
    budget = Budget().not_read(NOW, NOW)
    for n in range(60):
        budget = budget.not_read(NOW + (n + 1) * minute, NOW + n * minute)
        told = budget.told(told, NOW + n * minute)
        if told.until and told.until not in ends:
            ends.append(told.until)
    assert [end - NOW for end in ends] == [minute, *(QUARTER * n + minute for n in range(1, 5))]


def test_reading_rests_until_it_works() -> None:
    budget = Budget().not_read(NOW + LASTS, NOW)
    assert budget.gone(NOW + timedelta(days=9), LASTS) == budget
