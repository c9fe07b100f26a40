"""What happens next with a case: all that its jobs will do, each found by the functions that the job itself uses."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.by_clock import BY_CLOCK
from bot.cases import idle, steps
from bot.domain.coming import Coming
from bot.figures import digests
from bot.models import CaseFile
from bot.staffing import leaving, presence
from bot.team.settings import TeamSettings


async def coming(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> Sequence[Coming]:
    """Return what the clock will do for a case if nobody does anything, the first first."""
    case, team = file.case, file.team
    owners = [case.assignee] if case.assignee else []
    away = await presence.not_reminded(session, team.id, settings, owners)
    found = [
        *steps.coming(file, settings, away, now),
        *await idle.coming(session, case.id, team, settings, now),
        *await leaving.coming(session, case, team, now),
        *await presence.coming(session, case.id, team, settings, now),
        *[one for each in BY_CLOCK for one in await each.coming(session, file, settings, now)],
        *await digests.coming(session, team, settings, case, now),
    ]
    return sorted(found, key=lambda each: each.at)
