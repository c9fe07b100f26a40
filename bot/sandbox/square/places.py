"""What the square can stand for: besides the open square itself, platforms that are passed in from outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Way:
    """One way in which citizens write; `title` is for people.

    `below`: it begins below a post of the team. `has_subject`: it has a subject, and a thread of its own; other private
    messages of a citizen are one conversation. `answered_by` is the way in which others write below it.
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
    """A platform that the square can stand for. `path` is where the bot receives its posts.

    `handle` turns a plain {handle} into a name there. `hidden` says who still sees posts that the team hid; `opens`:
    everyone who asks for them. `once`: a post takes one private answer.
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
        """The way of private conversations between citizens and the team."""
        return next((way for way in self.ways if way.private), None)

    def below_team(self) -> Way | None:
        """The way in which citizens write below a post of the team."""
        return next((way for way in self.ways if way.below), None)

    def as_json(self) -> dict[str, Any]:
        """The data that the page needs."""
        return asdict(self)
