"""Cases that wait for advice: they do through interim messages; we ask again, and at last their owner has them back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import reminders
from bot.cases.closing import is_asked
from bot.cases.moves import tell_thread
from bot.cases.reminders import Told
from bot.cases.state import ended_at, locked, record
from bot.domain.case import STILL_ESCALATED, Move, Status
from bot.domain.coming import Coming, Doing, heard_at
from bot.domain.sla import advice_due
from bot.models import (
    ASKED,
    WAITING,
    Case,
    CaseFile,
    Escalation,
    Message,
    MessageKind,
    Reminder,
    ReminderKind,
    Team,
)
from bot.team import teams
from bot.team.settings import TeamSettings


async def due(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> Sequence[int]:
    """Return the open questions of a team's cases for which half of the time for advice is used."""
    escalated = select(Case.id).where(WAITING, Case.team_id == team.id, Case.status == Status.ESCALATED)
    rows = await session.exec(
        select(Escalation).where(ASKED, col(Escalation.case_id).in_(escalated)).order_by(col(Escalation.id))
    )
    return [asked.id for asked in rows if _step(asked, settings, now)]


def _ends(asked: Escalation, settings: TeamSettings, now: datetime) -> Mapping[int, datetime]:
    """Return when half of the time for advice is used, and when it is over, by percentage."""
    allowed = settings.norm.targets().resolution
    if asked.allowed_seconds is not None:
        allowed = timedelta(seconds=asked.allowed_seconds)
    return advice_due(settings.hours(now), asked.at, allowed)


def _step(asked: Escalation, settings: TeamSettings, now: datetime) -> int:
    """Return the last percentage that a question has reached, 0 if none."""
    return max((percent for percent, at in _ends(asked, settings, now).items() if at <= now), default=0)


async def turn_over(session: AsyncSession, asked: Escalation, case: Case, team: Team, now: datetime) -> datetime | None:
    """Return when the turn of those who were asked was or will be over: at their advice, or when their time ends.

    The time ends too when the case ends without it; None when no opening hours bring the end.
    """
    time_over = _ends(asked, TeamSettings.of(team.settings), now).get(100)
    ends = (asked.advised_at, asked.lapsed_at, await ended_at(session, case), time_over)
    return min((each for each in ends if each is not None), default=None)


async def coming(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when those who were asked about a case will be reminded, and when it goes back to its owner."""
    found, case, hours = list[Coming](), file.case, settings.hours(now)
    if case.status is not Status.ESCALATED:
        return found
    for asked in await session.exec(select(Escalation).where(ASKED, Escalation.case_id == case.id)):
        over = heard_at(hours, _ends(asked, settings, now).get(100), now)
        for percent, at in _ends(asked, settings, now).items():
            heard, to = heard_at(hours, at, now), [each.recipient for each in await _reminders(session, asked, percent)]
            if heard is not None and (percent == 100 or (to and heard != over)):
                found.append(Coming(heard, Doing.ADVICE, tuple(to), percent))
    return found


async def still_waits(session: AsyncSession, case: Case, made: Move, before: Mapping[str, Any]) -> Move:
    """Return the move after which an answered case that waited for advice still does, if anybody is asked; else `made`.

    It is for what happens to an interim message, which answers nothing, and for an answer that is taken back. `before`
    is how the case stood when it was answered, as `before_answer` returns it.
    """
    waited = before.get("was") == Status.ESCALATED
    return STILL_ESCALATED[made] if waited and await is_asked(session, case.id) else made


async def chase(session: AsyncSession, escalation_id: int, now: datetime) -> None:
    """Ask again for advice on a question, as far as its time is used by now; at the end of it the question lapses."""
    query = select(Escalation, Case).join(Case).where(Escalation.id == escalation_id)
    asked, case = (await session.exec(query)).one()
    if percent := _step(asked, await teams.settings(session, case.team_id), now):
        await ask_again(session, escalation_id, percent=percent, now=now)


async def ask_again(session: AsyncSession, escalation_id: int, *, percent: int, now: datetime) -> None:
    """Remind those who were asked, once for each percentage; at 100 the question lapses.

    When the last question of a case lapses, the case goes back to its owner, who is notified. Later advice still shows.
    """
    case_id, team_id = (
        await session.exec(select(Case.id, Case.team_id).join(Escalation).where(Escalation.id == escalation_id))
    ).one()
    team = await reminders.hold(session, team_id)
    case = await locked(session, case_id)
    asked = await session.get_one(Escalation, escalation_id, populate_existing=True)
    if case.status is not Status.ESCALATED or asked.advice is not None or asked.lapsed_at is not None:
        return
    await reminders.hold_messages(session, team_id, [case_id])
    await reminders.remind(session, team, await _reminders(session, asked, percent), now=now)
    if percent < 100:
        return
    asked.lapsed_at = now
    session.add(asked)
    await session.flush()
    others = await session.exec(select(Escalation.id).where(Escalation.case_id == case.id, ASKED))
    stays, details = others.first() is not None, {"escalation": asked.id}
    await record(session, Move.NO_ADVICE, case, now=now, details=details, stays=stays)
    if not stays:
        await tell_thread(session, case, MessageKind.NO_ADVICE, f"no_advice:{asked.id}", asked.id)


async def _reminders(session: AsyncSession, asked: Escalation, percent: int) -> list[Told]:
    """Return the reminders of a question: for each place where it was posted, unless it got one at this percentage."""
    ask = f"ask:{asked.id}:"
    keys = await session.exec(
        select(Message.key)
        .where(Message.case_id == asked.case_id, Message.kind == MessageKind.ASK, Message.subject_id == asked.id)
        .order_by(col(Message.id))
    )
    reminded = await session.exec(
        select(Reminder.recipient).where(
            Reminder.case_id == asked.case_id, Reminder.kind == ReminderKind.ADVICE, Reminder.subject_id == asked.id,
            Reminder.percent >= percent,
        )
    )  # fmt: skip
    recipients = [key.removeprefix(ask) for key in keys]
    already = set(reminded)
    return [
        Told(each, asked.case_id, ReminderKind.ADVICE, asked.id, percent) for each in recipients if each not in already
    ]
