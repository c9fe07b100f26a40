"""Where Slack no longer lets us write: an archived channel, one that we were removed from, a refused token.

We learn of it from a message that Slack refuses, from an event, or by looking. In each case the coordinators of the
team get one direct message about it, and one when it is over. An event only says where to look: Slack repeats events
and sends them late.
"""

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.desk import Desk
from bot.domain.slack_id import is_channel
from bot.models import SOCKET, Message, MessageKind, SlackTrouble, Team, Troubled
from bot.slack import address
from bot.slack.calls import CLOSED, REFUSED_TOKEN, SlackDown, SlackLater, SlackRefuses, call, in_background, try_channel
from bot.team import agents, teams
from bot.team.settings import TeamSettings

log = structlog.get_logger()

EVERYWHERE = ""
"""The channel that stands for the whole workspace: Slack refuses our token."""
OF_NO_CHANNEL = frozenset({EVERYWHERE, SOCKET})
SAME = {"is_inactive": "is_archived"}
"""Errors that have another name when a message is updated than when one is posted."""
CAN_BE_SEEN = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
"""The troubles that we see when we look at a channel; others appear only when Slack refuses a message."""


async def look_around(desk: Desk) -> None:
    """Check whether Slack takes our token, and whether we can write in the channels that the teams need."""
    if not await look_at_token(desk):
        return
    async with desk.reading() as session:
        needed = {channel for team in await teams.all_teams(session) for channel in _needed(team)}
        troubled = set(await session.exec(select(SlackTrouble.channel))) - OF_NO_CHANNEL
    others = sorted(needed - troubled)
    turn = desk.now().minute % max(1, len(others))  # so that each gets its turn when Slack does not take all calls
    for channel in [*sorted(troubled), *others[turn:], *others[:turn]]:
        await look_at(desk, channel)
    for channel in await _open_again(desk):
        await note_end(desk, channel)
    await _forget_what_is_not_needed(desk)
    await _notify_others(desk)


async def is_troubled(desk: Desk, channel: str) -> bool:
    """Tell whether we could not write in a channel last time."""
    async with desk.reading() as session:
        rows = await session.exec(select(SlackTrouble.channel).where(SlackTrouble.channel == channel))
        return rows.first() is not None


async def look_at_token(desk: Desk) -> bool:
    """Check whether Slack takes our token, and note the result; returns whether it does."""
    try:
        installed = await call(in_background(desk.slack), "auth.test")
    except SlackRefuses as refusal:
        if refusal.error in REFUSED_TOKEN:
            await note(desk, EVERYWHERE, refusal.error)
        return False
    except (SlackDown, SlackLater):
        return False
    await address.learn(desk, installed)
    await note_end(desk, EVERYWHERE, by_looking=True)
    return True


async def look_at(desk: Desk, channel: str) -> None:
    """Check whether we can write in a channel, and note the result; if Slack does not say, nothing changes."""
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
    """Note that we cannot write in a channel, and notify the coordinators of this team, or of those that need it."""
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
        recipients = [
            person for team in concerned for person in await _begin(session, team, channel, error, desk.now())
        ]
    for team in concerned:
        log.warning("Slack does not let us write", team=team.name, channel=channel or "all", reason=error)
    _wake(desk, recipients)


async def note_end(desk: Desk, channel: str, *, by_looking: bool = False) -> None:
    """Note that we can write in a channel again, notify those concerned, and release the messages that it refused.

    `by_looking`: no message was written yet, so this ends only troubles that can be seen by looking.
    """
    over = [col(SlackTrouble.channel) == channel]
    if by_looking:
        over.append(col(SlackTrouble.error).in_(CAN_BE_SEEN | REFUSED_TOKEN))
    async with desk.reading() as session:
        if not (await session.exec(select(SlackTrouble).where(*over))).all():
            return
    async with desk.session() as session:
        ended = await session.exec(delete(SlackTrouble).where(*over).returning(SlackTrouble))
        recipients = [
            person for trouble in ended.scalars().all() for person in await _end(session, trouble, desk.now())
        ]
    async with desk.session() as session:  # only messages that nobody has locked: we do not lock the cases
        there = [] if channel == EVERYWHERE else [col(Message.channel) == channel]
        waits = [col(Message.shown_version) < Message.version, col(Message.problem) != "", *there]
        free = select(Message.id).where(*waits).with_for_update(key_share=True, skip_locked=True)
        freed = update(Message).where(col(Message.id).in_(free)).values(retry_at=None)
        waited = (await session.exec(freed.returning(col(Message.channel)))).scalars().all()
        refused = [col(Message.problem).in_(_over(channel, by_looking)), *there]
        free = select(Message.id).where(*refused).with_for_update(key_share=True, skip_locked=True)
        await session.exec(update(Message).where(col(Message.id).in_(free)).values(problem=""))
    log.info("Slack lets us write again", channel=channel or "all")
    _wake(desk, {*recipients, *waited})


def _over(channel: str, by_looking: bool) -> frozenset[str]:
    """Return the refusals that are over with a trouble: nothing says them still, such as what waits for an opening."""
    if channel == EVERYWHERE:
        return REFUSED_TOKEN
    return CAN_BE_SEEN | SAME.keys() if by_looking else CLOSED


