"""Lanes that processes share: one at a time whoever runs them, at once or at their moment, and nothing is forgotten.

Each SharedLanes here is what one process has. No sweep helps: what was woken must run by itself.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any

import pytest
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import db
from bot.shared_lanes import SharedLanes, shared_lanes
from bot.wake import note, settle
from tests.conftest import Databases, eventually

PROCESSES = 3
LANE = "work:a"


def utc_now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def engine(databases: Databases, postgres_uri: str) -> AsyncIterator[AsyncEngine]:
    engine = db.create_engine(await databases.postgresql(postgres_uri))
    yield engine
    await engine.dispose()


@asynccontextmanager
async def opened(engine: AsyncEngine, drain: Any = None, work_of: Any = None) -> AsyncIterator[SharedLanes]:
    """The lanes of one process; with a drain it runs them, and is stopped at the end."""
    async with shared_lanes(engine, utc_now, 1, work_of or (lambda row: None)) as lanes:
        if drain is not None:
            lanes.serve({"work": drain})
            lanes.work()
        try:
            yield lanes
        finally:
            await lanes.stop(1)


class Runs:
    """A drain that counts; each of its runs ends with the next of `ends`, once `go` is set."""

    def __init__(self, *ends: timedelta | Exception | None) -> None:
        self.go, self.ends = asyncio.Event(), list(ends)
        self.go.set()
        self.started, self.ended, self.at_once, self.most = 0, 0, 0, 0
        self.at = list[datetime]()

    async def have_ended(self, times: int) -> None:
        await until(lambda: self.ended == times)

    async def __call__(self, name: str) -> datetime | None:
        self.started += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.at.append(utc_now())
        try:
            await self.go.wait()
            end = self.ends.pop(0) if self.ends else None
        finally:
            self.at_once -= 1
            self.ended += 1
        if isinstance(end, Exception):
            raise end
        return None if end is None else utc_now() + end


async def until(holds: Callable[[], Any]) -> None:
    async def now() -> Any:
        return holds()

    await eventually(now)


async def jobs_of(engine: AsyncEngine, what: str = "status") -> list[Any]:
    async with engine.connect() as connection:
        rows = await connection.execute(text(f"SELECT {what} FROM procrastinate_jobs ORDER BY id"))
        return list(rows.scalars())


async def none_left(engine: AsyncEngine) -> bool:
    return not await jobs_of(engine)


async def test_a_wake_is_run_by_one_of_all(engine: AsyncEngine) -> None:
    runs = Runs()
    async with AsyncExitStack() as stack:
        those = [await stack.enter_async_context(opened(engine, runs)) for _ in range(PROCESSES)]
        those[0](LANE)
        await until(lambda: runs.ended)
        await eventually(lambda: none_left(engine))
        assert runs.started == 1


async def test_a_process_that_does_not_work_wakes_the_others(engine: AsyncEngine) -> None:
    runs = Runs()
    async with opened(engine) as web, opened(engine, runs):
        web(LANE)
        await until(lambda: runs.ended == 1)


async def test_a_transaction_wakes_its_lanes_by_its_commit_and_not_without_it(engine: AsyncEngine) -> None:
    async with opened(engine) as lanes:
        with suppress(_Fault):
            async with db.sessions(engine, lanes.waking)() as session:
                note(session, LANE)
                raise _Fault
        assert await none_left(engine)
        async with db.sessions(engine, lanes.waking)() as session:
            for lane in ("work:b", LANE, "work:b"):
                note(session, lane)
            assert await none_left(engine)
        assert await jobs_of(engine, "lock") == [LANE, "work:b"]


async def test_a_lane_is_not_woken_for_what_its_writer_does_itself(engine: AsyncEngine) -> None:
    async with opened(engine) as lanes:
        async with db.sessions(engine, lanes.waking)() as session:
            for row in (1, 2):
                note(session, LANE, row)
                note(session, "work:b", row)
                settle(session, LANE, row)
            settle(session, "work:b", 2)
            note(session, "work:c", 1)
            note(session, "work:c")
            settle(session, "work:c", 1)
            settle(session, "work:d", 1)
        assert await jobs_of(engine, "lock") == ["work:b", "work:c"]


async def test_a_waiting_job_does_not_begin_before_the_commit_of_another_that_wakes_it(engine: AsyncEngine) -> None:
    runs = Runs()
    async with opened(engine) as lanes:
        lanes(LANE)
        await eventually(lambda: jobs_of(engine))
        async with db.sessions(engine, lanes.waking)() as session:
            async with lanes.waking(session):
                note(session, LANE)
            async with opened(engine, runs) as worker:
                worker("work:other")
                await until(lambda: runs.ended == 1)  # it works, and leaves the locked job alone
                assert await jobs_of(engine, "lock") == [LANE]
        async with opened(engine, runs):
            await until(lambda: runs.ended == 2)


async def test_woken_a_hundred_times_while_it_runs_it_runs_once_more_and_never_beside_itself(
    engine: AsyncEngine,
) -> None:
    runs = Runs()
    runs.go.clear()
    async with AsyncExitStack() as stack:
        those = [await stack.enter_async_context(opened(engine, runs)) for _ in range(PROCESSES)]
        those[0](LANE)
        await until(lambda: runs.started)
        for n in range(100):
            those[n % PROCESSES](LANE)
        await eventually(lambda: waiting(engine))
        runs.go.set()
        await eventually(lambda: none_left(engine))
        assert (runs.started, runs.most) == (2, 1)


async def waiting(engine: AsyncEngine) -> bool:
    return "todo" in await jobs_of(engine)


async def test_a_wake_while_a_process_looks_for_work_is_not_left_until_it_looks_again(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.shared_lanes.POLL_SECONDS", 3600.0)
    fetch, hear = JobManager.fetch_job, Worker._handle_notification
    found_nothing, answer, told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def late(jobs: JobManager, *given: Any, **named: Any) -> Job | None:
        job = await fetch(jobs, *given, **named)
        found_nothing.set()
        await answer.wait()  # what the database found is on its way
        return job

    async def hears(worker: Worker, **heard: Any) -> None:
        await hear(worker, **heard)
        told.set()

    monkeypatch.setattr(JobManager, "fetch_job", late)
    monkeypatch.setattr(Worker, "_handle_notification", hears)
    runs = Runs()
    async with opened(engine) as web, opened(engine, runs):
        await found_nothing.wait()
        await eventually(lambda: listens(engine))
        web(LANE)
        await told.wait()
        answer.set()
        await runs.have_ended(1)


async def listens(engine: AsyncEngine) -> bool:
    """Whether a process is told of wakes: one that came before waits for a look."""
    those = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN %'"
    )
    async with engine.connect() as connection:
        return bool((await connection.execute(text(those))).scalar())


async def test_a_wake_while_the_last_run_is_being_written_down_is_not_left_until_somebody_looks(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.shared_lanes.POLL_SECONDS", 3600.0)
    runs = Runs()
    runs.go.clear()
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with opened(engine) as web, opened(engine, runs):
        await eventually(lambda: listens(engine))  # here nobody looks by themselves
        web(LANE)
        await until(lambda: runs.started)

        async with engine.begin() as held:
            await held.execute(text("SELECT FROM procrastinate_jobs WHERE status = 'doing' FOR UPDATE"))
            runs.go.set()

            async def is_written_down() -> bool:
                async with engine.connect() as connection:
                    return bool((await connection.execute(text(waits))).scalar())

            async def waits_too() -> bool:
                return await jobs_of(engine) == ["doing", "todo"]

            await eventually(is_written_down)
            web(LANE)
            await eventually(waits_too)

        await runs.have_ended(2)
        await eventually(lambda: none_left(engine))


async def test_a_lane_that_is_due_later_runs_then_though_the_process_that_knew_it_is_gone(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.shared_lanes.SOON_SECONDS", 7200.0)  # the first would wake it to the millisecond
    soon = text("UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 second' RETURNING scheduled_at")
    runs = Runs(timedelta(hours=1))  # so long that the first is gone by then, whatever else this machine has to do
    async with opened(engine, runs) as lanes:
        lanes(LANE)
        await eventually(lambda: is_put_off(engine, only=True))
    assert runs.ended == 1
    async with opened(engine, runs):
        async with engine.begin() as connection:
            due = (await connection.execute(soon)).scalar_one()
        await until(lambda: runs.ended == 2)
    assert runs.at[1] >= due


async def is_put_off(engine: AsyncEngine, *, only: bool = False) -> bool:
    moments = await jobs_of(engine, "scheduled_at")
    return any(moments) and (len(moments) == 1 or not only)


async def test_a_wake_before_the_moment_for_which_a_lane_waits_runs_it_at_once(engine: AsyncEngine) -> None:
    runs = Runs(timedelta(hours=1), timedelta(hours=2), timedelta(hours=3))
    async with opened(engine, runs) as lanes, opened(engine, runs) as others:
        for count, wake in enumerate((lanes, others), 1):
            wake(LANE)
            await runs.have_ended(count)
            await eventually(lambda: is_put_off(engine))
        async with db.sessions(engine, others.waking)() as session:
            note(session, LANE)
        await until(lambda: runs.ended == 3)
        await eventually(lambda: is_put_off(engine, only=True))  # the job that ran goes after the next is there


async def test_of_two_moments_a_lane_waits_for_the_earlier(engine: AsyncEngine) -> None:
    async with opened(engine) as lanes:
        for hours in (2, 1, 3):
            await lanes._wait_until(LANE, utc_now() + timedelta(hours=hours))
        [at] = await jobs_of(engine, "scheduled_at")
        assert timedelta(minutes=59) < at - utc_now() < timedelta(minutes=61)
        lanes(LANE)
        await eventually(lambda: is_now(engine))
        await lanes._wait_until(LANE, utc_now() + timedelta(hours=1))
        assert await is_now(engine)


async def is_now(engine: AsyncEngine) -> bool:
    return await jobs_of(engine, "scheduled_at") == [None]


@pytest.mark.logs("lane failed")
async def test_a_drain_that_fails_ends_nothing(engine: AsyncEngine, capfd: pytest.CaptureFixture[str]) -> None:
    runs = Runs(ValueError("de woorden van een burger"))
    async with opened(engine, runs) as lanes:
        for count in (1, 2):
            lanes(LANE)
            await runs.have_ended(count)
            await eventually(lambda: none_left(engine))
        lanes("unknown:1")
        await eventually(lambda: none_left(engine))
    logged = "".join(capfd.readouterr())
    assert "ValueError" in logged
    assert "burger" not in logged


async def test_a_lane_that_is_cut_off_when_its_process_stops_is_handed_to_another(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.shared_lanes.END_SECONDS", 60.0)  # whatever else this machine has to do
    hangs, runs = Runs(), Runs()
    hangs.go.clear()
    async with opened(engine, hangs) as lanes:
        lanes(LANE)
        await until(lambda: hangs.started)
        await lanes.stop(0.1)
        assert hangs.at_once == 0
        assert await jobs_of(engine) == ["todo"]
        async with opened(engine, runs):
            await until(lambda: runs.ended == 1)


@pytest.mark.parametrize("woken_since", [False, True])
async def test_the_lane_of_a_process_that_does_not_answer_any_more_is_run_by_another(
    engine: AsyncEngine, woken_since: bool
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 min')")
        )
        await connection.execute(
            text(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)"
                " SELECT 'lanes', 'lane', :lane, :lane, jsonb_build_object('lane', CAST(:lane AS text)), 'doing', id"
                " FROM procrastinate_workers"
            ),
            {"lane": LANE},
        )
    runs = Runs()
    async with opened(engine, runs) as lanes:
        if woken_since:
            lanes(LANE)
        await until(lambda: runs.ended)
        await eventually(lambda: none_left(engine))
        assert runs.most == 1


async def test_a_process_that_was_forgotten_while_it_hung_goes_on_working(engine: AsyncEngine) -> None:
    runs = Runs()
    async with opened(engine, runs) as lanes:
        lanes(LANE)
        await until(lambda: runs.ended)
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM procrastinate_workers"))
        lanes(LANE)
        await until(lambda: runs.ended == 2)


async def test_after_the_database_cut_all_connections_the_work_goes_on(engine: AsyncEngine) -> None:
    runs = Runs()
    async with opened(engine, runs) as lanes:
        lanes(LANE)
        await until(lambda: runs.ended)
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        async with engine.connect() as connection:
            await connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))

        async def woken_again() -> bool:
            lanes(LANE)  # as the sweep does
            await asyncio.sleep(0.2)
            return runs.ended > 1

        await eventually(woken_again)


async def test_each_tick_wakes_its_lane_once_however_many_ask(engine: AsyncEngine) -> None:
    runs = Runs()
    century, longer = 3.2e9, 6.4e9
    async with AsyncExitStack() as stack:
        those = [await stack.enter_async_context(opened(engine, runs)) for _ in range(PROCESSES)]
        for count, slot in ((1, century), (1, century)):
            await asyncio.gather(*(lanes.tick([LANE], slot) for lanes in those))
            await until(lambda: runs.ended)
            await eventually(lambda: none_left(engine))
            assert runs.started == count
        await asyncio.gather(*(lanes.tick(["work:other", "work:third"], longer) for lanes in those))
        await until(lambda: runs.ended == 3)


async def test_a_tick_while_the_last_one_still_waits_adds_none(engine: AsyncEngine) -> None:
    async with opened(engine) as lanes:
        await lanes.tick([LANE], 3.2e9)
        await asyncio.gather(*(lanes.tick([LANE], 1e-3) for _ in range(5)))
        assert await jobs_of(engine) == ["todo"]


async def test_a_tick_of_several_lanes_wakes_the_rest_when_another_process_just_woke_one(engine: AsyncEngine) -> None:
    woken = "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock) VALUES ('lanes', 'x', :l, :l)"
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with opened(engine) as lanes, engine.connect() as other:
        await other.execute(text(woken), {"l": LANE})
        ticks = asyncio.create_task(lanes.tick([LANE, "work:b", "work:c"], 3.2e9))

        async def blocked() -> bool:
            async with engine.connect() as connection:
                return (await connection.execute(text(waits))).first() is not None

        await eventually(blocked)
        await other.commit()
        await ticks
        assert sorted(await jobs_of(engine, "lock")) == [LANE, "work:b", "work:c"]


# -- any order


class Shop:
    """Work in a table, done by drains; each notes what must never be."""

    def __init__(self, engine: AsyncEngine, dice: Random) -> None:
        self.engine, self.dice = engine, dice
        self.at_once = Counter[str]()
        self.wrong = list[str]()

    async def drain(self, name: str) -> datetime | None:
        """Do what is due, one after another; says when more is due."""
        self.at_once[name] += 1
        if self.at_once[name] > 1:
            self.wrong.append(f"{name} runs twice at once")
        try:
            while True:
                async with self.engine.begin() as connection:
                    undone = "FROM work WHERE lane = :lane AND done = 0"
                    done = await connection.execute(
                        text(
                            f"UPDATE work SET done = done + 1 WHERE id = (SELECT min(id) {undone}"
                            " AND due <= clock_timestamp()) RETURNING id"
                        ),
                        {"lane": name},
                    )
                    if done.first() is None:
                        left = await connection.execute(text(f"SELECT min(due) {undone}"), {"lane": name})
                        return left.scalar()
                await asyncio.sleep(self.dice.choice((0, 0, 0.01, 0.1)))
                if self.dice.random() < 0.05:
                    raise _Fault
        except _Fault:
            return utc_now()  # a drain that gives up says that it is due
        finally:
            self.at_once[name] -= 1

    async def add(self, lanes: SharedLanes) -> None:
        """Some work for some lanes, in one transaction, which wakes them by its commit or right after it."""
        those = self.dice.sample("abcd", self.dice.choice((1, 1, 2)))
        by_note, fails = self.dice.random() < 0.6, self.dice.random() < 0.1
        try:
            async with db.sessions(self.engine, lanes.waking)() as session:
                for name in those:
                    due = utc_now() + timedelta(seconds=self.dice.choice((0, 0, 0, 0.2, 0.9)))
                    added = text("INSERT INTO work (lane, due) VALUES (:lane, :due)")
                    await (await session.connection()).execute(added, {"lane": name, "due": due})
                    if by_note:
                        note(session, f"work:{name}")
                    await asyncio.sleep(self.dice.choice((0, 0, 0.02)))
                if fails:
                    raise _Fault
        except _Fault:
            return
        if not by_note:
            for name in those:
                lanes(f"work:{name}")

    async def all_done(self) -> bool:
        async with self.engine.connect() as connection:
            return (await connection.execute(text("SELECT count(*) FROM work WHERE done = 0"))).scalar() == 0


class _Fault(Exception):
    pass


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_woken_in_whatever_order_is_done_without_a_sweep(engine: AsyncEngine, seed: int) -> None:
    """Three processes and some that come and go; lanes are woken in transactions and after them, now and for later."""
    dice = Random(seed)
    async with engine.begin() as connection:
        await connection.execute(
            text("CREATE TABLE work (id serial PRIMARY KEY, lane text, due timestamptz, done int DEFAULT 0)")
        )
    shop = Shop(engine, dice)

    async def comes_and_goes() -> None:
        for _ in range(3):
            async with opened(engine, shop.drain) as lanes:
                for _ in range(5):
                    await shop.add(lanes)
                    await asyncio.sleep(dice.random() / 5)

    async def stays(lanes: SharedLanes) -> None:
        for _ in range(25):
            await shop.add(lanes)
            await asyncio.sleep(dice.choice((0, 0.02, 0.2)))

    async with AsyncExitStack() as stack:
        those = [await stack.enter_async_context(opened(engine, shop.drain)) for _ in range(PROCESSES)]
        await asyncio.gather(comes_and_goes(), *map(stays, those))
        await eventually(shop.all_done)
    assert shop.wrong == []
    async with engine.connect() as connection:
        assert set((await connection.execute(text("SELECT done FROM work"))).scalars()) == {1}


def test_the_tables_of_the_queue_are_those_of_the_library_that_is_installed() -> None:
    """Before a newer library is allowed, a migration must bring the tables of existing installations up to it."""
    newest = max(each.name for each in (files("procrastinate.sql") / "migrations").iterdir() if ".sql" in each.name)
    migration = (db.MIGRATIONS / "versions" / "0062_queue.py").read_text(encoding="utf-8")
    assert newest in migration
