"""Tokens in the database: encrypted with the newest key after a start, and replaced by a connector in use."""

from datetime import timedelta
from pathlib import Path

from bot import accounts
from bot.accounts import seal
from bot.accounts.store import StoredSecrets
from bot.domain.text import text
from bot.models import Account, Mention, SigningIn
from bot.outgoing.outcomes import stop_account
from bot.sandbox.app import Sandbox
from jobs import poll
from tests.conftest import SECRET_KEY, Bot, account_of, second_desk, settings_for
from tests.connectors.mastodon.fake import FakeMastodon
from tests.faults.processes import looking_on, running
from tests.people import ACCOUNT, connect, set_sealed, stopped


async def test_a_start_with_a_new_key_and_the_old_one_encrypts_all_with_the_new_one(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    new = seal.new_key()
    async with looking_on(database_url, slack, mastodon.base_url) as bot:
        mastodon.post_as("jan", "@gemeente Eerste")
        async with running(bot, tmp_path, webcare_secret_key=f"{new}, {SECRET_KEY}"):
            await bot.slack.wait_for(lambda: bot.card_now("Eerste"))
        row = await account_of(bot, ACCOUNT)
        only_new = settings_for(database_url, slack, webcare_secret_key=new)
        assert accounts.outdated([row], only_new) == 0
        assert accounts.opened(row, only_new).secrets == {"token": mastodon.token}
        mastodon.post_as("piet", "@gemeente Tweede")
        async with running(bot, tmp_path, webcare_secret_key=new):
            await bot.slack.wait_for(lambda: bot.card_now("Tweede"))


async def test_what_is_stopped_or_over_and_no_key_opens_does_not_keep_the_bot_from_starting(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    async with looking_on(database_url, slack, mastodon.base_url) as bot:
        await connect(bot, mastodon.base_url, name="oud")
        await stopped(bot, "oud")
        await set_sealed(bot, "oud")
        async with bot.desk.session() as session:
            session.add(SigningIn(state="x", platform="mastodon", team_id=1, redirect="http://localhost/",
                                  sealed=b"sealed with another key", ends_at=bot.desk.now()))  # fmt: skip
        mastodon.post_as("jan", "@gemeente Eerste")
        async with running(bot, tmp_path):
            await bot.slack.wait_for(lambda: bot.card_now("Eerste"))


async def test_a_token_that_a_connector_replaces_is_the_one_that_every_process_uses_next(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    """The old token is revoked as soon as there is a new one, as with tokens that rotate in use."""
    old, new = mastodon.token_with("read", "write"), mastodon.token
    account_id = await connect(bot, mastodon.base_url, token=old)
    async with second_desk(bot) as other:
        secrets = StoredSecrets(account_id, bot.desk.settings, bot.desk.session)
        assert await secrets.read() == {"token": old}
        await secrets.replace({"token": new})
        mastodon.as_team("POST", "/oauth/revoke", data={"token": old})
        assert await StoredSecrets(account_id, other.settings, other.session).read() == {"token": new}
        mastodon.post_as("jan", "@gemeente Komt dit binnen?")
        await poll.poll(other, str(account_id))
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    row = await account_of(bot, ACCOUNT)
    assert (row.stopped_at, row.problem) == (None, None)
    await poll.poll(bot.desk, str(account_id))
    assert [mention.text for mention in await bot.rows(Mention)] == ["@gemeente Komt dit binnen?"]


async def test_a_refusal_of_the_old_token_does_not_stop_an_account_that_was_renewed_meanwhile(bot: Bot) -> None:
    asked_at = bot.desk.now()
    async with bot.desk.session() as session:
        accounts.renew(
            session, await session.get_one(Account, 1), {"signing_secret": "new"}, bot.desk.settings, asked_at
        )
    for since, stops in ((asked_at, False), (asked_at + timedelta(seconds=1), True)):
        async with bot.desk.session() as session:
            await stop_account(session, 1, text("The token was refused."), bot.desk.now(), asked_at=since)
        async with bot.desk.session() as session:
            assert ((await session.get_one(Account, 1)).stopped_at is not None) is stops
