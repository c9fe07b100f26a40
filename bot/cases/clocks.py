"""The clocks of a case: they follow what the case waits for, and measure the team's working time.

A clock keeps the target it started with: a later change of the norm never changes what was measured.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain import case as rules
from bot.domain.case import OPEN, CloseReason, Status, WaitsFor, rests_for
from bot.domain.event import EventKind
from bot.domain.hours import BREAK, Hours, NeverOpen, add, between, is_open, next_opening, opens_again
from bot.domain.mention import ANSWERS
from bot.domain.sla import (
    PROMISE_CLIMBS_AFTER,
    PROMISE_LADDER,
    REACTIONS,
    ClockKind,
    Step,
    Targets,
    due_at,
    is_late,
    is_used_up,
    step_at,
    untold,
)
from bot.domain.text import Refused
from bot.models import HELD, REACHED, UNSENT, Account, Case, Clock, Event, Mention, Reply, ReplyKind, ReplyStatus, Team
from bot.team import teams
from bot.team.settings import TeamSettings

WROTE = (EventKind.JOINED, EventKind.REOPENED_BY_CITIZEN)
"""The events by which the citizen wrote after their first post."""
# Built once, for each move and each card: to build it takes longer than to run it.
_OPEN = db.short(
    select(Clock).where(Clock.case_id == bindparam("case"), col(Clock.stopped_at).is_(None)).order_by(col(Clock.id))
)

# --- Following the case --------------------------------------------------------------------------


async def follow(session: AsyncSession, case: Case, now: datetime) -> None:
    """Bring the clocks of a case level with what it waits for; called after every move.

    While the case waits for us they run, and the resolution is timed. While it waits for the citizen or a moment they
    rest. When it waits for nobody they stop. A promise keeps its own moment until then.
    """
    clocks = await open_clocks(session, case.id)
    wait = await waits_for(session, case, clocks)
    rest = rests_for(case.status, wait)
    changed = [clock for clock in clocks if wait is WaitsFor.NOBODY or clock.rests_for is not rest]
    if changed:
        settings = await teams.settings(session, case.team_id)
        hours, ladder = settings.hours(now), settings.steps()
        served = case.status is not Status.CLOSED or case.close_reason == CloseReason.ANSWERED_ELSEWHERE
        for clock in changed:
            if wait is WaitsFor.NOBODY:
                stop(clock, hours, now, counts=served)
            elif rest is not None:
                pause(clock, hours, now, rest)
            else:
                resume(clock, hours, ladder, now)
        session.add_all(changed)
        await session.flush()
    if case.status in OPEN and not any(clock.kind is ClockKind.RESOLUTION for clock in clocks):
        await _start(session, case, [ClockKind.RESOLUTION], now)


async def waits_for(session: AsyncSession, case: Case, clocks: Sequence[Clock]) -> WaitsFor:
    """Return what a case waits for, by its status, its replies and these open clocks."""
    promised = any(clock.kind is ClockKind.PROMISE for clock in clocks)
    if case.status is not Status.ANSWERED:
        return rules.waits_for(case.status, promised=promised)
    under_way = select(Reply.id).where(Reply.case_id == case.id, UNSENT | HELD).limit(1)
    unsent = (await session.exec(under_way)).first()
    return rules.waits_for(case.status, unsent=unsent is not None, promised=promised)


async def restart(session: AsyncSession, case: Case, stopped_at: datetime, *which: Any) -> None:
    """Restart the clocks of a case that stopped at that moment, or `which` of them, as if they never had.

    They are those of the team that has the case now.
    """
    settings = await teams.settings(session, case.team_id)
    hours = settings.hours(stopped_at)
    stopped = select(Clock).where(Clock.case_id == case.id, Clock.stopped_at == stopped_at, *which)
    for clock in await session.exec(stopped):
        clock.used_seconds, clock.running_since = clock.elapsed_seconds or 0, stopped_at
        clock.stopped_at, clock.elapsed_seconds, clock.kept, clock.counts = None, None, None, True
        clock.team_id = case.team_id
        aim(clock, hours, ladder_of(clock, settings))
        session.add(clock)
    await session.flush()


async def reply_sent(session: AsyncSession, case: Case, reply: Reply, at: datetime) -> None:
    """A reply reached the citizen: it is a reaction to what they wrote before it was approved; a final one resolves it.

    An interim message keeps an earlier promise too, and makes a new one. What they wrote after that gets clocks of its
    own, which count from when it came in. Clocks that a colleague stopped by closing the case while the reply was being
    sent measure until now, and count after all.
    """
    hours = await hours_of(session, case.team_id, at)
    given_up = await session.exec(
        select(Clock).where(
            Clock.case_id == case.id, col(Clock.counts).is_(False), col(Clock.stopped_at) >= reply.created_at
        )
    )
    for clock in [*await open_clocks(session, case.id), *given_up]:
        if _answers(reply, clock) and clock.started_at <= reply.created_at:
            if clock.stopped_at is not None:  # closing the case stopped it: it was late in no period before this one
                clock.due_at = None
            stop(clock, hours, at, counts=True)
            session.add(clock)
    if reply.kind is ReplyKind.INTERIM and reply.promised_at is not None:
        await promise(session, case, reply.promised_at, at)
    await session.flush()
    wait = await waits_for(session, case, await open_clocks(session, case.id))
    if wait not in {WaitsFor.NOBODY, WaitsFor.CITIZEN}:
        later = await asked_since_replies(session, case.id)
        if later is not None:
            await _start(session, case, [ClockKind.NEXT_REACTION, ClockKind.RESOLUTION], later)
    await follow(session, case, at)


def _answers(reply: Reply, clock: Clock) -> bool:
    """Tell whether a reply of this kind ends what a clock times, if it began before the reply was approved."""
    match clock.kind:
        case ClockKind.RESOLUTION:
            return reply.kind is ReplyKind.FINAL
        case ClockKind.PROMISE:
            return reply.kind in {ReplyKind.FINAL, ReplyKind.INTERIM}
        case _:
            return True


async def reply_lost(session: AsyncSession, case: Case, reply: Reply, now: datetime) -> None:
    """A reply did not arrive after all: time a reaction again, and drop what only that reply promised.

    A promise that the reply had kept goes on. A later reply that reached the citizen is the reaction; so is one that
    still may, once it does, so that the reaction is timed from when that was approved.
    """
    hours = await hours_of(session, case.team_id, now)
    for clock in await open_clocks(session, case.id):
        if clock.kind is ClockKind.PROMISE and reply.kind is ReplyKind.INTERIM and clock.due_at == reply.promised_at:
            stop(clock, hours, clock.started_at, counts=False)  # as it never was: no later answer keeps it
            session.add(clock)
    await session.flush()
    later = await later_replies(session, reply)
    waits = await waits_for(session, case, await open_clocks(session, case.id))
    if waits not in {WaitsFor.NOBODY, WaitsFor.CITIZEN} and not any(each.reached for each in later):
        if reply.sent_at is not None:  # when it seemed to reach the citizen
            kept = (Clock.kind == ClockKind.PROMISE, col(Clock.counts), col(Clock.due_at).is_not(None))
            await restart(session, case, reply.sent_at, *kept)
        since = min((each.created_at for each in later if each.status is not ReplyStatus.FAILED), default=now)
        await _start(session, case, [ClockKind.NEXT_REACTION, ClockKind.RESOLUTION], since)
    await follow(session, case, now)


async def later_replies(session: AsyncSession, reply: Reply) -> Sequence[Reply]:
    """Return the replies of a case after this one that were not taken back; an invitation is none."""
    of_case = select(Reply).where(Reply.case_id == reply.case_id, Reply.kind != ReplyKind.INVITATION)
    later = of_case.where(col(Reply.id) > reply.id, Reply.status != ReplyStatus.WITHDRAWN)
    return (await session.exec(later.order_by(col(Reply.id)))).all()


async def asked_since_replies(session: AsyncSession, case_id: int) -> datetime | None:
    """Return when the citizen first wrote more than thanks after we approved the last reply that reached them.

    An edit that reopened the case counts too.
    """
    answered_until = (select(func.max(Reply.created_at)).where(Reply.case_id == case_id, REACHED)).scalar_subquery()
    joined = await session.exec(
        select(Event.at, Event.details)
        .where(Event.case_id == case_id, col(Event.kind).in_(WROTE), col(Event.at) > answered_until)
        .order_by(col(Event.id))
    )
    return next((at for at, details in joined if not details.get("thanks")), None)


async def citizen_wrote(session: AsyncSession, case: Case, now: datetime) -> None:
    """The citizen wrote again: the next reaction is timed, unless they still wait for an earlier one."""
    clocks = await open_clocks(session, case.id)
    if not any(clock.kind in REACTIONS for clock in clocks):
        await _start(session, case, [ClockKind.NEXT_REACTION], now)
    await follow(session, case, now)


async def became_answerable(session: AsyncSession, case: Case, now: datetime, *, thanks: bool) -> None:
    """A post that could not be answered from here now can be: an open case is timed from now, as if it had just come.

    Mere `thanks` beside other posts ask for no reaction.
    """
    if case.status not in OPEN:
        return
    timed = await session.exec(select(Clock.id).where(Clock.case_id == case.id).limit(1))
    if timed.first() is None:
        await _start(session, case, [ClockKind.FIRST_REACTION, ClockKind.RESOLUTION], now)
    elif not thanks:
        await citizen_wrote(session, case, now)


async def _start(session: AsyncSession, case: Case, kinds: Iterable[ClockKind], since: datetime) -> None:
    """Start clocks of these kinds, unless one is open; none for a case that cannot be answered from here."""
    terms = await _targets(session, case)
    if terms is None:
        return
    settings = await teams.settings(session, case.team_id)
    hours, ladder = settings.hours(since), settings.steps()
    there = {clock.kind for clock in await open_clocks(session, case.id)}
    for kind in kinds:
        if kind not in there:
            session.add(Clock(case_id=case.id, **new_row(case.team_id, kind, terms.of(kind), hours, ladder, since)))
    await session.flush()


async def _targets(session: AsyncSession, case: Case) -> Targets | None:
    """Return the targets of a case, by the newest mention that could ever be answered; None when there is none."""
    account = await session.get_one(Account, case.account_id)
    mentions = await session.exec(
        select(Mention)
        .where(Mention.case_id == case.id)
        .order_by(col(Mention.published_at).desc(), col(Mention.id).desc())
    )
    answerable = (m for m in mentions if any(permit.act in ANSWERS for permit in m.permits()))
    newest = next(answerable, None)
    if newest is None:
        return None
    policy = (await teams.settings(session, case.team_id)).policy()
    return policy.targets(platform=account.platform, private=newest.private, urgent=case.urgent)


async def time_for_advice(session: AsyncSession, case: Case, now: datetime) -> timedelta:
    """Return the working time in which we want advice: what is left to resolve the case, at least the time to react."""
    settings, terms = await teams.settings(session, case.team_id), await _targets(session, case)
    least = (terms or settings.policy().base).next_reaction
    left = [
        timedelta(seconds=clock.target_seconds) - elapsed(clock, settings.hours(now), now)
        for clock in await open_clocks(session, case.id)
        if clock.kind is ClockKind.RESOLUTION and clock.target_seconds is not None
    ]
    return max([least, *left])


async def retarget(session: AsyncSession, case: Case, now: datetime) -> None:
    """Give the open clocks of a case the targets of its new urgency, counted from when they started.

    A step that was notified by the old target but is not due by the new one is notified again when it is due. It ends
    a snooze, that of a promise too.
    """
    await end_snooze(session, case, now)
    targets = await _targets(session, case)
    if targets is None:
        return
    settings = await teams.settings(session, case.team_id)
    for clock in await open_clocks(session, case.id):
        if clock.kind is not ClockKind.PROMISE:
            _aim_again(clock, targets, settings, now)
            session.add(clock)


def _aim_again(clock: Clock, targets: Targets | None, settings: TeamSettings, now: datetime) -> None:
    """Give an open clock its target of these, if any; steps not yet due by that are notified again when they are."""
    hours, ladder = settings.hours(now), settings.steps()
    if targets is not None:
        clock.target_seconds = int(targets.of(clock.kind).total_seconds())
    clock.snoozed_until = None
    _tell_again(clock, hours, now)
    if clock.running_since is not None:
        aim(clock, hours, ladder)


def _tell_again(clock: Clock, hours: Hours, now: datetime) -> None:
    """Let the steps that were notified, but are not due by the target and the hours as they are now, be due again."""
    if clock.target_seconds:
        used = 100 * elapsed(clock, hours, now) / timedelta(seconds=clock.target_seconds)
        clock.told_percent = min(clock.told_percent, int(used))


def aim_by_hours(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> None:
    """Set when a running clock is due and its next step, by opening hours or a ladder that changed.

    A step that was notified by the former hours but is not due by these is notified again when it is.
    """
    _tell_again(clock, hours, now)
    aim(clock, hours, ladder)


async def hand_over(session: AsyncSession, case: Case, team_id: int, now: datetime) -> None:
    """Give the case to another team: its clocks go on by that team's hours, norm and ladder, and keep the time used.

    A promise keeps its own moment.
    """
    hours = await hours_of(session, case.team_id, now)
    case.team_id = team_id
    session.add(case)
    await session.flush()
    targets, settings = await _targets(session, case), await teams.settings(session, team_id)
    for clock in await open_clocks(session, case.id):
        clock.team_id = team_id
        if clock.kind is ClockKind.PROMISE:
            clock.snoozed_until = None
            clock.next_at = when_next(clock, settings.hours(now), PROMISE_LADDER)
        else:
            if clock.running_since is not None:
                clock.used_seconds, clock.running_since = int(elapsed(clock, hours, now).total_seconds()), now
            _aim_again(clock, targets, settings, now)
        session.add(clock)
    await session.flush()


async def snooze(session: AsyncSession, case: Case, minutes: int, now: datetime) -> datetime:
    """Put off the reminders of a case for `minutes` of working time, and return until when; one follows then.

    It takes the place of an earlier one. What would end as the team closes ends when it opens again. Due times do not
    change. Raises Refused when no reminder would follow.
    """
    await end_snooze(session, case, now)
    clocks = [clock for clock in await open_clocks(session, case.id) if clock.due_at is not None]
    try:
        hours = await hours_of(session, case.team_id, now)
        until = next_opening(hours, due_at(hours, now, timedelta(minutes=minutes)))
    except NeverOpen:
        raise Refused(
            "The team has no opening hours, and there are no reminders outside them. A coordinator can set them."
        ) from None
    if not clocks:
        raise Refused("Nothing of this case is timed, so there is no reminder to put off.")
    first = min(clocks, key=lambda clock: clock.due_at or until)
    for clock in clocks:
        if clock is first or clock.next_at is None or clock.next_at < until:
            clock.snoozed_until = clock.next_at = until
            session.add(clock)
    return until


async def end_snooze(session: AsyncSession, case: Case, now: datetime) -> None:
    """Let the reminders of a case come again when they are due."""
    settings = await teams.settings(session, case.team_id)
    for clock in await open_clocks(session, case.id):
        if clock.snoozed_until is not None:
            clock.snoozed_until = None
            clock.next_at = when_next(clock, settings.hours(now), ladder_of(clock, settings))
            session.add(clock)
    await session.flush()


# --- New clocks ----------------------------------------------------------------------------------


def opening_rows(team: Team, platform: str, now: datetime, *, private: bool) -> list[dict[str, Any]]:
    """Return the rows of the clocks of a new case, without the case: the first reaction and the resolution."""
    settings = TeamSettings.of(team.settings)
    targets = settings.policy().targets(platform=platform, private=private, urgent=False)
    hours, ladder = settings.hours(now), settings.steps()
    kinds = (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION)
    return [new_row(team.id, kind, targets.of(kind), hours, ladder, now) for kind in kinds]


def new_row(
    team_id: int, kind: ClockKind, target: timedelta, hours: Hours, ladder: Sequence[Step], since: datetime
) -> dict[str, Any]:
    """Return the row of a clock that runs since `since`, without the case; it is never due if the team never opens."""
    try:
        due, steps = due_at(hours, since, target), untold(ladder, 0)
        next_at = step_at(hours, since, target, steps[0].percent) if steps else opens_again(hours, due)
    except NeverOpen:
        due, next_at = None, None
    return {
        "team_id": team_id,
        "kind": kind,
        "target_seconds": int(target.total_seconds()),
        "started_at": since,
        "running_since": since,
        "used_seconds": 0,
        "due_at": due,
        "next_at": next_at,
        "told_percent": 0,
        "counts": True,
    }


async def promise(session: AsyncSession, case: Case, until: datetime, now: datetime) -> None:
    """Time a promise to the citizen: it is due at its own moment, and its owner is reminded before that.

    The reminder comes after four fifths of the working time until then; of clock time if the team is closed all along.
    """
    clock = Clock(
        case_id=case.id,
        team_id=case.team_id,
        kind=ClockKind.PROMISE,
        started_at=now,
        running_since=now,
        due_at=until,
    )
    clock.next_at = when_next(clock, await hours_of(session, case.team_id, now), PROMISE_LADDER)
    session.add(clock)


# --- Reading -------------------------------------------------------------------------------------


async def open_clocks(session: AsyncSession, case_id: int) -> Sequence[Clock]:
    """Return the clocks of a case that have not been stopped, resting ones included."""
    return (await session.exec(_OPEN, params={"case": case_id})).all()


async def open_teams(session: AsyncSession, now: datetime) -> list[tuple[Team, TeamSettings]]:
    """Return the teams that are open now, with their settings; one whose settings fail does not hold up the others."""
    opened = []
    for team in await teams.all_teams(session):
        settings = TeamSettings.if_readable(team)
        if settings is not None and is_open(settings.hours(now), now):
            opened.append((team, settings))
    return opened


async def hours_of(session: AsyncSession, team_id: int, now: datetime) -> Hours:
    """Return a team's opening hours."""
    return (await teams.settings(session, team_id)).hours(now)


