"""What is asked every minute, or waited for, goes by an index: its cost is not that of all that was ever kept.

SQLite's planner goes by the shape of a query and its indexes alone (it keeps no statistics here), so that what it says
about an empty database holds for a full one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event

from bot import cases, db
from bot.cases import inbox
from bot.domain.case import ONGOING, OPEN, CloseReason
from bot.domain.mention import Author, Post
from bot.domain.period import Period
from bot.figures import counting
from bot.figures.search import Asked, search
from bot.models import Role
from bot.sandbox.app import Sandbox
from bot.slack.messages import drain
from bot.watch.stored import Stored
from jobs import BY_OUR_CLOCK, MINUTE, refresh
from tests.bench.fill import SELDOM, fill
from tests.conftest import CHANNEL, SANNE, Bot, Databases, settings_for
from tests.people import answer, asked, home, make_role, mention, second_team, settings
from tests.watch.asking import measured

GROWING = "acts|authors|cases|clocks|escalations|events|hidings|images|mentions|messages|notes|replies"
SMALL = (
    "ix_messages_stale|ix_messages_changed|ix_messages_put_off|"
    "ix_acts_asked|ix_acts_unfinished|ix_hidings_review|ix_mentions_removed|ix_cases_open|ix_clocks_due|ix_clocks_running|ix_replies_unsent|ix_replies_held|"
    + "|".join(f"ix_cases_{status}" for status in ONGOING - OPEN)
)
"""The indexes that hold only what waits, runs or is to be shown: they may be gone through as a whole."""
WRONG = re.compile(
    rf"SCAN ({GROWING})\b(?! USING( COVERING)? INDEX ({SMALL}))"
    rf"|SEARCH ({GROWING}) USING( COVERING)? INDEX (?!({SMALL})\b)\w+ \((team_id|account_id|kind)=\?\)$"
)
"""All rows of a table, or all of a team, an account or a kind."""


@contextmanager
def statements(bot: Bot) -> Iterator[list[tuple[str, Any]]]:
    """Yield the queries of the bot, with what they were asked with, as they come."""
    seen: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            seen.append((statement, parameters))

    event.listen(bot.engine.sync_engine, "before_cursor_execute", hear)
    yield seen
    event.remove(bot.engine.sync_engine, "before_cursor_execute", hear)


async def gone_through(bot: Bot, asked: list[tuple[str, Any]]) -> dict[str, list[str]]:
    """Return the queries that go through a table that grows, and how they do."""
    found = {}
    async with bot.engine.connect() as connection:
        for statement, parameters in dict(asked).items():
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [str(row.detail) for row in plan]
            if any(WRONG.match(step) for step in steps):
                found[statement] = steps
    return found


async def test_commands_home_and_jobs_go_through_no_table_as_a_whole(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await make_role(bot, SANNE, Role.COORDINATOR)
    await settings(bot, always_open=True)
    for number in range(3):
        bot.citizen_posts(f"Vraag {number}", name=f"Burger {number}")
        await bot.card(f"Vraag {number}")
    await answer(bot, SANNE, await bot.card("Vraag 0"), "Vanaf acht uur.")
    await bot.card("Vraag 0", "*Beantwoord*")
    async with bot.desk.session() as session:
        await cases.claim(session, 2, by=SANNE, now=bot.desk.now())
        await cases.close(session, 3, by=SANNE, now=bot.desk.now(), reason=CloseReason.SPAM)
    with statements(bot) as seen:
        for words in ("open", "mijn", "stats vandaag", "stats 2026-01-01..2026-12-31", "digest", "export week"):
            await asked(bot, SANNE, f"/webcare {words}")
        await bot.slack.open_home(SANNE)
        await home(bot, SANNE, "Vraag 1")
        often = [job for job, seconds in BY_OUR_CLOCK.items() if seconds < 60 * MINUTE]
        for job in [*often, refresh.refresh]:
            await job(bot.desk)
        await measured(bot)
    assert len(seen) > 30
    assert await gone_through(bot, seen) == {}


async def test_a_page_that_tells_what_is_hidden_takes_no_more_queries_for_ten_posts_than_for_one(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    posts = [
        Post(f"p{n}", Author(f"b{n}", f"Burger {n}"), f"Vraag {n}", bot.desk.now(), hidden=False) for n in range(10)
    ]
    async with bot.desk.session() as session:
        await inbox.take_in(session, 1, posts, now=bot.desk.now())
    counts = []
    for page in (posts[:1], posts):
        with statements(bot) as seen:
            async with bot.desk.session() as session:
                await inbox.take_in(session, 1, page, now=bot.desk.now())
        assert any(" acts" in statement for statement, _ in seen)
        assert await gone_through(bot, seen) == {}
        counts.append(len(seen))
    assert counts[0] == counts[1]


async def test_a_page_asks_which_team_has_its_threads_once_and_only_if_it_relates_to_any(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await second_team(bot)

    def page(start: int, *talks: str) -> list[Post]:
        return [
            Post(f"p{n}", Author(f"b{n}", f"Burger {n}"), f"Vraag {n}", bot.desk.now(), conversation=talk)
            for n, talk in enumerate(talks, start)
        ]

    counts = []
    for posts in (page(0, "c1", "c2", "c3"), page(3, "c1"), page(4, "c2", "c3", "c1", "c2", "c3")):
        with statements(bot) as seen:
            async with bot.desk.session() as session:
                await inbox.take_in(session, 1, posts, now=bot.desk.now())
        assert await gone_through(bot, seen) == {}
        counts.append(sum("max(cases.id)" in statement for statement, _ in seen))
    assert counts == [0, 1, 1]


async def test_while_thousands_of_posts_wait_an_update_is_found_without_going_through_them(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Vraag")
    await bot.card("Vraag")
    plans = await plans_of_drain(bot)
    assert [index for index, _ in plans] == ["ix_messages_changed", "ix_messages_new", "ix_messages_put_off"]
    # Of the posts nothing is sorted: the first fifty end the search.
    assert [is_sorted for _, is_sorted in plans] == [True, False, False]


async def test_what_slack_has_no_room_for_is_found_without_going_through_all_that_it_shows(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    case_id = await mention(bot)
    bot.slack.faults.rate_limit("chat.update", 20)
    async with bot.desk.session() as session:
        await cases.set_topic(session, case_id, topic="Afval", by=SANNE, now=bot.desk.now())
    plans = await plans_of_drain(bot)
    assert {index for index, _ in plans} == {"ix_messages_changed", "ix_messages_new", "ix_messages_put_off"}
    assert len(plans) > 3


async def plans_of_drain(bot: Bot) -> list[tuple[str, bool]]:
    """Drain the channel; returns by which index each of its questions finds messages, and whether it sorts them."""
    with statements(bot) as seen:
        await drain(bot.desk, CHANNEL)
    plans = list[tuple[str, bool]]()
    async with bot.engine.connect() as connection:
        for statement, parameters in dict(seen).items():
            if all(each in statement for each in ("shown_version < messages.version", "messages.channel =")):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plan = " ".join(str(row.detail) for row in rows)
                [index] = re.findall(r"SEARCH messages USING INDEX (\w+)", plan)
                plans.append((index, "TEMP B-TREE" in plan))
    return plans


async def test_postgresql_looks_up_what_it_found_and_reads_no_whole_table(
    databases: Databases, postgres_uri: str, slack: Sandbox
) -> None:
    engine = db.create_engine(await databases.postgresql(postgres_uri))
    queries: list[tuple[str, Any]] = []
    try:
        await fill(settings_for(engine.url.render_as_string(hide_password=False), slack), cases=30_000)
        event.listen(
            engine.sync_engine,
            "before_cursor_execute",
            lambda _connection, _cursor, statement, parameters, *_: queries.append((statement, parameters)),
        )
        now = datetime.now(UTC)
        hours = [Period(now - timedelta(days=7 * n, hours=2), now - timedelta(days=7 * n)) for n in range(52)]
        async with db.readings(engine)() as session:
            for words in (SELDOM, "vraag", "vraag inwoner77", "zeepaardje", "zaak 231"):
                await search(session, [1], Asked(words), most=10)
            for count in (counting.mentions, counting.answers):
                assert (await count(session, list(enumerate(hours)))).total() > 0
            assert await Stored().read(session, now)
            plans = {}
            for statement, parameters in list(queries):
                rows = await (await session.connection()).exec_driver_sql(f"EXPLAIN {statement}", parameters)
                plans[statement] = [str(row[0]) for row in rows]
    finally:
        await engine.dispose()
    assert len(plans) > 8
    wrong = {
        each: plan
        for each, plan in plans.items()
        if any(
            re.search(rf"Seq Scan on (?!acts\b)({GROWING}|case_words)\b", line) for line in plan
        )  # there are no acts
    }
    assert wrong == {}
