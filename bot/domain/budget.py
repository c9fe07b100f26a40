"""How much of a platform's limit an account has used, and for how long that has kept it from reading or answering."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

QUARTER = timedelta(minutes=15)
TRIED_WITHIN = timedelta(minutes=15)
"""What waits is tried again so soon after the platform's wait; if nothing was, nothing waits."""


@dataclass(frozen=True)
class Rest:
    """Something has not worked since a moment, and the platform takes it again from another."""

    since: datetime
    until: datetime

    def told(self, before: Self | None, now: datetime) -> Self:
        """Return the rest to tell of after `before` was told; see `Budget.told`."""
        if before is None:
            return self
        if before.until <= now < self.until:
            return replace(self, until=max(self.until, now + QUARTER))
        return before if abs(self.until - before.until) < QUARTER else self

    def lasts(self, now: datetime) -> timedelta:
        """Return for how long it does not work, as far as is known now."""
        return max(self.until, now) - self.since


@dataclass(frozen=True)
class Budget:
    """What is known of an account's limit: the percent used (None: unknown), and what rests until there is room.

    A rest ends when reading or answering works again. That of answering also ends when nothing waits to be tried.
    """

    percent: int | None = None
    reading: Rest | None = None
    answering: Rest | None = None

    def read(self, percent: int | None, rests_until: datetime | None, now: datetime) -> Self:
        """Return what is known after a reading that worked; with `rests_until` the next one waits for the limit."""
        reading = Rest(now, rests_until) if rests_until is not None and rests_until > now else None
        return replace(self, percent=percent, reading=reading)

    def not_read(self, until: datetime, now: datetime) -> Self:
        """Return what is known after a reading that the platform refused until then."""
        return replace(self, reading=Rest(self.reading.since if self.reading else now, until))

    def answered(self) -> Self:
        """Return what is known after an answer, or what else we do there, that was taken."""
        return replace(self, answering=None)

    def not_answered(self, until: datetime, now: datetime) -> Self:
        """Return what is known after an answer that the platform refused until then."""
        before = self.at(now).answering
        return replace(self, answering=Rest(before.since, max(before.until, until)) if before else Rest(now, until))

    def at(self, now: datetime) -> Self:
        """Return what holds at a moment."""
        over = self.answering is not None and now - self.answering.until >= TRIED_WITHIN
        return replace(self, answering=None) if over else self

    def gone(self, now: datetime, lasts: timedelta) -> Self | None:
        """Return this with only the rests that last so long or longer; None when none does."""
        reading, answering = (
            rest if rest is not None and rest.lasts(now) >= lasts else None
            for rest in (self.reading, self.at(now).answering)
        )
        return replace(self, reading=reading, answering=answering) if reading or answering else None

    def told(self, before: Self, now: datetime) -> Self:
        """Return what to tell, after `before` was told: the same while it is no more than a quarter of an hour off.

        An end that was told and did not hold is followed by one at least a quarter of an hour later. So a platform that
        refuses a minute at a time is no reason to tell something else every minute.
        """
        reading, answering = (
            rest.told(told, now) if rest else None
            for rest, told in ((self.reading, before.reading), (self.answering, before.answering))
        )
        return replace(self, percent=None, reading=reading, answering=answering)

    @property
    def until(self) -> datetime | None:
        """Until when something rests."""
        return max((rest.until for rest in (self.reading, self.answering) if rest), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        rests = {"reading": self.reading, "answering": self.answering}
        moments = {name: [rest.since.isoformat(), rest.until.isoformat()] for name, rest in rests.items() if rest}
        return {"percent": self.percent, **moments}

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> Self:
        """Return it from the JSON of `to_json`; None is nothing known."""
        stored = value or {}
        moments = {name: map(datetime.fromisoformat, stored.get(name, ())) for name in ("reading", "answering")}
        rests = {name: Rest(*each) for name, each in moments.items() if name in stored}
        return cls(stored.get("percent"), **rests)
