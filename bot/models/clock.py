"""The clocks, which measure targets and promises."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from bot.domain.case import WaitsFor
from bot.domain.sla import ClockKind
from bot.models.columns import EnumText, UtcDateTime

_RUNNING = text("stopped_at IS NULL")


class Clock(SQLModel, table=True):
    """A measurement of one target or promise, in working time. A later change of the team's norms does not change it.

    `target_seconds` is the norm when the clock started, or when the urgency of the case last changed; a promise has
    none, only the moment `due_at`. `next_at` is the time of the next notification, `told_at` that of the last one, and
    `told_percent` the last step that was notified, even if the ladder has changed since. There is no notification
    before `snoozed_until`, and one at that moment. A clock that rests has no `running_since`, `due_at` or `next_at`,
    and `rests_for` says what its case waits for; `used_seconds` is the working time of earlier runs. When the clock is
    stopped, `elapsed_seconds` is the working time it took and `kept` is whether that was in time. `counts` is false if
    there was nothing to measure; reports and exports leave that clock out.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        Index("ix_clocks_case", "case_id"),
        Index("ix_clocks_due", "next_at", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
        Index("ix_clocks_running", "team_id", "due_at", postgresql_where=_RUNNING, sqlite_where=_RUNNING),
        Index("ix_clocks_stopped", "kind", "stopped_at", "team_id"),
    )
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    team_id: int = Field(foreign_key="teams.id")
    kind: ClockKind = Field(sa_type=EnumText(ClockKind))
    target_seconds: int | None = None
    started_at: datetime = Field(sa_type=UtcDateTime)
    running_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rests_for: WaitsFor | None = Field(default=None, sa_type=EnumText(WaitsFor))
    used_seconds: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    snoozed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_percent: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    stopped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    elapsed_seconds: int | None = None
    kept: bool | None = None
    counts: bool = True
