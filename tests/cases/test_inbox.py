"""What comes in of an account: citizens' posts become cases, our own do not."""

from bot.cases import inbox
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Case, Mention
from tests.conftest import Bot
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import connect


async def test_what_our_own_account_wrote_is_no_mention_in_a_case_or_beside_it(
    sqlite_bot: Bot, mastodon: FakeMastodon
) -> None:
    """A platform may list our replies, and what a colleague wrote there by hand, among the posts of a conversation."""
    bot = sqlite_bot
    account_id = await connect(bot, mastodon.base_url)
    own = mastodon.as_team("GET", "/api/v1/accounts/verify_credentials")
    us, jan = Author(own["id"], "Gemeente", own["acct"]), Author("7", "Jan", "jan")
    posts = [
        Post("1", jan, "Wanneer komt de vuilniswagen?", bot.desk.now(), permits=permits(Act.ANSWER)),
        Post("2", us, "Donderdag, Jan!", bot.desk.now(), in_reply_to="1"),
        Post("3", us, "Morgen is het stadhuis dicht.", bot.desk.now()),
    ]
    async with bot.desk.session() as session:
        taken = await inbox.take_in(session, account_id, posts, now=bot.desk.now())
    assert len(taken.new) == 1
    assert [mention.external_id for mention in await bot.rows(Mention)] == ["1"]
    assert len(await bot.rows(Case)) == 1