async def next_day(session: AsyncSession, case: Case, now: datetime) -> datetime:
    """Return when the team of a case opens again, as `opens_next`."""
    return opens_next(await hours_of(session, case.team_id, now), now)


def opens_next(hours: Hours, now: datetime) -> datetime:
    """Return when a team opens again after it was closed, or a day from now if it never does.

    Shortly before it opens that is this opening: it closed long ago.
    """
    try:
        return _opens_after(hours, now)
    except NeverOpen:
        return now + timedelta(days=1)


def _opens_after(hours: Hours, at: datetime) -> datetime:
    return opens_again(hours, at if is_open(hours, at) else at - BREAK)


# --- One clock -----------------------------------------------------------------------------------


def elapsed(clock: Clock, hours: Hours, at: datetime) -> timedelta:
    """Return the working time a clock has used up to a moment; for a stopped clock, as if it had gone on."""
    if clock.stopped_at is not None:
        return timedelta(seconds=clock.elapsed_seconds or 0) + between(hours, clock.stopped_at, at)
    used = timedelta(seconds=clock.used_seconds)
    return used + between(hours, clock.running_since, at) if clock.running_since else used


def stop(clock: Clock, hours: Hours, at: datetime, *, counts: bool) -> None:
    """Stop a clock and store what it measured."""
    took = elapsed(clock, hours, at)
    clock.elapsed_seconds = int(took.total_seconds())
    if clock.target_seconds is not None:
        clock.kept = not is_used_up(timedelta(seconds=clock.target_seconds), took)
    else:
        clock.kept = clock.due_at is None or not is_late(clock.due_at, at)
    clock.counts, clock.stopped_at, clock.running_since, clock.next_at = counts, at, None, None
    clock.rests_for = None


