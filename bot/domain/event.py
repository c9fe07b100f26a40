"""The kinds of events in the log, and the reasons that some of them have."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.domain.text import Text, text


class EventKind(StrEnum):
    """What happened. The log stores the values, so they never change."""

    # Moves of a case (bot.domain.case says which).
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
    # Other events of a case.
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
    PICKED_OUT = "picked_out"
    # Acts: what is done to a post besides answering it; `details["act"]` says what.
    ACT_APPROVED = "act_approved"
    ACT_WITHDRAWN = "act_withdrawn"
    ACT_DONE = "act_done"
    ACT_FAILED = "act_failed"
    ACT_UNCERTAIN = "act_uncertain"
    ACT_NOT_DONE = "act_not_done"
    ACT_ASKED = "act_asked"
    ACT_AGREED = "act_agreed"
    ACT_DECLINED = "act_declined"
    ACT_KEPT = "act_kept"
    # Changes of accounts, settings and agents.
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_RENEWED = "account_renewed"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_STARTED = "account_started"
    ACCOUNT_STOPPED = "account_stopped"
    ACCOUNT_REMOVED = "account_removed"
    SETTINGS = "settings"
    ROLE = "role"
    INITIALS = "initials"
    ROUTING = "routing"
    RESTORED = "restored"
    """The database was put back to an earlier state; `details["as_of"]` says which."""
    UNKNOWN = "unknown"
    """Read for a kind that only a newer version of the program knows; never written."""


OF_NO_CASE = frozenset(
    {
        EventKind.ACCOUNT_ADDED,
        EventKind.ACCOUNT_RENEWED,
        EventKind.ACCOUNT_CHANGED,
        EventKind.ACCOUNT_STARTED,
        EventKind.ACCOUNT_STOPPED,
        EventKind.ACCOUNT_REMOVED,
        EventKind.SETTINGS,
        EventKind.ROLE,
        EventKind.INITIALS,
        EventKind.ROUTING,
        EventKind.RESTORED,
    }
)
"""Events of accounts, teams and agents; all others are part of the history of a case."""

HAPPENED: Mapping[EventKind, Text] = {
    EventKind.OPENED: text("came in"),
    EventKind.JOINED: text("the citizen wrote again"),
    EventKind.REOPENED_BY_CITIZEN: text("reopened, because of what the citizen wrote"),
    EventKind.MENTION_EDITED: text("the citizen edited a post"),
    EventKind.MENTION_GONE: text("a post can no longer be seen"),
    EventKind.MENTION_BACK: text("a post can be seen again"),
    EventKind.MENTION_REDACTED: text("the words of a removed post were deleted here"),
    EventKind.CLAIM: text("claimed"),
    EventKind.TAKE_OVER: text("taken over"),
    EventKind.RELEASE: text("released"),
    EventKind.ASSIGN: text("assigned"),
    EventKind.TRANSFER: text("handed over to another team"),
    EventKind.ANSWER: text("answer ready to go"),
    EventKind.WITHDRAW: text("answer taken back"),
    EventKind.REPLY_SENT: text("answer published"),
    EventKind.REPLY_HELD: text("answer waits until the platform approves it"),
    EventKind.REPLY_GONE: text("our answer can no longer be seen"),
    EventKind.REPLY_BACK: text("our answer can be seen again"),
    EventKind.REPLY_FAILED: text("answer refused by the platform"),
    EventKind.REPLY_UNCERTAIN: text("not certain whether the answer was published"),
    EventKind.SETTLED: text("recorded whether the answer was published"),
    EventKind.ESCALATE: text("escalated"),
    EventKind.ADVISE: text("advice given"),
    EventKind.NO_ADVICE: text("no advice came in time"),
    EventKind.CLOSE: text("closed"),
    EventKind.UNCLOSE: text("closing undone"),
    EventKind.REOPEN: text("reopened"),
    EventKind.WAIT_ON: text("the citizen gets more time to answer"),
    EventKind.NOTE: text("note added"),
    EventKind.NOTE_DELETED: text("note deleted in Slack"),
    EventKind.URGENT: text("made urgent"),
    EventKind.NOT_URGENT: text("no longer urgent"),
    EventKind.REMINDED: text("reminded"),
    EventKind.SNOOZE: text("reminder put off"),
    EventKind.TOPIC: text("topic chosen"),
    EventKind.PICKED_OUT: text("taken out of the roll-up"),
    EventKind.ACT_APPROVED: text("ready to go"),
    EventKind.ACT_WITHDRAWN: text("taken back"),
    EventKind.ACT_DONE: text("done"),
    EventKind.ACT_FAILED: text("refused by the platform"),
    EventKind.ACT_UNCERTAIN: text("not certain whether it was done"),
    EventKind.ACT_NOT_DONE: text("it was not done"),
    EventKind.ACT_ASKED: text("a second colleague was asked to agree"),
    EventKind.ACT_AGREED: text("agreed to"),
    EventKind.ACT_DECLINED: text("declined"),
    EventKind.ACT_KEPT: text("still needed"),
    EventKind.UNKNOWN: text("something that only a newer version of the bot can name"),
}
"""The words for each event of a case."""


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


WHY: Mapping[Why, Text] = {
    Why.STILL: text("nothing happened with it"),
    Why.AWAY: text("its owner is away"),
    Why.READER: text("its owner has read-only access"),
    Why.OPPOSITE: text("the opposite is ready to go"),
    Why.GONE: text("the post is no longer there"),
    Why.PLATFORM: text("the platform told us"),
}


def because(why: Why | None) -> dict[str, Any]:
    """Return the reason as part of the details of an event; nothing without one."""
    return {"why": why} if why else {}


def why_of(details: Mapping[str, Any]) -> Why | None:
    """Return the reason in the details of an event, if any; a reason that only a newer version knows counts as none."""
    return next((why for why in Why if why == details.get("why")), None)
