"""Cases: what agents do with one, how posts come in, and what is timed. The verbs are named here, or in moves.py.

state.py          the one place where a case changes status: lock, table, columns, clocks, log, card
moves.py          what agents do with one case: claim, answer, escalate …; all verbs that its __all__ names
closing.py        close without an answer, one case or many, and undo that
handing_over.py   several cases of an agent go to colleagues or the queue, and undo that
lots.py           the cases of a roll-up at once: claim those that nobody has, take some out
advice.py         questions that no adviser answers
marks.py          urgent, topic, notes
signals.py        which new posts go first, and why
subjects.py       which new cases are about the same
transfers.py      a case goes to another team
numbers.py        the numbers of cases, counted per team
reading.py        one case with all that belongs to it; when it last moved
around.py         who had a case before, the posts of others that its mentions answer, its author's other cases
inbox.py          take in posts: skip known ones, join or open a case, reopen
same_ids.py       posts to which a platform gave an id that another post has
deliveries.py     whether our replies reach the citizen: readable, held, not delivered, removed
follow_ups.py     the citizen's next posts in the thread of the case
mirror.py         mirror edits, removals and returns of posts; an edit that asks something new reopens
redaction.py      the text of removed posts is deleted too, some days later
conversations.py  which case a post joins
routes.py         which team gets a new case
clocks.py         what is timed: clocks follow what a case waits for
indexing.py       the search words of a case, level with what was written in it
reminders.py      who is reminded of which cases, in one message each
steps.py          the steps of a case's clocks: which are due, and who is reminded
idle.py           idle claims: when their owners are reminded, and when the cases go back to the queue
restored.py       after a restore: what may have been answered since the backup
silent.py         cases of which the clock will tell nobody: there must be none
retiming.py       running clocks follow the opening hours and the ladder of their team
"""

from bot.cases import moves
from bot.cases.advice import ask_again, turn_over
from bot.cases.closing import Outcome, close, close_all, last_events, refuse_closing, undo_close
from bot.cases.handing_over import HandedOut, HandingOver, hand_over, undo_hand_over
from bot.cases.indexing import index
from bot.cases.lots import claim_lot, take_out
from bot.cases.marks import add_note, delete_thread_message, is_noted, keep_thread_message, set_topic, set_urgent
from bot.cases.moves import *  # noqa: F403
from bot.cases.numbers import by_number
from bot.cases.reading import Unread, briefly, get, history, last_moved_at, read
from bot.cases.retiming import retime
from bot.cases.state import (
    Taken,
    lock_all,
    lock_where,
    locked,
    record,
    refuse_ended,
    refuse_unless_allowed,
    touch,
    touch_all,
    touch_messages,
    within_team,
)
from bot.cases.transfers import transfer

__all__ = [
    "HandedOut",
    "HandingOver",
    "Outcome",
    "Taken",
    "Unread",
    "add_note",
    "ask_again",
    "briefly",
    "by_number",
    "claim_lot",
    "close",
    "close_all",
    "delete_thread_message",
    "get",
    "hand_over",
    "history",
    "index",
    "is_noted",
    "keep_thread_message",
    "last_events",
    "last_moved_at",
    "lock_all",
    "lock_where",
    "locked",
    "read",
    "record",
    "refuse_closing",
    "refuse_ended",
    "refuse_unless_allowed",
    "retime",
    "set_topic",
    "set_urgent",
    "take_out",
    "touch",
    "touch_all",
    "touch_messages",
    "transfer",
    "turn_over",
    "undo_close",
    "undo_hand_over",
    "within_team",
]
__all__ += moves.__all__
