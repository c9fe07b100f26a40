"""Processes of the bot that share a database and a Slack, all in one event loop; each can be killed at any await.

A process is all tasks that began in its context. To kill it is to cancel them all at once: what was not committed is
rolled back, what was on its way to Slack or a platform may or may not have arrived.
"""

import asyncio
import contextvars
import json
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from sqlalchemy import event

import jobs
from bot import accounts, db
from bot.app import build_app
from bot.config import Settings
from bot.desk import Desk
from bot.logs import going_on
from bot.run import open_desk, serving
from bot.sandbox.slack.delivery import Acknowledgement, Kind
from bot.steady_clock import SteadyClock
from tests.faults.platform_server import Clock, Json
from tests.faults.virtual_time import Kept, VirtualTime

OF: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)
DIES_WITHIN = 5.0
"""Seconds that what was killed may take to let go of its connections."""

T = TypeVar("T")
Job = Callable[[Desk], Awaitable[None]]


def tasks_know_their_process(
    loop: asyncio.AbstractEventLoop, coroutine: Generator[Any, None, T] | Coroutine[Any, Any, T], **more: Any
) -> asyncio.Future[T]:
    """The loop's task factory: each task is counted to the process in whose context it begins."""
    task: asyncio.Task[T] = asyncio.Task(coroutine, loop=loop, **more)
    context: contextvars.Context | None = more.get("context")
    process = context.get(OF) if context is not None else OF.get()
    if process is not None:
        process.tasks.add(task)
    return task


@dataclass(eq=False)
class Process:
    """One run of the bot. `faults` are the exceptions that its app let through.

    `ahead`: how much its machine's clock is set wrong. `kept`: what is to run once it no longer hangs.
    """

    name: str
    settings: Settings
    now: Clock
    dice: Random
    tick: Callable[[], float]
    ahead: timedelta = timedelta()
    kept: list[Kept] | None = None
    alive: bool = False
    url: str = ""
    desk: Desk | None = None
    app: AsyncApp | None = None
    tasks: WeakSet[asyncio.Task[Any]] = field(default_factory=WeakSet)
    faults: list[str] = field(default_factory=list)
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _main: asyncio.Task[None] | None = None
    _context: contextvars.Context | None = None
    _statements_left: int | None = None
    _databases: list[Any] = field(default_factory=list)
    _ending: asyncio.Task[None] | None = None
    _is_full: bool = False

    async def start(self) -> None:
        """Run the bot, as `webcare run` does; it serves when this returns."""
        self._context = contextvars.copy_context()
        self._context.run(OF.set, self)
        structlog.contextvars.clear_contextvars()
        ready = asyncio.get_running_loop().create_future()
        self._main = asyncio.get_running_loop().create_task(self._live(ready), context=self._context)
        await asyncio.wait({ready, self._main}, return_when=asyncio.FIRST_COMPLETED)
        if self._main.done() and not self._main.cancelled():
            self._main.result()  # it could not start

    async def _live(self, ready: asyncio.Future[None]) -> None:
        async with AsyncExitStack() as stack:
            engine = db.create_engine(self.settings.database_url)
            stack.push_async_callback(engine.dispose)
            event.listen(engine.sync_engine, "before_cursor_execute", self._count)
            event.listen(engine.sync_engine, "commit", self._count)
            event.listen(engine.sync_engine, "connect", self._connected)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTime)
            clock = SteadyClock(lambda: self.now() + self.ahead, lambda: loop.told().total_seconds())
            self.desk = await stack.enter_async_context(open_desk(self.settings, engine, clock))
            async with self.desk.session() as session:
                await accounts.ensure_team(session, self.settings, clock())
            self.app = build_app(self.desk)
            self.url = await stack.enter_async_context(serving(self.desk, self.app, http=False))
            self.alive = True
            ready.set_result(None)
            await self._clockwork(self.desk)

    async def _clockwork(self, desk: Desk) -> None:
        """Run the jobs as the scheduler does: each by its own interval, never twice at once."""
        every: dict[Job, float] = {**jobs.by_the_world(desk), **jobs.BY_OUR_CLOCK}
        running, loop = dict[Job, asyncio.Task[None]](), asyncio.get_running_loop()
        due = dict.fromkeys(every, loop.time())
        while True:
            for job, seconds in every.items():
                if due[job] <= loop.time() and (job not in running or running[job].done()):
                    due[job] = loop.time() + seconds
                    running[job] = loop.create_task(_run(job, desk))
            self._nudged.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.tick()):
                    await self._nudged.wait()

    def nudge(self) -> None:
        """Let the jobs that are due run now."""
        self._nudged.set()

    # -- hanging, and a full disk

    def hang(self) -> None:
        """Stand still at once, wherever each of its tasks is."""
        if self.alive and self.kept is None:
            self.kept = []

    def go_on(self) -> None:
        """Go on as if no time had passed."""
        kept, self.kept = self.kept, None
        if kept is not None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTime)
            loop.run_kept(kept)

    def is_in_transaction(self) -> bool:
        """Whether it holds SQLite's lock."""
        return any(each._connection is not None and each._connection.in_transaction for each in self._databases)

    def backends(self) -> list[int]:
        """The processes of PostgreSQL that work for it."""
        return [each.info.backend_pid for each in self._databases if not each.closed]

    def fill(self, is_full: bool) -> None:
        """Let SQLite's file not grow, or grow again (https://www.sqlite.org/pragma.html#pragma_max_page_count)."""
        self._is_full = is_full
        for each in self._databases:
            if each._connection is not None:
                with suppress(sqlite3.Error):
                    _limit(each._connection, is_full)

    # -- death

    def dies_at_statement(self, number: int) -> None:
        """Kill the process at its statement or commit of this number from now."""
        self._statements_left = number

    def _count(self, *_: Any) -> None:
        if self._statements_left is None:
            return
        self._statements_left -= 1
        if self._statements_left <= 0:
            self._statements_left = None
            asyncio.get_running_loop().call_soon(self.kill)

    def _connected(self, connection: Any, _: Any) -> None:
        self._databases.append(connection.driver_connection)
        if self._is_full and not isinstance(connection.driver_connection, psycopg.AsyncConnection):
            _limit(connection.driver_connection._connection, True)

    def kill(self) -> None:
        """End all that the process does, at the await where each of it is now."""
        if self._ending is not None:
            return
        self.alive = False
        self.go_on()
        for database in self._databases:  # the end of a process ends its transactions
            if not isinstance(database, psycopg.AsyncConnection):
                _close(database._connection)
        for task in list(self.tasks):
            task.cancel()
        self._ending = asyncio.get_running_loop().create_task(self._end(), context=contextvars.Context())

    async def _end(self) -> None:
        while left := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(left, timeout=DIES_WITHIN)
            for task in left:
                task.cancel()
        for database in self._databases:  # not sooner: the loop may have waited for an answer of PostgreSQL
            if isinstance(database, psycopg.AsyncConnection) and not database.closed:
                database.pgconn.finish()

    async def is_gone(self) -> None:
        """Wait until nothing of a killed process is left."""
        if self._ending is not None:
            await self._ending

    def doing(self) -> list[str]:
        """What each task of the process waits for."""
        told = []
        for task in [each for each in self.tasks if not each.done()]:
            waits: Any = task.get_coro()
            places = []
            while waits is not None:
                frame = getattr(waits, "cr_frame", None) or getattr(waits, "gi_frame", None)
                places += [f"{frame.f_code.co_qualname}:{frame.f_lineno}"] if frame else []
                waits = getattr(waits, "cr_await", None) or getattr(waits, "gi_yieldfrom", None)
            told.append(f"{self.name}, {task.get_name()}: {' > '.join(places)} {waits}")
        return told

    # -- what Slack delivers

    async def take(self, payload: Json) -> Acknowledgement:
        """Give a payload to the app, as Socket Mode does."""
        asked = AsyncBoltRequest(mode="socket_mode", body=payload, headers={})
        loop = asyncio.get_running_loop()
        assert self.app is not None
        answering = loop.create_task(self.app.async_dispatch(asked), context=self._context)
        try:
            answer = await answering
        except asyncio.CancelledError:
            if self.alive:
                raise
            return Acknowledgement(False, reason="connection_closed")
        except Exception as error:
            self.faults.append(f"the app failed on a payload: {error!r}")
            return Acknowledgement(False, reason="failed")
        if answer.status != 200:
            return Acknowledgement(False, reason=f"http_{answer.status}")
        is_json = answer.headers.get("content-type", [""])[0].startswith("application/json")
        return Acknowledgement(
            True,
            payload=json.loads(answer.body) if answer.body and is_json else None,
            text=answer.body if answer.body and not is_json else "",
        )


