"""What each role may do in a team: readers only read, agents act on cases, coordinators also change the settings."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.desk import TeamDesk
from bot.models import Role, Team
from bot.team import agents
from handlers.card_menu import only_looks

Guard = Callable[..., Awaitable[None]]
"""Raises Refused for who may not do this: `(body, teams that it concerns, the person's roles by team, *, by, desk)`."""


async def anyone(*_: Any, **__: Any) -> None:
    """Refuse nobody."""


async def agents_only(
    body: dict[str, Any], teams: Sequence[Team], roles: Mapping[int, Role], *, by: str, desk: TeamDesk
) -> None:
    """Refuse readers, except for a choice in a menu that only shows something."""
    actions = body.get("actions", [])
    if not (actions and all(only_looks(action) for action in actions)):
        agents.refuse_reader(roles, [team.id for team in teams])


async def coordinators_only(
    body: dict[str, Any], teams: Sequence[Team], roles: Mapping[int, Role], *, by: str, desk: TeamDesk
) -> None:
    """Refuse all but the coordinators of the team."""
    async with desk.session() as session:
        await agents.coordinate(session, desk.team.id, by, now=desk.now())
