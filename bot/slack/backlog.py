"""Say in a team's channel how many new cases have no card of their own, while Slack takes fewer than come.

One message, posted before all cards and edited before all others, until no case waits for its card. So everybody knows
of every case at once, and can list them, also those without a card. It shows no citizen's words.

It counts the cases of roll-ups too, and lists those: not all of them have a card.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.reading import platform_names
from bot.domain.case import Status
from bot.domain.signals import Rank
from bot.models import Backlog, Case, Message, MessageKind, Rollup, Team, UtcDateTime, Waiting
from bot.slack import rollups
from bot.slack.writing import is_stale

MANY = 20
"""So many cases without a card are a backlog, if the first of them has waited this long."""
LONG = timedelta(seconds=15)
EVERY = timedelta(seconds=15)
"""How often the message is edited. Slack takes fifty edits a minute, and cards change too."""
LATELY = timedelta(minutes=5)

# Built once, for each sweep: to build it takes longer than to run it.
_LATELY = col(Case.opened_at) > bindparam("lately", type_=UtcDateTime)
_GROUP = (col(Case.team_id), col(Case.account_id), col(Message.rank), _LATELY)
_UNPOSTED = (is_stale(), col(Message.ts).is_(None), col(Message.kind) == MessageKind.CASE)
_WAITING = (
    sqlalchemy.select(*_GROUP, func.count(), func.min(col(Case.opened_at)))
    .select_from(Message)
    .join(Case, col(Message.case_id) == Case.id)
    .where(*_UNPOSTED)
    .group_by(*_GROUP)
)
SOUGHT: Sequence[Any] = (
    sqlalchemy.select(col(Message.id)).where(*_UNPOSTED), sqlalchemy.select(col(Backlog.team_id)), rollups.ANY
)  # fmt: skip
"""What `changed` looks for."""


@dataclass
class Unposted:
    """The cases of one team that have no card: `count` wait for it, `rolled_up` are much alike to others.

    `subjects` is how many roll-ups have no card themselves.
    """

    since: datetime
    by_platform: Counter[str] = field(default_factory=Counter)
    count: int = 0
    first: int = 0
    lately: int = 0
    rolled_up: int = 0
    subjects: int = 0

    @property
    def is_worth_saying(self) -> bool:
        """Whether a message that says it goes on."""
        return self.count > 0 or self.subjects > 0


async def unposted(session: AsyncSession, now: datetime) -> dict[int, Unposted]:
    """Return the cases that have no card of their own, by team."""
    waiting, any_rollup = await _waiting(session, now), await rollups.are_there(session)
    rolled_up = await _rolled_up(session, now) if any_rollup else []
    names = await platform_names(session, {row[1] for row in [*waiting, *rolled_up]})
    by_team = dict[int, Unposted]()
    for team_id, account_id, rank, is_late, count, since in waiting:
        team = by_team.setdefault(team_id, Unposted(since))
        team.since, team.count = min(team.since, since), team.count + count
        team.by_platform[names[account_id]] += count
        team.first += count if rank == Rank.FIRST else 0
        team.lately += count if is_late else 0
    for team_id, account_id, is_late, count, since in rolled_up:
        team = by_team.setdefault(team_id, Unposted(since))
        team.rolled_up += count
        team.by_platform[names[account_id]] += count
        team.lately += count if is_late else 0
    for team_id, subjects in (await rollups.without_card(session)).items() if any_rollup else ():
        by_team.setdefault(team_id, Unposted(now)).subjects = subjects
    return {team_id: team for team_id, team in by_team.items() if team.is_worth_saying}


async def _waiting(session: AsyncSession, now: datetime) -> Sequence[Any]:
    """Return the cases that wait for their card: team, account, rank, whether they came lately, number, since when."""
    return (await (await session.connection()).execute(_WAITING, {"lately": now - LATELY})).all()


async def _rolled_up(session: AsyncSession, now: datetime) -> Sequence[Any]:
    """Return the new cases that roll-ups show in place of a card: as `_waiting`, without the rank."""
    lately = col(Case.opened_at) > now - LATELY
    held = (
        sqlalchemy.select(col(Case.team_id), col(Case.account_id), lately, func.count(), func.min(col(Case.opened_at)))
        .select_from(Rollup)
        .join(Case, col(Case.subject_id) == Rollup.subject_id)
        .join(Message, (col(Message.case_id) == Case.id) & (col(Message.kind) == MessageKind.CASE))
        .where(col(Case.status) == Status.NEW, col(Message.ts).is_(None), ~is_stale())
        .group_by(col(Case.team_id), col(Case.account_id), lately)
    )
    return (await (await session.connection()).execute(held)).all()


async def changed(session: AsyncSession, now: datetime, speed: float) -> Mapping[int, Unposted | None]:
    """Return the teams whose backlog began, must be said anew or is over (None)."""
    waiting = await unposted(session, now)
    lasting = {each.team_id: each for each in await session.exec(select(Backlog))}
    begun = {
        id: now - each.since >= LONG * speed and (each.count >= MANY or each.subjects > 0)
        for id, each in waiting.items()
    }
    due = {id: now - each.said_at >= EVERY * speed or id not in waiting for id, each in lasting.items()}
    teams = {id for id, is_due in {**begun, **due}.items() if is_due}
    return {id: waiting.get(id) for id in sorted(teams)}


async def follow(session: AsyncSession, team_id: int, waits: Unposted | None, now: datetime) -> str:
    """Post, edit or end the message of one team; returns its channel.

    When the team has another channel now, a new message goes on there.
    """
    team = await session.get_one(Team, team_id, with_for_update=db.HELD)
    lasting = await session.get(Backlog, team_id, populate_existing=True)
    if lasting is None:
        if waits is not None:
            message = await _new_message(session, team, _details(waits, waits.count, waits.since), now)
            begun: dict[str, Any] = {"since_at": waits.since, "said_at": now, "most": waits.count}
            session.add(Backlog(team_id=team.id, message_id=message.id, **begun))
        return team.channel
    message = await session.get_one(Message, lasting.message_id, with_for_update=db.HELD)
    if waits is None:
        details = Waiting(0, lasting.most, lasting.since_at.isoformat(), until_at=now.isoformat()).to_json()
        await session.delete(lasting)
    else:
        lasting.most, lasting.said_at = max(lasting.most, waits.count), now
        details = _details(waits, lasting.most, lasting.since_at)
        if message.may_be_there and message.channel != team.channel:
            lasting.message_id = (await _new_message(session, team, details, now)).id
            details = {**details, "moved_to": team.channel}
        session.add(lasting)
    if message.details != details:
        message.details, message.version = details, message.version + 1
        session.add(message)
    return message.channel


async def _new_message(session: AsyncSession, team: Team, details: dict[str, object], now: datetime) -> Message:
    message = Message(
        key=f"backlog:{team.id}:{now.isoformat()}", kind=MessageKind.BACKLOG, subject_id=team.id, channel=team.channel,
        details=details, rank=Rank.FIRST,
    )  # fmt: skip
    session.add(message)
    await session.flush()
    return message


def _details(waits: Unposted, most: int, since: datetime) -> dict[str, object]:
    return Waiting(
        waits.count, most, since.isoformat(), waits.first, waits.lately, dict(waits.by_platform.most_common()),
        rolled_up=waits.rolled_up,
    ).to_json()  # fmt: skip
