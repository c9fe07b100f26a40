"""What is wrong with an account now, and whether its team was notified."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime


class TroubleKind(StrEnum):
    """What is wrong with an account."""

    STOPPED = "stopped"
    """Its token was refused, which stopped it."""
    FAILING = "failing"
    """It fails: its platform cannot be reached, or refuses us."""
    PARTLY = "partly"
    """A part of it fails, by its check or its reading, while the rest works."""
    LIMITED = "limited"
    """Its platform's limit is used up: it cannot read or answer for longer than a short while."""
    SILENT = "silent"
    """It seems to work, but nothing comes in for longer than usual at these hours."""


class AccountTrouble(SQLModel, table=True):
    """What is wrong with an account since `since_at`, and its `problem` in words.

    `told`: the team was notified; of a failure only when it lasts. `budget` is what the message said about the limit.
    """

    __tablename__ = "account_troubles"
    account_id: int = Field(foreign_key="accounts.id", primary_key=True)
    kind: TroubleKind = Field(sa_type=EnumText(TroubleKind))
    since_at: datetime = Field(sa_type=UtcDateTime)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    budget: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    told: bool = False
