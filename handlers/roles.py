"""Who may do what: readers only look, agents act on cases, coordinators change the settings."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.desk import TeamDesk
from bot.team import agents
from handlers.card_menu import only_looks

Next = Callable[[], Awaitable[Any]]


async def agents_only(body: dict[str, Any], by: str, desk: TeamDesk, next: Next) -> None:
    """Let agents through to the listener; a reader only for a choice of the menu that shows something."""
    actions = body.get("actions", [])
    if not (actions and all(only_looks(action) for action in actions)):
        async with desk.reading() as session:
            await agents.refuse_reader(session, by)
    await next()


async def coordinators_only(by: str, desk: TeamDesk, next: Next) -> None:
    """Let coordinators through to the listener."""
    async with desk.session() as session:
        await agents.coordinate(session, by, now=desk.now())
    await next()
