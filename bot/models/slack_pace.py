"""The pace of calls to Slack, which several processes share."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime


class SlackPace(SQLModel, table=True):
    """Until when a method of Slack, or posting in a channel, is booked; see bot/slack/pace.py."""

    __tablename__ = "slack_pace"
    key: str = Field(primary_key=True)
    free_at: datetime = Field(sa_type=UtcDateTime)
