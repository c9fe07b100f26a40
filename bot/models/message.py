"""Our messages in Slack, and what each kind shows besides its case."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from typing import Any, Self, assert_never

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from bot.domain.signals import Rank
from bot.models.columns import EnumText, UtcDateTime

_STALE = text("shown_version < version")
_CHANGED = text("shown_version < version AND ts IS NOT NULL")
_NEW = text("shown_version < version AND ts IS NULL")
_DOUBTED = text("posting_since IS NOT NULL")
PUT_OFF = text("(leased_until IS NOT NULL OR retry_at IS NOT NULL)")
"""Which messages are being written, or are tried again later; SQLite needs the exact text of its partial index."""


class Shows(Enum):
    """What a message shows that may change later, so that it is rendered again."""

    CASE = auto()
    """The state of its case, and what the citizen wrote."""
    WORDS = auto()
    """What the citizen wrote, but not the state of the case."""
    LIST = auto()
    """Several cases, named in its details, with what the citizens wrote."""
    ELSE = auto()
    """Something else: the code that changes it marks the message."""


def card_key(case_id: int, transfers: int = 0) -> str:
    """Return the key of the card of a case; each transfer gives it a new card."""
    return f"case:{case_id}:{transfers}" if transfers else f"case:{case_id}"


AGAIN = ":again"
"""How the key of a notice ends that asks again whether a reply was published."""
RETURNED = "returned:"
"""How the keys of the notices begin that the clock put an idle case, or that of one who is away, back in the queue."""


def review_key(act_id: int, at: str, transfers: int) -> str:
    """Return how the keys of the questions begin whether a post must stay hidden; each transfer gives it new ones."""
    return f"review:{act_id}:{at}:" + (f"{transfers}:" if transfers else "")


class MessageKind(StrEnum):
    """What one of our Slack messages shows. `bot.slack.rendering` has the renderer of each kind."""

    CASE = "case"
    FORMER = "former"
    """The card of a case in the channel of a team that handed it over."""
    TRANSFERRED = "transferred"
    TO_AND_FRO = "to_and_fro"
    FOLLOW_UP = "follow_up"
    ASK = "ask"
    QUESTION = "question"
    ADVICE = "advice"
    NO_ADVICE = "no_advice"
    NOTICE = "notice"
    """A sentence in the thread, stored as a `Text`: who has the case now, or why it is back in the queue."""
    PASSED = "passed"
    HANDED_OVER = "handed_over"
    NOTE = "note"
    REPLY_PROBLEM = "reply_problem"
    REPLY_WAITS = "reply_waits"
    """An answer was approved long ago and could not be sent; afterwards how that ended."""
    ACT_PROBLEM = "act_problem"
    SECOND = "second"
    """A second colleague is asked to agree that a post is hidden."""
    REVIEW = "review"
    """The coordinators are asked whether a post must stay hidden."""
    ACCOUNT_PROBLEM = "account_problem"
    REMINDER = "reminder"
    DIGEST = "digest"
    URGENT = "urgent"
    AWAY = "away"
    SLACK_TROUBLE = "slack_trouble"
    UNANSWERED = "unanswered"
    BACKLOG = "backlog"
    """How many new cases of a team wait for their card."""
    SPIKE = "spike"
    """That more comes in for a team than usual."""
    ROLLUP = "rollup"
    """New cases that are alike and share this card for now."""
    SIGNED_IN = "signed_in"
    """A coordinator signed in on a platform, and can choose which accounts to connect."""

    @property
    def shows(self) -> Shows:
        """Return what makes a message of this kind be rendered again; mypy reports a kind that is missing here."""
        match self:
            case MessageKind.CASE | MessageKind.FORMER | MessageKind.ASK | MessageKind.URGENT:
                return Shows.CASE
            case MessageKind.UNANSWERED | MessageKind.SECOND | MessageKind.REVIEW | MessageKind.REPLY_WAITS:
                return Shows.CASE
            case MessageKind.FOLLOW_UP | MessageKind.TRANSFERRED | MessageKind.TO_AND_FRO:
                return Shows.WORDS
            case MessageKind.HANDED_OVER | MessageKind.PASSED | MessageKind.ROLLUP:
                return Shows.LIST
            case MessageKind.QUESTION | MessageKind.ADVICE | MessageKind.NO_ADVICE | MessageKind.NOTE:
                return Shows.ELSE
            case MessageKind.NOTICE | MessageKind.AWAY | MessageKind.BACKLOG | MessageKind.SPIKE:
                return Shows.ELSE
            case MessageKind.REPLY_PROBLEM | MessageKind.ACT_PROBLEM | MessageKind.ACCOUNT_PROBLEM:
                return Shows.ELSE
            case MessageKind.REMINDER | MessageKind.DIGEST | MessageKind.SLACK_TROUBLE | MessageKind.SIGNED_IN:
                return Shows.ELSE
        assert_never(self)


def kinds_that_show(*what: Shows) -> tuple[MessageKind, ...]:
    """Return the kinds of messages that show any of these."""
    return tuple(kind for kind in MessageKind if kind.shows in what)


@dataclass(frozen=True)
class Details:
    """What a kind of message shows besides its case, stored as JSON in `Message.details`.

    A new field needs a default, because older rows lack it.
    """

    def to_json(self) -> dict[str, Any]:
        """Return the JSON to store."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self:
        """Read stored JSON; a field that only a newer version knows is ignored."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in (stored or {}).items() if name in known})


class Spell:
    """The part of details about something that lasts: since when, and until when if it is over."""

    since_at: str
    until_at: str

    @property
    def since(self) -> datetime:
        """Return when it began."""
        return datetime.fromisoformat(self.since_at)

    @property
    def until(self) -> datetime | None:
        """Return when it ended."""
        return datetime.fromisoformat(self.until_at) if self.until_at else None


@dataclass(frozen=True)
class Named(Details):
    """CASE: what the author's other open cards show of this case (`told`); how often this card `followed` theirs."""

    told: str = ""
    followed: int = 0


