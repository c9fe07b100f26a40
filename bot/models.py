"""The tables. Times are aware UTC; ids of platforms are opaque text; status columns hold the enum's value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    literal_column,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from bot.domain.case import Status, Urgency
from bot.domain.sla import ClockKind


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; SQLite drops time zones, so they are put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(TypeDecorator[StrEnum]):
    """A StrEnum kept as its value, and given back as its member."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        self.kind = kind
        super().__init__(length=32)

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Store the value; refuses one that the enum does not have."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self.kind(value)


class Role(StrEnum):
    """What a colleague may do: look, answer, or also change the team's settings."""

    READER = "reader"
    AGENT = "agent"
    COORDINATOR = "coordinator"


class ReplyStatus(StrEnum):
    """Where a reply is on its way out."""

    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class ReplyKind(StrEnum):
    """What a reply means for the case: it is resolved, we promise more, or the citizen must say more first."""

    FINAL = "final"
    INTERIM = "interim"
    QUESTION = "question"


class MessageKind(StrEnum):
    """What a Slack message of ours shows."""

    CASE = "case"
    FOLLOW_UP = "follow_up"
    ASK = "ask"
    ADVICE = "advice"
    ASSIGNED = "assigned"
    TAKEN_OVER = "taken_over"
    NOTE = "note"
    REPLY_PROBLEM = "reply_problem"
    ACCOUNT_PROBLEM = "account_problem"
    REMINDER = "reminder"
    DIGEST = "digest"
    STILL = "still"
    RETURNED = "returned"
    URGENT = "urgent"
    AWAY = "away"


