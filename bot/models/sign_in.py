"""Sign-ins on platforms' own pages: from the beginning until the choice of what to connect."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime


class SigningInStage(StrEnum):
    """How far a sign-in is."""

    OPEN = "open"
    """The person is on the platform's page."""
    TAKEN = "taken"
    """Their browser came back, and we are exchanging the code for a token."""
    SIGNED_IN = "signed_in"
    """They can choose which accounts to connect."""
    DONE = "done"
    FAILED = "failed"
    ENDED = "ended"
    """Its time is over."""


class SigningIn(SQLModel, table=True):
    """A sign-in; `state` is the SHA-256 of the state that proves it.

    `by` is who began it in Slack; "" is the command line. `sealed` holds its secrets, encrypted, and in the end the
    tokens of the accounts in `offers`: the id and name of each. `connected` are the names of those that were chosen.
    """

    __tablename__ = "sign_ins"
    id: int = Field(default=None, primary_key=True)
    state: str = Field(unique=True)
    platform: str
    team_id: int = Field(foreign_key="teams.id")
    by: str = ""
    url: str = ""
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    redirect: str
    sealed: bytes = Field(default=b"", sa_type=LargeBinary)
    stage: SigningInStage = Field(default=SigningInStage.OPEN, sa_type=EnumText(SigningInStage))
    offers: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    connected: list[str] = Field(default_factory=list, sa_type=JSON)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
