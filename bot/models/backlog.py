"""The teams of which more new cases come than Slack takes cards."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime


class Backlog(SQLModel, table=True):
    """That cases of a team wait for their card, since when, and when its channel last read how many.

    `message_id` is the message that says so; `most` is how many waited at the highest point.
    """

    __tablename__ = "backlogs"
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    message_id: int = Field(foreign_key="messages.id")
    since_at: datetime = Field(sa_type=UtcDateTime)
    said_at: datetime = Field(sa_type=UtcDateTime)
    most: int
