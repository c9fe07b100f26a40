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
from bot.models import WITH_CITIZEN, Case, Message, MessageKind, Role, Team, Unanswered
from bot.staffing import presence
from bot.team import agents
from bot.team.settings import TeamSettings


async def unasked(session: AsyncSession, team_id: int, settings: TeamSettings, now: datetime) -> Sequence[int]:
    """Return the cases of a team whose citizens' time is over, and about which nobody was asked since."""
    before = now - timedelta(days=settings.citizen_days)
    rows = await session.exec(
        select(Case).where(WITH_CITIZEN, Case.team_id == team_id, col(Case.waits_since) <= before)
    )
    due = {_key(case, times): case.id for case in rows if (times := _times(case, settings, now))}
    asked = set(await session.exec(select(Message.key).where(col(Message.key).in_(due))))
    return sorted(case_id for key, case_id in due.items() if key not in asked)


async def ask(session: AsyncSession, case_id: int, now: datetime) -> None:
    """Ask what to do with a case, once each time the citizen's time is over.

    The owner is asked in their direct messages. If they are away, no longer answer for the team, or did not act on an
    earlier question, those on duty are asked in the thread, else the coordinators.
    """
    case = await cases.locked(session, case_id)
    team = await session.get_one(Team, case.team_id)
    settings = TeamSettings.of(team.settings)
    times = _times(case, settings, now)
    key = _key(case, times)
    if not times or (await session.exec(select(Message.id).where(Message.key == key))).first() is not None:
        return
    details = Unanswered(_since(case).isoformat(), times * settings.citizen_days)
    about: dict[str, Any] = {"kind": MessageKind.UNANSWERED, "case_id": case_id}
    owner = await _owner(session, case)
    if owner:
        session.add(Message(key=key, channel=owner, details=replace(details, to=owner).to_json(), **about))
    if not owner or times > 1:
        called = await presence.on_duty(session, team.id, settings, now)
        called = called or await presence.present_of(session, settings.coordinators)
        in_thread = replace(details, asked=called).to_json()
        key = f"{key}:thread" if owner else key
        session.add(Message(key=key, channel=team.channel, in_thread=True, details=in_thread, rank=Rank.SOON, **about))


async def coming(session: AsyncSession, case: Case, team: Team, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when somebody will be asked about a case whose citizen does not answer."""
    if case.status is not Status.WITH_CITIZEN:
        return []
    questions = select(Message.key).where(Message.case_id == case.id, Message.kind == MessageKind.UNANSWERED)
    asked = set(await session.exec(questions))
    for at in heard_by_days(settings.hours(now), now, now):
        times = _times(case, settings, at)
        if times and _key(case, times) not in asked:
            owner = await _owner(session, case)
            to = (owner,) if owner else ()
            return [Coming(at, Doing.UNANSWERED, to if owner and times == 1 else (*to, team.channel))]
    return []


def _times(case: Case, settings: TeamSettings, now: datetime) -> int:
    """Return how many times the citizen's time is over; 0 for a case that does not wait for the citizen."""
    if case.status is not Status.WITH_CITIZEN:
        return 0
    return working_days(settings.hours(now), _since(case), now) // settings.citizen_days


def _key(case: Case, times: int) -> str:
    return f"unanswered:{case.id}:{_since(case).timestamp()}:{times}"


def _since(case: Case) -> datetime:
    return case.waits_since or case.opened_at


async def _owner(session: AsyncSession, case: Case) -> str:
    """Return the owner of a case if they are present and answer for its team, else ""."""
    owner = case.assignee or ""
    role = (await agents.roles(session, owner)).get(case.team_id, Role.READER)
    return "" if role is Role.READER or await presence.is_away(session, owner) else owner
