"""The mail that a citizen gets: the agent's words, and the citizen's own quoted below.

No header gets a line break from what others wrote, and none is longer than mail programs can read.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Any

from bot.connectors.base import Draft
from bot.connectors.email.parsing import MAX_REFERENCES, clean
from bot.connectors.email.threads import bare, id_of
from bot.domain.image import Image

MAX_QUOTED = 10_000
BYTES = compat32.clone(linesep="\r\n", max_line_length=900)
NO_ID = "@no-message-id"


def mail_for(draft: Draft, *, address: str, name: str, to: str, now: datetime) -> bytes:
    """Return the mail for a reply. No `Auto-Submitted`: a person answers."""
    place: Mapping[str, Any] = draft.to.place or {}
    utf8 = Charset("utf-8")
    utf8.body_encoding = QP
    words = MIMEText(_body(draft, place), "plain", utf8)  # type: ignore[arg-type]
    mail = words if draft.image is None else _with_image(words, draft.image, id_of(draft.key, address))
    mail["From"] = formataddr((_line(name), address), "utf-8")
    mail["Reply-To"] = address
    mail["To"] = formataddr((_line(draft.to.author.name) if draft.to.author.name != to else "", to), "utf-8")
    mail["Subject"] = _encoded(subject_of(draft, place))
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{id_of(draft.key, address)}>"
    answered = [] if draft.to.external_id.endswith(NO_ID) else [draft.to.external_id]
    references = [*(str(each) for each in place.get("references", ())), *answered]
    references = list(dict.fromkeys([*references[:1], *references[1:][-MAX_REFERENCES:]]))
    if answered:
        mail["In-Reply-To"] = f"<{_token(answered[0])}>"
    if references:
        mail["References"] = " ".join(f"<{_token(each)}>" for each in references)
    return mail.as_bytes(policy=BYTES)


def _with_image(words: MIMEText, image: Image, message_id: str) -> MIMEBase:
    """Return a mail of these words with an image attached; the boundary is the same on every attempt."""
    boundary = f"={hashlib.sha256(message_id.encode()).hexdigest()[:32]}="
    mail = MIMEMultipart("mixed", boundary, [words])
    attached = MIMEImage(image.content, image.kind.partition("/")[2])
    attached.add_header("Content-Disposition", "attachment", filename=image.file_name)
    mail.attach(attached)
    return mail


def subject_of(draft: Draft, place: Mapping[str, Any]) -> str:
    """Return the subject of an answer: the citizen's after one "Re:", or the title of the private message."""
    theirs = _line(bare(str(place.get("subject", ""))))
    return f"Re: {theirs}" if theirs else _line(draft.subject) or "Re:"


def _body(draft: Draft, place: Mapping[str, Any]) -> str:
    author, theirs = draft.to.author, str(place.get("words", ""))[:MAX_QUOTED]
    if not theirs.strip():
        return draft.text + "\n"
    who = f"{author.name} <{author.external_id}>" if author.name != author.external_id else author.external_id
    quoted = "\n".join(f"> {line}".rstrip() for line in theirs.split("\n"))
    return f"{draft.text}\n\n{who}, {place.get('written', '')}:\n{quoted}\n"


def _line(text: str) -> str:
    return " ".join(clean(text).split())[:300]


def _token(message_id: str) -> str:
    return re.sub(r"[<>\s]", "", clean(message_id))


def _encoded(subject: str) -> str:
    return subject if subject.isascii() else Header(subject, "utf-8").encode()
