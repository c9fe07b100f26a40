"""The life of a case: its statuses, the moves between them, and what a case waits for.

`LEADS_TO` defines all moves: the guard, the buttons and the tests read it.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from bot.domain.event import EventKind


class Status(StrEnum):
    """The status of a case."""

    NEW = "new"
    CLAIMED = "claimed"
    ESCALATED = "escalated"
    WITH_CITIZEN = "with_citizen"
    """The citizen can read our question and has not answered it."""
    ANSWERED = "answered"
    CLOSED = "closed"


class Move(StrEnum):
    """What can change the status or the owner of a case: first the agents' moves, then the system's.

    Its value is the value of the logged event, unless `logged_as` says otherwise.
    """

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    ASSIGN = "assign"
    TRANSFER = "transfer"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    ADVISE = "advise"
    CLOSE = "close"
    UNCLOSE = "unclose"
    """Undo a closing: `UNCLOSES` gives the move by the status that the case had."""
    UNCLOSE_CLAIMED = "unclose_claimed"
    UNCLOSE_ESCALATED = "unclose_escalated"
    UNCLOSE_WITH_CITIZEN = "unclose_with_citizen"
    REOPEN = "reopen"
    WAIT_ON = "wait_on"
    """The citizen gets the same time again to answer our question."""
    NO_ADVICE = "no_advice"
    """No adviser answered in time: the case goes back to its owner."""
    PUT_BACK = "put_back"
    """A job returns a case to the queue: it was idle, or its owner is away."""
    REOPEN_BY_CITIZEN = "reopened_by_citizen"
    KEEP = "reply_sent"
    """An interim reply was sent: its agent keeps the case and still has to answer."""
    ASK = "question_sent"
    """A question was sent: the case waits for the citizen."""
    FAIL = "reply_failed"
    """The platform refused the reply."""
    DOUBT = "reply_uncertain"
    """We do not know whether the reply was published."""
    WITHDRAW_ESCALATED = "withdraw_escalated"
    """Take back the answer to a case that waited for advice: `STILL_ESCALATED` gives these four by the usual move."""
    KEEP_ESCALATED = "keep_escalated"
    FAIL_ESCALATED = "fail_escalated"
    DOUBT_ESCALATED = "doubt_escalated"
    WITHDRAW_WITH_CITIZEN = "withdraw_with_citizen"
    """Take back what was written to a citizen who has yet to answer our question: the case waits for them again."""
    SETTLE = "settled"
    """An agent found that the reply was published."""
    SETTLE_ASKED = "question_settled"
    """An agent found that the question was published."""


LEADS_TO: Mapping[Move, Mapping[Status, Status]] = {
    Move.CLAIM: {Status.NEW: Status.CLAIMED},
    Move.TAKE_OVER: {
        Status.CLAIMED: Status.CLAIMED,
        Status.ESCALATED: Status.ESCALATED,
        Status.WITH_CITIZEN: Status.WITH_CITIZEN,
    },
    Move.RELEASE: {Status.CLAIMED: Status.NEW, Status.ESCALATED: Status.NEW},
    Move.ASSIGN: {
        Status.NEW: Status.CLAIMED,
        Status.CLAIMED: Status.CLAIMED,
        Status.ESCALATED: Status.ESCALATED,
        Status.WITH_CITIZEN: Status.WITH_CITIZEN,
    },
    Move.TRANSFER: {Status.NEW: Status.NEW, Status.CLAIMED: Status.NEW, Status.ESCALATED: Status.NEW},
    Move.ANSWER: {
        Status.NEW: Status.ANSWERED,
        Status.CLAIMED: Status.ANSWERED,
        Status.ESCALATED: Status.ANSWERED,
        Status.WITH_CITIZEN: Status.ANSWERED,
    },
    Move.WITHDRAW: {Status.ANSWERED: Status.CLAIMED},
    Move.ESCALATE: {
        Status.NEW: Status.ESCALATED,
        Status.CLAIMED: Status.ESCALATED,
        Status.ESCALATED: Status.ESCALATED,
    },
    Move.ADVISE: {Status.ESCALATED: Status.CLAIMED},
    Move.CLOSE: {
        Status.NEW: Status.CLOSED,
        Status.CLAIMED: Status.CLOSED,
        Status.ESCALATED: Status.CLOSED,
        Status.WITH_CITIZEN: Status.CLOSED,
        Status.ANSWERED: Status.CLOSED,
    },
    Move.UNCLOSE: {Status.CLOSED: Status.NEW},
    Move.UNCLOSE_CLAIMED: {Status.CLOSED: Status.CLAIMED},
    Move.UNCLOSE_ESCALATED: {Status.CLOSED: Status.ESCALATED},
    Move.UNCLOSE_WITH_CITIZEN: {Status.CLOSED: Status.WITH_CITIZEN},
    Move.REOPEN: {
        Status.WITH_CITIZEN: Status.CLAIMED,
        Status.ANSWERED: Status.CLAIMED,
        Status.CLOSED: Status.CLAIMED,
    },
    Move.WAIT_ON: {Status.WITH_CITIZEN: Status.WITH_CITIZEN},
    Move.NO_ADVICE: {Status.ESCALATED: Status.CLAIMED},
    Move.PUT_BACK: {Status.CLAIMED: Status.NEW, Status.ESCALATED: Status.NEW},
    Move.REOPEN_BY_CITIZEN: {
        Status.WITH_CITIZEN: Status.NEW,
        Status.ANSWERED: Status.NEW,
        Status.CLOSED: Status.NEW,
    },
    Move.KEEP: {Status.ANSWERED: Status.CLAIMED},
    Move.ASK: {Status.ANSWERED: Status.WITH_CITIZEN},
    Move.FAIL: {Status.ANSWERED: Status.CLAIMED, Status.WITH_CITIZEN: Status.CLAIMED},
    Move.DOUBT: {Status.ANSWERED: Status.CLAIMED},
    Move.WITHDRAW_ESCALATED: {Status.ANSWERED: Status.ESCALATED},
    Move.KEEP_ESCALATED: {Status.ANSWERED: Status.ESCALATED},
    Move.FAIL_ESCALATED: {Status.ANSWERED: Status.ESCALATED},
    Move.DOUBT_ESCALATED: {Status.ANSWERED: Status.ESCALATED},
    Move.WITHDRAW_WITH_CITIZEN: {Status.ANSWERED: Status.WITH_CITIZEN},
    Move.SETTLE: {Status.NEW: Status.ANSWERED, Status.CLAIMED: Status.ANSWERED},
    Move.SETTLE_ASKED: {Status.NEW: Status.WITH_CITIZEN, Status.CLAIMED: Status.WITH_CITIZEN},
}
"""The statuses in which each move is allowed, and the status that it leads to."""

ALLOWED_FROM: Mapping[Move, frozenset[Status]] = {move: frozenset(leads) for move, leads in LEADS_TO.items()}

BY_SYSTEM = frozenset(
    {
        Move.NO_ADVICE,
        Move.PUT_BACK,
        Move.REOPEN_BY_CITIZEN,
        Move.KEEP,
        Move.ASK,
        Move.FAIL,
        Move.DOUBT,
        Move.WITHDRAW_ESCALATED,
        Move.KEEP_ESCALATED,
        Move.FAIL_ESCALATED,
        Move.DOUBT_ESCALATED,
        Move.WITHDRAW_WITH_CITIZEN,
        Move.SETTLE,
        Move.SETTLE_ASKED,
    }
)
"""Moves that no button offers."""

BY_OWNER = frozenset({Move.RELEASE, Move.ANSWER, Move.ESCALATE})
"""Moves that only the owner of the case may make; anyone else must take the case over first, if somebody has it."""

BY_WHO_HAS_IT = frozenset({Move.CLOSE, Move.TRANSFER, Move.REOPEN})
"""Moves that only who has the case may make as long as it waits for something; anyone may once it has ended.

