"""Mentions that an agent adds by hand, from a Slack message with a link."""

import html
import re
from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.mention import Author, Post
from bot.models import Account, Team

PLATFORM = "manual"
LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|([^>]*))?>")


async def account(session: AsyncSession, team: Team, *, now: datetime) -> Account:
    """Return the account of a team's hand-made cases, created if needed."""
    rows = await session.exec(select(Account).where(Account.platform == PLATFORM, Account.team_id == team.id))
    stored = rows.first()
    if stored is None:
        stored = Account(team_id=team.id, platform=PLATFORM, name=f"Slack ({team.name})", url="", created_at=now)
        session.add(stored)
        await session.flush()
    return stored


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
