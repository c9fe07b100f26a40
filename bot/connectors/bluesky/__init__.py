"""Bluesky: mentions, replies, quotes, words and private messages in; replies, likes and hidden replies out.

https://docs.bsky.app/docs/advanced-guides/api-directory, https://atproto.com/specs/xrpc

Quirks that shape this package:
- A reply is a record whose key we choose, from `Draft.key`. It is written only if no record has that key, so the same
  reply cannot be published twice, no matter how often it is sent. (`createRecord` answers a repeated key with an
  HTTP 500, hence `putRecord`.)
- Bluesky sorts a post by its own time stamp, so it may enter a list below posts that we have read. See newest.py.
- "Priority notifications" leave out the mentions of strangers, unless we ask for all.
- Somebody who may not reply to a post can still write the reply, but nobody sees it; so we check before we write.
- A hidden reply is an address in the threadgate, a record beside the first post of the thread. Only the account that
  began the thread has that record.
- Posts are not edited, but a record can be written again; then it has another CID.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Measure,
    Page,
    RateLimited,
    Rechecked,
    Rejected,
    Sent,
    Unavailable,
    Usage,
    in_turn,
)
from bot.connectors.bluesky import checking, moderating, newest, writing
from bot.connectors.bluesky.chat import Chat
from bot.connectors.bluesky.posts import CONCERNING, POST, UNREADABLE, post_of, url_of, written_at
from bot.connectors.bluesky.server import Server, Swapped
from bot.connectors.bluesky.trial import TRIAL
from bot.connectors.json_api import Json, before_sending, giving_image, time_of, within
from bot.connectors.parts import MESSAGES_NOT_READ, Parts
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.image import Images
from bot.domain.mention import Act, Author, Post
from bot.domain.text import text

IMAGES = Images(described=2000)
"""Size: https://github.com/bluesky-social/atproto/blob/main/lexicons/app/bsky/embed/images.json; length of the
description: what Bluesky's own app lets people type."""
ANSWERED_PAGES = 5
PROVEN_AT_ONCE = 10
"""Missing posts for which a recheck asks the author's server; each takes two requests."""

log = structlog.get_logger()


