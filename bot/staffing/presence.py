"""Who is present: which people are away, as they said or as Slack shows, and which agents are on duty.

Away is per person: Slack shows one status, and a person who is away is away for every team. Duty is per team: its rota
and its calls are the team's own.

A person who is away with cases is asked once per absence whether the cases go back to the queue. From Slack we store
only the moment since when they are away.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.domain.case import Move
from bot.domain.coming import Coming, heard_at
from bot.domain.event import Why
from bot.domain.hours import NeverOpen, add, day_of_opening
from bot.domain.text import Refused
from bot.models import NOT_TAKEN, WAITING, Absence, Agent, Case, Message, MessageKind, Person, Team
from bot.team import agents
from bot.team.settings import TeamSettings

LOOK_EVERY = timedelta(minutes=5)
"""How often at most we ask Slack about one person: its methods allow some fifty calls a minute."""


@dataclass(frozen=True)
class Returning:
    """A case whose owner is away and did not answer what we asked then: it goes back to the queue at that moment."""

    case_id: int
    owner: str
    asked_at: datetime
    return_at: datetime


async def set_away(session: AsyncSession, slack_id: str, away: bool, now: datetime) -> bool:
    """Set a person away or present. Away ends their duty, in every team; returns whether they were on duty."""
    person = await _locked(session, slack_id)
    if not away:
        await _is_here(session, person, now)
        return False
    person.away_since = now
    session.add(person)
    on_duty = (col(Agent.slack_id) == slack_id) & col(Agent.duty_since).is_not(None)
    return (await session.exec(update(Agent).where(on_duty).values(duty_since=None))).rowcount > 0


async def set_duty(session: AsyncSession, team_id: int, slack_id: str, on: bool, now: datetime) -> bool:
    """Set an agent on or off duty in a team. Duty ends their absence; returns whether they were away."""
    person = await _locked(session, slack_id)
    agent = await agents.locked(session, team_id, slack_id, now)
    agent.duty_since = now if on else None
    session.add(agent)
    was_away = person.away_since is not None
    if on and was_away:
        await _is_here(session, person, now)
    return on and was_away


async def _is_here(session: AsyncSession, person: Person, now: datetime) -> None:
    """Set a person present, as they say, until Slack shows them as back and then away again: see `saw`.

    What it shows now may be from before, and we may not have seen it yet: who has no cases is not looked at.
    """
    person.away_since, person.seen_away_since = None, person.seen_away_since or now
    await _ask_no_more(session, person)


async def is_away(session: AsyncSession, slack_id: str) -> bool:
    """Tell whether a person is away, or has left: their account is closed."""
    person = await session.get(Person, slack_id)
    return person is not None and not person.is_present


async def on_duty(session: AsyncSession, team_id: int, settings: TeamSettings, now: datetime) -> list[str]:
    """Return who is on duty in a team and not away: those who set themselves on duty, else the rota of the day.

    A night belongs to the day on which the team opened.

    Who may only read or has left the team is never on duty: they cannot take the case to which they would be called.
    """
    volunteers = await session.exec(
        select(Agent.slack_id)
        .where(Agent.team_id == team_id, col(Agent.duty_since).is_not(None))
        .order_by(col(Agent.duty_since))
    )
    today = day_of_opening(settings.hours(now), now).weekday()
    for people in (volunteers.all(), settings.rota.get(today, [])):
        able = await agents.able(session, team_id, settings, people)
        if present := await present_of(session, able):
            return present
    return []


async def present_of(session: AsyncSession, slack_ids: Sequence[str]) -> list[str]:
    """Return the people among these who are not away and have not left."""
    return [slack_id for slack_id in slack_ids if not await is_away(session, slack_id)]


async def away_of(session: AsyncSession, people: Collection[str]) -> set[str]:
    """Return the people among these who are away or have left."""
    return {*people}.difference(await present_of(session, sorted(people)))


async def not_reminded(
    session: AsyncSession, team_id: int, settings: TeamSettings, owners: Collection[str]
) -> set[str]:
    """Return who is reminded of nothing: who is away or has left, and owners who no longer answer for the team.

    An owner keeps a case that waits for its citizen, whatever becomes of their role.
    """
    lost = {*owners}.difference(await agents.able(session, team_id, settings, sorted(owners)))
    return lost | await away_of(session, {*owners, *settings.coordinators})


async def claimed_by(session: AsyncSession, slack_id: str) -> Sequence[int]:
    """Return the cases that wait for an agent."""
    case_ids = await session.exec(select(Case.id).where(WAITING, Case.assignee == slack_id))
    return sorted(case_ids)  # if the database sorted, SQLite would read all cases


async def _locked(session: AsyncSession, slack_id: str) -> Person:
    """Lock and return a person, added if needed: of two writers the second waits."""
    return await db.lock_or_add(session, Person(slack_id=slack_id))


# --- As Slack shows them -------------------------------------------------------------------------


async def to_look_at(session: AsyncSession, team_ids: Collection[int], now: datetime) -> list[str]:
    """Return the people to ask Slack about now: owners of these teams' waiting cases, and those last seen away."""
    owners = select(Case.assignee).where(WAITING, col(Case.team_id).in_(team_ids), col(Case.assignee).is_not(None))
    lately = select(Person.slack_id).where(col(Person.looked_at) > now - LOOK_EVERY)
    seen_away = select(Person.slack_id).where(col(Person.seen_away_since).is_not(None))
    owning, away, looked_at = [await session.exec(query) for query in (owners.distinct(), seen_away, lately)]
    return sorted({*map(str, owning), *map(str, away)} - set(map(str, looked_at)))


