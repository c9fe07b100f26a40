"""Read from Mastodon: notifications, hashtags, and changes of known posts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import structlog

from bot.connectors.base import CLOCKS_DIFFER, Cursor, Page, Rechecked, Rejected, Unauthorized, Verdict
from bot.connectors.json_api import Json, time_of, within
from bot.connectors.mastodon.posts import UNREADABLE, post_of, reply_to, time_in
from bot.connectors.mastodon.server import AT_ONCE, FULL, Found, MastodonServer, age, is_newer
from bot.connectors.parts import Parts
from bot.domain.mention import Author, Gone, Post
from bot.domain.text import text

CONCERNING = ("mention", "quote", "update")
"""https://docs.joinmastodon.org/entities/Notification/#type"""
NOTIFICATIONS: Mapping[str, Any] = {"types[]": CONCERNING, "include_filtered": "true", "limit": 80}
"""https://docs.joinmastodon.org/methods/notifications/#get (80 is the most)"""
TIMELINE: Mapping[str, Any] = {"limit": 40}
"""https://docs.joinmastodon.org/methods/timelines/#tag (40 is the most)"""
HOST = re.compile(r"https?://([^/:]+)")
"""The server in the address of an account: it may have another name than the one that we ask."""
PAGES_BACK = 5
RECHECKED_SINGLY = 10
"""Posts that a recheck reads one by one: with a poll every 30 seconds, a third of the 300 requests per 5 minutes."""

log = structlog.get_logger()


