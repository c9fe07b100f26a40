"""Cases: what agents do with one (`moves`, whose verbs are named here), how posts come in, and what is timed.

moves.py          claim, release, assign, escalate, advise, close, reopen, note
inbox.py          take in posts: skip known ones, join or open a case, reopen
conversations.py  which case a post joins
clocks.py         what is timed: started, paused and stopped as a case moves
"""

from bot.cases.moves import (
    add_note,
    advise,
    answered,
    assign,
    claim,
    close,
    escalate,
    get,
    keep_thread_message,
    locked,
    platform_of,
    put_back,
    read,
    refuse_ended,
    release,
    reopen,
    set_topic,
    set_urgent,
    take_over,
    touch,
    touch_all,
    withdrawn,
)

__all__ = [
    "add_note",
    "advise",
    "answered",
    "assign",
    "claim",
    "close",
    "escalate",
    "get",
    "keep_thread_message",
    "locked",
    "platform_of",
    "put_back",
    "read",
    "refuse_ended",
    "release",
    "reopen",
    "set_topic",
    "set_urgent",
    "take_over",
    "touch",
    "touch_all",
    "withdrawn",
]