@dataclass(frozen=True)
class Passed(Details):
    """PASSED: who closed these cases of a colleague; for those in `undone` that was undone.

    `leaves`: they were not closed, but went to others because the colleague no longer answers for the team.
    """

    by: str
    cases: list[int]
    undone: list[int] = field(default_factory=list)
    leaves: bool = False


@dataclass(frozen=True)
class HandedOver(Details):
    """HANDED_OVER: who gave cases of `former` to the reader (`to`), with which note; for `undone` that was undone."""

    to: str
    by: str
    cases: list[int]
    former: str = ""
    note: str = ""
    undone: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Called(Details):
    """URGENT: who is called to the case."""

    called: list[str]


@dataclass(frozen=True)
class Unanswered(Details):
    """UNANSWERED: when the citizen's time to answer began, how many working `days` ago, and whom we ask by name.

    `owner` is whom we ask in a direct message.
    """

    since_at: str
    days: int
    asked: list[str] = field(default_factory=list)
    owner: str = ""

    def asks(self, owner: str | None) -> bool:
        """Tell whether it asks the owner that a case has now: it does in the thread, or an older message may."""
        return self.owner in {"", owner}

    @property
    def since(self) -> datetime:
        """Return when the citizen's time began."""
        return datetime.fromisoformat(self.since_at)


@dataclass(frozen=True)
class Absence(Details):
    """AWAY: who is away, and how many of their cases were `returned` to the queue because they did not respond.

    `kept` and `handed_back`: they chose that, for so many cases.
    """

    owner: str
    returned: int = 0
    kept: int | None = None
    handed_back: int | None = None


@dataclass(frozen=True)
class Asking(Details):
    """SECOND: who is `asked` by name, and how many working `hours` it has waited. REVIEW: the moment `at`."""

    asked: list[str] = field(default_factory=list)
    hours: int = 0
    at: str = ""


@dataclass(frozen=True)
class FollowUp(Details):
    """What the citizen wrote next; `in_channel`: the channel shows it besides the thread, as it reopened the case."""

    in_channel: bool = False


@dataclass(frozen=True)
class Listed(Details):
    """REMINDER: the reader of the list of reminders, when it was written, and who is called to it by name."""

    to: str = ""
    at: str = ""
    called: list[str] = field(default_factory=list)

    @property
    def written_at(self) -> datetime:
        """Return when the list was written."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True)
class AccountTroubled(Spell, Details):
    """ACCOUNT_PROBLEM: what was wrong with an account (a TroubleKind), since when, and until when if it is over.

    `is_news`: this message announces the end, not the beginning. `budget`: what the limit of the platform keeps us
    from, as a `Budget`. `is_started`: people started it again, and nobody knows yet whether it works. A message without
    details says that an account is stopped now.
    """

    kind: str
    since_at: str
    problem: dict[str, Any] | None = None
    until_at: str = ""
    is_news: bool = False
    budget: dict[str, Any] | None = None
    is_started: bool = False


@dataclass(frozen=True)
class AccountRemoved(Details):
    """ACCOUNT_PROBLEM of an account that was removed, so that the message has no subject: what it was called."""

    account: str


@dataclass(frozen=True)
class TokenEnds(Details):
    """ACCOUNT_PROBLEM of an account that still works: until when its token is valid."""

    at: str

    @property
    def ends_at(self) -> datetime:
        """Return when the token ends."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True)
class Troubled(Spell, Details):
    """SLACK_TROUBLE: the `channel` in which we could not write, why, since when, and until when if it is over.

    `is_news`: this message announces the end, not the beginning.
    """

    channel: str
    error: str
    since_at: str
    until_at: str = ""
    is_news: bool = False


