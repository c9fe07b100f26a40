"""Mastodon: mentions, private mentions and hashtags in, replies out, over https://docs.joinmastodon.org/api/

Quirks that shape this module:
- A post that names us is a notification. Since 4.3 Mastodon filters out those of new or unknown accounts, such as a
  citizen's first post, unless we ask with `include_filtered`.
- `min_id` pages forward from an id. Some servers treat it as `since_id` and return the newest posts, so we also ask for
  the posts in between. Ids are text, ordered by length and then by letter.
- A post from another server gets an id from the time it was written, so it can appear in a hashtag's timeline below
  ids that we have seen. So we compare that timeline with its last page, not with one id.
- An edit of a post gives no notification unless we boosted it; `recheck` finds edits and removals.
- The text must contain the citizen's `@mention`. Without `visibility`, the account's default applies.
- A 404 in Mastodon's JSON says that a post was removed, or that its author blocks us. One without it comes from a proxy
  or firewall, or from another kind of server; it counts only while the same server accepts our token.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import regex
import structlog

from bot.connectors.base import (
    CLOCKS_DIFFER,
    Cursor,
    Draft,
    Health,
    Identity,
    Measure,
    Page,
    RateLimited,
    Rechecked,
    Rejected,
    Sent,
    Unavailable,
    Unknowable,
    Verdict,
)
from bot.connectors.html import text_of
from bot.connectors.json_api import Json, before_sending, time_of, web, within
from bot.connectors.mastodon_server import (
    AT_ONCE,
    FULL,
    MAX_CHARACTERS,
    URL_CHARACTERS,
    Found,
    MastodonServer,
    age,
    is_newer,
    limits_of,
    reason_of,
)
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality
from bot.domain.mention import Act, Author, Gone, Media, Post, PostKind, Quote, permits
from bot.domain.text import Text, text

CONCERNING = ("mention", "quote", "update")
"""https://docs.joinmastodon.org/entities/Notification/#type"""
NOTIFICATIONS: Mapping[str, Any] = {"types[]": CONCERNING, "include_filtered": "true", "limit": 80}
"""https://docs.joinmastodon.org/methods/notifications/#get (80 is the most)"""
TIMELINE: Mapping[str, Any] = {"limit": 40}
"""https://docs.joinmastodon.org/methods/timelines/#tag (40 is the most)"""
PAGES_BACK = 5
RECHECKED_SINGLY = 10
"""Posts that a recheck reads one by one: with a poll every 30 seconds, a third of the 300 requests per 5 minutes."""
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)
PROBES = (
    ("GET", "/api/v1/notifications?limit=1", "read:notifications"),
    ("GET", "/api/v1/statuses/0", "read:statuses"),
    ("PUT", "/api/v1/statuses/0", "write:statuses"),  # post 0 does not exist, so this tests the scope only
)
DROPPABLE = ("for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions")
"""https://docs.joinmastodon.org/entities/NotificationPolicy/"""

KEY_REMEMBERED = timedelta(minutes=50)
"""Mastodon remembers an Idempotency-Key for an hour: https://docs.joinmastodon.org/methods/statuses/#headers"""
MASTODON_VERSION = re.compile(
    r"[2-9]\.[0-9]+\.[0-9]+(-(alpha|beta|rc|nightly)[0-9A-Za-z.-]*)?(\+(glitch|hometown)[0-9A-Za-z.+-]*)?"
)
"""A real Mastodon or a fork of it, as 4.3.0 or 4.4.0-beta.1+glitch. Others announce themselves otherwise:
"2.7.2 (compatible; Pleroma 2.5)", "4.0.0 (not true; really snac/2.68)"; GoToSocial "0.17.3" or "3.5.3+0.17.3"."""

