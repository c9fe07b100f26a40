"""Signing in on each platform: what its page is asked, and what the code that comes back is changed for."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from bot import connectors
from bot.connectors.base import Account, Rejected, Verdict
from bot.connectors.http import Client
from bot.connectors.platform import App, Capability, Code, Offer, OptionKind, Platform, SignIn, challenge
from tests.fakes import graph, threads
from tests.fakes.consents import Consents
from tests.fakes.facebook import PAGE, FakeFacebook
from tests.fakes.instagram import HANDLE, ME, FakeInstagram
from tests.fakes.mastodon import TEAM, FakeMastodon
from tests.fakes.threads import FakeThreads
from tests.fakes.tools import tools

REDIRECT = "https://webcare.example.nl/connect/x/callback"
OURS = {"id": PAGE, "name": "Gemeente Voorbeeld", "access_token": graph.TOKEN}
APP = {"app_id": graph.APP_ID}
APP_SECRET = {"app_secret": graph.APP_SECRET}


def flow_of(name: str) -> SignIn:
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


@pytest.fixture
async def facebook() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as server:
        server.pages = [OURS]
        yield server


@pytest.mark.parametrize("platform", connectors.registry().platforms.values(), ids=lambda each: each.name)
def test_a_platform_on_which_people_sign_in_says_what_that_brings(platform: Platform) -> None:
    flow = platform.sign_in
    if flow is None:
        return
    names = {option.name: option for option in platform.options}
    assert flow.brings <= set(names)
    assert any(names[name].kind is OptionKind.TOKEN for name in flow.brings), "else nothing is won by it"
    assert not {option.name for option in flow.options} & set(names)
    assert platform.can(Capability.POLLS) or platform.can(Capability.PUSHES)


def test_the_challenge_is_that_of_the_standard() -> None:
    """https://www.rfc-editor.org/rfc/rfc7636#appendix-B"""
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_secrets_of_a_sign_in_are_not_shown() -> None:
    app = App("id", "S3CRET")
    for each in (app, Code("S3CRET", app, REDIRECT, "S3CRET"), Offer("1", "x", secrets={"token": "S3CRET"})):
        assert "S3CRET" not in repr(each)


# --- Mastodon ----------------------------------------------------------------------------------------


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


# --- Facebook and Instagram ----------------------------------------------------------------------------


def at_facebook(server: FakeFacebook | FakeInstagram, name: str = "facebook", **options: Any) -> Account:
    return Account(0, name, "", server.url, secrets=APP_SECRET, options={**APP, **options})


async def test_one_sign_in_at_facebook_brings_all_pages_with_their_tokens(
    facebook: FakeFacebook, client: Client
) -> None:
    facebook.pages += [{"id": str(n), "name": f"Wijk {n}", "access_token": f"token-{n}"} for n in range(250)]
    offers = await signed_in(at_facebook(facebook), client, facebook.consents)
    assert len(offers) == 251
    assert offers[0] == Offer(PAGE, "Gemeente Voorbeeld", {"page_id": PAGE}, {"token": graph.TOKEN})
    assert offers[250].secrets == {"token": "token-249"}


async def test_facebook_is_asked_for_messenger_and_photos_only_when_they_are_wanted(
    facebook: FakeFacebook, client: Client
) -> None:
    await signed_in(at_facebook(facebook), client, facebook.consents)
    await signed_in(at_facebook(facebook, messages=True), client, facebook.consents)
    await signed_in(at_facebook(facebook, images=True), client, facebook.consents)
    await signed_in(at_facebook(facebook, config_id="77"), client, facebook.consents)
    *asked, by_config = facebook.consents.asked
    without, with_messages, with_images = (set(each.split(",")) for each in asked)
    assert with_messages - without == {"pages_messaging"}
    assert with_images - without == {"pages_manage_posts"}
    assert by_config == "config 77"


async def test_a_page_without_a_token_is_not_offered(facebook: FakeFacebook, client: Client) -> None:
    facebook.pages = [{"id": "5", "name": "Alleen kijken"}]
    assert await signed_in(at_facebook(facebook), client, facebook.consents) == []


async def test_a_code_is_taken_once_and_its_refusal_holds_no_secret(facebook: FakeFacebook, client: Client) -> None:
    account, flow = at_facebook(facebook), flow_of("facebook")
    app = await flow.app(account, REDIRECT, tools(client))
    back = dict(
        parse_qsl(
            urlsplit(facebook.consents.agree(flow.address(account, app, REDIRECT, state="s" * 40, verifier="v"))).query
        )
    )
    code = Code(back["code"], app, REDIRECT, "v")
    await flow.offers(account, code, tools(client))
    with pytest.raises(Rejected, match="has been used") as refused:
        await flow.offers(account, code, tools(client))
    assert graph.APP_SECRET not in str(refused.value.text)


async def test_the_page_of_facebook_is_its_own_and_not_the_servers() -> None:
    flow = flow_of("facebook")
    account = Account(0, "facebook", "", "", secrets=APP_SECRET, options=APP)
    address = flow.address(account, App("1", "2"), REDIRECT, state="s", verifier="v")
    assert address.startswith("https://www.facebook.com/v26.0/dialog/oauth?")
    assert "code_challenge" not in address


async def test_the_instagram_accounts_of_pages_are_offered(client: Client) -> None:
    async with FakeInstagram() as server:
        server.pages = [
            {**OURS, "instagram_business_account": {"id": ME, "username": HANDLE}},
            {"id": "2", "name": "Zonder Instagram", "access_token": "x"},
        ]
        offers = await signed_in(at_facebook(server, "instagram"), client, server.consents)
        assert offers == [Offer(ME, HANDLE, {"instagram_id": ME}, {"token": graph.TOKEN})]


# --- Threads -------------------------------------------------------------------------------------------


async def test_threads_gives_a_token_for_sixty_days(client: Client) -> None:
    async with FakeThreads() as server:
        account = Account(
            0, "threads", "", server.url,
            secrets={"client_secret": threads.APP_SECRET}, options={"client_id": threads.APP_ID},
        )  # fmt: skip
        [offer] = await signed_in(account, client, server.consents)
        assert (offer.id, offer.name) == (threads.USER, threads.US)
        assert server.consents.asked == [",".join(sorted(threads.SCOPES.split(), key=_in_order))]
        with_token = tools(client, offer.secrets)
        health = await connectors.connect(replace(account, secrets=offer.secrets), with_token).check()
        assert health.problems == ()


def _in_order(scope: str) -> tuple[bool, str]:
    return scope == "threads_delete", scope
