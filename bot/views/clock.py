"""A clock in words: what is due, by when, and whether that is near or past; never by colour or symbol alone."""

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
"""The time left is shown from this long before it is due."""
ROUNDED_TO = 5
"""Minutes; a card is not updated for each of them."""


def due_line(clock: Clock, t: Texts, now: datetime) -> str:
    """Say of one clock that does not rest by when what is due."""
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
