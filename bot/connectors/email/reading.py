"""Read new mails of a mailbox's folders as posts: from a cursor on, once each.

The cursor has, for each folder, UIDVALIDITY, the last UID that was read, and the first UID after the first reading;
of one that could not be read yet, from when on its mails are taken in. A folder that is added later begins then.
One that is left out is forgotten, and begins anew when it is added again.
When a folder gets another UIDVALIDITY its UIDs are no longer valid: it is read again from a little before its last
mail, but not from before it began, and stored mails are recognised by their Message-IDs.

A mail that the server refuses to give becomes a post that says so. One that it fails to give is asked for again, and
after a while passed by in the same way, so that it does not keep out what came behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.connectors.base import Cursor, Page, RateLimited, Rejected, Unavailable
from bot.connectors.email import automatic, threads
from bot.connectors.email.folding import fold
from bot.connectors.email.imap import HEADERS, Box, Fetched, verdicts
from bot.connectors.email.parsing import MAX_CHARACTERS, File, Mail, addresses, clean, cut, mail_of
from bot.domain.mention import ALSO_TO, LEFT_OUT, OWN_ID, Act, Author, Delivery, Media, Post, PostKind, permits
from bot.domain.text import Text, text

PAGE = 20
"""Mails fetched at once; each has up to 2 MB."""
BEFORE_LAST = timedelta(days=2)
"""How far before the last mail a folder with another UIDVALIDITY is read again from."""
TRIED = timedelta(minutes=30)
"""How long a mail is asked for that the server does not refuse but fails to give; then those behind it are read."""
NO_WORDS = "✉️"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

log = structlog.get_logger()


@dataclass(frozen=True)
class Reader:
    """Reads for one account. A folder that was not read yet begins at `begins_at`.

    Mails that were answered before `added_at` are left out. `lacks` is that of its account: the log says once of
    each folder that it cannot be read. When none can, that is the account's own problem, which who asked logs once.
    """

    address: str
    folders: Sequence[str]
    now: datetime
    begins_at: datetime | None = None
    added_at: datetime | None = None
    lacks: Sequence[Text] = ()

    def page(self, box: Box, cursor: Cursor) -> Page:
        """Return the next page after a cursor; a folder that cannot be read holds up no other."""
        seen = _Seen.of(cursor)
        seen.begin(self.folders, self.begins_at)
        before = seen.cursor()
        failed: dict[str, Rejected | Unavailable | RateLimited] = {}
        left, more = PAGE, False
        items: list[Post | Delivery] = []
        for folder in self.folders:
            try:
                with verdicts(box.server.host):
                    uids, next_uid = self._unread(box, folder, seen)
                    for uid in uids[:left]:
                        items += self._read(box, folder, uid, seen)
                        left -= 1
                    if seen.folders[folder].uid >= max(uids, default=0):
                        seen.moved(folder, next_uid - 1)
                    else:
                        more = True
            except (Rejected, Unavailable, RateLimited) as verdict:
                failed[folder] = verdict
        items.sort(key=lambda each: each.published_at if isinstance(each, Post) else each.at)
        if len(failed) == len(self.folders) and not items and seen.cursor() == before:
            raise next(iter(failed.values()))
        known = {each.params.get("folder") for each in self.lacks}
        for folder, why in failed.items():
            tell = log.debug if folder in known else log.warning
            tell("folder not read", folder=folder, verdict=type(why).__name__)
        not_before = max((each.retry_at for each in failed.values() if isinstance(each, RateLimited)), default=None)
        unread = tuple(
            text("The folder {folder} cannot be read: {reason}", folder=folder, reason=verdict.text)
            for folder, verdict in failed.items()
        )
        return Page(tuple(items), seen.cursor(), more, not_before, unread)

    def _unread(self, box: Box, folder: str, seen: "_Seen") -> tuple[list[int], int]:
        """Open a folder; returns the UIDs of its mails that were not read, and the lowest that the next can get."""
        validity, next_uid = box.open(folder)
        position = seen.folders.get(folder)
        if position is None or position.validity != validity:
            position = _Position(validity, 0, next_uid, seen.since(folder))
        uids = box.found(*position.criteria())
        seen.folders[folder] = position
        return [uid for uid in uids if uid > position.uid], next_uid

    def _read(self, box: Box, folder: str, uid: int, seen: "_Seen") -> list[Post | Delivery]:
        """Return the post of a mail or what it reports, if anything, and move past it."""
        position = seen.folders[folder]
        fetched = self._fetched(box, folder, uid, seen)
        seen.moved(folder, uid)
        return list(self._items(fetched, folder, seen)) if fetched and self._is_news(fetched, position) else []

    def _fetched(self, box: Box, folder: str, uid: int, seen: "_Seen") -> Fetched | None:
        """Return a mail; of one that the server refuses to give, or fails to give for long, only the headers if any."""
        reason, host = "", box.server.host
        if seen.asked_for(folder, uid, self.now) < TRIED:
            try:
                with verdicts(host):
                    return box.fetched(uid)
            except Rejected as verdict:
                reason = str(verdict.text.params.get("reason", ""))
            except Unavailable:
                seen.was_not_given(folder, uid, self.now)
                raise
        log.warning("mail not given", folder=folder, uid=uid)
        try:
            with verdicts(host):
                headers = box.fetched(uid, HEADERS)
                return replace(headers, whole=False, refused=reason) if headers else None
        except (Rejected, Unavailable):
            validity = seen.folders[folder].validity
            named = f"X-Not-Given: {folder} {validity} {uid}\r\n\r\n".encode()  # makes the id of its post
            return Fetched(uid, named, whole=False, came_at=None, answered=False, refused=reason)

    def _is_news(self, mail: Fetched, position: "_Position") -> bool:
        """Tell whether a mail that was there at the first reading is taken in; later mails always are."""
        if mail.uid >= position.first or mail.came_at is None:
            return True
        if position.since is not None and mail.came_at < position.since:
            return False
        return not (mail.answered and self.added_at is not None and mail.came_at < self.added_at)

    def _items(self, fetched: Fetched, folder: str, seen: "_Seen") -> Iterator[Post | Delivery]:
        """Yield the post of a mail, or what it reports of ours; automatic mails are left out."""
        came_at = min(fetched.came_at or self.now, self.now)
        seen.came[folder] = max(seen.came.get(folder, came_at), came_at)
        try:
            mail = mail_of(fetched.raw, whole=fetched.whole)
            if fetched.refused is not None:
                post = post_of(mail, came_at, self.address, seen.subjects)
                yield replace(post, media=(Media("", "unsupported", fetched.refused),))
            elif automatic.is_report(mail):
                if delivery := automatic.delivery_of(mail, came_at):
                    yield delivery
            elif not automatic.is_automatic(mail, self.address):
                yield post_of(mail, came_at, self.address, seen.subjects)
        except Exception as error:  # our own fault; a mail is never lost by it
            log.error("mail not understood", uid=fetched.uid, error=type(error).__name__)
            yield unread(fetched.raw, came_at)


def post_of(mail: Mail, at: datetime, own_address: str, subjects: threads.Subjects) -> Post:
    """Return a mail as a post, which is private."""
    writer = mail.writer(own_address)
    author = writer.address if writer else ""
    answered = mail.in_reply_to or subjects.answered_by(mail, author, at)
    subjects.remember(mail, author, at)
    answers = bool(mail.in_reply_to) or threads.is_answer(mail.subject)
    folded = fold(mail.text, answers=answers and not threads.is_forwarded(mail.subject))
    said = cut(folded.words, MAX_CHARACTERS)
    subject = "" if answered and threads.is_answer(mail.subject) else mail.subject
    parts = (subject, said, "\n".join(f"📎 {_of_file(file)}" for file in mail.files))
    place: dict[str, Any] = {
        "subject": mail.subject, "words": said, "written": _written(mail.date, at), "references": list(mail.references),
        OWN_ID: mail.own_id,
    }  # fmt: skip
    if others := _others(mail, own_address, author):
        place[ALSO_TO] = others
    if said.split() != mail.text.split():
        place["original"] = mail.text[:MAX_CHARACTERS]
    if folded.left_out:
        place[LEFT_OUT] = cut(folded.left_out, MAX_CHARACTERS)
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
    text = cut(clean(raw.decode("utf-8", "replace")), 2000)
    message_id = mail_of(b"\n\n" + raw[:2000]).message_id
    return Post(message_id, Author("?", "?"), text, at, private=True, kind=PostKind.MESSAGE)


def _others(mail: Mail, own_address: str, author: str) -> int:
    """Return how many others got a mail too. It may have reached us by another address of our domain."""
    got_it = {each.address for name in ("To", "Cc") for each in addresses(mail.message, name)} - {author}
    domain = own_address.rpartition("@")[2]
    ours = {own_address} if own_address in got_it else {each for each in got_it if each.endswith(f"@{domain}")}
    return len(got_it) - min(1, len(ours))


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
    """The content of a cursor while a page is made.

    `came` is when the last mail came that was taken in, by folder. `not_given` is, for each folder whose next mail the
    server failed to give, the UID of that and since when; `begins` is, for each folder that was not read yet, from when
    on its mails are taken in.
    """

    folders: dict[str, _Position]
    came: dict[str, datetime]
    subjects: threads.Subjects
    not_given: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    begins: dict[str, datetime | None] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: Mapping[str, Any]) -> "_Seen":
        folders = {
            name: _Position(validity, uid, first, _moment(since))
            for name, (validity, uid, first, since) in cursor.get("folders", {}).items()
        }
        last = cursor.get("at", 0)  # of all folders together: earlier versions have no other
        came = cursor.get("came", dict.fromkeys(folders, last) if last else {})
        not_given = {
            name: (uid, datetime.fromtimestamp(since, UTC))
            for name, (uid, since) in cursor.get("not_given", {}).items()
        }
        last_came = {name: datetime.fromtimestamp(at, UTC) for name, at in came.items()}
        begins = {name: _moment(since) for name, since in cursor.get("begins", {}).items()}
        return cls(folders, last_came, threads.Subjects.of(cursor.get("subjects", {})), not_given, begins)

    def begin(self, folders: Sequence[str], since: datetime | None) -> None:
        """Note from when on these folders are read, for those that were not read yet; forget all others."""
        for known in (self.folders, self.came, self.not_given):
            for name in known.keys() - set(folders):
                del known[name]
        self.begins = {name: self.begins.get(name, since) for name in folders if name not in self.folders}

    def since(self, folder: str) -> datetime | None:
        """Return from when on a folder is read whose UIDs we do not know; a mail that was moved to it may be older."""
        begins = self.folders[folder].since if folder in self.folders else self.begins[folder]
        last = self.came.get(folder)
        if last is None or (begins is not None and last - BEFORE_LAST < begins):
            return begins
        return last - BEFORE_LAST

    def moved(self, folder: str, uid: int) -> None:
        """Note that a folder was read up to this UID."""
        self.folders[folder] = replace(self.folders[folder], uid=max(self.folders[folder].uid, uid))
        self.not_given.pop(folder, None)

    def asked_for(self, folder: str, uid: int, now: datetime) -> timedelta:
        """Return for how long the server has failed to give this mail."""
        failed, since = self.not_given.get(folder, (uid, now))
        return now - since if failed == uid else timedelta()

    def was_not_given(self, folder: str, uid: int, now: datetime) -> None:
        """Note that the server failed to give this mail."""
        self.not_given[folder] = (uid, now - self.asked_for(folder, uid, now))

    def cursor(self) -> Cursor:
        came = {name: int(at.timestamp()) for name, at in self.came.items()}
        return {
            "folders": {
                name: [each.validity, each.uid, each.first, each.since.timestamp() if each.since else None]
                for name, each in self.folders.items()
            },
            "at": max(came.values(), default=0),
            "came": came,
            "subjects": self.subjects.known,
            "not_given": {name: [uid, int(since.timestamp())] for name, (uid, since) in self.not_given.items()},
            "begins": {
                name: since.timestamp() if since else None
                for name, since in self.begins.items()
                if name not in self.folders
            },
        }


def _moment(at: float | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None
