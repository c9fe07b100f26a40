"""The main job on Instagram, end to end: told at once or asked for, answered in Slack, the answer is there."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.cli.doctor.facts import gather
from bot.cli.doctor.show import show
from bot.domain.mention import Act, Gone
from bot.domain.sla import ClockKind
from bot.domain.text import Refused
from bot.models import Act as ActRow
from bot.models import ActStatus, Clock, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import replies
from tests import people
from tests.acting import approve, choose
from tests.conftest import CHANNEL, SANNE, Bot, account_of
from tests.connectors.instagram.fake import HANDLE, ME, OPTIONS, SECRETS, FakeInstagram, id_of
from tests.connectors.meta.graph import pushed, question
from tests.people import answer, open_modal, polled, sent_out, stopped, told, twin

PATH = "/in/instagram"


@pytest.fixture
async def server() -> AsyncIterator[FakeInstagram]:
    async with FakeInstagram() as one:
        yield one


async def connected(bot: Bot, server: FakeInstagram) -> Bot:
    """Add the team's account to the bot, and check it."""
    server.clock = bot.desk.now
    return await people.connected(bot, "instagram", server.url, SECRETS, {**OPTIONS, "messages": True})


@pytest.fixture
async def on_instagram(bot: Bot, server: FakeInstagram) -> Bot:
    """The bot on each database, with the team's account."""
    return await connected(bot, server)


