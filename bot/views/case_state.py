"""The state of a case in words: its status, the state of its reply, why it was closed."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from bot.domain.case import CloseReason, Status, Urgency, WaitsFor
from bot.domain.mention import Arrived, Gone
from bot.domain.text import Text, text
from bot.models import Case, CaseFile, CaseLine, Reply, ReplyKind, ReplyStatus
from bot.texts import Texts
from bot.views.block import link, literal
from bot.views.marks import private_mark

REASONS: dict[str, Text] = {
    CloseReason.ANSWERED_ELSEWHERE: text("answered elsewhere"),
    CloseReason.NO_ANSWER_NEEDED: text("no answer needed"),
    CloseReason.NOT_FOR_US: text("not for us"),
    CloseReason.SPAM: text("spam"),
    CloseReason.OTHER: text("other"),
}

OFF_OUR_DESK: Mapping[Status, Text] = {
    Status.WITH_CITIZEN: text("waiting for the citizen"),
    Status.ANSWERED: text("answered"),
    Status.CLOSED: text("closed"),
}
"""The statuses in which a case does not wait for us, in a word or two; the search offers each of them."""

KINDS: dict[ReplyKind, Text] = {
    ReplyKind.FINAL: text("answer"),
    ReplyKind.INTERIM: text("interim message"),
    ReplyKind.QUESTION: text("question to the citizen"),
    ReplyKind.INVITATION: text("public words beside a private message"),
}


def case_name(case: Case, t: Texts) -> str:
    """Return what people call a case, by its number in its team; every surface writes it this way."""
    return number_name(case.number, t)


def number_name(number: int, t: Texts) -> str:
    """Return what people call the case with this number in its team."""
    return t("Case {number}", number=number)


def spoken_state(file: CaseFile, t: Texts, now: datetime, *, outside: bool = False) -> str:
    """Return whose case it is and its state: the sentence that a screen reader reads when the card changes.

    `outside` as for `state_line`.
    """
    case, agent = file.case, f"<@{file.case.assignee}>"
    who = {"number": case.number, "name": literal(file.author.called, 80)}
    if reply := _under_way(file):
        _symbol, _, state = _reply_state(file, reply, t, now, outside=outside).partition(" ")
        return t("Case {number} of {name}: {state}", state=state, **who)
    match case.status:
        case Status.NEW:
            return t("New case {number} of {name}", **who)
        case Status.CLAIMED:
            return t("Case {number} of {name} claimed by {agent}", agent=agent, **who)
        case Status.ESCALATED:
            asked = file.open_question
            target = target_name(asked.target) if asked else ""
            return t("Case {number} of {name} escalated by {agent}, who waits for advice from {target}",
                     agent=agent, target=target, **who)  # fmt: skip
        case Status.WITH_CITIZEN:
            return t("Case {number} of {name} waits for the citizen, asked by {agent}", agent=agent, **who)
        case Status.ANSWERED:
            return t("Case {number} of {name} answered by {agent}", agent=agent, **who)
        case Status.CLOSED:
            reason = literal(reason_words(case.close_reason or CloseReason.OTHER, t), 60)
            return t(
                "Case {number} of {name} closed by {agent}: {reason}",
                agent=f"<@{case.closed_by}>",
                reason=reason,
                **who,
            )


def state_line(file: CaseFile, t: Texts, now: datetime, *, outside: bool = False) -> str:
    """Return the state of the case in words; the symbol before them only repeats the words.

    `outside`: others than its team read it, so it has no words of the colleague who closed it, nor of a platform that
    did not take an answer: it may repeat that.
    """
    case, reply = file.case, file.reply
    who = f"<@{case.assignee}>" if case.assignee else ""
    if unsent := _under_way(file):
        return _reply_state(file, unsent, t, now, outside=outside)
    match case.status:
        case Status.NEW:
            since = t.when(file.latest.received_at if file.replies else case.opened_at, now)
            new = "🆕 " + t("*New* – waiting since {time}", time=since)
            return f"{new} · {t('before with {agent}', agent=f'<@{file.former}>')}" if file.former else new
        case Status.CLAIMED:
            return "🙋 " + t("*Claimed* – with {agent} since {time}", agent=who, time=t.when(_claimed(file), now))
        case Status.ESCALATED:
            asked = file.open_question
            target = target_name(asked.target) if asked else ""
            state = "❓ " + t("*Escalated* – {agent} waits for advice from {target}", agent=who, target=target)
            is_urgent = asked is not None and asked.urgency is Urgency.URGENT
            return f"🔴 *{t('Urgent question')}* · {state}" if is_urgent else state
        case Status.WITH_CITIZEN:
            return f"💬 {_asked(file, who, t, now)}"
        case Status.ANSWERED:
            return f"{_symbol(reply)} {_answered(file, who, t, now)}"
        case Status.CLOSED:
            reason = literal(reason_words(case.close_reason or CloseReason.OTHER, t), 60)
            more = f" – {literal(case.close_text, 200)}" if case.close_text and not outside else ""
            closed = t("*Closed* by {agent} at {time}: {reason}", agent=f"<@{case.closed_by}>",
                       time=t.when(case.closed_at or now, now), reason=reason)  # fmt: skip
            return f"☑️ {closed}{more}"


def list_state(line: CaseLine, t: Texts, now: datetime) -> list[str]:
    """Return the state of a case in a list, and since when; its marks say what it waits for."""
    case, at = line.case, t.when(line.case.opened_at, now)
    match case.status:
        case Status.NEW | Status.CLAIMED | Status.ESCALATED:
            return [t("waiting since {time}", time=at)]
        case Status.WITH_CITIZEN:
            return [t("since {time}", time=t.when(case.waits_since or case.opened_at, now))]
        case Status.ANSWERED if line.waits_for is WaitsFor.US:
            return [t("answered, but the citizen cannot read it yet"), t("came in {time}", time=at)]
        case Status.ANSWERED | Status.CLOSED:
            return [t(OFF_OUR_DESK[case.status]), t("came in {time}", time=at)]


def reply_line(file: CaseFile, t: Texts, now: datetime) -> str:
    """Return the state of the reply of a case that went on in the meantime or was closed; "" if `state_line` has it."""
    case, reply, doubted = file.case, file.reply, file.doubted
    if doubted is not None and doubted is not reply:
        return _reply_state(file, doubted, t, now)
    if reply is None or case.status is Status.ANSWERED:
        return ""
    if reply.status is not ReplyStatus.SENT:
        return "" if _under_way(file) else _reply_state(file, reply, t, now)
    if case.status is Status.WITH_CITIZEN:
        return ""
    went_out_later = reply.sent_at and case.closed_at and reply.sent_at >= case.closed_at
    if reply.held or reply.gone or went_out_later:
        return f"{_symbol(reply)} {_answered(file, f'<@{reply.by}>', t, now)}"
    return ""


def _symbol(reply: Reply | None) -> str:
    return "⏳" if reply is not None and reply.held else "✅"


def writing_lines(file: CaseFile, t: Texts, *, without: str = "") -> list[str]:
    """Return who else has an answer open, so that two people do not write the same."""
    return ["✍️ " + t("{agent} is writing an answer…", agent=f"<@{by}>") for by in file.writing if by != without]


def reason_words(reason: str, t: Texts) -> str:
    """Return a close reason in words: a standard one translated, a team's own as the team wrote it."""
    return t(REASONS[reason]) if reason in REASONS else reason


