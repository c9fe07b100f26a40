"""Faults that a test causes: outages, errors, rate limits and dropped connections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Drop(Enum):
    """When the connection of a call is cut: before Slack does the work, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Fault:
    """The fault of one call. Only the fields that are set happen."""

    error: str = ""
    status: int = 0
    retry_after: int = 0
    drop: Drop | None = None
    delay: float = 0.0
    held: asyncio.Event | None = None
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass
class Faults:
    """The faults of the next calls, per method; `"*"` is any method.

    While `down` is set every call is answered 503.
    """

    down: bool = False
    _next: dict[str, list[Fault]] = field(default_factory=dict)

    def error(self, method: str, error: str, *, times: int = 1, **answer: Any) -> None:
        """Answer the next calls `{"ok": false, "error": error}` without doing the work."""
        self._add(method, Fault(error=error, answer=answer), times)

    def status(self, method: str, status: int, *, times: int = 1) -> None:
        """Answer the next calls with this HTTP status and no JSON."""
        self._add(method, Fault(status=status), times)

    def rate_limit(self, method: str, retry_after: int = 1, *, times: int = 1) -> None:
        """Answer the next calls 429 with Retry-After in seconds."""
        self._add(method, Fault(status=429, error="ratelimited", retry_after=retry_after), times)

    def drop_before(self, method: str, *, times: int = 1) -> None:
        """Cut the connection of the next calls without doing the work."""
        self._add(method, Fault(drop=Drop.BEFORE), times)

    def drop_after(self, method: str, *, times: int = 1) -> None:
        """Do the work of the next calls, then cut the connection: the caller cannot know."""
        self._add(method, Fault(drop=Drop.AFTER), times)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Wait some seconds before doing the work of the next calls."""
        self._add(method, Fault(delay=seconds), times)

    def hold(self, method: str, *, times: int = 1) -> asyncio.Event:
        """Let the next calls wait for this event before doing the work."""
        held = asyncio.Event()
        self._add(method, Fault(held=held), times)
        return held

    def clear(self) -> None:
        """Cancel all faults."""
        self.down = False
        self._next.clear()

    def take(self, method: str) -> Fault:
        """Remove and return the fault of this call; an empty Fault when there is none."""
        for key in (method, "*"):
            if waiting := self._next.get(key):
                return waiting.pop(0)
        return Fault()

    def _add(self, method: str, fault: Fault, times: int) -> None:
        self._next.setdefault(method, []).extend([fault] * times)
