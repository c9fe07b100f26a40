"""Hidden posts by the clock: second colleagues are reminded, and hidden posts are reviewed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases
from bot.domain.coming import Coming, Doing, heard_at, heard_by_days
from bot.domain.event import EventKind, Why
from bot.domain.hours import Hours, NeverOpen, add, between
from bot.domain.mention import FOR_GOOD, Act
from bot.domain.period import working_days
from bot.domain.text import Refused
from bot.models import (
    GOING,
    PROPOSED,
    ActStatus,
    Asking,
    Case,
    CaseFile,
    Hiding,
    Mention,
    Message,
    MessageKind,
    Role,
    Team,
    edits_of,
    review_key,
)
from bot.models import Act as ActRow
from bot.outgoing import moderation
from bot.staffing import presence
from bot.team import agents
from bot.team.settings import TeamSettings

HOUR = timedelta(hours=1)
AGAIN = 8
"""Working hours after which the coordinators are reminded of acts that wait for a second colleague; first after one."""
REVIEW_AGAIN = 5
"""Working days after which the coordinators are asked again whether a post must stay hidden: about a week."""


async def to_chase(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> Sequence[int]:
    """Return the acts of a team that wait for a second colleague."""
    waiting = select(ActRow.id).join(Case, col(ActRow.case_id) == Case.id).where(PROPOSED, Case.team_id == team.id)
    return sorted(await session.exec(waiting))


async def to_review(session: AsyncSession, team: Team, settings: TeamSettings, now: datetime) -> Sequence[int]:
    """Return the acts of a team whose posts are due for review."""
    due = (
        select(Hiding.act_id)
        .join(ActRow, col(ActRow.id) == Hiding.act_id)
        .join(Case, col(ActRow.case_id) == Case.id)
        .where(col(Hiding.review_at) <= now, Case.team_id == team.id)
    )
    return sorted(await session.exec(due))


async def chase(session: AsyncSession, act_id: int, now: datetime) -> None:
    """Remind the coordinators of an act that waits for a second colleague, once a step.

    An act whose post is no longer there, or was hidden on the platform itself, is taken back.
    """
    act, case = await _held(session, act_id)
    if act.status is not ActStatus.ASKED:
        return
    mention, file = await session.get_one(Mention, act.mention_id), await cases.read(session, case.id)
    if mention.gone in FOR_GOOD or file.holds(Act.HIDE, mention.id):
        act.status = ActStatus.WITHDRAWN
        session.add(act)
        await session.flush()
        why = Why.GONE if mention.gone in FOR_GOOD else Why.PLATFORM
        await moderation.log(session, act, EventKind.ACT_WITHDRAWN, "", now, why)
        return
    team, settings = file.team, TeamSettings.of(file.team.settings)
    step = _step(act, settings.hours(now), now)
    if not step or await _was_sent(session, act, MessageKind.SECOND, f"second:{act.id}:{step}:"):
        return
    for to in await _chased(session, act, team, settings):
        key, details = f"second:{act.id}:{step}:{to}", Asking(hours=step).to_json()
        session.add(_message(key, MessageKind.SECOND, act, to, details))


def _step(act: ActRow, hours: Hours, now: datetime) -> int:
    """Return the last step of reminders that an act has reached, in working hours that it waits; 0 for none."""
    waited = between(hours, act.created_at, now) // HOUR
    return waited // AGAIN * AGAIN or min(waited, 1)


async def _chased(session: AsyncSession, act: ActRow, team: Team, settings: TeamSettings) -> Sequence[str]:
    return [who for who in await _leads(session, team, settings) if who != act.by] or [team.channel]


async def review(session: AsyncSession, act_id: int, now: datetime) -> None:
    """Ask the coordinators whether a post must stay hidden, again each week until somebody decides.

    Nothing is asked about a post that is shown again or no longer there, nor while it is being shown again: if the
    platform refuses that, it is asked about then.
    """
    act, case = await _held(session, act_id)
    hiding = await session.get_one(Hiding, act_id, populate_existing=True)
    if hiding.review_at is None or hiding.review_at > now:
        return
    file = await cases.read(session, case.id)
    if not _is_reviewed(file, act):
        if not _is_being_decided(file, act):
            hiding.review_at = None
            session.add(hiding)
        return
    settings = TeamSettings.of(file.team.settings)
    at, asked = hiding.review_at.isoformat(), _review_of(act, hiding.review_at, case, settings.hours(now), now)
    if await _was_sent(session, act, MessageKind.REVIEW, asked):
        return
    for to in await _leads(session, file.team, settings) or [file.team.channel]:
        session.add(_message(f"{asked}{to}", MessageKind.REVIEW, act, to, Asking(at=at).to_json()))


def _review_of(act: ActRow, at: datetime, case: Case, hours: Hours, now: datetime) -> str:
    """Return how the keys of the questions of this week begin, for a review that is due since `at`.

    A team to which the case was transferred is asked too.
    """
    weeks = working_days(hours, at, now) // REVIEW_AGAIN
    return review_key(act.id, at.isoformat(), case.transfers) + (f"again{weeks}:" if weeks else "")


def _is_reviewed(file: CaseFile, act: ActRow) -> bool:
    mention = next((each for each in file.mentions if each.id == act.mention_id), None)
    exists = mention is not None and mention.gone not in FOR_GOOD
    return exists and file.decided_since(act) is None


def _is_being_decided(file: CaseFile, act: ActRow) -> bool:
    since = file.decided_since(act)
    return since is not None and since.status in GOING


async def chases(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when a second colleague will be asked again to agree."""
    hours, found = settings.hours(now), list[Coming]()
    for act in file.acts:
        if act.status is ActStatus.ASKED and (at := await _next_chase(session, act, hours, now)):
            to = await _chased(session, act, file.team, settings)
            found.append(Coming(at, Doing.SECOND, tuple(to)))
    return found


