"""Where Slack no longer lets us write: an archived channel, one that we were removed from, a refused token.

We learn of it from a message that Slack refuses, from an event, or by looking; whichever it is, the coordinators of the
team are told once by direct message, and once again when it is over. An event says only where to look: Slack repeats
events and sends them late.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import Desk
from bot.models import SOCKET, Message, MessageKind, Role, SlackTrouble, Team, Troubled
from bot.slack.calls import REFUSED_TOKEN, SlackDown, SlackLater, SlackRefuses, call, in_background, try_channel
from bot.team import agents, teams
from bot.team.settings import TeamSettings

log = structlog.get_logger()

EVERYWHERE = ""
"""The channel of the trouble that Slack refuses our token."""
OF_NO_CHANNEL = frozenset({EVERYWHERE, SOCKET})
SAME = {"is_inactive": "is_archived"}
"""What Slack calls by another name when a message is updated than when one is posted."""
CAN_BE_SEEN = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
"""The troubles that we see when we look at a channel; others show only when Slack refuses a message."""


async def look_around(desk: Desk) -> None:
    """Look whether Slack takes our token, and whether we can write in the channels that the teams need."""
    if not await look_at_token(desk):
        return
    async with desk.reading() as session:
        needed = {channel for team in await teams.all_teams(session) for channel in _needed(team)}
        troubled = set(await session.exec(select(SlackTrouble.channel))) - OF_NO_CHANNEL
    others = sorted(needed - troubled)
    turn = desk.now().minute % max(1, len(others))  # so that each has its turn when Slack does not take so many calls
    for channel in [*sorted(troubled), *others[turn:], *others[:turn]]:
        await look_at(desk, channel)
    await _forget_what_is_not_needed(desk)


async def is_troubled(desk: Desk, channel: str) -> bool:
    """Tell whether we could not write in a channel the last time."""
    async with desk.reading() as session:
        found = await session.exec(select(SlackTrouble.channel).where(SlackTrouble.channel == channel))
        return found.first() is not None


async def look_at_token(desk: Desk) -> bool:
    """Look whether Slack takes our token, and note what we find; returns whether it did."""
    try:
        installed = await call(in_background(desk.slack), "auth.test")
    except SlackRefuses as refusal:
        if refusal.error in REFUSED_TOKEN:
            await note(desk, EVERYWHERE, refusal.error)
        return False
    except (SlackDown, SlackLater):
        return False
    async with desk.reading() as session:
        known = await teams.workspace_url(session)
    if known != installed["url"]:
        async with desk.session() as session:
            await teams.learn_workspace(session, installed["team_id"], installed["url"])
    await note_end(desk, EVERYWHERE, by_looking=True)
    return True


async def look_at(desk: Desk, channel: str) -> None:
    """Look whether we can write in a channel, and note what we find; if Slack does not say, nothing changes."""
    try:
        is_open = await try_channel(in_background(desk.slack), channel)
    except SlackRefuses as refusal:
        await note(desk, EVERYWHERE if refusal.error in REFUSED_TOKEN else channel, refusal.error)
    except (SlackDown, SlackLater):
        return
    else:
        if is_open:
            await note_end(desk, channel, by_looking=True)


async def note(desk: Desk, channel: str, error: str, *, team_id: int | None = None) -> None:
    """Note that we cannot write in a channel, and tell the coordinators of the teams that need it, or of this team."""
    error = SAME.get(error, error)
    async with desk.reading() as session:
        rows = await session.exec(select(SlackTrouble).where(SlackTrouble.channel == channel))
        known = {trouble.team_id for trouble in rows if trouble.error == error}
        concerned = [
            team
            for team in await teams.all_teams(session)
            if team.id not in known and (team.id == team_id or channel in OF_NO_CHANNEL or channel in _needed(team))
        ]
    if not concerned:
        return
    async with desk.session() as session:
        told = [person for team in concerned for person in await _begin(session, team, channel, error, desk.now())]
    for team in concerned:
        log.warning("Slack does not let us write", team=team.name, channel=channel or "all", reason=error)
    _wake(desk, told)


async def note_end(desk: Desk, channel: str, *, by_looking: bool = False) -> None:
    """Note that we can write in a channel again, tell it, and let what waits follow.

    `by_looking`: no message was written yet, so only such a trouble is over as can be seen.
    """
    over = [col(SlackTrouble.channel) == channel]
    if by_looking:
        over.append(col(SlackTrouble.error).in_(CAN_BE_SEEN | REFUSED_TOKEN))
    async with desk.reading() as session:
        if not (await session.exec(select(SlackTrouble).where(*over))).all():
            return
    async with desk.session() as session:
        ended = await session.exec(delete(SlackTrouble).where(*over).returning(SlackTrouble))
        told = [person for trouble in ended.scalars().all() for person in await _end(session, trouble, desk.now())]
    async with desk.session() as session:  # only what nobody holds: we do not hold the cases
        where = [col(Message.shown_version) < Message.version]
        where += [] if channel == EVERYWHERE else [col(Message.channel) == channel]
        free = select(Message.id).where(*where).with_for_update(key_share=True, skip_locked=True)
        freed = update(Message).where(col(Message.id).in_(free)).values(retry_at=None)
        waited = (await session.exec(freed.returning(col(Message.channel)))).scalars().all()
    log.info("Slack lets us write again", channel=channel or "all")
    _wake(desk, {*told, *waited})


async def _forget_what_is_not_needed(desk: Desk) -> None:
    """End the troubles with channels that a team no longer uses and where nothing waits; nobody is told of that."""
    changed = list[Message]()
    async with desk.session() as session:
        for trouble in (
            await session.exec(select(SlackTrouble).where(col(SlackTrouble.channel).not_in(OF_NO_CHANNEL)))
        ).all():
            team = await session.get_one(Team, trouble.team_id)
            stale = col(Message.shown_version) < Message.version
            waits = await session.exec(select(Message.id).where(Message.channel == trouble.channel, stale).limit(1))
            if trouble.channel not in _needed(team) and waits.first() is None:
                await session.delete(trouble)
                changed += await _told(session, trouble, until_at=desk.now().isoformat())
    _wake(desk, [message.channel for message in changed])


async def known(session: AsyncSession, team_id: int | None = None) -> list[SlackTrouble]:
    """Return where we cannot write, by channel: for this team, or for all."""
    found = select(SlackTrouble).order_by(col(SlackTrouble.channel), col(SlackTrouble.team_id))
    return list(await session.exec(found.where(SlackTrouble.team_id == team_id) if team_id is not None else found))


def _needed(team: Team) -> set[str]:
    """Return the channels in which we write for a team: its own, and those that its settings name."""
    named, settings = {team.channel}, TeamSettings.if_readable(team)
    if settings is not None:
        named |= {settings.escalation_channel, *(adviser.target for adviser in settings.advisers)}
    return {channel for channel in named if channel.startswith(("C", "G"))}


async def _begin(session: AsyncSession, team: Team, channel: str, error: str, now: datetime) -> list[str]:
    """Store a trouble and a message to each coordinator, unless it is known; returns whose messages changed."""
    known = await session.get(SlackTrouble, (team.id, channel))
    if known is not None:
        if known.error == error:
            return []
        known.error = error
        session.add(known)
        return [message.channel for message in await _told(session, known, error=error)]
    trouble = SlackTrouble(team_id=team.id, channel=channel, error=error, since_at=now)
    try:
        async with session.begin_nested():
            session.add(trouble)
    except IntegrityError:  # another process has just noted it
        return []
    if channel == EVERYWHERE:  # nobody can be told before it is over
        return []
    return [await _tell(session, trouble, person) for person in await _whom(session, team)]


async def _end(session: AsyncSession, trouble: SlackTrouble, now: datetime) -> list[str]:
    """Say in what we told that it is over, and tell it anew; returns whose messages changed."""
    until = now.isoformat()
    changed = [message.channel for message in await _told(session, trouble, until_at=until)]
    team = await session.get_one(Team, trouble.team_id)
    return changed + [await _tell(session, trouble, person, until) for person in await _whom(session, team)]


async def _whom(session: AsyncSession, team: Team) -> list[str]:
    """Return the coordinators of a team; without any, all its agents."""
    named, settings = await agents.with_role(session, team.id, Role.COORDINATOR), TeamSettings.if_readable(team)
    if settings is None:  # so who answers by being in the channel is not known
        return named or await agents.with_role(session, team.id, Role.AGENT)
    return sorted({*named, *settings.coordinators}) or await agents.answering(session, team.id)


async def _tell(session: AsyncSession, trouble: SlackTrouble, person: str, until: str = "") -> str:
    """Write the message to one person: that we cannot write, or that it is over."""
    since = trouble.since_at.isoformat()
    shown = Troubled(trouble.channel, trouble.error, since, until, is_news=bool(until))
    key = f"{_key(trouble)}:{person}:{'over' if until else 'began'}"
    session.add(
        Message(
            key=key, kind=MessageKind.SLACK_TROUBLE, subject_id=trouble.team_id, channel=person, details=shown.to_json()
        )
    )
    return person


async def _told(session: AsyncSession, trouble: SlackTrouble, **changed: str) -> list[Message]:
    """Change what we told of a trouble when it began."""
    ours = col(Message.key).startswith(f"{_key(trouble)}:", autoescape=True)
    messages = list(await session.exec(select(Message).where(ours)))
    for message in messages:
        message.details = {**(message.details or {}), **changed}
        message.version += 1
        session.add(message)
    return messages


def _key(trouble: SlackTrouble) -> str:
    return f"slack_trouble:{trouble.team_id}:{trouble.channel}:{trouble.since_at.timestamp()}"


def _wake(desk: Desk, channels: Iterable[str]) -> None:
    for channel in channels:
        desk.wake(f"messages:{channel}")
