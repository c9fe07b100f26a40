"""A team's norms: how soon it reacts and resolves, and who is reminded when time runs out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.hours import Hours, NeverOpen, add


class ClockKind(StrEnum):
    """What is being timed."""

    FIRST_REACTION = "first_reaction"
    NEXT_REACTION = "next_reaction"
    RESOLUTION = "resolution"
    PROMISE = "promise"


REACTIONS = frozenset({ClockKind.FIRST_REACTION, ClockKind.NEXT_REACTION})


class Recipient(StrEnum):
    """Who is reminded at a step of the ladder; the team is stored as teams have always written it."""

    OWNER = "owner"
    TEAM = "thread"
    COORDINATOR = "coordinator"
    CHANNEL = "channel"


@dataclass(frozen=True)
class Targets:
    """The working time in which a team reacts for the first time, reacts again, and resolves."""

    first_reaction: timedelta = timedelta(minutes=60)
    next_reaction: timedelta = timedelta(minutes=60)
    resolution: timedelta = timedelta(hours=4)

    def of(self, kind: ClockKind) -> timedelta:
        """Return the target of one kind of clock; a promise has its own moment and no target."""
        return {
            ClockKind.FIRST_REACTION: self.first_reaction,
            ClockKind.NEXT_REACTION: self.next_reaction,
            ClockKind.RESOLUTION: self.resolution,
        }[kind]


URGENT = Targets(timedelta(minutes=15), timedelta(minutes=15), timedelta(hours=4))


@dataclass(frozen=True)
class Policy:
    """A team's targets. Urgent targets come first, then those for private cases, then those of the platform."""

    base: Targets = field(default_factory=Targets)
    urgent: Targets = URGENT
    private: Targets | None = None
    platforms: Mapping[str, Targets] = field(default_factory=dict)

    def targets(self, *, platform: str, private: bool, urgent: bool) -> Targets:
        """Return the targets for one case."""
        if urgent:
            return self.urgent
        if private and self.private is not None:
            return self.private
        return self.platforms.get(platform, self.base)


@dataclass(frozen=True)
class Step:
    """At this percentage of the target, remind these people; `text` replaces the usual words."""

    percent: int
    to: Recipient
    text: str = ""


LADDER: Sequence[Step] = (
    Step(80, Recipient.OWNER),
    Step(100, Recipient.TEAM),
    Step(125, Recipient.COORDINATOR),
    Step(150, Recipient.CHANNEL),
)
PROMISE_LADDER: Sequence[Step] = (
    Step(80, Recipient.OWNER),
    Step(100, Recipient.TEAM),
    Step(125, Recipient.COORDINATOR),
)
PROMISE_CLIMBS_AFTER = timedelta(minutes=15)
"""A lapsed promise takes its last step after this much working time, no matter when it was made."""


ADVICE_STEPS = (50, 100)
"""An adviser is reminded at these percentages of the time for a question; at the last one the time is over."""


def advice_due(hours: Hours, asked_at: datetime, allowed: timedelta) -> Mapping[int, datetime]:
    """Return when a question reaches each of ADVICE_STEPS; without those that it never reaches."""
    moments = {}
    for percent in ADVICE_STEPS:
        try:
            moments[percent] = step_at(hours, asked_at, allowed, percent)
        except NeverOpen:
            break
    return moments


class Pressure(StrEnum):
    """How close a running clock is to its target, for the card."""

    IN_TIME = "in_time"
    SOON = "soon"
    LATE = "late"


def is_late(due: datetime, at: datetime) -> bool:
    """Tell whether a moment is late: it is from the moment the clock is due."""
    return at >= due


def is_used_up(target: timedelta, used: timedelta) -> bool:
    """Tell the same by working time: a target is used up at the moment the clock is due, see `due_at`."""
    return used >= target


def minutes(used: int, target: int | None = None) -> int:
    """Return seconds of working time in minutes, rounded up, so that what is late always takes longer than its target.

    A target that is used up to the second is late, so that is a minute more.
    """
    return -(-used // 60) + (used == target)


def pressure(due: datetime, told: int, now: datetime) -> Pressure:
    """Return late when the clock is due, soon when a step of it was notified (`told` percent), else in time."""
    if is_late(due, now):
        return Pressure.LATE
    return Pressure.SOON if told > 0 else Pressure.IN_TIME


def due_at(hours: Hours, started_at: datetime, target: timedelta) -> datetime:
    """Return when a clock that started at `started_at` has used its target of working time; raises NeverOpen."""
    return add(hours, started_at, target)


def step_at(hours: Hours, started_at: datetime, target: timedelta, percent: int) -> datetime:
    """Return when a clock has used this percentage of its target of working time; raises NeverOpen."""
    return add(hours, started_at, target * percent / 100)


def untold(ladder: Sequence[Step], told: int) -> list[Step]:
    """Return the steps after the percentage that was notified last, in order; the ladder may have changed since."""
    return sorted((step for step in ladder if step.percent > told), key=lambda step: step.percent)
