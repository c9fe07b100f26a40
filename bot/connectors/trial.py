"""How citizens write on a platform, for trying it out without an account there (`webcare try`).

A connector declares it with the functions that read the platform's real payloads. So a post of a trial allows the same
acts, for the same time, and is shown in the same way as with an account on the platform.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.mention import Post
from bot.domain.text import Text, text


@dataclass(frozen=True)
class Written:
    """What a citizen wrote: `author` is their id, `handle` their name on the platform, `us` the name of our account.

    For a public post, `root` is the id of the first post of its thread, and `ours` the text of that post if it is ours;
    `parent` is the id of the comment above it. For a private one, `parent` is what it answers.
    """

    id: str
    author: str
    name: str
    handle: str
    us: str
    text: str
    at: datetime
    subject: str = ""
    root: str = ""
    parent: str = ""
    ours: str = ""


@dataclass(frozen=True)
class Way:
    """One way in which citizens write; `title` names it for people, `read` returns the post that it becomes.

    `below`: it is below a post of ours. `has_subject`: it has a subject, and a thread of its own; other private
    messages of a citizen are one conversation, whose key is the citizen's id. `edits` and `removes`: whether we learn
    that the author did that. `answered_by` is the way in which others write below it, if that is another one.
    """

    name: str
    title: Text
    read: Callable[[Written], Post]
    private: bool = False
    below: bool = False
    has_subject: bool = False
    edits: bool = True
    removes: bool = True
    answered_by: str = ""


@dataclass(frozen=True)
class Hidden:
    """Who still sees a hidden post; `opens`: everyone who asks for it."""

    who: Text
    opens: bool = False


@dataclass(frozen=True)
class Trial:
    """A platform that can be tried out. `about` says in a few sentences what an answer may be, and until when.

    `handle` turns a plain {handle} into a name on the platform; "" where people go by their names. `options` and
    `limits` are those of an account, as if it had been added and checked. `once` is the platform's answer to a second
    private answer to one post; None if it takes more.
    """

    about: Text
    ways: tuple[Way, ...]
    handle: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    hidden: Hidden | None = None
    once: Text | None = None


BELOW_OURS = text("Comment below a post of the team")
NAMES_US = text("Post that names the team")
PRIVATELY = text("Private message")
"""Titles of ways that several platforms share."""
