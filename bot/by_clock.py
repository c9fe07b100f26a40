"""What the clock does with cases while their team is open: what is due, how it is done, and when it comes.

The job (`jobs/due.py`) does all that is due, and `webcare doctor` says what comes.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import advice
from bot.domain.coming import Coming
from bot.models import CaseFile, Team
from bot.outgoing import looking_again
from bot.staffing import duty, silence
from bot.team.settings import TeamSettings


@dataclass(frozen=True)
class ByClock:
    """One thing that the clock does, `named` for the log.

    `due` returns the ids of what it may be due for in a team now, and `do` does it for one of them if it is: once,
    whoever else does it at the same time. `coming` returns when it is done next for a case, if nobody does anything.
    """

    named: str
    due: Callable[[AsyncSession, Team, TeamSettings, datetime], Awaitable[Sequence[int]]]
    do: Callable[[AsyncSession, int, datetime], Awaitable[object]]
    coming: Callable[[AsyncSession, CaseFile, TeamSettings, datetime], Awaitable[Sequence[Coming]]]


BY_CLOCK = (
    ByClock("asking again for advice", advice.due, advice.chase, advice.coming),
    ByClock("asking about a silent citizen", silence.due, silence.ask, silence.coming),
    ByClock("calling those on duty", duty.due, duty.call_to, duty.coming),
    ByClock("asking a second colleague again", looking_again.to_chase, looking_again.chase, looking_again.chases),
    ByClock("asking what must stay hidden", looking_again.to_review, looking_again.review, looking_again.reviews),
)
"""In the order in which it is done."""
