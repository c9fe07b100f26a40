"""The digests. A unique key makes sure that each is written once, by any number of processes."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from bot.cases import reminders
from bot.desk import Desk
from bot.domain.figures import Span
from bot.domain.period import midnight
from bot.figures import digests
from bot.figures.reports import zone_of
from bot.logs import going_on
from bot.models import Message, MessageKind, Team
from bot.slack import messages
from bot.team import digest_time
from bot.team.settings import TeamSettings
from bot.views.digest import MAX_LATE


async def send_digests(desk: Desk) -> None:
    """Write each team's digests that are due; a missed one is written later that day, or the next covers it."""
    async with desk.reading() as session:
        teams = (await session.exec(select(Team).order_by(col(Team.id)))).all()
    for team in teams:
        with going_on("a digest failed", team=team.id):
            due = digest_time.latest(TeamSettings.of(team.settings), desk.now())
            if due is not None and team.created_at <= due[1]:
                for span in await _unwritten(desk, team, due[0]):
                    await _send(desk, team, due[0], span)


async def _unwritten(desk: Desk, team: Team, day: date) -> list[Span]:
    """Return which digests were not written yet: of this day, and of the week and the month before it.

    Any later day finds these too, so that they are not lost when the first working day was missed. A team has no digest
    of a week or month in which it did not exist.
    """
    first = {Span.DAY: day, Span.WEEK: day - timedelta(days=day.weekday()), Span.MONTH: day.replace(day=1)}
    zone = zone_of(team)
    keys = {
        key: span
        for span, begun in first.items()
        if span is Span.DAY or team.created_at < midnight(begun, zone)
        for key in digests.keys_since(team, begun, day, span)
    }
    async with desk.reading() as session:
        written = {keys[key] for key in await session.exec(select(Message.key).where(col(Message.key).in_(keys)))}
    return [span for span in first if span in keys.values() and span not in written]


async def _send(desk: Desk, team: Team, day: date, span: Span) -> None:
    """Freeze the figures and write the message, unless another process wrote it first."""
    async with desk.reading() as session:
        if span is Span.DAY:
            content = await digests.daily(session, team, desk.now(), day)
        else:
            content = await digests.past(session, team, span, day, desk.now())
    if content.standing is not None and content.standing.open:
        content = replace(content, standing=await digests.with_oldest(desk, team, content.standing))
    message = Message(
        key=digests.key_of(team, day, span),
        kind=MessageKind.DIGEST,
        subject_id=team.id,
        channel=team.channel,
        details=content.to_json(),
    )
    try:
        async with desk.session() as session:
            session.add(message)
            await session.flush()
            if span is Span.DAY:
                await reminders.list_late(session, message, team.id, desk.now(), most=MAX_LATE)
    except IntegrityError:
        return
    messages.wake(desk, [team.channel])
