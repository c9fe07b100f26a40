"""What is the same on a Facebook page and an Instagram account: comments hidden there, and the one private answer.

Each test runs on both.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.mention import Act
from bot.models import Act as ActRow
from bot.models import ActStatus, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from tests import people
from tests.acting import approve
from tests.conftest import CHANNEL, SANNE, Bot
from tests.connectors.facebook import fake as facebook
from tests.connectors.facebook.fake import FakeFacebook
from tests.connectors.instagram import fake as instagram
from tests.connectors.instagram.fake import FakeInstagram
from tests.connectors.meta.graph import SECRETS, pushed
from tests.people import answer, open_modal, polled, reopened, sent_out, told

Server = FakeFacebook | FakeInstagram
HIDDEN = {FakeFacebook: "is_hidden", FakeInstagram: "hidden"}
"""The field that says that a comment is hidden."""
PLATFORM = {FakeFacebook: "facebook", FakeInstagram: "instagram"}
CHANGES: dict[type[Server], tuple[str, dict[str, Any]]] = {
    FakeFacebook: ("page", {"field": "feed", "value": {"item": "post"}}),
    FakeInstagram: ("instagram", {"field": "comments", "value": {"id": "1", "text": "Hallo"}}),
}
"""What a call is about, and a change in one."""


@pytest.fixture(params=[FakeFacebook, FakeInstagram], ids=["facebook", "instagram"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    async with request.param() as one:
        yield one


async def connected(bot: Bot, server: Server, **more: bool) -> Bot:
    """Add the team's account to the bot, and check it."""
    server.clock = bot.desk.now
    on = facebook if isinstance(server, FakeFacebook) else instagram
    options = {**on.OPTIONS, "messages": True, **more}
    return await people.connected(bot, PLATFORM[type(server)], server.url, SECRETS, options)


@pytest.fixture
async def on_meta(bot: Bot, server: Server) -> Bot:
    """The bot on each database, with the team's account."""
    return await connected(bot, server)


async def test_a_call_about_an_account_that_is_not_ours_brings_nothing_and_must_be_signed_too(
    on_meta: Bot, server: Server
) -> None:
    bot, path = on_meta, f"/in/{PLATFORM[type(server)]}"
    about, change = CHANGES[type(server)]
    for changes in ([], [change]):
        body = {"object": about, "entry": [{"id": "105", "changes": changes}]}
        assert [(await told(bot, path, pushed(body, **by)))[0] for by in ({}, {"secret": "another"})] == [200, 404]
    assert await bot.rows(Mention) == []


async def test_what_is_hidden_and_shown_again_there_is_seen_and_can_be_shown_again_from_here(
    on_meta: Bot, server: Server
) -> None:
    bot = on_meta
    asked = server.comment("jan", "Wie veegt hier?")
    fields = server.things[asked].fields
    await polled(bot)
    await bot.card("Wie veegt hier?", "Nieuw")
    fields[HIDDEN[type(server)]] = True
    for _ in range(2):
        await polled(bot)
        await bot.card("Wie veegt hier?", "*Verborgen* op het platform zelf")
    fields[HIDDEN[type(server)]] = False
    await polled(bot)
    await bot.slack.wait_for(lambda: not bot.card_now("Verborgen"))
    fields[HIDDEN[type(server)]] = True
    await polled(bot)
    await bot.card("*Verborgen* op het platform zelf")
    await approve(bot, Act.SHOW)
    await sent_out(bot)
    await bot.slack.wait_for(lambda: not bot.card_now("Verborgen"))
    assert fields[HIDDEN[type(server)]] is False
    for _ in range(2):
        await polled(bot)
    acts = [(act.kind, act.by, act.status) for act in await bot.rows(ActRow)]
    there = [(kind, "", ActStatus.DONE) for kind in (Act.HIDE, Act.SHOW, Act.HIDE)]
    assert acts == [*there, (Act.SHOW, SANNE, ActStatus.DONE)]


