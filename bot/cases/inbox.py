"""Take in posts: skip known ones, join or open a case, and show it; in the transaction that moves the cursor.

Safe to repeat: the same page again changes nothing.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy
import structlog
from sqlalchemy import ColumnElement, Executable, Select, String, bindparam, cast, func, insert, literal
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import db, many
from bot.cases import clocks, deliveries, follow_ups, indexing, mirror, numbers, restored, same_ids, signals, subjects
from bot.cases.conversations import Related, cases_to_join, join_threads, openers_of, related, threads_of
from bot.cases.routes import Routes, by_team
from bot.cases.state import lock_all, locked, record, touch
from bot.domain.case import OPEN, Move, Status
from bot.domain.event import EventKind
from bot.domain.mention import Delivery, Post, is_mere_thanks, permits_to_json
from bot.domain.routing import Rule
from bot.domain.signals import Rank
from bot.domain.storable import bare, storable
from bot.logs import trace
from bot.models import (
    Account,
    Author,
    Case,
    Clock,
    Event,
    Mention,
    Message,
    MessageKind,
    Reply,
    Team,
    Workspace,
)
from bot.wake import note

log = structlog.get_logger()

Rows = list[dict[str, Any]]
New = Mapping[str, int]
"""The cases of new posts, by the ids of the posts."""
NAMES = ("name", "handle", "url")
"""What posts tell of their authors, which may change."""
HEARD_EVERY = timedelta(minutes=1)
LONGEST = 2**31 - 1
"""The most seconds that the column of a delay takes on PostgreSQL: a program that knows no date may name the year 1."""
PAGE = 300
"""Posts stored at once; this keeps a statement under the databases' limits on parameters (SQLite: 32,766)."""

# Statements for each page are built once: to build one takes longer than to run it.
LOCKED = (
    select(Account, Team, Workspace.routing)
    .join(Team, col(Account.team_id) == Team.id)
    .join(Workspace, col(Team.workspace_id) == Workspace.id)
    .where(Account.id == bindparam("account"))
    .with_for_update(of=Account, key_share=True)
)
KNOWN_AUTHORS = sqlalchemy.select(col(Author.id), col(Author.name), col(Author.handle)).where(
    col(Author.account_id) == bindparam("account"), many.among(col(Author.external_id), "ids")
)
REPLY_KEYS = {"external_id": col(Reply.external_id), "conversation": col(Reply.conversation), "key": col(Reply.key)}
OF_REPLIES = {
    name: sqlalchemy.select(col(Reply.case_id)).where(
        col(Reply.account_id) == bindparam("account"), many.among(column, "keys")
    )
    for name, column in REPLY_KEYS.items()
}
"""Selects the cases of our replies by one of these columns."""


@dataclass(frozen=True)
class TakenIn:
    """The result of a page: channels with messages that must be updated, and the cases of new posts by their ids."""

    channels: frozenset[str]
    new: Mapping[str, int]


