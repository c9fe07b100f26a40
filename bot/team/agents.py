"""The agents of a team: their roles, and the initials that sign their replies (unique in the team: ^SB is one person).

Who was never given a role in a team is an agent of it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.event import EventKind
from bot.domain.reply import INITIALS
from bot.domain.text import Refused
from bot.models import Agent, Event, Role, Team


async def locked(session: AsyncSession, team_id: int, slack_id: str, now: datetime) -> Agent:
    """Return an agent of a team, added if there was none, and lock the row: of two writers the second waits."""
    return await db.lock_or_add(session, Agent(team_id=team_id, slack_id=slack_id, created_at=now))


# --- Initials ------------------------------------------------------------------------------------


async def initials(session: AsyncSession, team_id: int, slack_id: str) -> str | None:
    """Return an agent's initials, or None when they have not chosen them yet."""
    agent = await session.get(Agent, (team_id, slack_id))
    return agent.initials if agent else None


async def signing(session: AsyncSession, team_id: int) -> list[tuple[str, str]]:
    """Return the agents of a team who have initials, as (Slack id, initials), in order of initials."""
    agents = await session.exec(
        select(Agent).where(Agent.team_id == team_id, col(Agent.initials).is_not(None)).order_by(col(Agent.initials))
    )
    return [(agent.slack_id, agent.initials or "") for agent in agents]


async def set_initials(session: AsyncSession, team_id: int, slack_id: str, wanted: str, *, now: datetime) -> str:
    """Set an agent's initials; raises Refused when they are not letters or a colleague in the team has them."""
    chosen = wanted.strip().lstrip("^").upper()
    if not INITIALS.fullmatch(chosen):
        raise Refused("Initials are one to four letters, as in SB.")
    same = await session.exec(select(Agent).where(Agent.team_id == team_id, Agent.initials == chosen))
    holder = same.first()
    if holder is not None and holder.slack_id != slack_id:
        raise Refused("{agent} already signs with ^{initials}; choose others.",
                      agent=f"<@{holder.slack_id}>", initials=chosen)  # fmt: skip
    agent = await locked(session, team_id, slack_id, now)
    agent.initials = chosen
    session.add(agent)
    return chosen


async def correct_initials(
    session: AsyncSession, team_id: int, slack_id: str, wanted: str, *, by: str, now: datetime
) -> list[Event]:
    """Change a colleague's initials, and log it; with "" the next answer asks for them. Raises as set_initials."""
    agent = await locked(session, team_id, slack_id, now)
    before = agent.initials
    if wanted.strip():
        await set_initials(session, team_id, slack_id, wanted, now=now)
    else:
        agent.initials = None
        session.add(agent)
    return await _log(session, EventKind.INITIALS, agent, before, agent.initials, by=by, now=now)


