"""Undo: each change by a coordinator is in the log with the value before it, and can be undone by its event."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.event import EventKind
from bot.domain.text import Refused
from bot.models import Event
from bot.team import agents, history, routing, teams

PUT_BACK = {
    EventKind.SETTINGS: teams.put_back,
    EventKind.ROLE: agents.put_role_back,
    EventKind.INITIALS: agents.put_initials_back,
    EventKind.ROUTING: routing.put_back,
}


async def undo(session: AsyncSession, event_id: int, team_id: int, *, by: str, now: datetime) -> list[Event]:
    """Restore the value before a change of this team; returns the new events.

    A second time, as after a double click, nothing changes, and the events of the first are returned. Raises Refused
    when it was changed again.
    """
    event = await session.get(Event, event_id)
    teams_beside = {team.id for team in await teams.beside(session, team_id)}
    if event is None or event.kind not in PUT_BACK or not history.is_of(event, team_id, teams_beside):
        raise Refused("That change is not known any more.")
    done = await PUT_BACK[event.kind](session, event, by=by, now=now)
    return done or await history.newer(session, event)
