"""Lanes that several processes share, on any number of hosts: jobs of Procrastinate, in the same PostgreSQL.

A lane is a job whose `lock` and `queueing_lock` are the lane's name: at most one runs and at most one waits. A
transaction that makes work for a lane makes its job too. Of a lane that waits for a moment, the job waits for it; an
earlier wake moves that job forward. The job of a process that died, or hangs, is given to another.

A lock only shares the work out. That a message or a reply goes out once rests on the leases in their own rows, so a
process that hung for minutes, and then goes on with a lane that another has by now, does no harm.

https://procrastinate.readthedocs.io/en/stable/howto/advanced/locks.html
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job
from procrastinate.manager import JobManager, NotificationCallback
from psycopg.abc import RV, PQGen
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from bot.db import REACHED_BY, says_something
from bot.logs import trace
from bot.wake import NOTED, Drain, note

log = structlog.get_logger()

QUEUE, TASK = "lanes", "lane"
CONCURRENCY = 64
"""How many lanes one process runs at once: a lane mostly waits for others, and one that waits long blocks none."""
CONNECTIONS = 4
"""How many connections to the database a process may use for its jobs, besides the one on which it listens."""
POLL_SECONDS = 2.0
"""How late a job may begin that nobody is told of: the moment that it waits for, and what a process that died owed."""
HEARTBEAT_SECONDS, STALLED_SECONDS, LOOK_SECONDS = 2.0, 10.0, 2.0
"""A process says this often that it lives; silent this long, its jobs are given to others; who look this often."""
FORGOTTEN_SECONDS = 3600.0
"""A process that was silent this long is forgotten at the start of another; should it go on, it registers anew."""
SOON_SECONDS = 10.0
"""A lane that is due within this time is woken by the process that ran it, to the millisecond."""
AGAIN_SECONDS = 1.0
"""How long after a fault (the database is down) the work is begun again."""
PATIENCE_SECONDS = 5.0
"""How long running lanes may go on when the work begins again after a fault."""
END_SECONDS = 0.5
"""How long it may take to write down that a lane ended or was cut off."""
DATABASE_SECONDS = 10.0
"""How long to wait for one of the connections."""
LISTENS_SECONDS = 60.0
"""How long the driver waits before it looks around; it is woken by what the server says, and by being cancelled."""

_WAKE = """
WITH woken AS (
  INSERT INTO procrastinate_jobs AS waiting (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
  SELECT %(queue)s, %(task)s, lane, lane, jsonb_build_object('lane', lane),
    clock_timestamp() + CAST(%(seconds)s AS double precision) * interval '1 second'
  FROM unnest(CAST(%(lanes)s AS text[])) AS lane ORDER BY lane
  ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = CASE
    WHEN waiting.scheduled_at IS NOT NULL AND excluded.scheduled_at IS NOT NULL
    THEN least(waiting.scheduled_at, excluded.scheduled_at) END
  RETURNING waiting.xmax <> 0 AS was_waiting, waiting.scheduled_at IS NULL AS now
)
SELECT pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}')
FROM woken WHERE was_waiting AND now LIMIT 1
"""
"""Wakes lanes, now or in some seconds, in one order. If a lane's job waits already, it is due at the earlier moment.

The waiting job is locked until the commit, so it does not start before the rows that it is for can be read. The
library's own `defer` raises AlreadyEnqueued there, and that ends the transaction. An insert tells the processes by
itself; a changed moment must be told.
"""
_TAKE_WAITING = """
DELETE FROM procrastinate_jobs WHERE id = (
  SELECT id FROM procrastinate_jobs
  WHERE queueing_lock = %(lane)s AND status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
  FOR UPDATE SKIP LOCKED
) RETURNING id
"""
"""Takes the job that waits until the lane's running one ends: the running one then does its work, without a gap."""
_TICK = """
SELECT procrastinate_defer_periodic_job_v2(%(queue)s, lane, lane, %(task)s, 0, lane, slot,
  jsonb_build_object('lane', lane, 'slot', slot)) AS id
FROM (SELECT CAST(lane AS varchar) FROM unnest(CAST(%(lanes)s AS text[])) AS lane ORDER BY lane) AS lanes,
  CAST(%(seconds)s AS numeric) AS length,
  CAST(floor(extract(epoch FROM clock_timestamp()) / length) * length AS bigint) AS slot
WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = lane AND status = 'todo')
"""
"""Wakes lanes for the present slot of time, by the database's clock, if no process did so yet."""
_HAND_ON = """
WITH stalled AS (
  DELETE FROM procrastinate_jobs WHERE id = ANY(%(jobs)s) AND status = 'doing'
  RETURNING queue_name, task_name, lock, queueing_lock, args
)
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT queue_name, task_name, lock, queueing_lock, args FROM stalled ORDER BY queueing_lock
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = NULL
RETURNING id
"""
"""Makes the jobs of dead processes wait anew. The library's own retry fails if the lane was woken since."""


