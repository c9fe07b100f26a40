"""The clocks of a case: started, paused, resumed and stopped as it moves; measured in the team's working time.

A clock keeps the target that was in force when it started: changing the norm never rewrites what was measured.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.hours import Hours, NeverOpen, between, is_open
from bot.domain.sla import REACTIONS, ClockKind, Recipient, Step, due_at, next_step, step_at
from bot.models import Case, Clock, Reply, ReplyKind, Team
from bot.team import teams
from bot.team.settings import TeamSettings

PROMISE_LADDER_PERCENT = 80


def new_row(
    team_id: int, kind: ClockKind, target: timedelta, hours: Hours, ladder: Sequence[Step], now: datetime
) -> dict[str, Any]:
    """Return the row of a clock that starts now, but for the case; one whose team never opens has no due moment."""
    try:
        due, first = due_at(hours, now, target), next_step(ladder, 0)
        next_at = step_at(hours, now, target, first) if first else None
    except NeverOpen:
        due, next_at = None, None
    return {
        "team_id": team_id,
        "kind": kind,
        "target_seconds": int(target.total_seconds()),
        "started_at": now,
        "running_since": now,
        "used_seconds": 0,
        "due_at": due,
        "next_at": next_at,
        "steps": 0,
        "counts": True,
    }


def opening_rows(team: Team, platform: str, now: datetime, *, private: bool) -> list[dict[str, Any]]:
    """Return the rows of the clocks of a new case but for the case: the first reaction and the resolution."""
    settings = TeamSettings.of(team.settings)
    targets = settings.policy().targets(platform=platform, private=private, urgent=False)
    hours, ladder = settings.hours(now), settings.steps()
    kinds = (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION)
    return [new_row(team.id, kind, targets.of(kind), hours, ladder, now) for kind in kinds]


async def start(
    session: AsyncSession, case: Case, platform: str, kinds: Iterable[ClockKind], now: datetime, *, private: bool
) -> None:
    """Start clocks of these kinds, unless one of the kind runs already."""
    settings = await teams.settings(session, case.team_id)
    targets = settings.policy().targets(platform=platform, private=private, urgent=case.urgent)
    hours, ladder = settings.hours(now), settings.steps()
    running = {clock.kind for clock in await open_clocks(session, case.id)}
    for kind in kinds:
        if kind not in running:
            session.add(Clock(case_id=case.id, **new_row(case.team_id, kind, targets.of(kind), hours, ladder, now)))


async def promise(session: AsyncSession, case: Case, until: datetime, now: datetime) -> None:
    """Time a promise to the citizen: it is due at its own moment, and reminded of before that.

    Four fifths of the working time until then may pass first; of all time, when the team is closed until then.
    """
    hours = await hours_of(session, case.team_id, now)
    work = between(hours, now, until)
    if work:
        reminder = step_at(hours, now, work, Step(PROMISE_LADDER_PERCENT, Recipient.OWNER))
    else:
        reminder = now + (until - now) * PROMISE_LADDER_PERCENT / 100
    session.add(
        Clock(
            case_id=case.id,
            team_id=case.team_id,
            kind=ClockKind.PROMISE,
            started_at=now,
            running_since=now,
            due_at=until,
            next_at=reminder,
        )
    )


async def open_clocks(session: AsyncSession, case_id: int) -> Sequence[Clock]:
    """Return the clocks of a case that have not been stopped, paused ones included."""
    found = await session.exec(select(Clock).where(Clock.case_id == case_id, col(Clock.stopped_at).is_(None)))
    return found.all()


async def reply_sent(session: AsyncSession, case: Case, reply: Reply, at: datetime) -> None:
    """A reply reached the citizen: each is a reaction, a final one resolves, a question waits for the citizen."""
    clocks = await open_clocks(session, case.id)
    hours = await hours_of(session, case.team_id, at)
    for clock in clocks:
        if clock.kind in REACTIONS or reply.kind is ReplyKind.FINAL:
            stop(clock, hours, at, counts=True)
        elif reply.kind is ReplyKind.QUESTION:
            pause(clock, hours, at)
        session.add(clock)
    if reply.kind is ReplyKind.INTERIM and reply.promised_at is not None:
        await promise(session, case, reply.promised_at, at)


async def closed(session: AsyncSession, case: Case, at: datetime, *, counts: bool) -> None:
    """A case was closed without an answer of ours: its clocks end, and count only if the citizen was served."""
    hours = await hours_of(session, case.team_id, at)
    for clock in await open_clocks(session, case.id):
        stop(clock, hours, at, counts=counts)
        session.add(clock)


async def citizen_wrote(session: AsyncSession, case: Case, platform: str, now: datetime, *, private: bool) -> None:
    """The citizen wrote again: what waited for them goes on, and the next reaction is timed."""
    settings = await teams.settings(session, case.team_id)
    hours, ladder = settings.hours(now), settings.steps()
    clocks = await open_clocks(session, case.id)
    for clock in clocks:
        if clock.running_since is None:
            resume(clock, hours, ladder, now)
            session.add(clock)
    kinds = {ClockKind.RESOLUTION}
    if not any(clock.kind in REACTIONS for clock in clocks):
        kinds.add(ClockKind.NEXT_REACTION)
    await start(session, case, platform, kinds, now, private=private)


async def open_teams(session: AsyncSession, now: datetime) -> list[tuple[Team, TeamSettings]]:
    """Return the teams that are open at this moment, with what they have set."""
    found = [(team, TeamSettings.of(team.settings)) for team in await teams.all_teams(session)]
    return [(team, settings) for team, settings in found if is_open(settings.hours(now), now)]


async def hours_of(session: AsyncSession, team_id: int, now: datetime) -> Hours:
    """Return a team's opening hours."""
    return (await teams.settings(session, team_id)).hours(now)