async def take_in(
    session: AsyncSession,
    account_id: int,
    items: Sequence[Post | Delivery],
    *,
    now: datetime,
    by_rules: bool = True,
    again: bool = False,
) -> TakenIn:
    """Store a page of one account; edits and removals change their mention, deliveries the reply that they are about.

    Posts of our own are left out. Without `by_rules` new cases go to the account's team, as if made there by hand.
    `again`: the page was read once more, so it does not tell how soon something comes in.
    """
    account, team, rules = await _locked(session, account_id)
    items = await same_ids.told_apart(session, account_id, [storable(item) for item in items])
    posts = [item for item in items if isinstance(item, Post)]
    if not again:
        _heard(session, account, posts, now)
    pages = [posts[start : start + PAGE] for start in range(0, len(posts), PAGE)]
    before = [await related(session, account_id, page) for page in pages]
    concerned = await _of_replies(session, account_id, items)
    concerned = concerned.union(*(each.case_ids for each in before))
    await lock_all(session, concerned)
    changed = await deliveries.store(session, account_id, [each for each in items if isinstance(each, Delivery)], now)
    new, routes = dict[str, int](), Routes(account, team, rules if by_rules else [], now)
    opened_for = set[str]()
    for same_page in pages:
        versions = mirror.versions_of(same_page)
        page = {external_id: same[-1] for external_id, same in versions.items()}
        is_news = not concerned and len(pages) == 1  # then nothing stored relates to the page
        stored = before[0] if is_news else await related(session, account_id, list(page.values()))
        known = {mention.external_id for mention in stored.mentions} & page.keys()
        mentions = await _mentions(session, account_id, known)
        tells = {key for key, same in versions.items() if any(version.hidden is not None for version in same)}
        hides = await mirror.hides_of(session, [each.id for each in mentions if each.external_id in tells])
        for mention in mentions:
            for version in versions[mention.external_id]:
                changed |= await mirror.change(session, mention, version, now)
                changed |= await mirror.hidden(session, mention, version, hides.get(mention.id, []), now)
        changed |= await _name_authors(session, account, mentions, versions)
        sent = [] if is_news else await deliveries.ours(session, account_id, page)
        changed |= await deliveries.mirror(session, sent, page, now)
        left_out = known | _by_us(account, page.values()) | {reply.external_id or "" for reply in sent}
        left_out |= await mirror.removed_before(session, account_id, page.keys() - left_out)
        new_to_us = {key: same for key, same in versions.items() if key not in left_out}
        await mirror.remember_removals(session, account_id, new_to_us, now)
        unknown = [mirror.as_new(same) for same in new_to_us.values() if not same[-1].gone]
        if unknown:
            theirs, joined, teams = await _add(session, account, routes, unknown, stored, now)
            await restored.warn_of_posts(session, account_id, team.id, unknown, now)
            changed, opened_for = changed | joined, opened_for | {each.channel for each in teams}
            new |= dict(zip((post.external_id for post in unknown), theirs, strict=True))
    channels = await _channels_of(session, changed)
    return TakenIn(frozenset(channels | opened_for), new)


async def one_by_one(
    account_id: int,
    items: Sequence[Post | Delivery],
    store: Callable[[Sequence[Post | Delivery]], Awaitable[New]],
    failed: Exception,
) -> New:
    """Store items that `failed` together, as the database refuses one: it keeps no other out; another error is raised.

    Returns the cases of new posts. Of a post that the database refuses, little more is stored than that it is there.
    """
    if not db.refuses(failed):
        raise failed
    log.error("a page was refused by the database", account=account_id, **trace(failed))
    new = dict[str, int]()
    for item in items:
        for each in (item, bare(item)) if isinstance(item, Post) else (item,):
            try:
                new |= await store([each])
                break
            except Exception as error:
                if not db.refuses(error):
                    raise
        else:
            log.error("an item cannot be stored", account=account_id, kind=type(item).__name__)
    return new


def log_new(new: Mapping[str, int], account_id: int) -> None:
    """Log which posts came in, once they are stored: one line, as one for each case took a tenth of the work."""
    match sorted({*new.values()}):
        case []:
            pass
        case [case_id]:
            log.info("a mention came in", account=account_id, case=case_id, count=len(new))
        case case_ids:
            log.info("mentions came in", account=account_id, cases=case_ids, count=len(new))


async def _locked(session: AsyncSession, account_id: int) -> tuple[Account, Team, list[Rule]]:
    """Return the account, its team and the organisation's rules; locks the account, so that pages are taken in turn."""
    account, team, stored = (await session.exec(LOCKED, params={"account": account_id})).one()
    return account, team, [Rule.of(each) for each in stored or []]


def _heard(session: AsyncSession, account: Account, posts: Sequence[Post], now: datetime) -> None:
    """Note that something came in, at most once a minute: the row of a busy account is not written for each post."""
    if account.heard_at is not None and now - account.heard_at < HEARD_EVERY:
        return
    account.heard_at = now
    written = [post.edited_at or post.published_at for post in posts if not post.gone]
    if written:
        account.lag = min(LONGEST, max(0, round((now - max(written)).total_seconds())))
    session.add(account)


