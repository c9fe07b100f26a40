"""Why posts were hidden: the rule as it read then, a copy of the post, who decided, and when that is reviewed."""

from datetime import datetime

from sqlalchemy import Index, false, text
from sqlmodel import Field, SQLModel

from bot.models.columns import UtcDateTime

_REVIEWED = text("review_at IS NOT NULL")


class Hiding(SQLModel, table=True):
    """The facts about one act that hides a post.

    `rule` and `article` are the title and the words of the house rule at that moment. `untold`: the citizen is not
    informed. `second`: a second colleague had to agree; `decided_by` agreed or declined. The copy of the post stays as
    it was, no matter what its author or the platform does to it later; only the copy of a post that was not hidden in
    the end is emptied, when the words of the post are deleted. `review_at` is when the coordinators are asked
    whether hiding is still needed; `kept_by` is who last said so.
    """

    __tablename__ = "hidings"
    __table_args__ = (
        Index("ix_hidings_review", "review_at", postgresql_where=_REVIEWED, sqlite_where=_REVIEWED),
    )  # fmt: skip
    act_id: int = Field(foreign_key="acts.id", primary_key=True)
    rule: str
    article: str
    untold: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    second: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    text: str
    url: str
    external_id: str
    author_id: str
    author: str
    private: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    published_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    review_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    kept_by: str | None = None