@dataclass(frozen=True)
class Waiting(Spell, Details):
    """BACKLOG: how many cases wait for their card and at most did, since when, and until when if it is over.

    `first` of them go first. Besides them, `rolled_up` are much alike to others. `lately` is how many of all
    came in during the last minutes; `platforms` are the names of those that most come from, with how many. `moved_to`
    is the channel in which a new message says it, as the team has another one now.
    """

    count: int
    most: int
    since_at: str
    first: int = 0
    lately: int = 0
    platforms: Mapping[str, int] = field(default_factory=dict)
    until_at: str = ""
    rolled_up: int = 0
    moved_to: str = ""


@dataclass(frozen=True)
class Rising(Spell, Details):
    """SPIKE: how many posts came in during the last hour and at most in one, and how many usually do at that hour.

    `slots` are the posts of each ten minutes until `at`, the oldest first; `words` stand out in public posts;
    `platforms` are the names of those that most come from, with how many. `known_by` says that the team knows.
    `moved_to` is the channel in which a new message goes on, as the team has another one now.
    """

    count: int
    usual: int
    most: int
    since_at: str
    at: str
    slots: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    platforms: Mapping[str, int] = field(default_factory=dict)
    known_by: str = ""
    until_at: str = ""
    moved_to: str = ""

    @property
    def written(self) -> datetime:
        """Return the moment of which it tells."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True)
class RolledUp(Spell, Details):
    """ROLLUP: how many cases are alike, how many `waiting` nobody has, and how many came in `lately`.

    Since when and until when they came in, and until when the roll-up stood, if it is over. `cases` are the examples,
    `platforms` those that most come from, with how many. `moved_to` is the channel in which a new card goes on, as the
    team has another one now.
    """

    count: int
    waiting: int
    lately: int
    since_at: str
    last_at: str
    platforms: Mapping[str, int] = field(default_factory=dict)
    cases: list[int] = field(default_factory=list)
    until_at: str = ""
    moved_to: str = ""

    @property
    def last(self) -> datetime:
        """Return when the last one came in."""
        return datetime.fromisoformat(self.last_at)


NOT_TAKEN = frozenset({"unreachable", "ratelimited"})
"""What the `problem` of a message is that Slack takes once it can; all else is a refusal."""


class Message(SQLModel, table=True):
    """One of our Slack messages. It must be updated while `shown_version < version`.

    `key` identifies it for ever. It is also in the metadata of the Slack message, so that we can look for a post whose
    outcome is unknown. `posting_since` is set while a post is running, and while Slack may still carry out a call that
    we gave up. `leased_until` stops a second process from writing the same message, and shows a process that has become
    too slow that another writes it now. `shown` is the version that Slack surely shows with a hash of its content; it
    is "" while that is uncertain. `rank` is FIRST when it is posted before all new messages of its channel that have
    LATER; it is higher by QUIETLY while the message is only to say what time did, such as the minutes that are left.
    `retry_at` is when we retry what Slack did not take. `awaited_at` is since when a colleague who clicked waits to see
    it change, as Slack had no room for that. `written_at` is when we last began a call for it, taken or not.
    `subject_id` is the mention, escalation, note, reply, act, transfer, account, sign-in, subject or team that the
    message is about; `details` is anything else it must show: the JSON of one of the Details above, of a notice's Text,
    or of a digest's Overview.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_case", "case_id"),
        Index("ix_messages_place", "channel", "ts"),
        Index("ix_messages_stale", "channel", "id", postgresql_where=_STALE, sqlite_where=_STALE),
        Index("ix_messages_changed", "channel", "ts", postgresql_where=_CHANGED, sqlite_where=_CHANGED),
        Index("ix_messages_new", "channel", "rank", "id", postgresql_where=_NEW, sqlite_where=_NEW),
        Index("ix_messages_put_off", "channel", postgresql_where=PUT_OFF, sqlite_where=PUT_OFF),
        Index("ix_messages_doubted", "posting_since", postgresql_where=_DOUBTED, sqlite_where=_DOUBTED),
    )
    id: int = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: MessageKind = Field(sa_type=EnumText(MessageKind))
    case_id: int | None = Field(default=None, foreign_key="cases.id")
    subject_id: int | None = None
    details: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    channel: str
    in_thread: bool = False
    ts: str | None = None
    rank: int = Field(default=Rank.LATER, sa_column_kwargs={"server_default": text("2")})
    version: int = 1
    shown_version: int = 0
    shown: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    posting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    awaited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    written_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str = ""

    @property
    def may_be_there(self) -> bool:
        """Whether Slack shows it, or may: a call that was to post it has begun, and we do not know how that ended."""
        return self.ts is not None or self.posting_since is not None

    @property
    def posted_at(self) -> datetime | None:
        """When Slack got it, as its ts says; None while Slack does not have it."""
        return datetime.fromtimestamp(float(self.ts), UTC) if self.ts is not None else None
