"""The digest comes at opening on working days, once, and says what was frozen when it was written."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlmodel import select

from bot import accounts, cases
from bot.cases import inbox, reminders
from bot.domain.case import CloseReason
from bot.domain.figures import Figures, Measured, Overview, Source, Span, Standing, Trouble
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Message, MessageKind, ReplyKind, Team
from bot.sandbox.app import Sandbox
from bot.sandbox.slack import blocks
from bot.sandbox.slack.inspection import text_of
from bot.texts import LANGUAGES, Texts
from bot.views.digest import overview
from jobs.digest import send_digests
from tests.clocks import StoppedClock, local
from tests.conftest import CHANNEL, SANNE, Bot, Databases, eventually, running_bot
from tests.people import asked, mention, sent, settings


async def digests(bot: Bot, moment: str) -> list[str]:
    """Move the clock, let the minute's job run, and return the keys of the digests that it wrote."""
    bot.clock.at = local(moment)  # type: ignore[attr-defined]
    before = {m.key for m in await bot.rows(Message)}
    await send_digests(bot.desk)
    return [m.key for m in await bot.rows(Message) if m.kind is MessageKind.DIGEST and m.key not in before]


async def test_a_digest_comes_at_opening_on_working_days_and_once(office: Bot) -> None:
    assert await digests(office, "2026-11-20 12:00") == []
    assert await digests(office, "2026-11-21 12:00") == []
    assert await digests(office, "2026-11-23 08:59") == []
    assert await digests(office, "2026-11-23 09:00") == ["digest:1:2026-11-23", "digest:1:2026-11-23:week"]
    assert await digests(office, "2026-11-23 09:01") == []
    assert await digests(office, "2026-11-24 16:00") == ["digest:1:2026-11-24"]
    assert await digests(office, "2026-11-30 09:00") == ["digest:1:2026-11-30", "digest:1:2026-11-30:week"]
    assert await digests(office, "2026-12-01 09:00") == ["digest:1:2026-12-01", "digest:1:2026-12-01:month"]


async def test_a_digest_that_was_missed_comes_in_opening_hours_or_the_next_one_covers_it(office: Bot) -> None:
    for moment in ("2026-11-23 17:01", "2026-11-23 23:00", "2026-11-24 08:59"):
        assert await digests(office, moment) == [], moment
    assert await digests(office, "2026-11-24 09:00") == ["digest:1:2026-11-24", "digest:1:2026-11-24:week"]
    assert Overview.from_json((await office.rows(Message))[-2].details).missed
    await settings(office, digest_at="17:30")
    assert await digests(office, "2026-11-24 17:45") == [], "this day had its digest"
    assert await digests(office, "2026-11-25 17:45") == ["digest:1:2026-11-25"], "at its own moment, also when closed"
    assert await digests(office, "2026-11-26 19:00") == []
    assert await digests(office, "2026-11-27 17:30") == ["digest:1:2026-11-27"]


async def test_the_week_and_the_month_are_told_once_also_when_nothing_ran_on_their_first_working_day(
    office: Bot,
) -> None:
    assert await digests(office, "2026-11-25 16:00") == ["digest:1:2026-11-25", "digest:1:2026-11-25:week"]
    assert Overview.from_json((await office.rows(Message))[-1].details).figures.until == local("2026-11-23 00:00")
    assert await digests(office, "2026-11-26 09:00") == ["digest:1:2026-11-26"]
    assert await digests(office, "2026-12-04 09:00") == [
        "digest:1:2026-12-04", "digest:1:2026-12-04:week", "digest:1:2026-12-04:month"
    ]  # fmt: skip
    assert await digests(office, "2026-12-04 17:00") == []


