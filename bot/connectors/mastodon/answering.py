"""Answer on Mastodon, and look for an answer whose outcome is unknown."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

import regex

from bot.connectors.base import CLOCKS_DIFFER, Draft, Measure, Rejected, Sent, Unknowable
from bot.connectors.json_api import Json, before_sending, giving_image, time_of, web, within
from bot.connectors.mastodon.posts import UNREADABLE, reply_to
from bot.connectors.mastodon.server import MAX_CHARACTERS, URL_CHARACTERS, MastodonServer, age
from bot.domain.image import Image, Images
from bot.domain.mention import Gone, Post
from bot.domain.text import Refused

IMAGES = Images(bytes=16 * 1024 * 1024, pixels=33_177_600, described=1500)
"""Mastodon's own limits, if the server names no others: https://docs.joinmastodon.org/user/posting/#media"""
LOOKS_AGAIN_AFTER = 0.5
"""Seconds after which we ask again whether the server is done with an image."""
PAGES_BACK = 5
KEY_REMEMBERED = timedelta(minutes=50)
"""Mastodon remembers an Idempotency-Key for an hour: https://docs.joinmastodon.org/methods/statuses/#headers"""
MASTODON_VERSION = re.compile(
    r"[2-9]\.[0-9]+\.[0-9]+(-(alpha|beta|rc|nightly)[0-9A-Za-z.-]*)?(\+(glitch|hometown)[0-9A-Za-z.+-]*)?"
)
"""A real Mastodon or a fork of it, like 4.3.0 or 4.4.0-beta.1+glitch. Others have other versions:
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
NAMED = regex.compile(r"(?<![=/\w])@[a-z0-9_]++(?:[.-]++[a-z0-9_]++)*+(?:@\w++(?:[.-]++\w++)*+)?", regex.IGNORECASE)
"""An account that a text names, here or on another server: Mastodon's MENTION_RE."""
GRAPHEME = regex.compile(r"\X")


