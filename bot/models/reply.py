"""The replies."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, false, literal_column, text
from sqlmodel import Field, SQLModel, col

from bot.domain.mention import Arrived, Gone
from bot.models.columns import EnumText, UtcDateTime

_UNSENT = "status IN ('approved','sending')"
UNSENT: ColumnElement[bool] = literal_column(f"replies.{_UNSENT}")
"""The condition that a reply is still to be sent or is being sent; the text of its partial index, as with WAITING."""
HELD: ColumnElement[bool] = literal_column("replies.held")
"""The condition that the platform must approve a reply before it shows it; the text of its partial index."""
LINGERS = timedelta(minutes=5)
"""A reply is on its way to the citizen for this long after it was approved; then it waits for us."""
REACHED: ColumnElement[bool] = literal_column("(replies.status = 'sent' AND NOT replies.held)")
"""The condition that the citizen could read a reply; `Reply.reached` in SQL."""
ANSWERS: ColumnElement[bool] = literal_column("(replies.kind NOT IN ('question','invitation'))")
"""The condition that a reply counts as an answer: it is neither a question nor an invitation to another reply."""
_SENT = text("sent_at IS NOT NULL")
_WITH_IMAGE = text("image IS NOT NULL")
_NOTHING = text("''")


class ReplyStatus(StrEnum):
    """How far the sending of a reply has come."""

    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class ReplyKind(StrEnum):
    """What a reply means for the case: it resolves it, it promises a later answer, or it asks the citizen something."""

    FINAL = "final"
    INTERIM = "interim"
    QUESTION = "question"
    INVITATION = "invitation"
    """It says in public that a private reply was sent. Its outcome never moves the case."""


BY_AGENTS = tuple(kind for kind in ReplyKind if kind is not ReplyKind.INVITATION)
"""The kinds that an agent chooses from."""


class Reply(SQLModel, table=True):
    """An answer to a mention.

    `draft` is what the agent typed, `text` is exactly what is published. `key` is the same on every attempt to send it.
    `conversation` is that of the private conversation it opened. `held`: the platform must approve it first. `arrived`
    is how far it got on its way to the citizen, as the platform says. `delays` is how often sending it was put off.
    `invitation` is published beside a private reply once that was sent: its `draft` and `text`. `image` is the SHA-256
    of the image that is published with it, `image_file` the id that the file had in Slack. `tells_of` is the act about
    which it informs the citizen: it is sent once that is done, and not when that is taken back.
    """

    __tablename__ = "replies"
    __table_args__ = (
        Index("ix_replies_case", "case_id"),
        Index("ix_replies_external", "account_id", "external_id"),
        Index("ix_replies_conversation", "account_id", "conversation"),
        Index("ix_replies_sent", "sent_at", "case_id", "kind", postgresql_where=_SENT, sqlite_where=_SENT),
        Index("ix_replies_image", "image", postgresql_where=_WITH_IMAGE, sqlite_where=_WITH_IMAGE),
        Index("ix_replies_held", "account_id", postgresql_where=text("held"), sqlite_where=text("held")),
        Index("ix_replies_unsent", "account_id", "send_at", postgresql_where=text(_UNSENT), sqlite_where=text(_UNSENT)),
    )
    id: int = Field(default=None, primary_key=True)
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
    invitation: dict[str, str] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    tells_of: int | None = None
    promised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: ReplyStatus = Field(default=ReplyStatus.APPROVED, sa_type=EnumText(ReplyStatus))
    created_at: datetime = Field(sa_type=UtcDateTime)
    send_at: datetime = Field(sa_type=UtcDateTime)
    first_tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = 0
    delays: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    external_id: str | None = None
    url: str = ""
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    conversation: str | None = None
    held: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    arrived: Arrived | None = Field(default=None, sa_type=EnumText(Arrived))
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone: Gone | None = Field(default=None, sa_type=EnumText(Gone))
    image: str | None = Field(default=None, foreign_key="images.sha256")
    image_file: str = Field(default="", sa_column_kwargs={"server_default": _NOTHING})
    image_description: str = Field(default="", sa_column_kwargs={"server_default": _NOTHING})

    @property
    def reached(self) -> bool:
        """Whether the citizen could read it."""
        return self.status is ReplyStatus.SENT and not self.held

    @property
    def unsent(self) -> bool:
        """Whether it is still to be sent or is being sent; `UNSENT` in Python."""
        return self.status in {ReplyStatus.APPROVED, ReplyStatus.SENDING}

    def lingers(self, now: datetime) -> bool:
        """Tell whether the citizen cannot read it, though it was approved: it is held, or could not be sent so far."""
        late = self.unsent and self.kind is not ReplyKind.INVITATION and self.created_at <= now - LINGERS
        return self.held or late


def lingering(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the two conditions of which one holds if a reply lingers (`Reply.lingers`), each with its own index."""
    late = (col(Reply.created_at) <= now - LINGERS) & (col(Reply.kind) != ReplyKind.INVITATION)
    return HELD, UNSENT & late