COUNTED = regex.compile(
    r"""(?<![\w@＠$\#＃])(?P<url>https?://
          (?:[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?\.)+(?:xn--[a-z0-9-]+|\p{L}{2,})(?::\d+)?
          (?:/(?:(?:[^\s<>()?]|\([^\s<>()?]*\))*(?:[^\s()?!*"'「」<>;:=,.$%\[\]~&|@]|\([^\s<>()?]*\)))?)?
          (?:\?[\p{L}\p{N}!?*'();:&=+$/%\#\[\]_.,~|@^-]*[\p{L}\p{N}_&=\#/-])?)
      | (?<![=/\w])(?P<user>@[a-z0-9_]++(?:[.-]++[a-z0-9_]++)*+)@\w++(?:[.-]++\w++)*+(?![@＠]|://)""",
    regex.IGNORECASE | regex.VERBOSE,
)
"""Text that counts as shorter than it is; from Mastodon's StatusLengthValidator, twitter_regex and MENTION_RE."""
GRAPHEME = regex.compile(r"\X")

log = structlog.get_logger()


class Mastodon(MastodonServer):
    """One account on one Mastodon server.

    Secrets: `token`. Options: `hashtags` (without #), `read_only`, `visibility` of replies to public posts ("public" or
    "unlisted"), `language` of replies. Without a token, or read-only, it only reads the public hashtag timelines.
    """

    @property
    def resend_safe_for(self) -> timedelta | None:
        """Return how long an Idempotency-Key is safe; None unless the server's version is that of a real Mastodon.

        Some other servers ignore the key, and would publish the reply twice.
        """
        return KEY_REMEMBERED if _is_mastodon(str(self._account.limits.get("version", ""))) else None

    # --- reading ---------------------------------------------------------------------------------

    async def fetch(self, cursor: Cursor) -> Page:
        """Return new mentions, quotes and hashtag posts; the first time those since the account begins.

        Of those that were written before the account was added, we leave out what was answered.
        """
        me = "" if self._read_only else cursor.get("account_id") or await self._own_id()
        by_id: dict[str, Json] = {}
        after: Cursor = {"account_id": me, "hashtags": {}}
        more = False
        if not self._read_only:
            last = cursor.get("notifications")
            notes, more = await self._newer("/api/v1/notifications", NOTIFICATIONS, last)
            after["notifications"] = max([*(n["id"] for n in notes), last or "0"], key=age)
            if last is None:
                notes = await self._since_it_begins(notes)
            by_id = {s["id"]: s for n in notes if (s := self._status_in(n, me))}
        for tag in self._account.options.get("hashtags", ()):
            seen = cursor.get("hashtags", {}).get(tag)
            statuses, after["hashtags"][tag], gap = await self._tagged_if_readable(tag, seen)
            more = more or gap
            for status in statuses if seen is not None else self._begun(statuses):
                by_id.setdefault(status["id"], status)
        if not cursor and me and self._account.options.get("since_days"):
            answered = await self._answered_since_it_begins(me)
            by_id = {key: status for key, status in by_id.items() if key not in answered}
        return Page(await self._posts(by_id, me), after, more)

    async def _since_it_begins(self, newest: list[Json]) -> list[Json]:
        """Return the notifications since the account begins, oldest first, from the newest page and those before it."""
        notes = {note["id"]: note for note in newest}
        for _ in range(PAGES_BACK if self._begins_at() else 0):
            if len(newest) < FULL or len(self._begun(newest)) < len(newest):
                break
            newest, _left = await self._list("/api/v1/notifications", {**NOTIFICATIONS, "max_id": min(notes, key=age)})
            notes |= {note["id"]: note for note in newest}
        return self._begun(notes[key] for key in sorted(notes, key=age))

    def _begins_at(self) -> datetime | None:
        return self._account.begins_by_its_clock(self._now())

    def _begun(self, items: Iterable[Json]) -> list[Json]:
        """Return the notifications or statuses since the account begins, and those without a readable time."""
        begins = self._begins_at()
        return [each for each in items if begins is None or (at := _time_in(each)) is None or at >= begins]

    async def _answered_since_it_begins(self, me: str) -> set[str]:
        """Return the ids of the posts that our newest posts answer, until the account begins."""
        answered, params = set[str](), dict[str, Any](limit=40, exclude_reblogs="true")
        for _ in range(PAGES_BACK):
            ours, _left = await self._list(f"/api/v1/accounts/{me}/statuses", params)
            answered |= {_reply_to(each) for each in ours} - {""}
            if not ours or len(self._begun(ours)) < len(ours):
                break
            params["max_id"] = min((each["id"] for each in ours), key=age)
        return answered

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Return the posts that were ever edited, and those that are gone or visible again.

        From a server that cannot return several posts at once we read a few per recheck; the cursor says where to
        continue.
        """
        by_id = {post.external_id: post for post in posts}
        gone_before = {post.external_id: post.gone is not None for post in posts}
        ids = list(gone_before)
        start = ids.index(cursor["last"]) + 1 if cursor.get("last") in gone_before else 0
        known = await self._statuses([*ids[start:], *ids[:start]], singly=RECHECKED_SINGLY)
        if known and not any(known.values()):  # is it these posts, or the server?
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
        """Return why a post is gone: removed by its author only when they are there and do not block us."""
        if gone is Gone.BY_AUTHOR and not await self._sees_us(author_id):
            return Gone.UNREACHABLE
        return gone

    async def _tagged_if_readable(self, tag: str, seen: list[str] | None) -> tuple[list[Json], list[str] | None, bool]:
        """Read a hashtag; if that fails, mentions still come in."""
        try:
            return await self._tagged(tag, seen)
        except (RateLimited, Unavailable, Rejected) as verdict:
            if self._read_only:
                raise
            log.warning("hashtag not read", account=self._account.id, verdict=type(verdict).__name__)
            return [], seen, False

    async def _tagged(self, tag: str, seen: list[str] | None) -> tuple[list[Json], list[str] | None, bool]:
        """Return a hashtag's new posts, the ids to compare the next page with, and whether there may be more."""
        path = f"/api/v1/timelines/tag/{quote(tag, safe='')}"
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
        theirs = [s for s in by_id.values() if not me or within(s, "account", "id") != me]
        answered = {_reply_to(s) for s in theirs} - {""}
        parents: dict[str, Found] = dict(by_id)
        try:
            parents |= await self._statuses(sorted(answered - by_id.keys())[:AT_ONCE])
        except Verdict as verdict:
            log.info("answered posts not read", account=self._account.id, verdict=type(verdict).__name__)
        posts = [self._post(s, parents.get(_reply_to(s)), me) for s in theirs]
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
        """Return the post; if we cannot read it, log its id only and return None."""
        try:
            return _post_of(status, parent, me, may_answer=not self._read_only)
        except UNREADABLE as error:
            log.warning("status not understood", status=status["id"], error=type(error).__name__)
            return None

    # --- answering -------------------------------------------------------------------------------

    async def send(self, draft: Draft) -> Sent:
        """Publish the reply under its post, visible to no more people than the post; once per key within an hour."""
        if self._read_only:
            raise Rejected("This account only reads; give it an access token to answer.")
        body = {
            "status": draft.text,
            "in_reply_to_id": draft.to.external_id,
            "visibility": await self._visibility(draft),
            "language": self._account.options.get("language", "nl"),
        }
        response = await self.call("POST", "/api/v1/statuses", json=body, headers={"Idempotency-Key": draft.key})
        return _sent(self._identified(response))

    async def _visibility(self, draft: Draft) -> str:
        """Return who may read the reply; the reply to a followers-only post goes to its author only."""
        if draft.private:
            return "direct"
        with before_sending():
            status = await self._status(draft.to.external_id)
        if status is Gone.BY_AUTHOR:
            raise Rejected("The post is no longer there, so it cannot be answered.")
        if isinstance(status, Gone):
            raise Rejected("{host} no longer shows the post, so it cannot be answered.", host=self.host)
        if status.get("visibility") == "public":
            return "unlisted" if "unlisted" in self._account.options.get("visibility", ()) else "public"
        return "unlisted" if status.get("visibility") == "unlisted" else "direct"

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the reply among our posts since the first attempt; after its parent is gone, it has no parent id.

        A real Mastodon lists all our posts. Another server may leave out those that are not public, so there we also
        look under the answered post.
        """
        me = await self._own_id()
        path = f"/api/v1/accounts/{me}/statuses"
        since = draft.first_tried_at - CLOCKS_DIFFER
        params: Json = {"limit": 40, "exclude_reblogs": "true"}
        for _ in range(PAGES_BACK):
            statuses, _ = await self._list(path, params)
            recent = [s for s in statuses if _written_at(s) >= since]
            if (found := await self._first_that_says(draft, recent)) is not None:
                return found
            if len(recent) < len(statuses) or not statuses:
                return None if self.resend_safe_for is not None else await self._find_under(draft, me, since)
            params["max_id"] = min((s["id"] for s in statuses), key=age)
        raise Unknowable(f"more than {PAGES_BACK} pages of our posts since then")

    async def _find_under(self, draft: Draft, me: str, since: datetime) -> Sent | None:
        """Look for the reply under the post it answers. That a private one is not shown there proves nothing."""
        response = await self.call("GET", f"/api/v1/statuses/{quote(draft.to.external_id, safe='')}/context")
        if response.status_code in {404, 410}:
            raise Unknowable("the server does not show the answered post")
        below = self.list(response, "descendants")
        ours = [s for s in below if within(s, "account", "id") == me and _written_at(s) >= since]
        found = await self._first_that_says(draft, ours)
        if found is None and draft.private:
            raise Unknowable("the server may not show our private posts")
        return found

    async def _first_that_says(self, draft: Draft, ours: Sequence[Json]) -> Sent | None:
        for status in ours:
            if _reply_to(status) in {draft.to.external_id, ""} and await self._says(status, draft.text):
                return _sent(status)
        return None

    async def _says(self, status: Json, words: str) -> bool:
        response = await self.call("GET", f"/api/v1/statuses/{status['id']}/source")
        if response.status_code in {404, 410}:
            raise Unknowable("the server does not show the text as we sent it")
        return str(self.object(response).get("text", "")).split() == words.split()

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Put the citizen's @mention before the text, unless the text has it: without it they get no notification."""
        named = rf"(?<![=/\w]){regex.escape(to.author.handle)}(?![\w@]|[.-]+\w)"
        if not to.author.handle or regex.search(named, text, regex.IGNORECASE):
            return text
        return f"{to.author.handle} {text}"

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count as Mastodon does: graphemes; any web address counts as 23, and @user@server as @user.

        The limit is the server's, from the last check.
        """
        limits = self._account.limits
        reserved = "x" * int(limits.get("characters_reserved_per_url", URL_CHARACTERS))
        counted = COUNTED.sub(lambda m: reserved if m["url"] else m["user"], text.strip())
        length = sum(1 for _ in GRAPHEME.finditer(counted))
        return Measure(length, int(limits.get("max_characters", MAX_CHARACTERS)))

    # --- checking --------------------------------------------------------------------------------

    async def check(self) -> Health:
        """Test the token and its scopes, read the server's limits, and check that posts of strangers reach us."""
        if not self._token and not self._account.options.get("hashtags"):
            return Health(problems=(text("Without an access token only hashtags can be read; name one or more."),))
        instance = await self._instance()
        limits: Json = {**limits_of(instance), "version": str(instance.get("version", ""))}
        working = [text("{host} takes posts of {count} characters.", host=self.host, count=limits["max_characters"])]
        if instance:
            working.append(
                text(
                    "It is “{title}”, version {version}.",
                    title=str(instance.get("title", "")),
                    version=limits["version"],
                )
            )
        if self._read_only:
            return await self._check_reading(working, limits)
        working.append(_on_lost_answers(limits["version"]))
        response = await self.call("GET", "/api/v1/accounts/verify_credentials")
        if response.status_code in {401, 403}:
            return Health(tuple(working), problems=(self._token_problem(response),), limits=limits)
        me = _identity(self._identified(response))
        working.append(text("We are logged in as @{acct}.", acct=me.handle))
        problems = (*await self._missing_scopes(), *await self._dropped())
        return Health(tuple(working), problems=problems, identity=me, limits=limits)

    async def _check_reading(self, working: list[Text], limits: Json) -> Health:
        tag = next(iter(self._account.options.get("hashtags", ())), "mastodon")
        try:
            await self._list(f"/api/v1/timelines/tag/{quote(tag, safe='')}", {"limit": 1})
        except Rejected as verdict:
            return Health(tuple(working), problems=(verdict.text,), limits=limits)
        working.append(text("Public hashtags can be read; nothing can be answered."))
        return Health(tuple(working), limits=limits)

    def _token_problem(self, response: httpx.Response) -> Text:
        if response.status_code == 403 and "scope" in reason_of(response):
            return text("The access token lacks the scope {scope}; make a new one that has it.", scope="read:accounts")
        return text("{host} does not accept our access token; make a new one in its preferences.", host=self.host)

    async def _missing_scopes(self) -> list[Text]:
        """Try one harmless request per scope, because no endpoint lists the scopes of a token."""
        missing = []
        for method, path, scope in PROBES:
            response = await self.call(method, path)
            if response.status_code == 403 and reason_of(response):
                missing.append(
                    text("The access token lacks the scope {scope}; make a new one that has it.", scope=scope)
                )
        return missing

    async def _dropped(self) -> list[Text]:
        """Return warnings about posts that the account's settings drop; posts that they only filter, we read."""
        response = await self.call("GET", "/api/v2/notifications/policy")
        if response.status_code >= 400:
            return []
        policy = self.object(response)
        if not any(policy.get(name) == "drop" for name in DROPPABLE):
            return []
        return [
            text(
                "The account ignores posts of people it does not know. On {host}, set the notifications from strangers,"
                " new accounts and private mentions to “accept” or “filter”.",
                host=self.host,
            )
        ]


