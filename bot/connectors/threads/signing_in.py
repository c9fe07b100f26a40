"""Sign in at Threads, which gives a token for an hour that we exchange for one of 60 days.

https://developers.facebook.com/docs/threads/get-started/get-access-tokens-and-permissions
https://developers.facebook.com/docs/threads/get-started/long-lived-tokens
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.connectors.base import Account
from bot.connectors.json_api import JsonApi
from bot.connectors.platform import App, Code, Offer, Option, OptionKind, SignIn, Tools
from bot.connectors.threads.checking import NEEDED, TO_REMOVE
from bot.connectors.threads.server import SERVER, Server

DIALOG = "https://threads.net"
CLIENT_ID = Option("client_id", "Threads app id", help="Id of the app at Threads; only for signing in.")
CLIENT_SECRET = Option(
    "client_secret",
    "Threads app secret",
    OptionKind.TOKEN,
    help="It is in your app at developers.facebook.com under Use cases, Access the Threads API, Settings.",
    secret=True,
)


async def _app(account: Account, redirect: str, tools: Tools) -> App:
    return App(str(account.options.get("client_id", "")), account.secrets.get("client_secret", ""))


async def _offers(account: Account, code: Code, tools: Tools) -> Sequence[Offer]:
    login = Server(account, tools)
    asked = {
        "client_id": code.app.id,
        "client_secret": code.app.secret,
        "grant_type": "authorization_code",
        "redirect_uri": code.redirect,
        "code": code.code,
    }
    short = login.token(await JsonApi.call(login, "POST", "/oauth/access_token", data=asked))
    longer = {"grant_type": "th_exchange_token", "client_secret": code.app.secret, "access_token": short}
    token = login.token(await JsonApi.call(login, "GET", "/access_token", params=longer))
    me = await Server(replace(account, secrets={"token": token}), tools).me()
    return [Offer(me.id, me.username, secrets={"token": token})]


SIGN_IN = SignIn(
    brings=frozenset({"token"}),
    page=lambda account: f"{DIALOG if account.url in {'', SERVER} else account.url}/oauth/authorize",
    asks=lambda account: {"scope": ",".join((*NEEDED, TO_REMOVE))},
    app=_app,
    offers=_offers,
    options=(CLIENT_ID, CLIENT_SECRET),
    pkce=False,
)
