"""Days that are over are counted once, and are then what going through their rows gives."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlmodel import select

from bot import cases
from bot.domain.case import CloseReason
from bot.domain.figures import Figures, Taken
from bot.domain.period import Period
from bot.figures import days, reports
from bot.models import FIRST_WORKSPACE, Counted, DayCount, Team, Workspace
from jobs.days import count
from tests.clocks import local
from tests.conftest import SANNE, Bot
from tests.people import mention, sent


def at(bot: Bot, moment: str) -> None:
    bot.clock.at = local(moment)  # type: ignore[attr-defined]


async def figures(bot: Bot, since: str, until: str) -> Figures:
    async with bot.desk.reading() as session:
        team = await session.get_one(Team, 1)
        return await reports.figures(session, team, Period(local(since), local(until)), bot.desk.now())


async def counted_until(bot: Bot) -> date | None:
    async with bot.desk.reading() as session:
        return (await session.get_one(Workspace, FIRST_WORKSPACE)).counted_until


async def stored(bot: Bot) -> list[DayCount]:
    async with bot.desk.reading() as session:
        return list(await session.exec(select(DayCount)))


async def test_a_day_is_counted_once_when_it_has_been_over_for_a_day_and_figures_read_it(office: Bot) -> None:
    first, second = await mention(office, 1), await mention(office, 2)
    at(office, "2026-11-20 10:20")
    await sent(office, first)
    async with office.desk.session() as session:
        await cases.close(session, second, by=SANNE, now=office.desk.now(), reason=CloseReason.SPAM)
    at(office, "2026-11-22 00:59")
    await count(office.desk)
    assert await stored(office) == []
    before = await figures(office, "2026-11-20 00:00", "2026-11-23 00:00")
    at(office, "2026-11-22 01:00")
    await asyncio.gather(*(count(office.desk) for _ in range(3)))
    assert await counted_until(office) == date(2026, 11, 21)
    rows = await stored(office)
    assert sorted((row.what, row.reason, row.n) for row in rows) == [
        (Counted.ANSWER, "", 1), (Counted.CLOSED, "spam", 1), (Counted.FIRST_REACTION, "", 1),
        (Counted.MENTION, "", 2), (Counted.OPENED, "", 2), (Counted.RESOLUTION, "", 1),
    ]  # fmt: skip
    assert await figures(office, "2026-11-20 00:00", "2026-11-23 00:00") == before

    async with office.desk.session() as session:
        for row in rows:
            row.n += 100 if row.what in {Counted.MENTION, Counted.OPENED} else 0
            session.add(row)
    after = await figures(office, "2026-01-01 00:00", "2027-01-01 00:00")
    assert (after.mentions, after.opened) == (102, 102), "what is counted is not counted again"
    at(office, "2026-11-30 10:00")
    await count(office.desk)
    assert (await counted_until(office), len(await stored(office))) == (date(2026, 11, 29), len(rows))


async def test_days_that_a_wrong_clock_counted_are_given_up_when_it_is_right_again(office: Bot) -> None:
    await mention(office, 1)
    at(office, "2027-02-01 10:00")
    while await counted_until(office) != date(2027, 1, 31):
        await count(office.desk)
    at(office, "2026-11-24 10:00")
    await mention(office, 2)
    await count(office.desk)
    assert await counted_until(office) == date(2026, 11, 23)
    at(office, "2026-11-27 10:00")
    await count(office.desk)
    assert await counted_until(office) == date(2026, 11, 26)
    assert [row.day.day for row in await stored(office) if row.what is Counted.MENTION] == [20, 24]


async def test_a_closing_that_is_undone_after_midnight_is_not_counted(office: Bot) -> None:
    case_id = await mention(office)
    at(office, "2026-11-21 00:59:58")
    async with office.desk.session() as session:
        await cases.close(session, case_id, by=SANNE, now=office.desk.now(), reason=CloseReason.SPAM)
        closed_at = (await cases.locked(session, case_id)).closed_at
    assert closed_at
    at(office, "2026-11-21 01:00:03")
    async with office.desk.session() as session:
        await cases.undo_close(
            session, [case_id], teams=[1], closed_at=closed_at, by=SANNE, now=office.desk.now(),
            undo=timedelta(seconds=10),
        )  # fmt: skip
    at(office, "2026-11-23 09:00")
    await count(office.desk)
    assert Counted.CLOSED not in {row.what for row in await stored(office)}


def test_a_period_is_its_whole_days_and_the_rest() -> None:
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    period = Period(utc("2026-11-01 23:00"), utc("2026-11-10 23:00"))
    divided = days.split(period, date(2026, 11, 8))
    assert (divided.first, divided.last) == (date(2026, 11, 2), date(2026, 11, 8))
    assert divided.rest == [Period(period.since, utc("2026-11-02")), Period(utc("2026-11-08"), period.until)]
    for until in (None, date(2026, 11, 2), date(2026, 1, 1)):
        assert days.split(period, until).rest == [period]
    whole = Period(utc("2026-11-02"), utc("2026-11-04"))
    assert days.split(whole, date(2026, 12, 1)) == days.Split(date(2026, 11, 2), date(2026, 11, 4), [])
    inside = Period(utc("2026-11-02 10:00"), utc("2026-11-02 10:00") + timedelta(hours=20))
    assert days.split(inside, date(2026, 12, 1)).rest == [inside]


def test_percentiles_of_sorted_runs_are_those_of_all_together() -> None:
    runs: list[Sequence[int]] = [[1, 1, 7], [], [2, 9], [3], [8, 8, 8, 200_000]]
    taken, together = Taken(runs=runs), sorted(each for run in runs for each in run)
    for percent in range(1, 101):
        lowest = next(v for n, v in enumerate(together, 1) if n * 100 >= percent * len(together))
        assert taken.percentile(percent) == lowest
    assert Taken().percentile(50) is None
