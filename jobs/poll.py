"""Ask the platforms for new mentions."""

from datetime import datetime, timedelta

import structlog
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.cases import inbox
from bot.connectors.base import Connector, Cursor, Page, RateLimited, Rejected, Unauthorized, Unavailable
from bot.connectors.platform import Capability
from bot.desk import Desk
from bot.domain.mention import Post
from bot.models import WAITING, Account, Case, Mention
from bot.outgoing.outcomes import stop_account
from bot.slack import messages

log = structlog.get_logger()

PAGES = 20
"""Pages read from one account in a row; the rest comes at the next tick, so that one busy account starves no other."""
RECHECKED = 40
"""Open mentions looked at again per poll, to mirror edits and removals."""
RECHECK_DAYS = timedelta(days=7)


async def poll_due(desk: Desk) -> None:
    """Wake the lane of every account that is to be polled now."""
    now = desk.now()
    async with desk.reading() as session:
        later = col(Account.poll_after)
        found = await session.exec(
            select(Account).where(col(Account.stopped_at).is_(None), or_(later.is_(None), later <= now))
        )
        due = [account.id for account in found if _polls(account)]
    for account_id in due:
        desk.wake(f"poll:{account_id}")


def _polls(account: Account) -> bool:
    """Tell whether it is up to us to ask; cases made by hand have an account that has no connector."""
    platform = connectors.known(account.platform)
    return platform is not None and platform.can(Capability.POLLS)


async def poll(desk: Desk, account_id: str) -> datetime | None:
    """Take in all that one account has; a verdict is written down on the account, and the next tick tries again."""
    async with desk.reading() as session:
        account = await session.get_one(Account, int(account_id))
    if account.stopped_at is not None:
        return None
    connector = desk.connector(account)
    try:
        await _read_pages(desk, connector, account.id, dict(account.cursor))
        await _recheck(desk, connector, account.id)
    except (Unauthorized, RateLimited, Unavailable, Rejected) as verdict:
        await _write_down(desk, account.id, verdict)
    else:
        await _healthy(desk, account.id)
    return None


async def _read_pages(desk: Desk, connector: Connector, account_id: int, cursor: Cursor) -> None:
    for _ in range(PAGES):
        page = await connector.fetch(cursor)
        await _take_in(desk, account_id, page)
        cursor = page.cursor
        if not page.more:
            return


async def _take_in(desk: Desk, account_id: int, page: Page) -> None:
    """Store the posts and move the cursor past them, in one transaction."""
    async with desk.session() as session:
        account = await session.get_one(Account, account_id, with_for_update=db.HELD)
        taken = await inbox.take_in(session, account_id, page.posts, now=desk.now()) if page.posts else None
        if account.cursor != page.cursor:
            account.cursor = page.cursor
            session.add(account)
    if taken is not None:
        messages.wake(desk, taken.channels)


async def _recheck(desk: Desk, connector: Connector, account_id: int) -> None:
    """Mirror edits and removals of the posts of open cases."""
    async with desk.reading() as session:
        ids = await _open_posts(session, account_id, desk.now())
    if not ids:
        return
    changed: list[Post] = await connector.recheck(ids)
    if changed:
        await _take_in_changes(desk, account_id, changed)


async def _take_in_changes(desk: Desk, account_id: int, changed: list[Post]) -> None:
    async with desk.session() as session:
        taken = await inbox.take_in(session, account_id, changed, now=desk.now())
    messages.wake(desk, taken.channels)


async def _open_posts(session: AsyncSession, account_id: int, now: datetime) -> list[str]:
    found = await session.exec(
        select(Mention.external_id)
        .join(Case, col(Mention.case_id) == Case.id)
        .where(WAITING, Case.account_id == account_id, col(Mention.gone_at).is_(None))
        .where(Mention.received_at > now - RECHECK_DAYS)
        .order_by(col(Case.opened_at).desc(), col(Mention.id).desc())  # by the id alone, SQLite would go through all
        .limit(RECHECKED)
    )
    return list(found)


async def _write_down(
    desk: Desk, account_id: int, verdict: Unauthorized | RateLimited | Unavailable | Rejected
) -> None:
    log.warning("polling an account failed", account=account_id, verdict=type(verdict).__name__)
    async with desk.session() as session:
        if isinstance(verdict, Unauthorized):
            await stop_account(session, account_id, verdict.text, desk.now())
        else:
            account = await session.get_one(Account, account_id, with_for_update=db.HELD)
            if account.stopped_at is None:  # one stopped meanwhile keeps its reason
                account.problem = verdict.text.to_json()
                account.poll_after = verdict.retry_at if isinstance(verdict, RateLimited) else None
            session.add(account)
    await messages.wake_lanes(desk)


async def _healthy(desk: Desk, account_id: int) -> None:
    async with desk.session() as session:
        account = await session.get_one(Account, account_id, with_for_update=db.HELD)
        account.polled_at = desk.now()
        if account.stopped_at is None:  # one stopped meanwhile keeps its reason
            account.poll_after, account.problem = None, None
        session.add(account)
