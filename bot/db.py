"""The database: engine, sessions and migrations, on SQLite (by default) or PostgreSQL."""

import asyncio
import importlib
import os
import select as polling
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import URL, ColumnElement, Connection, Dialect, Executable, Table, event, func, inspect, make_url, text
from sqlalchemy.dialects import registry
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Mapped, Session
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.config import BadSettings, lacking
from bot.disk import takes_nothing
from bot.sqlite_driver import SHORT, SQLiteConnection

registry.register("sqlite.webcare", "bot.sqlite_driver", "Dialect")

MIGRATIONS = Path(__file__).parent / "migrations"
FULL_TEXT = "fts5"
"""SQLite's module for full-text search (https://www.sqlite.org/fts5.html); Python's SQLite may lack it."""
NEWER = "The database was made by a newer version of webcare: update the program."
NOT_MIGRATED = "The tables are not up to date: run `webcare migrate` first."
POOL: Mapping[str, Any] = {"pool_size": 15, "max_overflow": 0, "pool_use_lifo": True}
"""As many connections as a busy minute needs, and no more of them open than that; what was used lately is warm.

One is opened when it is needed, and stays: to open one takes longer than most of what is asked of it. The pool's own
choice, to close all but five after each use, halved how many single posts come in at once.
"""
HUNG = "30s"
"""PostgreSQL ends a transaction that has asked it nothing for so long: a host that hangs must not hold up the others.

https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
"""
WRITABLE = "target_session_attrs"
"""What asks for a server that may be written to."""
REACHED_BY: Mapping[str, int | str] = {
    WRITABLE: "read-write",
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""In seconds, the last in milliseconds: a server that is gone without a word, as after a failover, is noticed in half a
minute, where Linux would wait for two hours. One that may only be read is no server: during a failover an address may
still lead to a standby, and connections to that would stay. What DATABASE_URL says about them counts more.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""
WRONG_OPTION = "DATABASE_URL has an option that it cannot have: look at what is after the question mark."
OF_DRIVER = frozenset({"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"})
"""What PostgreSQL's driver takes from a program, as numbers and functions; an address has only text."""
FRESH = 10.0
"""Seconds: a connection that was used so lately is taken without asking the server whether it is still there."""
SECRET = frozenset({"password", "sslpassword"})
"""What nobody may read in an address, besides the password before its host."""
GONE = (OperationalError, InterfaceError, NoConnection)
"""What is raised when the database is not there, has no free connection, or undoes a transaction: it is tried again.

https://docs.sqlalchemy.org/en/20/core/exceptions.html
"""
REFUSALS = frozenset({"22", "54"})
"""PostgreSQL's classes of errors about what it was given, which it refuses whenever it is tried again.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""
NO_RIGHT = frozenset({"42501", "25006"})
"""PostgreSQL's codes for what a user may not do, and for writing where one may only read."""
MIGRATES = 7_302_611
"""The number of PostgreSQL's lock on bringing the tables up to date, which SQLite's lock on writing stands for there.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""
UNFINISHED = "webcare_unfinished"
"""A table without a model: it is there while a command fills the database, so that no bot starts on half of one.

Its only column `what` says in one sentence what was begun, and what to do.
"""


def refuses(error: Exception) -> bool:
    """Tell whether the database refuses what it was given: something too large, or that a column cannot have.

    Some of these errors are of a class in GONE.
    """
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None))
    return isinstance(error, DBAPIError) and (isinstance(error, DataError) or state[:2] in REFUSALS)


def is_gone(error: Exception) -> bool:
    """Tell whether an error says that the database is not there now, and not that it refuses what it was given."""
    return isinstance(error, GONE) and not refuses(error)


def may_not_write(error: Exception) -> bool:
    """Tell whether an error says that we have no right to write in the database, or that nobody may write there."""
    driver = getattr(error, "orig", None)
    code = getattr(driver, "sqlite_errorcode", None)
    is_read_only = code is not None and code & 0xFF == sqlite3.SQLITE_READONLY
    return is_read_only or getattr(driver, "sqlstate", None) in NO_RIGHT


class Sessions(Protocol):
    """Opens a session around one transaction: committed when the block succeeds, rolled back otherwise."""

    def __call__(self, *, durable: bool = True, is_short: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """Open it. What is not `durable` may be lost when the power fails, with all that was written after it.

        `is_short`: all its statements are `short`, except those that add many rows.
        """


Within = Callable[[AsyncSession], AbstractAsyncContextManager[None]]
"""Something that is entered at the beginning of each transaction, and left before its commit."""


HELD = {"key_share": True}
"""For `with_for_update`: lock a row against changes, but not against new rows that refer to it.

PostgreSQL checks a reference with a lock that FOR UPDATE blocks and FOR NO KEY UPDATE does not. With FOR UPDATE there
would be deadlocks: one transaction has the case and wants its card, another has the card and adds a row for the case.
"""


Row = TypeVar("Row", bound=SQLModel)
Statement = TypeVar("Statement", bound=Executable)


async def lock_or_add(session: AsyncSession, new: Row) -> Row:
    """Return the row with the primary key of `new`, locked and as it is now; `new` is stored if there is none."""
    kind, key = type(new), inspect(type(new)).primary_key_from_instance(new)
    row = await session.get(kind, key, with_for_update=HELD, populate_existing=True)
    if row is not None:
        return row
    with suppress(IntegrityError):  # another process has just added it
        async with session.begin_nested():
            session.add(new)
    return await session.get_one(kind, key, with_for_update=HELD, populate_existing=True)


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model, for statements that go round the session: they take rows as they are."""
    return model.metadata.tables[str(model.__tablename__)]


def short(statement: Statement) -> Statement:
    """Mark a statement that reads or writes a few rows, found by an index: SQLite runs it without a thread of its own.

    To wake one takes longer, above all on a busy machine. A statement that may take longer keeps everything waiting.
    """
    return statement.execution_options(**{SHORT: True})


def is_sqlite(session: AsyncSession) -> bool:
    """Tell which of the two databases a session has, for what must be said differently to each."""
    return session.get_bind().dialect.name == "sqlite"


def any_of(key: Mapped[int], ids: Any) -> ColumnElement[bool]:
    """Return PostgreSQL's condition that a key is one of those that a query selects, each looked up in its index.

    With a join or IN alone it may read a whole table in place of that: it expects far more rows than there are.
    """
    return key == func.any(func.array(ids.scalar_subquery()))


def create_engine(database_url: str, *, looks: bool = False) -> AsyncEngine:
    """Return the engine for an address as people write it; raises BadSettings when we do not support it.

    `looks`: to see what is there, on a server that may only be read too.
    """
    url = _async_url(database_url)
    if url.get_backend_name() == "postgresql":
        asked = {name: value for name, value in REACHED_BY.items() if not (looks and name == WRITABLE)}
        given = {name: value for name, value in asked.items() if name not in url.query}
        engine = _engine(url, given)
        event.listen(engine.sync_engine, "connect", _prepare_postgresql)
        event.listen(engine.sync_engine, "checkin", _note_use)
        event.listen(engine.sync_engine, "checkout", partial(_refuse_dead, engine.dialect))
        event.listen(engine.sync_engine, "begin", _begin_postgresql)
        return engine
    engine = _engine(url, {"timeout": 30, "check_same_thread": False})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _engine(url: URL, given: Mapping[str, Any]) -> AsyncEngine:
    try:
        return create_async_engine(url, connect_args=given, **POOL)
    except ModuleNotFoundError:
        raise lacking("PostgreSQL needs its driver", "postgres") from None
    except (ArgumentError, ValueError):  # a plugin that is not there, a number that is none
        raise BadSettings(WRONG_OPTION) from None


def address_of_file(file: Path) -> str:
    """Return the address of an SQLite file; in its path a ? would begin options, and a % stand for another sign."""
    return URL.create("sqlite", database=str(file.absolute())).render_as_string()


def is_file(database_url: str) -> bool:
    """Tell whether an address is that of SQLite; raises BadSettings when we do not support it."""
    return _async_url(database_url).get_backend_name() == "sqlite"


def _async_url(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):  # ValueError: a port that is not a number
        raise BadSettings(
            "DATABASE_URL is not a database address; write sqlite:///webcare.db or postgresql://user:password@host/name."
        ) from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        # With two slashes, the folder is read as a host.
        if not url.database or url.host or ":memory:" in url.database or url.query.get("mode") == "memory":
            raise BadSettings("DATABASE_URL names no file; write sqlite:///webcare.db.")
        if "uri" in url.query:  # only SQLite knows which file that is, so others could not be kept from reading it
            raise BadSettings("DATABASE_URL names its file by a URI; write its path, like sqlite:///webcare.db.")
        return url.set(drivername="sqlite+webcare")
    if kind in {"postgresql", "postgres"}:
        # What is read as the host begins in the password; with a slash in that, the rest of it is read as the name.
        if "@" in (url.host or "") or {"@", "/"} <= set(url.database or ""):
            raise BadSettings("DATABASE_URL has an @ too many: in its user name and password write each @ as %40.")
        if OF_DRIVER & url.query.keys():
            raise BadSettings(WRONG_OPTION)
        return url.set(drivername="postgresql+psycopg")
    raise BadSettings(f"DATABASE_URL names a database we do not use ({kind}); take sqlite:/// or postgresql://.")


def _prepare_postgresql(connection: Any, record: Any) -> None:
    _note_use(connection, record)
    cursor = connection.cursor()
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{HUNG}'")
    cursor.close()
    connection.commit()


def _note_use(_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _refuse_dead(dialect: Dialect, connection: Any, record: Any, _taken: Any) -> None:
    """Have a connection replaced that the server does not know any more, and all others of its age.

    The engine's own `pool_pre_ping` asks the server at the beginning of each transaction; of one that was used lately
    we hear if it was closed.
    """
    driver = connection.driver_connection
    if not driver.closed and time.monotonic() - record.info["used_at"] < FRESH and not says_something(driver.fileno()):
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def says_something(socket: int) -> bool:
    """Tell whether a server said something that we did not ask for, such as that it closes this connection."""
    heard = polling.poll()
    heard.register(socket, polling.POLLIN)
    return bool(heard.poll(0))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions; _begin_sqlite does
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails when another writes in between: take the lock at once.
    options = connection.get_execution_options()
    driver = cast("SQLiteConnection", connection.connection.dbapi_connection)
    if options.get("reads_only"):
        driver.begin("BEGIN", waits=False)
    else:
        synchronous = "FULL" if options.get("durable", True) else "NORMAL"
        driver.begin(f"PRAGMA synchronous={synchronous}", "BEGIN IMMEDIATE", waits=True)


def _begin_postgresql(connection: Connection) -> None:
    """Begin a transaction; of one that only reads each statement is its own, which saves two of three calls.

    In both each statement sees what was committed when it began. It is said at each beginning, so that no connection
    has to be put back as it was.
    https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
    https://www.postgresql.org/docs/current/wal-async-commit.html
    """
    options, driver = connection.get_execution_options(), cast("Any", connection.connection.dbapi_connection)
    reads_only = bool(options.get("reads_only"))
    if driver.autocommit != reads_only and "isolation_level" not in options:
        driver.autocommit = reads_only
    if not options.get("durable", True):
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def sessions(engine: AsyncEngine, within: Within | None = None) -> Sessions:
    """Return the opener of sessions that write (and read), each `within` this, if given."""
    # SQLite allows one writer and has no queue: a waiting writer polls, and may never get its turn.
    turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
    return _opener(engine, turn, within)


def readings(engine: AsyncEngine) -> Sessions:
    """Return the opener of sessions that only read, and on SQLite wait for no writer."""
    return _opener(engine.execution_options(reads_only=True), nullcontext())


def _opener(engine: AsyncEngine, turn: AbstractAsyncContextManager[None], within: Within | None = None) -> Sessions:
    make = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    engines = {
        (durable, is_short): engine.execution_options(durable=durable, **({SHORT: True} if is_short else {}))
        for durable in (True, False)
        for is_short in (True, False)
    }

    @asynccontextmanager
    async def opened(*, durable: bool = True, is_short: bool = False) -> AsyncIterator[AsyncSession]:
        async with turn:
            session = make(bind=engines[durable, is_short])
            try:
                async with within(session) if within else nullcontext():
                    yield session
                await session.run_sync(_commit)
            except BaseException:
                await asyncio.shield(asyncio.create_task(session.close()))  # to the end, also for who is cancelled
                raise

    return opened


def _commit(session: Session) -> None:
    """Commit and close a session by one switch to its greenlet; its own context manager makes three, and a task."""
    session.commit()
    session.close()


def is_new(engine: AsyncEngine) -> bool:
    """Whether this is an SQLite file that does not exist yet, in a folder that does; connecting would create it."""
    file = Path(engine.url.database or "")
    return engine.dialect.name == "sqlite" and not file.exists() and os.access(file.absolute().parent, os.W_OK)


def _make_private(file: str) -> None:
    """Make a new SQLite file readable by its owner only: it will contain citizens' words."""
    with suppress(OSError):  # there is one already; or opening it reports a place that cannot be written to
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        give(Path(file), Path(file).absolute().parent.stat())


def give(file: Path, to: os.stat_result) -> None:
    """Give a file the owner of another one or of a folder: who makes it as root makes it for the bot, a service."""
    if hasattr(os, "chown"):  # Windows has no such owners
        with suppress(PermissionError):  # only root gives files away
            os.chown(file, to.st_uid, to.st_gid, follow_symlinks=False)


async def migrate(engine: AsyncEngine) -> None:
    """Bring the tables to the newest revision, completely or not at all; raises BadSettings if that is impossible.

    The database's own error is raised when its disk is full.
    """
    if engine.dialect.name == "sqlite":
        _make_private(engine.url.database or "")
    async with connected(engine) as connection:
        if engine.dialect.name == "sqlite":
            await _refuse_without_full_text(connection)
        else:  # two hosts may begin with this at once: the second waits, and finds that it is done
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATES})"))
        current, known = await _revision(connection), revisions()
        if current == known[-1]:
            return
        if current not in {None, *known}:
            raise BadSettings(NEWER)
        # Imported only here: Alembic stays out of the memory of a bot whose tables are up to date.
        upgrade = importlib.import_module("bot.migrations.upgrade").upgrade
        if engine.dialect.name == "postgresql":  # a migration may compute for longer than a host may hang
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        try:
            await connection.run_sync(upgrade)
        except ModuleNotFoundError:  # that of the queue, whose tables are among them
            raise lacking("PostgreSQL needs its queue", "postgres") from None
        except DBAPIError as error:
            if takes_nothing(error):
                raise  # a command says so
            # SQLite's error for a table that is in the way is of the same class.
            gone = engine.dialect.name == "postgresql" and is_gone(error)
            remedy = "try again." if gone else "is it a database of webcare?"
            reason = str(error.orig).splitlines()[0]
            raise BadSettings(
                f"The tables of {place(engine)} cannot be brought up to date ({reason}): {remedy}"
            ) from None


