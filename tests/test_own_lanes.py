"""Lanes in one process: woken often they run seldom, never two at a time, and nothing that was woken is forgotten."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.own_lanes import OwnLanes

NOW = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)


class Lane:
    """A lane's drain under the test's control: each run waits for `go`, then ends with the next of `ends`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.ends: list[datetime | Exception | None] = []
        self.started = self.ended = self.running = self.most_running = 0

    async def __call__(self, name: str) -> datetime | None:
        self.started += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self.go.wait()
            end = self.ends.pop(0) if self.ends else None
            if isinstance(end, Exception):
                raise end
            return end
        finally:
            self.running -= 1
            self.ended += 1


@pytest.fixture
async def lane() -> Lane:
    return Lane()


@pytest.fixture
async def wake(lane: Lane) -> AsyncIterator[OwnLanes]:
    lanes = OwnLanes(lambda: NOW)
    lanes.serve({"messages": lane})
    yield lanes
    lane.go.set()
    await lanes.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.001)


async def a_few_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_lane_woken_a_hundred_times_at_once_runs_twice(wake: OwnLanes, lane: Lane) -> None:
    for _ in range(100):
        wake("messages:C1")
    lane.go.set()
    await wake.idle()
    assert (lane.started, lane.most_running) == (2, 1)


async def test_a_wake_during_a_drain_makes_it_run_once_more_and_never_beside_itself(wake: OwnLanes, lane: Lane) -> None:
    wake("messages:C1")
    await until(lambda: lane.running == 1)
    for _ in range(3):
        wake("messages:C1")
    await a_few_turns()
    assert lane.started == 1
    lane.go.set()
    await wake.idle()
    assert (lane.started, lane.most_running) == (2, 1)


async def test_lanes_run_beside_each_other(wake: OwnLanes, lane: Lane) -> None:
    wake("messages:C1")
    wake("messages:C2")
    await until(lambda: lane.running == 2)


@pytest.mark.logs("lane failed")
async def test_a_drain_that_fails_ends_nothing(wake: OwnLanes, lane: Lane, capfd: pytest.CaptureFixture[str]) -> None:
    lane.ends = [ValueError("de woorden van een burger")]
    lane.go.set()
    wake("messages:C1")
    await wake.idle()
    wake("messages:C1")
    await wake.idle()
    assert lane.ended == 2
    logged = "".join(capfd.readouterr())
    assert "ValueError" in logged
    assert "burger" not in logged


@pytest.mark.logs("lane failed")
async def test_a_wake_during_a_drain_that_fails_is_not_lost(wake: OwnLanes, lane: Lane) -> None:
    lane.ends = [ValueError()]
    wake("messages:C1")
    await until(lambda: lane.running == 1)
    wake("messages:C1")
    lane.go.set()
    await wake.idle()
    assert lane.ended == 2


@pytest.mark.logs("lane failed")
async def test_a_lane_that_nothing_drains_ends_nothing(wake: OwnLanes, lane: Lane) -> None:
    wake("unknown:1")
    await wake.idle()
    lane.go.set()
    wake("messages:C1")
    await wake.idle()
    assert lane.ended == 1


async def test_a_drain_runs_again_when_more_falls_due(wake: OwnLanes, lane: Lane) -> None:
    lane.ends = [NOW + timedelta(milliseconds=5), NOW - timedelta(days=1), None]
    lane.go.set()
    wake("messages:C1")
    await until(lambda: lane.ended == 3)
    await a_few_turns()
    assert lane.ended == 3


async def test_a_wake_before_the_due_time_runs_at_once_and_keeps_only_the_newest_due_time(
    wake: OwnLanes, lane: Lane
) -> None:
    lane.ends = [NOW + timedelta(hours=1), NOW + timedelta(milliseconds=5), None]
    lane.go.set()
    wake("messages:C1")
    await wake.idle()
    assert lane.ended == 1
    wake("messages:C1")
    await until(lambda: lane.ended == 3)
    await a_few_turns()
    assert lane.ended == 3


async def test_stopping_lets_what_runs_end_and_starts_nothing_new(wake: OwnLanes, lane: Lane) -> None:
    lane.ends = [NOW]
    wake("messages:C1")
    await until(lambda: lane.running == 1)
    wake("messages:C1")
    stopping = asyncio.create_task(wake.stop())
    await a_few_turns()
    assert not stopping.done()
    wake("messages:C2")
    lane.go.set()
    await stopping
    await a_few_turns()
    assert (lane.started, lane.ended) == (1, 1)


async def test_stopping_forgets_due_times(wake: OwnLanes, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    lane.ends = [NOW + timedelta(hours=1)]
    lane.go.set()
    wake("messages:C1")
    await wake.idle()
    await wake.stop()
    loop = asyncio.get_running_loop()
    moment = loop.time() + 2 * 3600
    monkeypatch.setattr(loop, "time", lambda: moment)
    await a_few_turns()
    assert lane.ended == 1


async def test_stopping_cancels_what_will_not_end() -> None:
    ended: list[str] = []

    async def hangs(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    lanes = OwnLanes(lambda: NOW)
    lanes.serve({"messages": hangs})
    lanes("messages:C1")
    await a_few_turns()
    await lanes.stop(seconds=0.01)
    assert ended == ["C1"]