class Team(SQLModel, table=True):
    """A webcare team and the Slack channel where its cards appear.

    `environment` is the name and channel that the environment gave when last looked at: what changed there since holds.
    `duty_shown` is what its user group was last made to follow duty: the group, the people, when, and Slack's refusal.
    """

    __tablename__ = "teams"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    channel: str
    settings: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    environment: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    duty_shown: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Agent(SQLModel, table=True):
    """A colleague who answers; `initials` sign their replies. Away and on duty since when, if they are.

    `seen_away_since` is since when Slack shows them away: equal to `away_since` unless they said otherwise. `asked_at`
    is when they were asked about their cases, until they answer or are back; `looked_at` when Slack was last asked.
    """

    __tablename__ = "agents"
    slack_id: str = Field(primary_key=True)
    initials: str | None = Field(default=None, unique=True)
    role: Role = Field(default=Role.AGENT, sa_type=EnumText(Role), sa_column_kwargs={"server_default": "agent"})
    away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    duty_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Account(SQLModel, table=True):
    """An account on a platform. `sealed` holds its tokens encrypted; a stopped account has a `problem`."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("platform", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="teams.id")
    platform: str
    name: str
    url: str
    sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    known: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    cursor: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    polled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    poll_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Author(SQLModel, table=True):
    """Who writes to us through one account; never joined across accounts or platforms."""

    __tablename__ = "authors"
    __table_args__ = (UniqueConstraint("account_id", "external_id"),)
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    external_id: str
    name: str
    handle: str = ""
    url: str = ""


_WAITING = "status IN ('new','claimed','escalated')"
WAITING: ColumnElement[bool] = literal_column(f"cases.{_WAITING}")
"""Of a case: that it waits for us. In the very words of the index that holds only these, which SQLite would not use for
a condition with bound values (https://www.sqlite.org/partialindex.html); so too the conditions like it below."""


class Case(SQLModel, table=True):
    """One author's mentions in one conversation, handled as one; `topic` is what it is about, of the team's list.

    `close_reason` is one of CloseReason, or one of the team's own in its own words.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_open", "opened_at", "team_id", postgresql_where=text(_WAITING), sqlite_where=text(_WAITING)),
        Index("ix_cases_author", "author_id"),
        Index("ix_cases_opened", "opened_at", "team_id", "account_id", "topic"),
    )
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="teams.id")
    account_id: int = Field(foreign_key="accounts.id")
    author_id: int = Field(foreign_key="authors.id")
    status: Status = Field(default=Status.NEW, sa_type=EnumText(Status))
    assignee: str | None = None
    urgent: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    opened_at: datetime = Field(sa_type=UtcDateTime)
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = None
    close_reason: str | None = None
    close_text: str = ""
    topic: str | None = None


class Mention(SQLModel, table=True):
    """A citizen's post that concerns us; UNIQUE(account_id, external_id) keeps it from coming in twice."""

    __tablename__ = "mentions"
    __table_args__ = (
        UniqueConstraint("account_id", "external_id"),
        Index("ix_mentions_case", "case_id"),
        Index("ix_mentions_conversation", "account_id", "conversation"),
        Index("ix_mentions_received", "received_at", "case_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    account_id: int = Field(foreign_key="accounts.id")
    external_id: str
    conversation: str | None = None
    in_reply_to: str | None = None
    replies_to: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    text: str
    earlier_text: str | None = None
    url: str = ""
    private: bool = False
    language: str = ""
    media: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    allows: list[str] = Field(default_factory=list, sa_type=JSON)
    published_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    edited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


_UNSENT = "status IN ('approved','sending')"
UNSENT: ColumnElement[bool] = literal_column(f"replies.{_UNSENT}")
"""Of a reply: that it is on its way out."""
_SENT = text("sent_at IS NOT NULL")


class Reply(SQLModel, table=True):
    """An answer. `draft` is what the agent typed, `text` exactly what is published; `key` is the same at every try."""

    __tablename__ = "replies"
    __table_args__ = (
        Index("ix_replies_case", "case_id"),
        Index("ix_replies_external", "account_id", "external_id"),
        Index("ix_replies_sent", "sent_at", "case_id", postgresql_where=_SENT, sqlite_where=_SENT),
        Index("ix_replies_unsent", "account_id", "send_at", postgresql_where=text(_UNSENT), sqlite_where=text(_UNSENT)),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    mention_id: int = Field(foreign_key="mentions.id")
    account_id: int = Field(foreign_key="accounts.id")
    by: str
    key: str = Field(unique=True)
    draft: str
    text: str
    private: bool = False
    kind: ReplyKind = Field(
        default=ReplyKind.FINAL, sa_type=EnumText(ReplyKind), sa_column_kwargs={"server_default": "final"}
    )
    promised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: ReplyStatus = Field(default=ReplyStatus.APPROVED, sa_type=EnumText(ReplyStatus))
    created_at: datetime = Field(sa_type=UtcDateTime)
    send_at: datetime = Field(sa_type=UtcDateTime)
    first_tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    external_id: str | None = None
    url: str = ""
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class Note(SQLModel, table=True):
    """What colleagues say to each other, never sent to a citizen; one written in the thread has its place there."""

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("channel", "ts"), Index("ix_notes_case", "case_id"))
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    by: str
    text: str
    at: datetime = Field(sa_type=UtcDateTime)
    channel: str | None = None
    ts: str | None = None


class Escalation(SQLModel, table=True):
    """A question to a colleague, a user group or another channel, and the advice that came back.

    `submission` is the id of the modal it came from, so that a redelivered submission asks nothing twice.
    """

    __tablename__ = "escalations"
    __table_args__ = (Index("ix_escalations_case", "case_id"),)
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    target: str
    question: str
    urgency: Urgency = Field(default=Urgency.NORMAL, sa_type=EnumText(Urgency))
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    advice: str | None = None
    advised_by: str | None = None
    advised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    submission: str = Field(unique=True)


_CLOSING = "kind = 'close'"
CLOSING: ColumnElement[bool] = literal_column(f"events.{_CLOSING}")
"""Of an event: that a case was closed, for the reason in its details."""


class Event(SQLModel, table=True):
    """Who did what, when. The database refuses to change or delete a row; it holds no citizen's words."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_case", "case_id", "id"),
        Index("ix_events_closed", "at", "case_id", postgresql_where=text(_CLOSING), sqlite_where=text(_CLOSING)),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: int | None = Field(default=None, foreign_key="cases.id")
    account_id: int | None = Field(default=None, foreign_key="accounts.id")
    kind: str
    by: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


_RUNNING = text("stopped_at IS NULL")


class Clock(SQLModel, table=True):
    """One promise being timed, in working time. What was measured stays as it was measured.

    `target_seconds` is the norm in force when it started (None for a promise, which has its own moment `due_at`).
    `running_since` is empty while it is paused; `used_seconds` is what earlier runs took. `next_at` is when the next
    step of the ladder falls due, `steps` how many were taken. Stopped, `elapsed_seconds` is the working time it took
    and `kept` whether that was in time; `counts` is false for one that was ended without anything to measure.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        Index("ix_clocks_case", "case_id"),
        Index("ix_clocks_due", "next_at", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
        Index("ix_clocks_stopped", "kind", "stopped_at", "team_id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    team_id: int = Field(foreign_key="teams.id")
    kind: ClockKind = Field(sa_type=EnumText(ClockKind))
    target_seconds: int | None = None
    started_at: datetime = Field(sa_type=UtcDateTime)
    running_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_seconds: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    steps: int = 0
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    elapsed_seconds: int | None = None
    kept: bool | None = None
    counts: bool = True


_STALE = text("shown_version < version")


class Message(SQLModel, table=True):
    """A Slack message of ours, kept level with the state: stale while `shown_version < version`.

    `key` names it for ever (it travels in the message's metadata, so that a post with an unknown outcome can be found
    again); `posting_since` says that a post is under way or its outcome unknown; `leased_until` keeps a second writer
    off; `retry_at` is when Slack lets us try again. `subject_id` is the mention, escalation or reply it is about,
    `details` what else it must say.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_case", "case_id"),
        Index("ix_messages_place", "channel", "ts"),
        Index("ix_messages_stale", "channel", "id", postgresql_where=_STALE, sqlite_where=_STALE),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: MessageKind = Field(sa_type=EnumText(MessageKind))
    case_id: int | None = Field(default=None, foreign_key="cases.id")
    subject_id: int | None = None
    details: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    channel: str
    in_thread: bool = False
    ts: str | None = None
    version: int = 1
    shown_version: int = 0
    posting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str = ""


@dataclass(frozen=True)
class CaseFile:
    """All that is known of one case, read together; rows in order of time. `platform` is its title for people."""

    case: Case
    team: Team
    account: Account
    platform: str
    author: Author
    mentions: Sequence[Mention]
    replies: Sequence[Reply]
    escalations: Sequence[Escalation]
    notes: Sequence[Note]
    clocks: Sequence[Clock]

    @property
    def latest(self) -> Mention:
        """The citizen's newest mention."""
        return self.mentions[-1]

    @property
    def reply(self) -> Reply | None:
        """The newest reply that was not taken back, if any."""
        return next((r for r in reversed(self.replies) if r.status is not ReplyStatus.WITHDRAWN), None)

    @property
    def open_question(self) -> Escalation | None:
        """The newest question that still waits for advice."""
        return next((e for e in reversed(self.escalations) if e.advice is None), None)

    @property
    def answerable(self) -> Mention | None:
        """The newest mention that the platform lets us answer and that is still there."""
        return next((m for m in reversed(self.mentions) if m.allows and m.gone_at is None), None)
