"""Agents: the initials that sign their replies (unique, so that ^SB is always the same person), and their roles."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.reply import INITIALS
from bot.domain.text import Refused
from bot.models import Agent, Event, Role


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


async def role(session: AsyncSession, slack_id: str) -> Role:
    """Return a colleague's role; whoever was never given one is an agent."""
    agent = await session.get(Agent, slack_id)
    return agent.role if agent else Role.AGENT


async def with_role(session: AsyncSession, wanted: Role) -> list[str]:
    """Return the Slack ids of those who were given this role."""
    found = await session.exec(select(Agent.slack_id).where(Agent.role == wanted).order_by(col(Agent.slack_id)))
    return list(found)


async def refuse_reader(session: AsyncSession, slack_id: str) -> None:
    """Raise Refused for one who may look but not act."""
    if await role(session, slack_id) is Role.READER:
        raise Refused("You can look along here, but not act on cases. A coordinator can change that.")


async def coordinate(session: AsyncSession, slack_id: str, *, now: datetime) -> None:
    """Let a coordinator through; as long as there is none, the first who asks becomes it. Raises Refused for others."""
    coordinators = await with_role(session, Role.COORDINATOR)
    if slack_id in coordinators:
        return
    if coordinators:
        who = ", ".join(f"<@{each}>" for each in coordinators)
        raise Refused("Only a coordinator can change the settings: {agents}.", agents=who)
    await _give(session, slack_id, Role.COORDINATOR, by=slack_id, now=now)


async def set_roles(
    session: AsyncSession, *, coordinators: Collection[str], readers: Collection[str], by: str, now: datetime
) -> int:
    """Make these the coordinators and readers, and everybody else an agent; returns how many changed.

    Raises Refused when nobody would be left to coordinate, or someone would be both.
    """
    if not coordinators:
        raise Refused("A team needs at least one coordinator.")
    if set(coordinators) & set(readers):
        raise Refused("Someone cannot be a coordinator and a reader at once.")
    wanted = dict.fromkeys(readers, Role.READER) | dict.fromkeys(coordinators, Role.COORDINATOR)
    before = await with_role(session, Role.COORDINATOR) + await with_role(session, Role.READER)
    changed = 0
    for slack_id in sorted({*before, *wanted}):
        changed += await _give(session, slack_id, wanted.get(slack_id, Role.AGENT), by=by, now=now)
    return changed


async def _give(session: AsyncSession, slack_id: str, wanted: Role, *, by: str, now: datetime) -> bool:
    agent = await session.get(Agent, slack_id) or Agent(slack_id=slack_id, created_at=now)
    if agent.role is wanted:
        return False
    session.add(Event(kind="role", by=by, at=now, details={"agent": slack_id, "before": agent.role, "after": wanted}))
    agent.role = wanted
    session.add(agent)
    return True
