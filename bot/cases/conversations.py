"""Which mentions form one case: one author's posts in one thread.

A thread is all posts that belong together: those that answer one another, our replies among them, and those to which
the platform gives the same conversation key. Its name is the external id of its first post that came in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import bindparam, func, union_all, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import many
from bot.cases import follow_ups
from bot.domain.case import ONGOING, OPEN
from bot.domain.mention import Post, is_mere_thanks
from bot.models import HELD, UNSENT, Account, Author, Case, Mention, Reply, ReplyStatus

OVER = timedelta(days=30)
"""How long after its end a case is over for good: who writes again later has something new to say, in a new case.

The card of the former one is far up in the channel, where nobody looks.
"""

Key = TypeVar("Key")
Node = tuple[str, str]
"""What links posts: a post, a conversation or a thread, each with its key."""


@dataclass(frozen=True)
class Earlier:
    """A stored mention, or a reply of ours with the thread, the case and the team of the mention that it answers."""

    external_id: str
    conversation: str | None
    in_reply_to: str | None
    thread: str
    case_id: int
    author_id: int
    team_id: int

    def nodes(self) -> set[Node]:
        """Return what links it to other posts."""
        return _nodes(self.external_id, self.conversation, self.in_reply_to) | {("thread", self.thread)}


class Goes(NamedTuple):
    """A case that a post may belong to. The greatest has it: one that has not ended, then the one written in last."""

    goes_on: bool
    written_at: datetime
    case_id: int


@dataclass(frozen=True)
class Related:
    """The stored mentions and replies that posts of a page relate to.

    `own` are the cases of their authors in the same threads, by thread and external id of the author.
    """

    mentions: Sequence[Earlier]
    replies: Sequence[Earlier]
    own: Mapping[tuple[str, str], Goes]

    @property
    def case_ids(self) -> set[int]:
        """The cases that the posts may change."""
        return {each.case_id for each in (*self.mentions, *self.replies)} | {each.case_id for each in self.own.values()}


@dataclass(frozen=True)
class Threads:
    """The thread of each post of a page, by external id.

    `joined`: the new name of threads that turn out to be one; `existing`: the names of those with a stored mention.
    """

    of: Mapping[str, str]
    joined: Mapping[str, str]
    existing: frozenset[str]


def _selected(key: Any) -> "sqlalchemy.Select[Any]":
    """Select what `Earlier` has, for a post that has this key on its platform."""
    return sqlalchemy.select(
        key,
        col(Mention.conversation),
        col(Mention.in_reply_to),
        col(Mention.thread),
        col(Mention.case_id),
        col(Case.author_id),
        col(Case.team_id),
    )


def _by_any_key() -> "sqlalchemy.CompoundSelect[Any]":
    """Select mentions, each key by its own index: with OR between them SQLite reads all of the account's mentions."""
    known = _selected(col(Mention.external_id)).join(Case, col(Mention.case_id) == Case.id)
    known = known.where(col(Mention.account_id) == bindparam("account"))
    return union_all(
        known.where(many.among(col(Mention.external_id), "ids")),
        known.where(many.among(col(Mention.conversation), "conversations")),
        known.where(many.among(col(Mention.in_reply_to), "ids")),
    )


# Statements for each page are built once: to build one takes longer than to run it.
RELATED = _by_any_key()
ANSWERED = (
    _selected(col(Reply.external_id))
    .join(Mention, col(Reply.mention_id) == Mention.id)
    .join(Case, col(Mention.case_id) == Case.id)
    .where(col(Reply.account_id) == bindparam("account"), many.among(col(Reply.external_id), "ids"))
)


async def related(session: AsyncSession, account_id: int, posts: Sequence[Post]) -> Related:
    """Return the stored posts that these are, answer, are answered by, or share a conversation or thread with."""
    above = {parent for post in posts for parent in post.above()}
    ids = above | {post.external_id for post in posts}
    conversations = {post.conversation for post in posts if post.conversation}
    connection = await session.connection()
    keys = {"account": account_id, "ids": list(ids), "conversations": list(conversations)}
    mentions = _earlier((await connection.execute(RELATED, keys)).all())
    answered = {"account": account_id, "ids": list(above)}
    replies = _earlier((await connection.execute(ANSWERED, answered)).all()) if above else []
    threads = {each.thread for each in (*mentions, *replies)}
    return Related(mentions, replies, await _own_cases(session, account_id, threads, posts))


