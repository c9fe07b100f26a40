"""A Facebook page: comments, visitors' posts, posts that name it, recommendations and Messenger in; answers out.

https://developers.facebook.com/documentation/pages-api and the Graph API's reference

Quirks that shape this package:
- Facebook pushes news at once, but misses some, so we also poll. It does not push what we may do with a comment, which
  we request at once, nor who wrote in Messenger: a push about a message only tells us to poll.
- It has no key for an answer, so we look for one whose outcome is unknown. An answer to a reply is below the same
  comment as answers to its other replies, so there we cannot distinguish them.
- It pushes that a comment was removed, but not by whom. When we poll, it does not even say whether it was removed.
- Comments have no time of their last edit.
- A citizen who did not give permission has no name and no id.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

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
    Usage,
)
from bot.connectors.facebook import moderating, writing
from bot.connectors.facebook.completing import Completing, as_it_is
from bot.connectors.facebook.messenger import MAX_MESSAGE, Messenger
from bot.connectors.facebook.posts import is_in, pushed
from bot.connectors.facebook.reading import Reader
from bot.connectors.facebook.server import Server, page_of
from bot.connectors.facebook.signing_in import SIGN_IN, rights_of
from bot.connectors.facebook.trial import TRIAL
from bot.connectors.meta import health
from bot.connectors.meta.again import look_again
from bot.connectors.meta.graph import URL_OPTION, VERSION_OPTION
from bot.connectors.meta.hooks import Hooks, Update
from bot.connectors.meta.messages import edited_of
from bot.connectors.meta.newest import Found, unread_since
from bot.connectors.meta.parts import oldest_first
from bot.connectors.meta.setup import APP_ID, APP_SECRET, VERIFY_TOKEN, where_to_send
from bot.connectors.parts import MESSAGES_NOT_READ, REPLIES_NOT_READ, Parts
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.domain.image import Images
from bot.domain.mention import Act, Delivery, Post
from bot.domain.text import text

NOT_OUR_PAGE = text("The access token is of {name} ({other}) and not of the page {page}.")

NOT_READ = {
    "visitors": text("Posts of visitors cannot be read now."),
    "tagged": text("Posts elsewhere that name the page cannot be read now."),
    "reviews": text("Recommendations cannot be read now."),
    "messages": MESSAGES_NOT_READ,
}

Read = Callable[[Mapping[str, Any] | None], Awaitable[Found]]


class Facebook:
    """One page. Secrets: `token` (of the page), `app_secret`, `verify_token`.

    Options: `page_id`, `app_id`, `messages` (Messenger too), `human_agent`, `images`, `reviews`, `since_days`,
    `version`.
    """

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._now = account, tools.now
        self._server = Server(account, tools)
        self._messenger = Messenger(self._server)

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        return self._server.usage

    # --- reading ---------------------------------------------------------------------------------

    async def fetch(self, cursor: Cursor) -> Page:
        """Return what others wrote below our posts, on our page, elsewhere about it, and to it.

        The first time only those since the account begins that we did not answer. A list that is switched on later
        begins then.
        """
        begins = self._account.begins_by_its_clock(self._now())
        reader = Reader(self._server, self._now(), begins)
        comments = await reader.comments(cursor.get("comments"))
        after, posts, more = Cursor(comments=comments.state), list(comments.posts), comments.more
        parts = Parts(self._account)
        for name, read in self._lists(reader, begins).items():
            state = cursor.get(name) or unread_since(self._account.begins_after(cursor, self._now()))
            read_now = await parts.read(read(state), otherwise=NOT_READ[name]) or Found([], state)
            after[name], posts, more = read_now.state, [*posts, *read_now.posts], more or read_now.more
        if not reader.is_whole:
            parts.lacks(REPLIES_NOT_READ)
        return Page(oldest_first(posts), after, more, self._server.rests_until, parts.unread)

    def _lists(self, reader: Reader, begins: datetime | None) -> dict[str, Read]:
        """Return the functions that read the other lists, by name in the cursor."""
        lists: dict[str, Read] = {"visitors": reader.visitors, "tagged": reader.tagged}
        if self._account.options.get("reviews"):
            lists["reviews"] = reader.reviews
        if self._server.page.has_messages:
            lists["messages"] = partial(self._messenger.read, begins=begins)
        return lists

    async def recheck(self, posts: Sequence[Post], cursor: Cursor) -> Rechecked:
        """Check some posts on our page again, in turn, and our own comments; others cannot be checked."""
        asked = [post for post in posts if not post.private and is_in(post) in {"comment", "post"}]
        return await look_again(asked, cursor, partial(as_it_is, self._server), self._now())

    async def complete(self, items: Sequence[Post | Delivery]) -> Sequence[Post | Delivery]:
        """Return the pushed items with what may be done with them and the post above, as far as we may ask now."""
        return await Completing(self._server).complete(items)

    # --- answering -------------------------------------------------------------------------------

    async def send(self, draft: Draft) -> Sent:
        """Write the answer below its post, or send it in Messenger."""
        if not draft.private:
            return await writing.send(self._server, draft)
        self._refuse_no_messages()
        return await self._messenger.send(draft)

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the answer where it would be; raises Unknowable where another one may say the same."""
        if not draft.private:
            return await writing.find(self._server, draft)
        self._refuse_no_messages()
        return await self._messenger.find(draft)

    def _refuse_no_messages(self) -> None:
        if not self._server.page.has_messages:
            raise Rejected("Private messages are not switched on for this account.")

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is: Facebook notifies the author of a post of a reply."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters of a comment, or of a message in Messenger."""
        return Measure(len(text), MAX_MESSAGE if private else writing.MAX_COMMENT)

    def images(self, *, private: bool) -> Images | None:
        """Return which images a comment takes, if the token may upload one; in Messenger it is a separate message."""
        return writing.IMAGES if self._account.options.get("images") and not private else None

    async def act(self, act: Act, post: Post) -> None:
        """Hide a comment or show it again, like or unlike it, or remove our answer."""
        await moderating.act(self._server, act, post)

    # --- checking --------------------------------------------------------------------------------

    async def check(self) -> Health:
        """Report whether the token is our page's and has its rights, and whether Facebook pushes news to us."""
        options, has_messages = self._account.options, self._server.page.has_messages
        app = str(options.get("app_id", ""))
        token = await health.of_token(self._server, app, rights_of(self._account))
        if token.problems:
            return token
        page = await self._of_page()
        if page.problems:
            return health.merged(token, page)
        fields = ["feed", "mention"]
        fields += ["messages", "message_edits"] if has_messages else []
        fields += ["ratings"] if options.get("reviews") else []
        pushes = await health.of_pushes(self._server, self._server.page.id, app, fields)
        return health.merged(token, page, pushes)

    async def _of_page(self) -> Health:
        """Return who we are, or that the token belongs to another page or a person."""
        me = await self._server.get("me", fields="id,name")
        ident, name, ours = str(me.get("id")), str(me.get("name") or ""), self._server.page.id
        if ident != ours:
            return Health(problems=(text(NOT_OUR_PAGE.message, name=name, other=ident, page=ours),))
        page = await self._server.get(ours, fields="username,link")
        identity = Identity(ours, str(page.get("username") or ours), name, str(page.get("link") or ""))
        return Health((text("We write as the page {name}.", name=name),), identity=identity)


