"""Nothing is lost: what came in on a day is compared with our cards, and with the platform, which is read once more.

Each account's day is compared once, in a quiet hour after it, and anew if a clock that was ahead did that too early. A
card that is missing or was lost is made again. What the platform still gives of that day and we do not have is taken in
after all. A digest says both, and how many of the posts it is about are on a card, handled and open; it is kept level
with that for a day.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, case
from sqlmodel import col, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import cases, connectors, db
from bot.cases import inbox, signals
from bot.connectors.base import Page
from bot.connectors.platform import SINCE, Capability
from bot.domain.event import EventKind
from bot.domain.figures import Overview, Tally
from bot.domain.mention import Post
from bot.domain.period import DAY, Period, days_of, midnight
from bot.figures.counting import team_at, within
from bot.models import (
    HELD,
    ROLLED_UP,
    UNSENT,
    WAITING,
    Account,
    Author,
    Backlog,
    Case,
    DayCheck,
    Event,
    Mention,
    Message,
    MessageKind,
    Reply,
    Rollup,
    Team,
    card_key,
    on_our_desk,
)
from bot.team.settings import TeamSettings

QUIET = timedelta(hours=4)
"""How long after midnight a day is compared."""
DAYS_BACK = 3
"""A day is compared at most this many days later, if we did not run in the meantime."""
SHOWN_WITHIN = timedelta(hours=1)
"""A card that Slack does not have after this long, and that nobody is writing, was lost."""
AT_ONCE = 500
"""Cards that are made again in one transaction."""
NEXT_TRY = timedelta(minutes=30)
"""How long we wait to read a platform again that failed."""
IN_PART = {"whole": False}
"""The cursor of a day that was compared in part: its platform had more than we read again."""
ADDED_WITHIN = timedelta(hours=12)
"""What a platform gives after all so soon after a digest is added to that digest; the next one has what comes later."""


class Due(NamedTuple):
    """A day of an account that was not compared yet."""

    account_id: int
    day: date


async def due(session: AsyncSession, now: datetime) -> list[Due]:
    """Return the days of accounts that are over and were not compared with our cards."""
    rows = await session.exec(select(Account, Team).join(Team, col(Account.team_id) == Team.id))
    since = (now - (DAYS_BACK + 2) * DAY).date()
    done = col(DayCheck.checked_at) <= now
    columns: list[Any] = [DayCheck.account_id, DayCheck.day]
    checked = {(id, day) for id, day in await session.exec(select(*columns).where(DayCheck.day >= since, done))}
    found = []
    for account, team in rows:
        settings = TeamSettings.if_readable(team)
        if settings is None:
            continue
        zone = ZoneInfo(settings.time_zone)
        today = now.astimezone(zone).date()
        for day in (today - n * DAY for n in range(DAYS_BACK, 0, -1)):
            over = midnight(day + DAY, zone)
            if (account.id, day) not in checked and account.created_at < over <= now - QUIET:
                found.append(Due(account.id, day))
    return found


async def check(session: AsyncSession, account_id: int, day: date, now: datetime) -> list[int]:
    """Compare a day of an account with our cards; returns the cases whose card is made again, at most twice AT_ONCE.

    A day with more of them is due again. Two processes at once do it once.
    """
    account = await session.get_one(Account, account_id, with_for_update=db.HELD)
    found = await session.get(DayCheck, (day, account_id), populate_existing=True)
    found = found or DayCheck(day=day, account_id=account_id)
    period = await period_of(session, account, day)
    if now < period.until + QUIET or (found.checked_at is not None and found.checked_at <= now):
        return []
    found.checked_at = found.compared_at = found.cursor = found.next_at = None  # else by a clock that was ahead
    lacking, lost = await _lacking(session, account_id, period), await _lost(session, account_id, period, now)
    await cases.lock_all(session, {*lacking, *lost})
    made = await _lacking(session, account_id, period, lacking)
    await _make_cards(session, made)
    await cases.touch_all(session, lost, [MessageKind.CASE])
    found.healed += len({*made, *lost})
    if max(len(lacking), len(lost)) < AT_ONCE:
        found.checked_at = now
    session.add(found)
    await session.flush()
    return [*made, *lost]


async def period_of(session: AsyncSession, account: Account, day: date) -> Period:
    """Return a day in the time zone of an account's team."""
    team = await session.get_one(Team, account.team_id)
    return days_of(day, day, ZoneInfo(TeamSettings.of(team.settings).time_zone))


