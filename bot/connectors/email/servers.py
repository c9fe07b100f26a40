"""The servers of a mailbox as people type them, and how we log in."""

import ipaddress
import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from bot.connectors.base import Rejected


@dataclass(frozen=True)
class Login:
    """How we log in: with a password, or with an access token (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol)."""

    user: str
    password: str = ""
    token: str = ""


@dataclass(frozen=True)
class Server:
    """A mail server. `at_once`: TLS begins with the connection; otherwise we ask for it (STARTTLS).

    In the second case there is no TLS to a server on this machine.
    """

    host: str
    port: int
    at_once: bool

    IMAP: ClassVar = {"imaps": 993, "imap": 143}
    SMTP: ClassVar = {"smtps": 465, "smtp": 587}

    @classmethod
    def of(cls, typed: str, ports: dict[str, int], default: str) -> "Server":
        """Return the server of an address such as imaps://imap.example:993; a bare name gets the scheme `default`.

        Raises Rejected for anything that is not an address.
        """
        try:
            parts = urlsplit(typed if "://" in typed else f"{default}://{typed}")
            host, port = parts.hostname or "", parts.port or ports.get(parts.scheme, 0)
            host.encode("idna")
        except (ValueError, UnicodeError):
            host, port = "", 0
        if not re.fullmatch(r"[\w.:%-]+", host) or not port or parts.scheme not in ports:
            known = ", ".join(f"{scheme}://" for scheme in ports)
            raise Rejected("{address} is not the address of a mail server ({known}).", address=typed[:80], known=known)
        return cls(host, port, parts.scheme.endswith("s"))

    @property
    def is_secured(self) -> bool:
        """Whether TLS is used: always, except for a server on this machine without `at_once`."""
        if self.at_once or self.host == "localhost":
            return self.at_once
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True
