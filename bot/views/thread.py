"""Messages in the thread under a card, and word of an account that stopped. Threads are internal, always."""

from datetime import datetime

from bot.models import Account, CaseFile, MessageKind, ReplyStatus
from bot.texts import Texts
from bot.views.block import View, context, literal, quote, section
from bot.views.citizen import author_line, fitted, mention_blocks, source_line


def thread_message(kind: MessageKind, file: CaseFile, subject_id: int | None, t: Texts, now: datetime) -> View:
    """Return the message that tells the thread what happened to its case."""
    who = f"<@{file.case.assignee}>" if file.case.assignee else ""
    match kind:
        case MessageKind.FOLLOW_UP:
            return _follow_up(file, subject_id, t, now)
        case MessageKind.ADVICE:
            return _advice(file, subject_id, t)
        case MessageKind.ASSIGNED:
            return _said(t("{agent}, this case has been assigned to you.", agent=who))
        case MessageKind.TAKEN_OVER:
            return _said(t("{agent} has taken this case over.", agent=who))
        case MessageKind.NOTE:
            return _note(file, subject_id, t)
        case MessageKind.REPLY_PROBLEM:
            return _reply_problem(file, subject_id, t)
        case _:
            raise ValueError(f"{kind} is no thread message")


def returned(away: str, t: Texts) -> View:
    """Tell the thread why its case went back to the queue by itself: its owner is `away`, or did nothing with it."""
    if away:
        return _said(t("{agent} is away, so this case is back in the queue.", agent=f"<@{away}>"))
    return _said(t("This case lay still and is back in the queue."))


def account_problem(account: Account, t: Texts) -> View:
    """Tell the team that an account stopped, and how to mend it."""
    problem = literal(t.kept(account.problem), 500)
    words = t("⚠️ The account *{account}* has stopped: {problem} New mentions do not come in and answers wait.",
              account=literal(account.name, 80), problem=problem)  # fmt: skip
    mend = t(
        "An administrator can mend it: run `webcare accounts add` with a new token, then `webcare accounts check`."
    )
    return View(words, [section(words), context(mend)])


def _said(words: str) -> View:
    return View(words, [section(words)])


def _follow_up(file: CaseFile, subject_id: int | None, t: Texts, now: datetime) -> View:
    mention = next((m for m in file.mentions if m.id == subject_id), file.latest)
    words = t("{name} wrote again: {text}", name=literal(file.author.name, 80), text=literal(mention.text, 200))
    head = context(author_line(file.author), source_line(file, mention, t, now))
    return fitted(lambda room: View(words, [head, *mention_blocks(mention, t, now, limit=room.text, media=room.media)]))


def _advice(file: CaseFile, subject_id: int | None, t: Texts) -> View:
    escalation = next(e for e in file.escalations if e.id == subject_id)
    owner = f"<@{file.case.assignee or escalation.by}>"
    words = t("{owner}, advice from {adviser}:", owner=owner, adviser=f"<@{escalation.advised_by}>")
    return View(f"{words} {literal(escalation.advice or '', 300)}", [section(words), quote(escalation.advice or "")])


def _note(file: CaseFile, subject_id: int | None, t: Texts) -> View:
    note = next(n for n in file.notes if n.id == subject_id)
    words = t("📝 Note by {agent}:", agent=f"<@{note.by}>")
    return View(f"{words} {literal(note.text, 300)}", [section(words), quote(note.text)])


def _reply_problem(file: CaseFile, subject_id: int | None, t: Texts) -> View:
    reply = next(r for r in file.replies if r.id == subject_id)
    if reply.status is ReplyStatus.FAILED:
        problem = literal(t.kept(reply.problem), 500)
        return _said(t("<@{agent}>, your answer was not published: {problem} Your text is kept; press Answer on the "
                       "card to change and send it.", agent=reply.by, problem=problem))  # fmt: skip
    return _said(t("<@{agent}>, it is not certain that your answer was published. Please look at the platform, then "
                   "press Yes or No on the card.", agent=reply.by))  # fmt: skip
