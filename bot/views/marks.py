"""The marks of a case: what an agent must notice at once, always in words; the symbol before them only repeats them.

Card, Home, lists and reminders use these; each leaves out what it shows elsewhere.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.case import OPEN, WaitsFor
from bot.domain.signals import OWN, Signal
from bot.domain.sla import ClockKind
from bot.domain.text import Text, text
from bot.models import Case, Clock, Mention
from bot.texts import Texts
from bot.views.block import literal
from bot.views.clock import due_line


class Mark(StrEnum):
    """The marks that a case can have, in the order in which they are shown."""

    URGENT = "urgent"
    FIRST = "first"
    PRIVATE = "private"
    DUE = "due"
    PROMISE = "promise"
    PUT_OFF = "put_off"
    ADVICE = "advice"
    CITIZEN = "citizen"


class Marked(Protocol):
    """What both a file (CaseFile) and a line of a list (CaseLine) know of a case."""

    @property
    def case(self) -> Case:
        """The case itself."""

    @property
    def latest(self) -> Mention:
        """The citizen's newest mention."""

    @property
    def has_private(self) -> bool:
        """Tell whether the citizen wrote anything privately."""

    @property
    def clocks(self) -> Sequence[Clock]:
        """Its clocks that have not been stopped."""

    @property
    def waits_for(self) -> WaitsFor:
        """What it waits for."""


def marks(of: Marked, t: Texts, now: datetime, *, without: Collection[Mark] = (), outside: bool = False) -> list[str]:
    """Return the marks of a case, except those that are shown elsewhere.

    `outside`: others than the team may read them, so they quote no word of a private message.
    """
    due, promise = _due(of)
    quoted = not (outside and of.has_private)  # nobody noted of which post a word is
    signals = [each for each in of.case.signals or [] if quoted or not each.startswith(OWN)]
    words = {
        Mark.URGENT: urgent_words(t) if of.case.urgent and of.case.status in OPEN else "",
        Mark.FIRST: _first(signals, t) if of.case.status in OPEN else "",
        Mark.PRIVATE: private_mark(t) if of.latest.private else "",
        Mark.DUE: due_line(due, t, now) if due else "",
        Mark.PROMISE: due_line(promise, t, now) if promise and promise is not due else "",
        Mark.PUT_OFF: _put_off(of, t, now),
        Mark.ADVICE: "❓ " + t("waiting for advice") if of.waits_for is WaitsFor.ADVICE else "",
        Mark.CITIZEN: "💬 " + t("waiting for the citizen") if of.waits_for is WaitsFor.CITIZEN else "",
    }
    return [words[mark] for mark in Mark if words[mark] and mark not in without]


def urgent_words(t: Texts) -> str:
    """Return the mark of what is urgent; a question can be urgent too."""
    return f"🔴 *{t('Urgent')}*"


SIGNALS: Mapping[str, Text] = {
    Signal.HURT: text("somebody in danger"),
    Signal.SELF_HARM: text("self-harm"),
    Signal.THREAT: text("threat"),
    Signal.DANGER: text("danger"),
    Signal.PRESS: text("press"),
    Signal.WAITED: text("still waits for us in another case"),
}


def _first(signals: Sequence[str], t: Texts) -> str:
    """Return why the case went before others: by words in it, which may mislead; the agent judges."""
    own = [t.quoted(literal(signal.removeprefix(OWN), 60)) for signal in signals if signal.startswith(OWN)]
    reasons = [*(t(SIGNALS[signal]) for signal in signals if signal in SIGNALS), *own]
    return "❗ " + t("First: {reasons}", reasons=", ".join(reasons)) if reasons else ""


def private_mark(t: Texts) -> str:
    """Return the mark of what only a citizen and we can read."""
    return "🔒 " + t("private message")


def _due(of: Marked) -> tuple[Clock | None, Clock | None]:
    """Return the running clock that is due first, and the promise; none for a case that does not wait for us."""
    if of.case.status not in OPEN:
        return None, None
    running = [(clock.due_at, clock) for clock in of.clocks if clock.due_at and clock.running_since]
    first = min(running, key=lambda each: each[0], default=(None, None))[1]
    return first, next((clock for _, clock in running if clock.kind is ClockKind.PROMISE), None)


def _put_off(of: Marked, t: Texts, now: datetime) -> str:
    """Return until when the reminders of a case were put off, while they are."""
    until = [clock.snoozed_until for clock in of.clocks if clock.snoozed_until and clock.snoozed_until > now]
    return "🔕 " + t("reminder put off until {time}", time=t.when(min(until), now)) if until else ""
