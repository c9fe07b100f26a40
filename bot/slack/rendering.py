"""What each message of ours shows now, rendered from the state in the transaction that leases it."""

from collections.abc import Mapping
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.desk import Desk
from bot.domain.case import Status
from bot.domain.figures import Overview
from bot.models import Account, Agent, CaseFile, Clock, Message, MessageKind
from bot.staffing import presence
from bot.views.ask import ask_card
from bot.views.away import returned_unanswered, seen_away_question
from bot.views.block import View
from bot.views.case_card import case_card
from bot.views.digest import overview
from bot.views.reminder import Due, reminder, still, urgent_call
from bot.views.thread import account_problem, returned, thread_message


async def view_of(desk: Desk, session: AsyncSession, message: Message) -> View | None:
    """Return what a message must show now; None when there is nothing left to say."""
    if message.kind is MessageKind.REMINDER:
        return await _reminder(desk, session, message)
    if message.kind is MessageKind.DIGEST:
        return overview(Overview.from_json(message.details or {}), desk.t)
    if message.kind is MessageKind.AWAY:
        return await _away(desk, session, message.details or {})
    if message.case_id is None:
        return account_problem(await session.get_one(Account, message.subject_id), desk.t)
    file = await cases.read(session, message.case_id)
    match message.kind:
        case MessageKind.CASE:
            return case_card(file, desk.t, desk.now())
        case MessageKind.STILL:
            return _still(desk, file, message)
        case MessageKind.URGENT:
            return _urgent(desk, file, message.details or {})
        case MessageKind.RETURNED:
            return returned((message.details or {}).get("away", ""), desk.t)
        case MessageKind.ASK:
            return ask_card(file, message.subject_id or 0, desk.t, desk.now())
        case _:
            return thread_message(message.kind, file, message.subject_id, desk.t, desk.now())


async def _reminder(desk: Desk, session: AsyncSession, message: Message) -> View | None:
    """Return a reminder of what still waits: nothing is said of a case that was answered meanwhile."""
    waiting = []
    for step in (message.details or {})["steps"]:
        clock = await session.get(Clock, step["clock"])
        if clock is not None and clock.stopped_at is None:
            file = await cases.read(session, step["case"])
            waiting.append(Due(file, clock, step["percent"], step["text"]))
    duty = (message.details or {}).get("duty", [])
    return reminder(waiting, desk.t, desk.now(), duty=duty) if waiting else None


def _still(desk: Desk, file: CaseFile, message: Message) -> View | None:
    """Return what is asked of the owner of a case that lies still; nothing once it is with someone else."""
    details = message.details or {}
    if file.case.status is not Status.CLAIMED or file.case.assignee != details["owner"]:
        return None
    return still(file, details["minutes"], desk.t, desk.now())


def _urgent(desk: Desk, file: CaseFile, details: Mapping[str, Any]) -> View | None:
    """Return the call to an urgent case; nothing once somebody has it or it is urgent no longer."""
    if file.case.status is not Status.NEW or not file.case.urgent:
        return None
    return urgent_call(file, details["called"], desk.t, desk.now())


async def _away(desk: Desk, session: AsyncSession, details: Mapping[str, Any]) -> View | None:
    """Return what an agent who was seen away is asked, or what became of it; nothing once they are back."""
    owner = details["owner"]
    if details["returned"]:
        return returned_unanswered(details["returned"], desk.t)
    agent, waiting = await session.get(Agent, owner), await presence.claimed_by(session, owner)
    if agent is None or agent.asked_at is None:
        return None
    return seen_away_question(owner, len(waiting), desk.t) if waiting else None
