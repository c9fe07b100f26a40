"""Reminders: what each says of its case, and when its recipient is notified. A post notifies, an edit does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

CALM = timedelta(hours=4)
"""Late cases that were only edited into a post are posted again after this time; urgent ones at once."""


class Standing(StrEnum):
    """The state of a reminder: something is late, soon late, idle, asked of an adviser, or was put off until now.

    Done: the recipient or somebody else did it. Gone: it is no longer for this recipient, or not for now, and is not
    shown.
    """

    LATE = "late"
    SOON = "soon"
    PUT_OFF = "put_off"
    ASKED = "asked"
    STILL = "still"
    DONE = "done"
    GONE = "gone"


STANDS = frozenset(Standing) - {Standing.DONE, Standing.GONE}
"""The states of reminders that wait for their recipient."""


class Heard(StrEnum):
    """What a post notified the recipient of: nothing yet, that it waits, or that it is late."""

    NOTHING = "nothing"
    WAITING = "waiting"
    LATE = "late"


class Write(StrEnum):
    """What happens to the message of a recipient."""

    POST = "post"
    EDIT = "edit"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Row:
    """A reminder of one recipient: its state, whether it is urgent, and what they were notified of."""

    standing: Standing
    heard: Heard
    urgent: bool = False

    @property
    def is_news(self) -> bool:
        """Tell whether it is late or asked of them, and they were not notified of anything yet."""
        return self.standing in {Standing.LATE, Standing.ASKED} and self.heard is Heard.NOTHING

    @property
    def is_urgent_news(self) -> bool:
        """Tell whether it is urgent and late, or asked of them, and they were not notified of that."""
        if not self.urgent:
            return False
        return self.is_news or (self.standing is Standing.LATE and self.heard is not Heard.LATE)


def heard_of(standing: Standing) -> Heard:
    """Return what the recipient of a post is notified of."""
    return Heard.LATE if standing is Standing.LATE else Heard.WAITING


def how_to_write(rows: Iterable[Row], *, told: bool, opened: bool, done: bool, calm: bool, at_once: bool) -> Write:
    """Return whether the message of a recipient is posted again, edited, or left.

    `told`: they get a reminder now. `opened`: their last post is from before the team opened, or there is none.
    `done`: nothing in it waited for them any more. `calm`: it is older than CALM. `at_once`: they asked to be reminded
    at this moment.
    """
    standing = [row for row in rows if row.standing in STANDS]
    if standing and ((told and (opened or done)) or at_once or any(row.is_urgent_news for row in standing)):
        return Write.POST
    if calm and any(row.is_news for row in standing):
        return Write.POST
    return Write.EDIT if told else Write.NOTHING
