"""Try an account on Mastodon: its token and scopes, the server's limits, and whether posts of strangers reach us."""

from dataclasses import replace
from urllib.parse import quote

import httpx

from bot.connectors.base import Health, Identity, Rejected
from bot.connectors.json_api import Json, web
from bot.connectors.mastodon.server import MastodonServer, limits_of, reason_of
from bot.domain.text import Text, text

PROBES = (
    ("GET", "/api/v1/notifications?limit=1", "read:notifications"),
    ("GET", "/api/v1/statuses/0", "read:statuses"),
    ("PUT", "/api/v1/statuses/0", "write:statuses"),  # post 0 does not exist, so this only tests the scope
)
DROPPABLE = ("for_not_following", "for_not_followers", "for_new_accounts", "for_private_mentions")
"""https://docs.joinmastodon.org/entities/NotificationPolicy/"""


class Checking(MastodonServer):
    """The requests that check whether everything works."""

    async def check(self) -> Health:
        """Test the token and its scopes, read the server's limits, and check that posts of strangers reach us."""
        if not self._token and not self._account.options.get("hashtags"):
            return Health(problems=(text("Without an access token only hashtags can be read; name one or more."),))
        instance = await self._instance()
        limits: Json = {**limits_of(instance), "version": str(instance.get("version", ""))}
        working = self._described(instance, limits) if instance else []
        self._account = replace(self._account, limits={**self._account.limits, **limits})  # valid from now on
        if self._read_only:
            return await self._check_reading(working, limits)
        response = await self.call("GET", "/api/v1/accounts/verify_credentials")
        if response.status_code in {401, 403}:
            return Health(tuple(working), problems=(self._token_problem(response),), limits=limits)
        me = _identity(self._identified(response))
        working.append(text("We are logged in as @{acct}.", acct=me.handle))
        problems = (*await self._missing_scopes(), *await self._dropped())
        return Health(tuple(working), problems=problems, identity=me, limits=limits)

    def _described(self, instance: Json, limits: Json) -> list[Text]:
        title, version, count = str(instance.get("title", "")), limits["version"], limits["max_characters"]
        return [
            text("{host} takes posts of {count} characters.", host=self.host, count=count),
            text("It is “{title}”, version {version}.", title=title, version=version),
        ]

    async def _check_reading(self, working: list[Text], limits: Json) -> Health:
        tag = next(iter(self._account.options.get("hashtags", ())), "mastodon")
        try:
            await self._list(f"/api/v1/timelines/tag/{quote(tag, safe='')}", {"limit": 1})
        except Rejected as verdict:
            return Health(tuple(working), problems=(verdict.text,), limits=limits)
        working.append(text("Public hashtags can be read; nothing can be answered."))
        return Health(tuple(working), limits=limits, answers=False)

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
        """Return warnings about posts that the account's settings drop; we do read posts that they only filter."""
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


def _identity(me: Json) -> Identity:
    """Return who we are, from https://docs.joinmastodon.org/entities/Account/"""
    name, url = me.get("display_name"), me.get("url")
    return Identity(str(me["id"]), str(me.get("acct", "")), name if isinstance(name, str) else "", web(url))
