"""Send a mail over SMTP: https://www.rfc-editor.org/rfc/rfc5321, with aiosmtplib, one mail per connection.

The server has the mail once it answered the dot after it. Until we write that dot the mail was surely not sent; from
then on only an answer decides.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import timedelta

import httpx
from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from bot.connectors import http
from bot.connectors.base import NotNow, OutcomeUnknown, RateLimited, Rejected, Unauthorized, Unavailable, Verdict
from bot.connectors.email.servers import Login, Server
from bot.domain.text import text
from bot.steady_clock import steady_now

WAIT = timedelta(minutes=5)
"""How long we wait when a server says that we send too much, without saying how long."""
READY, TAKEN, CLOSING = 354, 250, 421
POLICY = re.compile(r"4\.7\.\d")
NOT_LOGGED_IN = frozenset({530, 534, 535, 538})
"""https://www.rfc-editor.org/rfc/rfc4954#section-6"""


async def send(client: httpx.AsyncClient, server: Server, login: Login, sender: str, to: str, mail: bytes) -> None:
    """Send the server a mail for one recipient; raises a verdict, and OutcomeUnknown only once the dot was written."""
    host = server.host
    async with _logged_in(client, server, login) as smtp:
        with _not_sent(host):
            await _accepted(smtp.mail(sender), host, Unavailable)
            await _accepted(smtp.rcpt(to), host, about_us=False)
            started = await smtp.execute_command(b"DATA")
            if started.code != READY:
                raise verdict_on(started.code, started.message, host)
        try:
            answer = await _given(smtp, _with_dots(mail) + b".\r\n", http.seconds_of(client))
        except (SMTPException, OSError, TimeoutError) as error:
            raise OutcomeUnknown("{host} broke the connection while it took the mail.", host=host) from error
        if answer.code != TAKEN:
            raise verdict_on(answer.code, answer.message, host)


async def log_in(client: httpx.AsyncClient, server: Server, login: Login) -> None:
    """Only log in, to see whether it works; raises a verdict."""
    async with _logged_in(client, server, login) as smtp:
        with _not_sent(server.host):
            await smtp.noop()


@contextlib.asynccontextmanager
async def _logged_in(client: httpx.AsyncClient, server: Server, login: Login) -> AsyncIterator[SMTP]:
    """Yield a logged-in connection with TLS; if anything goes wrong here, nothing was sent."""
    connection = await http.connected(client, server.host, server.port)
    connection.setblocking(False)
    smtp = SMTP(
        hostname=server.host, port=None, sock=connection, timeout=http.seconds_of(client), use_tls=server.at_once,
        start_tls=False, tls_context=await asyncio.to_thread(httpx.create_ssl_context) if server.is_secured else None,
        local_hostname="[127.0.0.1]",
    )  # fmt: skip
    transport: asyncio.BaseTransport | None = None
    try:
        with _not_sent(server.host):
            await smtp.connect()
            await smtp.ehlo()
            if server.is_secured and not server.at_once:
                await smtp.starttls()
                await smtp.ehlo()
            await _log_in(smtp, login, server.host)
        yield smtp
        transport = smtp.transport  # `quit` forgets it, though it may not be closed yet
        with contextlib.suppress(SMTPException, OSError, TimeoutError):
            await smtp.quit()
    finally:
        transport = smtp.transport or transport
        smtp.close()
        if isinstance(transport, asyncio.WriteTransport):  # it closes the connection itself: were that closed under
            transport.abort()  # it, the next connection could get its number too early
        else:
            connection.close()


async def _given(smtp: SMTP, content: bytes, seconds: float) -> SMTPResponse:
    """Write a whole mail and wait for the answer. `SMTP.data` does not say whether it got as far as the mail."""
    protocol = smtp.protocol
    if protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    protocol.write(content)
    return await protocol.read_response(timeout=seconds)


async def _log_in(smtp: SMTP, login: Login, host: str) -> None:
    """Log in, unless the server has no logins: a relay that knows us by our address."""
    if not smtp.supports_extension("auth"):
        return
    try:
        if login.token:
            await smtp.auth_xoauth2(login.user, login.token)
        else:
            await smtp.login(login.user, login.password)
    except SMTPResponseException as error:
        if 500 <= error.code < 600:
            raise Unauthorized("{host} does not accept our user name and password or token.", host=host) from error
        raise


async def _accepted(
    command: Awaitable[object], host: str, not_now: type[Unavailable] = NotNow, *, about_us: bool = True
) -> None:
    """Run a command; raises the verdict on a refusal."""
    try:
        await command
    except SMTPResponseException as error:
        raise verdict_on(error.code, error.message, host, not_now, about_us=about_us) from error


@contextlib.contextmanager
def _not_sent(host: str) -> Iterator[None]:
    """Turn errors into verdicts after which nothing was sent."""
    try:
        yield
    except Verdict:
        raise
    except SMTPNotSupported as error:
        raise Rejected("{host} offers no encryption (STARTTLS), so we do not log in.", host=host) from error
    except SMTPResponseException as error:
        raise Unavailable("{host} says: {reason}", host=host, reason=_words(error.code, error.message)) from error
    except ssl.SSLCertVerificationError as error:
        raise Unavailable("The certificate of {host} is not one that we trust.", host=host) from error
    except (TimeoutError, SMTPTimeoutError) as error:
        raise Unavailable("{host} did not answer in time.", host=host) from error
    except (SMTPException, OSError) as error:
        raise Unavailable("{host} broke the connection.", host=host) from error


def verdict_on(
    code: int, message: str, host: str, not_now: type[Unavailable] = NotNow, *, about_us: bool = True
) -> Verdict:
    """Return the verdict on a refusal: 4xx is "not now", 5xx "never" (RFC 5321 §4.2.1).

    A 4xx is about the recipient or the mail, unless the server closes (421) or names its policy (4.7.x): how much it
    takes from us (https://www.rfc-editor.org/rfc/rfc3463#section-3.8). Of a recipient (not `about_us`) its policy is
    mostly greylisting: who writes there for the first time must come back later.
    """
    if code in NOT_LOGGED_IN:
        return Unauthorized("{host} does not accept our user name and password or token.", host=host)
    if code == CLOSING or (about_us and 400 <= code < 500 and POLICY.match(message)):
        asked = text("{host} asks us to wait: {reason}", host=host, reason=_words(code, message))
        return RateLimited(steady_now() + WAIT, asked)
    if 400 <= code < 500:
        said = text("{host} does not take the mail now: {reason}", host=host, reason=_words(code, message))
        return not_now(said.message, **said.params)
    if 500 <= code < 600:
        return Rejected("{host} says: {reason}", host=host, reason=_words(code, message))
    return OutcomeUnknown("{host} sent an answer we cannot read.", host=host)


def _with_dots(mail: bytes) -> bytes:
    """Return a mail whose lines end with CRLF, with a second dot before each line that begins with one."""
    return re.sub(rb"(?m)^\.", b"..", mail if mail.endswith(b"\r\n") else mail + b"\r\n")


def _words(code: int, message: str) -> str:
    said = "".join(c for c in message if c.isprintable() or c.isspace())
    return f"{code} {' '.join(said.split())}"[:300]
