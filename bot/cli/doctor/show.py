"""Say all that is known of a case in plain English, for the person who runs the bot.

What citizens wrote, and their names, are shown only on request.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table

from bot import accounts
from bot.cli.accounts import state_of
from bot.cli.doctor.facts import Facts
from bot.cli.doctor.wrong import Wrong, wrong
from bot.cli.terminal import mark, plain, say
from bot.domain.case import LEADS_TO, Move, Status, WaitsFor, logged_as
from bot.domain.coming import Coming, Doing
from bot.domain.event import HAPPENED, WHY, Why, why_of
from bot.domain.sla import ClockKind, minutes
from bot.models import GOING, Case, CaseFile, Clock, Message
from bot.texts import Texts

Rows = Iterable[tuple[str, str]]

CLOCKS = {
    ClockKind.FIRST_REACTION: "first reaction",
    ClockKind.NEXT_REACTION: "next reaction",
    ClockKind.RESOLUTION: "resolution",
    ClockKind.PROMISE: "promise",
}


def show(facts: Facts, t: Texts, *, words: bool) -> bool:
    """Print all that is known of a case; tell whether nothing is wrong."""
    file = facts.file
    say(f"Case {file.case.number} of {file.team.name} (id {file.case.id})")
    found = wrong(facts)
    _section("", _head(facts, t))
    _wrong(found)
    _section("What happens next", _next(facts, t))
    _section("Clocks", _clocks(facts, t))
    _section("Posts", _mentions(facts, t, words=words))
    _section("Answers and acts", _sent(facts, t, words=words))
    _section("Questions to advisers", _questions(facts, t))
    _section("Drafts", _drafts(facts, t))
    _section("Messages in Slack", _messages(facts, t))
    _section("What happened", _events(facts, t))
    return not found


def _section(title: str, rows: Rows) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    lines = list(rows)
    if not lines:
        return
    for name, line in lines:
        table.add_row(f"  {plain(name)}", plain(line))
    if title:
        say("")
        say(title)
    Console(markup=False, highlight=False).print(table)


def _wrong(found: Sequence[Wrong]) -> None:
    say("")
    if not found:
        mark(True, "Nothing is wrong with it.")
    for each in found:
        mark(False, f"{each.what} {each.do}")


def _head(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    case, file = facts.file.case, facts.file
    owner = f"with {case.assignee}" if case.assignee else "nobody has it"
    if facts.owner_is_away:
        owner += ", who is away"
    since = f" since {t.when(case.claimed_at, facts.now)}" if case.assignee and case.claimed_at else ""
    urgent = "urgent, " if case.urgent else ""
    yield "Status", f"{urgent}{str(case.status).replace('_', ' ')}, {owner}{since}"
    yield "Came in", t.when(case.opened_at, facts.now)
    if case.topic:
        yield "Topic", case.topic
    if case.status is Status.CLOSED and case.closed_at:
        yield "Closed", f"{t.when(case.closed_at, facts.now)} by {case.closed_by}{_in_brackets(case.close_reason)}"
    yield "Waits for", _waits_for(facts, t)
    yield "Team", f"{file.team.name} in {file.team.channel}{_moves(facts)}"
    yield "Account", f"{accounts.key(file.account)}: {state_of(file.account, t)}"
    if (used := (file.account.budget or {}).get("percent")) is not None:
        yield "Its limit", f"{used} % used"


def _moves(facts: Facts) -> str:
    return f", handed over {facts.file.case.transfers} times" if facts.file.case.transfers else ""


def _waits_for(facts: Facts, t: Texts) -> str:
    file, case = facts.file, facts.file.case
    match file.waits_for:
        case WaitsFor.NOBODY:
            return "nobody: it has ended, and opens again when the citizen writes or a colleague reopens it"
        case WaitsFor.US if case.status is Status.NEW:
            return "us: somebody must claim it"
        case WaitsFor.US if case.status is Status.ANSWERED:
            held = any(reply.held for reply in file.replies)
            return f"us: {'its platform still has to approve our answer' if held else 'our answer is not sent yet'}"
        case WaitsFor.US:
            return f"us: {case.assignee} must {_do(file)}" if case.assignee else "us: somebody must take it over"
        case WaitsFor.ADVICE:
            targets = [each.target for each in file.escalations if each.advice is None and each.lapsed_at is None]
            return f"advice from {', '.join(targets) or 'nobody'}"
        case WaitsFor.CITIZEN:
            return (
                f"the citizen, who can read our question since {t.when(case.waits_since or case.opened_at, facts.now)}"
            )
        case WaitsFor.MOMENT:
            moments = [clock.due_at for clock in file.clocks if clock.kind is ClockKind.PROMISE and clock.due_at]
            if moments:
                return f"a moment: we promised the citizen an answer by {t.when(min(moments), facts.now)}"
            return "a moment: what happens then is said below"


def _do(file: CaseFile) -> str:
    if file.undecided:
        return "say on its card whether the last answer was published"
    return "answer it" if file.takes_answer else "close it, as it cannot be answered from here"


# --- What happens next ---------------------------------------------------------------------------


def _next(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    rows = [*_going_out(facts, t)]
    for each in facts.coming:
        rows.append(("now" if each.at <= facts.now else t.when(each.at, facts.now), doing(each, facts)))
    if rows:
        yield from rows
    else:
        ended = facts.file.waits_for is WaitsFor.NOBODY
        yield "–", "nothing, as it has ended" if ended else "nothing"


def _going_out(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    """Say when its answers and acts go out; no moment is known while nothing is sent for its account."""
    file, stopped = facts.file, facts.file.account.stopped_at is not None
    for reply in file.replies:
        if reply.unsent and stopped:
            end = file.taken_until(reply)
            until = f"; the platform takes it until {t.when(end, facts.now)}" if end else ""
            yield "–", f"answer {reply.id} is sent once its account is started again{until}"
        elif reply.unsent:
            yield t.seconds(file.goes_out_at(reply), facts.now), f"answer {reply.id} is sent, or tried again"
    for act in file.acts:
        if act.status in GOING and stopped:
            yield "–", f"act {act.id} ({act.kind}) is carried out once its account is started again"
        elif act.status in GOING:
            yield t.seconds(act.send_at, facts.now), f"act {act.id} ({act.kind}) is carried out, or tried again"


def doing(each: Coming, facts: Facts) -> str:
    """Return in words what the clock will do, and who hears of it."""
    to = ", ".join(each.to) or "nobody"
    clock = CLOCKS[each.clock] if each.clock else ""
    match each.what:
        case Doing.STEP if each.clock is ClockKind.PROMISE:
            return f"{to}: reminded of the promise ({each.percent} % of the time until then is used)"
        case Doing.STEP:
            return f"{to}: reminded that {each.percent} % of the time for the {clock} is used"
        case Doing.SNOOZED:
            return f"{to}: reminded again, as asked ({clock})"
        case Doing.LATE:
            return f"{to}: reminded that it is late ({clock}), once on each opening day"
        case Doing.IDLE:
            return f"{to}: reminded that nothing happened with it since it was claimed or last moved"
        case Move():
            return f"{_goes_back(each.what, each.why, facts.file.case)}; {to} hear of it"
        case Doing.ADVICE if each.percent == 100:
            return f"{to}: the time for advice is over; it goes back to {_owner(facts.file.case)}"
        case Doing.ADVICE:
            return f"{to}: asked for advice again"
        case Doing.UNANSWERED:
            return f"{to}: asked what to do, because the citizen did not answer"
        case Doing.CALL:
            return f"{to}: called to it, because it is urgent and nobody has it"
        case Doing.SECOND:
            return f"{to}: reminded that hiding a post waits for a second colleague"
        case Doing.REVIEW:
            return f"{to}: asked whether a post must stay hidden"
        case Doing.DIGEST_LISTS:
            return f"{to}: the digest lists it as late"
        case Doing.DIGEST_COUNTS:
            return f"{to}: the digest counts it among the cases that wait"


def _goes_back(move: Move, why: Why | None, case: Case) -> str:
    """Return in words to whom a case goes back by a move of the clock, and why."""
    to = "the queue" if LEADS_TO[move].get(case.status) is Status.NEW else _owner(case)
    return f"it goes back to {to}: {(WHY[why] if why else HAPPENED[logged_as(move)]).message}"


def _owner(case: Case) -> str:
    return case.assignee or "us, and nobody has it"


# --- What there is -------------------------------------------------------------------------------


def _clocks(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    for clock in facts.clocks:
        yield CLOCKS[clock.kind], "; ".join(_clock(clock, facts.now, t))


def _clock(clock: Clock, now: datetime, t: Texts) -> Iterator[str]:
    target = f" of {clock.target_seconds // 60} minutes" if clock.target_seconds is not None else ""
    if clock.stopped_at is not None:
        kept = "in time" if clock.kept else "too late"
        took = minutes(clock.elapsed_seconds or 0, clock.target_seconds)
        measured = f"{took}{target}, {kept}" if clock.counts else "does not count"
        yield f"stopped {t.when(clock.stopped_at, now)}: {measured}"
        return
    if clock.rests_for is not None:
        who = "the citizen" if clock.rests_for is WaitsFor.CITIZEN else "a moment"
        yield f"rests, because the case waits for {who}; {clock.used_seconds // 60} minutes{target} used"
        return
    yield f"runs since {t.when(clock.running_since or clock.started_at, now)}"
    if clock.used_seconds:
        yield f"{clock.used_seconds // 60} minutes{target} used before that"
    if clock.due_at is not None:
        yield f"{'was due' if clock.due_at <= now else 'due'} {t.when(clock.due_at, now)}"
    if clock.snoozed_until is not None:
        yield f"put off until {t.when(clock.snoozed_until, now)}"
    yield f"last reminder at {clock.told_percent} %" if clock.told_percent else "no reminder yet"


def _mentions(facts: Facts, t: Texts, *, words: bool) -> Iterator[tuple[str, str]]:
    file = facts.file
    if words:
        yield "author", f"{file.author.name} {file.author.handle or ''}".strip()
    for each in file.mentions:
        parts = [each.external_id, "private" if each.private else "public"]
        parts += [f"written {t.when(each.published_at, facts.now)}", f"received {t.when(each.received_at, facts.now)}"]
        parts += [f"edited {t.when(each.edited_at, facts.now)}"] if each.edited_at else []
        parts += [f"gone {t.when(each.gone_at, facts.now)}{_in_brackets(each.gone)}"] if each.gone_at else []
        parts += [f"words deleted {t.when(each.redacted_at, facts.now)}"] if each.redacted_at else []
        parts += [] if each.may_be_answered() else ["cannot be answered from here"]
        yield f"post {each.id}", ", ".join(parts)
        if words:
            yield "", f"{each.text} {each.url}".strip()


def _in_brackets(words: str | None) -> str:
    return f" ({words})" if words else ""


def _sent(facts: Facts, t: Texts, *, words: bool) -> Iterator[tuple[str, str]]:
    for reply in facts.file.replies:
        parts = [f"{reply.kind}, {'private' if reply.private else 'public'}, by {reply.by}", _state_of(reply.status)]
        parts += [f"sent {t.when(reply.sent_at, facts.now)}"] if reply.sent_at else []
        parts += ["its platform holds it until it is approved there"] if reply.held else []
        parts += (
            [f"{reply.arrived} {t.when(reply.arrived_at, facts.now)}"] if reply.arrived and reply.arrived_at else []
        )
        parts += [f"gone {t.when(reply.gone_at, facts.now)}{_in_brackets(reply.gone)}"] if reply.gone_at else []
        yield f"reply {reply.id}", _tried(parts, reply.tries, t.stored(reply.problem))
        if words:
            yield "", reply.text
    for act in facts.file.acts:
        parts = [f"{act.kind} post {act.mention_id}, by {act.by or 'the platform itself'}", _state_of(act.status)]
        parts += [f"done {t.when(act.done_at, facts.now)}"] if act.done_at else []
        yield f"act {act.id}", _tried(parts, act.tries, t.stored(act.problem))


def _tried(parts: list[str], tries: int, problem: str) -> str:
    more = [f"tried {tries} times"] if tries > 1 else []
    return "; ".join([*parts, *more, *([f"last problem: {problem}"] if problem else [])])


def _state_of(status: str) -> str:
    return {"approved": "waits to be sent", "asked": "waits for a second colleague"}.get(status, str(status))


def _questions(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    for each in facts.file.escalations:
        state = "waits for advice"
        if each.advised_at is not None:
            state = f"advice of {each.advised_by} {t.when(each.advised_at, facts.now)}"
        elif each.lapsed_at is not None:
            state = f"no advice came by {t.when(each.lapsed_at, facts.now)}"
        yield f"question {each.id}", f"from {each.by} to {each.target} {t.when(each.at, facts.now)}; {state}"


def _drafts(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    for draft in facts.drafts:
        writing = "is writing now" if draft.writing else "wrote a draft"
        yield draft.by, f"{writing}; last change {t.when(draft.active_at, facts.now)}"


def _messages(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    for message in facts.messages:
        yield f"{message.kind} {message.id}", "; ".join(_message(message, facts, t))
    for each in facts.reminders:
        told = f"last told {t.when(each.told_at, facts.now)}"
        yield f"reminder {each.id}", f"{each.kind} for {each.recipient}, in message {each.message_id}; {told}"


def _message(message: Message, facts: Facts, t: Texts) -> Iterator[str]:
    where = f"{message.channel}{' in the thread' if message.in_thread else ''}"
    yield f"{where}, {message.ts}" if message.ts else f"{where}, not posted yet"
    if message.shown_version >= message.version:
        yield f"level (version {message.version})"
    else:
        yield f"stale: shows version {message.shown_version} of {message.version}{_stale_since(facts, t)}"
    if message.problem:
        yield f"Slack's last answer: {message.problem}"
    if message.posting_since:
        yield f"perhaps posted since {t.when(message.posting_since, facts.now)}"
    if message.leased_until and message.leased_until > facts.now:
        yield f"being written until {t.when(message.leased_until, facts.now)} at the latest"
    if message.retry_at:
        yield f"tried again {t.when(message.retry_at, facts.now)}"
    if message.awaited_at:
        yield f"who clicked waits to see it since {t.when(message.awaited_at, facts.now)}"


def _stale_since(facts: Facts, t: Texts) -> str:
    """Return when the case last changed: what is not level is so since then, or since a change of words or names."""
    return f"; the case last changed {t.when(facts.events[-1].at, facts.now)}" if facts.events else ""


def _events(facts: Facts, t: Texts) -> Iterator[tuple[str, str]]:
    for event in facts.events:
        why = why_of(event.details)
        because = f", because {t(WHY[why])}" if why else ""
        yield t.when(event.at, facts.now), f"{t(HAPPENED[event.kind])}{because}{f' ({event.by})' if event.by else ''}"