def _earlier(rows: Sequence[Any]) -> list[Earlier]:
    return sorted((Earlier(*row) for row in set(rows)), key=lambda each: (each.case_id, each.external_id))


async def _own_cases(
    session: AsyncSession, account_id: int, threads: Iterable[str], posts: Sequence[Post]
) -> dict[tuple[str, str], Goes]:
    if not threads:
        return {}
    written_at = func.max(col(Mention.received_at))
    own = (
        sqlalchemy.select(col(Mention.thread), col(Author.external_id), col(Case.status), written_at, col(Case.id))
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(col(Mention.account_id) == account_id, col(Mention.thread).in_(threads))
        .where(col(Author.external_id).in_({post.author.external_id for post in posts}))
        .group_by(col(Mention.thread), col(Author.external_id), col(Case.id), col(Case.status))
    )
    rows = (await (await session.connection()).execute(own)).all()
    return _greatest(((thread, author), Goes(status in ONGOING, at, case)) for thread, author, status, at, case in rows)


def _greatest(found: Iterable[tuple[Key, Goes]]) -> dict[Key, Goes]:
    return dict(sorted(found, key=lambda each: each[1]))


def threads_of(posts: Sequence[Post], stored: Related) -> Threads:
    """Return the thread of each of these posts; one that relates to nothing begins its own."""
    groups = _Groups()
    for each in (*stored.mentions, *stored.replies):
        groups.tie(each.nodes())
    for post in posts:
        groups.tie({node for key in post.above() for node in _nodes(key)} | _nodes(post.external_id, post.conversation))
    names: dict[Node, str] = {}
    joined: dict[str, str] = {}
    for each in (*stored.mentions, *stored.replies):
        name = names.setdefault(groups.of(("thread", each.thread)), each.thread)
        if name != each.thread:
            joined[each.thread] = name
    existing = frozenset(names.values())
    of = {post.external_id: names.setdefault(groups.of(("post", post.external_id)), post.external_id) for post in posts}
    return Threads(of, joined, existing)


async def join_threads(session: AsyncSession, account_id: int, threads: Threads) -> None:
    """Join threads that turn out to be one."""
    for thread, name in sorted(threads.joined.items()):
        await session.exec(
            update(Mention)
            .where(col(Mention.account_id) == account_id, col(Mention.thread) == thread)
            .values(thread=name)
        )


async def teams_of_threads(session: AsyncSession, account_id: int, threads: Collection[str]) -> dict[str, int]:
    """Return the team that has each of these threads: that of its newest open case, or else of its newest case."""
    if not threads:
        return {}
    open_one = sqlalchemy.case((col(Case.status).in_(OPEN), col(Case.id)))
    newest = (
        sqlalchemy.select(
            col(Mention.thread), func.coalesce(func.max(open_one), func.max(col(Case.id))).label("case_id")
        )
        .join(Case, col(Mention.case_id) == Case.id)
        .where(col(Mention.account_id) == account_id, col(Mention.thread).in_(threads))
        .group_by(col(Mention.thread))
        .subquery("newest")
    )
    has_it = sqlalchemy.select(newest.c.thread, col(Case.team_id)).join(Case, col(Case.id) == newest.c.case_id)
    rows = (await (await session.connection()).execute(has_it)).all()
    return {row.thread: row.team_id for row in rows}


def _nodes(external_id: str, conversation: str | None = None, in_reply_to: str | None = None) -> set[Node]:
    nodes = {("post", external_id)}
    if conversation:
        nodes.add(("conversation", conversation))
    if in_reply_to:
        nodes.add(("post", in_reply_to))
    return nodes


class _Groups:
    """Nodes in groups; linked nodes are in one group."""

    def __init__(self) -> None:
        self._next: dict[Node, Node] = {}

    def of(self, node: Node) -> Node:
        """Return the node that stands for the group of this one."""
        while (above := self._next.get(node, node)) != node:
            self._next[node] = self._next.get(above, above)
            node = above
        return node

    def tie(self, nodes: Iterable[Node]) -> None:
        """Put these nodes, and all that are linked to them, in one group."""
        first, *others = sorted(nodes)
        for other in others:
            self._next[self.of(other)] = self.of(first)


