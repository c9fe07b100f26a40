"""Call those on duty to an urgent case that nobody has claimed, once each time it comes to the queue of a team."""

from datetime import datetime

from sqlalchemy import ColumnElement, String, cast, literal
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import Status
from bot.domain.coming import Coming, Doing, heard_at
from bot.domain.event import EventKind
from bot.domain.hours import is_open
from bot.domain.signals import Rank
from bot.models import WAITING, Called, Case, CaseFile, Event, Message, MessageKind, Team
from bot.staffing import presence
from bot.team.settings import TeamSettings

BACK = (EventKind.REOPENED_BY_CITIZEN, EventKind.RELEASE)
"""The events by which a case is in the queue of its team again."""


async def call_to(session: AsyncSession, case_id: int, now: datetime) -> None:
    """Call those on duty, else the coordinators, in the thread of an urgent case without owner, if its team is open.

    An edited card notifies nobody, so the call is a message of its own. A case that is made urgent again is not called
    out again; one that its citizen reopened, or that went back to the queue, is.
    """
    case = await cases.locked(session, case_id)
    team = await session.get_one(Team, case.team_id)
    settings = TeamSettings.of(team.settings)
    if not (case.urgent and case.status is Status.NEW and is_open(settings.hours(now), now)):
        return
    [key] = (await session.exec(select(_key()).where(Case.id == case_id))).all()
    if (await session.exec(select(Message.id).where(Message.key == key))).first() is not None:
        return
    if called := await whom(session, team, settings, now):
        session.add(
            Message(key=key, kind=MessageKind.URGENT, case_id=case_id, channel=team.channel, in_thread=True,
                    details=Called(called).to_json(), rank=Rank.FIRST)
        )  # fmt: skip


async def is_newest(session: AsyncSession, call: Message) -> bool:
    """Tell whether a call is of the last time that its case came to a team, and not of an earlier one."""
    return call.key in (await session.exec(select(_key()).where(Case.id == call.case_id))).all()


async def whom(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> list[str]:
    """Return who is called to a case that nobody present has: those on duty, else the coordinators."""
    duty = await presence.on_duty(session, team.id, settings, now)
    return duty or await presence.present_of(session, settings.coordinators)


async def coming(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when those on duty will be called to an urgent case."""
    at = heard_at(settings.hours(now), now, now)
    if at is None or file.case.id not in await due(session, file.team, settings, now):
        return []
    called = await whom(session, file.team, settings, at)
    return [Coming(at, Doing.CALL, tuple(called))] if called else []


async def due(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> list[int]:
    """Return the urgent cases of a team that nobody has claimed and nobody was called to."""
    called = select(Message.id).where(Message.key == _key()).correlate(Case)
    rows = await session.exec(
        select(Case.id)
        .where(WAITING, Case.team_id == team.id, Case.status == Status.NEW, col(Case.urgent))
        .where(~called.exists())
    )
    return sorted(rows)


def _key() -> ColumnElement[str]:
    """Return the key of the call to a case, in SQL: the case, and how often it came to the queue of a team again.

    It comes again when its citizen reopens it, it goes back to the queue, or another team hands it over.
    """
    again = (
        select(func.count(col(Event.id)))
        .where(Event.case_id == Case.id, col(Event.kind).in_(BACK))
        .correlate(Case)
        .scalar_subquery()
    )
    return literal("urgent:") + cast(col(Case.id), String) + literal(":") + cast(again + Case.transfers, String)
