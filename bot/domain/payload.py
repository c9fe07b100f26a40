"""Read a mention from another system's JSON: find its fields by path, make them safe to store, or explain the error."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import quote

from bot.domain.address import is_http
from bot.domain.text import Text, text

MAX_ITEMS = 1_000
MAX_ID = 500
MAX_NAME = 200
MAX_URL = 2_000
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: PostgreSQL and UTF-8 refuse them."""
UNSAFE_IN_URL = re.compile(r'[\x00-\x20\x7f<>|"\\^`{}]')
EPOCH = (1e8, 1e14)
"""The numbers that we accept as a time, from 1973 up to 5138; from MILLISECONDS on, a number is in milliseconds."""
MILLISECONDS = 1e11
FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


class BadPayload(Exception):
    """A payload that cannot be read; the text names the first wrong field and never quotes its content."""

    def __init__(self, reason: Text) -> None:
        self.text = reason
        super().__init__(str(reason))


@dataclass(frozen=True)
class Reading:
    """How to read a source's payload.

    `mapping` maps our name of a field to the source's path (None: the source has no such field; missing: the source
    uses our name). A date without a zone is in `zone`; a date of publication after `now` becomes `now`.
    """

    mapping: Mapping[str, str | None]
    zone: tzinfo
    now: datetime


@dataclass(frozen=True)
class Item:
    """One mention as sent; each method reads one field, by our name for it, and raises BadPayload for a wrong value."""

    sent: Mapping[str, Any]
    place: str
    """The path of the mention in the payload ("mentions[3]."; empty for a single mention), for messages."""
    reading: Reading

    def raw(self, field: str) -> Any:
        """Return the value in the JSON, None without one; raises BadPayload for "author": "Jan"."""
        path = self.reading.mapping.get(field, field)
        if path != field:
            return at(self.sent, path) if path else None
        group, _, name = field.partition(".")
        value = self.sent.get(group)
        if not name:
            return value
        if not isinstance(value or {}, dict):
            raise BadPayload(text("{field} is not an object.", field=self.place + group))
        return at(value, name)

    def path(self, field: str) -> str:
        """Return the path of the field in the payload, in the sender's names."""
        return self.place + (self.reading.mapping.get(field) or field)

    def string(self, field: str) -> str:
        """Return text, or a number as text, that any database can store; "" without a value."""
        value = self.raw(field)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadPayload(text("{field} is not text.", field=self.path(field)))
        return UNSTORABLE.sub("", str(value))

    def name(self, field: str) -> str:
        """Return text on one line, cut at 200 characters."""
        return " ".join(self.string(field).split())[:MAX_NAME]

    def id(self, field: str) -> str:
        """Return an id; an id of over 500 characters becomes its hash."""
        value = self.string(field).strip()
        return value if len(value) <= MAX_ID else fingerprint(value)

    def address(self, field: str) -> str:
        """Return an http(s) address, "" for any other: the mention matters more than its link."""
        written = self.string(field).strip()
        if not written or len(written) > MAX_URL:
            return ""
        address = UNSAFE_IN_URL.sub(lambda unsafe: quote(unsafe[0]), written)
        return address if is_http(address) else ""

    def inside(self, field: str, most: int) -> Iterator["Item"]:
        """Yield the first objects of a list, read by our names; an address stands for an object with that `url`."""
        value = self.raw(field)
        if value is None:
            return
        if not isinstance(value, list):
            raise BadPayload(text("{field} is missing or is not a list.", field=self.path(field)))
        for number, each in enumerate(value[:most]):
            sent = {"url": each} if isinstance(each, str) else each
            place = f"{self.path(field)}[{number}]"
            if not isinstance(sent, dict):
                raise BadPayload(text("{field} is not an object.", field=place))
            yield Item(sent, f"{place}.", Reading({}, self.reading.zone, self.reading.now))

    def flag(self, field: str, *, default: bool) -> bool:
        """Return true or false; accepts text, 1 and 0 too."""
        value = self.raw(field)
        if value is None or value == "":
            return default
        known = FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
        if known is None:
            raise BadPayload(text("{field} is not true or false.", field=self.path(field)))
        return known

    def moment(self, field: str, *, ahead: timedelta = timedelta()) -> datetime | None:
        """Return a date in UTC, None without one; at most `ahead` after `now`, for a sender whose clock runs ahead."""
        date = self.end(field)
        return min(date, self.reading.now + ahead) if date else None

    def end(self, field: str) -> datetime | None:
        """Return a date in UTC that may be in the future, None without one."""
        value = self.raw(field)
        if value is None or value == "":
            return None
        try:
            return moment(value, self.reading.zone)
        except (ValueError, TypeError, OverflowError) as error:
            message = text(
                "{field} is not a date: write it as 2026-11-24T09:30:00+01:00 or as seconds since 1970.",
                field=self.path(field),
            )
            raise BadPayload(message) from error


def items(sent: Any, path: str, reading: Reading) -> Iterator[Item]:
    """Yield the mentions in a payload: one object, a list, or the value at `path` ("mentions" when that is empty)."""
    name = path or "mentions"
    enveloped = bool(path) or (isinstance(sent, dict) and name in sent)
    value = at(sent, name) if enveloped else sent
    if isinstance(value, dict):
        yield Item(value, f"{name}." if enveloped else "", reading)
        return
    if not isinstance(value, list):
        raise BadPayload(text("{field} is missing or is not a list.", field=name))
    if len(value) > MAX_ITEMS:
        raise BadPayload(text("{field} holds more than {count} mentions.", field=name, count=MAX_ITEMS))
    for number, each in enumerate(value):
        if not isinstance(each, dict):
            raise BadPayload(text("{field} is not an object.", field=f"{name}[{number}]"))
        yield Item(each, f"{name}[{number}].", reading)


def at(value: Any, path: str) -> Any:
    """Return the value at a dotted path ("content.body", "urls.0"), None without one."""
    if "." not in path and isinstance(value, dict):
        return value.get(path)
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and re.fullmatch("[0-9]{1,4}", part) and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def moment(value: Any, zone: tzinfo) -> datetime:
    """Return the UTC time of an ISO 8601 text (in `zone` if it has no zone) or of (milli)seconds since 1970.

    Raises ValueError, TypeError or OverflowError for anything else.
    """
    if isinstance(value, bool):
        raise TypeError("a truth value is no moment")
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{9,}(\.[0-9]+)?", value.strip()):
        read = datetime.fromisoformat(value.strip().upper())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    number = float(value)
    if not EPOCH[0] <= number < EPOCH[1]:
        raise ValueError("no number of seconds or milliseconds since 1970")
    return datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS else number, UTC)


def fingerprint(*parts: str) -> str:
    """Return an id from these parts; the same parts always give the same id."""
    return "sha256:" + hashlib.sha256("\x00".join(parts).encode()).hexdigest()
