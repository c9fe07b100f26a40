"""The drafts: what an agent typed and chose for an answer that was not sent."""

from datetime import datetime

from sqlalchemy import BigInteger, text
from sqlmodel import Field, SQLModel

from bot.models.columns import EnumText, UtcDateTime
from bot.models.reply import ReplyKind


class AnswerDraft(SQLModel, table=True):
    """An agent's draft of an answer to one case. It is personal: only its agent can read it.

    `newest` is Slack's time (microseconds) of the newest change, 0 before the first one; changes come in out of order.
    `changed_at` is our time of that change. `topic` is the chosen option, "" for the topic of the case.
    `was_private`: its words were once private. `view` is the modal in which it is open, None once that was closed.
    `writing`: the card says that its agent is writing; `active_at` is when they last did something in it. `image` is
    the SHA-256 of the image that they tried to send, `image_file` the id of its file in Slack.
    """

    __tablename__ = "drafts"
    case_id: int = Field(primary_key=True, foreign_key="cases.id")
    by: str = Field(primary_key=True)
    mention_id: int | None = Field(default=None, foreign_key="mentions.id")
    words: str = ""
    invitation: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    private: bool = False
    was_private: bool = False
    kind: ReplyKind = Field(default=ReplyKind.FINAL, sa_type=EnumText(ReplyKind))
    promised_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    topic: str = ""
    newest: int = Field(default=0, sa_type=BigInteger)
    changed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    active_at: datetime = Field(sa_type=UtcDateTime)
    view: str | None = None
    writing: bool = False
    image: str | None = Field(default=None, foreign_key="images.sha256")
    image_file: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    image_description: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
