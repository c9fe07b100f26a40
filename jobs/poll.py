"""Ask the platforms for new mentions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import accounts, connectors, db
from bot.cases import inbox, mirror
from bot.connectors.base import (
    OUR_FAULT,
    Cursor,
    Limited,
    Page,
    Polls,
    RateLimited,
    Rechecks,
    Rejected,
    Unauthorized,
    Unavailable,
    Usage,
)
from bot.connectors.platform import Capability
from bot.desk import Desk
from bot.domain.budget import Budget
from bot.domain.mention import FOR_GOOD, Delivery, Post
from bot.figures import digests, reconciling
from bot.logs import trace
from bot.models import HELD, REACHED, WAITING, Account, Author, Case, DayCheck, Mention, Message, Reply, Team
from bot.outgoing.composing import post_of, post_of_reply
from bot.outgoing.outcomes import stop_account
from bot.slack import messages

log = structlog.get_logger()

Items = Sequence[Post | Delivery]

PAGES = 20
"""Pages read from one account per poll; the rest waits for the next, so that a busy account does not starve others."""
RECHECKED = 40
"""Open mentions that a connector may recheck per poll for edits and removals; its own budget may be lower."""
RECHECKED_REPLIES = 10
"""Our newest replies that are rechecked besides these, and the same number of replies that the platform holds."""
RECHECK_DAYS = timedelta(days=7)


async def poll_due(desk: Desk) -> None:
    """Wake the lane of every account whose poll is due."""
    now = desk.now()
    async with desk.reading() as session:
        later = col(Account.poll_after)
        rows = await session.exec(
            select(Account).where(col(Account.stopped_at).is_(None), or_(later.is_(None), later <= now))
        )
        # The time is read again: a poll that ended after `now` would be in the future, and its account not due.
        due = [account.id for account in rows if _is_due(account, desk.now())]
    for account_id in due:
        desk.wake(f"poll:{account_id}")


def _is_due(account: Account, now: datetime) -> bool:
    """Tell whether we poll this account's platform and its interval has passed; the manual account has no connector."""
    platform = connectors.known(account.platform)
    if platform is None or not platform.can(Capability.POLLS):
        return False
    return account.polled_at is None or account.polled_at + platform.every <= now


async def poll(desk: Desk, account_id: str) -> datetime | None:
    """Store all new items of one account; the next tick tries again what failed.

    A verdict is stored on the account, and so is a fault of our own: its team hears of it if that lasts.
    """
    async with desk.reading() as session:
        account = await session.get_one(Account, int(account_id))
    if account.stopped_at is not None:
        return None
    asked_at = desk.now()
    try:
        connector = desk.connector(account)
        page = None
        if isinstance(connector, Polls):
            page = await _read_pages(desk, connector, account.id, dict(account.cursor))
        if isinstance(connector, Rechecks):
            await _recheck(desk, connector, account.id, dict(account.recheck_cursor or {}))
    except (Unauthorized, RateLimited, Unavailable, Rejected) as verdict:
        await _store_verdict(desk, account.id, verdict, asked_at)
    except Exception as error:
        if db.is_gone(error):  # that says nothing about the account
            raise
        log.error("reading an account failed", account=account.id, **trace(error))
        await _store_verdict(desk, account.id, Unavailable(OUR_FAULT.message), asked_at)
    else:
        usage = connector.usage if isinstance(connector, Limited) else Usage()
        await _healthy(desk, account.id, page, usage)
        if page is not None and not page.more and usage.rests_until is None:
            await _compare(desk, account)
    return None


async def _compare(desk: Desk, account: Account) -> None:
    """Read a platform again for the days that are over and were not compared with it; what fails is tried again later.

    It never stops the account or counts as its problem: the next reading finds out what is wrong.
    """
    async with desk.reading() as session:
        checks = await reconciling.to_compare(session, account, desk.now())
        since = await reconciling.asked_since(session, account, checks[0].day) if checks else desk.now()
    if not checks:
        return
    try:
        connector = desk.connector(reconciling.begun_at(account, since))
        if isinstance(connector, Polls):
            await _read_again(desk, connector, account, checks)
    except (Unauthorized, RateLimited, Unavailable, Rejected) as verdict:
        log.warning("reading an account again failed", account=account.id, **verdict.logged())
        await _put_off_checks(desk, checks, verdict.retry_at if isinstance(verdict, RateLimited) else None)
    except Exception as error:  # our own fault: to read all of it again at each poll would not mend it
        if db.is_gone(error):
            raise
        log.error("reading an account again failed", account=account.id, **trace(error))
        await _put_off_checks(desk, checks)


