"""Who may do what in a team: readers only read, agents act on cases, coordinators also change the settings."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.desk import TeamDesk
from bot.models import Team
from bot.team import agents
from handlers.card_menu import only_looks

Next = Callable[[], Awaitable[Any]]


async def agents_only(body: dict[str, Any], by: str, teams: Sequence[Team], desk: TeamDesk, next: Next) -> None:
    """Call the listener for agents; refuse readers, except for a choice in a menu that only shows something."""
    actions = body.get("actions", [])
    if not (actions and all(only_looks(action) for action in actions)):
        async with desk.reading() as session:
            await agents.refuse_reader(session, [team.id for team in teams], by)
    await next()


async def coordinators_only(by: str, desk: TeamDesk, next: Next) -> None:
    """Call the listener for coordinators of the team; refuse others."""
    async with desk.session() as session:
        await agents.coordinate(session, desk.team.id, by, now=desk.now())
    await next()