def pause(clock: Clock, hours: Hours, at: datetime, why: WaitsFor) -> None:
    """Pause a clock; a promise goes on."""
    if clock.kind is ClockKind.PROMISE:
        return
    if clock.running_since is not None:
        clock.used_seconds = int(elapsed(clock, hours, at).total_seconds())
    clock.running_since, clock.due_at, clock.next_at, clock.rests_for = None, None, None, why
    clock.snoozed_until = None


def resume(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> None:
    """Resume a resting clock with what is left of its target; steps that were notified are not repeated."""
    clock.running_since, clock.rests_for = now, None
    aim(clock, hours, ladder)


def aim(clock: Clock, hours: Hours, ladder: Sequence[Step]) -> None:
    """Set when a running clock is due, and its next step, by its target and the time used."""
    clock.due_at = _at_percent(clock, hours, 100)
    clock.next_at = when_next(clock, hours, ladder)


def ladder_of(clock: Clock, settings: TeamSettings) -> Sequence[Step]:
    """Return the steps that a clock climbs: the team's, or those of a promise."""
    return PROMISE_LADDER if clock.kind is ClockKind.PROMISE else settings.steps()


def due_steps(clock: Clock, hours: Hours, ladder: Sequence[Step], now: datetime) -> list[Step]:
    """Return the steps to notify now: the last one that is due, with others at the same percentage."""
    due = [step for step in untold(ladder, clock.told_percent) if _is_due(clock, hours, step, now)]
    return [step for step in due if step.percent == due[-1].percent]


def _is_due(clock: Clock, hours: Hours, step: Step, now: datetime) -> bool:
    at = _at_percent(clock, hours, step.percent)
    return at is not None and at <= now


def when_next(clock: Clock, hours: Hours, ladder: Sequence[Step]) -> datetime | None:
    """Return when a running clock is next notified; None when its team never opens.

    That is at its next step. After the last step it is once on each opening day while it is late: also on the first, if
    it went on while its team was closed, and so is late as that opens. A snooze comes first.
    """
    if clock.snoozed_until is not None:
        return clock.snoozed_until
    steps = untold(ladder, clock.told_percent)
    if steps:
        return _at_percent(clock, hours, steps[0].percent)
    if clock.due_at is None:
        return None
    try:
        if clock.told_at is not None and clock.told_at >= clock.due_at:
            return opens_again(hours, clock.told_at)
        return _opens_after(hours, clock.due_at - timedelta.resolution)
    except NeverOpen:
        return None


def _at_percent(clock: Clock, hours: Hours, percent: int) -> datetime | None:
    """Return when a running clock will have used this percentage of its target; None when its team never opens."""
    if clock.running_since is None:
        return None
    if clock.kind is ClockKind.PROMISE:
        return _of_promise(clock, hours, percent)
    if clock.target_seconds is None:
        return None
    whole = timedelta(seconds=clock.target_seconds) * percent / 100
    left = max(timedelta(), whole - timedelta(seconds=clock.used_seconds))
    try:
        return due_at(hours, clock.running_since, left)
    except NeverOpen:
        return None


def _of_promise(clock: Clock, hours: Hours, percent: int) -> datetime | None:
    """Return when a promise has used this percentage of its working time; of clock time, if it had no working time."""
    until = clock.due_at
    if until is None or percent == 100:
        return until
    if percent > 100:
        try:
            return add(hours, until, PROMISE_CLIMBS_AFTER)
        except NeverOpen:
            return None
    work = between(hours, clock.started_at, until)
    if work:
        return step_at(hours, clock.started_at, work, percent)
    return clock.started_at + (until - clock.started_at) * percent / 100
