"""Cases on our desk of which the clock will tell nobody any more: there must be none."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.hours import NeverOpen, next_opening
from bot.domain.mention import ANSWERS, permits_from_json
from bot.models import WAITING, Case, Clock, Mention, Team
from bot.team.settings import TeamSettings

AT_MOST = 200
"""How many cases are looked at of each kind: one is too many already."""


class Silence(StrEnum):
    """Why nobody will hear of a case."""

    NO_CLOCK = "no_clock"
    """It can be answered, and no clock of it runs."""
    NO_MOMENT = "no_moment"
    """A clock of it runs, and has no next moment."""
    NEVER_OPEN = "never_open"
    """The same, because its team has no opening hours: there are no reminders outside them."""


async def silent(session: AsyncSession, now: datetime) -> dict[int, Silence]:
    """Return the cases that wait for us and of which the clock will tell nobody, with why."""
    running = col(Clock.stopped_at).is_(None) & col(Clock.running_since).is_not(None)
    rows = await session.exec(
        select(Case.id, Case.team_id)
        .join(Clock, col(Clock.case_id) == Case.id)
        .where(WAITING, running, col(Clock.next_at).is_(None))
        .distinct()
        .limit(AT_MOST)
    )
    forgotten = dict(rows.all())
    never_open = await _never_open(session, set(forgotten.values()), now)
    timed = select(Clock.id).where(Clock.case_id == Case.id, running).correlate(Case).exists()
    untimed = await session.exec(select(Case.id).where(WAITING, ~timed).order_by(col(Case.opened_at)).limit(AT_MOST))
    found = dict.fromkeys(await _answerable(session, untimed.all()), Silence.NO_CLOCK)
    moments = {
        case: Silence.NEVER_OPEN if team in never_open else Silence.NO_MOMENT for case, team in forgotten.items()
    }
    return {**found, **moments}


async def _never_open(session: AsyncSession, team_ids: Collection[int], now: datetime) -> set[int]:
    found = set[int]()
    for team in await session.exec(select(Team).where(col(Team.id).in_(team_ids))) if team_ids else ():
        settings = TeamSettings.if_readable(team)
        try:
            if settings is not None:
                next_opening(settings.hours(now), now)
        except NeverOpen:
            found.add(team.id)
    return found


async def _answerable(session: AsyncSession, case_ids: Collection[int]) -> set[int]:
    """Return which of these cases could ever be answered; others have no clocks (bot.cases.clocks)."""
    if not case_ids:
        return set()
    mentions = await session.exec(select(Mention.case_id, Mention.allows).where(col(Mention.case_id).in_(case_ids)))
    return {case for case, allows in mentions if any(permit.act in ANSWERS for permit in permits_from_json(allows))}
