"""A clock in words: what is due, by when, and whether that is near or past; never only a colour or symbol."""

from datetime import datetime, timedelta

from bot.domain.sla import ClockKind, Pressure, pressure
from bot.domain.text import Text, text
from bot.models import Clock
from bot.texts import Texts, capital

WHAT: dict[ClockKind, Text] = {
    ClockKind.FIRST_REACTION: text("first reaction"),
    ClockKind.NEXT_REACTION: text("next reaction"),
    ClockKind.RESOLUTION: text("resolution"),
    ClockKind.PROMISE: text("promise to the citizen"),
}
COUNTED_DOWN = timedelta(hours=2)
"""The time left is shown from this long before the clock is due."""
ROUNDED_TO = 5
"""The step in minutes of the time left, so that a card is not updated every minute."""


def due_line(clock: Clock, t: Texts, now: datetime) -> str:
    """Return what is due and by when, for a clock that does not rest."""
    due, what = clock.due_at, t(WHAT[clock.kind])
    assert due is not None  # noqa: S101
    at = t.when(due, now)
    match pressure(due, clock.told_percent, now):
        case Pressure.LATE:
            return "❗ " + t("*Late* – {what}: due by {time}", what=what, time=at)
        case Pressure.SOON:
            return "⏰ " + t("*Nearly late* – {what}: due by {time}", what=what, time=at) + _left(due, t, now)
        case Pressure.IN_TIME:
            return "🕑 " + capital(t("{what}: by {time}", what=what, time=at)) + _left(due, t, now)


def _left(due: datetime, t: Texts, now: datetime) -> str:
    left = due - now
    if left > COUNTED_DOWN:
        return ""
    minutes = max(ROUNDED_TO, int(left.total_seconds() / 60 / ROUNDED_TO + 0.5) * ROUNDED_TO)
    return " " + t("(about {n} minutes left)", n=minutes)
