"""The card of a case in the team's channel: what was written, how it stands, and the buttons that its status allows."""

from collections.abc import Collection
from datetime import datetime

from bot.domain.case import OPEN, CloseReason, Move, Status, moves_offered
from bot.domain.text import Text, text
from bot.models import CaseFile, Reply, ReplyStatus
from bot.texts import Texts
from bot.views.block import (
    Block,
    View,
    actions,
    button,
    context,
    is_web,
    link,
    literal,
    option,
    overflow,
    quote,
    section,
)
from bot.views.citizen import Room, author_line, excerpt, fitted, mentions_blocks, source_line
from bot.views.clock import clock_line

REASONS: dict[str, Text] = {
    CloseReason.ANSWERED_ELSEWHERE: text("answered elsewhere"),
    CloseReason.NO_ANSWER_NEEDED: text("no answer needed"),
    CloseReason.NOT_FOR_US: text("not for us"),
    CloseReason.SPAM: text("spam"),
    CloseReason.OTHER: text("other"),
}


def case_card(file: CaseFile, t: Texts, now: datetime) -> View:
    """Show all the team needs of a case; the same state always gives the same card."""
    return fitted(lambda room: _card(file, t, now, room))


def _card(file: CaseFile, t: Texts, now: datetime, room: Room) -> View:
    state = state_line(file, t, now)
    words = t("{name} via {platform}: {text}", name=literal(file.author.name, 80),
              platform=literal(file.platform, 60), text=excerpt(file, t))  # fmt: skip
    short = file.case.status is Status.CLOSED
    blocks = _short(file, t, now) if short else mentions_blocks(file, t, now, room)
    blocks.append(section(state))
    if marks := _marks(file, t, now):
        blocks.append(context(" · ".join(marks)))
    if not short:
        blocks += _reply_blocks(file, t)
    blocks += _buttons(file, t)
    return View(f"{words} — {state}", blocks)


