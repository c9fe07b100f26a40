"""What new cases are alike in, for two days; and the roll-ups: subjects whose cases share one card for now."""

from datetime import datetime

from sqlalchemy import ColumnElement, Index
from sqlmodel import Field, SQLModel, col, select

from bot.domain.case import Status
from bot.models.case import Case
from bot.models.columns import UtcDateTime
from bot.models.message import Message


class Subject(SQLModel, table=True):
    """What the public posts are about that opened cases of a team and are alike (bot.domain.alike).

    `key` and `stems` are those of the first. It is deleted once nothing new can be alike to it and its roll-up is over;
    its number stays with its cases and is never given again.
    """

    __tablename__ = "subjects"
    __table_args__ = (
        Index("ix_subjects_key", "team_id", "key"),
        Index("ix_subjects_begun", "begun_at"),
        {"sqlite_autoincrement": True},
    )
    id: int = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="teams.id")
    key: str
    stems: str
    begun_at: datetime = Field(sa_type=UtcDateTime)


class SubjectStem(SQLModel, table=True):
    """A rare stem by which a subject is found."""

    __tablename__ = "subject_stems"
    __table_args__ = (Index("ix_subject_stems_subject", "subject_id"),)
    team_id: int = Field(foreign_key="teams.id", primary_key=True)
    stem: str = Field(primary_key=True)
    subject_id: int = Field(foreign_key="subjects.id", primary_key=True)


class Rollup(SQLModel, table=True):
    """That the new cases of a subject share one card, as long as the row exists, and when that was last brought level.

    `message_id` is the card; `since_at` is when the first of them came in.
    """

    __tablename__ = "rollups"
    subject_id: int = Field(foreign_key="subjects.id", primary_key=True)
    message_id: int = Field(foreign_key="messages.id")
    since_at: datetime = Field(sa_type=UtcDateTime)
    said_at: datetime = Field(sa_type=UtcDateTime)


ROLLED_UP: ColumnElement[bool] = (
    col(Case.subject_id).in_(select(Rollup.subject_id))
    & col(Case.status).in_([Status.NEW, Status.CLOSED])
    & ~col(Case.urgent)
    & ~select(Message.id).where(Message.case_id == Case.id, col(Message.in_thread)).correlate(Case).exists()
)
"""The condition that a case needs no card of its own, unless it goes first: nothing was said in its thread either."""
