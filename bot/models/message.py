"""Our messages in Slack."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, text
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime

_STALE = text("shown_version < version")


class MessageKind(StrEnum):
    """What one of our Slack messages shows."""

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


class Message(SQLModel, table=True):
    """One of our Slack messages. It must be updated while `shown_version < version`.

    `key` identifies it for ever. It is also in the metadata of the Slack message, so that we can look for a post whose
    outcome is unknown. `posting_since` is set while a post is running or its outcome is unknown. `leased_until` stops
    a second process from writing the same message. `retry_at` is when Slack lets us try again. `subject_id` is the
    mention, escalation or reply that the message is about; `details` is anything else it must show.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_case", "case_id"),
        Index("ix_messages_place", "channel", "ts"),
        Index("ix_messages_stale", "channel", "id", postgresql_where=_STALE, sqlite_where=_STALE),
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
    version: int = 1
    shown_version: int = 0
    posting_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    leased_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    retry_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: str = ""