async def take_look(session: AsyncSession, slack_id: str, now: datetime) -> bool:
    """Mark a person as looked at now and return True, unless that was done recently: one of several processes looks."""
    person = await _locked(session, slack_id)
    if person.looked_at is not None and person.looked_at > now - LOOK_EVERY:
        return False
    person.looked_at = now
    session.add(person)
    return True


async def saw(session: AsyncSession, slack_id: str, away: bool, now: datetime) -> None:
    """Store what Slack shows of a person; a person newly seen away with cases is asked about them.

    A person who said that they are present stays present until Slack shows them as back and then away again.
    """
    person = await _locked(session, slack_id)
    session.add(person)
    if away and person.seen_away_since is None:
        person.seen_away_since = now
        if person.away_since is None:
            person.away_since = now
            await _ask_directly(session, person, now)
    elif not away and person.seen_away_since is not None:
        if person.away_since == person.seen_away_since:
            person.away_since = None
            await _ask_no_more(session, person)
        person.seen_away_since = None


async def _ask_directly(session: AsyncSession, person: Person, now: datetime) -> None:
    """Ask a person in a direct message what to do with their cases, if they have any."""
    if await claimed_by(session, person.slack_id):
        person.asked_at, who = now, person.slack_id
        details = Absence(owner=who).to_json()
        session.add(Message(key=_question(who, now), kind=MessageKind.AWAY, channel=who, details=details))


# --- The cases of a person who is away -----------------------------------------------------------


async def ask(session: AsyncSession, slack_id: str, now: datetime) -> int:
    """Mark a person as asked now about the cases that wait for them; returns how many cases."""
    person, waiting = await _locked(session, slack_id), await claimed_by(session, slack_id)
    if waiting and person.asked_at is not None:
        await _keep_question(session, person.slack_id, person.asked_at, now)
    person.asked_at = now if waiting else None
    session.add(person)
    return len(waiting)


async def _keep_question(session: AsyncSession, slack_id: str, before: datetime, now: datetime) -> None:
    """Let a question in a direct message be the one that is asked now, so that it ends with it.

    Also one that Slack does not have yet, or has without our knowing: it is on its way.
    """
    anew = {"key": _question(slack_id, now), "version": col(Message.version) + 1}
    asked = update(Message).where(col(Message.key) == _question(slack_id, before)).values(**anew)
    await session.exec(asked.execution_options(synchronize_session=False))


async def asked_anew(session: AsyncSession, slack_id: str) -> None:
    """Update the question to a person who is away with the number of cases that they still have."""
    person = await session.get(Person, slack_id)
    if person is not None and person.asked_at is not None:
        await cases.touch_messages(session, col(Message.key) == _question(slack_id, person.asked_at))


async def _ask_no_more(session: AsyncSession, person: Person) -> None:
    """End the question to a person who is back: it says so, and their cases stay with them."""
    await asked_anew(session, person.slack_id)
    person.asked_at = None
    session.add(person)


async def refuse_present(session: AsyncSession, slack_id: str) -> None:
    """Raise Refused for a person who is back: a question from while they were away may still be on their screen."""
    person = await session.get(Person, slack_id)
    if person is None or person.away_since is None:
        raise Refused("You are back, so your cases stay with you. You can give them away with “Hand my cases over…”.")


async def keep(session: AsyncSession, slack_id: str) -> int:
    """Leave a person's cases with them, as they chose; returns how many cases."""
    person = await _locked(session, slack_id)
    kept = len(await claimed_by(session, slack_id))
    await _chose(session, person, Absence(owner=slack_id, kept=kept))
    return kept


