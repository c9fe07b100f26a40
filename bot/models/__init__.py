"""The tables. Import them from this package, which loads them all.

Times are aware UTC; the ids of platforms are opaque text; a status column stores the value of the enum.
An `id` is typed as the int it is in every stored row; the database sets it when a new row is flushed.

columns.py    column types: UTC times and enums
team.py       workspaces, teams, agents, who is in a team's channel, and who is away
account.py    accounts on platforms, and the authors who write to them
account_trouble.py  what is wrong with an account now
case.py       cases, with their mentions, notes and escalations; posts removed before they came in
reply.py      replies
image.py      the images of answers
day.py        past days, counted
day_check.py  the days of accounts that were compared with our cards and with their platform
draft.py      drafts of answers that were not sent
act.py        acts: what we do to a post besides answering it
hiding.py     why posts were hidden
clock.py      clocks of targets and promises
event.py      the log
words.py      the search words of cases
transfer.py   cases that went to another team
backlog.py    the teams of which more comes than Slack takes cards
subject.py    what new cases are alike in, and roll-ups of them
message.py    our messages in Slack, and what each kind shows besides its case
reminder.py   what each recipient is reminded of
sign_in.py    sign-ins on platforms' own pages, until somebody chooses what to connect
slack_pace.py     until when calls to Slack are booked
spike.py      the teams of which more comes in than usual
slack_trouble.py  where Slack no longer lets us write
case_file.py  CaseFile and CaseLine: all that is known of one case, and what a list shows of it; not tables
order.py      the order in which cases are listed
"""

from bot.models.account import STOPPED_BY_HAND, STOPPED_WITHOUT_TOKENS, Account, Author
from bot.models.account_trouble import AccountTrouble, TroubleKind
from bot.models.act import GOING, HIDDEN, HOLDS, NEVER_DONE, PROPOSED, UNFINISHED, Act, ActStatus
from bot.models.backlog import Backlog
from bot.models.case import (
    ASKED,
    NOT_ENDED,
    REMOVED,
    WAITING,
    Case,
    CaseCount,
    Escalation,
    Mention,
    Note,
    Removal,
    resting,
)
from bot.models.case_file import (
    COUNTED,
    FEW,
    AboutOne,
    CaseBrief,
    CaseFile,
    CaseLine,
    OtherCase,
    answerable,
    edits_of,
    is_edited,
    not_in,
    on_our_desk,
    overdue,
    unheard,
    waits_for,
)
from bot.models.clock import Clock
from bot.models.columns import EnumText, UtcDateTime, in_utc
from bot.models.day import Counted, DayCount
from bot.models.day_check import DayCheck
from bot.models.draft import AnswerDraft
from bot.models.event import CLOSING, SETTING, UNCLOSING, Event
from bot.models.hiding import Hiding
from bot.models.image import StoredImage
from bot.models.message import (
    AGAIN,
    NOT_TAKEN,
    PUT_OFF,
    RETURNED,
    Absence,
    AccountRemoved,
    AccountTroubled,
    Asking,
    Called,
    Details,
    FollowUp,
    HandedOver,
    Listed,
    Message,
    MessageKind,
    Named,
    Passed,
    Rising,
    RolledUp,
    Shows,
    TokenEnds,
    Troubled,
    Unanswered,
    Waiting,
    card_key,
    kinds_that_show,
    review_key,
)
from bot.models.order import IN_ORDER, due_at, in_order
from bot.models.reminder import TOLD_ONCE, Reminder, ReminderKind
from bot.models.reply import ANSWERS, BY_AGENTS, HELD, REACHED, UNSENT, Reply, ReplyKind, ReplyStatus, lingering
from bot.models.sign_in import SigningIn, SigningInStage
from bot.models.slack_pace import SlackPace
from bot.models.slack_trouble import SOCKET, SlackTrouble
from bot.models.spike import Spike
from bot.models.subject import ROLLED_UP, Rollup, Subject, SubjectStem
from bot.models.team import FIRST_WORKSPACE, Agent, Member, Person, Role, Team, Workspace
from bot.models.transfer import Transfer
from bot.models.words import CaseWords

__all__ = [
    "AGAIN",
    "ANSWERS",
    "ASKED",
    "BY_AGENTS",
    "CLOSING",
    "COUNTED",
    "FEW",
    "FIRST_WORKSPACE",
    "GOING",
    "HELD",
    "HIDDEN",
    "HOLDS",
    "IN_ORDER",
    "NEVER_DONE",
    "NOT_ENDED",
    "NOT_TAKEN",
    "PROPOSED",
    "PUT_OFF",
    "REACHED",
    "REMOVED",
    "RETURNED",
    "ROLLED_UP",
    "SETTING",
    "SOCKET",
    "STOPPED_BY_HAND",
    "STOPPED_WITHOUT_TOKENS",
    "TOLD_ONCE",
    "UNCLOSING",
    "UNFINISHED",
    "UNSENT",
    "WAITING",
    "AboutOne",
    "Absence",
    "Account",
    "AccountRemoved",
    "AccountTrouble",
    "AccountTroubled",
    "Act",
    "ActStatus",
    "Agent",
    "AnswerDraft",
    "Asking",
    "Author",
    "Backlog",
    "Called",
    "Case",
    "CaseBrief",
    "CaseCount",
    "CaseFile",
    "CaseLine",
    "CaseWords",
    "Clock",
    "Counted",
    "DayCheck",
    "DayCount",
    "Details",
    "EnumText",
    "Escalation",
    "Event",
    "FollowUp",
    "HandedOver",
    "Hiding",
    "Listed",
    "Member",
    "Mention",
    "Message",
    "MessageKind",
    "Named",
    "Note",
    "OtherCase",
    "Passed",
    "Person",
    "Reminder",
    "ReminderKind",
    "Removal",
    "Reply",
    "ReplyKind",
    "ReplyStatus",
    "Rising",
    "Role",
    "RolledUp",
    "Rollup",
    "Shows",
    "SigningIn",
    "SigningInStage",
    "SlackPace",
    "SlackTrouble",
    "Spike",
    "StoredImage",
    "Subject",
    "SubjectStem",
    "Team",
    "TokenEnds",
    "Transfer",
    "TroubleKind",
    "Troubled",
    "Unanswered",
    "UtcDateTime",
    "Waiting",
    "Workspace",
    "answerable",
    "card_key",
    "due_at",
    "edits_of",
    "in_order",
    "in_utc",
    "is_edited",
    "kinds_that_show",
    "lingering",
    "not_in",
    "on_our_desk",
    "overdue",
    "resting",
    "review_key",
    "unheard",
    "waits_for",
]
