"""When something usually comes in, per hour of the week, from the past weeks; and so how unusual a silence is."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
HOURS_OF_WEEK = 7 * 24


def usual(busy: Collection[datetime], since: datetime, until: datetime, zone: ZoneInfo) -> list[float]:
    """Return for each hour of the week, from Monday 00:00, how likely something comes in.

    `busy` are the whole hours from `since` to `until` in which something did. One extra empty hour is counted, so that
    no hour is ever certain.
    """
    was_busy, seen, filled = set(busy), [0] * HOURS_OF_WEEK, [0] * HOURS_OF_WEEK
    hour = _whole_hour(since)
    while hour < until:
        at = _hour_of_week(hour, zone)
        seen[at] += 1
        filled[at] += hour in was_busy
        hour += HOUR
    return [full / (all_of + 1) for full, all_of in zip(filled, seen, strict=True)]


def chance_of_silence(likely: Sequence[float], since: datetime, until: datetime, zone: ZoneInfo) -> float:
    """Return how likely it is that nothing comes in from `since` to `until`, by the result of `usual`."""
    chance, at = 1.0, since
    while at < until:
        end = min(_whole_hour(at) + HOUR, until)
        chance *= (1 - likely[_hour_of_week(at, zone)]) ** ((end - at) / HOUR)
        at = end
    return chance


def _whole_hour(at: datetime) -> datetime:
    """Return the beginning of the hour, in UTC, where no hour comes twice on nights when clocks change."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hour_of_week(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour
