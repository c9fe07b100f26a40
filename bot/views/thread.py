"""Messages in the thread under a card. Citizens never see them."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.case import Status
from bot.domain.text import Text
from bot.models import CaseFile, Mention, Reply, ReplyKind, ReplyStatus
from bot.texts import Texts
from bot.views.block import Block, View, context, literal, quote, section
from bot.views.case_state import taken_until, target_name
from bot.views.citizen import (
    Room,
    author_line,
    fitted,
    mention_blocks,
    name_of,
    privately,
    source_line,
    words_of,
)


def notice(words: Text, t: Texts) -> View:
    """Say what happened to the case; it notifies whom it names."""
    return _only(t(words))


def _shown(file: CaseFile, mention: Mention, t: Texts, now: datetime, room: Room) -> list[Block]:
    return mention_blocks(file, mention, t, now, limit=room.text, media=room.media, images=room.images)


def follow_up(file: CaseFile, mention_id: int | None, t: Texts, now: datetime) -> View:
    """Show what the citizen wrote next."""
    mention = next((m for m in file.mentions if m.id == mention_id), file.latest)
    words = t(
        "{name} wrote again: {text}",
        name=name_of(file.author),
        text=privately(mention, t) + words_of(mention, t, 200),
    )
    head = context(author_line(file.author), source_line(file, mention, t, now))
    return fitted(lambda room: View(words, [head, *_shown(file, mention, t, now, room)]))


def question(file: CaseFile, escalation_id: int | None, t: Texts) -> View:
    """Show the question to advisers; it names none of them, because they already have it."""
    asked = next(e for e in file.escalations if e.id == escalation_id)
    words = "❓ " + t("{agent} asks for advice:", agent=f"<@{asked.by}>")
    return View(f"{words} {literal(asked.question, 300)}", [section(words), quote(asked.question, 1500)])


def advice(file: CaseFile, escalation_id: int | None, t: Texts) -> View:
    """Show the advice to the owner of the case."""
    escalation = next(e for e in file.escalations if e.id == escalation_id)
    owner = f"<@{file.case.assignee or escalation.by}>"
    words = t("{owner}, advice from {adviser}:", owner=owner, adviser=f"<@{escalation.advised_by}>")
    return View(f"{words} {literal(escalation.advice or '', 300)}", [section(words), quote(escalation.advice or "")])


def no_advice(file: CaseFile, escalation_id: int | None, t: Texts) -> View:
    """Notify the owner of a case that no advice came in time."""
    escalation = next(e for e in file.escalations if e.id == escalation_id)
    owner = f"<@{file.case.assignee or escalation.by}>"
    target = target_name(escalation.target)
    return _only(t("{owner}, {target} gave no advice in time: the case is with you again.", owner=owner, target=target))


def note(file: CaseFile, note_id: int | None, t: Texts) -> View:
    """Show a note and its author; for a deleted note, only that it was deleted."""
    shown = next((n for n in file.notes if n.id == note_id), None)
    if shown is None:
        return _only(t("📝 This note was deleted."))
    words = t("📝 Note by {agent}:", agent=f"<@{shown.by}>")
    return View(f"{words} {literal(shown.text, 300)}", [section(words), quote(shown.text)])


def reply_problem(
    file: CaseFile, reply_id: int | None, t: Texts, *, doubted: bool = False, instead: Sequence[str] | None = None
) -> View:
    """Notify an agent that their reply was refused, or that it is (or was: `doubted`) unknown whether it was published.

    The notice of a doubt leaves it to a later one why the reply did not arrive. `instead` are those who are asked to
    see to it because its agent is not there; None if they are.
    """
    reply = next(r for r in file.replies if r.id == reply_id)
    words = _problem_words(file, reply, t, doubted=doubted)
    stands = reply.status is ReplyStatus.UNCERTAIN or (reply.status is ReplyStatus.FAILED and not doubted)
    if instead is None or not stands:
        return _only(words)
    names = "".join(f"<@{who}> " for who in instead)
    asks = t("{agent} is not there: please see to it.", agent=f"<@{reply.by}>")
    return _only(f"{words}\n{names}{asks}")


def _problem_words(file: CaseFile, reply: Reply, t: Texts, *, doubted: bool) -> str:
    if reply.status is ReplyStatus.FAILED and doubted:
        return t("<@{agent}>, it is certain by now that your answer did not arrive.", agent=reply.by)
    if reply.status is ReplyStatus.FAILED:
        problem = literal(t.stored(reply.problem), 500)
        if reply.kind is ReplyKind.INVITATION:
            return t("<@{agent}>, your private message was sent, but what you said in public beside it was not "
                     "published: {problem}", agent=reply.by, problem=problem)  # fmt: skip
        if reply.sent_at is not None and file.case.status is not Status.CLOSED:
            return t("<@{agent}>, your answer was sent but did not reach the citizen: {problem} Your text is "
                     "kept. Press Answer on the card to change and send it, or reach the citizen in another way.",
                     agent=reply.by, problem=problem)  # fmt: skip
        if reply.sent_at is not None:
            return t("<@{agent}>, your answer was sent but did not reach the citizen: {problem} The case was closed "
                     "meanwhile. Your text is kept. Press Reopen on the card, and then Answer, to change and send it, "
                     "or reach the citizen in another way.", agent=reply.by, problem=problem)  # fmt: skip
        if file.case.status is Status.CLOSED:
            return t("<@{agent}>, your answer was not published: {problem} The case was closed meanwhile. "
                     "Your text is kept. Press Reopen on the card, and then Answer, to change and send it.",
                     agent=reply.by, problem=problem)  # fmt: skip
        return t("<@{agent}>, your answer was not published: {problem} Your text is kept. Press Answer on the "
                 "card to change and send it.", agent=reply.by, problem=problem)  # fmt: skip
    if reply.status is ReplyStatus.SENT:
        return t("<@{agent}>, it is certain by now that your answer was published.", agent=reply.by)
    if reply.status is ReplyStatus.WITHDRAWN:
        return t("<@{agent}>, it was found by now that your answer was not published.", agent=reply.by)
    return t("<@{agent}>, it is not certain that your answer was published. Please look at the platform, then "
             "press Yes or No on the card.", agent=reply.by)  # fmt: skip


def reply_waits(file: CaseFile, reply_id: int | None, t: Texts, now: datetime) -> View:
    """Notify an agent that their reply has waited for long, and why; afterwards say how that ended."""
    reply = next(r for r in file.replies if r.id == reply_id)
    if reply.status is ReplyStatus.SENT:
        return _only(t("Sent after all: the answer of <@{agent}>.", agent=reply.by))
    if reply.status is ReplyStatus.WITHDRAWN:
        return _only(t("Taken back: the answer of <@{agent}>.", agent=reply.by))
    if not reply.unsent:
        return _only(t("The answer of <@{agent}> waited for long; the card says what became of it.", agent=reply.by))
    if file.account.stopped_at is not None:
        why, problem = t("the account is stopped, so it goes out once that is started again."), file.account.problem
        until = taken_until(file, reply, t, now)
    else:
        why, problem, until = t("sending it did not succeed so far, and we keep trying."), reply.problem, ""
    words = t("<@{agent}>, an answer of yours still waits: {why} You can take it back on the card, and reach the "
              "citizen in another way. {problem}",
              agent=reply.by, why=why, problem=literal(t.stored(problem), 500))  # fmt: skip
    return _only(f"{words.strip()} {until}".strip())


def _only(words: str) -> View:
    return View(words, [section(words)])
