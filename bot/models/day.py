"""Past days, counted once, so that figures of a long period need not read all its rows."""

from datetime import date
from enum import StrEnum

from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText


class Counted(StrEnum):
    """What is counted of a day."""

    MENTION = "mention"
    ANSWER = "answer"
    OPENED = "opened"
    CLOSED = "closed"
    FIRST_REACTION = "first_reaction"
    RESOLUTION = "resolution"


class DayCount(SQLModel, table=True):
    """How often something happened on a day (in UTC), for a team and an account; closings are counted by reason.

    For stopped clocks that count: their number `n`, how many were in time (`kept`), the lowest and the highest target,
    and in `took` the measured seconds in order, each as an unsigned 32-bit number, lowest byte first. The table has all
    days before `Workspace.counted_until`, and they never change.
    """

    __tablename__ = "day_counts"
    day: date = Field(primary_key=True)
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    account_id: int = Field(foreign_key="accounts.id", primary_key=True)
    what: Counted = Field(sa_type=EnumText(Counted), primary_key=True)
    reason: str = Field(default="", primary_key=True)
    n: int
    kept: int = 0
    lowest: int | None = None
    highest: int | None = None
    took: bytes | None = None
