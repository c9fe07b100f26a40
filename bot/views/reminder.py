"""Reminders: one message per recipient with what is late, nearly late, idle or asked of them, and what is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.case import Status
from bot.domain.reminder import Standing
from bot.models import CaseFile, Escalation
from bot.texts import Texts
from bot.views.block import Block, View, actions, button, context, literal, section
from bot.views.case_list import case_row, question_head
from bot.views.case_state import case_name, state_line, target_name, unread_lines
from bot.views.citizen import excerpt, name_of, without_mail_addresses
from bot.views.marks import Mark, marks

SHOWN = 10
"""Cases listed in one message; the rest is counted."""
ORDER = (Standing.LATE, Standing.SOON, Standing.PUT_OFF, Standing.STILL, Standing.ASKED)
"""The order in which waiting reminders are counted; a case counts by its first standing in this order."""


@dataclass(frozen=True)
class Due:
    """A case in a list of reminders.

    `texts` are the team's own words for its steps. `returns_at` is when it returns to the queue because it is idle.
    `question` is the question to the recipient. `card_url` is the link to the card of the case.
    """

    file: CaseFile
    texts: Sequence[str] = ()
    returns_at: datetime | None = None
    question: Escalation | None = None
    card_url: str = ""


@dataclass(frozen=True)
class Reminders:
    """All reminders of a recipient: the number per standing, the first cases, and the names of those that are done.

    `team`: whose cases they are, "" where that is clear.
    """

    counts: Mapping[Standing, int]
    due: Sequence[Due] = ()
    done: Sequence[str] = ()
    done_count: int = 0
    called: Sequence[str] = ()
    team: str = ""


def reminder(of: Reminders, t: Texts, now: datetime) -> View:
    """Return the message of one recipient; it mentions each agent in `called`."""
    counts = [_counted(each, of.counts[each], t) for each in ORDER if of.counts.get(each)]
    done = _done(of, t)
    if not counts:
        words = t("✓ Nothing waits here any more.")
        return View("\n".join([words, *done]), [section(words), *map(context, done)])
    called = "".join(f"<@{who}> " for who in of.called)
    head = f"{called}⏰ *{', '.join(counts)}*" + (f" ({literal(of.team, 80)})" if of.team else "")
    rows = [row(each, t, now) for each in of.due[:SHOWN]]
    blocks = [section(head)]
    if len(of.due) == 1:
        blocks += [section(rows[0]), *actions(*_buttons(of.due[0], t))]
    else:
        blocks += [section(row) | {"accessory": _buttons(each, t)[0]} for row, each in zip(rows, of.due, strict=False)]
    more = sum(of.counts.values()) - len(rows)
    rest = [t("… and {n} more: `/webcare open` lists them all.", n=more)] if more > 0 else []
    return View("\n".join([head, *rows, *rest, *done]), [*blocks, *map(context, [*rest, *done])])


def outdated(t: Texts) -> View:
    """Return the message that is left once a newer one has its reminders."""
    words = t("These reminders are out of date. The newest message has what still waits.")
    return View(words, [context(words)])


def urgent_call(file: CaseFile, called: Sequence[str], t: Texts, now: datetime, *, is_over: bool) -> View:
    """Mention these people about an urgent case that nobody has claimed; once that is over, show its state."""
    value, who = str(file.case.id), _about(file, t, now, Mark.URGENT)
    if is_over:
        words = "✓ " + t("Nobody has to be called to this case any more.")
        state = state_line(file, t, now, outside=True)
        return View(f"{words}\n{state}", [section(words), context(state)])
    names = " ".join(f"<@{who}>" for who in called)
    words = "🔴 " + t("{names} *Urgent* – nobody has claimed this case yet.", names=names)
    answer = [button(t("Answer"), "case:answer", value)] if file.takes_answer else []
    row, state = actions(button(t("Claim"), "case:claim", value, style="primary"), *answer), state_line(file, t, now)
    return View(f"{words} {who}\n{state}", [section(words), context(who, state), *row])


def _counted(standing: Standing, n: int, t: Texts) -> str:
    match standing:
        case Standing.LATE:
            return t("{n} late", n=n)
        case Standing.SOON:
            return t("{n} nearly late", n=n)
        case Standing.PUT_OFF:
            return t.plural("{n} reminder", "{n} reminders", n)
        case Standing.STILL:
            return t("{n} idle", n=n)
        case _:
            return t.plural("{n} question waits for advice", "{n} questions wait for advice", n)


def row(due: Due, t: Texts, now: datetime) -> str:
    """Return a case as every list shows it, with the reason for the reminder; a question names its asker instead."""
    if due.question is not None:
        return _question(due, due.question, t)
    said = [f"⏰ {literal(each, 300)}" for each in due.texts]
    said += map(without_mail_addresses, unread_lines(due.file, t, now))  # the platform may name the citizen's
    if due.returns_at is not None:
        said.append("💤 " + t("lies still and returns to the queue at {time}", time=t.when(due.returns_at, now)))
    return "\n".join([case_row(due.file.line, t, now, card_url=due.card_url, outside=True), *said])


def _question(due: Due, asked: Escalation, t: Texts) -> str:
    about = question_head(due.file.case, asked, due.card_url, t)
    who = {"agent": f"<@{asked.by}>", "target": target_name(asked.target)}
    if asked.lapsed_at is None:
        words = t("⏰ {agent} still waits for advice from {target}:", **who)
    else:
        words = t("⏰ {agent} waited for advice from {target} and now goes on without it. It is still welcome:", **who)
    return f"{about}\n{words}\n{literal(asked.question, 500)}"


def _buttons(due: Due, t: Texts) -> list[Block]:
    """Return the buttons of a row, with the one that every row has first."""
    value, name = str(due.file.case.id), case_name(due.file.case, t)
    if due.question is not None:
        return [button(t("Advise"), "case:advise", str(due.question.id), of=name, style="primary")]
    buttons = []
    if due.file.case.status is Status.NEW:
        buttons.append(button(t("Claim"), "case:claim", value, of=name, style="primary"))
    elif due.file.takes_answer and not any(reply.unsent for reply in due.file.replies):
        buttons.append(button(t("Answer"), "case:answer", value, of=name, style="primary"))
    if due.returns_at is not None:
        buttons.append(button(t("Release"), "case:release", value, of=name))
    later = button(t("Remind me later…"), "case:snooze", value, of=name)
    return [*buttons, button(t("Details"), "case:details", value, of=name), later]


def _done(of: Reminders, t: Texts) -> list[str]:
    """Return the names of the citizens whose cases are done, if any."""
    if not of.done_count:
        return []
    names = [literal(without_mail_addresses(name), 60) for name in of.done]
    rest = of.done_count - len(names)
    more = [t("… and {n} more", n=rest)] if rest > 0 else []
    return ["✓ " + t("Done: {names}", names=", ".join([*names, *more]))]


def _about(file: CaseFile, t: Texts, now: datetime, *without: Mark) -> str:
    """Return the case, who wrote what, and the marks of the case except `without`."""
    return " · ".join([case_name(file.case, t), _words(file, t), *marks(file, t, now, without=without)])


def _words(file: CaseFile, t: Texts) -> str:
    """Return who wrote what. A reminder may be outside the team's channel, so it has no private words."""
    words = name_of(file.author)
    return words if file.latest.private else t("{name}: {text}", name=words, text=excerpt(file, t))
