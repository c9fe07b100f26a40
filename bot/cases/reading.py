"""Read a case, with all that belongs to it, and when it last moved."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.cases import around
from bot.domain.case import ENDS_SNOOZE, Move, logged_as
from bot.domain.event import EventKind
from bot.domain.mention import WROTE_AGAIN, Seen
from bot.domain.text import Refused
from bot.models import (
    REACHED,
    Account,
    Act,
    AnswerDraft,
    Author,
    Case,
    CaseBrief,
    CaseFile,
    Clock,
    Escalation,
    Event,
    Hiding,
    Mention,
    Note,
    Reply,
    Team,
    Transfer,
    edits_of,
)
from bot.team import teams

_REFER = {
    "replies": col(Reply.case_id), "asked": col(Escalation.case_id), "notes": col(Note.case_id),
    "drafts": col(AnswerDraft.case_id), "acts": col(Act.case_id),
}  # fmt: skip
_OTHER, _BESIDE, _ANOTHER = aliased(Case), aliased(Team), aliased(Mention)
_HAS = {
    **{name: exists().where(column == Case.id) for name, column in _REFER.items()},
    "others": exists().where(col(_OTHER.author_id) == Case.author_id, col(_OTHER.id) != Case.id),
    "beside": exists().where(col(_BESIDE.workspace_id) == Team.workspace_id, col(_BESIDE.id) != Team.id),
}
_CASE: BindParameter[int] = bindparam("case")
_ONLY_POST = (col(Mention.case_id) == Case.id) & ~exists().where(
    col(_ANOTHER.case_id) == Case.id, col(_ANOTHER.id) != Mention.id
)
# Built once, for each card: to build them takes longer than to run them.
_READ: Any = db.short(
    select(Case, Account, Author, Team)
    .add_columns(Clock, Mention, *(there.label(name) for name, there in _HAS.items()))
    .join(Team, col(Case.team_id) == Team.id)
    .join(Account, col(Case.account_id) == Account.id)
    .join(Author, col(Case.author_id) == Author.id)
    .outerjoin(Mention, _ONLY_POST)
    .outerjoin(Clock, (col(Clock.case_id) == Case.id) & col(Clock.stopped_at).is_(None))
    .where(col(Case.id) == _CASE)
    .order_by(col(Clock.id))
)
"""Selects a case with its account, author and team, and which of `_HAS` it has: most cases have none of them.

