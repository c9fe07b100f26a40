"""Take in posts: skip the known ones, join or open a case, show it; all in the transaction that moves the cursor.

Safe to repeat: the same page again changes nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, Table, cast, insert, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.cases import clocks
from bot.cases.conversations import Earlier, cases_to_join, earlier, openers_of
from bot.cases.moves import NOT_CLOSED, touch
from bot.domain.case import OPEN, Status
from bot.domain.mention import Post, is_mere_thanks
from bot.models import Account, Author, Case, Clock, Event, Mention, Message, MessageKind, Team

Rows = list[dict[str, Any]]
INSERT: Mapping[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The same statement in both, but for the ON CONFLICT that only they know."""
PAGE = 300
"""Posts written in one go; keeps a statement under the databases' limits on parameters (SQLite: 32,766)."""


@dataclass(frozen=True)
class TakenIn:
    """What became of a page: the channels that have something to bring level, and how many mentions were new."""

    channels: frozenset[str]
    new: int


async def take_in(session: AsyncSession, account_id: int, posts: Sequence[Post], *, now: datetime) -> TakenIn:
    """Store a page of posts of one account; edits and removals change the mention they are about."""
    account, team = await _locked(session, account_id)
    there_already: set[int] = set()
    new = 0
    for start in range(0, len(posts), PAGE):
        sent = {post.external_id: post for post in posts[start : start + PAGE]}  # one named twice: its last state
        page = list(sent.values())
        there = await earlier(session, account_id, page)
        known = {mention.external_id for mention in there} & sent.keys()
        for mention in await _mentions(session, account_id, known):
            there_already |= await _change(session, mention, sent[mention.external_id], now)
        fresh = [p for p in page if p.external_id not in known and not p.gone and not _is_ours(account, p)]
        if fresh:
            there_already |= await _add(session, account, team, fresh, there, now)
            new += len(fresh)
    channels = await _channels_of(session, there_already)
    return TakenIn(frozenset(channels | ({team.channel} if new else set())), new)


async def _locked(session: AsyncSession, account_id: int) -> tuple[Account, Team]:
    """Return the account and its team, and make the pages of one account follow each other.

    (SQLite locks the whole database anyway.)
    """
    found = await session.exec(
        select(Account, Team)
        .join(Team, col(Account.team_id) == Team.id)
        .where(Account.id == account_id)
        .with_for_update(of=Account, key_share=True)
    )
    return found.one()


async def _channels_of(session: AsyncSession, case_ids: set[int]) -> set[str]:
    """Return the channels that show something of these cases."""
    if not case_ids:
        return set()
    found = await session.exec(select(Message.channel).where(col(Message.case_id).in_(case_ids)).distinct())
    return set(found)


async def _mentions(session: AsyncSession, account_id: int, external_ids: Collection[str]) -> Sequence[Mention]:
    if not external_ids:
        return []
    mine = select(Mention).where(Mention.account_id == account_id, col(Mention.external_id).in_(external_ids))
    return (await session.exec(mine)).all()


def _is_ours(account: Account, post: Post) -> bool:
    """Tell whether a post is our own reply come back to us."""
    return post.author.external_id == account.known.get("account_id")


async def _change(session: AsyncSession, mention: Mention, post: Post, now: datetime) -> set[int]:
    """Mirror an edit or a removal; returns the case when something changed."""
    if post.gone:
        if mention.gone_at is not None:
            return set()
        mention.gone_at = now
        session.add(Event(case_id=mention.case_id, kind="mention_gone", at=now, details={"mention": mention.id}))
    elif post.edited_at and post.edited_at > (mention.edited_at or mention.published_at) and _differs(mention, post):
        mention.earlier_text = mention.earlier_text or mention.text
        mention.text, mention.edited_at = post.text, post.edited_at
        mention.media = [asdict(m) for m in post.media]
        session.add(Event(case_id=mention.case_id, kind="mention_edited", at=now, details={"mention": mention.id}))
    else:
        return set()
    session.add(mention)
    await session.flush()
    await touch(session, mention.case_id)
    return {mention.case_id}


def _differs(mention: Mention, post: Post) -> bool:
    return mention.text != post.text or mention.media != [asdict(m) for m in post.media]


async def _add(
    session: AsyncSession, account: Account, team: Team, posts: list[Post], there: list[Earlier], now: datetime
) -> set[int]:
    """Add new posts: joined to the case of their author's conversation, or each opening one; returns those joined."""
    authors = await _authors(session, account, posts)
    cases = await cases_to_join(session, account, posts, authors, there)
    rest = [post for post in posts if post.external_id not in cases]
    opener_of = openers_of(rest, authors)
    opened = [post for post in rest if opener_of[post.external_id] == post.external_id]
    if opened:
        cases |= await _open_cases(session, account, team, opened, authors, now)
    cases |= {post.external_id: cases[opener_of[post.external_id]] for post in rest}
    rows = [_mention_row(account, post, cases[post.external_id], now) for post in posts]
    openers = {post.external_id for post in opened}
    followers = [post for post in posts if post.external_id not in openers]
    if not followers:
        await _insert(session, Mention, rows)
        return set()
    ids = dict(await _insert(session, Mention, rows, "external_id", "id"))
    joined = [(post, cases[post.external_id], ids[post.external_id]) for post in followers]
    joined.sort(key=lambda each: each[1])  # whoever changes several cases takes them in this order
    await _follow_up(session, account, team, joined, now)
    return {case_id for _, case_id, _ in joined}


