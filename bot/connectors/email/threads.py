"""Which mails belong together: by the ids in them, and carefully by their subject.

Our own mails have an id made from the key of the reply, so that it is known before the mail is sent.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.connectors.email.parsing import Mail

ANSWERS = re.compile(r"(?:(?:re|antw|aw|betr|sv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
"""The prefixes that programs put before the subject of an answer, in Dutch, English, German and Danish."""
FORWARDS = re.compile(r"(?:fw|fwd|doorst|dst|wg)\s*:", re.IGNORECASE)
TERM = timedelta(days=14)
"""How long an answer without ids joins the mail of the same author with the same subject."""
MOST = 300
"""How many subjects are remembered."""


def id_of(key: str, address: str) -> str:
    """Return the Message-ID of the reply with this key, without the angle brackets."""
    return f"webcare.{hashlib.sha256(key.encode()).hexdigest()[:40]}@{address.rpartition('@')[2]}"


def is_answer(subject: str) -> bool:
    """Tell whether a subject says that its mail is an answer."""
    return ANSWERS.match(subject) is not None


def is_forwarded(subject: str) -> bool:
    """Tell whether a subject says that something is forwarded."""
    return FORWARDS.match(subject) is not None


def bare(subject: str) -> str:
    """Return a subject without the prefixes that programs add."""
    return ANSWERS.sub("", subject, count=1) if is_answer(subject) else subject


@dataclass
class Subjects:
    """The last mail of each author and subject: its id and when it came, in seconds. JSON, stored in the cursor."""

    known: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Subjects":
        """Return the subjects from the stored JSON."""
        return cls({key: list(value) for key, value in stored.items()})

    def answered_by(self, mail: Mail, author: str, at: datetime) -> str:
        """Return the id of the mail that this one answers, by its subject; "" when there is none.

        Only if the mail itself has no ids of others, and answers a recent mail of the same author.
        """
        if mail.in_reply_to or mail.references or not is_answer(mail.subject) or not bare(mail.subject):
            return ""
        message_id, before = self.known.get(_key(author, mail.subject), ["", 0])
        return str(message_id) if 0 <= at.timestamp() - before <= TERM.total_seconds() else ""

    def remember(self, mail: Mail, author: str, at: datetime) -> None:
        """Remember a mail, and forget the oldest."""
        if bare(mail.subject):
            key = _key(author, mail.subject)
            self.known.pop(key, None)
            self.known[key] = [mail.message_id, int(at.timestamp())]
            self.known = dict(list(self.known.items())[-MOST:])


def _key(author: str, subject: str) -> str:
    text = f"{author}\n{' '.join(bare(subject).casefold().split())}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
