"""What one process knows of its contact with Slack; `/health` shows it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Contact:
    """The contact of one process with Slack.

    `heard_at` is when Slack last sent something, `called_at` when it last answered a call, and `unreachable_since` the
    first call after that which it did not answer. In Socket Mode `is_connected` tells whether the socket is open, and
    `refused` is Slack's error when it refused a new one. `identity` is what auth.test last said about us.
    `scopes` are our permissions, as Slack names them in each answer.
    """

    heard_at: datetime | None = None
    called_at: datetime | None = None
    unreachable_since: datetime | None = None
    is_connected: Callable[[], Awaitable[bool]] | None = None
    refused: str = ""
    identity: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()

    def answered(self, now: datetime) -> None:
        """Note that Slack answered a call."""
        self.called_at, self.unreachable_since = now, None

    def unanswered(self, now: datetime) -> None:
        """Note that Slack did not answer a call."""
        self.unreachable_since = self.unreachable_since or now

    async def socket(self) -> str:
        """Return the state of the socket: "connected", "closed", "refused", or "" over HTTP."""
        if self.is_connected is None:
            return ""
        if self.refused:
            return "refused"
        return "connected" if await self.is_connected() else "closed"
