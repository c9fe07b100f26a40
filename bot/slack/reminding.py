"""Render the message with all reminders of one recipient."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.cases import reminders
from bot.cases.reminders import Fact
from bot.desk import TeamDesk
from bot.domain.hours import NeverOpen, add, next_opening, opens_again
from bot.domain.reminder import STANDS, Standing
from bot.models import Author, Case, Listed, Message, Reminder, in_order
from bot.slack.places import links_of
from bot.team import teams
from bot.team.settings import TeamSettings
from bot.views.block import View
from bot.views.reminder import ORDER, SHOWN, Due, Reminders, outdated, reminder, row


async def reminders_of(desk: TeamDesk, session: AsyncSession, message: Message) -> View | None:
    """Return a list of reminders as they stand now; once a newer list has them, what is left of it.

    None while Slack does not have it and nobody is to be notified: nothing waits any more, or the team closed, so that
    `cases.reminders.remind` posts a new one when it opens.
    """
    rows = await session.exec(select(Reminder).where(Reminder.message_id == message.id).order_by(col(Reminder.id)))
    facts = await reminders.facts_of(session, rows.all(), desk.now())
    waiting = [fact for fact in facts if fact.standing in STANDS]
    if message.ts is None and (not waiting or _waits_for_opening(desk, Listed.of(message.details).written_at)):
        return None
    if not facts:
        return outdated(desk.t)
    by_case = defaultdict[tuple[int, bool], list[Fact]](list)
    for fact in sorted(waiting, key=_order):
        by_case[(fact.case.id, fact.standing is Standing.ASKED)].append(fact)
    first = list(by_case.values())[:SHOWN]
    urls = await links_of(session, desk.slack, [each[0].case.id for each in first])
    due = [await _due(desk, session, each, urls) for each in first]
    done = {fact.case.id for fact in facts if fact.standing is Standing.DONE} - {fact.case.id for fact in waiting}
    authors = await session.exec(
        select(Author).join(Case, col(Case.author_id) == Author.id).where(col(Case.id).in_(sorted(done)[:SHOWN]))
    )
    counts = Counter(min((fact.standing for fact in each), key=ORDER.index) for each in by_case.values())
    several = message.channel != desk.team.channel and len(await teams.all_teams(session)) > 1
    team = desk.team.name if several else ""
    names = [each.called for each in authors]
    content = Reminders(counts, due, names, len(done), Listed.of(message.details).called, team)
    return reminder(content, desk.t, desk.now())


async def late_of(desk: TeamDesk, session: AsyncSession, digest: Message) -> list[str]:
    """Return a row for each case in a digest's list that is still late."""
    rows = await session.exec(select(Reminder).where(Reminder.message_id == digest.id).order_by(col(Reminder.id)))
    facts = await reminders.facts_of(session, rows.all(), desk.now())
    late = [fact.case.id for fact in sorted(facts, key=_order) if fact.standing is Standing.LATE]
    urls = await links_of(session, desk.slack, late)
    due = [Due(await cases.read(session, case_id), card_url=urls.get(case_id, "")) for case_id in late]
    return [row(each, desk.t, desk.now()) for each in due]


def _order(fact: Fact) -> tuple[object, ...]:
    """Return the sort key of a reminder: that of its case in every list; an urgent question is urgent too."""
    return in_order(fact.case, fact.due_at, urgent=fact.urgent)


async def _due(desk: TeamDesk, session: AsyncSession, facts: Sequence[Fact], urls: Mapping[int, str]) -> Due:
    """Return what is shown for one case, from its reminders; `urls` has the links to cards."""
    file = await cases.read(session, facts[0].case.id)
    asked = {fact.reminder.subject_id for fact in facts if fact.standing is Standing.ASKED}
    idle = next((fact.reminder for fact in facts if fact.standing is Standing.STILL), None)
    return Due(
        file,
        [fact.reminder.text for fact in facts if fact.reminder.text],
        _returns_at(desk, idle) if idle else None,
        next((each for each in file.escalations if each.id in asked), None),
        urls.get(file.case.id, ""),
    )


def _waits_for_opening(desk: TeamDesk, written: datetime) -> bool:
    """Tell whether the team closed since then for longer than a break, also when it is open again by now."""
    hours, now = TeamSettings.of(desk.team.settings).hours(desk.now()), desk.now()
    try:
        return opens_again(hours, written) <= next_opening(hours, now)
    except NeverOpen:
        return True


def _returns_at(desk: TeamDesk, idle: Reminder) -> datetime | None:
    settings = TeamSettings.of(desk.team.settings)
    try:
        return add(settings.hours(desk.now()), idle.told_at, timedelta(minutes=settings.claim_return))
    except NeverOpen:
        return None
