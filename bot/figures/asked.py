"""Which figures a command asks for: the period, and the team or all teams."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.period import Period, parse, split
from bot.domain.text import Refused
from bot.domain.words import folded
from bot.figures import reports
from bot.models import Team
from bot.team import teams
from bot.views.block import literal

TODAY = "today"
ALL = frozenset({"alle", "alle teams", "all", "all teams"})


@dataclass(frozen=True)
class Asked:
    """A period and a team; `others` are the teams whose figures are added to it."""

    period: Period
    team: Team
    others: Sequence[Team] = ()

    @property
    def names(self) -> str:
        """The names of the teams."""
        return ", ".join(team.name for team in (self.team, *self.others))

    @property
    def other_ids(self) -> set[int]:
        """The ids of `others`."""
        return {team.id for team in self.others}


async def asked_for(session: AsyncSession, team: Team, words: str, now: datetime, *, known: Collection[int]) -> Asked:
    """Return the period and the team that the words of a command ask for; raises Refused when they are not understood.

    The default is today and this team; "alle" means all teams of the person who asks. `known` are the teams in which
    that person has a role; they see no others.
    """
    others: list[Team] = []
    _, rest = split(words, now, reports.zone_of(team))
    if rest:
        theirs = [each for each in await teams.all_teams(session) if each.id in known]
        named = [each for each in theirs if each.name.casefold() == rest.casefold()]
        named = named or [each for each in theirs if folded(rest) and folded(each.name) == folded(rest)]
        if not named and rest.casefold() in ALL:
            named, others = [team], [each for each in theirs if each.id != team.id]
        if not named:
            raise Refused("I do not understand “{words}”. Give a period (today, week, month, "
                          "2026-11-01..2026-11-24) and then, if you like, a team.",
                          words=literal(rest, 80))  # fmt: skip
        team = named[0]
    zone = reports.zone_of(team)  # its days are those of its own zone, whoever asks
    period = split(words, now, zone)[0] or parse(TODAY, now, zone)
    if period is None:
        raise Refused("There is no such period.")
    return Asked(period, team, others)