def _read(account: Account, update: Update, now: datetime) -> Iterator[Post]:
    """Yield the posts of one update of a page. It does not say who wrote a message: that is polled."""
    page = page_of(account)
    if update.field in {"feed", "mention", "ratings"}:
        yield from pushed(update, page, now)
    elif update.field == "messaging" and page.has_messages and "message_edit" in update.value:
        yield from edited_of(update.value, now, page.id, account)


def _is_message(update: Update) -> bool:
    """Tell whether an update says that a citizen wrote to us in Messenger; updates of our own messages come too."""
    message = update.value.get("message")
    return update.field == "messaging" and isinstance(message, dict) and not message.get("is_echo")


def _is_edit(update: Update) -> bool:
    """Tell whether an update says that a message was edited, which is pushed only once."""
    return update.field == "messaging" and "message_edit" in update.value


def first_steps(account: Account) -> tuple[str, ...]:
    """Return what to enter at Meta, once for all pages of the app."""
    return (
        *where_to_send(account, "Page"),
        "Without that we ask Facebook for what is new every five minutes.",
    )


PLATFORM = Platform(
    name="facebook",
    title="Facebook",
    sign="📘",
    docs="https://developers.facebook.com/docs/graph-api/reference/page",
    about="Connect a Facebook page: comments, visitors' posts, mentions, recommendations and Messenger.",
    first_steps=first_steps,
    capabilities=frozenset(
        {
            Capability.POLLS,
            Capability.PUSHES,
            Capability.REPLIES,
            Capability.MESSAGES,
            Capability.IMAGES,
            Capability.HIDES,
            Capability.LIKES,
            Capability.DELETES,
        }
    ),
    options=(
        Option("page_id", "Id of the page (a number)", help="Id of the page, a number."),
        APP_ID,
        Option(
            "token",
            "Access token of the page",
            OptionKind.TOKEN,
            help="Make it in Meta's business settings for a system user who has the page (see the guide).",
            secret=True,
        ),
        APP_SECRET,
        VERIFY_TOKEN,
        Option(
            "messages",
            "Messenger too? The access token must allow it",
            OptionKind.FLAG,
            default=False,
            help="Messenger too; the access token must allow it.",
        ),
        Option(
            "human_agent",
            kind=OptionKind.FLAG,
            default=False,
            help="Meta has approved the feature Human Agent for the app: answer in Messenger for seven days.",
        ),
        Option(
            "images",
            kind=OptionKind.FLAG,
            default=False,
            help="Images with answers below posts; the access token must allow pages_manage_posts.",
        ),
        Option("reviews", kind=OptionKind.FLAG, default=False, help="Recommendations of the page too."),
        SINCE,
        VERSION_OPTION,
        URL_OPTION,
    ),
    connect=Facebook,
    sign_in=SIGN_IN,
    receiver=Hooks("page", _read, asks=_is_message, only_pushed=_is_edit),
    quality=Quality(
        pairs=True,
        specification="the parameters in the package facebook-business 26.0.3",
    ),
    every=timedelta(minutes=5),
    trial=TRIAL,
    removes_private=False,
    edits=True,
    limits="8,000 characters, 2,000 in Messenger; 4,800 requests a day for each person active on the page",
    latency="at once",
)
