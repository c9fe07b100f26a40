"""Count past days, so that figures of a long period are fast."""

from bot.desk import Desk
from bot.figures import days

AT_ONCE = 30
"""Days counted in one turn: after an update there may be years of them."""


async def count(desk: Desk) -> None:
    """Count past days, each in its own transaction."""
    for _ in range(AT_ONCE):
        async with desk.reading() as session:
            due = await days.is_due(session, desk.now())
        if not due:
            return
        async with desk.session() as session:
            await days.count_next(session, desk.now())