def _mention_row(account: Account, post: Post, case_id: int, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "account_id": account.id,
        "external_id": post.external_id,
        "conversation": post.conversation,
        "in_reply_to": post.in_reply_to,
        "replies_to": asdict(post.replies_to) if post.replies_to else None,
        "text": post.text,
        "url": post.url,
        "private": post.private,
        "language": post.language,
        "media": [asdict(m) for m in post.media],
        "allows": sorted(post.allows),
        "published_at": post.published_at,
        "received_at": now,
        "edited_at": post.edited_at,
    }


def _table(model: type[SQLModel]) -> Table:
    return model.metadata.tables[str(model.__tablename__)]


async def _insert(session: AsyncSession, model: type[Mention | Case], rows: Rows, *returned: str) -> Sequence[Any]:
    """Insert rows in as few statements as can be; returns these columns of the new rows, in no certain order.

    Asked for the order of `rows`, SQLite would insert them one by one.
    """
    table = _table(model)
    connection = await session.connection()
    if not returned:
        await connection.execute(insert(table), rows)
        return []
    return (await connection.execute(insert(table).returning(*(table.c[name] for name in returned)), rows)).all()


async def _insert_each(
    session: AsyncSession, model: type[Message | Event | Clock], case_ids: Collection[int], **values: Any
) -> None:
    """Insert a row for each of these cases, alike but for the case, so that the database can make them by itself."""
    table = _table(model)
    alike = [
        value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)
        for name, value in values.items()
    ]
    those: Select[Any] = select(Case.id, *alike).where(col(Case.id).in_(case_ids))
    await (await session.connection()).execute(insert(table).from_select(["case_id", *values], those))


async def _authors(session: AsyncSession, account: Account, posts: list[Post]) -> dict[str, int]:
    """Return the ids of the posts' authors by their external id; new ones are added, changed names kept up."""
    table = _table(Author)
    connection = await session.connection()
    added = INSERT[connection.dialect.name](table)
    kept_up = added.on_conflict_do_update(
        index_elements=["account_id", "external_id"],
        set_={name: added.excluded[name] for name in ("name", "handle", "url")},
    )
    rows = {post.author.external_id: {"account_id": account.id, **vars(post.author)} for post in posts}
    found = await connection.execute(kept_up.returning(table.c.external_id, table.c.id), list(rows.values()))
    return {author.external_id: author.id for author in found}


async def _open_cases(
    session: AsyncSession, account: Account, team: Team, posts: list[Post], authors: Mapping[str, int], now: datetime
) -> dict[str, int]:
    """Open a case for each of these posts, with its card and its clocks; returns the cases by external id."""
    rows: Rows = [
        {
            "team_id": account.team_id,
            "account_id": account.id,
            "author_id": authors[post.author.external_id],
            "status": Status.NEW,
            "urgent": False,
            "opened_at": now,
        }
        for post in posts
    ]
    by_author: dict[int, list[int]] = {}  # an author's new cases are alike: each may be for any of their posts
    for case_id, author_id in await _insert(session, Case, rows, "id", "author_id"):
        by_author.setdefault(author_id, []).append(case_id)
    new = {post.external_id: by_author[authors[post.author.external_id]].pop() for post in posts}
    key = literal("case:") + cast(col(Case.id), String)
    await _insert_each(session, Message, new.values(), key=key, kind=MessageKind.CASE, channel=team.channel)
    await _insert_each(session, Event, new.values(), kind="opened", at=now)
    for private in (False, True):
        timed = [new[post.external_id] for post in posts if post.allows and post.private is private]
        for row in clocks.opening_rows(team, account.platform, now, private=private) if timed else ():
            await _insert_each(session, Clock, timed, **row)
    return new


async def _follow_up(
    session: AsyncSession, account: Account, team: Team, joined: list[tuple[Post, int, int]], now: datetime
) -> None:
    """Show the citizen's next posts in the case's thread, and reopen a case that no longer waited for us.

    A mere "bedankt!" does not reopen; an open case stays with the one who has it.
    """
    for post, case_id, mention_id in joined:
        session.add(
            Message(
                key=f"follow_up:{mention_id}",
                kind=MessageKind.FOLLOW_UP,
                case_id=case_id,
                subject_id=mention_id,
                channel=team.channel,
                in_thread=True,
            )
        )
        thanks = is_mere_thanks(post.text) and not post.media
        if not thanks:
            reopened = await session.exec(
                update(Case)
                .where(col(Case.id) == case_id, col(Case.status).not_in(OPEN))
                .values(status=Status.NEW, assignee=None, claimed_at=None, **NOT_CLOSED)
                .returning(col(Case.id))
            )
            if reopened.scalar() is not None:
                session.add(Event(case_id=case_id, kind="reopened_by_citizen", at=now, details={"mention": mention_id}))
            if post.allows:
                case = await session.get_one(Case, case_id, populate_existing=True)
                await clocks.citizen_wrote(session, case, account.platform, now, private=post.private)
        session.add(Event(case_id=case_id, kind="joined", at=now, details={"mention": mention_id, "thanks": thanks}))
        await session.flush()
        await touch(session, case_id)
