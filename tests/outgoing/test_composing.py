"""What makes a reply valid, whichever door it comes through."""

from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.domain.mention import Act
from bot.domain.text import Refused, Wrong
from bot.models import Mention, Reply, ReplyKind, ReplyStatus
from bot.outgoing import composing, replies
from bot.outgoing.composing import Answer
from tests.conftest import SANNE, YOUSSEF, Bot

ANSWER, PRIVATELY = Act.ANSWER.value, Act.ANSWER_PRIVATELY.value


async def claimed(bot: Bot, *, allows: list[str], private: bool = False) -> Mention:
    """A citizen's post that allows these ways to answer; Sanne has its case."""
    bot.citizen_posts("Klopt dit?")
    await bot.card("Klopt dit?", "Nieuw")
    async with bot.desk.session() as session:
        await cases.claim(session, 1, by=SANNE, now=bot.desk.now())
        mention = await session.get_one(Mention, 1)
        mention.allows, mention.private = allows, private
        session.add(mention)
    return mention


async def give(bot: Bot, by: str = SANNE, **chosen: Any) -> Reply:
    """Approve an answer by the use case itself, past the modal."""
    values: dict[str, Any] = {
        "case_id": 1,
        "mention_id": 1,
        "submission": "V1",
        "words": "Ja.",
        "private": False,
        "initials": "SB",
    }
    async with bot.desk.session() as session:
        return await replies.answer(
            session,
            Answer(**(values | chosen)),
            connector=bot.desk.connector,
            by=by,
            now=bot.desk.now(),
            undo=timedelta(hours=1),
        )


@pytest.mark.parametrize(
    ("allows", "private", "chosen", "part"),
    [
        ([ANSWER], False, {"words": " \n "}, composing.WORDS),
        ([ANSWER], False, {"words": "x" * 5000}, composing.WORDS),
        ([ANSWER], False, {"private": True}, composing.VISIBILITY),
        ([PRIVATELY], False, {"private": False}, composing.VISIBILITY),
        ([ANSWER], True, {"private": False}, composing.VISIBILITY),
        ([ANSWER], False, {"kind": ReplyKind.INTERIM}, composing.PROMISE),
        ([ANSWER], False, {"initials": ""}, composing.INITIALS),
        ([ANSWER], False, {"initials": "S8"}, composing.INITIALS),
    ],
)
async def test_an_answer_that_is_not_valid_is_refused_at_its_part(
    sqlite_bot: Bot, allows: list[str], private: bool, chosen: dict[str, Any], part: str
) -> None:
    await claimed(sqlite_bot, allows=allows, private=private)
    with pytest.raises(Wrong) as wrong:
        await give(sqlite_bot, **chosen)
    assert list(wrong.value.fields) == [part]
    assert await sqlite_bot.rows(Reply) == []


@pytest.mark.parametrize("kind", [ReplyKind.INTERIM, ReplyKind.QUESTION, ReplyKind.FINAL])
async def test_a_promise_is_of_an_interim_message_and_lies_ahead(sqlite_bot: Bot, kind: ReplyKind) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    passed = sqlite_bot.desk.now() - timedelta(seconds=1 if kind is ReplyKind.INTERIM else -3600)
    with pytest.raises(Wrong) as wrong:
        await give(sqlite_bot, kind=kind, promised_at=passed)
    assert list(wrong.value.fields) == [composing.PROMISE]


