"""What the citizen writes after their first post, in the thread of the case."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import signals
from bot.domain.mention import Post
from bot.models import Case, Message, MessageKind, Team


async def show(session: AsyncSession, case: Case, post: Post, mention_id: int, *, key: str) -> None:
    """Show a mention in the thread of its locked case, once per key; the case gets the signals of the post."""
    has_it = await session.get_one(Team, case.team_id)
    rank = await signals.joins(session, case, post, has_it)
    about: dict[str, Any] = {"case_id": case.id, "subject_id": mention_id, "channel": has_it.channel}
    session.add(Message(key=key, kind=MessageKind.FOLLOW_UP, in_thread=True, rank=rank, **about))
