"""Reminders: tell each due step of a clock's ladder once, in opening hours only; of several due at once, the last.

After the last step, what is late is listed once on each opening day, in one message per team; so nothing falls silent.

One transaction tells a step: it locks the clock's row, writes the message, and moves the clock to its next step. So
several processes never tell a step twice, and a crash loses no step.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import clocks
from bot.desk import Desk
from bot.domain.event import EventKind
from bot.domain.hours import Hours, is_open
from bot.domain.sla import Recipient, Step
from bot.logs import trace
from bot.models import Case, Clock, Event, Message, MessageKind, Reminded, ReminderLine, Team
from bot.slack import messages
from bot.staffing import presence
from bot.team import teams
from bot.team.settings import TeamSettings
from bot.views.clock import COUNTED_DOWN

log = structlog.get_logger()

AT_ONCE = 500
"""Clocks handled per team and tick; the rest waits for the next tick."""
LATELY = timedelta(hours=1)
"""How long the card of what has become late is still updated, so that it says so whatever the ladder."""
MAX_THREADS = 3
"""The most threads that one tick writes in; for more cases it writes one message in the channel."""


async def remind(desk: Desk) -> None:
    """Remind of every step that is due now; a closed team is reminded when it opens."""
    await _follow_settings(desk)
    async with desk.reading() as session:
        rows = await session.exec(
            select(Clock.team_id).where(col(Clock.stopped_at).is_(None), col(Clock.next_at) <= desk.now()).distinct()
        )
        team_ids = rows.all()
    for team_id in team_ids:
        try:
            async with desk.session() as session:
                await _remind_team(session, team_id, desk.now())
        except Exception as error:  # the other teams go on; the next tick tries again
            log.error("reminding failed", team=team_id, **trace(error))
    if team_ids:
        await messages.wake_lanes(desk)


async def count_down(desk: Desk) -> None:
    """Update the cards of what is due soon, which say how much time is left, and of what has just become late."""
    async with desk.session() as session:
        soon, lately = desk.now() + COUNTED_DOWN, desk.now() - LATELY
        rows = await session.exec(
            select(Clock.case_id)
            .where(col(Clock.team_id).in_(select(Team.id)))  # by team, as the index of running clocks is
            .where(col(Clock.stopped_at).is_(None), col(Clock.due_at).between(lately, soon))
            .distinct()
            .limit(AT_ONCE)
        )
        await cases.touch_all(session, rows.all())
    await messages.wake_lanes(desk)


async def _follow_settings(desk: Desk) -> None:
    """Set the running clocks anew of every team whose opening hours or ladder changed."""
    async with desk.reading() as session:
        found = await teams.all_teams(session)
    for team in found:
        try:
            if team.timed_by != TeamSettings.of(team.settings).timing():
                async with desk.session() as session:
                    await cases.retime(session, team.id, desk.now())
                await messages.wake_lanes(desk)
        except Exception as error:  # the other teams go on; the next tick tries again
            log.error("setting the clocks of a team anew failed", team=team.id, **trace(error))


class _Why(StrEnum):
    """Why a clock is told of: a step is due, a snooze is over, or it was late already when the team opened."""

    STEP = "step"
    SNOOZED = "snoozed"
    LATE = "late"


@dataclass(frozen=True)
class _Due:
    """A step that is being told, for the first time or again."""

    clock: Clock
    case: Case
    step: Step
    why: _Why


async def _remind_team(session: AsyncSession, team_id: int, now: datetime) -> None:
    team = await session.get_one(Team, team_id)
    settings = TeamSettings.of(team.settings)
    hours = settings.hours(now)
    if not is_open(hours, now):
        return
    rows = await session.exec(
        select(Clock, Case)
        .join(Case, col(Clock.case_id) == Case.id)
        .where(Clock.team_id == team_id, col(Clock.stopped_at).is_(None), col(Clock.next_at) <= now)
        .order_by(col(Clock.next_at), col(Clock.id))
        .limit(AT_ONCE)
        .with_for_update(of=Clock, skip_locked=True, key_share=True)
    )
    due = _again_once([one for clock, case in rows.all() for one in _take(session, clock, case, settings, hours, now)])
    climbing = [one for one in due if one.why is not _Why.LATE]
    for one in climbing:
        session.add(
            Event(
                case_id=one.case.id,
                kind=EventKind.REMINDED,
                at=now,
                details={"clock": one.clock.id, "percent": one.step.percent},
            )
        )
    await cases.touch_all(session, {one.case.id for one in climbing})
    await _write_messages(session, team, settings, climbing, now)
    await _write_list(session, team, settings, [one for one in due if one.why is _Why.LATE], now)


def _take(
    session: AsyncSession, clock: Clock, case: Case, settings: TeamSettings, hours: Hours, now: datetime
) -> list[_Due]:
    """Set a clock that is due to when it is told of next, and return what is told now; one that fails is left out."""
    try:
        ladder = clocks.ladder_of(clock, settings)
        why, steps = _to_tell(clock, hours, ladder, now)
        clock.snoozed_until = None
        if steps:
            clock.told_percent, clock.told_at = max(clock.told_percent, steps[-1].percent), now
        clock.next_at = clocks.when_next(clock, hours, ladder)
    except Exception as error:  # the other clocks go on; the next tick tries again
        log.error("reminding of a case failed", case=case.id, clock=clock.id, **trace(error))
        session.expunge(clock)
        return []
    session.add(clock)
    return [_Due(clock, case, step, why) for step in steps]


def _to_tell(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> tuple[_Why, list[Step]]:
    """Return what is told of a clock that is due, and why; nothing if its next step was put off meanwhile."""
    steps = clocks.due_steps(clock, hours, ladder, now)
    if steps:
        return _Why.STEP, steps
    if clock.snoozed_until is not None:
        return _Why.SNOOZED, [Step(clock.told_percent, Recipient.OWNER)]
    at = clocks.when_next(clock, hours, ladder)
    return _Why.LATE, [Step(clock.told_percent, Recipient.CHANNEL)] if at is not None and at <= now else []


def _again_once(due: Sequence[_Due]) -> list[_Due]:
    """Leave only one clock of a case that is told again: what is due first, or none if a step of it is told now."""
    told = {one.case.id for one in due if one.why is _Why.STEP}
    again: dict[int, _Due] = {}
    for one in sorted(due, key=lambda one: one.clock.due_at or datetime.max.replace(tzinfo=UTC)):
        if one.why is not _Why.STEP and one.case.id not in told:
            again.setdefault(one.case.id, one)
    return [one for one in due if one.why is _Why.STEP] + list(again.values())


async def _write_list(
    session: AsyncSession, team: Team, settings: TeamSettings, late: Sequence[_Due], now: datetime
) -> None:
    """List what was late already when the team opened, in one message, for those on duty and the coordinators.

    A team that opens twice on one day gets two: a message that is edited notifies nobody.
    """
    if not late:
        return
    day = f"late:{team.id}:{now.astimezone(ZoneInfo(settings.time_zone)).date()}:"
    today = select(Message).where(col(Message.key).startswith(day, autoescape=True)).order_by(col(Message.id).desc())
    found = await session.exec(today.limit(1).with_for_update(key_share=True))
    message, lines = found.first(), [ReminderLine(one.case.id, one.clock.id, one.step.percent) for one in late]
    if message is not None and _lists_any(message, lines):
        message, day = None, f"{day}{now.timestamp()}:"
    if message is None:
        duty = await presence.on_duty(session, team.id, settings, now)
        called = dict.fromkeys([*duty, *await presence.present_of(session, settings.coordinators)])
        details = Reminded(lines, list(called))
        message = Message(
            key=day + team.channel, kind=MessageKind.REMINDER, channel=team.channel, details=details.to_json()
        )
    else:
        before = Reminded.of(message.details)
        message.details, message.version = replace(before, steps=before.steps + lines).to_json(), message.version + 1
    session.add(message)
    await session.flush()


def _lists_any(message: Message, lines: Sequence[ReminderLine]) -> bool:
    """Tell whether a list has one of these clocks already: each is listed once per opening."""
    listed = {line.clock for line in Reminded.of(message.details).steps}
    return any(line.clock in listed for line in lines)


async def _write_messages(
    session: AsyncSession, team: Team, settings: TeamSettings, due: Sequence[_Due], now: datetime
) -> None:
    """Write one message per recipient, about all their clocks; it mentions those on duty for a case without owner."""
    owners = {one.case.assignee for one in due if one.case.assignee}
    away = owners.difference(await presence.present_of(session, sorted(owners)))
    duty = await presence.on_duty(session, team.id, settings, now)
    per_channel: dict[str, list[_Due]] = defaultdict(list)
    threads: list[_Due] = []
    for one in due:
        channels = _channels(one, team, settings, away)
        if channels:
            for channel in channels:
                per_channel[channel].append(one)
        else:
            threads.append(one)
    if len(threads) > MAX_THREADS:
        per_channel[team.channel] += threads
        threads = []
    for one in threads:
        session.add(_message(team.channel, [one], duty, now, case_id=one.case.id))
    for channel, several in per_channel.items():
        only = several[0].case.id if len(several) == 1 else None
        session.add(_message(channel, several, duty, now, case_id=only))
    await session.flush()


def _channels(due: _Due, team: Team, settings: TeamSettings, away: Collection[str]) -> list[str]:
    """Return the channels for a step; an empty list means the thread of the case's card."""
    match due.step.to:
        case Recipient.OWNER:
            return [due.case.assignee] if due.case.assignee and due.case.assignee not in away else []
        case Recipient.COORDINATOR:
            return settings.coordinators
        case Recipient.CHANNEL:
            return [settings.escalation_channel or team.channel]
        case Recipient.THREAD:
            return []


def _message(channel: str, due: Sequence[_Due], duty: Sequence[str], now: datetime, *, case_id: int | None) -> Message:
    first = due[0]
    for_duty = any(one.case.assignee is None or one.step.to is Recipient.OWNER for one in due)
    called = list(duty) if for_duty and not channel.startswith(("U", "W")) else []
    in_thread = case_id is not None and not channel.startswith(("U", "W")) and first.step.to is not Recipient.CHANNEL
    lines = [ReminderLine(one.case.id, one.clock.id, one.step.percent, one.step.text) for one in due]
    return Message(
        key=f"reminder:{first.clock.id}:{first.step.percent}:{first.step.to}:{now.timestamp()}:{channel}",
        kind=MessageKind.REMINDER,
        case_id=case_id if in_thread else None,
        channel=channel,
        in_thread=in_thread,
        details=Reminded(lines, called).to_json(),
    )
