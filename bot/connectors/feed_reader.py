"""A separate program that reads a feed and writes JSON, because feeds are hostile input.

    python -m bot.connectors.feed_reader < "content type, newline, the feed's bytes" > JSON

feedparser (https://feedparser.readthedocs.io) reads RSS 0.9x, 1.0, 2.0 and Atom, even if broken. But a feed of a few
hundred kilobytes can make it use gigabytes (entities within entities), or hours in one regular expression (a long
author). A thread cannot be stopped then, and blocks all others; a process has limits and can be stopped. This one
opens no address or file, and knows neither our settings nor our tokens.
"""

import calendar
import contextlib
import hashlib
import io
import itertools
import json
import mimetypes
import re
import resource
import sys
import time
import unicodedata
from collections.abc import Mapping
from email.utils import parseaddr
from html.parser import HTMLParser
from typing import Any
from xml.sax import SAXException

import feedparser

from bot.connectors.html import text_of
from bot.domain.dates import moment_of

MAX_MEMORY = 512 * 1024 * 1024
MAX_CPU_SECONDS = 20
MAX_ENTRIES = 200
FEW = 3
"""Of fewer entries we cannot tell whether their ids are their places in the feed."""
MAX_TEXT = 10_000
MAX_LINE = 500
MAX_ADDRESS = 2_000
MAX_MEDIA = 10
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
MEDIA_KINDS = frozenset({"image", "video", "audio"})
FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml"})
REFERENCE = re.compile(rb"&#(x[0-9a-fA-F]+|[0-9]+);")
LOOKS_LIKE_A_PAGE = re.compile(rb"<(!doctype\s+)?html[\s>]", re.IGNORECASE)

JSON = dict[str, Any]


def main() -> None:
    """Read a feed from standard input, within limits of memory and time, and write JSON to standard output."""
    with contextlib.suppress(ValueError, OSError):  # some systems do not allow a process to limit its memory
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    content_type, _, body = sys.stdin.buffer.read().partition(b"\n")
    json.dump(reading_of(body, content_type.decode("latin-1")), sys.stdout)


