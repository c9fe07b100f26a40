"""An Instagram account: what comes in, by asking and by being told; what goes out, and what became of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.connectors import instagram as instagram_module
from bot.connectors.base import (
    Account,
    Identity,
    Rejected,
    Unavailable,
    Unknowable,
)
from bot.connectors.instagram import PLATFORM, Instagram
from bot.connectors.platform import Tools
from bot.domain.mention import Act, Gone, Media, Permit, Post, PostKind, Quote, permits
from tests.connectors.instagram.fake import HANDLE, ME, OPTIONS, SECRETS, FakeInstagram, id_of
from tests.connectors.meta.graph import pushed
from tests.connectors.reading import acts, draft, read, read_all
from tests.fakes.between import ANY, Between
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
V = "/v26.0"


@pytest.fixture
async def server() -> AsyncIterator[FakeInstagram]:
    async with FakeInstagram() as one:
        yield one


@pytest.fixture
def instagram(server: FakeInstagram, client: httpx.AsyncClient) -> Instagram:
    return connect(server.url, client)


def account(url: str, *, added_at: datetime | None = None, **options: Any) -> Account:
    given = {**OPTIONS, "messages": True, **options}
    identity = Identity(ME, HANDLE)
    return Account(1, "instagram", "gemeente", url, SECRETS, given, identity=identity, added_at=added_at)


def connect(url: str, client: httpx.AsyncClient, *, now: datetime | None = None, **more: Any) -> Instagram:
    given = tools(client, SECRETS)
    if now is not None:
        given = Tools(client, lambda: now, given.secrets)
    return Instagram(account(url, **more), given)


async def told(server: FakeInstagram, instagram: Instagram, **options: Any) -> list[Post]:
    """What Instagram sends about all that happened since the last time, with what we ask for at once."""
    received = PLATFORM.receiver.receive(account("", **options), server.sent(), datetime.now(UTC))
    return [item for item in await instagram.complete(received.items) if isinstance(item, Post)]


# --- reading ---------------------------------------------------------------------------------------


async def test_a_comment_comes_in_with_what_it_is_about_and_what_may_be_done(
    server: FakeInstagram, instagram: Instagram
) -> None:
    post = await read(instagram, server.comment("jan", "De <lamp> is stuk 🌧", at=NOW))
    assert (post.text, post.published_at, post.kind, post.private) == (
        "De <lamp> is stuk 🌧", NOW, PostKind.REPLY, False,
    )  # fmt: skip
    assert (post.author.external_id, post.author.name, post.author.handle) == (id_of("jan"), "jan", "jan")
    assert post.author.url == "https://www.instagram.com/jan/"
    url = f"https://www.instagram.com/p/{server.own}/"
    assert (post.url, post.replies_to) == (url, Quote(HANDLE, "De markt gaat door.", url))
    assert (post.in_reply_to, post.ancestors) == (server.own, ())
    assert post.permits == permits(Act.ANSWER, Act.HIDE) | {Permit(Act.ANSWER_PRIVATELY, NOW + WEEK, once=True)}


async def test_without_messages_nothing_is_private(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    server.say("jan", "Hallo?")
    ident = server.comment("jan", "Wie veegt hier?")
    (post,) = (await connect(server.url, client, messages=False).fetch({})).posts
    assert (post.external_id, acts(post)) == (ident, {Act.ANSWER, Act.HIDE})


async def test_replies_hang_together(server: FakeInstagram, instagram: Instagram) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    second = server.comment("els", "Niemand", answers=first)
    third = server.comment("jan", "Echt?", answers=second)
    posts = {post.external_id: post for post in (await instagram.fetch({})).posts}
    assert set(posts) == {first, second, third}
    for ident in (second, third):  # Instagram has two levels
        assert (posts[ident].in_reply_to, posts[ident].ancestors) == (first, (server.own,))


async def test_messages_come_in(server: FakeInstagram, instagram: Instagram) -> None:
    ident = server.say(
        "jan", "Hallo?", at=NOW, attachments={"data": [{"image_data": {"url": "https://cdn.example/i.jpg"}}]}
    )
    (post,) = (await instagram.fetch({})).posts
    assert (post.external_id, post.private, post.kind) == (ident, True, PostKind.MESSAGE)
    assert post.conversation == post.author.external_id == id_of("jan")
    assert (post.author.handle, post.media) == ("jan", (Media("https://cdn.example/i.jpg"),))
    assert post.permits == {Permit(Act.ANSWER_PRIVATELY, NOW + DAY)}


async def test_what_was_shared_and_stories_are_listed(server: FakeInstagram, instagram: Instagram) -> None:
    """Stories as in https://developers.facebook.com/docs/messenger-platform/instagram/features/story-mention"""
    url = "https://cdn.example/s.mp4"
    story = {"link": url, "id": "17"}
    shown = {
        server.say("jan", "", shares={"data": [{"link": url}]}): [Media(url, "share")],
        server.say("els", "Leuk!", story={"reply_to": story}): [Media(url, "story_reply")],
        server.say("kim", "", story={"mention": story}): [Media(url, "story_mention")],
        server.say("ans", "Oud", story={"reply_to": {"id": "18"}}): [Media("", "story_reply")],
        server.say("piet", "", is_unsupported=True): [Media("", "unsupported")],
        server.say("eva", "Dag", story="?", shares={"data": [{"link": 7}]}): [],
    }
    assert {post.external_id: [*post.media] for post in (await instagram.fetch({})).posts} == shown