async def reviews(session: AsyncSession, file: CaseFile, settings: TeamSettings, now: datetime) -> list[Coming]:
    """Return when the coordinators are asked about the hidden posts of a case."""
    hours, found = settings.hours(now), list[Coming]()
    for act in file.acts:
        hiding = file.hidings.get(act.id)
        review_at = hiding.review_at if hiding is not None and _is_reviewed(file, act) else None
        if review_at and (at := await _next_review(session, act, review_at, file.case, hours, now)):
            to = await _leads(session, file.team, settings) or [file.team.channel]
            found.append(Coming(at, Doing.REVIEW, tuple(to)))
    return found


async def _next_review(
    session: AsyncSession, act: ActRow, due_at: datetime, case: Case, hours: Hours, now: datetime
) -> datetime | None:
    """Return when the coordinators are next asked whether a post must stay hidden."""
    for at in heard_by_days(hours, due_at, now):
        asked = _review_of(act, due_at, case, hours, at)
        if not await _was_sent(session, act, MessageKind.REVIEW, asked):
            return at
    return None


async def _next_chase(session: AsyncSession, act: ActRow, hours: Hours, now: datetime) -> datetime | None:
    """Return when the coordinators are next reminded of an act that waits for a second colleague."""
    waited = between(hours, act.created_at, now) // HOUR // AGAIN
    for steps in (1, *((waited + n) * AGAIN for n in range(1 if waited == 0 else 0, 3))):
        try:
            at = heard_at(hours, add(hours, act.created_at, steps * HOUR), now)
        except NeverOpen:
            return None
        step = _step(act, hours, at) if at else 0
        if step and not await _was_sent(session, act, MessageKind.SECOND, f"second:{act.id}:{step}:"):
            return at
    return None


def refuse_edited(file: CaseFile, act: ActRow, seen: str | None) -> None:
    """Raise Refused when the post was edited since a question showed what edits made of it: `seen`, as `edits_of`.

    Without `seen` we do not know what it showed: it is of an earlier version.
    """
    if seen is not None and edits_of(each for each in file.mentions if each.id == act.mention_id) != seen:
        raise Refused("The citizen edited this post meanwhile. Read it first, and decide then.")


async def keep(
    session: AsyncSession, act_id: int, *, case_id: int, at: str, by: str, now: datetime, seen: str | None = None
) -> None:
    """Store that a post must stay hidden; the coordinators are asked again after the team's number of days.

    `at` is the moment that the question was about, `seen` as for `refuse_edited`. Raises Refused when a colleague
    decided in the meantime.
    """
    act, case = await _held(session, act_id)
    hiding = await session.get(Hiding, act_id, populate_existing=True)
    if hiding is None or case.id != case_id:
        raise Refused("This belongs to another case.")
    file = await cases.read(session, case_id)
    shown = file.decided_since(act) is not None
    if shown or hiding.review_at is None or hiding.review_at.isoformat() != at:
        if not shown and hiding.kept_by == by:  # a second click
            return
        raise Refused("A colleague has already decided on this.")
    refuse_edited(file, act, seen)
    hiding.review_at = now + timedelta(days=TeamSettings.of(file.team.settings).hide_days)
    hiding.kept_by = by
    session.add(hiding)
    await session.flush()
    await moderation.log(session, act, EventKind.ACT_KEPT, by, now)


async def _held(session: AsyncSession, act_id: int) -> tuple[ActRow, Case]:
    """Return an act as it is now, and its case, locked."""
    act = await session.get(ActRow, act_id)
    if act is None:
        raise Refused("This belongs to another case.")
    case = await cases.locked(session, act.case_id)
    await session.refresh(act)
    return act, case


async def _leads(session: AsyncSession, team: Team, settings: TeamSettings) -> Sequence[str]:
    """Return the coordinators who are present: those in the team's settings, else those with the role."""
    coordinators = settings.coordinators or await agents.with_role(session, team.id, Role.COORDINATOR)
    return await presence.present_of(session, coordinators)


async def _was_sent(session: AsyncSession, act: ActRow, kind: MessageKind, begins: str) -> bool:
    keys = await session.exec(select(Message.key).where(Message.case_id == act.case_id, Message.kind == kind))
    return any(key.startswith(begins) for key in keys)


def _message(key: str, kind: MessageKind, act: ActRow, to: str, details: dict[str, object]) -> Message:
    return Message(key=key, kind=kind, case_id=act.case_id, subject_id=act.id, channel=to, details=details)