def target_name(target: str) -> str:
    """Return how Slack writes a colleague, a user group or a channel."""
    kind = target[:1]
    return f"<!subteam^{target}>" if kind == "S" else f"<#{target}>" if kind in "CG" else f"<@{target}>"


def _under_way(file: CaseFile) -> Reply | None:
    """Return the reply that decides the state of the case: one being sent, or refused.

    A claimed case is with the writer of such a reply, who has had it since they wrote it; else its owner is the state.
    """
    reply = file.reply
    if reply is None or reply.status in {ReplyStatus.SENT, ReplyStatus.WITHDRAWN}:
        return None
    stayed = reply.by == file.case.assignee and _claimed(file) <= reply.created_at
    decides = file.case.status is Status.ANSWERED or (file.case.status is Status.CLAIMED and stayed)
    return reply if decides else None


def _claimed(file: CaseFile) -> datetime:
    return file.case.claimed_at or file.case.opened_at


def held_words(who: str, t: Texts) -> str:
    """Say that the platform must approve an answer of this colleague before it shows it."""
    return t("*Not shown yet* – the platform shows the answer of {agent} once it approves it", agent=who)


def _answered(file: CaseFile, who: str, t: Texts, now: datetime) -> str:
    reply = file.reply
    if reply and reply.held:
        return held_words(who, t)
    at = t.when((reply.sent_at if reply else None) or file.case.answered_at or now, now)
    words = t("*Answered* by {agent} at {time}", agent=who, time=at)
    return words + _about(reply, t("view the answer"), t, now)


def _asked(file: CaseFile, who: str, t: Texts, now: datetime) -> str:
    reply = file.question
    at = t.when((reply.sent_at if reply else None) or file.case.waits_since or now, now)
    words = t("*Waits for the citizen* – {agent} asked a question at {time}", agent=who, time=at)
    return words + _about(reply, t("view the question"), t, now)


def _about(reply: Reply | None, view: str, t: Texts, now: datetime) -> str:
    """Return the facts about a published reply: who may read it, whether it arrived, if it is gone, its link."""
    words = f" · {_audience(reply, t)}" if reply and reply.private else ""
    if reply and (came := _arrived(reply, t, now)):
        words += f" · {came}"
    if reply and reply.gone:
        return f"{words} · 🗑 {_gone(reply, t, now)}"
    return f"{words} · {link(reply.url, view)}" if reply and reply.url else words