A coordinator closes a colleague's case too."""

TAKES = frozenset({Move.CLAIM, Move.TAKE_OVER, Move.ASSIGN, Move.REOPEN})
"""Moves that give the case to an agent; they set `claimed_at`."""

WAITS_ANEW = frozenset({Move.ASK, Move.SETTLE_ASKED, Move.WAIT_ON})
"""Moves that start the citizen's time to answer our question; they set `waits_since`."""

ENDS_SNOOZE = frozenset({Move.RELEASE, Move.PUT_BACK, Move.REOPEN, Move.REOPEN_BY_CITIZEN})
"""Moves that take a case from the owner who put its reminders off, or with which it begins anew."""

ENDS_QUESTIONS = frozenset({*ENDS_SNOOZE, Move.TRANSFER})
"""Moves after which nobody waits any more for the advice that was asked before, so that those questions lapse."""

CLAIMS_TOO = frozenset({Move.ANSWER, Move.ESCALATE})
"""Moves that give a new case to the agent who makes them."""


UNCLOSES: Mapping[Status, Move] = {
    Status.NEW: Move.UNCLOSE,
    Status.CLAIMED: Move.UNCLOSE_CLAIMED,
    Status.ESCALATED: Move.UNCLOSE_ESCALATED,
    Status.WITH_CITIZEN: Move.UNCLOSE_WITH_CITIZEN,
}
"""The move that undoes the closing of a case that had this status."""

