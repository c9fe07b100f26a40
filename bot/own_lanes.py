"""Lanes of one process by itself: its own tasks, on every database."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from bot.logs import following, trace
from bot.wake import Drain

log = structlog.get_logger()


class OwnLanes:
    """The lanes of the only process; see bot.wake.Lanes."""

    def __init__(self, now: Callable[[], datetime], speed: float = 1.0) -> None:
        self._now, self._speed = now, speed
        self._drains: Mapping[str, Drain] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._stopped = False

    def serve(self, drains: Mapping[str, Drain]) -> None:
        """Set the drain of each kind of lane (the part of its name before the colon)."""
        self._drains = drains

    def __call__(self, lane: str) -> None:
        """Wake a lane; see Wake."""
        if self._stopped:
            return
        self._cancel_timer(lane)
        if lane in self._running:
            self._again.add(lane)
            return
        task = asyncio.get_running_loop().create_task(self._run(lane), name=lane)
        self._running[lane] = task
        task.add_done_callback(lambda _: self._ended(lane))

    async def _run(self, lane: str) -> None:
        kind, _, name = lane.partition(":")
        with following(anew=True):  # whoever woke it: it does all work that waits
            try:
                due = await self._drains[kind](name)
            except Exception as error:  # the sweep tries it again; other lanes go on
                log.error("lane failed", lane=kind, **trace(error))
                return
        if due is not None and not self._stopped:
            delay = max(0.0, (due - self._now()).total_seconds() / self._speed)
            self._cancel_timer(lane)
            self._timers[lane] = asyncio.get_running_loop().call_later(delay, self, lane)

    def _ended(self, lane: str) -> None:
        del self._running[lane]
        if lane in self._again:
            self._again.discard(lane)
            self(lane)

    def _cancel_timer(self, lane: str) -> None:
        timer = self._timers.pop(lane, None)
        if timer is not None:
            timer.cancel()

    def running(self, kind: str) -> int:
        """Return how many lanes of this kind are at work."""
        return sum(lane.startswith(f"{kind}:") for lane in self._running)

    async def idle(self) -> None:
        """Wait until no lane is running (timers may still be set)."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await asyncio.sleep(0)

    async def stop(self, seconds: float = 10) -> None:
        """Start nothing new, wait `seconds` for running lanes, then cancel them; their work is in the database."""
        self._stopped = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
