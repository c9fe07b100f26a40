"""Where Slack no longer lets us write."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime

SOCKET = "socket"
"""The channel that stands for trouble with Socket Mode: Slack gives us no connection."""


class SlackTrouble(SQLModel, table=True):
    """A channel that a team needs and in which we cannot write; `error` is Slack's name for the reason.

    The channel "" is the whole workspace: Slack refuses our token. SOCKET is not a channel: clicks do not reach us.
    """

    __tablename__ = "slack_troubles"
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    channel: str = Field(primary_key=True)
    error: str
    since_at: datetime = Field(sa_type=UtcDateTime)
