"""The clock comes in: what is due now? One job a module; `start` sets the clock going."""

from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.desk import Desk
from jobs import absence, check, claims, digest, duty, poll, refresh, sla

SWEEP_SECONDS = 5
MINUTE = 60


def start(desk: Desk) -> AsyncIOScheduler:
    """Start the clock of one process and return it; every job asks "what is due now?", so a missed tick costs nothing.

    Kept in memory: a job store shared between processes runs jobs double.
    """
    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
    )
    by_the_world = [
        (refresh.refresh, SWEEP_SECONDS),
        (poll.poll_due, desk.settings.poll_seconds),
        (check.check_accounts, check.EVERY.total_seconds()),
    ]
    by_our_clock = [
        (sla.remind, MINUTE),
        (claims.look_after, MINUTE),
        (duty.call_out, MINUTE),
        (duty.follow, MINUTE),
        (absence.look, MINUTE),
        (absence.hand_back, MINUTE),
        (digest.send_digests, MINUTE),
        (sla.count_down, 15 * MINUTE),
    ]
    every = [*by_the_world, *((job, max(0.5, seconds / desk.speed)) for job, seconds in by_our_clock)]
    for job, seconds in every:
        scheduler.add_job(job, "interval", args=[desk], seconds=seconds, next_run_time=datetime.now(UTC))
    scheduler.start()
    return scheduler