async def test_what_we_hide_is_not_told_as_hidden_there(on_meta: Bot, server: Server) -> None:
    bot = on_meta
    asked = server.comment("jan", "Wie veegt hier?")
    await polled(bot)
    await approve(bot, Act.HIDE)
    await polled(bot)  # our act waits no longer than this
    await sent_out(bot)
    assert server.things[asked].fields[HIDDEN[type(server)]] is True
    for _ in range(3):
        await polled(bot)
    assert [(act.kind, act.by) for act in await bot.rows(ActRow)] == [(Act.HIDE, SANNE)]


async def test_a_second_private_answer_to_the_same_comment_is_not_offered(on_meta: Bot, server: Server) -> None:
    bot = on_meta
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw", "privé antwoorden kan tot")
    await answer(bot, SANNE, card, "Wat is uw nummer?", answer_visibility="private")
    await bot.card("*Beantwoord*")
    await reopened(bot)
    assert "privé antwoorden kan tot" not in text_of(await bot.card("*In behandeling*"))
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    view = await open_modal(bot, SANNE, "case:answer")
    assert "answer_visibility" not in action_ids(view)
    assert len(server.said()) == 1
    server.say("jan", "012-345")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("012-345"), "Wij bellen u.")  # now there is a conversation
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    assert server.said() == ["Wat is uw nummer? ^SB", "Wij bellen u. ^SB"]


async def test_a_private_answer_that_waits_past_its_time_goes_out_if_the_citizen_wrote_again(
    sqlite_bot: Bot, server: Server
) -> None:
    bot = await connected(sqlite_bot, server)
    server.say("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw")
    bot.clock.advance(hours=23, minutes=40)
    too_often = '{"error": {"code": 613, "message": "Too often."}}'
    server.fail(method="POST", status=400, body=too_often, headers={"Retry-After": "86400"})
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.card("Wacht op verzending")
    server.say("jan", "Hallo?")
    await polled(bot)
    assert server.said() == []
    bot.clock.advance(minutes=30)
    await sent_out(bot)
    assert server.said() == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_a_comment_that_was_answered_privately_elsewhere_offers_that_no_more(
    sqlite_bot: Bot, server: Server
) -> None:
    bot = await connected(sqlite_bot, server)
    ident = server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    server.answered_privately({"comment_id": ident})
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wat is uw nummer?", answer_visibility="private")
    shown = await bot.card("*Niet verstuurd*", "al privé geantwoord")
    assert "privé antwoorden kan tot" not in text_of(shown)
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.FAILED]
    assert (server.said(), server.ours()) == ([], [])
    [mention] = await bot.rows(Mention)
    assert mention.may(Act.ANSWER, bot.desk.now()) and not mention.may(Act.ANSWER_PRIVATELY, bot.desk.now())


async def test_a_message_that_meta_cannot_send_for_a_moment_goes_out_after_that_and_once(
    on_meta: Bot, server: Server
) -> None:
    bot = on_meta
    server.say("jan", "Wie belt mij terug?")
    await polled(bot)
    failure = '{"error": {"code": 1200, "message": "(#1200) Temporary send message failure. Please try again later."}}'
    server.fail(method="POST", status=400, body=failure)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.")
    await bot.card("Wordt verstuurd")
    for _ in range(4):
        bot.clock.advance(minutes=2)
        await sent_out(bot)
    assert server.said() == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_an_answer_of_a_person_at_the_end_of_the_day_goes_out_though_metas_clock_is_ahead(
    bot: Bot, server: Server
) -> None:
    """For Meta the day is over already; an answer of a person is taken for a week."""
    await connected(bot, server, human_agent=True)
    server.may_be_human = True
    written = bot.desk.now()
    server.say("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw")
    bot.clock.advance(seconds=(written + timedelta(hours=23, minutes=59) - bot.desk.now()).total_seconds())
    server.clock = lambda: bot.desk.now() + timedelta(minutes=2)
    await answer(bot, SANNE, card, "Wij bellen u.")
    await bot.slack.wait_for(lambda: bot.card_now("*Beantwoord*") or bot.card_now("*Niet verstuurd*"))
    assert server.said() == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]
