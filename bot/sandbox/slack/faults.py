"""What goes wrong on purpose: outages, errors, rate limits and dropped connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Drop(Enum):
    """When the connection of a call is cut: before Slack did the work, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Fault:
    """One call's misfortune. Only the fields that are set happen."""

    error: str = ""
    status: int = 0
    retry_after: int = 0
    drop: Drop | None = None
    delay: float = 0.0
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass
class Faults:
    """The misfortunes still to come, per method; `"*"` is any method.

    `down` makes every call answer 503 until it is switched off.
    """

    down: bool = False
    _coming: dict[str, list[Fault]] = field(default_factory=dict)

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
        """Cut the connection of the next calls; nothing was done."""
        self._add(method, Fault(drop=Drop.BEFORE), times)

    def drop_after(self, method: str, *, times: int = 1) -> None:
        """Do the work of the next calls, then cut the connection: the caller cannot know."""
        self._add(method, Fault(drop=Drop.AFTER), times)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Hold the next calls for some seconds before doing the work."""
        self._add(method, Fault(delay=seconds), times)

    def clear(self) -> None:
        """Let everything go well again."""
        self.down = False
        self._coming.clear()

    def take(self, method: str) -> Fault:
        """The misfortune of this call, used up; an empty Fault when all is well."""
        for key in (method, "*"):
            if waiting := self._coming.get(key):
                return waiting.pop(0)
        return Fault()

    def _add(self, method: str, fault: Fault, times: int) -> None:
        self._coming.setdefault(method, []).extend([fault] * times)
