"""What a digest tells, frozen when it is written: the day since the last working day, the past week or month."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import reports
from bot.desk import Desk
from bot.domain.figures import Overview, Span, Standing
from bot.domain.hours import Hours
from bot.domain.period import Period, at_minute, month_before, opening, week_before, working_day_before
from bot.models import Message, Team
from bot.slack_calls import Place, SlackDown, SlackLater, SlackRefuses, permalink
from bot.team_settings import TeamSettings, minute

ALWAYS_OPEN_AT = 9 * 60
"""A team that never closes has its digest at nine."""


def moment(settings: TeamSettings, hours: Hours, day: date) -> datetime | None:
    """Return when a day's digest is due: at the set time, else at opening; None on a day off."""
    opened = opening(hours, day)
    if opened is None:
        return None
    if settings.digest_at is not None:
        return at_minute(day, minute(settings.digest_at), hours.zone)
    return at_minute(day, ALWAYS_OPEN_AT, hours.zone) if settings.always_open else opened


def key_of(team: Team, day: date, span: Span) -> str:
    """Return the key under which a digest is written once."""
    return f"digest:{team.id}:{day}" if span is Span.DAY else f"digest:{team.id}:{day}:{span}"


async def daily(session: AsyncSession, team: Team, now: datetime, *, asked: bool = False) -> Overview:
    """Return the digest of the day: since the one of the working day before; one that is asked for runs up to now."""
    settings = TeamSettings.of(team.settings)
    hours = settings.hours(now)
    today = now.astimezone(hours.zone).date()
    last = working_day_before(hours, today)
    until = (None if asked else moment(settings, hours, today)) or now
    since = (moment(settings, hours, last) if last else None) or until - timedelta(days=1)
    missed = False
    if not asked and last is not None and team.created_at <= since:
        found = await session.exec(select(Message.id).where(Message.key == key_of(team, last, Span.DAY)))
        missed = found.first() is None
    figures = await reports.figures(session, team, Period(since, until))
    return Overview(Span.DAY, team.name, figures, None, await reports.standing(session, team, now), missed)


async def past(session: AsyncSession, team: Team, span: Span, now: datetime) -> Overview:
    """Return the past week or month, beside the one before it."""
    zone = reports.zone_of(team)
    whole = week_before if span is Span.WEEK else month_before
    period = whole(now.astimezone(zone).date(), zone)
    earlier = whole(period.since.astimezone(zone).date(), zone)
    figures, before = [await reports.figures(session, team, each) for each in (period, earlier)]
    return Overview(span, team.name, figures, before)


async def with_oldest(desk: Desk, team: Team, standing: Standing) -> Standing:
    """Add the link to the oldest open case's card, if Slack gives it."""
    async with desk.reading() as session:
        card = await reports.oldest_card(session, team.id or 0)
    if card is None or card.ts is None:
        return standing
    try:
        return replace(standing, oldest_url=await permalink(desk.slack, Place(card.channel, card.ts)))
    except (SlackRefuses, SlackLater, SlackDown):
        return standing  # the digest is worth having without the link
