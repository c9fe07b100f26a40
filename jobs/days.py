"""Count the days that are over, so that figures of a long period are soon there."""

from bot.desk import Desk
from bot.figures import days

AT_ONCE = 30
"""Days that are counted in one turn: after an update there may be years of them."""


async def count(desk: Desk) -> None:
    """Count days that are over, each in a transaction of its own."""
    for _ in range(AT_ONCE):
        async with desk.reading() as session:
            due = await days.is_due(session, desk.now())
        if not due:
            return
        async with desk.session() as session:
            await days.count_next(session, desk.now())