async def test_what_instagram_sends_is_a_card_at_once_and_asking_makes_no_second(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    asked = server.comment("jan", "Wanneer wordt de <container> geleegd?")
    request = server.sent()
    assert [(await told(bot, PATH, request))[0] for _ in range(2)] == [200, 200]
    card = await bot.card("container", "Nieuw", "Instagram", f"https://www.instagram.com/p/{server.own}/")
    await polled(bot)
    await answer(bot, SANNE, card, "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB")
    assert server.ours() == ["Donderdag! ^SB"]
    assert (await told(bot, PATH, server.sent()))[0] == 200  # our own answer
    await polled(bot)
    assert [mention.external_id for mention in await bot.rows(Mention)] == [asked]


async def test_a_mention_is_asked_for_at_once_and_sent_again_if_that_fails(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    server.name_us("kim", f"Waar is de glasbak @{HANDLE}?")
    request = server.sent()
    server.fail(f"/v26.0/{ME}", status=500)
    assert (await told(bot, PATH, request))[0] == 503
    assert await bot.rows(Mention) == []
    assert (await told(bot, PATH, request))[0] == 200
    await answer(bot, SANNE, await bot.card("glasbak", "Nieuw"), "Bij de kerk.")
    await bot.card("*Beantwoord*", "Bij de kerk. ^SB")
    assert server.ours() == ["Bij de kerk. ^SB"]


async def test_a_mention_that_is_shown_to_us_later_is_answered_and_timed_from_then_on(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    server.name_us("kim", f"Waar is de glasbak @{HANDLE}?")
    server.fail(f"/v26.0/{ME}", status=400, body='{"error": {"code": 10, "message": "(#10) No permission."}}')
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Nieuw", "No permission")
    assert await bot.rows(Clock) == []
    bot.clock.advance(minutes=5)
    await polled(bot)
    card = await bot.card("glasbak", "Nieuw", "https://www.instagram.com/p/")
    timed = [(clock.kind, clock.started_at > (await bot.case()).opened_at) for clock in await bot.rows(Clock)]
    assert timed == [(ClockKind.FIRST_REACTION, True), (ClockKind.RESOLUTION, True)]
    await answer(bot, SANNE, card, "Bij de kerk.")
    await bot.card("*Beantwoord*", "Bij de kerk. ^SB")
    assert server.ours() == ["Bij de kerk. ^SB"]


async def came_in_hidden(bot: Bot, server: FakeInstagram) -> str:
    """Let a comment come in that Instagram hides; returns its id."""
    asked = server.comment("jan", "Wanneer wordt de container geleegd?")
    server.things[asked].fields["hidden"] = True
    await polled(bot)
    await bot.card("container", "Nieuw")
    return asked


async def test_a_comment_that_was_hidden_when_it_came_in_is_answered_once_it_is_shown(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    asked = await came_in_hidden(bot, server)
    assert not (await bot.rows(Mention))[0].may_be_answered()
    server.things[asked].fields["hidden"] = False
    bot.clock.advance(minutes=6)
    await polled(bot)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    await answer(bot, SANNE, await bot.card("container", "Nieuw"), "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB")
    assert server.ours() == ["Donderdag! ^SB"]


async def test_a_comment_that_was_hidden_when_it_came_in_and_that_we_show_is_answered_then(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    asked = await came_in_hidden(bot, server)
    await approve(bot, Act.SHOW)
    await sent_out(bot)
    assert server.things[asked].fields["hidden"] is False
    bot.clock.advance(minutes=6)
    await polled(bot)
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    assert [clock.kind for clock in await bot.rows(Clock)] == [ClockKind.FIRST_REACTION, ClockKind.RESOLUTION]
    await answer(bot, SANNE, await bot.card("container", "Nieuw"), "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB")
    assert server.ours() == ["Donderdag! ^SB"]


async def test_a_comment_is_hidden_and_our_answer_removed(on_instagram: Bot, server: FakeInstagram) -> None:
    bot = on_instagram
    asked = server.comment("jan", "Wanneer wordt de container geleegd?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("container", "Nieuw"), "Donderdag!")
    await bot.card("*Beantwoord*")
    await approve(bot, Act.HIDE)
    await approve(bot, Act.DELETE, reply_id=1)
    await sent_out(bot)
    assert (server.things[asked].fields["hidden"], server.ours()) == (True, [])
    assert {act.status for act in await bot.rows(ActRow)} == {ActStatus.DONE}


async def test_a_private_answer_goes_on_in_messages_and_what_is_taken_back_is_seen(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wat is uw nummer?", answer_visibility="private")
    await bot.card("*Beantwoord*")
    assert (server.said(), server.ours()) == (["Wat is uw nummer? ^SB"], [])
    with pytest.raises(Refused):
        await approve(bot, Act.DELETE, reply_id=1)
    ident = server.say("jan", "012-345")
    await told(bot, PATH, server.sent())  # it makes us ask
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    found = [(each.case_id, each.private, each.conversation) for each in await bot.rows(Mention)]
    assert found == [(1, False, None), (1, True, id_of("jan"))]
    assert (await bot.rows(Reply))[0].conversation == id_of("jan")
    server.unsend("jan", ident)
    assert (await told(bot, PATH, server.sent()))[0] == 200
    assert [mention.gone for mention in await bot.rows(Mention)] == [None, Gone.BY_AUTHOR]


async def test_a_changed_message_is_still_about_our_story(on_instagram: Bot, server: FakeInstagram) -> None:
    bot, url = on_instagram, "https://cdn.example/story.jpg"
    told_us = server.say("els", "Luek!", story={"reply_to": {"link": url, "id": "17"}})
    await polled(bot)
    await bot.card("Luek!", f"<{url}|reactie op onze story>")
    server.sent()
    bot.clock.advance(minutes=1)
    server.edit_message("els", told_us, "Leuk!")
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Leuk!", f"<{url}|reactie op onze story>")


async def test_a_message_that_is_changed_before_we_ask_for_it_is_about_our_story(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot, url = on_instagram, "https://cdn.example/story.jpg"
    told_us = server.say("els", "Luek!", story={"reply_to": {"link": url, "id": "17"}})
    server.sent()
    bot.clock.advance(minutes=1)
    server.edit_message("els", told_us, "Leuk!")
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Leuk!")
    await polled(bot)
    await bot.card("Leuk!", f"<{url}|reactie op onze story>")


async def test_a_private_answer_is_held_to_the_length_of_a_message(sqlite_bot: Bot, server: FakeInstagram) -> None:
    bot = await connected(sqlite_bot, server)
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    chosen = {"initials": "SB", "answer_visibility": "private"}
    ack = await bot.slack.submit(SANNE, {**chosen, "answer_text": "é" * 499})
    assert "Te lang" in str(ack.errors)
    ack = await bot.slack.submit(SANNE, {**chosen, "answer_text": "é" * 498})
    assert not ack.errors
    await bot.card("*Beantwoord*")
    assert [len(words.encode()) for words in server.said()] == [1000]


async def test_only_instagram_gets_in(on_instagram: Bot, server: FakeInstagram) -> None:
    bot = on_instagram
    server.comment("jan", "Wanneer wordt de container geleegd?")
    request = server.sent()
    forged = pushed(request.body, secret="another")
    assert (await told(bot, PATH, forged))[0] == 401
    assert await bot.rows(Mention) == []
    assert await told(bot, PATH, question()) == (200, "1158201444")
    assert (await told(bot, PATH, question("wrong")))[0] == 401
    assert (await told(bot, "/in/instagram/gemeente", request))[0] == 200
    assert len(await bot.rows(Mention)) == 1


@pytest.mark.parametrize("private", [False, True], ids=["in public", "in private"])
@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_an_answer_whose_outcome_was_lost_is_there_once(
    sqlite_bot: Bot, server: FakeInstagram, taken: bool, private: bool
) -> None:
    bot = await connected(sqlite_bot, server)
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    server.fail(method="POST", status=0, done=taken)
    chosen = {"answer_visibility": "private"} if private else {}
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.", **chosen)
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    await bot.card("*Beantwoord*", "Wij bellen u. ^SB")
    assert [*server.said(), *server.ours()] == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.SENT]


async def test_a_private_answer_that_is_there_but_is_not_shown_is_for_a_person(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    server.fail(method="POST", status=0, done=True)
    chosen = {"answer_visibility": "private"}
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.", **chosen)
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    server.fail("/v26.0/me/conversations", status=200, body='{"data": []}')
    await sent_out(bot)
    await bot.card("Wie belt mij terug?", "*Misschien verstuurd*")
    assert server.said() == ["Wij bellen u. ^SB"]
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.UNCERTAIN]
    assert [mention.may_be(Act.ANSWER_PRIVATELY) for mention in await bot.rows(Mention)] == [False]


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_a_lost_answer_to_a_mention_is_for_a_person(sqlite_bot: Bot, server: FakeInstagram, taken: bool) -> None:
    bot = await connected(sqlite_bot, server)
    server.name_us("kim", f"Waar is de glasbak @{HANDLE}?")
    await told(bot, PATH, server.sent())
    server.fail(method="POST", status=0, done=taken)
    await answer(bot, SANNE, await bot.card("glasbak", "Nieuw"), "Bij de kerk.")
    await bot.card("glasbak", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.UNCERTAIN]
    assert server.ours() == ["Bij de kerk. ^SB"] * taken


async def test_a_mention_of_a_stopped_account_is_sent_again_and_one_of_its_comments_need_not_be(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    bot = on_instagram
    await twin(bot, await account_of(bot, "gemeente"), "17841400000000999")
    await stopped(bot, "wijk")
    server.comment("jan", "Wie veegt hier?")
    comments = json.loads(server.sent().body)
    server.name_us("fatima", f"Zeg @{HANDLE}, wie veegt?")
    mentions = json.loads(server.sent().body)
    for theirs, status in ((comments, 200), (mentions, 503)):
        entries = [{**entry, "id": "17841400000000999"} for entry in theirs["entry"]]
        both = pushed({**comments, "entry": [*entries, *comments["entry"]]})
        assert (await told(bot, PATH, both))[0] == status
        [mention] = await bot.rows(Mention)
        assert mention.account_id == (await account_of(bot, "gemeente")).id


async def test_who_tells_a_citizen_why_their_comment_was_hidden_does_so_privately(
    on_instagram: Bot, server: FakeInstagram
) -> None:
    """Instagram takes no comment below a hidden one."""
    bot = on_instagram
    asked = server.comment("jan", "Stelletje prutsers!")
    await polled(bot)
    await choose(bot, "hide:1", "prutsers")
    await open_modal(bot, SANNE, "case:hide")
    ack = await bot.slack.submit(SANNE, {"hide_rule": "Schelden"})
    assert ack.ok and not ack.errors, ack.errors
    await open_modal(bot, SANNE, "case:answer")
    ack = await bot.slack.submit(SANNE, {"answer_text": "We hebben uw bericht verborgen.", "initials": "SB"})
    assert ack.ok and not ack.errors, ack.errors
    await bot.card("*Beantwoord*", "Verborgen")
    assert server.things[asked].fields["hidden"] is True
    assert (server.said(), server.ours()) == (["We hebben uw bericht verborgen. ^SB"], [])


async def test_a_comment_that_we_hid_is_answered_in_public_once_it_is_shown_again(
    bot: Bot, server: FakeInstagram
) -> None:
    server.clock = bot.desk.now
    await people.connected(bot, "instagram", server.url, SECRETS, OPTIONS)
    server.comment("jan", "Stelletje prutsers!")
    await polled(bot)
    await bot.card("prutsers", "Nieuw")
    await approve(bot, Act.HIDE)
    await sent_out(bot)
    assert "case:answer" not in action_ids(await bot.card("*Verborgen*"))
    await approve(bot, Act.SHOW)
    await sent_out(bot)
    await bot.slack.wait_for(lambda: not bot.card_now("Verborgen"))
    await answer(bot, SANNE, await bot.card("prutsers"), "Wat bedoelt u?")
    await bot.card("*Beantwoord*", "Wat bedoelt u? ^SB")
    assert server.ours() == ["Wat bedoelt u? ^SB"]


async def test_a_list_offers_no_answer_to_a_comment_that_we_hid_as_its_card_does(
    bot: Bot, server: FakeInstagram
) -> None:
    server.clock = bot.desk.now
    await people.connected(bot, "instagram", server.url, SECRETS, OPTIONS)
    server.comment("jan", "Stelletje prutsers!")
    await polled(bot)
    await bot.slack.click(SANNE, CHANNEL, (await bot.card("prutsers"))["ts"], "case:claim")
    await bot.card("prutsers", "In behandeling")
    await approve(bot, Act.HIDE)
    await sent_out(bot)
    assert "case:answer" not in action_ids(await bot.card("*Verborgen*"))
    assert "prutsers" in await people.asked(bot, SANNE, "/webcare open")
    assert "case:answer" not in action_ids(bot.slack.ephemerals(SANNE, CHANNEL)[-1])
    await approve(bot, Act.SHOW)
    await sent_out(bot)
    assert "prutsers" in await people.asked(bot, SANNE, "/webcare open")
    assert "case:answer" in action_ids(bot.slack.ephemerals(SANNE, CHANNEL)[-1])


async def test_a_reply_below_a_comment_that_we_hid_is_answered_in_public_once_that_is_shown_again(
    bot: Bot, server: FakeInstagram
) -> None:
    """Our answer to it would stand below that comment too: Instagram has two levels."""
    server.clock = bot.desk.now
    await people.connected(bot, "instagram", server.url, SECRETS, OPTIONS)
    top = server.comment("jan", "Stelletje prutsers!")
    server.comment("jan", "Maar wanneer komt u nu?", answers=top)
    await polled(bot)
    await bot.card("wanneer komt u", "Nieuw")
    await approve(bot, Act.HIDE)
    await sent_out(bot)
    assert "case:answer" not in action_ids(await bot.card("*Verborgen*"))
    await approve(bot, Act.SHOW)
    await sent_out(bot)
    await bot.slack.wait_for(lambda: not bot.card_now("Verborgen"))
    await answer(bot, SANNE, await bot.card("wanneer komt u"), "Morgen.")
    await bot.card("*Beantwoord*", "Morgen. ^SB")
    assert server.ours() == ["@jan Morgen. ^SB"]


async def test_of_an_answer_that_waits_for_a_stopped_account_card_and_thread_say_until_when_it_is_taken(
    on_instagram: Bot, server: FakeInstagram, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = on_instagram
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    await bot.card("belt mij", "Nieuw")
    await stopped(bot, "gemeente")
    await answer(bot, SANNE, await bot.card("belt mij"), "Wat is uw nummer?", answer_visibility="private")
    until = (await bot.rows(Mention))[0].published_at + timedelta(days=7)
    words = "neemt dit antwoord aan tot"
    shown = await bot.card("*Wacht op verzending*", words)
    card, ts = text_of(shown), shown["ts"]
    assert f"{words} {bot.desk.texts('nl').when(until, bot.desk.now())}" in card
    async with bot.desk.reading() as session:
        show(await gather(session, 1, bot.desk.now()), bot.desk.texts("en"), words=False)
    taken = f"the platform takes it until {bot.desk.texts('en').when(until, bot.desk.now())}"
    assert taken in " ".join(capsys.readouterr().out.split()), "webcare doctor says it too"
    bot.clock.advance(hours=2)
    await replies.look_after(bot.desk)
    said = await bot.slack.wait_for(
        lambda: [text for each in bot.slack.thread(CHANNEL, ts) if "wacht nog" in (text := text_of(each))]
    )
    assert f"{words} {bot.desk.texts('nl').when(until, bot.desk.now())}" in said[0]
    bot.clock.advance(days=8)
    await stopped(bot, "gemeente", again=True)
    await sent_out(bot)
    await bot.card("Wat is uw nummer?", "die is voorbij")
    assert server.said() == []
