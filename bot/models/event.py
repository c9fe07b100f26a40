"""The log of events."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, literal_column, text
from sqlmodel import Field, SQLModel

from bot.domain.event import EventKind
from bot.models.columns import EnumText, UtcDateTime

_CLOSING = "kind = 'close'"
CLOSING: ColumnElement[bool] = literal_column(f"events.{_CLOSING}")
"""The condition that an event closed a case; its details contain the reason. The text of its partial index, as with
WAITING."""
_UNCLOSING = "kind = 'unclose'"
UNCLOSING: ColumnElement[bool] = literal_column(f"events.{_UNCLOSING}")
"""The condition that an event undid a closing; its details contain the time of the closing. The text of its partial
index."""
_SETTING = "kind IN ('settings','role','initials','routing')"
SETTING: ColumnElement[bool] = literal_column(f"events.{_SETTING}")
"""The condition that a coordinator changed something of a team; its details contain the old and the new value. The text
of its partial index."""


class Event(SQLModel, table=True):
    """Who did what, and when. The database refuses to change or delete a row. It contains no text of citizens."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_case", "case_id", "id"),
        Index("ix_events_closed", "at", "case_id", postgresql_where=text(_CLOSING), sqlite_where=text(_CLOSING)),
        Index("ix_events_unclosed", "at", "case_id", postgresql_where=text(_UNCLOSING), sqlite_where=text(_UNCLOSING)),
        Index("ix_events_setting", "id", postgresql_where=text(_SETTING), sqlite_where=text(_SETTING)),
    )
    id: int = Field(default=None, primary_key=True)
    case_id: int | None = Field(default=None, foreign_key="cases.id")
    account_id: int | None = Field(default=None, foreign_key="accounts.id")
    kind: EventKind = Field(sa_type=EnumText(EventKind, None, EventKind.UNKNOWN))
    by: str = ""
    at: datetime = Field(sa_type=UtcDateTime)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
