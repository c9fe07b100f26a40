"""Workspaces, teams and their agents."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime

FIRST_WORKSPACE = 1
"""The workspace that the migrations make: the only one today."""


class Workspace(SQLModel, table=True):
    """A Slack workspace in which the bot is installed; its id (T…) and address are known from the first start on.

    `routing` are the rules by which new mentions go to its teams (bot/domain/routing.py), in order. The days before
    `counted_until` are counted (bot/models/day.py). On the day `dated_on`, open cards were last let name the days of
    their moments (bot/slack/dating.py).
    """

    __tablename__ = "workspaces"
    id: int = Field(default=None, primary_key=True)
    slack_id: str | None = Field(default=None, unique=True)
    url: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    routing: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    counted_until: date | None = None
    dated_on: date | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class Team(SQLModel, table=True):
    """A webcare team and the Slack channel where its cards are posted.

    `environment` is the name and channel in the environment variables at the last start; a variable that changed since
    then replaces what is set in Slack. `duty_shown` is the last update of the Slack user group that follows duty: the
    group, its people, the time, and Slack's error if it refused. `channel_seen` is what Slack last said of the channel:
    its id, when, and whether it is public or shared with another organisation. `timed_by` is the opening hours and the
    ladder by which the running clocks were last set.
    """

    __tablename__ = "teams"
    id: int = Field(default=None, primary_key=True)
    workspace_id: int = Field(default=FIRST_WORKSPACE, foreign_key="workspaces.id", nullable=True)
    name: str = Field(unique=True)
    channel: str
    settings: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    environment: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    duty_shown: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    channel_seen: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    timed_by: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Role(StrEnum):
    """What an agent may do: only read, answer, or answer and change the team's settings."""

    READER = "reader"
    AGENT = "agent"
    COORDINATOR = "coordinator"


class Agent(SQLModel, table=True):
    """A colleague in one team. `initials` sign their replies there; `duty_since` is empty when they are not on duty.

    `role` was set by a coordinator; without it their role follows from the team's channel.
    """

    __tablename__ = "agents"
    __table_args__ = (UniqueConstraint("team_id", "initials", name="uq_agents_initials"),)
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    slack_id: str = Field(primary_key=True)
    initials: str | None = None
    role: Role | None = Field(default=None, sa_type=EnumText(Role))
    duty_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Member(SQLModel, table=True):
    """Someone in the channel of a team, as Slack described them at `seen_at`.

    `is_full`: a full member of our workspace; guests, bots and people of another organisation are not.
    """

    __tablename__ = "members"
    channel: str = Field(primary_key=True)
    slack_id: str = Field(primary_key=True)
    is_full: bool
    seen_at: datetime = Field(sa_type=UtcDateTime)


class Person(SQLModel, table=True):
    """Whether a colleague is away, or has left: the same in all their teams, as Slack shows it.

    `seen_away_since` is when we saw in Slack that they were away; it equals `away_since` unless the person set
    themselves away or present: then it may be when they said so, until we look. `asked_at` is when we asked what to do
    with their cases; it is cleared when they answer or return. `looked_at` is when we last asked Slack about them.

    `left_at` is since when we know that their account is closed, and `account_seen_at` when Slack last told us.
    """

    __tablename__ = "people"
    slack_id: str = Field(primary_key=True)
    away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_away_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    left_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    account_seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)

    @property
    def is_present(self) -> bool:
        """Tell whether they can be asked something: they are not away, and their account is not closed."""
        return self.away_since is None and self.left_at is None
