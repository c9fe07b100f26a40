"""What an agent sees after closing cases without a modal or several at once: the result, and the button to undo it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.domain.case import ALLOWED_FROM, Move
from bot.domain.queue import Filter
from bot.domain.text import Text
from bot.models import Case, CaseBrief, CaseLine
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, modal, section, sections
from bot.views.case_list import case_of_team
from bot.views.choosing import case_boxes, value_in, value_of
from bot.views.filters import WHICH
from bot.views.modals import reason_fields, take_over_button
from bot.views.passing import named

UNDO = "case:undo_close"
TICKED = "close_many"
OFFERED = 20
"""Cases of colleagues that can be taken over from a message; the others are only named."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Skipped:
    """The cases with which nothing was done, why by case, and the names of teams as for `case_boxes`."""

    cases: Sequence[CaseBrief] = ()
    why: Mapping[int, Text] = field(default_factory=dict)
    teams: Mapping[int, str] = field(default_factory=dict)

    def team_of(self, case: Case) -> str:
        """Return the name of the team of a case, if it must be told."""
        return self.teams.get(case.team_id, "")


def undo_value(case_ids: Sequence[int], closed_at: datetime) -> str:
    """Return the value of the button that undoes a closing: the cases and the moment."""
    return value_of(case_ids, str((closed_at - _EPOCH) // _TICK))


def undone_by(value: str) -> tuple[list[int], datetime]:
    """Return the cases and the moment in the value of a button that undoes a closing."""
    case_ids, moment = value_in(value)
    return case_ids, _EPOCH + int(moment) * _TICK


def close_many_button(what: str, t: Texts) -> Block:
    """Return the button under a list that closes several of its cases; `what` is the list's query."""
    return button(t("Close several…"), "list:close", what, of=t(WHICH[Filter.of_text(what).which]))


def close_many_modal(
    lines: Sequence[CaseLine],
    seen: Mapping[int, int],
    left: int,
    reasons: Sequence[str],
    t: Texts,
    now: datetime,
    *,
    origin: str = "",
    ticked: Collection[int] = (),
    teams: Mapping[int, str] | None = None,
) -> Block:
    """Ask which of these cases to close, and why. `seen` is the last event of each; `left` cases are not shown.

    `ticked` are chosen at first. `teams` as for `case_boxes`.
    `origin` says where it was opened from (handlers/origin.py).
    """
    about = t.plural("Choose which to close. {n} case is not shown: it is with a colleague, or there is no room.",
                     "Choose which to close. {n} cases are not shown: they are with colleagues, or there is no room.",
                     left)  # fmt: skip
    blocks = [
        section(about if left else t("Choose which to close.")),
        *reason_fields(reasons, t),
        *case_boxes(lines, seen, TICKED, t, now, ticked=ticked, teams=teams),
    ]
    close = t("Close cases")
    return modal("case:close_many", close, blocks, submit=close, close=t("Cancel"), metadata=origin)


def closed_many(done: int, skipped: Skipped, undo: str, seconds: int, t: Texts, *, by: str) -> View:
    """Say how many cases were closed, and which were not and why; `undo` as in `closed`.

    `by` can take over those that a colleague has now.
    """
    words = t.plural("{n} case closed.", "{n} cases closed.", done)
    said = with_skipped(words, skipped, t, by=by)
    return View(said.text, [*said.blocks, *undo_row(UNDO, undo, seconds, t)])


def closed(words: str, undo: str, seconds: int, t: Texts) -> View:
    """Say what was closed, with the button that undoes it for `seconds`; without a button when `undo` is empty."""
    return View(words, [section(words), *undo_row(UNDO, undo, seconds, t)])


def undo_row(action_id: str, undo: str, seconds: int, t: Texts) -> list[Block]:
    """Return the button that undoes what was just done; none when `undo`, its value, is empty."""
    return actions(button(t("Undo (within {n} s)", n=seconds), action_id, undo)) if undo else []


def undone(done: int, skipped: Skipped, t: Texts) -> View:
    """Say how many cases were restored, and which were not, and why."""
    words = "↩️ " + t.plural("{n} case is as it was before.", "{n} cases are as they were before.", done)
    words = words if done else ""
    return with_skipped(words, skipped, t)


def with_skipped(words: str, skipped: Skipped, t: Texts, *, by: str = "") -> View:
    """Say what was done, and which cases were skipped and why; `by` can take over those that a colleague has now."""
    lines = {
        brief.case.id: t("Nothing was done with {case}: {why}", case=named(brief, t, skipped.team_of(brief.case)),
                         why=t(skipped.why[brief.case.id]))
        for brief in skipped.cases
    }  # fmt: skip
    taken = [brief.case for brief in skipped.cases if by and _is_a_colleagues(brief.case, by)][:OFFERED]
    rows = [
        section(lines[case.id])
        | {"accessory": take_over_button(case.id, case.assignee or "", t,
                                         of=case_of_team(case, t, skipped.team_of(case)))}
        for case in taken
    ]  # fmt: skip
    other = [line for case_id, line in lines.items() if case_id not in {case.id for case in taken}]
    parts = [*([words] if words else []), *other]
    plain = sections("\n".join(parts)) if parts else []
    return View("\n".join([*([words] if words else []), *lines.values()]), [*plain, *rows])


def _is_a_colleagues(case: Case, by: str) -> bool:
    return case.status in ALLOWED_FROM[Move.TAKE_OVER] and case.assignee not in {None, by}


def as_modal(view: View, t: Texts, *, origin: str = "") -> Block:
    """Return a message as a modal, for a person who acted in a modal; `origin` as above."""
    return modal("said", t("Webcare"), view.blocks, close=t("Close"), metadata=origin)
