"""A time without a date is true on one day only: what was posted on a day and goes on names that day after it.

Written once after midnight, a message names the date of every moment (`Texts.when`), so that it needs no later turn.
What has ended needs none at all: it stands below the date of its own day.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, union_all
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases.state import FOLLOW_THE_CASE
from bot.domain.period import midnight
from bot.models import FIRST_WORKSPACE, NOT_ENDED, Case, Message, Reminder, Rollup, Workspace
from bot.texts import Texts


async def is_due(session: AsyncSession, t: Texts, now: datetime) -> bool:
    """Tell whether `begin_day` has something to do."""
    return (await session.get_one(Workspace, FIRST_WORKSPACE)).dated_on != _today(t, now)


async def begin_day(session: AsyncSession, t: Texts, now: datetime) -> None:
    """Mark what was rendered before today and goes on: what is about cases that have not ended.

    Of two processes at once, the second does nothing. The cards have nothing new to say, so they are written last.
    """
    workspace = await session.get_one(Workspace, FIRST_WORKSPACE, with_for_update=db.HELD, populate_existing=True)
    before, workspace.dated_on = workspace.dated_on, _today(t, now)
    session.add(workspace)
    if before == workspace.dated_on:
        return
    since = midnight(before, t.zone).timestamp() if before is not None and before < workspace.dated_on else 0
    under_way = col(Message.ts).is_(None) & col(Message.posting_since).is_not(None)
    posted = or_(col(Message.ts) >= f"{since:010.0f}", under_way)  # Slack may date the latter today
    await touch_going_on(session, posted)


async def touch_going_on(session: AsyncSession, *which: ColumnElement[bool]) -> None:
    """Mark what is about cases that have not ended, of which nothing else is new."""
    ongoing = [select(Case.id).where(each).correlate(None) for each in NOT_ENDED]
    await cases.lock_where(session, col(Case.id).in_(union_all(*ongoing)))
    await cases.touch_messages(session, and_(_going_on(), *which), quietly=True)


def _going_on() -> ColumnElement[bool]:
    """Select the messages of cases that have not ended, the reminders, and the cards of roll-ups that Slack may have.

    A roll-up without a card gets it in its turn.
    """
    follows = col(Message.kind).in_(FOLLOW_THE_CASE)
    ongoing = [
        select(Message.id).where(follows, col(Message.case_id).in_(select(Case.id).where(each))) for each in NOT_ENDED
    ]
    rollups = select(Rollup.message_id).join(Message, col(Rollup.message_id) == Message.id)
    rollups = rollups.where(or_(col(Message.ts).is_not(None), col(Message.posting_since).is_not(None)))
    # each part goes by its own index
    return col(Message.id).in_(union_all(*ongoing, select(Reminder.message_id), rollups.correlate(None)))


def _today(t: Texts, now: datetime) -> date:
    return now.astimezone(t.zone).date()
