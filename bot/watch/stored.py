"""What waits in the database, as metrics; each query goes by an index of what waits, not of all that ever was.

Every process of a database tells the same, so take the maximum over them, not the sum.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import case
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot import connectors
from bot.cases.silent import Silence, silent
from bot.connectors.platform import Capability
from bot.domain.budget import Budget
from bot.domain.case import ONGOING
from bot.models import (
    NOT_ENDED,
    PROPOSED,
    UNFINISHED,
    UNSENT,
    Account,
    Act,
    Case,
    Message,
    MessageKind,
    Reply,
)
from bot.slack.writing import is_in_arrears, is_stale

MOST_ACCOUNTS = 100
"""How many accounts are told of one by one, the oldest first; all are counted."""
MOST_MESSAGES = 1000
"""How many stale messages are looked at for their age; all are counted."""
EDGES = {"0-1h": 0, "1-4h": 1, "4-24h": 4, "1-3d": 24, "3-7d": 72, "7d+": 168}
"""The groups of ages of open cases, each with the hours at which it begins."""


class Stored:
    """What waits in the database. It remembers since when it has seen each message stale, which no table says."""

    def __init__(self) -> None:
        self._stale: dict[int, tuple[int, datetime]] = {}

    async def read(self, session: AsyncSession, now: datetime) -> list[Metric]:
        """Return all of it."""
        return [
            *await _accounts(session, now),
            *await self._messages(session, now),
            *await _outgoing(session, now),
            *await _cases(session, now),
            await _silent(session, now),
        ]

    async def _messages(self, session: AsyncSession, now: datetime) -> list[Metric]:
        posted = col(Message.ts).is_not(None)
        counted = await session.exec(select(posted, func.count()).where(is_in_arrears(now)).group_by(posted))
        count = {bool(is_posted): number for is_posted, number in counted}
        in_order = select(Message.id, Message.shown_version, posted).where(is_in_arrears(now))
        in_order = in_order.order_by(col(Message.channel), col(Message.id))  # as the index has them
        oldest = self._oldest((await session.exec(in_order.limit(MOST_MESSAGES))).all(), now)
        if (opened_at := await _oldest_without_a_card(session)) is not None:
            oldest[False] = min(opened_at, oldest.get(False, opened_at))
        number = GaugeMetricFamily("webcare_messages_stale", "Messages that are not as they must be.", labels=["what"])
        age = GaugeMetricFamily(
            "webcare_messages_stale_oldest_seconds",
            "How long the oldest of them waits: a card since its mention came in, others since we first saw it here.",
            labels=["what"],
        )
        for what, is_posted in (("new", False), ("changed", True)):
            number.add_metric([what], count.get(is_posted, 0))
            age.add_metric([what], _seconds(oldest.get(is_posted), now))
        return [number, age]

    def _oldest(self, rows: Sequence[tuple[int, int, bool]], now: datetime) -> dict[bool, datetime]:
        """Return since when the oldest message is stale, of those that Slack has (True) and of new ones."""
        seen, oldest = dict[int, tuple[int, datetime]](), dict[bool, datetime]()
        for ident, shown, is_posted in rows:
            shown_then, since = self._stale.get(ident, (shown, now))
            since = since if shown_then == shown else now  # it was level in between
            seen[ident] = shown, since
            oldest[bool(is_posted)] = min(since, oldest.get(bool(is_posted), since))
        self._stale = seen
        return oldest


async def _oldest_without_a_card(session: AsyncSession) -> datetime | None:
    """Return when the oldest case came in that never had a card; one from another team had one there."""
    card = (Message.kind == MessageKind.CASE) & (Message.shown_version == 0)
    joined = select(func.min(col(Case.opened_at))).join(Message, col(Message.case_id) == Case.id)
    return (await session.exec(joined.where(is_stale(), card, Case.transfers == 0))).one()


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


async def _accounts(session: AsyncSession, now: datetime) -> list[Metric]:
    names = ["platform", "account"]
    works = GaugeMetricFamily("webcare_account_works", "0 when it fails or a fault stopped it.", labels=names)
    lag = GaugeMetricFamily("webcare_account_lag_seconds", "How late the last post came in.", labels=names)
    read = GaugeMetricFamily("webcare_account_read_timestamp_seconds", "When it was last read.", labels=names)
    heard = GaugeMetricFamily("webcare_account_heard_timestamp_seconds", "When something last came in.", labels=names)
    overdue = GaugeMetricFamily(
        "webcare_account_overdue_seconds", "How long ago it was to be read again, and was not.", labels=names
    )
    states = Counter[tuple[str, str]]()
    for number, account in enumerate(await session.exec(select(Account).order_by(col(Account.id)))):
        state, labels = _state(account), [account.platform, account.name]
        states[account.platform, state] += 1
        if number < MOST_ACCOUNTS:
            if state != "stopped_by_hand":
                works.add_metric(labels, state == "ok")
            values: list[tuple[GaugeMetricFamily, float | None]] = [
                (lag, account.lag),
                (read, account.polled_at.timestamp() if account.polled_at else None),
                (heard, account.heard_at.timestamp() if account.heard_at else None),
                (overdue, _overdue(account, now)),
            ]
            for family, value in values:
                if value is not None:
                    family.add_metric(labels, value)
    count = GaugeMetricFamily("webcare_accounts", "Accounts on platforms.", labels=["platform", "state"])
    for of, accounts in sorted(states.items()):
        count.add_metric(of, accounts)
    return [count, works, lag, read, heard, overdue]


def _overdue(account: Account, now: datetime) -> float | None:
    """Return since when an account had to be read again, in seconds; None for one that we do not ask, or not now.

    A platform may let us wait for hours, and so may a feed; but not again and again.
    """
    platform = connectors.known(account.platform)
    if account.stopped_at is not None or platform is None or not platform.can(Capability.POLLS):
        return None
    due = (account.polled_at or account.created_at) + platform.every
    waits_until = Budget.of(account.budget).reading_due or account.poll_after
    return _seconds(max(due, waits_until or due), now)


def _state(account: Account) -> str:
    if account.stopped_at is not None:
        return "stopped_by_hand" if account.is_stopped_by_hand else "stopped"
    return "failing" if account.problem else "ok"


async def _outgoing(session: AsyncSession, now: datetime) -> list[Metric]:
    """Return what waits to be sent or done, also while its account is stopped, and the acts that wait for a second."""
    labels = ["what", "status"]
    number = GaugeMetricFamily("webcare_outgoing_waiting", "Replies and acts that are not done.", labels=labels)
    age = GaugeMetricFamily("webcare_outgoing_oldest_seconds", "How long the oldest of them waits.", labels=labels)
    found = {("reply", "approved"): (0, 0.0), ("reply", "sending"): (0, 0.0), ("act", "approved"): (0, 0.0)}
    for what, table, which in (("reply", Reply, UNSENT), ("act", Act, UNFINISHED), ("act", Act, PROPOSED)):
        grouped = select(table.status, func.count(), func.min(col(table.created_at)))
        for status, count, oldest in await session.exec(grouped.where(which).group_by(col(table.status))):
            found[what, str(status)] = count, _seconds(oldest, now)
    for of, (count, seconds) in found.items():
        number.add_metric(of, count)
        age.add_metric(of, seconds)
    return [number, age]


async def _cases(session: AsyncSession, now: datetime) -> list[Metric]:
    """Return how many cases are open, by status and age."""
    opened = col(Case.opened_at)
    edges = [now - timedelta(hours=hours) for hours in EDGES.values()]
    older = [func.sum(case((opened <= edge, 1), else_=0)) for edge in edges[1:]]
    found = {(str(status), group): 0 for status in sorted(ONGOING) for group in EDGES}
    for which in NOT_ENDED:
        rows = await session.exec(select(Case.status, func.count(), *older).where(which).group_by(col(Case.status)))
        for status, *counts in rows:
            for group, (with_younger, without) in zip(EDGES, pairwise([*counts, 0]), strict=True):
                found[str(status), group] = with_younger - without
    family = GaugeMetricFamily("webcare_cases_open", "Cases that have not ended.", labels=["status", "age"])
    for of, count in found.items():
        family.add_metric(of, count)
    return [family]


async def _silent(session: AsyncSession, now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "webcare_cases_silent",
        "Cases on our desk of which the clock tells nobody: there must be none.",
        labels=["reason"],
    )
    found = Counter((await silent(session, now)).values())
    for reason in Silence:
        family.add_metric([str(reason)], found[reason])
    return family