def _arrived(reply: Reply, t: Texts, now: datetime) -> str:
    """Return how far a reply got, as the platform says; "" where it says nothing."""
    time = t.when(reply.arrived_at or now, now)
    match reply.arrived:
        case Arrived.DELIVERED:
            return t("delivered {time}", time=time)
        case Arrived.READ:
            return t("read {time}", time=time)
        case Arrived.FAILED | None:
            return ""
    assert_never(reply.arrived)


def _gone(reply: Reply, t: Texts, now: datetime) -> str:
    time = t.when(reply.gone_at or now, now)
    match reply.gone:
        case Gone.HIDDEN:
            return t("the platform hid or removed our answer ({time})", time=time)
        case Gone.UNREACHABLE:
            return t("our answer can no longer be seen on the platform ({time})", time=time)
        case Gone.BY_AUTHOR | Gone.REMOVED | None:
            return t("our answer was removed ({time})", time=time)
    assert_never(reply.gone)


def _audience(reply: Reply, t: Texts) -> str:
    return private_mark(t) if reply.private else "🌐 " + t("public")


def _stopped(file: CaseFile, reply: Reply, t: Texts, now: datetime) -> str:
    who, problem = f"<@{reply.by}>", literal(t.stored(file.account.problem), 300)
    words = t("*Waiting to send* – the account is stopped; the answer of {agent} goes out once it is started again. "
              "{problem}", agent=who, problem=problem)  # fmt: skip
    return f"⏳ {words} {taken_until(file, reply, t, now)}".strip()


def taken_until(file: CaseFile, reply: Reply, t: Texts, now: datetime) -> str:
    """Say until when the platform takes an answer; empty if it sets no end."""
    end = file.taken_until(reply)
    return t("The platform takes this answer until {time}.", time=t.when(end, now)) if end else ""


def unread_lines(file: CaseFile, t: Texts, now: datetime) -> list[str]:
    """Return why the citizen cannot read what was answered, for each answer that lingers."""
    if not file.unread(now):
        return []
    lingering = [reply for reply in file.replies if reply.lingers(now)]
    return [
        f"⏳ {held_words(f'<@{each.by}>', t)}" if each.held else _reply_state(file, each, t, now) for each in lingering
    ]


def _reply_state(file: CaseFile, reply: Reply, t: Texts, now: datetime, *, outside: bool = False) -> str:
    if reply.unsent and file.account.stopped_at is not None:
        return _stopped(file, reply, t, now)
    who, problem = f"<@{reply.by}>", literal(t.stored(reply.problem), 300)
    if problem and outside:
        problem = t("why is on the card of the case.")
    match reply.status:
        case ReplyStatus.APPROVED if problem:
            return "⏳ " + t("*Waiting to send* – the answer of {agent} is tried again at {time}: {problem}",
                            agent=who, time=t.seconds(reply.send_at, now), problem=problem)  # fmt: skip
        case ReplyStatus.APPROVED:
            soon = t("*Sending soon* – the answer of {agent} goes out at {time}",
                     agent=who, time=t.seconds(file.goes_out_at(reply), now))  # fmt: skip
            return f"⏳ {soon} · {_audience(reply, t)} · {t(KINDS[reply.kind])}"
        case ReplyStatus.SENDING if problem:
            return "⏳ " + t("*Sending* – no certainty yet about the answer of {agent}: {problem}",
                            agent=who, problem=problem)  # fmt: skip
        case ReplyStatus.SENDING:
            return "⏳ " + t("*Sending* – the answer of {agent} is on its way", agent=who)
        case ReplyStatus.UNCERTAIN if sum(each.status is ReplyStatus.UNCERTAIN for each in file.replies) > 1:
            return "⚠️ " + t("*Perhaps sent* – {agent}, please look whether your answer of {time} is there",
                            agent=who, time=t.when(reply.created_at, now))  # fmt: skip
        case ReplyStatus.UNCERTAIN:
            return "⚠️ " + t("*Perhaps sent* – {agent}, please look whether your answer is there", agent=who)
        case ReplyStatus.FAILED if reply.sent_at is not None:
            lost = t("*Did not arrive* – {agent}, the citizen did not get your answer of {time}: {problem}",
                     agent=who, time=t.when(reply.sent_at, now), problem=problem)  # fmt: skip
            again = t("Answer again, or reach the citizen in another way.")
            if file.case.status is Status.CLOSED:
                again = t("Reopen the case to answer again, or reach the citizen in another way.")
            return f"⚠️ {lost} {again}"
        case ReplyStatus.FAILED:
            return "⚠️ " + t("*Not sent* – {agent}, the answer was refused: {problem}", agent=who, problem=problem)
        case ReplyStatus.SENT | ReplyStatus.WITHDRAWN:
            return ""
    assert_never(reply.status)
