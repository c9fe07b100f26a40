"""What is wrong with a case, by all that is known of it, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot import accounts
from bot.cli.doctor.facts import Facts
from bot.cli.terminal import command, starting
from bot.domain.case import FILLED_IN, OPEN, Status, WaitsFor, rests_for
from bot.domain.mention import ANSWERS
from bot.domain.sla import ClockKind
from bot.models import GOING, NOT_TAKEN, Message, MessageKind, ReplyStatus

SHOWN_WITHIN = timedelta(minutes=10)
"""A card that Slack does not show for longer than this after the case came in waits for something."""
SENT_WITHIN = timedelta(minutes=10)
"""A reply that was due longer ago and was not tried waits for something."""
MOVE = "Claim it in Slack and release it again: its clocks are set right at each move."
RUNS = "Look whether the bot runs (/health), and in its log."


@dataclass(frozen=True)
class Wrong:
    """Something wrong, and what to do."""

    what: str
    do: str


def wrong(facts: Facts) -> list[Wrong]:
    """Return all that is wrong with a case."""
    return [each for rule in RULES for each in rule(facts)]


def _team(facts: Facts) -> Iterator[Wrong]:
    if facts.settings is None:
        yield Wrong(
            "The settings of its team cannot be read, so nobody is reminded of anything.",
            "Run `webcare check`: it names the setting.",
        )
    elif not facts.opens:
        yield Wrong(
            "Its team never opens, and there are no reminders outside opening hours.",
            "Let a coordinator set the opening hours in the settings of the team.",
        )


def _columns(facts: Facts) -> Iterator[Wrong]:
    case = facts.file.case
    if case.status in OPEN - {Status.NEW} and case.assignee is None:
        yield Wrong(f"It is {case.status} but has no owner.", "Take it over in Slack, then release it.")
    if case.assignee is not None and case.claimed_at is None and case.status in OPEN:
        yield Wrong(
            "It has an owner but no moment since when, so it never counts as idle.",
            "Release it in Slack, and claim it again.",
        )
    for name, statuses in FILLED_IN.items():
        if case.status not in statuses and getattr(case, name):
            yield Wrong(f"It is {case.status} but still has a value for {name}.", "Move it once in Slack.")


def _clocks(facts: Facts) -> Iterator[Wrong]:
    file = facts.file
    wait, case = file.waits_for, file.case
    if wait is WaitsFor.NOBODY and file.clocks:
        yield Wrong("It waits for nobody but its clocks were not stopped.", "Reopen it in Slack and close it again.")
        return
    rest = rests_for(case.status, wait)
    timed = [clock for clock in file.clocks if clock.kind is not ClockKind.PROMISE]
    answerable = any(permit.act in ANSWERS for mention in file.mentions for permit in mention.permits())
    if wait in {WaitsFor.US, WaitsFor.ADVICE} and answerable and not timed:
        yield Wrong(f"It waits for {_WAITED_FOR[wait]} but has no clock.", MOVE)
    for clock in file.clocks:
        if clock.kind is not ClockKind.PROMISE and clock.rests_for is not rest:
            yield Wrong(f"Its clock {clock.id} ({clock.kind}) {_rests(clock.rests_for)}, which does not fit.", MOVE)
        elif clock.running_since is not None and clock.next_at is None and facts.opens:
            yield Wrong(f"Its clock {clock.id} ({clock.kind}) runs but reminds nobody.", MOVE)
        if clock.team_id != case.team_id:
            yield Wrong(f"Its clock {clock.id} ({clock.kind}) follows the hours of another team.", MOVE)


_WAITED_FOR = {
    WaitsFor.US: "us", WaitsFor.ADVICE: "advice", WaitsFor.CITIZEN: "the citizen", WaitsFor.MOMENT: "a moment",
}  # fmt: skip


def _rests(why: WaitsFor | None) -> str:
    return f"rests, waiting for {_WAITED_FOR[why]}" if why else "runs"


def _advice(facts: Facts) -> Iterator[Wrong]:
    file = facts.file
    if file.case.status is not Status.ESCALATED:
        return
    if file.open_question is None:
        yield Wrong("It waits for advice, but nobody was asked.", "Release it in Slack, or ask again.")
    asked = {message.subject_id for message in facts.messages if message.kind is MessageKind.ASK}
    for each in file.escalations:
        if each.advice is None and each.lapsed_at is None and each.id not in asked:
            yield Wrong(f"The question {each.id} was never put to {each.target}.", "Ask again in Slack.")


def _card(facts: Facts) -> Iterator[Wrong]:
    case = facts.file.case
    card = next((message for message in facts.messages if message.kind is MessageKind.CASE), None)
    if card is None:
        yield Wrong("It has no card.", "The daily comparison adds it; nobody sees the case until then.")
    elif card.ts is None and not _needs_no_card(facts, card) and facts.now - case.opened_at > SHOWN_WITHIN:
        yield Wrong("Its card was never shown in Slack.", _why_not(card))
    for message in facts.messages:
        refused = message.problem and message.problem not in NOT_TAKEN
        if refused and message.shown_version < message.version:
            yield Wrong(f"Slack refuses message {message.id} ({message.kind}): {message.problem}.", _why_not(message))


def _needs_no_card(facts: Facts, card: Message) -> bool:
    """Tell whether a case that has no card in Slack needs none: a roll-up shows it, or it ended with one."""
    return facts.rolled_up or (facts.file.waits_for is WaitsFor.NOBODY and card.shown_version >= card.version)


def _why_not(message: Message) -> str:
    if message.problem:
        return "Run `webcare check`: it says what Slack refuses or does not take. The message is tried again and again."
    return RUNS


def _replies(facts: Facts) -> Iterator[Wrong]:
    file, stopped = facts.file, facts.file.account.stopped_at is not None
    for reply in file.replies:
        if reply.status is ReplyStatus.UNCERTAIN:
            yield Wrong(
                f"Perhaps reply {reply.id} was published: the platform did not say.",
                f"Let {reply.by} look whether it is there, and say so on the card.",
            )
        elif reply.unsent:
            yield from _unsent(f"Reply {reply.id}", stopped, facts.now - file.goes_out_at(reply))
    for act in file.acts:
        if act.status in GOING:
            yield from _unsent(f"Act {act.id} ({act.kind})", stopped, facts.now - act.send_at)


def _unsent(what: str, stopped: bool, late: timedelta) -> Iterator[Wrong]:
    if stopped:
        yield Wrong(f"{what} cannot be sent: the account is stopped.", "Mend the account; it is tried by itself then.")
    elif late > SENT_WITHIN:
        yield Wrong(f"{what} was due {_minutes(late)} ago and was not tried.", RUNS)


def _account(facts: Facts) -> Iterator[Wrong]:
    account = facts.file.account
    if account.is_stopped_by_hand and facts.file.waits_for is WaitsFor.NOBODY:
        return  # people stopped or removed it, and the case had ended
    if account.was_removed:
        yield Wrong(
            "Its account was removed: nothing more of the citizen comes in, and no answer goes out.",
            "Close it in Slack.",
        )
    elif account.stopped_at is not None:
        yield Wrong("Its account is stopped: nothing more of the citizen comes in.", f"Run `{starting(account)}`.")
    elif account.problem is not None:
        yield Wrong(
            "Its account fails: what the citizen writes may not come in, and what we answer may not go out.",
            f"Run `{command('check', accounts.key(account))}`.",
        )


def _silence(facts: Facts) -> Iterator[Wrong]:
    file = facts.file
    sending = any(reply.unsent for reply in file.replies)
    if file.waits_for is not WaitsFor.NOBODY and not facts.coming and facts.opens and not sending:
        yield Wrong("It is open, and nobody will ever hear of it.", MOVE)
    for each in facts.overdue:
        due = f"{_minutes(facts.now - each.at)} ago or earlier"
        yield Wrong(f"Something was due {due} and was not done: {each.what}.", RUNS)


def _minutes(time: timedelta) -> str:
    return f"{int(time.total_seconds() // 60)} minutes"


RULES: tuple[Callable[[Facts], Iterator[Wrong]], ...] = (
    _team,
    _columns,
    _clocks,
    _advice,
    _card,
    _replies,
    _account,
    _silence,
)
