"""`webcare check --deep` reads the whole database: what is wrong is named with what to do, and nothing else is."""

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, update

from bot import accounts, db
from bot.accounts import seal
from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.keeping import soundness
from bot.models import Account, CaseCount, Clock, Message
from bot.sandbox.app import Sandbox
from bot.slack import messages
from bot.slack.check import Finding
from tests.conftest import SANNE, Bot, settings_for
from tests.people import answer

ALL = {
    *("Integrity", "Tables", "Log of events", "Counters", "Rows", "Sealed tokens", "Waiting cases", "Cards", "Clocks"),
    *("Search", "Unclear answers", "Numbers of cases", "Messages"),
}


async def found(bot: Bot, now: datetime | None = None, **changes: str) -> dict[str, Finding]:
    settings = settings_for(bot.desk.settings.database_url, bot.slack, **changes)
    return {each.about: each async for each in soundness.findings(bot.engine, settings, now or bot.desk.now())}


def wrong(everything: dict[str, Finding]) -> set[str]:
    return {about for about, finding in everything.items() if not finding.works}


async def with_work(bot: Bot) -> None:
    bot.citizen_posts("Wanneer komt de vuilniswagen?")
    await answer(bot, SANNE, await bot.card("vuilniswagen"), "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag!")
    bot.citizen_posts("En het papier?", name="Piet")
    await bot.card("papier")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]


async def test_nothing_is_wrong_with_a_database_at_work(bot: Bot) -> None:
    await with_work(bot)
    everything = await found(bot)
    assert (set(everything), wrong(everything)) == (ALL, set())
    assert "cases 2" in everything["Rows"].words
    assert everything["Messages"].words == "Slack shows all as they are."
    assert everything["Sealed tokens"].words == "all 1 can be opened."


async def test_a_case_that_cannot_be_answered_from_here_needs_no_clock(bot: Bot) -> None:
    async with bot.desk.session() as session:
        post = Post("p1", Author("a", "Fatima"), "Prutsers!", bot.desk.now(), permits=permits(Act.HIDE, Act.LIKE))
        await inbox.take_in(session, 1, [post], now=bot.desk.now())
    await messages.wake_lanes(bot.desk)
    await bot.card("Prutsers!")
    assert await bot.rows(Clock) == []
    assert wrong(await found(bot)) == set()


async def broken(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_each_thing_that_is_wrong_with_cases_is_found(bot: Bot) -> None:
    await with_work(bot)
    async with bot.desk.session() as session:
        for changed in (
            update(Clock).where(col(Clock.case_id) == 2).values(next_at=None),
            update(Clock).where(col(Clock.case_id) == 1).values(elapsed_seconds=None),
            update(CaseCount).values(counted=1),
            update(Message).where(col(Message.case_id) == 2).values(version=7),
        ):
            await session.exec(changed)
    await broken(
        bot.engine,
        "DELETE FROM case_words WHERE case_id = 1",
        "DELETE FROM reminders",
        "DELETE FROM messages WHERE case_id = 1",
        "UPDATE replies SET status = 'uncertain'",
        "ALTER TABLE slack_pace DROP COLUMN free_at",
    )
    everything = await found(bot, bot.desk.now() + timedelta(hours=2), webcare_secret_key=seal.new_key())
    assert wrong(everything) == {
        *("Tables", "Sealed tokens", "Waiting cases", "Cards", "Clocks", "Search", "Unclear answers"),
        "Numbers of cases",
    }
    assert everything["Waiting cases"].words.startswith("1 cases (#2) wait for us, and nobody will hear of them")
    assert "webhook/plein" in everything["Sealed tokens"].words
    assert everything["Messages"].warns
    assert everything["Messages"].words.startswith("1 are not as they should be in Slack, the oldest for 120 minutes")


async def test_tokens_of_a_stopped_account_that_no_key_opens_are_warned_of(bot: Bot) -> None:
    async with bot.desk.session() as session:
        accounts.stop(session, await session.get_one(Account, 1), bot.desk.now())
    told = (await found(bot, webcare_secret_key=seal.new_key()))["Sealed tokens"]
    assert (told.works, told.warns, "webhook/plein" in told.words) == (True, True, True)


async def test_a_log_that_can_be_changed_and_lost_rows_are_found(sqlite_bot: Bot) -> None:
    await with_work(sqlite_bot)
    with closing(sqlite3.connect(str(sqlite_bot.engine.url.database))) as connection:
        connection.execute("DROP TRIGGER events_no_delete")
        connection.execute("DELETE FROM replies")
        connection.execute("DELETE FROM mentions WHERE id = 1")
        connection.execute("INSERT INTO removals (account_id, external_id, at) VALUES (9, 'x', '2026-11-28 00:00:00')")
        connection.commit()
    everything = await found(sqlite_bot)
    assert wrong(everything) >= {"Integrity", "Log of events"}
    assert "refers to one in accounts that is not there" in everything["Integrity"].words
    assert "events_no_delete is missing" in everything["Log of events"].words


async def test_lost_rows_and_counters_that_are_behind_are_found_in_postgresql(postgres_bot: Bot) -> None:
    await with_work(postgres_bot)
    await broken(
        postgres_bot.engine,
        "ALTER TABLE removals DROP CONSTRAINT removals_account_id_fkey",
        "INSERT INTO removals (account_id, external_id, at) VALUES (9, 'x', now())",
        "SELECT setval(pg_get_serial_sequence('cases', 'id'), 1)",
        "ALTER TABLE events DISABLE TRIGGER events_no_update",
    )
    everything = await found(postgres_bot)
    assert wrong(everything) == {"Integrity", "Counters", "Log of events"}
    assert everything["Integrity"].words.startswith("1 rows of removals refer to rows of accounts that are not there")
    assert "those of cases are behind" in everything["Counters"].words


async def test_a_database_without_rows_is_sound(sqlite_url: str, slack: Sandbox) -> None:
    engine = db.create_engine(sqlite_url)
    settings = settings_for(sqlite_url, slack)
    everything = [each async for each in soundness.findings(engine, settings, datetime.now().astimezone())]
    assert all(each.works for each in everything)
    assert len(everything) == len(ALL)
    await engine.dispose()
