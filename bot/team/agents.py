"""The agents of a team: their roles, and the initials that sign their replies (unique in the team: ^SB is one person).

Coordinators give roles. Without one, a full member of the workspace who is in the team's channel is an agent, or a
reader if the team wants to name its agents itself. Everybody else has no role: guests, people of another organisation,
and people who are not in the channel.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.domain.event import EventKind
from bot.domain.reply import INITIALS
from bot.domain.text import Refused
from bot.models import Agent, Case, Event, Member, Role, Team
from bot.team import members
from bot.team.settings import TeamSettings
from bot.views.block import literal

ANSWERING = frozenset({Role.AGENT, Role.COORDINATOR})
"""The roles of those who answer."""
# Built once, for each click: to build it takes longer than to run it.
_PERSON: BindParameter[str] = bindparam("person")
_WITH_ROLE: Any = db.short(
    select(Team, Agent.role)
    .add_columns(col(Member.slack_id).is_not(None).label("is_member"), col(Case.id).is_not(None).label("has_case"))
    .outerjoin(Agent, (col(Agent.team_id) == Team.id) & (col(Agent.slack_id) == _PERSON))
    .outerjoin(Member, (col(Member.channel) == Team.channel) & (col(Member.slack_id) == _PERSON) & Member.is_full)
    .outerjoin(Case, (col(Case.team_id) == Team.id) & (col(Case.id) == bindparam("case")))
    .where(or_(*(column.is_not(None) for column in (col(Agent.role), col(Member.slack_id), col(Case.id)))))
)
"""The teams of a person and that of a case, with the role that a coordinator gave the person there, if one did."""


async def locked(session: AsyncSession, team_id: int, slack_id: str, now: datetime) -> Agent:
    """Lock and return an agent of a team, added if needed: of two writers the second waits."""
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
    """Set an agent's initials; raises Refused when they are not letters, or a colleague in the team has them."""
    chosen = wanted.strip().lstrip("^").upper()
    if not INITIALS.fullmatch(chosen):
        raise Refused("Initials are one to four letters, as in SB.")
    await _refuse_taken(session, team_id, slack_id, chosen)
    agent = await locked(session, team_id, slack_id, now)
    try:
        async with session.begin_nested():
            agent.initials = chosen
            session.add(agent)
    except IntegrityError:  # a colleague has just chosen them
        await _refuse_taken(session, team_id, slack_id, chosen)
        raise
    return chosen


async def _refuse_taken(session: AsyncSession, team_id: int, slack_id: str, chosen: str) -> None:
    """Raise Refused when a colleague in the team has these initials."""
    same = select(Agent.slack_id).where(Agent.team_id == team_id, Agent.initials == chosen)
    holder = (await session.exec(same.where(Agent.slack_id != slack_id))).first()
    if holder is None:
        return
    names = {"agent": f"<@{holder}>", "initials": chosen}
    if await still_answering(session, team_id, [holder]):
        raise Refused("{agent} already signs with ^{initials}. Choose others.", **names)
    raise Refused("{agent} signed with ^{initials}, and no longer answers for this team. Choose others, or let a "
                  "coordinator take them away there: in the settings, below Initials.", **names)  # fmt: skip


async def correct_initials(
    session: AsyncSession, team_id: int, slack_id: str, wanted: str, *, by: str, now: datetime
) -> list[Event]:
    """Change a colleague's initials, and log it; after "" the next answer asks for them. Raises as set_initials."""
    agent = await locked(session, team_id, slack_id, now)
    before = agent.initials
    if wanted.strip():
        await set_initials(session, team_id, slack_id, wanted, now=now)
    else:
        agent.initials = None
        session.add(agent)
    return await _log(session, EventKind.INITIALS, agent, before, agent.initials, by=by, now=now)