def _is_mastodon(version: str) -> bool:
    return MASTODON_VERSION.fullmatch(version) is not None


def _on_lost_answers(version: str) -> Text:
    """Say what we do when we send a reply and the server's answer is lost."""
    if _is_mastodon(version):
        return text("It recognises a reply that is sent twice and publishes it once.")
    return text(
        "It has not proved to be Mastodon, so it may publish a reply twice. When its answer is lost, we look for the "
        "reply before we send it again; where that cannot be seen, the card asks you."
    )


def _identity(me: Json) -> Identity:
    """Return who we are, from https://docs.joinmastodon.org/entities/Account/"""
    name, url = me.get("display_name"), me.get("url")
    return Identity(str(me["id"]), str(me.get("acct", "")), name if isinstance(name, str) else "", web(url))


def _post_of(status: Json, parent: Found, me: str, *, may_answer: bool) -> Post:
    """Return a post from https://docs.joinmastodon.org/entities/Status/, or raise one of UNREADABLE.

    The author's external id is `account.id`: all server software has it and never reuses it, while an address may
    change. A followers-only post counts as private, because a public answer would reveal it.
    """
    account = status["account"]
    private = status.get("visibility") not in {"public", "unlisted"}
    ways = [Act.ANSWER_PRIVATELY] if private else [Act.ANSWER, Act.ANSWER_PRIVATELY]
    edited = status.get("edited_at")
    return Post(
        external_id=status["id"],
        author=Author(
            external_id=str(account["id"]),
            name=account.get("display_name") or account["acct"],
            handle="@" + account["acct"],
            url=web(account.get("url")),
        ),
        text=_words(status),
        published_at=time_of(status["created_at"]),
        url=web(status.get("url")) or web(status.get("uri")),
        in_reply_to=_reply_to(status) or None,
        ancestors=tuple(filter(None, [_reply_to(parent)])) if isinstance(parent, dict) else (),
        replies_to=(_quote(parent) if within(parent, "account", "id") != me else None)
        or _quote(within(status, "quote", "quoted_status")),
        private=private,
        language=status.get("language") or "",
        media=tuple(_media(status.get("media_attachments") or [])),
        permits=permits(*ways) if may_answer else frozenset(),
        edited_at=time_of(edited) if edited else None,
        kind=_kind(status),
    )


