"""A team's figures as CSV, one line for all that is counted: what a spreadsheet adds up is what the digest tells.

It holds no citizen's words or name and no colleague's. Excel reads it as it is: UTF-8 with a BOM, semicolons.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy.orm import Mapped
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.case import CloseReason
from bot.domain.period import Period
from bot.domain.sla import ClockKind
from bot.domain.text import Refused, Text, text
from bot.models import Account, Case, Clock, Mention, Reply, Team
from bot.reports import title, within
from bot.texts import Texts
from bot.views.case_card import REASONS

MOST_LINES = 200_000
BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet (https://owasp.org/www-community/attacks/CSV_Injection)."""

MENTION, OPENED, ANSWER, CLOSED = "mention", "opened", "answer", "closed"
WHAT: dict[str, Text] = {
    MENTION: text("mention"),
    OPENED: text("case opened"),
    ANSWER: text("answer sent"),
    CLOSED: text("closed without answer"),
    ClockKind.FIRST_REACTION: text("first reaction"),
    ClockKind.RESOLUTION: text("resolution"),
}


@dataclass(frozen=True)
class Line:
    """One thing that happened; the times are seconds of working time."""

    at: datetime
    what: str
    case_id: int
    account: str
    reason: CloseReason | None = None
    took: int | None = None
    norm: int | None = None
    kept: bool | None = None


async def lines(session: AsyncSession, team: Team, period: Period) -> list[Line]:
    """Return all that is counted of a team in a period, in order of time; refused when it is too much for one file."""
    found: list[Line] = []
    for model, moment, what in (
        (Mention, col(Mention.received_at), MENTION),
        (Case, col(Case.opened_at), OPENED),
        (Reply, col(Reply.sent_at), ANSWER),
        (Case, col(Case.closed_at), CLOSED),
    ):
        found += await _read(session, team, what, _rows_of(model, moment, period))
    for kind in (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION):
        measured = (Clock.team_id == team.id, Clock.kind == kind, col(Clock.counts).is_(True))
        found += await _read(session, team, kind, _rows_of(Clock, col(Clock.stopped_at), period).where(*measured))
    if len(found) > MOST_LINES:
        raise Refused("That is too much for one file; choose a shorter period.")
    return sorted(found, key=lambda line: (line.at, line.case_id))


def _rows_of(model: type[Mention | Case | Reply | Clock], moment: Mapped[Any], period: Period) -> Any:
    """Return the query for the moment, the case, the account, the close reason, and of a clock what it measured."""
    columns: list[Any] = [moment, Case.id, Case.account_id, Case.close_reason]
    if model is Clock:
        columns += [Clock.elapsed_seconds, Clock.target_seconds, Clock.kept]
    query = select(*columns).select_from(model).where(*within(moment, period)).limit(MOST_LINES + 1)
    return query if issubclass(model, Case) else query.join(Case, col(model.case_id) == Case.id)


async def _read(session: AsyncSession, team: Team, what: str, query: Any) -> list[Line]:
    """Return lines of one sort."""
    names = {account.id: title(account) for account in await session.exec(select(Account))}
    rows = await session.exec(query.where(Case.team_id == team.id))
    return [
        Line(at, what, case_id, names[account_id], reason if what == CLOSED else None, *measured)
        for at, case_id, account_id, reason, *measured in rows
    ]


def csv_of(those: Sequence[Line], t: Texts, zone: tzinfo) -> bytes:
    """Return lines as a file; moments on the team's clock, times in minutes."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow([guarded(cell) for cell in _head(t)])
    for line in those:
        writer.writerow([guarded(cell) for cell in _cells(line, t, zone)])
    return (BOM + file.getvalue()).encode()


def _head(t: Texts) -> list[str]:
    return [
        t("moment"),
        t("what"),
        t("case number"),
        t("account"),
        t("reason"),
        t("working minutes"),
        t("norm in minutes"),
        t("within the norm"),
    ]


def _cells(line: Line, t: Texts, zone: tzinfo) -> list[str]:
    timed = line.took is not None
    return [
        f"{line.at.astimezone(zone):%Y-%m-%d %H:%M}",
        t(WHAT[line.what]),
        str(line.case_id),
        line.account,
        t(REASONS[line.reason]) if line.reason else "",
        str((line.took or 0) // 60) if timed else "",
        str(line.norm // 60) if line.norm is not None else "",
        (t("yes") if line.kept else t("no")) if timed else "",
    ]


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
