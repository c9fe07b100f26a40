"""Read a mailbox over IMAP: https://www.rfc-editor.org/rfc/rfc9051, with imap-tools in a thread.

Folders are opened read-only: nothing is marked, moved or removed. We write only to the folder for sent mail. We poll
and do not wait with IDLE: a permanent connection per account, on servers that allow few of them, would save only half
a minute.

Quirks: `UID n:*` returns the last mail even when its UID is lower. A UID counts only together with UIDVALIDITY.
"""

import asyncio
import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import httpx
from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.utils import encode_folder

from bot.connectors import http
from bot.connectors.base import OutcomeUnknown, RateLimited, Rejected, Unauthorized, Unavailable, Verdict
from bot.connectors.email.servers import Login, Server
from bot.steady_clock import steady_now

T = TypeVar("T")

MAX_BYTES = 2_000_000
"""How many bytes of a mail are fetched; the rest is attachments."""
CONTENT = f"BODY.PEEK[]<0.{MAX_BYTES}>"
HEADERS = "BODY.PEEK[HEADER]"
WAIT = timedelta(minutes=5)
"""How long we wait when a server says that we connect too often, without saying how long."""
FETCHED = re.compile(rb"UID (\d+)")
INTERNAL_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')
SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
ANSWERED = re.compile(rb"FLAGS \([^)]*\\Answered", re.IGNORECASE)
NO_CONTENT = re.compile(rb"BODY\[(?:HEADER)?\](?:<\d+>)? NIL", re.IGNORECASE)
APPENDED = re.compile(rb"\[APPENDUID \d+ (\d+)\]", re.IGNORECASE)
"""https://www.rfc-editor.org/rfc/rfc4315#section-3"""
CODE = re.compile(r"\[([A-Z-]+)[^\]]*\]")
"""https://www.rfc-editor.org/rfc/rfc5530#section-3"""
EVER = datetime.fromtimestamp(0, UTC)
"""No mail came before this."""
BUSY = ("LIMIT", "INUSE", "OVERQUOTA")
TOO_OFTEN = re.compile(r"too many|rate.?limit|throttl", re.IGNORECASE)
FOR_NOW = re.compile(r"temporar|unavailable|try again", re.IGNORECASE)


@dataclass(frozen=True)
class Fetched:
    """A mail on the server: its bytes (only the first of a large one), when it arrived, and its flags.

    `refused` is why the server gives only its headers, or not even these; None for one that it gives.
    """

    uid: int
    raw: bytes
    whole: bool
    came_at: datetime | None
    answered: bool
    refused: str | None = None


@dataclass(frozen=True)
class Mailbox:
    """One mailbox on one server; each `work` gets its own connection, in a thread of its own.

    In the few threads that all share, servers that hang would hold up whatever needs one, such as the look-up of a
    name: Slack's too.
    """

    client: httpx.AsyncClient
    server: Server

    async def do(self, login: Login, work: Callable[["Box"], T]) -> T:
        """Log in, do this, and log out; raises a verdict."""
        connection = await http.connected(self.client, self.server.host, self.server.port)
        thread, do = ThreadPoolExecutor(1, "mailbox"), partial(copy_context().run, self._do, connection, login, work)
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, do)
        finally:
            thread.shutdown(wait=False)

    def _do(self, connection: socket.socket, login: Login, work: Callable[["Box"], T]) -> T:
        host = self.server.host
        with contextlib.closing(connection), verdicts(host):
            box = Box(connection, self.server)
            try:
                box.log_in(login)
                return work(box)
            finally:
                with contextlib.suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
                    box.logout()
                with contextlib.suppress(OSError):  # where no goodbye came through, imaplib holds the connection open
                    box.client.shutdown()


