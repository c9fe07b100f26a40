"""Threads: posts that name us and replies to us in; answers and hidden replies out.

https://developers.facebook.com/docs/threads

Quirks that shape this package:
- People are known only by their user names, which they can change. If we may not see the name, there is none.
- There is no list of all replies to us: we request those below each of our newest posts and answers.
- An answer is prepared and then published; it has no key, but each reply says what it answers. So we look for one whose
  outcome is unknown among our own.
- A token is valid for 60 days and must be renewed before it expires. That needs no secret of the app.
- No request says that somebody else's post was edited or removed, and there are no private messages.
"""

from datetime import timedelta

from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Measure,
    Page,
    Rejected,
    Sent,
    Usage,
)
from bot.connectors.meta.parts import oldest_first
from bot.connectors.parts import REPLIES_NOT_READ, Parts
from bot.connectors.platform import SINCE, Capability, Option, OptionKind, Platform, Quality, Tools
from bot.connectors.threads import checking, moderating, writing
from bot.connectors.threads.reading import Reader
from bot.connectors.threads.server import SERVER, VERSION, Server
from bot.connectors.threads.signing_in import SIGN_IN
from bot.domain.mention import Act, Post
from bot.domain.text import text

MENTIONS_NOT_READ = text("Posts that name the account cannot be read now.")


class Threads:
    """One account on Threads. Secrets: `token`, and our own `renewed`. Options: `since_days`, `version`."""

    resend_safe_for = None

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account, self._now = account, tools.now
        self._server = Server(account, tools)

    @property
    def usage(self) -> Usage:
        """How much of the limit is used."""
        return self._server.usage

    async def fetch(self, cursor: Cursor) -> Page:
        """Return new replies of others to us, and posts of others that name us.

        The first time only those since the account begins that we did not answer.
        """
        begins = self._account.begins_by_its_clock(self._now())
        reader = Reader(self._server, await self._server.me(), self._now(), begins)
        replies = await reader.replies(cursor.get("replies"))
        after = Cursor(replies=replies.state)
        parts = Parts(self._account)
        mentions = await parts.read(reader.mentions(cursor.get("mentions")), otherwise=MENTIONS_NOT_READ)
        if mentions is not None:
            after["mentions"] = mentions.state
        elif "mentions" in cursor:
            after["mentions"] = cursor["mentions"]
        both = [*(mentions.posts if mentions else ()), *replies.posts]  # for a post in both lists, the last one counts
        posts = {post.external_id: post for post in both}.values()
        if not reader.is_whole:
            parts.lacks(REPLIES_NOT_READ)
        return Page(oldest_first(posts), after, not_before=self._server.rests_until, unread=parts.unread)

    async def send(self, draft: Draft) -> Sent:
        """Publish the answer below its post."""
        self._refuse_private(draft)
        return await writing.send(self._server, draft)

    async def find(self, draft: Draft) -> Sent | None:
        """Look for the answer among our own replies."""
        self._refuse_private(draft)
        return await writing.find(self._server, draft)

    def _refuse_private(self, draft: Draft) -> None:
        if draft.private:
            raise Rejected("Threads has no private messages.")

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Return the text as it is: Threads notifies the author of a post of a reply."""
        return text

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count characters, but the bytes of an emoji."""
        return writing.measure(text)

    async def act(self, act: Act, post: Post) -> None:
        """Hide a reply directly below our post or show it again, or remove our answer."""
        await moderating.act(self._server, act, post)

    async def check(self) -> Health:
        """Report who we are, what works, and until when the token is valid; renews it if it is time."""
        return await checking.check(self._server)


PLATFORM = Platform(
    name="threads",
    title="Threads",
    sign="🧵",
    docs="https://developers.facebook.com/docs/threads",
    about="Connect an account on Threads: posts that name it, and replies to its posts.",
    capabilities=frozenset({Capability.POLLS, Capability.REPLIES, Capability.HIDES, Capability.DELETES}),
    options=(
        Option(
            "token",
            "Access token of the account",
            OptionKind.TOKEN,
            help="A long-lived one, from your app at developers.facebook.com (see the guide).",
            secret=True,
        ),
        SINCE,
        Option("version", help=f"Version of the API; {VERSION} when left out."),
        Option("url", kind=OptionKind.SERVER, default=SERVER, help=f"Its address; {SERVER} when left out."),
    ),
    connect=Threads,
    sign_in=SIGN_IN,
    quality=Quality(pairs=True),
    every=timedelta(minutes=5),
    limits="500 characters, of an emoji each byte counts; 1,000 answers and 100 removals a day",
    latency="5 minutes",
)
