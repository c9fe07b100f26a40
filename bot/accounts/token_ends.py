"""The end of an account's token: its team is notified ahead of it, and no longer once there is a new token."""

from datetime import datetime, timedelta

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.accounts import store
from bot.connectors.base import Health
from bot.models import Account, Message, MessageKind, Team, TokenEnds

SOON = (timedelta(days=1), timedelta(days=7), timedelta(days=14))
"""How long before an account's token ends we notify the team."""


async def learned(session: AsyncSession, account: Account, health: Health) -> None:
    """Store the result of a check as `store.learned` does; the message that an earlier token ends is written again."""
    before = account.token_ends_at
    store.learned(account, health)
    if before is not None and before != account.token_ends_at:
        keys = [_key(account, before, each) for each in SOON]
        about = update(Message).where(col(Message.key).in_(keys))
        await session.exec(about.values(version=Message.version + 1))


async def announce(session: AsyncSession, account: Account, ends_at: datetime, now: datetime) -> None:
    """Notify the team that the account's token ends, once for each of the times before it."""
    before = next((soon for soon in SOON if ends_at - now <= soon), None)
    if before is None:
        return
    key = _key(account, ends_at, before)
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


def _key(account: Account, ends_at: datetime, before: timedelta) -> str:
    return f"token_ends:{account.id}:{ends_at.isoformat()}:{before.days}"