async def _open_again(desk: Desk) -> set[str]:
    """Return the channels whose trouble cannot be seen, where Slack took a new message since, and where none waits.

    The message that it refused may have nothing to say any more, or have failed otherwise before it was taken.
    """
    async with desk.reading() as session:
        unseen = [each for each in await known(session) if each.error not in CAN_BE_SEEN | REFUSED_TOKEN]
        return {
            trouble.channel
            for trouble in unseen
            if trouble.channel not in OF_NO_CHANNEL and await _took_one(session, trouble)
        }


async def _took_one(session: AsyncSession, trouble: SlackTrouble) -> bool:
    there, is_stale = Message.channel == trouble.channel, col(Message.shown_version) < Message.version
    posted: ColumnElement[bool] = col(Message.ts) > f"{trouble.since_at.timestamp():.6f}"
    taken = await session.exec(select(Message.id).where(there, posted).limit(1))
    waits = await session.exec(select(Message.id).where(there, is_stale, Message.problem != "").limit(1))
    return taken.first() is not None and waits.first() is None


async def _forget_what_is_not_needed(desk: Desk) -> None:
    """End the troubles with channels that a team no longer uses and where nothing waits, without a notification."""
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
                changed += await _change_messages(session, trouble, until_at=desk.now().isoformat())
    _wake(desk, [message.channel for message in changed])


async def _notify_others(desk: Desk) -> None:
    """Notify those who must hear of a trouble by now and did not: whoever heard of it may have left."""
    async with desk.reading() as session:
        if not await known(session):
            return
    recipients = list[str]()
    async with desk.session() as session:
        for trouble in await known(session):
            if trouble.channel != EVERYWHERE:
                team = await session.get_one(Team, trouble.team_id)
                have = set(await session.exec(select(Message.key).where(_ours(trouble))))
                others = [each for each in await agents.heard_by(session, team) if _began(trouble, each) not in have]
                recipients += [await _notify(session, trouble, person) for person in others]
    _wake(desk, recipients)


async def known(session: AsyncSession, team_id: int | None = None) -> list[SlackTrouble]:
    """Return the troubles, ordered by channel: of this team, or of all."""
    query = select(SlackTrouble).order_by(col(SlackTrouble.channel), col(SlackTrouble.team_id))
    return list(await session.exec(query.where(SlackTrouble.team_id == team_id) if team_id is not None else query))


async def is_needed(session: AsyncSession, channel: str) -> bool:
    """Tell whether we write in a channel for any team."""
    return any(channel in _needed(team) for team in await teams.all_teams(session))


def _needed(team: Team) -> set[str]:
    """Return the channels in which we write for a team: its own, and those in its settings."""
    named, settings = {team.channel}, TeamSettings.if_readable(team)
    if settings is not None:
        named |= {settings.escalation_channel, *(adviser.target for adviser in settings.advisers)}
    return {channel for channel in named if is_channel(channel)}


async def _begin(session: AsyncSession, team: Team, channel: str, error: str, now: datetime) -> list[str]:
    """Store a trouble and a message to each coordinator, unless it is known; returns the recipients to update."""
    known = await session.get(SlackTrouble, (team.id, channel))
    if known is not None:
        if known.error == error:
            return []
        known.error = error
        session.add(known)
        return [message.channel for message in await _change_messages(session, known, error=error)]
    trouble = SlackTrouble(team_id=team.id, channel=channel, error=error, since_at=now)
    try:
        async with session.begin_nested():
            session.add(trouble)
    except IntegrityError:  # another process has just noted it
        return []
    if channel == EVERYWHERE:  # nobody can be notified before it is over
        return []
    return [await _notify(session, trouble, person) for person in await agents.heard_by(session, team)]


async def _end(session: AsyncSession, trouble: SlackTrouble, now: datetime) -> list[str]:
    """Mark the first messages as over, and send new ones that say so; returns the recipients to update."""
    until = now.isoformat()
    changed = [message.channel for message in await _change_messages(session, trouble, until_at=until)]
    team = await session.get_one(Team, trouble.team_id)
    return changed + [await _notify(session, trouble, each, until) for each in await agents.heard_by(session, team)]


async def _notify(session: AsyncSession, trouble: SlackTrouble, person: str, until: str = "") -> str:
    """Write the message to one person: that we cannot write, or that it is over."""
    since = trouble.since_at.isoformat()
    shown = Troubled(trouble.channel, trouble.error, since, until, is_news=bool(until))
    key = f"{_key(trouble)}:{person}:over" if until else _began(trouble, person)
    session.add(
        Message(
            key=key, kind=MessageKind.SLACK_TROUBLE, subject_id=trouble.team_id, channel=person, details=shown.to_json()
        )
    )
    return person


async def _change_messages(session: AsyncSession, trouble: SlackTrouble, **changed: str) -> list[Message]:
    """Change the messages that we sent when a trouble began."""
    messages = list(await session.exec(select(Message).where(_ours(trouble))))
    for message in messages:
        message.details = {**(message.details or {}), **changed}
        message.version += 1
        session.add(message)
    return messages


def _ours(trouble: SlackTrouble) -> ColumnElement[bool]:
    return col(Message.key).startswith(f"{_key(trouble)}:", autoescape=True)


def _began(trouble: SlackTrouble, person: str) -> str:
    return f"{_key(trouble)}:{person}:began"


def _key(trouble: SlackTrouble) -> str:
    return f"slack_trouble:{trouble.team_id}:{trouble.channel}:{trouble.since_at.timestamp()}"


def _wake(desk: Desk, channels: Iterable[str]) -> None:
    for channel in channels:
        desk.wake(f"messages:{channel}")
