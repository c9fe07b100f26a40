"""Lanes: "this lane has work". A lane is one channel's messages, one account's outgoing work or one account's polling.

At most one drain of a lane runs at a time. A lane that is woken while it runs, once or many times, runs once more
afterwards. A drain may return the moment at which it wants to run again.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

Wake = Callable[[str], None]
"""Say that a lane ("messages:C123", "outgoing:4", "poll:4") has work; returns at once."""
Drain = Callable[[str], Awaitable[datetime | None]]
"""Do all work that a lane has now; gets its name after the colon. Returns when more is due, if known."""
NOTED = "lanes"
"""The key in a session's `info` of the lanes for which its transaction makes work, and of what that is."""


class Lanes(Protocol):
    """What runs the lanes: one process alone (bot/own_lanes.py), or several that share them (bot/shared_lanes.py)."""

    def __call__(self, lane: str) -> None:
        """Wake a lane; see Wake."""

    def serve(self, drains: Mapping[str, Drain]) -> None:
        """Set the drain of each kind of lane (the part of its name before the colon)."""

    def running(self, kind: str) -> int:
        """Return how many lanes of this kind are at work in this process."""

    async def stop(self, seconds: float = 10) -> None:
        """Start nothing new, wait `seconds` for running lanes, then cancel them; their work is in the database."""


def note(session: AsyncSession, lane: str, row: int | None = None) -> None:
    """Note that this transaction makes work for a lane. Shared lanes, and only they, are then woken by its commit.

    `row` is the id of what there is to do, for `settle`.
    """
    session.info.setdefault(NOTED, {}).setdefault(lane, set()).add(row)


def settle(session: AsyncSession, lane: str, row: int) -> None:
    """Note that who opened this transaction does this work: a lane without other work is not woken."""
    noted: dict[str, set[int | None]] = session.info.get(NOTED, {})
    if noted.get(lane) == {row}:
        del noted[lane]
    elif lane in noted:
        noted[lane].discard(row)
