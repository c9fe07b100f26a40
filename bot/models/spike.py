"""The teams of which more comes in than usual."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime


class Spike(SQLModel, table=True):
    """That more comes in for a team than usual, since when, and when its message was last brought level; its newest.

    `message_id` is the message that says so; `most` is how many posts an hour had at most. `until_at` is when it ended.
    """

    __tablename__ = "spikes"
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    message_id: int = Field(foreign_key="messages.id")
    since_at: datetime = Field(sa_type=UtcDateTime)
    said_at: datetime = Field(sa_type=UtcDateTime)
    until_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    most: int
