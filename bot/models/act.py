"""The acts: what we do to a post besides answering it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, literal_column, text
from sqlmodel import Field, SQLModel

from bot.domain import mention
from bot.models.columns import EnumText, UtcDateTime

_ASKED = "status = 'asked'"
_HIDDEN = "kind = 'hide' AND status = 'done'"
PROPOSED: ColumnElement[bool] = literal_column(f"acts.{_ASKED}")
"""The condition that an act waits for a second colleague; the text of its partial index, as with WAITING."""
HIDDEN: ColumnElement[bool] = literal_column("acts.kind = 'hide' AND acts.status = 'done'")
"""The condition that an act hid a post; as the partial index says it."""
_UNFINISHED = "status IN ('approved','sending')"
UNFINISHED: ColumnElement[bool] = literal_column(f"acts.{_UNFINISHED}")
"""The condition that an act waits or is being carried out; the text of its partial index, as with
WAITING."""


class ActStatus(StrEnum):
    """How far an act has come. ASKED waits for a second colleague, who agrees (APPROVED) or declines."""

    ASKED = "asked"
    DECLINED = "declined"
    APPROVED = "approved"
    SENDING = "sending"
    DONE = "done"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


GOING = frozenset({ActStatus.APPROVED, ActStatus.SENDING})
"""The states of an act that is still to be carried out; UNFINISHED in SQL."""
HOLDS = frozenset({*GOING, ActStatus.DONE})
"""The states of an act that decides the state of a post: it was done, or it will be."""
NEVER_DONE = frozenset({ActStatus.DECLINED, ActStatus.FAILED, ActStatus.WITHDRAWN})
"""The states of an act that ended without having been done."""


class Act(SQLModel, table=True):
    """Something done to a mention, or to our reply to it when `reply_id` is set.

    `key` is that of the agent's submission. `note` is the agent's reason, for colleagues. `problem` is why the last
    attempt failed; it is empty while an attempt is being made. `delays` is how often it was put off.
    """

    __tablename__ = "acts"
    __table_args__ = (
        Index("ix_acts_case", "case_id"),
        Index("ix_acts_mention", "mention_id"),
        Index(
            "ix_acts_unfinished",
            "account_id",
            "send_at",
            postgresql_where=text(_UNFINISHED),
            sqlite_where=text(_UNFINISHED),
        ),
        Index("ix_acts_asked", "created_at", postgresql_where=text(_ASKED), sqlite_where=text(_ASKED)),
        Index("ix_acts_hidden", "done_at", "case_id", postgresql_where=text(_HIDDEN), sqlite_where=text(_HIDDEN)),
    )
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    mention_id: int = Field(foreign_key="mentions.id")
    reply_id: int | None = Field(default=None, foreign_key="replies.id")
    account_id: int = Field(foreign_key="accounts.id")
    kind: mention.Act = Field(sa_type=EnumText(mention.Act))
    by: str
    key: str = Field(unique=True)
    status: ActStatus = Field(default=ActStatus.APPROVED, sa_type=EnumText(ActStatus))
    created_at: datetime = Field(sa_type=UtcDateTime)
    send_at: datetime = Field(sa_type=UtcDateTime)
    first_tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    delays: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    note: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