async def _put_off_checks(desk: Desk, checks: Sequence[DayCheck], at_least: datetime | None = None) -> None:
    until = desk.now() + reconciling.NEXT_TRY
    async with desk.session() as session:
        await reconciling.put_off(session, checks, max(until, at_least or until))


async def _read_again(desk: Desk, connector: Polls, account: Account, checks: Sequence[DayCheck]) -> None:
    """Take in what is new of some days, page after page; the account's own cursor stays where it is."""
    cursor = dict(checks[0].cursor or {})
    for _ in range(PAGES):
        page = await connector.fetch(cursor)
        for check in checks:
            async with desk.session() as session:
                channels = await reconciling.take_page(session, account, check, page, desk.now())
                if not page.more and not page.unread:
                    channels |= await _said_in_digest(session, account, desk.now())
            messages.wake(desk, channels)
        cursor = page.cursor
        if not page.more or page.not_before is not None or page.unread:
            break
        if isinstance(connector, Limited) and connector.usage.rests_until is not None:
            raise RateLimited(connector.usage.rests_until)


async def _said_in_digest(session: AsyncSession, account: Account, now: datetime) -> frozenset[str]:
    """Let the newest digest say what was found, in the same transaction: should we stop now, the next one would not.

    One that somebody else changes at this moment is left to reconcile.follow: we hold other messages.
    """
    team = await session.get_one(Team, account.team_id)
    newest = select(Message.id).where(Message.id == await digests.newest(session, team, now))
    free = (await session.exec(newest.with_for_update(key_share=True, skip_locked=True))).first()
    is_changed = free is not None and await reconciling.keep_level(session, team, free, now)
    return frozenset({team.channel} if is_changed else ())


async def _read_pages(desk: Desk, connector: Polls, account_id: int, cursor: Cursor) -> Page:
    """Store page after page; return the last one."""
    for _ in range(PAGES):
        page = await connector.fetch(cursor)
        await _take_in(desk, account_id, page.items, cursor=page.cursor)
        cursor = page.cursor
        if not page.more or page.not_before is not None:
            break
    return page


async def _take_in(desk: Desk, account_id: int, items: Items, **cursors: Cursor) -> None:
    """Store items and move a cursor past them; an item that the database refuses keeps no other out."""
    try:
        await _store(desk, account_id, items, **cursors)
    except Exception as error:
        if not items:
            raise
        await inbox.one_by_one(account_id, items, partial(_store, desk, account_id), error)
        await _store(desk, account_id, (), **cursors)


async def _store(desk: Desk, account_id: int, items: Items, **cursors: Cursor) -> inbox.New:
    """Store the items and move the cursor past them, in one transaction; returns the cases of new posts."""
    async with desk.session() as session:
        account = await session.get_one(Account, account_id, with_for_update=db.HELD)
        taken = await inbox.take_in(session, account_id, items, now=desk.now()) if items else None
        for name, cursor in cursors.items():
            if (getattr(account, name) or {}) != cursor:
                setattr(account, name, cursor)
                session.add(account)
    if taken is None:
        return {}
    inbox.log_new(taken.new, account_id)
    messages.wake(desk, taken.channels)
    return taken.new


async def _recheck(desk: Desk, connector: Rechecks, account_id: int, cursor: Cursor) -> None:
    """Store edits and removals of the posts of open cases, and changes of our replies."""
    async with desk.reading() as session:
        posts = await _open_posts(session, account_id, desk.now())
        posts += await _our_posts(session, account_id, desk.now())
    if posts:
        rechecked = await connector.recheck(posts, cursor)
        await _take_in(desk, account_id, rechecked.changed, recheck_cursor=rechecked.cursor)


