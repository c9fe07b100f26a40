"""The cases, and what belongs to one: mentions, notes and escalations."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, UniqueConstraint, false, literal_column, text
from sqlmodel import Field, SQLModel, col

from bot.domain.case import ONGOING, OPEN, Status, Urgency
from bot.domain.mention import ANSWERS, Act, Gone, Permit, PostKind, alike, permits_from_json, permits_to_json
from bot.models.columns import EnumText, UtcDateTime

_WAITING = "status IN ('new','claimed','escalated')"
WAITING: ColumnElement[bool] = literal_column(f"cases.{_WAITING}")
"""The condition that a case waits for us.

It repeats the text of the partial index: SQLite does not use that index for a condition with bound values
(https://www.sqlite.org/partialindex.html). UNSENT and CLOSING do the same.
"""


def resting(status: Status) -> ColumnElement[bool]:
    """Return the condition that a case has this status, in which it waits and not for us.

    It is the text of its partial index, as with WAITING.
    """
    return literal_column(f"cases.{_is(status)}")


def _is(status: Status) -> str:
    return f"status = '{status}'"


def _found_resting(status: Status, by: str) -> Index:
    """Return the partial index by which the cases of a team are found that have this status, by a moment."""
    has = text(_is(status))
    return Index(f"ix_cases_{status}", "team_id", by, postgresql_where=has, sqlite_where=has)


NOT_ENDED = (WAITING, *(resting(status) for status in Status if status in ONGOING - OPEN))
"""The conditions of which one holds for a case that has not ended; each has its partial index."""

_HAS_TOPIC = "topic IS NOT NULL"
_HAS_SUBJECT = "subject_id IS NOT NULL"
_NUMBERED = "number IS NOT NULL"
"""Always true. PostgreSQL treats a column of a full unique index as a key: a transaction that changes it, as a transfer
does, blocks those that only refer to the row. A partial index does not make it a key.
https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS"""


class Case(SQLModel, table=True):
    """One author's mentions in one conversation, handled as one.

    `number` is what people call it, counted up in its team (CaseCount). `topic` comes from the team's own list.
    `signals` is why it went before other new cases (bot.domain.signals), None for nearly all.
    `subject_id` is the Subject that it shares with cases that are alike; no foreign key, as subjects are soon deleted.
    `waits_since` is when the citizen's time to answer our question began: when it was sent, or an agent gave more time.
    `close_reason` is a CloseReason or the text of one of the team's own reasons.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_open", "opened_at", "team_id", postgresql_where=text(_WAITING), sqlite_where=text(_WAITING)),
        _found_resting(Status.WITH_CITIZEN, by="waits_since"),
        Index("ix_cases_author", "author_id"),
        Index("ix_cases_opened", "opened_at", "team_id", "account_id", "topic", "transfers"),
        Index(
            "ix_cases_topic",
            "topic",
            "opened_at",
            "team_id",
            "transfers",
            "id",
            postgresql_where=text(_HAS_TOPIC),
            sqlite_where=text(_HAS_TOPIC),
        ),
        Index(
            "ix_cases_subject",
            "subject_id",
            "opened_at",
            postgresql_where=text(_HAS_SUBJECT),
            sqlite_where=text(_HAS_SUBJECT),
        ),
        Index(  # with the team first, SQLite would use it for everything else
            "ix_cases_number", "number", "team_id", unique=True, postgresql_where=text(_NUMBERED)
        ),
    )
    id: int = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="teams.id")
    number: int = Field(sa_column_kwargs={"server_default": text("0")})
    account_id: int = Field(foreign_key="accounts.id")
    author_id: int = Field(foreign_key="authors.id")
    status: Status = Field(default=Status.NEW, sa_type=EnumText(Status))
    assignee: str | None = None
    urgent: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    opened_at: datetime = Field(sa_type=UtcDateTime)
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waits_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = None
    close_reason: str | None = None
    close_text: str = ""
    topic: str | None = None
    signals: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    subject_id: int | None = None
    transfers: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})


_REMOVED = "gone IN ('by_author', 'removed') AND redacted_at IS NULL"
REMOVED: ColumnElement[bool] = literal_column(
    "mentions.gone IN ('by_author', 'removed') AND mentions.redacted_at IS NULL"
)
"""The condition that we still have the words of a removed post (FOR_GOOD); the text of its partial index."""


class CaseCount(SQLModel, table=True):
    """How many cases a team has had: the number of its newest. Opening a case there locks this row."""

    __tablename__ = "case_counts"
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    counted: int


