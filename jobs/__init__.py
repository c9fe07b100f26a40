"""The jobs that run by the clock, one module per job; `start` starts them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from bot.desk import Desk
from bot.logs import following, going_on
from jobs import (
    absence,
    account_troubles,
    advice,
    backlog,
    check,
    claims,
    days,
    digest,
    drafts,
    duty,
    hidings,
    members,
    poll,
    reconcile,
    redaction,
    refresh,
    rollups,
    sign_ins,
    silence,
    sla,
    spikes,
    workspace,
)

SWEEP_SECONDS = 5
MINUTE = 60
LANE = "job"
"""The kind of the lanes of jobs: where processes share the work, a job is a lane that each tick wakes."""
Job = Callable[[Desk], Awaitable[None]]
Tasks = list[asyncio.Task[None]]
"""What runs until it is cancelled."""
Tick = Callable[[str, float], Awaitable[None]]
"""Wakes a lane once for each slot of so many seconds, however many processes ask for it."""

BY_OUR_CLOCK: Mapping[Job, int] = {
    sla.remind: MINUTE,
    claims.look_after: MINUTE,
    advice.chase: MINUTE,
    silence.ask_owners: MINUTE,
    drafts.look_after: MINUTE,
    hidings.look_after: MINUTE,
    duty.call_out: MINUTE,
    duty.follow: MINUTE,
    absence.look: MINUTE,
    absence.hand_back: MINUTE,
    absence.return_from_readers: MINUTE,
    digest.send_digests: MINUTE,
    spikes.watch: MINUTE,
    days.count: MINUTE,
    reconcile.compare: 5 * MINUTE,
    reconcile.follow: 5 * MINUTE,
    account_troubles.look_after: MINUTE,
    account_troubles.listen: 60 * MINUTE,
    redaction.redact: 15 * MINUTE,
    rollups.forget: 15 * MINUTE,
    sign_ins.end_old: MINUTE,
    sla.count_down: 15 * MINUTE,
}
"""The jobs that follow the desk's clock, and their intervals in its seconds."""


def by_the_world(desk: Desk) -> Mapping[Job, float]:
    """Return the jobs that call external systems, and their intervals in real seconds."""
    return {
        refresh.refresh: SWEEP_SECONDS,
        backlog.follow: SWEEP_SECONDS,
        rollups.follow: SWEEP_SECONDS,
        poll.poll_due: desk.settings.poll_seconds,
        check.check_accounts: check.EVERY.total_seconds(),
        members.read_channels: members.EVERY.total_seconds(),
        workspace.look_at_slack: workspace.EVERY.total_seconds(),
        workspace.look_at_app_token: workspace.TOKEN_EVERY.total_seconds(),
    }


OF_ONE_PROCESS = frozenset({workspace.look_at_app_token})
"""The jobs that are about a process itself: its own connection to Slack."""


def intervals(desk: Desk) -> Mapping[Job, float]:
    """Return all jobs, and their intervals in real seconds."""
    ours = {job: max(0.5, seconds / desk.speed) for job, seconds in BY_OUR_CLOCK.items()}
    return {**by_the_world(desk), **ours}


def start(desk: Desk) -> Tasks:
    """Start the jobs of a process that works alone. A late run is harmless: each job asks "what is due now?"."""
    return _started(desk, intervals(desk))


def start_own(desk: Desk) -> Tasks:
    """Start the jobs of one process among several that are about itself."""
    return _started(desk, {job: seconds for job, seconds in intervals(desk).items() if job in OF_ONE_PROCESS})


def start_shared(desk: Desk, tick: Tick) -> Tasks:
    """Start asking for the jobs that several processes share: at each tick all ask, and one of them runs the job."""
    loop = asyncio.get_running_loop()
    shared = {job: seconds for job, seconds in intervals(desk).items() if job not in OF_ONE_PROCESS}
    return [loop.create_task(_ask(tick, f"{LANE}:{name_of(job)}", seconds)) for job, seconds in shared.items()]


def _started(desk: Desk, those: Mapping[Job, float]) -> Tasks:
    loop = asyncio.get_running_loop()
    return [loop.create_task(_repeat(job, desk, seconds)) for job, seconds in those.items()]


async def _repeat(job: Job, desk: Desk, seconds: float) -> None:
    """Run a job now and again after each interval, never twice at once; setting the machine's clock changes nothing."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        with following(anew=True), going_on("a job failed", job=name_of(job)):
            await job(desk)
        await asyncio.sleep(began + seconds - loop.time())


async def _ask(tick: Tick, lane: str, seconds: float) -> None:
    """Ask for a job now, and in the middle of each slot of time.

    So processes whose clocks differ by less than half a slot mean the same one.
    """
    while True:
        await tick(lane, seconds)
        await asyncio.sleep(seconds - (time.time() - seconds / 2) % seconds)


def name_of(job: Job) -> str:
    """Return the name by which processes tell each other of a job."""
    return f"{job.__module__}.{job.__qualname__}"


async def run(desk: Desk, name: str) -> None:
    """Run the job of this name: the drain of its lane. One of a newer version of the program is left to that."""
    for job in intervals(desk):
        if name_of(job) == name:
            await job(desk)