def _kind(status: Json) -> PostKind:
    if status.get("visibility") == "direct":
        return PostKind.MESSAGE
    return PostKind.REPLY if _reply_to(status) else PostKind.POST


def _words(status: Json) -> str:
    """Return the content as text: after the content warning (plain text), before the options of a poll."""
    warning = " ".join((status.get("spoiler_text") or "").split())
    return "\n".join(part for part in (warning, text_of(status["content"]), *_poll_options(status)) if part)


def _poll_options(status: Json) -> Iterator[str]:
    """Yield a line for each option of the poll, plain text: https://docs.joinmastodon.org/entities/Poll/"""
    for option in within(status, "poll", "options") or ():
        if title := " ".join(str(within(option, "title") or "").split()):
            yield f"▫️ {title}"


def _media(attachments: list[Json]) -> Iterator[Media]:
    for one in attachments:
        if url := web(one.get("url")) or web(one.get("remote_url")):
            yield Media(url, one.get("type") or "unknown", one.get("description") or "")


def _quote(status: Any) -> Quote | None:
    """Return an answered or quoted status, to show with the post; None when it is unreadable."""
    try:
        account = status["account"]
        return Quote(account.get("display_name") or account["acct"], _words(status), web(status.get("url")))
    except UNREADABLE:
        return None


