"""Reminders: cases that are nearly late or late, with buttons to answer or to be reminded later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.models import CaseFile, Clock
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, literal, section
from bot.views.case_state import case_name, state_line
from bot.views.citizen import excerpt
from bot.views.clock import due_line
from bot.views.marks import Mark, marks

SHOWN = 10
"""Cases listed in one message; the rest is counted."""
ON_ITS_LINE = (Mark.DUE, Mark.PROMISE)
"""Marks that a reminder does not repeat: its own line says the same."""


@dataclass(frozen=True)
class Due:
    """A case whose clock reached a step of the ladder."""

    file: CaseFile
    clock: Clock
    percent: int
    text: str = ""


def reminder(due: Sequence[Due], t: Texts, now: datetime, *, duty: Sequence[str] = ()) -> View:
    """Return one message for all that is due, in the given order; it mentions each agent in `duty`."""
    called = "".join(f"<@{who}> " for who in duty)
    if len(due) == 1:
        return _of_one(due[0], called, t, now)
    head = called + t.plural("⏰ *{n} case needs attention*", "⏰ *{n} cases need attention*", len(due))
    blocks = [section(head)]
    for one in due[:SHOWN]:
        line = section(f"{_line(one, t, now)}\n{_about(one.file, t, now, *ON_ITS_LINE)}")
        value = str(one.file.case.id)
        answerable = one.file.answerable is not None
        step = button(t("Answer"), "case:answer", value) if answerable else button(t("Details"), "case:details", value)
        blocks.append(line | {"accessory": step})
    if len(due) > SHOWN:
        blocks.append(context(t("… and {n} more", n=len(due) - SHOWN)))
    return View(f"{head}: " + "; ".join(_line(one, t, now) for one in due[:SHOWN]), blocks)


def still(file: CaseFile, minutes: int, t: Texts, now: datetime) -> View:
    """Ask the owner of an idle case to continue or release it; after `minutes` it returns to the queue by itself."""
    words = t.plural(
        "⏰ You claimed this case and nothing has happened since. It returns to the queue in {n} working minute.",
        "⏰ You claimed this case and nothing has happened since. It returns to the queue in {n} working minutes.",
        minutes,
    )
    value = str(file.case.id)
    answer = [button(t("Answer"), "case:answer", value, style="primary")] if file.answerable is not None else []
    who = _about(file, t, now, Mark.ADVICE)
    row = actions(*answer, button(t("Release"), "case:release", value), button(t("Details"), "case:details", value))
    return View(f"{words} {who}", [section(words), context(who, state_line(file, t, now)), *row])


def urgent_call(file: CaseFile, called: Sequence[str], t: Texts, now: datetime) -> View:
    """Mention these people about an urgent case that nobody has claimed."""
    names = " ".join(f"<@{who}>" for who in called)
    words = "🔴 " + t("{names} *Urgent* – nobody has claimed this case yet.", names=names)
    value = str(file.case.id)
    answer = [button(t("Answer"), "case:answer", value)] if file.answerable is not None else []
    who = _about(file, t, now, Mark.URGENT)
    row = actions(button(t("Claim"), "case:claim", value, style="primary"), *answer)
    return View(f"{words} {who}", [section(words), context(who, state_line(file, t, now)), *row])


def _of_one(due: Due, called: str, t: Texts, now: datetime) -> View:
    line = called + _line(due, t, now)
    value = str(due.file.case.id)
    buttons: list[Block] = []
    if due.file.answerable is not None:
        buttons.append(button(t("Answer"), "case:answer", value, style="primary"))
    buttons += [button(t("Details"), "case:details", value), button(t("Remind me later…"), "case:snooze", value)]
    about = _about(due.file, t, now, *ON_ITS_LINE, Mark.ADVICE)
    return View(line, [section(line), context(about, state_line(due.file, t, now)), *actions(*buttons)])


def _line(due: Due, t: Texts, now: datetime) -> str:
    if due.text:
        return f"⏰ {literal(due.text, 300)}"
    return due_line(due.clock, t, now)


def _about(file: CaseFile, t: Texts, now: datetime, *without: Mark) -> str:
    """Return the case, who wrote what, and the marks of the case except `without`.

    A reminder also stands in other channels than the team's, so what was written privately is not in it.
    """
    words = literal(file.author.name, 80)
    if not file.latest.private:
        words = t("{name}: {text}", name=words, text=excerpt(file, t))
    return " · ".join([case_name(file.case, t), words, *marks(file, t, now, without=without)])