async def _of_replies(session: AsyncSession, account_id: int, items: Sequence[Post | Delivery]) -> set[int]:
    """Return the cases of our replies that these items are, report on, or answer in private."""
    concerned = set[int]()
    replies = {item.external_id for item in items}
    keys_told = {item.key for item in items if isinstance(item, Delivery) and item.key}
    opened = {item.conversation for item in items if isinstance(item, Post) and item.private and item.conversation}
    connection = await session.connection()
    for column, keys in (("external_id", replies), ("conversation", opened), ("key", keys_told)):
        if keys:
            found = await connection.execute(OF_REPLIES[column], {"account": account_id, "keys": list(keys)})
            concerned |= set(found.scalars())
    return concerned


async def _channels_of(session: AsyncSession, case_ids: set[int]) -> set[str]:
    """Return the channels with messages about these cases."""
    if not case_ids:
        return set()
    rows = await session.exec(select(Message.channel).where(col(Message.case_id).in_(case_ids)).distinct())
    return set(rows)


async def _mentions(session: AsyncSession, account_id: int, external_ids: Collection[str]) -> Sequence[Mention]:
    if not external_ids:
        return []
    mine = select(Mention).where(Mention.account_id == account_id, col(Mention.external_id).in_(external_ids))
    return (await session.exec(mine)).all()


def _by_us(account: Account, page: Iterable[Post]) -> set[str]:
    """Return the ids of the posts that the account wrote, here or elsewhere."""
    me = account.identity["id"] if account.identity else None
    return {post.external_id for post in page if me is not None and post.author.external_id == me}


async def _add(
    session: AsyncSession, account: Account, routes: Routes, posts: list[Post], stored: Related, now: datetime
) -> tuple[Sequence[int], set[int], Sequence[Team]]:
    """Add new posts: each joins its author's case in the same thread or opens one.

    Returns the case of each post, the cases joined, and the teams that got new ones.
    """
    authors, known = await _authors(session, account, posts)
    threads = threads_of(posts, stored)
    await join_threads(session, account.id, threads)
    cases = await cases_to_join(session, account, posts, authors, stored, threads, now)
    rest = [post for post in posts if post.external_id not in cases]
    opener_of = openers_of(rest, authors, threads)
    opened = [post for post in rest if opener_of[post.external_id] == post.external_id]
    for_teams = by_team(await routes.teams_of(session, opened, stored, cases, threads), opened)
    waiting = await signals.still_wait(session, known) if opened else set()
    still_wait = {external_id for external_id, author_id in authors.items() if author_id in waiting}
    ranks = dict[int, Rank]()
    for team, theirs in for_teams:
        found = signals.of_new(theirs, team, still_wait)
        cases |= await _open_cases(session, account, team, theirs, authors, found, now)
        for author, rank in signals.ranks_of(theirs, found).items():
            ranks[authors[author]] = min(rank, ranks.get(authors[author], rank))
    await signals.bring_forward(session, ranks)
    cases |= {post.external_id: cases[opener_of[post.external_id]] for post in rest}
    rows = [_mention_row(account, post, cases[post.external_id], threads.of[post.external_id], now) for post in posts]
    openers, case_of_each = {post.external_id for post in opened}, [cases[post.external_id] for post in posts]
    followers = [post for post in posts if post.external_id not in openers]
    await indexing.add(session, {cases[post.external_id]: post for post in opened})
    if not followers:
        await many.add(await session.connection(), db.table_of(Mention), rows)
        return case_of_each, set(), [team for team, _ in for_teams]
    ids = dict(await many.add(await session.connection(), db.table_of(Mention), rows, "external_id", "id"))
    await indexing.index(session, {cases[post.external_id] for post in followers})
    joined = [(post, cases[post.external_id], ids[post.external_id]) for post in followers]
    joined.sort(key=lambda each: each[1])  # cases are always locked in this order
    await _follow_up(session, joined, now)
    return case_of_each, {case_id for _, case_id, _ in joined}, [team for team, _ in for_teams]