_TELL = """
SELECT pg_notify('procrastinate_queue_v1#' || %(queue)s, '{"type": "job_inserted", "job_id": 0}')
FROM procrastinate_jobs
WHERE queueing_lock = %(lane)s AND status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
"""
"""Tells of the job that came while the lane's last one was ending: nobody could take it then."""


class _Connection(psycopg.AsyncConnection[Any]):
    """Waits for the server without waking up ten times a second, which the driver does for Ctrl-C in other programs."""

    async def wait(self, gen: PQGen[RV], **limits: Any) -> RV:  # type: ignore[override]  # nobody gives them by place
        return await super().wait(gen, **{"interval": LISTENS_SECONDS, **limits})


class _Jobs(JobManager):
    """Looks again when it was told of work while it looked: the library's worker forgets what comes in that moment."""

    _told = 0

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        async def hear(**told: Any) -> None:
            self._told += 1
            await on_notification(**told)

        await super().listen_for_jobs(on_notification=hear, queues=queues)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        while True:
            told = self._told
            job = await super().fetch_job(queues, worker_id)
            if job or told == self._told:
                return job


class SharedLanes:
    """The lanes of one process among several; see bot.wake.Lanes.

    It wakes them from the beginning, and runs them once it is told to `work`. `work_of` says for which lane a new or
    changed row is work, if for any.
    """

    def __init__(
        self, app: App, now: Callable[[], datetime], speed: float, work_of: Callable[[object], str | None]
    ) -> None:
        self._app, self._now, self._speed, self._work_of = app, now, speed, work_of
        self._drains: Mapping[str, Drain] = {}
        self._woken = set[str]()
        self._wakes = set[asyncio.Task[None]]()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._workers = list[asyncio.Task[None]]()
        self._running: dict[asyncio.Task[Any], str] = {}
        self._stopped = False
        app.task(name=TASK)(self._run)

    def serve(self, drains: Mapping[str, Drain]) -> None:
        """Set the drain of each kind of lane (the part of its name before the colon)."""
        self._drains = drains

    # -- waking

    def __call__(self, lane: str) -> None:
        """Wake a lane; see bot.wake.Wake. If the database does not take it now, the sweep finds the work."""
        self._woken.add(lane)
        if len(self._woken) == 1:
            self._soon(self._wake(), "waking lanes")

    def _soon(self, saying: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(saying, name=name)
        self._wakes.add(task)
        task.add_done_callback(self._wakes.discard)

    async def _wake(self) -> None:
        lanes, self._woken = self._woken, set()
        try:
            await self._ask(_WAKE, lanes=sorted(lanes), seconds=None)
        except Exception as error:
            log.warning("lanes were not woken; the sweep wakes them", lanes=len(lanes), **trace(error))

    @asynccontextmanager
    async def waking(self, session: AsyncSession) -> AsyncIterator[None]:
        """Wake, in the transaction of this block, the lanes for which it makes work (bot.db.Within)."""
        noted = session.info.setdefault(NOTED, {})

        def note_rows(flushed: Session, _: object) -> None:
            for row in (*flushed.new, *flushed.dirty):
                if lane := self._work_of(row):
                    note(session, lane, row.id)

        event.listen(session.sync_session, "after_flush", note_rows)
        yield
        await session.flush()
        if noted:
            connection = await (await session.connection()).get_raw_connection()
            driver = connection.driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)  # noqa: S101 - for the type
            await driver.execute(_WAKE, {"queue": QUEUE, "task": TASK, "lanes": sorted(noted), "seconds": None})

    async def tick(self, lanes: Sequence[str], seconds: float) -> None:
        """Wake each of these lanes once for each slot of so many seconds, however many processes ask for it."""
        try:
            await self._ask(_TICK, lanes=lanes, seconds=seconds)
        except UniqueViolation:  # another woke one of them at this moment; that says nothing of the rest
            for lane in lanes if len(lanes) > 1 else ():
                await self.tick([lane], seconds)
        except Exception as error:
            log.warning("a tick was missed; the next one does its work", lanes=len(lanes), **trace(error))

    async def _ask(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        asked = self._app.connector.execute_query_all_async(query=query, queue=QUEUE, task=TASK, **arguments)
        return await asked

    # -- working

    def work(self) -> None:
        """Run lanes from now on, until stopped."""
        loop = asyncio.get_running_loop()
        self._workers = [
            loop.create_task(self._forever(self._work, AGAIN_SECONDS), name="lanes"),
            loop.create_task(self._forever(self._hand_on, LOOK_SECONDS), name="lanes of the dead"),
        ]

    async def _forever(self, turn: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self._stopped:
            try:
                await turn()
            except Exception as error:
                log.warning("the queue does not answer; we try again", **trace(error))
            await asyncio.sleep(pause)

    async def _work(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE],
            concurrency=CONCURRENCY,
            fetch_job_polling_interval=POLL_SECONDS,
            abort_job_polling_interval=FORGOTTEN_SECONDS,  # nobody asks to abort a lane
            shutdown_graceful_timeout=PATIENCE_SECONDS,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=FORGOTTEN_SECONDS,
        )

    async def _hand_on(self) -> None:
        """Let others run the lanes of processes that died or hang."""
        stalled = await self._app.job_manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS)
        ids = [job.id for job in stalled]
        if ids and (handed := await self._ask(_HAND_ON, jobs=ids)):
            log.warning("lanes of a process that does not answer any more run again", lanes=len(handed))

    async def _run(self, lane: str, slot: int = 0) -> None:
        """Run a lane until nothing is left, or until a moment that is known: the job of Procrastinate.

        What a tick wakes in its `slot` of time asks for no more: what waits by then is the next tick, and has time.
        """
        kind, _, name = lane.partition(":")
        self._cancel_timer(lane)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type
        self._running[task] = lane
        task.add_done_callback(self._ended if not slot else self._running.pop)
        try:
            due = await self._drains[kind](name)
            while not slot and not self._stopped and await self._ask(_TAKE_WAITING, lane=lane):
                due = await self._drains[kind](name)
            if due is not None:
                await self._wait_until(lane, due)
        except asyncio.CancelledError:  # we stop: another goes on
            with suppress(Exception):
                await asyncio.shield(self._ask(_WAKE, lanes=[lane], seconds=None))
            raise
        except Exception as error:  # the sweep tries it again; other lanes go on
            log.error("lane failed", lane=kind, **trace(error))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        lane = self._running.pop(task)
        self._soon(self._tell(lane), "telling of what waits")

    async def _tell(self, lane: str) -> None:
        with suppress(Exception):  # others look for themselves, a little later
            await self._ask(_TELL, lane=lane)

    def running(self, kind: str) -> int:
        """Return how many lanes of this kind are at work in this process."""
        return sum(lane.startswith(f"{kind}:") for lane in self._running.values())

    async def _wait_until(self, lane: str, due: datetime) -> None:
        """Let the lane run again at this moment, whoever lives then."""
        seconds = max(0.0, (due - self._now()).total_seconds() / self._speed)
        await self._ask(_WAKE, lanes=[lane], seconds=seconds)
        if seconds <= SOON_SECONDS and not self._stopped:
            self._cancel_timer(lane)
            self._timers[lane] = asyncio.get_running_loop().call_later(seconds, self, lane)

    def _cancel_timer(self, lane: str) -> None:
        timer = self._timers.pop(lane, None)
        if timer is not None:
            timer.cancel()

    async def stop(self, seconds: float = 10) -> None:
        """Start nothing new, and wait for running lanes; what is cut off is handed to others."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for worker in self._workers:
            worker.cancel()
        if self._running:
            _, late = await asyncio.wait(set(self._running), timeout=seconds)
            for task in late:
                task.cancel()
        for ending in ({*self._workers, *self._running}, self._wakes):  # who ended tells others of what waits
            if ending:
                await asyncio.wait(set(ending), timeout=END_SECONDS)


@asynccontextmanager
async def shared_lanes(
    engine: AsyncEngine, now: Callable[[], datetime], speed: float, work_of: Callable[[object], str | None]
) -> AsyncIterator[SharedLanes]:
    """Open the lanes on the engine's PostgreSQL, with a few connections of their own."""

    async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_autocommit(True)

    connector = PsycopgConnector(
        pool_factory=_pool,
        connection_class=_Connection,
        kwargs=_address(engine),
        configure=configure,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=DATABASE_SECONDS,
    )
    app = App(connector=connector)
    app.job_manager = _Jobs(connector)
    async with app.open_async():
        yield SharedLanes(app, now, speed, work_of)


def _pool(**given: Any) -> AsyncConnectionPool[Any]:
    """Return the pool of the queue's connections; the library would ask of each, each time, whether it is there."""
    return AsyncConnectionPool(**{**given, "check": _check})


async def _check(connection: _Connection) -> None:
    """Raise when the server closed a connection; it is asked only if it said something that nobody asked for."""
    if connection.closed or says_something(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


def _address(engine: AsyncEngine) -> Mapping[str, Any]:
    """Return how psycopg reaches the engine's database."""
    _, given = engine.dialect.create_connect_args(engine.url)
    return {**REACHED_BY, **{name: value for name, value in given.items() if name != "context"}}
