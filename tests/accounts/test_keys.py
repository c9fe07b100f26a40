"""The key that encrypts tokens is rotated by a start of the bot: after it the old key is not needed any more."""

from pathlib import Path

from bot import accounts
from bot.accounts import seal
from bot.sandbox.app import Sandbox
from tests.conftest import SECRET_KEY, account_of, settings_for
from tests.fakes.mastodon import FakeMastodon
from tests.faults.processes import looking_on, running
from tests.people import ACCOUNT


async def test_a_start_with_a_new_key_and_the_old_one_encrypts_all_with_the_new_one(
    database_url: str, slack: Sandbox, mastodon: FakeMastodon, tmp_path: Path
) -> None:
    new = seal.new_key()
    async with looking_on(database_url, slack, mastodon.base_url) as bot:
        mastodon.post_as("jan", "@gemeente Eerste")
        async with running(bot, tmp_path, webcare_secret_key=f"{new}, {SECRET_KEY}"):
            await bot.slack.wait_for(lambda: bot.card_now("Eerste"), 30)
        row = await account_of(bot, ACCOUNT)
        only_new = settings_for(database_url, slack, webcare_secret_key=new)
        assert accounts.outdated([row], only_new) == 0
        assert accounts.opened(row, only_new).secrets == {"token": mastodon.token}
        mastodon.post_as("piet", "@gemeente Tweede")
        async with running(bot, tmp_path, webcare_secret_key=new):
            await bot.slack.wait_for(lambda: bot.card_now("Tweede"), 30)
