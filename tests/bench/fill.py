"""A database as a year of work leaves it, filled by INSERT … SELECT inside the database: a million cases in a minute.

Each case has its author, mention, card, clocks and log. They came in evenly over the year up to now; of each twenty,
five were closed without an answer (one for every reason) and fifteen answered, after times that differ from case to
case. The newest may still wait. Cards are level with cases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    String,
    Table,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    true,
    type_coerce,
)  # fmt: skip
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from bot import accounts, db
from bot.config import Settings
from bot.domain.case import CloseReason, Status
from bot.domain.sla import ClockKind
from bot.figures import days
from bot.models import (
    Account,
    Author,
    Case,
    CaseCount,
    CaseWords,
    Clock,
    Event,
    Mention,
    Message,
    MessageKind,
    Reply,
    ReplyKind,
    ReplyStatus,
    Team,
    UtcDateTime,
)
from bot.slack import dating
from bot.team.settings import TeamSettings
from bot.texts import Texts

SOURCE = "plein"
SOURCE_SECRET = "whsec_" + "YmVuY2g" * 6 + "YQ=="
AGENT = "U0YOUSSEF"
YEAR = 365 * 24 * 3600
TWENTY = 20
SELDOM = "ooievaar"
"""One mention in 5,000 holds this word."""
FIRST_TS = 1_700_000_000
REACTION, RESOLUTION = 7200, 86_400
"""The norms, in seconds of working time."""
TOPICS = ("Afval", "Wegen", "Paspoort", "Groen", "Belasting")
"""One case in six has none of them."""
Values = ColumnElement[Any]


def ts_of(case_id: int) -> str:
    """Return the ts in Slack of a case's card."""
    return f"{FIRST_TS + case_id}.000100"


async def fill(settings: Settings, *, cases: int, waiting: int = 0, claimed: int = 0) -> None:
    """Fill an empty database with `cases`, ids from 1; the last `waiting` of them wait, the first `claimed` of those
    with AGENT, who just did something with them; nothing of what waits is due within hours.

    Makes the tables, the team of the settings and the webhook source SOURCE, which signs with SOURCE_SECRET.
    """
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        account = await _source(engine, settings)
        async with engine.begin() as connection:
            rows = _Rows(connection, account, settings.slack_channel, datetime.now(UTC), cases, cases - waiting)
            await _opened(rows, claimed)
            await _ended(rows)
            await _clocks(rows)
        if engine.dialect.name == "postgresql":
            await _look_again(engine)
    finally:
        await engine.dispose()


async def count_days(database_url: str) -> None:
    """Count all past days, as the bot did in the year that they took; else it does so while it is measured."""
    engine, now = db.create_engine(database_url), datetime.now(UTC)
    open_session, is_due = db.sessions(engine), True
    while is_due:
        async with open_session() as session:
            await days.count_next(session, now)
            is_due = await days.is_due(session, now)
    await engine.dispose()


async def _source(engine: AsyncEngine, settings: Settings) -> Account:
    now = datetime.now(UTC)
    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, now)
        await session.flush()
        team = await session.get_one(Team, 1)
        # Else the bot would set all clocks anew, and edit all cards, while it is measured: the cards are of today.
        team.timed_by = TeamSettings.of(team.settings).timing()
        await dating.begin_day(session, Texts(settings.webcare_language, settings.time_zone), now)
        session.add(team)
        return await accounts.add(
            session, settings, platform="webhook", name=SOURCE, url="", secrets={"signing_secret": SOURCE_SECRET},
            options={"callback_url": "http://127.0.0.1:9/replies"}, now=now,
        )  # fmt: skip


i: Values = literal_column("numbers.i", Integer)
"""The number of a case, in what is selected from `numbers`."""


