"""Drafts: what an agent types and chooses for an answer is stored on every change, until it is sent or a week old.

Slack reports each change separately, in any order and to any of our processes: the newest by Slack's time wins. A modal
that was sent (a reply has its key) no longer changes a draft. The card says who is writing: it changes only when
that begins, and when it ends because the modal was closed or nothing was typed for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, db
from bot.models import AnswerDraft, CaseFile, Reply, ReplyKind, ReplyStatus

SILENCE = timedelta(minutes=5)
"""After this long without a change, the card no longer says that the agent is writing."""
KEPT = timedelta(days=7)
KEPT_OF_IT = (
    "mention_id", "words", "private", "kind", "promised_at", "topic", "invitation", "image", "image_file",
    "image_description",
)  # fmt: skip
"""The choices that a draft stores, each under the same name."""


@dataclass(frozen=True)
class Chosen:
    """What an agent typed and chose in the answer modal; `topic` is "" for the topic of the case.

    `invitation` is what they typed for everyone beside a private reply. `image` is the SHA-256 of the stored image that
    goes with it, if any, `image_file` the id of its file in Slack. `was_private`: the words or the image were once
    private in this modal.
    """

    mention_id: int
    words: str
    private: bool
    kind: ReplyKind = ReplyKind.FINAL
    promised_at: datetime | None = None
    topic: str = ""
    invitation: str = ""
    image: str | None = None
    image_file: str = ""
    image_description: str = ""
    was_private: bool = False


@dataclass(frozen=True)
class Offered(Chosen):
    """What the answer modal opens with: an agent's draft, or a reply that was not sent. `since` is its time."""

    since: datetime | None = None


def offered(file: CaseFile, draft: AnswerDraft | None) -> Offered | None:
    """Return what is offered again: the agent's own draft, else the last reply if it was taken back or refused.

    Words that were once private are offered as private: only a new choice makes them public.
    """
    if draft is not None and draft.newest and draft.mention_id is not None:
        return Offered(
            draft.mention_id, draft.words, draft.private or draft.was_private, draft.kind, draft.promised_at,
            draft.topic, draft.invitation, draft.image, draft.image_file, draft.image_description,
            since=draft.changed_at,
        )  # fmt: skip
    last = file.answers[-1] if file.answers else None
    if last is None or last.status not in {ReplyStatus.WITHDRAWN, ReplyStatus.FAILED}:
        return None
    return Offered(
        last.mention_id, last.draft, last.private, last.kind, last.promised_at,
        invitation=(last.invitation or {}).get("draft", ""), image=last.image, image_file=last.image_file,
        image_description=last.image_description, since=last.created_at,
    )  # fmt: skip


def was_private(file: CaseFile, draft: AnswerDraft | None) -> bool:
    """Tell whether the words in the modal were once private."""
    if draft is not None and draft.newest:
        return draft.was_private
    offer = offered(file, draft)
    return offer is not None and offer.private


async def read(session: AsyncSession, case_id: int, by: str) -> AnswerDraft | None:
    """Return an agent's own draft for a case, if any."""
    return await session.get(AnswerDraft, (case_id, by))


async def begin(session: AsyncSession, case_id: int, *, by: str, view: str, now: datetime) -> AnswerDraft | None:
    """Store that an agent has this modal open, and return their draft; None when the modal was already sent."""
    draft = await _locked(session, case_id, by, view, now)
    if draft is None:
        return None
    draft.view, draft.active_at = view, now
    await _is_writing(session, draft)
    return draft


async def keep(
    session: AsyncSession,
    file: CaseFile,
    chosen: Chosen,
    *,
    by: str,
    view: str,
    newest: int | None,
    now: datetime,
    anew: bool = False,
) -> AnswerDraft | None:
    """Store what an agent typed and chose in this modal at `newest`, Slack's time, unless we know of a newer change.

    Without a time it is what they tried to send, which no earlier change replaces. Returns their draft as it is now;
    None when the modal was already sent. `anew`: they started over, so that nothing private is left.
    """
    draft = await _locked(session, file.case.id, by, view, now)
    if draft is None:
        return None
    if newest is None or newest > draft.newest:
        before = not anew and was_private(file, draft)
        for name in KEPT_OF_IT:
            setattr(draft, name, getattr(chosen, name))
        has_content = bool(chosen.words.strip() or chosen.image)
        draft.was_private = before or chosen.was_private or (chosen.private and has_content)
        draft.newest, draft.changed_at, draft.active_at = newest or draft.newest or 1, now, now
        if draft.view is not None:  # of two open modals, they are typing in this one
            draft.view = view
    if draft.view == view:
        draft.active_at = now
        await _is_writing(session, draft)
    session.add(draft)
    await session.flush()
    return draft


async def end(session: AsyncSession, case_id: int, *, by: str, view: str) -> None:
    """Store that an agent closed this modal; the draft stays, unless it was never changed."""
    await cases.locked(session, case_id)
    draft = await session.get(AnswerDraft, (case_id, by), with_for_update=db.HELD, populate_existing=True)
    if draft is None or draft.view != view:  # the draft is open in a newer modal
        return
    if draft.writing:
        await cases.touch(session, case_id)
    if not draft.newest:  # nothing was typed or chosen
        await session.delete(draft)
        return
    draft.view, draft.writing = None, False
    session.add(draft)


async def taken(session: AsyncSession, case_id: int, *, by: str) -> AnswerDraft | None:
    """Delete and return an agent's draft for a locked case, for an answer that is approved in this transaction."""
    draft = await session.get(AnswerDraft, (case_id, by), with_for_update=db.HELD, populate_existing=True)
    if draft is not None:
        await session.delete(draft)
    return draft


async def silent(session: AsyncSession, since: datetime) -> Sequence[int]:
    """Return the cases whose card says that an agent is writing, who did nothing since then."""
    rows = await session.exec(select(AnswerDraft.case_id).where(*_silent(since)).distinct())
    return rows.all()


async def end_silent(session: AsyncSession, case_ids: Sequence[int], since: datetime) -> None:
    """Stop saying on these cases that agents are writing who did nothing since then."""
    await cases.lock_all(session, case_ids)
    over = update(AnswerDraft).where(col(AnswerDraft.case_id).in_(case_ids), *_silent(since))
    await session.exec(over.values(writing=False).execution_options(synchronize_session=False))
    await cases.touch_all(session, case_ids)


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete the drafts in which nothing was done for a week."""
    await session.exec(delete(AnswerDraft).where(col(AnswerDraft.active_at) <= now - KEPT))


async def any_to_forget(session: AsyncSession, now: datetime) -> bool:
    """Tell whether there is a draft in which nothing was done for a week."""
    rows = await session.exec(select(AnswerDraft.case_id).where(col(AnswerDraft.active_at) <= now - KEPT).limit(1))
    return rows.first() is not None


def _silent(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return col(AnswerDraft.writing).is_(True), col(AnswerDraft.active_at) <= since


async def _locked(session: AsyncSession, case_id: int, by: str, view: str, now: datetime) -> AnswerDraft | None:
    """Lock the case and the draft, created if needed; None when this modal was sent, for which it waits."""
    await cases.locked(session, case_id)
    sent = await session.exec(select(Reply.id).where(Reply.key == view))
    if sent.first() is not None:
        return None
    return await db.lock_or_add(session, AnswerDraft(case_id=case_id, by=by, active_at=now))


async def _is_writing(session: AsyncSession, draft: AnswerDraft) -> None:
    if not draft.writing:
        draft.writing = True
        await cases.touch(session, draft.case_id)
    session.add(draft)
