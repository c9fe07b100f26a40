"""Working time: when a team is open, and how to add and measure the time in which it is open.

Buttons, reminders, reports and export all use it. It turns local times into UTC moments day by day, so a day on which
the clock changes has its real length (Europe/Amsterdam: 23 hours in March, 25 in October).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = 24 * 60
HORIZON = timedelta(days=400)
"""How far ahead we look for an opening; a team that is closed for longer never opens."""

Interval = tuple[int, int]
"""Start and end in minutes after local midnight; an end over 1,440 is in the following night."""
Span = tuple[datetime, datetime]


class NeverOpen(Exception):
    """The hours have no opening within the horizon, so nothing can be due."""


@dataclass(frozen=True)
class Hours:
    """When a team is open.

    `week` holds the intervals of Monday to Sunday; `closed` are closed days; `early` are days that close early, with
    the minute after midnight.
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
"""A week that is open 24 hours a day."""


def is_open(hours: Hours, at: datetime) -> bool:
    """Say whether the team is open at a moment; at the moment of closing it is closed."""
    return any(start <= at < end for start, end in _spans(hours, at, at + timedelta(minutes=1)))


def next_opening(hours: Hours, at: datetime) -> datetime:
    """Return this moment when the team is open, else when it opens next; raises NeverOpen."""
    for start, end in _spans(hours, at, at + HORIZON):
        if at < end:
            return max(start, at)
    raise NeverOpen


def add(hours: Hours, at: datetime, amount: timedelta) -> datetime:
    """Return the moment at which this much working time has passed since `at`; raises NeverOpen.

    An amount of 0 gives the next open moment. An amount that ends exactly at closing time gives the closing time.
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
    """Return the working time between two moments; zero when `end` is before `start`."""
    total = timedelta()
    for opened, closed in _spans(hours, start, end):
        total += max(timedelta(), min(closed, end) - max(opened, start))
    return total


def _spans(hours: Hours, start: datetime, end: datetime) -> Iterator[Span]:
    """Yield the open spans that touch a period, in order; spans that meet or overlap become one."""
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
    """Return the UTC moment of a local time; a time that the change to summer time skips gives the change itself."""
    days, minutes = divmod(minute, DAY)
    wall = datetime.combine(day + timedelta(days=days), time(minutes // 60, minutes % 60), tzinfo=hours.zone)
    return wall.astimezone(UTC)
