"""Mails that nobody wrote: automatic answers, lists, our own, and reports that our answer did not arrive.

An answer to any of these could start a loop: https://www.rfc-editor.org/rfc/rfc3834#section-2
"""

import re
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser

from bot.connectors.email.parsing import BROKEN, Mail, clean, header, words
from bot.domain.mention import Arrived, Delivery
from bot.domain.text import Text, text

BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
AWAY = re.compile(
    r"(?:automatisch(?:e)?\s+(?:antwoord|beantwoord|reactie)|afwezig|afwezigheid|niet aanwezig|buiten kantoor|"
    r"out\s+of\s+(?:the\s+)?office|automatic\s+reply|auto(?:matic)?[\s-]?(?:reply|response))\b",
    re.IGNORECASE,
)
"""The beginning of the subject of Exchange's automatic answers."""
OUR_ID = re.compile(r"webcare\.[0-9a-f]{40}@[^<>\s@]+")
COPIES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
"""The kinds of the part with the mail that a report is about: https://www.rfc-editor.org/rfc/rfc6522#section-3 and
https://www.rfc-editor.org/rfc/rfc6533#section-6"""
COPIED = re.compile(r"^[> \t]*Message-ID:\s*<?([^<>\s]+)", re.IGNORECASE | re.MULTILINE)
DAEMON = re.compile(r"\b(?:mailer-daemon|postmaster)\b", re.IGNORECASE)
BELOW = re.compile(r"^[ \t]*(?:-{3,}|(?:Return-Path|Received|Message-ID|From):)", re.IGNORECASE | re.MULTILINE)
"""The line where the copy of a mail begins, below what a server says about it."""
UNDER_WAY = re.compile(
    r"^[ \t]*warning\b|\bwarning message only\b|\bdelayed\b|\bstill being retried\b|\bnot yet been\b|\bvertraagd\b",
    re.IGNORECASE | re.MULTILINE,
)
NAMED = re.compile(r"^[ \t]*<?([^\s<>@:]+@[^\s<>@:]+)>?:?[ \t]*$", re.MULTILINE)
"""An address on a line of its own, as qmail and Exim write it."""
REPLY_CODE = re.compile(r"\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b")
SMTP_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def is_automatic(mail: Mail, own_address: str) -> bool:
    """Tell whether this mail was not written by a person who expects an answer."""
    submitted = mail.header("Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in {"", "no"} or mail.header("Precedence").strip().lower() in BULK:
        return True
    names = {name.lower() for name in mail.message}
    if any(name.startswith("list-") for name in names) or names & {"x-autoreply", "x-autorespond", "x-autoresponse"}:
        return True
    if mail.header("Return-Path").strip() == "<>":
        return True
    # Exchange sets this header on its automatic answers, but forms and other programs set it on citizens' words too.
    if "x-auto-response-suppress" in names and AWAY.match(mail.subject):
        return True
    if mail.author is None or mail.author.address != own_address:
        return False
    return mail.writer(own_address) == mail.author or OUR_ID.fullmatch(mail.message_id) is not None


def is_report(mail: Mail) -> bool:
    """Tell whether this is a report about a mail that was sent: in the form of RFC 3464, or only in words.

    https://www.rfc-editor.org/rfc/rfc3464
    """
    return _has_form(mail) or _is_in_words(mail)


def _has_form(mail: Mail) -> bool:
    return mail.message.get_content_type() == "multipart/report"


def _is_in_words(mail: Mail) -> bool:
    """Tell whether a mail server wrote this: without a return address, and in its own name.

    https://www.rfc-editor.org/rfc/rfc5321#section-4.5.5
    """
    is_by_server = DAEMON.search(mail.header("From")) is not None or mail.header("X-Failed-Recipients") != ""
    return mail.header("Return-Path").strip() == "<>" and is_by_server


def delivery_of(mail: Mail, at: datetime) -> Delivery | None:
    """Return which of our answers did not arrive, and why; None when the report does not say so.

    A report of a delay does not count: the mail may still arrive.
    """
    parts = _parts(mail.message)
    if not _has_form(mail):
        return _report_in_words(mail, parts, at)
    about = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    fields = [block for part in about for block in _parts(part)[1:]]
    failed = [block for block in fields if header(block, "Action").lower() == "failed"]
    ours = _ours(mail, parts)
    if not failed or not ours:
        return None
    return Delivery(ours, Arrived.FAILED, at, _reason_in(failed[0]))


def _report_in_words(mail: Mail, parts: list[Message], at: datetime) -> Delivery | None:
    """Read a report that is only words with a copy of our mail, like those of qmail and older Exims.

    We recognise it by the Message-ID in the copy: an automatic answer refers to our mail in its own headers too.
    https://cr.yp.to/proto/qsbmf.txt
    """
    copy = COPIED.search(mail.text)  # the first is the mail's own; its words may contain others
    copied = OUR_ID.search(_copied(parts) or (copy[1] if copy else ""))
    ours = copied.group() if copied else ""
    said = BELOW.split(mail.text, maxsplit=1)[0][:5000]
    if not ours or not _is_in_words(mail) or UNDER_WAY.search(f"{mail.subject}\n{said}"):
        return None
    named = NAMED.search(said)
    to = mail.header("X-Failed-Recipients").partition(",")[0].strip() or (named[1] if named else "")
    why = next((line for line in said.splitlines() if REPLY_CODE.search(line)), "")
    return Delivery(ours, Arrived.FAILED, at, _reason(words(to)[:320], " ".join(why.split())[:200]))


def _parts(message: Message) -> list[Message]:
    try:
        return list(message.walk())
    except BROKEN:
        return []


def _ours(mail: Mail, parts: list[Message]) -> str:
    """Return the id of our mail: of the copy in the report, else of the mail that the report answers; "" if not ours.

    A mail that only refers to ours is another: what a colleague wrote in the same conversation, or our next answer.
    """
    about = _copied(parts) or mail.in_reply_to or next(reversed(mail.references), "")
    match = OUR_ID.search(about)
    return match.group() if match else ""


def _copied(parts: list[Message]) -> str:
    """Return the id of the mail of which the report has a copy, or only its headers; "" when it has none.

    The first copy is that mail; others are inside it.
    """
    copy = next((part for part in parts if part.get_content_type() in COPIES), None)
    if copy is None:
        return ""
    inside = copy.get_payload()
    if isinstance(inside, list):
        inner = inside[0] if inside else None
    else:
        content = copy.get_payload(decode=True)
        inner = BytesHeaderParser().parsebytes(content.lstrip()) if isinstance(content, bytes) else None
    return header(inner, "Message-ID") if isinstance(inner, Message) else ""


def _reason_in(block: Message) -> Text:
    to = words(header(block, "Final-Recipient").rpartition(";")[2])
    said = clean(words(header(block, "Diagnostic-Code").partition(";")[2]))[:200]
    return _reason(to, said, header(block, "Status"))


def _reason(to: str, said: str, status: str = "") -> Text:
    """Return in words why a mail did not arrive, by its status code: https://www.rfc-editor.org/rfc/rfc3463"""
    to = to or "?"
    status = next((code for code in SMTP_CODE.findall(f"{said} {status}") if not code.endswith(".0.0")), status)
    kind = ".".join(status.split(".")[1:3])
    if kind in {"1.1", "1.0", "1.6", "1.10"}:
        return text("The address {address} does not exist.", address=to)
    if kind == "1.2":
        return text("The mail server of {address} does not exist.", address=to)
    if kind == "2.2":
        return text("The mailbox of {address} is full.", address=to)
    if kind.startswith("7."):
        return text("The mail server of {address} refused the mail: {reason}", address=to, reason=said or status)
    if said:
        return text("The mail to {address} could not be delivered: {reason}", address=to, reason=said)
    return text("The mail to {address} could not be delivered.", address=to)
