"""Which figures a command asks for: the period and the team."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.period import Period, parse, split
from bot.domain.text import Refused
from bot.figures import reports
from bot.models import Team
from bot.team import teams

TODAY = "today"


async def asked_for(
    session: AsyncSession, team: Team, words: str, now: datetime, *, known: Collection[int]
) -> tuple[Period, Team]:
    """Return the period and the team that the words of a command ask for; raises Refused when they are not understood.

    Without a period it is today, without the name of a team it is this one. `known` are the teams in which the person
    who asks has a role; no other is told about.
    """
    zone = reports.zone_of(team)
    period, rest = split(words, now, zone)
    if rest:
        named = [
            each
            for each in await teams.all_teams(session)
            if each.name.casefold() == rest.casefold() and each.id in known
        ]
        if not named:
            raise Refused("I do not understand “{words}”. Give a period (today, week, month, "
                          "2026-11-01..2026-11-24) and then, if you like, a team.", words=rest[:80])  # fmt: skip
        team = named[0]
    today = parse(TODAY, now, reports.zone_of(team))
    chosen = period or today
    if chosen is None:
        raise Refused("There is no such period.")
    return chosen, team
