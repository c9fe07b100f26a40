"""The time left: cards say how many minutes there are until what is due next, and that it just became late.

Slack takes fifty edits a minute: if all cards were written anew at once, hundreds of them would stand behind for many
minutes. So each card has a minute of its own in every round, and a round is longer while there are many.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases.state import FOLLOW_THE_CASE
from bot.desk import Desk
from bot.models import Clock, Message
from bot.slack.writing import is_free, is_stale
from bot.team import teams
from bot.views.clock import COUNTED_DOWN, ROUNDED_TO

ROUNDS = (ROUNDED_TO, 10, 15)
"""How many minutes a round may take: the shortest in which all cards have their turn."""
A_MINUTE = 20
"""Cards of all teams together, of the fifty edits (`bot.slack.pace`): what happens needs the others."""
LATELY = 2 * timedelta(minutes=max(ROUNDS))
"""How long the card of a late case is still updated, so that it says so with any ladder."""


async def count_down(desk: Desk) -> None:
    """Update the cards whose turn it is in this minute, of each team as many.

    What else Slack does not show yet comes first: for each of those there is one card less, which waits for its next
    turn. Of more cards than the longest round has turns, those that are due first have one.
    """
    now = desk.now()
    async with desk.reading() as session:
        by_team = [await _due_soon(session, team.id, now) for team in await teams.all_teams(session)]
        behind = (await session.exec(_BEHIND.where(is_free(now)))).one()
    due = [case_ids for case_ids in by_team if case_ids]
    first = _minute(now) % len(due) if due else 0  # of more teams than there are turns, each is among the first
    due = [*due[first:], *due[:first]]
    turns = [case_id for case_ids in due for case_id in in_turn(case_ids, max(1, A_MINUTE // len(due)), now)]
    if turns := turns[: max(0, A_MINUTE - behind)]:
        async with desk.session() as session:
            await cases.lock_all(session, turns)
            await cases.touch_messages(session, col(Message.case_id).in_(turns) & _STANDING, quietly=True)


async def _due_soon(session: AsyncSession, team_id: int, now: datetime) -> list[int]:
    """Return the cases in Slack that are due soon or just became late, those due first before the others."""
    running = col(Clock.stopped_at).is_(None) & col(Clock.due_at).between(now - LATELY, now + COUNTED_DOWN)
    soon = select(Clock.case_id).join(Message, col(Message.case_id) == Clock.case_id)
    soon = soon.where(Clock.team_id == team_id, running, _STANDING)
    first = func.min(Clock.due_at)
    return list(await session.exec(soon.group_by(col(Clock.case_id)).order_by(first).limit(A_MINUTE * max(ROUNDS))))


def in_turn(case_ids: Sequence[int], a_minute: int, now: datetime) -> list[int]:
    """Return the cases whose minute this is, of so many `a_minute`; each has one in every round."""
    minute, taken = _minute(now), case_ids[: a_minute * max(ROUNDS)]
    a_round = next((each for each in ROUNDS if len(taken) <= each * a_minute), max(ROUNDS))
    return [case_id for case_id in taken if case_id % a_round == minute % a_round]


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60


_STANDING = col(Message.kind).in_(FOLLOW_THE_CASE) & col(Message.ts).is_not(None)
_BEHIND = select(func.count()).select_from(Message).where(is_stale(), col(Message.ts).is_not(None))
