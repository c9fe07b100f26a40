"""Try an account on Bluesky: who it is, and whether mentions and private messages reach us."""

import base64
import json

from bot.connectors.base import Account, Health, Identity, Rejected, Unauthorized, Unavailable
from bot.connectors.bluesky import writing
from bot.connectors.bluesky.posts import CONCERNING, UNREADABLE, author_of
from bot.connectors.bluesky.server import Server
from bot.connectors.json_api import Json, within
from bot.domain.text import Text, text

FULL_ACCESS = "com.atproto.access"
"""The scope of a session made with the account's own password: https://atproto.com/specs/xrpc#authentication"""
TRIED: tuple[tuple[str, str, Json, Text], ...] = (
    ("words", "app.bsky.feed.searchPosts", {"q": "bluesky"}, text("Public posts can be searched.")),
    ("messages", "chat.bsky.convo.listConvos", {}, text("Private messages can be read and answered.")),
)
"""By option, what we try, and the words if it works."""


async def check(server: Server, account: Account) -> Health:
    """Log in, and report what works and what keeps posts from us."""
    try:
        did = await server.me()
        profile = await server.get("app.bsky.actor.getProfile", actor=did)
    except Unauthorized as verdict:
        return Health(problems=(verdict.text,))
    me = author_of({**profile, "did": did})
    identity = Identity(me.external_id, me.handle.lstrip("@"), str(profile.get("displayName") or ""), me.url)
    working = [
        text("We are logged in as @{acct}.", acct=identity.handle or did),
        text("{host} takes posts of {count} characters.", host=server.host, count=writing.IN_POST[0]),
    ]
    warnings, problems = [], await _kept_from_us(server)
    if _scope((await server.session()).access) == FULL_ACCESS:
        warnings.append(
            text(
                "This is the password of the account itself. Make an app password, which can do less and be withdrawn."
            )
        )
    for option, method, asked, done in TRIED:
        if account.options.get(option):
            try:
                await server.get(method, chat=method.startswith("chat."), limit=1, **asked)
            except Rejected as verdict:
                problems.append(verdict.text)
            except Unavailable as verdict:
                warnings.append(verdict.text)
            else:
                working.append(done)
    return Health(tuple(working), tuple(warnings), tuple(problems), identity)


async def _kept_from_us(server: Server) -> list[Text]:
    """Return which posts of others do not reach us because of the account's own settings."""
    try:
        answer = await server.get("app.bsky.notification.getPreferences")
    except (Rejected, Unavailable):
        return []
    chosen: Json = {kind: within(answer, "preferences", kind) for kind in CONCERNING}
    if all(within(each, "include") != "follows" and within(each, "list") is not False for each in chosen.values()):
        return []
    return [
        text(
            "The account leaves out notifications of people it does not follow. In the Bluesky app, under Settings, "
            "Notifications, let mentions, replies and quotes come in from everyone, in the app."
        )
    ]


def _scope(token: str) -> str:
    """Return the scope in an access token; "" when we cannot read the token (RFC 7519)."""
    try:
        middle = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["scope"])
    except (IndexError, *UNREADABLE):
        return ""
