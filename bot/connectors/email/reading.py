"""Read new mails of a mailbox's folders as posts: from a cursor on, once each.

The cursor has, for each folder, UIDVALIDITY, the last UID that was read, and the first UID after the first reading.
When a folder gets another UIDVALIDITY its UIDs are no longer valid: it is read again from a little before the last
mail, and stored mails are recognised by their Message-IDs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.connectors.base import Cursor, Page
from bot.connectors.email import automatic, threads
from bot.connectors.email.folding import fold
from bot.connectors.email.imap import Box, Fetched
from bot.connectors.email.parsing import MAX_CHARACTERS, Address, File, Mail, clean, mail_of
from bot.domain.mention import Act, Arrived, Author, Delivery, Post, PostKind, permits
from bot.domain.text import Text

PAGE = 20
"""Mails fetched at once; each has up to 2 MB."""
BEFORE_LAST = timedelta(days=2)
"""How far before the last mail a folder with another UIDVALIDITY is read again from."""
TOLD_AGAIN = timedelta(minutes=15)
"""How long a report is repeated at each reading: it may come before its answer is stored as sent."""
NO_WORDS = "✉️"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

log = structlog.get_logger()


@dataclass(frozen=True)
class Reader:
    """Reads for one account. Mails from before `begins_at`, or answered before `added_at`, are left out."""

    address: str
    folders: Sequence[str]
    now: datetime
    begins_at: datetime | None = None
    added_at: datetime | None = None

    def page(self, box: Box, cursor: Cursor) -> Page:
        """Return the next page after a cursor."""
        seen = _Seen.of(cursor)
        left, more = PAGE, False
        items: list[Post | Delivery] = []
        for folder in self.folders:
            fetched, has_more = self._read(box, folder, seen, left)
            left, more = left - len(fetched), more or has_more
            for each in fetched:
                items += self._items(each, seen)
        reports = seen.reports(self.now)
        items = sorted([*items, *reports], key=lambda each: each.published_at if isinstance(each, Post) else each.at)
        return Page(tuple(items), seen.cursor(), more)

    def _read(self, box: Box, folder: str, seen: "_Seen", left: int) -> tuple[list[Fetched], bool]:
        """Return the next mails of a folder, at most `left`, and whether there are more; updates `seen`."""
        validity, next_uid = box.open(folder)
        position = seen.folders.get(folder)
        if position is None or position.validity != validity:
            since = self.begins_at if position is None else seen.at - BEFORE_LAST
            position = _Position(validity, 0, next_uid, since)
        uids = box.found(*position.criteria())
        uids = [uid for uid in uids if uid > position.uid]
        taken = uids[:left]
        has_more = len(uids) > len(taken)
        last = max([position.uid, *taken]) if has_more else max([position.uid, next_uid - 1, *taken])
        seen.folders[folder] = _Position(validity, last, position.first, position.since)
        return [each for each in box.fetched(taken) if self._is_news(each, position)], has_more

    def _is_news(self, mail: Fetched, position: "_Position") -> bool:
        """Tell whether a mail that was there at the first reading is taken in; later mails always are."""
        if mail.uid >= position.first or mail.came_at is None:
            return True
        if position.since is not None and mail.came_at < position.since:
            return False
        return not (mail.answered and self.added_at is not None and mail.came_at < self.added_at)

    def _items(self, fetched: Fetched, seen: "_Seen") -> Iterator[Post]:
        """Yield the post of a mail; automatic mails are left out, and reports are remembered."""
        came_at = min(fetched.came_at or self.now, self.now)
        seen.at = max(seen.at, came_at)
        try:
            mail = mail_of(fetched.raw, whole=fetched.whole)
            if automatic.is_report(mail):
                if delivery := automatic.delivery_of(mail, came_at):
                    seen.failed[delivery.external_id] = delivery
            elif not automatic.is_automatic(mail, self.address):
                yield post_of(mail, came_at, self.address, seen.subjects)
        except Exception as error:  # our own fault; a mail is never lost by it
            log.error("mail not understood", uid=fetched.uid, error=type(error).__name__)
            yield unread(fetched.raw, came_at)


def post_of(mail: Mail, at: datetime, own_address: str, subjects: threads.Subjects) -> Post:
    """Return a mail as a post, which is private."""
    writer = _writer(mail, own_address)
    author = writer.address if writer else ""
    answered = mail.in_reply_to or subjects.answered_by(mail, author, at)
    subjects.remember(mail, author, at)
    said = fold(mail.text, forwarded=threads.is_forwarded(mail.subject))[:MAX_CHARACTERS]
    subject = "" if answered and threads.is_answer(mail.subject) else mail.subject
    parts = (subject, said, "\n".join(f"📎 {_of_file(file)}" for file in mail.files))
    place: dict[str, Any] = {
        "subject": mail.subject, "words": said, "written": _written(mail.date, at), "references": list(mail.references),
    }  # fmt: skip
    if said.split() != mail.text.split():
        place["original"] = mail.text[:MAX_CHARACTERS]
    return Post(
        external_id=mail.message_id,
        author=Author(author or "?", (writer.name if writer else "") or author or "?", handle=author),
        text="\n\n".join(part for part in parts if part.strip()) or NO_WORDS,
        published_at=at,
        in_reply_to=answered or None,
        ancestors=tuple(each for each in mail.references if each not in {answered, mail.message_id}),
        private=True,
        permits=permits(Act.ANSWER_PRIVATELY) if author else frozenset(),
        kind=PostKind.MESSAGE,
        place=place,
    )


def unread(raw: bytes, at: datetime) -> Post:
    """Return the beginning of a mail that we failed to parse, as it came."""
    text = clean(raw[:2000].decode("utf-8", "replace"))
    message_id = mail_of(b"\n\n" + raw[:2000]).message_id
    return Post(message_id, Author("?", "?"), text, at, private=True, kind=PostKind.MESSAGE)


def _writer(mail: Mail, own_address: str) -> Address | None:
    """Return who gets the answer: a form on a website sends in its own name, with the citizen in Reply-To."""
    if mail.reply_to is not None and mail.reply_to.address != own_address:
        return Address(mail.reply_to.address, mail.reply_to.name or (mail.author.name if mail.author else ""))
    return mail.author


def _of_file(file: File) -> str:
    if file.size is None:
        return file.name
    size = f"{round(file.size / 1e6)} MB" if file.size >= 1e6 else f"{max(1, round(file.size / 1e3))} kB"
    return f"{file.name} ({size})"


def _written(date: datetime | None, came_at: datetime) -> str:
    """Return when a mail was written, by its author's clock unless that is clearly wrong."""
    moment = date if date is not None and abs(date - came_at) < timedelta(days=1) else came_at
    return f"{moment:%d-%m-%Y %H:%M}"


