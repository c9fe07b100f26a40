"""What did not succeed is tried again, later each time."""

from datetime import datetime, timedelta

from bot.connectors.base import OutcomeUnknown, RateLimited, Unauthorized, Unavailable
from bot.models import Reply, ReplyStatus

RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=10)

NotYet = RateLimited | Unauthorized | Unavailable
"""The outcomes after which a reply is tried again; Unavailable includes OutcomeUnknown."""


def put_off(reply: Reply, outcome: NotYet, now: datetime) -> None:
    """Set when a reply is tried again; it stays `sending` only while an earlier try may have succeeded."""
    reply.problem = outcome.text.to_json()
    match outcome:
        case RateLimited():
            reply.send_at = outcome.retry_at
        case Unauthorized():
            reply.send_at = now
        case Unavailable():
            reply.send_at = now + backoff(reply.tries)
    if not isinstance(outcome, OutcomeUnknown) and reply.tries == 1:
        reply.status, reply.tries, reply.first_tried_at = ReplyStatus.APPROVED, 0, None


def backoff(tries: int) -> timedelta:
    """Return how long to wait after so many tries."""
    doublings = max(0, min(tries - 1, 8))
    return min(RETRY * (1 << doublings), LONGEST_RETRY)
