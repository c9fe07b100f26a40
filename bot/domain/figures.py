"""A team's figures, as digest, command and export tell them; frozen as JSON with the message that told them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


@dataclass(frozen=True)
class Measured:
    """What the clocks of one kind measured: how many, how many in time, and seconds of working time.

    `target` is the norm they were measured against, None when it was not the same for all.
    """

    count: int = 0
    kept: int = 0
    median: int | None = None
    p90: int | None = None
    target: int | None = None

    @property
    def percent(self) -> int | None:
        """The share within the norm, rounded down: 100 only when all were."""
        return 100 * self.kept // self.count if self.count else None


@dataclass(frozen=True)
class Source:
    """The figures of one account; `reactions` and `kept` are of the first reaction."""

    name: str
    mentions: int = 0
    opened: int = 0
    answered: int = 0
    reactions: int = 0
    kept: int = 0


@dataclass(frozen=True)
class Part:
    """A day, or more, of a period."""

    since: datetime
    mentions: int
    answered: int


@dataclass(frozen=True)
class Figures:
    """A team in a period. `closed` counts how often cases were closed without an answer of ours, by reason.

    `topics` counts the opened cases by what they are about, "" for those of which nobody said.
    """

    since: datetime
    until: datetime
    mentions: int = 0
    opened: int = 0
    answered: int = 0
    closed: Mapping[str, int] = field(default_factory=dict)
    first: Measured = Measured()
    resolution: Measured = Measured()
    sources: Sequence[Source] = ()
    parts: Sequence[Part] = ()
    topics: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what was kept."""
        moments = {name: datetime.fromisoformat(value[name]) for name in ("since", "until")}
        parts = [Part(**{**part, "since": datetime.fromisoformat(part["since"])}) for part in value["parts"]]
        sources = [Source(**source) for source in value["sources"]]
        measured = {name: Measured(**value[name]) for name in ("first", "resolution")}
        return cls(**{**value, **moments, **measured, "parts": parts, "sources": sources})


@dataclass(frozen=True)
class Trouble:
    """An account that fails or was stopped; `problem` is a kept sentence."""

    name: str
    stopped: bool
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Standing:
    """How a team stands at a moment: open cases by age, what is late, what was promised for today.

    `ages` counts cases open for less than each of the AGES hours and, last, those open for longer.
    """

    at: datetime
    ages: Sequence[int] = (0, 0, 0, 0)
    oldest_at: datetime | None = None
    oldest_url: str = ""
    late: int = 0
    promised: int = 0
    troubles: Sequence[Trouble] = ()

    @property
    def open(self) -> int:
        """How many cases wait for us."""
        return sum(self.ages)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what was kept."""
        oldest = datetime.fromisoformat(value["oldest_at"]) if value["oldest_at"] else None
        troubles = [Trouble(**each) for each in value["troubles"]]
        moments = {"at": datetime.fromisoformat(value["at"]), "oldest_at": oldest}
        return cls(**{**value, **moments, "troubles": troubles})


AGES = (4, 24, 72)
"""Hours; open cases are counted by whether they are open for less."""


class Span(StrEnum):
    """What an overview is about: any period that was asked for, or a day, week or month of its own accord."""

    ASKED = "asked"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Overview:
    """All that one overview tells; `before` is what to compare with, `missed` says that the last was skipped."""

    span: Span
    team: str
    figures: Figures
    before: Figures | None = None
    standing: Standing | None = None
    missed: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        kept: dict[str, Any] = _plain(asdict(self))
        return kept

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` kept."""
        before, standing = value["before"], value["standing"]
        return cls(
            Span(value["span"]),
            value["team"],
            Figures.from_json(value["figures"]),
            Figures.from_json(before) if before else None,
            Standing.from_json(standing) if standing else None,
            value["missed"],
        )


def _plain(value: Any) -> Any:
    """Return a value with its moments as ISO text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
