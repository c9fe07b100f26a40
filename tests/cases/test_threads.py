"""Threads: whoever answers in one, whomever they answer and in whatever order it comes in, has one case there."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from sqlmodel import col, select

from bot import cases
from bot.cases import inbox
from bot.domain.case import Status
from bot.domain.mention import LEFT_OUT, Act, Author, Post, permits
from bot.models import Account, Case, Mention
from bot.slack import messages
from jobs import poll, sweep
from tests.conftest import SANNE, Bot, account_of, second_desk
from tests.connectors.mastodon.fake import FakeMastodon
from tests.people import answer, connect, reopened

JAN, PIET, KEES = (Author(str(n), name) for n, name in enumerate(("Jan", "Piet", "Kees"), 1))


def post(external_id: str, author: Author, in_reply_to: str | None = None, *ancestors: str, **more: str) -> Post:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    return Post(external_id, author, f"Bericht {external_id}", at, in_reply_to=in_reply_to, ancestors=ancestors,
                permits=permits(Act.ANSWER), **more)  # type: ignore[arg-type]  # fmt: skip


TALK = (post("j1", JAN), post("p2", PIET, "j1"), post("j3", JAN, "p2"), post("p4", PIET, "j3"))


async def take_in(bot: Bot, *posts: Post) -> None:
    async with bot.desk.session() as session:
        await inbox.take_in(session, (await account_of(bot)).id, posts, now=bot.desk.now())


async def together(bot: Bot) -> set[frozenset[str]]:
    """The external ids of the mentions, case by case."""
    cases: dict[int, set[str]] = {}
    for mention in await bot.rows(Mention):
        cases.setdefault(mention.case_id, set()).add(mention.external_id)
    return {frozenset(ids) for ids in cases.values()}


@pytest.mark.parametrize("in_one_page", [True, False])
async def test_two_citizens_who_answer_each_other_have_one_case_each_in_whatever_order_it_comes_in(
    sqlite_bot: Bot, in_one_page: bool
) -> None:
    """Of posts that come one by one, what ties two of one author together has to come before the second."""
    bot, expected = sqlite_bot, set[frozenset[str]]()
    for number, order in enumerate(permutations(TALK)):
        came = [each.external_id for each in order]
        if not in_one_page and not _tied(came):
            continue
        turned = [
            post(f"{number}{each.external_id}", each.author, each.in_reply_to and f"{number}{each.in_reply_to}")
            for each in order
        ]
        for page in [turned] if in_one_page else [[each] for each in turned]:
            await take_in(bot, *page)
        expected |= {frozenset({f"{number}j1", f"{number}j3"}), frozenset({f"{number}p2", f"{number}p4"})}
    assert await together(bot) == expected


def _tied(came: list[str]) -> bool:
    """Tell whether what stands between two posts of one author comes before the last of them."""
    return max(came.index("j1"), came.index("j3")) > came.index("p2") and (
        max(came.index("p2"), came.index("p4")) > came.index("j3")
    )


@pytest.mark.parametrize("in_one_page", [True, False])
async def test_a_child_that_comes_before_its_parent_is_one_case_with_it(bot: Bot, in_one_page: bool) -> None:
    child, parent = post("j2", JAN, "j1"), post("j1", JAN)
    for page in [[child, parent]] if in_one_page else [[child], [parent]]:
        await take_in(bot, *page)
    assert await together(bot) == {frozenset({"j1", "j2"})}


async def test_who_answers_a_stranger_joins_their_case_in_that_thread(bot: Bot) -> None:
    """The stranger did not name us, so their post never came in; the platform says what it answers."""
    await take_in(bot, post("j1", JAN), post("p2", PIET, "j1"))
    await take_in(bot, post("j3", JAN, "stranger", "p2"))
    await take_in(bot, post("p4", PIET, "stranger"))
    assert await together(bot) == {frozenset({"j1", "j3"}), frozenset({"p2", "p4"})}


async def test_another_question_elsewhere_is_another_case(bot: Bot) -> None:
    await take_in(bot, *TALK, post("j5", JAN), post("k6", KEES, "p4"), post("j7", JAN, conversation="c"))
    apart = {"j5"}, {"k6"}, {"j7"}
    assert await together(bot) == {frozenset(x) for x in ({"j1", "j3"}, {"p2", "p4"}, *apart)}


async def test_two_threads_that_turn_out_to_be_one_go_on_as_one(bot: Bot) -> None:
    """What tied them together came last: the post that both answer, and with it a key of the platform's."""
    await take_in(bot, post("p2", PIET, "k1"), post("j3", JAN, conversation="c"))
    await take_in(bot, post("k1", KEES, conversation="c"))
    await take_in(bot, post("p4", PIET, "j3"), post("j5", JAN, "p2"), post("k6", KEES, "j5"))
    assert await together(bot) == {frozenset(x) for x in ({"p2", "p4"}, {"j3", "j5"}, {"k1", "k6"})}
    assert {mention.thread for mention in await bot.rows(Mention)} == {"p2"}


