"""The images of answers, as they are published."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime

_LOOKED = text("look_at IS NOT NULL")


class StoredImage(SQLModel, table=True):
    """An image that was given with an answer, by the SHA-256 of its content: each is stored once and never changes.

    It is stored while a reply or a draft uses it. `look_at` is when we check whether one does; None: a reply uses it.
    """

    __tablename__ = "images"
    __table_args__ = (Index("ix_images_look", "look_at", postgresql_where=_LOOKED, sqlite_where=_LOOKED),)
    sha256: str = Field(primary_key=True)
    content: bytes
    kind: str
    size: int
    width: int
    height: int
    look_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
