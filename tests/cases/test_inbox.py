"""What comes in of an account: citizens' posts become cases, our own do not."""

import random
from datetime import UTC, datetime

from bot.cases import inbox
from bot.domain.mention import Act, Arrived, Author, Delivery, Media, Post, Quote, permits
from bot.models import Author as AuthorRow
from bot.models import Case, Mention
from tests.conftest import CHANNEL, Bot
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


async def test_a_name_that_a_later_post_does_not_tell_stays(bot: Bot, mastodon: FakeMastodon) -> None:
    account_id = await connect(bot, mastodon.base_url)
    named, unnamed = Author("7", "Jan", "jan", "https://social.example/@jan"), Author("7", "")
    renamed = Author("7", "Jan de Vries")
    pages = [[(named, "1")], [(unnamed, "2")], [(renamed, "3"), (unnamed, "4")]]
    found = []
    for page in pages:
        posts = [Post(ident, author, "Wie veegt hier?", bot.desk.now()) for author, ident in page]
        async with bot.desk.session() as session:
            await inbox.take_in(session, account_id, posts, now=bot.desk.now())
        [author] = await bot.rows(AuthorRow)
        assert (author.handle, author.url) == ("jan", "https://social.example/@jan")
        found.append(author.name)
    assert found == ["Jan", "Jan", "Jan de Vries"]


async def test_what_no_database_takes_is_left_out_of_a_post_and_keeps_no_other_out(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    account_id = await connect(bot, mastodon.base_url)
    odd, at = "Nul\x00 en half \ud83d", bot.desk.now()
    long = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=6_000))
    hostile = Post(
        "1\x00", Author(f"{long}1", odd, odd, f"https://a.nl/{odd}"), odd, at, url=f"https://a.nl/{odd}",
        conversation=f"{long}2", in_reply_to=f"{long}3", ancestors=(f"{long}4", "5\x00"), language="nl\x00",
        media=(Media(f"https://a.nl/{odd}", "image", odd),), replies_to=Quote(odd, odd), place={odd: [odd]},
        permits=permits(Act.ANSWER),
    )  # fmt: skip
    answers = Post("2", Author("8", "Els"), "Weet ik ook niet.", at, in_reply_to=f"{long}3")
    report = Delivery("\x00", Arrived.READ, at, key="\x00")
    async with bot.desk.session() as session:
        taken = await inbox.take_in(session, account_id, [hostile, answers, report], now=at)
        again = await inbox.take_in(session, account_id, [hostile, answers], now=at)
    assert (len(taken.new), again.new) == (2, {})
    first, second = await bot.rows(Mention)
    assert (first.external_id, first.text, first.permits()) == ("1", "Nul en half ", hostile.permits)
    assert first.thread == second.thread


async def test_a_post_from_the_year_1_comes_in_as_any_other(bot: Bot, mastodon: FakeMastodon) -> None:
    """So does a program date a post when it knows no date."""
    account_id = await connect(bot, mastodon.base_url)
    dated = datetime(1, 1, 1, tzinfo=UTC)
    async with bot.desk.session() as session:
        taken = await inbox.take_in(
            session, account_id, [Post("1", Author("7", "Jan"), "Wanneer was dit?", dated)], now=bot.desk.now()
        )
    bot.desk.wake(f"messages:{CHANNEL}")
    await bot.card("Wanneer was dit?")
    [mention] = await bot.rows(Mention)
    assert (taken.new, mention.published_at) == ({"1": mention.case_id}, dated)
