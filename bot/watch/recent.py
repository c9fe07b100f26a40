"""One answer for all who ask at about the same time, so that many questions cost no more than one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """An answer that is asked for once for all who want it within `keeps`.

    Nobody waits for it longer than `patience` seconds; after five times as long it is given up, and the log says so.
    `ask` raises nothing.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[Answer]],
        now: Callable[[], datetime],
        *,
        keeps: timedelta,
        patience: float,
    ) -> None:
        self._ask, self._now, self._keeps, self._patience = ask, now, keeps, patience
        self._asking: asyncio.Task[Answer | None] | None = None
        self._answered_at: datetime | None = None

    async def get(self) -> Answer | None:
        """Return the answer; None when it does not come in time."""
        if self._asking is None or (self._asking.done() and not self._is_kept()):
            self._asking = asyncio.create_task(self._answer())
        asking = self._asking
        await asyncio.wait({asking}, timeout=self._patience)
        return asking.result() if asking.done() and not asking.cancelled() else None

    async def close(self) -> None:
        """End what is being asked."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking}, timeout=self._patience)

    def _is_kept(self) -> bool:
        """Tell whether the last answer still holds; a clock that was set back makes it old too."""
        return self._answered_at is not None and timedelta() <= self._now() - self._answered_at < self._keeps

    async def _answer(self) -> Answer | None:
        self._answered_at, seconds = None, self._patience * 5
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask()
        except TimeoutError:
            log.error("what a monitor asks takes too long", seconds=seconds)
            return None
        self._answered_at = self._now()
        return answer
