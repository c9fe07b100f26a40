"""What a team sets for itself, read and changed: each change is validated, logged with what was before, undoable."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.text import Refused
from bot.models import Event, Team
from bot.team_settings import Snippet, TeamSettings

CHANGED = "settings"
"""The kind of the event that tells of a changed setting."""
MOST_SNIPPETS = 95
"""So many fit in one modal with the buttons beside them."""


async def all_teams(session: AsyncSession) -> list[Team]:
    """Return the teams, the first one first."""
    return list(await session.exec(select(Team).order_by(col(Team.id))))


async def of_channel(session: AsyncSession, channel: str) -> Team:
    """Return the team of a channel, else the first; raises Refused when there is none at all."""
    teams = await all_teams(session)
    if not teams:
        raise Refused("There is no team yet.")
    return next((team for team in teams if team.channel == channel), teams[0])


async def settings(session: AsyncSession, team_id: int) -> TeamSettings:
    """Return what a team has set, with defaults for the rest."""
    return TeamSettings.of((await session.get_one(Team, team_id)).settings)


async def change(
    session: AsyncSession, team_id: int, changes: Mapping[str, Any], *, by: str, now: datetime
) -> list[Event]:
    """Set these fields; returns an event for each that became different. Raises Refused for what cannot be set.

    What is being timed keeps the norm that it started with.
    """
    team = await session.get_one(Team, team_id, with_for_update=True, populate_existing=True)
    before = TeamSettings.of(team.settings).model_dump(mode="json")
    try:
        after = TeamSettings.model_validate({**before, **changes}).model_dump(mode="json")
    except ValidationError:
        raise Refused("That cannot be set; nothing was changed.") from None
    events = [
        Event(
            kind=CHANGED, by=by, at=now,
            details={"team": team_id, "field": field, "before": before[field], "after": after[field]},
        )
        for field in changes if before[field] != after[field]
    ]  # fmt: skip
    team.settings = {**(team.settings or {}), **{event.details["field"]: event.details["after"] for event in events}}
    session.add(team)
    session.add_all(events)
    await session.flush()
    return events


async def undo(session: AsyncSession, event_id: int, *, by: str, now: datetime) -> list[Event]:
    """Put back what was before a change; raises Refused when the field was changed again since."""
    event = await session.get(Event, event_id)
    if event is None or event.kind != CHANGED:
        raise Refused("That change is not known any more.")
    team_id, field = event.details["team"], event.details["field"]
    await session.get_one(Team, team_id, with_for_update=True, populate_existing=True)
    current = (await settings(session, team_id)).model_dump(mode="json")
    if current[field] != event.details["after"]:
        raise Refused("This was changed again since, so it was not undone.")
    return await change(session, team_id, {field: event.details["before"]}, by=by, now=now)


async def put_snippet(
    session: AsyncSession, team_id: int, title: str | None, snippet: Snippet | None, *, by: str, now: datetime
) -> list[Event]:
    """Put a snippet in the place of the one with this title (None: add it; no snippet: remove it). Raises Refused."""
    await session.get_one(Team, team_id, with_for_update=True, populate_existing=True)
    kept = (await settings(session, team_id)).snippets
    place = next((n for n, each in enumerate(kept) if each.title == title), len(kept))
    others = [each for each in kept if each.title != title]
    if snippet is not None and any(each.title == snippet.title for each in others):
        raise Refused("There already is a text with that title.")
    if len(others) >= MOST_SNIPPETS and snippet is not None:
        raise Refused("There are {n} texts already; remove one first.", n=len(others))
    new = [*others[:place], *([snippet] if snippet else []), *others[place:]]
    return await change(session, team_id, {"snippets": [each.model_dump() for each in new]}, by=by, now=now)
