"""How a case's clocks are told: what is due, by when, and whether that is near or past; in words, not colour alone."""

from datetime import datetime, timedelta

from bot.domain.sla import ClockKind, Pressure, pressure
from bot.domain.text import Text, text
from bot.models import CaseFile, Clock
from bot.texts import Texts

WHAT: dict[ClockKind, Text] = {
    ClockKind.FIRST_REACTION: text("first reaction"),
    ClockKind.NEXT_REACTION: text("next reaction"),
    ClockKind.RESOLUTION: text("resolution"),
    ClockKind.PROMISE: text("promise to the citizen"),
}
COUNTED_DOWN = timedelta(hours=2)
"""From so near on the time left is told too."""
ROUNDED_TO = 5
"""Minutes; a card is not written anew for every one."""


def clock_line(file: CaseFile, t: Texts, now: datetime) -> str:
    """Return the line of the clock that is due first, or nothing when none is running."""
    running = [clock for clock in file.clocks if clock.due_at is not None and clock.running_since is not None]
    if not running:
        return ""
    return due_line(min(running, key=lambda clock: clock.due_at or now), t, now)


def due_line(clock: Clock, t: Texts, now: datetime) -> str:
    """Say of one clock by when what is due."""
    due, what = clock.due_at or now, t(WHAT[clock.kind])
    at = t.when(due, now)
    match pressure(due, clock.steps, now):
        case Pressure.LATE:
            return "❗ " + t("*Late* – {what} was due at {time}", what=what, time=at)
        case Pressure.SOON:
            return "⏰ " + t("*Nearly late* – {what} is due before {time}", what=what, time=at) + _left(due, t, now)
        case Pressure.IN_TIME:
            return "🕑 " + t("{what} before {time}", what=what, time=at).capitalize() + _left(due, t, now)


def _left(due: datetime, t: Texts, now: datetime) -> str:
    left = due - now
    if left > COUNTED_DOWN:
        return ""
    minutes = max(ROUNDED_TO, int(left.total_seconds() / 60 / ROUNDED_TO + 0.5) * ROUNDED_TO)
    return " " + t("(about {n} minutes left)", n=minutes)
