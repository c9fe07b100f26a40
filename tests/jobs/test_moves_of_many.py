"""Who moves several cases marks their messages case by case; a job that marks many messages at once waits for that.

Cards are not always in the order of their cases: two accounts take in at once, or a card is made again. Without one
order each would wait for the other, and the database would break one of the two off: a job, or what somebody clicked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.case import Status
from bot.models import Account, Case, Mention, Message, MessageKind, Reply, ReplyKind
from bot.outgoing import outbox
from jobs import days, rollups, sla, time_left
from tests.clocks import local
from tests.conftest import SANNE, YOUSSEF, Bot, eventually
from tests.people import FIRE, STREETS, held_up, mention
from tests.slack.conftest import come, post

Job = Callable[[], Awaitable[object]]

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""SQLite has one writer at a time, so there nothing crosses."""


async def claimed(bot: Bot) -> None:
    """Two cases, shown in Slack, that are Sanne's."""
    for number in (1, 2):
        case_id = await mention(bot, number)
        async with bot.desk.session() as session:
            await cases.claim(session, case_id, by=SANNE, now=bot.desk.now())


async def is_reminded(bot: Bot, _: pytest.MonkeyPatch) -> Job:
    await claimed(bot)
    await sla.remind(bot.desk)  # the first time it follows the opening hours, too
    bot.clock.at = local("2026-11-20 13:00")  # type: ignore[attr-defined]
    return lambda: sla.remind(bot.desk)


async def counts_down(bot: Bot, patch: pytest.MonkeyPatch) -> Job:
    await claimed(bot)
    patch.setattr(time_left, "ROUNDS", (1,))
    bot.clock.at = local("2026-11-20 10:20")  # type: ignore[attr-defined]
    return lambda: time_left.count_down(bot.desk)


async def names_the_day(bot: Bot, _: pytest.MonkeyPatch) -> Job:
    await days.begin(bot.desk)
    await claimed(bot)
    bot.clock.at = local("2026-11-21 00:01")  # type: ignore[attr-defined]
    return lambda: days.begin(bot.desk)


async def is_stopped(bot: Bot, _: pytest.MonkeyPatch) -> Job:
    await claimed(bot)
    now = bot.desk.now()
    async with bot.desk.session() as session:
        for asked in (await session.exec(select(Mention).order_by(col(Mention.id)))).all():
            reply = Reply(
                case_id=asked.case_id, mention_id=asked.id, account_id=1, by=SANNE, key=f"k{asked.id}", draft="Morgen",
                text="Morgen", kind=ReplyKind.FINAL, created_at=now, send_at=now,
            )  # fmt: skip
            await cases.answered(session, reply, now=now)
        account = await session.get_one(Account, 1)
        account.stopped_at = now
        session.add(account)
    return lambda: outbox.drain(bot.desk, "1")


async def begins_a_rollup(bot: Bot, _: pytest.MonkeyPatch) -> Job:
    await come(bot, *(post(bot, number, FIRE.format(STREETS[number])) for number in range(6)))
    return lambda: rollups.follow(bot.desk)


async def ends_a_rollup(bot: Bot, patch: pytest.MonkeyPatch) -> Job:
    job = await begins_a_rollup(bot, patch)
    await job()
    bot.clock.at += timedelta(hours=1)  # type: ignore[attr-defined]
    return job


async def moves(bot: Bot, session: AsyncSession, case_id: int) -> None:
    """Let Youssef have a case, whatever its status."""
    case, now = await cases.get(session, case_id), bot.desk.now()
    if case.status is Status.ANSWERED:
        await cases.reopen(session, case_id, by=YOUSSEF, now=now)
    elif case.status is Status.NEW:
        await cases.claim(session, case_id, by=YOUSSEF, now=now)
    else:
        await cases.assign(session, case_id, to=YOUSSEF, by=YOUSSEF, now=now)


async def ended_or_held_up(bot: Bot, running: asyncio.Future[object]) -> bool:
    return running.done() or await held_up(bot.engine, 1)


@pytest.mark.parametrize("begun", [is_reminded, counts_down, names_the_day, is_stopped, begins_a_rollup, ends_a_rollup])
async def test_a_job_that_marks_many_messages_holds_none_of_a_case_that_somebody_moves(
    office: Bot, begun: Callable[[Bot, pytest.MonkeyPatch], Awaitable[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await begun(office, monkeypatch)
    # A lane that writes one of the messages just then would hold it, too.
    await office.desk.wake.stop()  # type: ignore[attr-defined]
    first, second = [case.id for case in await office.rows(Case)][:2]
    card = select(Message).where(Message.kind == MessageKind.CASE)
    async with office.desk.session() as session:
        later = update(Message).where(col(Message.case_id) == first, col(Message.kind) == MessageKind.CASE)
        await session.exec(later.values(id=1000).execution_options(synchronize_session=False))
    async with office.desk.session() as session:
        await cases.lock_all(session, [first, second])
        await moves(office, session, first)
        running = asyncio.ensure_future(job())
        await eventually(lambda: ended_or_held_up(office, running))
        await session.exec(card.where(Message.case_id == second).with_for_update(nowait=True))
        await moves(office, session, second)
    await running
    assert [(await office.case(each)).assignee for each in (first, second)] == [YOUSSEF, YOUSSEF]
