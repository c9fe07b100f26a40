"""E-mail: a mailbox is read over IMAP and answered over SMTP; every mail is private.

IMAP: https://www.rfc-editor.org/rfc/rfc9051, SMTP: https://www.rfc-editor.org/rfc/rfc5321. Quirk: SMTP does not
recognise a repeated mail, and servers cannot say whether they took one. So we store a copy of an answer before it is
sent (`sent`), and if its outcome stays unknown a person decides.
"""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import structlog

from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Identity,
    Measure,
    OutcomeUnknown,
    Page,
    Rejected,
    Sent,
    Unauthorized,
    Unknowable,
    Verdict,
)
from bot.connectors.email import smtp
from bot.connectors.email.access import AccessTokens
from bot.connectors.email.answering import mail_for
from bot.connectors.email.imap import Box, Mailbox
from bot.connectors.email.parsing import ADDRESS
from bot.connectors.email.reading import Reader
from bot.connectors.email.sent import SentFolder
from bot.connectors.email.servers import Login, Server
from bot.connectors.email.threads import id_of
from bot.connectors.email.trial import TRIAL
from bot.connectors.json_api import before_sending
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.image import Images
from bot.domain.mention import Post
from bot.domain.text import Text, text

T = TypeVar("T")

LONGEST = 20_000
"""Characters of an answer. Mail has no limit; nobody reads more."""

log = structlog.get_logger()


class Email:
    """One mailbox. Secrets: `password`, or those of `access`; options as `PLATFORM` declares them."""

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._tools = tools
        self._options = account.options
        self._address = address_in(self._options)
        self._sent = SentFolder(str(self._options.get("sent", "")))
        self._access = AccessTokens(account, tools) if self._options.get("token_url") else None

    async def fetch(self, cursor: Cursor) -> Page:
        """Return the next mails of the folders; the first time only those since the account begins."""
        now = self._tools.now()
        begins = self._account.begins_after(cursor, now)
        reader = Reader(self._address, self._folders(), now, begins, self._account.added_at, self._account.lacks)
        return await self._in_mailbox(lambda box: reader.page(box, cursor))

    # --- answering -------------------------------------------------------------------------------

    def images(self, *, private: bool) -> Images | None:
        """Return which images can be attached to a mail; they have no description."""
        return Images(described=0) if private else None

    async def send(self, draft: Draft) -> Sent:
        """Send the mail, once; a copy in the sent mail records before and after how far it got."""
        mail, to = self._mail(draft), self._recipient(draft.to)
        message_id = id_of(draft.key, self._address)
        if not self._server_keeps_sent:
            with before_sending():
                before = await self._in_mailbox(lambda box: self._sent.begin(box, message_id, mail))
            if before.sent:
                return Sent(message_id)
            if before.begun:
                raise OutcomeUnknown("An earlier attempt to send this answer has not ended.")
        try:
            await self._logged_in(
                lambda login: smtp.send(self._tools.http, self._smtp(), login, self._address, to, mail)
            )
        except OutcomeUnknown:
            raise
        except Verdict:
            await self._note(lambda box: self._sent.drop(box, message_id))
            raise
        await self._note(lambda box: self._sent.end(box, message_id))
        return Sent(message_id)

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the copy of a reply in the sent mail."""
        message_id = id_of(draft.key, self._address)
        copies = await self._in_mailbox(lambda box: self._sent.copies(box, message_id))
        if copies.sent:
            return Sent(message_id)
        if copies.begun:
            raise Unknowable("the server may have taken the mail")
        if self._server_keeps_sent:
            raise Unknowable("the server may keep no copy, or another one")
        return None

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is: the citizen's words are quoted below it when it is sent."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters."""
        return Measure(len(text), LONGEST)

    def _mail(self, draft: Draft) -> bytes:
        if len(draft.text) > LONGEST:
            raise Rejected("The answer is longer than {count} characters.", count=LONGEST)
        name, to = str(self._options.get("sender") or ""), self._recipient(draft.to)
        return mail_for(draft, address=self._address, name=name, to=to, now=self._tools.now())

    def _recipient(self, to: Post) -> str:
        """Return the citizen's address as servers take it; raises Rejected when there is none."""
        address = as_sent(to.author.external_id)
        if not address:
            raise Rejected("{address} is not an address that we can send mail to.", address=to.author.external_id[:80])
        return address

    async def _note(self, work: Callable[[Box], None]) -> None:
        """Record in the sent mail how sending ended. If that fails, a person may be asked later; nothing is lost."""
        if self._server_keeps_sent:
            return
        try:
            await self._in_mailbox(work)
        except Verdict as verdict:
            log.warning("sent mail not noted", account=self._account.id, verdict=type(verdict).__name__)

    # --- checking --------------------------------------------------------------------------------

    async def check(self) -> Health:
        """Log in to both servers, and look for the folders."""
        if not as_sent(self._address):
            return Health(problems=(text("{address} is not an e-mail address.", address=self._address),))
        working, problems = list[Text](), list[Text]()
        try:
            folders, missing, sent = await self._in_mailbox(self._look)
        except Verdict as verdict:
            problems.append(verdict.text)
        else:
            working.append(text("Reads {folders} on {host}.", folders=", ".join(folders), host=self._imap().host))
            working += [text("Keeps a copy of each answer in {folder}.", folder=sent)] if sent else []
            problems += [text("The mailbox has no folder {folder}.", folder=each) for each in missing]
        try:
            server = self._smtp()
            await self._logged_in(lambda login: smtp.log_in(self._tools.http, server, login))
            working.append(text("Sends as {address} through {host}.", address=self._address, host=server.host))
        except Verdict as verdict:
            problems.append(verdict.text)
        identity = Identity(self._address, self._address, str(self._options.get("sender") or ""))
        return Health(tuple(working), problems=tuple(problems), identity=identity)

    def _look(self, box: Box) -> tuple[list[str], list[str], str]:
        """Return the folders that are read, those that are missing, and the one for sent mail."""
        there = box.folders()
        missing = [each for each in self._folders() if each not in there and each.upper() != "INBOX"]
        sent = "" if self._server_keeps_sent else self._sent.name(box)
        return [each for each in self._folders() if each not in missing], missing, sent

    # --- the account -----------------------------------------------------------------------------

    @property
    def _server_keeps_sent(self) -> bool:
        return bool(self._options.get("server_keeps_sent"))

    def _folders(self) -> list[str]:
        named = [each.strip() for each in str(self._options.get("folders") or "").split(",")]
        return list(dict.fromkeys(each for each in named if each)) or ["INBOX"]

    def _imap(self) -> Server:
        return Server.of(str(self._options.get("imap", "")), Server.IMAP, "imaps")

    def _smtp(self) -> Server:
        return Server.of(str(self._options.get("smtp", "")), Server.SMTP, "smtp")

    async def _logged_in(self, do: Callable[[Login], Awaitable[T]]) -> T:
        """Do something that begins with a login; if our token is refused there, do it again with a new one."""
        user = str(self._options.get("user") or _typed(self._options))
        password = self._account.secrets.get("password", "")
        if self._access is None:
            return await do(Login(user, password))
        token = await self._access.current()
        try:
            return await do(Login(user, token=token))
        except Unauthorized:
            return await do(Login(user, token=await self._access.current(refused=token)))

    async def _in_mailbox(self, work: Callable[[Box], T]) -> T:
        return await self._logged_in(lambda login: Mailbox(self._tools.http, self._imap()).do(login, work))