async def _run(job: Job, desk: Desk) -> None:
    """Run a job as the scheduler does: an error that it lets through is in the log, where the schedule finds it."""
    with going_on("a job failed", job=jobs.name_of(job)):
        await job(desk)


def _limit(database: sqlite3.Connection, is_full: bool) -> None:
    database.execute(f"PRAGMA max_page_count = {1 if is_full else 4294967294}")


def keeper(context: contextvars.Context) -> list[Kept] | None:
    """Where the loop keeps what is to run in a context whose process hangs."""
    process = context.get(OF)
    return None if process is None else process.kept


def _close(database: sqlite3.Connection | None) -> None:
    if database is None:  # it was closed already
        return
    with suppress(sqlite3.Error):
        if database.in_transaction:
            database.execute("ROLLBACK")
        database.close()


@dataclass
class ToAnyProcess:
    """Delivers each payload to one of the living processes, as Slack does with several connections."""

    processes: list[Process]
    dice: Random
    seconds: float = 3.0

    async def deliver(self, kind: Kind, payload: Json, attempt: int = 0, reason: str = "") -> Acknowledgement:
        alive = [process for process in self.processes if process.alive]
        if not alive:
            return Acknowledgement(False, reason="no_connection")
        process = self.dice.choice(alive)
        taking = asyncio.create_task(process.take(json.loads(json.dumps(payload))))
        done, _ = await asyncio.wait({taking}, timeout=self.seconds)
        return taking.result() if done else Acknowledgement(False, reason="timeout")

    async def close(self) -> None:
        """There is nothing to close."""
