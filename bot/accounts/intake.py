"""What sources send is read and stored in turn, and calls that wait for their turn are stored together.

A transaction for each would make a flood wait in line for the disk. The first call of a quiet account waits for nobody.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial

from bot.accounts.bodies import SMALL
from bot.cases import inbox
from bot.connectors.base import Account, Received, Receiver, Request
from bot.desk import Desk
from bot.domain.mention import Delivery, Post
from bot.slack import messages

Items = Sequence[Post | Delivery]
FEW = 100
"""Up to so many items, each statement that stores them takes a millisecond or two."""


@dataclass(frozen=True)
class _Call:
    items: Items
    new: asyncio.Future[Mapping[str, int]]


class Intake:
    """Reads calls and stores their items, at most one transaction of an account at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._thread = ThreadPoolExecutor(1, "calls")
        self._waiting: dict[int, list[_Call]] = {}
        self._running = set[asyncio.Task[None]]()

    async def read(self, receiver: Receiver, account: Account, asked: Request) -> Received:
        """Return what a call brings; raises what the receiver raises.

        Large calls are read in a thread, one after the other: a thousand texts in HTML would hold up clicks. Many at
        once would take the few threads that all share, and so the look-up of names: Slack's too.
        """
        work = partial(receiver.receive, account, asked, self._desk.now())
        if len(asked.body) <= SMALL:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, copy_context().run, work)

    async def take_in(self, account_id: int, items: Items) -> int:
        """Store the items of one call; returns how many mentions are new, once they are in the database."""
        call = _Call(items, asyncio.get_running_loop().create_future())
        if account_id in self._waiting:
            self._waiting[account_id].append(call)
        else:
            self._waiting[account_id] = [call]
            task = asyncio.create_task(self._store_all(account_id))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        new = await call.new
        # after the answer, for which the source waits; they have the id of this request
        asyncio.get_running_loop().call_soon(inbox.log_new, new, account_id)
        return len(new)

    async def close(self) -> None:
        """Stop what is being read or stored: whoever sent it was not told that it was stored, and sends it again."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        running = [*self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for call in [each for calls in self._waiting.values() for each in calls]:  # of a task that had not begun
            call.new.cancel()
        self._waiting.clear()

    async def _store_all(self, account_id: int) -> None:
        calls = list[_Call]()
        try:
            while calls := self._waiting[account_id]:
                self._waiting[account_id] = []
                await self._store(account_id, calls)
        finally:
            for call in [*calls, *self._waiting.pop(account_id)]:  # stopped: nobody was told that these are stored
                call.new.cancel()

    async def _store(self, account_id: int, calls: Sequence[_Call]) -> None:
        """Store these calls in one transaction; if that fails, each by itself, so that one cannot harm another."""
        try:
            new = dict(await self._stored(account_id, [item for call in calls for item in call.items]))
        except Exception as error:
            if len(calls) == 1:
                await self._store_each(account_id, calls[0], error)
                return
            for call in calls:
                await self._store(account_id, [call])
        else:
            for call in calls:
                ids = new.keys() & {item.external_id for item in call.items}
                theirs = {id: new.pop(id) for id in ids}  # new in the first of two calls that bring the same
                if not call.new.done():
                    call.new.set_result(theirs)

    async def _store_each(self, account_id: int, call: _Call, error: Exception) -> None:
        """Store the items of a call that failed one by one, if the database refuses one of them; else it fails."""
        try:
            new = await inbox.one_by_one(account_id, call.items, partial(self._stored, account_id), error)
        except Exception as fault:
            _fail(call, fault)
        else:
            if not call.new.done():
                call.new.set_result(new)

    async def _stored(self, account_id: int, items: Items) -> Mapping[str, int]:
        async with self._desk.session(is_short=len(items) <= FEW) as session:
            taken = await inbox.take_in(session, account_id, items, now=self._desk.now())
        messages.wake(self._desk, taken.channels)
        return taken.new


def _fail(call: _Call, error: Exception) -> None:
    if not call.new.done():
        call.new.set_exception(error)