async def put_initials_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the initials that a coordinator changed; raises Refused when they were changed again since."""
    team_id, slack_id = event.details["team"], event.details["agent"]
    if await initials(session, team_id, slack_id) != event.details["after"]:
        raise Refused("This was changed again since, so it was not undone.")
    return await correct_initials(session, team_id, slack_id, event.details["before"] or "", by=by, now=now)


# --- Roles ---------------------------------------------------------------------------------------


async def roles(session: AsyncSession, slack_id: str) -> dict[int, Role]:
    """Return the roles of a colleague by team; a team that is missing has them as an agent."""
    agents = await session.exec(select(Agent).where(Agent.slack_id == slack_id))
    return {agent.team_id: agent.role for agent in agents}


async def with_role(session: AsyncSession, team_id: int, wanted: Role) -> list[str]:
    """Return the Slack ids of those who were given this role in a team."""
    people = select(Agent.slack_id).where(Agent.team_id == team_id, Agent.role == wanted)
    return list(await session.exec(people.order_by(col(Agent.slack_id))))


async def coordinated(session: AsyncSession) -> set[int]:
    """Return the teams that have a coordinator."""
    return set(await session.exec(select(Agent.team_id).where(Agent.role == Role.COORDINATOR).distinct()))


def refuse_reader(roles: Mapping[int, Role], team_ids: Collection[int]) -> None:
    """Raise Refused for a person whose roles let them only read in all of these teams."""
    if all(roles.get(team_id) is Role.READER for team_id in team_ids):
        raise Refused("You have read-only access here. A coordinator can change that.")


async def coordinate(session: AsyncSession, team_id: int, slack_id: str, *, now: datetime) -> None:
    """Let a coordinator of the team pass; raises Refused for others.

    As long as a team has no coordinator, the first who asks becomes its coordinator.
    """
    coordinators = await with_role(session, team_id, Role.COORDINATOR)
    if not coordinators:
        await session.get_one(Team, team_id, with_for_update=db.HELD)  # of two who ask at once, one is the first
        coordinators = await with_role(session, team_id, Role.COORDINATOR)
    if slack_id in coordinators:
        return
    if coordinators:
        names = ", ".join(f"<@{each}>" for each in coordinators)
        raise Refused("Only a coordinator can change the settings: {agents}.", agents=names)
    await _give(session, team_id, slack_id, Role.COORDINATOR, by=slack_id, now=now)


async def set_roles(
    session: AsyncSession,
    team_id: int,
    *,
    coordinators: Collection[str],
    readers: Collection[str],
    by: str,
    now: datetime,
) -> list[Event]:
    """Make these the coordinators and readers of a team, and all others agents; returns an event for each change.

    Raises Refused when the team would have no coordinator, or someone would be both.
    """
    if not coordinators:
        raise Refused("A team needs at least one coordinator.")
    if set(coordinators) & set(readers):
        raise Refused("Someone cannot be a coordinator and a reader at once.")
    wanted = dict.fromkeys(readers, Role.READER) | dict.fromkeys(coordinators, Role.COORDINATOR)
    before = [each for role in (Role.COORDINATOR, Role.READER) for each in await with_role(session, team_id, role)]
    events = []
    for slack_id in sorted({*before, *wanted}):
        events += await _give(session, team_id, slack_id, wanted.get(slack_id, Role.AGENT), by=by, now=now)
    return events


async def put_role_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the role from before; raises Refused when it changed again since, or nobody would coordinate."""
    team_id, slack_id = event.details["team"], event.details["agent"]
    locked_rows = (
        select(Agent.slack_id)
        .where(Agent.team_id == team_id, Agent.role == Role.COORDINATOR)
        .order_by(col(Agent.slack_id))
        .with_for_update(key_share=True)
    )
    coordinators = set(await session.exec(locked_rows))
    agent = await locked(session, team_id, slack_id, now)
    if agent.role != event.details["after"]:
        raise Refused("This was changed again since, so it was not undone.")
    before = Role(event.details["before"])
    if before is not Role.COORDINATOR and coordinators == {slack_id}:
        raise Refused("A team needs at least one coordinator.")
    return await _give(session, team_id, slack_id, before, by=by, now=now)


async def _give(
    session: AsyncSession, team_id: int, slack_id: str, wanted: Role, *, by: str, now: datetime
) -> list[Event]:
    agent = await locked(session, team_id, slack_id, now)
    before, agent.role = agent.role, wanted
    session.add(agent)
    return await _log(session, EventKind.ROLE, agent, before, wanted, by=by, now=now)


async def _log(
    session: AsyncSession,
    kind: EventKind,
    agent: Agent,
    before: str | None,
    after: str | None,
    *,
    by: str,
    now: datetime,
) -> list[Event]:
    """Log a change, if it is one."""
    if before == after:
        return []
    details = {"team": agent.team_id, "agent": agent.slack_id, "before": before, "after": after}
    event = Event(kind=kind, by=by, at=now, details=details)
    session.add(event)
    await session.flush()
    return [event]
