"""Hide a post with due process: for a house rule, with a stored copy, and a second colleague if the rule says so.

Nothing here is automatic or depends on who wrote the post: an agent chooses the post and the rule.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.cases.moves import tell_thread
from bot.domain.event import EventKind
from bot.domain.mention import Act, Seen
from bot.domain.text import Refused
from bot.models import (
    HOLDS,
    PROPOSED,
    ActStatus,
    Asking,
    Author,
    Case,
    CaseFile,
    Hiding,
    Mention,
    Message,
    MessageKind,
    Team,
)
from bot.models import Act as ActRow
from bot.outgoing import looking_again, moderation
from bot.outgoing.moderation import Moderation
from bot.staffing import presence
from bot.team.settings import HouseRule, TeamSettings


@dataclass(frozen=True)
class Hide:
    """Everything that an agent chose: the post, the title of the house rule, and a note for colleagues.

    `seen` is what the agent saw of the citizen's words, None if that is unknown.
    """

    case_id: int
    mention_id: int
    rule: str
    submission: str
    note: str = ""
    seen: Seen | None = None

    @property
    def act(self) -> Moderation:
        """The act that we ask of the platform."""
        return Moderation(Act.HIDE, self.case_id, self.mention_id, self.submission, note=self.note)


async def hide(session: AsyncSession, chosen: Hide, *, by: str, now: datetime, undo: timedelta) -> ActRow:
    """Approve that a post is hidden, or ask a second colleague first if the rule says so; a repeat changes nothing.

    Raises Unread when a post was edited since the agent saw it, and Refused when the rule was removed, a colleague was
    faster, or the platform or the post does not allow it.
    """
    await cases.locked(session, chosen.case_id)
    earlier = (await session.exec(select(ActRow).where(ActRow.key == chosen.submission))).first()
    if earlier is not None:
        return earlier
    file = await cases.read(session, chosen.case_id)
    settings = TeamSettings.of(file.team.settings)
    rule = next((each for each in settings.house_rules if each.title == chosen.rule), None)
    if rule is None:
        raise Refused("That house rule was removed meanwhile. Choose another.")
    await moderation.refuse_not_allowed(session, file, chosen.act, now)
    _refuse_hidden(file, chosen.mention_id)
    if chosen.seen is not None and file.edits_until(chosen.seen.newest) != chosen.seen.edits:
        raise cases.Unread
    if rule.second:
        act = await _ask_second(session, file, chosen, settings, by, now)
    else:
        act = await moderation.approve(session, chosen.act, by=by, now=now, undo=undo)
    if act.status is not ActStatus.WITHDRAWN:
        mention = next(each for each in file.mentions if each.id == chosen.mention_id)
        session.add(_kept(act, rule, mention, file.author, now))
        await session.flush()
    return act


def _refuse_hidden(file: CaseFile, mention_id: int) -> None:
    hides = [act for act in file.acts if act.kind is Act.HIDE and act.mention_id == mention_id]
    last = next((act for act in reversed(hides) if file.decided_since(act) is None), None)
    if last is None:
        return
    if last.status is ActStatus.ASKED:
        raise Refused("{agent} proposed this already. It waits for a second colleague.", agent=f"<@{last.by}>")
    if last.status in HOLDS and not last.by:
        raise Refused("This post was hidden on the platform itself.")
    if last.status in HOLDS:
        raise Refused("{agent} has hidden this post already.", agent=f"<@{last.by}>")


async def _ask_second(
    session: AsyncSession, file: CaseFile, chosen: Hide, settings: TeamSettings, by: str, now: datetime
) -> ActRow:
    """Store an act that waits for a second colleague, and ask in the thread."""
    act = ActRow(
        case_id=chosen.case_id, mention_id=chosen.mention_id, account_id=file.case.account_id, kind=Act.HIDE, by=by,
        key=chosen.submission, status=ActStatus.ASKED, created_at=now, send_at=now, note=chosen.note,
    )  # fmt: skip
    session.add(act)
    await session.flush()
    await moderation.log(session, act, EventKind.ACT_ASKED, by, now)
    await _ask_in_thread(session, file.case, act, f"second:{act.id}", settings, now)
    return act


async def _ask_in_thread(
    session: AsyncSession, case: Case, act: ActRow, key: str, settings: TeamSettings, now: datetime
) -> None:
    """Ask in the thread of a case for a second colleague; it names those on duty."""
    asked = [who for who in await presence.on_duty(session, case.team_id, settings, now) if who != act.by]
    await tell_thread(session, case, MessageKind.SECOND, key, act.id, Asking(asked).to_json())


async def ask_anew(session: AsyncSession, case_id: int, now: datetime) -> None:
    """Ask the team to which a case was transferred, once, for the second colleague for whom an act waits."""
    case = await cases.locked(session, case_id)
    team = await session.get_one(Team, case.team_id)
    waiting = select(ActRow).where(ActRow.case_id == case_id, PROPOSED).order_by(col(ActRow.id))
    for act in (await session.exec(waiting)).all():
        key = f"second:{act.id}:transfer:{case.transfers}"
        if (await session.exec(select(Message.id).where(Message.key == key))).first() is None:
            await _ask_in_thread(session, case, act, key, TeamSettings.of(team.settings), now)


def _kept(act: ActRow, rule: HouseRule, mention: Mention, author: Author, now: datetime) -> Hiding:
    """Return why a post is hidden, with a copy of the post as it is now."""
    return Hiding(
        act_id=act.id, rule=rule.title, article=rule.text, untold=rule.untold, second=rule.second, text=mention.text,
        url=mention.url, external_id=mention.external_id, author_id=author.external_id,
        author=f"{author.name} {author.handle or ''}".strip(), private=mention.private,
        published_at=mention.published_at, seen_at=now,
    )  # fmt: skip


async def agree(
    session: AsyncSession,
    act_id: int,
    *,
    case_id: int,
    by: str,
    now: datetime,
    undo: timedelta,
    seen: str | None = None,
) -> ActRow:
    """Agree, as the second colleague, to hide a post after the undo time. A second click changes nothing.

    Raises Refused for the agent who proposed it, when it was decided otherwise, when it is no longer allowed, and when
    the post was edited since the question showed what edits made of it (`seen`, as `edits_of`; None if unknown).
    """
    act, hiding = await _proposed(session, act_id, case_id)
    if act.status is not ActStatus.ASKED:
        if hiding.decided_by == by and act.status in HOLDS:
            return act
        raise _decided(hiding)
    if act.by == by:
        raise Refused("You proposed this yourself: someone else has to agree.")
    file = await cases.read(session, case_id)
    chosen = Moderation(Act.HIDE, case_id, act.mention_id, act.key)
    await moderation.refuse_not_allowed(session, file, chosen, now)
    if file.holds(Act.HIDE, act.mention_id):
        raise Refused("This post was hidden on the platform itself.")
    looking_again.refuse_edited(file, act, seen)
    act.status, act.send_at = ActStatus.APPROVED, now + undo
    await _decide(session, act, hiding, EventKind.ACT_AGREED, by, now)
    return act


async def decline(session: AsyncSession, act_id: int, *, case_id: int, by: str, now: datetime) -> ActRow:
    """Decline, as the second colleague, to hide a post; for the agent who proposed it, this takes it back.

    A second click changes nothing. Raises Refused when it was decided otherwise.
    """
    act, hiding = await _proposed(session, act_id, case_id)
    if act.status is not ActStatus.ASKED:
        if act.status is ActStatus.DECLINED and hiding.decided_by == by:
            return act
        raise _decided(hiding)
    if act.by == by:
        return await moderation.withdraw(session, act_id, by=by, now=now)
    act.status = ActStatus.DECLINED
    await _decide(session, act, hiding, EventKind.ACT_DECLINED, by, now)
    return act


async def _decide(
    session: AsyncSession, act: ActRow, hiding: Hiding, kind: EventKind, by: str, now: datetime
) -> None:  # fmt: skip
    hiding.decided_by, hiding.decided_at = by, now
    session.add_all([act, hiding])
    await session.flush()
    await moderation.log(session, act, kind, by, now)


async def _proposed(session: AsyncSession, act_id: int, case_id: int) -> tuple[ActRow, Hiding]:
    """Return an act of this case and why it was proposed, both locked: of two who decide at once the first counts."""
    await cases.locked(session, case_id)
    act = await session.get(ActRow, act_id, with_for_update=db.HELD, populate_existing=True)
    hiding = await session.get(Hiding, act_id, populate_existing=True)
    if act is None or hiding is None or act.case_id != case_id:
        raise Refused("This belongs to another case.")
    return act, hiding


def _decided(hiding: Hiding) -> Refused:
    if hiding.decided_by:
        return Refused("{agent} has decided on this already.", agent=f"<@{hiding.decided_by}>")
    return Refused("This was taken back meanwhile.")


async def show(
    session: AsyncSession, act_id: int, *, case_id: int, submission: str, by: str, now: datetime, undo: timedelta
) -> ActRow:
    """Approve that the post hidden by an act is shown again; raises as moderation.approve."""
    act, _ = await _proposed(session, act_id, case_id)
    chosen = Moderation(Act.SHOW, case_id, act.mention_id, submission)
    return await moderation.approve(session, chosen, by=by, now=now, undo=undo)


async def take_back(session: AsyncSession, act_id: int, *, case_id: int, by: str, now: datetime) -> ActRow:
    """Take back an act that has not been carried out, and the answer about it, if that has not been sent.

    Raises Refused when it is too late, or the answer is a colleague's.
    """
    act = await moderation.withdraw(session, act_id, by=by, now=now, case_id=case_id)
    await moderation.take_back_telling(session, act, by=by, now=now)
    return act


async def carried_out(session: AsyncSession, act: ActRow, now: datetime) -> None:
    """Set when to ask the coordinators whether a post that was, or may have been, hidden must stay hidden."""
    hiding = await session.get(Hiding, act.id)
    if hiding is not None:
        case = await session.get_one(Case, act.case_id)
        team = await session.get_one(Team, case.team_id)
        hiding.review_at = now + timedelta(days=TeamSettings.of(team.settings).hide_days)
        session.add(hiding)


async def not_carried_out(session: AsyncSession, act: ActRow) -> None:
    """Ask nobody whether a post must stay hidden that was not hidden after all."""
    hiding = await session.get(Hiding, act.id)
    if hiding is not None:
        hiding.review_at = None
        session.add(hiding)
