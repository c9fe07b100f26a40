"""What a day that is over asks for: cards name it, and it is counted, so that figures of a long period are fast."""

from bot.desk import Desk
from bot.figures import days
from bot.slack import dating, messages

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


async def begin(desk: Desk) -> None:
    """After midnight, let what was posted the day before and goes on name that day."""
    async with desk.reading() as session:
        due = await dating.is_due(session, desk.texts(), desk.now())
    if due:
        async with desk.session() as session:
            await dating.begin_day(session, desk.texts(), desk.now())
        await messages.wake_lanes(desk)
