"""When the digests of a team are due: at the time that it set, else at its opening, on each day on which it opens."""

from datetime import date, datetime, timedelta

from bot.domain.hours import MORNING, Hours, at_minute, is_open
from bot.domain.period import DAY, midnight, opening
from bot.team.settings import TeamSettings, minute

MINUTE = timedelta(minutes=1)
MOST_LATE = timedelta(hours=1)
"""How long after its moment a digest still comes when its team is closed."""


def moment(settings: TeamSettings, hours: Hours, day: date) -> datetime | None:
    """Return when a day's digest is due: at the set time, else at opening; None on a closed day.

    A day that begins at midnight, or that the night before runs into, begins for the digest in the morning.
    """
    opened = opening(hours, day)
    if opened is None:
        return None
    if settings.digest_at is not None:
        return at_minute(day, minute(settings.digest_at), hours.zone)
    at_night = opened == midnight(day, hours.zone) or is_open(hours, opened - MINUTE)
    morning = at_minute(day, MORNING, hours.zone)
    return morning if at_night and is_open(hours, morning) else opened


def latest(settings: TeamSettings, now: datetime) -> tuple[date, datetime] | None:
    """Return the day whose digest came due last, and when; None if that was before today.

    A digest at 24:00 is due when its day ends: it is yesterday's. One that was missed by more than MOST_LATE is due
    only while the team is open: at night it would come out of nowhere.
    """
    hours = settings.hours(now)
    today = now.astimezone(hours.zone).date()
    for day in (today, today - DAY):
        at = moment(settings, hours, day)
        if at is not None and midnight(today, hours.zone) <= at <= now:
            return (day, at) if now - at <= MOST_LATE or is_open(hours, now) else None
    return None