class Box(BaseMailBox):
    """A logged-in connection; its methods block, and raise what `verdicts` turns into verdicts."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self.server = server
        self._connection = connection
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        if self.server.at_once:
            return _Client(secured(self._connection, self.server.host), self.server)
        client = _Client(self._connection, self.server)
        try:
            if self.server.is_secured:
                client.starttls(ssl_context=httpx.create_ssl_context())
        except BaseException:
            with contextlib.suppress(OSError):
                client.shutdown()  # its own file keeps the connection open
            raise
        return client

    def log_in(self, login: Login) -> None:
        """Log in with a token, or a password, which may contain any character if the server knows AUTH=PLAIN."""
        try:
            if login.token:
                self.xoauth2(login.user, login.token, initial_folder=None)
            elif "AUTH=PLAIN" in self.client.capabilities:
                self.login_utf8(login.user, login.password, initial_folder=None)
            else:
                self.login(login.user, login.password, initial_folder=None)
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, MailboxLoginError) as error:
            raise _of_login(str(error), self.server.host) from error

    def folders(self) -> dict[str, tuple[str, ...]]:
        """Return the folders that can be opened, each with its flags."""
        return {each.name: each.flags for each in self.folder.list() if "\\Noselect" not in each.flags}

    def open(self, folder: str) -> tuple[int, int]:
        """Open a folder read-only; returns its UIDVALIDITY and the lowest UID that the next mail can get.

        A server that does not say the latter is asked for the last mail.
        """
        self.folder.set(folder, readonly=True)
        validity, next_uid = self._number_of("UIDVALIDITY"), self._number_of("UIDNEXT")
        return validity, next_uid or max(self.found("UID", "*"), default=0) + 1

    def _number_of(self, name: str) -> int:
        """Return a number that the server gave when the folder was opened; 0 when it did not."""
        _, numbers = self.client.response(name)
        value = numbers[0] if numbers and numbers[0] else b""
        return int(value) if isinstance(value, bytes) and value.isdigit() else 0

    def found(self, *criteria: str) -> list[int]:
        """Return the UIDs of the mails in the open folder that meet these criteria, in order."""
        return sorted(int(uid) for uid in self.uids(" ".join(criteria)) if uid)

    def fetched(self, uid: int, what: str = CONTENT) -> Fetched | None:
        """Return a mail of the open folder, or only its HEADERS; None when it is gone in the meantime.

        A server may refuse to give a damaged mail, or give it without content.
        """
        status, answer = self.client.uid("FETCH", str(uid), f"(UID INTERNALDATE RFC822.SIZE FLAGS {what})")
        found = next(_mails_in(answer, uid), None)
        is_empty = found is None and any(NO_CONTENT.search(each) for each in answer if isinstance(each, bytes))
        if status != "OK" or is_empty:
            raise imaplib.IMAP4.error("" if is_empty else str(answer))
        return found

    def append_copy(self, folder: str, mail: bytes, flags: str) -> int:
        """Put a mail in a folder; returns its UID, 0 when the server does not say."""
        status, answer = self.client.append(encode_folder(folder), flags, None, mail)  # type: ignore[arg-type]
        if status != "OK":
            raise imaplib.IMAP4.error(str(answer))
        match = APPENDED.search(b" ".join(part for part in answer if isinstance(part, bytes)))
        return int(match[1]) if match else 0


class _Client(imaplib.IMAP4):
    """imaplib on an existing, checked connection."""

    def __init__(self, connection: socket.socket, server: Server) -> None:
        self._made = connection
        super().__init__(server.host, server.port, connection.gettimeout())

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._made


def secured(connection: socket.socket, host: str) -> ssl.SSLSocket:
    """Begin TLS on a connection, with the same trusted certificates as the HTTP client."""
    return httpx.create_ssl_context().wrap_socket(connection, server_hostname=host)


def _mails_in(answer: Sequence[Any], uid: int) -> Iterator[Fetched]:
    """Yield the mail of this UID in the answer to FETCH: pairs of metadata and mail, and loose parts."""
    for n, part in enumerate(answer):
        if not isinstance(part, tuple):
            continue
        after = answer[n + 1] if n + 1 < len(answer) and isinstance(answer[n + 1], bytes) else b""
        metadata, raw = part[0] + b" " + after, part[1]
        number = FETCHED.search(metadata)
        if number is None or int(number[1]) != uid:
            continue
        date, size = INTERNAL_DATE.search(metadata), SIZE.search(metadata)
        came_at = _internal_date(date[1].decode("ascii", "replace")) if date else None
        whole = size is None or int(size[1]) <= max(len(raw), MAX_BYTES)
        yield Fetched(uid, raw, whole, came_at, ANSWERED.search(metadata) is not None)


def _internal_date(value: str) -> datetime | None:
    """Return when a mail came, None when that is unreadable: programs that know no date name the year 1."""
    try:
        came_at = datetime.strptime(value.strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return came_at if came_at >= EVER else None


@contextlib.contextmanager
def verdicts(host: str) -> Iterator[None]:
    """Turn errors into verdicts."""
    try:
        yield
    except Verdict:
        raise
    except MailboxFolderSelectError as error:
        raise _of_answer(str(error), host) from error
    except TimeoutError as error:
        raise OutcomeUnknown("{host} did not answer in time.", host=host) from error
    except ssl.SSLCertVerificationError as error:
        raise Unavailable("The certificate of {host} is not one that we trust.", host=host) from error
    except imaplib.IMAP4.abort as error:
        raise _of_greeting(str(error), host) from error
    except OSError as error:
        raise OutcomeUnknown("{host} broke the connection.", host=host) from error
    except (imaplib.IMAP4.error, ImapToolsError) as error:
        raise _of_answer(str(error), host) from error
    except (
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        KeyError,
    ) as error:  # imaplib on what is not IMAP
        raise OutcomeUnknown("{host} sent an answer we cannot read.", host=host) from error


def _of_login(said: str, host: str) -> Verdict:
    code = _code(said)
    if code in BUSY or TOO_OFTEN.search(said):
        return RateLimited(steady_now() + WAIT)
    if code == "UNAVAILABLE" or (not code and FOR_NOW.search(said)):
        return Unavailable("{host} has a fault: {reason}", host=host, reason=_words(said))
    return Unauthorized("{host} does not accept our user name and password or token.", host=host)


def _of_answer(said: str, host: str) -> Verdict:
    code = _code(said)
    if code in BUSY or TOO_OFTEN.search(said):
        return RateLimited(steady_now() + WAIT)
    if "* BYE" in said:
        return OutcomeUnknown("{host} broke the connection.", host=host)
    if code in {"UNAVAILABLE", "SERVERBUG"} or FOR_NOW.search(said):
        return Unavailable("{host} has a fault: {reason}", host=host, reason=_words(said))
    return Rejected("{host} says: {reason}", host=host, reason=_words(said))


def _of_greeting(said: str, host: str) -> Verdict:
    if TOO_OFTEN.search(said):
        return RateLimited(steady_now() + WAIT)
    return OutcomeUnknown("{host} broke the connection.", host=host)


def _code(said: str) -> str:
    match = CODE.search(said)
    return match[1] if match else ""


def _words(said: str) -> str:
    """Return what a server said, out of the libraries' wording."""
    inner = re.findall(r"b['\"](.*?)['\"](?=[\],)])", said)
    return " ".join((inner[0] if inner else said).split())[:200]
