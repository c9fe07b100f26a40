"""Which mails belong together: by the ids that they name, and with care by their subject.

Our own mails bear an id made from the key of the reply, so that it is known before the mail is sent.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.email.parsing import Mail

ANSWERS = re.compile(r"(?:(?:re|antw|aw|betr|sv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
"""What programs put before the subject of an answer, in Dutch, English, German and Danish."""
FORWARDS = re.compile(r"(?:fw|fwd|doorst|dst|wg)\s*:", re.IGNORECASE)
TERM = timedelta(days=14)
"""How long an answer that names no id joins the mail of the same author with the same subject."""
MOST = 300
"""Subjects that are remembered."""


def id_of(key: str, address: str) -> str:
    """Return the Message-ID of the reply with this key, without the signs around it."""
    return f"webcare.{hashlib.sha256(key.encode()).hexdigest()[:40]}@{address.rpartition('@')[2]}"


def is_answer(subject: str) -> bool:
    """Tell whether a subject says that its mail is an answer."""
    return ANSWERS.match(subject) is not None


def is_forwarded(subject: str) -> bool:
    """Tell whether a subject says that something is forwarded."""
    return FORWARDS.match(subject) is not None


def bare(subject: str) -> str:
    """Return a subject without what programs put before it."""
    return ANSWERS.sub("", subject, count=1) if is_answer(subject) else subject


@dataclass
class Subjects:
    """The last mail of each author and subject: its id and when it came, in seconds. JSON, kept in the cursor."""

    known: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Subjects":
        """Return the subjects from the JSON that was kept."""
        return cls({key: list(value) for key, value in stored.items()})

    def answered_by(self, mail: Mail, author: str, at: datetime) -> str:
        """Return the id of the mail that this one answers, going by its subject; "" when it says or means none.

        Only when the mail names no other itself, and answers the same author's mail of a short time ago.
        """
        if mail.in_reply_to or mail.references or not is_answer(mail.subject) or not bare(mail.subject):
            return ""
        message_id, before = self.known.get(_key(author, mail.subject), ["", 0])
        return str(message_id) if 0 <= at.timestamp() - before <= TERM.total_seconds() else ""

    def remember(self, mail: Mail, author: str, at: datetime) -> None:
        """Remember a mail; the oldest are forgotten."""
        if bare(mail.subject):
            key = _key(author, mail.subject)
            self.known.pop(key, None)
            self.known[key] = [mail.message_id, int(at.timestamp())]
            self.known = dict(list(self.known.items())[-MOST:])


def _key(author: str, subject: str) -> str:
    told = f"{author}\n{' '.join(bare(subject).casefold().split())}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]
