"""The words of a removed post: stored for some days, then redacted. Our answers stay.

Where a platform does not say who removed a post, it may have been the author, so its words are redacted too.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.cases import signals, subjects
from bot.cases.mirror import QUOTES
from bot.cases.state import lock_all, touch_all, touch_messages
from bot.domain.event import EventKind
from bot.domain.mention import LEFT_OUT
from bot.models import (
    NEVER_DONE,
    REMOVED,
    Account,
    Act,
    Case,
    Event,
    Hiding,
    Mention,
    Message,
    Shows,
    Team,
    kinds_that_show,
)
from bot.team.settings import TeamSettings

AT_ONCE = 100
MOST_APART = timedelta(days=1)
"""How far a platform's clock may be from ours, with the time that a post takes to come in."""
EVER = datetime.fromtimestamp(0, UTC)
"""Nothing came in before this: a program that knows no date may name the year 1, before which there is no day."""
LISTS = kinds_that_show(Shows.LIST)
"""The messages that show it for several cases; their details name the cases."""


async def due(session: AsyncSession, now: datetime) -> dict[int, set[int]]:
    """Return the removed posts whose words must be redacted now, by case; a limited number of each account."""
    posts_by_case = dict[int, set[int]]()
    for account, team in await session.exec(select(Account, Team).join(Team, col(Account.team_id) == Team.id)):
        if (settings := TeamSettings.if_readable(team)) is None:
            continue
        until = now - kept_for(account, settings)
        wanted = (
            select(Mention.case_id, Mention.id)
            .where(REMOVED, Mention.account_id == account.id, col(Mention.gone_at) <= until)
            .order_by(col(Mention.gone_at))
            .limit(AT_ONCE)
        )
        for case_id, mention_id in await session.exec(wanted):
            posts_by_case.setdefault(case_id, set()).add(mention_id)
    return posts_by_case


def kept_for(account: Account, settings: TeamSettings) -> timedelta:
    """Return how long the words of a removed post are stored: as the team sets and the platform allows."""
    days = timedelta(days=settings.removed_days)
    platform = connectors.known(account.platform)
    most = platform.keeps_removed if platform else None
    return days if most is None else min(days, most)


async def redact(session: AsyncSession, case_id: int, mention_ids: Collection[int], now: datetime) -> None:
    """Delete the words of these posts wherever we store or show them; the copy of a post that we hid stays."""
    posts = select(Mention).where(Mention.case_id == case_id, col(Mention.id).in_(mention_ids), REMOVED)
    quoting = await _quoting(session, (await session.exec(posts)).all())
    await lock_all(session, {case_id, *(mention.case_id for mention in quoting)})
    removed = (await session.exec(posts.execution_options(populate_existing=True))).all()
    if not removed:
        return
    words = [each for mention in removed for each in (mention.text, mention.earlier_text or "")]
    for mention in removed:
        mention.text, mention.earlier_text, mention.media, mention.redacted_at = "", None, [], now
        mention.place = {key: value for key, value in (mention.place or {}).items() if key != LEFT_OUT} or None
        session.add(Event(case_id=case_id, kind=EventKind.MENTION_REDACTED, at=now, details={"mention": mention.id}))
    for mention in [*removed, *quoting]:
        mention.replies_to = None
        session.add(mention)
    await session.flush()
    await delete_copies(session, mention_ids)
    await _forget_signals(session, case_id)
    await subjects.forget(session, words)
    await touch_all(session, {mention.case_id for mention in [*removed, *quoting]}, QUOTES)
    lists = await session.exec(select(Message.id, Message.details).where(col(Message.kind).in_(LISTS)))
    listing = [number for number, details in lists if case_id in (details or {}).get("cases", ())]
    await touch_messages(session, col(Message.id).in_(listing))


async def _forget_signals(session: AsyncSession, case_id: int) -> None:
    case = await session.get_one(Case, case_id, populate_existing=True)
    signals.forget(case, await session.exec(select(Mention).where(Mention.case_id == case_id)))
    session.add(case)


async def delete_copies(session: AsyncSession, mention_ids: Collection[int]) -> None:
    """Empty the copies of those of these posts whose words are deleted and that nobody hid after all."""
    in_vain = (
        select(Act.id)
        .join(Mention, col(Act.mention_id) == Mention.id)
        .where(col(Act.mention_id).in_(mention_ids), col(Act.status).in_(NEVER_DONE))
        .where(col(Mention.redacted_at).is_not(None))
    )
    copies = update(Hiding).where(col(Hiding.act_id).in_(in_vain)).values(text="", url="", author="")
    await session.exec(copies.execution_options(synchronize_session=False))


async def _quoting(session: AsyncSession, removed: Collection[Mention]) -> Sequence[Mention]:
    """Return the posts that quote these: they answer them, with words of their own or as we read ours, or show them.

    One that only shows them is known by the address in its quotation. It was written after them, and by somebody who
    could still see them: so the others need not be read, and those between are read once for all of these.
    """
    answering = select(Mention).where(
        col(Mention.account_id).in_({mention.account_id for mention in removed}),
        col(Mention.in_reply_to).in_({mention.external_id for mention in removed}),
    )
    found = {mention.id: mention for mention in await session.exec(answering)}
    seen = [(mention.published_at, mention.gone_at, mention.url) for mention in removed if mention.url]
    if until := max((gone_at for _, gone_at, _ in seen if gone_at is not None), default=None):
        showing = select(Mention).where(
            col(Mention.received_at) >= max(min(published_at for published_at, _, _ in seen), EVER) - MOST_APART,
            col(Mention.received_at) <= until + MOST_APART,
            col(Mention.replies_to)["url"].as_string().in_({url for _, _, url in seen}),
        )
        found |= {each.id: each for each in await session.exec(showing)}
    return [*found.values()]
