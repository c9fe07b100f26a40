"""The jobs that run by the clock, one module per job; `start` starts them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.desk import Desk
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
    redaction,
    refresh,
    sign_ins,
    silence,
    sla,
    workspace,
)

SWEEP_SECONDS = 5
MINUTE = 60
Job = Callable[[Desk], Awaitable[None]]

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
    days.count: MINUTE,
    account_troubles.look_after: MINUTE,
    account_troubles.listen: 60 * MINUTE,
    redaction.redact: 15 * MINUTE,
    sign_ins.end_old: MINUTE,
    sla.count_down: 15 * MINUTE,
}
"""The jobs that follow the desk's clock, and their intervals in its seconds."""


def by_the_world(desk: Desk) -> Mapping[Job, float]:
    """Return the jobs that call external systems, and their intervals in real seconds."""
    return {
        refresh.refresh: SWEEP_SECONDS,
        backlog.follow: SWEEP_SECONDS,
        poll.poll_due: desk.settings.poll_seconds,
        check.check_accounts: check.EVERY.total_seconds(),
        members.read_channels: members.EVERY.total_seconds(),
        workspace.look_at_slack: workspace.EVERY.total_seconds(),
        workspace.look_at_app_token: workspace.TOKEN_EVERY.total_seconds(),
    }


def start(desk: Desk) -> AsyncIOScheduler:
    """Start the scheduler of one process. Each job asks "what is due now?", so a missed tick is harmless.

    The job store is in memory: if processes shared one, jobs would run twice.
    """
    scheduler = AsyncIOScheduler(
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}, timezone="UTC"
    )
    ours = {job: max(0.5, seconds / desk.speed) for job, seconds in BY_OUR_CLOCK.items()}
    for job, seconds in {**by_the_world(desk), **ours}.items():
        scheduler.add_job(job, "interval", args=[desk], seconds=seconds, next_run_time=datetime.now(UTC))
    scheduler.start()
    return scheduler
