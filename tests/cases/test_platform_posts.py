"""What platforms tell of posts and of our messages is stored as it was told, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.cases import inbox
from bot.domain.mention import (
    FOR_GOOD,
    Act,
    Arrived,
    Author,
    Delivery,
    Gone,
    Permit,
    Post,
    PostKind,
    permits,
    permits_from_json,
    permits_to_json,
)
from bot.models import Account, Mention, Reply, ReplyStatus
from bot.models import Author as AuthorRow
from bot.outgoing.composing import post_of
from tests.conftest import Bot, account_of

THEN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
JAN = Author("7", "Jan", "@jan")
ME = {"id": "1", "handle": "gemeente", "name": "", "url": ""}


def post(external_id: str, author: Author = JAN, text: str = "Help!", **more: Any) -> Post:
    return Post(external_id, author, text, THEN, permits=permits(Act.ANSWER), **more)


async def take_in(bot: Bot, *items: Post | Delivery) -> int:
    async with bot.desk.session() as session:
        taken = await inbox.take_in(session, (await account_of(bot)).id, items, now=bot.desk.now())
    return len(taken.new)


async def sent(bot: Bot, **more: Any) -> None:
    """Store a reply that went out, to the first mention."""
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        now = bot.desk.now()
        session.add(
            Reply(
                case_id=mention.case_id, mention_id=1, account_id=mention.account_id, by="U1", key="k", draft="Dag",
                text="Dag", status=ReplyStatus.SENT, created_at=now, send_at=now, sent_at=now, **more,
            )
        )  # fmt: skip


async def test_what_we_wrote_ourselves_opens_no_case(bot: Bot) -> None:
    """By who wrote it, or because it is a reply that we sent: a source may send everything that happens on it."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, (await account_of(bot)).id)
        account.identity = ME
    assert await take_in(bot, post("p1"), post("p2", Author("1", "Gemeente"))) == 1
    await sent(bot, external_id="r1")
    assert await take_in(bot, post("r1", Author("as it calls us", "Gemeente")), post("r2")) == 1
    assert [mention.external_id for mention in await bot.rows(Mention)] == ["p1", "r2"]


async def test_kind_rating_and_the_connectors_own_data_come_back_in_a_draft(bot: Bot) -> None:
    until = THEN + timedelta(days=7)
    told = replace(
        post("p1", kind=PostKind.REVIEW, rating=2, place={"number": 4, "topic": ["a"]}),
        permits=frozenset({Permit(Act.ANSWER), Permit(Act.ANSWER_PRIVATELY, until)}),
    )
    await take_in(bot, told)
    [mention] = await bot.rows(Mention)
    [author] = await bot.rows(AuthorRow)
    stored = post_of(mention, author)
    assert stored == told
    assert mention.may(Act.ANSWER_PRIVATELY, until - timedelta(seconds=1))
    assert not mention.may(Act.ANSWER_PRIVATELY, until)
    assert mention.may(Act.ANSWER, until)


def test_permits_that_were_stored_as_names_are_read() -> None:
    assert permits_from_json(["answer", "answer_privately"]) == permits(Act.ANSWER, Act.ANSWER_PRIVATELY)
    assert permits_from_json(["answer", "of a later version", {"act": "wave", "until": THEN.isoformat()}]) == permits(
        Act.ANSWER
    )
    once = {Permit(Act.HIDE, once=True), Permit(Act.HIDE, THEN, once=True)}
    both = frozenset({Permit(Act.HIDE), Permit(Act.HIDE, THEN), Permit(Act.LIKE, THEN), *once})
    assert permits_from_json(permits_to_json(both)) == both


@pytest.mark.parametrize("gone", list(Gone))
async def test_why_a_post_is_gone_is_stored_and_only_what_was_removed_is_so_for_good(bot: Bot, gone: Gone) -> None:
    await take_in(bot, post("p1"))
    await take_in(bot, replace(post("p1"), gone=gone))
    [mention] = await bot.rows(Mention)
    assert (mention.gone, mention.gone_at is not None) == (gone, True)
    await take_in(bot, post("p1"))
    [mention] = await bot.rows(Mention)
    assert (mention.gone is None) is (gone not in FOR_GOOD)
    assert (mention.gone_at is None) is (gone not in FOR_GOOD)


async def test_proof_that_the_author_removed_it_comes_after_a_guess(bot: Bot) -> None:
    await take_in(bot, post("p1"))
    for gone in (Gone.UNREACHABLE, Gone.BY_AUTHOR, Gone.UNREACHABLE):
        await take_in(bot, replace(post("p1"), gone=gone))
    [mention] = await bot.rows(Mention)
    assert mention.gone is Gone.BY_AUTHOR


async def test_the_citizens_next_words_in_a_conversation_that_we_opened_join_the_case(bot: Bot) -> None:
    """In the private conversation the platform may know the citizen by another id."""
    await take_in(bot, post("p1"))
    await sent(bot, external_id="r1", conversation="private-7")
    there = Author("page-scoped-7", "Jan")
    await take_in(bot, post("m1", there, "Mijn nummer is 12", private=True, conversation="private-7"))
    await take_in(bot, post("m2", there, "Iets anders", private=True, conversation="private-8"))
    await take_in(bot, post("m3", Author("9", "Piet"), "In het openbaar", conversation="private-7"))
    cases = {mention.external_id: mention.case_id for mention in await bot.rows(Mention)}
    assert cases["m1"] == cases["p1"]
    assert len({cases["p1"], cases["m2"], cases["m3"]}) == 3


async def test_how_far_a_message_came_is_stored_and_goes_forward_only(bot: Bot) -> None:
    await take_in(bot, post("p1"))
    await sent(bot, external_id="r1")
    for arrived in (Arrived.READ, Arrived.DELIVERED):
        assert await take_in(bot, Delivery("r1", arrived, THEN), Delivery("not ours", arrived, THEN)) == 0
    [reply] = await bot.rows(Reply)
    assert (reply.arrived, reply.arrived_at) == (Arrived.READ, THEN)
