"""Requests to the API of Threads for one account, and the token, which must be renewed before it expires.

https://developers.facebook.com/docs/threads/overview
https://developers.facebook.com/docs/threads/get-started/long-lived-tokens

A token is valid for 60 days; one that is a day old can be exchanged for a new one with 60 days again. The new one is
stored before it is used. We exchange it when half of its time is over, so that failures leave time to try again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import httpx

from bot.connectors import own_secrets
from bot.connectors.base import Account, RateLimited
from bot.connectors.json_api import Json, JsonApi, within
from bot.connectors.meta.graph import Graph, NotThere, error_of, listed
from bot.connectors.meta.hooks import UNREADABLE, moment_of
from bot.connectors.platform import Tools

SERVER, VERSION = "https://graph.threads.net", "v1.0"
TOKEN = re.compile(r"[!-~]+")
NOT_FOUND = 24
"""The code that only Threads has, for an object that is not there, or not yet."""
RENEWED_BEFORE = timedelta(days=30)
"""How long before its expiry a token is exchanged for a new one."""
FULL_FOR = timedelta(hours=1)
"""When we try again after the daily quota is used up; Threads does not say when there is room."""


@dataclass(frozen=True)
class Me:
    """Our account. Threads names people by user name; an id is known only for our own account."""

    id: str
    username: str
    name: str


@dataclass(frozen=True)
class Token:
    """A token that we got for an older one. `of` identifies the original token that a person gave us."""

    token: str
    ends_at: str
    of: str

    @classmethod
    def stored(cls, secrets: Mapping[str, str]) -> Self:
        """Return the current token: the one in our own secret, unless a person gave a new one since."""
        given = secrets.get("token", "")
        of = own_secrets.fingerprint(given)
        return own_secrets.read(cls, secrets.get("renewed", ""), of) or cls(given, "", of)

    @property
    def end(self) -> datetime | None:
        """When it expires, if we know."""
        return moment_of(self.ends_at or None)


class Server(Graph):
    """The requests of one account; each may raise a verdict. Secrets: `token`, and our own `renewed`."""

    at, newest = SERVER, VERSION

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(account, tools)
        self._secrets = tools.secrets
        self._use(Token.stored(account.secrets))
        self._me: Me | None = None

    # --- requests --------------------------------------------------------------------------------

    async def call(self, method: str, path: str, *, token: str = "", **kwargs: Any) -> httpx.Response:
        """Send one request and return the answer; if the token is refused and there is a newer one, try that."""
        response = await super().call(method, path, token=token, **kwargs)
        if response.status_code >= 400 and self.is_our_token(response) and await self._has_newer():
            response = await super().call(method, path, token=token, **kwargs)
        return response

    async def post(self, path: str, body: Json) -> Json:
        """Send a command; Threads takes it as a form."""
        return self.object(await self.call("POST", path, data=body))

    def judge(self, response: httpx.Response) -> None:
        """Raise the verdict on an answer."""
        if error_of(response).get("code") == NOT_FOUND:
            raise NotThere(self.host)
        super().judge(response)

    async def me(self) -> Me:
        """Return who we are."""
        if self._me is None:
            payload = await self.get("me", fields="id,username,name")
            ident, username = payload.get("id"), payload.get("username")
            if not isinstance(ident, str) or not isinstance(username, str):
                raise self.unreadable()
            self._me = Me(ident, username, str(payload.get("name") or ""))
        return self._me

    async def quota(self, kind: str) -> tuple[int, int] | None:
        """Return how many of this kind ("reply", "delete") we did in a day, and how many are allowed; None if unknown.

        https://developers.facebook.com/docs/threads/troubleshooting
        """
        fields = f"{kind}_quota_usage,{kind}_config"
        limits = listed(await self.get("me/threads_publishing_limit", fields=fields))
        used = within(limits[0], f"{kind}_quota_usage") if limits else None
        total = within(limits[0], f"{kind}_config", "quota_total") if limits else None
        return (used, total) if isinstance(used, int) and isinstance(total, int) else None

    async def refuse_over_quota(self, kind: str) -> None:
        """Raise RateLimited when the daily quota is used up."""
        known = await self.quota(kind)
        if known is not None and known[0] >= known[1]:
            raise RateLimited(self.now() + FULL_FOR)

    # --- the token -------------------------------------------------------------------------------

    @property
    def token_end(self) -> datetime | None:
        """When our token expires, if we know."""
        return self._current.end

    async def keep_token(self, given_end: datetime | None = None) -> None:
        """Exchange the token for a new one when half its time is over, or its expiry is unknown.

        `given_end` is the expiry of a token that a person gave us. Raises a verdict when Threads does not exchange it;
        it is still valid then.
        """
        stored = self._use(Token.stored(await self._secrets.read()))
        end = stored.end or given_end
        if end is not None and end - self.now() > RENEWED_BEFORE:
            return
        asked = {"grant_type": "th_refresh_token", "access_token": stored.token}
        response = await JsonApi.call(self, "GET", "/refresh_access_token", params=asked)
        if response.status_code >= 400 and await self._has_newer():  # another process exchanged it
            return
        await self._keep(self.object(response), stored.of)

    async def about_token(self) -> Json:
        """Return what Threads knows about our token; it says so only to people with a role in the app.

        https://developers.facebook.com/docs/threads/troubleshooting/debug-access-token
        """
        answer = await self.get("debug_token", input_token=self._token)
        return answer["data"] if isinstance(answer.get("data"), dict) else {}

    async def _keep(self, made: Json, of: str) -> None:
        """Store a new token before it is used."""
        try:
            ends_at = self.now() + timedelta(seconds=int(made["expires_in"]))
            if not TOKEN.fullmatch(made["access_token"]):
                raise self.unreadable()
        except UNREADABLE as error:
            raise self.unreadable() from error
        token = Token(made["access_token"], ends_at.isoformat(), of)
        await own_secrets.keep(self._secrets, "renewed", token, lambda stored: Token.stored(stored).of)
        self._use(Token.stored(await self._secrets.read()))

    async def _has_newer(self) -> bool:
        """Switch to the stored token if it is another one; return whether it is."""
        before = self._token
        return self._use(Token.stored(await self._secrets.read())).token != before

    def _use(self, token: Token) -> Token:
        self._current, self._token = token, token.token
        return token
