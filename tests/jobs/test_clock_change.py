"""The nights on which the clock changes: claims, promises, snoozes and duty count real minutes of the opening hours.

On 25 October 2026 the clock goes from 03:00 back to 02:00; on 28 March 2027 from 02:00 on to 03:00.
"""

from datetime import UTC, datetime, timedelta

import pytest

from bot import cases
from bot.cases import clocks
from bot.domain.case import Status
from bot.domain.sla import ClockKind
from bot.models import Clock, Reminder, ReminderKind, ReplyKind
from bot.staffing import presence
from jobs import claims, sla
from tests.conftest import MARIEKE, SANNE, Bot
from tests.people import mention, reminders, sent, settings, settings_of

BACK = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""Half past two of summer time, half an hour before the clock goes back."""
ON = datetime(2027, 3, 28, 0, 45, tzinfo=UTC)
"""A quarter before the clock goes on."""
NIGHTS = [[("22:00", "06:00")]] * 7
NORM = {"first_reaction": 600, "next_reaction": 600, "resolution": 600}
MINUTE = timedelta(minutes=1)


async def at_night(bot: Bot, since: datetime) -> int:
    """Let a case come in at a moment in the night, and Sanne claim it."""
    await settings(bot, week=NIGHTS, norm=NORM)
    bot.clock.at = since  # type: ignore[attr-defined]
    case_id = await mention(bot)
    async with bot.desk.session() as session:
        await cases.claim(session, case_id, by=SANNE, now=since)
    return case_id


@pytest.mark.parametrize("since", [BACK, ON])
async def test_a_claim_lies_still_for_as_many_minutes_as_on_any_night(office: Bot, since: datetime) -> None:
    case_id = await at_night(office, since)
    for minutes, asked, status in ((29, 0, Status.CLAIMED), (30, 1, Status.CLAIMED), (44, 1, Status.CLAIMED),
                                   (45, 1, Status.NEW)):  # fmt: skip
        office.clock.at = since + minutes * MINUTE  # type: ignore[attr-defined]
        await claims.look_after(office.desk)
        still = [each for each in await office.rows(Reminder) if each.kind is ReminderKind.STILL]
        assert (len(still), (await office.case(case_id)).status) == (asked, status), minutes


@pytest.mark.parametrize("since", [BACK, ON])
async def test_a_promise_is_reminded_of_after_four_fifths_of_its_minutes(office: Bot, since: datetime) -> None:
    case_id = await at_night(office, since)
    await sent(office, case_id, ReplyKind.INTERIM, since + 100 * MINUTE)
    promise = next(clock for clock in await office.rows(Clock) if clock.kind is ClockKind.PROMISE)
    assert promise.next_at == since + 80 * MINUTE
    told = []
    for minutes in (79, 80, 99, 100, 114, 115):
        office.clock.at = since + minutes * MINUTE  # type: ignore[attr-defined]
        await sla.remind(office.desk)
        told.append([each.percent for each in await reminders(office)])
    assert told == [[], [80], [80], [80, 100], [80, 100], [80, 125]], "each recipient has one row"


@pytest.mark.parametrize("since", [BACK, ON])
async def test_a_snooze_lasts_as_long_as_it_says(office: Bot, since: datetime) -> None:
    case_id = await at_night(office, since)
    async with office.desk.session() as session:
        await clocks.snooze(session, await cases.locked(session, case_id), 60, since)
    for minutes, told in ((59, 0), (60, 1)):
        office.clock.at = since + minutes * MINUTE  # type: ignore[attr-defined]
        await sla.remind(office.desk)
        assert len(await reminders(office)) == told


@pytest.mark.parametrize(
    ("moment", "on_duty"),
    [
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), []),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), [SANNE]),
        (BACK + timedelta(hours=1), [SANNE]),
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), [SANNE]),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), [MARIEKE]),
        (datetime(2027, 3, 27, 22, 59, tzinfo=UTC), []),
        (datetime(2027, 3, 27, 23, 0, tzinfo=UTC), [SANNE]),
        (datetime(2027, 3, 28, 21, 59, tzinfo=UTC), [SANNE]),
        (datetime(2027, 3, 28, 22, 0, tzinfo=UTC), [MARIEKE]),
    ],
)
async def test_the_rota_changes_at_midnight_of_the_day_that_is_an_hour_longer_or_shorter(
    office: Bot, moment: datetime, on_duty: list[str]
) -> None:
    await settings(office, rota={6: [SANNE], 0: [MARIEKE]})
    async with office.desk.reading() as session:
        assert await presence.on_duty(session, 1, await settings_of(office), moment) == on_duty
