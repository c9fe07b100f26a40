"""Who may do what: readers look along, agents act on cases, coordinators change the settings."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.desk import Desk
from bot.team import agents
from handlers.card_menu import LOOKS

Next = Callable[[], Awaitable[Any]]


async def agents_only(body: dict[str, Any], by: str, desk: Desk, next: Next) -> None:
    """Let agents through to the listener; a reader is refused, save for what in the menu only shows something."""
    if not _only_looks(body):
        async with desk.reading() as session:
            await agents.refuse_reader(session, by)
    await next()


async def coordinators_only(by: str, desk: Desk, next: Next) -> None:
    """Let coordinators through to the listener."""
    async with desk.session() as session:
        await agents.coordinate(session, by, now=desk.now())
    await next()


def _only_looks(body: dict[str, Any]) -> bool:
    chosen = [(action.get("selected_option") or {}).get("value", "") for action in body.get("actions", [])]
    return bool(chosen) and all(value.partition(":")[0] in LOOKS for value in chosen)
