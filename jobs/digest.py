"""The digests. A unique key makes sure that each is written once, by however many processes."""

from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from bot.desk import Desk
from bot.domain.figures import Span
from bot.domain.period import working_day_before
from bot.figures.digests import daily, key_of, moment, past, with_oldest
from bot.logs import trace
from bot.models import Message, MessageKind, Team
from bot.slack import messages
from bot.team.settings import TeamSettings

log = structlog.get_logger()


async def send_digests(desk: Desk) -> None:
    """Write each team's digests of today that are due; a missed one is written later today, or the next covers it."""
    async with desk.reading() as session:
        teams = (await session.exec(select(Team).order_by(col(Team.id)))).all()
    for team in teams:
        try:
            for key, span in await _due(desk, team):
                await _send(desk, team, key, span)
        except Exception as error:  # the other teams go on; the next tick tries again
            log.error("a digest failed", team=team.id, **trace(error))


async def _due(desk: Desk, team: Team) -> list[tuple[str, Span]]:
    """Return today's digests that are due and not written yet; a team created after their moment has none."""
    settings, now = TeamSettings.of(team.settings), desk.now()
    hours = settings.hours(now)
    today = now.astimezone(hours.zone).date()
    at = moment(settings, hours, today)
    if at is None or now < at or team.created_at > at:
        return []
    last = working_day_before(hours, today)
    spans = [Span.DAY]
    if last is None or last < today - timedelta(days=today.weekday()):
        spans.append(Span.WEEK)
    if last is None or last < today.replace(day=1):
        spans.append(Span.MONTH)
    keys = {key_of(team, today, span): span for span in spans}
    async with desk.reading() as session:
        written = set(await session.exec(select(Message.key).where(col(Message.key).in_(keys))))
    return [(key, span) for key, span in keys.items() if key not in written]


async def _send(desk: Desk, team: Team, key: str, span: Span) -> None:
    """Freeze the figures and write the message, unless another process wrote it first."""
    async with desk.reading() as session:
        content = (
            await daily(session, team, desk.now()) if span is Span.DAY else await past(session, team, span, desk.now())
        )
    if content.standing is not None and content.standing.open:
        content = replace(content, standing=await with_oldest(desk, team, content.standing))
    message = Message(
        key=key, kind=MessageKind.DIGEST, subject_id=team.id, channel=team.channel, details=content.to_json()
    )
    try:
        async with desk.session() as session:
            session.add(message)
    except IntegrityError:
        return
    messages.wake(desk, [team.channel])
