"""What `webcare doctor` says comes next is what comes: somebody hears of the case at that moment and not before."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import clocks, inbox, reminders
from bot.cli.doctor.coming import coming
from bot.desk import Desk
from bot.domain.case import ONGOING
from bot.domain.coming import Coming, Doing
from bot.domain.event import Why
from bot.domain.mention import Act, Author, Post, permits
from bot.domain.reminder import STANDS
from bot.figures import digests
from bot.models import Agent, Case, Message, MessageKind, Person, Reminder, ReminderKind, Role, Team
from bot.sandbox.app import Sandbox
from bot.team.settings import TeamSettings
from bot.views.digest import MAX_LATE
from tests.cases.moving import Table
from tests.cases.situations import SITUATIONS, in_situation, run_jobs
from tests.conftest import MARIEKE

Change = Callable[[AsyncSession, Case, datetime], Awaitable[None]]
OFFICE: Mapping[str, Any] = {"coordinators": [MARIEKE]}
NIGHTLY: Mapping[str, Any] = {"week": [[["22:00", "06:00"]]] * 7, "digest_at": "24:00", "coordinators": [MARIEKE]}
WEEKS: Mapping[str, Mapping[str, Any]] = {
    "office hours": OFFICE,
    "always open": {**OFFICE, "always_open": True},
    "open at night": NIGHTLY,
}
FOLLOWS = {MessageKind.CASE, MessageKind.FORMER, MessageKind.REMINDER}
"""Messages that are edited when their case changes, without news; a reminder has rows of its own."""


async def heard(table: Table) -> set[tuple[Any, ...]]:
    """All that anybody heard of the case: messages of its own, and reminders that were shown, by their moment."""
    async with table.session() as session:
        own = select(Message.id, Message.kind).where(Message.case_id == table.case_id)
        messages = {(kind, id) for id, kind in await session.exec(own) if kind not in FOLLOWS}
        rows = (await session.exec(select(Reminder).where(Reminder.case_id == table.case_id))).all()
        facts = await reminders.facts_of(session, rows, table.clock.at)
        stand = [fact.reminder for fact in facts if fact.standing in STANDS]
        return messages | {(each.kind, each.recipient, each.subject_id, each.told_at) for each in stand}


async def whats_next(desk: Desk, table: Table) -> list[Coming]:
    async with desk.reading() as session:
        file = await cases.read(session, table.case_id)
        return list(await coming(session, file, TeamSettings.of(file.team.settings), desk.now()))


async def set_hours(table: Table, settings: Mapping[str, Any]) -> None:
    async with table.session() as session:
        team = await session.get_one(Team, 1)
        team.settings = dict(settings)
        session.add(team)


def first_of(found: list[Coming], after: datetime) -> Coming | None:
    named = (each for each in found if each.what is not Doing.DIGEST_COUNTS and each.at > after)
    return next(named, None)


@pytest.mark.parametrize(
    ("situation", "week"),
    [
        *((situation, "office hours") for situation in SITUATIONS),
        *((situation, week) for situation in ("claimed", "with_citizen") for week in ("always open", "open at night")),
    ],
)
async def test_the_named_moment_is_the_next_at_which_somebody_hears_of_the_case(
    situation: str, week: str, sqlite_url: str, slack: Sandbox
) -> None:
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        await set_hours(table, WEEKS[week])
        await run_jobs(desk)
        for _ in range(4):
            case, before, now = await table.case(), await heard(table), desk.now()
            found = await whats_next(desk, table)
            assert found or case.status not in ONGOING
            assert all(each.at > now for each in found), "what is due was just done"
            if not found:
                table.passes(days=20)
                await run_jobs(desk)
                assert await heard(table) <= before, "it ended: nobody hears of it again"
                return
            named = first_of(found, now)
            if named is None:
                at = found[0].at
                table.clock.at = at
                await run_jobs(desk)
                assert await heard(table) <= before
                async with table.session() as session:
                    digests = select(Message.id).where(
                        Message.kind == MessageKind.DIGEST, col(Message.key).like("%:1:%")
                    )
                    assert (await session.exec(digests)).all()
                continue
            table.clock.at = named.at - timedelta(seconds=1)
            await run_jobs(desk)
            assert await heard(table) <= before, f"nobody hears of it before {named}"
            table.clock.at = named.at
            await run_jobs(desk)
            assert await heard(table) - before, f"somebody hears of it: {named}"


async def test_a_digest_lists_only_the_first_that_are_late_as_was_said(sqlite_url: str, slack: Sandbox) -> None:
    async with in_situation("new", sqlite_url, slack) as (table, desk):
        await set_hours(table, OFFICE)
        await run_jobs(desk)
        table.passes(minutes=5)
        async with table.session() as session:
            posts = [
                Post(f"x{n}", Author(f"x{n}", f"X{n}"), "?", desk.now(), permits=permits(Act.ANSWER)) for n in range(11)
            ]
            await inbox.take_in(session, 1, posts, now=desk.now())
        said = dict[int, Coming]()
        async with desk.reading() as session:
            team = await session.get_one(Team, 1)
            for case in await session.exec(select(Case)):
                settings = TeamSettings.of(team.settings)
                [said[case.id]] = await digests.coming(session, team, settings, case, desk.now())
        [table.clock.at] = {each.at for each in said.values()}
        await run_jobs(desk)
        async with desk.reading() as session:
            listed = set(await session.exec(select(Reminder.case_id).where(Reminder.kind == ReminderKind.LISTED)))
    assert len(said) == 12
    assert len(listed) == MAX_LATE
    assert {id for id, each in said.items() if each.what is Doing.DIGEST_LISTS} == listed


async def _urgent(session: AsyncSession, case: Case, now: datetime) -> None:
    await cases.set_urgent(session, case.id, urgent=True, by=MARIEKE, now=now)


async def _put_off(session: AsyncSession, case: Case, now: datetime) -> None:
    await clocks.snooze(session, case, 20, now)


async def _away(session: AsyncSession, case: Case, now: datetime) -> None:
    await session.merge(Person(slack_id=case.assignee, away_since=now, asked_at=now))


async def _reader(session: AsyncSession, case: Case, now: datetime) -> None:
    session.add(Agent(team_id=1, slack_id=case.assignee, role=Role.READER, created_at=now))


CHANGED: dict[Doing | Why, tuple[str, Change]] = {
    Doing.CALL: ("new", _urgent),
    Doing.SNOOZED: ("claimed", _put_off),
    Why.AWAY: ("claimed", _away),
    Why.READER: ("claimed", _reader),
}


@pytest.mark.parametrize("doing", CHANGED)
async def test_what_follows_from_a_change_comes_when_it_is_said(
    doing: Doing | Why, sqlite_url: str, slack: Sandbox
) -> None:
    situation, change = CHANGED[doing]
    async with in_situation(situation, sqlite_url, slack) as (table, desk):
        await set_hours(table, OFFICE)
        await run_jobs(desk)
        table.passes(minutes=5)
        async with table.session() as session:
            await change(session, await cases.locked(session, table.case_id), desk.now())
        before, named = await heard(table), (await whats_next(desk, table))[0]
        assert doing in {named.what, named.why}
        if named.at > desk.now():
            table.clock.at = named.at - timedelta(seconds=1)
            await run_jobs(desk)
            assert await heard(table) <= before
        table.clock.at = named.at
        await run_jobs(desk)
        assert await heard(table) - before
