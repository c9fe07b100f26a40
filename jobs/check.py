"""Check the accounts at the start and once a day: whether they work, and what limits their servers have."""

from datetime import timedelta

import structlog
from sqlmodel import col, select

from bot import accounts, db
from bot.accounts import manual
from bot.connectors.base import Unauthorized, Verdict
from bot.desk import Desk
from bot.logs import trace
from bot.models import Account
from bot.outgoing.outcomes import stop_account

log = structlog.get_logger()

EVERY = timedelta(days=1)


async def check_accounts(desk: Desk) -> None:
    """Check every account that is not stopped; a failure does not affect the other accounts."""
    async with desk.reading() as session:
        running = await session.exec(select(Account).where(col(Account.stopped_at).is_(None)))
        rows = [row for row in running if row.platform != manual.PLATFORM]
    for row in rows:
        try:
            await _check(desk, row)
        except Exception as error:  # a bug of ours; the other accounts go on
            log.error("checking an account failed", account=row.id, **trace(error))


async def _check(desk: Desk, row: Account) -> None:
    """Store the result of the check; a refused token stops the account and notifies the team."""
    verdict: Verdict | None = None
    try:
        health = await desk.connector(row).check()
    except Verdict as raised:
        verdict = raised
    async with desk.session() as session:
        account = await session.get_one(Account, row.id, with_for_update=db.HELD)
        if isinstance(verdict, Unauthorized):
            await stop_account(session, row.id, verdict.text, desk.now())
        elif verdict is not None:
            account.problem = verdict.text.to_json()
        else:
            accounts.learned(account, health)
            account.problem = health.problems[0].to_json() if health.problems else None
        session.add(account)
