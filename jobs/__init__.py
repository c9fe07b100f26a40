"""The jobs that run by the clock, one module per job; `start` starts them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import or_

from bot import db
from bot.desk import Desk
from bot.logs import following, going_on
from bot.outgoing import queue
from bot.slack import backlog as slack_backlog
from bot.slack import messages
from bot.slack import rollups as slack_rollups
from bot.slack.writing import DOUBT
from jobs import (
    absence,
    account_troubles,
    backlog,
    check,
    claims,
    days,
    digest,
    drafts,
    due,
    duty,
    members,
    poll,
    reconcile,
    redaction,
    refresh,
    replies,
    rollups,
    sign_ins,
    sla,
    spikes,
    time_left,
    workspace,
)

SWEEP_SECONDS = 5
MINUTE = 60
LANE = "job"
"""The kind of the lanes of jobs: where processes share the work, a job is a lane that each tick wakes."""
Job = Callable[[Desk], Awaitable[None]]
STOP_SECONDS = 1.0
"""How long what is cancelled at a stop may take to end."""
LOOK_SECONDS = 5.0
SET_SECONDS = 2.0
"""By how much the machine's clock must differ from its seconds after a look to count as set."""
Tick = Callable[[Sequence[str], float], Awaitable[None]]
"""Wakes each of these lanes once for each slot of so many seconds, however many processes ask for it."""

BY_OUR_CLOCK: Mapping[Job, int] = {
    sla.remind: MINUTE,
    claims.look_after: MINUTE,
    due.look_after: MINUTE,
    drafts.look_after: MINUTE,
    replies.look_after: MINUTE,
    duty.follow: MINUTE,
    absence.look: MINUTE,
    absence.hand_back: MINUTE,
    absence.return_from_readers: MINUTE,
    digest.send_digests: MINUTE,
    spikes.watch: MINUTE,
    days.begin: MINUTE,
    days.count: MINUTE,
    reconcile.compare: 5 * MINUTE,
    reconcile.follow: 5 * MINUTE,
    account_troubles.look_after: MINUTE,
    account_troubles.listen: 60 * MINUTE,
    redaction.redact: 15 * MINUTE,
    redaction.drop_deleted_words: 24 * 60 * MINUTE,
    rollups.forget: 15 * MINUTE,
    sign_ins.end_old: MINUTE,
    time_left.count_down: MINUTE,
}
"""The jobs that follow the desk's clock, and their intervals in its seconds."""


SWEEPS: Mapping[Job, Sequence[Any]] = {
    refresh.refresh: (*messages.SOUGHT, *queue.SOUGHT),
    backlog.follow: slack_backlog.SOUGHT,
    rollups.follow: slack_rollups.SOUGHT,
}
"""The jobs of the sweep, and what each looks for: while there is nothing of it, it has nothing to do."""
# Built once, for each sweep: to build it takes longer than to run it.
_THERE = db.short(sqlalchemy.select(*(or_(*(each.exists() for each in sought)) for sought in SWEEPS.values())))


async def sweep(desk: Desk) -> None:
    """Do what must be seen within seconds, one after the other. Mostly it is nothing, which one question tells."""
    now = desk.now()
    moments = {"now": now, "over": now - DOUBT * desk.speed, "just": now - slack_rollups.JUST * desk.speed}
    async with desk.reading() as session:
        there = (await (await session.connection()).execute(_THERE, moments)).one()
    for job, is_there in zip(SWEEPS, there, strict=True):
        if is_there:
            await _run_job(job, desk)


def by_the_world(desk: Desk) -> Mapping[Job, float]:
    """Return the jobs that call external systems, and their intervals in real seconds."""
    return {
        sweep: SWEEP_SECONDS,
        poll.poll_due: desk.settings.poll_seconds,
        check.check_accounts: check.EVERY.total_seconds(),
        check.check_failing: check.AGAIN.total_seconds(),
        members.read_channels: members.LOOK_EVERY.total_seconds(),
        members.look_at_accounts: members.ACCOUNTS_EVERY.total_seconds(),
        workspace.look_at_slack: workspace.EVERY.total_seconds(),
        workspace.meet_slack: workspace.EVERY.total_seconds(),
        workspace.look_at_app_token: workspace.TOKEN_EVERY.total_seconds(),
    }


