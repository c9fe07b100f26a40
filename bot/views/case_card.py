"""The card of a case in the team's channel: what was written, how it stands, and the buttons that its status allows."""

from collections.abc import Collection
from datetime import datetime

from bot.domain.case import OPEN, Move, Status, moves_from
from bot.models import CaseFile, ReplyStatus
from bot.texts import Texts
from bot.views.block import (
    Block,
    View,
    actions,
    button,
    context,
    is_web,
    literal,
    quote,
    section,
)
from bot.views.case_menu import card_menu, more_button, reply_under_way
from bot.views.case_state import reply_line, spoken_state, state_line, writing_lines
from bot.views.citizen import Room, excerpt, fitted, head_line, mentions_blocks, source_line
from bot.views.marks import Mark, marks
from bot.views.transfer import came_from


def case_card(file: CaseFile, t: Texts, now: datetime) -> View:
    """Show all the team needs of a case; the same state always gives the same card."""
    return fitted(lambda room: _card(file, t, now, room))


def _card(file: CaseFile, t: Texts, now: datetime, room: Room) -> View:
    state = state_line(file, t, now)
    words = t("{name}: {text}", name=literal(file.label.platform, 60), text=excerpt(file, t))
    short = file.case.status is Status.CLOSED
    blocks = _short(file, t, now) if short else mentions_blocks(file, t, now, room)
    blocks.append(section(state))
    if beside := reply_line(file, t, now):
        blocks.append(context(beside))
    if writing := writing_lines(file, t) if file.case.status in OPEN else []:
        blocks.append(context(" · ".join(writing)))
    if noticed := _marks(file, t, now):
        blocks.append(context(" · ".join(noticed)))
    if not short:
        blocks += came_from(file, t)
        blocks += _reply_blocks(file, t)
    blocks += _buttons(file, t)
    # only of a new case the first line says what was written: a screen reader reads it at every change
    between = " – " if file.case.status is Status.NEW else ".\n"
    spoken = "\n".join([*writing, f"{spoken_state(file, t, now)}{between}{words}"])
    return View(spoken, blocks)


def _marks(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return what the card does not say elsewhere: the marks and the topic."""
    topic = [t("Topic: {topic}", topic=literal(file.case.topic, 60))] if file.case.topic else []
    return [*marks(file, t, now, without={Mark.PRIVATE, Mark.ADVICE}), *topic]


def _reply_blocks(file: CaseFile, t: Texts) -> list[Block]:
    reply = file.reply
    if reply is None or file.case.status not in {Status.ANSWERED, Status.CLAIMED}:
        return []
    if reply.status is ReplyStatus.SENT and file.case.status is Status.CLAIMED:
        return []
    return [context(t("Our answer:")), quote(reply.text, 600)]


def _short(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    return [
        context(head_line(file, t), source_line(file, file.latest, t, now)),
        context(excerpt(file, t)),
    ]


def _buttons(file: CaseFile, t: Texts) -> list[Block]:
    """Return the buttons: what can be done about a reply under way comes first, whatever became of the case."""
    about_reply = _reply_buttons(file, t)
    if reply_under_way(file):
        return actions(*about_reply)
    case = file.case
    row = _row(file, moves_from(case.status), t)
    # the card of a closed case is short: one button leads to all the rest
    rest = more_button(file, t) if case.status is Status.CLOSED else card_menu(file, t)
    return actions(*about_reply) + actions(*row, rest)


def _reply_buttons(file: CaseFile, t: Texts) -> list[Block]:
    if file.undoable is not None:
        return [button(t("Undo"), "case:undo", f"{file.case.id}:{file.undoable.id}", style="danger")]
    return _settle_buttons(file, t) if file.doubted is not None else []


def _row(file: CaseFile, moves: Collection[Move], t: Texts) -> list[Block]:
    """Return the buttons for the moves that come first; what cannot be answered from here is opened where it stands."""
    value, row = str(file.case.id), []
    if Move.CLAIM in moves:
        row.append(button(t("Claim"), "case:claim", value, style="primary"))
    if Move.ANSWER in moves and file.answerable is not None:
        style = None if Move.CLAIM in moves else "primary"
        row.append(button(t("Answer"), "case:answer", value, style=style))
    elif Move.ANSWER in moves and is_web(file.latest.url):
        row.append(button(t("Open"), "case:open", value, url=file.latest.url))
    if Move.ESCALATE in moves:
        row.append(button(t("Escalate"), "case:escalate", value))
    if Move.REOPEN in moves:
        row.append(button(t("Reopen"), "case:reopen", value))
    return row


def _settle_buttons(file: CaseFile, t: Texts) -> list[Block]:
    value = str(file.case.id)
    there = button(t("Yes, it is there"), "case:settle_sent", value, style="primary")
    absent = button(t("No, it is not there"), "case:settle_absent", value)
    if is_web(file.latest.url):
        return [button(t("Open"), "case:open", value, url=file.latest.url), there, absent]
    return [there, absent]
