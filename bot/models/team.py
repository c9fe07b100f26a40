"""The teams and their agents."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime


class Team(SQLModel, table=True):
    """A webcare team and the Slack channel where its cards are posted.

    `environment` is the name and channel that the environment variables had at the last start; a variable that changed
    since then replaces what is set in Slack. `duty_shown` is the last update of the Slack user group that follows duty:
    the group, its people, the time, and Slack's error if it refused.
    """

    __tablename__ = "teams"
    id: int = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    channel: str
    settings: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    environment: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    duty_shown: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Role(StrEnum):
    """What an agent may do: only read, answer, or answer and change the team's settings."""

    READER = "reader"
    AGENT = "agent"
    COORDINATOR = "coordinator"


class Agent(SQLModel, table=True):
    """A colleague who answers. `initials` sign their replies.

    `away_since` and `duty_since` are empty when the agent is not away or not on duty. `seen_away_since` is when we saw
    in Slack that they were away; it equals `away_since` unless the agent set away or present themselves. `asked_at` is
    when we asked what to do with their cases; it is cleared when they answer or return. `looked_at` is when we last
    asked Slack about them.
    """

    __tablename__ = "agents"
    slack_id: str = Field(primary_key=True)
    initials: str | None = Field(default=None, unique=True)
    role: Role = Field(default=Role.AGENT, sa_type=EnumText(Role), sa_column_kwargs={"server_default": "agent"})
    away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    duty_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
