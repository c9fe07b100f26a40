import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.accounts import DraftSecrets
from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Identity,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.connectors.bluesky import Bluesky
from bot.connectors.bluesky.posts import cautions_of
from bot.connectors.platform import Tools
from bot.domain.mention import OPPOSITES, Act, Author, Caution, Gone, Media, Post, PostKind, permits
from tests.connectors.bluesky.fake import GATE, HANDLE, PASSWORD, US, FakeBluesky, did_of
from tests.connectors.reading import read_all
from tests.fakes.between import Between

NOTIFICATIONS = "/xrpc/app.bsky.notification.listNotifications"
PUT = "/xrpc/com.atproto.repo.putRecord"
SEND = "/xrpc/chat.bsky.convo.sendMessage"
REFRESH = "/xrpc/com.atproto.server.refreshSession"
LOGIN = "/xrpc/com.atproto.server.createSession"


@pytest.fixture
async def server() -> AsyncIterator[FakeBluesky]:
    async with FakeBluesky() as one:
        yield one


@pytest.fixture
def bluesky(server: FakeBluesky, client: httpx.AsyncClient) -> Bluesky:
    return connect(server.url, client)


def connect(
    url: str, client: httpx.AsyncClient, store: DraftSecrets | None = None, *, added_at: datetime | None = None,
    **options: Any,
) -> Bluesky:  # fmt: skip
    """A connector as another process makes it: from what is stored now."""
    store = store or DraftSecrets({"app_password": PASSWORD})
    options = {"handle": HANDLE, "directory": url, **options}
    account = Account(1, "bluesky", "gemeente", url, dict(store.now), options, added_at=added_at)
    return Bluesky(account, Tools(client, lambda: datetime.now(UTC), store))


async def mention(bluesky: Bluesky, server: FakeBluesky, text: str = "Wie veegt hier?", **more: Any) -> Post:
    """A post that a citizen just wrote, as it came in."""
    uri = server.write("jan", f"@{HANDLE} {text}", **more)
    return next(post for post in (await bluesky.fetch({})).posts if post.external_id == uri)


def draft(to: Post, text: str = "Dat zoeken we uit. ^SB", *, private: bool = False, key: str = "key-1") -> Draft:
    now = datetime.now(UTC)
    return Draft(key, text, private, to, now, approved_at=now)


# --- reading ---------------------------------------------------------------------------------------


async def test_a_mention_comes_in_as_its_citizen_wrote_it(server: FakeBluesky, bluesky: Bluesky) -> None:
    words = f"@{HANDLE} De <lamp> is stuk & het is donker 🌧"
    view = {"thumb": "https://cdn.example/t.jpg", "fullsize": "https://cdn.example/l.jpg", "alt": "Een kapotte lamp"}
    uri = server.write("jan", words, shows={"embed": {"$type": "app.bsky.embed.images#view", "images": [view]}})
    (post,) = (await bluesky.fetch({})).posts
    assert (post.external_id, post.text, post.language, post.kind) == (uri, words, "nl", PostKind.POST)
    assert post.author == Author(did_of("jan"), "Jan", "@jan.example", f"https://bsky.app/profile/{did_of('jan')}")
    assert post.url == f"https://bsky.app/profile/{did_of('jan')}/post/{uri.rpartition('/')[2]}"
    assert [(m.url, m.kind, m.alt) for m in post.media] == [("https://cdn.example/l.jpg", "image", "Een kapotte lamp")]
    assert post.permits == permits(Act.ANSWER, Act.LIKE)
    assert post.published_at == server.records[uri].sorted_at


def label(
    value: str, *, by: str = "did:plc:moderators", at: str = "2026-11-27T09:00:00Z", **more: Any
) -> dict[str, Any]:
    return {"src": by, "uri": "at://x/y/z", "val": value, "cts": at, **more}


LATER = "2026-11-27T10:00:00Z"
TAKEN_BACK = [label("porn", at=LATER, neg=True), label("porn"), label("spam", at=LATER), label("spam", neg=True)]


@pytest.mark.parametrize(
    ("labels", "of_author", "cautions"),
    [
        ([], [], ()),
        ([label("porn"), label("graphic-media")], [], (Caution.ADULT, Caution.GRAPHIC)),
        ([label("!warn")], [label("!hide")], (Caution.SENSITIVE, Caution.UNFIT)),
        ([label("nudity", by=did_of("jan"))], [label("!no-unauthenticated"), label("bot")], (Caution.NUDITY,)),
        (TAKEN_BACK, [], (Caution.SPAM,)),
        ([label("rude", by="did:plc:one", neg=True, at=LATER)], [label("rude", by="did:plc:two")], (Caution.RUDE,)),
    ],
    ids=["none", "of the post", "to warn of and to hide", "by its author", "taken back", "taken back by another"],
)
async def test_what_is_marked_on_the_platform_is_told(
    server: FakeBluesky, bluesky: Bluesky, labels: list[Any], of_author: list[Any], cautions: tuple[Caution, ...]
) -> None:
    server.labels[did_of("jan")] = of_author
    assert (await mention(bluesky, server, shows={"labels": labels})).cautions == cautions


async def test_a_mark_that_comes_or_goes_later_follows(server: FakeBluesky, bluesky: Bluesky) -> None:
    post = await mention(bluesky, server)
    server.records[post.external_id].shows = {"labels": [label("graphic-media")]}
    marked = (await rechecked(bluesky, post))[post.external_id]
    assert (marked.cautions, marked.edited_at, marked.text) == ((Caution.GRAPHIC,), None, post.text)
    assert await rechecked(bluesky, marked) == {}
    server.records[post.external_id].shows = {}
    assert (await rechecked(bluesky, marked))[post.external_id].cautions == ()


@pytest.mark.parametrize("odd", [7, "porn", [7, None, {"val": ["porn"]}, {"val": "porn", "neg": "no"}]])
def test_labels_that_are_none_break_nothing(odd: Any) -> None:
    assert set(cautions_of({"labels": odd}, {"labels": None})) <= {Caution.ADULT}


async def test_what_is_no_mention_reply_or_quote_of_others_does_not_come_in(
    server: FakeBluesky, bluesky: Bluesky
) -> None:
    ours = server.write("gemeente", "De markt gaat door.")
    server.write("gemeente", f"@{HANDLE} Wij zelf")
    server.write("jan", "♥", names_us=False)
    reply, quote = server.write("jan", "Echt?", answers=ours), server.write("els", "Mooi is dat", quotes=ours)
    posts = (await bluesky.fetch({})).posts
    assert [post.external_id for post in posts] == [reply, quote]
    assert [post.replies_to and post.replies_to.text for post in posts] == [None, "De markt gaat door."]


