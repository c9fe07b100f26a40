"""The state of the accounts: a problem with one is reported to its team once, and once more when it is over.

A failure is reported when it lasts; a platform's limit that is used up, as soon as we know that it will last. An
account that seems to work is reported when nothing comes in for longer than usual at those hours of the week.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, cast, extract
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors, db
from bot.accounts import store
from bot.connectors.platform import Capability
from bot.domain.budget import Budget
from bot.domain.event import EventKind
from bot.domain.usual import chance_of_silence, usual
from bot.models import (
    Account,
    AccountTrouble,
    AccountTroubled,
    Event,
    Mention,
    Message,
    MessageKind,
    Team,
    TroubleKind,
)
from bot.team.settings import TeamSettings

LASTS = timedelta(minutes=15)
"""A failure, or a limit that is used up, is not reported if it is over sooner."""
LOOKED_BACK = timedelta(weeks=8)
"""The weeks from which we learn when something usually comes in."""
KNOWN = timedelta(weeks=2)
"""An account needs mentions for this long before we know what is usual."""
ODD = 0.001
"""A silence that is less likely than this is unusual."""
HOUR = 3600


async def known(session: AsyncSession) -> dict[int, AccountTrouble]:
    """Return the troubles, by account."""
    return {trouble.account_id: trouble for trouble in await session.exec(select(AccountTrouble))}


async def changed(session: AsyncSession, now: datetime, lasts: timedelta) -> list[int]:
    """Return the accounts whose trouble began, ended or changed since the last time."""
    troubles, news = await known(session), list[int]()
    for account in await store.connected(session):
        trouble = troubles.get(account.id)
        kind = await _kind(session, account, trouble, now, lasts)
        if trouble is None or trouble.kind is not kind:
            is_news = kind is not None or trouble is not None
        else:
            is_news = _is_due(trouble, now, lasts) or _has_changed(account, trouble, now, lasts)
        if is_news:
            news.append(account.id)
    return news


async def follow(session: AsyncSession, account_id: int, now: datetime, lasts: timedelta) -> None:
    """Store and report what is wrong with an account now, or that it is over."""
    account = await session.get_one(Account, account_id, with_for_update=db.HELD)
    trouble = await session.get(AccountTrouble, account_id, populate_existing=True)
    kind = await _kind(session, account, trouble, now, lasts)
    if trouble is not None and trouble.kind is not kind:
        works = kind is None and account.stopped_at is None
        started = trouble.kind is TroubleKind.STOPPED and await _is_started(session, trouble)
        await _end(session, account, trouble, now, is_news=works and trouble.told, started=started)
        trouble = None
    if trouble is None and kind is not None:
        reported = kind is TroubleKind.STOPPED  # the code that stopped it did so
        since = account.stopped_at or now
        trouble = AccountTrouble(
            account_id=account_id, kind=kind, since_at=since, problem=_problem(account), told=reported
        )
        session.add(trouble)
    if trouble is not None and _has_changed(account, trouble, now, lasts):
        if trouble.kind is TroubleKind.LIMITED:
            trouble.budget = _limit(account, trouble, now, lasts)
        else:
            trouble.problem = _problem(account)
        session.add(trouble)
        await _update_message(session, trouble, _shown(trouble))
    if trouble is not None and _is_due(trouble, now, lasts):
        await _report(session, account, trouble)


async def silent(session: AsyncSession, now: datetime) -> list[tuple[int, datetime]]:
    """Return the accounts on which nothing has come in for longer than usual, and since when."""
    listened = {
        account.id: account
        for account in await store.connected(session)
        if _is_heard(account) and account.stopped_at is None and account.problem is None
    }
    silences = list[tuple[int, datetime]]()
    for account_id, (hours, last) in (await _heard(session, now)).items():
        if account_id in listened and hours[0] <= now - KNOWN:
            team = await session.get_one(Team, listened[account_id].team_id)
            if (settings := TeamSettings.if_readable(team)) is None:
                continue
            zone = ZoneInfo(settings.time_zone)
            likely, until = usual(hours, hours[0], last, zone), _read_until(listened[account_id], now)
            if chance_of_silence(likely, last, until, zone) < ODD:
                silences.append((account_id, last))
    return silences


async def begin_silence(session: AsyncSession, account_id: int, since: datetime) -> None:
    """Report to the team that nothing has come in on an account since then, unless something else is wrong with it."""
    account = await session.get_one(Account, account_id, with_for_update=db.HELD)
    if await session.get(AccountTrouble, account_id, populate_existing=True) is not None:
        return
    if account.problem is None and await _is_silent(session, account_id, since):
        trouble = AccountTrouble(account_id=account_id, kind=TroubleKind.SILENT, since_at=since)
        session.add(trouble)
        await _report_silence(session, account, trouble)


def _is_heard(account: Account) -> bool:
    platform = connectors.known(account.platform)
    return platform is not None and (platform.can(Capability.POLLS) or platform.can(Capability.PUSHES))


def _read_until(account: Account, now: datetime) -> datetime:
    """Return until when we know what came in: an account that we did not read since, as we did not run, may have news.

    What others send us we cannot ask for.
    """
    platform = connectors.known(account.platform)
    is_read = platform is not None and platform.can(Capability.POLLS)
    return account.polled_at or now if is_read else now


async def _heard(session: AsyncSession, now: datetime) -> dict[int, tuple[list[datetime], datetime]]:
    """Return per account the hours in which something came in, the oldest first, and when the last mention came in."""
    received = col(Mention.received_at)
    hour = (cast(extract("epoch", received), BigInteger) // HOUR).label("hour")
    query: Any = (
        select(Mention.account_id, hour, func.max(received))
        .where(received >= now - LOOKED_BACK)
        .group_by(col(Mention.account_id), hour)
        .order_by(hour)
    )
    hours, last = defaultdict[int, list[datetime]](list), dict[int, datetime]()
    for account_id, number, latest in await session.exec(query):
        hours[account_id].append(datetime.fromtimestamp(int(number) * HOUR, UTC))
        last[account_id] = latest
    return {account_id: (hours[account_id], last[account_id]) for account_id in hours}


async def _kind(
    session: AsyncSession, account: Account, trouble: AccountTrouble | None, now: datetime, lasts: timedelta
) -> TroubleKind | None:
    """Return what is wrong with an account now; None for one that people stopped."""
    if account.stopped_at is not None:
        return None if account.is_stopped_by_hand else TroubleKind.STOPPED
    if account.problem is not None:
        return TroubleKind.FAILING
    if Budget.of(account.budget).gone(now, lasts) is not None:
        return TroubleKind.LIMITED
    if account.fault is not None:
        return TroubleKind.PARTLY
    if trouble is None or trouble.kind is not TroubleKind.SILENT:
        return None
    return trouble.kind if await _is_silent(session, account.id, trouble.since_at) else None


async def _is_silent(session: AsyncSession, account_id: int, since: datetime) -> bool:
    heard = select(Mention.id).where(Mention.received_at > since, Mention.account_id == account_id).limit(1)
    return (await session.exec(heard)).first() is None


def _limit(account: Account, trouble: AccountTrouble, now: datetime, lasts: timedelta) -> dict[str, Any] | None:
    """Return what to report about a platform's limit that is used up for that long (a `Budget`)."""
    gone = Budget.of(account.budget).gone(now, lasts)
    return gone.told(Budget.of(trouble.budget), now).to_json() if gone else None


