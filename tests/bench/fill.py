"""A database as years of work leave it, filled by INSERT … SELECT inside the database: 100,000 cases in seconds.

Each case has its author, mention, card, clocks and log; all but the newest were answered. Cards are level with cases.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CTE, ColumnElement, Integer, String, Table, cast, func, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import SQLModel

from bot import accounts, db
from bot.config import Settings
from bot.domain.case import Status
from bot.domain.sla import ClockKind
from bot.models import Account, Author, Case, Clock, Event, Mention, Message, MessageKind, Reply, ReplyStatus

SOURCE = "plein"
SOURCE_SECRET = "whsec_" + "YmVuY2g" * 6 + "YQ=="
AGENT = "U0YOUSSEF"
MOMENTS = 100
"""The answered cases came in at so many different moments, spread over a year."""
FIRST_TS = 1_700_000_000


def ts_of(case_id: int) -> str:
    """Return the ts in Slack of a case's card."""
    return f"{FIRST_TS + case_id}.000100"


async def fill(settings: Settings, *, cases: int, waiting: int = 0) -> None:
    """Fill an empty database with `cases`, ids from 1; the last `waiting` of them are new.

    Makes the tables, the team of the settings and the webhook source SOURCE, which signs with SOURCE_SECRET.
    """
    engine = db.create_engine(settings.database_url)
    try:
        await db.migrate(engine)
        account = await _source(engine, settings)
        now = datetime.now(UTC)
        async with engine.begin() as connection:
            for first, last in _spans(cases - waiting):
                at = now - timedelta(days=365) * (1 - last / cases)
                await _answered(connection, account, settings.slack_channel, first, last, at)
            if waiting:
                await _new(connection, account, settings.slack_channel, cases - waiting + 1, cases, now)
        if engine.dialect.name == "postgresql":
            await _look_again(engine)
    finally:
        await engine.dispose()


async def _source(engine: AsyncEngine, settings: Settings) -> Account:
    now = datetime.now(UTC)
    async with db.sessions(engine)() as session:
        await accounts.ensure_team(session, settings, now)
        await session.flush()
        return await accounts.add(
            session, settings, platform="webhook", name=SOURCE, url="", secrets={"signing_secret": SOURCE_SECRET},
            options={"callback_url": "http://127.0.0.1:9/replies"}, now=now,
        )  # fmt: skip


def _spans(count: int) -> Iterator[tuple[int, int]]:
    step = max(1, count // MOMENTS)
    for first in range(1, count + 1, step):
        yield first, min(first + step - 1, count)


async def _answered(
    connection: AsyncConnection, account: Account, channel: str, first: int, last: int, at: datetime
) -> None:
    done = {"assignee": AGENT, "claimed_at": at + timedelta(minutes=9), "answered_at": at + timedelta(minutes=21)}
    await _opened(connection, account, channel, first, last, at, status=Status.ANSWERED, **done)
    i = _numbers(first, last)
    await _insert(
        connection, Reply, i, id=i.c.i, case_id=i.c.i, mention_id=i.c.i, account_id=account.id, by=AGENT,
        key=_named("reply-", i), draft="Donderdag!", text="Donderdag! ^YA", private=False, status=ReplyStatus.SENT,
        created_at=done["answered_at"], send_at=done["answered_at"], sent_at=done["answered_at"], tries=1,
        external_id=_named("r-", i), url="",
    )  # fmt: skip
    ended = {"running_since": None, "stopped_at": done["answered_at"], "elapsed_seconds": 21 * 60, "kept": True}
    await _clocks(connection, account, i, at, **ended)
    for kind, moment in (("claim", done["claimed_at"]), ("answer", done["answered_at"])):
        await _insert(connection, Event, i, case_id=i.c.i, kind=kind, by=AGENT, at=moment, details={})


async def _new(
    connection: AsyncConnection, account: Account, channel: str, first: int, last: int, at: datetime
) -> None:
    await _opened(connection, account, channel, first, last, at, status=Status.NEW)
    await _clocks(connection, account, _numbers(first, last), at, running_since=at, next_at=at + timedelta(hours=1))


async def _opened(
    connection: AsyncConnection, account: Account, channel: str, first: int, last: int, at: datetime, **case: Any
) -> None:
    i = _numbers(first, last)
    words = literal("Wanneer wordt de grijze container in mijn straat geleegd? Vraag ") + cast(i.c.i, String)
    await _insert(
        connection, Author, i, id=i.c.i, account_id=account.id, external_id=_named("c-", i),
        name=_named("Inwoner ", i), handle=_named("inwoner", i), url="",
    )  # fmt: skip
    await _insert(
        connection, Case, i, id=i.c.i, team_id=account.team_id, account_id=account.id, author_id=i.c.i, opened_at=at,
        close_text="", **case,
    )  # fmt: skip
    await _insert(
        connection, Mention, i, id=i.c.i, case_id=i.c.i, account_id=account.id, external_id=_named("m-", i),
        conversation=_named("g-", i), text=words, url="", private=False, language="nl", media=[], allows=["answer"],
        published_at=at, received_at=at,
    )  # fmt: skip
    await _insert(
        connection, Message, i, id=i.c.i, key=_named("case:", i), kind=MessageKind.CASE, case_id=i.c.i,
        channel=channel, in_thread=False, ts=cast(i.c.i + FIRST_TS, String) + literal(".000100"), version=1,
        shown_version=1, problem="",
    )  # fmt: skip
    await _insert(connection, Event, i, case_id=i.c.i, kind="opened", by="", at=at, details={})


async def _clocks(connection: AsyncConnection, account: Account, i: CTE, at: datetime, **state: Any) -> None:
    """Time the first reaction and the resolution of each case."""
    for kind, target in ((ClockKind.FIRST_REACTION, timedelta(hours=2)), (ClockKind.RESOLUTION, timedelta(days=1))):
        await _insert(
            connection, Clock, i, case_id=i.c.i, team_id=account.team_id, kind=kind, started_at=at, used_seconds=0,
            target_seconds=int(target.total_seconds()), due_at=at + target, steps=0, counts=True, **state,
        )  # fmt: skip


def _numbers(first: int, last: int) -> CTE:
    """Return the rows i = first … last."""
    numbers = select(literal(first, Integer).label("i")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < last))


def _named(prefix: str, i: CTE) -> ColumnElement[str]:
    return literal(prefix) + cast(i.c.i, String)


async def _insert(connection: AsyncConnection, model: type[SQLModel], i: CTE, **columns: Any) -> None:
    """Insert one row for each number; a value is the same in all rows, unless it is an expression of `i`.

    What is None is left out, and so empty.
    """
    columns = {name: value for name, value in columns.items() if value is not None}
    table: Table = model.metadata.tables[str(model.__tablename__)]
    values = [
        value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)
        for name, value in columns.items()
    ]
    rows = select(*values).select_from(i)
    await connection.execute(insert(table).from_select(list(columns), rows, include_defaults=False))


async def _look_again(engine: AsyncEngine) -> None:
    """Let PostgreSQL number on after the rows we numbered, and know how many there are."""
    async with engine.begin() as connection:
        for table in ("authors", "cases", "mentions", "messages", "replies"):
            newest = select(func.coalesce(func.max(text("id")), 1)).select_from(text(table)).scalar_subquery()
            await connection.execute(select(func.setval(func.pg_get_serial_sequence(table, "id"), newest)))
        await connection.execute(text("ANALYZE"))
