"""The steps of a case's clocks: which are due, and who is reminded of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from bot.cases import clocks, reminders
from bot.domain.coming import Coming, Doing, heard_at
from bot.domain.hours import Hours
from bot.domain.reminder import STANDS
from bot.domain.sla import Recipient, Step
from bot.models import Case, CaseFile, Clock, Reminder, ReminderKind, Team
from bot.team.settings import TeamSettings

PUT_OFF_AT_MOST = 9
"""How often in a row the next moment of a clock may turn out to be later, before we stop asking for it."""


class Why(StrEnum):
    """Why there is a reminder of a clock: a step is due, a snooze is over, or it was late before the team opened."""

    STEP = "step"
    SNOOZED = "snoozed"
    LATE = "late"


@dataclass(frozen=True)
class Due:
    """A step to remind of, for the first time or again; `put_off`: somebody asked to be reminded at this moment."""

    clock: Clock
    case: Case
    step: Step
    why: Why
    put_off: bool


def take(clock: Clock, case: Case, settings: TeamSettings, hours: Hours, now: datetime) -> list[Due]:
    """Set the next moment of a due clock, and return its steps to remind of now.

    None if its next step was put off in the meantime.
    """
    ladder = clocks.ladder_of(clock, settings)
    why, steps = _due_steps(clock, hours, ladder, now)
    put_off, clock.snoozed_until = clock.snoozed_until is not None, None
    if steps:
        clock.told_percent, clock.told_at = max(clock.told_percent, steps[-1].percent), now
    clock.next_at = clocks.when_next(clock, hours, ladder)
    return [Due(clock, case, step, why, put_off) for step in steps]


def _due_steps(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> tuple[Why, list[Step]]:
    """Return the steps to remind of for a due clock, and why; none if its next step was put off in the meantime."""
    steps = clocks.due_steps(clock, hours, ladder, now)
    if steps:
        return Why.STEP, steps
    if clock.snoozed_until is not None:
        return Why.SNOOZED, [Step(clock.told_percent, Recipient.OWNER)]
    at = clocks.when_next(clock, hours, ladder)
    return Why.LATE, [Step(clock.told_percent, Recipient.CHANNEL)] if at is not None and at <= now else []


def again_once(due: Sequence[Due]) -> list[Due]:
    """Repeat the reminder of only one clock of a case: the one due first, or none if a step of the case is due now."""
    has_step = {one.case.id for one in due if one.why is Why.STEP}
    again: dict[int, Due] = {}
    for one in sorted(due, key=lambda one: one.clock.due_at or datetime.max.replace(tzinfo=UTC)):
        if one.why is not Why.STEP and one.case.id not in has_step:
            again.setdefault(one.case.id, one)
    return [one for one in due if one.why is Why.STEP] + list(again.values())


def recipients(due: Due, team: Team, settings: TeamSettings, away: Collection[str]) -> Sequence[str]:
    """Return who is reminded of a step; one for people who are `away`, or for nobody, goes to the team's channel."""
    coordinators = [each for each in settings.coordinators if each not in away]
    match due.step.to:
        case Recipient.OWNER if due.case.assignee and due.case.assignee not in away:
            return [due.case.assignee]
        case Recipient.COORDINATOR if coordinators:
            return coordinators
        case Recipient.CHANNEL if settings.escalation_channel and due.why is not Why.LATE:
            return [settings.escalation_channel]
        case _:
            return [team.channel]


def coming(file: CaseFile, settings: TeamSettings, away: Collection[str], now: datetime) -> list[Coming]:
    """Return the next reminder of each clock of a case, as `take` will find it, if its list will show it."""
    case, team = file.case, file.team
    hours = settings.hours(now)
    due: dict[datetime, list[Due]] = {}
    for clock in file.clocks:
        copy = Clock(**clock.model_dump())
        for _ in range(PUT_OFF_AT_MOST):
            at = heard_at(hours, copy.next_at, now)
            if copy.stopped_at is not None or at is None:
                break
            if steps := take(copy, case, settings, hours, at):
                due.setdefault(at, []).extend(steps)
                break
    found = []
    for at, theirs in due.items():
        for one in again_once(theirs):
            to_all, unread = recipients(one, team, settings, away), file.unread(at)
            shown = [to for to in to_all if _is_shown(one, to, at, unread=unread)]
            if shown:
                found.append(Coming(at, Doing(one.why), tuple(shown), one.step.percent, one.clock.kind))
    return found


def _is_shown(due: Due, recipient: str, at: datetime, *, unread: bool) -> bool:
    """Tell whether a reminder of this step stands in the list of its recipient."""
    reminder = Reminder(
        team_id=due.clock.team_id, recipient=recipient, case_id=due.case.id, kind=ReminderKind.CLOCK,
        subject_id=due.clock.id, percent=due.step.percent, for_owner=due.step.to is Recipient.OWNER, told_at=at,
    )  # fmt: skip
    return reminders.of_clock(reminder, due.case, due.clock, at, unread=unread) in STANDS
