"""Retry what did not succeed, with a longer wait each time."""

from datetime import datetime, timedelta

from bot.connectors.base import OutcomeUnknown, RateLimited, Unauthorized, Unavailable
from bot.models import Act, ActStatus, Reply, ReplyStatus

RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=10)

NotYet = RateLimited | Unauthorized | Unavailable
"""The outcomes after which we try again; Unavailable includes OutcomeUnknown."""


def put_off(item: Reply | Act, outcome: NotYet, now: datetime) -> None:
    """Set when a reply or an act is tried again; it stays `sending` only while an earlier try may have succeeded.

    Each wait is longer than the one before, no matter what the platform asks. After a refused token it is due at once.
    """
    item.problem = outcome.text.to_json()
    if isinstance(outcome, Unauthorized):
        item.send_at = now
    else:
        item.delays += 1
        earliest = now + backoff(item.delays)
        item.send_at = max(outcome.retry_at, earliest) if isinstance(outcome, RateLimited) else earliest
    if not isinstance(outcome, OutcomeUnknown) and item.tries == 1:
        _never_tried(item)


def backoff(delays: int) -> timedelta:
    """Return how long to wait for the given delay in a row: 1 is the first."""
    doublings = max(0, min(delays - 1, 8))
    return min(RETRY * (1 << doublings), LONGEST_RETRY)


def _never_tried(item: Reply | Act) -> None:
    item.tries, item.first_tried_at = 0, None
    if isinstance(item, Reply):
        item.status = ReplyStatus.APPROVED
    else:
        item.status = ActStatus.APPROVED
