"""A case has a number in its team: counted up without gaps, and shown wherever the case is."""

import asyncio

from bot.cases import inbox
from bot.desk import Desk
from bot.domain.mention import Act, Author, Post, permits
from bot.models import Account, Case, Team
from bot.sandbox.slack.inspection import text_of
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, account_of, second_desk
from tests.people import asked, home, open_modal


async def test_a_case_is_called_by_its_number_on_card_lists_home_and_details(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    bot.citizen_posts("Eerste vraag")
    await bot.card("Eerste vraag", "Zaak 1")
    bot.citizen_posts("Tweede vraag", name="Kees")
    card = await bot.card("Tweede vraag", "Zaak 2")
    assert card["text"].startswith("Nieuwe zaak 2 van")
    listed = await asked(bot, SANNE, "/webcare open")
    assert "Zaak 1 · " in listed and "Zaak 2 · " in listed
    await bot.slack.open_home(SANNE)
    await home(bot, SANNE, "Zaak 1", "Zaak 2")
    await bot.slack.click(YOUSSEF, CHANNEL, card["ts"], "case:more", "details:2")
    assert "Zaak 2" in text_of(await open_modal(bot, YOUSSEF, "said"))


async def test_two_processes_count_up_one_team_without_gap_or_double(bot: Bot) -> None:
    """Each takes in the pages of its own account; a transaction that fails gives its numbers back."""
    first = await account_of(bot)
    async with bot.desk.session() as session:
        second = Account(team_id=first.team_id, platform="feed", name="nieuws", url="", created_at=bot.desk.now())
        elsewhere = Team(name="Beheer", channel="C0BEHEER", created_at=bot.desk.now())
        session.add_all([second, elsewhere])
        await session.flush()
        third = Account(team_id=elsewhere.id, platform="feed", name="wegen", url="", created_at=bot.desk.now())
        session.add(third)
        await session.flush()
    async with second_desk(bot) as other:
        await asyncio.gather(
            *(
                take_in(desk, account.id, f"{page}", fails=page == 3)
                for page in range(8)
                for desk, account in ((bot.desk, first), (other, second), (other, third))
            )
        )
    numbers: dict[int, list[int]] = {}
    for case in await bot.rows(Case):
        numbers.setdefault(case.team_id, []).append(case.number)
    assert {team: sorted(each) for team, each in numbers.items()} == {
        first.team_id: list(range(1, 29)), elsewhere.id: list(range(1, 15))
    }  # fmt: skip


async def take_in(desk: Desk, account_id: int, page: str, *, fails: bool) -> None:
    posts = [
        Post(f"{page}-{n}", Author(f"{page}{n}", "Jan"), f"Vraag {n}", desk.now(), permits=permits(Act.ANSWER))
        for n in range(2)
    ]
    try:
        async with desk.session() as session:
            await inbox.take_in(session, account_id, posts, now=desk.now())
            if fails:
                raise ConnectionError
    except ConnectionError:
        pass


async def test_the_posts_of_a_page_are_numbered_in_their_order(bot: Bot) -> None:
    account = await account_of(bot)
    await take_in(bot.desk, account.id, "a", fails=False)
    assert [(case.id, case.number) for case in sorted(await bot.rows(Case), key=lambda each: each.id)] == [
        (1, 1), (2, 2)
    ]  # fmt: skip
