"""An event loop whose clock skips the time in which nothing happens: a weekend takes no longer than its work.

The clock stands still while anything is being done. When nothing is left to do, it moves on to the next timer. What
threads and PostgreSQL do meanwhile is waited for, but not for ever: a transaction may wait for one that sleeps.
"""

import asyncio
import contextvars
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Args = TypeVarTuple("Args")
Ready = tuple[selectors.SelectorKey, int]
Kept = tuple[asyncio.Handle, Any, Any, contextvars.Context]
"""Something that is to run: its handle, the function with its arguments, and its context."""
PATIENCE = 0.5
"""Real seconds for which others are waited for before the clock moves on without them."""
BRIEFLY = 0.005
"""Real seconds between two looks, while only what hangs is ready."""
HANGS = 60.0
"""Real seconds after which a loop without timers, to which nothing happens, hangs for ever."""


class VirtualTime(asyncio.SelectorEventLoop):
    """Its `time` are the seconds that passed since it was made."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._told = 0
        self.refuses: Callable[[], None] | None = None
        self.keeper: Callable[[contextvars.Context], list[Kept] | None] = lambda _: None
        self._others = 0
        self._waited_on = set[tuple[int, str]]()
        super().__init__(_Skipping(self))
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.passed

    def told(self) -> timedelta:
        """Return the time since it was made, as a machine's clock tells it: later each time that it is read."""
        self._told = max(self._told + 1, round(self.passed * 1e6))
        return timedelta(microseconds=self._told)

    @property
    def is_waiting_for_others(self) -> bool:
        """Whether a thread or another process does something for us."""
        return self._others > 0 or bool(self._waited_on)

    # The public methods are for those who wait for a file descriptor of their own, as psycopg does while PostgreSQL is
    # at work; the loop's own connections, which are open all the time, do not come by here.
    def add_reader(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        self._waited_on.add((int(fd), "r"))
        super().add_reader(fd, callback, *args)

    def remove_reader(self, fd: Any) -> bool:
        self._waited_on.discard((int(fd), "r"))
        return super().remove_reader(fd)

    def add_writer(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        self._waited_on.add((int(fd), "w"))
        super().add_writer(fd, callback, *args)

    def remove_writer(self, fd: Any) -> bool:
        self._waited_on.discard((int(fd), "w"))
        return super().remove_writer(fd)

    # What is to run in the context of a process that hangs is kept until that goes on.
    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        context, handles = context or contextvars.copy_context(), list[asyncio.Handle]()
        handle = super().call_soon(self._run_or_keep, handles, callback, args, context, context=context)
        handles.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        context, handles = context or contextvars.copy_context(), list[asyncio.Handle]()
        handle = super().call_at(when, self._run_or_keep, handles, callback, args, context, context=context)
        handles.append(handle)
        return handle

    def _run_or_keep(self, handles: list[asyncio.Handle], callback: Any, args: Any, context: Any) -> None:
        kept = self.keeper(context)
        if kept is None:
            callback(*args)
        else:
            kept.append((handles[0], callback, args, context))

    def run_kept(self, kept: list[Kept]) -> None:
        """Run what was kept, in its order; what is cancelled meanwhile does not run."""

        def run(handle: asyncio.Handle, callback: Any, args: Any) -> None:
            if not handle.cancelled():
                callback(*args)

        for handle, callback, args, context in kept:
            self.call_soon(run, handle, callback, args, context=context)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect, unless names are not found; a number would need none, but all addresses here are numbers."""
        if self.refuses is not None:
            self.refuses()
        await super().sock_connect(sock, address)

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Args], T], *args: *Args) -> asyncio.Future[T]:
        self._others += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _: Any) -> None:
        self._others -= 1

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> list[Any]:
        """Look an address up without a thread: here all of them are numbers."""
        return socket.getaddrinfo(host, port, **more)


class _Skipping(selectors.DefaultSelector):
    """Instead of waiting for the next timer it moves the clock to it."""

    def __init__(self, loop: VirtualTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Ready]:
        if timeout is None:
            events = self._within(HANGS)
            if not events:
                raise RuntimeError("everybody waits for somebody else")
            return events
        events = self._within(0)
        if timeout > 0 and not events:
            if self._loop.is_waiting_for_others:
                events = self._within(PATIENCE)
            if not events:
                self._loop.passed += timeout
        return events

    def _within(self, seconds: float) -> list[Ready]:
        """Return what is ready within these real seconds, without what a process waits for that hangs.

        That stays ready until the process goes on, and would keep the clock from moving.
        """
        until = time.monotonic() + seconds
        while True:
            ready = super().select(max(0, until - time.monotonic()))
            if events := [each for each in map(self._awake, ready) if each[1]]:
                return events
            if time.monotonic() >= until:
                return []
            time.sleep(BRIEFLY if ready else 0)

    def _awake(self, ready: Ready) -> Ready:
        key, events = ready
        for event, handle in zip((selectors.EVENT_READ, selectors.EVENT_WRITE), key.data, strict=True):
            if handle is not None and self._loop.keeper(handle._context) is not None:
                events &= ~event
        return key, events
