"""The main job on a Facebook page, end to end: told at once or asked for, answered in Slack, the answer is there."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.connectors.base import Request
from bot.domain.mention import Act, Gone
from bot.models import Act as ActRow
from bot.models import ActStatus, Author, Mention, Reply, ReplyStatus
from bot.sandbox.slack.inspection import action_ids, text_of
from jobs import check, redaction
from tests import people
from tests.acting import approve, offered
from tests.conftest import CHANNEL, SANNE, Bot, account_of
from tests.connectors.facebook.fake import OPTIONS, PAGE, SECRETS, FakeFacebook, id_of
from tests.connectors.meta.graph import pushed, question
from tests.people import answer, open_modal, polled, sent_out, set_sealed, stopped, told, twin

PATH = "/in/facebook"


@pytest.fixture
async def server() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as one:
        yield one


async def connected(bot: Bot, server: FakeFacebook, **options: object) -> Bot:
    """Add the team's page to the bot, and check it."""
    server.clock = bot.desk.now
    return await people.connected(bot, "facebook", server.url, SECRETS, {**OPTIONS, "messages": True, **options})


@pytest.fixture
async def on_facebook(bot: Bot, server: FakeFacebook) -> Bot:
    """The bot on each database, with the team's page."""
    return await connected(bot, server)


