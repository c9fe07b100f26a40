"""Show new cases that are alike on one card, a roll-up, while many come in; each case stays its own.

A roll-up begins when several people write nearly the same. Cases that have no card yet get none then, except those that
go first, that somebody takes, or in whose thread something is said. It is edited calmly, and ends when it is quiet and
few wait: those get cards of their own.

A team reads a few such cards at a time. The card of a further subject is not posted until one of those has ended, and
then that of the greatest; the message about the backlog counts its cases (bot/slack/backlog.py), and lists it.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, and_, bindparam, distinct, false, func
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases.reading import platform_names
from bot.domain.case import Status
from bot.domain.signals import Rank
from bot.models import (
    ROLLED_UP,
    AboutOne,
    Author,
    Case,
    CaseBrief,
    Mention,
    Message,
    MessageKind,
    RolledUp,
    Rollup,
    Subject,
    Team,
    UtcDateTime,
)

FEWEST = 5
"""So many cases that nobody has are a roll-up: fewer cards are read at a glance."""
AUTHORS = 3
"""Of so many people at least: what one or two write again and again is no subject of many."""
WITHIN = timedelta(minutes=30)
"""They came in so lately: what is asked five times in two days is a common question. Not longer than CALM, or the first
new one after a calm would begin the next roll-up."""
JUST = timedelta(minutes=2)
"""A roll-up begins when a case has just come in; longer than the job can be late."""
EVERY = timedelta(seconds=15)
"""How often a card is edited. Slack takes fifty edits a minute, and other cards change too."""
AT_ONCE = 3
"""So many cards are edited in that time; of more, each is edited more seldom."""
MOST = 8
"""So many cards a team has at a time: they are read at a glance, and each is edited within a minute. While colleagues
click all the time, that takes longer: what they click is shown first."""
LOOKED_THROUGH = 10
"""Subjects without a card that are looked at again at once."""
LATELY = timedelta(minutes=10)
CALM = timedelta(minutes=30)
"""It is quiet when nothing new came in for this long."""
FEW = 20
"""At most so many cards are posted when it ends: they take twenty seconds, and do not hide what is new."""
EXAMPLES = 3
LOOKED_AT = 25
"""Newest posts among which the examples are chosen."""

_NEW = col(Case.status) == Status.NEW
_WITHOUT_CARD = and_(col(Message.ts).is_(None), col(Message.shown_version) >= col(Message.version))
"""The condition that the card of a roll-up is not to be posted yet."""
_WAITS = select(Case.id).where(Case.subject_id == Rollup.subject_id, _NEW).correlate(Rollup).exists()
"""The condition that nobody has some case of a roll-up."""


# Built once, for each sweep: to build them takes longer than to run them.
ANY = sqlalchemy.select(col(Rollup.subject_id)).limit(1)
_GROWN = (  # by the index on that moment
    sqlalchemy.select(col(Case.subject_id)).where(col(Case.opened_at) > bindparam("just", type_=UtcDateTime)).distinct()
)
SOUGHT: Sequence[Any] = (ANY, _GROWN)
"""What `begun` and `due` look for."""


async def are_there(session: AsyncSession) -> bool:
    """Tell whether any roll-up stands."""
    return (await (await session.connection()).execute(ANY)).first() is not None


async def begun(session: AsyncSession, now: datetime, speed: float) -> Sequence[int]:
    """Return the subjects whose cases must share a card from now on."""
    just, lately = now - JUST * speed, now - WITHIN * speed
    grown = set((await (await session.connection()).execute(_GROWN, {"just": just})).scalars()) - {None}
    if not grown:
        return []
    standing: set[int] = set(await session.exec(select(Rollup.subject_id)))
    subject_ids = grown - standing
    if not subject_ids:
        return []
    many = (
        select(Case.subject_id)
        .where(col(Case.subject_id).in_(subject_ids), col(Case.opened_at) > lately, _NEW)
        .group_by(col(Case.subject_id))
        .having(func.count() >= FEWEST, func.count(distinct(col(Case.author_id))) >= AUTHORS)
    )
    return sorted(each for each in await session.exec(many) if each is not None)


async def due(session: AsyncSession, now: datetime, speed: float) -> Sequence[int]:
    """Return some subjects whose roll-up was last brought level some time ago, the longest ago first."""
    if not await are_there(session):
        return []
    mine = select(Rollup.subject_id).join(Message, col(Rollup.message_id) == Message.id)
    mine = mine.order_by(col(Rollup.said_at), col(Rollup.subject_id))
    shown = (await session.exec(select(func.count()).select_from(mine.where(~_WITHOUT_CARD).subquery()))).one()
    every = EVERY * max(1, math.ceil(shown / AT_ONCE))
    those = await session.exec(mine.where(~_WITHOUT_CARD, col(Rollup.said_at) <= now - every * speed).limit(AT_ONCE))
    old = mine.where(_WITHOUT_CARD, col(Rollup.said_at) <= now - EVERY * speed).limit(LOOKED_THROUGH)
    return [*those, *await session.exec(old)]


async def without_card(session: AsyncSession) -> Mapping[int, int]:
    """Return how many roll-ups with cases that nobody has have no card yet, by team."""
    without = (
        sqlalchemy.select(col(Subject.team_id), func.count())
        .select_from(Rollup)
        .join(Subject, col(Rollup.subject_id) == Subject.id)
        .join(Message, col(Rollup.message_id) == Message.id)
        .where(_WITHOUT_CARD, _WAITS)
        .group_by(col(Subject.team_id))
    )
    rows = (await (await session.connection()).execute(without)).all()
    return {team_id: int(count) for team_id, count in rows}


async def standing(session: AsyncSession, team_ids: Collection[int], *, most: int) -> tuple[int, list[AboutOne]]:
    """Return how many roll-ups these teams have, and the greatest of them by the cases that nobody has."""
    counted = (
        sqlalchemy.select(col(Case.subject_id), func.count())
        .join(Rollup, col(Rollup.subject_id) == Case.subject_id)
        .where(col(Case.team_id).in_(team_ids), _NEW)
        .group_by(col(Case.subject_id))
        .order_by(func.count().desc(), col(Case.subject_id))
    )
    rows = (await (await session.connection()).execute(counted)).all()
    first = [(subject_id, waiting) for subject_id, waiting in rows[:most] if subject_id is not None]
    cards = await session.exec(
        select(Rollup.subject_id, Message.details)
        .join(Message, col(Rollup.message_id) == Message.id)
        .where(col(Rollup.subject_id).in_([subject_id for subject_id, _ in first]))
    )
    shown = {subject_id: RolledUp.of(details).cases for subject_id, details in cards}
    read = {brief.case.id: brief for brief in await _briefs(session, [id for ids in shown.values() for id in ids])}
    examples_of = {each: next((read[id] for id in ids if id in read), None) for each, ids in shown.items()}
    return len(rows), [AboutOne(each, waiting, examples_of.get(each)) for each, waiting in first]


async def begin(session: AsyncSession, subject_id: int, now: datetime, speed: float) -> None:
    """Begin the roll-up of a subject, unless another process just did."""
    subject = await session.get_one(Subject, subject_id)
    team = await session.get_one(Team, subject.team_id, with_for_update=db.HELD)
    if await session.get(Rollup, subject_id, populate_existing=True) is not None:
        return
    shown = await _facts(session, subject_id, now, speed)
    card = await _new_card(session, subject_id, team, shown, now)
    if await _room(session, team.id) <= 0:
        card.shown_version = card.version
    session.add(Rollup(subject_id=subject_id, message_id=card.id, since_at=shown.since, said_at=now))
    await session.flush()
    await _hold_cards(session, subject_id)


async def _new_card(session: AsyncSession, subject_id: int, team: Team, shown: RolledUp, now: datetime) -> Message:
    card = Message(
        key=f"rollup:{subject_id}:{now.isoformat()}", kind=MessageKind.ROLLUP, subject_id=subject_id,
        channel=team.channel, details=shown.to_json(), rank=Rank.SOON,
    )  # fmt: skip
    session.add(card)
    await session.flush()
    return card


async def follow(session: AsyncSession, subject_id: int, now: datetime, speed: float, *, at_once: bool = False) -> None:
    """Bring the card of a roll-up level with its cases, or end the roll-up; `at_once` after a colleague's own click.

    When the team has another channel now, in which its new cases come, a new card goes on there.
    """
    subject = await session.get(Subject, subject_id)
    if subject is None:
        return
    # Two that find room at once would both take it.
    team = await session.get_one(Team, subject.team_id, with_for_update=db.HELD)
    standing = await session.get(Rollup, subject_id, populate_existing=True)
    if standing is None or (standing.said_at > now - EVERY * speed and not at_once):
        return
    mine = (col(Case.subject_id) == subject_id) & _NEW
    ends = await _ends(session, subject_id, now, speed)
    if ends:  # what comes in locks cases before it holds the roll-up
        await cases.lock_where(session, mine)
    await session.refresh(standing, with_for_update=db.HELD)  # what is coming in with it has come in then
    ends = ends and await _ends(session, subject_id, now, speed)
    shown = await _facts(session, subject_id, now, speed)
    standing.said_at = now
    session.add(standing)
    if ends:
        shown = replace(shown, until_at=now.isoformat(), cases=[])
        await session.delete(standing)
        await session.flush()
        await cases.touch_messages(session, col(Message.case_id).in_(select(Case.id).where(mine)) & _UNPOSTED)
    card = await session.get_one(Message, standing.message_id, with_for_update=db.HELD)
    if not shown.count:
        last_at = RolledUp.of(card.details).last_at
        shown = replace(shown, since_at=standing.since_at.isoformat(), last_at=last_at)
    has_no_card = card.ts is None and card.shown_version >= card.version
    if card.may_be_there and card.channel != team.channel and not shown.until_at:
        standing.message_id = (await _new_card(session, subject_id, team, shown, now)).id
        shown = replace(shown, until_at=now.isoformat(), moved_to=team.channel, cases=[])
    if not has_no_card and card.details == shown.to_json():
        return
    calms = _only_calms(RolledUp.of(card.details), shown)
    card.details = shown.to_json()
    session.add(card)
    if not has_no_card or (not shown.until_at and await _is_next(session, subject)):
        await cases.touch_messages(session, col(Message.id) == card.id, quietly=calms)


def _only_calms(before: RolledUp, shown: RolledUp) -> bool:
    """Tell whether nothing happened but that time passed: fewer came in lately. All else is written before that."""
    return replace(before, lately=shown.lately) == shown and shown.lately < before.lately


async def _is_next(session: AsyncSession, subject: Subject) -> bool:
    """Tell whether the roll-up of a subject may have its card now: those with most cases that nobody has come first."""
    room = await _room(session, subject.team_id)
    if room <= 0:
        return False
    first = (
        select(Rollup.subject_id)
        .join(Subject, col(Rollup.subject_id) == Subject.id)
        .join(Message, col(Rollup.message_id) == Message.id)
        .join(Case, col(Case.subject_id) == Rollup.subject_id)
        .where(Subject.team_id == subject.team_id, _WITHOUT_CARD, _NEW)
        .group_by(col(Rollup.subject_id))
        .order_by(func.count().desc(), col(Rollup.subject_id))
        .limit(room)
    )
    return subject.id in (await session.exec(first)).all()


async def _room(session: AsyncSession, team_id: int) -> int:
    """Return how many more cards of roll-ups a team may have."""
    mine = select(func.count()).select_from(Rollup).join(Subject, col(Rollup.subject_id) == Subject.id)
    mine = mine.join(Message, col(Rollup.message_id) == Message.id)
    mine = mine.where(Subject.team_id == team_id, ~_WITHOUT_CARD, _WAITS)
    return MOST - (await session.exec(mine)).one()


_UNPOSTED: ColumnElement[bool] = and_(
    col(Message.kind) == MessageKind.CASE, col(Message.ts).is_(None), col(Message.posting_since).is_(None)
)


async def _hold_cards(session: AsyncSession, subject_id: int) -> None:
    """Mark the cards that need not be posted now as level; the lock and its order as in `touch_messages`."""
    mine = (col(Case.subject_id) == subject_id) & ROLLED_UP
    await cases.lock_where(session, mine)
    of_mine = col(Message.case_id).in_(select(Case.id).where(mine))
    waiting = _UNPOSTED & (col(Message.rank) != Rank.FIRST) & of_mine
    held = select(Message.id).where(waiting).order_by(col(Message.id)).with_for_update(key_share=True)
    ids = (await session.exec(held)).all()
    level = update(Message).where(col(Message.id).in_(ids), _UNPOSTED).values(shown_version=Message.version)
    await session.exec(level.execution_options(synchronize_session=False))


async def _ends(session: AsyncSession, subject_id: int, now: datetime, speed: float) -> bool:
    """Tell whether a roll-up is over: it is quiet, and few cases would get their card."""
    newest = (await session.exec(select(func.max(col(Case.opened_at))).where(Case.subject_id == subject_id))).one()
    is_quiet = newest is None or newest <= now - CALM * speed
    return is_quiet and await _held_back(session, subject_id) <= FEW


async def _held_back(session: AsyncSession, subject_id: int) -> int:
    """Return how many cases that nobody has would get their card if the roll-up ended."""
    without = select(func.count()).select_from(Message).join(Case, col(Message.case_id) == Case.id)
    return (await session.exec(without.where(Case.subject_id == subject_id, _NEW, _UNPOSTED))).one()


async def _facts(session: AsyncSession, subject_id: int, now: datetime, speed: float) -> RolledUp:
    lately = func.sum(sqlalchemy.case((col(Case.opened_at) > now - LATELY * speed, 1), else_=0))
    waiting = func.sum(sqlalchemy.case((_NEW, 1), else_=0))
    columns = (func.count(), waiting, lately, func.min(col(Case.opened_at)), func.max(col(Case.opened_at)))
    counted = (
        sqlalchemy.select(col(Case.account_id), *columns)
        .where(col(Case.subject_id) == subject_id)
        .group_by(col(Case.account_id))
    )
    rows = (await (await session.connection()).execute(counted)).all()
    names = await platform_names(session, {row[0] for row in rows})
    platforms = Counter[str]()
    for row in rows:
        platforms[names[row[0]]] += row[1]
    if not rows:  # all were taken out, or went to other teams
        return RolledUp(0, 0, 0, now.isoformat(), now.isoformat())
    return RolledUp(
        count=sum(row[1] for row in rows), waiting=sum(row[2] for row in rows), lately=sum(row[3] for row in rows),
        since_at=min(row[4] for row in rows).isoformat(), last_at=max(row[5] for row in rows).isoformat(),
        platforms=dict(platforms.most_common()), cases=await _examples(session, subject_id),
    )  # fmt: skip


def _public() -> ColumnElement[bool]:
    return and_(col(Mention.private) == false(), col(Mention.gone_at).is_(None), col(Mention.text) != "")


async def _examples(session: AsyncSession, subject_id: int) -> list[int]:
    """Return the cases whose posts are shown: the first, then the newest in other words; only what all may read."""
    mine = select(Case.id, Mention.text).join(Mention, col(Mention.case_id) == Case.id)
    mine = mine.where(Case.subject_id == subject_id, _public())
    first = (await session.exec(mine.order_by(col(Case.opened_at), col(Mention.id)).limit(1))).all()
    newest = await session.exec(mine.order_by(col(Case.opened_at).desc(), col(Mention.id).desc()).limit(LOOKED_AT))
    by_words = dict[str, int]()
    for case_id, text in [*first, *newest]:
        if case_id not in by_words.values():
            by_words.setdefault(" ".join(text.split()).casefold(), case_id)
    return [*by_words.values()][:EXAMPLES]


async def examples(session: AsyncSession, shown: Mapping[str, object] | None) -> list[CaseBrief]:
    """Return the posts that a card shows, as far as they can still be read by all, in the order of the card."""
    return await _briefs(session, RolledUp.of(shown).cases)


async def _briefs(session: AsyncSession, ids: Sequence[int]) -> list[CaseBrief]:
    """Return these cases with the first post of each, without those that not all may read any more."""
    rows = await session.exec(
        select(Case, Author, Mention)
        .join(Author, col(Case.author_id) == Author.id)
        .join(Mention, col(Mention.case_id) == Case.id)
        .where(col(Case.id).in_(ids), _public())
        .order_by(col(Mention.id).desc())
    )
    briefs = {case.id: CaseBrief(case, author, mention) for case, author, mention in rows}
    return [briefs[case_id] for case_id in ids if case_id in briefs]
