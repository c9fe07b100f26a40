"""Working time: when a team is open, and how to add and measure the time in which it is open.

Buttons, reminders, reports and export all use it. Local time decides: a team is open whenever the local time is within
its hours. On the night when the clock goes back, such a time comes twice; when it goes forward, it may never come.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = 24 * 60
HORIZON = timedelta(days=400)
"""A team that stays closed for longer than this never opens."""

BREAK = timedelta(hours=4)
"""A team that is closed for no longer than this is on a break, such as lunch."""

MORNING = 9 * 60
"""When the day of a team begins that is open at night too, in minutes after local midnight."""

NIGHT, DAY_AND_NIGHT = timedelta(hours=16), timedelta(hours=40)
"""This long before and after midnight UTC: covers a local day in any zone."""

Interval = tuple[int, int]
"""Start and end in minutes after local midnight; an end over 1,440 is in the next night."""
Span = tuple[datetime, datetime]


class NeverOpen(Exception):
    """The hours have no opening within the horizon, so nothing can be due."""


@dataclass(frozen=True)
class Hours:
    """When a team is open.

    `week` holds the intervals of Monday to Sunday; `closed` are closed days; `early` are days that close early, with
    the closing time in minutes after midnight.
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
    """Tell whether the team is open at a moment; at the moment of closing it is closed."""
    opened, _ = next(_spans(hours, at), (None, None))
    return opened == at


def day_of_opening(hours: Hours, at: datetime) -> date:
    """Return the day on which the opening of a moment began: after midnight it may be the day before."""
    local = at.astimezone(hours.zone)
    today, before = local.date(), local.date() - timedelta(days=1)
    minute, ends_at = DAY + local.hour * 60 + local.minute, hours.early.get(before, 2 * DAY)
    goes_on = any(minute < min(end, ends_at) for _, end in hours.week[before.weekday()])
    return before if goes_on and before not in hours.closed else today


def next_opening(hours: Hours, at: datetime) -> datetime:
    """Return this moment when the team is open, else when it opens next; raises NeverOpen."""
    for opened, _ in _spans(hours, at):
        return opened
    raise NeverOpen


def opens_again(hours: Hours, at: datetime) -> datetime:
    """Return when the team opens after it was closed for longer than a break; raises NeverOpen.

    A team that is not closed for that long within a day counts as opening again on the next day; one that is open at
    midnight, in the next MORNING that is further away than a break.
    """
    reached = at
    for opened, closed in _spans(hours, at):
        if opened - reached > BREAK:
            return opened
        reached = closed
        if reached - at > timedelta(days=1):
            today = at.astimezone(hours.zone).date()
            midnight = at_minute(today, DAY, hours.zone)
            if not is_open(hours, midnight):
                return next_opening(hours, midnight)
            mornings = (at_minute(today, minute, hours.zone) for minute in (MORNING, DAY + MORNING))
            return next_opening(hours, next(morning for morning in mornings if morning - at > BREAK))
    raise NeverOpen


def add(hours: Hours, at: datetime, amount: timedelta) -> datetime:
    """Return the moment at which this much working time has passed since `at`; raises NeverOpen.

    An amount of 0 gives the next open moment. An amount that ends exactly at closing time gives the closing time.
    """
    left = amount
    for opened, closed in _spans(hours, at):
        if left <= closed - opened:
            return opened + left
        left -= closed - opened
    raise NeverOpen


def between(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """Return the working time between two moments; zero when `end` is before `start`."""
    total = timedelta()
    for opened, closed in _spans(hours, start):
        if opened >= end:
            break
        total += min(closed, end) - opened
    return total


def _spans(hours: Hours, since: datetime) -> Iterator[Span]:
    """Yield the open spans after a moment, in order and without overlap, until the team stays closed for HORIZON."""
    day, reached = since.astimezone(hours.zone).date(), since
    last = day + HORIZON
    while day <= last:
        for opened, closed in sorted(_of_day(hours, day)):
            begin = max(opened, reached)
            if begin < closed:
                yield begin, closed
                reached, last = closed, day + HORIZON
        day += timedelta(days=1)


def _of_day(hours: Hours, day: date) -> Iterator[Span]:
    """Yield the open spans within one local day, with those that began the evening before."""
    for begun, shift in ((day - timedelta(days=1), DAY), (day, 0)):
        if begun in hours.closed:
            continue
        ends_at = hours.early.get(begun, 2 * DAY)
        for start, end in hours.week[begun.weekday()]:
            first, last = max(0, start - shift), min(DAY, min(end, ends_at) - shift)
            if first < last:
                yield from _in_local_time(day, first, last, hours.zone)


def _in_local_time(day: date, first: int, last: int, zone: tzinfo) -> Iterator[Span]:
    """Yield when the local time is within these minutes of a day: twice or in part if the clock changes meanwhile."""
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    start, end = midnight + timedelta(minutes=first), midnight + timedelta(minutes=last)
    before, after = _offset(midnight - NIGHT, zone), _offset(midnight + DAY_AND_NIGHT, zone)
    if before == after:
        yield start - before, end - before
        return
    change = _change(midnight, zone)
    for opened, closed in (
        (start - before, min(end - before, change)),
        (max(start - after, change), end - after),
    ):
        if opened < closed:
            yield opened, closed


def at_minute(day: date, minute: int, zone: tzinfo) -> datetime:
    """Return the moment of a local time, in minutes after midnight.

    A time that the change to summer time skips gives the change itself; one that comes twice gives the first.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    return _change(datetime.combine(wall.date(), time(), tzinfo=UTC), zone)


def _change(midnight: datetime, zone: tzinfo) -> datetime:
    """Return when the clock changes on, or just before or after, a day on which it does."""
    before, change = midnight - NIGHT, midnight + DAY_AND_NIGHT
    old = _offset(before, zone)
    while change - before > timedelta(seconds=1):
        middle = before + (change - before) // 2
        if _offset(middle, zone) == old:
            before = middle
        else:
            change = middle
    return change.replace(microsecond=0)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    """Return how far local time is ahead of UTC."""
    return at.astimezone(zone).utcoffset() or timedelta()
