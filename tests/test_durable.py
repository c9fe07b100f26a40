"""What is durable is on the disk before a transaction ends; what is not may follow a moment later."""

import asyncio
from typing import Any, cast

from sqlalchemy import QueuePool, event, text

from bot import cases, db
from bot.slack import messages
from bot.wake import NOTED
from tests.conftest import CHANNEL, SANNE, Bot

ON_DISK = {"sqlite": ("PRAGMA synchronous", 2, 1), "postgresql": ("SHOW synchronous_commit", "on", "off")}
"""How each database is asked, and what it says if a commit waits for the disk, or does not.

https://www.sqlite.org/pragma.html#pragma_synchronous
"""


async def test_each_transaction_is_durable_unless_it_says_otherwise(bot: Bot) -> None:
    question, durable, relaxed = ON_DISK[bot.engine.dialect.name]
    said = []
    for is_durable in (True, False, True, False, False, True):
        async with bot.desk.session(durable=is_durable) as session:
            said.append((await (await session.connection()).execute(text(question))).scalar())
    assert said == [durable, relaxed, durable, relaxed, relaxed, durable]


async def test_what_is_not_durable_is_there_for_everyone(bot: Bot) -> None:
    async with bot.desk.session(durable=False) as session:
        await (await session.connection()).execute(text("UPDATE teams SET name = 'Wijkteam'"))
    async with db.readings(bot.engine)() as session:
        assert (await (await session.connection()).execute(text("SELECT name FROM teams"))).scalar() == "Wijkteam"


async def test_who_is_cancelled_at_any_step_gives_the_connection_back_and_leaves_all_or_nothing(bot: Bot) -> None:
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    pool, stored = cast("QueuePool", bot.engine.pool), set[bool]()
    in_use = pool.checkedout()

    async def renames(name: str) -> None:
        async with bot.desk.session() as session:
            for column in ("name", "language"):
                await (await session.connection()).execute(text(f"UPDATE pair SET {column} = :to"), {"to": name})

    async with bot.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE pair (name TEXT, language TEXT)"))
        await connection.execute(text("INSERT INTO pair VALUES ('', '')"))
    for step in range(60):
        task = asyncio.create_task(renames(str(step)))
        for _ in range(step):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        async with bot.desk.reading() as session:
            name, language = (await (await session.connection()).execute(text("SELECT name, language FROM pair"))).one()
        assert name == language
        stored.add(name == str(step))
        assert pool.checkedout() == in_use
    await renames("done")
    async with bot.desk.reading() as session:
        assert (await (await session.connection()).execute(text("SELECT name FROM pair"))).scalar() == "done"
    assert False in stored


async def test_a_colleague_who_clicks_waits_for_one_durable_commit(bot: Bot) -> None:
    bot.citizen_posts("Hoe laat gaat het loket open?")
    card = await bot.card("loket", "Nieuw")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    written, done = set[Any](), list[str]()

    def writes(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.add(connection)

    def commits(connection: Any) -> None:
        if connection in written:
            done.append("durable" if connection.get_execution_options().get("durable", True) else "relaxed")
            written.remove(connection)

    event.listen(bot.engine.sync_engine, "before_cursor_execute", writes)
    event.listen(bot.engine.sync_engine, "commit", commits)
    try:
        await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:claim")
        await bot.card("loket", f"<@{SANNE}>")
        await bot.desk.wake.idle()  # type: ignore[attr-defined]
    finally:
        event.remove(bot.engine.sync_engine, "commit", commits)
        event.remove(bot.engine.sync_engine, "before_cursor_execute", writes)
    assert done[:2] == ["durable", "relaxed"]


async def test_who_clicks_updates_the_card_and_wakes_no_lane_for_it(bot: Bot) -> None:
    bot.citizen_posts("Hoe laat gaat het loket open?")
    await bot.card("loket", "Nieuw")
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    async with messages.changing(bot.desk, 1) as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
        assert list(session.info[NOTED]) == [f"messages:{CHANNEL}"]
    assert not session.info[NOTED]
    await bot.card("loket", f"<@{SANNE}>")
