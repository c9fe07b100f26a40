"""The queue: the one order in which cases are listed, and which of them a list shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from bot.domain.signals import Rank, rank_of

OVERVIEW = "overview"
"""The value of the button on the Home for the overview, in place of a filter."""
NEVER = datetime.max.replace(tzinfo=UTC)


def precedence(
    *, urgent: bool, signals: Collection[str], due_at: datetime | None, opened_at: datetime, case_id: int
) -> tuple[object, ...]:
    """Return the sort key of a case: urgent ones, then those with a signal of the first rank, due first, the oldest.

    Cases that are never due come after those that are. `bot.models.order` says the same in SQL.
    """
    first = rank_of(signals, private=False) is Rank.FIRST
    return (not urgent, not first, due_at or NEVER, opened_at, case_id)


class Which(StrEnum):
    """Which cases a list shows."""

    OPEN = "open"
    UNOWNED = "unowned"
    MINE = "mine"
    LATE = "late"
    ADVICE = "advice"
    CITIZEN = "citizen"
    PROMISED = "promised"
    """We promised the citizen an answer by today, or by an earlier day."""


class Where(StrEnum):
    """What else a list can be filtered by."""

    TEAM = "team"
    PLATFORM = "platform"
    ACCOUNT = "account"
    TOPIC = "topic"
    TIME = "time"
    """What came in between two moments, in seconds since 1970: `time:1764288000-1764291600`; the last may lack."""
    SUBJECT = "subject"
    """What cases of a roll-up have in common; its button names it, no menu offers it."""


def moments(name: str) -> tuple[datetime, datetime | None]:
    """Return the moments that the value of Where.TIME names, the last one if there is one; 1970 for what is none."""
    first, _, last = name.partition("-")
    return _moment(first), _moment(last) if last else None


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds) if seconds.isdecimal() and len(seconds) < 11 else 0, UTC)


@dataclass(frozen=True)
class Place:
    """Something a list can be filtered by, and its name."""

    kind: Where
    name: str
    label: str

    @property
    def where(self) -> str:
        """Return its value in a filter."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Filter:
    """What a list shows: which cases, of which agent, from where (`topic:markt`), and which page.

    `where` may name something that no longer exists; then the list is empty.
    """

    which: Which = Which.OPEN
    of: str = ""
    where: str = ""
    page: int = 0

    @property
    def place(self) -> tuple[Where | None, str]:
        """Return what else the list is filtered by, and the value."""
        kind, _, name = self.where.partition(":")
        return (Where(kind), name) if kind in set(Where) else (None, "")

    def to_text(self) -> str:
        """Return it as the value of a button or option; it begins with a letter, so it cannot be taken for an id."""
        return f"{self.which}|{self.of}|{self.page}|{self.where}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read the value of a button of any age; what we no longer know is left out."""
        which, of, page, where, *_ = [*text.split("|", 3), "", "", ""]
        return cls(
            Which(which) if which in set(Which) else Which.OPEN,
            of,
            where,
            int(page[:9]) if page[:9].isdecimal() else 0,
        )
