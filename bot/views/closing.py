"""What an agent sees who closed cases at once: what was closed, and the button that undoes that."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.text import Text
from bot.models import CaseBrief
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, modal, section
from bot.views.passing import named

UNDO = "case:undo_close"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def undo_value(case_ids: Sequence[int], closed_at: datetime) -> str:
    """Return the value of the button that undoes a closing: a case, the moment, and the other cases."""
    first, *others = case_ids
    return f"{first}:{(closed_at - _EPOCH) // _TICK}:{','.join(map(str, others))}"


def undone_by(value: str) -> tuple[list[int], datetime]:
    """Return the cases and the moment of the closing that a button undoes."""
    first, moment, others = value.split(":")
    return [int(first), *(int(each) for each in others.split(",") if each)], _EPOCH + int(moment) * _TICK


def closed(words: str, undo: str, seconds: int, t: Texts) -> View:
    """Say what was closed, with the button that undoes it for so many seconds; without one when `undo` is empty."""
    row = actions(button(t("Undo (within {n} s)", n=seconds), UNDO, undo)) if undo else []
    return View(words, [section(words), *row])


def undone(done: int, skipped: Sequence[CaseBrief], why: Mapping[int, Text], t: Texts) -> View:
    """Say how many cases are as they were again, and which are not, and why."""
    words = "↩️ " + t.plural("{n} case is as it was before.", "{n} cases are as they were before.", done)
    words = words if done else ""
    return _with_skipped(words, skipped, why, t)


def _with_skipped(words: str, skipped: Sequence[CaseBrief], why: Mapping[int, Text], t: Texts) -> View:
    lines = [
        t("Nothing was done with {case}: {why}", case=named(brief, t), why=t(why[brief.case.id])) for brief in skipped
    ]
    parts = [*([words] if words else []), *lines]
    return View("\n".join(parts), [section("\n".join(parts[n : n + 10])) for n in range(0, len(parts), 10)])


def as_modal(view: View, t: Texts) -> Block:
    """Return a message as a modal, for one who acted in a modal."""
    return modal("said", t("Webcare"), view.blocks, close=t("Close"))
