"""What a test reads from the workspace, and how it waits for a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypeVar

from bot.sandbox.slack import input_state
from bot.sandbox.slack.web_api import Call, WebApi
from bot.sandbox.slack.workspace import Change, Workspace

Json = dict[str, Any]
T = TypeVar("T")


class Inspection:
    """Questions to a workspace."""

    workspace: Workspace
    api: WebApi

    def messages(self, channel: str) -> list[Json]:
        """The messages in a channel without replies, oldest first."""
        messages = self.workspace.messages[channel]
        return [m for ts, m in sorted(messages.items()) if m.get("thread_ts", ts) == ts]

    def message(self, channel: str, ts: str) -> Json:
        """One message. Raises KeyError if it does not exist."""
        return self.workspace.messages[channel][ts]

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies under a message, oldest first."""
        return self.workspace.replies(channel, ts)

    def ephemerals(self, person: str, channel: str = "") -> list[Json]:
        """The messages that only this person sees, oldest first."""
        return [
            shown.message
            for (where, _), shown in sorted(self.workspace.ephemerals.items(), key=lambda item: item[0][1])
            if shown.to == person and channel in ("", where)
        ]

    def direct(self, person: str) -> list[Json]:
        """The direct messages between a person and the app, oldest first."""
        return self.messages(self.workspace.open_im(self.workspace.app.user_id, person).id)

    def views(self, person: str) -> list[Json]:
        """A person's modals, the last on top."""
        return self.workspace.stacks.get(person, [])

    def view(self, person: str) -> Json | None:
        """The modal on top; None when none is open."""
        stack = self.views(person)
        return stack[-1] if stack else None

    def home(self, person: str) -> Json | None:
        """A person's App Home; None when it was never published."""
        return self.workspace.homes.get(person)

    def calls(self, method: str = "") -> list[Call]:
        """The app's calls (of one method), oldest first."""
        return [call for call in self.api.calls if method in ("", call.method)]

    async def wait_for(self, seen: Callable[[], T | Literal[False] | None], seconds: float = 60) -> T:
        """Wait until `seen()` is true and return its result; it is called at every change of the workspace.

        It is called each tenth of a second too: it may look at what the app or a platform keeps, whose changes nobody
        tells. Raises TimeoutError after some seconds.
        """
        changed = asyncio.Event()

        def wake(_: Change) -> None:
            changed.set()

        stop = self.workspace.listen(wake)
        try:
            async with asyncio.timeout(seconds):
                while not (result := seen()):
                    changed.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            await changed.wait()
                return result
        finally:
            stop()


def text_of(shown: Json) -> str:
    """Everything that can be read in a message or view, a line for each text."""
    lines: list[str] = []
    if not shown.get("blocks") and shown.get("text"):
        lines.append(str(shown["text"]))
    for name in ("title", "submit", "close"):
        _read(shown.get(name), lines)
    _read(shown.get("blocks", []), lines)
    return "\n".join(lines)


def action_ids(shown: Json) -> list[str]:
    """The action_ids of the elements in a message or view, in order."""
    return [
        element["action_id"] for _, element in input_state.elements(shown.get("blocks", [])) if "action_id" in element
    ]


def _read(part: Any, lines: list[str]) -> None:
    if isinstance(part, list):
        for each in part:
            _read(each, lines)
    elif isinstance(part, dict):
        for name in ("text", "title", "caption", "label", "name", "alt_text"):
            if isinstance(part.get(name), str):
                lines.append(part[name])
        if part.get("type") == "raw_number" or ("label" in part and isinstance(part.get("value"), int | float)):
            lines.append(str(part["value"]))
        for value in part.values():
            if isinstance(value, dict | list):
                _read(value, lines)
