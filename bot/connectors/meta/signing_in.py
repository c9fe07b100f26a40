"""Sign in at Facebook: one sign-in may give many pages, and the Instagram accounts that are linked to them.

https://developers.facebook.com/docs/facebook-login/guides/advanced/manual-flow
https://developers.facebook.com/docs/facebook-login/guides/access-tokens/get-long-lived
https://developers.facebook.com/docs/graph-api/reference/user/accounts/
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from bot.connectors.base import Account
from bot.connectors.json_api import Json, JsonApi
from bot.connectors.meta.graph import SERVER, Graph, after, error_of, listed, version_of, words
from bot.connectors.platform import App, Code, Offer, Option, SignIn, Tools

DIALOG = "https://www.facebook.com"
SHOWN = "pages_show_list"
"""The right to list somebody's pages: https://developers.facebook.com/docs/permissions"""
PAGES = 20
"""How many answers with pages we read, with 100 pages in each."""
CONFIG = Option(
    "config_id", help="Id of the configuration of Facebook Login for Business, if your app signs in by that."
)


class Login(Graph):
    """The requests of a sign-in; each may raise a verdict."""

    async def changed(self, **asked: str) -> str:
        """Return the token that Facebook gives for a code or another token."""
        return self.token(await JsonApi.call(self, "GET", f"/{self.version}/oauth/access_token", params=asked))

    def reason_of(self, response: httpx.Response) -> str:
        """Return why Facebook refuses, without what we sent: it may quote the code."""
        return str(error_of(response).get("message") or "")


def sign_in(
    brings: str,
    rights: Callable[[Account], Sequence[str]],
    offers: Callable[[Account, Code, Tools], Awaitable[Sequence[Offer]]],
) -> SignIn:
    """Return the sign-in at Facebook that provides the option `brings` and a token, and asks for these rights."""
    return SignIn(
        brings=frozenset({brings, "token"}),
        page=_page,
        asks=lambda account: _asks(account, (SHOWN, *rights(account))),
        app=_app,
        offers=offers,
        options=(CONFIG,),
        pkce=False,
    )


async def _app(account: Account, redirect: str, tools: Tools) -> App:
    """Return the app that the team created at Meta."""
    return App(str(account.options.get("app_id", "")), account.secrets.get("app_secret", ""))


def _page(account: Account) -> str:
    at = DIALOG if account.url in {"", SERVER} else account.url
    return f"{at}/{version_of(account)}/dialog/oauth"


def _asks(account: Account, rights: Sequence[str]) -> Mapping[str, str]:
    config = str(account.options.get("config_id", ""))
    return {"config_id": config} if config else {"scope": ",".join(rights)}


async def pages(account: Account, code: Code, tools: Tools, fields: str) -> Sequence[Json]:
    """Return the pages that the person gave us access to, each with its token, which does not expire.

    It does not expire because it comes from a long-lived token of the person.
    """
    login, app = Login(account, tools), {"client_id": code.app.id, "client_secret": code.app.secret}
    short = await login.changed(**app, redirect_uri=code.redirect, code=code.code)
    long = await login.changed(**app, grant_type="fb_exchange_token", fb_exchange_token=short)
    person = Graph(replace(account, secrets={**account.secrets, "token": long}), tools)
    listed_pages = list[Json]()
    params: dict[str, Any] = {"fields": f"{fields},access_token", "limit": 100}
    for _ in range(PAGES):
        answer = await person.get("me/accounts", **params)
        listed_pages += listed(answer)
        if not (cursor := after(answer)):
            break
        params["after"] = cursor
    return [each for each in listed_pages if isinstance(each.get("access_token"), str)]


def name_of(page: Json) -> str:
    """Return a page's name for people; its id when it has none."""
    return words(page.get("name")) or words(page.get("id"))
