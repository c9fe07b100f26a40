"""Who is in the channel of a team, as Slack last said; stored here, so that a click needs no call to Slack."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db
from bot.models import Agent, Member, Person, Team, Workspace

READ_EVERY = timedelta(minutes=5)
"""How often at most the members of a channel are read again; in between, Slack reports who joins and leaves."""
DESCRIBED_FOR = timedelta(days=1)
"""After this time we ask Slack again whether someone is a full member."""
ACCOUNT_SEEN_FOR = timedelta(hours=1)
"""After this time we ask Slack again whether the account of someone whom a team counts on is closed."""


async def workspace_id(session: AsyncSession) -> str | None:
    """Return Slack's id of our workspace; None until we have reached Slack once."""
    return (await session.exec(select(Workspace.slack_id))).one()


def is_due(team: Team, now: datetime) -> bool:
    """Tell whether the members of a team's channel must be read."""
    seen = team.channel_seen or {}
    return seen.get("channel") != team.channel or datetime.fromisoformat(seen["at"]) <= now - READ_EVERY


def is_read(team: Team) -> bool:
    """Tell whether Slack has said who is in the channel that a team has now."""
    seen = team.channel_seen or {}
    return seen.get("channel") == team.channel and "public" in seen


async def take_turn(session: AsyncSession, team_id: int, now: datetime) -> Team | None:
    """Mark the members of a team's channel as being read now; None when that was done recently: one process reads."""
    team = await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)
    if not is_due(team, now):
        return None
    seen = team.channel_seen or {}
    known = seen if seen.get("channel") == team.channel else {"channel": team.channel}
    team.channel_seen = {**known, "at": now.isoformat()}
    session.add(team)
    return team


async def put_off(session: AsyncSession, team_id: int, until: datetime) -> None:
    """Let the members of a team's channel be read from this moment on: Slack does not show them before."""
    team = await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)
    team.channel_seen = {**(team.channel_seen or {}), "at": (until - READ_EVERY).isoformat()}
    session.add(team)


async def saw_channel(session: AsyncSession, team_id: int, channel: str, *, public: bool, shared: bool) -> None:
    """Store whether a team's channel is public or shared with another organisation."""
    team = await session.get_one(Team, team_id, with_for_update=db.HELD, populate_existing=True)
    if (team.channel_seen or {}).get("channel") == channel:
        team.channel_seen = {**(team.channel_seen or {}), "public": public, "shared": shared}
        session.add(team)


async def known(session: AsyncSession, channel: str) -> Mapping[str, Member]:
    """Return the known members of a channel by their Slack id."""
    rows = await session.exec(select(Member).where(Member.channel == channel))
    return {member.slack_id: member for member in rows}


async def saw(session: AsyncSession, channel: str, slack_id: str, *, is_full: bool, now: datetime) -> None:
    """Store that somebody is in a channel, and whether they are a full member of our workspace."""
    new = Member(channel=channel, slack_id=slack_id, is_full=is_full, seen_at=now)
    member = await db.lock_or_add(session, new)
    member.is_full, member.seen_at = is_full, now
    session.add(member)


async def keep_only(session: AsyncSession, channel: str, present: Collection[str]) -> None:
    """Delete the members of a channel who are not in `present`, as `left` does."""
    await _forget(session, channel, set(await known(session, channel)) - set(present))


async def left(session: AsyncSession, channel: str, slack_id: str) -> None:
    """Delete somebody who left a channel, and end their duty if they have no role in its team.

    Else they would be on duty at once if they came back, perhaps after months.
    """
    await _forget(session, channel, {slack_id})


async def _forget(session: AsyncSession, channel: str, gone: Collection[str]) -> None:
    if not gone:
        return
    await session.exec(delete(Member).where(col(Member.channel) == channel, col(Member.slack_id).in_(gone)))
    its_team = select(Team.id).where(Team.channel == channel).scalar_subquery()
    theirs = (col(Agent.team_id) == its_team, col(Agent.slack_id).in_(gone), col(Agent.role).is_(None))
    on_duty = update(Agent).where(*theirs, col(Agent.duty_since).is_not(None)).values(duty_since=None)
    await session.exec(on_duty.execution_options(synchronize_session=False))


async def unseen(session: AsyncSession, people: Collection[str], now: datetime) -> list[str]:
    """Return the people among these of whom Slack did not tell lately whether their account is closed."""
    lately = select(Person.slack_id).where(col(Person.account_seen_at) > now - ACCOUNT_SEEN_FOR)
    return sorted(set(people).difference((await session.exec(lately)).all()))


async def saw_account(session: AsyncSession, slack_id: str, *, closed: bool | None, now: datetime) -> None:
    """Store whether the account of a person is closed: they left, and read nothing that we write to them.

    None: Slack does not say it of them, so it stays as it was, and we do not ask again at once.
    """
    person = await db.lock_or_add(session, Person(slack_id=slack_id))
    person.account_seen_at = now
    if closed is not None:
        person.left_at = (person.left_at or now) if closed else None
    session.add(person)


async def is_back(session: AsyncSession, slack_id: str) -> None:
    """Store that the account of a person, if we knew that it was closed, is open again."""
    closed = update(Person).where(col(Person.slack_id) == slack_id, col(Person.left_at).is_not(None))
    await session.exec(closed.values(left_at=None))


async def still_here(session: AsyncSession, people: Collection[str]) -> list[str]:
    """Return the people among these whose account is not closed, as far as we know."""
    closed = select(Person.slack_id).where(col(Person.slack_id).in_(people), col(Person.left_at).is_not(None))
    return sorted(set(people).difference((await session.exec(closed)).all()))
