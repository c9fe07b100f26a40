"""Which new posts go before the others that wait for their card, and why (bot.domain.signals)."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import many
from bot.domain.case import OPEN
from bot.domain.mention import Post, left_out_of
from bot.domain.signals import Rank, Signal, rank_of, signals_of, still_said
from bot.models import WAITING, Case, Mention, Message, MessageKind, Team
from bot.team.settings import TeamSettings

# Built once, for each page: to build it takes longer than to run it.
STILL_WAIT = (sqlalchemy.select(col(Case.author_id)).where(WAITING, many.among(col(Case.author_id), "ids"))).distinct()


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
    found = dict[str, list[str]]()
    for post in posts:
        waited = [Signal.WAITED] if post.author.external_id in waiting else []
        if signals := [*_of(post, post.whole_text, own), *waited]:
            found[post.external_id] = signals
    return found


def ranks_of(posts: Sequence[Post], signals: Mapping[str, Sequence[str]]) -> dict[str, Rank]:
    """Return the authors whose cards do not come LATER, with their ranks.

    An author's cards all get the rank of the first of them, so that they stand in the order of the posts.
    """
    ranks = dict[str, Rank]()
    for post in posts:
        author = post.author.external_id
        rank = rank_of(signals.get(post.external_id, ()), private=post.private)
        ranks[author] = min(rank, ranks.get(author, rank))
    return {author: rank for author, rank in ranks.items() if rank is not Rank.LATER}


def rank_again(case: Case) -> Rank:
    """Return the rank of a card that is made again, by what is stored of the case."""
    return Rank.FIRST if case.urgent else rank_of(case.signals or (), private=False)


async def bring_forward(session: AsyncSession, ranks: Mapping[int, Rank]) -> None:
    """Give the cards of these authors that still wait to be posted at least these ranks."""
    if not ranks:
        return
    unposted = (
        select(Message, Case.author_id)
        .join(Case, col(Message.case_id) == Case.id)
        .where(WAITING, col(Case.author_id).in_(ranks), Message.kind == MessageKind.CASE, col(Message.ts).is_(None))
        .order_by(col(Message.id))
        .with_for_update(of=Message, key_share=True)
    )
    for card, author_id in await session.exec(unposted):
        card.rank = min(card.rank, ranks[author_id])
        session.add(card)
    await session.flush()


async def joins(session: AsyncSession, case: Case, post: Post, said: str, team: Team) -> Rank:
    """Add the signals of a post, from what is said in it, to those of the case that it joins; returns its rank.

    A case that had ended has only those of the new post. A card that still waits to be posted gets the same rank.
    """
    found = _of(post, said, TeamSettings.of(team.settings).signal_words)
    before = (case.signals or []) if case.status in OPEN else []
    case.signals = [*before, *(signal for signal in found if signal not in before)] or None
    session.add(case)
    rank = rank_of(found, private=post.private)
    if rank is not Rank.LATER:
        await bring_forward(session, {case.author_id: rank})
    return rank


def forget(case: Case, posts: Iterable[Mention]) -> None:
    """Drop the team's own words that no post of a case says any more: with one, its deleted words would still be told.

    What is wrong in general, such as a threat, stays.
    """
    said = "\n".join(f"{each.text}\n{each.earlier_text or ''}\n{left_out_of(each.place)}" for each in posts)
    case.signals = still_said(case.signals or (), said) or None


def _of(post: Post, said: str, own: Collection[str]) -> list[str]:
    return signals_of(said, (post.author.name, post.author.handle), own)
