"""Signing in on Threads: what its page is asked, and the token that this brings."""

from dataclasses import replace

from bot import connectors
from bot.connectors.base import Account
from bot.connectors.http import Client
from tests.connectors.signing_in import signed_in
from tests.connectors.threads import fake as threads
from tests.connectors.threads.fake import FakeThreads
from tests.fakes.tools import tools


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