async def cases_to_join(
    session: AsyncSession,
    account: Account,
    posts: Sequence[Post],
    authors: Mapping[str, int],
    stored: Related,
    threads: Threads,
    now: datetime,
) -> dict[str, int]:
    """Return, by external id of a post, the existing case of the same author that it belongs to.

    That is the case of the author's own mention or our reply to it, when the post answers that; else their case in the
    same thread, no matter whom they answer. A private conversation that our reply opened has one citizen in it, who may
    have another id there: the case of that reply is one of theirs too. Only thanks join a case that is over for good,
    and only where no other case goes on, nor opens with what the author wrote just before in the page.
    """
    answered = {(each.external_id, each.author_id): each.case_id for each in (*stored.mentions, *stored.replies)}
    own = _greatest(
        ((threads.joined.get(thread, thread), author), goes) for (thread, author), goes in stored.own.items()
    )
    opened = await _opened_by_us(session, account, {p.conversation for p in posts if p.private and p.conversation})
    found = {*answered.values(), *(goes.case_id for goes in (*own.values(), *opened.values()))}
    over = await _over(session, found, now)
    cases, opening = dict[str, int](), set[tuple[str, str]]()
    for post in posts:
        answers = answered.get((post.in_reply_to or "", authors[post.author.external_id]))
        who = (threads.of[post.external_id], post.author.external_id)
        theirs = [own.get(who), opened.get(post.conversation or "") if post.private else None]
        last = [each.case_id for each in sorted((each for each in theirs if each is not None), reverse=True)]
        may = [answers, *last] if answers is not None else last
        joined = next((each for each in may if each not in over), None)
        if joined is None and may and who not in opening and await _only_thanks(session, may[0], post):
            joined = may[0]
        if joined is not None:
            cases[post.external_id] = joined
        else:
            opening.add(who)
    return cases


async def _over(session: AsyncSession, case_ids: Collection[int], now: datetime) -> set[int]:
    """Return which of these cases ended so long ago that they are over for good; not while an answer has to go out."""
    if not case_ids:
        return set()
    ended_at = func.coalesce(col(Case.closed_at), col(Case.answered_at), col(Case.opened_at))
    answers = select(Reply.id).where(Reply.case_id == Case.id, col(Reply.status) != ReplyStatus.WITHDRAWN)
    answers = answers.where((col(Reply.created_at) > now - OVER) | UNSENT | HELD)
    ended = select(Case.id).where(col(Case.id).in_(case_ids), col(Case.status).not_in(ONGOING))
    return set(await session.exec(ended.where(ended_at <= now - OVER, ~answers.exists())))


async def _only_thanks(session: AsyncSession, case_id: int, post: Post) -> bool:
    """Tell whether a post says no more than thanks beside what was written in this case, as a mail quotes that."""
    if post.media or not is_mere_thanks(post.text):
        return False
    return is_mere_thanks(await follow_ups.said(session, await session.get_one(Case, case_id), post))


async def _opened_by_us(session: AsyncSession, account: Account, conversations: set[str]) -> dict[str, Goes]:
    """Return the cases whose private replies opened these conversations; of two replies that of the last counts."""
    if not conversations:
        return {}
    rows = await session.exec(
        select(Reply.conversation, Case.status, func.coalesce(Reply.sent_at, Reply.created_at), Reply.case_id)
        .join(Case, col(Reply.case_id) == Case.id)
        .where(Reply.account_id == account.id, col(Reply.conversation).in_(conversations))
    )
    return _greatest(
        (conversation or "", Goes(status in ONGOING, at, case_id)) for conversation, status, at, case_id in rows
    )


def openers_of(posts: Sequence[Post], authors: Mapping[str, int], threads: Threads) -> dict[str, str]:
    """Return, by external id, the post of the page that opens the case of each post; an opener opens its own.

    Posts of one page join each other as they would join a case: one author's posts in one thread.
    """
    opener_of: dict[tuple[str, int], str] = {}
    return {
        post.external_id: opener_of.setdefault(
            (threads.of[post.external_id], authors[post.author.external_id]), post.external_id
        )
        for post in posts
    }