async def test_a_quote_with_a_picture_shows_what_it_quotes(server: FakeBluesky, bluesky: Bluesky) -> None:
    ours = server.write("els", "De markt gaat door.")
    view = {"thumb": "https://cdn.example/t.jpg", "fullsize": "https://cdn.example/l.jpg", "alt": "Regen"}
    media = {"$type": "app.bsky.embed.images#view", "images": [view]}
    both = {"$type": "app.bsky.embed.recordWithMedia#view", "record": server._quoted(ours), "media": media}
    post = await mention(bluesky, server, "Echt?", shows={"embed": both})
    assert post.replies_to is not None
    assert post.replies_to.text == "De markt gaat door."
    assert [media.alt for media in post.media] == ["Regen"]


async def test_a_thread_hangs_together(server: FakeBluesky, bluesky: Bluesky) -> None:
    first = server.write("els", "Het is hier zo donker!")
    second = server.write("piet", "Ja hè", answers=first)
    third = server.write("jan", f"Vraag het @{HANDLE}", answers=second)
    (post,) = (await bluesky.fetch({})).posts
    assert (post.external_id, post.in_reply_to, post.ancestors) == (third, second, (first,))
    assert post.kind is PostKind.REPLY
    assert post.replies_to is not None
    assert (post.replies_to.author, post.replies_to.text) == ("Piet", "Ja hè")
    assert post.place is not None
    assert post.place["root"]["uri"] == first


async def test_a_shortened_link_becomes_the_link_itself(server: FakeBluesky, bluesky: Bluesky) -> None:
    text = f"@{HANDLE} é voorbeeld.nl/lamp... en hier en kapot"
    raw = text.encode()

    def link(words: str, uri: str) -> dict[str, Any]:
        start = raw.index(words.encode())
        feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
        return {"index": {"byteStart": start, "byteEnd": start + len(words.encode())}, "features": [feature]}

    facets = [link("voorbeeld.nl/lamp...", "https://voorbeeld.nl/lamp?nr=7"), link("hier", "https://a.nl")]
    facets += [{**link("kapot", "https://b.nl"), "index": {"byteStart": 50, "byteEnd": 9000}}]
    facets += [link(f"@{HANDLE}", "javascript:alert(1)")]
    facets[-1]["features"].append({"$type": "app.bsky.richtext.facet#mention", "did": US})
    server.write("jan", text, names_us=False, facets=facets)
    (post,) = (await bluesky.fetch({})).posts
    assert post.text == f"@{HANDLE} é https://voorbeeld.nl/lamp?nr=7 en hier (https://a.nl) en kapot"


async def test_a_link_at_a_wrong_place_or_over_another_leaves_the_words_as_they_are(
    server: FakeBluesky, bluesky: Bluesky
) -> None:
    """Some apps count characters where Bluesky counts bytes: such a place may be in the middle of one."""

    def link(start: int, end: int, uri: str) -> dict[str, Any]:
        feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
        return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}

    text = f"@{HANDLE} één kapotte lamp, zie deze foto"
    at = len(f"@{HANDLE} ")
    facets = [link(at + 1, at + 6, "https://a.nl"), link(at + 6, at + 13, "https://b.nl")]
    facets += [link(at + 9, at + 18, "https://c.nl"), link(0, at - 1, "javascript:alert(1)")]
    facets[-1]["features"].append({"$type": "app.bsky.richtext.facet#mention", "did": US})
    server.write("jan", text, names_us=False, facets=facets)
    (post,) = (await bluesky.fetch({})).posts
    assert post.text == f"@{HANDLE} één kapotte (https://b.nl) lamp, zie deze foto"


async def test_a_link_card_and_a_film_are_part_of_the_post(server: FakeBluesky, bluesky: Bluesky) -> None:
    card = {"uri": "https://krant.example/1", "title": "Krant", "description": ""}
    film = {"cid": "bafyreib", "playlist": "https://v.example/1", "thumbnail": "https://v.example/1.jpg", "alt": "Vuur"}
    shown = {"embed": {"$type": "app.bsky.embed.external#view", "external": card}}
    first = await mention(bluesky, server, "Lees dit", shows=shown)
    second = await mention(bluesky, server, "Kijk", shows={"embed": {"$type": "app.bsky.embed.video#view", **film}})
    gone = {"$type": "app.bsky.embed.record#viewNotFound", "uri": f"at://{US}/app.bsky.feed.post/3k", "notFound": True}
    beside_a_quote = {
        "$type": "app.bsky.embed.recordWithMedia#view",
        "media": shown["embed"],
        "record": {"record": gone},
    }
    third = await mention(bluesky, server, "Lees dit", shows={"embed": beside_a_quote})
    assert first.text.endswith("Lees dit\nhttps://krant.example/1") and first.text == third.text
    assert [(m.url, m.kind, m.alt) for m in second.media] == [("https://v.example/1.jpg", "video", "Vuur")]