async def test_an_agent_answers_with_none_but_the_kinds_that_are_offered(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    with pytest.raises(Refused, match="Choose what it is"):
        await give(sqlite_bot, kind=ReplyKind.INVITATION)


async def test_everything_that_is_wrong_is_said_at_once(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    with pytest.raises(Wrong) as wrong:
        await give(sqlite_bot, words="", private=True, kind=ReplyKind.INTERIM)
    assert set(wrong.value.fields) == {composing.WORDS, composing.VISIBILITY, composing.PROMISE}


async def test_a_post_of_another_case_a_removed_one_and_one_that_takes_no_answer_are_refused(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await claimed(bot, allows=[])
    with pytest.raises(Refused, match="cannot be answered from here"):
        await give(bot)
    async with bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows, mention.gone_at = [ANSWER], bot.desk.now()
        session.add(mention)
    with pytest.raises(Refused, match="removed this post"):
        await give(bot)
    bot.citizen_posts("Iets anders", name="Daan")
    await bot.card("Iets anders", "Nieuw")
    with pytest.raises(Refused, match="another case"):
        await give(bot, mention_id=2)
    assert await bot.rows(Reply) == []


@pytest.mark.parametrize(("allows", "private"), [([ANSWER], True), ([PRIVATELY], False), ([ANSWER, PRIVATELY], False)])
async def test_a_private_answer_goes_where_a_private_one_can(sqlite_bot: Bot, allows: list[str], private: bool) -> None:
    await claimed(sqlite_bot, allows=allows, private=private)
    assert (await give(sqlite_bot, private=True)).private


async def withdrawn(bot: Bot, **chosen: Any) -> None:
    """Sanne approved an answer and took it back."""
    reply = await give(bot, **chosen)
    async with bot.desk.session() as session:
        await replies.withdraw(session, reply.case_id, by=SANNE, now=bot.desk.now())


async def test_a_draft_once_private_goes_public_only_when_that_is_confirmed(bot: Bot) -> None:
    await claimed(bot, allows=[ANSWER, PRIVATELY])
    await withdrawn(bot, private=True)
    with pytest.raises(Wrong) as wrong:
        await give(bot, submission="V2")
    assert list(wrong.value.fields) == [composing.CONFIRMED]
    assert (await give(bot, submission="V3", private=True)).private
    async with bot.desk.session() as session:
        await replies.withdraw(session, 1, by=SANNE, now=bot.desk.now())
    assert not (await give(bot, submission="V4", confirmed=True)).private


async def test_a_public_answer_to_a_private_message_is_confirmed(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER, PRIVATELY], private=True)
    with pytest.raises(Wrong) as wrong:
        await give(sqlite_bot)
    assert list(wrong.value.fields) == [composing.CONFIRMED]
    assert not (await give(sqlite_bot, submission="V2", confirmed=True)).private


async def test_a_draft_that_was_public_needs_no_confirmation(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER, PRIVATELY])
    await withdrawn(sqlite_bot)
    assert not (await give(sqlite_bot, submission="V2")).private


@pytest.mark.parametrize("chosen", [{"words": "Nee."}, {"private": True}, {"kind": ReplyKind.QUESTION}])
async def test_the_same_submission_again_approves_nothing_twice_and_says_so_when_it_was_changed(
    sqlite_bot: Bot, chosen: dict[str, Any]
) -> None:
    await claimed(sqlite_bot, allows=[ANSWER, PRIVATELY])
    first = await give(sqlite_bot)
    assert (await give(sqlite_bot)).id == first.id
    with pytest.raises(Refused, match="as you first sent it"):
        await give(sqlite_bot, **chosen)
    assert [reply.text for reply in await sqlite_bot.rows(Reply)] == ["Ja. ^SB"]


async def test_a_submission_that_was_taken_back_is_not_approved_when_it_comes_again(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    await give(sqlite_bot)
    async with sqlite_bot.desk.session() as session:
        await replies.withdraw(session, 1, by=SANNE, now=sqlite_bot.desk.now())
    with pytest.raises(Refused, match="took this answer back"):
        await give(sqlite_bot)
    assert [reply.status for reply in await sqlite_bot.rows(Reply)] == [ReplyStatus.WITHDRAWN]


async def test_initials_of_a_colleague_are_refused_and_nothing_is_approved(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    await give(sqlite_bot)
    async with sqlite_bot.desk.session() as session:
        await replies.withdraw(session, 1, by=SANNE, now=sqlite_bot.desk.now())
        await cases.take_over(session, 1, owner=SANNE, by=YOUSSEF, now=sqlite_bot.desk.now())
    with pytest.raises(Wrong, match="already signs"):
        await give(sqlite_bot, by=YOUSSEF, submission="V2")
    assert len(await sqlite_bot.rows(Reply)) == 1
