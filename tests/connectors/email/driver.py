"""How the shared tests use mail: what citizens send, and what of ours arrives."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

import pytest

from bot.connectors import email
from bot.connectors.base import Account
from bot.connectors.email.parsing import mail_of
from bot.connectors.email.reading import post_of
from bot.connectors.email.threads import Subjects
from bot.domain.mention import Post
from tests.connectors.email import mail_wires
from tests.connectors.email.mail_server import PASSWORD, MailboxThere
from tests.contracts.drivers import NOW, Driver


class OnEmail(Driver):
    """A team's mailbox and a citizen's; only what we send passes through `between`."""

    platform = email.PLATFORM
    publishes = "DOT"
    tells = False

    server: MailboxThere

    def __init__(self, server: MailboxThere, between: mail_wires.BetweenMail) -> None:
        self.citizen = server.server.mailbox("jan", "burger.example")
        super().__init__(server, between)

    @classmethod
    @asynccontextmanager
    async def running(cls, request: pytest.FixtureRequest) -> AsyncIterator[Self]:
        there = request.getfixturevalue("mail").mailbox("webcare", "gemeente.example")
        async with mail_wires.BetweenMail(there.server.ports["smtp"]) as between:
            yield cls(there, between)

    def account_at(self, url: str) -> Account:
        imap = f"imap://127.0.0.1:{self.server.server.ports['imap']}"
        options = {"address": self.server.address, "imap": imap, "smtp": url}
        return Account(1, "email", "gemeente", "", {"password": PASSWORD}, options)

    @asynccontextmanager
    async def failing(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None, *, sends: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        async with mail_wires.failing(status, body) as (imap, smtp):
            yield {"options": {**self.account.options, **({"smtp": smtp} if sends else {"imap": imap})}}

    def write(self, text: str) -> str:
        number = next(self.server.server.numbers)
        head = f"From: Jan <{self.citizen.address}>\r\nTo: {self.server.address}\r\nSubject: Vraag\r\n"
        self.server.put(f"{head}Message-ID: <{number}@burger.example>\r\n\r\n{text}\r\n".encode())
        return f"{number}@burger.example"

    def spoil(self) -> None:
        self.server.put(b"From: =?x?q?\xff?= <@@>\r\nContent-Type: multipart/mixed; boundary\r\n\r\n\xff\x00--\r\n")

    def published(self) -> list[str]:
        """Return the words of what arrived, without the quotation below them."""
        bodies = [mail.get_body() for mail in self._mails()]
        return [str(body.get_content()).partition("\n\nJan <")[0] for body in bodies if body is not None]

    def pictures(self) -> list[tuple[bytes, str]]:
        """Return what is attached; a mail has no descriptions."""
        return [(each.get_content(), "") for mail in self._mails() for each in mail.iter_attachments()]

    def _mails(self) -> list[EmailMessage]:
        read = [message_from_bytes(raw, policy=policy.default) for raw in self.citizen.mails()]
        return [mail for mail in read if isinstance(mail, EmailMessage)]

    @staticmethod
    def post_of_payload(body: bytes) -> Post:
        return post_of(mail_of(body), NOW, "webcare@gemeente.example", Subjects())