async def test_the_week_and_the_month_before_one_in_which_the_team_never_opened_are_told_when_it_opens(
    office: Bot,
) -> None:
    closed = [str(date(2026, 11, 30) + timedelta(days=n)) for n in range(33)]
    await settings(office, closed_days=[*closed[:5], *closed[28:]])  # a week in December, and one at the year's end
    await digests(office, "2026-11-24 09:00")
    assert await digests(office, "2026-12-02 12:00") == []
    assert await digests(office, "2026-12-07 09:00") == [
        "digest:1:2026-12-07", "digest:1:2026-12-06:week", "digest:1:2026-12-07:week", "digest:1:2026-12-07:month"
    ]  # fmt: skip
    weeks = [Overview.from_json(row.details or {}).figures for row in await office.rows(Message) if "week" in row.key]
    assert [week.since for week in weeks[-2:]] == [local("2026-11-23 00:00"), local("2026-11-30 00:00")]
    assert await digests(office, "2026-12-07 09:01") == []
    await digests(office, "2026-12-22 09:00")
    assert await digests(office, "2027-01-05 09:00") == [
        "digest:1:2027-01-05", "digest:1:2027-01-03:week", "digest:1:2027-01-05:week", "digest:1:2027-01-05:month"
    ]  # fmt: skip
    await settings(office, closed_days=[str(date(2027, 2, 1) + timedelta(days=n)) for n in range(28)])
    await digests(office, "2027-01-29 09:00")
    assert [key for key in await digests(office, "2027-03-01 09:00") if key.endswith("month")] == [
        "digest:1:2027-02-28:month", "digest:1:2027-03-01:month"
    ]  # fmt: skip
    assert await digests(office, "2027-03-02 09:00") == ["digest:1:2027-03-02"]


async def test_the_week_and_the_month_before_one_in_which_the_bot_never_ran_are_told_once_it_runs(
    office: Bot,
) -> None:
    await digests(office, "2026-11-24 09:00")
    assert await digests(office, "2026-12-08 11:00") == [
        "digest:1:2026-12-08", "digest:1:2026-12-06:week", "digest:1:2026-12-08:week", "digest:1:2026-12-08:month"
    ]  # fmt: skip
    weeks = [Overview.from_json(row.details or {}).figures for row in await office.rows(Message) if "week" in row.key]
    assert [week.since for week in weeks[-2:]] == [local("2026-11-23 00:00"), local("2026-11-30 00:00")]
    assert await digests(office, "2026-12-09 09:00") == ["digest:1:2026-12-09"]
    assert [key for key in await digests(office, "2027-02-01 09:00") if key.endswith("month")] == [
        "digest:1:2027-01-31:month", "digest:1:2027-02-01:month"
    ]  # fmt: skip
    assert await digests(office, "2027-02-02 09:00") == ["digest:1:2027-02-02"]


async def test_a_team_gets_no_week_or_month_in_which_it_did_not_exist(office: Bot) -> None:
    await digests(office, "2026-11-25 09:00")
    async with office.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=office.desk.now()))
    assert await digests(office, "2026-11-26 09:00") == ["digest:1:2026-11-26", "digest:2:2026-11-26"]
    assert await digests(office, "2026-11-30 09:00") == [
        "digest:1:2026-11-30", "digest:1:2026-11-30:week", "digest:2:2026-11-30", "digest:2:2026-11-30:week"
    ]  # fmt: skip


async def test_a_week_is_compared_with_one_in_which_the_team_existed_from_its_first_moment(office: Bot) -> None:
    async with office.desk.session() as session:
        begun = {"Groen": "2026-11-16 00:00", "Wegen": "2026-11-16 00:01"}
        session.add_all(
            Team(name=name, channel="C0ESCALATIE", created_at=local(moment)) for name, moment in begun.items()
        )
    await digests(office, "2026-11-30 09:00")
    weeks = [Overview.from_json(row.details or {}) for row in await office.rows(Message) if row.key.endswith("week")]
    assert [week.before is not None for week in weeks if week.team in begun] == [True, False]


async def test_a_digest_at_the_end_of_a_day_is_about_that_day(office: Bot) -> None:
    await settings(office, digest_at="24:00")
    assert await digests(office, "2026-11-23 23:59") == []
    assert await digests(office, "2026-11-24 00:00") == ["digest:1:2026-11-23", "digest:1:2026-11-23:week"]
    assert (await told(office)).figures.until == local("2026-11-24 00:00")
    assert await digests(office, "2026-11-24 23:59") == []
    assert await digests(office, "2026-11-25 08:00") == [], "it was missed, so it comes once the team is open"
    assert await digests(office, "2026-11-25 09:00") == ["digest:1:2026-11-24"]
    assert (await told(office)).figures.since == local("2026-11-24 00:00")
    assert await digests(office, "2026-11-28 00:00") == ["digest:1:2026-11-27"]  # of Friday, told as Saturday begins
    assert (await told(office)).missed is True
    assert await digests(office, "2026-11-29 00:00") == []
    assert await digests(office, "2026-12-01 00:00") == ["digest:1:2026-11-30", "digest:1:2026-11-30:week"]


