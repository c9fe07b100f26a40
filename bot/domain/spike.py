"""When more comes in than usual: the last hour against the same hour of the week before, by median and deviation.

Both are robust: a holiday, a silent account or an earlier spike among the past weeks hardly changes them. An
installation that is younger than three weeks is compared with the same hour of each earlier day; in its first week
nothing counts as unusual.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAYS_KNOWN = timedelta(days=7)
"""What is known for less time says nothing about what is usual."""
WEEKS_KNOWN = timedelta(weeks=3)
WEEKS = 8
POSTS, AUTHORS = 5, 3
"""Fewer posts in an hour, or from fewer authors, are never a spike."""
BEGINS, ENDS = 4, 2
"""A spike begins at so many times the deviation above the usual, and ends below fewer, so that it does not flicker."""
SIGMA = 1.4826
"""What makes the median absolute deviation of a normal distribution its standard deviation."""


@dataclass(frozen=True)
class Band:
    """How many posts an hour usually has, and by how much that usually differs."""

    usual: float
    deviation: float

    def is_spike(self, posts: int, authors: int) -> bool:
        """Tell whether so many posts are far more than usual."""
        return posts >= POSTS and authors >= AUTHORS and posts > self.usual + BEGINS * self.deviation

    def is_over(self, posts: int) -> bool:
        """Tell whether a spike with so many posts in its last hour has ended."""
        return posts <= self.usual + ENDS * self.deviation


def band(counts: Sequence[int]) -> Band:
    """Return the band of an hour, from its counts in the past, at least one.

    Counts differ by chance, by about the root of their size: the deviation is never less than that, or than one.
    """
    usual = median(counts)
    deviation = SIGMA * median(abs(count - usual) for count in counts)
    return Band(usual, max(deviation, math.sqrt(usual), 1.0))


def comparable(now: datetime, known_since: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the ends of the hours that the hour until `now` is compared with, the latest first; none if too few.

    They have the same local time, also across a change of the clock.
    """
    known = now - known_since
    if known < DAYS_KNOWN:
        return []
    step, most = (7, WEEKS) if known >= WEEKS_KNOWN else (1, WEEKS_KNOWN.days)
    ends = [_days_before(now, step * n, zone) for n in range(1, most + 1)]
    return [end for end in ends if end - HOUR >= known_since]


def _days_before(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    return (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone, fold=local.fold).astimezone(UTC)