def address_in(options: Mapping[str, Any]) -> str:
    """Return the team's address, as servers take it if it is one."""
    return as_sent(_typed(options)) or _typed(options)


def _typed(options: Mapping[str, Any]) -> str:
    return str(options.get("address", "")).strip().lower()


def as_sent(address: str) -> str:
    """Return an address as servers take it, with a domain in ASCII; "" when there is none.

    Python's IDNA is that of 2003, which makes another domain of some: "strasse" of "straße", not xn--strae-oqa
    (https://www.rfc-editor.org/rfc/rfc5894#section-7.2).
    """
    local, _, domain = unicodedata.normalize("NFC", address).rpartition("@")
    try:
        encoded = domain.encode("idna")
        is_the_same = domain.isascii() or encoded.decode("idna") == domain
    except UnicodeError:
        return ""
    written = f"{local}@{encoded.decode()}"
    return written if is_the_same and written.isascii() and ADDRESS.fullmatch(written) else ""


PLATFORM = Platform(
    name="email",
    title="E-mail",
    sign="📧",
    docs="https://www.rfc-editor.org/rfc/rfc9051",
    about="Connect a mailbox: what citizens write there is read over IMAP and answered over SMTP.",
    capabilities=frozenset({Capability.POLLS, Capability.MESSAGES, Capability.MESSAGE_IMAGES}),
    options=(
        Option(
            "address", "E-mail address of the team", help="The address that citizens write to, and get answers from."
        ),
        Option("imap", "IMAP server", help="imaps://imap.example (TLS, port 993) or imap://imap.example (STARTTLS)."),
        Option("smtp", "SMTP server", help="smtp://smtp.example (STARTTLS, port 587) or smtps://smtp.example (TLS)."),
        Option("user", "User name (empty: the address)", default="", help="User name, if it is not the address."),
        Option(
            "password",
            "Password (empty: log in with access tokens, see the guide)",
            OptionKind.TOKEN,
            default="",
            help="Password of the mailbox, without spaces.",
            secret=True,
        ),
        Option(
            "token_url",
            kind=OptionKind.ADDRESS,
            help="Where we get access tokens (XOAUTH2), in place of a password; see the guide.",
        ),
        Option("client_id", help="Id of the app that gets the access tokens."),
        Option("scope", help="What the access tokens are for."),
        Option("client_secret", kind=OptionKind.TOKEN, help="Secret of that app.", secret=True),
        Option(
            "refresh_token",
            kind=OptionKind.TOKEN,
            help="Refresh token of somebody who lets the app in; without one the app gets tokens in its own name.",
            secret=True,
        ),
        Option("folders", help="Folders to read, with commas between; INBOX when left out."),
        Option("sent", help="Folder for what was sent; the one that the server marks when left out."),
        Option(
            "server_keeps_sent",
            kind=OptionKind.FLAG,
            default=False,
            help="The server itself puts what it sends in the sent mail.",
        ),
        Option("sender", help="Name that citizens see beside the address."),
        SINCE,
    ),
    connect=Email,
    reply_id=lambda options, key: id_of(key, address_in(options)),
    quality=Quality(pairs=True, server="Dovecot 2.4 and Exim 4.98"),
    trial=TRIAL,
    limits="The first 2 MB of a mail are read",
    latency="POLL_SECONDS",
)