@dataclass(frozen=True)
class _Rows:
    """Inserts a row for each case i = 1 … `cases`, or for some of them; those up to `ended` wait no longer."""

    connection: AsyncConnection
    account: Account
    channel: str
    now: datetime
    cases: int
    ended: int

    def at(self, minutes: int = 0) -> Values:
        """Return the moment so many minutes after a case came in."""
        begun = int(self.now.timestamp()) - YEAR + minutes * 60
        return self._moment(literal(begun, BigInteger) + cast(i, BigInteger) * YEAR // self.cases)

    def ago(self, seconds: Values) -> Values:
        """Return the moment so many seconds before now."""
        return self._moment(literal(int(self.now.timestamp()), BigInteger) - seconds)

    def _moment(self, seconds: Values) -> Values:
        if self.connection.dialect.name == "postgresql":
            return type_coerce(func.to_timestamp(seconds), UtcDateTime)
        written = func.strftime("%Y-%m-%d %H:%M:%S", seconds, "unixepoch") + literal(".000000")
        return type_coerce(written, UtcDateTime)

    async def insert(self, model: type[SQLModel], where: Values | None = None, **columns: Any) -> None:
        """Insert one row for each case; a value is the same in all rows, unless it is an expression of `i`.

        What is None is left out, and so empty.
        """
        columns = {name: value for name, value in columns.items() if value is not None}
        table: Table = model.metadata.tables[str(model.__tablename__)]
        values = [
            value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)
            for name, value in columns.items()
        ]
        numbers = select(literal(1, Integer).label("i")).cte("numbers", recursive=True)
        numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < self.cases))
        chosen = select(*values).select_from(numbers).where(true() if where is None else where)
        await self.connection.execute(insert(table).from_select(list(columns), chosen, include_defaults=False))


def _named(prefix: str) -> Values:
    return literal(prefix) + cast(i, String)


def _folded(text: Values) -> Values:
    """Return a text as search sees it: its words, in no special order."""
    return func.lower(func.replace(func.replace(text, "?", ""), ".", ""))


def _closed() -> Values:
    """Tell whether a case, once ended, was closed without an answer."""
    return i % TWENTY < len(CloseReason)


def _by_reason(of: Callable[[CloseReason], Values]) -> Values:
    """Return what differs by the reason for which a case was closed."""
    return case(*((i % TWENTY == n, of(reason)) for n, reason in enumerate(CloseReason)))


async def _opened(rows: _Rows, claimed: int) -> None:
    """What there is of every case."""
    words = case(
        (i % 5000 == 1, literal(f"Er zit een {SELDOM} op het dak van het stadhuis. Mag dat? Vraag ")),
        else_=literal("Wanneer wordt de grijze container in mijn straat geleegd? Vraag "),
    )
    waits, with_agent = i > rows.ended, i <= rows.ended + claimed
    status = case(
        (~waits & _closed(), Status.CLOSED.value), (~waits, Status.ANSWERED.value),
        (with_agent, Status.CLAIMED.value), else_=Status.NEW.value,
    )  # fmt: skip
    account, at = rows.account, rows.at()
    await rows.insert(
        Author, id=i, account_id=account.id, external_id=_named("c-"), name=_named("Inwoner "),
        handle=_named("inwoner"), url="",
    )  # fmt: skip
    await rows.insert(
        Case, id=i, number=i, team_id=account.team_id, account_id=account.id, author_id=i, opened_at=at, close_text="",
        status=status, urgent=False, assignee=case((~waits | with_agent, AGENT)),
        claimed_at=case((~waits, rows.at(9)), (with_agent, literal(rows.now - timedelta(hours=2), UtcDateTime))),
        answered_at=case((~waits & ~_closed(), rows.at(21))), closed_at=case((~waits & _closed(), rows.at(15))),
        closed_by=case((~waits & _closed(), AGENT)),
        topic=case(*((i % (len(TOPICS) + 1) == n, literal(topic)) for n, topic in enumerate(TOPICS))),
        close_reason=case((~waits & _closed(), _by_reason(lambda reason: literal(reason.value)))),
    )  # fmt: skip
    await rows.connection.execute(
        insert(CaseCount.metadata.tables["case_counts"]).values(team_id=account.team_id, counted=rows.cases)
    )
    await rows.insert(
        Mention, id=i, case_id=i, account_id=account.id, external_id=_named("m-"), conversation=_named("g-"),
        text=words + cast(i, String), url="", private=False, language="nl", media=[], allows=["answer"],
        published_at=at, received_at=at,
    )  # fmt: skip
    await rows.insert(
        CaseWords, case_id=i, names=_named("inwoner ") + _named(" inwoner"), words=_folded(words) + cast(i, String)
    )
    await rows.insert(
        Message, id=i, key=_named("case:"), kind=MessageKind.CASE, case_id=i, channel=rows.channel, in_thread=False,
        ts=cast(i + FIRST_TS, String) + literal(".000100"), version=1, shown_version=1, problem="",
    )  # fmt: skip
    await rows.insert(Event, case_id=i, kind="opened", by="", at=at, details={})
    await rows.insert(Event, waits & with_agent, case_id=i, kind="note", by=AGENT, at=rows.now, details={})