async def hand_back(session: AsyncSession, slack_id: str, now: datetime) -> list[int]:
    """Put all of a person's waiting cases back in the queue, as they chose; returns these cases."""
    person = await _locked(session, slack_id)
    handed_back, owned = [], await claimed_by(session, slack_id)
    await cases.lock_all(session, owned)
    for case_id in owned:
        with suppress(Refused):  # it moved in the meantime
            await cases.release(session, case_id, by=slack_id, now=now)
            handed_back.append(case_id)
    await _chose(session, person, Absence(owner=slack_id, handed_back=len(handed_back)))
    return handed_back


async def _chose(session: AsyncSession, person: Person, choice: Absence) -> None:
    """Store what a person chose in the question, too: an update of it that is on its way would show it open again."""
    if person.asked_at is not None:
        which = col(Message.key) == _question(person.slack_id, person.asked_at)
        await cases.touch_messages(session, which)
        chosen = update(Message).where(which).values(details=choice.to_json())
        await session.exec(chosen.execution_options(synchronize_session=False))
    person.asked_at = None
    session.add(person)


async def unanswered(
    session: AsyncSession, team: Team, settings: TeamSettings, now: datetime, case_id: int | None = None
) -> list[Returning]:
    """Return the waiting cases of a team whose owners are asked about them, and that did not move since.

    Without `case_id`, those that may be due now.
    """
    which = (
        Case.id == case_id
        if case_id is not None
        else col(Person.asked_at) <= now - timedelta(minutes=settings.claim_return)
    )
    rows = await session.exec(
        select(Case.id, Person.slack_id, Person.asked_at)
        .join(Person, col(Person.slack_id) == Case.assignee)
        .where(WAITING, Case.team_id == team.id, which, cases.last_moved_at() <= col(Person.asked_at))
    )
    asked = [(owned, owner, asked_at) for owned, owner, asked_at in rows if asked_at is not None]
    read_at = await _read_at(session, {owner: asked_at for _, owner, asked_at in asked}, now)
    hours, patience, found = settings.hours(now), timedelta(minutes=settings.claim_return), []
    for owned, owner, asked_at in asked:
        with suppress(NeverOpen):
            found.append(Returning(owned, owner, asked_at, add(hours, read_at[owner], patience)))
    return found


async def _read_at(session: AsyncSession, asked: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """Return since when each of these people, `asked` at that moment, can read our question: `now` if not yet.

    So nobody loses a case unasked. One that Slack refuses counts as asked: else the case would never return. What a ts
    says below a second only tells messages apart.
    """
    keys = {_question(owner, at): owner for owner, at in asked.items()}
    read_at = dict(asked)  # without a message, a command showed them the question
    for message in await session.exec(select(Message).where(col(Message.key).in_(keys))):
        owner, refused = keys[message.key], message.problem and message.problem not in NOT_TAKEN
        if message.posted_at is not None:
            read_at[owner] = max(asked[owner], message.posted_at.replace(microsecond=0))
        elif message.shown_version < message.version and not refused:
            read_at[owner] = now
    return read_at


async def coming(
    session: AsyncSession, case_id: int, team: Team, settings: TeamSettings, now: datetime
) -> list[Coming]:
    """Return when a case goes back to the queue because its owner is away and does not answer."""
    hours = settings.hours(now)
    asked = await unanswered(session, team, settings, now, case_id)
    moments = [(each.owner, heard_at(hours, each.return_at, now)) for each in asked]
    return [Coming(at, Move.PUT_BACK, (team.channel, owner), why=Why.AWAY) for owner, at in moments if at]


async def return_unanswered(
    session: AsyncSession, slack_id: str, case_ids: Sequence[int], now: datetime, *, asked_at: datetime
) -> list[int]:
    """Put these cases of a person who did not answer back in the queue, and notify them; returns the cases put back.

    None if they answered meanwhile, or were asked anew: they have the same time for that question.
    """
    person = await _locked(session, slack_id)
    if person.asked_at != asked_at:
        return []
    returned = []
    await cases.lock_all(session, case_ids)
    for case_id in case_ids:
        with suppress(Refused):  # it moved in the meantime
            await cases.put_back(session, case_id, owner=slack_id, still_since=asked_at, now=now, away=True)
            returned.append(case_id)
    if returned:
        await _show_returned(session, slack_id, _question(slack_id, asked_at), len(returned))
    return returned


async def _show_returned(session: AsyncSession, slack_id: str, key: str, count: int) -> None:
    """Show in the question what was done with the cases; for a question from a command, post a message of its own."""
    existing = await session.exec(select(Message).where(Message.key == key).with_for_update(key_share=True))
    message = existing.first() or Message(key=key, kind=MessageKind.AWAY, channel=slack_id, version=0)
    before = Absence.of(message.details).returned if message.details else 0
    message.details = Absence(owner=slack_id, returned=before + count).to_json()
    message.version += 1
    session.add(message)


def _question(slack_id: str, asked_at: datetime) -> str:
    return f"away:{slack_id}:{asked_at.timestamp()}"