def _of_day(account_id: int, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions of the cases to which something came in on a day, by the index on that moment."""
    received = select(Mention.case_id).where(*within(col(Mention.received_at), period))
    return col(Case.id).in_(received), col(Case.account_id) == account_id


_UNSENT = select(Reply.id).where(Reply.case_id == Case.id, or_(UNSENT, HELD)).correlate(Case)
_OPEN = or_(WAITING, _UNSENT.exists())
"""The condition that a case needs its card in Slack: it waits for us, or its answer is not sent yet."""
_LEVEL = col(Message.shown_version) >= col(Message.version)
_CARD = select(Message.id).where(Message.case_id == Case.id, Message.kind == MessageKind.CASE).correlate(Case)
_POSTED = col(Message.ts).is_not(None)
_HELD_BACK = ROLLED_UP & _CARD.where(_LEVEL).exists()
"""The condition that a case has no card of its own, because it shares that of a roll-up."""
_ON_ROLLUP = _HELD_BACK & col(Case.subject_id).in_(
    select(Rollup.subject_id).join(Message, col(Rollup.message_id) == Message.id).where(_POSTED)
)
"""The condition that the card of its roll-up shows a case."""
_IN_BACKLOG = _HELD_BACK & col(Case.team_id).in_(
    select(Backlog.team_id).join(Message, col(Backlog.message_id) == Message.id).where(_POSTED)
)
"""The condition that a case is counted where its team reads how many have no card yet."""


async def _lacking(
    session: AsyncSession, account_id: int, period: Period, among: Sequence[int] | None = None
) -> Sequence[int]:
    """Return the cases of a day without a card, at most AT_ONCE; `among` these, if given."""
    query = select(Case.id).where(*_of_day(account_id, period), ~_CARD.exists())
    if among is not None:
        query = query.where(col(Case.id).in_(among))
    return (await session.exec(query.order_by(col(Case.id)).limit(AT_ONCE))).all()


async def _lost(session: AsyncSession, account_id: int, period: Period, now: datetime) -> Sequence[int]:
    """Return the open cases of a day whose card Slack never got and nobody will write: it is marked as level."""
    never = _CARD.where(col(Message.ts).is_(None), col(Message.posting_since).is_(None), _LEVEL)
    old = col(Case.opened_at) <= now - SHOWN_WITHIN
    query = select(Case.id).where(*_of_day(account_id, period), _OPEN, old, never.exists(), ~ROLLED_UP)
    return (await session.exec(query.order_by(col(Case.id)).limit(AT_ONCE))).all()


async def _make_cards(session: AsyncSession, case_ids: Sequence[int]) -> None:
    """Add the cards of these locked cases, under the keys that they have always had."""
    rows = await session.exec(
        select(Case, Team.channel)
        .join(Team, col(Case.team_id) == Team.id)
        .where(col(Case.id).in_(case_ids))
        .order_by(col(Case.id))
    )
    for made, channel in rows:
        key, rank = card_key(made.id, made.transfers), signals.rank_again(made)
        session.add(Message(key=key, kind=MessageKind.CASE, case_id=made.id, channel=channel, rank=rank))
    await session.flush()


# --- With the platform ---------------------------------------------------------------------------


async def to_compare(session: AsyncSession, account: Account, now: datetime) -> Sequence[DayCheck]:
    """Return the days of an account for which its platform must be read again now, the oldest first.

    One reading is for all of them. Only a platform that can be asked is compared.
    """
    if not _is_asked(account):
        return []
    since = (now - (DAYS_BACK + 2) * DAY).date()
    later = col(DayCheck.next_at)
    query = select(DayCheck).where(
        DayCheck.account_id == account.id, DayCheck.day >= since, col(DayCheck.compared_at).is_(None),
        col(DayCheck.checked_at) <= now, or_(later.is_(None), later <= now),
    )  # fmt: skip
    waiting = (await session.exec(query.order_by(col(DayCheck.day)))).all()
    return [each for each in waiting if each.cursor == waiting[0].cursor]


def _is_asked(account: Account) -> bool:
    platform = connectors.known(account.platform)
    return platform is not None and platform.can(Capability.POLLS)


async def asked_since(session: AsyncSession, account: Account, day: date) -> datetime:
    """Return from when on a platform is read again for a day: not from before the account's options were changed.

    What it takes in since then, such as a new hashtag, was not missed before.
    """
    of_it = col(Event.case_id).is_(None), Event.account_id == account.id  # the first one finds its few rows by an index
    since = (await period_of(session, account, day)).since
    changed = select(func.max(Event.at)).where(*of_it, Event.kind == EventKind.ACCOUNT_CHANGED)
    return max(since, (await session.exec(changed)).one() or since)


def begun_at(account: Account, since: datetime) -> Account:
    """Return an account as if it had been added then, so that its first reading gives all since then once more."""
    options = {name: value for name, value in account.options.items() if name != SINCE.name}
    begins = max(since, account.created_at)
    return Account(**{**account.model_dump(), "created_at": begins, "options": options})


async def take_page(
    session: AsyncSession, account: Account, check: DayCheck, page: Page, now: datetime
) -> frozenset[str]:
    """Take in what is new on a page of a platform that is read again, and store how far it was read for this day.

    Only what was written on that day: later posts are not missed, but still to come. Returns the channels with messages
    that must be updated.
    """
    period = await period_of(session, account, check.day)
    posts = [post for post in page.posts if period.since <= post.published_at < period.until]
    posts = await _without_renamed(session, account.id, posts, period)
    taken = await inbox.take_in(session, account.id, posts, now=now, again=True)
    await _note_page(session, check, page, len(taken.new), now)
    return taken.channels


async def _without_renamed(session: AsyncSession, account_id: int, posts: list[Post], period: Period) -> list[Post]:
    """Leave out the posts that we have under another id: some feeds make new ids at each reading."""
    columns: list[Any] = [Mention.external_id, Author.external_id, Mention.text, Mention.published_at]
    query = (
        select(*columns)
        .join(Case, col(Mention.case_id) == Case.id)
        .join(Author, col(Case.author_id) == Author.id)
        .where(Mention.account_id == account_id, col(Mention.received_at) >= period.since - DAY)
        .where(col(Mention.published_at).in_({post.published_at for post in posts}))
    )
    stored = (await session.exec(query)).all()
    ids, known = {row[0] for row in stored}, {tuple(row[1:]) for row in stored}
    return [
        post
        for post in posts
        if post.external_id in ids or (post.author.external_id, post.text, post.published_at) not in known
    ]


async def _note_page(session: AsyncSession, check: DayCheck, page: Page, missed: int, now: datetime) -> None:
    stored = await _held(session, check)
    stored.missed += missed
    if page.unread:
        stored.next_at = now + NEXT_TRY
    elif page.more:
        stored.cursor, stored.next_at = page.cursor, page.not_before
    else:
        stored.cursor = None if page.whole else IN_PART
        stored.next_at, stored.compared_at = None, stored.compared_at or now
    session.add(stored)


async def put_off(session: AsyncSession, checks: Sequence[DayCheck], until: datetime) -> None:
    """Store that a platform could not be read again now, and when to try that again."""
    for each in checks:
        stored = await _held(session, each)
        stored.next_at = until
        session.add(stored)


async def _held(session: AsyncSession, check: DayCheck) -> DayCheck:
    key = (check.day, check.account_id)
    return await session.get_one(DayCheck, key, with_for_update=db.HELD, populate_existing=True)


# --- What a digest says of it --------------------------------------------------------------------


async def tally(session: AsyncSession, team: Team, period: Period, now: datetime) -> Tally:
    """Return what became of all that came in for a team in a period, as it stands now, and what comparisons found.

    As in the figures, a mention counts for the team that had its case when it came in. A case that has ended needs no
    card in Slack, if its card is level; one that is rolled up is on the card of its roll-up.
    """
    received: list[Any] = [Mention.case_id, col(Mention.received_at).label("at")]
    mentions = select(*received).where(*within(col(Mention.received_at), period)).cte("came")
    came = mentions.c
    shown = or_(_CARD.where(_POSTED).exists(), ~_OPEN & _CARD.where(_LEVEL).exists(), _ON_ROLLUP)
    late = ~shown & ~_IN_BACKLOG & (came.at <= now - SHOWN_WITHIN)
    columns: list[Any] = [func.sum(case((which, 1), else_=0)) for which in (shown, on_our_desk(now), late)]
    counted = select(func.count(), *columns).select_from(mentions).join(Case, came.case_id == Case.id)
    count, carded, still_open, unshown = tuple[Any, ...](
        (await session.exec(counted.where(team_at(came.at) == team.id))).one()
    )
    found = await _found(session, team, period)
    return replace(found, received=count, carded=carded or 0, open=still_open or 0, unshown=unshown or 0)


async def _found(session: AsyncSession, team: Team, period: Period) -> Tally:
    """Return what the comparisons of a period found for the accounts of a team, without the counts."""
    rows = await session.exec(
        select(DayCheck, Account)
        .join(Account, col(DayCheck.account_id) == Account.id)
        .where(Account.team_id == team.id, col(DayCheck.checked_at) < period.until)
        .where(DayCheck.day >= (period.since - (DAYS_BACK + 2) * DAY).date())
        .order_by(col(DayCheck.account_id), col(DayCheck.day))
    )
    healed, missed, uncompared = 0, 0, dict[str, None]()
    for found, account in rows:
        # One that was never read is reported as such.
        was_asked = _is_asked(account) and account.cursor and not account.was_removed
        is_of_period = found.checked_at is not None and found.checked_at >= period.since
        healed += found.healed if is_of_period else 0
        missed += found.missed if _is_told(found, period) else 0
        if is_of_period and (found.compared_at is None or found.cursor == IN_PART) and was_asked:
            uncompared[connectors.label_of(account).signed] = None
    return Tally(healed=healed, missed=missed, uncompared=tuple(uncompared))


def _is_told(found: DayCheck, period: Period) -> bool:
    """Tell whether the digest of a period, and no other, says what reading the platform again brought.

    It is the first digest after that; or the last one before it, if that said that the platform was not compared and
    ended less than ADDED_WITHIN ago.
    """
    if found.checked_at is None or found.compared_at is None:
        return False
    at = max(found.checked_at, found.compared_at)
    if at >= period.until:
        return found.checked_at < period.until and at < period.until + ADDED_WITHIN
    return at >= period.since and (found.checked_at >= period.since or at >= period.since + ADDED_WITHIN)


async def keep_level(session: AsyncSession, team: Team, message_id: int, now: datetime) -> bool:
    """Bring the counts in a daily digest of a team level with how it stands now; tell whether they changed."""
    message = await session.get_one(Message, message_id)
    content = Overview.from_json(message.details or {})
    if content.tally is None:
        return False
    stands = await tally(session, team, Period(content.figures.since, content.figures.until), now)
    if stands == content.tally:
        return False
    changed = update(Message).where(col(Message.id) == message_id)
    values = {"details": replace(content, tally=stands).to_json(), "version": Message.version + 1}
    await session.exec(changed.values(**values).execution_options(synchronize_session=False))
    return True
