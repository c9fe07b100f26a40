"""Agents: the initials that sign their replies (unique, so that ^SB is always the same person), and their roles."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.event import EventKind
from bot.domain.reply import INITIALS as LETTERS
from bot.domain.text import Refused
from bot.models import Agent, Event, Role


async def initials(session: AsyncSession, slack_id: str) -> str | None:
    """Return an agent's initials, or None when they have not chosen them yet."""
    agent = await session.get(Agent, slack_id)
    return agent.initials if agent else None


async def signing(session: AsyncSession) -> list[tuple[str, str]]:
    """Return those who have initials, as (Slack id, initials), in order of initials."""
    found = await session.exec(select(Agent).where(col(Agent.initials).is_not(None)).order_by(col(Agent.initials)))
    return [(agent.slack_id, agent.initials or "") for agent in found]


async def set_initials(session: AsyncSession, slack_id: str, wanted: str, *, now: datetime) -> str:
    """Set an agent's initials; raises Refused when they are no letters or a colleague has them."""
    chosen = wanted.strip().lstrip("^").upper()
    if not LETTERS.fullmatch(chosen):
        raise Refused("Initials are one to four letters, as in SB.")
    found = await session.exec(select(Agent).where(Agent.initials == chosen))
    holder = found.first()
    if holder is not None and holder.slack_id != slack_id:
        raise Refused("{agent} already signs with ^{initials}; choose others.",
                      agent=f"<@{holder.slack_id}>", initials=chosen)  # fmt: skip
    agent = await held(session, slack_id, now)
    agent.initials = chosen
    session.add(agent)
    return chosen


async def correct_initials(session: AsyncSession, slack_id: str, wanted: str, *, by: str, now: datetime) -> list[Event]:
    """Change a colleague's initials, and log it; none are asked anew at the next answer. Raises as set_initials."""
    agent = await held(session, slack_id, now)
    before = agent.initials
    if wanted.strip():
        await set_initials(session, slack_id, wanted, now=now)
    else:
        agent.initials = None
        session.add(agent)
    return await _told(session, EventKind.INITIALS, slack_id, before, agent.initials, by=by, now=now)


async def put_initials_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Give back the initials that a coordinator changed; raises Refused when they were changed again since."""
    slack_id, before = event.details["agent"], event.details["before"]
    if await initials(session, slack_id) != event.details["after"]:
        raise Refused("This was changed again since, so it was not undone.")
    return await correct_initials(session, slack_id, before or "", by=by, now=now)


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
) -> list[Event]:
    """Make these the coordinators and readers, and everybody else an agent; returns an event for each who changed.

    Raises Refused when nobody would be left to coordinate, or someone would be both.
    """
    if not coordinators:
        raise Refused("A team needs at least one coordinator.")
    if set(coordinators) & set(readers):
        raise Refused("Someone cannot be a coordinator and a reader at once.")
    wanted = dict.fromkeys(readers, Role.READER) | dict.fromkeys(coordinators, Role.COORDINATOR)
    before = await with_role(session, Role.COORDINATOR) + await with_role(session, Role.READER)
    events = []
    for slack_id in sorted({*before, *wanted}):
        events += await _give(session, slack_id, wanted.get(slack_id, Role.AGENT), by=by, now=now)
    return events


async def put_role_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Give back the role from before; raises Refused when it was changed since, or nobody would coordinate."""
    slack_id = event.details["agent"]
    held = select(Agent.slack_id).where(Agent.role == Role.COORDINATOR).order_by(col(Agent.slack_id))
    coordinators = set(await session.exec(held.with_for_update(key_share=True)))
    if await role(session, slack_id) != event.details["after"]:
        raise Refused("This was changed again since, so it was not undone.")
    before = Role(event.details["before"])
    if before is not Role.COORDINATOR and coordinators == {slack_id}:
        raise Refused("A team needs at least one coordinator.")
    return await _give(session, slack_id, before, by=by, now=now)


async def _give(session: AsyncSession, slack_id: str, wanted: Role, *, by: str, now: datetime) -> list[Event]:
    agent = await held(session, slack_id, now)
    before, agent.role = agent.role, wanted
    session.add(agent)
    return await _told(session, EventKind.ROLE, slack_id, before, wanted, by=by, now=now)


async def held(session: AsyncSession, slack_id: str, now: datetime) -> Agent:
    """Return an agent as they are now, made if there was none, and hold their row: of two the second sees the first."""
    agent = await session.get(Agent, slack_id, with_for_update=db.HELD, populate_existing=True)
    if agent is not None:
        return agent
    with suppress(IntegrityError):  # another process made it in this very moment
        async with session.begin_nested():
            session.add(Agent(slack_id=slack_id, created_at=now))
    return await session.get_one(Agent, slack_id, with_for_update=db.HELD, populate_existing=True)


async def _told(
    session: AsyncSession,
    kind: EventKind,
    slack_id: str,
    before: str | None,
    after: str | None,
    *,
    by: str,
    now: datetime,
) -> list[Event]:
    """Log a change, if it is one."""
    if before == after:
        return []
    event = Event(kind=kind, by=by, at=now, details={"agent": slack_id, "before": before, "after": after})
    session.add(event)
    await session.flush()
    return [event]
