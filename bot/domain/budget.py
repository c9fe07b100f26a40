"""How much of a platform's limit an account has used, and for how long that has kept it from reading or answering."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

QUARTER = timedelta(minutes=15)
OTHERS = ("reading_due", "check_after", "check_due")
"""The moments of a budget beside its rests."""
TRIED_WITHIN = timedelta(minutes=15)
"""Waiting work is retried this soon after the platform's wait; if nothing was retried by then, nothing waits."""


@dataclass(frozen=True)
class Rest:
    """Something does not work: since when, and when the platform takes it again."""

    since: datetime
    until: datetime

    def told(self, before: Self | None, now: datetime) -> Self:
        """Return the rest to report after `before` was reported; see `Budget.told`."""
        if before is None:
            return self
        if before.until <= now < self.until:
            return replace(self, until=max(self.until, now + QUARTER))
        return before if abs(self.until - before.until) < QUARTER else self

    def lasts(self, now: datetime) -> timedelta:
        """Return for how long it does not work, as far as we know now."""
        return max(self.until, now) - self.since


@dataclass(frozen=True)
class Budget:
    """What we know of an account's limit: the percent used (None: unknown), and what rests until there is room.

    A rest ends when reading or answering works again. That of answering also ends when nothing waits to be tried.
    `reading_due` is when reading was to work again, as the platform said the first time; None while it does not rest.
    Before `check_after` a failing account is not checked again, because it was checked just now. `check_due` is until
    when the platform asked a check to wait; None when none waits.
    """

    percent: int | None = None
    reading: Rest | None = None
    answering: Rest | None = None
    reading_due: datetime | None = None
    check_after: datetime | None = None
    check_due: datetime | None = None

    def read(self, percent: int | None, rests_until: datetime | None, now: datetime) -> Self:
        """Return the budget after a reading that worked; with `rests_until` the next one waits for the limit."""
        reading = Rest(now, rests_until) if rests_until is not None and rests_until > now else None
        return replace(self, percent=percent, reading=reading, reading_due=reading.until if reading else None)

    def not_read(self, until: datetime, now: datetime) -> Self:
        """Return the budget after a reading that the platform refused until then."""
        since = self.reading.since if self.reading else now
        return replace(self, reading=Rest(since, until), reading_due=self.reading_due or until)

    def answered(self) -> Self:
        """Return the budget after an answer or act that the platform took."""
        return replace(self, answering=None)

    def not_answered(self, until: datetime, now: datetime) -> Self:
        """Return the budget after an answer that the platform refused until then."""
        before = self.at(now).answering
        return replace(self, answering=Rest(before.since, max(before.until, until)) if before else Rest(now, until))

    def at(self, now: datetime) -> Self:
        """Return the budget at a moment, without a rest that is over."""
        over = self.answering is not None and now - self.answering.until >= TRIED_WITHIN
        return replace(self, answering=None) if over else self

    def gone(self, now: datetime, lasts: timedelta) -> Self | None:
        """Return this with only the rests that last at least `lasts`; None when there are none."""
        reading, answering = (
            rest if rest is not None and rest.lasts(now) >= lasts else None
            for rest in (self.reading, self.at(now).answering)
        )
        return replace(self, reading=reading, answering=answering) if reading or answering else None

    def told(self, before: Self, now: datetime) -> Self:
        """Return what to report after `before` was reported: the same while it is at most a quarter of an hour off.

        A reported end that did not hold is followed by one at least a quarter of an hour later, so that a platform
        which refuses for one minute at a time does not change the report every minute.
        """
        reading, answering = (
            rest.told(told, now) if rest else None
            for rest, told in ((self.reading, before.reading), (self.answering, before.answering))
        )
        unsaid = dict.fromkeys(OTHERS)
        return replace(self, percent=None, reading=reading, answering=answering, **unsaid)

    @property
    def until(self) -> datetime | None:
        """Until when something rests."""
        return max((rest.until for rest in (self.reading, self.answering) if rest), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        rests = {"reading": self.reading, "answering": self.answering}
        moments = {name: [rest.since.isoformat(), rest.until.isoformat()] for name, rest in rests.items() if rest}
        others = {name: at.isoformat() for name in OTHERS if (at := getattr(self, name)) is not None}
        return {"percent": self.percent, **moments, **others}

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> Self:
        """Return it from the JSON of `to_json`; None means nothing is known."""
        stored = value or {}
        moments = {name: map(datetime.fromisoformat, stored.get(name, ())) for name in ("reading", "answering")}
        known: dict[str, Any] = {name: Rest(*each) for name, each in moments.items() if name in stored}
        known |= {name: datetime.fromisoformat(stored[name]) for name in OTHERS if name in stored}
        return cls(stored.get("percent"), **known)
