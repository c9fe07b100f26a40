"""As what the square can be seen: beside the open square itself, as platforms that come in from outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Way:
    """One way in which citizens write; `title` is for people.

    `below`: it begins below a post of the team. `has_subject`: it has one, and a thread of its own; other private ones
    of a citizen are one talk. `answered_by` is the way in which others write below it.
    """

    name: str
    title: str
    private: bool = False
    below: bool = False
    has_subject: bool = False
    edits: bool = True
    removes: bool = True
    answered_by: str = ""


@dataclass(frozen=True)
class Place:
    """A platform as which the square can be seen. `path` is where the bot receives what is written there.

    `handle` makes a name there of a plain {handle}. `hidden` says who still sees what the team hid; `opens`: who asks
    for it. `once`: a post takes one private answer.
    """

    name: str
    title: str
    sign: str
    path: str
    about: str
    ways: tuple[Way, ...]
    handle: str = ""
    hidden: str = ""
    opens: bool = False
    once: bool = False

    def way(self, name: str) -> Way | None:
        """The way of this name."""
        return next((way for way in self.ways if way.name == name), None)

    def private_way(self) -> Way | None:
        """The way in which citizens and the team talk in private."""
        return next((way for way in self.ways if way.private), None)

    def below_team(self) -> Way | None:
        """The way in which citizens write below a post of the team."""
        return next((way for way in self.ways if way.below), None)

    def as_json(self) -> dict[str, Any]:
        """What the page needs of it."""
        return asdict(self)
