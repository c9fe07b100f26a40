"""Periods of whole days in a team's time zone, as people type them: today, week, 2026-11-01..2026-11-24."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.domain.hours import MORNING, Hours, at_minute, is_open
from bot.domain.words import DASHES

MAX_DAYS = 3 * 366
MAX_PARTS = 20
"""The most parts of a period; more do not fit in a chart."""
FIRST_YEAR, LAST_YEAR = 2000, 2100
MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)
PERIOD_WORDS = {
    "vandaag": "today",
    "gisteren": "yesterday",
    "week": "week",
    "maand": "month",
    "vorige week": "last week",
    "vorige maand": "last month",
    "today": "today",
    "yesterday": "yesterday",
    "month": "month",
    "last week": "last week",
    "last month": "last month",
}
"""The words for a period and their meaning; a week begins on Monday; this week and this month end now."""


@dataclass(frozen=True)
class Period:
    """From `since` up to but not including `until`, both UTC."""

    since: datetime
    until: datetime


def parse(words: str, now: datetime, zone: tzinfo) -> Period | None:
    """Return the period of these words; None for other words, or when it runs backward or is over three years."""
    today = now.astimezone(zone).date()
    words = " ".join(words.casefold().split())
    days = _named(PERIOD_WORDS[words], today) if words in PERIOD_WORDS else _dates(words)
    if days is None:
        return None
    first, last = days
    if not (first.year >= FIRST_YEAR and first <= last and last.year <= LAST_YEAR and (last - first).days < MAX_DAYS):
        return None
    return days_of(first, last, zone)


def split(words: str, now: datetime, zone: tzinfo) -> tuple[Period | None, str]:
    """Return the period at the beginning of a sentence, if any, and the rest of the sentence."""
    parts = words.split()
    for count in (2, 1):
        period = parse(" ".join(parts[:count]), now, zone) if len(parts) >= count else None
        if period is not None:
            return period, " ".join(parts[count:])
    return None, " ".join(parts)


def days_of(first: date, last: date, zone: tzinfo) -> Period:
    """Return the days from the first up to and including the last."""
    return Period(midnight(first, zone), midnight(last + DAY, zone))


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def parts(period: Period, zone: tzinfo) -> Sequence[Period]:
    """Return the days of a period; for a longer period its weeks, or groups of days that give at most 20 parts.

    The first part begins and the last part ends with the period, also within a day.
    """
    last_moment = period.until - timedelta(microseconds=1)  # midnight belongs to the next day
    first, last = (at.astimezone(zone).date() for at in (period.since, last_moment))
    days = (last - first).days + 1
    step = 1 if days <= MAX_PARTS else 7 if days <= 7 * MAX_PARTS else -(-days // MAX_PARTS)
    edges = [midnight(first + timedelta(days=n), zone) for n in range(0, days, step)]
    inner = [at for at in edges if period.since < at < period.until]
    return [Period(a, b) for a, b in zip([period.since, *inner], [*inner, period.until], strict=True)]


def monday_of(day: date) -> date:
    """Return the first day of the week of this day."""
    return day - timedelta(days=day.weekday())


def first_of_month(day: date) -> date:
    """Return the first day of the month of this day."""
    return day.replace(day=1)


def week_before(day: date, zone: tzinfo) -> Period:
    """Return the last whole week, Monday to Sunday, before the week of this day."""
    monday = monday_of(day)
    return days_of(monday - WEEK, monday - DAY, zone)


def month_before(day: date, zone: tzinfo) -> Period:
    """Return the last whole month before the month of this day."""
    last = first_of_month(day) - DAY
    return days_of(first_of_month(last), last, zone)


def months_before(at: datetime, months: int) -> datetime:
    """Return the same day and time `months` months earlier, or the last day of a month that is shorter."""
    years, month = divmod(at.month - 1 - months, 12)
    year, month = at.year + years, month + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))


def opening(hours: Hours, day: date) -> datetime | None:
    """Return when a day's first opening begins; None for a closed day, and one on which only the night before ends.

    An opening that goes on from the one before it does not begin then, unless the team is still open in the morning.
    """
    starts = sorted(start for start, _ in hours.week[day.weekday()] if start < hours.early.get(day, start + 1))
    if not starts or day in hours.closed:
        return None
    opened = [at_minute(day, start, hours.zone) for start in starts]
    if is_open(hours, at_minute(day, MORNING, hours.zone)):
        return opened[0]
    return next((at for at in opened if not is_open(hours, at - MINUTE)), None)


def working_day_before(hours: Hours, day: date) -> date | None:
    """Return the last day with an opening before this day; None without one in two months."""
    return next((d for d in (day - timedelta(days=n) for n in range(1, 62)) if opening(hours, d)), None)


def working_days(hours: Hours, since: datetime, until: datetime) -> int:
    """Return how many whole days with an opening lie between two moments; the days of the moments do not count."""
    first, last = (at.astimezone(hours.zone).date() for at in (since, until))
    return sum(opening(hours, first + n * DAY) is not None for n in range(1, (last - first).days))


def _named(word: str, today: date) -> tuple[date, date]:
    monday, first = monday_of(today), first_of_month(today)
    match word:
        case "today":
            return today, today
        case "yesterday":
            return today - DAY, today - DAY
        case "week":
            return monday, today
        case "last week":
            return monday - WEEK, monday - DAY
        case "month":
            return first, today
        case _:
            last = first - DAY
            return first_of_month(last), last


def _dates(words: str) -> tuple[date, date] | None:
    first, dots, last = words.translate(DASHES).partition("..")
    try:
        begin = date.fromisoformat(first)
        return begin, date.fromisoformat(last) if dots else begin
    except ValueError:
        return None
