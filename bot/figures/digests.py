"""The content of a digest, frozen when it is written: what happened since the last digest, or the past week or month.

A digest begins where the last written one ended. So nothing is missed between two digests, even if one was skipped or
its time was changed.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import reminders
from bot.desk import Desk
from bot.domain.case import OPEN
from bot.domain.coming import Coming, Doing, heard_at
from bot.domain.figures import Overview, Span, Standing
from bot.domain.hours import HORIZON, Hours
from bot.domain.period import DAY, Period, month_before, week_before, working_day_before
from bot.figures import reconciling, reports
from bot.figures.standing import oldest_case, standing
from bot.models import Case, Message, Team
from bot.slack.places import links_of
from bot.team.digest_time import latest, moment
from bot.team.settings import TeamSettings
from bot.views.digest import MAX_LATE

MAX_DAYS = 31
"""The most days that a digest covers, even if the last one is older."""


def key_of(team: Team, day: date, span: Span) -> str:
    """Return the unique key of a digest; it makes sure that we write each digest once."""
    return f"digest:{team.id}:{day}" if span is Span.DAY else f"digest:{team.id}:{day}:{span}"


async def coming(session: AsyncSession, team: Team, settings: TeamSettings, case: Case, now: datetime) -> list[Coming]:
    """Return when the next digest counts a case that waits for us, or lists it among the first that are late then."""
    hours = settings.hours(now)
    today = now.astimezone(hours.zone).date()
    days = days_by_key(team, today - DAY, today + HORIZON - DAY, Span.DAY)
    written = set(await session.exec(select(Message.key).where(col(Message.key).in_([*days][:3]))))
    for key, day in days.items():
        at = moment(settings, hours, day)
        if at is None or key in written:
            continue
        written_at = _comes_at(settings, hours, at, now)
        if written_at is not None and latest(settings, written_at) == (day, at) and team.created_at <= at:
            listed = await reminders.late_at(session, team.id, written_at, most=MAX_LATE)
            unread = await reminders.unread_among(session, [case], written_at)
            counted = case.status in OPEN or case.id in unread
            doing = Doing.DIGEST_LISTS if case.id in listed else Doing.DIGEST_COUNTS
            return [Coming(written_at, doing, (team.channel,))] if counted else []
    return []


def _comes_at(settings: TeamSettings, hours: Hours, at: datetime, now: datetime) -> datetime | None:
    """Return when a digest that is due then comes: once it is due, or when the team opens if it was missed."""
    comes_at = max(at, now)
    return comes_at if latest(settings, comes_at) is not None else heard_at(hours, at, now)


def days_by_key(team: Team, first: date, last: date, span: Span) -> dict[str, date]:
    """Return the days from `first` to `last`, each by the key of a digest written on it; the first one first."""
    days = (first + n * DAY for n in range((last - first).days + 1))
    return {key_of(team, day, span): day for day in days}


async def daily(session: AsyncSession, team: Team, now: datetime, day: date | None = None) -> Overview:
    """Return the digest of a day: since the last digest of an earlier day, but at most MAX_DAYS.

    Without a day an agent asked for it, so it runs up to now. `missed`: the previous working day had no digest.
    """
    settings = TeamSettings.of(team.settings)
    hours = settings.hours(now)
    today = day or now.astimezone(hours.zone).date()
    until = (moment(settings, hours, today) if day else None) or now
    last = working_day_before(hours, today)
    usual = (moment(settings, hours, last) if last else None) or until - timedelta(days=1)
    written = await _last_written(session, team, today)
    if written is not None:
        day, since = written
        missed = last is not None and day < last
    else:
        missed = team.created_at <= usual
        since = max(team.created_at, until - timedelta(days=MAX_DAYS)) if missed else usual
    period = Period(since, until)
    figures = await reports.figures(session, team, period, now)
    counts = await reconciling.tally(session, team, period, now)
    return Overview(Span.DAY, team.name, figures, None, await standing(session, team, now), missed, counts)


async def newest(session: AsyncSession, team: Team, now: datetime) -> int | None:
    """Return the digest of a day that is kept level: the newest, for a day after it was due."""
    today = now.astimezone(reports.zone_of(team)).date()
    keys = [key_of(team, today - n * DAY, Span.DAY) for n in range(2)]
    rows = await session.exec(select(Message.id, Message.details).where(col(Message.key).in_(keys)))
    of = {id: Overview.from_json(details or {}).figures.until for id, details in rows}
    return max((id for id, until in of.items() if now - until < timedelta(days=1)), default=None)


async def days_told(session: AsyncSession, team: Team, first: date, last: date) -> list[date]:
    """Return which days from `first` to `last` had their digest."""
    days = days_by_key(team, first, last, Span.DAY)
    return [days[key] for key in await session.exec(select(Message.key).where(col(Message.key).in_(days)))]


async def _last_written(session: AsyncSession, team: Team, today: date) -> tuple[date, datetime] | None:
    """Return the day and the end of the last digest before today's; None when there is none in MAX_DAYS."""
    days = days_by_key(team, today - MAX_DAYS * DAY, today - DAY, Span.DAY)
    rows = await session.exec(
        select(Message.key, Message.details).where(col(Message.key).in_(days)).order_by(col(Message.key).desc())
    )
    row = rows.first()
    return (days[row[0]], Overview.from_json(row[1] or {}).figures.until) if row else None


async def past(session: AsyncSession, team: Team, span: Span, day: date, now: datetime) -> Overview:
    """Return the week or month before the one of this day, and the one before that to compare with.

    With one in which the team did not exist yet, or only for a part, there is nothing to compare.
    """
    zone = reports.zone_of(team)
    whole = week_before if span is Span.WEEK else month_before
    period = whole(day, zone)
    earlier = whole(period.since.astimezone(zone).date(), zone)
    figures = await reports.figures(session, team, period, now)
    existed = team.created_at <= earlier.since
    before = await reports.figures(session, team, earlier, now) if existed else None
    return Overview(span, team.name, figures, before)


async def with_oldest(desk: Desk, team: Team, stands: Standing) -> Standing:
    """Add the link to the card of the oldest open case, if it was posted."""
    async with desk.reading() as session:
        oldest = await oldest_case(session, team.id, desk.now())
        urls = await links_of(session, desk.slack, [oldest] if oldest else [])
    return replace(stands, oldest_url=next(iter(urls.values()), stands.oldest_url))