def _has_changed(account: Account, trouble: AccountTrouble, now: datetime, lasts: timedelta) -> bool:
    """Tell whether the report is outdated: another part fails, or another limit is used up, or until another moment."""
    if trouble.kind is TroubleKind.PARTLY:
        return trouble.problem != _problem(account)
    return trouble.kind is TroubleKind.LIMITED and trouble.budget != _limit(account, trouble, now, lasts)


def _problem(account: Account) -> dict[str, Any] | None:
    return account.problem or account.fault


def _is_due(trouble: AccountTrouble, now: datetime, lasts: timedelta) -> bool:
    return not trouble.told and (trouble.kind is TroubleKind.LIMITED or now - trouble.since_at >= lasts)


async def _report(session: AsyncSession, account: Account, trouble: AccountTrouble) -> None:
    trouble.told, trouble.problem = True, _problem(account)
    session.add(trouble)
    await _post(session, account, _key(trouble), _shown(trouble))


async def _report_silence(session: AsyncSession, account: Account, trouble: AccountTrouble) -> None:
    """Report a silence; if it goes on after something else was wrong, anew only if the team heard of that.

    Else its message says again that it lasts: most failures are over before they are reported.
    """
    earlier = (await session.exec(select(Message).where(Message.key == _key(trouble)))).first()
    if earlier is not None:
        others = (Message.kind == MessageKind.ACCOUNT_PROBLEM, Message.subject_id == account.id)
        heard = await session.exec(select(Message.id).where(*others, col(Message.id) > earlier.id).limit(1))
        if heard.first() is None:
            trouble.told = True
            await _update_message(session, trouble, _shown(trouble))
            return
        earlier.key = f"{earlier.key}:{earlier.id}"
        session.add(earlier)
        await session.flush()
    await _report(session, account, trouble)


async def _is_started(session: AsyncSession, trouble: AccountTrouble) -> bool:
    """Tell whether people started the account again, so that nobody knows whether it works."""
    of_it = (Event.account_id == trouble.account_id) & (Event.kind == EventKind.ACCOUNT_STARTED)
    started = select(Event.id).where(of_it, Event.at >= trouble.since_at).limit(1)
    return (await session.exec(started)).first() is not None


async def _end(
    session: AsyncSession,
    account: Account,
    trouble: AccountTrouble,
    now: datetime,
    *,
    is_news: bool,
    started: bool,
) -> None:
    """Mark the report as over, and post a new message if that is news; `started`: people started it again."""
    await _update_message(session, trouble, _shown(trouble, until=now))
    if is_news:
        over = replace(_shown(trouble, until=now, is_news=True), is_started=started)
        await _post(session, account, f"{_key(trouble)}:over", over)
    await session.delete(trouble)
    await session.flush()


async def _update_message(session: AsyncSession, trouble: AccountTrouble, shown: AccountTroubled) -> None:
    for message in await session.exec(select(Message).where(Message.key == _key(trouble))):
        message.details = shown.to_json()
        message.version += 1
        session.add(message)


def _shown(trouble: AccountTrouble, *, until: datetime | None = None, is_news: bool = False) -> AccountTroubled:
    since, over = trouble.since_at.isoformat(), until.isoformat() if until else ""
    return AccountTroubled(trouble.kind, since, trouble.problem, over, is_news, trouble.budget)


def _key(trouble: AccountTrouble) -> str:
    """Return the key of the message that reports it; that of a stop is written by outgoing/outcomes.py."""
    return f"account_{trouble.kind}:{trouble.account_id}:{trouble.since_at.timestamp()}"


async def _post(session: AsyncSession, account: Account, key: str, shown: AccountTroubled) -> None:
    team = await session.get_one(Team, account.team_id)
    message = Message(
        key=key,
        kind=MessageKind.ACCOUNT_PROBLEM,
        subject_id=account.id,
        channel=team.channel,
        details=shown.to_json(),
    )
    session.add(message)
