"""Mentions that an agent adds by hand, from a Slack message with a link."""

import html
import re
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.db import HELD
from bot.domain.mention import Author, Post
from bot.models import Account, Team

PLATFORM = "manual"
LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>")


async def account(session: AsyncSession, team: Team, *, now: datetime) -> Account:
    """Return the account of a team's hand-made cases, created if needed.

    Of two who make the first case of a team at once, the second waits.
    """
    held = await session.get_one(Team, team.id, with_for_update=HELD, populate_existing=True)
    await follow_names(session)
    rows = await session.exec(select(Account).where(Account.platform == PLATFORM, Account.team_id == held.id))
    stored = rows.first()
    if stored is None:
        stored = Account(team_id=held.id, platform=PLATFORM, name=_called(held), url="", created_at=now)
        session.add(stored)
        await session.flush()
    return stored


async def follow_names(session: AsyncSession) -> None:
    """Call the accounts of hand-made cases as their teams are called now: a name that a team left is free for others.

    All at once, because two teams may have taken each other's names.
    """
    rows = await session.exec(
        select(Account, Team)
        .join(Team, col(Account.team_id) == Team.id)
        .where(Account.platform == PLATFORM)
        .order_by(col(Account.id))
    )
    renamed = [(account, _called(team)) for account, team in rows if account.name != _called(team)]
    for account, _ in renamed:
        account.name = f"{account.id}"
        session.add(account)
    await session.flush()
    for account, name in renamed:
        account.name = name
    await session.flush()


def _called(team: Team) -> str:
    return f"Slack ({team.name})"


def post(slack_text: str, *, now: datetime) -> Post | None:
    """Return a Slack message with a link as a post, or None when it has no link.

    The link is the post's id. Its author is unknown, and it cannot be answered from here.
    """
    match = LINK.search(slack_text)
    if match is None:
        return None
    url = html.unescape(match[1])
    words = html.unescape(LINK.sub(lambda link: link[2] or link[1], slack_text))
    host = url.split("/")[2]
    return Post(
        external_id=url,
        author=Author(external_id=url, name=host, url=""),
        text=words,
        published_at=now,
        url=url,
        conversation=url,
    )
