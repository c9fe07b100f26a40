"""Parse a mail: https://www.rfc-editor.org/rfc/rfc5322 and MIME. Any bytes give a mail.

Quirks: headers contain raw 8-bit text, charsets are wrong or unknown, parts are nested endlessly. A mail that cannot be
parsed is shown as it came.
"""

import codecs
import contextlib
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime

from bot.connectors.email.flowed import joined
from bot.connectors.email.meeting import meeting_of
from bot.connectors.html import text_of

MAX_CHARACTERS = 20_000
MAX_HTML = 500_000
CUT = " …"
MAX_PARTS = 60
"""The most nested or parallel parts of a mail that we parse; with more, Python's parser gets slow and deep."""
LONG_FIELD = re.compile(rb"(?:\A|[\r\n])content-[a-z-]+:(?:[^\n]|\n[ \t]){10000}", re.IGNORECASE)
"""A field about the contents that no program writes; Python's parser takes the square of its length."""
MAX_FILES = 20
MAX_REFERENCES = 30
MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")
LONG_ID = 250
ADDRESS = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\]{1,255}")
IN_BRACKETS = re.compile(rf"([^<>]*)<({ADDRESS.pattern})>\s*")
"""A name, which may be empty or have signs that should be quoted, and an address."""
CHARSETS = ("ascii", "utf", "iso8859", "iso2022", "cp", "koi8", "gb", "big5", "shift_jis", "euc", "mac", "tis", "hz")
"""The beginnings of the names of real character sets, among Python's encodings."""
SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
"""The kinds of parts in which a program proves who wrote a mail."""
QUOTED, UNQUOTED = "\ue000", "\ue001"
BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError, AssertionError)
"""What Python's parser raises on broken mails."""


@dataclass(frozen=True)
class Address:
    """Somebody's address, in lower case, and their name, which may be empty."""

    address: str
    name: str = ""


@dataclass(frozen=True)
class File:
    """A file in a mail; `size` in bytes, None when it was not read to its end."""

    name: str
    size: int | None


@dataclass(frozen=True)
class Mail:
    """A parsed mail. `text` is plain, with > before quoted lines, neither folded nor cut for readers.

    `message` has the headers, and the parts for further checks. `message_id` is made from the content when the mail has
    none. `date` is by its author's clock.
    """

    message: Message
    message_id: str
    has_id: bool
    subject: str
    author: Address | None
    reply_to: Address | None
    date: datetime | None
    references: tuple[str, ...]
    in_reply_to: str
    text: str
    files: tuple[File, ...] = ()

    def header(self, name: str) -> str:
        """Return a header's value as text; "" when it is not there."""
        return header(self.message, name)

    @property
    def own_id(self) -> str:
        """An id that only this mail has: some forms and scanners give all their mails one Message-ID.

        It is made from what was read of the mail, because a server may write its parts anew in each copy.
        """
        read = (self.author, self.reply_to, self.date, self.subject, self.text.split(), self.files)
        return _made_id(repr(read).encode("utf-8", "replace"))

    def writer(self, own_address: str) -> Address | None:
        """Return who wrote it and gets the answer; None when that cannot be read.

        A form on a website sends in its own name, or even in ours, with the citizen in Reply-To.
        """
        if self.reply_to is None or self.reply_to.address == own_address:
            return self.author
        shown = self.author.name if self.author and self.author.address != own_address else ""
        return Address(self.reply_to.address, self.reply_to.name or shown)


def mail_of(raw: bytes, *, whole: bool = True) -> Mail:
    """Return the mail in these bytes. `whole=False`: the end of a large mail is missing."""
    try:
        if _parts_in(raw) > MAX_PARTS or LONG_FIELD.search(raw):
            raise RecursionError
        message = message_from_bytes(raw)
        contents = _Contents()
        contents.add(message)
    except BROKEN:
        message = BytesHeaderParser().parsebytes(raw)
        contents = _Contents([cut(_decoded(raw.partition(b"\n\n")[2] or raw.partition(b"\r\n\r\n")[2], ""), 2000)])
    if not whole and contents.files:
        contents.files[-1] = File(contents.files[-1].name, None)
    elif not whole and contents.texts and contents.texts[-1].strip():
        contents.texts[-1] += CUT
    ids = _ids(header(message, "Message-ID")) or [_made_id(raw[:100_000])]
    references = _ids(header(message, "References"))
    answered = [*_ids(header(message, "In-Reply-To")), *reversed(references)]
    return Mail(
        message=message,
        message_id=ids[0],
        has_id=bool(_ids(header(message, "Message-ID"))),
        subject=words(header(message, "Subject"))[:300],
        author=next(addresses(message, "From"), None),
        reply_to=next(addresses(message, "Reply-To"), None),
        date=_date(header(message, "Date")),
        references=tuple(dict.fromkeys([*references[:1], *references[1:][-MAX_REFERENCES:]])),
        in_reply_to=answered[0] if answered else "",
        text=clean("\n\n".join(part for part in contents.texts if part.strip()) or "\n\n".join(contents.meetings)),
        files=tuple(contents.files[:MAX_FILES]),
    )


