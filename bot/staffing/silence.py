"""Citizens who do not answer our question: ask the owner what to do, or the team when the owner is away or gone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import Status
from bot.domain.coming import Coming, Doing, heard_by_days
from bot.domain.period import working_days
from bot.domain.signals import Rank
from bot.models import Case, CaseFile, Message, MessageKind, Role, Team, Unanswered, resting
from bot.staffing import duty, presence
from bot.team import agents
from bot.team.settings import TeamSettings

SHORTER = timedelta(hours=1)
"""How much shorter the days may be that a change to summer time is among."""


async def due(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> Sequence[int]:
    """Return the cases of a team whose citizens' time is over, and about which nobody was asked since."""
    before = now - timedelta(days=settings.citizen_days) + SHORTER
    rows = await session.exec(
        select(Case).where(resting(Status.WITH_CITIZEN), Case.team_id == team.id, col(Case.waits_since) <= before)
    )
    over = {case.id: (case, days) for case in rows if (days := _days(case, settings, now))}
    asked = await _questions(session, [*over])
    return sorted(case_id for case_id, (case, days) in over.items() if not _is_asked(case, days, asked))


async def ask(session: AsyncSession, case_id: int, now: datetime) -> None:
    """Ask what to do with a case, once each time the citizen's time is over.

    The owner is asked in their direct messages, and so is who gets the case from them. If they are away, no longer
    answer for the team, or did not act on an earlier question, those on duty are asked in the thread, else the
    coordinators.
    """
    case = await cases.locked(session, case_id)
    team = await session.get_one(Team, case.team_id)
    settings = TeamSettings.of(team.settings)
    days = _days(case, settings, now)
    asked = await _questions(session, [case_id])
    if not days or _is_asked(case, days, asked):
        return
    key = f"unanswered:{case.id}:{_since(case).timestamp()}:{days}"
    if any(message.key == key for message in asked):  # its former owner was asked
        key = f"{key}:{case.assignee}"
    details, is_again = Unanswered(_since(case).isoformat(), days), days > settings.citizen_days
    about: dict[str, Any] = {"kind": MessageKind.UNANSWERED, "case_id": case_id}
    owner = await _owner(session, case)
    if owner:
        directly = replace(details, owner=owner).to_json()
        session.add(Message(key=key, channel=owner, details=directly, **about))
    if not owner or is_again:
        in_thread = replace(details, asked=await duty.whom(session, team, settings, now)).to_json()
        key = f"{key}:thread" if owner else key
        session.add(Message(key=key, channel=team.channel, in_thread=True, details=in_thread, rank=Rank.SOON, **about))


async def coming(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when somebody will be asked about a case whose citizen does not answer."""
    case, team = file.case, file.team
    if case.status is not Status.WITH_CITIZEN:
        return []
    asked = await _questions(session, [case.id])
    for at in heard_by_days(settings.hours(now), now, now):
        days = _days(case, settings, at)
        if days and not _is_asked(case, days, asked):
            owner = await _owner(session, case)
            to, is_again = (owner,) if owner else (), days > settings.citizen_days
            return [Coming(at, Doing.UNANSWERED, to if owner and not is_again else (*to, team.channel))]
    return []


def _days(case: Case, settings: TeamSettings, now: datetime) -> int:
    """Return the working days in which the citizen's time was over, once or several times; 0 if it is not over."""
    if case.status is not Status.WITH_CITIZEN:
        return 0
    waited = working_days(settings.hours(now), _since(case), now)
    return waited // settings.citizen_days * settings.citizen_days


async def _questions(session: AsyncSession, case_ids: Sequence[int]) -> Sequence[Message]:
    """Return what was asked so far about these cases."""
    about = col(Message.case_id).in_(case_ids), Message.kind == MessageKind.UNANSWERED
    return (await session.exec(select(Message).where(*about))).all() if case_ids else []


def _is_asked(case: Case, days: int, asked: Sequence[Message]) -> bool:
    """Tell whether the owner that a case has now was asked about so many days or more, or the team in its thread.

    By the days, as the team may change their number in between.
    """
    questions = [Unanswered.of(each.details) for each in asked if each.case_id == case.id]
    return any(each.since == _since(case) and each.days >= days and each.asks(case.assignee) for each in questions)


def _since(case: Case) -> datetime:
    return case.waits_since or case.opened_at


async def _owner(session: AsyncSession, case: Case) -> str:
    """Return the owner of a case if they are present and answer for its team, else ""."""
    owner = case.assignee or ""
    role = (await agents.roles(session, owner)).get(case.team_id, Role.READER)
    return "" if role is Role.READER or await presence.is_away(session, owner) else owner
