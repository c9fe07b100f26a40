"""Which new posts go before the others that wait for their card, and why (bot.domain.signals)."""

from collections.abc import Collection, Sequence

import sqlalchemy
from sqlalchemy import bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.case import OPEN
from bot.domain.mention import Post
from bot.domain.signals import Signal, signals_of
from bot.models import FIRST, WAITING, Case, Message, MessageKind, Team
from bot.team.settings import TeamSettings

# Built once, for each page: to build it takes longer than to run it.
STILL_WAIT = (
    sqlalchemy.select(col(Case.author_id)).where(WAITING, col(Case.author_id).in_(bindparam("ids", expanding=True)))
).distinct()


async def still_wait(session: AsyncSession, author_ids: Collection[int]) -> set[int]:
    """Return which of these authors have a case that waits for us."""
    if not author_ids:
        return set()
    rows = await (await session.connection()).execute(STILL_WAIT, {"ids": list(author_ids)})
    return set(rows.scalars())


def of_new(posts: Sequence[Post], team: Team, waiting: Collection[str]) -> dict[str, list[str]]:
    """Return, by external id, the signals of posts that open cases of a team; `waiting` are authors who wait for us.

    Posts without a signal are left out.
    """
    own = TeamSettings.of(team.settings).signal_words
    waited = {post.external_id: [Signal.WAITED] for post in posts if post.author.external_id in waiting}
    found = {post.external_id: [*_of(post, own), *waited.get(post.external_id, [])] for post in posts}
    return {external_id: signals for external_id, signals in found.items() if signals}


def authors_first(posts: Sequence[Post], signals: Collection[str]) -> set[str]:
    """Return the authors whose cards go first: one of their posts has a signal, or only they and we can read it.

    All of an author's cards do, so that they stand in the order of the posts.
    """
    return {post.author.external_id for post in posts if post.private or post.external_id in signals}


async def bring_forward(session: AsyncSession, author_ids: Collection[int]) -> None:
    """Let the cards of these authors that still wait to be posted go first."""
    if not author_ids:
        return
    theirs = select(Case.id).where(WAITING, col(Case.author_id).in_(author_ids))
    cards = select(Message.id).where(col(Message.case_id).in_(theirs), Message.kind == MessageKind.CASE)
    unposted = cards.where(col(Message.ts).is_(None), Message.rank != FIRST).order_by(col(Message.id))
    if ids := (await session.exec(unposted.with_for_update(key_share=True))).all():
        moved = update(Message).where(col(Message.id).in_(ids)).values(rank=FIRST)
        await session.exec(moved.execution_options(synchronize_session=False))


async def joins(session: AsyncSession, case: Case, post: Post, team: Team) -> bool:
    """Add the signals of a post to those of the case that it joins; returns whether the post goes first.

    A case that had ended has only those of the new post. A card that still waits to be posted goes first too.
    """
    found = _of(post, TeamSettings.of(team.settings).signal_words)
    before = (case.signals or []) if case.status in OPEN else []
    case.signals = [*before, *(signal for signal in found if signal not in before)] or None
    session.add(case)
    if found:
        await bring_forward(session, {case.author_id})
    return bool(found) or post.private


def _of(post: Post, own: Collection[str]) -> list[str]:
    return signals_of(post.text, (post.author.name, post.author.handle), own)