def _parts_in(raw: bytes) -> int:
    """Return approximately how many parts there are, before anything is parsed."""
    lower = raw.lower()
    return lower.count(b"multipart/") + lower.count(b"message/rfc822") + lower.count(b"content-type:") // 4


def _made_id(content: bytes) -> str:
    """Return an id from what stays the same when a mail is moved or read again."""
    return f"{hashlib.sha256(content).hexdigest()[:40]}@no-message-id"


# --- Headers -------------------------------------------------------------------------------------


def header(message: Message, name: str) -> str:
    """Return the first value of a header, unfolded, with raw 8-bit text decoded; encoded words stay encoded."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            raw = str(value).encode("utf-8", "surrogateescape")
            return re.sub(r"[\r\n]+[ \t]*", " ", _decoded(raw, "utf-8")).strip()[:20_000]
    return ""


def words(value: str) -> str:
    """Return the words of a header: encoded words (RFC 2047) decoded, on one line, without control characters."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, *BROKEN):
        pieces = [(value, None)]
    decoded = (piece if isinstance(piece, str) else _decoded(piece, charset or "") for piece, charset in pieces)
    return " ".join(clean("".join(decoded)).split())


def addresses(message: Message, name: str) -> Iterator[Address]:
    """Yield the valid addresses in a header. They are parsed before names are decoded, which may have commas.

    An address in brackets counts, whatever name stands before it: names are written without the quotes that they need
    (Jan [Home] <jan@…>, jan@… <jan@…>). Python 3.13 reads none of those, Python 3.11.7 another address.
    """
    value = header(message, name)
    bracketed = _in_brackets(value)
    if not bracketed or any(sign in shown for shown, _ in bracketed for sign in '",()'):
        with contextlib.suppress(*BROKEN):
            bracketed = _valid(getaddresses([value])) or bracketed
    for shown, address in _valid(bracketed):
        yield Address(address.lower(), words(shown)[:100])


def _in_brackets(value: str) -> list[tuple[str, str]]:
    """Return the names and addresses in a header in which each address is in brackets; else nothing."""
    found = [IN_BRACKETS.fullmatch(each) for each in re.split(r"(?<=>)\s*,\s*", value)]
    return [(each[1].strip('" '), each[2]) for each in found if each is not None] if all(found) else []


def _valid(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in pairs if ADDRESS.fullmatch(pair[1]) and clean(pair[1]) == pair[1]]


def _ids(value: str) -> list[str]:
    return [clean(each) if len(each) <= LONG_ID else _hashed(each) for each in MESSAGE_ID.findall(value)]


def _hashed(long: str) -> str:
    return f"{hashlib.sha256(long.encode()).hexdigest()[:40]}@long-message-id"


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (*BROKEN, OverflowError, IndexError):
        return None
    return date if date.tzinfo else None


# --- Bodies --------------------------------------------------------------------------------------