def _marks(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return what else there is to know: that it is urgent, how long is left, what it is about."""
    open_now = file.case.status in OPEN
    urgent = f"🔴 *{t('Urgent')}*" if file.case.urgent and open_now else ""
    timed = clock_line(file, t, now) if open_now else ""
    topic = t("Topic: {topic}", topic=literal(file.case.topic, 60)) if file.case.topic else ""
    return [mark for mark in (urgent, timed, topic) if mark]


def state_line(file: CaseFile, t: Texts, now: datetime) -> str:
    """Say in words how the case stands; the symbol before it only repeats them."""
    case, reply = file.case, file.reply
    who = f"<@{case.assignee}>" if case.assignee else ""
    if reply is not None and reply.status is not ReplyStatus.SENT:
        line = _reply_state(reply, t, now)
        if line and case.status in {Status.ANSWERED, Status.CLAIMED}:
            return line
    match case.status:
        case Status.NEW:
            since = t.when(file.latest.received_at if file.replies else case.opened_at, now)
            return "🆕 " + t("*New* – waiting since {time}", time=since)
        case Status.CLAIMED:
            return "🙋 " + t("*Claimed* – with {agent} since {time}", agent=who, time=t.when(_claimed(file), now))
        case Status.ESCALATED:
            asked = file.open_question
            target = target_name(asked.target) if asked else ""
            return "❓ " + t("*Escalated* – {agent} waits for advice from {target}", agent=who, target=target)
        case Status.ANSWERED:
            return "✅ " + _answered(file, who, t, now)
        case Status.CLOSED:
            reason = literal(reason_words(case.close_reason or CloseReason.OTHER, t), 60)
            more = f" – {literal(case.close_text, 200)}" if case.close_text else ""
            closed = t("*Closed* by {agent} at {time}: {reason}", agent=f"<@{case.closed_by}>",
                       time=t.when(case.closed_at or now, now), reason=reason)  # fmt: skip
            return f"☑️ {closed}{more}"


def reason_words(reason: str, t: Texts) -> str:
    """Return a close reason in words: a standard one translated, a team's own as the team wrote it."""
    return t(REASONS[reason]) if reason in REASONS else reason


def target_name(target: str) -> str:
    """Return how Slack writes a colleague, a user group or a channel."""
    kind = target[:1]
    return f"<!subteam^{target}>" if kind == "S" else f"<#{target}>" if kind in "CG" else f"<@{target}>"


def _claimed(file: CaseFile) -> datetime:
    return file.case.claimed_at or file.case.opened_at


def _answered(file: CaseFile, who: str, t: Texts, now: datetime) -> str:
    reply = file.reply
    at = t.when((reply.sent_at if reply else None) or file.case.answered_at or now, now)
    words = t("*Answered* by {agent} at {time}", agent=who, time=at)
    if reply and reply.private:
        words += " · 🔒 " + t("private message")
    return f"{words} · {link(reply.url, t('view the answer'))}" if reply and reply.url else words


def _reply_state(reply: Reply, t: Texts, now: datetime) -> str:
    who, problem = f"<@{reply.by}>", literal(t.kept(reply.problem), 300)
    match reply.status:
        case ReplyStatus.APPROVED if problem:
            return "⏳ " + t("*Waiting to send* – the answer of {agent} is tried again at {time}: {problem}",
                            agent=who, time=t.seconds(reply.send_at), problem=problem)  # fmt: skip
        case ReplyStatus.APPROVED:
            return "⏳ " + t("*Sending soon* – the answer of {agent} goes out at {time}",
                            agent=who, time=t.seconds(reply.send_at))  # fmt: skip
        case ReplyStatus.SENDING if problem:
            return "⏳ " + t("*Sending* – no certainty yet about the answer of {agent}: {problem}",
                            agent=who, problem=problem)  # fmt: skip
        case ReplyStatus.SENDING:
            return "⏳ " + t("*Sending* – the answer of {agent} is on its way", agent=who)
        case ReplyStatus.UNCERTAIN:
            return "⚠️ " + t("*Perhaps sent* – {agent}, please look whether your answer is there", agent=who)
        case ReplyStatus.FAILED:
            return "⚠️ " + t("*Not sent* – {agent}, the answer was refused: {problem}", agent=who, problem=problem)
        case _:
            return ""


def _reply_blocks(file: CaseFile, t: Texts) -> list[Block]:
    reply = file.reply
    if reply is None or file.case.status not in {Status.ANSWERED, Status.CLAIMED}:
        return []
    if reply.status is ReplyStatus.SENT and file.case.status is Status.CLAIMED:
        return []
    return [context(t("Our answer:")), quote(reply.text, 600)]


def _short(file: CaseFile, t: Texts, now: datetime) -> list[Block]:
    return [
        context(author_line(file.author), source_line(file, file.latest, t, now)),
        context(excerpt(file, t)),
    ]


def _buttons(file: CaseFile, t: Texts) -> list[Block]:
    case, reply, value = file.case, file.reply, str(file.case.id)
    if reply is not None and reply.status is ReplyStatus.UNCERTAIN and case.status is Status.CLAIMED:
        return actions(*_settle_buttons(file, t))
    if case.status is Status.ANSWERED and reply is not None and reply.status is ReplyStatus.APPROVED:
        return actions(button(t("Undo"), "case:undo", value, style="danger"))
    if case.status is Status.ANSWERED and reply is not None and reply.status is ReplyStatus.SENDING:
        return []
    moves = moves_offered(case.status)
    row = _row(file, moves, t)
    if case.status is not Status.CLOSED:  # a card at rest is short; reopened it has its menu again
        row.append(_more(file, moves, t))
    return actions(*row)


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


def _more(file: CaseFile, moves: Collection[Move], t: Texts) -> Block:
    """Return the menu: the moves that come after the buttons', and what every case has; Slack takes five at most."""
    labels = {
        Move.CLOSE: t("Close…"),
        Move.ASSIGN: t("Assign…"),
        Move.RELEASE: t("Release"),
    }
    value = str(file.case.id)
    options = [option(label, f"{move}:{value}") for move, label in labels.items() if move in moves]
    options.append(option(t("Add a note…"), f"note:{value}"))
    options.append(option(t("Details"), f"details:{value}"))
    return overflow("case:more", options)
