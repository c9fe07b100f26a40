"""All that is known of one case, read in one go, without a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import subjects
from bot.cli.doctor.coming import coming
from bot.config import BadSettings
from bot.domain.case import Move
from bot.domain.coming import Coming, Doing
from bot.domain.event import Why
from bot.domain.hours import NeverOpen, next_opening
from bot.models import AnswerDraft, Case, CaseFile, Clock, Event, Message, Reminder, Team, Transfer
from bot.staffing import presence
from bot.team.settings import TeamSettings

OVERDUE = timedelta(minutes=10)
"""The jobs run every minute: what was due longer ago is not done."""
AT_ONCE = frozenset({(Doing.CALL, None), (Move.PUT_BACK, Why.READER)})
"""What is due from the moment that somebody changes the case or a role, so that it says nothing about the past."""


@dataclass(frozen=True)
class Facts:
    """A case, and what belongs to it.

    `settings` is None when those of its team cannot be read: then nothing is `coming`. `overdue` is what should have
    been done. `opens`: whether the team ever opens. `clocks` are all, also those that stopped. `rolled_up`: the card of
    a roll-up shows it, so that it needs none of its own.
    """

    file: CaseFile
    settings: TeamSettings | None
    coming: Sequence[Coming]
    overdue: Sequence[Coming]
    opens: bool
    owner_is_away: bool
    clocks: Sequence[Clock]
    messages: Sequence[Message]
    reminders: Sequence[Reminder]
    events: Sequence[Event]
    drafts: Sequence[AnswerDraft]
    now: datetime
    rolled_up: bool = False


async def find(session: AsyncSession, number: int, team_name: str, *, is_id: bool) -> int:
    """Return the case with this number, in the named team if several have one, or with this id; raises BadSettings."""
    if is_id:
        if await session.get(Case, number) is None:
            raise BadSettings(f"There is no case with the id {number}.")
        return number
    teams = {team.id: team.name for team in await session.exec(select(Team))}
    if team_name and team_name not in teams.values():
        raise BadSettings(f"There is no team {team_name}: webcare teams list names them.")
    numbered = (await session.exec(select(Case.id, Case.team_id).where(Case.number == number))).all()
    left = select(Transfer.case_id, Transfer.from_team_id).where(Transfer.number == number)
    moved = (await session.exec(left)).all()
    found: set[tuple[int, str]] = {(case_id, teams[team_id]) for case_id, team_id in [*numbered, *moved]}
    found = {each for each in found if not team_name or each[1] == team_name}
    ids = {case_id for case_id, _ in found}
    if not ids:
        raise BadSettings(f"There is no case {number}{f' in {team_name}' if team_name else ''}.")
    if len(ids) > 1:
        names = " or ".join(sorted(f"--team {name!r}" for _, name in found))
        raise BadSettings(f"There are several cases {number}: add {names}, or give the id with --id.")
    return ids.pop()


async def gather(session: AsyncSession, case_id: int, now: datetime) -> Facts:
    """Return all that is known of a case."""
    file = await cases.read(session, case_id)
    settings = TeamSettings.if_readable(file.team)
    next_, earlier = list[Coming](), list[Coming]()
    if settings is not None:
        next_ = list(await coming(session, file, settings, now))
        earlier = list(await coming(session, file, settings, now - OVERDUE))
    owner = file.case.assignee
    return Facts(
        file,
        settings,
        next_,
        [each for each in earlier if each.at <= now - OVERDUE and (each.what, each.why) not in AT_ONCE],
        settings is not None and _opens(settings, now),
        bool(owner) and await presence.is_away(session, str(owner)),
        (await session.exec(select(Clock).where(Clock.case_id == case_id).order_by(col(Clock.id)))).all(),
        (await session.exec(select(Message).where(Message.case_id == case_id).order_by(col(Message.id)))).all(),
        (await session.exec(select(Reminder).where(Reminder.case_id == case_id).order_by(col(Reminder.id)))).all(),
        await cases.history(session, case_id),
        (await session.exec(select(AnswerDraft).where(AnswerDraft.case_id == case_id))).all(),
        now,
        await subjects.needs_no_card(session, file.case),
    )


def _opens(settings: TeamSettings, now: datetime) -> bool:
    try:
        next_opening(settings.hours(now), now)
    except NeverOpen:
        return False
    return True
