"""What is needed to sign in on any platform as a person who agrees."""

from urllib.parse import parse_qsl, urlsplit

from bot import connectors
from bot.connectors.base import Account
from bot.connectors.http import Client
from bot.connectors.platform import Code, Offer, SignIn
from tests.fakes.consents import Consents
from tests.fakes.tools import tools

REDIRECT = "https://webcare.example.nl/connect/x/callback"


def flow_of(name: str) -> SignIn:
    """Return how a platform lets people sign in."""
    flow = connectors.registry().platforms[name].sign_in
    assert flow is not None
    return flow


async def signed_in(account: Account, client: Client, consents: Consents) -> list[Offer]:
    """Sign in as a person who agrees, and return what that lets us into."""
    flow, with_tools = flow_of(account.platform), tools(client)
    app = await flow.app(account, REDIRECT, with_tools)
    address = flow.address(account, app, REDIRECT, state="s" * 40, verifier="v" * 64)
    back = dict(parse_qsl(urlsplit(consents.agree(address)).query))
    assert back["state"] == "s" * 40
    return list(await flow.offers(account, Code(back["code"], app, REDIRECT, "v" * 64), with_tools))
