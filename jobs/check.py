"""Check the accounts at the start and once a day: whether they work, and the limits of their servers."""

from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, db
from bot.accounts import manual
from bot.connectors.base import Unauthorized, Verdict
from bot.desk import Desk
from bot.logs import going_on
from bot.models import Account, Message, MessageKind, Team, TokenEnds
from bot.outgoing.outcomes import stop_account
from bot.slack import messages

EVERY = timedelta(days=1)
SOON = (timedelta(days=1), timedelta(days=7), timedelta(days=14))
"""How long before an account's token ends we notify the team."""


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
            if health.token_expires_at is not None:
                await _announce_end(session, account, health.token_expires_at, desk.now())
        session.add(account)
    await messages.wake_lanes(desk)


async def _announce_end(session: AsyncSession, account: Account, ends_at: datetime, now: datetime) -> None:
    """Notify the team that the account's token ends, once for each of the times before it."""
    before = next((soon for soon in SOON if ends_at - now <= soon), None)
    if before is None:
        return
    key = f"token_ends:{account.id}:{ends_at.isoformat()}:{before.days}"
    if (await session.exec(select(Message.id).where(Message.key == key))).first() is not None:
        return
    team = await session.get_one(Team, account.team_id)
    details = TokenEnds(ends_at.isoformat()).to_json()
    session.add(
        Message(
            key=key,
            kind=MessageKind.ACCOUNT_PROBLEM,
            subject_id=account.id,
            channel=team.channel,
            details=details,
        )
    )