class Mention(SQLModel, table=True):
    """A citizen's post that concerns us. UNIQUE(account_id, external_id) refuses a second copy.

    `allows` is what the platform lets us do with it (`permits_to_json`); `place` is the connector's own data on it.
    `thread` is the same for all posts that belong together: the external id of the first one that came in.
    `redacted_at` is when its words were deleted, some time after it was removed.
    """

    __tablename__ = "mentions"
    __table_args__ = (
        UniqueConstraint("account_id", "external_id"),
        Index("ix_mentions_case", "case_id"),
        Index("ix_mentions_conversation", "account_id", "conversation"),
        Index("ix_mentions_answers", "account_id", "in_reply_to"),
        Index("ix_mentions_thread", "account_id", "thread"),
        Index("ix_mentions_received", "received_at", "case_id"),
        Index(
            "ix_mentions_removed", "account_id", "gone_at", postgresql_where=text(_REMOVED), sqlite_where=text(_REMOVED)
        ),
    )
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    account_id: int = Field(foreign_key="accounts.id")
    external_id: str
    conversation: str | None = None
    in_reply_to: str | None = None
    thread: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    replies_to: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    text: str
    earlier_text: str | None = None
    url: str = ""
    private: bool = False
    language: str = ""
    media: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    kind: PostKind = Field(
        default=PostKind.POST, sa_type=EnumText(PostKind), sa_column_kwargs={"server_default": "post"}
    )
    cautions: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    rating: int | None = None
    place: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    allows: list[Any] = Field(default_factory=list, sa_type=JSON)
    published_at: datetime = Field(sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    edited_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone: Gone | None = Field(default=None, sa_type=EnumText(Gone))
    redacted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    def permits(self) -> frozenset[Permit]:
        """Return what the platform lets us do with it, and until when."""
        return permits_from_json(self.allows)

    def permits_beside(self, others: Iterable["Mention"]) -> frozenset[Permit]:
        """Return what the platform lets us do with it; in a private conversation also with the others in that.

        There the time for an answer runs from the citizen's last message, whichever is answered.
        """
        if not (self.private and self.conversation):
            return self.permits()
        those = (each for each in others if each.private and each.conversation == self.conversation)
        return self.permits().union(*(each.permits() for each in those))

    def use_up(self, act: Act) -> None:
        """Note that this was done to it: if the platform allows it once, it may not be done again."""
        left = frozenset(permit for permit in self.permits() if not (permit.once and permit.act is act))
        if left != self.permits():
            self.allows = permits_to_json(left)

    def may(self, act: Act, now: datetime) -> bool:
        """Tell whether the platform lets us do this to it now."""
        return any(permit.act is act and permit.holds(now) for permit in self.permits())

    def may_be(self, act: Act) -> bool:
        """Tell whether it still exists and the platform lets us do or undo this to it, or did so for a limited time.

        A hidden post can still be shown.
        """
        exists = self.gone_at is None or (act is Act.SHOW and self.gone is Gone.HIDDEN)
        return exists and any(permit.act in alike(act) for permit in self.permits())

    def may_be_answered(self) -> bool:
        """Tell whether it still exists and the platform lets us answer it, or did so for a limited time."""
        return self.gone_at is None and any(permit.act in ANSWERS for permit in self.permits())


class Removal(SQLModel, table=True):
    """A post that was removed before it came in, so that it is skipped if it comes after all."""

    __tablename__ = "removals"
    __table_args__ = (UniqueConstraint("account_id", "external_id"),)
    id: int = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    external_id: str
    at: datetime = Field(sa_type=UtcDateTime)


class Note(SQLModel, table=True):
    """An internal note of an agent, never sent to a citizen.

    `channel` and `ts` are set if it was written as a message in the thread of the case. A note deleted in Slack keeps
    its row, without its text: its message may still come in after the news of its deletion. `edited_ts` is when it was
    last edited there, None if never; an edit may leave it without text.
    """

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("channel", "ts"), Index("ix_notes_case", "case_id"))
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    by: str
    text: str
    at: datetime = Field(sa_type=UtcDateTime)
    channel: str | None = None
    ts: str | None = None
    edited_ts: str | None = None
    deleted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Escalation(SQLModel, table=True):
    """A question to a colleague, a user group or another channel, and the advice they gave.

    `allowed_seconds` is the working time allowed for advice, None in older rows; `lapsed_at` is when that ended without
    advice. `submission` is the id of the modal, so that we ask once if Slack delivers the same submission twice.
    `outside`: not all who were asked surely belong to our organisation, so they are shown nothing private.
    """

    __tablename__ = "escalations"
    __table_args__ = (Index("ix_escalations_case", "case_id"),)
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    target: str
    question: str
    urgency: Urgency = Field(default=Urgency.NORMAL, sa_type=EnumText(Urgency))
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    advice: str | None = None
    advised_by: str | None = None
    advised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    allowed_seconds: int | None = None
    lapsed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    submission: str = Field(unique=True)
    outside: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


ASKED: ColumnElement[bool] = col(Escalation.advice).is_(None) & col(Escalation.lapsed_at).is_(None)
"""The condition that a question has no advice and did not lapse."""
