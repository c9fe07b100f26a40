"""Which mentions form one case: one author's posts in one conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import union_all
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.mention import Post
from bot.models import Account, Case, Mention, Reply


@dataclass(frozen=True)
class Earlier:
    """A stored mention that posts of a page may be, answer, or share a conversation with."""

    external_id: str
    conversation: str | None
    case_id: int
    author_id: int


async def earlier(session: AsyncSession, account_id: int, posts: Sequence[Post]) -> list[Earlier]:
    """Return the stored mentions that these posts are, answer, or share a conversation with; the newest case last."""
    ids = {p.external_id for p in posts} | {p.in_reply_to for p in posts if p.in_reply_to}
    conversations = {p.conversation for p in posts if p.conversation}
    known = (
        select(Mention.external_id, Mention.conversation, Mention.case_id, Case.author_id)
        .join(Case, col(Mention.case_id) == Case.id)
        .where(Mention.account_id == account_id)
    )
    # Each key by its own index: with OR between them SQLite reads all of the account's mentions.
    alike = [known.where(col(Mention.external_id).in_(ids)), known.where(col(Mention.conversation).in_(conversations))]
    connection = await session.connection()
    rows: Sequence[Any] = (await connection.execute(union_all(*alike))).all()
    return sorted((Earlier(*row) for row in rows), key=lambda mention: mention.case_id)


async def cases_to_join(
    session: AsyncSession,
    account: Account,
    posts: Sequence[Post],
    authors: Mapping[str, int],
    mentions: Sequence[Earlier],
) -> dict[str, int]:
    """Return, by external id of a post, the existing case of the same author and conversation.

    A conversation is the platform's key for it, or the chain of answers: to the case's mentions or our replies in it.
    A private conversation that our reply opened has one citizen in it, who may have another id there. `mentions` are
    those that `earlier` found.
    """
    parents = {p.in_reply_to for p in posts if p.in_reply_to}
    by_key: dict[tuple[str, str, int], int] = {}
    for mention in mentions:
        if mention.conversation:
            by_key["conversation", mention.conversation, mention.author_id] = mention.case_id
        by_key["post", mention.external_id, mention.author_id] = mention.case_id
    if parents:
        replies = await session.exec(
            select(Reply.external_id, Case.id, Case.author_id)
            .join(Case, col(Reply.case_id) == Case.id)
            .where(Reply.account_id == account.id, col(Reply.external_id).in_(parents))
        )
        for reply_id, case_id, author_id in replies:
            by_key["post", reply_id or "", author_id] = case_id
    opened = await _opened_by_us(session, account, {p.conversation for p in posts if p.private and p.conversation})
    cases: dict[str, int] = {}
    for post in posts:
        author_id = authors[post.author.external_id]
        case = by_key.get(("post", post.in_reply_to or "", author_id)) or by_key.get(
            ("conversation", post.conversation or "", author_id)
        )
        if case is None and post.private:
            case = opened.get(post.conversation or "")
        if case:
            cases[post.external_id] = case
    return cases


async def _opened_by_us(session: AsyncSession, account: Account, conversations: set[str]) -> dict[str, int]:
    """Return the cases whose private replies opened these conversations."""
    if not conversations:
        return {}
    found = await session.exec(
        select(Reply.conversation, Reply.case_id)
        .where(Reply.account_id == account.id, col(Reply.conversation).in_(conversations))
        .order_by(col(Reply.id))
    )
    return {conversation: case_id for conversation, case_id in found if conversation}


def openers_of(posts: Sequence[Post], authors: Mapping[str, int]) -> dict[str, str]:
    """Return, by external id, the post of the same page whose new case each belongs to; an opener belongs to its own.

    Posts of one page join each other as they would join a case: by conversation, or by answering one another.
    """
    opener_of: dict[tuple[str, str, int], str] = {}
    openers: dict[str, str] = {}
    for post in posts:
        author = authors[post.author.external_id]
        conversation = ("conversation", post.conversation, author) if post.conversation else None
        parent = ("post", post.in_reply_to, author) if post.in_reply_to else None
        keys = [key for key in (conversation, parent) if key is not None]
        opener = next((opener_of[key] for key in keys if key in opener_of), post.external_id)
        openers[post.external_id] = opener
        opener_of.setdefault(("post", post.external_id, author), opener)
        if conversation is not None:
            opener_of.setdefault(conversation, opener)
    return openers
