"""The digests. A unique key makes sure that each is written once, by any number of processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from bot.cases import reminders
from bot.desk import Desk
from bot.domain.figures import Span
from bot.domain.hours import Hours
from bot.domain.period import DAY, first_of_month, midnight, monday_of, working_day_before
from bot.figures import digests
from bot.figures.reports import zone_of
from bot.logs import going_on
from bot.models import Message, MessageKind, Team
from bot.slack import messages
from bot.team import digest_time
from bot.team.settings import TeamSettings
from bot.views.digest import MAX_LATE

LAST_WITHIN = timedelta(days=62)
"""How long after the last digest the weeks and months are still told that passed meanwhile."""


async def send_digests(desk: Desk) -> None:
    """Write each team's digests that are due; a missed one is written later that day, or the next covers it."""
    async with desk.reading() as session:
        teams = (await session.exec(select(Team).order_by(col(Team.id)))).all()
    for team in teams:
        with going_on("a digest failed", team=team.id):
            due = digest_time.latest(TeamSettings.of(team.settings), desk.now())
            if due is not None and team.created_at <= due[1]:
                for day, span in await _unwritten(desk, team, due[0]):
                    await _send(desk, team, day, span)


async def _unwritten(desk: Desk, team: Team, day: date) -> list[tuple[date, Span]]:
    """Return which digests were not written yet: of this day, and of the week and the month before it.

    Any later day finds these too, so that they are not lost when the first working day was missed. A team has no digest
    of a week or month in which it did not exist.
    """
    hours, zone = TeamSettings.of(team.settings).hours(desk.now()), zone_of(team)
    firsts = monday_of(day), first_of_month(day)
    async with desk.reading() as session:
        told = await digests.days_told(session, team, min(firsts) - LAST_WITHIN, max(firsts) - DAY)
    weeks, months = (
        _told_by(_last_day(told, hours, first_of(day)), day, first_of) for first_of in (monday_of, first_of_month)
    )
    told_by = [(Span.DAY, day, day), *((Span.WEEK, *each) for each in weeks), *((Span.MONTH, *each) for each in months)]
    keys = {
        key: (last, span)
        for span, first, last in told_by
        if span is Span.DAY or team.created_at < midnight(first, zone)
        for key in digests.days_by_key(team, first, last, span)
    }
    async with desk.reading() as session:
        written = {keys[key] for key in await session.exec(select(Message.key).where(col(Message.key).in_(keys)))}
    return [each for each in dict.fromkeys(keys.values()) if each not in written]


def _last_day(told: Sequence[date], hours: Hours, before: date) -> date | None:
    """Return the last day before this one that was told, in LAST_WITHIN; when there is none, the last working day."""
    lately = (day for day in told if before - LAST_WITHIN <= day < before)
    return max(lately, default=None) or working_day_before(hours, before)


def _told_by(last_day: date | None, day: date, first_of: Callable[[date], date]) -> list[tuple[date, date]]:
    """Return the weeks or months, up to this day, in which the one before each is told; the oldest first.

    That is the one of this day, and those after `last_day` in which nothing was told: the team never opened, or the bot
    did not run.
    """
    found = [(first_of(day), day)]
    while last_day is not None and last_day < first_of(found[0][0] - DAY):
        last = found[0][0] - DAY
        found.insert(0, (first_of(last), last))
    return found


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