STILL_ESCALATED: Mapping[Move, Move] = {
    Move.WITHDRAW: Move.WITHDRAW_ESCALATED,
    Move.KEEP: Move.KEEP_ESCALATED,
    Move.FAIL: Move.FAIL_ESCALATED,
    Move.DOUBT: Move.DOUBT_ESCALATED,
}
"""The moves after which a case that waited for advice when it was answered still does, by the usual ones."""

LOGGED_AS: Mapping[Move, EventKind] = {
    **dict.fromkeys(UNCLOSES.values(), EventKind.UNCLOSE),
    **{still: EventKind(usual) for usual, still in STILL_ESCALATED.items()},
    Move.WITHDRAW_WITH_CITIZEN: EventKind.WITHDRAW,
    Move.PUT_BACK: EventKind.RELEASE,
    Move.ASK: EventKind.REPLY_SENT,
    Move.SETTLE_ASKED: EventKind.SETTLED,
}
"""The moves whose event has another name."""


def logged_as(move: Move) -> EventKind:
    """Return the kind of event that the log gets for a move."""
    return LOGGED_AS.get(move) or EventKind(move)


@cache  # each card asks it a dozen times
def moves_from(status: Status) -> frozenset[Move]:
    """Return the moves that agents can make with a case of this status; its buttons offer them."""
    return frozenset(move for move, statuses in ALLOWED_FROM.items() if status in statuses) - BY_SYSTEM


# --- What a case waits for -----------------------------------------------------------------------


class WaitsFor(StrEnum):
    """What has to happen before a case can go on."""

    US = "us"
    CITIZEN = "citizen"
    ADVICE = "advice"
    MOMENT = "moment"
    NOBODY = "nobody"


def waits_for(status: Status, *, unsent: bool = False, promised: bool = False) -> WaitsFor:
    """Return what a case waits for.

    `unsent`: a reply is not sent yet, or its platform holds it, so the citizen cannot read it.
    `promised`: we promised the citizen an answer by a moment, and that clock still runs.
    """
    match status:
        case Status.NEW:
            return WaitsFor.US
        case Status.CLAIMED:
            return WaitsFor.MOMENT if promised else WaitsFor.US
        case Status.ESCALATED:
            return WaitsFor.ADVICE
        case Status.WITH_CITIZEN:
            return WaitsFor.CITIZEN
        case Status.ANSWERED:
            return WaitsFor.US if unsent else WaitsFor.NOBODY
        case Status.CLOSED:
            return WaitsFor.NOBODY


OPEN = frozenset(status for status in Status if waits_for(status) in {WaitsFor.US, WaitsFor.ADVICE})
"""The statuses of waiting cases: in the queue, with an owner, or with an adviser."""


ONGOING = frozenset(status for status in Status if waits_for(status) is not WaitsFor.NOBODY)
"""The statuses of cases that have not ended: they wait for us, or for something else, such as the citizen's answer."""


def rests_for(status: Status, wait: WaitsFor) -> WaitsFor | None:
    """Return why the clocks of a case rest: what it waits for, if not for us; None when they do not rest."""
    return wait if status not in OPEN and wait in {WaitsFor.CITIZEN, WaitsFor.MOMENT} else None


# --- What a case stores ----------------------------------------------------------------------

FILLED_IN: Mapping[str, frozenset[Status]] = {
    "assignee": frozenset(Status) - {Status.NEW},
    "claimed_at": frozenset(Status) - {Status.NEW},
    "waits_since": frozenset({Status.WITH_CITIZEN}),
    "closed_at": frozenset({Status.CLOSED}),
    "closed_by": frozenset({Status.CLOSED}),
    "close_reason": frozenset({Status.CLOSED}),
    "close_text": frozenset({Status.CLOSED}),
}
"""The columns of a case that are only filled in certain statuses."""


class CloseReason(StrEnum):
    """Why an agent closed a case without an answer."""

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ANSWER_NEEDED = "no_answer_needed"
    NOT_FOR_US = "not_for_us"
    SPAM = "spam"
    OTHER = "other"


class Urgency(StrEnum):
    """How soon the agent who escalates needs advice."""

    NORMAL = "normal"
    URGENT = "urgent"
