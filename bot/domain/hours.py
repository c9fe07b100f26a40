"""Working time: when a team is open, and adding and counting time in which it is.

One clock for buttons, reminders, reports and export. Local wall times become UTC moments day by day, so a day on which
the clock changes counts as long as it really lasts (Europe/Amsterdam: 23 hours in March, 25 in October).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = 24 * 60
HORIZON = timedelta(days=400)
"""How far ahead an opening is looked for; a team that is closed for longer has no hours at all."""

Interval = tuple[int, int]
"""Minutes after local midnight, from and until; an end past 1,440 lies in the night after."""
Span = tuple[datetime, datetime]


class NeverOpen(Exception):
    """The hours have no opening within the horizon, so nothing can ever be due."""


@dataclass(frozen=True)
class Hours:
    """When a team is open.

    `week` holds the intervals of Monday to Sunday; `closed` are days without any; `early` are days that end at a
    minute after midnight.
    """

    week: tuple[tuple[Interval, ...], ...]
    zone: tzinfo
    closed: frozenset[date] = frozenset()
    early: Mapping[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError("a week has seven days")
        for start, end in (interval for day in self.week for interval in day):
            if not (0 <= start < DAY and start < end <= start + DAY):
                raise ValueError("an interval begins within its day and ends after it began, at most a day later")


ALWAYS: tuple[tuple[Interval, ...], ...] = (((0, DAY),),) * 7
"""A week of 24 hours a day, seven days."""


def is_open(hours: Hours, at: datetime) -> bool:
    """Tell whether the team is open at a moment; the moment of closing counts as closed."""
    return any(start <= at < end for start, end in _spans(hours, at, at + timedelta(minutes=1)))


def next_opening(hours: Hours, at: datetime) -> datetime:
    """Return this moment when the team is open, else when it opens next; raises NeverOpen."""
    for start, end in _spans(hours, at, at + HORIZON):
        if at < end:
            return max(start, at)
    raise NeverOpen


def add(hours: Hours, at: datetime, amount: timedelta) -> datetime:
    """Return the moment at which this much working time has passed since `at`; raises NeverOpen.

    Amount 0 gives the next open moment. What ends exactly at closing time is due at closing time.
    """
    left = amount
    for start, end in _spans(hours, at, at + HORIZON + amount * 60):
        begin = max(start, at)
        if begin >= end:
            continue
        if left <= end - begin:
            return begin + left
        left -= end - begin
    raise NeverOpen


def between(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """Return how much working time lies between two moments; none when they are the wrong way round."""
    total = timedelta()
    for opened, closed in _spans(hours, start, end):
        total += max(timedelta(), min(closed, end) - max(opened, start))
    return total


def _spans(hours: Hours, start: datetime, end: datetime) -> Iterator[Span]:
    """Yield the open spans that touch a period, in order and merged where they meet or overlap."""
    if end < start:
        return
    day = start.astimezone(hours.zone).date() - timedelta(days=1)
    last = end.astimezone(hours.zone).date()
    pending: Span | None = None
    while day <= last:
        for opened, closed in _of_day(hours, day):
            if pending is None:
                pending = (opened, closed)
            elif opened <= pending[1]:
                pending = (pending[0], max(pending[1], closed))
            else:
                yield pending
                pending = (opened, closed)
        day += timedelta(days=1)
    if pending is not None:
        yield pending


def _of_day(hours: Hours, day: date) -> Iterator[Span]:
    if day in hours.closed:
        return
    ends_at = hours.early.get(day)
    for start, end in sorted(hours.week[day.weekday()]):
        until = end if ends_at is None else min(end, ends_at)
        opened, closed = _moment(hours, day, start), _moment(hours, day, until)
        if opened < closed:
            yield opened, closed


def _moment(hours: Hours, day: date, minute: int) -> datetime:
    """Return the UTC moment of a wall time; a time that the change to summer skips is the moment of the change."""
    days, minutes = divmod(minute, DAY)
    wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), tzinfo=hours.zone)
    return wall.astimezone(UTC)
