"""The life of a case: its statuses, the moves agents make, and from where each is allowed."""

from enum import StrEnum


class Status(StrEnum):
    """Where a case stands. New, claimed and escalated wait for us; answered and closed do not."""

    NEW = "new"
    CLAIMED = "claimed"
    ESCALATED = "escalated"
    ANSWERED = "answered"
    CLOSED = "closed"


OPEN = frozenset({Status.NEW, Status.CLAIMED, Status.ESCALATED})


class Move(StrEnum):
    """What an agent can do with a case. Names of moves are also the names of events in the log."""

    CLAIM = "claim"
    TAKE_OVER = "take_over"
    RELEASE = "release"
    ASSIGN = "assign"
    ANSWER = "answer"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    ADVISE = "advise"
    CLOSE = "close"
    REOPEN = "reopen"


ALLOWED_FROM: dict[Move, frozenset[Status]] = {
    Move.CLAIM: frozenset({Status.NEW}),
    Move.TAKE_OVER: frozenset({Status.CLAIMED, Status.ESCALATED}),
    Move.RELEASE: frozenset({Status.CLAIMED, Status.ESCALATED}),
    Move.ASSIGN: frozenset({Status.NEW, Status.CLAIMED, Status.ESCALATED}),
    Move.ANSWER: frozenset({Status.CLAIMED, Status.ESCALATED}),
    Move.WITHDRAW: frozenset({Status.ANSWERED}),
    Move.ESCALATE: frozenset({Status.CLAIMED, Status.ESCALATED}),
    Move.ADVISE: frozenset({Status.ESCALATED}),
    Move.CLOSE: frozenset({Status.NEW, Status.CLAIMED, Status.ESCALATED, Status.ANSWERED}),
    Move.REOPEN: frozenset({Status.ANSWERED, Status.CLOSED}),
}

#: Moves that only the owner of the case may make; anyone else must take the case over first.
BY_OWNER = frozenset({Move.RELEASE, Move.ANSWER, Move.ESCALATE})

#: Moves that a new case allows too: they claim it in passing, for the one who makes them.
CLAIMS_FIRST = frozenset({Move.ANSWER, Move.ESCALATE})


def moves_from(status: Status) -> frozenset[Move]:
    """Return the moves that a case with this status allows."""
    return frozenset(move for move, statuses in ALLOWED_FROM.items() if status in statuses)


def moves_offered(status: Status) -> frozenset[Move]:
    """Return the moves that the buttons of a case offer: those it allows, and those that claim it first."""
    allowed = moves_from(status)
    return allowed | CLAIMS_FIRST if Move.CLAIM in allowed else allowed


class CloseReason(StrEnum):
    """Why a person ended a case without an answer."""

    ANSWERED_ELSEWHERE = "answered_elsewhere"
    NO_ANSWER_NEEDED = "no_answer_needed"
    NOT_FOR_US = "not_for_us"
    SPAM = "spam"
    OTHER = "other"


class Urgency(StrEnum):
    """How soon the one who escalates needs advice."""

    NORMAL = "normal"
    URGENT = "urgent"
