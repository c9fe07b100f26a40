"""A mailbox that takes access tokens: we get them ourselves, in time, and a real mail server takes them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.accounts import DraftSecrets
from bot.connectors.base import Account, Draft, RateLimited, Unauthorized, Unavailable
from bot.connectors.email import Email
from bot.connectors.platform import Tools
from bot.domain.mention import Author, Post
from tests.connectors.email.mail_server import MailboxThere, MailServer
from tests.connectors.email.token_server import CLIENT, SCOPE, SECRET, FakeTokens

AN_HOUR, SOON = timedelta(hours=1), timedelta(minutes=4)
FROM_JAN = b"From: Jan <jan@burger.example>\r\nSubject: Vraag\r\nMessage-ID: <1@burger.example>\r\n\r\nHelp!\r\n"


@pytest.fixture
def team(mail: MailServer) -> MailboxThere:
    return mail.mailbox("webcare", "gemeente.example")


@pytest.fixture
async def tokens(mail: MailServer, team: MailboxThere) -> AsyncIterator[FakeTokens]:
    async with FakeTokens(lambda lasts: mail.token_for(team.address, lasts)) as server:
        yield server


def account(team: MailboxThere, tokens: FakeTokens, **secrets: str) -> Account:
    ports = team.server.ports
    options: dict[str, Any] = {
        "address": team.address, "imap": f"imap://127.0.0.1:{ports['imap']}", "smtp": f"smtp://127.0.0.1:{ports['smtp']}",
        "token_url": tokens.address, "client_id": CLIENT, "scope": SCOPE,
    }  # fmt: skip
    return Account(1, "email", "gemeente", "", {"client_secret": SECRET, **secrets}, options, added_at=NOW)


NOW = datetime.now(UTC)


def stored(one: Account) -> DraftSecrets:
    return DraftSecrets(one.secrets)


def connect(one: Account, client: httpx.AsyncClient, secrets: DraftSecrets | None = None) -> Email:
    """Return the connector of one process; all with the same `secrets` are processes of one bot."""
    return Email(one, Tools(client, lambda: datetime.now(UTC), secrets or stored(one)))


def answer(to: str) -> Draft:
    post = Post("1", Author(to, "Jan"), "Help!", NOW, private=True)
    return Draft("key-1", "Om negen uur. ^SB", True, post, datetime.now(UTC))


async def test_one_token_reads_and_answers_for_all_processes_until_shortly_before_its_end(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    one = account(team, tokens)
    secrets = stored(one)
    cursor = (await connect(one, client, secrets).fetch({})).cursor
    team.put(FROM_JAN)
    (post,) = (await connect(one, client, secrets).fetch(cursor)).posts
    await connect(one, client, secrets).send(
        replace(answer(team.address), to=replace(post, author=Author(team.address, "")))
    )
    assert len(team.mails()) == 2
    assert tokens.grants == ["client_credentials"]
    assert (await connect(one, client, secrets).check()).problems == ()
    tokens.told = SOON
    secrets.now = dict(one.secrets)
    for _ in range(2):
        await connect(one, client, secrets).fetch(cursor)
    assert len(tokens.grants) == 3


async def test_a_token_that_the_mail_server_refuses_is_followed_by_a_new_one(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    one = account(team, tokens)
    secrets = stored(one)
    for use in ("read", "send"):
        tokens.lasts = -AN_HOUR
        secrets.now = dict(one.secrets)
        with pytest.raises(Unauthorized):
            await connect(one, client, secrets).fetch({})
        tokens.lasts = AN_HOUR
        before = len(tokens.grants)
        email = connect(one, client, secrets)
        await (email.fetch({}) if use == "read" else email.send(answer(team.address)))
        assert len(tokens.grants) == before + 1
    assert len(team.mails()) == 1


async def test_a_refresh_token_that_works_once_serves_all_processes(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    tokens.refresh = {"of-sanne"}
    one = account(team, tokens, refresh_token="of-sanne")
    secrets = stored(one)
    await asyncio.gather(*(connect(one, client, secrets).fetch({}) for _ in range(4)))
    tokens.lasts = -AN_HOUR  # its end is not what it was told to be, so each finds out by itself
    secrets.now = dict(one.secrets)
    tokens.refresh = {"of-sanne"}
    with pytest.raises(Unauthorized):
        await connect(one, client, secrets).fetch({})
    tokens.lasts = AN_HOUR
    await asyncio.gather(*(connect(one, client, secrets).fetch({}) for _ in range(4)))
    assert set(tokens.grants) == {"refresh_token"}


class StoredLate(DraftSecrets):
    """Stored while the disk stands still: the new ones are there once another has looked for them three times."""

    def __init__(self, now: Mapping[str, str]) -> None:
        super().__init__(now)
        self.looked = 0
        self.enough = asyncio.Event()

    async def read(self) -> Mapping[str, str]:
        self.looked += 1
        if self.looked == 6:  # both looked before, and the one that got a token does before it stores
            self.enough.set()
        return self.now

    async def replace(self, new: Mapping[str, str], seen: Mapping[str, str] | None = None) -> bool:
        await self.enough.wait()
        return await super().replace(new, seen)


async def test_who_comes_too_late_for_a_refresh_token_waits_for_a_token_that_is_stored_slowly(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    tokens.refresh = {"of-sanne"}
    one = account(team, tokens, refresh_token="of-sanne")
    secrets = StoredLate(one.secrets)
    await asyncio.gather(*(connect(one, client, secrets).fetch({}) for _ in range(2)))
    assert tokens.grants == ["refresh_token"] * 2


async def test_a_new_refresh_token_of_a_person_counts_more_than_what_came_of_the_old_one(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    tokens.refresh = {"of-sanne"}
    one = account(team, tokens, refresh_token="of-sanne")
    secrets = stored(one)
    await connect(one, client, secrets).fetch({})
    tokens.refresh = {"of-kim"}
    renewed = replace(one, secrets={**secrets.now, "refresh_token": "of-kim"})
    await connect(renewed, client).fetch({})
    assert len(tokens.grants) == 2


async def test_a_secret_that_is_no_longer_accepted_stops_the_account_in_words_without_it(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient
) -> None:
    one = account(team, tokens, client_secret="old")
    with pytest.raises(Unauthorized) as refused:
        await connect(one, client).fetch({})
    said = str(refused.value)
    assert "Invalid client secret" in said and "Trace ID" not in said and "old" not in said
    with pytest.raises(Unauthorized, match="has expired"):
        await connect(account(team, tokens, refresh_token="gone"), client).fetch({})
    assert any("Invalid client secret" in str(each) for each in (await connect(one, client).check()).problems)


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"status": 503}, Unavailable), ({"status": 0}, Unavailable), ({"status": 429}, RateLimited),
        ({"status": 200, "body": "<html>"}, Unavailable), ({"status": 200, "body": "{}"}, Unavailable),
        ({"status": 200, "body": '{"access_token": 7}'}, Unavailable), ({"status": 200, "body": "[1]"}, Unavailable),
    ],
)  # fmt: skip
async def test_an_answer_without_a_token_leaves_the_reply_surely_unsent(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient, fault: dict[str, Any], verdict: type[Exception]
) -> None:
    tokens.fail(**fault, count=9)
    email = connect(account(team, tokens), client)
    with pytest.raises(verdict):
        await email.send(answer(team.address))
    tokens.faults.clear()
    assert team.mails() == []
    await email.send(answer(team.address))
    assert len(team.mails()) == 1


@pytest.mark.parametrize("told", ['"soon"', "-5", "1e400", "null", "99999999999999999999", '"3600"', "true"])
async def test_an_end_that_cannot_be_read_is_an_hour_or_less(
    team: MailboxThere, tokens: FakeTokens, client: httpx.AsyncClient, mail: MailServer, told: str
) -> None:
    token = mail.token_for(team.address, AN_HOUR)
    tokens.fail(status=200, body=f'{{"access_token": "{token}", "expires_in": {told}}}')
    email = connect(account(team, tokens), client)
    for _ in range(2):
        await email.fetch({})
    assert len(tokens.asked) == 1