@pytest.mark.parametrize("own_id", [ME, "7"], ids=["our id", "another id of ours"])
async def test_what_we_wrote_ourselves_is_no_case(server: FakeInstagram, instagram: Instagram, own_id: str) -> None:
    server.own_id = own_id
    cursor = (await instagram.fetch({})).cursor
    ident = server.comment("jan", "Wie veegt hier?")
    server.comment(HANDLE, "Wij!", answers=ident)
    server.comment(HANDLE, f"Tip van @{HANDLE}")
    server.say_in_app("els", "Dag")
    assert [post.external_id for post in (await instagram.fetch(cursor)).posts] == [ident]
    assert [post.external_id for post in await told(server, instagram)] == [ident]


async def test_the_first_reading_leaves_out_what_was_before_and_what_was_answered(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    old = NOW - timedelta(days=3)
    server.comment("jan", "Lang geleden", at=old - DAY)
    answered, nested = server.comment("els", "Al beantwoord", at=old), server.comment("piet", "Vraag", at=old)
    server.comment(HANDLE, "Antwoord", answers=answered, at=old + HOUR)
    server.comment("kim", "Ik ook", answers=nested, at=old + HOUR)
    server.comment(HANDLE, "Antwoord", answers=nested, at=old + 2 * HOUR)
    open_ = server.comment("kim", "En nu?", answers=nested, at=old + 3 * HOUR)
    server.say("ans", "Vraag", at=old)
    server.say_in_app("ans", "Antwoord", at=old + HOUR)
    message = server.say("ans", "Nog iets", at=old + 2 * HOUR)
    instagram = connect(server.url, client, now=NOW, added_at=NOW, since_days=3)
    posts, cursor = await read_all(instagram, {})
    assert {post.external_id for post in posts} == {open_, message}
    assert (await instagram.fetch(cursor)).posts == ()


async def test_what_came_before_the_account_was_added_stays_out(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    server.comment("jan", "Vorige week", at=NOW - WEEK)
    new = server.comment("jan", "Nu", at=NOW)
    instagram = connect(server.url, client, now=NOW + HOUR, added_at=NOW)
    assert [post.external_id for post in (await instagram.fetch({})).posts] == [new]


async def test_a_flood_comes_in_whole_and_once(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    before = server.comment("jan", "Eerst", at=NOW)
    _, cursor = await read_all(instagram, {})
    flood = [server.comment(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(seconds=n // 3)) for n in range(420)]
    replies = [server.comment(f"kim{n}", f"Ik ook {n}", answers=before, at=NOW + HOUR) for n in range(130)]
    calm = server.comment("els", "Elders", under=server.write("Ander nieuws"), at=NOW)
    posts, cursor = await read_all(instagram, cursor)
    idents = [post.external_id for post in posts]
    assert set(flood) | {calm} <= set(idents)
    assert len(idents) == len(set(idents)), replies
    assert (await instagram.fetch(cursor)).posts == ()
    later = server.comment("jan", "Na de vloed", at=NOW + 2 * HOUR)
    assert [post.external_id for post in (await instagram.fetch(cursor)).posts] == [later]


async def test_comments_of_hours_in_which_we_could_not_ask_come_in_whole_and_once(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    _, cursor = await read_all(instagram, {})
    missed = [server.comment(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(minutes=n)) for n in range(600)]
    posts, cursor = await read_all(instagram, cursor)
    assert sorted(post.external_id for post in posts) == sorted(missed)
    assert (await instagram.fetch(cursor)).posts == ()


async def test_messages_of_the_time_in_which_we_could_not_ask_come_in_whole_and_once(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    instagram = connect(server.url, client, now=NOW + WEEK)
    server.clock = lambda: NOW  # no conversation is newer than its messages
    server.say("els", "Eerst", at=NOW)
    _, cursor = await read_all(instagram, {})
    flood = [server.say(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(minutes=5 * n)) for n in range(130)]
    posts, cursor = await read_all(instagram, cursor)
    assert sorted(post.external_id for post in posts) == sorted(flood)
    assert (await instagram.fetch(cursor)).posts == ()


async def test_many_replies_to_one_comment_come_in_whole(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    first = server.comment("jan", "Eerst", at=NOW)
    _, cursor = await read_all(instagram, {})
    replies = [server.comment(f"kim{n}", "Ik ook", answers=first, at=NOW + timedelta(seconds=n)) for n in range(330)]
    posts, cursor = await read_all(instagram, cursor)
    assert sorted(post.external_id for post in posts) == sorted(replies)
    asked = len(server.asked)
    assert (await instagram.fetch(cursor)).posts == ()
    assert len(server.asked) - asked == 2  # nothing is new, so the replies are not read again


async def test_an_answer_without_a_list_loses_no_reply(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    first = server.comment("jan", "Eerst", at=NOW)
    _, cursor = await read_all(instagram, {})
    replies = [server.comment(f"kim{n}", "Ik ook", answers=first, at=NOW + timedelta(seconds=n)) for n in range(330)]
    server.fail(f"{V}/{first}/replies", status=200, body='{"success": true}')
    failed = await instagram.fetch(cursor)
    assert len(failed.unread) == 1
    posts, _ = await read_all(instagram, failed.cursor)
    assert sorted(post.external_id for post in (*failed.posts, *posts)) == sorted(replies)


NO_RIGHT = '{"error": {"code": 10, "message": "Geen recht."}}'
OLD_CURSOR = '{"error": {"code": 100, "message": "Invalid cursors"}}'
A_FAULT = '{"error": {"code": 1, "message": "Please reduce the amount of data."}}'


@pytest.mark.parametrize(("status", "body"), [(403, NO_RIGHT), (400, OLD_CURSOR), (500, A_FAULT), (200, "{}")])
async def test_comments_that_instagram_refuses_for_a_while_keep_no_other_out_and_come_later(
    server: FakeInstagram, client: httpx.AsyncClient, status: int, body: str
) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    cursor = (await instagram.fetch({})).cursor
    post, came = server.write("Ander nieuws"), list[str]()
    flood = [server.comment(f"n{n}", f"Vraag {n}", under=post, at=NOW + timedelta(seconds=n)) for n in range(600)]
    server.fail(f"{V}/{post}/comments", status=status, body=body, count=4)
    for n in range(4):
        calm = server.comment("els", f"Elders {n}", at=NOW + HOUR * (n + 1))
        page = await instagram.fetch(cursor)
        assert (calm in {each.external_id for each in page.posts}, page.more, len(page.unread)) == (True, False, 1)
        came, cursor = came + [each.external_id for each in page.posts if each.external_id != calm], page.cursor
    posts, cursor = await read_all(instagram, cursor)
    assert {*came, *(each.external_id for each in posts)} == {*flood}
    assert not (await instagram.fetch(cursor)).unread


@pytest.mark.parametrize("answered", [False, True])
async def test_replies_that_instagram_refuses_for_long_are_waited_for_in_one_place(
    server: FakeInstagram, client: httpx.AsyncClient, answered: bool
) -> None:
    """What is seen to be answered at the first reading stays out."""
    instagram = connect(server.url, client, now=NOW + DAY)
    cursor = {} if answered else (await instagram.fetch({})).cursor
    top = server.comment("jan", "Wie veegt hier?", at=NOW)
    if answered:
        server.comment(HANDLE, "Wij!", answers=top, at=NOW + timedelta(minutes=1))
    said = [server.comment(f"n{n}", f"Ik {n}", answers=top, at=NOW + timedelta(seconds=n)) for n in range(40)]
    said = [top, *(said[:25] if answered else said)]  # of the first ones it is not shown yet
    server.fail(f"{V}/{top}/replies", status=403, body=NO_RIGHT, count=5)
    came = list[str]()
    for n in range(5):
        said.append(server.comment("els", f"En nu {n}?", answers=top, at=NOW + HOUR * (n + 1)))
        page = await instagram.fetch(cursor)
        came, cursor = came + [each.external_id for each in page.posts], page.cursor
        assert len(cursor["comments"]["left"]) == 1
    posts, _ = await read_all(instagram, cursor)
    assert {*came, *(each.external_id for each in posts)} == {*said}


async def test_where_we_stopped_below_a_post_that_is_removed_nothing_is_held_up(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    instagram = connect(server.url, client, now=NOW + DAY)
    cursor = (await instagram.fetch({})).cursor
    post = server.write("Ander nieuws")
    for n in range(400):
        server.comment(f"burger{n}", f"Vraag {n}", under=post, at=NOW + timedelta(seconds=n))
    page = await instagram.fetch(cursor)
    assert page.more
    server.remove(post)
    calm = server.comment("els", "Elders", at=NOW + HOUR)
    posts, _ = await read_all(instagram, page.cursor)
    assert [each.external_id for each in posts] == [calm]


async def test_private_messages_that_are_switched_on_later_begin_then(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    server.clock = lambda: NOW
    added, later = NOW - WEEK, NOW + HOUR
    server.say("jan", "Van toen", at=NOW - DAY)
    _, cursor = await read_all(connect(server.url, client, now=NOW, added_at=added, messages=False), {})
    server.say("kim", "Van net ervoor", at=NOW + HOUR / 2)
    one = connect(server.url, client, now=later, added_at=added)
    server.fail(f"{V}/me/conversations", status=503)
    page = await one.fetch(cursor)
    assert (page.posts, len(page.unread)) == ((), 1)
    new = server.say("els", "Van nu", at=later)
    one = connect(server.url, client, now=later + HOUR, added_at=added)
    posts, cursor = await read_all(one, json.loads(json.dumps(page.cursor)))
    assert [post.external_id for post in posts] == [new]
    again = server.say("jan", "En nu?", at=later + HOUR)
    assert [post.external_id for post in (await one.fetch(cursor)).posts] == [again]


async def test_private_messages_that_cannot_be_read_at_first_begin_with_the_account(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    server.clock = lambda: NOW
    one = connect(server.url, client, now=NOW, added_at=NOW - WEEK)
    old = server.say("jan", "Van toen", at=NOW - DAY)
    server.fail(f"{V}/me/conversations", status=503)
    page = await one.fetch({})
    assert (page.posts, len(page.unread)) == ((), 1)
    assert [post.external_id for post in (await one.fetch(page.cursor)).posts] == [old]


async def test_messages_that_cannot_be_read_keep_no_comment_out(server: FakeInstagram, instagram: Instagram) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    server.fail(f"{V}/me/conversations", status=403, body='{"error": {"code": 10, "message": "Geen recht."}}')
    page = await instagram.fetch({})
    assert [post.external_id for post in page.posts] == [ident]
    message = server.say("jan", "Hallo?")
    assert [post.external_id for post in (await instagram.fetch(page.cursor)).posts] == [message]


async def test_near_the_limit_the_next_reading_waits(server: FakeInstagram, instagram: Instagram) -> None:
    server.usage = {"X-Business-Use-Case-Usage": '{"104": [{"call_count": 96}]}'}
    assert (await instagram.fetch({})).not_before > datetime.now(UTC)


# --- what is sent to us ----------------------------------------------------------------------------


async def test_what_is_sent_is_the_same_post_as_what_is_asked_for(server: FakeInstagram, instagram: Instagram) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    server.comment("els", "Niemand", answers=first)
    asked = {post.external_id: post for post in (await instagram.fetch({})).posts}
    sent = {post.external_id: post for post in await told(server, instagram)}
    assert sent.keys() == asked.keys()
    for ident, post in sent.items():
        assert post == replace(asked[ident], published_at=post.published_at, permits=post.permits, hidden=None)
        assert acts(post) == acts(asked[ident])


async def test_a_comment_comes_in_though_its_post_cannot_be_read(server: FakeInstagram, instagram: Instagram) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    server.fail(f"{V}/{server.own}", status=500)
    (post,) = await told(server, instagram)
    assert (post.external_id, post.text, post.url) == (ident, "Wie veegt hier?", "")


async def test_of_many_comments_below_one_post_it_is_asked_for_once(
    server: FakeInstagram, instagram: Instagram
) -> None:
    for n in range(12):
        server.comment(f"burger{n}", "Ik ook")
    assert len(await told(server, instagram)) == 12
    assert server.asked == [f"GET {V}/{server.own}"]


async def test_a_mention_in_a_caption_is_asked_for_with_its_picture(
    server: FakeInstagram, instagram: Instagram
) -> None:
    ident = server.name_us(
        "kim", f"Dank @{HANDLE}!", at=NOW, media_url="https://cdn.example/p.jpg", alt_text="Een lege container"
    )
    (post,) = await told(server, instagram)
    assert (post.external_id, post.text, post.published_at) == (ident, f"Dank @{HANDLE}!", NOW)
    assert (post.author.handle, post.url) == ("kim", f"https://www.instagram.com/p/{ident}/")
    assert post.media == (Media("https://cdn.example/p.jpg", "image", "Een lege container"),)
    assert (post.kind, post.permits) == (PostKind.POST, permits(Act.ANSWER))


async def test_a_mention_in_a_comment_is_asked_for(server: FakeInstagram, instagram: Instagram) -> None:
    theirs = server.write("Mijn straat", "kim")
    ident = server.comment("jan", f"Zie dit @{HANDLE}", under=theirs, at=NOW)
    (post,) = await told(server, instagram)
    assert (post.external_id, post.text, post.in_reply_to) == (ident, f"Zie dit @{HANDLE}", theirs)
    assert (post.author.name, post.url) == ("", f"https://www.instagram.com/p/{theirs}/")
    assert (post.kind, post.permits) == (PostKind.REPLY, permits(Act.ANSWER))


async def test_who_names_us_below_our_own_post_has_written_one_comment(
    server: FakeInstagram, instagram: Instagram
) -> None:
    server.comment("jan", f"Hé @{HANDLE}")
    (post,) = await told(server, instagram)
    assert acts(post) == {Act.ANSWER, Act.HIDE, Act.ANSWER_PRIVATELY}


async def test_a_mention_that_cannot_be_asked_for_is_sent_again(server: FakeInstagram, instagram: Instagram) -> None:
    server.name_us("kim", f"Dank @{HANDLE}!")
    for status in (500, 0):
        news = list(server.news)
        server.fail(f"{V}/{ME}", status=status, count=1 if status else 2)  # what is cut off is asked once more
        with pytest.raises(Unavailable):
            await told(server, instagram)
        server.news = news
    assert len(await told(server, instagram)) == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"error": {"code": 100, "error_subcode": 33, "message": "Missing permissions."}}', ""),
        ('{"error": {"code": 10, "message": "(#10) No permission."}}', "No permission."),
        ('{"id": "1", "mentioned_media": {"id": "2"}}', ""),
    ],
    ids=["removed or not for us", "refused", "not readable"],
)
async def test_of_a_mention_that_is_not_shown_to_us_people_hear_that_it_is_there(
    server: FakeInstagram, instagram: Instagram, body: str, why: str
) -> None:
    ident = server.name_us("kim", f"Dank @{HANDLE}!", at=NOW)
    server.fail(f"{V}/{ME}", status=400 if "error" in body else 200, body=body)
    (post,) = await told(server, instagram)
    assert (post.external_id, post.text, post.permits) == (ident, "", frozenset())
    [medium] = post.media
    assert medium.kind == "unsupported" and why in medium.alt and bool(medium.alt) == bool(why)
    server.remove(ident)
    assert (await instagram.recheck([post], {})).changed == ()  # it never was shown, so no more is known


async def test_a_comment_below_our_post_that_was_removed_is_no_mention(
    server: FakeInstagram, instagram: Instagram
) -> None:
    server.remove(server.comment("jan", f"Hé @{HANDLE}"))
    assert [(post.text, post.media) for post in await told(server, instagram)] == [(f"Hé @{HANDLE}", ())]


async def test_a_message_that_was_changed_or_taken_back_is_sent(server: FakeInstagram, instagram: Instagram) -> None:
    one, two = server.say("jan", "Hallo?"), server.say("els", "Dag")
    before = await read(instagram, one)
    await told(server, instagram)
    server.edit_message("jan", one, "Goedemorgen")
    server.unsend("els", two)
    server.unsend(HANDLE, "m_7")
    edited, unsent = sorted(await told(server, instagram), key=lambda post: post.gone is not None)
    assert (edited.external_id, edited.text, edited.private) == (one, "Goedemorgen", True)
    assert (edited.conversation, edited.author.external_id) == (before.conversation, before.author.external_id)
    assert (unsent.external_id, unsent.gone) == (two, Gone.BY_AUTHOR)
    server.unsend("jan", one)
    assert await told(server, instagram, messages=False) == []


async def test_of_a_message_we_are_only_told_to_ask(server: FakeInstagram) -> None:
    receiver = PLATFORM.receiver
    server.comment("jan", "Wie veegt hier?")
    server.say_in_app("jan", "Wij zelf")
    server.unsend("jan", "m_7")
    assert receiver.receive(account(""), server.sent(), NOW).ask is False
    server.say("jan", "Hallo?")
    received = receiver.receive(account(""), server.sent(), NOW)
    assert (received.items, received.ask) == ((), True)


@pytest.mark.parametrize("ident", [7, "", "a b", "../me", "x" * 400, None, ["1"], "1){id},x(2"])
async def test_an_id_that_is_none_is_left_out(ident: Any) -> None:
    value = {"id": ident, "text": "Dag", "from": {"id": "7", "username": "jan"}, "media": {"id": "9"}}
    changes = [{"field": "comments", "value": value}, {"field": "mentions", "value": {"media_id": ident}}]
    if ident:
        changes.append({"field": "mentions", "value": {"media_id": "9", "comment_id": ident}})
    changes.append({"field": "comments", "value": {**value, "id": "17"}})
    body = {"object": "instagram", "entry": [{"id": ME, "time": 1795770000, "changes": changes}]}
    received = PLATFORM.receiver.receive(account(""), pushed(body), NOW)
    assert [item.external_id for item in received.items] == ["17"]


async def test_signs_that_no_database_stores_are_left_out(server: FakeInstagram, instagram: Instagram) -> None:
    ident, message = server.comment("jan", "Nul\x00 en half \ud83d"), server.say("els", "Nul\x00")
    assert (await read(instagram, ident)).text == "Nul en half "
    assert (await read(instagram, message)).text == "Nul"
    named = server.name_us("kim", f"Nul\x00 @{HANDLE}")
    texts = {post.external_id: post.text for post in await told(server, instagram)}
    assert texts == {ident: "Nul en half ", named: f"Nul @{HANDLE}"}


async def test_near_the_limit_only_mentions_are_asked_for(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    comments = [
        server.comment("jan", "Wie veegt hier?"),
        server.comment("els", "Hoe laat?", under=server.write("Kermis")),
    ]
    naming = server.name_us("kim", f"Hé @{HANDLE}")
    received = PLATFORM.receiver.receive(account(""), server.sent(), datetime.now(UTC))

    async def shown(now: datetime, rests_until: datetime | None) -> list[bool]:
        """Complete what was sent, and tell which comments have the address of our post."""
        rests = replace(account(server.url), rests_until=rests_until)
        one = Instagram(rests, Tools(client, lambda: now, tools(client, SECRETS).secrets))
        posts = {item.external_id: item for item in await one.complete(received.items) if isinstance(item, Post)}
        assert posts[naming].text == f"Hé @{HANDLE}"
        return [posts[each].url != "" for each in comments]

    assert await shown(NOW, NOW + HOUR) == [False, False]
    assert await shown(NOW + HOUR, NOW + HOUR) == [True, True]
    server.usage = {"X-Business-Use-Case-Usage": '{"104": [{"call_count": 96}]}'}
    assert await shown(NOW, None) == [True, False]


async def test_instagram_does_not_wait_long_for_the_address_of_our_post(
    server: FakeInstagram, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instagram_module, "WITHIN", 0.5)
    server.comment("jan", "Wie veegt hier?")
    received = PLATFORM.receiver.receive(account(""), server.sent(), datetime.now(UTC))
    async with Between(server.url) as between, between.holding("GET", ANY, passed_on=False):
        assert await connect(between.url, client).complete(received.items) == [*received.items]


async def test_a_comment_that_does_not_say_well_where_it_stands_keeps_no_other_out(
    server: FakeInstagram, instagram: Instagram
) -> None:
    odd = [server.comment("jan", f"Vraag {n}") for n in range(4)]
    server.name_us("kim", f"Hé @{HANDLE}")
    for entry, ident in zip(server.news, (17841, {"id": "1"}, "../me", None), strict=False):
        entry["changes"][0]["value"]["media"]["id"] = ident
    posts = {post.text: post.external_id for post in await told(server, instagram)}
    assert posts.keys() == {*(f"Vraag {n}" for n in range(4)), f"Hé @{HANDLE}"}
    assert {posts[f"Vraag {n}"] for n in range(4)} == {*odd}


async def test_a_post_of_ours_that_does_not_say_which_it_is_keeps_no_comment_out(
    server: FakeInstagram, instagram: Instagram
) -> None:
    server.comment("jan", "Wie veegt hier?")
    server.fail(f"{V}/{server.own}", status=200, body='{"caption": "De markt gaat door."}')
    (post,) = await told(server, instagram)
    assert (post.text, post.url) == ("Wie veegt hier?", "")


# --- looking again ---------------------------------------------------------------------------------


async def test_a_second_look_finds_edits_what_is_gone_and_what_is_back(
    server: FakeInstagram, instagram: Instagram
) -> None:
    idents = [server.comment("jan", f"Vraag {n}") for n in range(3)]
    theirs = server.write("Mijn straat", "kim")
    named = [server.name_us("kim", f"Dank @{HANDLE}!"), server.comment("els", f"Zie @{HANDLE}", under=theirs)]
    posts = await told(server, instagram)
    assert (await instagram.recheck(posts, {})).changed == ()
    server.edit(idents[0], "Toch niet")
    server.edit(named[0], f"Geen dank @{HANDLE}!")
    server.remove(idents[1])
    server.remove(named[1])
    found = {post.external_id: post for post in (await instagram.recheck(posts, {})).changed}
    assert set(found) == {idents[0], idents[1], *named}
    assert (found[idents[0]].text, found[named[0]].text) == ("Toch niet", f"Geen dank @{HANDLE}!")
    assert found[idents[0]].edited_at is not None
    assert found[idents[1]].gone is found[named[1]].gone is Gone.UNREACHABLE  # Instagram does not say why
    hidden = [replace(next(p for p in posts if p.external_id == idents[2]), gone=Gone.UNREACHABLE)]
    (back,) = (await instagram.recheck(hidden, {})).changed
    assert (back.external_id, back.gone, back.edited_at) == (idents[2], None, None)


async def test_a_mention_where_comments_are_switched_off_stays_as_it_is(
    server: FakeInstagram, instagram: Instagram
) -> None:
    server.name_us("kim", f"Dank @{HANDLE}!")
    posts = await told(server, instagram)
    server.fail(f"{V}/{ME}", status=400, body='{"error": {"code": 100, "message": "Comments are off."}}', count=2)
    for each in (posts, [replace(posts[0], gone=Gone.UNREACHABLE)]):
        assert [post.gone for post in (await instagram.recheck(each, {})).changed if post not in each] == []


async def test_a_post_that_we_may_not_see_again_holds_up_no_other(server: FakeInstagram, instagram: Instagram) -> None:
    one, two = server.comment("jan", "Een"), server.comment("els", "Twee")
    posts = (await instagram.fetch({})).posts
    server.edit(two, "Drie")
    server.fail(f"{V}/{one}", status=403, body='{"error": {"code": 10, "message": "Geen recht."}}')
    assert [post.external_id for post in (await instagram.recheck(posts, {})).changed] == [two]


async def test_a_second_look_takes_turns_and_asks_of_no_message(server: FakeInstagram, instagram: Instagram) -> None:
    server.say("jan", "Hallo?")
    for n in range(14):
        server.comment("jan", f"Vraag {n}")
    posts = (await instagram.fetch({})).posts
    asked = len(server.asked)
    first = await instagram.recheck(posts, {})
    assert len(server.asked) - asked == 10
    await instagram.recheck(posts, first.cursor)
    assert len(set(server.asked[asked:])) == 14


# --- answering -------------------------------------------------------------------------------------


async def test_an_answer_stands_below_the_comment(server: FakeInstagram, instagram: Instagram) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    post = await read(instagram, ident)
    sending = draft(post)
    sent = await instagram.send(sending)
    assert (server.things[sent.external_id].parent, server.ours()) == (ident, ["Dat zoeken we uit. ^SB"])
    assert (sent.url, sent.conversation, sent.held) == (post.url, "", False)
    assert await instagram.find(sending) == sent


async def test_an_answer_to_a_reply_names_whom_it_is_to(server: FakeInstagram, instagram: Instagram) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    post, top = await read(instagram, server.comment("els", "Ik ook", answers=first)), await read(instagram, first)
    assert instagram.compose("Dag", to=post, private=False) == "@els Dag"
    for text in ("@els Dag", "@els, dag", "@els. Dag", "@Els", "@els…", "@els: dag"):
        assert instagram.compose(text, to=post, private=False) == text
    for text in ("@elsbakker weet dat", "@els.bakker weet dat", "@els_b weet dat"):
        assert instagram.compose(text, to=post, private=False) == f"@els {text}"
    assert instagram.compose("Dag", to=post, private=True) == instagram.compose("Dag", to=top, private=False) == "Dag"
    sent = await instagram.send(draft(post, "@els Dag"))
    assert server.things[sent.external_id].parent == first


async def test_mentions_are_answered_where_they_stand(server: FakeInstagram, instagram: Instagram) -> None:
    theirs = server.write("Mijn straat", "kim")
    named = [server.name_us("kim", f"Dank @{HANDLE}!"), server.comment("els", f"Zie @{HANDLE}", under=theirs)]
    posts = {post.external_id: post for post in await told(server, instagram)}
    sent = [(await instagram.send(draft(posts[ident]))).external_id for ident in named]
    assert [(server.things[each].under, server.things[each].parent) for each in sent] == [
        (named[0], ""), (theirs, named[1]),
    ]  # fmt: skip
    for ident in named:  # what stands there cannot be read
        with pytest.raises(Unknowable):
            await instagram.find(draft(posts[ident]))
    with pytest.raises(Rejected):
        await instagram.act(Act.DELETE, Post(sent[0], posts[named[0]].author, "", NOW))


# --- in private ------------------------------------------------------------------------------------


async def test_a_comment_is_answered_privately_once_and_within_a_week(
    server: FakeInstagram, instagram: Instagram
) -> None:
    post = await read(instagram, server.comment("jan", "Een"))
    await instagram.send(draft(post, private=True))
    with pytest.raises(Rejected, match="allows that once"):
        await instagram.send(draft(post, "Nog iets", private=True))
    late = await read(instagram, server.comment("els", "Lang geleden", at=datetime.now(UTC) - WEEK - HOUR))
    assert not any(permit.holds(datetime.now(UTC)) for permit in late.permits if permit.act is Act.ANSWER_PRIVATELY)
    with pytest.raises(Rejected):
        await instagram.send(draft(late, private=True))
    assert len(server.said()) == 1


async def test_to_whom_a_private_answer_went_cannot_be_known_without_an_author(
    server: FakeInstagram, instagram: Instagram
) -> None:
    ident = server.comment("jan", "Een")
    del server.things[ident].fields["from"]
    with pytest.raises(Unknowable):
        await instagram.find(draft(await read(instagram, ident), private=True))


async def test_messages_are_answered_for_a_day_and_by_people_for_a_week(
    server: FakeInstagram, client: httpx.AsyncClient
) -> None:
    ident = server.say("jan", "Hallo?", at=NOW)
    server.clock = lambda: NOW + 3 * DAY
    cases: list[tuple[dict[str, Any], bool, bool]]
    cases = [({}, False, False), ({"human_agent": True}, False, False), ({"human_agent": True}, True, True)]
    for options, approved, works in cases:
        server.may_be_human = approved
        instagram = connect(server.url, client, now=NOW + 3 * DAY, **options)
        post = await read(instagram, ident)
        assert post.permits == {Permit(Act.ANSWER_PRIVATELY, NOW + (WEEK if options else DAY))}
        if works:
            await instagram.send(draft(post, private=True))
        else:
            with pytest.raises(Rejected, match="24 hours"):
                await instagram.send(draft(post, private=True))
    assert [body.get("tag") for body in server.bodies if "message" in body] == [None, "HUMAN_AGENT", "HUMAN_AGENT"]


async def test_a_private_answer_is_measured_in_bytes(server: FakeInstagram, instagram: Instagram) -> None:
    post = await read(instagram, server.say("jan", "Hallo?"))
    assert (instagram.measure("é").limit, instagram.measure("é").length) == (2200, 1)
    assert (instagram.measure("é", private=True).limit, instagram.measure("é", private=True).length) == (1000, 2)
    await instagram.send(draft(post, "é" * 500, private=True))
    with pytest.raises(Rejected):
        await instagram.send(draft(post, "é" * 501, private=True))


# --- what else can be done -------------------------------------------------------------------------


async def test_hiding_twice_changes_nothing_and_can_be_undone(server: FakeInstagram, instagram: Instagram) -> None:
    post = await read(instagram, server.comment("jan", "Spam"))
    for each, stands in ((Act.HIDE, True), (Act.HIDE, True), (Act.SHOW, False), (Act.SHOW, False)):
        await instagram.act(each, post)
        assert server.things[post.external_id].fields["hidden"] is stands
        assert acts(await read(instagram, post.external_id)) == (
            {Act.HIDE} if stands else {Act.HIDE, Act.ANSWER, Act.ANSWER_PRIVATELY}
        )


async def test_only_an_answer_of_ours_can_be_removed(server: FakeInstagram, instagram: Instagram) -> None:
    theirs = await read(instagram, server.comment("jan", "Dag"))
    sent = await instagram.send(draft(theirs))
    ours = Post(sent.external_id, theirs.author, "", NOW)
    with pytest.raises(Rejected):
        await instagram.act(Act.DELETE, theirs)
    for _ in range(2):
        await instagram.act(Act.DELETE, ours)
    assert server.ours() == []
    with pytest.raises(Rejected, match="taken back"):
        await instagram.act(Act.DELETE, replace(ours, private=True))
    for kind in (Act.LIKE, Act.ANSWER):
        with pytest.raises(Rejected):
            await instagram.act(kind, theirs)


# --- the check -------------------------------------------------------------------------------------


async def test_a_check_tells_who_we_are_and_lets_instagram_send_what_is_new(
    server: FakeInstagram, instagram: Instagram
) -> None:
    found = await instagram.check()
    assert (found.problems, found.warnings) == ((), ())
    assert found.identity == Identity(ME, HANDLE, "Gemeente Voorbeeld", f"https://www.instagram.com/{HANDLE}/")
    assert [app["subscribed_fields"] for app in server.apps["me"]] == [["feed", "messages"]]


async def test_a_check_asks_for_no_more_rights_than_are_used(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    server.known["scopes"].remove("instagram_manage_messages")
    assert "instagram_manage_messages" in str((await connect(server.url, client).check()).problems[0])
    assert (await connect(server.url, client, messages=False).check()).problems == ()
    assert [app["subscribed_fields"] for app in server.apps["me"]] == [["feed"]]


async def test_the_token_of_another_accounts_page_is_refused(server: FakeInstagram, client: httpx.AsyncClient) -> None:
    found = await connect(server.url, client, instagram_id="105").check()
    assert f"whose Instagram account is {ME} and not 105" in str(found.problems[0])
    assert found.identity is None


async def test_a_check_that_cannot_be_made_is_a_verdict(server: FakeInstagram, instagram: Instagram) -> None:
    server.fail(status=503)
    with pytest.raises(Unavailable):
        await instagram.check()


def test_the_first_steps_name_the_address_of_all_accounts_and_the_token() -> None:
    at = replace(account(""), address="https://webcare.example.nl/in/instagram/gemeente")
    lines = PLATFORM.first_steps(at)
    assert "  Callback URL: https://webcare.example.nl/in/instagram" in lines
    assert any(SECRETS["verify_token"] in line for line in lines)
