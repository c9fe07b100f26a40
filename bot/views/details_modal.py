"""The details of a case: all its posts, notes and answers, and who did what when."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.case import OPEN
from bot.domain.event import HAPPENED, WHY, EventKind, why_of
from bot.domain.slack_id import is_person
from bot.models import CaseFile, Event
from bot.texts import Texts, capital
from bot.views.act import ACTS
from bot.views.block import SECTION, Block, actions, button, context, link, literal, modal, quote, section
from bot.views.case_list import BLOCK_ID
from bot.views.case_state import state_line
from bot.views.citizen import head_line
from bot.views.exchange import earlier, exchange, later, turns
from bot.views.hide import copies
from bot.views.others import others_button, others_words
from bot.views.topic import topic_picker
from bot.views.transfer import transfer_lines

TALK = 150_000
"""Characters of the exchange as it is sent; Slack takes 250 kB in a modal, and the rest stays below 100,000."""
TURNS = 60
"""The most blocks of the exchange; Slack takes 100 in a modal."""
BEFORE_HISTORY = 90
"""Blocks before the history, for which the others are."""
PART = 30_000
"""Characters, as they are sent, of all questions or all notes; they are cut shorter when they take more."""
QUESTIONS, NOTES, EVENTS = 5, 50, 40
"""How many of the newest are shown; the rest is counted."""
CAME_FROM = "came_from:"
"""How the id of the first block begins, if the details were opened from the Home."""


def details_modal(
    file: CaseFile,
    events: Sequence[Event],
    topics: Sequence[str],
    t: Texts,
    now: datetime,
    *,
    skip: int = 0,
    card_url: str = "",
    home: str = "",
    came_from: str = "",
) -> Block:
    """Return the whole history, or a part of a long one: what was written before the newest `skip`, as far as it fits.

    `topics` are the team's topics; `card_url` is the link to the card and its thread, `home` that to the workspace.
    `came_from` is what the App Home showed, if the details were opened from there; the modal remembers it in the id of
    its first block, as an earlier version of this program expects only the case in its `private_metadata`.
    """
    blocks = [section(head_line(file, t)), section(state_line(file, t, now))]
    if came_from and len(CAME_FROM + came_from) <= BLOCK_ID:
        blocks[0]["block_id"] = CAME_FROM + came_from
    if card_url:
        blocks.append(context(link(card_url, t("Go to the card and its thread"))))
    if person := others_words(file, t, home):
        blocks.append(context(" · ".join(map(capital, person))))
    blocks += actions(*_urgency(file, t), *others_button(file, t))
    if picker := topic_picker(file, topics, t):
        blocks.append(section(t("Topic")) | {"accessory": picker})
    noted = [*_questions(file, t), *_notes(file, t, now), *transfer_lines(file, t, now), *copies(file, t, now)]
    room = min(TURNS, BEFORE_HISTORY - len(blocks) - len(noted) - 2)  # two say what came after and before it
    blocks += _talk(file, t, now, max(0, min(skip, len(turns(file)) - 1)), room)
    blocks += [*noted, section("*" + t("History") + "*")]
    why = {act.id: act.note for act in file.acts if act.note}
    lines = [_line(event, t, now, why) for event in events[-EVENTS:]]
    if (earlier_ones := len(events) - len(lines)) > 0:
        lines.insert(0, t.plural("{n} earlier line is not shown.", "{n} earlier lines are not shown.", earlier_ones))
    blocks += [context("\n".join(lines[start : start + 8])) for start in range(0, len(lines), 8)]
    return modal("said", t("Details"), blocks, close=t("Close"), metadata=str(file.case.id))


def came_from_in(view: Block) -> str:
    """Return what the App Home showed from which the details were opened; "" if it was not from there."""
    ids = (str(block.get("block_id", "")) for block in view["blocks"])
    return next((each.removeprefix(CAME_FROM) for each in ids if each.startswith(CAME_FROM)), "")


def _talk(file: CaseFile, t: Texts, now: datetime, skip: int, room: int) -> list[Block]:
    """Return as much of the exchange as fits in `room` blocks: emoji and some scripts take 12 times the characters."""
    for most in (15, 8, 4, 2, 1):
        talk = exchange(file, t, now, most=most, skip=skip, whole=True)
        if len(talk) <= room and len(json.dumps(talk)) <= TALK:
            break
    else:
        most, talk = 2, exchange(file, t, now, most=2, skip=skip)
    return [*later(file, t, skip), *earlier(file, t, most=most, skip=skip), *talk]


def _questions(file: CaseFile, t: Texts) -> list[Block]:
    """Return the newest questions to advisers with what they advised, and how many came before."""
    shown, blocks = file.escalations[-QUESTIONS:], list[Block]()
    for limit in (SECTION, 600):
        blocks = []
        for asked in shown:
            blocks += [context(t("Question ({agent}):", agent=f"<@{asked.by}>")), quote(asked.question, limit)]
            if asked.advice:
                blocks += [context(t("Advice ({agent}):", agent=f"<@{asked.advised_by}>")), quote(asked.advice, limit)]
        if len(json.dumps(blocks)) <= PART:
            break
    before = len(file.escalations) - len(shown)
    words = t.plural("{n} earlier question is not shown.", "{n} earlier questions are not shown.", before)
    return [*([context(words)] if before else []), *blocks]


def _notes(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    """Return the newest notes, ten in a block, and how many came before."""
    lines = list[str]()
    for most, limit in ((NOTES, 1700), (NOTES, 500), (10, 500)):
        lines = [
            t("Note by {agent}, {time}: {text}", agent=f"<@{note.by}>",
              time=t.when(note.at, now), text=literal(note.text, limit))
            for note in file.notes[-most:]
        ]  # fmt: skip
        if len(json.dumps(lines)) <= PART:
            break
    before = len(file.notes) - len(lines)
    words = t.plural("{n} earlier note is not shown.", "{n} earlier notes are not shown.", before)
    rows = [context(*lines[start : start + 10]) for start in range(0, len(lines), 10)]
    return [*([context(words)] if before else []), *rows]


def _urgency(file: CaseFile, t: Texts) -> list[Block]:
    if file.case.status not in OPEN:
        return []
    value = str(file.case.id)
    if file.case.urgent:
        return [button(t("No longer urgent"), "case:not_urgent", value)]
    return [button(t("Make urgent"), "case:urgent", value)]


def _line(event: Event, t: Texts, now: datetime, notes: Mapping[int, str]) -> str:
    what = t(HAPPENED[event.kind])
    if act := ACTS.get(event.details.get("act", "")):
        what = f"{t(act)}: {what}"
    if event.kind is EventKind.ACT_APPROVED and (note := notes.get(event.details.get("id", 0))):
        what = f"{what} – {literal(note, 100)}"
    to = event.details.get("to")
    target = f" → <@{to}>" if isinstance(to, str) and is_person(to) else ""
    if why := why_of(event.details):
        what = f"{what} ({t(WHY[why])})"
    return f"{t.when(event.at, now)} · {what}{target}" + (f" · <@{event.by}>" if event.by else "")