def _sent(status: Json) -> Sent:
    return Sent(status["id"], "" if status.get("visibility") == "direct" else web(status.get("url")))


def _time_in(item: Json) -> datetime | None:
    try:
        return time_of(item["created_at"])
    except UNREADABLE:
        return None


def _written_at(status: Json) -> datetime:
    try:
        return time_of(status["created_at"])
    except UNREADABLE as error:
        raise Unknowable("one of our own posts has no time") from error


def _reply_to(status: Json) -> str:
    parent = status.get("in_reply_to_id")
    return parent if isinstance(parent, str) else ""


def _names(status: Json, account_id: str) -> bool:
    mentions = status.get("mentions")
    return isinstance(mentions, list) and any(within(m, "id") == account_id for m in mentions)


PLATFORM = Platform(
    name="mastodon",
    title="Mastodon",
    sign="🐘",
    docs="https://docs.joinmastodon.org/api/",
    about="Connect an account on a Mastodon server: mentions, private mentions and hashtags.",
    capabilities=frozenset({Capability.POLLS, Capability.REPLIES, Capability.MESSAGES}),
    options=(
        Option(
            "url",
            "Address of the server (https://…)",
            OptionKind.SERVER,
            help="Address of the server: https://social.example.",
        ),
        Option(
            "token",
            "Access token (empty: only read hashtags)",
            OptionKind.TOKEN,
            default="",
            help="Make it on the server under Preferences, Development, with the scopes read and write.",
            secret=True,
        ),
        Option(
            "hashtags",
            "Hashtags to follow, with spaces between",
            OptionKind.WORDS,
            default=(),
            help="Follow this hashtag too.",
            flag="hashtag",
        ),
        Option(
            "read_only", kind=OptionKind.FLAG, default=False, help="Only read hashtags; nothing is answered from here."
        ),
        Option(
            "visibility",
            kind=OptionKind.CHOICES,
            help="Who sees replies to public posts in their timelines.",
            choices=("public", "unlisted"),
        ),
        SINCE,
        Option("language", help="Language of the replies, as two letters; nl when left out."),
    ),
    connect=Mastodon,
    quality=Quality(pairs=True, server="mastodon-mock 0.6"),
    resend_safe_for=KEY_REMEMBERED,
    edits=True,
    limits="500 characters unless the server says otherwise; 300 requests in 5 minutes",
    latency="POLL_SECONDS",
)