class Answering(MastodonServer):
    """Publishes answers and looks for them."""

    @property
    def resend_safe_for(self) -> timedelta | None:
        """Return how long an Idempotency-Key is safe; None unless the server's version is that of a real Mastodon.

        Some other servers ignore the key, and would publish the reply twice.
        """
        return KEY_REMEMBERED if is_mastodon(str(self._account.limits.get("version", ""))) else None

    def images(self, *, private: bool) -> Images | None:
        """Return the server's limits on an image, from the last check."""
        learned = self._account.limits.get("images", {})
        images = replace(IMAGES, **learned)
        return images if images.kinds and not self._read_only else None

    async def send(self, draft: Draft) -> Sent:
        """Publish the reply under its post, visible to no more people than the post; once per key within an hour."""
        if self._read_only:
            raise Rejected("This account only reads; give it an access token to answer.")
        body: Json = {
            "status": draft.text,
            "in_reply_to_id": draft.to.external_id,
            "visibility": await self._visibility(draft),
            "language": self._account.options.get("language", "nl"),
        }
        if draft.image is not None:
            async with giving_image():
                body["media_ids"] = [await self._uploaded(draft.image)]
        response = await self.call("POST", "/api/v1/statuses", json=body, headers={"Idempotency-Key": draft.key})
        return _sent(self._identified(response))

    async def _uploaded(self, image: Image) -> str:
        """Upload an image, and return its id once it can be posted; the server removes it if no post uses it.

        https://docs.joinmastodon.org/methods/media/#v2
        """
        files = {"file": (image.file_name, image.content, image.kind)}
        fields = {"description": image.description} if image.description else {}
        response = await self.call("POST", "/api/v2/media", files=files, data=fields)
        media_id = str(self._identified(response)["id"])
        while response.status_code in {202, 206}:
            await asyncio.sleep(LOOKS_AGAIN_AFTER)
            response = await self.call("GET", f"/api/v1/media/{quote(media_id, safe='')}")
            self._identified(response)
        return media_id

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
            if (sent := await self._first_that_says(draft, recent)) is not None:
                return sent
            if len(recent) < len(statuses) or not statuses:
                return None if self.resend_safe_for is not None else await self._find_under(draft, me, since)
            params["max_id"] = min((s["id"] for s in statuses), key=age)
        raise Unknowable(f"more than {PAGES_BACK} pages of our posts since then")

    async def _find_under(self, draft: Draft, me: str, since: datetime) -> Sent | None:
        """Look for the reply under the post it answers. If a private one is not shown there, that proves nothing."""
        response = await self.call("GET", f"/api/v1/statuses/{quote(draft.to.external_id, safe='')}/context")
        if response.status_code in {404, 410}:
            raise Unknowable("the server does not show the answered post")
        below = self.list(response, "descendants")
        ours = [s for s in below if within(s, "account", "id") == me and _written_at(s) >= since]
        sent = await self._first_that_says(draft, ours)
        if sent is None and draft.private:
            raise Unknowable("the server may not show our private posts")
        return sent

    async def _first_that_says(self, draft: Draft, ours: Sequence[Json]) -> Sent | None:
        """Return the newest of these posts that is the reply; raises Unknowable when only one shortly before may be it.

        Servers may give times in whole seconds.
        """
        first_tried_at = draft.first_tried_at.replace(microsecond=0)
        for status in sorted(ours, key=_written_at, reverse=True):
            if reply_to(status) in {draft.to.external_id, ""} and await self._says(status, draft.text):
                if _written_at(status) < first_tried_at:
                    raise Unknowable("a post shortly before says the same")
                return _sent(status)
        return None

    async def _says(self, status: Json, words: str) -> bool:
        response = await self.call("GET", f"/api/v1/statuses/{status['id']}/source")
        if response.status_code in {404, 410}:
            raise Unknowable("the server does not show the text as we sent it")
        return str(self.object(response).get("text", "")).split() == words.split()

    def compose(self, text: str, *, to: Post, private: bool) -> str:
        """Put the citizen's @mention before the text, unless the text has it: without it they get no notification.

        Raises Refused when a private text names somebody else: Mastodon shows it to everyone it names.
        """
        if private and (others := self._others_in(text, to)):
            raise Refused(
                "Whoever you name with an @ would get this private message too. Write {names} without the @.",
                names=", ".join(others),
            )
        named = rf"(?<![=/\w]){regex.escape(to.author.handle)}(?![\w@]|[.-]+\w)"
        if not to.author.handle or regex.search(named, text, regex.IGNORECASE):
            return text
        return f"{to.author.handle} {text}"

    def _others_in(self, text: str, to: Post) -> Sequence[str]:
        """Return the accounts that a text names, besides the citizen's and our own."""
        ours = self._account.identity.handle if self._account.identity else ""
        known = {to.author.handle.casefold(), f"@{ours}".casefold()}
        return [name for name in dict.fromkeys(NAMED.findall(text)) if name.casefold() not in known]

    def measure(self, text: str, *, private: bool = False) -> Measure:
        """Count as Mastodon does: graphemes; any web address counts as 23, and @user@server as @user.

        The limit is the server's, from the last check.
        """
        limits = self._account.limits
        reserved = "x" * int(limits.get("characters_reserved_per_url", URL_CHARACTERS))
        counted = COUNTED.sub(lambda m: reserved if m["url"] else m["user"], text.strip())
        length = sum(1 for _ in GRAPHEME.finditer(counted))
        return Measure(length, int(limits.get("max_characters", MAX_CHARACTERS)))


def is_mastodon(version: str) -> bool:
    """Tell whether a server's version is that of a real Mastodon."""
    return MASTODON_VERSION.fullmatch(version) is not None


def _sent(status: Json) -> Sent:
    return Sent(status["id"], "" if status.get("visibility") == "direct" else web(status.get("url")))


def _written_at(status: Json) -> datetime:
    try:
        return time_of(status["created_at"])
    except UNREADABLE as error:
        raise Unknowable("one of our own posts has no time") from error