async def _refuse_without_full_text(connection: AsyncConnection) -> None:
    known = text("SELECT count(*) FROM pragma_module_list WHERE name = :name")
    if not (await connection.execute(known, {"name": FULL_TEXT})).scalar():
        raise BadSettings(
            "The SQLite of this Python has no full-text search (FTS5): use another Python, or PostgreSQL."
        )


async def prepare(engine: AsyncEngine) -> None:
    """Migrate a SQLite database; raises BadSettings for a PostgreSQL one that `webcare migrate` was not run on.

    Also for one that a command was filling when it was cut off.
    """
    await refuse_unfinished(engine)
    if engine.dialect.name == "sqlite":
        await migrate(engine)
        return
    if why := await misfit(engine):
        raise BadSettings(why)


async def misfit(engine: AsyncEngine) -> str:
    """Return why this version of the program cannot use the tables, with what to do; "" when it can."""
    async with connected(engine) as connection:
        return misfit_of(await _revision(connection))


def misfit_of(current: str | None) -> str:
    """Return that of tables at this revision."""
    newest = revisions()[-1]
    if current == newest:
        return ""
    return NEWER if current is not None and current > newest else NOT_MIGRATED


async def refuse_unfinished(engine: AsyncEngine) -> None:
    """Raise BadSettings when a command was filling this database and did not end, or is doing so now."""
    if engine.dialect.name == "sqlite":  # a file appears when it is complete
        return
    async with connected(engine) as connection:
        if await connection.run_sync(lambda sync: inspect(sync).has_table(UNFINISHED)):
            raise BadSettings(str((await connection.execute(text(f"SELECT what FROM {UNFINISHED}"))).scalar()))  # noqa: S608


