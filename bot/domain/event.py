"""The kinds of events in the log, and the reasons that some of them have."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened. The log stores the values, so they never change."""

    # A case is moved (bot.domain.case says by which move).
    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    ASSIGN = "assign"
    TRANSFER = "transfer"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    ADVISE = "advise"
    NO_ADVICE = "no_advice"
    CLOSE = "close"
    UNCLOSE = "unclose"
    REOPEN = "reopen"
    WAIT_ON = "wait_on"
    REOPENED_BY_CITIZEN = "reopened_by_citizen"
    REPLY_SENT = "reply_sent"
    REPLY_FAILED = "reply_failed"
    REPLY_UNCERTAIN = "reply_uncertain"
    SETTLED = "settled"
    # Something else happens to a case.
    OPENED = "opened"
    JOINED = "joined"
    MENTION_EDITED = "mention_edited"
    MENTION_GONE = "mention_gone"
    MENTION_BACK = "mention_back"
    MENTION_REDACTED = "mention_redacted"
    REPLY_HELD = "reply_held"
    REPLY_GONE = "reply_gone"
    REPLY_BACK = "reply_back"
    NOTE = "note"
    NOTE_DELETED = "note_deleted"
    TOPIC = "topic"
    URGENT = "urgent"
    NOT_URGENT = "not_urgent"
    REMINDED = "reminded"
    SNOOZE = "snooze"
    # Something is done to a post besides answering it; `details["act"]` says what.
    ACT_APPROVED = "act_approved"
    ACT_WITHDRAWN = "act_withdrawn"
    ACT_DONE = "act_done"
    ACT_FAILED = "act_failed"
    ACT_UNCERTAIN = "act_uncertain"
    ACT_ASKED = "act_asked"
    ACT_AGREED = "act_agreed"
    ACT_DECLINED = "act_declined"
    ACT_KEPT = "act_kept"
    # Accounts, settings and agents change.
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_RENEWED = "account_renewed"
    ACCOUNT_STARTED = "account_started"
    ACCOUNT_STOPPED = "account_stopped"
    ACCOUNT_REMOVED = "account_removed"
    SETTINGS = "settings"
    ROLE = "role"
    INITIALS = "initials"
    ROUTING = "routing"


OF_NO_CASE = frozenset(
    {
        EventKind.ACCOUNT_ADDED,
        EventKind.ACCOUNT_RENEWED,
        EventKind.ACCOUNT_STARTED,
        EventKind.ACCOUNT_STOPPED,
        EventKind.ACCOUNT_REMOVED,
        EventKind.SETTINGS,
        EventKind.ROLE,
        EventKind.INITIALS,
        EventKind.ROUTING,
    }
)
"""Events of accounts, teams and agents; all others are part of the history of a case."""


class Why(StrEnum):
    """Why a case went back to the queue by itself, why an act was taken back, or how we know of an outcome."""

    STILL = "still"
    """Nothing happened with the case."""
    AWAY = "away"
    READER = "reader"
    """Its owner may only read now."""
    OPPOSITE = "opposite"
    """The opposite was approved after it."""
    GONE = "gone"
    PLATFORM = "platform"


def because(why: Why | None) -> dict[str, Any]:
    """Return the reason as part of the details of an event; nothing without one."""
    return {"why": why} if why else {}


def why_of(details: Mapping[str, Any]) -> Why | None:
    """Return the reason that is in the details of an event, if any; one that only a newer version knows is none."""
    return next((why for why in Why if why == details.get("why")), None)
