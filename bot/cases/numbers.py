"""The numbers by which people call cases: counted up per team, without gaps."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.models import Case, CaseCount, Team, Transfer

TABLE = db.table_of(CaseCount)
# Built once, for each page: to build it takes longer than to run it.
COUNTED_UP = (
    update(TABLE)
    .where(TABLE.c.team_id == bindparam("team"))
    .values(counted=TABLE.c.counted + bindparam("count"))
    .returning(TABLE.c.counted)
)


async def take(session: AsyncSession, team_id: int, count: int) -> range:
    """Return the next `count` numbers of a team; nobody else gets numbers of that team until the transaction ends."""
    connection, wanted = await session.connection(), {"team": team_id, "count": count}
    last: int | None = (await connection.execute(COUNTED_UP, wanted)).scalar()
    if last is None:  # the first of this team
        await db.lock_or_add(session, CaseCount(team_id=team_id, counted=0))
        last = (await connection.execute(COUNTED_UP, wanted)).scalar_one()
    return range(last - count + 1, last + 1)


async def by_number(session: AsyncSession, number: int, wanted: Sequence[ColumnElement[bool]]) -> list[int]:
    """Return which of the wanted cases have this number, then those that had it in another team before a transfer."""
    newest = col(Case.id).desc()
    now = (await session.exec(select(Case.id).where(Case.number == number, *wanted).order_by(newest))).all()
    # the index begins with the team, and there are few teams
    left = select(Transfer.case_id).where(col(Transfer.from_team_id).in_(select(Team.id)), Transfer.number == number)
    moved = (await session.exec(left)).all()
    before = await session.exec(select(Case.id).where(col(Case.id).in_(moved), *wanted).order_by(newest))
    return list(dict.fromkeys([*now, *before]))