async def is_migrated(engine: AsyncEngine) -> bool:
    """Tell whether the tables are at the newest revision."""
    async with connected(engine) as connection:
        return await _revision(connection) == revisions()[-1]


async def has_table(engine: AsyncEngine, model: type[SQLModel]) -> bool:
    """Tell whether a table is there, in whichever revision; raises BadSettings as `connected` does."""
    async with connected(engine) as connection:
        return await connection.run_sync(lambda sync: inspect(sync).has_table(table_of(model).name))


async def serves(session: AsyncSession) -> bool:
    """Tell whether a running program can go on with the tables: with their newest revision or a newer one.

    During an update the old program works beside the new one, on tables that are made for both.
    """
    return (await _revision(await session.connection()) or "") >= revisions()[-1]


async def _revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the tables; None for a database that was never migrated."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


def revisions() -> list[str]:
    """Return the revisions that this version knows, the newest last: the numbers with which their files begin."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def place(engine: AsyncEngine) -> str:
    """Return the address of a database for people: without driver and password, wherever that stands in it."""
    url = engine.url.set(drivername=engine.url.get_backend_name())
    return url.difference_update_query(SECRET).render_as_string(hide_password=True)


def _refuse_missing_folder(engine: AsyncEngine) -> None:
    """Raise BadSettings if the folder is missing, before a connection fails: aiosqlite's thread may outlive that."""
    folder = Path(engine.url.database or "").absolute().parent
    if engine.dialect.name == "sqlite" and not folder.is_dir():
        raise BadSettings(
            f"The database {place(engine)} cannot be opened (there is no folder {folder}): make it, "
            "or check DATABASE_URL."
        )


def _remedy(engine: AsyncEngine, error: Exception) -> str:
    """Say what to do about a database that cannot be opened."""
    if takes_nothing(error):
        return "make room on its disk, or check DATABASE_URL"
    file = Path(engine.url.database or "").absolute()
    if engine.dialect.name == "sqlite" and not all(os.access(each, os.W_OK) for each in (file, file.parent)):
        return "give the user of the bot the right to write it and its folder, or check DATABASE_URL"
    return "check DATABASE_URL"


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection in a transaction; raises BadSettings with what to do when the database cannot be opened."""
    _refuse_missing_folder(engine)
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.begin())
            await connection.execute(text("SELECT 1"))  # on SQLite this begins the transaction
        except (SQLAlchemyError, OSError) as error:
            where = place(engine)
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise BadSettings(f"The database {where} cannot be opened ({reason}): {_remedy(engine, error)}.") from None
        yield connection
