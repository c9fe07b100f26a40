"""Signing in at Facebook: one sign-in may bring many pages, and the Instagram accounts that are linked to them.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
https://developers.facebook.com/docs/graph-api/reference/user/accounts/
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from bot.connectors.base import Account
from bot.connectors.json_api import Json, JsonApi
from bot.connectors.meta.graph import SERVER, Graph, after, error_of, listed, version_of, words
from bot.connectors.platform import App, Code, Option, Tools

DIALOG = "https://www.facebook.com"
PAGES = 20
"""How many answers with pages we read, 100 in each."""
CONFIG = Option(
    "config_id", help="Id of the configuration of Facebook Login for Business, if your app signs in by that."
)


class Login(Graph):
    """The requests of a sign-in; each may raise a verdict."""

    async def token(self, **asked: str) -> str:
        """Return the token that Facebook gives for a code or for another token."""
        answer = self.object(await JsonApi.call(self, "GET", f"/{self.version}/oauth/access_token", params=asked))
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise self.unreadable()
        return token

    def reason_of(self, response: httpx.Response) -> str:
        """Return why Facebook refuses, without what we sent: it may quote the code."""
        return str(error_of(response).get("message") or "")


async def app_of(account: Account, redirect: str, tools: Tools) -> App:
    """Return the app that the team made at Meta."""
    return App(str(account.options.get("app_id", "")), account.secrets.get("app_secret", ""))


def page_of(account: Account) -> str:
    """Return the address at which somebody signs in."""
    at = DIALOG if account.url in {"", SERVER} else account.url
    return f"{at}/{version_of(account)}/dialog/oauth"


def asks(account: Account, rights: Sequence[str]) -> Mapping[str, str]:
    """Return what Facebook asks the person to allow."""
    config = str(account.options.get("config_id", ""))
    return {"config_id": config} if config else {"scope": ",".join(rights)}


async def pages(account: Account, code: Code, tools: Tools, fields: str) -> Sequence[Json]:
    """Return the pages that the person let us into, each with its token, which does not end by itself.

    That is so because it comes from a long-lived token of the person.
    """
    login, app = Login(account, tools), {"client_id": code.app.id, "client_secret": code.app.secret}
    short = await login.token(**app, redirect_uri=code.redirect, code=code.code)
    long = await login.token(**app, grant_type="fb_exchange_token", fb_exchange_token=short)
    person = Graph(replace(account, secrets={**account.secrets, "token": long}), tools)
    found = list[Json]()
    params: dict[str, Any] = {"fields": f"{fields},access_token", "limit": 100}
    for _ in range(PAGES):
        answer = await person.get("me/accounts", **params)
        found += listed(answer)
        if not (cursor := after(answer)):
            break
        params["after"] = cursor
    return [each for each in found if isinstance(each.get("access_token"), str)]


def name_of(page: Json) -> str:
    """Return a page's name for people; its id when it has none."""
    return words(page.get("name")) or words(page.get("id"))