def _mention_row(account: Account, post: Post, case_id: int, thread: str, now: datetime) -> dict[str, Any]:
    return {
        "case_id": case_id,
        "account_id": account.id,
        "external_id": post.external_id,
        "conversation": post.conversation,
        "in_reply_to": post.in_reply_to,
        "thread": thread,
        "replies_to": asdict(post.replies_to) if post.replies_to else None,
        "text": post.text,
        "url": post.url,
        "private": post.private,
        "language": post.language,
        "media": [asdict(m) for m in post.media or ()],
        "kind": post.kind,
        "cautions": [*post.cautions] or None,
        "rating": post.rating,
        "place": dict(post.place) if post.place is not None else None,
        "allows": permits_to_json(post.permits),
        "published_at": post.published_at,
        "received_at": now,
        "edited_at": post.edited_at,
    }


async def _insert_each(
    session: AsyncSession, model: type[Message | Event | Clock], case_ids: Collection[int], **values: Any
) -> None:
    """Insert one row for each of these cases, in their order; the rows differ only in the case."""
    for_each = _for_each_case(model, tuple(values))
    await (await session.connection()).execute(for_each, {"case_ids": list(case_ids), **values})


@cache
def _for_each_case(model: type[SQLModel], names: tuple[str, ...]) -> Executable:
    """Return the statement that inserts a row for each of `case_ids`; a message is the card of its case."""
    table = db.table_of(model)
    alike: dict[str, ColumnElement[Any]] = {name: bindparam(name, type_=table.c[name].type) for name in names}
    if model is Message:
        alike |= {"key": literal("case:") + cast(col(Case.id), String)}
    those: Select[Any] = sqlalchemy.select(col(Case.id), *alike.values())
    those = those.where(many.among(col(Case.id), "case_ids")).order_by(col(Case.id))
    return insert(table).from_select(["case_id", *alike], those)


async def _authors(session: AsyncSession, account: Account, posts: list[Post]) -> tuple[dict[str, int], set[int]]:
    """Return the authors' ids by external id, and which of them we knew; adds new ones and updates changed names."""
    connection = await session.connection()
    rows = {external_id: {"account_id": account.id, **told} for external_id, told in _told_of_authors(posts).items()}
    known = await connection.execute(KNOWN_AUTHORS, {"account": account.id, "ids": list(rows)})
    before = {author_id: (name, handle) for author_id, name, handle in known}
    dialect = connection.dialect.name
    stored = (await connection.execute(_upsert(dialect), many.rows_for(dialect, list(rows.values())))).all()
    for author in stored:
        if before.get(author.id, (author.name, author.handle)) != (author.name, author.handle):
            await indexing.rename(session, author.id, author.name, author.handle)
    return {author.external_id: author.id for author in stored}, set(before)


async def _name_authors(
    session: AsyncSession, account: Account, mentions: Sequence[Mention], versions: Mapping[str, Sequence[Post]]
) -> set[int]:
    """Name the authors of private messages of which only an edit came in, which may not name them; returns the cases.

    A message names its author when it is polled.
    """
    both = [(mention, post) for mention in mentions for post in versions[mention.external_id]]
    told = {
        post.author.external_id: (mention, post)
        for mention, post in both
        if mention.edited_at is not None and post.edited_at is None and post.private and post.author.name
    }
    if not told:
        return set()
    nameless = select(Author.external_id).where(Author.account_id == account.id, Author.name == "")
    which = [told[each] for each in await session.exec(nameless.where(col(Author.external_id).in_(told)))]
    if not which:
        return set()
    await _authors(session, account, [post for _, post in which])
    for mention, _ in which:
        await touch(session, mention.case_id)
    return {mention.case_id for mention, _ in which}


def _told_of_authors(posts: Iterable[Post]) -> dict[str, dict[str, str]]:
    """Return the authors of posts by external id, with what the last post that tells it says of each."""
    told: dict[str, dict[str, str]] = {}
    for post in posts:
        before = told.setdefault(post.author.external_id, dict(vars(post.author)))
        before |= {part: words for part, words in vars(post.author).items() if words}
    return told


