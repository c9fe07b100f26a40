"""Check the accounts at the start and once a day: whether they work, and the limits of their servers.

What a check finds may be over soon, and nothing but the next check shows that, so such an account is checked again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import col, select

from bot import connectors, db
from bot.accounts import manual, token_ends, troubles
from bot.connectors.base import RateLimited, Unauthorized, Verdict
from bot.connectors.platform import Capability
from bot.desk import Desk
from bot.domain.budget import Budget
from bot.logs import going_on
from bot.models import Account
from bot.outgoing.outcomes import stop_account
from bot.slack import messages

EVERY = timedelta(days=1)
AGAIN = timedelta(minutes=10)
"""Sooner than a failure is reported, so that one which is over by then never is."""
JUST_NOW = AGAIN / 2
"""One that was checked so lately is left to the next time: at the start all jobs run at once."""


async def check_accounts(desk: Desk) -> None:
    """Check every account that is not stopped, but not before its platform wants that.

    A failure does not affect the other accounts.
    """
    now = desk.now()
    async with desk.reading() as session:
        running = await session.exec(select(Account).where(col(Account.stopped_at).is_(None)))
        rows = [row for row in running if row.platform != manual.PLATFORM and not _must_wait(row, now)]
    await _check_each(desk, rows)


async def check_failing(desk: Desk) -> None:
    """Check every account again that failed its check and that no reading tries, and one whose fault is not reported.

    One with a fault that was reported waits for the check of the day: it works for the rest, and its server may count
    how often we try what it refuses. One whose platform asked us to wait is left alone until then; if it asked that of
    a check, the account is checked then, failing or not.
    """
    now = desk.now()
    async with desk.reading() as session:
        running = await session.exec(select(Account).where(col(Account.stopped_at).is_(None)))
        reported = {account_id for account_id, each in (await troubles.known(session)).items() if each.told}
        rows = [row for row in running if _is_due_again(row, row.id in reported, now)]
    await _check_each(desk, rows)


def _must_wait(row: Account, now: datetime) -> bool:
    due = Budget.of(row.budget).check_due
    return due is not None and due > now


def _is_due_again(row: Account, is_reported: bool, now: datetime) -> bool:
    budget = Budget.of(row.budget)
    if budget.check_due is not None:
        return budget.check_due <= now
    fails = row.problem is not None and _is_only_sent_to(row)
    has_fault = "check" in (row.faults or {}) and not is_reported
    rests = any(until is not None and until > now for until in (row.poll_after, budget.check_after))
    return (fails or has_fault) and not rests


async def _check_each(desk: Desk, rows: Sequence[Account]) -> None:
    for row in rows:
        with going_on("checking an account failed", account=row.id):
            if await _begins(desk, row):
                await _check(desk, row)


async def _begins(desk: Desk, row: Account) -> bool:
    """Note that an account is checked now; False if that was begun elsewhere since it was read."""
    async with desk.session() as session:
        account = await session.get_one(Account, row.id, with_for_update=db.HELD)
        budget = Budget.of(account.budget)
        if budget.check_after != Budget.of(row.budget).check_after:
            return False
        account.budget = replace(budget, check_after=desk.now() + JUST_NOW, check_due=None).to_json()
        session.add(account)
        return True


def _is_only_sent_to(row: Account) -> bool:
    """Tell whether no reading shows what fails: nor does one where the platform is not installed any more."""
    platform = connectors.known(row.platform)
    return platform is None or not platform.can(Capability.POLLS)


async def _check(desk: Desk, row: Account) -> None:
    """Store the result of the check; notify the team of a refused token, which stops the account, and of its end."""
    verdict: Verdict | None = None
    asked_at = desk.now()
    try:
        health = await desk.connector(row).check()
    except Verdict as raised:
        verdict = raised
    async with desk.session() as session:
        account = await session.get_one(Account, row.id, with_for_update=db.HELD)
        if isinstance(verdict, Unauthorized):
            await stop_account(session, row.id, verdict.text, desk.now(), asked_at=asked_at)
        elif verdict is not None:
            # One stopped meanwhile keeps its reason; one that we read shows itself what fails; a limit is no problem.
            if account.stopped_at is None and _is_only_sent_to(account) and not isinstance(verdict, RateLimited):
                account.problem = verdict.text.to_json()
            if isinstance(verdict, RateLimited):
                account.budget = replace(Budget.of(account.budget), check_due=verdict.retry_at).to_json()
        else:
            await token_ends.learned(session, account, health)
            if health.token_expires_at is not None:
                await token_ends.announce(session, account, health.token_expires_at, desk.now())
        session.add(account)
    await messages.wake_lanes(desk)