A row for each of its open clocks, which are a few at most; one without a clock if it has none. With its post, if that
is the only one, as it mostly is.
"""
_POSTS = db.short(select(Mention).where(Mention.case_id == _CASE).order_by(col(Mention.published_at), col(Mention.id)))
_REPLIES = db.short(select(Reply).where(Reply.case_id == _CASE).order_by(col(Reply.id)))
_ASKED = db.short(select(Escalation).where(Escalation.case_id == _CASE).order_by(col(Escalation.id)))
_NOTES = db.short(
    select(Note).where(Note.case_id == _CASE, Note.text != "", col(Note.deleted_at).is_(None)).order_by(col(Note.id))
)
_WRITING = db.short(
    select(AnswerDraft.by).where(AnswerDraft.case_id == _CASE, col(AnswerDraft.writing)).order_by(AnswerDraft.by)
)
_ACTS = db.short(
    select(Act, Hiding)
    .outerjoin(Hiding, col(Hiding.act_id) == Act.id)
    .where(Act.case_id == _CASE)
    .order_by(col(Act.id))
)
MOVED = sorted({logged_as(move) for move in Move})
SNOOZED = sorted(
    {EventKind.SNOOZE, EventKind.URGENT, EventKind.NOT_URGENT, EventKind.TRANSFER, *map(logged_as, ENDS_SNOOZE)}
)
"""The events that begin a snooze, or end one early."""


class Unread(Refused):
    """The citizen wrote something that the agent has not seen, or a colleague answered them."""

    def __init__(self) -> None:
        super().__init__(WROTE_AGAIN.message)


async def get(session: AsyncSession, case_id: int) -> Case:
    """Return the case; raises Refused when there is none."""
    case = await session.get(Case, case_id)
    if case is None:
        raise Refused("This case no longer exists.")
    return case


async def read(session: AsyncSession, case_id: int) -> CaseFile:
    """Return all that is known of a case; raises Refused when there is none."""

    async def all_of(query: Any, there: bool = True) -> Sequence[Any]:
        return (await session.exec(query, params={"case": case_id})).all() if there else []

    rows = (await session.exec(_READ, params={"case": case_id})).all()
    if not rows:
        raise Refused("This case no longer exists.")
    has, running = rows[0], [row.Clock for row in rows if row.Clock is not None]
    case, account, author, team = has[:4]
    posts = [has.Mention] if has.Mention is not None else await all_of(_POSTS)
    replies, asked = await all_of(_REPLIES, has.replies), await all_of(_ASKED, has.asked)
    notes, writing = await all_of(_NOTES, has.notes), await all_of(_WRITING, has.drafts)
    done = await all_of(_ACTS, has.acts)
    parts = posts, replies, asked, notes, running, writing
    own, moved = await teams.beside(session, team.id) if has.beside else [team], await transfers(session, case)
    had, answered = await around.former(session, case), await around.answered_posts(session, account, posts)
    others = await around.others(session, case, team, own) if has.others else []
    platform = connectors.known(account.platform)
    return CaseFile(
        case, team, account, connectors.label_of(account), author, *parts, own, moved, former=had,
        answered_posts=answered, others=others, acts=[act for act, _ in done],
        hidings={act.id: hiding for act, hiding in done if hiding}, can=platform.acts if platform else frozenset(),
        templates=connectors.templates(account.platform, account.limits),
        below_hidden=connectors.below_hidden(account.platform),
        removes_private=platform is None or platform.removes_private,
    )  # fmt: skip


async def refuse_unread(session: AsyncSession, case_id: int, seen: Seen | None) -> None:
    """Raise Unread when the citizen wrote more than thanks since an agent saw the case, or edited what they saw.

    Without `seen` we do not know what they saw: their modal is of an older version.
    """
    if seen is None:
        return
    edited = (Mention.case_id == case_id, col(Mention.id) <= seen.newest, col(Mention.earlier_text).is_not(None))
    if edits_of(await session.exec(select(Mention).where(*edited))) != seen.edits:
        raise Unread
    later = (Mention.case_id == case_id, col(Mention.id) > seen.newest, col(Mention.gone_at).is_(None))
    newer = set(await session.exec(select(Mention.id).where(*later)))
    if not newer:
        return
    joined = select(Event.details).where(Event.case_id == case_id, Event.kind == EventKind.JOINED)
    if any(each["mention"] in newer and not each.get("thanks") for each in await session.exec(joined)):
        raise Unread


async def refuse_answered(session: AsyncSession, case_id: int, seen: Seen) -> None:
    """Raise Unread when the citizen could read an answer of ours since an agent saw the case."""
    answers = select(Reply.id).where(Reply.case_id == case_id, REACHED, col(Reply.id) > seen.answer).limit(1)
    if (await session.exec(answers)).first() is not None:
        raise Unread


async def platform_names(session: AsyncSession, account_ids: Collection[int]) -> dict[int, str]:
    """Return the name of the platform of each of these accounts, as cards show it."""
    accounts = await session.exec(select(Account).where(col(Account.id).in_(account_ids)))
    return {account.id: connectors.label_of(account).signed_platform for account in accounts}


async def transfers(session: AsyncSession, case: Case) -> Sequence[Transfer]:
    """Return the transfers of a case, in order."""
    if not case.transfers:
        return []
    query = select(Transfer).where(Transfer.case_id == case.id).order_by(col(Transfer.id))
    return (await session.exec(query)).all()


async def briefly(
    session: AsyncSession, case_ids: Collection[int], *, until: datetime | None = None
) -> list[CaseBrief]:
    """Return what a sentence or line says of each of these cases, in order of their ids.

    Their newest post is that which had come in `until` then.
    """
    rows = await session.exec(
        select(Case, Author)
        .join(Author, col(Case.author_id) == Author.id)
        .where(col(Case.id).in_(case_ids))
        .order_by(col(Case.id))
    )
    wrote = await session.exec(
        select(Mention).where(col(Mention.case_id).in_(case_ids)).order_by(col(Mention.published_at), col(Mention.id))
    )
    latest = dict[int, Mention]()
    for mention in wrote:
        if mention.case_id not in latest or until is None or mention.received_at <= until:
            latest[mention.case_id] = mention
    return [CaseBrief(case, author, latest[case.id]) for case, author in rows]


async def history(session: AsyncSession, case_id: int) -> Sequence[Event]:
    """Return what happened to a case, in order."""
    return (await session.exec(select(Event).where(Event.case_id == case_id).order_by(col(Event.id)))).all()


def last_moved_at() -> ColumnElement[datetime]:
    """Return, in SQL beside Case, when a case last moved; it is idle since then.

    Anything its owner did with it counts, and every move, by a colleague, an adviser or the system. A citizen's post, a
    colleague's note and a reminder do not count.
    """
    counts = or_(col(Event.by) == Case.assignee, col(Event.kind).in_(MOVED))
    last = select(func.max(Event.at)).where(Event.case_id == Case.id, counts).correlate(Case).scalar_subquery()
    return func.coalesce(last, Case.claimed_at, Case.opened_at)


async def idle_since(session: AsyncSession, *which: Any) -> dict[int, datetime]:
    """Return since when each of these cases is idle: it last moved then, or its snooze ends or ended then."""
    rows = await session.exec(select(Case.id, last_moved_at(), _last_snooze()).where(*which))
    return {
        case_id: max(moved_at, datetime.fromisoformat(snooze["until"])) if "until" in (snooze or {}) else moved_at
        for case_id, moved_at, snooze in rows
    }


def _last_snooze() -> Any:
    """Return, in SQL beside Case, the details of the latest snooze of clocks that are still open.

    What gives the clocks another target, puts the case back in the queue or reopens it ends a snooze: then these are
    the details of that.
    """
    snoozed = (
        select(Clock.id)
        .where(Clock.case_id == Case.id, col(Clock.stopped_at).is_(None), col(Clock.started_at) <= col(Event.at))
        .correlate(Case, Event)
        .exists()
    )
    last = select(Event.details).where(Event.case_id == Case.id, col(Event.kind).in_(SNOOZED), snoozed)
    return last.order_by(col(Event.id).desc()).limit(1).correlate(Case).scalar_subquery()