def elapsed(clock: Clock, hours: Hours, at: datetime) -> timedelta:
    """Return the working time a clock has used up to a moment."""
    used = timedelta(seconds=clock.used_seconds)
    return used + between(hours, clock.running_since, at) if clock.running_since else used


def stop(clock: Clock, hours: Hours, at: datetime, *, counts: bool) -> None:
    """End a clock and write down what it measured."""
    took = elapsed(clock, hours, at)
    clock.elapsed_seconds = int(took.total_seconds())
    clock.kept = at <= clock.due_at if clock.due_at is not None else True
    clock.counts, clock.stopped_at, clock.running_since, clock.next_at = counts, at, None, None


def pause(clock: Clock, hours: Hours, at: datetime) -> None:
    """Let a clock rest while the citizen is to speak."""
    if clock.running_since is None or clock.kind is ClockKind.PROMISE:
        return
    clock.used_seconds = int(elapsed(clock, hours, at).total_seconds())
    clock.running_since, clock.due_at, clock.next_at = None, None, None


def resume(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> None:
    """Let a paused clock go on with what is left of its target; steps taken are not taken again."""
    clock.running_since = now
    _aim(clock, hours, ladder)


def _aim(clock: Clock, hours: Hours, ladder: Sequence[Step]) -> None:
    """Say when a running clock is due, and its next step, by its target and what was used of it."""
    clock.due_at, clock.next_at = _at_percent(clock, hours, 100), when_next(clock, hours, ladder)


def when_next(clock: Clock, hours: Hours, ladder: Sequence[Step]) -> datetime | None:
    """Return when the clock's next step falls due, or None after the last."""
    step = next_step(ladder, clock.steps)
    return _at_percent(clock, hours, step.percent) if step else None


def _at_percent(clock: Clock, hours: Hours, percent: int) -> datetime | None:
    """Return when a running clock will have used so much of its target; None when its team never opens."""
    if clock.running_since is None or clock.target_seconds is None:
        return None
    whole = timedelta(seconds=clock.target_seconds) * percent / 100
    left = max(timedelta(), whole - timedelta(seconds=clock.used_seconds))
    try:
        return due_at(hours, clock.running_since, left)
    except NeverOpen:
        return None


async def snooze(session: AsyncSession, case: Case, minutes: int, now: datetime) -> None:
    """Put off the reminders of a case for so much working time; what is due stays due."""
    hours = await hours_of(session, case.team_id, now)
    for clock in await open_clocks(session, case.id):
        if clock.next_at is not None:
            clock.next_at = max(clock.next_at, due_at(hours, now, timedelta(minutes=minutes)))
            session.add(clock)


async def retarget(session: AsyncSession, case: Case, platform: str, now: datetime, *, private: bool) -> None:
    """Give a case's running clocks the targets of its new urgency, counted from when they started."""
    settings = await teams.settings(session, case.team_id)
    targets = settings.policy().targets(platform=platform, private=private, urgent=case.urgent)
    hours, ladder = settings.hours(now), settings.steps()
    for clock in await open_clocks(session, case.id):
        if clock.kind is ClockKind.PROMISE:
            continue
        clock.target_seconds = int(targets.of(clock.kind).total_seconds())
        if clock.running_since is not None:
            _aim(clock, hours, ladder)
        session.add(clock)
