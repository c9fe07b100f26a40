"""The tables. Import them from this package, which loads them all.

Times are aware UTC; the ids of platforms are opaque text; a status column stores the value of the enum.
An `id` is typed as the int it is in every stored row; the database sets it when a new row is flushed.

columns.py    column types: UTC times and enums
team.py       teams and agents
account.py    accounts on platforms, and the authors who write to them
case.py       cases, with their mentions, notes and escalations
reply.py      replies
clock.py      clocks of targets and promises
event.py      the log
message.py    our messages in Slack
case_file.py  CaseFile: everything about one case; not a table
"""

from bot.models.account import Account, Author
from bot.models.case import WAITING, Case, Escalation, Mention, Note
from bot.models.case_file import CaseFile
from bot.models.clock import Clock
from bot.models.columns import EnumText, UtcDateTime
from bot.models.event import CLOSING, Event
from bot.models.message import Message, MessageKind
from bot.models.reply import UNSENT, Reply, ReplyKind, ReplyStatus
from bot.models.team import Agent, Role, Team

__all__ = [
    "CLOSING",
    "UNSENT",
    "WAITING",
    "Account",
    "Agent",
    "Author",
    "Case",
    "CaseFile",
    "Clock",
    "EnumText",
    "Escalation",
    "Event",
    "Mention",
    "Message",
    "MessageKind",
    "Note",
    "Reply",
    "ReplyKind",
    "ReplyStatus",
    "Role",
    "Team",
    "UtcDateTime",
]
