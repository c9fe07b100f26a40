"""Calls of a source that come at once are stored together, and answered only when they are in the database."""

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import StatementError
from sqlmodel import select

from bot.accounts.intake import Intake
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Case, Mention
from tests.conftest import Bot, account_of


def post(bot: Bot, number: int, **more: Any) -> Post:
    author = Author(f"a{number}", f"Burger {number}")
    return Post(f"p{number}", author, "Wanneer?", bot.desk.now(), permits=permits(Act.ANSWER), **more)


class Together:
    """Lets calls come in while the account is locked, so that they wait; counts the transactions with new cases."""

    def __init__(self, bot: Bot) -> None:
        self.bot, self.intake, self.stored = bot, Intake(bot.desk), 0
        event.listen(bot.engine.sync_engine, "before_cursor_execute", self._count)

    async def come(self, *calls: list[Post], hangs_up: int | None = None) -> list[Any]:
        account = await account_of(self.bot)
        async with self.bot.desk.session() as session:
            await session.exec(select(Account.id).where(Account.id == account.id).with_for_update())
            tasks = [asyncio.create_task(self.intake.take_in(account.id, items)) for items in calls]
            await asyncio.sleep(0)  # each has begun, and waits
            if hangs_up is not None:
                tasks[hangs_up].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.stored += statement.startswith("INSERT INTO cases ")


async def test_what_waits_is_stored_together_and_each_call_hears_what_was_new_in_it(bot: Bot) -> None:
    together = Together(bot)
    first, second, both, none = [post(bot, 1)], [post(bot, 2)], [post(bot, 2), post(bot, 3)], [post(bot, 1)]
    assert await together.come(first, second, both, none) == [1, 1, 1, 0]
    assert [row.external_id for row in await bot.rows(Mention)] == ["p1", "p2", "p3"]
    assert together.stored == 1


async def test_a_call_that_cannot_be_stored_harms_no_other(bot: Bot) -> None:
    broken = replace(post(bot, 3), place={"no json": object()})
    new = await Together(bot).come([post(bot, 1)], [post(bot, 2)], [broken], [post(bot, 4)])
    assert [new[0], new[1], new[3]] == [1, 1, 1]
    assert isinstance(new[2], Exception)
    assert {row.external_id for row in await bot.rows(Mention)} == {"p1", "p2", "p4"}
    assert len(await bot.rows(Case)) == 3


@pytest.mark.logs("a page was refused by the database")
async def test_a_post_that_the_database_refuses_keeps_no_other_of_its_call_out_and_comes_in_cut(bot: Bot) -> None:
    """As one that is polled. What WhatsApp sends comes in no other way. Only PostgreSQL refuses this one."""
    large = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=6_000))
    async with bot.engine.begin() as connection:
        await connection.exec_driver_sql("CREATE INDEX narrow ON mentions (text)")
    account, intake = await account_of(bot), Intake(bot.desk)
    call = [post(bot, 1), replace(post(bot, 2), text=large), post(bot, 3)]
    assert [await intake.take_in(account.id, call) for _ in range(2)] == [3, 0]
    stored = await bot.rows(Mention)
    assert sorted(each.external_id for each in stored) == ["p1", "p2", "p3"]
    assert all(each.text in {"Wanneer?", large, large[:500]} for each in stored)


async def test_a_source_that_hangs_up_does_not_stop_what_others_sent(bot: Bot) -> None:
    new = await Together(bot).come([post(bot, 1)], [post(bot, 2)], [post(bot, 3)], hangs_up=1)
    assert [new[0], new[2]] == [1, 1]
    assert isinstance(new[1], asyncio.CancelledError)


async def test_after_a_failure_the_next_call_is_stored(bot: Bot) -> None:
    intake, account = Intake(bot.desk), await account_of(bot)
    with pytest.raises((TypeError, StatementError)):
        await intake.take_in(account.id, [replace(post(bot, 1), place={"no json": object()})])
    assert await intake.take_in(account.id, [post(bot, 1)]) == 1


async def test_a_stop_leaves_nothing_that_is_still_being_stored(bot: Bot) -> None:
    intake, account = Intake(bot.desk), await account_of(bot)
    calls = [asyncio.create_task(intake.take_in(account.id, [post(bot, number)])) for number in (1, 2)]
    await asyncio.sleep(0)
    await intake.close()
    assert [each for each in asyncio.all_tasks() if "_store_all" in repr(each.get_coro())] == []
    for call in calls:
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await bot.rows(Mention) == []
    assert await intake.take_in(account.id, [post(bot, 1)]) == 1


async def test_a_stop_between_calls_that_are_stored_each_by_itself_ends_them_all(bot: Bot) -> None:
    intake, account = Intake(bot.desk), await account_of(bot)
    stored, begun = intake._stored, asyncio.Event()

    async def slowly(account_id: int, items: Any) -> Any:
        if len(items) == 1 and items[0].external_id == "p2":
            begun.set()
            await asyncio.sleep(3600)
        return await stored(account_id, items)

    intake._stored = slowly  # type: ignore[method-assign]
    broken = replace(post(bot, 1), place={"no json": object()})
    first = asyncio.create_task(intake.take_in(account.id, [post(bot, 9)]))
    calls = [
        asyncio.create_task(intake.take_in(account.id, each)) for each in ([broken], [post(bot, 2)], [post(bot, 3)])
    ]
    await asyncio.wait_for(begun.wait(), 10)
    await intake.close()
    done, waiting = await asyncio.wait([first, *calls], timeout=2)
    for each in waiting:
        each.cancel()
    assert not waiting
    await asyncio.gather(*done, return_exceptions=True)
