"""A team's figures, for digest, command and export; frozen as JSON with the message that shows them."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


@dataclass
class Taken:
    """What clocks measured: how many were in time, the lowest and highest target, and their seconds in sorted runs."""

    kept: int = 0
    lowest: int | None = None
    highest: int | None = None
    runs: list[Sequence[int]] = field(default_factory=list)

    def add(self, kept: int, lowest: int | None, highest: int | None, *runs: Sequence[int]) -> None:
        """Add what other clocks measured."""
        self.kept += kept
        targets = [each for each in (self.lowest, self.highest, lowest, highest) if each is not None]
        self.lowest, self.highest = (min(targets), max(targets)) if targets else (None, None)
        self.runs.extend(runs)

    @property
    def count(self) -> int:
        """How many clocks there are."""
        return sum(map(len, self.runs))

    def percentile(self, percent: int) -> int | None:
        """Return the lowest measured time that at least `percent` of the clocks did not exceed; None without clocks.

        It is never an average: the median of two times is the lower one.
        """
        runs, wanted = [run for run in self.runs if len(run)], self.count * percent
        if not runs:
            return None
        low, high = min(run[0] for run in runs), max(run[-1] for run in runs)
        while low < high:  # a binary search over the sorted runs, without merging them
            middle = (low + high) // 2
            if sum(bisect_right(run, middle) for run in runs) * 100 >= wanted:
                high = middle
            else:
                low = middle + 1
        return low


@dataclass(frozen=True)
class Measured:
    """What the clocks of one kind measured: how many, how many in time, and seconds of working time.

    `target` is the norm of these clocks, None when they had different norms. `late` counts the clocks that were due in
    the period and still ran when it ended.
    """

    count: int = 0
    kept: int = 0
    median: int | None = None
    p90: int | None = None
    target: int | None = None
    late: int = 0

    @property
    def percent(self) -> int | None:
        """The percentage within the norm of all that was measured or late, rounded down: 100 means all."""
        return 100 * self.kept // (self.count + self.late) if self.count + self.late else None


@dataclass(frozen=True)
class Source:
    """The figures of one account; `reactions` counts first reactions, late ones too, `kept` those in time."""

    name: str
    mentions: int = 0
    opened: int = 0
    answered: int = 0
    reactions: int = 0
    kept: int = 0


@dataclass(frozen=True)
class Part:
    """One or more days of a period, with their mentions and answers."""

    since: datetime
    mentions: int
    answered: int


@dataclass(frozen=True)
class Figures:
    """The figures of a team in a period. `closed` counts closings without an answer, by reason.

    `topics` counts the opened cases by topic, "" for cases without a topic. `hidden` counts the posts that we hid, by
    house rule.
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
    hidden: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the figures from JSON."""
        moments = {name: datetime.fromisoformat(value[name]) for name in ("since", "until")}
        parts = [Part(**{**part, "since": datetime.fromisoformat(part["since"])}) for part in value["parts"]]
        sources = [Source(**source) for source in value["sources"]]
        measured = {name: Measured(**value[name]) for name in ("first", "resolution")}
        return cls(**{**value, **moments, **measured, "parts": parts, "sources": sources})


@dataclass(frozen=True)
class Trouble:
    """An account that fails or was stopped, or a `channel` of Slack in which we cannot write ("": anywhere).

    `problem` is a `Text` as JSON. `until`: until when its platform's limit is used up.
    """

    name: str
    stopped: bool
    problem: Mapping[str, Any] | None = None
    channel: str | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """How a team stands at a moment: open cases by age, late cases, and promises for today.

    `ages` counts the open cases younger than each of AGES (and not counted before), and last the older ones.
    `promised` counts the promises that lapsed and still stand too.
    `with_citizen` counts the cases that wait for their citizen.
    """

    at: datetime
    ages: Sequence[int] = (0, 0, 0, 0)
    oldest_at: datetime | None = None
    oldest_url: str = ""
    late: int = 0
    promised: int = 0
    troubles: Sequence[Trouble] = ()
    with_citizen: int = 0

    @property
    def open(self) -> int:
        """How many cases wait for us."""
        return sum(self.ages)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the standing from JSON."""
        oldest = datetime.fromisoformat(value["oldest_at"]) if value["oldest_at"] else None
        ends = [each.get("until") for each in value["troubles"]]
        troubles = [
            Trouble(**{**each, "until": datetime.fromisoformat(end) if end else None})
            for each, end in zip(value["troubles"], ends, strict=True)
        ]
        moments = {"at": datetime.fromisoformat(value["at"]), "oldest_at": oldest}
        return cls(**{**value, **moments, "troubles": troubles})


@dataclass(frozen=True)
class Tally:
    """What became of the mentions that came in: how many are on a card, and in a case that is still open.

    `unshown` is how many are on no card although they came in longer ago than posting takes. Found by the daily
    comparisons: how many cards were made again (`healed`), how many posts were `missed` and taken in after all, and the
    accounts whose platform could not be read again (`uncompared`).
    """

    received: int = 0
    carded: int = 0
    open: int = 0
    unshown: int = 0
    healed: int = 0
    missed: int = 0
    uncompared: Sequence[str] = ()

    @property
    def handled(self) -> int:
        """How many no longer wait for us."""
        return self.received - self.open

    @property
    def differs(self) -> bool:
        """Whether a comparison found a difference, or could not be made."""
        return bool(self.unshown or self.healed or self.missed or self.uncompared)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the tally from JSON."""
        return cls(**{**value, "uncompared": tuple(value["uncompared"])})


AGES = (4, 24, 72)
"""The limits, in hours, of the groups of ages in which `Standing` counts open cases."""


class Span(StrEnum):
    """The period of an overview: one that an agent asked for, or the day, week or month of a digest."""

    ASKED = "asked"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Overview:
    """The content of one overview; `before`: figures to compare with; `missed`: the previous digest was skipped.

    `tally` is in a daily digest, and follows how it stands now. `is_over`: the period that an agent asked for has
    ended; that of a digest always has.
    """

    span: Span
    team: str
    figures: Figures
    before: Figures | None = None
    standing: Standing | None = None
    missed: bool = False
    tally: Tally | None = None
    is_over: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the overview as JSON."""
        value: dict[str, Any] = _plain(asdict(self))
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the overview from the JSON of `to_json`."""
        before, standing = value["before"], value["standing"]
        return cls(
            Span(value["span"]),
            value["team"],
            Figures.from_json(value["figures"]),
            Figures.from_json(before) if before else None,
            Standing.from_json(standing) if standing else None,
            value["missed"],
            Tally.from_json(value["tally"]) if value.get("tally") else None,
            value.get("is_over", False),
        )


def _plain(value: Any) -> Any:
    """Return a value for JSON, with moments as ISO text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
