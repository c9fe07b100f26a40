"""Mails that nobody wrote: automatic answers, lists, our own, and the reports that an answer of ours did not arrive.

An answer to any of these could begin a loop: https://www.rfc-editor.org/rfc/rfc3834#section-2
"""

import re
from datetime import datetime
from email.message import Message

from bot.connectors.email.parsing import BROKEN, Mail, clean, header, words
from bot.domain.mention import Arrived, Delivery
from bot.domain.text import Text, text

BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
AWAY = re.compile(
    r"(?:automatisch(?:e)?\s+(?:antwoord|beantwoord|reactie)|afwezig|afwezigheid|niet aanwezig|buiten kantoor|"
    r"out\s+of\s+(?:the\s+)?office|automatic\s+reply|auto(?:matic)?[\s-]?(?:reply|response))\b",
    re.IGNORECASE,
)
"""How Exchange begins the subject of an automatic answer."""
OUR_ID = re.compile(r"webcare\.[0-9a-f]{40}@[^<>\s@]+")
SMTP_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


def is_automatic(mail: Mail, own_address: str) -> bool:
    """Tell whether nobody wrote this mail for us to answer."""
    submitted = mail.header("Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in {"", "no"} or mail.header("Precedence").strip().lower() in BULK:
        return True
    names = {name.lower() for name in mail.message}
    if any(name.startswith("list-") for name in names) or names & {"x-autoreply", "x-autorespond", "x-autoresponse"}:
        return True
    if mail.header("Return-Path").strip() == "<>":
        return True
    # Exchange puts this header on its automatic answers, but forms and other programs do so too, on citizens' words.
    if "x-auto-response-suppress" in names and AWAY.match(mail.subject):
        return True
    return mail.author is not None and mail.author.address == own_address


def is_report(mail: Mail) -> bool:
    """Tell whether this is a report about a mail that was sent: https://www.rfc-editor.org/rfc/rfc3464"""
    return mail.message.get_content_type() == "multipart/report"


def delivery_of(mail: Mail, at: datetime) -> Delivery | None:
    """Return which answer of ours did not arrive, and why; None when the report tells of no such thing.

    A report of a delay is none: the mail is still under way.
    """
    parts = _parts(mail.message)
    about = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    fields = [block for part in about for block in _parts(part)[1:]]
    failed = [block for block in fields if header(block, "Action").lower() == "failed"]
    ours = _ours(mail, parts)
    if not failed or not ours:
        return None
    return Delivery(ours, Arrived.FAILED, at, _reason(failed[0]))


def _parts(message: Message) -> list[Message]:
    try:
        return list(message.walk())
    except BROKEN:
        return []


def _ours(mail: Mail, parts: list[Message]) -> str:
    """Return the id of our mail: from the copy that came back with the report, else from what the report answers."""
    copies = [part for part in parts if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}]
    for copy in copies:
        inside = copy.get_payload()
        inner = inside[0] if isinstance(inside, list) and inside else copy
        told = header(inner, "Message-ID") if isinstance(inner, Message) else ""
        told = told if "webcare." in told else str(inside) if isinstance(inside, str) else told
        if found := OUR_ID.search(told):
            return found.group()
    answered = " ".join([mail.in_reply_to, *mail.references])
    found = OUR_ID.search(answered)
    return found.group() if found else ""


def _reason(block: Message) -> Text:
    """Say in words why a mail did not arrive, by its status code: https://www.rfc-editor.org/rfc/rfc3463"""
    to = words(header(block, "Final-Recipient").rpartition(";")[2]) or "?"
    said = clean(words(header(block, "Diagnostic-Code").partition(";")[2]))[:200]
    status = header(block, "Status")
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
