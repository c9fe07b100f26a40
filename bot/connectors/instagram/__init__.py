"""A professional Instagram account: comments below its posts, mentions of it and messages in; answers out.

https://developers.facebook.com/docs/instagram-platform/instagram-api-with-facebook-login

Quirks that shape this package:
- For a mention Instagram pushes only where it is, and has no list of mentions: we request its words at once, and if
  that fails, we ask Instagram to push it again. It never says who wrote a comment that names us.
- A pushed comment has no address; its post has one, which we request.
- Comments are listed newest first, the replies to them in no guaranteed order.
- It has no key for an answer, so we look for one whose outcome is unknown. That is impossible below somebody else's
  post, and below a comment that has our answers to others we cannot distinguish it.
- Edits and removals of comments are not pushed, only found by polling; those of messages are pushed.
- Below our own posts we may have another id than elsewhere, so we compare our name too.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Identity,
    Measure,
    Page,
    Rechecked,
    Rejected,
    Sent,
    Unknowable,
    Usage,
    Verdict,
)
from bot.connectors.instagram import writing
from bot.connectors.instagram.posts import (
    COMMENT,
    OURS,
    author_of,
    beneath,
    comment_of,
    named_by,
    named_in,
    pushed,
    unsent_in,
)
from bot.connectors.instagram.reading import Reader, mention
from bot.connectors.instagram.server import Server, has_messages, id_of
from bot.connectors.instagram.signing_in import FOR_MESSAGES, RIGHTS, SIGN_IN
from bot.connectors.instagram.trial import TRIAL
from bot.connectors.json_api import Json, within
from bot.connectors.meta import health
from bot.connectors.meta.again import look_again
from bot.connectors.meta.graph import URL_OPTION, VERSION_OPTION, NotThere
from bot.connectors.meta.hooks import UNREADABLE, WITHIN, Hooks, Update
from bot.connectors.meta.messages import Messages, edited_of
from bot.connectors.meta.newest import Found, unread_since
from bot.connectors.meta.parts import ident_of, oldest_first
from bot.connectors.meta.setup import APP_ID, APP_SECRET, VERIFY_TOKEN, where_to_send
from bot.connectors.parts import MESSAGES_NOT_READ, REPLIES_NOT_READ, Parts
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.mention import Act, Delivery, Media, Post
from bot.domain.text import text

PAGE = "me"
"""The page that the account is linked to, whose token we use."""

log = structlog.get_logger()


class OnInstagram(Messages):
    """The messages of one account."""

    def __init__(self, server: Server) -> None:
        super().__init__(
            server,
            server.account,
            inbox=PAGE,
            platform="INSTAGRAM",
            fields="story,is_unsupported",
            is_us=server.is_us,
            author_of=lambda by, citizen: author_of({**by, "id": citizen}, citizen),
        )

    async def opened_by(self, to: Post) -> Json | None:
        """Return the conversation with the author of a comment.

        None when there is none: Instagram takes one private answer to a comment, so sending again makes no second one.
        """
        if to.author.external_id.startswith(("unknown:", "@")):
            raise Unknowable("who wrote the comment was not told")
        return await self.conversation_with(to.author.external_id)


class Instagram:
    """One account. Secrets: `token` (of the page it is linked to), `app_secret`, `verify_token`.

    Options: `instagram_id`, `app_id`, `messages` (direct messages too), `human_agent`, `since_days`, `version`.
    """

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._now = account, tools.now
        self._server = Server(account, tools)
        self._messages = OnInstagram(self._server)

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        return self._server.usage

    # --- reading ---------------------------------------------------------------------------------

    async def fetch(self, cursor: Cursor) -> Page:
        """Return what others wrote below our posts and to us; the first time only what we did not answer.

        Messages that are switched on later begin then.
        """
        begins = self._account.begins_by_its_clock(self._now())
        reader = Reader(self._server, begins)
        comments = await reader.comments(cursor.get("comments"))
        after, posts, more = Cursor(comments=comments.state), list(comments.posts), comments.more
        parts = Parts(self._account)
        if self._server.has_messages:
            state = cursor.get("messages") or unread_since(self._account.begins_after(cursor, self._now()))
            read = await parts.read(self._messages.read(state, begins), otherwise=MESSAGES_NOT_READ)
            messages = read or Found([], state)
            after["messages"], posts, more = messages.state, [*posts, *messages.posts], more or messages.more
        if not reader.is_whole:
            parts.lacks(REPLIES_NOT_READ)
        return Page(oldest_first(posts), after, more, self._server.rests_until, parts.unread)

    async def complete(self, items: Sequence[Post | Delivery]) -> Sequence[Post | Delivery]:
        """Return the pushed items with the words of mentions, and the addresses of our posts if we may ask now."""
        known: dict[str, Json] = {}
        until = asyncio.get_running_loop().time() + WITHIN
        return [done for item in items if (done := await self._complete(item, known, until)) is not None]

    async def _complete(self, item: Post | Delivery, known: dict[str, Json], until: float) -> Post | Delivery | None:
        place = (item.place if isinstance(item, Post) else None) or {}
        if not isinstance(item, Post) or "media" not in place:
            return item
        if place.get("is") == "mention":
            return await self._said(item)
        if place["media"] not in known:
            known[place["media"]] = await self._our_post(place["media"], until) if self._server.has_room else {}
        media = known[place["media"]]
        return beneath(item, self._account, media) if media else item

    async def _our_post(self, ident: str, until: float | None = None) -> Json:
        """Return a post of ours; {} if that fails or takes longer, so that the comments below it still come in."""
        try:
            async with asyncio.timeout_at(until):
                return {**await self._server.get(ident_of(ident), fields=OURS), "id": ident}
        except (TimeoutError, Verdict, *UNREADABLE) as error:
            log.warning("post of ours not read", post=ident, error=type(error).__name__)
            return {}

    async def _said(self, post: Post) -> Post | None:
        """Return a mention with its words; None when it is a comment below a post of ours.

        One that Instagram does not show us still has a card, without words: it does not say whether it was removed or
        we may not see it.
        """
        place = post.place or {}
        try:
            payload = await mention(self._server, place)
            if self._server.is_us(within(payload, "media")) or self._server.is_us(payload):
                return None
            return named_by(payload, post) if "comment" in place else named_in(payload, post)
        except (Rejected, *UNREADABLE) as error:
            log.warning("mention not read", post=post.external_id, error=type(error).__name__)
            if "comment" in place and self._server.is_us(await self._our_post(place["media"])):
                return None
            why = "" if isinstance(error, NotThere) or not isinstance(error, Rejected) else str(error.text)[:200]
            return replace(post, media=(Media("", "unsupported", why),))

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Check some posts again, in turn; messages cannot be checked."""
        asked = [post for post in posts if not post.private]
        return await look_again(asked, cursor, self._as_it_is, self._now())

    async def _as_it_is(self, post: Post) -> Post:
        place = post.place or {}
        if place.get("is") != "mention":
            return comment_of(await self._server.get(post.external_id, fields=COMMENT), self._account)
        as_before = replace(post, gone=None, edited_at=None)
        try:
            payload = await mention(self._server, place)
        except NotThere:
            if post.text:
                raise
            return post  # it was never shown to us
        except Rejected as verdict:  # comments may be switched off there: that proves nothing about this one
            log.warning("mention not read", post=post.external_id, verdict=type(verdict).__name__)
            return post
        return named_by(payload, as_before) if "comment" in place else named_in(payload, as_before)

    # --- answering -------------------------------------------------------------------------------

    async def send(self, draft: Draft) -> Sent:
        """Write the answer below what it answers, or send it as a message."""
        if not draft.private:
            return await writing.send(self._server, draft)
        self._refuse_no_messages()
        return await self._messages.send(draft)

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the answer where it would be; raises Unknowable where we cannot know."""
        if not draft.private:
            return await writing.find(self._server, draft)
        self._refuse_no_messages()
        return await self._messages.find(draft)

    def _refuse_no_messages(self) -> None:
        if not self._server.has_messages:
            raise Rejected("Private messages are not switched on for this account.")

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text; below somebody else's comment it begins with the @name of the addressee."""
        return text if private else writing.addressed(text, to)

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters of a comment, or bytes of a message."""
        return Measure(len(text.encode()), writing.MAX_MESSAGE) if private else Measure(len(text), writing.MAX_COMMENT)

    async def act(self, act: Act, post: Post) -> None:
        """Hide a comment or show it again, or remove our answer."""
        await writing.act(self._server, act, post)

    # --- checking --------------------------------------------------------------------------------

    async def check(self) -> Health:
        """Report whether the token is our account's page's and has its rights, and whether news is pushed to us."""
        app = str(self._account.options.get("app_id", ""))
        needed = (*RIGHTS, *(FOR_MESSAGES if self._server.has_messages else ()))
        token = await health.of_token(self._server, app, needed)
        if token.problems:
            return token
        account = await self._of_account()
        if account.problems:
            return health.merged(token, account)
        fields = [
            "feed",
            *(["messages"] if self._server.has_messages else []),
        ]  # one field of the page does for all
        return health.merged(token, account, await health.of_pushes(self._server, PAGE, app, fields))

    async def _of_account(self) -> Health:
        """Return who we are, or that the token belongs to another account's page."""
        page = await self._server.get(PAGE, fields="name,instagram_business_account{id,username,name}")
        linked, ours = within(page, "instagram_business_account"), self._server.id
        if within(linked, "id") != ours:
            name, other = str(page.get("name") or ""), str(within(linked, "id") or "–")
            return Health(
                problems=(
                    text(
                        "The access token is of the page {name}, whose Instagram account is {other} and not {ours}.",
                        name=name,
                        other=other,
                        ours=ours,
                    ),
                )
            )
        handle, name = str(linked.get("username") or ""), str(linked.get("name") or "")
        identity = Identity(ours, handle, name, f"https://www.instagram.com/{handle}/" if handle else "")
        return Health((text("We write on Instagram as {name}.", name=handle or name or ours),), identity=identity)