async def test_two_citizens_on_mastodon_and_a_colleague_who_answers_there_by_hand(
    bot: Bot, mastodon: FakeMastodon
) -> None:
    account_id = await connect(bot, mastodon.base_url)
    first = mastodon.post_as("jan", "@gemeente De lamp is stuk")
    second = mastodon.post_as("piet", "@gemeente Hier ook!", first["id"])
    await poll.poll(bot.desk, str(account_id))
    await answer(bot, SANNE, await bot.card("Hier ook"), "Dank, Piet!")
    bot.clock.advance(minutes=1)
    await sweep(bot.desk)
    await bot.card("Hier ook", "*Beantwoord*")
    (ours,) = mastodon.statuses_by_team()
    by_hand = mastodon.as_team("POST", "/api/v1/statuses", json={"status": "Dag Jan", "in_reply_to_id": first["id"]})
    mastodon.post_as("jan", "@gemeente @piet Bij mij al een week", second["id"])
    mastodon.post_as("jan", "@gemeente Wat zei je?", by_hand["id"])
    stranger = mastodon.post_as("kees", "Wat een onzin", ours["id"])
    mastodon.post_as("piet", "@kees @gemeente Hoezo?", stranger["id"])
    await poll.poll(bot.desk, str(account_id))
    texts: dict[int, list[str]] = {}
    for mention in await bot.rows(Mention):
        texts.setdefault(mention.case_id, []).append(mention.text)
    assert list(texts.values()) == [
        ["@gemeente De lamp is stuk", "@gemeente @piet Bij mij al een week", "@gemeente Wat zei je?"],
        ["@gemeente Hier ook!", "@kees @gemeente Hoezo?"],
    ]


async def test_two_processes_that_take_in_the_same_thread_at_once_make_one_case_of_each_citizen(bot: Bot) -> None:
    account = (await account_of(bot)).id
    pages = [TALK, TALK[2:], TALK[:2], TALK[::-1]] * 3
    async with second_desk(bot) as other:

        async def take(number: int) -> None:
            desk = (bot.desk, other)[number % 2]
            async with desk.session() as session:
                await inbox.take_in(session, account, pages[number], now=desk.now())

        await asyncio.gather(*(take(number) for number in range(len(pages))))
    assert await together(bot) == {frozenset({"j1", "j3"}), frozenset({"p2", "p4"})}
    assert len(await bot.rows(Case)) == 2


async def answered(bot: Bot, words: str) -> None:
    await answer(bot, SANNE, await bot.card(words, "Nieuw"), "Dat komt goed.")
    await bot.card(words, "*Beantwoord*")
    await sweep(bot.desk)


async def test_who_writes_again_long_after_a_case_ended_has_a_new_case(bot: Bot) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=29)
    second = bot.citizen_posts("Hij is weer stuk", in_reply_to=first["id"])
    await answered(bot, "weer stuk")
    bot.clock.advance(days=31)
    third = bot.citizen_posts("De paal is nu scheef", in_reply_to=first["id"])
    await bot.card("nu scheef", "Nieuw")
    bot.citizen_posts("En de buurt is donker", in_reply_to=second["id"])
    bot.citizen_posts("Al een week", in_reply_to=third["id"])
    await bot.card("Al een week")
    async with bot.desk.reading() as session:
        texts = [(m.case_id, m.text) for m in await session.exec(select(Mention).order_by(col(Mention.id)))]
    assert texts == [
        (1, "De lamp is stuk"), (1, "Hij is weer stuk"),
        (2, "De paal is nu scheef"), (2, "En de buurt is donker"), (2, "Al een week"),
    ]  # fmt: skip
    assert [case.status for case in await bot.rows(Case)] == [Status.ANSWERED, Status.NEW]


