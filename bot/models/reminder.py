"""What each recipient is reminded of, all of it in one message per recipient."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.domain.reminder import Heard
from bot.models.columns import EnumText, UtcDateTime


class ReminderKind(StrEnum):
    """What a recipient is reminded of, and what `subject_id` is: a clock, an idle case, an open question, a late case.

    LISTED: the digest of the day lists the case as late. HANDED_OVER: the recipient got the case with others, by the
    event `subject_id`, and one message for all. Nobody is notified of these again, so `remind` leaves them alone.
    """

    CLOCK = "clock"
    STILL = "still"
    ADVICE = "advice"
    LISTED = "listed"
    HANDED_OVER = "handed_over"


TOLD_ONCE = frozenset({ReminderKind.LISTED, ReminderKind.HANDED_OVER})
"""The kinds that a message shows only once."""


class Reminder(SQLModel, table=True):
    """One row of the message that reminds `recipient` (a person or channel): of what, by which step.

    The reminders of one recipient in one team are all in one message, the newest; older messages have none. (Those of
    TOLD_ONCE are in the message that first showed them.) Whether a reminder still stands is read from its case each
    time, never stored. `for_owner`: a person is reminded of it as the owner of the case. `since` is when an idle case
    last moved. `percent` and `text` are the last step that was notified, at `told_at`; `seen` is the version of the
    case's card with which the message is level.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("team_id", "recipient", "kind", "subject_id"),
        Index("ix_reminders_case", "case_id"),
        Index("ix_reminders_message", "message_id"),
    )
    id: int = Field(default=None, primary_key=True)
    message_id: int = Field(default=None, foreign_key="messages.id")
    team_id: int = Field(foreign_key="teams.id")
    recipient: str
    case_id: int = Field(foreign_key="cases.id")
    kind: ReminderKind = Field(sa_type=EnumText(ReminderKind))
    subject_id: int
    since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    percent: int = 0
    text: str = ""
    for_owner: bool = False
    told_at: datetime = Field(sa_type=UtcDateTime)
    heard: Heard = Field(default=Heard.NOTHING, sa_type=EnumText(Heard))
    seen: int = 0
