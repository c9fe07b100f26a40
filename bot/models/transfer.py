"""The transfers of cases from team to team."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime


class Transfer(SQLModel, table=True):
    """A case that one team handed over to another, and why.

    `number` is the number of the case in the team that it left, where a search still finds it. `submission` is the
    id of the modal, so that the same submission twice is one transfer.
    """

    __tablename__ = "transfers"
    __table_args__ = (
        Index("ix_transfers_case", "case_id", "at"),
        Index("ix_transfers_number", "from_team_id", "number"),
    )
    id: int = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="cases.id")
    from_team_id: int = Field(foreign_key="teams.id")
    to_team_id: int = Field(foreign_key="teams.id")
    number: int
    note: str
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    submission: str = Field(unique=True)
