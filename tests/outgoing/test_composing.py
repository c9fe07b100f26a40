"""What makes a reply valid, whichever door it comes through; and a draft that comes back as it was chosen."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot import cases
from bot.domain.mention import Act
from bot.domain.text import Refused, Wrong
from bot.models import Mention, Reply, ReplyKind
from bot.outgoing import composing, replies
from bot.outgoing.composing import Answer
from bot.sandbox.app import Sandbox
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually, running_bot
from tests.people import answer, open_modal, square_texts

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


async def test_the_same_submission_again_approves_nothing_twice_even_with_other_words(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    first = await give(sqlite_bot)
    assert (await give(sqlite_bot, words="Nee.")).id == first.id
    assert [reply.text for reply in await sqlite_bot.rows(Reply)] == ["Ja. ^SB"]


async def test_initials_of_a_colleague_are_refused_and_nothing_is_approved(sqlite_bot: Bot) -> None:
    await claimed(sqlite_bot, allows=[ANSWER])
    await give(sqlite_bot)
    async with sqlite_bot.desk.session() as session:
        await replies.withdraw(session, 1, by=SANNE, now=sqlite_bot.desk.now())
        await cases.take_over(session, 1, owner=SANNE, by=YOUSSEF, now=sqlite_bot.desk.now())
    with pytest.raises(Wrong, match="already signs"):
        await give(sqlite_bot, by=YOUSSEF, submission="V2")
    assert len(await sqlite_bot.rows(Reply)) == 1


# --- A draft that comes back -----------------------------------------------------------------------


@pytest.fixture
async def slow_bot(sqlite_url: str, slack: Sandbox) -> AsyncIterator[Bot]:
    """The bot with a minute to undo."""
    async with running_bot(sqlite_url, slack, undo_seconds=60) as running:
        yield running


def chosen_in(view: dict[str, Any], name: str) -> str:
    """What a choice of the modal stands at."""
    return str(view["state"]["values"][name][name]["selected_option"]["value"])


async def undone(bot: Bot, **chosen: Any) -> dict[str, Any]:
    """Sanne answers, takes the answer back and opens the modal again."""
    bot.citizen_posts("Klopt dit?")
    card = await bot.card("Klopt dit?", "Nieuw")
    await answer(bot, SANNE, card, "Dat zit zo.", **chosen)
    card = await bot.card("Klopt dit?", "Dat zit zo.")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:undo")
    await bot.card("Klopt dit?", "In behandeling")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    return await open_modal(bot, SANNE, "case:answer")


async def test_a_private_answer_that_was_undone_comes_back_as_private(slow_bot: Bot) -> None:
    view = await undone(slow_bot, answer_visibility="private")
    assert chosen_in(view, "answer_visibility") == "private"
    assert view["state"]["values"]["answer_text"]["answer_text"]["value"] == "Dat zit zo."
    await slow_bot.slack.submit(SANNE, {})

    async def again() -> bool:
        return [reply.private for reply in await slow_bot.rows(Reply)] == [True, True]

    await eventually(again)
    assert square_texts(slow_bot) == []


async def test_an_interim_message_that_was_undone_comes_back_with_its_promise(slow_bot: Bot) -> None:
    until = int((slow_bot.desk.now() + timedelta(hours=3)).timestamp())
    view = await undone(slow_bot, answer_kind="interim", answer_promise=until)
    assert chosen_in(view, "answer_kind") == "interim"
    assert view["state"]["values"]["answer_promise"]["answer_promise"]["selected_date_time"] == until


async def test_a_private_draft_is_not_offered_where_only_a_public_answer_is_possible(slow_bot: Bot) -> None:
    view = await undone(slow_bot, answer_visibility="private")
    await slow_bot.slack.close_view(SANNE)
    async with slow_bot.desk.session() as session:
        mention = await session.get_one(Mention, 1)
        mention.allows = [ANSWER]
        session.add(mention)
    card = await slow_bot.card("Klopt dit?")
    await slow_bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(slow_bot, SANNE, "case:answer")
    assert "Dat zit zo." not in str(view)