async def _open_posts(session: AsyncSession, account_id: int, now: datetime) -> list[Post]:
    """Return the newest posts of open cases, without those that were removed."""
    rows = await session.exec(
        select(Mention, Author)
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(WAITING, Case.account_id == account_id)
        .where(or_(col(Mention.gone).is_(None), col(Mention.gone).not_in(FOR_GOOD)))
        .where(Mention.received_at > now - RECHECK_DAYS)
        .order_by(col(Case.opened_at).desc(), col(Mention.id).desc())  # by id alone, SQLite would scan all
        .limit(RECHECKED)
    )
    pairs = rows.all()
    hides = await mirror.hides_of(session, [mention.id for mention, _ in pairs])
    return [replace(post_of(mention, author), hidden=mirror.is_hidden(hides[mention.id])) for mention, author in pairs]


async def _our_posts(session: AsyncSession, account_id: int, now: datetime) -> list[Post]:
    """Return our newest replies that the platform holds, and the newest that were published and not removed."""
    removed = col(Reply.gone).in_(FOR_GOOD)
    there = (col(Reply.sent_at) > now - RECHECK_DAYS) & REACHED & (col(Reply.gone).is_(None) | ~removed)
    posts = []
    for which in (HELD, there):
        rows = await session.exec(
            select(Reply, Mention, Account)
            .join(Mention, col(Reply.mention_id) == Mention.id)
            .join(Account, col(Reply.account_id) == Account.id)
            .where(which, Reply.account_id == account_id, col(Reply.external_id).is_not(None))
            .order_by(col(Reply.id).desc())
            .limit(RECHECKED_REPLIES)
        )
        posts += [post_of_reply(reply, mention, account) for reply, mention, account in rows]
    return posts


async def _store_verdict(
    desk: Desk, account_id: int, verdict: Unauthorized | RateLimited | Unavailable | Rejected, asked_at: datetime
) -> None:
    async with desk.session() as session:
        account = await session.get_one(Account, account_id, with_for_update=db.HELD)
        is_news = _is_news(account, verdict)
        if isinstance(verdict, Unauthorized):
            await stop_account(session, account_id, verdict.text, desk.now(), asked_at=asked_at)
        elif account.stopped_at is None:  # one stopped meanwhile keeps its reason
            _put_off(account, verdict, desk.now())
            session.add(account)
    tell = log.warning if is_news else log.debug  # it is asked again every half minute
    tell("polling an account failed", account=account_id, **verdict.logged())
    await messages.wake_lanes(desk)


def _is_news(account: Account, verdict: RateLimited | Unauthorized | Unavailable | Rejected) -> bool:
    """Tell whether an account was not yet known not to be read for this reason; a limit is no problem of its own."""
    if isinstance(verdict, RateLimited):
        return Budget.of(account.budget).reading is None
    return account.problem != verdict.text.to_json()


def _put_off(account: Account, verdict: RateLimited | Unavailable | Rejected, now: datetime) -> None:
    """Note that an account was not read: a limit that is used up is no problem if that is over soon."""
    if isinstance(verdict, RateLimited):
        account.poll_after = verdict.retry_at
        account.budget = Budget.of(account.budget).not_read(verdict.retry_at, now).to_json()
    else:
        account.poll_after, account.problem = None, verdict.text.to_json()


async def _healthy(desk: Desk, account_id: int, page: Page | None, usage: Usage) -> None:
    async with desk.session() as session:
        account = await session.get_one(Account, account_id, with_for_update=db.HELD)
        account.polled_at = now = desk.now()
        account.budget = Budget.of(account.budget).read(usage.percent, usage.rests_until, now).to_json()
        if account.stopped_at is None:  # one stopped meanwhile keeps its reason
            account.poll_after, account.problem = page.not_before if page else None, None
            lacked = accounts.READING in (account.faults or {})
            accounts.found_wrong(account, accounts.READING, page.unread if page else ())
            if lacked and account.stopped_at is None and accounts.READING not in (account.faults or {}):
                log.info("all parts are read again", account=account_id)
        session.add(account)