@dataclass
class _Contents:
    """The texts, files and invitations in the parts of a mail, in order."""

    texts: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    meetings: list[str] = field(default_factory=list)

    def add(self, part: Message) -> None:
        """Add a part and the parts in it. Some programs give the words a file name, or a picture none."""
        kind, name = part.get_content_type(), _name_of(part)
        inside = part.get_payload()
        may_be_words = kind in {"text/plain", "text/html"} and not any(text.strip() for text in self.texts)
        is_attached = part.get_content_disposition() == "attachment"
        if kind == "message/rfc822" or is_attached or (name and not may_be_words):
            if name or kind != "message/rfc822":
                self.files.append(File(name or kind, _size(part)))
            else:
                self.files.append(File(_attached_mail(inside), None))
        elif kind == "multipart/alternative" and isinstance(inside, list):
            self._add_best([each for each in inside if isinstance(each, Message)])
        elif isinstance(inside, list):
            for each in inside:
                if isinstance(each, Message):
                    self.add(each)
        elif kind == "text/calendar":
            self.meetings.append(meeting_of(_text(part, kind)))
        elif kind.startswith(("text/", "multipart/")):  # one of parts that has lost their boundary is shown as it came
            self.texts.append(_text(part, kind))
        elif kind not in SIGNATURES:
            self.files.append(File(kind, _size(part)))

    def _add_best(self, alternatives: Sequence[Message]) -> None:
        """Add the plain one of several forms of a text, else the last one with words; and the files of all."""
        forms = []
        for each in alternatives:
            one = _Contents()
            one.add(each)
            forms.append(one)
            self.files += one.files
            self.meetings += one.meetings
        said = [one for one in forms if any(text.strip() for text in one.texts)]
        plain = [one for one, part in zip(forms, alternatives, strict=True) if part.get_content_type() == "text/plain"]
        best = [one for one in plain if one in said] or said[-1:]
        self.texts += best[0].texts if best else []


def _name_of(part: Message) -> str:
    try:
        name = part.get_filename()
    except BROKEN:
        name = None
    return words(str(name))[-120:].replace("/", "_") if name else ""


def _attached_mail(inside: object) -> str:
    attached = inside[0] if isinstance(inside, list) and inside else None
    subject = words(header(attached, "Subject")) if isinstance(attached, Message) else ""
    return f"{subject[:100] or 'mail'}.eml"


def _size(part: Message) -> int | None:
    content = None if part.is_multipart() else part.get_payload(decode=True)
    return len(content) if isinstance(content, bytes) else None


def _text(part: Message, kind: str) -> str:
    content = part.get_payload(decode=True)
    try:
        charset = part.get_content_charset() or ""
    except BROKEN:
        charset = ""
    text = _decoded(content, charset) if isinstance(content, bytes) else str(content or "")
    if kind == "text/html":
        return _text_of_html(text)
    if _parameter(part, "format") == "flowed":
        return joined(text, delete_space=_parameter(part, "delsp") == "yes")
    return text


def _parameter(part: Message, name: str) -> str:
    """Return a parameter of the kind of a part, in lower case; "" for none."""
    try:
        return str(part.get_param(name) or "").strip().lower()
    except BROKEN:
        return ""


def _text_of_html(html: str) -> str:
    """Return the text of HTML, with > before quoted lines."""
    marked = re.sub(f"[{QUOTED}{UNQUOTED}]", "", html[:MAX_HTML])
    marked = re.sub(r"(?i)<blockquote\b[^>]{0,2000}>", f"<blockquote><p>{QUOTED}</p>", marked)
    marked = re.sub(r"(?i)</blockquote\s*>", f"<p>{UNQUOTED}</p></blockquote>", marked)
    lines, depth = [], 0
    for line in text_of(marked, addresses=True).split("\n"):
        depth = max(0, depth + line.count(QUOTED) - line.count(UNQUOTED))
        words = line.replace(QUOTED, "").replace(UNQUOTED, "")
        if words.strip() or words == line:
            lines.append(f"> {words}" if depth else words)
    return "\n".join(lines) + (CUT if len(html) > MAX_HTML else "")


def _decoded(content: bytes, charset: str) -> str:
    """Return bytes as text: in the named charset if it is valid, else in UTF-8, else in Windows-1252.

    Programs that name ISO-8859-1 write Windows-1252, which has € and ’ too. Bytes that are wrong in places are UTF-8
    when more of its signs are right. https://encoding.spec.whatwg.org/#names-and-labels
    """
    for name in (charset, "utf-8"):
        try:
            found = codecs.lookup(name).name
            if found.startswith(CHARSETS):
                return content.decode("cp1252" if found == "iso8859-1" else name)
        except (LookupError, ValueError):
            continue
    in_utf8 = content.decode("utf-8", "replace")
    wrong = in_utf8.count("\ufffd")
    right = sum(sign > "\x7f" for sign in in_utf8) - wrong
    return in_utf8 if right > wrong else content.decode("cp1252", "replace")


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text; one that is longer says so at its end."""
    return text if len(text) <= limit else text[: limit - len(CUT)].rstrip() + CUT


def clean(text: str) -> str:
    """Return text without hidden or unstorable characters (controls, lone surrogates); lines end with \\n."""
    sound = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in sound if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Co"})