def _read(account: Account, update: Update, now: datetime) -> Iterator[Post]:
    """Yield the posts of one update. It does not say who wrote a message: that is polled."""
    if update.field in {"comments", "mentions"}:
        yield from pushed(update, account, now)
    elif update.field == "messaging" and has_messages(account):
        if "message_edit" in update.value:
            yield from edited_of(update.value, now, id_of(account), account)
        else:
            yield from unsent_in(update.value, account)


def _is_message(update: Update) -> bool:
    """Tell whether an update says that a citizen wrote to us; updates of our own messages come too."""
    message = update.value.get("message")
    return update.field == "messaging" and isinstance(message, dict) and not {"is_echo", "is_deleted"} & message.keys()


def _is_pushed_once(update: Update) -> bool:
    """Tell whether an update is in no list: a mention, or a message that was edited or taken back."""
    is_changed = "message_edit" in update.value or within(update.value, "message", "is_deleted") is True
    return update.field == "mentions" or (update.field == "messaging" and is_changed)


def first_steps(account: Account) -> tuple[str, ...]:
    """Return what to enter at Meta, once for all accounts of the app."""
    return (
        *where_to_send(account, "Instagram"),
        "and subscribe to comments, mentions, messages and message_edit.",
        "Without that no mention comes in, and we ask Instagram for comments every five minutes.",
    )


