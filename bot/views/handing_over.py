"""Hand over one's cases: the modal that asks to whom, the result, and the message to those who got cases."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.queue import Filter, Which
from bot.models import CaseBrief, CaseLine, HandedOver
from bot.texts import Texts
from bot.views.block import Block, View, button, context, field_of, literal, modal, option, quote, section
from bot.views.choosing import case_boxes
from bot.views.closing import Skipped, close_many_button, undo_row, with_skipped
from bot.views.passing import SHOWN, line, rows
from bot.views.rollup import lot_buttons, series_button

UNDO = "case:undo_hand_over"
QUESTION = "away"
"""The value of the button in the question to a colleague who goes away, instead of a list's query."""
WHERE, TO, NOTE, CHOSEN = "hand_over_where", "hand_over_to", "hand_over_note", "own_cases"
COLLEAGUES, QUEUE = "colleagues", "queue"
MAX_NOTE = 1500
MAX_RECEIVERS = 20


def hand_over_button(what: str, t: Texts) -> Block:
    """Return the button with which a colleague hands over their own cases; `what` is the list's query."""
    return button(t("Hand my cases over…"), "list:hand_over", what)


def several_buttons(wanted: str, t: Texts) -> list[Block]:
    """Return the buttons under a list for several of its cases; one's own can be answered and handed over too."""
    is_own = Filter.of_text(wanted).which is Which.MINE
    answers, hands_over = ([series_button(wanted, t)], [hand_over_button(wanted, t)]) if is_own else ([], [])
    return [*answers, close_many_button(wanted, t), *hands_over, *lot_buttons(wanted, t)]


def hand_over_modal(
    lines: Sequence[CaseLine],
    seen: Mapping[int, int],
    left: int,
    of: str,
    t: Texts,
    now: datetime,
    *,
    origin: str = "",
    teams: Mapping[int, str] | None = None,
) -> Block:
    """Ask an agent which of their cases go to whom, with a note. `seen` is the last event of each, `left` did not fit.

    `origin` says where it was opened from (handlers/origin.py), `teams` as for `case_boxes`.
    """
    note: Block = {"type": "plain_text_input", "multiline": True, "max_length": MAX_NOTE}
    full = t.plural("{n} case does not fit here: hand it over after these.",
                    "{n} cases do not fit here: hand them over after these.", left)  # fmt: skip
    blocks = [
        *where_fields(t("Where do they go?"), t),
        field_of(t("Note"), NOTE, note, optional=True,
                 hint=t("In the thread of each case, for colleagues only. Citizens never see it.")),
        *([context(full)] if left else []),
        *case_boxes(lines, seen, CHOSEN, t, now, all_of=of, teams=teams),
    ]  # fmt: skip
    return modal(
        "case:hand_over", t("Hand cases over"), blocks, submit=t("Hand over"), close=t("Cancel"), metadata=origin
    )


def where_fields(label: str, t: Texts) -> list[Block]:
    """Ask whether cases go to colleagues, and to whom, or to the queue."""
    options = [option(t("To colleagues"), COLLEAGUES), option(t("Back to the queue"), QUEUE)]
    where: Block = {"type": "radio_buttons", "options": options, "initial_option": options[0]}
    picker: Block = {"type": "multi_users_select", "max_selected_items": MAX_RECEIVERS}
    hint = t("Several colleagues get a case in turn.")
    return [field_of(label, WHERE, where), field_of(t("Colleagues"), TO, picker, optional=True, hint=hint)]


def handed_out(
    got: Mapping[str, Sequence[int]],
    done: int,
    away: Sequence[str],
    skipped: Skipped,
    undo: str,
    seconds: int,
    t: Texts,
) -> View:
    """Say who got how many cases, who of them is `away` now, and which cases were skipped and why.

    `undo` is the value of the button that undoes it, "" for none.
    """
    said = with_skipped("\n".join([*_went(got, done, t), *_who_is_away(away, t)]), skipped, t)
    return View(said.text, [*said.blocks, *undo_row(UNDO, undo, seconds, t)])


def _went(got: Mapping[str, Sequence[int]], done: int, t: Texts) -> list[str]:
    if done and not got:
        return [t.plural("{n} case is back in the queue.", "{n} cases are back in the queue.", done)]
    return [
        t("{agent} has {cases} of yours now.", agent=f"<@{to}>", cases=t.plural("{n} case", "{n} cases", len(case_ids)))
        for to, case_ids in got.items()
    ]


def _who_is_away(away: Sequence[str], t: Texts) -> list[str]:
    return [
        "⚠️ " + t("{agent} is away. What lies still goes back to the queue after a while.", agent=f"<@{each}>")
        for each in away
    ]


def handed_to_you(
    handed: HandedOver, theirs: Sequence[CaseBrief], count: int, t: Texts, teams: Mapping[int, str] | None = None
) -> View:
    """Notify a colleague of the cases that they got, each with the button to its details.

    `theirs` are those that they still have, of `count` that were not taken back; `teams` as for `case_boxes`.
    """
    by = f"<@{handed.by}>"
    if not count:
        words = t("{agent} handed cases over to you, and undid that.", agent=by)
        return View(words, [section(words)])
    cases = t.plural("{n} case", "{n} cases", count)
    if handed.former in {"", handed.by}:
        head = t("{agent} handed {cases} over to you.", agent=by, cases=cases)
    else:
        head = t("{agent} gave you {cases} of {former}.", agent=by, cases=cases, former=f"<@{handed.former}>")
    shown = theirs[:SHOWN]
    rest = _rest(len(theirs), count, t)
    note = [context(t("Note:")), quote(handed.note, MAX_NOTE)] if handed.note else []
    more = [context(each) for each in rest]
    spoken = [
        head,
        *([literal(handed.note, 300)] if handed.note else []),
        *(line(brief, t, teams=teams) for brief in shown),
        *rest,
    ]
    return View("\n".join(spoken), [section(head), *note, *rows(shown, t, teams=teams), *more])


def _rest(theirs: int, count: int, t: Texts) -> list[str]:
    """Say how many cases are not shown, and how many need nothing any more."""
    unshown = [t("… and {n} more", n=theirs - SHOWN)] if theirs > SHOWN else []
    over = count - theirs
    gone = t.plural("✓ {n} case is done or no longer with you.", "✓ {n} cases are done or no longer with you.", over)
    return [*unshown, *([gone] if over else [])]