async def test_a_case_whose_last_answer_still_waits_to_go_out_is_joined(bot: Bot) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=29)
    await reopened(bot)
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.options = {"callback_url": "http://127.0.0.1:9/replies"}
        session.add(account)
    await answer(bot, SANNE, await bot.card("lamp is stuk", "Beantwoorden"), "Hij wordt morgen gemaakt.")
    await bot.card("wordt morgen gemaakt")
    bot.clock.advance(days=2)
    bot.citizen_posts("Hij is weer stuk", in_reply_to=first["id"])
    await bot.card("weer stuk", "Nieuw")
    assert len(await bot.rows(Case)) == 1


async def test_a_case_is_joined_as_long_as_its_answer_cannot_go_out(bot: Bot) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    card = await bot.card("lamp is stuk", "Nieuw")
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.stopped_at = bot.desk.now()
        session.add(account)
    await answer(bot, SANNE, card, "Dat komt goed.")
    await bot.card("komt goed")
    bot.clock.advance(days=31)
    bot.citizen_posts("Komt er nog antwoord?", in_reply_to=first["id"])
    await bot.card("Komt er nog antwoord?", "Nieuw")
    assert len(await bot.rows(Case)) == 1


@pytest.mark.parametrize("days", [29, 31])
async def test_a_closed_case_is_joined_until_it_is_over_for_good(bot: Bot, days: int) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    card = await bot.card("lamp is stuk", "Nieuw")
    bot.clock.advance(days=60)
    async with bot.desk.session() as session:
        await cases.close(session, 1, by=SANNE, reason="spam", now=bot.desk.now())
    await messages.sync(bot.desk, 1)
    await bot.card("lamp is stuk", "*Afgesloten*")
    bot.clock.advance(days=days)
    bot.citizen_posts("Nog steeds stuk", in_reply_to=first["id"])
    new = await bot.card("steeds stuk", "Nieuw")
    assert (new["ts"] == card["ts"]) is (days == 29)


async def test_a_case_that_waits_is_joined_however_old_it_is(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await take_in(bot, post("j1", JAN))
    bot.clock.advance(days=400)
    await take_in(bot, post("j2", JAN, "j1"))
    assert await together(bot) == {frozenset({"j1", "j2"})}


async def test_thanks_long_after_a_case_ended_open_none(bot: Bot) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=31)
    bot.citizen_posts("Bedankt!", in_reply_to=first["id"])
    await bot.card("*Beantwoord*", "Bedankt!")
    assert len(await bot.rows(Case)) == 1


async def test_ok_answers_our_question_of_the_new_case_though_it_stands_below_a_post_of_the_former(bot: Bot) -> None:
    """On some platforms all that is said below a post answers that post, as far as we are told."""
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=31)
    bot.citizen_posts("De paal is nu scheef", in_reply_to=first["id"])
    card = await bot.card("nu scheef", "Nieuw")
    await answer(bot, SANNE, card, "Mogen we die vervangen?", answer_kind="question")
    await bot.card("nu scheef", "Wacht op de burger")
    bot.citizen_posts("Ok", in_reply_to=first["id"])
    await bot.card("Ok", "Nieuw")
    assert [case.status for case in await bot.rows(Case)] == [Status.ANSWERED, Status.NEW]


@pytest.mark.parametrize("thanks_first", [True, False])
async def test_thanks_beside_a_new_question_are_for_what_came_before_them(bot: Bot, thanks_first: bool) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=31)
    [mention] = await bot.rows(Mention)
    writer = Author("c-fatima", "Fatima")
    said = {"a": "Bedankt!", "b": "Wie veegt?"}
    both = [replace(post(key, writer, first["id"]), text=text) for key, text in said.items()]
    await take_in(bot, *(both if thanks_first else reversed(both)))
    assert await together(bot) == (
        {frozenset({mention.external_id, "a"}), frozenset({"b"})}
        if thanks_first
        else {frozenset({mention.external_id}), frozenset({"a", "b"})}
    )


@pytest.mark.parametrize("left_out", ["Fatima > Dat komt goed. ^SB > De lamp is stuk", "Fatima > Wie veegt de stoep?"])
async def test_thanks_in_a_mail_that_quotes_no_more_than_the_case_open_none(bot: Bot, left_out: str) -> None:
    first = bot.citizen_posts("De lamp is stuk")
    await answered(bot, "lamp is stuk")
    bot.clock.advance(days=31)
    mail = post("a", Author("c-fatima", "Fatima"), first["id"])
    await take_in(bot, replace(mail, text="Bedankt!", place={LEFT_OUT: left_out}))
    assert len(await bot.rows(Case)) == (2 if "stoep" in left_out else 1)
    assert (await bot.case()).status is Status.ANSWERED
