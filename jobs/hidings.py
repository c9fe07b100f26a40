"""Hidden posts: in opening hours, remind of acts that wait for a second colleague, and ask what must stay hidden."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks
from bot.desk import Desk
from bot.logs import going_on
from bot.outgoing import looking_again
from bot.slack import messages

Step = Callable[[AsyncSession, int, datetime], Awaitable[bool]]


async def look_after(desk: Desk) -> None:
    """In every open team, send the reminders and questions that are due now."""
    async with desk.reading() as session:
        proposed = await looking_again.proposed(session)
        due = await looking_again.to_review(session, desk.now())
        open_now = {team.id for team, _ in await clocks.open_teams(session, desk.now())} if proposed or due else set()
    changed = [
        await _each(desk, looking_again.chase, _of(proposed, open_now)),
        await _each(desk, looking_again.review, _of(due, open_now)),
    ]
    if any(changed):
        await messages.wake_lanes(desk)


def _of(acts: Mapping[int, int], team_ids: Iterable[int]) -> list[int]:
    return sorted(act_id for act_id, team_id in acts.items() if team_id in set(team_ids))


async def _each(desk: Desk, step: Step, act_ids: Iterable[int]) -> bool:
    changed = False
    for act_id in act_ids:
        with going_on("looking after a hidden post failed", act=act_id):
            async with desk.session() as session:
                changed |= await step(session, act_id, desk.now())
    return changed