class Bluesky:
    """One account on Bluesky, or on another server that speaks its protocol.

    Secrets: `app_password`, and our own `session`. Options: `handle`, `words`, `messages` (private ones too),
    `language` of replies, `directory` of accounts.
    """

    resend_safe_for = None
    """A reply could be sent again at any time, but not a private message."""

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._now = account, tools.now
        self._server = Server(account, tools)
        self._chat = Chat(self._server)
        self._has_messages = bool(account.options.get("messages"))

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        return self._server.usage

    # --- reading ---------------------------------------------------------------------------------

    async def fetch(self, cursor: Cursor) -> Page:
        """Return new mentions, replies, quotes, posts with our words, and private messages, by others than us.

        The first time only those since the account begins that we did not answer; of a word that could not be searched
        yet, the cursor has None. A word that is followed later begins then, and so do messages that are switched on
        later: until they could be read, the cursor has the moment.
        """
        me, parts, now = await self._server.me(), Parts(self._account), self._now()
        begins, known = self._account.begins_by_its_clock(now), cursor.get("words", {})
        news = await newest.read(self._notifications, cursor.get("notifications"), begins, now, parts)
        after, more, whole = Cursor(notifications=news.state, words={}), news.more, news.whole
        views = {item["uri"]: item for item in news.items}
        for word in self._account.options.get("words", ()):
            is_later = bool(cursor) and word not in known
            since = self._account.begins_after(cursor, now) if is_later else begins
            searched = newest.read(partial(self._found, word=word), known.get(word), since, now, parts)
            part = await parts.read(searched, otherwise=text("Posts with {word} cannot be searched now.", word=word))
            if part is not None:
                views = {**{item["uri"]: item for item in part.items}, **views}
                after["words"][word], more, whole = part.state, more or part.more, whole and part.whole
            else:
                after["words"][word] = newest.nothing_since(since) if is_later and since else known.get(word)
        if not cursor:
            answered = await self._answered(me)
            views = {uri: view for uri, view in views.items() if uri not in answered}
        posts = await self._posts([view for view in views.values() if within(view, "author", "did") != me], me)
        messages = await self._messages(cursor, after, parts) if self._has_messages else []
        ordered = sorted([*posts, *messages], key=lambda post: (post.published_at, post.external_id))
        return Page(tuple(ordered), after, more, self._server.rests_until, parts.unread, whole)

    async def _notifications(self, cursor: str) -> tuple[list[newest.Item], str]:
        asked: dict[str, Any] = {"reasons": CONCERNING, "limit": 100, "priority": False}
        method = "app.bsky.notification.listNotifications"
        page, following = await self._server.page(method, "notifications", cursor, **asked)
        return _dated(page, CONCERNING), following

    async def _found(self, cursor: str, *, word: str) -> tuple[list[newest.Item], str]:
        wanted = word.replace('"', "")
        asked: dict[str, Any] = {"q": f'"{wanted}"', "sort": "latest", "limit": 100}
        page, following = await self._server.page("app.bsky.feed.searchPosts", "posts", cursor, **asked)
        return _dated(page, ()), following

    async def _messages(self, cursor: Cursor, after: Cursor, parts: Parts) -> list[Post]:
        """Return new private messages; if they cannot be read, mentions still come in."""
        last = cursor.get("messages")
        if "messages_since" in cursor:
            begins = time_of(since) if (since := cursor["messages_since"]) else None
        else:
            begins = self._account.begins_after(cursor, self._now())
        read = await parts.read(self._chat.read(last, begins), otherwise=MESSAGES_NOT_READ)
        posts, newest_read = read if read is not None else ([], last)
        if newest_read is not None:
            after["messages"] = newest_read
        else:
            after["messages_since"] = begins.isoformat() if begins else None
        return posts

    async def _answered(self, me: str) -> set[str]:
        """Return which posts we answered since the account begins: the first reading takes only unanswered ones."""
        begins, answered, cursor = self._account.begins_at(self._now()), set[str](), ""
        for _ in range(ANSWERED_PAGES if self._account.options.get("since_days") else 0):
            asked: dict[str, Any] = {"repo": me, "collection": POST, "limit": 100}
            page, cursor = await self._server.page("com.atproto.repo.listRecords", "records", cursor, **asked)
            ours = [within(each, "value") for each in page]
            answered |= {uri for each in ours if isinstance(uri := within(each, "reply", "parent", "uri"), str)}
            if not cursor or any(_is_before(each, begins) for each in ours):
                break
        return answered

    async def _posts(self, views: Sequence[Json], me: str) -> list[Post]:
        """Turn views and notifications into posts, with pictures and the posts they answer if these can be read."""
        whole = await self._whole([view["uri"] for view in views])
        parents = {uri for view in views if isinstance(uri := _parent(view), str)} - whole.keys()
        whole |= await self._whole(sorted(parents))  # separately: an author's parent may be no address
        known = [(whole.get(view["uri"], view), whole.get(str(_parent(view)))) for view in views]
        return [post for view, parent in known if (post := self._post(view, parent, me))]

    async def _whole(self, uris: Sequence[str]) -> dict[str, Json]:
        try:
            return await self._server.posts(uris)
        except (RateLimited, Unavailable, Rejected) as verdict:
            log.info("posts not read in whole", account=self._account.id, verdict=type(verdict).__name__)
            return {}

    def _post(self, view: Json, parent: Json | None, me: str) -> Post | None:
        """Return the post; if we cannot read it, log only its address and return None."""
        try:
            return post_of(view, me, parent=parent, by_message=self._has_messages)
        except UNREADABLE as error:
            log.warning("post not understood", post=view.get("uri"), error=type(error).__name__)
            return None

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Return the posts that were rewritten, are gone or back, or have other marks; never private messages.

        For missing posts we ask a few authors' servers per recheck; the cursor says where to continue.
        """
        by_uri = {post.external_id: post for post in posts if not post.private}
        me = await self._server.me() if by_uri else ""
        shown = await self._server.posts(list(by_uri))
        changed = [
            post for uri, view in shown.items() if uri in by_uri and (post := self._changed(by_uri[uri], view, me))
        ]
        missing = [uri for uri in by_uri if uri not in shown]
        turn, after = in_turn(missing, cursor, PROVEN_AT_ONCE)
        for uri in turn:
            gone = await self._server.why_gone(uri)
            changed.append(Post(uri, Author("", ""), "", datetime.fromtimestamp(0, UTC), gone=gone))
        return Rechecked(tuple(changed), after)

    def _changed(self, before: Post, view: Json, me: str) -> Post | None:
        known = (before.place or {}).get("cid")
        post = self._post(view, None, me)
        is_same = known in {None, view.get("cid")} and post is not None and post.cautions == before.cautions
        if before.gone is None and is_same:
            return None
        if post is None or known in {None, view["cid"]}:
            return post
        return replace(post, edited_at=time_of(view["indexedAt"]))

    # --- answering -------------------------------------------------------------------------------

    def images(self, *, private: bool) -> Images | None:
        """Return which images a post takes; a private message takes none."""
        return None if private else IMAGES

    async def send(self, draft: Draft) -> Sent:
        """Publish the reply under its post, or send it as a private message; a public one is written once per key."""
        if draft.private:
            self._refuse_no_messages()
            with before_sending():
                facets = await self._facets(draft.text)
            return await self._chat.send(draft, facets)
        with before_sending():
            record: Json = {"text": draft.text, "reply": await self._refs(draft.to)}
            facets = await self._facets(draft.text)
        if draft.image is not None:
            async with giving_image():
                record["embed"] = writing.embed(draft.image, await self._server.upload(draft.image))
        record |= {"createdAt": writing.moment(self._now()), "langs": [self._account.options.get("language") or "nl"]}
        record |= {"facets": facets} if facets else {}
        try:
            made = await self._server.put(POST, _key(draft), record, instead_of=None)
        except Swapped:
            earlier = await self.find(draft)
            if earlier is None:
                raise Rejected("Another post stands where this answer would come.") from None
            return earlier
        if not isinstance(made.get("uri"), str):
            raise self._server.unreadable()
        return Sent(made["uri"], url_of(made["uri"]))

    def _refuse_no_messages(self) -> None:
        if not self._has_messages:
            raise Rejected("Private messages are not switched on for this account.")

    async def _refs(self, to: Post) -> Json:
        """Return the post to answer and the first of its thread; raises Rejected when nobody would see the reply."""
        shown = (await self._server.posts([to.external_id])).get(to.external_id)
        if shown is None:
            raise Rejected("{host} no longer shows the post, so it cannot be answered.", host=self._server.host)
        if within(shown, "viewer", "replyDisabled") is True:
            raise Rejected("The thread of this post is closed to us, so nobody would see an answer.")
        parent = {"uri": to.external_id, "cid": shown["cid"]}
        root = within(shown, "record", "reply", "root")
        return {"root": {"uri": root["uri"], "cid": root["cid"]} if root else parent, "parent": parent}

    async def _facets(self, words: str) -> list[Json]:
        """Return the links and names in a text; a name without an account stays text."""
        handles = {piece.handle for piece in writing.pieces(words) if piece.handle}
        dids = {handle: await self._did_of(handle) for handle in sorted(handles)}
        return writing.facets(words, {handle: did for handle, did in dids.items() if did})

    async def _did_of(self, handle: str) -> str:
        try:
            answer = await self._server.get("com.atproto.identity.resolveHandle", handle=handle)
        except (Rejected, Unavailable):
            return ""
        return str(answer.get("did") or "")

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the reply under its key; our own server knows at once whether it is there."""
        if draft.private:
            self._refuse_no_messages()
            return await self._chat.find(draft)
        uri = f"at://{await self._server.me()}/{POST}/{_key(draft)}"
        stored = await self._server.record(uri)
        return Sent(uri, url_of(uri)) if stored and within(stored, "value", "text") == draft.text else None

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is: Bluesky notifies the author of a post of a reply."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count graphemes, or bytes where these reach their limit first."""
        return writing.measure(text, writing.IN_MESSAGE if private else writing.IN_POST)

    async def act(self, act: Act, post: Post) -> None:
        """Hide a reply in our thread or show it again, like or unlike a post, or remove our answer."""
        await moderating.act(self._server, act, post, self._now())

    async def check(self) -> Health:
        """Log in, and report what works and what keeps posts from us."""
        return await checking.check(self._server, self._account)


