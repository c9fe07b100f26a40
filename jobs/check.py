"""Check the accounts at the start and once a day: whether they work, and the limits of their servers."""

from datetime import timedelta

from sqlmodel import col, select

from bot import db
from bot.accounts import manual, token_ends
from bot.connectors.base import Unauthorized, Verdict
from bot.desk import Desk
from bot.logs import going_on
from bot.models import Account
from bot.outgoing.outcomes import stop_account
from bot.slack import messages

EVERY = timedelta(days=1)


async def check_accounts(desk: Desk) -> None:
    """Check every account that is not stopped; a failure does not affect the other accounts."""
    async with desk.reading() as session:
        running = await session.exec(select(Account).where(col(Account.stopped_at).is_(None)))
        rows = [row for row in running if row.platform != manual.PLATFORM]
    for row in rows:
        with going_on("checking an account failed", account=row.id):
            await _check(desk, row)


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
            if account.stopped_at is None:  # one stopped meanwhile keeps its reason
                account.problem = verdict.text.to_json()
        else:
            await token_ends.learned(session, account, health)
            if health.token_expires_at is not None:
                await token_ends.announce(session, account, health.token_expires_at, desk.now())
        session.add(account)
    await messages.wake_lanes(desk)
