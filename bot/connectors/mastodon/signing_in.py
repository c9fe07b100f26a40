"""Sign in on a Mastodon server, with an app that the bot registers there.

https://docs.joinmastodon.org/methods/apps/ and https://docs.joinmastodon.org/methods/oauth/
"""

from collections.abc import Sequence

from bot.connectors.base import Account
from bot.connectors.json_api import JsonApi
from bot.connectors.platform import App, Code, Offer, SignIn, Tools

SCOPES = "read:accounts read:notifications read:search read:statuses write:favourites write:media write:statuses"
"""The scopes that the bot needs at least: https://docs.joinmastodon.org/api/oauth-scopes/"""
CALLED = "webcare"
"""The name of the app; citizens see it with some posts."""


async def _app(account: Account, redirect: str, tools: Tools) -> App:
    """Register an app at this server; each sign-in has its own, because servers delete unused ones."""
    server = JsonApi(tools.http, account.url, {})
    asked = {"client_name": CALLED, "redirect_uris": redirect, "scopes": SCOPES}
    made = server.object(await server.call("POST", "/api/v1/apps", data=asked))
    if not isinstance(made.get("client_id"), str) or not isinstance(made.get("client_secret"), str):
        raise server.unreadable()
    return App(made["client_id"], made["client_secret"])


async def _offers(account: Account, code: Code, tools: Tools) -> Sequence[Offer]:
    """Exchange the code for a token, and ask whose it is."""
    server = JsonApi(tools.http, account.url, {})
    asked = {
        "grant_type": "authorization_code",
        "code": code.code,
        "client_id": code.app.id,
        "client_secret": code.app.secret,
        "redirect_uri": code.redirect,
        "code_verifier": code.verifier,
        "scope": SCOPES,
    }
    token = server.token(await server.call("POST", "/oauth/token", data=asked))
    with_token = {"Authorization": f"Bearer {token}"}
    me = server.object(await server.call("GET", "/api/v1/accounts/verify_credentials", headers=with_token))
    ident, handle = str(me.get("id") or ""), str(me.get("username") or "")
    return [Offer(ident, f"@{handle}@{server.host}", secrets={"token": token})] if ident else []


SIGN_IN = SignIn(
    brings=frozenset({"token"}),
    page=lambda account: f"{account.url}/oauth/authorize",
    asks=lambda account: {"scope": SCOPES},
    app=_app,
    offers=_offers,
)
