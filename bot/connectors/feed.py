"""RSS and Atom feeds: news sites, forums and search alerts; we can read them, not answer them.

Formats: https://www.rssboard.org/rss-specification, https://www.rfc-editor.org/rfc/rfc4287. Quirks: a feed repeats its
entries at every reading, and many feeds have no ids, no dates, broken markup or a wrong character set. `feed_reader`
turns a feed into JSON, in a process with limits.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.connectors import http
from bot.connectors.base import (
    Account,
    Cursor,
    Health,
    Page,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Verdict,
)
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.mention import Author, Media, Post
from bot.domain.text import Text, text
from bot.steady_clock import steady_now

ACCEPT = "application/atom+xml, application/rss+xml, application/rdf+xml, application/xml;q=0.9, */*;q=0.5"
MOVED = frozenset({301, 308})
ELSEWHERE = frozenset({302, 303, 307})
MAX_HOPS = 5
MAX_WAIT = timedelta(hours=24)
MAX_SEEN = 500
MAX_UNDATED_AT_FIRST = 10
READING_SECONDS = 30
LATE = timedelta(days=7)
"""How much older than the account a new entry may be: a feed may date it earlier than it shows it."""
MANY = 3
"""This many entries that all come again under other ids and with other words are no coincidence …"""
OFTEN = 3
"""… if it happens this many times in a row …"""
SOON = timedelta(hours=6)
"""… each within this time of the one before: a feed that was stopped and is started again gets a new chance."""
REMEMBERED = ("since", "seen", "count", "titles", "anew", "at", "body", "ttl")
VALIDATORS = {"etag": ("ETag", "If-None-Match"), "modified": ("Last-Modified", "If-Modified-Since")}


@dataclass(frozen=True)
class Entry:
    """One entry as `feed_reader` returns it: clean plain text, addresses unchanged from the feed, epoch seconds."""

    external_id: str
    author: dict[str, str]
    title: str
    text: str
    url: str
    language: str
    media: list[dict[str, str]]
    published: int | None
    updated: int | None

    @property
    def content(self) -> str:
        """A short hash of what a reader sees, to detect a change."""
        return _short(f"{self.author['external_id']}\n{self.text}")


@dataclass(frozen=True)
class Reading:
    """The content of a feed. `ttl` is in minutes; of its `total` entries, `repeated` had the id of another entry."""

    title: str
    ttl: int
    total: int
    repeated: int
    left_out: int
    entries: list[Entry]


class Feed:
    """One feed.

    The external id of an entry is its id (guid), stripped; without one, a hash of its link and title. The cursor
    remembers the last 500 entries that we delivered. We read at most 200 at once, so the cursor never forgets an entry
    that is still in the feed. An entry that returns after the cursor forgot it is delivered again under the same
    external id, which the database stores once per account. Entries from before the account begins are not delivered.
    Of more than 200 new entries between two readings, only the newest 200 are read.
    """

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._client = tools.http
        self._now = tools.now

    async def check(self) -> Health:
        """Read the feed once; report its title, its number of entries and the date of the newest one."""
        try:
            response, moved_to = await self._ask({})
            reading = await _read(response)
        except Verdict as verdict:
            return Health(problems=(verdict.text,))
        problems = []
        if moved_to != self._account.url:
            problems.append(
                text(
                    "The feed has moved to {host} for good. We follow it; change the address of this account.",
                    host=http.host(moved_to),
                )
            )
        if reading.repeated:
            problems.append(
                text(
                    "{count} entries have the id of another, so only the newest of each is read. "
                    "Ask the publisher to give every entry an id (guid) of its own.",
                    count=reading.repeated,
                )
            )
        warnings = []
        if reading.left_out and not any(entry.published for entry in reading.entries):
            warnings.append(
                text(
                    "The feed has {count} entries without a date, of which the last {left_out} are not read. If its "
                    "newest ones are at the end, they do not come in: ask the publisher for dates.",
                    count=reading.total,
                    left_out=reading.left_out,
                )
            )
        return Health((_summary(reading, moved_to),), tuple(warnings), tuple(problems))

    async def fetch(self, cursor: Cursor) -> Page:
        """Return new and changed entries; at first those since the account begins, and if that is past 10 undated ones.

        `not_before` of the page says how long the feed asks us to wait. Raises Unauthorized, which stops the account,
        for a feed that repeats the same entries as if they were new.
        """
        if cursor.get("for") != self._account.url:
            cursor = {}
        try:
            return await self._fetched(cursor)
        except (Rejected, Unauthorized):
            if "url" not in cursor:
                raise
        # Where it moved to for good it is no more, but its own address may lead to where it is now.
        return await self._fetched({key: cursor[key] for key in REMEMBERED if key in cursor})

    async def _fetched(self, cursor: Cursor) -> Page:
        now = steady_now()
        response, moved_to = await self._ask(cursor)
        body = _short(response.content)
        if response.status_code == 304 or body == cursor.get("body"):
            return self._page((), cursor, response, moved_to)
        reading = await _read(response)
        read = _Read(reading, response.request.url, now)
        if "seen" in cursor:
            posts, after = _news(read, cursor)
        else:
            posts, after = _first(read, self._account.begins_at(now), with_undated=self._takes_past)
        return self._page(posts, {**cursor, **after, "body": body, "ttl": reading.ttl}, response, moved_to)

    @property
    def _takes_past(self) -> bool:
        return self._account.added_at is None or bool(self._account.options.get("since_days"))

    async def _ask(self, cursor: Cursor) -> tuple[httpx.Response, str]:
        """Get the feed (200 or 304), and its new address after a permanent move. Raises for other answers."""
        headers = {"Accept": ACCEPT} | {asks: cursor[key] for key, (_, asks) in VALIDATORS.items() if key in cursor}
        address = moved_to = cursor.get("url", self._account.url)
        for_good = True
        for _ in range(1 + MAX_HOPS):
            response = await self._get(address, headers)
            if response.status_code not in MOVED | ELSEWHERE or "Location" not in response.headers:
                _judge(response)
                return response, moved_to
            address = _next_address(address, response.headers["Location"])
            for_good = for_good and response.status_code in MOVED
            moved_to = address if for_good else moved_to
        raise Rejected("{host} sends us on more than {count} times.", host=http.host(address), count=MAX_HOPS)

    async def _get(self, address: str, headers: dict[str, str]) -> httpx.Response:
        if not _web_address(httpx.URL(), address):
            raise Rejected("This is no web address: {url}", url=address[:80])
        try:
            return await http.request(self._client, "GET", address, headers=headers)
        except UnicodeError as error:  # httpx parses the target of a redirect itself
            raise Rejected(
                "{host} sends us on to something that is no web address.", host=http.host(address)
            ) from error

    def _page(self, posts: tuple[Post, ...], cursor: Cursor, response: httpx.Response, moved_to: str) -> Page:
        after = self._next_cursor(cursor, response, moved_to)
        wait = _wait(response, after.get("ttl", 0))
        return Page(posts, after, not_before=self._now() + wait if wait else None)

    def _next_cursor(self, cursor: Cursor, response: httpx.Response, moved_to: str) -> Cursor:
        following: Cursor = {key: cursor[key] for key in REMEMBERED if key in cursor}
        following["for"] = self._account.url
        if moved_to != self._account.url:
            following["url"] = moved_to
        for key, (header, _) in VALIDATORS.items():
            value = response.headers.get(header) or (cursor.get(key, "") if response.status_code == 304 else "")
            if value and len(value) <= 500 and value.isascii():  # we can send back nothing else
                following[key] = value
        return following


def _next_address(address: str, location: str) -> str:
    where = http.host(address)
    new = _web_address(httpx.URL(address), location)
    if not new:
        raise Rejected("{host} sends us on to something that is no web address.", host=where)
    if address.startswith("https:") and not new.startswith("https:"):
        raise Rejected("{host} sends us on to an address without https; that is not safe.", host=where)
    return new


def _judge(response: httpx.Response) -> None:
    """Raise the verdict on an answer that is not a feed, in words for the person who set up the account."""
    status, where = response.status_code, response.request.url.host
    if status == 401:
        raise Unauthorized("{host} asks for a login to read this feed. Take its public address.", host=where)
    if status == 404:
        raise Rejected("{host} has no feed at this address (HTTP 404). Check the address.", host=where)
    if status == 410:
        raise Unauthorized("This feed has ended: {host} says that it is gone for good (HTTP 410).", host=where)
    if status == 503 and "Retry-After" in response.headers:
        raise RateLimited(http.retry_at(response))
    http.judge(response)
    if status not in {200, 203, 304}:
        raise Unavailable("{host} gives no feed now (HTTP {status}).", host=where, status=status)


def _wait(response: httpx.Response, ttl: int) -> timedelta:
    """Return how long the feed asks us to wait: the longest of Retry-After, max-age minus Age, and ttl; at most 24 h.

    https://www.rfc-editor.org/rfc/rfc9111#section-4.2, https://www.rssboard.org/rss-specification#ltttlgtSubelementOfLtchannelgt
    """
    directives = [d.strip().lower().partition("=") for d in response.headers.get("Cache-Control", "").split(",")]
    max_age = max((_seconds(value.strip('"')) for name, _, value in directives if name == "max-age"), default=0)
    fresh = max_age - _seconds(response.headers.get("Age", ""))
    asked = http.retry_at(response) - steady_now() if "Retry-After" in response.headers else timedelta()
    return min(max(asked, timedelta(seconds=fresh), timedelta(minutes=ttl), timedelta()), MAX_WAIT)


def _seconds(value: str) -> int:
    value = value.strip()
    return min(int(value), 10**9) if value.isascii() and value.isdigit() and len(value) < 20 else 0


async def _read(response: httpx.Response) -> Reading:
    """Read a feed in a separate process; raises Rejected for an answer that will never be a feed, else Unavailable."""
    where = response.request.url.host
    if not response.content.strip():
        raise Unavailable("{host} gives an empty answer.", host=where)
    content_type = response.headers.get("Content-Type", "").encode("latin-1", "replace")
    try:
        output = await asyncio.to_thread(_run_reader, content_type + b"\n" + response.content)
    except subprocess.SubprocessError as error:
        raise Rejected("The feed of {host} takes too much time or memory to read.", host=where) from error
    except OSError as error:
        raise Unavailable("There is no room now to read the feed of {host}.", host=where) from error
    result = json.loads(output)
    if "fault" in result:
        raise _verdict(result, response)
    return Reading(**{**result, "entries": [Entry(**each) for each in result["entries"]]})


def _run_reader(feed: bytes) -> bytes:
    # Our own program, without a shell or our environment. We do not read its errors, because they may quote the feed.
    done = subprocess.run(
        [sys.executable, "-m", "bot.connectors.feed_reader"],
        input=feed,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=READING_SECONDS,
        check=True,
    )
    return done.stdout


def _verdict(result: dict[str, str], response: httpx.Response) -> Verdict:
    address = response.request.url
    where = address.host
    if result["fault"] == "broken":
        return Unavailable("The feed of {host} is broken and cannot be read; its publisher must mend it.", host=where)
    if result["fault"] == "json":
        return Rejected("{host} gives JSON, and only RSS and Atom are read. Look for another address.", host=where)
    if result["fault"] == "page" and (feed := _web_address(address, result["feed"])):
        return Rejected("{host} gives a web page, not a feed. The page names this feed: {url}", host=where, url=feed)
    if result["fault"] == "page":
        return Rejected("{host} gives a web page, not a feed. Look on it for the address of a feed.", host=where)
    return Rejected("{host} gives something that is no feed. Check the address.", host=where)


Seen = dict[str, list[Any]]
"""The delivered entries: the hash of the content and the date (epoch seconds or None), by hash of external id."""


@dataclass(frozen=True)
class _Read:
    """The content of a feed, read at `now` from `base`."""

    reading: Reading
    base: httpx.URL
    now: datetime

    def entries(self) -> dict[str, Entry]:
        """Return the entries by the hash of their external id, the newest first."""
        return {_short(entry.external_id): entry for entry in self.reading.entries}

    def titles(self) -> list[str]:
        """Return the hashes of the titles."""
        return sorted({_short(entry.title)[:8] for entry in self.reading.entries if entry.title})


def _first(read: _Read, begins_at: datetime | None, *, with_undated: bool) -> tuple[tuple[Post, ...], Cursor]:
    """Return the posts of a first reading, oldest first, and what to remember: all entries, even those left out."""
    begins = int(begins_at.timestamp()) if begins_at else 0
    undated_left = MAX_UNDATED_AT_FIRST if with_undated else 0
    posts, seen = [], {}
    for key, entry in read.entries().items():
        published = _past(entry.published, read.now)
        seen[key] = [entry.content, _past(entry.updated, read.now)]
        undated_left -= published is None
        if published >= begins if published is not None else undated_left >= 0:
            posts.append(_post(entry, read.base, read.now, edited=False))
    since = begins - int(LATE.total_seconds())
    return tuple(reversed(posts)), {"since": since, **_remember(read, {}, seen), "anew": 0}


def _news(read: _Read, cursor: Cursor) -> tuple[tuple[Post, ...], Cursor]:
    """Return the new and changed posts, oldest first, and what to remember.

    An entry that replaces one of the last reading, with the same author and words but another id, is that same entry:
    some feeds make new ids or links at each fetch. In a feed that keeps its ids, it is not if its date is later.
    """
    delivered, entries = cursor["seen"], read.entries()
    keeps_ids = not _last(cursor).isdisjoint(entries)
    vanished = [delivered[key] for key in _last(cursor) - entries.keys()]
    posts, current = [], {}
    for key, entry in entries.items():
        stamp, published = _past(entry.updated, read.now), _past(entry.published, read.now)
        known = delivered.get(key)
        changed = known is not None and known[0] != entry.content and (stamp or 0) > (known[1] or 0)
        current[key] = known if known and not changed else [entry.content, stamp]
        replaced = _replaced(vanished, entry, stamp if keeps_ids else None) if known is None else None
        if replaced is not None:
            vanished.remove(replaced)
        is_new = known is None and replaced is None
        if changed or (is_new and (published is None or published >= cursor["since"])):
            posts.append(_post(entry, read.base, read.now, edited=changed))
    anew = cursor.get("anew", 0) + 1 if posts and _all_anew(read, cursor) else 0
    if anew >= OFTEN:
        raise Unauthorized(
            "This feed brings its entries again at each reading as if they were new, so it is held. Ask its publisher "
            "to give every entry an id (guid) that stays the same."
        )
    return tuple(reversed(posts)), {**_remember(read, delivered, current), "anew": anew}


def _replaced(vanished: list[list[Any]], entry: Entry, date: int | None) -> list[Any] | None:
    """Return which of the vanished entries has the words of this one, and no earlier date than `date`."""
    same = (each for each in vanished if each[0] == entry.content and (each[1] or 0) >= (date or 0))
    return next(same, None)


def _all_anew(read: _Read, cursor: Cursor) -> bool:
    """Tell whether a feed has none of its entries of the last reading, but most of their titles."""
    titles = set(cursor.get("titles", ()))
    again = titles & set(read.titles())
    if read.now.timestamp() - cursor.get("at", 0) > SOON.total_seconds():
        return False
    return len(titles) >= MANY and 2 * len(again) > len(titles) and not _last(cursor) & read.entries().keys()


def _last(cursor: Cursor) -> set[str]:
    """Return the remembered entries of the last reading: the last ones."""
    count = cursor.get("count", 0)
    return set(list(cursor["seen"])[-count:]) if count else set()


def _remember(read: _Read, delivered: Seen, current: Seen) -> Cursor:
    """Return the last 500 entries, those of this reading at the end."""
    before = {key: value for key, value in delivered.items() if key not in current}
    newest = dict([*before.items(), *reversed(current.items())][-MAX_SEEN:])
    return {"seen": newest, "count": len(current), "titles": read.titles(), "at": int(read.now.timestamp())}


def _past(moment: int | None, now: datetime) -> int | None:
    """Return a past moment; None for a date in the future, which tells us nothing."""
    return moment if moment is not None and moment <= now.timestamp() else None


def _post(entry: Entry, base: httpx.URL, now: datetime, *, edited: bool) -> Post:
    published, updated = _past(entry.published, now), _past(entry.updated, now)
    name = entry.author["name"] or base.host
    return Post(
        external_id=entry.external_id,
        author=Author(entry.author["external_id"] or name, name, url=_web_address(base, entry.author["url"])),
        text=entry.text,
        published_at=datetime.fromtimestamp(published, UTC) if published else now,
        url=_web_address(base, entry.url),
        language=entry.language,
        media=tuple(
            Media(url, each["kind"], each["alt"]) for each in entry.media if (url := _web_address(base, each["url"]))
        ),
        edited_at=(datetime.fromtimestamp(updated, UTC) if updated else now) if edited else None,
    )


def _web_address(base: httpx.URL, reference: str) -> str:
    """Return a reference as an absolute http(s) address; "" for anything else."""
    try:
        address = base.join(reference)
        sound = address.scheme in {"http", "https"} and address.host and (address.port or 0) < 65536
    except (httpx.InvalidURL, ValueError):  # includes UnicodeError, for an invalid international host name
        return ""
    return str(address) if reference and sound else ""


def _summary(reading: Reading, address: str) -> Text:
    name = reading.title or http.host(address)
    dates = [entry.published for entry in reading.entries if entry.published]
    if not dates:
        return text("Reads “{title}”: {count} entries.", title=name, count=reading.total)
    newest = datetime.fromtimestamp(max(dates), UTC)
    return text(
        "Reads “{title}”: {count} entries, the newest of {date}.",
        title=name,
        count=reading.total,
        date=f"{newest:%Y-%m-%d}",
    )


def _short(value: str | bytes) -> str:
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()[:16]


PLATFORM = Platform(
    name="feed",
    title="RSS",
    sign="📰",
    docs="https://www.rssboard.org/rss-specification",
    about="Read an RSS or Atom feed: a news site, a forum, a search alert.",
    capabilities=frozenset({Capability.POLLS}),
    options=(
        Option("url", "Address of the feed (https://…)", OptionKind.ADDRESS, help="Address of the RSS or Atom feed."),
        SINCE,
    ),
    connect=Feed,
    quality=Quality(pairs=True),
    limits="The 500 newest entries are remembered",
    latency="POLL_SECONDS, or longer when the feed asks for that",
)
