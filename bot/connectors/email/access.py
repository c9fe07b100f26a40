"""The access tokens of a mailbox that takes no password: we request each, and a new one before it expires.

With a refresh token if there is one (https://www.rfc-editor.org/rfc/rfc6749#section-6), else as the app itself
(https://www.rfc-editor.org/rfc/rfc6749#section-4.4). A new token is stored before it is used, for all processes; so is
a new refresh token, since the previous one may no longer work.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from bot.connectors import http, own_secrets
from bot.connectors.base import Account, Unauthorized
from bot.connectors.json_api import Json, JsonApi, before_sending, time_of
from bot.connectors.platform import Tools

SPARE = timedelta(minutes=5)
"""A token that expires this soon is no longer used: reading a mailbox may take a while."""
OTHERS_STORE_WITHIN = (0.0, 0.2, 0.8, 4.0)
"""Seconds between checks whether another has stored its token: the disk may stand still, and a refusal stops us."""
UNTOLD = 3600
"""Seconds that a token is valid when the server does not say how long."""
REFUSED = frozenset({"access_denied", "invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client"})
"""https://www.rfc-editor.org/rfc/rfc6749#section-5.2"""


@dataclass(frozen=True)
class Access:
    """A token, until when it is valid, and the newest refresh token. `of` says for which settings."""

    token: str
    ends_at: str
    refresh: str
    of: str

    def holds(self, now: datetime) -> bool:
        """Tell whether it may still be used."""
        return time_of(self.ends_at) - now > SPARE


class AccessTokens(JsonApi):
    """The server that issues the tokens of one account; each method may raise a verdict, after which nothing was sent.

    Options: `token_url`, `client_id`, `scope`. Secrets: `client_secret`, `refresh_token`, and our own `access`.
    """

    def __init__(self, account: Account, tools: Tools) -> None:
        super().__init__(tools.http, str(account.options.get("token_url", "")), {})
        self._options, self._secrets, self._now = account.options, tools.secrets, tools.now

    def reason_of(self, response: httpx.Response) -> str:
        """Return why we get no token: only the first line, since Microsoft adds internal details."""
        error = self._error(response)
        reason = str(error.get("error_description") or error.get("error") or "")
        return reason.partition(" Trace ID:")[0].partition("\n")[0].strip()

    def is_our_token(self, response: httpx.Response) -> bool:
        """Tell whether our credentials for a token are no longer accepted."""
        return self._error(response).get("error") in REFUSED or response.status_code == 401

    async def current(self, refused: str = "") -> str:
        """Return a token that is valid for at least some minutes, and is not the one that a mail server `refused`."""
        secrets = await self._secrets.read()
        of = self._of(secrets)
        known = own_secrets.read(Access, secrets.get("access", ""), of)
        if known is not None and known.token != refused and known.holds(self._now()):
            return known.token
        asked = self._asked(secrets, known)
        with before_sending():
            try:
                made = await self.call("POST", "", data=asked)
                token, body = self.token(made), self.object(made)
            except Unauthorized:
                newer = await self._of_another(known, of) if "refresh_token" in asked else None
                if newer is None or newer.token == refused:
                    raise
                return newer.token
        return await self._keep(token, body, known, of)

    async def _of_another(self, known: Access | None, of: str) -> Access | None:
        """Return the token that another process got meanwhile: a refresh token may work only once, for one of us."""
        for pause in OTHERS_STORE_WITHIN:
            await asyncio.sleep(pause)
            newer = own_secrets.read(Access, (await self._secrets.read()).get("access", ""), of)
            if newer is not None and newer != known:
                return newer
        return None

    def _asked(self, secrets: Mapping[str, str], known: Access | None) -> Json:
        refresh = (known.refresh if known else "") or secrets.get("refresh_token", "")
        asked = {
            "grant_type": "refresh_token" if refresh else "client_credentials",
            "client_id": self._options.get("client_id"),
            "client_secret": secrets.get("client_secret"),
            "refresh_token": refresh,
            "scope": self._options.get("scope"),
        }
        return {name: value for name, value in asked.items() if value}

    async def _keep(self, token: str, body: Json, known: Access | None, of: str) -> str:
        """Store a token, and return it."""
        seconds, refresh = body.get("expires_in"), body.get("refresh_token")
        lasts = int(seconds) if isinstance(seconds, int | str) and str(seconds).isdecimal() else UNTOLD
        ends_at = self._now() + timedelta(seconds=min(lasts, 10**8))
        newest = refresh if isinstance(refresh, str) else known.refresh if known else ""
        access = Access(token, ends_at.isoformat(), newest, of)
        await own_secrets.keep(self._secrets, "access", access, self._of)
        return token

    def _of(self, secrets: Mapping[str, str]) -> str:
        given = [self._options.get(name) for name in ("token_url", "client_id", "scope")]
        given += [secrets.get(name) for name in ("client_secret", "refresh_token")]
        return own_secrets.fingerprint(json.dumps(given))

    def _error(self, response: httpx.Response) -> Json:
        return http.object_in(response) if response.status_code >= 400 else {}
