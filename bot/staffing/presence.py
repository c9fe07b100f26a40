"""Who is there: agents who are away, by their own word or as Slack shows them, and those on duty.

One who is away with cases is asked once, in every absence, whether they go back to the queue. What Slack shows is kept
as the moment since when, and nothing more.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.text import Refused
from bot.models import WAITING, Absence, Agent, Case, Message, MessageKind
from bot.team import agents
from bot.team.settings import TeamSettings

LOOK_EVERY = timedelta(minutes=5)
"""So often, at most, Slack is asked about one person: its methods allow some fifty calls a minute."""


class Presence(StrEnum):
    """What an agent can say to be."""

    AWAY = "away"
    DUTY = "duty"


async def set_presence(session: AsyncSession, slack_id: str, which: Presence, on: bool, now: datetime) -> None:
    """Set an agent away or on duty, or no longer; each ends the other."""
    agent = await agents.held(session, slack_id, now)
    match which, on:
        case Presence.AWAY, True:
            agent.away_since, agent.duty_since = now, None
        case Presence.AWAY, False:
            agent.away_since = agent.asked_at = None
        case Presence.DUTY, True:
            agent.away_since, agent.asked_at, agent.duty_since = None, None, now
        case Presence.DUTY, False:
            agent.duty_since = None
    session.add(agent)


async def is_away(session: AsyncSession, slack_id: str) -> bool:
    """Tell whether an agent is away."""
    agent = await session.get(Agent, slack_id)
    return agent is not None and agent.away_since is not None


async def on_duty(session: AsyncSession, settings: TeamSettings, now: datetime) -> list[str]:
    """Return who is on duty and not away: those who said so, else the rota's of today."""
    found = await session.exec(
        select(Agent.slack_id)
        .where(col(Agent.duty_since).is_not(None), col(Agent.away_since).is_(None))
        .order_by(col(Agent.duty_since))
    )
    volunteers = list(found)
    if volunteers:
        return volunteers
    return await there(session, settings.rota.get(now.astimezone(ZoneInfo(settings.time_zone)).weekday(), []))


async def there(session: AsyncSession, slack_ids: Sequence[str]) -> list[str]:
    """Return those of them who are not away."""
    return [slack_id for slack_id in slack_ids if not await is_away(session, slack_id)]


async def claimed_by(session: AsyncSession, slack_id: str) -> Sequence[int]:
    """Return the cases that wait with an agent."""
    found = await session.exec(select(Case.id).where(WAITING, Case.assignee == slack_id))
    return sorted(found)  # in the database's order, SQLite would go through all cases


# --- As Slack shows them -------------------------------------------------------------------------


async def to_look_at(session: AsyncSession, team_ids: Collection[int], now: datetime) -> list[str]:
    """Return whom Slack may be asked about now: owners of these teams' waiting cases, and those last seen away."""
    owners = select(Case.assignee).where(WAITING, col(Case.team_id).in_(team_ids), col(Case.assignee).is_not(None))
    lately = select(Agent.slack_id).where(col(Agent.looked_at) > now - LOOK_EVERY)
    seen_away = select(Agent.slack_id).where(col(Agent.seen_away_since).is_not(None))
    owning, away, looked_at = [await session.exec(query) for query in (owners.distinct(), seen_away, lately)]
    return sorted({*map(str, owning), *map(str, away)} - set(map(str, looked_at)))


async def take_look(session: AsyncSession, slack_id: str, now: datetime) -> bool:
    """Count an agent as looked at now; tells whether it is time to, so that of several processes one looks."""
    agent = await agents.held(session, slack_id, now)
    if agent.looked_at is not None and agent.looked_at > now - LOOK_EVERY:
        return False
    agent.looked_at = now
    session.add(agent)
    return True


async def saw(session: AsyncSession, slack_id: str, away: bool, now: datetime) -> None:
    """Keep what Slack shows of an agent; one who turns out to be away with cases is asked about them.

    An agent who says to be there is believed, until Slack showed them as back and then away again.
    """
    agent = await agents.held(session, slack_id, now)
    session.add(agent)
    if away and agent.seen_away_since is None:
        agent.seen_away_since = now
        if agent.away_since is None:
            agent.away_since = now
            await _ask_directly(session, agent, now)
    elif not away and agent.seen_away_since is not None:
        if agent.away_since == agent.seen_away_since:
            agent.away_since = agent.asked_at = None
        agent.seen_away_since = None


async def _ask_directly(session: AsyncSession, agent: Agent, now: datetime) -> None:
    """Ask an agent in a direct message what becomes of their cases, if they have any."""
    if await claimed_by(session, agent.slack_id):
        agent.asked_at, who = now, agent.slack_id
        details = Absence(owner=who).to_json()
        session.add(Message(key=_question(who, now), kind=MessageKind.AWAY, channel=who, details=details))


# --- The cases of one who is away ----------------------------------------------------------------


async def ask(session: AsyncSession, slack_id: str, now: datetime) -> int:
    """Count an agent as asked now what becomes of the cases that wait with them; returns how many those are."""
    agent, waiting = await agents.held(session, slack_id, now), await claimed_by(session, slack_id)
    agent.asked_at = now if waiting else None
    session.add(agent)
    return len(waiting)


async def keep(session: AsyncSession, slack_id: str, now: datetime) -> int:
    """Leave an agent's cases with them, as they answered; returns how many those are."""
    agent = await agents.held(session, slack_id, now)
    agent.asked_at = None
    session.add(agent)
    return len(await claimed_by(session, slack_id))


async def hand_back(session: AsyncSession, slack_id: str, now: datetime) -> list[int]:
    """Put all of an agent's waiting cases back in the queue, as they answered; returns them."""
    agent = await agents.held(session, slack_id, now)
    agent.asked_at = None
    session.add(agent)
    handed_back = []
    for case_id in await claimed_by(session, slack_id):
        with suppress(Refused):  # it moved meanwhile
            await cases.release(session, case_id, by=slack_id, now=now)
            handed_back.append(case_id)
    return handed_back


async def return_unanswered(session: AsyncSession, slack_id: str, case_ids: Sequence[int], now: datetime) -> list[int]:
    """Put these cases of an agent who did not answer back in the queue, and tell them; returns those it was done to."""
    agent = await agents.held(session, slack_id, now)
    if agent.asked_at is None:
        return []
    returned = []
    for case_id in case_ids:
        with suppress(Refused):  # it moved meanwhile
            await cases.put_back(session, case_id, owner=slack_id, still_since=agent.asked_at, now=now, away=True)
            returned.append(case_id)
    if returned:
        await _tell_returned(session, slack_id, _question(slack_id, agent.asked_at), len(returned))
    return returned


async def _tell_returned(session: AsyncSession, slack_id: str, key: str, count: int) -> None:
    """Let the question say what became of the cases; one that was asked in answer to a command is told apart."""
    found = await session.exec(select(Message).where(Message.key == key).with_for_update(key_share=True))
    message = found.first() or Message(key=key, kind=MessageKind.AWAY, channel=slack_id, version=0)
    before = Absence.of(message.details).returned if message.details else 0
    message.details = Absence(owner=slack_id, returned=before + count).to_json()
    message.version += 1
    session.add(message)


def _question(slack_id: str, asked_at: datetime) -> str:
    return f"away:{slack_id}:{asked_at.timestamp()}"