PLATFORM = Platform(
    name="instagram",
    title="Instagram",
    sign="📷",
    docs="https://developers.facebook.com/docs/instagram-platform",
    about="Connect a professional Instagram account: comments, mentions and messages.",
    first_steps=first_steps,
    capabilities=frozenset(
        {
            Capability.POLLS,
            Capability.PUSHES,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.HIDES,
            Capability.DELETES,
        }
    ),
    options=(
        Option("instagram_id", "Id of the Instagram account (a number)", help="Id of the account, a number."),
        APP_ID,
        Option(
            "token",
            "Access token of the page that the account is linked to",
            OptionKind.TOKEN,
            help="Make it in Meta's business settings for a system user who has the page (see the guide).",
            secret=True,
        ),
        APP_SECRET,
        VERIFY_TOKEN,
        Option(
            "messages",
            "Direct messages too? The access token must allow it",
            OptionKind.FLAG,
            default=False,
            help="Direct messages too; the access token must allow it.",
        ),
        Option(
            "human_agent",
            kind=OptionKind.FLAG,
            default=False,
            help="Meta has approved the feature Human Agent for the app: answer messages for seven days.",
        ),
        SINCE,
        VERSION_OPTION,
        URL_OPTION,
    ),
    connect=Instagram,
    sign_in=SIGN_IN,
    receiver=Hooks("instagram", _read, asks=_is_message, only_pushed=_is_pushed_once),
    quality=Quality(pairs=True, specification="the parameters in the package facebook-business 26.0.3"),
    every=timedelta(minutes=5),
    trial=TRIAL,
    below_hidden=False,
    removes_private=False,
    edits=True,
    limits="2,200 characters, 1,000 bytes in messages; 750 private answers to comments an hour",
    latency="at once",
)
