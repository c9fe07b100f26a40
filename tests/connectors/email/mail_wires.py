"""What can go wrong on the way to a mail server: connections held up and cut, and servers that refuse everything."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

DOT = b"\r\n.\r\n"
BROUGHT = re.compile(rb"\{([0-9]+)\}\r\n\Z")
"""How a command of IMAP says that so many bytes follow: https://www.rfc-editor.org/rfc/rfc9051#section-4.3"""
Caught = Callable[[], Awaitable[None]]


@dataclass
class _Held:
    path: str
    passed_on: bool
    cuts: bool = False
    caught: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def come(self) -> None:
        async with asyncio.timeout(60):
            await self.caught.wait()


class BetweenMail:
    """Passes SMTP or IMAP on to a server; `url` is its own address.

    It can hold up the dot after a mail, or a command; of IMAP's APPEND the end of the mail that it brings.
    """

    def __init__(self, port: int, scheme: str = "smtp") -> None:
        self.port, self.scheme, self.url = port, scheme, ""
        self.said: list[bytes] = []
        self._waiting: list[_Held] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"{self.scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def holding(self, method: str, path: str, *, passed_on: bool) -> AsyncIterator[Caught]:
        """Hold up what begins with `path` (a command, or DOT for the end of a mail) until the end of the block.

        `passed_on`: the server gets it, and only its answer is held up. Else the connection is cut after the block.
        """
        held = _Held(path, passed_on)
        self._waiting.append(held)
        try:
            yield held.come
        finally:
            held.let_go.set()

    @asynccontextmanager
    async def cutting(self, method: str, path: str, *, passed_on: bool) -> AsyncIterator[None]:
        """Cut the connection at what begins with `path`, before or after the server got it; fails if none comes."""
        held = _Held(path, passed_on, cuts=True)
        self._waiting.append(held)
        yield
        await held.come()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, to_server = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                await self._pass_on(reader, writer, there, to_server)
            finally:
                to_server.close()
        except OSError:
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        answers = asyncio.ensure_future(_copy(there, writer))
        try:
            while said := await reader.read(100_000):
                self.said.append(said)
                held = next((each for each in self._waiting if _is_for(each, said)), None)
                if held is None:
                    to_server.write(said)
                    await to_server.drain()
                    continue
                self._waiting.remove(held)
                if brings := BROUGHT.search(said):
                    to_server.write(said)
                    await to_server.drain()
                    said = await reader.readexactly(int(brings[1]) + len(b"\r\n"))
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
                if held.passed_on:
                    to_server.write(said)
                    await to_server.drain()
                    await there.readline()
                held.caught.set()
                if not held.cuts:
                    await held.let_go.wait()
                return
        finally:
            answers.cancel()


def _is_for(held: _Held, said: bytes) -> bool:
    if held.path == "DOT":
        return said.endswith(DOT)
    return said.upper().startswith(held.path.encode()) or f" {held.path} ".encode() in said[:40].upper()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while said := await reader.read(100_000):
            writer.write(said)
            await writer.drain()
        writer.close()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _closing(serve: Serve, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection, and close it whatever happens."""
    try:
        with suppress(OSError):
            await serve(reader, writer)
            await writer.drain()
    finally:
        writer.close()


IMAP_ANSWERS = {
    401: b"NO [AUTHENTICATIONFAILED] Wrong.", 429: b"NO [LIMIT] Too many connections.",
    404: b"NO [NONEXISTENT] There is no such folder.", 302: b"NO [REFERRAL imap://elsewhere.example/] Go there.",
}  # fmt: skip
SMTP_GOOD = {b"EHLO": b"250-failing\r\n250 AUTH PLAIN", b"AUTH": b"235 Welcome."}
SMTP_ANSWERS = {401: (b"AUTH", b"535 5.7.8 Wrong."), 429: (b"MAIL", b"451 4.7.1 Too fast.")}


@asynccontextmanager
async def failing(status: int, body: str = "") -> AsyncIterator[tuple[str, str]]:
    """Run an IMAP and an SMTP server that answer as an HTTP server with this status would; gives their addresses."""

    async def imap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = IMAP_ANSWERS.get(status)
        if answer is None:
            writer.write(f"{body}\r\n".encode() if status == 200 else b"* BYE Down.\r\n" if status else b"")
            return
        writer.write(b"* OK [CAPABILITY IMAP4REV1] Hello.\r\n")
        while line := await reader.readline():
            tag, command = (*line.split(), b"", b"")[:2]
            is_refused = command.upper() in ({b"LOGIN"} if status in {401, 429} else {b"SELECT", b"EXAMINE"})
            capable = b"* CAPABILITY IMAP4REV1\r\n" if command.upper() == b"CAPABILITY" else b""
            writer.write(capable + tag + b" " + (answer if is_refused else b"OK Done.") + b"\r\n")

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refused, answer = SMTP_ANSWERS.get(status, (b"", b""))
        if not refused:
            writer.write(b"421 4.3.2 Closing.\r\n" if status else b"")
            return
        writer.write(b"220 Hello.\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            writer.write((answer if command == refused else SMTP_GOOD.get(command, b"250 Good.")) + b"\r\n")

    async with AsyncExitStack() as stack:
        addresses = []
        for scheme, serve in (("imap", imap), ("smtp", smtp)):
            server = await asyncio.start_server(partial(_closing, serve), "127.0.0.1", 0)
            stack.callback(server.close)
            addresses.append(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield addresses[0], addresses[1]
