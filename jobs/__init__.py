"""The clock comes in: what is due now? One job a module; `start` sets the clock going."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.desk import Desk
from jobs import absence, check, claims, digest, duty, poll, refresh, sla

SWEEP_SECONDS = 5
MINUTE = 60
Job = Callable[[Desk], Awaitable[None]]

BY_OUR_CLOCK: Mapping[Job, int] = {
    sla.remind: MINUTE,
    claims.look_after: MINUTE,
    duty.call_out: MINUTE,
    duty.follow: MINUTE,
    absence.look: MINUTE,
    absence.hand_back: MINUTE,
    digest.send_digests: MINUTE,
    sla.count_down: 15 * MINUTE,
}
"""The jobs that work with the time of the desk, and every how many seconds of it they run."""


def by_the_world(desk: Desk) -> Mapping[Job, float]:
    """Return the jobs that work with the outside world, and every how many seconds they run."""
    return {
        refresh.refresh: SWEEP_SECONDS,
        poll.poll_due: desk.settings.poll_seconds,
        check.check_accounts: check.EVERY.total_seconds(),
    }


def start(desk: Desk) -> AsyncIOScheduler:
    """Start the clock of one process and return it; every job asks "what is due now?", so a missed tick costs nothing.

    It is kept in memory: with a job store shared between processes, jobs would run twice.
    """
    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
    )
    ours = {job: max(0.5, seconds / desk.speed) for job, seconds in BY_OUR_CLOCK.items()}
    for job, seconds in {**by_the_world(desk), **ours}.items():
        scheduler.add_job(job, "interval", args=[desk], seconds=seconds, next_run_time=datetime.now(UTC))
    scheduler.start()
    return scheduler