@cache
def _upsert(dialect: str) -> Executable:
    """Return the statement that adds authors and updates the names of known ones; what is not told stays."""
    table = db.table_of(Author)
    names = ("account_id", "external_id", *NAMES)
    added = many.inserting(table, names, dialect)
    changed = {name: func.coalesce(func.nullif(added.excluded[name], ""), table.c[name]) for name in NAMES}
    upsert = added.on_conflict_do_update(index_elements=["account_id", "external_id"], set_=changed)
    return upsert.returning(*table.c)


async def _open_cases(
    session: AsyncSession,
    account: Account,
    team: Team,
    posts: list[Post],
    authors: Mapping[str, int],
    found: Mapping[str, list[str]],
    now: datetime,
) -> dict[str, int]:
    """Open a case for each of these posts, in order, with its card and its clocks; returns them by external id.

    `found` are the signals of those that have any. One that a roll-up shows has a card that waits for nothing yet.
    """
    ranks = signals.ranks_of(posts, found)
    taken = await numbers.take(session, team.id, len(posts))  # who takes in on another account of the team waits here
    about = await subjects.of_new(session, team, posts, now)
    rolled_up = await subjects.standing(session, set(about.values()))
    rows: Rows = [
        {
            "team_id": team.id,
            "number": number,
            "account_id": account.id,
            "author_id": authors[post.author.external_id],
            "status": Status.NEW,
            "urgent": False,
            "opened_at": now,
            "signals": found.get(post.external_id),
            "subject_id": about.get(post.external_id),
        }
        for post, number in zip(posts, taken, strict=True)
    ]
    opened = dict(await many.add(await session.connection(), db.table_of(Case), rows, "number", "id"))
    new = {post.external_id: opened[number] for post, number in zip(posts, taken, strict=True)}
    own = [each for each in posts if about.get(each.external_id) not in rolled_up or _goes_first(each, ranks)]
    shown = {new[post.external_id] for post in own}
    for these, shown_version in ((shown, 0), ({*new.values()} - shown, 1)):
        card = {"kind": MessageKind.CASE, "channel": team.channel, "shown_version": shown_version}
        if these:
            await _insert_each(session, Message, sorted(these), **card)
    note(session, f"messages:{team.channel}")
    await _insert_each(session, Event, new.values(), kind=EventKind.OPENED, at=now)
    for private in (False, True):
        timed = [new[post.external_id] for post in posts if post.may_be_answered() and post.private is private]
        for row in clocks.opening_rows(team, account.platform, now, private=private) if timed else ():
            await _insert_each(session, Clock, timed, **row)
    return new


def _goes_first(post: Post, ranks: Mapping[str, Rank]) -> bool:
    return ranks.get(post.author.external_id) is Rank.FIRST


async def _follow_up(session: AsyncSession, joined: list[tuple[Post, int, int]], now: datetime) -> None:
    """Show the citizen's next posts in the case's thread, and reopen a case that was answered or closed.

    A mere "bedankt!" does not reopen, unless it answers our question; an open case stays with its owner.
    """
    for post, case_id, mention_id in joined:
        case = await locked(session, case_id)
        said = await follow_ups.said(session, case, post, mention_id)
        answers = case.status is Status.WITH_CITIZEN
        thanks = is_mere_thanks(said) and not post.media and not answers
        reopens = not thanks and case.status not in OPEN
        await follow_ups.show(
            session, case, post, mention_id, said, key=f"follow_up:{mention_id}", reopens=reopens, now=now
        )
        if reopens:
            await record(session, Move.REOPEN_BY_CITIZEN, case, now=now, details={"mention": mention_id})
        details = {"mention": mention_id, "thanks": thanks}
        session.add(Event(case_id=case_id, kind=EventKind.JOINED, at=now, details=details))
        if not thanks and post.may_be_answered():
            await clocks.citizen_wrote(session, case, now)
        await session.flush()
        await touch(session, case_id)
