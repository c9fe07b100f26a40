"""The queue: the one order in which cases are listed, and which of them a list shows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

OVERVIEW = "overview"
"""What a button of the Home holds in the place of a filter: no list, but the overview."""
NEVER = datetime.max.replace(tzinfo=UTC)


def precedence(*, urgent: bool, due_at: datetime | None, opened_at: datetime, case_id: int) -> tuple[object, ...]:
    """Return what cases are sorted by: urgent ones first, then what is due first, then the oldest.

    What is never due comes after what is. `bot.models.order` says the same in SQL.
    """
    return (not urgent, due_at or NEVER, opened_at, case_id)


class Which(StrEnum):
    """Which cases a list shows."""

    OPEN = "open"
    UNOWNED = "unowned"
    MINE = "mine"
    LATE = "late"
    ADVICE = "advice"
    CITIZEN = "citizen"


class Where(StrEnum):
    """By what else a list is filtered."""

    TEAM = "team"
    PLATFORM = "platform"
    ACCOUNT = "account"
    TOPIC = "topic"


@dataclass(frozen=True)
class Place:
    """Something by which a list can be filtered, and what it is called."""

    kind: Where
    name: str
    label: str

    @property
    def where(self) -> str:
        """Return it as a filter names it."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Filter:
    """What a list shows: which cases, those of whom (an agent), from where (`topic:markt`), and which page of them.

    `where` may name what no longer exists; then the list is empty.
    """

    which: Which = Which.OPEN
    of: str = ""
    where: str = ""
    page: int = 0

    @property
    def place(self) -> tuple[Where | None, str]:
        """Return by what else the list is filtered, and by which of these."""
        kind, _, name = self.where.partition(":")
        return (Where(kind), name) if kind in set(Where) else (None, "")

    def to_text(self) -> str:
        """Return it as the value of a button or option; it begins with a letter, so that it is never read as an id."""
        return f"{self.which}|{self.of}|{self.page}|{self.where}"

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read the value of a button, however old; what we no longer know is left out."""
        which, of, page, where, *_ = [*text.split("|", 3), "", "", ""]
        return cls(
            Which(which) if which in set(Which) else Which.OPEN,
            of,
            where,
            int(page[:9]) if page[:9].isdecimal() else 0,
        )
