"""The numbers of cases, by which people call them: counted up per team, without gaps."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.models import Case, CaseCount, Transfer

HIGHEST = 2_147_483_647
"""What the column can hold."""


async def take(session: AsyncSession, team_id: int, count: int) -> range:
    """Return the next `count` numbers of a team; nobody else gets numbers of that team until the transaction ends."""
    counted = await db.lock_or_add(session, CaseCount(team_id=team_id, counted=0))
    first = counted.counted + 1
    counted.counted += count
    session.add(counted)
    await session.flush()
    return range(first, first + count)


async def by_number(session: AsyncSession, team_id: int, number: int) -> Case | None:
    """Return the case that has this number in a team, or had it there before another team got it; None without one."""
    if not 0 < number <= HIGHEST:
        return None
    case = (await session.exec(select(Case).where(Case.team_id == team_id, Case.number == number))).first()
    if case is not None:
        return case
    left = select(Case).join(Transfer).where(Transfer.from_team_id == team_id, Transfer.number == number)
    return (await session.exec(left)).first()