def _key(draft: Draft) -> str:
    return writing.record_key(draft.key, draft.approved_at or draft.to.published_at)


def _dated(page: Sequence[Json], reasons: Sequence[str]) -> list[newest.Item]:
    """Return the items of a page that have an address, with their moments; notifications only for these reasons."""
    items = []
    for each in page:
        if isinstance(each.get("uri"), str) and (not reasons or each.get("reason") in reasons):
            try:
                items.append((written_at(each), each))
            except UNREADABLE as error:
                log.warning("item not understood", item=each["uri"], error=type(error).__name__)
    return items


def _parent(view: Json) -> Any:
    return within(view, "record", "reply", "parent", "uri")


def _is_before(record: Any, begins: datetime | None) -> bool:
    try:
        return begins is not None and time_of(record["createdAt"]) < begins
    except UNREADABLE:
        return False


PLATFORM = Platform(
    name="bluesky",
    title="Bluesky",
    sign="🦋",
    docs="https://docs.bsky.app",
    about="Connect an account on Bluesky: mentions, replies, quotes, words and private messages.",
    capabilities=frozenset(
        {
            Capability.POLLS,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.IMAGES,
            Capability.HIDES,
            Capability.LIKES,
            Capability.DELETES,
        }
    ),
    options=(
        Option("handle", "Handle of the account (gemeente.bsky.social)", help="Handle: gemeente.bsky.social."),
        Option(
            "app_password",
            "App password",
            OptionKind.TOKEN,
            help="Make it in the Bluesky app under Settings, Privacy and security, App passwords.",
            secret=True,
        ),
        Option(
            "words",
            "Words to search for, with spaces between",
            OptionKind.WORDS,
            default=(),
            help="Take in public posts with this word too.",
            flag="word",
        ),
        Option(
            "messages",
            "Private messages too? The app password must allow it",
            OptionKind.FLAG,
            default=False,
            help="Private messages too; the app password must allow it.",
        ),
        SINCE,
        Option("language", help="Language of the replies, as two letters; nl when left out."),
        Option(
            "url",
            kind=OptionKind.SERVER,
            default="https://bsky.social",
            help="Address of the server where the account logs in; https://bsky.social when left out.",
        ),
        Option(
            "directory",
            kind=OptionKind.SERVER,
            help="Where it is written on which server an account lives; https://plc.directory when left out.",
        ),
    ),
    connect=Bluesky,
    quality=Quality(
        pairs=True,
        server="Bluesky's own server 0.4.217 (by hand)",
        specification="the lexicons of the AT Protocol of 20 Aug 2026",
    ),
    trial=TRIAL,
    removes_private=False,
    edits=True,
    limits="300 characters; 3,000 requests in 5 minutes; 2,500 writes an hour; 300 logins a day",
    latency="POLL_SECONDS",
)
