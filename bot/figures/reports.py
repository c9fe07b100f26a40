"""The queries behind digest, command, App Home and export. Figures are of teams and accounts, never of a person.

A past day is counted once (`bot/figures/days.py`), the rest is counted from its rows (`counting.py`). Times are working
time, as the clocks measured it.

The figures of a past period never change, because every counted moment is written once:

- a mention counts when we received it, even after its author edits or removes it;
- a case counts when it was opened;
- a closing counts at the moment in the log, even after a reopening, but not if it was undone at once;
- a post that we hid counts when the platform did so, even after it is shown again;
- a reply counts as an answer when we knew that it was published; a question to the citizen does not count;
- an event of a case counts for the team that had the case at that moment, even after another team got it;
- a clock counts when it stopped; a stopped clock never runs again (the case gets a new one). A clock that stopped
  without counting, because the case was closed, counts when a reply that was being sent then is published. A clock
  that still runs when a period ends, and was due in it, counts there as late.

There are exceptions. The topic of a case can be chosen or changed later. A closing in the last seconds of a period can
be undone after it; the clocks that it stopped then run on. A late clock loses that moment when it rests, its norm
changes, or its case goes to another team, where it is late from then on. And an event that is being written at the
moment a period ends may be missing from figures that are read at that moment.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.domain.figures import Figures, Measured, Part, Source, Taken
from bot.domain.period import Period, parts
from bot.domain.sla import ClockKind
from bot.figures import counting, days
from bot.figures.days import Sums
from bot.models import Account, Case, Clock, Counted, Team
from bot.team.settings import TeamSettings


def zone_of(team: Team) -> tzinfo:
    """Return the time zone in which a team's days begin and end."""
    return ZoneInfo(TeamSettings.of(team.settings).time_zone)


async def figures(
    session: AsyncSession, team: Team, period: Period, now: datetime, *, others: Collection[int] = ()
) -> Figures:
    """Return the figures of a team in a period, as far as it has passed.

    With `others` they are for several teams together, and count nothing twice.
    """
    team_ids = {team.id, *others}
    within_period, mentions, answers = await _parts(session, team, period, team_ids)
    sums = await days.sums(session, team_ids, period)
    late = await _late(session, team_ids, period, now)
    topics = await counting.topics(session, team_ids, period)
    opened, reactions = sums.opened, _reactions(sums, late)
    accounts = {key for _, key in [*mentions, *answers]} | opened.keys() | reactions.keys()
    return Figures(
        period.since,
        period.until,
        sum(mentions.values()),
        sum(opened.values()),
        sum(answers.values()),
        _most_first(sums.closed),
        _measured(sums, ClockKind.FIRST_REACTION, late),
        _measured(sums, ClockKind.RESOLUTION, late),
        [
            Source(
                name,
                sum(n for (_, account), n in mentions.items() if account == key),
                opened.get(key, 0),
                sum(n for (_, account), n in answers.items() if account == key),
                *reactions.get(key, (0, 0)),
            )
            for key, name in await _names(session, accounts)
        ],
        _course(within_period, mentions, answers),
        _most_first({"": sum(opened.values()) - topics.total(), **topics}),
        _most_first(await counting.hidden(session, team_ids, period)),
    )


async def course(session: AsyncSession, team: Team, period: Period) -> list[Part]:
    """Return how many mentions came in and were answered in each part of a period."""
    return _course(*await _parts(session, team, period, {team.id}))


Counts = Mapping[tuple[int, int], int]
"""Counts by the index of the part of the period, and account."""


async def _parts(
    session: AsyncSession, team: Team, period: Period, team_ids: Collection[int]
) -> tuple[Sequence[Period], Counts, Counts]:
    """Return the parts of a period, and the mentions and the answers in each."""
    periods, until = parts(period, zone_of(team)), await days.counted_until(session)
    divided = [days.split(each, until) for each in periods]
    rest = [(number, each) for number, part in enumerate(divided) for each in part.rest]
    counts = {Counted.MENTION: Counter[tuple[int, int]](), Counted.ANSWER: Counter[tuple[int, int]]()}
    for what, count in ((Counted.MENTION, counting.mentions), (Counted.ANSWER, counting.answers)):
        for (number, team_id, account), n in (await count(session, rest)).items():
            if team_id in team_ids:
                counts[what][number, account] += n
    stored = [(number, part) for number, part in enumerate(divided) if part.first < part.last]
    if stored:
        begins = [part.first for _, part in stored]
        for day, what, account, n in await days.per_day(session, team_ids, begins[0], stored[-1][1].last):
            number, part = stored[bisect_right(begins, day) - 1]
            if day < part.last:  # a day between two parts is divided over both
                counts[what][number, account] += n
    return periods, counts[Counted.MENTION], counts[Counted.ANSWER]


def _course(periods: Sequence[Period], mentions: Counts, answers: Counts) -> list[Part]:
    return [
        Part(
            part.since,
            sum(n for (at, _), n in mentions.items() if at == number),
            sum(n for (at, _), n in answers.items() if at == number),
        )
        for number, part in enumerate(periods)
    ]


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(((name, n) for name, n in counts.items() if n), key=lambda each: (-each[1], each[0])))


Late = Mapping[tuple[ClockKind, int], int]
"""How many clocks are late, by kind and account."""


async def _late(session: AsyncSession, team_ids: Collection[int], period: Period, now: datetime) -> Late:
    """Count the clocks that were due in a period and still ran when it ended, or still run now."""
    late = Counter[tuple[ClockKind, int]]()
    for which in counting.still_late(team_ids, period, now):
        rows = await session.exec(
            select(col(Clock.kind), col(Case.account_id), func.count())
            .select_from(Clock)
            .join(Case, col(Clock.case_id) == Case.id)
            .where(col(Clock.kind).in_(days.TIMED), *which)
            .group_by(col(Clock.kind), col(Case.account_id))
        )
        for kind, account, count in rows:
            late[ClockKind(kind), account] += count
    return late


def _measured(sums: Sums, kind: ClockKind, late: Late) -> Measured:
    """Return what the clocks of one kind measured, of those that stopped in a period and count in the figures."""
    taken = Taken()
    for each in sums.taken[kind].values():
        taken.add(each.kept, each.lowest, each.highest, *each.runs)
    waiting = sum(n for (its, _), n in late.items() if its == kind)
    if not taken.count:
        return Measured(late=waiting)
    target = taken.lowest if taken.lowest == taken.highest else None
    return Measured(taken.count, taken.kept, taken.percentile(50), taken.percentile(90), target, waiting)


def _reactions(sums: Sums, late: Late) -> dict[int, tuple[int, int]]:
    """Return per account the number of first reactions, late ones included, and how many were in time."""
    taken = sums.taken[ClockKind.FIRST_REACTION]
    reactions = {account: (each.count, each.kept) for account, each in taken.items() if each.count}
    for (kind, account), count in late.items():
        if kind is ClockKind.FIRST_REACTION:
            measured, kept = reactions.get(account, (0, 0))
            reactions[account] = (measured + count, kept)
    return reactions


async def _names(session: AsyncSession, ids: Collection[int]) -> list[tuple[int, str]]:
    rows = await session.exec(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id)))
    return [(account.id, connectors.label_of(account).signed) for account in rows]
