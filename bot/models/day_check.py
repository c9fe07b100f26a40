"""The days of accounts that were compared: with our cards, and with their platform."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime


class DayCheck(SQLModel, table=True):
    """What a comparison of one account found about a day (in the time zone of its team).

    `checked_at` is when all that came in that day was compared with our cards, `healed` how many cards were missing or
    lost and were made again. `compared_at` is when the platform was read again, None if that was not possible; `missed`
    is how many posts that brought. While the platform is being read again, `cursor` is how far, and `next_at` is when
    the next attempt may be made; afterwards `cursor` says so if that was only in part.
    """

    __tablename__ = "day_checks"
    day: date = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id", primary_key=True)
    checked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    healed: int = 0
    compared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    missed: int = 0
    cursor: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    next_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
