"""The clock comes in: what is due now? One job a module; `start` sets the clock going."""

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.desk import Desk
from jobs import check, poll, refresh, sla

SWEEP_SECONDS = 5
MINUTE = 60


def start(desk: Desk) -> AsyncIOScheduler:
    """Start the clock of one process and return it; every job asks "what is due now?", so a missed tick costs nothing.

    Kept in memory: a job store shared between processes runs jobs double.
    """
    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
    )
    scheduler.add_job(refresh.refresh, "interval", args=[desk], seconds=SWEEP_SECONDS, next_run_time=desk.now())
    scheduler.add_job(
        poll.poll_due, "interval", args=[desk], seconds=desk.settings.poll_seconds, next_run_time=desk.now()
    )
    scheduler.add_job(
        check.check_accounts, "interval", args=[desk], seconds=check.EVERY.total_seconds(), next_run_time=desk.now()
    )
    scheduler.add_job(sla.remind, "interval", args=[desk], seconds=MINUTE, next_run_time=desk.now())
    scheduler.add_job(sla.count_down, "interval", args=[desk], seconds=15 * MINUTE)
    scheduler.start()
    return scheduler
