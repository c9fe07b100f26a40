"""The kinds of events in the log."""

from enum import StrEnum


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
