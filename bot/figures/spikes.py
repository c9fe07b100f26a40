"""Report to a team, once, that far more comes in than usual at that hour of the week, and what it is about.

What was published longer ago than the hour is left out, so that catching up after an outage is no spike. New accounts
count once they are known for a week. The message is kept level while the spike lasts, and says when it is over. A spike
that comes back within an hour is the same one. No words of private posts are shown.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, cast, extract
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.cases.reading import platform_names
from bot.domain.signals import Rank
from bot.domain.spike import DAYS_KNOWN, HOUR, Band, band, comparable
from bot.domain.telling import telling_words
from bot.domain.text import Refused
from bot.logs import going_on
from bot.models import Account, Case, Mention, Message, MessageKind, Rising, Spike, Team
from bot.team.settings import TeamSettings

EVERY = timedelta(minutes=5)
"""How often the message is brought level while it lasts."""
AGAIN = timedelta(hours=1)
SLOT = timedelta(minutes=10)
SLOTS = 12
READ = 400
"""The most posts that are read to know what they are about; as many earlier ones tell what is usual."""
EARLIER = timedelta(days=1), timedelta(days=15)
"""Between which ages posts tell what is usual."""


@dataclass
class _Hour:
    """What came in for one team in the last hour."""

    posts: int = 0
    authors: int = 0
    by_account: dict[int, int] = field(default_factory=dict)


async def changed(session: AsyncSession, now: datetime) -> Mapping[int, Rising | None]:
    """Return the teams whose spike began or must be brought level, with what to show; None for one that is over."""
    hours = await _last_hour(session, now)
    stored = {each.team_id: each for each in await session.exec(select(Spike))}
    lasting = {id: spike for id, spike in stored.items() if spike.until_at is None}
    found = dict[int, Rising | None]()
    for team in await session.exec(select(Team).where(col(Team.id).in_({*hours, *lasting})).order_by(col(Team.id))):
        with going_on("whether more comes in than usual is not known", team=team.id):
            settings, hour = TeamSettings.of(team.settings), hours.get(team.id, _Hour())
            usual = await _usual(session, team, hour, settings, now) if settings.spikes else None
            spike = lasting.get(team.id)
            if spike is not None and (usual is None or usual.is_over(hour.posts)):
                found[team.id] = None
            elif usual is not None and (
                usual.is_spike(hour.posts, hour.authors) if spike is None else now - spike.said_at >= EVERY
            ):
                found[team.id] = await _rising(session, team.id, hour, usual, now)
    return found


async def follow(session: AsyncSession, team_id: int, rising: Rising | None, now: datetime) -> set[str]:
    """Post, edit or end the message of one team; returns the channels in which something changed.

    When the team has another channel now, a new message goes on there while the spike lasts.
    """
    team = await session.get_one(Team, team_id, with_for_update=db.HELD)
    spike = await session.get(Spike, team_id, populate_existing=True)
    if spike is not None and (spike.until_at is None or (rising is not None and now - spike.until_at < AGAIN)):
        message = await session.get_one(Message, spike.message_id, with_for_update=db.HELD)
        shown = Rising.of(message.details)
        if rising is None:
            spike.until_at = now
            shown = replace(shown, until_at=now.isoformat())
        else:
            spike.until_at, spike.said_at, spike.most = None, now, max(spike.most, rising.count)
            since_at = spike.since_at.isoformat()
            shown = replace(rising, since_at=since_at, most=spike.most, known_by=shown.known_by)
            if message.may_be_there and message.channel != team.channel:
                spike.message_id = (await _new_message(session, team, shown, now)).id
                shown = replace(shown, moved_to=team.channel)
        message.details, message.version = shown.to_json(), message.version + 1
        session.add_all([spike, message])
        return {message.channel, team.channel}
    if rising is not None:
        message = await _new_message(session, team, rising, now)
        began = Spike(team_id=team_id, message_id=message.id, since_at=rising.since, said_at=now, most=rising.count)
        await session.merge(began)
    return {team.channel}


async def _new_message(session: AsyncSession, team: Team, rising: Rising, now: datetime) -> Message:
    message = Message(
        key=f"spike:{team.id}:{now.isoformat()}", kind=MessageKind.SPIKE, subject_id=team.id, channel=team.channel,
        details=rising.to_json(), rank=Rank.FIRST,
    )  # fmt: skip
    session.add(message)
    await session.flush()
    return message


async def know(session: AsyncSession, message_id: int, *, by: str) -> str:
    """Note that an agent says the team knows of it; returns the channel of the message.

    The message then says who does, and no longer asks. The first who says so counts. A message that went on in another
    channel may still ask where Slack does not show that yet: then the one there counts.
    """
    message = await session.get(Message, message_id, with_for_update=db.HELD)
    if message is None or message.kind is not MessageKind.SPIKE:
        raise Refused("This is over already.")
    shown = Rising.of(message.details)
    spike = await session.get(Spike, message.subject_id)
    if shown.moved_to and spike is not None and spike.message_id != message_id:
        return await know(session, spike.message_id, by=by)
    if shown.until is not None:
        raise Refused("This is over already.")
    if not shown.known_by:
        message.details, message.version = replace(shown, known_by=by).to_json(), message.version + 1
        session.add(message)
    return message.channel


def _came_in(start: datetime, end: datetime, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a mention came in and was published between two moments, on an account that we know.

    All that a message says is of such accounts, so that its counts, bars and words are of the same posts.
    """
    return (
        (col(Mention.received_at) > start)
        & (col(Mention.received_at) <= end)
        & (col(Mention.published_at) > start)
        & (col(Case.id) == col(Mention.case_id))
        & (col(Account.id) == col(Mention.account_id))
        & (col(Account.created_at) <= now - DAYS_KNOWN)
    )


