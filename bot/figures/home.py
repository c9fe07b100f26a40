"""The queries behind the App Home: an agent's cases, and their teams' queue, promises and figures of today.

The figures come from bot.figures.reports, so they are the same everywhere.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.figures import Overview, Part, Span
from bot.domain.period import WEEK, days_of, midnight
from bot.domain.queue import Filter, Which
from bot.figures import lists, reports
from bot.figures.standing import standing
from bot.models import Role, Team
from bot.team import agents, teams
from bot.team.settings import TeamSettings
from bot.texts import Texts
from bot.views.home import SHOWN, Asked, Chosen, Home


async def home(session: AsyncSession, slack_id: str, t: Texts, now: datetime, wanted: Filter | None = None) -> Home:
    """Return the content of this agent's Home now: the overview, or the list that they want."""
    own = await teams.of_person(session, slack_id)
    team_ids = [team.id for team in own]
    mine = await lists.waiting(session, team_ids, Filter(Which.MINE, slack_id), now=now, most=SHOWN)
    queue = await lists.waiting(session, team_ids, Filter(Which.UNOWNED), now=now, most=SHOWN)
    today = Filter(Which.PROMISED)
    promises = await lists.waiting(session, team_ids, today, now=now, most=SHOWN)
    places, readable = await lists.places(session, own, t), [team for team in own if TeamSettings.if_readable(team)]
    chosen = await lists.waiting(session, team_ids, wanted, now=now, most=SHOWN) if wanted else None
    asked = [Asked(question, case) for question, case in await lists.asked(session, slack_id)]
    roles = await agents.roles(session, slack_id)
    coordinated = await agents.coordinated(session)
    settable = [each for each in own if each.id not in coordinated or roles.get(each.id) is Role.COORDINATOR]
    return Home(
        read_only={team_id for team_id, role in roles.items() if role is Role.READER},
        read_only_everywhere=bool(own) and all(roles.get(team.id) is Role.READER for team in own),
        settable=[(team.id, team.name) for team in settable],
        coordinated=all(team.id in coordinated for team in settable),
        read_by_others=[
            (team.name, bool(seen.get("shared")))
            for team in own
            if roles.get(team.id) is Role.COORDINATOR
            and (seen := team.channel_seen or {}).get("channel") == team.channel
            and (seen.get("public") or seen.get("shared"))
        ],
        mine=mine.lines,
        mine_count=mine.count,
        queue=queue.lines,
        queue_count=queue.count,
        promises=promises.lines,
        promises_count=promises.count,
        today=[await _today(session, team, now) for team in readable],
        week=_together([(reports.zone_of(team), await _week(session, team, now)) for team in readable], t.zone),
        asked=asked,
        teams=await teams.names(session, {team.id for team in own} | {each.case.team_id for each in asked}, own),
        by=slack_id,
        places=places,
        chosen=Chosen(replace(wanted, page=chosen.page), chosen.lines, chosen.count, chosen.pages)
        if wanted and chosen
        else None,
    )


async def _today(session: AsyncSession, team: Team, now: datetime) -> Overview:
    """Return a team's figures of today, and its standing."""
    zone = reports.zone_of(team)
    today = now.astimezone(zone).date()
    figures = await reports.figures(session, team, days_of(today, today, zone), now)
    return Overview(Span.ASKED, team.name, figures, standing=await standing(session, team, now))


async def _week(session: AsyncSession, team: Team, now: datetime) -> Sequence[Part]:
    """Return the mentions and answers of each of the last seven days, today included."""
    zone = reports.zone_of(team)
    today = now.astimezone(zone).date()
    return await reports.course(session, team, days_of(today - WEEK + timedelta(days=1), today, zone))


def _together(courses: Sequence[tuple[tzinfo, Sequence[Part]]], zone: tzinfo) -> list[Part]:
    """Return the sum of all teams on each of the last seven days; a day is a date, of each team in its own zone."""
    mentions, answered = Counter[date](), Counter[date]()
    for own, course in courses:
        for part in course:
            day = part.since.astimezone(own).date()
            mentions[day] += part.mentions
            answered[day] += part.answered
    return [Part(midnight(day, zone), mentions[day], answered[day]) for day in sorted(mentions)[-WEEK.days :]]