@pytest.mark.parametrize(
    "hours",
    [
        {"always_open": True},
        {"week": [[("00:00", "24:00")]] * 7},
        {"week": [[("00:00", "12:00"), ("12:00", "24:00")]] * 7},
        {"week": [[("07:00", "19:00"), ("19:00", "07:00")]] * 7},
        {"week": [[], *[[("00:00", "24:00")]] * 6]},
    ],
)
async def test_a_team_that_is_open_day_and_night_gets_its_digest_in_the_morning_however_that_is_set(
    sqlite_url: str, slack: Sandbox, hours: dict[str, Any]
) -> None:
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-11-20 12:00"))) as bot:
        await settings(bot, **hours)
        for moment in ("2026-11-24 00:00", "2026-11-24 07:00", "2026-11-24 08:59"):
            assert await digests(bot, moment) == [], moment
        assert "digest:1:2026-11-24" in await digests(bot, "2026-11-24 09:00")
        await settings(bot, digest_at="00:00")
        assert await digests(bot, "2026-11-25 00:00") == ["digest:1:2026-11-25"]


@pytest.mark.parametrize("week", [[[("22:00", "06:00")]] * 7, [[("00:00", "06:00"), ("22:00", "24:00")]] * 7])
async def test_a_team_that_works_at_night_gets_its_digest_when_it_opens_however_that_is_set(
    office: Bot, week: list[Any]
) -> None:
    await settings(office, week=week)
    for moment in ("2026-11-24 00:00", "2026-11-24 09:00"):
        assert await digests(office, moment) == []
    assert await digests(office, "2026-11-24 22:00") == ["digest:1:2026-11-24", "digest:1:2026-11-24:week"]


async def test_a_day_on_which_only_a_night_ends_has_no_digest(office: Bot) -> None:
    nights = [[("22:00", "24:00")], *[[("00:00", "06:00"), ("22:00", "24:00")]] * 4, [("00:00", "06:00")], []]
    await settings(office, week=nights)
    assert await digests(office, "2026-11-27 22:00") == ["digest:1:2026-11-27", "digest:1:2026-11-27:week"]
    for moment in ("2026-11-28 00:00", "2026-11-28 05:00", "2026-11-30 00:00"):
        assert await digests(office, moment) == []
    assert await digests(office, "2026-11-30 22:00") == ["digest:1:2026-11-30", "digest:1:2026-11-30:week"]
    assert not (await told(office)).missed


@pytest.mark.parametrize("seed", range(4))
async def test_digests_follow_on_one_another_whenever_the_bot_runs_and_whatever_time_is_set(
    sqlite_url: str, slack: Sandbox, seed: int
) -> None:
    dice = Random(seed)
    day = dice.choice([date(2026, 3, 23), date(2026, 10, 19), date(2026, 4, 27), date(2026, 12, 21)])
    weeks = set[date]()
    async with running_bot(sqlite_url, slack, StoppedClock(local("2026-01-01 09:00"))) as bot:
        for _ in range(20):
            if dice.random() < 0.3:
                at = dice.choice([None, "00:00", "02:30", "07:00", "16:30", "23:59", "24:00"])
                await settings(bot, digest_at=at, always_open=dice.random() < 0.3)
            for hour in (0, 3, 6, 9, 13, 17, 23):
                if dice.random() < 0.7:
                    written = await digests(bot, f"{day} {hour:02}:59")
                    weeks |= {day for key in written if key.endswith(":week")}
            day += timedelta(days=dice.choice([1, 1, 1, 2, 3]))
        kept = [m for m in await bot.rows(Message) if m.kind is MessageKind.DIGEST]
    spans = [Overview.from_json(m.details).figures for m in kept if m.key.count(":") == 2]
    assert len(spans) > 5
    assert all(one.until == next_one.since < next_one.until for one, next_one in pairwise(spans))
    told_weeks = [Overview.from_json(m.details).figures.since for m in kept if m.key.endswith(":week")]
    assert len(set(told_weeks)) == len(told_weeks) == len(weeks) >= 3


