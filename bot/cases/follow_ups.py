"""What the citizen writes after their first post, in the thread of the case."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import signals
from bot.cases.state import ended_at
from bot.domain.mention import Post, left_out_of
from bot.models import Author, Case, FollowUp, Mention, Message, MessageKind, Reply, Team, not_in

OUT_OF_SIGHT = timedelta(hours=1)
"""How long after its end the card of a case counts as out of sight: what reopens it is shown in the channel too."""


async def said(session: AsyncSession, case: Case, post: Post, mention_id: int | None = None) -> str:
    """Return the words of a post, with what its text leaves out unless that was written in the case before.

    `mention_id` is its mention, None while it is not stored.
    """
    left_out = left_out_of(post.place)
    if not left_out:
        return post.text
    author = await session.get_one(Author, case.author_id)
    mentions = (await session.exec(select(Mention).where(Mention.case_id == case.id))).all()
    replies = (await session.exec(select(Reply).where(Reply.case_id == case.id))).all()
    earlier = [each for each in mentions if mention_id is None or each.id < mention_id]
    return f"{post.text}\n{not_in(left_out, author, earlier, replies)}".strip()


async def show(
    session: AsyncSession,
    case: Case,
    post: Post,
    mention_id: int,
    words: str,
    *,
    key: str,
    reopens: bool,
    now: datetime,
) -> None:
    """Show a mention in the thread of its locked case, once per key; the case gets the signals in its `words`.

    If it is about to reopen a case whose card is out of sight by now, the channel shows it too.
    """
    has_it = await session.get_one(Team, case.team_id)
    rank = await signals.joins(session, case, post, words, has_it)
    about: dict[str, Any] = {"case_id": case.id, "subject_id": mention_id, "channel": has_it.channel}
    details = FollowUp(in_channel=reopens and await _is_out_of_sight(session, case, now)).to_json()
    session.add(Message(key=key, kind=MessageKind.FOLLOW_UP, in_thread=True, rank=rank, details=details, **about))


async def _is_out_of_sight(session: AsyncSession, case: Case, now: datetime) -> bool:
    rested_since = case.waits_since or await ended_at(session, case)
    return rested_since is not None and now - rested_since > OUT_OF_SIGHT
