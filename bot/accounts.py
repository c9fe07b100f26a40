"""The accounts on platforms: how a stored one becomes what its connector needs, and how one is added or mended."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.config import BadSettings, Settings
from bot.connectors import base
from bot.connectors.http import Client
from bot.models import Account, Event, Team
from bot.seal import seal, unseal


def opened(row: Account, settings: Settings) -> base.Account:
    """Return a stored account as its connector needs it, tokens unsealed; raises BadSettings when the key is wrong."""
    secrets = unseal(row.sealed, settings.webcare_secret_key.get_secret_value())
    options = {**row.options, "allow_private": settings.allow_private_addresses}
    if settings.public_url and row.platform == "webhook":
        options["address"] = f"{settings.public_url.rstrip('/')}/in/{row.name}"
    return base.Account(row.id or 0, row.platform, row.name, row.url, secrets, options, row.known)


def connector_of(settings: Settings, client: Client) -> Callable[[Account], base.Connector]:
    """Return the function that builds the connector of a stored account."""
    return lambda row: connectors.connect(opened(row, settings), client)


async def ensure_team(session: AsyncSession, settings: Settings, now: datetime) -> None:
    """Keep the first team equal to TEAM_NAME and SLACK_CHANNEL; without a channel nothing is made."""
    if not settings.slack_channel:
        return
    found = await session.exec(select(Team).order_by(col(Team.id)).limit(1))
    team = found.first() or Team(name=settings.team_name, channel=settings.slack_channel, created_at=now)
    team.name, team.channel = settings.team_name, settings.slack_channel
    session.add(team)


async def add(
    session: AsyncSession,
    settings: Settings,
    *,
    platform: str,
    name: str,
    url: str,
    secrets: Mapping[str, str],
    options: Mapping[str, Any],
    now: datetime,
    team: str | None = None,
) -> Account:
    """Store a new account for a team (the first one by default); its tokens are sealed."""
    teams = select(Team).order_by(col(Team.id))
    found = await session.exec(teams.where(Team.name == team) if team else teams)
    owner = found.first()
    if owner is None:
        missing = f"There is no team named {team}." if team else "There is no team yet: set SLACK_CHANNEL."
        raise BadSettings(missing)
    if await find(session, platform, name) is not None:
        raise BadSettings(f"There already is an account {platform} {name}; renew or remove it instead.")
    account = Account(
        team_id=owner.id or 0,
        platform=platform,
        name=name,
        url=url,
        sealed=seal(secrets, settings.webcare_secret_key.get_secret_value()),
        options=dict(options),
        created_at=now,
    )
    session.add(account)
    await session.flush()
    session.add(Event(account_id=account.id, kind="account_added", at=now))
    return account


async def find(session: AsyncSession, platform: str, name: str) -> Account | None:
    """Return the account of this name on this platform, if there is one."""
    found = await session.exec(select(Account).where(Account.platform == platform, Account.name == name))
    return found.first()


def learned(account: Account, health: base.Health) -> None:
    """Keep what a check learned; an account without problems goes on, one that was stopped included."""
    account.known = {**account.known, **health.known}
    if not health.problems:
        account.problem, account.stopped_at, account.poll_after = None, None, None
