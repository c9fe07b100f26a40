"""The past changes of a team: its settings, roles and initials, and the routing of its organisation."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Integer, cast
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.event import EventKind
from bot.models import SETTING, Event
from bot.team import teams

PER_PAGE = 15


@dataclass(frozen=True)
class Past:
    """A page of changes, the newest first; `last` are the ids of changes whose setting did not change again."""

    changes: Sequence[Event]
    last: Collection[int]
    page: int
    more: bool


async def past(session: AsyncSession, team_id: int, page: int) -> Past:
    """Return a page of the changes of a team; the first page is 0."""
    teams_beside = [team.id for team in await teams.beside(session, team_id)]
    theirs = _of(team_id, teams_beside)
    newest = select(Event).where(theirs).order_by(col(Event.id).desc())
    events = (await session.exec(newest.offset(page * PER_PAGE).limit(PER_PAGE + 1))).all()
    details = col(Event.details)
    subject = (col(Event.kind), details["field"].as_string(), details["agent"].as_string())
    last = await session.exec(select(func.max(col(Event.id))).where(theirs).group_by(*subject))
    return Past(events[:PER_PAGE], set(last), page, more=len(events) > PER_PAGE)


async def newer(session: AsyncSession, event: Event) -> list[Event]:
    """Return the newest change of the same setting as this one; [] if it did not change again."""
    details, its = col(Event.details), event.details
    after = select(Event).where(Event.kind == event.kind, col(Event.id) > event.id)
    if event.kind is not EventKind.ROUTING:  # which belongs to all teams
        after = after.where(*(details[name].as_string() == its.get(name) for name in ("field", "agent")),
                            cast(details["team"].as_string(), Integer) == its["team"])  # fmt: skip
    return list(await session.exec(after.order_by(col(Event.id).desc()).limit(1)))


def is_of(event: Event, team_id: int, teams_beside: Collection[int]) -> bool:
    """Tell whether a change belongs to this team; the routing belongs to all teams of the organisation."""
    team = event.details.get("team")  # older changes of roles name no team
    return team == team_id or (event.kind is EventKind.ROUTING and team in teams_beside)


def _of(team_id: int, teams_beside: Collection[int]) -> ColumnElement[bool]:
    """Return the same condition in SQL."""
    team = cast(col(Event.details)["team"].as_string(), Integer)
    return SETTING & ((team == team_id) | ((col(Event.kind) == EventKind.ROUTING) & team.in_(teams_beside)))
