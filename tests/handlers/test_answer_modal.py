"""The answer modal while it is open: what is asked follows what was chosen, and nothing that was filled in is lost."""

import re
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.mention import Act
from bot.models import Account, Mention, Reply, ReplyKind
from bot.sandbox.slack import input_state
from bot.sandbox.slack.inspection import action_ids, text_of
from bot.team import agents
from tests.conftest import CHANNEL, SANNE, YOUSSEF, Bot, eventually
from tests.people import asks_for_a_promise, mention, open_modal, set_sealed, square_texts, stopped

WORDS = "We zoeken het uit."


async def opened(bot: Bot) -> None:
    """A citizen asks something, and Sanne has the modal open with something typed in it."""
    bot.citizen_posts("Klopt dit?", private=True)
    card = await bot.card("Klopt dit?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "answer_promise" not in action_ids(view)
    await bot.slack.type(SANNE, "answer_text", WORDS)


async def test_a_long_conversation_full_of_pictures_leaves_room_for_the_answer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    pictures = [{"url": f"https://foto.example/{n}.png", "kind": "image", "alt": f"Foto {n}"} for n in range(4)]
    await mention(bot, 1, "Bericht 1")
    async with bot.desk.session() as session:
        for number in range(2, 14):
            at = bot.desk.now() + timedelta(seconds=number)
            session.add(
                Mention(case_id=1, account_id=1, external_id=f"m{number}", text=f"Bericht {number}", media=pictures,
                        replies_to={"author": "Burger 1", "text": "Ja"}, allows=[Act.ANSWER.value], edited_at=at,
                        published_at=at, received_at=at)
            )  # fmt: skip
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert {"answer_text", "answer_kind", "initials"} <= set(action_ids(view))
    assert "6 eerdere berichten niet getoond" in text_of(view)


async def choose(bot: Bot, kind: ReplyKind, *, asks: bool) -> dict[str, Any]:
    """Choose what it is, and wait until the modal asks for a promise, or no longer."""
    await bot.slack.click_in_view(SANNE, "answer_kind", kind)

    def followed() -> dict[str, Any] | None:
        view = bot.slack.view(SANNE)
        return view if view and ("answer_promise" in action_ids(view)) is asks else None

    return await bot.slack.wait_for(followed)


def held(view: dict[str, Any], name: str, field: str) -> Any:
    return view["state"]["values"][name][name][field]


async def test_only_an_interim_message_asks_for_a_promise_and_every_switch_keeps_what_was_filled_in(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await opened(bot)
    await choose(bot, ReplyKind.INTERIM, asks=True)
    until = int((bot.desk.now() + timedelta(hours=3)).timestamp())
    await bot.slack.click_in_view(SANNE, "answer_promise", until)
    for kind in (ReplyKind.QUESTION, ReplyKind.FINAL):
        view = await choose(bot, kind, asks=False)
        assert held(view, "answer_kind", "selected_option")["value"] == kind
        view = await choose(bot, ReplyKind.INTERIM, asks=True)
        assert held(view, "answer_text", "value") == WORDS
        assert held(view, "answer_promise", "selected_date_time") == until


async def test_a_promise_that_was_put_aside_is_not_made(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot)
    await choose(bot, ReplyKind.INTERIM, asks=True)
    await bot.slack.click_in_view(SANNE, "answer_promise", int((bot.desk.now() + timedelta(hours=3)).timestamp()))
    await choose(bot, ReplyKind.FINAL, asks=False)
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert (ack.ok, ack.errors) == (True, {})
    await bot.slack.wait_for(lambda: square_texts(bot))
    [reply] = await bot.rows(Reply)
    assert (reply.kind, reply.promised_at) == (ReplyKind.FINAL, None)


async def test_sent_before_the_modal_followed_the_choice_it_asks_after_all_and_nothing_goes_out(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    await opened(bot)
    ack = await bot.slack.submit(SANNE, {"initials": "SB", "answer_kind": "interim"})
    assert ack.ok
    asking = await asks_for_a_promise(bot, SANNE)
    assert held(asking, "answer_text", "value") == WORDS
    assert await bot.rows(Reply) == []
    until = int((bot.desk.now() + timedelta(hours=3)).timestamp())
    ack = await bot.slack.submit(SANNE, {"answer_promise": until})
    assert (ack.ok, ack.errors) == (True, {})

    async def promised() -> bool:
        return [r.kind for r in await bot.rows(Reply)] == [ReplyKind.INTERIM]

    await eventually(promised)


async def test_who_lost_their_initials_while_the_modal_was_open_is_asked_for_them(bot: Bot) -> None:
    async with bot.desk.session() as session:
        await agents.set_initials(session, 1, SANNE, "SB", now=bot.desk.now())
    await opened(bot)
    assert "initials" not in action_ids(bot.slack.view(SANNE) or {})
    async with bot.desk.session() as session:
        await agents.correct_initials(session, 1, SANNE, "", by=YOUSSEF, now=bot.desk.now())
    ack = await bot.slack.submit(SANNE, {})
    assert ack.ok and not ack.errors, ack.errors
    assert "initials" in action_ids(bot.slack.view(SANNE) or {}) and not await bot.rows(Reply)
    ack = await bot.slack.submit(SANNE, {"initials": "SdB"})
    assert ack.ok and not ack.errors, ack.errors
    [reply] = await bot.rows(Reply)
    assert WORDS in reply.text and reply.text.endswith("^SDB")


async def test_a_post_that_is_removed_while_the_modal_is_open_keeps_what_was_typed_and_says_so_when_it_is_sent(
    sqlite_bot: Bot,
) -> None:
    bot = sqlite_bot
    post = bot.citizen_posts("Klopt dit?")
    card = await bot.card("Klopt dit?")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    bot.slack.square.delete(post["id"])
    await bot.card("verwijderd")
    await bot.slack.type(SANNE, "answer_text", "Ja, dat klopt.")
    await bot.slack.wait_for(lambda: (view := bot.slack.view(SANNE)) and "Ja, dat klopt. ^" in text_of(view))
    ack = await bot.slack.submit(SANNE, {"initials": "SB"})
    assert ack.errors and bot.slack.view(SANNE) is not None
    assert await bot.rows(Reply) == []


async def of_platform(bot: Bot, platform: str) -> None:
    """Let the account be of another platform."""
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.platform = platform
        session.add(account)


@pytest.mark.parametrize("why", ["nu geen toegang tot dit account", "forum is hier niet geïnstalleerd"])
async def test_where_the_bot_cannot_use_an_account_it_says_why(bot: Bot, why: str) -> None:
    await opened(bot)
    await stopped(bot, "plein")
    if "forum" in why:
        await of_platform(bot, "forum")
    else:
        await set_sealed(bot, "plein")
    ack = await bot.slack.submit(SANNE, {"answer_text": WORDS, "initials": "SB"})
    assert why in str(ack.errors)
    await bot.slack.close_view(SANNE)
    await bot.slack.click(SANNE, CHANNEL, bot.cards()[0]["ts"], "case:answer")
    await bot.slack.wait_for(lambda: why in text_of(bot.slack.view(SANNE) or {}))
    assert await bot.rows(Reply) == []


@pytest.mark.parametrize(("takes", "left"), [(5000, 2999), (100, 95)])
async def test_one_number_says_how_much_fits_the_smaller_of_what_slack_and_the_platform_take(
    sqlite_bot: Bot, takes: int, left: int
) -> None:
    bot = sqlite_bot
    async with bot.desk.session() as session:
        account = await session.get_one(Account, 1)
        account.options = {**account.options, "max_length": takes}
        session.add(account)
    await opened(bot)
    await bot.slack.type(SANNE, "initials", "SB")
    await bot.slack.type(SANNE, "answer_text", "J")
    view = await bot.slack.wait_for(lambda: (shown := bot.slack.view(SANNE)) and "J ^SB" in text_of(shown) and shown)
    assert re.findall(r"nog (\d+) tekens over", text_of(view)) == [str(left)]
    [field] = [e for _, e in input_state.elements(view["blocks"]) if e["action_id"] == "answer_text"]
    assert "max_length" not in field, "Slack would count beside us"


@pytest.mark.parametrize("words", ["^SB", " ^sb ", "\u200b", "\u200b ^SB"])
async def test_nothing_but_initials_or_what_nobody_sees_is_no_answer(sqlite_bot: Bot, words: str) -> None:
    bot = sqlite_bot
    await opened(bot)
    ack = await bot.slack.submit(SANNE, {"answer_text": words, "initials": "SB"})
    assert ack.errors == {"answer_text": "Schrijf eerst een antwoord."}
    assert await bot.rows(Reply) == []


async def test_a_sign_alone_is_an_answer(sqlite_bot: Bot) -> None:
    bot = sqlite_bot
    await opened(bot)
    ack = await bot.slack.submit(SANNE, {"answer_text": "👍", "initials": "SB"})
    assert ack.ok and not ack.errors
    await eventually(lambda: _texts(bot))
    assert await _texts(bot) == ["👍 ^SB"]


async def _texts(bot: Bot) -> list[str]:
    return [reply.text for reply in await bot.rows(Reply)]
