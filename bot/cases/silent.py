"""Cases on our desk of which the clock will tell nobody any more: there must be none."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, String, cast, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.hours import NeverOpen, next_opening
from bot.domain.mention import ANSWERS
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
    without = select(Clock.id).where(Clock.case_id == Case.id, running, col(Clock.next_at).is_(None)).correlate(Case)
    forgotten = WAITING & without.exists()
    teams = await session.exec(select(Case.team_id).where(forgotten).distinct())
    never_open = await _never_open(session, teams.all(), now)
    is_never_open = col(Case.team_id).in_(never_open)
    moments = dict[int, Silence]()
    for why, which in ((Silence.NO_MOMENT, ~is_never_open), (Silence.NEVER_OPEN, is_never_open)):
        these = await session.exec(select(Case.id).where(forgotten, which).limit(AT_MOST))
        moments |= dict.fromkeys(these, why)
    timed = select(Clock.id).where(Clock.case_id == Case.id, running).correlate(Case).exists()
    untimed = select(Case.id).where(WAITING, answerable(), ~timed).order_by(col(Case.opened_at)).limit(AT_MOST)
    found = dict.fromkeys(await session.exec(untimed), Silence.NO_CLOCK)
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


def answerable() -> ColumnElement[bool]:
    """Return the condition that a case could ever be answered; others have no clocks (bot.cases.clocks)."""
    allows = cast(col(Mention.allows), String)
    may_be = or_(*(allows.contains(f'"{act}"') for act in sorted(ANSWERS)))
    return select(Mention.id).where(Mention.case_id == Case.id, may_be).correlate(Case).exists()
