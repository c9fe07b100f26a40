"""What goes wrong with machines, the database, the network and the workspace: begun by the dice, over after a while.

hang      a process stands still for minutes (SIGSTOP, a machine that is moved), and goes on as if nothing was
clock     the machine of a process has its clock set an hour ahead or back
gone      nobody reaches PostgreSQL, and all connections are cut; SQLite's disk is full
network   no name is found and no connection made: to Slack nor to any platform
token     Slack refuses our token
archived  the channel of a team is archived
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import psycopg

from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL
from tests.faults.desks import OF, Process
from tests.faults.people_at_random import BEHEER
from tests.faults.virtual_time import VirtualTime

LAST = (5, 40, 130, 400)
"""How many seconds one lasts."""
KINDS = ("hang", "hang", "clock", "gone", "network", "token", "archived")
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(%s) AND state LIKE 'idle in trans%%'"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
OF_DATABASES = frozenset(
    {
        "AdminShutdown",
        "DBAPIError",
        "IdleInTransactionSessionTimeout",
        "InterfaceError",
        "InternalError",
        "OperationalError",
        "PendingRollbackError",
        "TimeoutError",
    }
)
"""How errors are called with which a database that is gone, or that ended our transaction, is noticed.

The last is that of the pool: whoever waited for a connection while their process hung gave up when it went on.
"""


@dataclass
class Disasters:
    """Those of one schedule. `seen` are the kinds that happened."""

    loop: VirtualTime
    slack: Sandbox
    url: str
    processes: list[Process]
    log: Callable[[str], None]
    seen: set[str] = field(default_factory=set)
    _going_on: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, dice: Random) -> None:
        """Let one happen, unless one of its kind goes on."""
        kind, seconds = dice.choice(KINDS), dice.choice(LAST)
        alive = [process for process in self.processes if process.alive]
        if kind in self._going_on or not alive:
            return
        process, other = dice.choice(alive), dice.random()
        during: Any = {
            "hang": lambda: self._hang(process),
            "clock": lambda: self._clock(process, 1 if other < 0.5 else -1),
            "gone": self._gone,
            "network": self._network,
            "token": self._token,
            "archived": lambda: self._archived(CHANNEL if other < 0.7 else BEHEER),
        }[kind]
        self._going_on[kind] = asyncio.create_task(self._last(kind, during(), seconds))

    async def _last(self, kind: str, during: Any, seconds: float) -> None:
        async with during:
            self.seen.add(kind)
            try:
                async with asyncio.timeout(seconds):
                    await self._over.wait()
            except TimeoutError:
                pass
        del self._going_on[kind]

    async def end(self) -> None:
        """End all of them."""
        self._over.set()
        await asyncio.gather(*self._going_on.values())

    def excuse(self, error: str) -> bool:
        """Tell whether an error of this name shows nothing but that the database was gone, or ended a transaction."""
        return bool({"gone", "hang"} & self.seen) and error in OF_DATABASES

    @property
    def _is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @asynccontextmanager
    async def _hang(self, process: Process) -> AsyncIterator[None]:
        while self._is_sqlite and process.alive and process.is_in_transaction():
            await asyncio.sleep(0.01)  # SQLite has one process: nobody else waits for it
        self.log(f"{process.name} hangs")
        process.hang()
        ending = asyncio.create_task(self._end_transactions(process))
        try:
            yield
        finally:
            ending.cancel()
            self.log(f"{process.name} goes on")
            process.go_on()

    async def _end_transactions(self, process: Process) -> None:
        """As PostgreSQL does with those in which nothing happens for long (`bot.db.HUNG`)."""
        while not self._is_sqlite:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(ENDED, [process.backends()])
            await asyncio.sleep(5)

    @asynccontextmanager
    async def _clock(self, process: Process, hours: int) -> AsyncIterator[None]:
        self.log(f"the clock of {process.name} is set {hours} hour")
        process.ahead = timedelta(hours=hours)
        try:
            yield
        finally:
            self.log(f"the clock of {process.name} is right again")
            process.ahead = timedelta()

    @asynccontextmanager
    async def _gone(self) -> AsyncIterator[None]:
        self.log("the disk is full" if self._is_sqlite else "the database is gone")
        self._database(is_gone=True)
        try:
            yield
        finally:
            self.log("the database is back")
            self._database(is_gone=False)

    def _database(self, *, is_gone: bool) -> None:
        if self._is_sqlite:
            for process in self.processes:
                process.fill(is_gone)
            return
        name = psycopg.conninfo.conninfo_to_dict(self.url)["dbname"]
        with psycopg.connect(self.url.replace(f"/{name}?", "/postgres?"), autocommit=True) as connection:
            wanted = psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            allowed = psycopg.sql.SQL("false" if is_gone else "true")
            connection.execute(wanted.format(psycopg.sql.Identifier(str(name)), allowed))
            if is_gone:
                connection.execute(CUT, [name])

    @asynccontextmanager
    async def _network(self) -> AsyncIterator[None]:
        self.log("no name is found")
        self.loop.refuses = _unless_test
        try:
            yield
        finally:
            self.log("names are found again")
            self.loop.refuses = None

    @asynccontextmanager
    async def _token(self) -> AsyncIterator[None]:
        self.log("Slack refuses our token")
        app = self.slack.app
        app.revoked[app.bot_token] = "token_revoked"
        try:
            yield
        finally:
            self.log("Slack takes our token again")
            del app.revoked[app.bot_token]

    @asynccontextmanager
    async def _archived(self, channel: str) -> AsyncIterator[None]:
        self.log(f"{channel} is archived")
        await self.slack.archive(channel)
        try:
            yield
        finally:
            self.log(f"{channel} is open again")
            await self.slack.archive(channel, again_open=True)


def _unless_test() -> None:
    """Refuse a connection of the bot, as when its machine finds no names; those of citizens and Slack are made."""
    if OF.get() is not None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