def reading_of(body: bytes, content_type: str) -> JSON:
    """Return the feed, or {"fault": "page", "json", "broken" or "other"} when it is not a feed; never raises.

    A feed has `title`, `ttl` (minutes), `total` (number of entries), `repeated` (entries with the id of another) and
    `entries`: the newest 200, newest first, one for each id, with the fields of `bot.connectors.feed.Entry`.
    """
    try:
        # A stream, because feedparser first tries to open bare bytes as a file name or an address.
        parsed = feedparser.parse(
            io.BytesIO(REFERENCE.sub(_valid_reference, body)),
            response_headers={"content-type": content_type} if content_type else {},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception:  # feedparser lets all errors of its parsers through, from LookupError to MemoryError
        return {"fault": "broken"}
    return _fault(parsed, body) or _feed(parsed)


def _valid_reference(reference: re.Match[bytes]) -> bytes:
    """Return a numeric character reference, or b"" when no such character exists: feedparser would fail on it."""
    digits = reference[1].lower()
    if len(digits) > 10:
        return b""
    number = int(digits[1:], 16) if digits.startswith(b"x") else int(digits)
    return reference[0] if number < 0xD800 or 0xE000 <= number < 0x110000 else b""


def _fault(parsed: Any, body: bytes) -> JSON | None:
    version = parsed.get("version", "")  # an empty feed has no version
    start = body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not version and LOOKS_LIKE_A_PAGE.search(start):
        links = _FeedLinks()
        links.feed(body[:200_000].decode("utf-8", "replace"))
        return {"fault": "page", "feed": next(iter(links.addresses), "")}
    if parsed.entries:
        return None
    if start.startswith((b"{", b"[")):
        return {"fault": "json"}
    if isinstance(parsed.get("bozo_exception"), SAXException) and (version or start.startswith(b"<")):
        return {"fault": "broken"}
    return None if version else {"fault": "other"}


class _FeedLinks(HTMLParser):
    """Finds the feeds that a web page links to (https://www.rssboard.org/rss-autodiscovery)."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and values.get("type", "").strip().lower() in FEED_TYPES:
            self.addresses.append(_address(values.get("href")))


def _feed(parsed: Any) -> JSON:
    feed = parsed.feed
    title = _title(feed)
    language = _language(feed.get("language"))
    now = time.time()
    entries: dict[str, Any] = {}
    newest_first = sorted(parsed.entries, key=lambda entry: min(_date(entry) or now, now), reverse=True)
    has_ids = not _are_positions(parsed.entries)
    for entry in newest_first:
        entries.setdefault(_external_id(entry, has_ids=has_ids), entry)
    read = (_entry(external_id, entry, title, language) for external_id, entry in entries.items() if external_id)
    newest = [each for each in itertools.islice(read, MAX_ENTRIES) if each["text"] or each["media"]]
    ttl = str(feed.get("ttl", ""))
    return {
        "title": title,
        "ttl": int(ttl) if re.fullmatch(r"[0-9]{1,6}", ttl) else 0,
        "total": len(parsed.entries),
        "repeated": len(parsed.entries) - len(entries),
        "left_out": max(0, len(entries) - MAX_ENTRIES),
        "entries": newest,
    }


def _are_positions(entries: list[Any]) -> bool:
    """Tell whether the ids are the places of the entries in the feed, 1 for the newest: each new entry moves them on.

    Numbers that count up with the time are ids.
    """
    ids, dates = [str(entry.get("id", "")).strip() for entry in entries], [_date(entry) for entry in entries]
    if (
        len(entries) < FEW
        or None in dates
        or dates != sorted(dates, key=lambda at: -(at or 0))
        or dates[0] == dates[-1]
    ):
        return False
    return any(ids == [str(first + place) for place in range(len(ids))] for first in (0, 1))


def _external_id(entry: Any, *, has_ids: bool) -> str:
    """Return the entry's own id; without a usable id, a hash of what distinguishes it from the other entries.

    It uses addresses as written in the feed, not absolute ones: a feed that moves must keep its ids.
    """
    own = _line(entry.get("id"), limit=MAX_ADDRESS) if has_ids else ""
    if own and len(own) <= 200:
        return own
    parts = [own] if own else [_address(entry.get("link")), _title(entry)]
    if not any(parts):
        parts = [_body(entry)]
    return "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40] if any(parts) else ""


def _entry(external_id: str, entry: Any, feed_title: str, language: str) -> JSON:
    title_detail = entry.get("title_detail") or {}
    text, media, url = _text(_title(entry), _body(entry)), _media(entry), _link(entry)
    if not text:  # only a picture, represented by its description, or only a link
        media = media or _pictures(entry)
        text = "\n".join(each["alt"] for each in media if each["alt"]) or ("" if media else url)
    return {
        "external_id": external_id,
        "author": _author(entry, feed_title),
        "title": _title(entry),
        "text": text,
        "url": url,
        "language": _language(title_detail.get("language")) or language,
        "media": media,
        "published": _date(entry),
        "updated": _moment(entry, "updated") or _date(entry),
    }


def _author(entry: Any, feed_title: str) -> JSON:
    """Return the author of an entry; the id is the e-mail address, else the name, else the address, else the feed."""
    detail = entry.get("author_detail") or {}
    name, email, url = _line(detail.get("name")), _line(detail.get("email")), _address(detail.get("href"))
    written = _line(entry.get("author"))
    if "@" in written and not url and not written.endswith(f"({email})"):
        # feedparser cuts off addresses like redactie@gemeente.amsterdam; RSS has "address (name)" in one element.
        name, email = parseaddr(written)
    known = email or name or url or feed_title
    return {"external_id": known.casefold(), "name": _line(text_of(name)) or feed_title, "url": url}


def _link(entry: Any) -> str:
    """Return the entry's link; feedparser may use an id as a link, which counts only if it is an address."""
    link = _address(entry.get("link"))
    return "" if entry.get("guidislink") and link == _address(entry.get("id")) and not link.startswith("http") else link


def _title(entry: Any) -> str:
    return _line(_plain(entry.get("title"), entry.get("title_detail")))


def _body(entry: Any) -> str:
    """Return the whole content, else the summary, else the description of its media, as plain text."""
    for content in entry.get("content") or []:
        if text := _plain(content.get("value"), content):
            return text[:MAX_TEXT]
    summary = _plain(entry.get("summary"), entry.get("summary_detail"))
    return (summary or _clean(str(entry.get("media_description") or "")).strip())[:MAX_TEXT]


def _plain(value: Any, detail: Mapping[str, Any] | None) -> str:
    """Return a value of a feed as plain text; `detail` gives its type."""
    kind = str((detail or {}).get("type") or "text/html")
    if kind in HTML_TYPES:
        return _clean(text_of(str(value or ""))).strip()
    return _clean(str(value or "")).strip() if kind.startswith("text/") else ""


def _text(title: str, body: str) -> str:
    """Return title and body, or one of them when it contains the other (many feeds cut the title from the text)."""
    start, whole = _words(title), _words(body)
    if whole.startswith(_uncut(start)):
        return body or title
    return title if start.startswith(_uncut(whole)) else f"{title}\n\n{body}"


def _uncut(words: str) -> str:
    return words.removesuffix("...").removesuffix("…").rstrip()


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


def _media(entry: Any) -> list[JSON]:
    """Return pictures, films and sounds, each with its description."""
    contents = [(item, item.get("description")) for item in entry.get("media_content") or []]
    enclosures = [(link, link.get("title")) for link in entry.get("links") or [] if link.get("rel") == "enclosure"]
    by_url: dict[str, JSON] = {}
    for item, alt in contents + enclosures:
        url = _address(item.get("url") or item.get("href"))
        kind = str(item.get("medium") or item.get("type") or mimetypes.guess_type(url)[0]).split("/")[0].lower()
        if url and kind in MEDIA_KINDS:
            by_url.setdefault(url, {"url": url, "kind": kind, "alt": _line(alt)})
    return list(by_url.values())[:MAX_MEDIA]


def _pictures(entry: Any) -> list[JSON]:
    """Return the pictures in the HTML of an entry."""
    parser = _Pictures()
    for part in (*(entry.get("content") or []), {"value": entry.get("summary")}, {"value": entry.get("title")}):
        parser.feed(str(part.get("value") or "")[:200_000])
    return [{"url": url, "kind": "image", "alt": alt} for url, alt in parser.alts.items()][:MAX_MEDIA]


class _Pictures(HTMLParser):
    """Finds the pictures in a piece of HTML, each address once with its description."""

    def __init__(self) -> None:
        super().__init__()
        self.alts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img" and (url := _address(values.get("src"))):
            self.alts.setdefault(url, _line(values.get("alt")))


def _start_media_description(parser: Any, attributes: Any) -> None:
    parser.push("media_description", 1)


def _end_media_description(parser: Any) -> None:
    description = parser.pop("media_description")
    contents = parser._get_context().get("media_content")
    if description and contents:
        contents[-1].setdefault("description", description)


# feedparser mistakes the description of a picture for the text of the entry (in Mastodon's feeds, for every post with
# a picture). Only methods with names like these can handle one of its elements.
for parser in (feedparser.api.StrictFeedParser, feedparser.api.LooseFeedParser):
    parser._start_media_description = _start_media_description
    parser._end_media_description = _end_media_description


def _date(entry: Any) -> int | None:
    """Return when the entry was published (epoch seconds), from the dates that it has."""
    return _moment(entry, "published") or _moment(entry, "created") or _moment(entry, "updated")


def _moment(entry: Any, key: str) -> int | None:
    # Not with feedparser's own `get`, which warns when it returns a date with another name.
    moment = moment_of(_line(dict.get(entry, key)))
    if moment is None:
        try:
            moment = calendar.timegm(dict.get(entry, f"{key}_parsed") or ())
        except (ValueError, OverflowError, TypeError):
            return None
    return moment if 0 < moment < 253_000_000_000 else None  # years 1970 to 9987; "0001-01-01" is not a real date


def _language(value: Any) -> str:
    """Return the primary language subtag of a BCP 47 tag."""
    primary = re.split(r"[-_]", str(value or "").strip().lower())[0]
    return primary if re.fullmatch(r"[a-z]{2,3}", primary) else ""


def _line(value: Any, limit: int = MAX_LINE) -> str:
    return " ".join(_clean(str(value or "")).split())[:limit]


def _address(value: Any) -> str:
    address = _line(value, limit=MAX_ADDRESS + 1)
    return address if len(address) <= MAX_ADDRESS else ""


def _clean(text: str) -> str:
    """Remove what databases and screens refuse: NULs, control characters and half characters (surrogates)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


if __name__ == "__main__":
    main()
