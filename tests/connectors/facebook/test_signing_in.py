"""Signing in on Facebook: what its page is asked, and the pages that this brings with their tokens."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.connectors.base import Account, Rejected
from bot.connectors.http import Client
from bot.connectors.platform import App, Code, Offer
from tests.connectors.facebook.fake import PAGE, FakeFacebook
from tests.connectors.meta import graph
from tests.connectors.signing_in import REDIRECT, flow_of, signed_in
from tests.fakes.tools import tools

OURS = {"id": PAGE, "name": "Gemeente Voorbeeld", "access_token": graph.TOKEN}
APP = {"app_id": graph.APP_ID}
APP_SECRET = {"app_secret": graph.APP_SECRET}


@pytest.fixture
async def facebook() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as server:
        server.pages = [OURS]
        yield server


def at_facebook(server: FakeFacebook, **options: Any) -> Account:
    return Account(0, "facebook", "", server.url, secrets=APP_SECRET, options={**APP, **options})


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