async def test_what_facebook_sends_is_a_card_at_once_and_asking_makes_no_second(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    asked = server.comment("jan", "Wanneer wordt de <container> geleegd?")
    request = server.sent()
    assert [(await told(bot, PATH, request))[0] for _ in range(2)] == [200, 200]
    card = await bot.card("container", "Nieuw", "Facebook")
    await polled(bot)
    await answer(bot, SANNE, card, "Donderdag!")
    await bot.card("*Beantwoord*", "Donderdag! ^SB", "bekijk het antwoord")
    assert server.ours() == ["Donderdag! ^SB"]
    assert (await told(bot, PATH, server.sent()))[0] == 200  # our own answer
    await polled(bot)
    assert [mention.external_id for mention in await bot.rows(Mention)] == [asked]


async def test_what_facebook_sends_offers_no_more_than_facebook_allows_and_shows_what_it_is_below(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    server.comment("jan", "Wanneer wordt de container geleegd?")
    bound: dict[str, Any] = dict.fromkeys(["can_hide", "can_like", "can_comment", "can_reply_privately"], False)
    server.comment("els", "Wie veegt hier?", **bound)
    assert (await told(bot, PATH, server.sent()))[0] == 200
    free, card = await bot.card("container", "De markt gaat door."), await bot.card("Wie veegt", "De markt gaat door.")
    assert [("case:answer" in action_ids(each)) for each in (free, card)] == [True, False]
    acts = {"Bericht verbergen…", "Liken", "Privé verder…"}
    assert acts <= await offered(bot, "container")
    assert not acts & await offered(bot, "Wie veegt")


async def test_pictures_that_facebook_does_not_send_with_a_post_are_on_its_card_at_once(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    gif, album = ({"image": {"src": f"https://cdn.example/{name}"}} for name in ("boos.gif", "stoep.jpg"))
    server.comment("jan", "", attachment={"type": "animated_image_share", "media": gif})
    server.visit("els", "Onze stoep", attachments={"data": [{"type": "photo", "media": album}]})
    assert (await told(bot, PATH, server.sent()))[0] == 200
    for url in ("https://cdn.example/boos.gif", "https://cdn.example/stoep.jpg"):
        await bot.card("Nieuw", url)


@pytest.mark.parametrize("fails", [False, True], ids=["asked for", "not to be asked for"])
async def test_a_changed_comment_keeps_its_picture_until_its_author_takes_that_away(
    on_facebook: Bot, server: FakeFacebook, fails: bool
) -> None:
    bot = on_facebook
    picture = {"type": "photo", "media": {"image": {"src": "https://cdn.example/stoep.jpg"}}}
    asked = server.comment("jan", "Onze soep", attachment=picture)
    await polled(bot)
    await bot.card("Onze soep", "https://cdn.example/stoep.jpg")
    server.sent()
    bot.clock.advance(minutes=1)
    server.edit(asked, "Onze stoep")
    server.fail(f"/v26.0/{asked}", status=500, count=int(fails))
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Onze stoep", "https://cdn.example/stoep.jpg")
    bot.clock.advance(minutes=1)
    del server.things[asked].fields["attachment"]
    server.edit(asked, "Nu zonder foto")
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Nu zonder foto")
    assert (await bot.rows(Mention))[0].media == []


async def test_a_comment_is_hidden_liked_and_our_answer_removed(on_facebook: Bot, server: FakeFacebook) -> None:
    bot = on_facebook
    asked = server.comment("jan", "Wanneer wordt de container geleegd?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("container", "Nieuw"), "Donderdag!")
    await bot.card("*Beantwoord*")
    for kind in (Act.HIDE, Act.LIKE):
        await approve(bot, kind)
    await approve(bot, Act.DELETE, reply_id=1)
    await sent_out(bot)
    fields = server.things[asked].fields
    assert (fields["is_hidden"], fields["user_likes"], server.ours()) == (True, True, [])
    assert {act.status for act in await bot.rows(ActRow)} == {ActStatus.DONE}
    await polled(bot)
    await bot.card("*Beantwoord*", "ons antwoord is verwijderd")


async def test_an_edit_and_a_removal_are_seen_on_the_card(on_facebook: Bot, server: FakeFacebook) -> None:
    bot = on_facebook
    one = server.comment("jan", "Wanneer wordt de container geleegd?")
    await told(bot, PATH, server.sent())
    await bot.card("container", "Nieuw")
    bot.clock.advance(minutes=1)
    server.edit(one, "Wanneer wordt de glasbak geleegd?")
    late = server.sent()
    await told(bot, PATH, late)
    await bot.card("glasbak")
    server.remove(one)
    await told(bot, PATH, server.sent())
    await bot.card("glasbak", "Dit bericht is verwijderd, het platform zegt niet door wie")
    (mention,) = await bot.rows(Mention)
    assert (mention.gone, mention.earlier_text) == (Gone.REMOVED, "Wanneer wordt de container geleegd?")
    await told(bot, PATH, late)  # what was overtaken brings it not back
    await polled(bot)
    bot.clock.advance(days=31)
    await redaction.redact(bot.desk)
    (mention,) = await bot.rows(Mention)
    assert (mention.gone, mention.text, mention.earlier_text) == (Gone.REMOVED, "", None)


async def test_a_private_answer_goes_on_in_messenger_and_joins_the_case(on_facebook: Bot, server: FakeFacebook) -> None:
    bot = on_facebook
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wat is uw nummer?", answer_visibility="private")
    await bot.card("*Beantwoord*")
    assert (server.said(), server.ours()) == (["Wat is uw nummer? ^SB"], [])
    server.say("jan", "012-345")
    await told(bot, PATH, server.sent())  # it makes us ask
    await bot.desk.wake.idle()  # type: ignore[attr-defined]
    found = [(each.case_id, each.private, each.conversation) for each in await bot.rows(Mention)]
    assert found == [(1, False, None), (1, True, id_of("jan", "messenger"))]
    assert (await bot.rows(Reply))[0].conversation == id_of("jan", "messenger")


async def test_a_changed_message_that_comes_before_we_asked_for_it_leaves_the_citizen_their_name(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    server.say("jan", "Hallo?")
    await polled(bot)
    await bot.card("Hallo?", "Jan")
    server.sent()
    server.edit_message("jan", server.say("jan", "Ik woon in de Drpsstraat"), "Ik woon in de Dorpsstraat")
    assert (await told(bot, PATH, server.sent()))[0] == 200
    await bot.card("Dorpsstraat", "Jan")
    assert [author.name for author in await bot.rows(Author)] == ["Jan"]


async def test_a_changed_message_of_a_new_citizen_gets_their_name_once_we_asked_for_it(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    server.edit_message("jan", server.say("jan", "Ik woon in de Drpsstraat"), "Ik woon in de Dorpsstraat")
    changes = server.sent()
    assert (await told(bot, PATH, changes))[0] == 200
    await bot.card("Dorpsstraat")
    await polled(bot)
    await bot.card("Dorpsstraat", "Jan")
    assert [author.name for author in await bot.rows(Author)] == ["Jan"]


async def test_a_message_of_only_a_sticker_or_a_share_says_what_it_is(sqlite_bot: Bot, server: FakeFacebook) -> None:
    bot = await connected(sqlite_bot, server)
    server.say("jan", "", sticker="https://cdn.example/thumb.png")
    server.say("els", "", shares={"data": [{"id": "7", "link": "https://www.facebook.com/1_2"}]})
    await polled(bot)
    for name, what, url in (
        ("Jan", "sticker", "https://cdn.example/thumb.png"),
        ("Els", "gedeeld bericht", "https://www.facebook.com/1_2"),
    ):
        card = await bot.card(name, f"<{url}|{what}>")
        assert f"({what})" in card["text"]  # what Slack notifies


async def test_a_private_answer_is_held_to_the_length_of_a_message(sqlite_bot: Bot, server: FakeFacebook) -> None:
    bot = await connected(sqlite_bot, server)
    server.comment("jan", "Wie belt mij terug?")
    await polled(bot)
    card = await bot.card("belt mij", "Nieuw")
    await bot.slack.click(SANNE, CHANNEL, card["ts"], "case:answer")
    await open_modal(bot, SANNE, "case:answer")
    chosen = {"initials": "SB", "answer_visibility": "private"}
    ack = await bot.slack.submit(SANNE, {**chosen, "answer_text": "x" * 1997})
    assert "Te lang. Tekens te veel: 1." in str(ack.errors)
    ack = await bot.slack.submit(SANNE, {**chosen, "answer_text": "x" * 1996})
    assert not ack.errors
    await bot.card("*Beantwoord*")
    assert [len(words) for words in server.said()] == [2000]


async def test_only_facebook_gets_in(on_facebook: Bot, server: FakeFacebook) -> None:
    bot = on_facebook
    server.comment("jan", "Wanneer wordt de container geleegd?")
    request = server.sent()
    forged = pushed(request.body, secret="another")
    assert (await told(bot, PATH, forged))[0] == 401
    assert (await told(bot, "/in/facebook/gemeente", forged))[0] == 401
    assert await bot.rows(Mention) == []
    assert await told(bot, PATH, question()) == (200, "1158201444")
    assert (await told(bot, PATH, question("wrong")))[0] == 401
    assert (await told(bot, "/in/facebook/gemeente", request))[0] == 200
    assert len(await bot.rows(Mention)) == 1


@pytest.mark.parametrize("private", [False, True], ids=["in public", "in private"])
@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_an_answer_whose_outcome_was_lost_is_there_once(
    sqlite_bot: Bot, server: FakeFacebook, taken: bool, private: bool
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


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_a_lost_private_answer_to_a_visitors_post_is_there_once_or_for_a_person(
    sqlite_bot: Bot, server: FakeFacebook, taken: bool
) -> None:
    bot = await connected(sqlite_bot, server)
    server.visit("els", "Wie belt mij terug?")
    await polled(bot)
    server.fail(method="POST", status=0, done=taken)
    chosen = {"answer_visibility": "private"}
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.", **chosen)
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    await bot.card("Wie belt mij terug?", "*Misschien verstuurd*" if taken else "*Beantwoord*")
    assert (server.said(), server.ours()) == (["Wij bellen u. ^SB"], [])
    expected = ReplyStatus.UNCERTAIN if taken else ReplyStatus.SENT
    assert [reply.status for reply in await bot.rows(Reply)] == [expected]


async def test_a_lost_answer_to_a_reply_beside_the_same_words_is_for_a_person(
    sqlite_bot: Bot, server: FakeFacebook
) -> None:
    bot = await connected(sqlite_bot, server)
    first = server.comment("els", "Ik ook")
    server.comment("jan", "Wie belt mij terug?", answers=first)
    await polled(bot)
    server.fail(method="POST", status=0, done=True)
    await answer(bot, SANNE, await bot.card("belt mij", "Nieuw"), "Wij bellen u.")
    await bot.card("Wie belt mij terug?", "nog niet zeker")
    bot.clock.advance(minutes=5)
    await sent_out(bot)
    assert [reply.status for reply in await bot.rows(Reply)] == [ReplyStatus.UNCERTAIN]
    assert server.ours() == ["Wij bellen u. ^SB"]


async def test_a_token_that_was_withdrawn_stops_the_account_and_tells_the_team(
    sqlite_bot: Bot, server: FakeFacebook
) -> None:
    bot = await connected(sqlite_bot, server)
    server.token = "another"
    await polled(bot)
    assert (await account_of(bot, "gemeente")).stopped_at is not None
    told_team = text_of(await bot.card("gemeente", "Malformed access token"))
    assert SECRETS["token"] not in told_team


async def test_a_page_that_facebook_stopped_telling_us_about_is_subscribed_again_by_the_check(
    sqlite_bot: Bot, server: FakeFacebook
) -> None:
    bot = await connected(sqlite_bot, server)
    server.apps.clear()
    await check.check_accounts(bot.desk)
    assert [app["subscribed_fields"] for app in server.apps[PAGE]] == [
        ["feed", "mention", "message_edits", "messages"]
    ]  # fmt: skip


# --- A call about several pages ------------------------------------------------------------------

WIJK = "105"
"""The id of a second page."""


def about_both(request: Request, *, alone: bool = False) -> Request:
    """The same call, about the second page as well, or about that alone."""
    body = json.loads(request.body)
    others = [{**entry, "id": WIJK} for entry in body["entry"]]
    return pushed({**body, "entry": others if alone else [*others, *body["entry"]]})


@pytest.mark.parametrize("which", ["gemeente", "wijk"])
async def test_a_page_that_was_stopped_keeps_nothing_of_another_out(
    on_facebook: Bot, server: FakeFacebook, which: str
) -> None:
    bot = on_facebook
    await twin(bot, await account_of(bot, "gemeente"), WIJK)
    await stopped(bot, which)
    server.comment("jan", "Wie veegt hier?")
    request = server.sent()
    both = about_both(request)
    assert [(await told(bot, PATH, both))[0] for _ in range(2)] == [200, 200]
    [mention] = await bot.rows(Mention)
    running = "wijk" if which == "gemeente" else "gemeente"
    assert mention.account_id == (await account_of(bot, running)).id
    alone = request if which == "gemeente" else about_both(request, alone=True)
    assert (await told(bot, PATH, alone))[0] == 503
    await stopped(bot, which, again=True)
    assert (await told(bot, PATH, alone))[0] == 200
    assert len(await bot.rows(Mention)) == 2


async def test_a_page_that_was_removed_but_kept_keeps_nothing_of_another_out(
    on_facebook: Bot, server: FakeFacebook
) -> None:
    bot = on_facebook
    await twin(bot, await account_of(bot, "gemeente"), WIJK)
    await stopped(bot, "wijk")
    await set_sealed(bot, "wijk", b"")
    server.comment("jan", "Wie veegt hier?")
    request = server.sent()
    assert (await told(bot, PATH, about_both(request)))[0] == 200
    assert (await told(bot, PATH, about_both(request, alone=True)))[0] == 503
    [mention] = await bot.rows(Mention)
    assert mention.account_id == (await account_of(bot, "gemeente")).id


@pytest.mark.logs("a request failed")
@pytest.mark.parametrize("which", ["gemeente", "wijk"])
async def test_a_page_whose_tokens_cannot_be_read_keeps_nothing_of_another_out(
    on_facebook: Bot, server: FakeFacebook, which: str
) -> None:
    bot = on_facebook
    await twin(bot, await account_of(bot, "gemeente"), WIJK)
    right = await set_sealed(bot, which)
    server.comment("jan", "Wie veegt hier?")
    both = about_both(server.sent())
    assert (await told(bot, PATH, both))[0] == 500
    [mention] = await bot.rows(Mention)
    assert mention.account_id != (await account_of(bot, which)).id
    assert "calls" in ((await account_of(bot, which)).faults or {})
    await set_sealed(bot, which, right)
    assert (await told(bot, PATH, both))[0] == 200
    assert len(await bot.rows(Mention)) == 2
    assert not (await account_of(bot, which)).faults


async def test_what_is_signed_with_the_secret_of_one_page_comes_in_for_that_page_alone(
    sqlite_bot: Bot, server: FakeFacebook
) -> None:
    bot = await connected(sqlite_bot, server)
    await twin(bot, await account_of(bot, "gemeente"), WIJK, app_secret="another")
    server.comment("jan", "Wie veegt hier?")
    assert (await told(bot, PATH, about_both(server.sent())))[0] == 401
    [mention] = await bot.rows(Mention)
    assert mention.account_id == (await account_of(bot, "gemeente")).id
