"""What the clock will do for a case: when, what, and who hears of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.case import Move
from bot.domain.event import Why
from bot.domain.hours import HORIZON, Hours, NeverOpen, next_opening
from bot.domain.period import DAY, midnight
from bot.domain.sla import ClockKind


class Doing(StrEnum):
    """What the clock will do for a case besides moving it."""

    STEP = "step"
    """A step of the ladder is due: `percent` of the target of a clock, or of a promise."""
    SNOOZED = "snoozed"
    LATE = "late"
    """It is late and all steps were notified: a reminder on each opening day."""
    IDLE = "idle"
    ADVICE = "advice"
    """`percent` of the time for advice is used; at 100 the case goes back to its owner."""
    UNANSWERED = "unanswered"
    CALL = "call"
    SECOND = "second"
    REVIEW = "review"
    DIGEST_LISTS = "digest_lists"
    DIGEST_COUNTS = "digest_counts"
    """The digest counts it among the waiting cases, without its name."""


@dataclass(frozen=True)
class Coming:
    """Something that the clock will do, or the move that it makes and `why`, and who hears of it (Slack ids)."""

    at: datetime
    what: Doing | Move
    to: tuple[str, ...] = ()
    percent: int = 0
    clock: ClockKind | None = None
    why: Why | None = None


def heard_at(hours: Hours, due_at: datetime | None, now: datetime) -> datetime | None:
    """Return when what is due then is notified: never in the past, and only while the team is open; None for never."""
    if due_at is None:
        return None
    try:
        return next_opening(hours, max(due_at, now))
    except NeverOpen:
        return None


def heard_by_days(hours: Hours, since: datetime, now: datetime) -> Iterator[datetime]:
    """Yield when what is counted in working days since then may be notified, in order; a day may have its moment twice.

    Ends at HORIZON, or at once for a team that never opens.
    """
    today = now.astimezone(hours.zone).date()
    for n in range(HORIZON.days):
        at = heard_at(hours, max(since, midnight(today + n * DAY, hours.zone)), now)
        if at is None:
            return
        yield at
