"""The state of the local Slack workspace, which notifies its listeners of every change.

Messages, views and files are the JSON that Slack sends; the rest are dataclasses. Nothing here
checks an app's rights or limits: the Web API does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.installed_app import App
from bot.sandbox.slack.rules import Rules
from bot.sandbox.slack.tickets import Tickets

Json = dict[str, Any]


@dataclass
class Person:
    """A person in the workspace, or a bot user.

    `guest` is a guest in several channels, `one_channel` in a single one; `team_id` is set for a person of another
    organisation with which we share a channel. `status_until` is when their status ends (0: never), `dnd_from` and
    `dnd_until` are their next do-not-disturb time.
    """

    id: str
    name: str
    real_name: str
    color: str = "4a154b"
    is_bot: bool = False
    deleted: bool = False
    guest: bool = False
    one_channel: bool = False
    team_id: str = ""
    email: str = ""
    locale: str = "nl-NL"
    tz: str = "Europe/Amsterdam"
    status_text: str = ""
    status_emoji: str = ""
    status_until: float = 0.0
    dnd_from: float = 0.0
    dnd_until: float = 0.0


@dataclass
class Channel:
    """A public or private channel, or (kind "im") a direct message between two people.

    `shared`: with another organisation, by Slack Connect.
    """

    id: str
    name: str
    members: set[str]
    kind: str = "channel"
    topic: str = ""
    private: bool = False
    archived: bool = False
    shared: bool = False


@dataclass
class UserGroup:
    """A user group: people who can be mentioned together."""

    id: str
    handle: str
    name: str
    people: list[str]
    disabled: bool = False


@dataclass
class Ephemeral:
    """A message that only one person sees."""

    to: str
    message: Json


@dataclass
class StoredFile:
    """An uploaded file; `shared` once its upload is completed. `by` is who gave it in a modal; "": the app."""

    id: str
    name: str
    size: int
    title: str = ""
    content: bytes = b""
    uploaded: bool = False
    shared: bool = False
    by: str = ""


@dataclass(frozen=True)
class Change:
    """A change of the workspace. kind: message, message_deleted, channel, views, home, people, event, call.

    `person` is set when only that person may see it; `event` is set for kind "event", which the
    app gets. What is shown beside Slack has its own kind.
    """

    kind: str
    channel: str = ""
    ts: str = ""
    person: str = ""
    event: Json = field(default_factory=dict)


@dataclass
class Workspace:
    """One team with its people, channels, messages, modals and the one installed app.

    `language` is that of the page: nl or en.
    """

    app: App
    team_id: str
    team_name: str
    domain: str
    rules: Rules = field(default_factory=Rules)
    now: Callable[[], float] = time.time
    speed: float = 1.0
    language: str = "nl"
    base_url: str = ""
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    usergroups: dict[str, UserGroup] = field(default_factory=dict)
    messages: dict[str, dict[str, Json]] = field(default_factory=dict)
    ephemerals: dict[tuple[str, str], Ephemeral] = field(default_factory=dict)
    stacks: dict[str, list[Json]] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    reactions: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)
    tickets: Tickets = field(init=False)
    _listeners: list[Callable[[Change], None]] = field(default_factory=list)
    _last_ts: int = 0

    def __post_init__(self) -> None:
        """Expire trigger ids and response URLs by this workspace's rules and clock."""
        self.tickets = Tickets(self.rules, lambda: self.now())

    # -- changes

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` at every change; call the result to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def notify(self, change: Change) -> None:
        """Call every listener with a change."""
        for listener in list(self._listeners):
            listener(change)

    # -- names

    def new_ts(self) -> str:
        """A message timestamp later than all before it."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        """A new id in Slack's alphabet: a letter for the kind, then capitals and digits."""
        return prefix + "0" + secrets.token_hex(4).upper()

    def find_channel(self, name: str) -> Channel | None:
        """A channel by id, by #name, or the app's direct message with a person by their id."""
        if name in self.people and name != self.app.user_id:
            return self.open_im(self.app.user_id, name)
        if name in self.channels:
            return self.channels[name]
        wanted = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == wanted and c.kind != "im"), None)

    def open_im(self, one: str, other: str) -> Channel:
        """The direct message of two people, created if there is none."""
        pair = {one, other}
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == pair:
                return channel
        channel = Channel(self.new_id("D"), "", pair, kind="im")
        return self.add_channel(channel)

    def add_channel(self, channel: Channel) -> Channel:
        """Add a channel to the workspace."""
        self.channels[channel.id] = channel
        self.messages.setdefault(channel.id, {})
        self.notify(Change("channel", channel=channel.id))
        return channel

    # -- messages

    def add_message(self, channel: str, message: Json) -> Json:
        """Add a message (or, with thread_ts, a reply) to a channel; it gets a ts."""
        stored = {"type": "message", "ts": self.new_ts(), "team": self.team_id, **message}
        self.messages[channel][stored["ts"]] = stored
        self.notify(Change("message", channel=channel, ts=stored["ts"]))
        parent = stored.get("thread_ts", "")
        if parent and parent != stored["ts"]:
            self._count_replies(channel, parent)
        return stored

    def change_message(self, channel: str, ts: str, fields: Json) -> Json:
        """Change some fields of a message; None removes a field."""
        message = self.messages[channel][ts]
        message.update(fields)
        for name in [name for name, value in message.items() if value is None]:
            del message[name]
        self.notify(Change("message", channel=channel, ts=ts))
        return message

    def delete_message(self, channel: str, ts: str) -> Json:
        """Remove a message and return it; a parent's replies stay."""
        message = self.messages[channel].pop(ts)
        self.notify(Change("message_deleted", channel=channel, ts=ts))
        parent = message.get("thread_ts", "")
        if parent and parent != ts and parent in self.messages[channel]:
            self._count_replies(channel, parent)
        return message

    def add_ephemeral(self, channel: str, to: str, message: Json) -> Json:
        """Show one person a message."""
        stored = {"type": "message", "ts": self.new_ts(), "team": self.team_id, **message}
        self.ephemerals[channel, stored["ts"]] = Ephemeral(to, stored)
        self.notify(Change("message", channel=channel, ts=stored["ts"], person=to))
        return stored

    def drop_ephemeral(self, channel: str, ts: str) -> None:
        """Remove an ephemeral message."""
        gone = self.ephemerals.pop((channel, ts))
        self.notify(Change("message_deleted", channel=channel, ts=ts, person=gone.to))

    def replies(self, channel: str, ts: str) -> list[Json]:
        """The replies in a thread, oldest first, without the parent."""
        return [m for t, m in sorted(self.messages[channel].items()) if m.get("thread_ts") == ts and t != ts]

    def _count_replies(self, channel: str, parent: str) -> None:
        if parent not in self.messages[channel]:
            return
        replies = self.replies(channel, parent)
        users = list(dict.fromkeys(str(reply.get("user", "")) for reply in replies))
        counted: Json = {
            "thread_ts": parent,
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1]["ts"] if replies else None,
        }
        self.change_message(channel, parent, counted if replies else dict.fromkeys(counted))

    # -- views

    def views(self) -> Iterator[tuple[str, Json]]:
        """Every open modal and published home, with its person."""
        for person, stack in self.stacks.items():
            yield from ((person, view) for view in stack)
        yield from self.homes.items()

    def find_view(self, view_id: str) -> tuple[str, Json] | None:
        """An open view and the person who sees it."""
        return next(((person, view) for person, view in self.views() if view["id"] == view_id), None)

    def set_stack(self, person: str, stack: list[Json]) -> None:
        """Show a person these modals, the last on top."""
        self.stacks[person] = stack
        self.notify(Change("views", person=person))

    def replace_view(self, view: Json) -> None:
        """Show a changed view in place of the one with its id."""
        for person, stack in self.stacks.items():
            if any(old["id"] == view["id"] for old in stack):
                self.set_stack(person, [view if old["id"] == view["id"] else old for old in stack])
                return
        for person, home in self.homes.items():
            if home["id"] == view["id"]:
                self.set_home(person, view)
                return

    def set_home(self, person: str, view: Json) -> None:
        """Publish a person's App Home."""
        self.homes[person] = view
        self.notify(Change("home", person=person))
