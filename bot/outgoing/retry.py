"""Retry what did not succeed, with a longer wait each time."""

from datetime import datetime, timedelta

from bot.connectors.base import OUR_FAULT, NotNow, OutcomeUnknown, RateLimited, Unauthorized, Unavailable
from bot.domain.text import Text, text
from bot.models import Act, ActStatus, Reply, ReplyStatus

RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(minutes=10)
ASKED_AGAIN = timedelta(minutes=5)
"""The first wait after "not now" about one answer: mail servers take what they do not know only some minutes later."""
SELDOM = timedelta(hours=1)
REFUSES = timedelta(days=2)
"""A platform that says "not now" about an answer for this long refuses it."""

GIVES_UP = timedelta(hours=1)
"""A fault of ours that hides the outcome of an answer for this long is no passing one: a person looks."""

NotYet = RateLimited | Unauthorized | Unavailable
"""The outcomes after which we try again; Unavailable includes NotNow and OutcomeUnknown."""


def put_off(item: Reply | Act, outcome: NotYet, now: datetime) -> None:
    """Set when a reply or an act is tried again; it stays `sending` only while an earlier try may have succeeded.

    Each wait is longer than the one before, no matter what the platform asks. After a refused token it is due at once.
    """
    item.problem = outcome.text.to_json()
    if isinstance(outcome, Unauthorized):
        item.send_at = now
    else:
        item.delays += 1
        earliest = now + backoff(item.delays, *((ASKED_AGAIN, SELDOM) if isinstance(outcome, NotNow) else ()))
        item.send_at = max(outcome.retry_at, earliest) if isinstance(outcome, RateLimited) else earliest
    if not isinstance(outcome, OutcomeUnknown) and item.tries == 1:
        _never_tried(item)


def backoff(delays: int, first: timedelta = RETRY, longest: timedelta = LONGEST_RETRY) -> timedelta:
    """Return how long to wait for the given delay in a row: 1 is the first."""
    doublings = max(0, min(delays - 1, 8))
    return min(first * (1 << doublings), longest)


def refused(reply: Reply, outcome: NotNow, now: datetime) -> Text | None:
    """Return why a reply counts as refused: its platform says "not now" for days. None while it is tried again.

    It must have said so before: the days may have passed while nothing could be sent.
    """
    said_before = (reply.problem or {}).get("message") == outcome.text.message
    if not said_before or now - reply.created_at < REFUSES:
        return None
    return text("We tried it for two days. {reason}", reason=outcome.text)


def stays_unknown(reply: Reply, outcome: OutcomeUnknown, now: datetime) -> bool:
    """Tell whether a fault of ours keeps the outcome of a reply unknown for long: no further try would end that."""
    is_ours = outcome.text.message == OUR_FAULT.message
    said_before = (reply.problem or {}).get("message") == outcome.text.message
    return is_ours and said_before and reply.first_tried_at is not None and now - reply.first_tried_at >= GIVES_UP


def _never_tried(item: Reply | Act) -> None:
    item.tries, item.first_tried_at = 0, None
    if isinstance(item, Reply):
        item.status = ReplyStatus.APPROVED
    else:
        item.status = ActStatus.APPROVED
