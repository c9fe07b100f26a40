"""A Facebook page: what comes in, by asking and by being told; what goes out, and what became of it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.connectors.base import (
    Account,
    Identity,
    Page,
    Rejected,
    Unavailable,
    Unknowable,
)
from bot.connectors.facebook import PLATFORM, Facebook, completing
from bot.connectors.platform import Tools
from bot.domain.mention import Act, Gone, Media, Permit, Post, PostKind, Quote, permits
from tests.connectors.facebook.fake import OPTIONS, PAGE, SECRETS, US, FakeFacebook, id_of
from tests.connectors.meta.graph import APP_ID, pushed
from tests.connectors.reading import acts, draft, read, read_all
from tests.fakes.between import ANY, Between
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
WEEK, DAY, HOUR = timedelta(days=7), timedelta(days=1), timedelta(hours=1)
V = "/v26.0"


@pytest.fixture
async def server() -> AsyncIterator[FakeFacebook]:
    async with FakeFacebook() as one:
        yield one


@pytest.fixture
def facebook(server: FakeFacebook, client: httpx.AsyncClient) -> Facebook:
    return connect(server.url, client)


def account(url: str, *, added_at: datetime | None = None, **options: Any) -> Account:
    given = {**OPTIONS, "messages": True, "reviews": True, **options}
    return Account(1, "facebook", "gemeente", url, SECRETS, given, identity=Identity(PAGE), added_at=added_at)


def connect(url: str, client: httpx.AsyncClient, *, now: datetime | None = None, **more: Any) -> Facebook:
    given = tools(client, SECRETS)
    if now is not None:
        given = Tools(client, lambda: now, given.secrets)
    return Facebook(account(url, **more), given)


def told(server: FakeFacebook, **options: Any) -> list[Post]:
    """What Facebook sends about all that happened since the last time."""
    received = PLATFORM.receiver.receive(account("", **options), server.sent(), datetime.now(UTC))
    return list(received.items)  # type: ignore[arg-type]


async def completed(server: FakeFacebook, facebook: Facebook) -> list[Post]:
    """The same, with what only asking tells."""
    return [item for item in await facebook.complete(told(server)) if isinstance(item, Post)]


# --- reading ---------------------------------------------------------------------------------------


async def test_a_comment_comes_in_with_what_it_is_about_and_what_may_be_done(
    server: FakeFacebook, facebook: Facebook
) -> None:
    picture = {
        "type": "photo",
        "url": "https://facebook.example/p",
        "media": {"image": {"src": "https://cdn.example/p.jpg"}},
    }
    ident = server.comment("jan", "De <lamp> is stuk 🌧", at=NOW, attachment=picture)
    post = await read(facebook, ident)
    assert (post.text, post.published_at, post.kind, post.private) == (
        "De <lamp> is stuk 🌧",
        NOW,
        PostKind.REPLY,
        False,
    )
    assert (post.author.external_id, post.author.name) == (id_of("jan"), "Jan")
    assert post.replies_to == Quote(US, "De markt gaat door.", f"https://www.facebook.com/{server.own}")
    assert (post.in_reply_to, post.ancestors) == (server.own, ())
    assert post.media == (Media("https://cdn.example/p.jpg", "image"),)
    assert post.permits == permits(Act.ANSWER, Act.HIDE, Act.LIKE) | {
        Permit(Act.ANSWER_PRIVATELY, NOW + WEEK, once=True)
    }
    assert post.url == f"https://www.facebook.com/{server.own}?comment_id={ident.rpartition('_')[2]}"


@pytest.mark.parametrize(
    ("flag", "act"),
    [
        ("can_hide", Act.HIDE), ("can_like", Act.LIKE), ("can_comment", Act.ANSWER),
        ("can_reply_privately", Act.ANSWER_PRIVATELY),
    ],
)  # fmt: skip
async def test_what_a_comment_forbids_is_not_offered(
    server: FakeFacebook, facebook: Facebook, flag: str, act: Act
) -> None:
    free, bound = server.comment("jan", "Vrij"), server.comment("els", "Gebonden")
    server.things[bound].fields[flag] = False
    assert acts(await read(facebook, free)) - acts(await read(facebook, bound)) == {act}


async def test_without_messenger_nothing_is_private(server: FakeFacebook, client: httpx.AsyncClient) -> None:
    server.say("jan", "Hallo?")
    ident, visit = server.comment("jan", "Wie veegt hier?"), server.visit("els", "Dag")
    page = await connect(server.url, client, messages=False).fetch({})
    assert {post.external_id for post in page.posts} == {ident, visit}
    assert not any(Act.ANSWER_PRIVATELY in acts(post) for post in page.posts)


async def test_replies_hang_together(server: FakeFacebook, facebook: Facebook) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    second = server.comment("els", "Niemand", answers=first)
    third = server.comment("jan", "Echt?", answers=second)
    posts = {post.external_id: post for post in (await facebook.fetch({})).posts}
    for ident in (second, third):  # Facebook has two levels
        assert (posts[ident].in_reply_to, posts[ident].ancestors) == (first, (server.own,))
    assert (
        posts[second].replies_to == Quote("Jan", "Wie veegt hier?", posts[first].url) or posts[second].replies_to.text
    )


async def test_visitors_mentions_recommendations_and_messages_come_in(server: FakeFacebook, facebook: Facebook) -> None:
    visit, tag = server.visit("piet", "Waar is het feest?", at=NOW), server.tag("kim", "Dank @gemeente", at=NOW)
    review, message = server.review("ans", "Traag", "negative"), server.say("jan", "Hallo?", at=NOW)
    posts = {post.external_id: post for post in (await facebook.fetch({})).posts}
    assert set(posts) == {visit, tag, review, message}
    assert posts[visit].permits == permits(Act.ANSWER) | {Permit(Act.ANSWER_PRIVATELY, NOW + WEEK, once=True)}
    assert posts[tag].permits == posts[review].permits == permits(Act.ANSWER)
    assert (posts[review].text, posts[review].kind) == ("👎 Traag", PostKind.REVIEW)
    assert posts[message].permits == {Permit(Act.ANSWER_PRIVATELY, NOW + DAY)}
    assert (posts[message].private, posts[message].kind) == (True, PostKind.MESSAGE)
    assert posts[message].conversation == posts[message].author.external_id == id_of("jan", "messenger")


async def test_what_we_wrote_ourselves_is_no_case(server: FakeFacebook, facebook: Facebook) -> None:
    cursor = (await facebook.fetch({})).cursor
    ident = server.comment("jan", "Wie veegt hier?")
    server.comment("gemeente", "Wij!", answers=ident)
    server.comment("gemeente", "Tip: kom ook")
    server.visit("gemeente", "Op eigen pagina")
    server.say_in_app("els", "Dag")
    assert [post.external_id for post in (await facebook.fetch(cursor)).posts] == [ident]


async def test_whom_facebook_does_not_name_is_somebody_else_each_time(server: FakeFacebook, facebook: Facebook) -> None:
    one, two = server.comment("", "Een"), server.comment("", "Twee")
    posts = (await facebook.fetch({})).posts
    assert {post.external_id for post in posts} == {one, two}
    assert len({post.author.external_id for post in posts}) == 2
    assert all(post.author.name == "" for post in posts)
    assert {post.author.external_id for post in told(server)} == {post.author.external_id for post in posts}


async def test_the_first_reading_leaves_out_what_was_before_and_what_was_answered(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    old = NOW - timedelta(days=3)
    server.comment("jan", "Lang geleden", at=old - DAY)
    server.say("jan", "Ook lang geleden", at=old - DAY)
    answered, nested = server.comment("els", "Al beantwoord", at=old), server.comment("piet", "Vraag", at=old)
    server.comment("gemeente", "Antwoord", answers=answered, at=old + HOUR)
    reply = server.comment("kim", "Ik ook", answers=nested, at=old + HOUR)
    server.comment("gemeente", "Antwoord", answers=nested, at=old + 2 * HOUR)
    open_ = server.comment("kim", "En nu?", answers=nested, at=old + 3 * HOUR)
    visited, visit = server.visit("els", "Dag", at=old), server.visit("els", "Nog eens", at=old)
    server.comment("gemeente", "Dag!", under=visited, at=old + HOUR)
    server.say("ans", "Vraag", at=old)
    server.say_in_app("ans", "Antwoord", at=old + HOUR)
    message = server.say("ans", "Nog iets", at=old + 2 * HOUR)
    facebook = connect(server.url, client, now=NOW, added_at=NOW, since_days=3)
    posts, cursor = await read_all(facebook, {})
    assert {post.external_id for post in posts} == {open_, visit, message}, reply
    assert (await facebook.fetch(cursor)).posts == ()


async def test_what_came_before_the_account_was_added_stays_out(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    server.comment("jan", "Vorige week", at=NOW - WEEK)
    new = server.comment("jan", "Nu", at=NOW)
    facebook = connect(server.url, client, now=NOW + HOUR, added_at=NOW)
    assert [post.external_id for post in (await facebook.fetch({})).posts] == [new]


async def test_a_flood_below_one_post_comes_in_whole_and_once(server: FakeFacebook, client: httpx.AsyncClient) -> None:
    facebook = connect(server.url, client, now=NOW + DAY)
    before = server.comment("jan", "Eerst", at=NOW)
    _, cursor = await read_all(facebook, {})
    flood = [server.comment(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(seconds=n // 3)) for n in range(1300)]
    calm = server.comment("els", "Elders", under=server.write("Ander nieuws"), at=NOW)
    posts, cursor = await read_all(facebook, cursor)
    idents = [post.external_id for post in posts if post.external_id != before]
    assert sorted(idents) == sorted([*flood, calm])
    assert (await facebook.fetch(cursor)).posts == ()
    later = server.comment("jan", "Na de vloed", at=NOW + HOUR)
    assert [post.external_id for post in (await facebook.fetch(cursor)).posts] == [later]


@pytest.mark.parametrize("refused", [0, 1])
async def test_the_first_reading_too_reads_a_flood_below_one_post_without_what_was_answered(
    server: FakeFacebook, client: httpx.AsyncClient, refused: int
) -> None:
    facebook = connect(server.url, client, now=NOW + DAY, added_at=NOW + DAY, since_days=2)
    old = server.comment("jan", "Van lang geleden", at=NOW - WEEK)
    flood = [server.comment(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(seconds=n)) for n in range(1300)]
    answered = flood[3:1300:100]
    for n, ident in enumerate(answered):
        server.comment("gemeente", "Dank u", answers=ident, at=NOW + timedelta(hours=1, seconds=n))
    server.fail(f"{V}/{server.own}/comments", status=403, body=NO_RIGHT, count=refused)
    page = await facebook.fetch({})
    assert len(page.unread) == bool(refused)
    posts, cursor = await read_all(facebook, json.loads(json.dumps(page.cursor)))
    posts += page.posts
    assert sorted(post.external_id for post in posts) == sorted({*flood} - {*answered})
    assert old not in {post.external_id for post in posts}
    assert (await facebook.fetch(cursor)).posts == ()


async def test_an_answer_without_a_list_loses_no_comment(server: FakeFacebook, client: httpx.AsyncClient) -> None:
    facebook = connect(server.url, client, now=NOW + DAY)
    _, cursor = await read_all(facebook, {})
    flood = [server.comment(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(seconds=n // 3)) for n in range(1300)]
    page = await facebook.fetch(cursor)
    assert len(page.posts) < len(flood)
    server.fail(f"{V}/{server.own}/comments", status=200, body="{}", count=2)
    failed = await facebook.fetch(page.cursor)
    assert len(failed.unread) == 1
    posts, _ = await read_all(facebook, failed.cursor)
    assert {post.external_id for post in (*page.posts, *failed.posts, *posts)} == {*flood}


NO_RIGHT = '{"error": {"code": 10, "message": "Geen recht."}}'
OLD_CURSOR = '{"error": {"code": 100, "message": "Invalid cursors"}}'
A_FAULT = '{"error": {"code": 1, "message": "Please reduce the amount of data."}}'


@pytest.mark.parametrize(("status", "body"), [(403, NO_RIGHT), (400, OLD_CURSOR), (500, A_FAULT), (200, "{}")])
@pytest.mark.parametrize("has_stopped_there", [False, True])
async def test_comments_that_facebook_refuses_for_a_while_keep_no_other_out_and_come_later(
    server: FakeFacebook, client: httpx.AsyncClient, status: int, body: str, has_stopped_there: bool
) -> None:
    facebook = connect(server.url, client, now=NOW + DAY)
    _, cursor = await read_all(facebook, {})
    post, came = server.write("Ander nieuws"), list[str]()
    flood = [server.comment(f"n{n}", f"Vraag {n}", under=post, at=NOW + timedelta(seconds=n)) for n in range(1200)]
    if has_stopped_there:
        page = await facebook.fetch(cursor)
        came, cursor = [each.external_id for each in page.posts], page.cursor
    server.fail(f"{V}/{post}/comments", status=status, body=body, count=8)
    for n in range(4):
        calm = server.comment("els", f"Elders {n}", at=NOW + HOUR * (n + 1))
        page = await facebook.fetch(cursor)
        assert (calm in {each.external_id for each in page.posts}, page.more, len(page.unread)) == (True, False, 1)
        came, cursor = came + [each.external_id for each in page.posts if each.external_id != calm], page.cursor
    server.faults.clear()
    posts, cursor = await read_all(facebook, cursor)
    assert {*came, *(each.external_id for each in posts)} == {*flood}
    assert not (await facebook.fetch(cursor)).unread


async def test_where_we_stopped_below_a_post_that_is_removed_nothing_is_held_up(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    facebook = connect(server.url, client, now=NOW + DAY)
    cursor = (await facebook.fetch({})).cursor
    post = server.write("Ander nieuws")
    for n in range(1200):
        server.comment(f"burger{n}", f"Vraag {n}", under=post, at=NOW + timedelta(seconds=n // 3))
    page = await facebook.fetch({**cursor, "comments": {**cursor["comments"], "left": []}})
    assert page.more
    for ident in [each.id for each in server.things.values() if post in {each.id, *each.under}]:
        del server.things[ident]
    calm = server.comment("els", "Elders", at=NOW + HOUR)
    posts, _ = await read_all(facebook, page.cursor)
    assert [each.external_id for each in posts] == [calm]


@pytest.mark.parametrize("where", ["conversations", "visitor_posts", "tagged"])
async def test_what_came_in_while_we_could_not_ask_comes_in_whole_and_once(
    server: FakeFacebook, client: httpx.AsyncClient, where: str
) -> None:
    facebook = connect(server.url, client, now=NOW + WEEK)
    write = {"conversations": server.say, "visitor_posts": server.visit, "tagged": server.tag}[where]
    server.clock = lambda: NOW  # no conversation is newer than its messages
    write("els", "Eerst", at=NOW)
    _, cursor = await read_all(facebook, {})
    flood = [write(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(minutes=5 * n)) for n in range(430)]
    posts, cursor = await read_all(facebook, cursor)
    assert sorted(post.external_id for post in posts) == sorted(flood)
    asked = len(server.asked)
    assert (await facebook.fetch(cursor)).posts == ()
    assert server.asked[asked:].count(f"GET {V}/{PAGE}/{where}") == 1
    later = write("jan", "Later", at=NOW + timedelta(minutes=5 * 430))
    assert [post.external_id for post in (await facebook.fetch(cursor)).posts] == [later]


async def test_the_first_reading_too_reads_all_conversations_since_the_account_begins(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    server.clock = lambda: NOW
    server.say("els", "Lang geleden", at=NOW - DAY)
    unanswered = [server.say(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(minutes=n)) for n in range(230)]
    for n in range(0, 230, 2):
        server.say_in_app(f"burger{n}", "Antwoord", at=NOW + timedelta(minutes=n))
    posts, _ = await read_all(connect(server.url, client, now=NOW + DAY, added_at=NOW), {})
    assert sorted(post.external_id for post in posts if post.published_at >= NOW) == sorted(unanswered[1::2])


async def halfway(server: FakeFacebook, facebook: Facebook, count: int) -> tuple[list[str], Page]:
    """So many citizens write while we do not ask; returns their messages, and the first page that we read then."""
    server.clock = lambda: NOW
    server.say("els", "Eerst", at=NOW)
    _, cursor = await read_all(facebook, {})
    flood = [server.say(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(minutes=5 * n)) for n in range(count)]
    return flood, await facebook.fetch(cursor)


async def test_who_writes_again_before_we_got_to_their_conversation_is_read_from_their_first_words(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    facebook = connect(server.url, client, now=NOW + WEEK)
    flood, page = await halfway(server, facebook, 130)
    assert page.more and flood[0] not in {post.external_id for post in page.posts}
    again = [server.say("burger0", f"Hallo? {n}", at=NOW + DAY) for n in range(2)]
    posts, _ = await read_all(facebook, page.cursor)
    assert sorted(post.external_id for post in (*page.posts, *posts)) == sorted([*flood, *again])


async def test_where_we_stopped_in_a_list_that_no_longer_takes_that_place_it_is_read_again_from_its_top(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    facebook = connect(server.url, client, now=NOW + WEEK)
    flood, page = await halfway(server, facebook, 230)
    page.cursor["messages"]["rest"]["after"] = "ended"
    posts, _ = await read_all(facebook, page.cursor)
    assert sorted(post.external_id for post in (*page.posts, *posts)) == sorted(flood)


async def test_what_comes_late_into_a_list_is_read_too(server: FakeFacebook, facebook: Facebook) -> None:
    server.comment("jan", "Nu", at=NOW)
    page = await facebook.fetch({})
    late = server.comment("els", "Eerst tegengehouden", at=NOW - timedelta(minutes=40))
    assert [post.external_id for post in (await facebook.fetch(page.cursor)).posts] == [late]


@pytest.mark.parametrize("is_first", [False, True])
async def test_a_server_that_lists_the_comments_of_no_post_is_not_asked_below_each(
    server: FakeFacebook, client: httpx.AsyncClient, is_first: bool
) -> None:
    facebook = connect(server.url, client, now=NOW + DAY)
    cursor = {} if is_first else (await facebook.fetch({})).cursor
    posts = [server.write(f"Nieuws {n}") for n in range(9)]
    said = {
        server.comment(f"n{n}", f"Vraag {n}", under=post, at=NOW + timedelta(seconds=n))
        for post in posts
        for n in range(30)
    }
    for post in posts:
        server.fail(f"{V}/{post}/comments", status=503, count=9)
    page = await facebook.fetch(cursor)
    assert (sum("/comments" in each for each in server.asked) < len(posts), len(page.unread)) == (True, 1)
    server.faults.clear()
    later, _ = await read_all(facebook, page.cursor)
    assert {post.external_id for post in (*page.posts, *later)} == said


async def test_private_messages_that_are_switched_on_later_begin_then(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    server.clock = lambda: NOW
    added, later = NOW - WEEK, NOW + HOUR
    server.say("jan", "Van toen", at=NOW - DAY)
    _, cursor = await read_all(connect(server.url, client, now=NOW, added_at=added, messages=False), {})
    server.say("kim", "Van net ervoor", at=NOW + HOUR / 2)
    one = connect(server.url, client, now=later, added_at=added)
    server.fail(f"{V}/{PAGE}/conversations", status=503)
    page = await one.fetch(cursor)
    assert (page.posts, len(page.unread)) == ((), 1)
    new = server.say("els", "Van nu", at=later)
    one = connect(server.url, client, now=later + HOUR, added_at=added)
    posts, cursor = await read_all(one, json.loads(json.dumps(page.cursor)))
    assert [post.external_id for post in posts] == [new]
    again = server.say("jan", "En nu?", at=later + HOUR)
    assert [post.external_id for post in (await one.fetch(cursor)).posts] == [again]


async def test_private_messages_that_cannot_be_read_at_first_begin_with_the_account(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    server.clock = lambda: NOW
    one = connect(server.url, client, now=NOW, added_at=NOW - WEEK)
    old = server.say("jan", "Van toen", at=NOW - DAY)
    server.fail(f"{V}/{PAGE}/conversations", status=503)
    page = await one.fetch({})
    assert (page.posts, len(page.unread)) == ((), 1)
    assert [post.external_id for post in (await one.fetch(page.cursor)).posts] == [old]


async def test_one_list_that_cannot_be_read_keeps_nothing_else_out(server: FakeFacebook, facebook: Facebook) -> None:
    ident, review = server.comment("jan", "Wie veegt hier?"), server.review("ans", "Fijn")
    server.fail(f"{V}/{PAGE}/ratings", status=403, body='{"error": {"code": 10, "message": "Geen recht."}}')
    server.fail(f"{V}/{PAGE}/conversations", status=500)
    page = await facebook.fetch({})
    assert [post.external_id for post in page.posts] == [ident]
    message = server.say("jan", "Hallo?")
    assert {post.external_id for post in (await facebook.fetch(page.cursor)).posts} == {review, message}


async def test_near_the_limit_the_next_reading_waits(server: FakeFacebook, facebook: Facebook) -> None:
    server.usage = {"X-Business-Use-Case-Usage": '{"104": [{"call_count": 96}]}'}
    assert (await facebook.fetch({})).not_before > datetime.now(UTC)


async def test_films_albums_files_and_stickers_are_listed(server: FakeFacebook, facebook: Facebook) -> None:
    film = {
        "type": "video_inline",
        "media": {"source": "https://cdn.example/f.mp4", "image": {"src": "https://cdn.example/f.jpg"}},
    }
    link = {"type": "share", "url": "https://www.voorbeeld.nl"}
    odd = {"type": "photo", "media": {"image": {"src": "javascript:alert(1)"}}}
    pictures = [{"type": "photo", "media": {"image": {"src": f"https://cdn.example/{n}.jpg"}}} for n in range(2)]
    album = {"data": [{"type": "album", "subattachments": {"data": pictures}}]}
    files = {"data": [
        {"image_data": {"url": "https://cdn.example/i.jpg"}}, {"video_data": {"url": "https://cdn.example/v.mp4"}},
        {"mime_type": "audio/mpeg", "file_url": "https://cdn.example/a.mp3"},
        {"mime_type": "application/pdf", "name": "brief.pdf", "file_url": "https://cdn.example/b.pdf"}, {"x": 7},
    ]}  # fmt: skip
    shown = {
        server.comment("jan", "", attachment=film): ["video https://cdn.example/f.mp4"],
        server.comment("jan", "", attachment=link): [], server.comment("jan", "", attachment=odd): [],
        server.visit("els", "Album", attachments=album): ["image https://cdn.example/0.jpg", "image https://cdn.example/1.jpg"],
        server.say("jan", "", attachments=files): ["image https://cdn.example/i.jpg", "video https://cdn.example/v.mp4",
                                                   "audio https://cdn.example/a.mp3", "file https://cdn.example/b.pdf"],
    }  # fmt: skip
    posts = (await facebook.fetch({})).posts
    assert {post.external_id: [f"{each.kind} {each.url}" for each in post.media] for post in posts} == shown


async def test_stickers_and_what_was_shared_are_listed(server: FakeFacebook, facebook: Facebook) -> None:
    thumb, post, link = "https://cdn.example/thumb.png", "https://www.facebook.com/1_2", "https://www.voorbeeld.nl/a"
    shared = {
        each: {"data": [{"id": "7", "link": each, "name": "Iets"}]}
        for each in (thumb, post, link, "javascript:alert(1)")
    }
    shown = {
        server.say("jan", "", sticker=thumb, shares=shared[thumb]): [Media(thumb, "sticker")],
        server.say("els", "", shares=shared[post]): [Media(post, "share")],
        server.say("kim", f"Zie {link} eens", shares=shared[link]): [],
        server.say("ans", "Kijk", shares=shared["javascript:alert(1)"]): [],
    }
    assert {post.external_id: [*post.media] for post in (await facebook.fetch({})).posts} == shown


# --- what is sent to us ----------------------------------------------------------------------------


async def test_what_is_sent_is_the_same_post_as_what_is_asked_for(server: FakeFacebook, facebook: Facebook) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    server.comment("els", "Niemand", answers=first)
    server.visit("piet", "Waar is het feest?")
    server.tag("kim", "Dank @gemeente")
    server.review("ans", "Fijn")
    asked = {post.external_id: post for post in (await facebook.fetch({})).posts}
    sent = told(server)
    assert {post.external_id for post in sent} == asked.keys()
    for post in sent:  # before anything is asked, it lacks what may be done and what it is below
        assert acts(post) == acts(asked[post.external_id])
        assert (post.replies_to, post.hidden) == (None, None)
    for item in await facebook.complete(sent):
        assert isinstance(item, Post)
        assert item == replace(asked[item.external_id], url=item.url, published_at=item.published_at)


@pytest.mark.parametrize(
    ("flag", "act"),
    [
        ("can_hide", Act.HIDE), ("can_like", Act.LIKE), ("can_comment", Act.ANSWER),
        ("can_reply_privately", Act.ANSWER_PRIVATELY),
    ],
)  # fmt: skip
async def test_what_a_comment_that_was_sent_forbids_is_not_offered(
    server: FakeFacebook, facebook: Facebook, flag: str, act: Act
) -> None:
    server.comment("jan", "Vrij")
    forbidden: dict[str, Any] = {flag: False}
    server.comment("els", "Gebonden", **forbidden)
    free, bound = await completed(server, facebook)
    assert acts(free) - acts(bound) == {act}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500}, {"status": 0, "count": 2}, {"status": 200, "body": "[]"}, {"status": 200, "body": "{}"},
        {"status": 403, "body": '{"error": {"code": 10, "message": "Geen recht."}}'},
        {"status": 400, "body": '{"error": {"code": 100, "error_subcode": 33, "message": "Not there."}}'},
        {"status": 400, "body": '{"error": {"code": 190, "message": "No token."}}'},
        {"status": 400, "body": '{"error": {"code": 32, "message": "Too often."}}'},
    ],
)  # fmt: skip
@pytest.mark.parametrize("which", ["comment", "post"])
async def test_what_cannot_be_asked_for_comes_in_as_it_was_sent(
    server: FakeFacebook, facebook: Facebook, fault: dict[str, Any], which: str
) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    sent = told(server)
    server.fail(f"{V}/{ident if which == 'comment' else server.own}", **fault)
    (post,) = await facebook.complete(sent)
    assert isinstance(post, Post)
    assert (post.text, acts(post), post.replies_to) == ("Wie veegt hier?", acts(sent[0]), None)


async def test_of_many_comments_below_one_post_the_post_is_asked_for_once(
    server: FakeFacebook, facebook: Facebook
) -> None:
    for n in range(12):
        server.comment(f"burger{n}", "Ik ook")
    assert all(post.replies_to and post.hidden is False for post in await completed(server, facebook))
    assert (server.asked.count(f"GET {V}/{server.own}"), len(server.asked)) == (1, 13)


async def test_near_the_limit_nothing_is_asked_for_what_was_sent(
    server: FakeFacebook, facebook: Facebook, client: httpx.AsyncClient
) -> None:
    for n in range(3):
        server.comment("jan", f"Vraag {n}")
    sent = told(server)
    server.usage = {"X-Business-Use-Case-Usage": '{"104": [{"call_count": 96}]}'}
    assert [post.hidden for post in await facebook.complete(sent)] == [False, None, None]  # type: ignore[union-attr]
    asked = len(server.asked)
    for now, is_asked in ((NOW, False), (NOW + HOUR, True)):
        rests = replace(account(server.url), rests_until=NOW + HOUR)
        connected = Facebook(rests, Tools(client, lambda: now, tools(client, SECRETS).secrets))  # noqa: B023
        assert (await connected.complete(sent) != sent, len(server.asked) > asked) == (is_asked, is_asked)


async def test_facebook_does_not_wait_long_for_what_we_ask(
    server: FakeFacebook, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completing, "WITHIN", 0.5)
    server.comment("jan", "Wie veegt hier?")
    sent = told(server)
    async with Between(server.url) as between, between.holding("GET", ANY, passed_on=False):
        assert await connect(between.url, client).complete(sent) == sent


async def test_where_a_comment_says_it_stands_is_asked_for_only_by_an_id(
    server: FakeFacebook, facebook: Facebook
) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    server.news[-1]["changes"][0]["value"] |= {"post_id": "../me", "parent_id": "../me"}
    (post,) = await completed(server, facebook)
    assert (post.external_id, post.replies_to, server.asked) == (ident, None, [f"GET {V}/{ident}"])


async def test_edits_and_removals_are_sent(server: FakeFacebook, facebook: Facebook) -> None:
    one, two, visit = server.comment("jan", "Een"), server.comment("els", "Twee"), server.visit("piet", "Drie")
    told(server)
    server.edit(one, "Toch niet")
    server.remove(two)
    server.remove(visit)
    posts = {post.external_id: post for post in await completed(server, facebook)}
    assert server.asked[-1] == f"GET {V}/{one}"  # what may be done with it is asked, as of a new one
    assert (posts[one].text, posts[one].edited_at is not None) == ("Toch niet", True)
    assert posts[two].gone is posts[visit].gone is Gone.REMOVED  # by whom is not told


async def test_likes_hides_our_own_words_and_posts_without_an_author_are_left_alone(server: FakeFacebook) -> None:
    ident = server.comment("gemeente", "Wij zelf")
    server.visit("", "Van wie?")
    by = {"from": {"id": id_of("jan"), "name": "Jan"}}
    for item, verb in (
        ("reaction", "add"),
        ("like", "add"),
        ("comment", "hide"),
        ("comment", "unhide"),
        ("event", "add"),
    ):
        server._push("feed", item=item, verb=verb, comment_id=ident, post_id=server.own, **by)
    server._push("conversations", item="comment", verb="add", comment_id=ident)
    server._push("ratings", item="comment", verb="add", comment_id=ident, open_graph_story_id=server.own)
    assert told(server) == []


async def test_of_a_message_we_are_only_told_to_ask(server: FakeFacebook) -> None:
    receiver = PLATFORM.receiver
    server.comment("jan", "Wie veegt hier?")
    assert receiver.receive(account(""), server.sent(), NOW).ask is False
    server.say_in_app("jan", "Wij zelf")
    assert receiver.receive(account(""), server.sent(), NOW).ask is False
    server.say("jan", "Hallo?")
    received = receiver.receive(account(""), server.sent(), NOW)
    assert (received.items, received.ask) == ((), True)


async def test_a_changed_message_is_sent(server: FakeFacebook, facebook: Facebook) -> None:
    ident = server.say("jan", "Hallo?")
    before = await read(facebook, ident)
    told(server)
    server.edit_message("jan", ident, "Goedemorgen")
    (post,) = told(server)
    assert (post.external_id, post.text, post.private) == (ident, "Goedemorgen", True)
    assert (post.conversation, post.author.external_id) == (before.conversation, before.author.external_id)
    server.edit_message("jan", ident, "Weer anders")
    assert told(server, messages=False) == []


@pytest.mark.parametrize(("human_agent", "days"), [(False, DAY), (True, WEEK)])
async def test_a_changed_message_is_answered_as_long_as_any_other(
    server: FakeFacebook, human_agent: bool, days: timedelta
) -> None:
    server.edit_message("jan", server.say("jan", "Hallo?"), "Goedemorgen")
    (post,) = told(server, human_agent=human_agent)
    (permit,) = post.permits
    assert (permit.act, permit.until) == (Act.ANSWER_PRIVATELY, post.published_at + days)


@pytest.mark.parametrize("ident", [7, "", "a b", "../me", "x" * 400, None, ["1"]])
async def test_an_id_that_is_none_is_left_out(ident: Any) -> None:
    value = {
        "item": "comment",
        "verb": "add",
        "comment_id": ident,
        "message": "Dag",
        "from": {"id": "7", "name": "Jan"},
    }
    changes = [{"field": "feed", "value": value}, {"field": "feed", "value": {**value, "comment_id": "1_2"}}]
    body = {"object": "page", "entry": [{"id": PAGE, "time": 1795770000, "changes": changes}]}
    received = PLATFORM.receiver.receive(account(""), pushed(body), NOW)
    assert [item.external_id for item in received.items] == ["1_2"]


async def test_signs_that_no_database_stores_are_left_out(server: FakeFacebook, facebook: Facebook) -> None:
    ident, message = server.comment("jan", "Nul\x00 en half \ud83d"), server.say("els", "Nul\x00")
    assert (await read(facebook, ident)).text == "Nul en half "
    assert (await read(facebook, message)).text == "Nul"
    assert {post.text for post in told(server)} == {"Nul en half "}


# --- looking again ---------------------------------------------------------------------------------


async def test_a_second_look_finds_edits_what_is_gone_and_what_is_back(
    server: FakeFacebook, facebook: Facebook
) -> None:
    idents = [server.comment("jan", f"Vraag {n}") for n in range(3)]
    visit = server.visit("els", "Dag")
    posts = [post for post in (await facebook.fetch({})).posts if not post.private]
    assert (await facebook.recheck(posts, {})).changed == ()
    server.edit(idents[0], "Toch niet")
    server.remove(idents[1])
    server.remove(visit)
    found = {post.external_id: post for post in (await facebook.recheck(posts, {})).changed}
    assert set(found) == {idents[0], idents[1], visit}
    assert (found[idents[0]].text, found[idents[0]].edited_at is not None) == ("Toch niet", True)
    assert found[idents[1]].gone is found[visit].gone is Gone.UNREACHABLE  # Facebook does not say why
    hidden = [replace(next(p for p in posts if p.external_id == idents[2]), gone=Gone.UNREACHABLE)]
    (back,) = (await facebook.recheck(hidden, {})).changed
    assert (back.external_id, back.gone, back.edited_at) == (idents[2], None, None)


async def test_a_second_look_takes_turns(server: FakeFacebook, facebook: Facebook) -> None:
    for n in range(14):
        server.comment("jan", f"Vraag {n}")
    posts = (await facebook.fetch({})).posts
    asked = len(server.asked)
    first = await facebook.recheck(posts, {})
    assert len(server.asked) - asked == 10
    await facebook.recheck(posts, first.cursor)
    assert len(set(server.asked[asked:])) == 14


async def test_what_is_not_on_our_page_is_not_looked_at_again(server: FakeFacebook, facebook: Facebook) -> None:
    server.say("jan", "Hallo?")
    server.review("ans", "Fijn")
    server.tag("kim", "Dank @gemeente")
    posts = (await facebook.fetch({})).posts
    asked = len(server.asked)
    assert (await facebook.recheck(posts, {})).changed == ()
    assert len(server.asked) == asked


async def test_a_post_that_we_may_not_see_again_holds_up_no_other(server: FakeFacebook, facebook: Facebook) -> None:
    one, two = server.comment("jan", "Een"), server.comment("els", "Twee")
    posts = (await facebook.fetch({})).posts
    server.edit(two, "Drie")
    server.fail(f"{V}/{one}", status=403, body='{"error": {"code": 10, "message": "Geen recht."}}')
    assert [post.external_id for post in (await facebook.recheck(posts, {})).changed] == [two]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"error": {"code": 2, "message": "Service temporarily unavailable", "is_transient": true}}'),
        (400, '{"error": {"code": 100, "message": "(#100) Tried accessing nonexisting field"}}'),
        (502, "<html>Bad gateway</html>"),
    ],
)
async def test_a_post_that_facebook_fails_to_show_holds_up_no_other(
    server: FakeFacebook, facebook: Facebook, status: int, body: str
) -> None:
    one, two = server.comment("jan", "Een"), server.comment("els", "Twee")
    posts = (await facebook.fetch({})).posts
    server.edit(two, "Drie")
    server.fail(f"{V}/{one}", status=status, body=body)
    assert [post.external_id for post in (await facebook.recheck(posts, {})).changed] == [two]


async def test_many_posts_that_facebook_fails_to_show_hold_up_no_other(
    server: FakeFacebook, facebook: Facebook
) -> None:
    for n in range(6):
        server.comment("jan", f"Vraag {n}")
    posts = (await facebook.fetch({})).posts
    first, *between, last = [post.external_id for post in posts]
    server.edit(first, "Eén")
    server.edit(last, "Zes")
    for each in between:
        server.fail(f"{V}/{each}", status=500)
    rechecked = await facebook.recheck(posts, {})
    assert [post.external_id for post in rechecked.changed] == [first]
    assert [post.external_id for post in (await facebook.recheck(posts, rechecked.cursor)).changed] == [last, first]


async def test_a_server_that_fails_to_show_each_post_is_left_alone(server: FakeFacebook, facebook: Facebook) -> None:
    for n in range(10):
        server.comment("jan", f"Vraag {n}")
    posts = (await facebook.fetch({})).posts
    asked = len(server.asked)
    server.fail(f"{V}/", status=503, count=10)
    with pytest.raises(Unavailable):
        await facebook.recheck(posts, {})
    assert len(server.asked) - asked < 5


# --- answering -------------------------------------------------------------------------------------


async def test_an_answer_stands_below_the_comment(server: FakeFacebook, facebook: Facebook) -> None:
    ident = server.comment("jan", "Wie veegt hier?")
    sent = await facebook.send(draft(await read(facebook, ident)))
    assert server.things[sent.external_id].under == [ident, server.own]
    assert server.ours() == ["Dat zoeken we uit. ^SB"]
    numbers = [each.rpartition("_")[2] for each in (ident, sent.external_id)]
    where = f"https://www.facebook.com/{server.own}?comment_id={numbers[0]}&reply_comment_id={numbers[1]}"
    assert (sent.url, sent.conversation, sent.held) == (where, "", False)


@pytest.mark.parametrize("url", ["", "https://x:port", "nonsense", "javascript:alert(1)"])
async def test_an_answer_that_was_published_is_told_whatever_address_its_post_has(
    server: FakeFacebook, facebook: Facebook, url: str
) -> None:
    post = replace(await read(facebook, server.comment("jan", "Wie veegt hier?")), url=url)
    sending = draft(post)
    sent = await facebook.send(sending)
    assert (sent.url, await facebook.find(sending)) == ("", sent)


async def test_visitors_mentions_and_recommendations_are_answered(server: FakeFacebook, facebook: Facebook) -> None:
    idents = [server.visit("piet", "Dag"), server.tag("kim", "Dag"), server.review("ans", "Fijn")]
    posts = (await facebook.fetch({})).posts
    for post in posts:
        sending = draft(post)
        sent = await facebook.send(sending)
        assert await facebook.find(sending) == sent
    assert sorted(each.under[0] for each in server.things.values() if each.kind == "comment") == sorted(idents)


# --- in private ------------------------------------------------------------------------------------


async def test_a_comment_is_answered_privately_once(server: FakeFacebook, facebook: Facebook) -> None:
    post, visit = await read(facebook, server.comment("jan", "Een")), await read(facebook, server.visit("els", "Twee"))
    for each in (post, visit):
        await facebook.send(draft(each, private=True))
        with pytest.raises(Rejected, match="allows that once"):
            await facebook.send(draft(each, "Nog iets", private=True))
        assert Act.ANSWER_PRIVATELY not in acts(await read(facebook, each.external_id))
    assert len(server.said()) == 2


async def test_whether_a_visitor_was_answered_privately_cannot_always_be_known(
    server: FakeFacebook, facebook: Facebook
) -> None:
    post = await read(facebook, server.visit("els", "Dag"))
    assert await facebook.find(draft(post, private=True)) is None
    await facebook.send(draft(post, private=True))
    with pytest.raises(Unknowable):
        await facebook.find(draft(post, private=True))


async def test_messenger_takes_answers_for_a_day_and_from_people_for_a_week(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    ident = server.say("jan", "Hallo?", at=NOW)
    server.clock = lambda: NOW + 3 * DAY
    cases: list[tuple[dict[str, Any], bool, bool]]
    cases = [({}, False, False), ({"human_agent": True}, False, False), ({"human_agent": True}, True, True)]
    for options, approved, works in cases:
        server.may_be_human = approved
        facebook = connect(server.url, client, now=NOW + 3 * DAY, **options)
        post = await read(facebook, ident)
        assert post.permits == {Permit(Act.ANSWER_PRIVATELY, NOW + (WEEK if options else DAY))}
        if works:
            await facebook.send(draft(post, private=True))
        else:
            with pytest.raises(Rejected, match="24 hours"):
                await facebook.send(draft(post, private=True))
    assert [body.get("tag") for body in server.bodies if "message" in body] == [None, "HUMAN_AGENT", "HUMAN_AGENT"]


async def test_within_a_day_an_answer_is_no_exception(server: FakeFacebook, client: httpx.AsyncClient) -> None:
    ident = server.say("jan", "Hallo?", at=NOW)
    server.clock = lambda: NOW + HOUR
    facebook = connect(server.url, client, now=NOW + HOUR, human_agent=True)
    await facebook.send(draft(await read(facebook, ident), private=True))
    assert [body["messaging_type"] for body in server.bodies if "message" in body] == ["RESPONSE"]


async def test_a_private_answer_has_its_own_length(server: FakeFacebook, facebook: Facebook) -> None:
    post = await read(facebook, server.say("jan", "Hallo?"))
    assert (facebook.measure("x").limit, facebook.measure("x", private=True).limit) == (8000, 2000)
    await facebook.send(draft(post, "x" * 2000, private=True))
    with pytest.raises(Rejected):
        await facebook.send(draft(post, "x" * 2001, private=True))


async def test_a_conversation_that_is_not_shown_leaves_a_doubt(server: FakeFacebook, facebook: Facebook) -> None:
    post = await read(facebook, server.say("jan", "Hallo?"))
    server.threads.clear()
    with pytest.raises(Unknowable):
        await facebook.find(draft(post, private=True))


async def test_more_messages_than_are_shown_leave_a_doubt(server: FakeFacebook, facebook: Facebook) -> None:
    post = await read(facebook, server.say("jan", "Hallo?"))
    now = datetime.now(UTC)
    for n in range(21):
        server.say("jan", f"Hallo {n}", at=now + timedelta(seconds=n))
    with pytest.raises(Unknowable):
        await facebook.find(draft(post, private=True, at=now))


# --- what else can be done -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "undo", "field"), [(Act.HIDE, Act.SHOW, "is_hidden"), (Act.LIKE, Act.UNLIKE, "user_likes")]
)
async def test_what_is_done_twice_changes_nothing_and_can_be_undone(
    server: FakeFacebook, facebook: Facebook, act: Act, undo: Act, field: str
) -> None:
    post = await read(facebook, server.comment("jan", "Spam"))
    for each, stands in ((act, True), (act, True), (undo, False), (undo, False)):
        await facebook.act(each, post)
        assert server.things[post.external_id].fields[field] is stands


async def test_what_may_not_be_hidden_is_refused(server: FakeFacebook, facebook: Facebook) -> None:
    post = await read(facebook, server.comment("jan", "Dag", can_hide=False))
    with pytest.raises(Rejected, match="does not let us hide"):
        await facebook.act(Act.HIDE, post)
    server.remove(post.external_id)
    with pytest.raises(Rejected, match="no longer shows"):
        await facebook.act(Act.HIDE, post)


async def test_only_an_answer_of_ours_can_be_removed(server: FakeFacebook, facebook: Facebook) -> None:
    theirs = await read(facebook, server.comment("jan", "Dag"))
    sent = await facebook.send(draft(theirs))
    ours = Post(sent.external_id, theirs.author, "", NOW)
    with pytest.raises(Rejected):
        await facebook.act(Act.DELETE, theirs)
    for _ in range(2):
        await facebook.act(Act.DELETE, ours)
    assert server.ours() == []
    with pytest.raises(Rejected, match="taken back"):
        await facebook.act(Act.DELETE, replace(ours, private=True))
    with pytest.raises(Rejected):
        await facebook.act(Act.ANSWER, theirs)


# --- the check -------------------------------------------------------------------------------------


async def test_a_check_tells_who_we_are_and_lets_facebook_send_what_is_new(
    server: FakeFacebook, facebook: Facebook
) -> None:
    found = await facebook.check()
    assert (found.problems, found.warnings) == ((), ())
    assert found.identity == Identity(PAGE, "gemeente", US, "https://facebook.com/gemeente")
    (app,) = server.apps[PAGE]
    assert app["subscribed_fields"] == ["feed", "mention", "message_edits", "messages", "ratings"]


async def test_a_check_asks_for_no_more_rights_than_are_used(server: FakeFacebook, client: httpx.AsyncClient) -> None:
    server.known["scopes"].remove("pages_messaging")
    assert "pages_messaging" in str((await connect(server.url, client).check()).problems[0])
    assert (await connect(server.url, client, messages=False, reviews=False).check()).problems == ()
    assert server.apps[PAGE][0] == {"id": APP_ID, "name": "Webcare", "subscribed_fields": ["feed", "mention"]}


async def test_images_need_a_right_of_their_own_and_are_offered_below_posts_only(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    plain, illustrated = connect(server.url, client), connect(server.url, client, images=True)
    assert plain.images(private=False) is None
    assert illustrated.images(private=True) is None
    takes = illustrated.images(private=False)
    assert takes is not None and takes.described > 0
    server.known["scopes"].remove("pages_manage_posts")
    assert (await plain.check()).problems == ()
    assert "pages_manage_posts" in str((await illustrated.check()).problems[0])


async def test_the_token_of_another_page_or_of_a_person_is_refused(
    server: FakeFacebook, client: httpx.AsyncClient
) -> None:
    found = await connect(server.url, client, page_id="105").check()
    assert f"of {US} ({PAGE}) and not of the page 105" in str(found.problems[0])
    assert found.identity is None


async def test_a_check_that_cannot_be_made_is_a_verdict(server: FakeFacebook, facebook: Facebook) -> None:
    server.fail(status=503)
    with pytest.raises(Unavailable):
        await facebook.check()


def test_the_first_steps_name_the_address_of_all_pages_and_the_token() -> None:
    at = replace(account(""), address="https://webcare.example.nl/in/facebook/gemeente")
    lines = PLATFORM.first_steps(at)
    assert "  Callback URL: https://webcare.example.nl/in/facebook" in lines
    assert any(SECRETS["verify_token"] in line for line in lines)