class Reading(MastodonServer):
    """Reads new posts, and known posts again."""

    async def fetch(self, cursor: Cursor) -> Page:
        """Return new mentions, quotes and hashtag posts; the first time only those since the account begins.

        Posts from before the account was added are left out if they were answered. A hashtag that is followed later
        begins then: of one that could not be read yet, the cursor has the moment. Of another it has None.
        """
        me = cursor.get("account_id") or await self._own_id_if_known()
        by_id: dict[str, Json] = {}
        after: Cursor = {"account_id": me, "hashtags": {}}
        more, whole, parts = False, True, Parts(self._account)
        if not self._read_only:
            last = cursor.get("notifications")
            notes, more = await self._newer("/api/v1/notifications", NOTIFICATIONS, last)
            after["notifications"] = max([*(n["id"] for n in notes), last or "0"], key=age)
            if last is None:
                notes, whole = await self._since_it_begins("/api/v1/notifications", NOTIFICATIONS, notes)
            by_id = {s["id"]: s for n in notes if (s := self._status_in(n, me))}
        known, begins, waiting = cursor.get("hashtags", {}), self._begins_at(), cursor.get("hashtags_since", {})
        for tag in self._account.options.get("hashtags", ()):
            seen, is_later = known.get(tag), bool(cursor) and tag not in known
            statuses, after["hashtags"][tag], gap = await self._tagged_if_readable(tag, seen, parts)
            more = more or gap
            since = begins
            # Of the days before an account was added, the newest page of a hashtag is enough.
            if seen is None and not is_later and not self._account.options.get("since_days"):
                statuses, reached = await self._since_it_begins(_path(tag), TIMELINE, statuses)
                whole = whole and reached
            if is_later:
                since = time_of(waiting[tag]) if tag in waiting else self._now() - CLOCKS_DIFFER
                if after["hashtags"][tag] is None:
                    del after["hashtags"][tag]
                    after.setdefault("hashtags_since", {})[tag] = since.isoformat()
            for status in statuses if seen is not None else _from(since, statuses):
                by_id.setdefault(status["id"], status)
        if not cursor and not self._read_only and self._account.options.get("since_days"):
            answered = await self._answered_since_it_begins(me)
            by_id = {key: status for key, status in by_id.items() if key not in answered}
        return Page(await self._posts(by_id, me), after, more, unread=parts.unread, whole=whole)

    async def _own_id_if_known(self) -> str:
        """Return our id on this server; "" where we only read and have no token, or none that says whose it is."""
        if not self._read_only:
            return await self._own_id()
        try:
            return await self._own_id() if self._token else ""
        except (Rejected, Unauthorized):
            return ""

    def _is_ours(self, status: Json, me: str) -> bool:
        """Tell whether we wrote a post: this account, or one that the option `ours` names."""
        ours = {each.removeprefix("@").casefold() for each in self._account.options.get("ours", ())}
        return (me != "" and within(status, "account", "id") == me) or not ours.isdisjoint(self._names_of(status))

    def _names_of(self, status: Json) -> set[str]:
        """Return by which names people know who wrote a post; those of this server also without its name."""
        acct, url = (str(within(status, "account", name) or "").casefold() for name in ("acct", "url"))
        host = HOST.match(url)
        return {acct} if "@" in acct else {acct, f"{acct}@{self.host}", f"{acct}@{host[1] if host else self.host}"}

    async def _since_it_begins(
        self, path: str, params: Mapping[str, Any], newest: list[Json]
    ) -> tuple[list[Json], bool]:
        """Return what is in a list since the account begins, oldest first, and whether that is all of it.

        It is read from the newest page and those before it.
        """
        items = {item["id"]: item for item in newest}
        for _ in range(PAGES_BACK if self._begins_at() else 0):
            if not self._goes_on(newest):
                break
            newest, _left = await self._list(path, {**params, "max_id": min(items, key=age)})
            items |= {item["id"]: item for item in newest}
        whole = self._begins_at() is None or not self._goes_on(newest)
        return self._begun(items[key] for key in sorted(items, key=age)), whole

    def _goes_on(self, page: list[Json]) -> bool:
        """Tell whether there may be more since the account begins than what a page and those after it have."""
        return len(page) >= FULL and len(self._begun(page)) == len(page)

    def _begins_at(self) -> datetime | None:
        return self._account.begins_by_its_clock(self._now())

    def _begun(self, items: Iterable[Json]) -> list[Json]:
        """Return the notifications or statuses since the account begins, and those without a readable time."""
        return _from(self._begins_at(), items)

    async def _answered_since_it_begins(self, me: str) -> set[str]:
        """Return the ids of the posts that our newest posts answer, until the account begins."""
        answered, params = set[str](), dict[str, Any](limit=40, exclude_reblogs="true")
        for _ in range(PAGES_BACK):
            ours, _left = await self._list(f"/api/v1/accounts/{me}/statuses", params)
            answered |= {reply_to(each) for each in ours} - {""}
            if not ours or len(self._begun(ours)) < len(ours):
                break
            params["max_id"] = min((each["id"] for each in ours), key=age)
        return answered

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Return the posts that were ever edited, and those that are gone or visible again.

        If the server cannot return several posts at once, we read a few per recheck; the cursor says where to continue.
        """
        by_id = {post.external_id: post for post in posts}
        gone_before = {post.external_id: post.gone is not None for post in posts}
        ids = list(gone_before)
        start = ids.index(cursor["last"]) + 1 if cursor.get("last") in gone_before else 0
        known = await self._statuses([*ids[start:], *ids[:start]], singly=RECHECKED_SINGLY)
        if known and not any(known.values()):  # are these posts gone, or is it the server?
            await self._me()
        changed = []
        for external_id, status in known.items():
            if status is None:
                continue
            if isinstance(status, Gone):
                gone = await self._proven(status, by_id[external_id].author.external_id)
                changed.append(Post(external_id, Author("", ""), "", datetime.fromtimestamp(0, UTC), gone=gone))
            elif (status.get("edited_at") or gone_before[external_id]) and (post := self._post(status, None)):
                changed.append(post)
        return Rechecked(tuple(changed), {"last": list(known)[-1]} if len(known) < len(ids) and known else {})

    async def _proven(self, gone: Gone, author_id: str) -> Gone:
        """Return why a post is gone: removed by its author only if their account exists and does not block us."""
        if gone is Gone.BY_AUTHOR and not await self._sees_us(author_id):
            return Gone.UNREACHABLE
        return gone

    async def _tagged_if_readable(
        self, tag: str, seen: list[str] | None, parts: Parts
    ) -> tuple[list[Json], list[str] | None, bool]:
        """Read a hashtag; if that fails, mentions still come in."""
        if self._read_only:
            return await self._tagged(tag, seen)
        otherwise = text("The hashtag {tag} cannot be read now.", tag=f"#{tag}")
        return await parts.read(self._tagged(tag, seen), otherwise=otherwise) or ([], seen, False)

    async def _tagged(self, tag: str, seen: list[str] | None) -> tuple[list[Json], list[str] | None, bool]:
        """Return a hashtag's new posts, the ids to compare the next page with, and whether there may be more."""
        path = _path(tag)
        items, _ = await self._list(path, TIMELINE)
        page = {i["id"]: i for i in items}
        if seen is None or not page:
            return list(page.values()), list(page) or seen or [], False
        last = max(seen, key=age, default="0")
        if len(page) >= FULL and all(is_newer(i, last) for i in page):
            missed, more = await self._newer(path, TIMELINE, last)
            if missed:
                return missed, [i["id"] for i in missed[-len(page) :]], more
        floor = min(seen, key=age) if len(seen) >= FULL else ""
        return [s for i, s in page.items() if i not in seen and is_newer(i, floor)], list(page), False

    async def _posts(self, by_id: Mapping[str, Json], me: str) -> tuple[Post, ...]:
        """Turn statuses that are not our own into posts, with the post they answer if one request returns it."""
        theirs = [s for s in by_id.values() if not self._is_ours(s, me)]
        answered = {reply_to(s) for s in theirs} - {""}
        parents: dict[str, Found] = dict(by_id)
        try:
            parents |= await self._statuses(sorted(answered - by_id.keys())[:AT_ONCE])
        except Verdict as verdict:
            log.info("answered posts not read", account=self._account.id, verdict=type(verdict).__name__)
        posts = [self._post(s, parents.get(reply_to(s)), me) for s in theirs]
        return tuple(sorted((p for p in posts if p), key=lambda p: (p.published_at, age(p.external_id))))

    def _status_in(self, note: Json, me: str) -> Json | None:
        """Return the post of a notification; None if it was removed or does not concern us."""
        status = note.get("status")
        if note.get("type") not in CONCERNING or status is None:
            return None
        if not isinstance(status, dict) or not isinstance(status.get("id"), str):
            log.warning("notification not understood", notification=note["id"])
            return None
        if note["type"] == "update" and not _names(status, me):  # a post that we boosted was edited
            return None
        return status

    def _post(self, status: Json, parent: Found, me: str = "") -> Post | None:
        """Return the post; if we cannot read it, log only its id and return None."""
        try:
            return post_of(status, parent, me, may_answer=not self._read_only)
        except UNREADABLE as error:
            log.warning("status not understood", status=status["id"], error=type(error).__name__)
            return None


def _path(tag: str) -> str:
    return f"/api/v1/timelines/tag/{quote(tag, safe='')}"


def _names(status: Json, account_id: str) -> bool:
    mentions = status.get("mentions")
    return isinstance(mentions, list) and any(within(m, "id") == account_id for m in mentions)


def _from(since: datetime | None, items: Iterable[Json]) -> list[Json]:
    return [each for each in items if since is None or (at := time_in(each)) is None or at >= since]
