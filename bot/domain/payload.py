"""A mention as another system wrote it in JSON: found by path, made safe to keep, or refused in a plain sentence."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote, urlsplit

from bot.domain.text import Text, text

MAX_ITEMS = 1_000
MAX_ID = 500
MAX_NAME = 200
MAX_URL = 2_000
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: PostgreSQL and UTF-8 refuse them."""
UNSAFE_IN_URL = re.compile(r'[\x00-\x20\x7f<>|"\\^`{}]')
EPOCH = (1e8, 1e14)
"""Seconds from 1973 on, milliseconds up to 5138; from MILLISECONDS on a number is taken for the latter."""
MILLISECONDS = 1e11
FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


class BadPayload(Exception):
    """A payload that cannot be read; the text names the first field at fault and never quotes what it holds."""

    def __init__(self, reason: Text) -> None:
        self.text = reason
        super().__init__(str(reason))


@dataclass(frozen=True)
class Reading:
    """How a source's payload is to be read.

    `mapping` tells the source's path of a field by our name for it (None: the source has no such field; unnamed: it
    is called as we call it); a date without a zone is in `zone`, and none is later than `now`.
    """

    mapping: Mapping[str, str | None]
    zone: tzinfo
    now: datetime


@dataclass(frozen=True)
class Item:
    """One mention as it was sent; every reader takes our name of a field and raises BadPayload on what it cannot be."""

    sent: Mapping[str, Any]
    place: str
    """Where it stands in the payload ("mentions[3]."; empty for a lone one), for messages."""
    reading: Reading

    def raw(self, field: str) -> Any:
        """Return the value as JSON had it, None when there is none."""
        path = self.reading.mapping.get(field, field)
        return at(self.sent, path) if path else None

    def path(self, field: str) -> str:
        """Return where in the payload the field should be, as the sender knows it."""
        return self.place + (self.reading.mapping.get(field) or field)

    def string(self, field: str) -> str:
        """Return text or a number as text that any database can keep, "" when there is none."""
        found = self.raw(field)
        if found is None:
            return ""
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            raise BadPayload(text("{field} is not text.", field=self.path(field)))
        return UNSTORABLE.sub("", str(found))

    def name(self, field: str) -> str:
        """Return text on one line, cut at 200 characters."""
        return " ".join(self.string(field).split())[:MAX_NAME]

    def id(self, field: str) -> str:
        """Return an id; one of over 500 characters becomes its hash."""
        found = self.string(field).strip()
        return found if len(found) <= MAX_ID else fingerprint(found)

    def address(self, field: str) -> str:
        """Return an http(s) address; any other is left out, for the mention matters more than its link."""
        written = self.string(field).strip()
        if len(written) > MAX_URL:
            return ""
        found = UNSAFE_IN_URL.sub(lambda unsafe: quote(unsafe[0]), written)
        try:
            parts = urlsplit(found)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            return ""
        return found if sound else ""

    def flag(self, field: str, *, default: bool) -> bool:
        """Return true or false, also written as text or as 1 or 0."""
        found = self.raw(field)
        if found is None or found == "":
            return default
        known = FLAGS.get(str(found).lower()) if isinstance(found, str | int) else None
        if known is None:
            raise BadPayload(text("{field} is not true or false.", field=self.path(field)))
        return known

    def moment(self, field: str) -> datetime | None:
        """Return a date in UTC, None when there is none; one in the future becomes `now`."""
        found = self.end(field)
        return min(found, self.reading.now) if found else None

    def end(self, field: str) -> datetime | None:
        """Return a date in UTC that may be in the future, None when there is none."""
        found = self.raw(field)
        if found is None or found == "":
            return None
        try:
            return moment(found, self.reading.zone)
        except (ValueError, TypeError, OverflowError) as error:
            message = text(
                "{field} is not a date: write it as 2026-11-24T09:30:00+01:00 or as seconds since 1970.",
                field=self.path(field),
            )
            raise BadPayload(message) from error


def items(sent: Any, path: str, reading: Reading) -> Iterator[Item]:
    """Yield the mentions in a payload: one object, a list, or what stands at `path` ("mentions" when that is empty)."""
    name = path or "mentions"
    enveloped = bool(path) or (isinstance(sent, dict) and name in sent)
    found = at(sent, name) if enveloped else sent
    if isinstance(found, dict):
        yield Item(found, f"{name}." if enveloped else "", reading)
        return
    if not isinstance(found, list):
        raise BadPayload(text("{field} is missing or is not a list.", field=name))
    if len(found) > MAX_ITEMS:
        raise BadPayload(text("{field} holds more than {count} mentions.", field=name, count=MAX_ITEMS))
    for number, each in enumerate(found):
        if not isinstance(each, dict):
            raise BadPayload(text("{field} is not an object.", field=f"{name}[{number}]"))
        yield Item(each, f"{name}[{number}].", reading)


def at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path ("content.body", "urls.0"), None when nothing does."""
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


def moment(found: Any, zone: tzinfo) -> datetime:
    """Return the UTC time of an ISO 8601 text (in `zone` when it names none) or of (milli)seconds since 1970.

    Raises ValueError, TypeError or OverflowError for anything else.
    """
    if isinstance(found, bool):
        raise TypeError("a truth value is no moment")
    if isinstance(found, str) and not re.fullmatch(r"[0-9]{9,}(\.[0-9]+)?", found.strip()):
        read = datetime.fromisoformat(found.strip().upper())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    number = float(found)
    if not EPOCH[0] <= number < EPOCH[1]:
        raise ValueError("no number of seconds or milliseconds since 1970")
    return datetime.fromtimestamp(number / 1000 if number >= MILLISECONDS else number, UTC)


def fingerprint(*parts: str) -> str:
    """Return an id made of what it stands for: the same parts always give the same."""
    return "sha256:" + hashlib.sha256("\x00".join(parts).encode()).hexdigest()
