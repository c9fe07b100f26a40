"""Who is there: agents who are away, and those on duty, by their own word or by the team's rota."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import Status
from bot.domain.text import Refused
from bot.models import Agent, Case
from bot.team_settings import TeamSettings


async def set_away(session: AsyncSession, slack_id: str, away: bool, now: datetime) -> None:
    """Keep that an agent is away, or back; one who is away is on duty no longer."""
    agent = await _agent(session, slack_id, now)
    agent.away_since = (agent.away_since or now) if away else None
    if away:
        agent.duty_since = None
    session.add(agent)


async def set_duty(session: AsyncSession, slack_id: str, duty: bool, now: datetime) -> None:
    """Keep that an agent is on duty, or no longer; one on duty is not away."""
    agent = await _agent(session, slack_id, now)
    agent.duty_since = (agent.duty_since or now) if duty else None
    if duty:
        agent.away_since = None
    session.add(agent)


async def is_away(session: AsyncSession, slack_id: str) -> bool:
    """Tell whether an agent said to be away."""
    agent = await session.get(Agent, slack_id)
    return agent is not None and agent.away_since is not None


async def on_duty(session: AsyncSession, settings: TeamSettings, now: datetime) -> list[str]:
    """Return who is on duty: those who said so, else the rota's of today who are not away."""
    found = await session.exec(
        select(Agent.slack_id).where(col(Agent.duty_since).is_not(None)).order_by(col(Agent.duty_since))
    )
    volunteers = list(found)
    if volunteers:
        return volunteers
    today = settings.rota.get(now.astimezone(ZoneInfo(settings.time_zone)).weekday(), [])
    return [slack_id for slack_id in today if not await is_away(session, slack_id)]


async def claimed_by(session: AsyncSession, slack_id: str) -> Sequence[int]:
    """Return the cases that wait with an agent."""
    waiting = col(Case.status).in_([Status.CLAIMED, Status.ESCALATED])
    found = await session.exec(select(Case.id).where(Case.assignee == slack_id, waiting).order_by(col(Case.id)))
    return [case_id or 0 for case_id in found]


async def hand_back(session: AsyncSession, slack_id: str, now: datetime) -> list[int]:
    """Put all of an agent's waiting cases back in the queue; returns them."""
    handed_back = []
    for case_id in await claimed_by(session, slack_id):
        try:
            await cases.release(session, case_id, by=slack_id, now=now)
        except Refused:
            continue  # it moved meanwhile
        handed_back.append(case_id)
    return handed_back


async def _agent(session: AsyncSession, slack_id: str, now: datetime) -> Agent:
    return await session.get(Agent, slack_id) or Agent(slack_id=slack_id, created_at=now)
