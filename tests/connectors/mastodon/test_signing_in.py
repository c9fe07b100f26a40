"""Signing in on Mastodon: an app is registered there, and a code that comes back is changed for a token."""

import base64
import hashlib
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import connectors
from bot.connectors.base import Account, Verdict
from bot.connectors.http import Client
from bot.connectors.platform import App, Code
from tests.connectors.mastodon.fake import TEAM, FakeMastodon
from tests.connectors.signing_in import REDIRECT, flow_of
from tests.fakes.tools import tools


async def test_mastodon_registers_an_app_and_gives_the_token_of_who_signed_in(
    mastodon: FakeMastodon, client: Client
) -> None:
    account = Account(0, "mastodon", "", mastodon.base_url)
    flow = flow_of("mastodon")
    app = await flow.app(account, REDIRECT, tools(client))
    address = flow.address(account, app, REDIRECT, state="of this time", verifier="v" * 64)
    asked = parse_qs(urlsplit(address).query)
    assert address.startswith(f"{mastodon.base_url}/oauth/authorize?")
    assert asked["code_challenge_method"] == ["S256"]
    digest = hashlib.sha256(b"v" * 64).digest()
    assert asked["code_challenge"] == [base64.urlsafe_b64encode(digest).decode().rstrip("=")]
    back = parse_qs(urlsplit(mastodon.agree(address)).query)
    assert back["state"] == ["of this time"]
    [code] = back["code"]
    offers = await flow.offers(account, Code(code, app, REDIRECT, "v" * 64), tools(client))
    assert [offer.name for offer in offers] == [f"@{TEAM}@127.0.0.1"]
    health = await connectors.connect(replace(account, secrets=offers[0].secrets), tools(client)).check()
    assert health.problems == ()
    assert health.identity is not None
    assert health.identity.id == offers[0].id


async def test_mastodon_refuses_a_code_that_is_none(mastodon: FakeMastodon, client: Client) -> None:
    account = Account(0, "mastodon", "", mastodon.base_url)
    with pytest.raises(Verdict):
        await flow_of("mastodon").offers(account, Code("none", App("a", "b"), REDIRECT, "v"), tools(client))