# --- What was seen -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Position:
    """How far a folder was read. Of the mails with UIDs below `first`, those since `since` are taken in."""

    validity: int
    uid: int
    first: int
    since: datetime | None

    def criteria(self) -> tuple[str, ...]:
        if self.uid:
            return ("UID", f"{self.uid + 1}:*")
        if self.since is None:
            return ("ALL",)
        day = self.since - timedelta(days=1)  # servers compare dates in their own time zone
        return ("SINCE", f"{day.day}-{MONTHS[day.month - 1]}-{day.year}")


@dataclass
class _Seen:
    """The content of a cursor while a page is made."""

    folders: dict[str, _Position]
    at: datetime
    subjects: threads.Subjects
    failed: dict[str, Delivery] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> "_Seen":
        folders = {
            name: _Position(validity, uid, first, datetime.fromtimestamp(since, UTC) if since is not None else None)
            for name, (validity, uid, first, since) in cursor.get("folders", {}).items()
        }
        failed = {
            key: Delivery(key, Arrived.FAILED, datetime.fromtimestamp(at, UTC), Text.from_json(reason))
            for key, (at, reason) in cursor.get("failed", {}).items()
        }
        at = datetime.fromtimestamp(cursor.get("at", 0), UTC)
        return cls(folders, at, threads.Subjects.of(cursor.get("subjects", {})), failed)

    def reports(self, now: datetime) -> list[Delivery]:
        """Return the recent reports, and forget the older ones."""
        recent = list(self.failed.values())
        self.failed = {key: each for key, each in self.failed.items() if now - each.at < TOLD_AGAIN}
        return recent

    def cursor(self) -> Cursor:
        return {
            "folders": {
                name: [each.validity, each.uid, each.first, each.since.timestamp() if each.since else None]
                for name, each in self.folders.items()
            },
            "at": int(self.at.timestamp()),
            "subjects": self.subjects.known,
            "failed": {
                key: [int(each.at.timestamp()), each.reason.to_json() if each.reason else {"message": "", "params": {}}]
                for key, each in self.failed.items()
            },
        }