async def test_the_team_sets_the_time_and_its_days_off(office: Bot) -> None:
    await settings(office, digest_at="10:30", closed_days=["2026-11-23"])
    assert await digests(office, "2026-11-23 12:00") == []
    assert await digests(office, "2026-11-24 10:29") == []
    assert await digests(office, "2026-11-24 10:30") == ["digest:1:2026-11-24", "digest:1:2026-11-24:week"]


async def test_of_several_processes_one_writes_it(office: Bot) -> None:
    office.clock.at = local("2026-11-24 09:00")  # type: ignore[attr-defined]
    await asyncio.gather(*(send_digests(office.desk) for _ in range(4)))
    assert [m.key for m in await office.rows(Message)] == ["digest:1:2026-11-24", "digest:1:2026-11-24:week"]


@pytest.fixture
async def postgres_office(databases: Databases, postgres_uri: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The office on PostgreSQL, for what SQLite's single writer cannot show."""
    clock = StoppedClock(local("2026-11-20 10:00"))
    async with running_bot(await databases.postgresql(postgres_uri), slack, clock) as bot:
        yield bot


async def test_the_next_digest_and_a_list_that_follows_its_cases_do_not_wait_for_each_other(
    postgres_office: Bot,
) -> None:
    bot = postgres_office
    await mention(bot)
    key, _ = await digests(bot, "2026-11-23 09:00")
    bot.clock.at = local("2026-11-24 09:00")  # type: ignore[attr-defined]

    async def is_waited_for() -> bool:
        async with bot.desk.reading() as session:
            return bool((await session.exec(sql("SELECT 1 FROM pg_locks WHERE NOT granted"))).first())  # type: ignore[call-overload]

    async with bot.desk.session() as session:
        listed = select(Message.id).where(Message.key == key).with_for_update(key_share=True)
        before = (await session.exec(listed)).one()
        writing = asyncio.create_task(send_digests(bot.desk))
        await eventually(is_waited_for)
        await reminders.follow(session, [before])
    await writing
    assert "digest:1:2026-11-24" in {message.key for message in await bot.rows(Message)}


async def told(bot: Bot) -> Overview:
    """What the newest digest of a day tells."""
    kept = [m for m in await bot.rows(Message) if m.kind is MessageKind.DIGEST and m.key.count(":") == 2]
    return Overview.from_json(kept[-1].details)


async def test_a_digest_covers_what_a_skipped_one_would_have_told_and_says_so(office: Bot) -> None:
    await digests(office, "2026-11-23 09:00")
    office.clock.at = local("2026-11-23 15:00")  # type: ignore[attr-defined]
    await mention(office)
    await digests(office, "2026-11-25 09:00")
    await office.card("Dagoverzicht", "niet verstuurd", "alles sinds 23 nov 2026 09:00", "Berichten ontvangen: *1*")
    await digests(office, "2026-11-26 09:00")
    assert (await told(office)).missed is False
    assert (await told(office)).figures.mentions == 0


async def test_nothing_falls_between_two_digests_when_the_time_is_set_anew(office: Bot) -> None:
    await digests(office, "2026-11-23 09:00")
    await settings(office, digest_at="12:00")
    await digests(office, "2026-11-24 12:00")
    assert (await told(office)).figures.since == local("2026-11-23 09:00")
    assert (await told(office)).missed is False


async def test_a_digest_goes_back_a_month_at_most_and_not_past_the_teams_beginning(office: Bot) -> None:
    await digests(office, "2026-11-25 09:00")
    assert (await told(office)).figures.since == local("2026-11-20 10:00")
    await digests(office, "2027-02-02 09:00")
    assert (await told(office)).figures.since == local("2027-01-02 09:00")
    assert (await told(office)).missed is True


async def test_a_quiet_day_is_told_in_a_line(office: Bot) -> None:
    await digests(office, "2026-11-24 09:00")
    card = await office.card("Dagoverzicht", "Rustig")
    assert "Berichten" not in json.dumps(card)


async def test_a_digest_is_not_quiet_while_we_wait_for_a_citizen(office: Bot) -> None:
    await sent(office, await mention(office), ReplyKind.QUESTION)
    await digests(office, "2026-11-23 09:00")
    await digests(office, "2026-11-24 09:00")
    shown = text_of(await office.card("Dagoverzicht", "24 nov 2026 09:00", "Wacht op de burger: *1*"))
    assert "Rustig" not in shown


async def test_the_digest_since_29_february_is_shown_and_can_be_asked_for(office: Bot) -> None:
    await digests(office, "2028-02-29 09:00")
    office.clock.at = local("2028-02-29 15:00")  # type: ignore[attr-defined]
    await mention(office)
    office.clock.at = local("2028-03-01 08:30")  # type: ignore[attr-defined]
    assert "29 feb 2028 09:00 tot 1 mrt 2028 08:30" in await asked(office, SANNE, "/webcare digest")
    await digests(office, "2028-03-01 09:00")
    await office.card("Dagoverzicht", "29 feb 2028 09:00 tot 1 mrt 2028 09:00")


async def test_the_digest_tells_what_happened_and_how_it_stands(office: Bot) -> None:
    first = await mention(office)
    await sent(office, first)
    await mention(office, 2)
    await office.card("Burger 2")
    async with office.desk.session() as session:
        await cases.claim(session, 2, by=SANNE, now=office.desk.now())
        account = await session.get_one(Account, 1)
        account.stopped_at = office.desk.now()
        session.add(account)
    await digests(office, "2026-11-23 09:00")
    card = json.dumps(await office.card("Dagoverzicht"), ensure_ascii=False)
    for words in (
        "Berichten ontvangen: *2*",
        "Antwoorden verstuurd: *1*",
        "*50 %* binnen 1 uur, 1 was te laat en wachtte nog",
        "Stand om 09:00:",
        "• Open: *1*",
        "gestopt",
    ):
        assert words in card
    assert "/archives/" in card
    week = json.dumps(await office.card("afgelopen week"), ensure_ascii=False)
    assert "data_table" not in week, "one account: its figures are those of the team"
    assert "data_visualization" not in week, "all of it was on one day: never one bar"


async def on_a_second_account(bot: Bot) -> None:
    """Let a citizen write to another account of the team."""
    post = Post("f1", Author("f1", "Burger 7"), "Waar?", bot.desk.now(), permits=permits(Act.ANSWER))
    async with bot.desk.session() as session:
        account = await accounts.add(
            session, bot.desk.settings, platform="webhook", name="formulier", url="",
            secrets={"signing_secret": bot.slack.square.secret},
            options={"callback_url": f"{bot.slack.base_url}/square/replies"}, now=bot.desk.now(),
        )  # fmt: skip
        await session.flush()
        await inbox.take_in(session, account.id, [post], now=bot.desk.now())


async def test_from_two_accounts_the_digest_has_a_table_of_them(office: Bot) -> None:
    await mention(office)
    await on_a_second_account(office)
    await digests(office, "2026-11-23 09:00")
    card = await office.card("Dagoverzicht", "Berichten ontvangen: *2*")
    [table] = [block for block in card["blocks"] if block["type"] == "data_table"]
    heads, *rows = [[cell["text"] for cell in row] for row in table["rows"]]
    assert heads == ["Account", "Ontvangen", "Beantwoord", "Eerste reactie nodig", "Binnen de norm"]
    assert sorted(row[1:] for row in rows) == [["1", "0", "1", "0"], ["1", "0", "1", "0"]]


async def test_a_digest_of_twenty_days_has_its_chart_and_table(office: Bot) -> None:
    """From nine to nine it is about twenty-one days, two of them in part; Slack takes twenty bars."""
    closed = date(2026, 11, 25)
    await settings(office, closed_days=[str(closed + timedelta(days=n)) for n in range(17)])
    await digests(office, "2026-11-24 09:00")
    for day in (1, 5, 10):
        office.clock.at = local(f"2026-12-{day:02} 15:00")  # type: ignore[attr-defined]
        await mention(office, day)
    await on_a_second_account(office)
    await digests(office, "2026-12-14 09:00")
    card = await office.card("Dagoverzicht", "24 nov 2026 09:00 tot 14 dec 2026 09:00")
    assert {"data_visualization", "data_table"} <= {block["type"] for block in card["blocks"]}


async def test_each_bar_of_a_digest_has_the_day_of_the_team_whatever_zone_times_are_shown_in(
    database_url: str, slack: Sandbox
) -> None:
    clock = StoppedClock(local("2026-11-20 08:00"))
    async with running_bot(database_url, slack, clock, time_zone="UTC") as bot:
        await digests(bot, "2026-11-20 09:00")
        for number, moment in enumerate(("2026-11-20 12:00", "2026-11-21 12:00", "2026-11-23 08:00"), 1):
            clock.at = local(moment)
            await mention(bot, number)
        await digests(bot, "2026-11-23 09:00")
        card = await bot.card("Dagoverzicht", "20 nov 2026 08:00 tot 23 nov 2026 08:00")
        [chart] = [block["chart"] for block in card["blocks"] if block["type"] == "data_visualization"]
        received = {each["label"]: each["value"] for each in chart["series"][0]["data"]}
        assert received == {"20 nov": 1, "21 nov": 1, "22 nov": 0, "23 nov": 1}


async def test_the_first_bar_of_a_digest_that_begins_in_the_evening_has_the_day_of_the_team(office: Bot) -> None:
    await settings(office, time_zone="America/Kralendijk", digest_at="17:00")  # 22:00 in Amsterdam
    await digests(office, "2026-11-23 22:00")
    for number, moment in enumerate(("2026-11-24 01:00", "2026-11-24 15:00"), 1):
        office.clock.at = local(moment)  # type: ignore[attr-defined]
        await mention(office, number)
    assert await digests(office, "2026-11-24 22:00") == ["digest:1:2026-11-24"]
    assert await received(office, "23 nov 2026 22:00 tot 24 nov 2026 22:00") == [("23 nov", 1), ("24 nov", 1)]


async def test_the_first_bar_of_weeks_that_begin_in_the_evening_has_the_day_on_which_they_begin(office: Bot) -> None:
    closed = date(2026, 11, 25)
    closed_days = [str(closed + timedelta(days=n)) for n in range(20)]
    await settings(office, digest_at="17:00", closed_days=closed_days)
    await digests(office, "2026-11-24 17:00")
    for day in (1, 10):
        office.clock.at = local(f"2026-12-{day:02} 15:00")  # type: ignore[attr-defined]
        await mention(office, day)
    await digests(office, "2026-12-15 17:00")
    weeks = [("24 nov", 0), ("1 dec", 1), ("8 dec", 1), ("15 dec", 0)]
    assert await received(office, "24 nov 2026 17:00 tot 15 dec 2026 17:00") == weeks


async def received(bot: Bot, period: str) -> list[tuple[str, int]]:
    """What the digest of this period shows in its bars of what came in."""
    card = await bot.card("Dagoverzicht", period)
    [chart] = [block["chart"] for block in card["blocks"] if block["type"] == "data_visualization"]
    return [(each["label"], each["value"]) for each in chart["series"][0]["data"]]


async def test_a_digest_has_no_lines_that_say_nothing_and_compares_what_came_to_an_end(office: Bot) -> None:
    async with office.desk.session() as session:
        (await session.get_one(Team, 1)).created_at = local("2026-11-16 00:00")
    await mention(office)
    await digests(office, "2026-11-23 09:00")
    assert "Antwoorden verstuurd" not in text_of(await office.card("Dagoverzicht", "Berichten ontvangen: *1*"))
    await digests(office, "2026-11-24 09:00")
    nothing = text_of(await office.card("Dagoverzicht", "Er kwam niets binnen, en er is niets", "• Open: *1*"))
    assert "ontvangen" not in nothing and "geopend" not in nothing and "verstuurd" not in nothing
    await digests(office, "2026-11-30 09:00")
    week = text_of(await office.card("afgelopen week", "Berichten ontvangen: *0* (vorige periode: 1)"))
    assert "verstuurd" not in week


async def test_a_workspace_without_the_newer_blocks_gets_older_ones(office: Bot) -> None:
    office.slack.rules.modern_blocks = False
    await mention(office)
    await on_a_second_account(office)
    await digests(office, "2026-11-23 09:00")
    card = await office.card("Dagoverzicht")
    assert {block["type"] for block in card["blocks"]} == {"section", "context"}
    said = json.dumps(card["blocks"])
    assert "1 ontvangen, 0 beantwoord" in said and "0 van 0 eerste reacties" not in said


def shown() -> list[Overview]:
    now = local("2026-11-24 09:00")
    quiet = Figures(now - timedelta(days=1), now)
    return [Overview(span, "Webcare <!channel> " * 20, quiet, standing=Standing(now), missed=True) for span in Span]


@pytest.mark.parametrize("language", LANGUAGES)
def test_slack_takes_every_overview(language: str) -> None:
    t: Any = Texts(language, "Europe/Amsterdam")
    for told in shown():
        view = overview(told, t, share="x")
        for form in view.forms:
            assert blocks.problems(form, blocks.MESSAGE) == []
        assert "<!channel>" not in view.text


def table_of(*sources: Source) -> list[list[Any]]:
    """The rows of the table of these accounts, without its head."""
    figures = Figures(local("2026-11-01 00:00"), local("2026-12-01 00:00"), sources=sources)
    view = overview(Overview(Span.ASKED, "Webcare", figures), Texts("nl", "Europe/Amsterdam"))
    [table] = [block for block in view.blocks if block["type"] == "data_table"]
    return [[cell.get("value", cell["text"]) for cell in row] for row in table["rows"][1:]]


def test_the_table_of_accounts_has_the_largest_first_and_adds_up_however_many_there_are() -> None:
    small = [Source(f"klein {n}", 10, 9, 8, 7, 6) for n in range(20)]
    large = [Source(f"groot {n}", 500 + n) for n in range(5)]
    shown = table_of(*small, *large)
    assert [row[0] for row in shown[:6]] == ["groot 4", "groot 3", "groot 2", "groot 1", "groot 0", "klein 0"]
    assert shown[19:] == [["6 andere accounts", 60, 48, 42, 36]]
    assert sum(row[1] for row in shown) == sum(source.mentions for source in (*small, *large))
    assert [row[0] for row in table_of(*small)] == [source.name for source in small]


def labels(count: int, what: str, size: int) -> list[str]:
    return [f"{what} {n} ".ljust(size, "a") for n in range(count)]


@pytest.mark.parametrize("size", [60, 45, 30])
def test_nothing_of_an_overview_is_cut_off_whatever_a_team_calls_its_topics(size: int) -> None:
    norm = Measured(120, 100, 1800, 3500, 3600, 4)
    figures = Figures(
        local("2026-11-01 00:00"), local("2026-12-01 00:00"), 400, 300, 250,
        dict.fromkeys([*CloseReason, *labels(10, "reden", size)], 12), norm, norm,
        [Source(name, 20, 19, 18, 17, 16) for name in labels(20, "account", 90)],
        topics=dict.fromkeys([*labels(14, "onderwerp", size), ""], 12),
        hidden=dict.fromkeys(labels(14, "huisregel", size), 2),
    )  # fmt: skip
    troubles = [Trouble(name, stopped=True) for name in labels(25, "storing", 90)]
    told = Overview(Span.MONTH, "Webcare", figures, figures, Standing(local("2026-12-01 09:00"), troubles=troubles))
    view = overview(told, Texts("nl", "Europe/Amsterdam"))
    for form in view.forms[:-1]:
        assert blocks.problems(form, blocks.MESSAGE) == []
    lines = text_of({"blocks": view.plain}).splitlines()
    assert lines == view.text.splitlines(), "all is on the screen, in the order in which it is read aloud"
    for words in ("Eerste reactie", "Afhandeling", "overige huisregels 4", "overige onderwerpen 24", "… en nog 5"):
        assert words in view.text


async def test_teams_have_their_own(office: Bot) -> None:
    async with office.desk.session() as session:
        session.add(Team(name="Wegen", channel="C0ESCALATIE", created_at=office.desk.now()))
    assert await digests(office, "2026-11-24 09:00") == [
        "digest:1:2026-11-24", "digest:1:2026-11-24:week", "digest:2:2026-11-24", "digest:2:2026-11-24:week"
    ]  # fmt: skip
    assert {m.channel for m in await office.rows(Message)} == {CHANNEL, "C0ESCALATIE"}
