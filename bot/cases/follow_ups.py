"""What the citizen writes after their first post, in the thread of the case."""

from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import signals
from bot.domain.mention import Post, left_out_of
from bot.models import Author, Case, Mention, Message, MessageKind, Reply, Team, unheard


async def said(session: AsyncSession, case: Case, post: Post, mention_id: int) -> str:
    """Return the words of a mention, with what its text leaves out unless that was written in the case before."""
    if not left_out_of(post.place):
        return post.text
    author = await session.get_one(Author, case.author_id)
    mentions = (await session.exec(select(Mention).where(Mention.case_id == case.id))).all()
    replies = (await session.exec(select(Reply).where(Reply.case_id == case.id))).all()
    mention = next(each for each in mentions if each.id == mention_id)
    return f"{post.text}\n{unheard(mention, author, mentions, replies)}".strip()


async def show(session: AsyncSession, case: Case, post: Post, mention_id: int, words: str, *, key: str) -> None:
    """Show a mention in the thread of its locked case, once per key; the case gets the signals in its `words`."""
    has_it = await session.get_one(Team, case.team_id)
    rank = await signals.joins(session, case, post, words, has_it)
    about: dict[str, Any] = {"case_id": case.id, "subject_id": mention_id, "channel": has_it.channel}
    session.add(Message(key=key, kind=MessageKind.FOLLOW_UP, in_thread=True, rank=rank, **about))
