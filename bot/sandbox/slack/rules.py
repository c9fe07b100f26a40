"""What Slack allows: times, rates and counts; and the check of the pace of calls."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

TIER_A_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
"""Calls a minute per method, app and workspace: https://docs.slack.dev/apis/web-api/rate-limits"""


@dataclass
class Rules:
    """The limits in force. The defaults are Slack's; a test relaxes those it does not test.

    message_seconds   one new message per channel in this many seconds (0 = no limit)
    message_burst     this many new messages per channel within message_seconds
    redelivery_seconds  the wait before each next delivery of an unacknowledged event
    """

    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    message_seconds: float = 1.0
    message_burst: int = 1
    tiers: bool = True
    redelivery_seconds: tuple[float, ...] = (1.0, 60.0, 300.0)
    response_url_uses: int = 5
    response_url_seconds: float = 1800.0
    modals_stacked: int = 3
    modern_blocks: bool = True


@dataclass
class Pace:
    """Counts calls and says when the next call is allowed."""

    rules: Rules
    now: Callable[[], float]
    _seen: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def wait_for(self, method: str, channel: str, tier: int | None) -> int | None:
        """Count one call; None if it is allowed, else the whole seconds for Retry-After."""
        if method == "chat.postMessage":
            if not self.rules.message_seconds:
                return None
            return self._take((method, channel), self.rules.message_burst, self.rules.message_seconds)
        if tier is None or not self.rules.tiers:
            return None
        return self._take((method, ""), TIER_A_MINUTE[tier], 60.0)

    def _take(self, key: tuple[str, str], most: int, seconds: float) -> int | None:
        now = self.now()
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - seconds:
            seen.popleft()
        if len(seen) >= most:
            return max(1, math.ceil(seen[0] + seconds - now))
        seen.append(now)
        return None
