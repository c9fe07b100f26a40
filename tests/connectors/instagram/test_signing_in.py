"""Signing in on Facebook for Instagram: the accounts of the pages are offered."""

from bot.connectors.base import Account
from bot.connectors.http import Client
from bot.connectors.platform import Offer
from tests.connectors.instagram.fake import HANDLE, ME, FakeInstagram
from tests.connectors.meta import graph
from tests.connectors.signing_in import signed_in


async def test_the_instagram_accounts_of_pages_are_offered(client: Client) -> None:
    async with FakeInstagram() as server:
        server.pages = [
            {
                "id": "1",
                "name": "Gemeente Voorbeeld",
                "access_token": graph.TOKEN,
                "instagram_business_account": {"id": ME, "username": HANDLE},
            },
            {"id": "2", "name": "Zonder Instagram", "access_token": "x"},
        ]
        account = Account(
            0, "instagram", "", server.url,
            secrets={"app_secret": graph.APP_SECRET}, options={"app_id": graph.APP_ID},
        )  # fmt: skip
        offers = await signed_in(account, client, server.consents)
        assert offers == [Offer(ME, HANDLE, {"instagram_id": ME}, {"token": graph.TOKEN})]
