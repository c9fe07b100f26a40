"""The queries behind the App Home: one agent's cases, and the queue, today's figures and promises of their teams.

The figures come from bot.figures.reports, so that they are the same as everywhere else.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.case import Status
from bot.domain.figures import Overview, Part, Span
from bot.domain.period import WEEK, days_of
from bot.domain.sla import ClockKind
from bot.figures import reports
from bot.figures.standing import standing
from bot.models import WAITING, Account, Author, Case, Clock, Mention, Role, Team
from bot.team import agents, teams
from bot.texts import Texts
from bot.views.home import SHOWN, Home, Shown


async def home(session: AsyncSession, slack_id: str, t: Texts, now: datetime) -> Home:
    """Return what this agent's Home shows now."""
    midnight = now.astimezone(t.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    mine = (col(Case.assignee) == slack_id) & WAITING
    own = await teams.of_person(session, slack_id)
    in_own = col(Case.team_id).in_([team.id for team in own])
    queue = (col(Case.status) == Status.NEW) & in_own & WAITING
    roles, coordinated = await agents.roles(session, slack_id), await agents.coordinated(session)
    settable = [each for each in own if each.id not in coordinated or roles.get(each.id) is Role.COORDINATOR]
    return Home(
        read_only={team_id for team_id, role in roles.items() if role is Role.READER},
        read_only_everywhere=all(roles.get(team.id) is Role.READER for team in own),
        settable=[(team.id, team.name) for team in settable],
        coordinated=all(team.id in coordinated for team in settable),
        mine=await _shown(session, mine),
        mine_count=await _count(session, mine),
        queue=await _shown(session, queue),
        queue_count=await _count(session, queue),
        promises=await _promises(session, in_own, midnight + timedelta(days=1)),
        today=[await _today(session, team, now) for team in own],
        week=_together([await _week(session, team, now) for team in own]),
    )


async def _count(session: AsyncSession, condition: ColumnElement[bool]) -> int:
    return (await session.exec(select(func.count()).select_from(Case).where(condition))).one()


async def _today(session: AsyncSession, team: Team, now: datetime) -> Overview:
    """Return a team's figures of today, and how it stands."""
    zone = reports.zone_of(team)
    today = now.astimezone(zone).date()
    figures = await reports.figures(session, team, days_of(today, today, zone))
    return Overview(Span.ASKED, team.name, figures, standing=await standing(session, team, now))


async def _week(session: AsyncSession, team: Team, now: datetime) -> Sequence[Part]:
    """Return how the seven days up to and including today went."""
    zone = reports.zone_of(team)
    today = now.astimezone(zone).date()
    return await reports.course(session, team, days_of(today - WEEK + timedelta(days=1), today, zone))


def _together(courses: Sequence[Sequence[Part]]) -> list[Part]:
    """Return the days of all teams added up."""
    return [
        Part(day[0].since, sum(part.mentions for part in day), sum(part.answered for part in day))
        for day in zip(*courses, strict=True)
    ]


async def _shown(session: AsyncSession, condition: ColumnElement[bool]) -> list[Shown]:
    """Return the first cases of a list, the oldest first, in as many queries however many there are."""
    found = await session.exec(
        select(Case, Author, Account)
        .join(Author, col(Case.author_id) == Author.id)
        .join(Account, col(Case.account_id) == Account.id)
        .where(condition)
        .order_by(col(Case.opened_at), col(Case.id))
        .limit(SHOWN)
    )
    rows = found.all()
    case_ids = [case.id for case, *_ in rows]
    mentions, clocks = await _mentions(session, case_ids), await _first_due(session, case_ids)
    return [
        Shown(
            case=case,
            author=author,
            platform=connectors.label_of(account).platform,
            mention=mentions[case.id][-1],
            clock=clocks.get(case.id),
            answerable=any(each.may_be_answered() for each in mentions[case.id]),
        )
        for case, author, account in rows
    ]


async def _mentions(session: AsyncSession, case_ids: Sequence[int]) -> dict[int, list[Mention]]:
    found = await session.exec(
        select(Mention).where(col(Mention.case_id).in_(case_ids)).order_by(col(Mention.published_at), col(Mention.id))
    )
    by_case = defaultdict(list)
    for mention in found:
        by_case[mention.case_id].append(mention)
    return by_case


async def _first_due(session: AsyncSession, case_ids: Sequence[int]) -> dict[int, Clock]:
    """Return of each case the running clock that is due first."""
    found = await session.exec(
        select(Clock)
        .where(col(Clock.case_id).in_(case_ids), col(Clock.stopped_at).is_(None))
        .where(col(Clock.due_at).is_not(None), col(Clock.running_since).is_not(None))
        .order_by(col(Clock.due_at).desc())
    )
    return {clock.case_id: clock for clock in found}


async def _promises(session: AsyncSession, in_teams: ColumnElement[bool], before: datetime) -> list[Shown]:
    """Return the cases of these teams of which a promise to the citizen is due before this moment, or overdue."""
    promised = select(Clock.case_id).where(
        Clock.kind == ClockKind.PROMISE, col(Clock.stopped_at).is_(None), col(Clock.due_at) < before
    )
    return await _shown(session, in_teams & col(Case.id).in_(promised))