async def _last_hour(session: AsyncSession, now: datetime) -> dict[int, _Hour]:
    """Return what came in for each team in the last hour."""
    query: Any = (
        select(Case.team_id, Mention.account_id, func.count(), func.count(func.distinct(Case.author_id)))
        .where(_came_in(now - HOUR, now, now))
        .group_by(col(Case.team_id), col(Mention.account_id))
    )
    hours = defaultdict[int, _Hour](_Hour)
    for team_id, account_id, posts, authors in await session.exec(query):
        hour = hours[team_id]
        hour.posts, hour.authors = hour.posts + posts, hour.authors + authors
        hour.by_account[account_id] = posts
    return dict(hours)


async def _usual(session: AsyncSession, team: Team, hour: _Hour, settings: TeamSettings, now: datetime) -> Band | None:
    """Return how many posts the hour until now usually has in a team; None while that is not known."""
    accounts = await session.exec(select(Account.created_at).where(col(Account.id).in_(hour.by_account)))
    known_since = max([team.created_at, *accounts])
    counts = []
    for end in comparable(now, known_since, ZoneInfo(settings.time_zone)):
        came = select(func.count()).where(_came_in(end - HOUR, end, now), Case.team_id == team.id)
        counts.append((await session.exec(came)).one())
    return band(counts) if counts else None


async def _rising(session: AsyncSession, team_id: int, hour: _Hour, usual: Band, now: datetime) -> Rising:
    platforms = Counter[str]()
    for account_id, name in (await platform_names(session, hour.by_account)).items():
        platforms[name] += hour.by_account[account_id]
    return Rising(
        count=hour.posts,
        usual=round(usual.usual),
        most=hour.posts,
        since_at=(now - HOUR).isoformat(),
        at=now.isoformat(),
        slots=await _slots(session, team_id, now),
        words=await _about(session, team_id, now),
        platforms=dict(platforms.most_common()),
    )


async def _slots(session: AsyncSession, team_id: int, now: datetime) -> list[int]:
    """Return how many posts came in each ten minutes of the last two hours, the oldest first.

    As in the count, what was published longer than an hour before it came in is left out.
    """
    seconds = int(SLOT.total_seconds())
    last = int(now.timestamp()) // seconds
    first = datetime.fromtimestamp((last - SLOTS + 1) * seconds, UTC)
    received, published = (
        cast(extract("epoch", at), BigInteger) for at in (col(Mention.received_at), col(Mention.published_at))
    )
    slot, is_fresh = (received // seconds).label("slot"), received - published < int(HOUR.total_seconds())
    which = (_came_in(first, now, now), Case.team_id == team_id, is_fresh)
    query: Any = select(slot, func.count()).where(*which).group_by(slot)
    counts = {int(number): count for number, count in await session.exec(query)}
    return [counts.get(number, 0) for number in range(last - SLOTS + 1, last + 1)]


async def _about(session: AsyncSession, team_id: int, now: datetime) -> list[str]:
    youngest, oldest = EARLIER
    posts = await _public(session, team_id, now - HOUR, now, now)
    earlier = await _public(session, team_id, now - oldest, now - youngest, now)
    return telling_words(posts, [text for _, text in earlier])


async def _public(
    session: AsyncSession, team_id: int, start: datetime, end: datetime, now: datetime
) -> list[tuple[int, str]]:
    """Return the newest public posts between two moments that still exist: their authors and texts."""
    query: Any = (
        select(Case.author_id, Mention.text)
        .where(_came_in(start, end, now), Case.team_id == team_id)
        .where(~col(Mention.private), col(Mention.gone_at).is_(None))
        .order_by(col(Mention.received_at).desc())
        .limit(READ)
    )
    return [(author, text) for author, text in await session.exec(query)]
