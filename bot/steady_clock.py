"""The clock of a running bot: it goes on evenly when the machine's clock is set, and follows Slack's when both differ.

A clock that jumps an hour would end leases too early or an hour too late, tell of targets that are not due, and look
for an answer that may have been published where it is not. So a jump is not followed. Whether the machine's clock is
right again, or was wrong from the beginning, Slack's answers say. What was put off by a clock that was ahead is then
tried at once (bot/run.py).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

log = structlog.get_logger()

DIFFERS = timedelta(minutes=2)
"""How far a clock may be off before it counts as set, or as wrong: less is the usual care of NTP, and is followed."""


def utc_now() -> datetime:
    """Return the time by the machine's clock."""
    return datetime.now(UTC)


def _elapsed() -> float:
    """Return seconds that no one can set; they go on while the machine sleeps, if it counts those."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SteadyClock:
    """Tells the time: `wall` by the machine's clock, `elapsed` in seconds that only go on."""

    def __init__(self, wall: Callable[[], datetime] = utc_now, elapsed: Callable[[], float] = _elapsed) -> None:
        self._wall, self._elapsed = wall, elapsed
        self._at, self._since = wall(), elapsed()
        self._is_off = False

    def __call__(self) -> datetime:
        """Return the time."""
        even, wall = self._even(), self._wall()
        is_off = abs(wall - even) > DIFFERS
        if not is_off:
            self._set(wall)
        if is_off is not self._is_off:
            self._is_off = is_off
            self._tell(wall - even)
        return wall if not is_off else even

    def heard(self, date: str) -> bool:
        """Take note of the time that Slack gives in an answer; return whether that set this clock back.

        https://www.rfc-editor.org/rfc/rfc9110#name-date
        """
        try:
            off = parsedate_to_datetime(date).astimezone(UTC) - self()
        except (TypeError, ValueError):
            return False
        if abs(off) > DIFFERS:
            log.warning("our clock was off; it is set by Slack's", seconds=round(off.total_seconds()))
            self._set(self() + off)
        return off < -DIFFERS

    def _even(self) -> datetime:
        return self._at + timedelta(seconds=self._elapsed() - self._since)

    def _set(self, at: datetime) -> None:
        self._at, self._since = at, self._elapsed()

    def _tell(self, off: timedelta) -> None:
        if self._is_off:
            log.warning("the machine's clock is off; check its NTP", seconds=round(off.total_seconds()))
        else:
            log.info("the machine's clock is right again")


steady_now = SteadyClock()
"""The clock of this process, also for what is checked or put off by the time where no other clock is at hand."""