OF_ONE_PROCESS = frozenset({workspace.meet_slack, workspace.look_at_app_token})
"""The jobs that are about a process itself: its own connection to Slack."""


def intervals(desk: Desk) -> Mapping[Job, float]:
    """Return all jobs, and their intervals in real seconds."""
    ours = {job: max(0.5, seconds / desk.speed) for job, seconds in BY_OUR_CLOCK.items()}
    return {**by_the_world(desk), **ours}


class Scheduler(AsyncIOScheduler):  # type: ignore[misc]  # without types
    """APScheduler waits for moments of the machine's clock: when that is set, all jobs run, and go on from there.

    Set back by an hour, nothing would run for an hour.
    """

    def __init__(self) -> None:
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        super().__init__(job_defaults=defaults, timezone="UTC")
        self._following: asyncio.Task[None] | None = None
        self._running = set[asyncio.Task[Any]]()

    def start(self, paused: bool = False) -> None:
        """Start it, in the running loop."""
        super().start(paused)
        self._following = asyncio.get_running_loop().create_task(self._follow_clock())

    async def stop(self) -> None:
        """End it: cancel what runs, and wait until that has given its connections back."""
        if self._following is not None:
            self._following.cancel()
        self.shutdown(wait=False)
        if self._running:
            await asyncio.wait(set(self._running), timeout=STOP_SECONDS)

    async def run_one(self, work: Callable[..., Awaitable[None]], *about: Any) -> None:
        """Do the work of one tick."""
        if task := asyncio.current_task():
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await work(*about)

    async def _follow_clock(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = time.time() - loop.time()
            await asyncio.sleep(LOOK_SECONDS)
            if abs(time.time() - loop.time() - before) > SET_SECONDS:
                for job in self.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))


def start(desk: Desk) -> Scheduler:
    """Start the scheduler of a process that works alone. A missed tick is harmless: each job asks "what is due now?".

    The job store is in memory: if processes shared one, jobs would run twice.
    """
    return _scheduled(desk, intervals(desk))


def start_own(desk: Desk) -> Scheduler:
    """Start the scheduler of one process among several, with the jobs that are about itself."""
    return _scheduled(desk, {job: seconds for job, seconds in intervals(desk).items() if job in OF_ONE_PROCESS})


def start_shared(desk: Desk, tick: Tick) -> Scheduler:
    """Start the scheduler of the jobs that several processes share: at each tick all ask, and one of them runs the job.

    Each asks in the middle of a slot of time, so that clocks which differ by less than half of it mean the same slot.
    """
    scheduler, together = Scheduler(), defaultdict[float, list[str]](list)
    for job, seconds in intervals(desk).items():
        if job not in OF_ONE_PROCESS:
            together[seconds].append(f"{LANE}:{name_of(job)}")
    for seconds, lanes in together.items():
        asks = {"func": scheduler.run_one, "args": [tick, lanes, seconds]}
        scheduler.add_job(**asks)
        middle = datetime.fromtimestamp(seconds / 2, UTC)
        scheduler.add_job(**asks, trigger="interval", seconds=seconds, start_date=middle)
    scheduler.start()
    return scheduler


def _scheduled(desk: Desk, those: Mapping[Job, float]) -> Scheduler:
    scheduler = Scheduler()
    for job, seconds in those.items():
        every = {"seconds": seconds, "next_run_time": datetime.now(UTC)}
        scheduler.add_job(scheduler.run_one, "interval", args=[_run_job, job, desk], **every)
    scheduler.start()
    return scheduler


async def _run_job(job: Job, desk: Desk) -> None:
    with following(anew=True), going_on("a job failed", job=name_of(job)):
        await job(desk)


def name_of(job: Job) -> str:
    """Return the name by which processes tell each other of a job."""
    return f"{job.__module__}.{job.__qualname__}"


async def run(desk: Desk, name: str) -> None:
    """Run the job of this name: the drain of its lane. One of a newer version of the program is left to that."""
    for job in intervals(desk):
        if name_of(job) == name:
            await job(desk)