async def _ended(rows: _Rows) -> None:
    """What was done with the cases that no longer wait."""
    answered, closed = (i <= rows.ended) & ~_closed(), (i <= rows.ended) & _closed()
    at = rows.at(21)
    await rows.insert(
        Reply, answered, id=i, case_id=i, mention_id=i, account_id=rows.account.id, by=AGENT, key=_named("reply-"),
        draft="Donderdag!", text="Donderdag! ^YA", private=False, status=ReplyStatus.SENT, kind=ReplyKind.FINAL,
        created_at=at, send_at=at, sent_at=at, tries=1, external_id=_named("r-"), url="",
    )  # fmt: skip
    await rows.insert(Event, i <= rows.ended, case_id=i, kind="claim", by=AGENT, at=rows.at(9), details={})
    await rows.insert(Event, answered, case_id=i, kind="answer", by=AGENT, at=at, details={})
    reasons = _by_reason(lambda reason: literal({"reason": reason}, JSON))
    await rows.insert(Event, closed, case_id=i, kind="close", by=AGENT, at=rows.at(15), details=reasons)


async def _clocks(rows: _Rows) -> None:
    """Time the first reaction and the resolution of each case; those that wait run, as long at each size."""
    waits = i > rows.ended
    begun = case((waits, rows.ago(seconds=30 * (rows.cases - i))), else_=rows.at())
    account, later = rows.account, literal(rows.now + timedelta(hours=4), UtcDateTime)
    for kind, target, factor in (
        (ClockKind.FIRST_REACTION, REACTION, 7919),
        (ClockKind.RESOLUTION, RESOLUTION, 104_729),
    ):
        took = 60 + (cast(i, BigInteger) * factor) % (target + target // 10)
        counts = ~_closed() | (i % TWENTY == list(CloseReason).index(CloseReason.ANSWERED_ELSEWHERE))
        await rows.insert(
            Clock, case_id=i, team_id=account.team_id, kind=kind, started_at=begun, used_seconds=0,
            target_seconds=target, due_at=case((waits, later), else_=rows.at(target // 60)), told_percent=0,
            counts=waits | counts, next_at=case((waits, later)), running_since=case((waits, begun)),
            stopped_at=case((~waits & _closed(), rows.at(15)), (~waits, rows.at(21))),
            elapsed_seconds=case((~waits, took)), kept=case((~waits, took <= target)),
        )  # fmt: skip


async def _look_again(engine: AsyncEngine) -> None:
    """Let PostgreSQL number on after the rows we numbered, and know how many there are."""
    async with engine.begin() as connection:
        for table in ("authors", "cases", "mentions", "messages", "replies"):
            newest = select(func.coalesce(func.max(text("id")), 1)).select_from(text(table)).scalar_subquery()
            await connection.execute(select(func.setval(func.pg_get_serial_sequence(table, "id"), newest)))
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM ANALYZE"))