async def put_initials_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the initials that a coordinator changed, unless they are; raises Refused when they were changed again."""
    team_id, slack_id = event.details["team"], event.details["agent"]
    if await initials(session, team_id, slack_id) not in (event.details["after"], event.details["before"]):
        raise Refused("This was changed again since, so it was not undone.")
    return await correct_initials(session, team_id, slack_id, event.details["before"] or "", by=by, now=now)


# --- Roles ---------------------------------------------------------------------------------------


async def roles(session: AsyncSession, slack_id: str) -> dict[int, Role]:
    """Return the roles of a person by team; a team in which they have none is missing.

    People in the channel of a team whose settings cannot be read may only read there.
    """
    return (await roles_and_team(session, slack_id, None))[0]


async def roles_and_team(
    session: AsyncSession, slack_id: str, case_id: int | None
) -> tuple[dict[int, Role], Team | None]:
    """Return the roles of a person as `roles` does, and the team of a case, by one query; None without such a case."""
    found, of_case = dict[int, Role](), None
    for team, role, is_member, has_case in await session.exec(_WITH_ROLE, params={"person": slack_id, "case": case_id}):
        if role or is_member:
            found[team.id] = Role(role) if role else _by_channel(team)
        of_case = team if has_case else of_case
    return found, of_case


def _by_channel(team: Team) -> Role:
    """Return the role of a full member in the channel of a team to whom no coordinator gave one."""
    own = TeamSettings.if_readable(team)
    return Role.AGENT if own and own.channel_answers else Role.READER


async def with_role(session: AsyncSession, team_id: int, wanted: Role) -> list[str]:
    """Return the Slack ids of the people with this role in a team, as a coordinator gave it."""
    people = select(Agent.slack_id).where(Agent.team_id == team_id, Agent.role == wanted)
    return list(await session.exec(people.order_by(col(Agent.slack_id))))


async def answering(session: AsyncSession, team_id: int) -> list[str]:
    """Return all agents of a team, coordinators included: by their role, and by being in its channel."""
    team = await session.get_one(Team, team_id)
    given = dict((await session.exec(select(Agent.slack_id, Agent.role).where(Agent.team_id == team_id))).all())
    joined = await session.exec(select(Member.slack_id).where(Member.channel == team.channel, col(Member.is_full)))
    by_channel = joined.all() if TeamSettings.of(team.settings).channel_answers else []
    named = {slack_id for slack_id, role in given.items() if role in ANSWERING}
    return sorted(named | {slack_id for slack_id in by_channel if given.get(slack_id) is None})


async def able(session: AsyncSession, team_id: int, settings: TeamSettings, people: Sequence[str]) -> list[str]:
    """Return those of these people who can answer for a team, by their role or by being in its channel.

    Until Slack has said who is in the channel, everybody counts as being there.
    """
    if not people:
        return []
    team = await session.get_one(Team, team_id)
    roles = select(Agent.slack_id, Agent.role).where(Agent.team_id == team_id, col(Agent.slack_id).in_(people))
    given = dict((await session.exec(roles)).all())
    by_channel = set(people) if settings.channel_answers else set[str]()
    if by_channel and members.is_read(team):
        there = select(Member.slack_id).where(Member.channel == team.channel, col(Member.is_full))
        by_channel = set(await session.exec(there.where(col(Member.slack_id).in_(people))))
    named = {slack_id for slack_id, role in given.items() if role in ANSWERING}
    return [each for each in people if each in named or (given.get(each) is None and each in by_channel)]


async def still_answering(session: AsyncSession, team_id: int, people: Sequence[str]) -> list[str]:
    """Return those of these people who can answer for a team, as `able`, and whose account is not closed."""
    settings = TeamSettings.of((await session.get_one(Team, team_id)).settings)
    return await members.still_here(session, await able(session, team_id, settings, people))


async def named(session: AsyncSession) -> set[str]:
    """Return whom any team counts on by name: those with a role, those on duty, and the coordinators it tells."""
    having = select(Agent.slack_id).where(or_(Agent.role != Role.READER, col(Agent.duty_since).is_not(None)))
    people = set((await session.exec(having)).all())
    for own in map(TeamSettings.if_readable, await session.exec(select(Team))):
        if own is not None:
            people |= {*own.coordinators, *chain.from_iterable(own.rota.values())}
    return people


async def heard_by(session: AsyncSession, team: Team) -> list[str]:
    """Return who hears what is wrong in a team: its coordinators; if none of them is left, all its agents."""
    named, settings = await with_role(session, team.id, Role.COORDINATOR), TeamSettings.if_readable(team)
    if settings is None:  # so we do not know who answers by being in the channel
        return await members.still_here(session, named) or await with_role(session, team.id, Role.AGENT)
    coordinators = await members.still_here(session, {*named, *settings.coordinators})
    return coordinators or await members.still_here(session, await answering(session, team.id))


async def coordinated(session: AsyncSession) -> set[int]:
    """Return the teams that have a coordinator."""
    return set(await session.exec(select(Agent.team_id).where(Agent.role == Role.COORDINATOR).distinct()))


async def coordinate(session: AsyncSession, team_id: int, slack_id: str, *, now: datetime) -> None:
    """Raise Refused for a person who is no coordinator of the team.

    While a team has no coordinator, the first of its agents who asks becomes its coordinator, or the first full member
    in its channel.
    """
    coordinators = await with_role(session, team_id, Role.COORDINATOR)
    if not coordinators:
        team = await session.get_one(Team, team_id, with_for_update=db.HELD)  # of two who ask at once, one is first
        coordinators = await with_role(session, team_id, Role.COORDINATOR)
    if slack_id in coordinators:
        return
    if coordinators:
        left = await members.still_here(session, coordinators)
        names = ", ".join(f"<@{each}>" for each in left or coordinators)
        if left:
            raise Refused("Only a coordinator can change the settings: {agents}.", agents=names)
        raise Refused(
            "Nobody can change the settings: the Slack account of every coordinator is closed ({agents}). "
            "Whoever runs the bot names a new one with `webcare teams coordinator`.",
            agents=names,
        )
    if not await _may_be_first(session, team, slack_id):
        raise Refused(
            "The first coordinator of {team} must be a full member of this workspace who is in the team's channel.",
            team=literal(team.name, 80),
        )
    await _give(session, team_id, slack_id, Role.COORDINATOR, by=slack_id, now=now)


async def _may_be_first(session: AsyncSession, team: Team, slack_id: str) -> bool:
    agent = await session.get(Agent, (team.id, slack_id))
    if agent is not None and agent.role is not None:
        return agent.role is Role.AGENT
    member = await session.get(Member, (team.channel, slack_id))
    return member is not None and member.is_full


async def name_coordinator(session: AsyncSession, team_id: int, slack_id: str, *, now: datetime) -> list[Event]:
    """Make anybody a coordinator of a team, on behalf of the person who runs the bot."""
    return await _give(session, team_id, slack_id, Role.COORDINATOR, by="", now=now)


async def set_roles(
    session: AsyncSession,
    team_id: int,
    given: Mapping[Role, Collection[str]],
    *,
    by: str,
    now: datetime,
) -> list[Event]:
    """Give these people their roles in a team, and nobody else a role; returns an event for each change.

    Raises Refused when the team would have no coordinator, or someone two roles.
    """
    if not given.get(Role.COORDINATOR):
        raise Refused("A team needs at least one coordinator.")
    wanted: dict[str, Role] = {}
    for role, people in given.items():
        if wanted.keys() & set(people):
            raise Refused("Someone can have only one role.")
        wanted |= dict.fromkeys(people, role)
    before = [each for role in Role for each in await with_role(session, team_id, role)]
    events = []
    for slack_id in sorted({*before, *wanted}):
        events += await _give(session, team_id, slack_id, wanted.get(slack_id), by=by, now=now)
    return events


async def put_role_back(session: AsyncSession, event: Event, *, by: str, now: datetime) -> list[Event]:
    """Restore the earlier role, unless it is; raises Refused when it changed again, or nobody would coordinate."""
    team_id, slack_id = event.details["team"], event.details["agent"]
    locked_rows = (
        select(Agent.slack_id)
        .where(Agent.team_id == team_id, Agent.role == Role.COORDINATOR)
        .order_by(col(Agent.slack_id))
        .with_for_update(key_share=True)
    )
    coordinators = set(await session.exec(locked_rows))
    agent = await locked(session, team_id, slack_id, now)
    if agent.role not in (event.details["after"], event.details["before"]):
        raise Refused("This was changed again since, so it was not undone.")
    before = Role(event.details["before"]) if event.details["before"] else None
    if before is not Role.COORDINATOR and coordinators == {slack_id}:
        raise Refused("A team needs at least one coordinator.")
    return await _give(session, team_id, slack_id, before, by=by, now=now)


async def _give(
    session: AsyncSession, team_id: int, slack_id: str, wanted: Role | None, *, by: str, now: datetime
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
    """Log a change, unless the values are the same."""
    if before == after:
        return []
    details = {"team": agent.team_id, "agent": agent.slack_id, "before": before, "after": after}
    event = Event(kind=kind, by=by, at=now, details=details)
    session.add(event)
    await session.flush()
    return [event]
