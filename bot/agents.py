"""Agents and the initials that sign their replies; unique, so that ^SB is always the same person."""

from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.reply import INITIALS
from bot.domain.text import Refused
from bot.models import Agent


async def initials(session: AsyncSession, slack_id: str) -> str | None:
    """Return an agent's initials, or None when they have not chosen them yet."""
    agent = await session.get(Agent, slack_id)
    return agent.initials if agent else None


async def set_initials(session: AsyncSession, slack_id: str, wanted: str, *, now: datetime) -> str:
    """Set an agent's initials; raises Refused when they are no letters or a colleague has them."""
    chosen = wanted.strip().lstrip("^").upper()
    if not INITIALS.fullmatch(chosen):
        raise Refused("Initials are one to four letters, as in SB.")
    found = await session.exec(select(Agent).where(Agent.initials == chosen))
    holder = found.first()
    if holder is not None and holder.slack_id != slack_id:
        raise Refused("{agent} already signs with ^{initials}; choose others.",
                      agent=f"<@{holder.slack_id}>", initials=chosen)  # fmt: skip
    agent = await session.get(Agent, slack_id) or Agent(slack_id=slack_id, initials=chosen, created_at=now)
    agent.initials = chosen
    session.add(agent)
    return chosen
