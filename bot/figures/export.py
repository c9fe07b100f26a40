"""A team's figures as CSV, one line for each counted event: sums in a spreadsheet equal the figures in the digest.

It contains no texts, and no names of citizens or colleagues. Excel can open it directly: UTF-8 with a BOM, semicolons.
"""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, tzinfo
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import false, null
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.period import Period
from bot.domain.sla import ClockKind, minutes
from bot.domain.text import Refused, Text, text
from bot.figures import counting
from bot.figures.counting import within
from bot.models import ANSWERS, CLOSING, HIDDEN, Account, Act, Case, Clock, Event, Hiding, Mention, Reply, Team
from bot.texts import Texts
from bot.views.case_state import reason_words

MAX_LINES = 500_000
BOM = "\ufeff"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet reads a cell that begins like this as a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""

MENTION, OPENED, ANSWER, CLOSED, HID = "mention", "opened", "answer", "closed", "hid"
WHAT: dict[str, Text] = {
    MENTION: text("mention"),
    OPENED: text("case opened"),
    ANSWER: text("answer sent"),
    CLOSED: text("closed without answer"),
    HID: text("post hidden"),
    ClockKind.FIRST_REACTION: text("first reaction"),
    ClockKind.RESOLUTION: text("resolution"),
}


class Line(NamedTuple):
    """One counted event; `took` and `norm` are seconds of working time.

    `number` is that of the case in `team`, which had it then. What was late and still waited when the period ended has
    no `took`; `at` is when it was due.
    """

    at: datetime
    what: str
    case_id: int
    number: int
    team: str
    account: str
    topic: str | None
    reason: str | None = None
    took: int | None = None
    norm: int | None = None
    kept: bool | None = None

    @property
    def waited(self) -> bool:
        """Whether it was late and still waited."""
        return self.kept is False and self.took is None


async def lines(
    session: AsyncSession, team: Team, period: Period, now: datetime, *, others: Collection[int] = ()
) -> list[Line]:
    """Return the counted events of a team, and of `others` if any, in a period, oldest first.

    Raises Refused when there are over MAX_LINES. They are the events that bot.figures.reports counts.
    """
    names = {account.id: str(connectors.label_of(account)) for account in await session.exec(select(Account))}
    teams = {each.id: each.name for each in await session.exec(select(Team))}
    result: list[Line] = []
    team_ids = {team.id, *others}
    undone = {(each.at, each.case_id) for each in await counting.undone(session, period)}
    for what, query in [*_queries(team_ids, period), *_late(team_ids, period, now)]:
        rows = await session.exec(query.limit(MAX_LINES + 1 - len(result)))
        result += [
            Line(at, what, case, number, teams[of], names[account], topic, *more)
            for at, case, number, of, account, topic, *more in rows
        ]
        if len(result) > MAX_LINES:
            raise Refused("That is too much for one file. Choose a shorter period.")
    counted = (line for line in result if line.what != CLOSED or (line.at, line.case_id) not in undone)
    return sorted(counted, key=attrgetter("at", "case_id"))


def _queries(team_ids: Collection[int], period: Period) -> Iterator[tuple[str, Any]]:
    """Yield each kind of event and its query: moment, case, number, team, account, topic, then the rest of a Line."""
    reason = col(Event.details)["reason"].as_string()
    timed = (null(), Clock.elapsed_seconds, Clock.target_seconds, Clock.kept)
    counted: Sequence[tuple[str, Any, Any, Sequence[Any]]] = (
        (MENTION, Mention, col(Mention.received_at), ()),
        (OPENED, Case, col(Case.opened_at), ()),
        (ANSWER, Reply, col(Reply.sent_at), ()),
        (CLOSED, Event, col(Event.at), (reason,)),
        (HID, Act, col(Act.done_at), (Hiding.rule,)),
        (ClockKind.FIRST_REACTION, Clock, col(Clock.stopped_at), timed),
        (ClockKind.RESOLUTION, Clock, col(Clock.stopped_at), timed),
    )
    for what, model, moment, more in counted:
        had_it = col(Clock.team_id) if model is Clock else counting.team_at(moment)
        columns: list[Any] = [
            moment, Case.id, counting.number_at(moment), had_it, Case.account_id, Case.topic, *more
        ]  # fmt: skip
        query: Any = select(*columns).select_from(model).where(had_it.in_(team_ids), *within(moment, period))
        if model is not Case:
            query = query.join(Case, model.case_id == Case.id)
        if model is Reply:
            query = query.where(ANSWERS)
        if model is Act:
            query = query.join(Hiding, col(Hiding.act_id) == Act.id).where(HIDDEN)
        if model is Event:
            query = query.where(CLOSING)
        if model is Clock:
            query = query.where(Clock.kind == what, col(Clock.counts).is_(True))
        yield what, query


def _late(team_ids: Collection[int], period: Period, now: datetime) -> Iterator[tuple[str, Any]]:
    """Yield the queries of what was late and still waited when the period ended, as `_queries` does."""
    columns: list[Any] = [
        Clock.due_at, Case.id, counting.number_at(Clock.stopped_at), Clock.team_id, Case.account_id, Case.topic,
        null(), null(), Clock.target_seconds, false(),
    ]  # fmt: skip
    for what in (ClockKind.FIRST_REACTION, ClockKind.RESOLUTION):
        for which in counting.still_late(team_ids, period, now):
            query: Any = select(*columns).select_from(Clock).join(Case, col(Clock.case_id) == Case.id)
            yield what, query.where(Clock.kind == what, *which)


def csv_of(rows: Sequence[Line], t: Texts, zone: tzinfo) -> bytes:
    """Return lines as a file; moments in the team's time zone, times in minutes."""
    words = {what: guarded(t(name)) for what, name in WHAT.items()}
    why = {reason: guarded(reason_words(reason, t)) if reason else "" for reason in {line.reason for line in rows}}
    about = {topic: guarded(topic or "") for topic in {line.topic for line in rows}}
    team = {each: guarded(each) for each in {line.team for line in rows}}
    name = {account: guarded(account) for account in {line.account for line in rows}}
    late = t("late, still waited")
    in_time = {None: "", True: t("yes"), False: t("no")}
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(_head(t))
    writer.writerows(
        (
            str(line.at.astimezone(zone))[: len("2026-11-24 09:00")],
            words[line.what],
            line.number,
            name[line.account],
            about[line.topic],
            late if line.waited else why[line.reason],
            "" if line.took is None else minutes(line.took, line.norm),
            "" if line.norm is None else minutes(line.norm),
            in_time[line.kept],
            team[line.team],
        )
        for line in rows
    )
    return (BOM + file.getvalue()).encode()


def _head(t: Texts) -> list[str]:
    return [
        t("moment"),
        t("what"),
        t("case number"),
        t("account"),
        t("topic"),
        t("reason"),
        t("working minutes"),
        t("norm in minutes"),
        t("within the norm"),
        t("team"),
    ]


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet reads as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
