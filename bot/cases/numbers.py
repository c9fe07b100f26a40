"""The numbers by which people call cases: counted up per team, without gaps."""

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.models import Case, CaseCount, Transfer

HIGHEST = 2_147_483_647
"""The largest number that the column can hold."""


async def take(session: AsyncSession, team_id: int, count: int) -> range:
    """Return the next `count` numbers of a team; nobody else gets numbers of that team until the transaction ends."""
    counting = update(CaseCount).where(col(CaseCount.team_id) == team_id).values(counted=CaseCount.counted + count)
    counting = counting.returning(col(CaseCount.counted)).execution_options(synchronize_session=False)
    last: int | None = (await session.exec(counting)).scalar()
    if last is None:  # the first of this team
        await db.lock_or_add(session, CaseCount(team_id=team_id, counted=0))
        last = (await session.exec(counting)).scalar_one()
    return range(last - count + 1, last + 1)


async def by_number(session: AsyncSession, team_id: int, number: int) -> Case | None:
    """Return the case that has this number in a team, or had it there before a transfer; None when there is none."""
    if not 0 < number <= HIGHEST:
        return None
    case = (await session.exec(select(Case).where(Case.team_id == team_id, Case.number == number))).first()
    if case is not None:
        return case
    left = select(Case).join(Transfer).where(Transfer.from_team_id == team_id, Transfer.number == number)
    return (await session.exec(left)).first()
