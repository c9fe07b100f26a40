"""The card of a roll-up: how many new cases are alike, how that grows, and what some of their authors wrote."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.queue import Filter, Where, Which
from bot.models import AboutOne, CaseBrief, CaseLine, RolledUp
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, literal, modal, quote, section
from bot.views.choosing import case_boxes
from bot.views.citizen import counted_sources, name_of, words_of

TICKED = "take_out"
CLAIMED = 50
"""Cases that one claim of the lot gives: what one person can answer in some hours."""


def rollup(shown: RolledUp, subject_id: int, examples: Sequence[CaseBrief], t: Texts, now: datetime) -> View:
    """Say how many cases are alike, that each has its own card again, or in which channel the card goes on."""
    wanted = _unowned(subject_id)
    since, last = t.when(shown.since, now), t.when(shown.last, now)
    times = t("the first {since}, the last {last}", since=since, last=last)
    if shown.moved_to:
        went_on = t("➡️ These cases on one subject go on in <#{channel}> now.", channel=shown.moved_to)
        return View(went_on, [section(went_on)])
    if shown.until is not None:
        words = t.plural("✅ *{n} case on one subject*", "✅ *{n} cases on one subject*", shown.count)
        calm = t("It is calm: each that still waits has a card of its own again.")
        return View(f"{words}\n{times}\n{calm}", [section(f"{words}\n{times}"), context(calm)])
    words = t.plural("🗂️ *{n} case on one subject*", "🗂️ *{n} cases on one subject*", shown.count)
    facts = [
        t.plural("{n} waits with nobody", "{n} wait with nobody", shown.waiting) if shown.waiting else t("all taken"),
        t.plural("{n} came in the last ten minutes", "{n} came in the last ten minutes", shown.lately),
        times,
    ]
    said = [(f"*{name_of(each.author)}*", each.latest.text) for each in examples]
    explained = t("They have no cards of their own as long as nobody takes them, but each is a case of its own: "
                  "with its own clocks, answer and record.")  # fmt: skip
    claims = [claim_button(wanted, t, many=shown.waiting > CLAIMED)] if shown.waiting else []
    below = [*([counted_sources(shown.platforms)] if shown.platforms else []), explained]
    blocks = [section(f"{words}\n{' · '.join(facts)}")]
    for name, text in said:
        blocks += [context(name), quote(text, 300)]
    blocks += [
        *map(context, below),
        *actions(button(t("Show the list"), "list:show", wanted, style="primary"), *claims),
    ]
    spoken = [words, *facts, *(t("{name}: {text}", name=name, text=literal(text, 300)) for name, text in said)]
    return View("\n".join([*spoken, *below]), blocks)


def subjects(in_all: int, those: Sequence[AboutOne], t: Texts) -> View:
    """List the subjects on which many write, those with most cases that nobody has first."""
    if not those:
        words = t("No subject has many cases that nobody has any more.")
        return View(words, [section(words)])
    words = t.plural("{n} subject on which many write", "{n} subjects on which many write", in_all)
    blocks, spoken = [section(f"*{words}*")], [words]
    for each in those:
        count = t.plural("{n} waits with nobody", "{n} wait with nobody", each.waiting)
        said = words_of(each.example.latest, t, 150) if each.example is not None else t("(no text)")
        show = button(t("Show the list"), "list:show", _unowned(each.subject_id), of=f"{count}, {said}")
        blocks.append({**section(f"*{count}*\n{said}"), "accessory": show})
        spoken.append(f"{count}: {said}")
    if in_all > len(those):
        spoken.append(t("Those with most cases are shown."))
        blocks.append(context(spoken[-1]))
    return View("\n".join(spoken), blocks)


def _unowned(subject_id: int) -> str:
    """Return the query of the list of a subject's cases that nobody has."""
    return Filter(Which.UNOWNED, where=f"{Where.SUBJECT}:{subject_id}").to_text()


def claim_button(wanted: str, t: Texts, *, many: bool) -> Block:
    """Return the button that gives who clicks it the cases that nobody has; `many`: only the first CLAIMED of them."""
    label = t("Claim the first {n}", n=CLAIMED) if many else t("Claim all")
    return button(label, "rollup:claim", wanted)


def lot_buttons(wanted: str, t: Texts) -> list[Block]:
    """Return the buttons under the list of a roll-up, besides those of every list; none for another list."""
    if Filter.of_text(wanted).place[0] is not Where.SUBJECT:
        return []
    return [button(t("Take some out…"), "rollup:take_out", wanted)]


def series_button(wanted: str, t: Texts) -> Block:
    """Return the button that opens one's own cases of a list in turn, each to answer; `wanted` is the list's query."""
    return button(t("Answer one after another"), "series:begin", wanted, style="primary")


def claimed(count: int, subject_id: int, by: str, t: Texts) -> View:
    """Say how many cases of a roll-up somebody has now, with the buttons to answer them and to their list."""
    words = t.plural("{n} case is with you now.", "{n} cases are with you now.", count)
    mine = Filter(Which.MINE, by, f"{Where.SUBJECT}:{subject_id}").to_text()
    buttons = [series_button(mine, t), button(t("Show my list"), "list:show", mine)]
    return View(words, [section(words), *actions(*buttons)])


def take_out_modal(
    lines: Sequence[CaseLine], seen: Mapping[int, int], left: int, t: Texts, now: datetime, *, origin: str
) -> Block:
    """Ask which cases to take out of a roll-up. `seen` is the last event of each, `left` did not fit.

    `origin` says where it was opened from (handlers/origin.py).
    """
    about = section(t("What you choose has a card of its own from now on, and stays out of the roll-up."))
    full = t.plural("{n} case does not fit here. Turn the list to its page, and take it out from there.",
                    "{n} cases do not fit here. Turn the list to their page, and take them out from there.",
                    left)  # fmt: skip
    blocks = [about, *([context(full)] if left else []), *case_boxes(lines, seen, TICKED, t, now)]
    take = t("Take out")
    return modal("rollup:take_out", take, blocks, submit=take, close=t("Cancel"), metadata=origin)


def taken_out(count: int, t: Texts) -> View:
    """Say how many cases were taken out."""
    words = t.plural("{n} case has a card of its own now.", "{n} cases have a card of their own now.", count)
    return View(words, [section(words)])