async def test_the_same_post_by_two_roads_is_one(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    bluesky = connect(server.url, client, words=["lamp", "stoep"])
    both = server.write("jan", f"@{HANDLE} De lamp op de stoep")
    word = server.write("els", "De stoep is vies")
    server.write("gemeente", "Wij vegen de stoep")
    posts, cursor = await read_all(bluesky, {})
    assert [post.external_id for post in posts] == [both, word]
    assert await read_all(bluesky, cursor) == ([], cursor)


async def test_a_word_that_cannot_be_searched_keeps_no_mention_back(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    bluesky = connect(server.url, client, words=["lamp"])
    _, cursor = await read_all(bluesky, {})
    word, named = server.write("els", "De lamp"), server.write("jan", f"@{HANDLE} Hallo")
    server.fail("/xrpc/app.bsky.feed.searchPosts", status=503)
    posts, cursor = await read_all(bluesky, cursor)
    assert [post.external_id for post in posts] == [named]
    posts, _ = await read_all(bluesky, cursor)
    assert [post.external_id for post in posts] == [word]


async def test_a_post_that_comes_in_late_below_others_is_not_lost(server: FakeBluesky, bluesky: Bluesky) -> None:
    for n in range(3):
        server.write("jan", f"@{HANDLE} {n}")
    _, cursor = await read_all(bluesky, {})
    late = server.write("els", f"@{HANDLE} Onderweg", at=datetime.now(UTC) - timedelta(hours=2))
    posts, _ = await read_all(bluesky, cursor)
    assert [post.external_id for post in posts] == [late]


async def test_a_post_from_the_future_is_from_when_it_came(server: FakeBluesky, bluesky: Bluesky) -> None:
    uri = server.write("jan", f"@{HANDLE} Straks", at=datetime.now(UTC) + timedelta(days=900))
    (post,) = (await bluesky.fetch({})).posts
    assert post.published_at == server.records[uri].indexed_at


async def test_a_heap_of_posts_comes_in_whole_and_new_ones_first(server: FakeBluesky, bluesky: Bluesky) -> None:
    _, cursor = await read_all(bluesky, {})
    heap = [server.write("jan", f"@{HANDLE} {n}") for n in range(1250)]
    page = await bluesky.fetch(cursor)
    assert page.more
    assert heap[-1] in {post.external_id for post in page.posts}
    new = server.write("els", f"@{HANDLE} Brand!")
    second = await bluesky.fetch(page.cursor)
    assert new in {post.external_id for post in second.posts}
    rest, cursor = await read_all(bluesky, second.cursor)
    came = [post.external_id for post in (*page.posts, *second.posts, *rest)]
    assert sorted(came) == sorted([*heap, new])
    assert await read_all(bluesky, cursor) == ([], cursor)


@pytest.mark.parametrize("count", [490, 510])
async def test_a_first_reading_says_whether_it_goes_back_to_when_the_account_begins(
    server: FakeBluesky, client: httpx.AsyncClient, count: int
) -> None:
    """By it a day is compared, and it takes five pages of a hundred."""
    begun = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(count):
        server.write("jan", f"@{HANDLE} {number}")
    page = await connect(server.url, client, added_at=begun).fetch({})
    assert (len(page.posts), page.whole) == ((490, True) if count < 500 else (500, False))


@pytest.mark.parametrize("body", ["{}", '{"error": "UpstreamFailure"}', '{"notifications": null}'])
async def test_an_answer_without_a_list_is_no_empty_list(server: FakeBluesky, bluesky: Bluesky, body: str) -> None:
    _, cursor = await read_all(bluesky, {})
    uri = server.write("jan", f"@{HANDLE} Hallo")
    server.fail(NOTIFICATIONS, status=200, body=body)
    with pytest.raises(Unavailable):
        await bluesky.fetch(cursor)
    posts, _ = await read_all(bluesky, cursor)
    assert [post.external_id for post in posts] == [uri]


async def test_older_posts_that_cannot_be_read_hold_up_no_new_one(server: FakeBluesky, bluesky: Bluesky) -> None:
    _, cursor = await read_all(bluesky, {})
    heap = [server.write("jan", f"@{HANDLE} {n}") for n in range(1250)]
    page = await bluesky.fetch(cursor)
    new = server.write("els", f"@{HANDLE} Brand!")
    server.has_old_ones = False
    second = await bluesky.fetch(page.cursor)
    assert new in {post.external_id for post in second.posts}
    assert [str(each) for each in second.unread] and not second.more
    server.has_old_ones = True
    rest, _ = await read_all(bluesky, second.cursor)
    came = {post.external_id for post in (*page.posts, *second.posts, *rest)}
    assert came == {*heap, new}


async def test_older_posts_are_read_from_the_top_again_when_the_place_is_forgotten(
    server: FakeBluesky, bluesky: Bluesky
) -> None:
    _, cursor = await read_all(bluesky, {})
    heap = [server.write("jan", f"@{HANDLE} {n}") for n in range(1250)]
    page = await bluesky.fetch(cursor)
    server.forgotten.add(page.cursor["notifications"]["gaps"][0]["cursor"])
    refused = await bluesky.fetch(page.cursor)
    assert (refused.more, len(refused.unread)) == (False, 1)
    new = server.write("els", f"@{HANDLE} Brand!")
    rest, cursor = await read_all(bluesky, refused.cursor)
    assert {post.external_id for post in (*page.posts, *rest)} == {*heap, new}
    assert await read_all(bluesky, cursor) == ([], cursor)


async def test_an_account_begins_when_it_is_added(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    server.write("jan", f"@{HANDLE} Lang geleden", at=now - timedelta(days=2))
    answered = server.write("jan", f"@{HANDLE} Is al beantwoord", at=now - timedelta(days=2))
    server.write("gemeente", "Zo is het", answers=answered)
    assert (await connect(server.url, client, added_at=now).fetch({})).posts == ()
    posts = (await connect(server.url, client, added_at=now, since_days=3).fetch({})).posts
    assert [post.text.split()[-1] for post in posts] == ["geleden"]


async def test_a_word_that_is_followed_later_begins_then(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    added = now - timedelta(days=90)
    server.write("jan", "De sluis van toen", at=now - timedelta(days=60))
    _, cursor = await read_all(connect(server.url, client, added_at=added, words=["brug"]), {})
    bluesky = connect(server.url, client, added_at=added, words=["brug", "sluis"])
    new = server.write("jan", "De sluis van nu")
    posts, cursor = await read_all(bluesky, cursor)
    assert [post.external_id for post in posts] == [new]
    assert await read_all(bluesky, cursor) == ([], cursor)


async def test_a_word_that_is_followed_while_it_cannot_be_searched_begins_then(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    _, cursor = await read_all(connect(server.url, client), {})
    bluesky = connect(server.url, client, words=["sluis"])
    server.fail("/xrpc/app.bsky.feed.searchPosts", status=502)
    page = await bluesky.fetch(cursor)
    assert (page.posts, len(page.unread)) == ((), 1)
    new = server.write("jan", "De sluis van nu")
    account = bluesky._account
    then = Bluesky(account, Tools(client, lambda: later, DraftSecrets(dict(account.secrets))))
    posts, _ = await read_all(then, json.loads(json.dumps(page.cursor)))
    assert [post.external_id for post in posts] == [new]


async def test_a_word_that_cannot_be_searched_at_first_begins_with_the_account(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    now = datetime.now(UTC)
    bluesky = connect(server.url, client, added_at=now - timedelta(days=90), words=["sluis"])
    old = server.write("jan", "De sluis van toen", at=now - timedelta(days=60))
    server.fail("/xrpc/app.bsky.feed.searchPosts", status=502)
    page = await bluesky.fetch({})
    assert (page.posts, len(page.unread)) == ((), 1)
    assert [post.external_id for post in (await bluesky.fetch(page.cursor)).posts] == [old]


@pytest.mark.parametrize(
    "record",
    [
        {"text": None}, {"reply": "x"}, {"reply": {"parent": 7, "root": {"uri": {}}}}, {"facets": [7]}, {"langs": 7},
        {"facets": [{"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.nl"}]}]}, {"embed": []},
        {"createdAt": 7}, {"embed": {"external": {"uri": "file:///etc/passwd"}}},
        {"createdAt": "9999-12-31T23:59:59-05:00"}, {"createdAt": "0001-01-01T00:00:00+05:00"},
    ],
)  # fmt: skip
async def test_a_hostile_record_spoils_no_other(server: FakeBluesky, bluesky: Bluesky, record: Any) -> None:
    uri = server.write("jan", f"@{HANDLE} Hallo")
    server.write("els", f"@{HANDLE} Goedemorgen", shows={"record": {**server.records[uri].value, **record}})
    assert uri in {post.external_id for post in (await bluesky.fetch({})).posts}


@pytest.mark.parametrize("written", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
async def test_a_moment_that_no_clock_has_spoils_no_other(server: FakeBluesky, bluesky: Bluesky, written: str) -> None:
    odd, usual = server.write("els", f"@{HANDLE} Straks", createdAt=written), server.write("jan", f"@{HANDLE} Hallo")
    assert {post.external_id for post in (await bluesky.fetch({})).posts} == {odd, usual}


async def test_large_records_keep_no_mention_back(server: FakeBluesky, bluesky: Bluesky) -> None:
    cursor = (await bluesky.fetch({})).cursor
    uris = {server.write("els", f"@{HANDLE} Hallo {n}", more="x" * 250_000) for n in range(24)}
    found, _ = await read_all(bluesky, cursor)
    assert {post.external_id for post in found} == uris
    server.overwrite(found[7].external_id, f"@{HANDLE} Toch niet")
    changed = (await bluesky.recheck(found, {})).changed
    assert [post.external_id for post in changed] == [found[7].external_id]


async def test_an_answer_to_what_is_no_address_keeps_its_pictures(server: FakeBluesky, bluesky: Bluesky) -> None:
    view = {"thumb": "https://cdn.example/t.jpg", "fullsize": "https://cdn.example/l.jpg", "alt": "Een lamp"}
    nowhere = {end: {"uri": "at://geen adres", "cid": "bafyreib"} for end in ("root", "parent")}
    shown = {"embed": {"$type": "app.bsky.embed.images#view", "images": [view]}}
    post = await mention(bluesky, server, shows=shown, reply=nowhere)
    assert [media.alt for media in post.media] == ["Een lamp"]
    assert server.violations.pop().startswith("app.bsky.feed.getPosts")


async def test_posts_come_in_from_notifications_alone_when_they_cannot_be_read_in_whole(
    server: FakeBluesky, bluesky: Bluesky
) -> None:
    uri = server.write("jan", f"@{HANDLE} Hallo")
    server.fail("/xrpc/app.bsky.feed.getPosts", status=502)
    assert [post.external_id for post in (await bluesky.fetch({})).posts] == [uri]


@pytest.mark.parametrize(
    ("embed", "media"),
    [
        ({"$type": "app.bsky.embed.images", "images": [{"alt": "Een lamp"}, {"alt": 7}, 7]},
         [Media("", "image", "Een lamp"), Media("", "image"), Media("", "image")]),
        ({"$type": "app.bsky.embed.recordWithMedia", "media": {"images": [{"alt": "Een lamp"}]}},
         [Media("", "image", "Een lamp")]),
        ({"$type": "app.bsky.embed.video", "video": {}, "alt": "Een film"}, [Media("", "video", "Een film")]),
        ({"$type": "app.bsky.embed.images", "images": 7}, []), (7, []),
    ],
)  # fmt: skip
async def test_of_pictures_that_cannot_be_read_people_hear_that_they_are_there(
    server: FakeBluesky, bluesky: Bluesky, embed: Any, media: list[Media]
) -> None:
    server.write("jan", f"@{HANDLE} Kijk", embed=embed)
    server.fail("/xrpc/app.bsky.feed.getPosts", status=502)
    (post,) = (await bluesky.fetch({})).posts
    assert list(post.media) == media
    server.violations.clear()  # such a record is none of the lexicon's


async def test_a_rate_limit_is_kept(server: FakeBluesky, bluesky: Bluesky) -> None:
    await bluesky.fetch({})
    reset = int(datetime.now(UTC).timestamp()) + 200
    server.fail(NOTIFICATIONS, status=429, headers={"RateLimit-Reset": str(reset), "RateLimit-Remaining": "0"})
    with pytest.raises(RateLimited) as raised:
        await bluesky.fetch({})
    assert raised.value.retry_at == datetime.fromtimestamp(reset, UTC)
    nearly = {"RateLimit-Limit": "3000", "RateLimit-Remaining": "299", "RateLimit-Reset": str(reset)}
    server.fail(NOTIFICATIONS, status=200, body='{"notifications": []}', headers=nearly)
    assert (await bluesky.fetch({})).not_before == datetime.fromtimestamp(reset, UTC)


# --- edits and removals ----------------------------------------------------------------------------


async def rechecked(bluesky: Bluesky, *posts: Post) -> dict[str, Post]:
    return {post.external_id: post for post in (await bluesky.recheck(posts, {})).changed}


async def test_only_the_authors_own_server_proves_a_removal(server: FakeBluesky, bluesky: Bluesky) -> None:
    post = await mention(bluesky, server)
    for missing in (server.taken_down, server.blocking, server.gone_accounts):
        missing |= {post.external_id, post.author.external_id}
        assert (await rechecked(bluesky, post))[post.external_id].gone is Gone.UNREACHABLE
        missing.clear()
        assert await rechecked(bluesky, post) == {}
        back = await rechecked(bluesky, replace(post, gone=Gone.UNREACHABLE))
        assert back[post.external_id].gone is None
    server.remove(post.external_id)
    server.fail("/xrpc/com.atproto.sync.getRecord", status=503)
    assert (await rechecked(bluesky, post))[post.external_id].gone is Gone.UNREACHABLE
    assert (await rechecked(bluesky, post))[post.external_id].gone is Gone.BY_AUTHOR


@pytest.mark.parametrize("document", ["[1]", '"no"', "7", "[" * 100_000, '{"service": [{"id": 7}]}', "<html>"])
async def test_a_citizen_whose_server_talks_nonsense_keeps_no_other_post_from_being_rechecked(
    server: FakeBluesky, bluesky: Bluesky, document: str
) -> None:
    theirs, removed = await mention(bluesky, server, "Een"), await mention(bluesky, server, "Twee")
    server.taken_down.add(theirs.external_id)
    server.remove(removed.external_id)
    server.fail("/did:", status=200, body=document)
    found = await rechecked(bluesky, theirs, removed)
    assert {post.gone for post in found.values()} == {Gone.UNREACHABLE, Gone.BY_AUTHOR}


async def test_missing_posts_are_asked_after_in_turns(server: FakeBluesky, bluesky: Bluesky) -> None:
    uris = [server.write("jan", f"@{HANDLE} {n}") for n in range(30)]
    posts = (await bluesky.fetch({})).posts
    for uri in uris:
        server.remove(uri)
    proven, cursor = set[str](), Cursor()
    for _ in range(3):
        found = await bluesky.recheck(posts, cursor)
        proven |= {post.external_id for post in found.changed}
        cursor = found.cursor
    assert proven == set(uris)


async def test_our_own_answer_that_we_removed_is_gone(server: FakeBluesky, bluesky: Bluesky) -> None:
    sent = await bluesky.send(draft(await mention(bluesky, server)))
    ours = Post(sent.external_id, Author(US, "gemeente"), "", datetime.now(UTC), kind=PostKind.REPLY)
    message = replace(ours, external_id="3convo/3k", private=True)
    assert await rechecked(bluesky, ours, message) == {}
    await bluesky.act(Act.DELETE, ours)
    await bluesky.act(Act.DELETE, ours)
    assert (await rechecked(bluesky, ours))[sent.external_id].gone is Gone.BY_AUTHOR
    with pytest.raises(Rejected):
        await bluesky.act(Act.DELETE, message)
    with pytest.raises(Rejected):
        await bluesky.act(Act.DELETE, await mention(bluesky, server))


# --- answering -------------------------------------------------------------------------------------


async def test_a_reply_stands_in_the_thread_with_its_links_and_names(server: FakeBluesky, bluesky: Bluesky) -> None:
    first = server.write("els", "Het is hier zo donker!")
    to = await mention(bluesky, server, "hier", answers=first)
    text = "🌧 @els.example en @niemand.example: zie https://voorbeeld.nl/lamp. ^SB"
    sent = await bluesky.send(draft(to, text))
    (ours,) = server.ours()
    assert ours["reply"]["root"]["uri"] == first
    assert ours["reply"]["parent"] == {"uri": to.external_id, "cid": server.records[to.external_id].cid}
    assert (ours["text"], ours["langs"]) == (text, ["nl"])
    named, linked = ours["facets"]
    assert named["features"][0]["did"] == did_of("els")
    assert text.encode()[named["index"]["byteStart"] : named["index"]["byteEnd"]].decode() == "@els.example"
    assert linked["features"][0]["uri"] == "https://voorbeeld.nl/lamp"
    assert sent == Sent(sent.external_id, f"https://bsky.app/profile/{US}/post/{sent.external_id.rpartition('/')[2]}")


async def test_the_same_reply_is_published_once_whatever_becomes_of_it(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    sending = draft(await mention(connect(server.url, client, store), server))
    sent = await connect(server.url, client, store).send(sending)
    for _ in range(3):
        assert await connect(server.url, client, store).send(sending) == sent
    assert await connect(server.url, client, store).find(sending) == sent
    with pytest.raises(Rejected):
        await connect(server.url, client, store).send(replace(sending, text="Iets anders"))
    assert [post["text"] for post in server.ours()] == [sending.text]
    other = await connect(server.url, client, store).send(replace(sending, key="key-2"))
    assert other.external_id != sent.external_id


async def test_a_reply_that_arrives_after_it_was_sent_again_changes_nothing(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    async with Between(server.url) as between:
        bluesky = connect(between.url, client)
        sending = draft(await mention(bluesky, server))
        async with between.cutting("POST", PUT, passed_on=True):
            with pytest.raises(OutcomeUnknown):
                await bluesky.send(sending)
        sent = await bluesky.send(sending)
        assert await bluesky.find(sending) == sent
    assert len(server.ours()) == 1


async def test_nobody_answers_what_is_gone_or_closed(server: FakeBluesky, bluesky: Bluesky) -> None:
    to = await mention(bluesky, server)
    server.closed.add(to.external_id)
    with pytest.raises(Rejected, match="closed to us"):
        await bluesky.send(draft(to))
    (read,) = (await bluesky.fetch({})).posts
    assert Act.ANSWER not in {permit.act for permit in read.permits}
    server.taken_down.add(to.external_id)
    with pytest.raises(Rejected, match="no longer shows"):
        await bluesky.send(draft(to))
    assert server.ours() == []


@pytest.mark.parametrize("path", ["/xrpc/app.bsky.feed.getPosts", LOGIN, REFRESH])
async def test_what_goes_wrong_before_a_reply_is_sent_leaves_no_doubt(
    server: FakeBluesky, client: httpx.AsyncClient, path: str
) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    sending = draft(await mention(connect(server.url, client, store), server))
    if path == LOGIN:
        store.now = {"app_password": PASSWORD}
    server.end_access()
    for fault in (500, 0, 0):  # the first of the last two is tried again by itself if it only asks something
        server.fail(path, status=fault)
    for _ in range(2):
        with pytest.raises(Unavailable) as raised:
            await connect(server.url, client, store).send(sending)
        assert not isinstance(raised.value, OutcomeUnknown)
    server.faults.clear()
    assert server.ours() == []
    assert await connect(server.url, client, store).send(sending)


# --- hiding, liking, removing ----------------------------------------------------------------------


async def test_a_reply_in_our_thread_is_hidden_and_shown_and_nothing_else_changes(
    server: FakeBluesky, bluesky: Bluesky
) -> None:
    ours = server.write("gemeente", "De markt gaat door.")
    rule: dict[str, Any] = {"$type": f"{GATE}#followingRule"}
    gate = {"post": ours, "createdAt": "2026-11-01T09:00:00Z", "allow": [rule], "hiddenReplies": []}
    server.store(GATE, ours.rpartition("/")[2], gate)
    to = await mention(bluesky, server, "Onzin", answers=ours)
    assert Act.HIDE in {permit.act for permit in to.permits}
    for kind, hidden in ((Act.SHOW, []), (Act.HIDE, [to.external_id]), (Act.HIDE, [to.external_id]), (Act.SHOW, [])):
        await bluesky.act(kind, to)
        assert server.gate(ours) == {**gate, "$type": GATE, "hiddenReplies": hidden}


async def test_hiding_makes_settings_that_restrict_nobody(server: FakeBluesky, bluesky: Bluesky) -> None:
    ours = server.write("gemeente", "De markt gaat door.")
    to = await mention(bluesky, server, "Onzin", answers=ours)
    await bluesky.act(Act.SHOW, to)
    assert server.gate(ours) is None
    await bluesky.act(Act.HIDE, to)
    made = server.gate(ours) or {}
    assert (made["post"], made["hiddenReplies"], "allow" in made) == (ours, [to.external_id], False)


async def test_a_colleague_who_hides_at_the_same_time_in_the_app_loses_nothing(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    ours = server.write("gemeente", "De markt gaat door.")
    theirs = server.write("els", "Ook onzin", answers=ours)
    key, gate = ours.rpartition("/")[2], {"post": ours, "createdAt": "2026-11-01T09:00:00Z"}

    class Meanwhile(Between):
        async def _pass_on(self, request: Any, body: bytes) -> Any:
            if request.path == PUT and server.gate(ours) is None:
                server.store(GATE, key, {**gate, "hiddenReplies": [theirs]})
            return await super()._pass_on(request, body)

    async with Meanwhile(server.url) as between:
        bluesky = connect(between.url, client)
        to = await mention(bluesky, server, "Onzin", answers=ours)
        await bluesky.act(Act.HIDE, to)
    assert (server.gate(ours) or {})["hiddenReplies"] == [theirs, to.external_id]


async def test_settings_that_keep_changing_are_tried_again_later(server: FakeBluesky, bluesky: Bluesky) -> None:
    to = await mention(bluesky, server, "Onzin", answers=server.write("gemeente", "De markt gaat door."))
    server.fail(PUT, status=400, body='{"error": "InvalidSwap", "message": "Record was at x"}', count=5)
    with pytest.raises(Unavailable):
        await bluesky.act(Act.HIDE, to)


async def test_what_cannot_be_hidden_is_refused_in_words(server: FakeBluesky, bluesky: Bluesky) -> None:
    theirs = server.write("els", "Mijn draad")
    for to in (await mention(bluesky, server), await mention(bluesky, server, "x", answers=theirs)):
        assert Act.HIDE not in {permit.act for permit in to.permits}
        with pytest.raises(Rejected, match="our account began"):
            await bluesky.act(Act.HIDE, to)
    ours = server.write("gemeente", "De markt gaat door.")
    full = {"post": ours, "createdAt": "2026-11-01T09:00:00Z", "hiddenReplies": [theirs] * 300}
    server.store(GATE, ours.rpartition("/")[2], full)
    with pytest.raises(Rejected, match="300"):
        await bluesky.act(Act.HIDE, await mention(bluesky, server, "Onzin", answers=ours))


async def test_a_post_is_liked_once_and_unliked(server: FakeBluesky, bluesky: Bluesky) -> None:
    to = await mention(bluesky, server)
    for kind, liked in ((Act.UNLIKE, 0), (Act.LIKE, 1), (Act.LIKE, 1), (Act.UNLIKE, 0), (Act.UNLIKE, 0)):
        await bluesky.act(kind, to)
        assert server.likes() == [to.external_id] * liked
    server.store("app.bsky.feed.like", "3kinheapp2222", {"subject": server._ref(to.external_id)})
    await bluesky.act(Act.LIKE, to)
    assert len(server.likes()) == 1
    await bluesky.act(Act.UNLIKE, to)
    assert server.likes() == []
    server.taken_down.add(to.external_id)
    with pytest.raises(Rejected):
        await bluesky.act(Act.LIKE, to)


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
@pytest.mark.parametrize("kind", [Act.HIDE, Act.SHOW, Act.LIKE, Act.UNLIKE, Act.DELETE])
async def test_an_act_whose_connection_is_cut_is_done_once_when_it_is_repeated(
    server: FakeBluesky, client: httpx.AsyncClient, kind: Act, taken: bool
) -> None:
    bluesky = connect(server.url, client)
    root = server.write("gemeente", "De markt gaat door.")
    to = await mention(bluesky, server, "Onzin", answers=root)
    sent = await bluesky.send(draft(to))
    about = replace(to, external_id=sent.external_id) if kind is Act.DELETE else to
    if kind in {Act.SHOW, Act.UNLIKE}:
        await bluesky.act(OPPOSITES[kind], about)
    path = "/xrpc/com.atproto.repo.deleteRecord" if kind in {Act.DELETE, Act.UNLIKE} else PUT
    server.fail(path, status=0, done=taken)
    with pytest.raises(OutcomeUnknown):
        await bluesky.act(kind, about)
    await bluesky.act(kind, about)
    assert {
        Act.HIDE: lambda: (server.gate(root) or {})["hiddenReplies"] == [to.external_id],
        Act.SHOW: lambda: (server.gate(root) or {})["hiddenReplies"] == [],
        Act.LIKE: lambda: server.likes() == [to.external_id],
        Act.UNLIKE: lambda: server.likes() == [],
        Act.DELETE: lambda: [each["text"] for each in server.ours()] == ["De markt gaat door."],
    }[kind]()


# --- private messages ------------------------------------------------------------------------------


@pytest.fixture
def chatty(server: FakeBluesky, client: httpx.AsyncClient) -> Bluesky:
    return connect(server.url, client, messages=True)


async def test_a_private_message_comes_in_as_private(server: FakeBluesky, chatty: Bluesky) -> None:
    told = server.say("jan", "Mijn adres is Dorpsstraat 1")
    server.say("gemeente", "Dank u", to=did_of("jan"))
    assert (await chatty.fetch({})).posts == (), "we answered in the app"
    _, cursor = await read_all(chatty, {})
    later = server.say("jan", "En nu?")
    (post,) = (await chatty.fetch(cursor)).posts
    (convo,) = server.convos
    assert (post.external_id, post.conversation, post.text) == (f"{convo}/{later['id']}", convo, "En nu?")
    assert (post.private, post.kind, post.author.name) == (True, PostKind.MESSAGE, "Jan")
    assert post.permits == permits(Act.ANSWER_PRIVATELY)
    assert told["id"] not in post.external_id
    assert (await chatty.fetch(cursor)).posts == (post,)
    _, cursor = await read_all(chatty, cursor)
    assert await read_all(chatty, cursor) == ([], cursor)


async def test_messages_of_before_the_account_was_added_stay_where_they_are(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    server.say("jan", "Lang geleden")
    bluesky = connect(server.url, client, messages=True, added_at=datetime.now(UTC) + timedelta(hours=1))
    page = await bluesky.fetch({})
    assert page.posts == ()
    server.say("jan", "Nu")
    server.say("els", "Ook nu")
    assert [post.text for post in (await bluesky.fetch(page.cursor)).posts] == ["Nu", "Ook nu"]


async def test_messages_that_are_switched_on_later_begin_then(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    added = datetime.now(UTC) - timedelta(days=90)
    server.say("jan", "Lang geleden", at=datetime.now(UTC) - timedelta(days=2))
    _, cursor = await read_all(connect(server.url, client, added_at=added), {})
    bluesky = connect(server.url, client, added_at=added, messages=True)
    server.fail("/xrpc/chat.bsky.convo.listConvos", status=502)
    page = await bluesky.fetch(cursor)
    assert (page.posts, len(page.unread)) == ((), 1)
    server.say("els", "Nu")
    posts, cursor = await read_all(bluesky, json.loads(json.dumps(page.cursor)))
    assert [post.text for post in posts] == ["Nu"]
    server.say("jan", "Ook nu")
    assert [post.text for post in (await bluesky.fetch(cursor)).posts] == ["Ook nu"]


async def test_messages_that_cannot_be_read_at_first_begin_with_the_account(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    added = datetime.now(UTC) - timedelta(days=90)
    server.say("jan", "Lang geleden", at=datetime.now(UTC) - timedelta(days=2))
    bluesky = connect(server.url, client, added_at=added, messages=True)
    server.fail("/xrpc/chat.bsky.convo.listConvos", status=502)
    page = await bluesky.fetch({})
    assert [post.text for post in (await bluesky.fetch(json.loads(json.dumps(page.cursor)))).posts] == ["Lang geleden"]


async def test_many_conversations_and_messages_come_in_whole(server: FakeBluesky, chatty: Bluesky) -> None:
    _, cursor = await read_all(chatty, {})
    for n in range(110):
        server.say(f"inwoner{n}", "Hallo")
    for n in range(230):
        server.say("inwoner7", f"Nog eens {n}")
    posts, cursor = await read_all(chatty, cursor)
    assert len(posts) == len({post.external_id for post in posts}) == 340
    assert await read_all(chatty, cursor) == ([], cursor)


async def test_without_the_right_to_messages_mentions_come_in(server: FakeBluesky, chatty: Bluesky) -> None:
    server.has_messages = False
    uri = server.write("jan", f"@{HANDLE} Hallo")
    server.say("jan", "Privé")
    page = await chatty.fetch({})
    assert [post.external_id for post in page.posts] == [uri]
    health = await chatty.check()
    assert [str(problem) for problem in health.problems] == [
        "The app password has no access to direct messages; make one that has."
    ]
    with pytest.raises(Rejected, match="no access to direct messages"):
        await chatty.send(draft(page.posts[0], private=True))
    assert server.logins == 1


async def test_a_private_answer_opens_a_conversation(server: FakeBluesky, chatty: Bluesky) -> None:
    to = await mention(chatty, server)
    assert Act.ANSWER_PRIVATELY in {permit.act for permit in to.permits}
    sent = await chatty.send(draft(to, "Wat is uw adres? Zie https://a.nl", private=True))
    (convo,) = server.convos
    assert (sent.conversation, sent.url) == (convo, "")
    (message,) = server.convos[convo].messages
    assert message["facets"][0]["features"][0]["uri"] == "https://a.nl"
    server.say("jan", "Dorpsstraat 1")
    (answer,) = [post for post in (await chatty.fetch({})).posts if post.private]
    assert answer.conversation == convo
    assert (await chatty.send(draft(answer, "Dank!", private=True, key="key-2"))).conversation == ""
    assert server.said() == ["Wat is uw adres? Zie https://a.nl", "Dank!"]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("BlockedActor", "blocks the other"), ("MessagesDisabled", "takes no private messages"),
        ("NotFollowedBySender", "only from accounts that they follow"), ("RecipientNotFound", "no longer there"),
        ("InvalidRequest", "They do not want it"),
    ],
)  # fmt: skip
async def test_why_a_citizen_gets_no_private_message_is_told(
    server: FakeBluesky, chatty: Bluesky, refusal: str, words: str
) -> None:
    to = await mention(chatty, server)
    server.refusal = refusal
    with pytest.raises(Rejected, match=words):
        await chatty.send(draft(to, private=True))


async def test_who_takes_no_private_messages_is_offered_none(server: FakeBluesky, chatty: Bluesky) -> None:
    server.incoming[did_of("jan")] = "none"
    to = await mention(chatty, server)
    assert Act.ANSWER_PRIVATELY not in {permit.act for permit in to.permits}


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
async def test_a_private_answer_whose_connection_is_cut_is_sent_once(
    server: FakeBluesky, chatty: Bluesky, taken: bool
) -> None:
    sending = draft(await mention(chatty, server), private=True)
    server.fail(SEND, status=0, done=taken)
    with pytest.raises(OutcomeUnknown):
        await chatty.send(sending)
    found = await chatty.find(sending)
    assert (found is not None) is taken
    sent = found or await chatty.send(sending)
    assert await chatty.find(sending) == sent
    assert server.said() == [sending.text]


async def test_what_cannot_be_told_of_a_private_answer_is_left_to_a_person(
    server: FakeBluesky, chatty: Bluesky
) -> None:
    sending = draft(await mention(chatty, server), private=True)
    await chatty.send(sending)
    with pytest.raises(Unknowable):
        await chatty.find(replace(sending, first_tried_at=sending.first_tried_at + timedelta(minutes=1)))
    assert await chatty.find(replace(sending, first_tried_at=sending.first_tried_at + timedelta(hours=1))) is None
    (message,) = next(iter(server.convos.values())).messages
    message["$type"] = "chat.bsky.convo.defs#deletedMessageView"
    with pytest.raises(Unknowable):
        await chatty.find(sending)


async def test_an_answer_without_a_list_does_not_prove_that_nothing_was_sent(
    server: FakeBluesky, chatty: Bluesky
) -> None:
    sending = draft(await mention(chatty, server), private=True)
    sent = await chatty.send(sending)
    server.fail("/xrpc/chat.bsky.convo.getMessages", status=200, body='{"error": "UpstreamFailure"}')
    with pytest.raises(Unavailable):
        await chatty.find(sending)
    assert await chatty.find(sending) == sent


async def test_an_account_without_private_messages_sends_none(server: FakeBluesky, bluesky: Bluesky) -> None:
    to = await mention(bluesky, server)
    with pytest.raises(Rejected, match="not switched on"):
        await bluesky.send(draft(to, private=True))


# --- the session -----------------------------------------------------------------------------------


async def test_one_login_serves_all_and_is_stored(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    for _ in range(5):
        await connect(server.url, client, store).fetch({})
    assert (server.logins, server.refreshes) == (1, 0)
    server.end_access()
    for _ in range(5):
        await connect(server.url, client, store).fetch({})
    assert (server.logins, server.refreshes) == (1, 1)
    assert store.now["app_password"] == PASSWORD


async def test_two_processes_that_refresh_at_once_both_go_on(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    one, other = connect(server.url, client, store), connect(server.url, client, store)
    server.end_access()
    await one.fetch({})
    await other.fetch({})
    assert (server.logins, server.refreshes) == (1, 1), "the other found what the first stored"


async def test_a_refresh_that_another_process_won_is_no_reason_to_log_in(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    """The other process refreshes between our reading of the secrets and our request, so that ours is refused."""

    class Overtaken(DraftSecrets):
        async def read(self) -> Mapping[str, str]:
            before, overtaking = self.now, server.refreshes == 0
            if overtaking:
                winner = DraftSecrets(before)
                await connect(server.url, client, winner).fetch({})
                self.now = winner.now
            return before

    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    server.end_access()

    await connect(server.url, client, Overtaken(store.now)).fetch({})
    assert (server.logins, server.asked.count(f"POST {REFRESH}")) == (1, 2)


async def test_a_session_that_was_withdrawn_is_made_anew_once(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    server.end_sessions()
    await connect(server.url, client, store).fetch({})
    assert server.logins == 2


async def test_a_withdrawn_app_password_stops_the_account(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    server.password = "withdrawn"
    server.end_sessions()
    with pytest.raises(Unauthorized, match="Invalid identifier or password"):
        await connect(server.url, client, store).fetch({})
    health = await connect(server.url, client, store).check()
    assert "Invalid identifier or password" in str(health.problems[0])


async def test_a_new_app_password_is_used_at_once(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    store.now = {**store.now, "app_password": "wrong"}
    with pytest.raises(Unauthorized):
        await connect(server.url, client, store).fetch({})


async def test_a_lost_answer_to_a_refresh_costs_a_login_and_no_more(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    await connect(server.url, client, store).fetch({})
    server.end_access()
    server.fail(REFRESH, status=0, done=True)
    with pytest.raises(Unavailable):
        await connect(server.url, client, store).fetch({})
    await connect(server.url, client, store).fetch({})
    assert server.logins == 2


async def test_too_many_logins_wait(server: FakeBluesky, bluesky: Bluesky) -> None:
    reset = int(datetime.now(UTC).timestamp()) + 3600
    server.fail(LOGIN, status=429, headers={"RateLimit-Reset": str(reset)})
    with pytest.raises(RateLimited) as raised:
        await bluesky.fetch({})
    assert raised.value.retry_at == datetime.fromtimestamp(reset, UTC)


async def test_requests_go_to_the_server_on_which_the_account_lives(
    server: FakeBluesky, client: httpx.AsyncClient
) -> None:
    store = DraftSecrets({"app_password": PASSWORD})
    async with Between(server.url) as home:
        server.pds = home.url
        for _ in range(2):
            await connect(server.url, client, store).fetch({})
        assert ("GET", NOTIFICATIONS) in home.requests
        assert f"GET {LOGIN}" not in server.asked
    assert [path for path in server.asked if path.endswith("createSession")] == [f"POST {LOGIN}"]


# --- checking --------------------------------------------------------------------------------------


async def test_a_check_says_who_we_are(server: FakeBluesky, chatty: Bluesky) -> None:
    health = await chatty.check()
    assert health.identity == Identity(US, HANDLE, "Gemeente", f"https://bsky.app/profile/{US}")
    assert [str(each) for each in health.working] == [
        f"We are logged in as @{HANDLE}.",
        "127.0.0.1 takes posts of 300 characters.",
        "Private messages can be read and answered.",
    ]
    assert (health.warnings, health.problems) == ((), ())


async def test_a_check_warns_of_what_keeps_posts_from_us(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    server.has_full_access = True
    server.preferences["mention"] = {"include": "follows"}
    server.fail("/xrpc/app.bsky.feed.searchPosts", status=403, body='{"error": "Forbidden", "message": "No search"}')
    health = await connect(server.url, client, words=["lamp"]).check()
    assert "password of the account itself" in str(health.warnings[0])
    kept, search = map(str, health.problems)
    assert "people it does not follow" in kept
    assert "No search" in search


async def test_what_does_not_answer_during_a_check_is_a_warning(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    server.fail("/xrpc/chat.bsky.convo.listConvos", status=502)
    health = await connect(server.url, client, messages=True, words=["lamp"]).check()
    assert ([str(each) for each in health.warnings], health.problems) == (["127.0.0.1 has a fault (HTTP 502)."], ())
    assert "Public posts can be searched." in map(str, health.working)
    server.fail("/xrpc/app.bsky.notification.getPreferences", status=501)
    assert (await connect(server.url, client).check()).problems == ()


async def test_a_handle_may_be_typed_as_people_write_it(server: FakeBluesky, client: httpx.AsyncClient) -> None:
    assert (await connect(server.url, client, handle=f" @{HANDLE}").check()).identity is not None
