"""The order in which cases are listed, in SQL and for a case in memory; `bot.domain.queue.precedence` is the rule."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import String, cast, col, false, func, or_, select

from bot.domain.queue import precedence
from bot.domain.signals import FIRST
from bot.models.case import Case
from bot.models.clock import Clock

_first_due = (
    select(func.min(Clock.due_at))
    .where(Clock.case_id == Case.id, col(Clock.stopped_at).is_(None), col(Clock.running_since).is_not(None))
    .correlate(Case)
    .scalar_subquery()
)

_signals = cast(col(Case.signals), String)
_said = or_(*(_signals.contains(f'"{signal}', autoescape=True) for signal in FIRST))
"""The stored text is JSON, so a quote begins a signal: one within a team's own word has a backslash before it."""

IN_ORDER: Sequence[Any] = (
    col(Case.urgent).desc(),
    func.coalesce(_said, false()).desc(),
    _first_due.asc().nulls_last(),
    col(Case.opened_at),
    col(Case.id),
)
"""The ORDER BY of a query of cases."""


def due_at(clocks: Iterable[Clock]) -> datetime | None:
    """Return when the first of the running clocks is due; None when none is."""
    moments = (clock.due_at for clock in clocks if clock.stopped_at is None and clock.running_since is not None)
    return min((at for at in moments if at is not None), default=None)


def in_order(case: Case, due_at: datetime | None, *, urgent: bool = False) -> tuple[object, ...]:
    """Return the sort key of a case, by when its first running clock is due; `urgent`: something in it is."""
    return precedence(
        urgent=urgent or case.urgent,
        signals=case.signals or (),
        due_at=due_at,
        opened_at=case.opened_at,
        case_id=case.id,
    )
