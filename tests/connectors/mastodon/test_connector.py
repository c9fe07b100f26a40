import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot import accounts
from bot.connectors.base import (
    Account,
    Cursor,
    Draft,
    Health,
    Identity,
    OutcomeUnknown,
    RateLimited,
    Rechecked,
    Rejected,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.connectors.mastodon import Mastodon
from bot.domain.mention import Act, Author, Caution, Gone, Post, permits
from bot.domain.text import Refused
from tests.connectors.mastodon.fake import FakeMastodon
from tests.fakes.between import ANY, Between
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ME = Identity("1", "gemeente")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="module")
def running() -> Iterator[FakeMastodon]:
    with FakeMastodon() as server:
        yield server


@pytest.fixture
def server(running: FakeMastodon) -> FakeMastodon:
    running.reset()
    return running


@pytest.fixture
def mastodon(server: FakeMastodon, client: httpx.AsyncClient) -> Mastodon:
    return connect(server.base_url, client)


def connect(url: str, client: httpx.AsyncClient, *, token: str = FakeMastodon.token, **options: Any) -> Mastodon:
    limits, identity = options.pop("limits", {}), options.pop("identity", None)
    account = Account(1, "mastodon", "Gemeente", url, {"token": token}, options, limits, identity)
    return Mastodon(account, tools(client))


def post(external_id: str = "1", handle: str = "@jan") -> Post:
    return Post(external_id, Author("7", "Jan", handle), "Help!", NOW)


def draft(text: str, to: str, *, private: bool = False, key: str = "key-1") -> Draft:
    return Draft(key, text, private, post(to), datetime.now(UTC))


async def read_all(mastodon: Mastodon, cursor: Cursor, calls: int = 30) -> tuple[list[str], Cursor]:
    ids: list[str] = []
    for _ in range(calls):
        page = await mastodon.fetch(cursor)
        ids += [p.external_id for p in page.posts]
        cursor = page.cursor
        if not page.more:
            return ids, cursor
    raise AssertionError(f"still more after {calls} pages")


# --- reading ---------------------------------------------------------------------------------------


async def test_a_mention_comes_in_as_its_citizen_wrote_it(server: FakeMastodon, mastodon: Mastodon) -> None:
    words = "@gemeente De <lamp> is stuk & het is donker:\n\nhttps://www.voorbeeld.nl/lamp?nr=7"
    status = server.post_as("jan@elders.example", words, language="nl")
    server.attach(status["id"], "https://social.example/lamp.jpg", "Een kapotte lantaarnpaal")

    (mention,) = (await mastodon.fetch({})).posts

    assert mention.external_id == status["id"]
    assert mention.text == words
    assert (mention.author.name, mention.author.handle) == ("Jan", "@jan@elders.example")
    assert mention.author.external_id == status["account"]["id"]
    assert mention.published_at == datetime.fromisoformat(status["created_at"])
    assert mention.url == status["url"]
    assert mention.language == "nl"
    assert [(m.kind, m.alt) for m in mention.media] == [("image", "Een kapotte lantaarnpaal")]
    assert mention.permits == permits(Act.ANSWER, Act.ANSWER_PRIVATELY, Act.LIKE)
    assert not mention.private
    assert mention.edited_at is None


async def test_a_content_warning_is_the_first_line(server: FakeMastodon, mastodon: Mastodon) -> None:
    server.post_as("jan", "@gemeente Er ligt een dode meeuw.", spoiler_text="dode dieren")
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.text == "dode dieren\n@gemeente Er ligt een dode meeuw."


@pytest.mark.parametrize(("sensitive", "cautions"), [(True, (Caution.SENSITIVE,)), (False, ())])
async def test_pictures_that_their_author_calls_sensitive_are_marked(
    server: FakeMastodon, mastodon: Mastodon, sensitive: bool, cautions: tuple[Caution, ...]
) -> None:
    status = server.post_as("jan", "@gemeente Een ongeluk", sensitive=sensitive)
    server.attach(status["id"], "https://social.example/lamp.jpg", "De auto")
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.cautions == cautions


async def test_the_options_of_a_poll_are_part_of_its_text(server: FakeMastodon, mastodon: Mastodon) -> None:
    poll = {"options": ["Ja", "Nee,  nooit"], "expires_in": 3600}
    server.post_as("jan", "@gemeente Autovrij plein?", poll=poll)
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.text == "@gemeente Autovrij plein?\n▫️ Ja\n▫️ Nee, nooit"


@pytest.mark.parametrize("visibility", ["direct", "private"])
async def test_what_not_all_may_read_can_only_be_answered_privately(
    server: FakeMastodon, mastodon: Mastodon, visibility: str
) -> None:
    server.post_as("jan", "@gemeente Dit is vertrouwelijk.", visibility=visibility)
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.private
    assert mention.permits == permits(Act.ANSWER_PRIVATELY, Act.LIKE)


async def test_an_answer_to_someone_else_shows_what_it_answers(server: FakeMastodon, mastodon: Mastodon) -> None:
    first = server.post_as("els", "Het is hier zo donker!")
    reply = server.post_as("jan", "Vraag het @gemeente", in_reply_to=first["id"])
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.external_id == reply["id"]
    assert mention.in_reply_to == first["id"]
    assert mention.replies_to is not None
    assert (mention.replies_to.author, mention.replies_to.text) == ("Els", "Het is hier zo donker!")


@pytest.mark.parametrize("visibility", ["direct", "private"])
async def test_a_public_post_does_not_show_what_not_all_may_read(
    server: FakeMastodon, mastodon: Mastodon, visibility: str
) -> None:
    """A citizen may go on in public below what they wrote to us alone: advisers and guests read their public posts."""
    server.post_as("jan", "@gemeente Mijn bsn is 123456782", visibility=visibility)
    page = await mastodon.fetch({})
    (private,) = page.posts
    server.post_as("jan", "@gemeente Hoe lang duurt dat?", in_reply_to=private.external_id)
    (mention,) = (await mastodon.fetch(page.cursor)).posts
    assert mention.in_reply_to == private.external_id and not mention.private
    assert mention.replies_to is None
    server.post_as("jan", "@gemeente Nog steeds?", in_reply_to=private.external_id, visibility="direct")
    (privately,) = (await mastodon.fetch(page.cursor)).posts[1:]
    assert privately.replies_to is not None, "who may read this may read that"


async def test_a_removed_or_unreadable_answered_post_is_left_out(server: FakeMastodon, mastodon: Mastodon) -> None:
    first = server.post_as("els", "Het is hier zo donker!")
    server.post_as("jan", "Vraag het @gemeente", in_reply_to=first["id"])
    server.fault("/api/v1/statuses", "malformed", method="GET")
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.in_reply_to == first["id"]
    assert mention.replies_to is None


async def test_a_quote_shows_what_it_quotes(server: FakeMastodon, mastodon: Mastodon) -> None:
    ours = server.as_team("POST", "/api/v1/statuses", json={"status": "De markt gaat door."})
    server.post_as("jan", "@gemeente Echt?", quoted_status_id=ours["id"])
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.replies_to is not None
    assert mention.replies_to.text == "De markt gaat door."


async def test_posts_come_oldest_first_and_only_once(server: FakeMastodon, mastodon: Mastodon) -> None:
    before = [server.post_as("jan", f"@gemeente {n}")["id"] for n in range(3)]
    first = await mastodon.fetch({})
    after = [server.post_as("els", f"@gemeente {n}")["id"] for n in range(3)]
    second = await mastodon.fetch(first.cursor)
    third = await mastodon.fetch(second.cursor)
    assert [p.external_id for p in first.posts] == before
    assert [p.external_id for p in second.posts] == after
    assert third.posts == ()
    assert third.cursor == second.cursor
    assert not third.more


async def test_more_mentions_than_a_page_come_page_by_page(server: FakeMastodon, mastodon: Mastodon) -> None:
    start = await mastodon.fetch({})
    posted = [server.post_as("jan", f"@gemeente {n}")["id"] for n in range(90)]
    page = await mastodon.fetch(start.cursor)
    assert page.more
    rest, _ = await read_all(mastodon, page.cursor)
    assert [p.external_id for p in page.posts] + rest == posted


async def test_the_first_time_an_old_account_gives_its_newest_page_only(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    posted = [server.post_as("jan", f"@gemeente {n}")["id"] for n in range(45)]
    page = await mastodon.fetch({})
    assert [p.external_id for p in page.posts] == posted[-40:]
    assert not page.more


async def test_an_account_begins_when_it_is_added(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    server.post_as("jan", "@gemeente Lang geleden #afval")
    account = connect(server.base_url, client, hashtags=["afval"])._account
    added = replace(account, added_at=datetime.now(UTC) + timedelta(hours=1))
    page = await Mastodon(added, tools(client)).fetch({})
    assert page.posts == ()
    new = server.post_as("jan", "@gemeente Nu #afval")
    assert [each.external_id for each in (await Mastodon(added, tools(client)).fetch(page.cursor)).posts] == [new["id"]]


async def test_a_hashtag_that_is_followed_later_begins_then(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    account = replace(connect(server.base_url, client, hashtags=["afval"])._account, added_at=NOW - timedelta(days=90))
    _, cursor = await read_all(Mastodon(account, tools(client)), {})
    server.post_as("jan", "Gisteren #sluis")
    account = replace(account, options={"hashtags": ["afval", "sluis"]})
    tomorrow = replace(tools(client), now=lambda: datetime.now(UTC) + timedelta(days=1))
    found, cursor = await read_all(Mastodon(account, tomorrow), cursor)
    assert found == []
    new = server.post_as("jan", "Nu #sluis")
    assert (await read_all(Mastodon(account, tools(client)), cursor))[0] == [new["id"]]


async def test_a_hashtag_that_is_followed_while_it_cannot_be_read_begins_then(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    _, cursor = await read_all(connect(server.base_url, client), {})
    mastodon = connect(server.base_url, client, hashtags=["sluis"])
    server.fault("/api/v1/timelines/tag/*", "status", status=503, count=1)
    page = await mastodon.fetch(cursor)
    assert (page.posts, len(page.unread)) == ((), 1)
    new = server.post_as("jan", "Nu #sluis")
    tomorrow = replace(tools(client), now=lambda: datetime.now(UTC) + timedelta(days=1))
    ids, cursor = await read_all(Mastodon(mastodon._account, tomorrow), json.loads(json.dumps(page.cursor)))
    assert (ids, "hashtags_since" in cursor) == ([new["id"]], False)


async def test_an_account_may_begin_with_the_unanswered_posts_of_some_days_before(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    asked = [server.post_as("jan", f"@gemeente Vraag {n} #afval")["id"] for n in range(90)]
    tagged = server.post_as("piet", "Zwerfvuil #afval")["id"]
    for each in (asked[3], asked[85], tagged):
        server.as_team("POST", "/api/v1/statuses", json={"status": "@jan Dag!", "in_reply_to_id": each})
    account = connect(server.base_url, client, hashtags=["afval"], since_days=2)._account
    added = replace(account, added_at=datetime.now(UTC) + timedelta(hours=1))
    page = await Mastodon(added, tools(client)).fetch({})
    assert {each.external_id for each in page.posts} == set(asked) - {asked[3], asked[85]}


async def test_a_first_reading_does_not_look_back_beyond_the_days_it_is_asked_for(client: httpx.AsyncClient) -> None:
    notes = [note(n, created_at=(NOW - timedelta(hours=101 - n)).isoformat()) for n in range(1, 101)]
    asked = list[str]()

    async def newest(request: web.Request) -> web.Response:
        asked.append(request.query.get("max_id", ""))
        below = [each for each in notes if int(each["id"]) < int(request.query.get("max_id", "1000"))]
        return web.json_response(sorted(below, key=lambda each: -int(each["id"]))[:40])

    account = connect("", client, identity=ME, since_days=1)._account
    answers = {"notifications": newest, "accounts__1__statuses": says([])}
    async with odd_server(**answers) as url:
        at = replace(account, url=url, added_at=NOW)
        page = await Mastodon(at, tools(client)).fetch({})
    assert asked == [""]
    assert {each.external_id for each in page.posts} == {str(n) for n in range(77, 101)}


async def test_a_stranger_whom_the_server_filters_is_read_all_the_same(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    server.as_team("PATCH", "/api/v2/notifications/policy", json={"for_new_accounts": "filter"})
    server.post_as("jan", "@gemeente Mijn eerste bericht hier.")
    assert len((await mastodon.fetch({})).posts) == 1


async def test_a_post_removed_before_we_read_it_is_passed_over(server: FakeMastodon, mastodon: Mastodon) -> None:
    status = server.post_as("jan", "@gemeente oeps")
    server.delete("jan", status["id"])
    page = await mastodon.fetch({})
    assert page.posts == ()
    assert page.cursor["notifications"] != "0"


async def test_hashtags_are_read_beside_mentions_and_each_post_once(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    mastodon = connect(server.base_url, client, hashtags=["afval", "scheldestad"])
    both = server.post_as("jan", "@gemeente #afval in #scheldestad")["id"]
    tagged = server.post_as("els", "Weer #afval op straat")["id"]
    server.as_team("POST", "/api/v1/statuses", json={"status": "Morgen halen wij #afval op"})
    first = await mastodon.fetch({})
    later = server.post_as("els", "#Scheldestad!")["id"]
    second = await mastodon.fetch(first.cursor)
    assert [p.external_id for p in first.posts] == [both, tagged]
    assert [p.external_id for p in second.posts] == [later]
    assert (await mastodon.fetch(second.cursor)).posts == ()


async def test_a_busy_hashtag_is_read_without_gaps(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    mastodon = connect(server.base_url, client, hashtags=["storm"])
    server.post_as("jan", "#storm")
    start = await mastodon.fetch({})
    posted = [server.post_as("jan", f"#storm {n}")["id"] for n in range(95)]
    ids, cursor = await read_all(mastodon, start.cursor)
    assert sorted(ids) == posted
    assert len(set(ids)) == len(ids)
    assert (await mastodon.fetch(cursor)).posts == ()


async def test_a_hashtag_that_fails_does_not_stop_mentions(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    mastodon = connect(server.base_url, client, hashtags=["afval"])
    server.post_as("jan", "@gemeente hallo")
    server.fault("/api/v1/timelines/tag/*", "status", status=503)
    assert len((await mastodon.fetch({})).posts) == 1


async def test_without_a_token_hashtags_are_read_and_nothing_can_be_answered(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    mastodon = connect(server.base_url, client, token="", hashtags=["afval"])
    tagged = server.post_as("jan", "@gemeente #afval")
    server.post_as("jan", "@gemeente alleen een mention")
    (found,) = (await mastodon.fetch({})).posts
    assert found.external_id == tagged["id"]
    assert found.permits == frozenset()
    with pytest.raises(Rejected):
        await mastodon.send(draft("hallo", tagged["id"]))
    assert (await mastodon.check()).problems == ()


async def test_what_we_wrote_under_a_hashtag_is_left_out_without_a_token_too(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    theirs = server.post_as("jan", "De bak is vol #afval")
    server.as_team("POST", "/api/v1/statuses", json={"status": "Morgen halen we #afval op"})
    remote = server.post_as("Gemeente@elders.example", "Morgen halen we #afval op")
    reading = {
        "without": connect(server.base_url, client, token="", hashtags=["afval"]),
        "named": connect(server.base_url, client, token="", hashtags=["afval"], ours=["@gemeente"]),
        "all named": connect(
            server.base_url,
            client,
            token="",
            hashtags=["afval"],
            ours=["@Gemeente@social.example", "gemeente@elders.example"],
        ),
        "read only": connect(server.base_url, client, hashtags=["afval"], read_only=True),
    }
    found = {name: [post.external_id for post in (await each.fetch({})).posts] for name, each in reading.items()}
    assert found["named"] == found["read only"] == [theirs["id"], remote["id"]]
    assert found["all named"] == [theirs["id"]]
    assert len(found["without"]) == 3


# --- faults ----------------------------------------------------------------------------------------


async def test_a_revoked_token_is_unauthorized(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    mastodon = connect(server.base_url, client, token="ingetrokken")
    with pytest.raises(Unauthorized):
        await mastodon.fetch({})


async def test_a_token_without_the_scope_is_unauthorized(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    mastodon = connect(server.base_url, client, token=server.token_with("write"))
    with pytest.raises(Unauthorized, match="outside the authorized scopes"):
        await mastodon.fetch({})


@pytest.mark.parametrize("effect", ["malformed", "status"])
async def test_a_server_in_trouble_is_unavailable_and_loses_nothing(
    server: FakeMastodon, mastodon: Mastodon, effect: str
) -> None:
    start = await mastodon.fetch({})
    posted = server.post_as("jan", "@gemeente hallo")["id"]
    server.fault("/api/v1/notifications", effect, status=502)
    with pytest.raises(Unavailable):
        await mastodon.fetch(start.cursor)
    server.clear_faults()
    assert [p.external_id for p in (await mastodon.fetch(start.cursor)).posts] == [posted]


async def test_a_server_that_does_not_answer_is_unavailable(server: FakeMastodon) -> None:
    server.fault("/api/v1/notifications", "timeout")
    async with httpx.AsyncClient(timeout=0.2) as impatient:
        with pytest.raises(Unavailable):
            await connect(server.base_url, impatient, identity=ME).fetch({})


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "300", "X-RateLimit-Reset": "{in_60}"}, 300),
        ({"Retry-After": "60", "X-RateLimit-Reset": "{in_300}"}, 300),
        ({"X-RateLimit-Reset": "{in_300}"}, 300),
        ({"X-RateLimit-Reset": "onzin", "Retry-After": "30"}, 30),
        ({"X-RateLimit-Reset": "9999-12-31T00:00:00Z"}, 24 * 3600),
        ({"X-RateLimit-Reset": "{epoch_in_300}"}, 300),
        ({"X-RateLimit-Reset": "2000-01-01T00:00:00Z"}, 5),
        ({"Retry-After": "0"}, 5),
        ({"Retry-After": "-60"}, 5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 5),
        ({}, 60),
    ],
)
async def test_a_rate_limit_says_when_to_come_back(
    server: FakeMastodon, mastodon: Mastodon, headers: dict[str, str], seconds: int
) -> None:
    now = datetime.now(UTC)
    times = {f"in_{n}": f"{now + timedelta(seconds=n):%Y-%m-%dT%H:%M:%S.000Z}" for n in (60, 300)}
    times["epoch_in_300"] = str(int((now + timedelta(seconds=300)).timestamp()))
    told = {name: value.format(**times) for name, value in headers.items()}
    server.fault("/api/v1/accounts/verify_credentials", "status", status=429, headers=told)
    with pytest.raises(RateLimited) as caught:
        await mastodon.fetch({})
    wait = (caught.value.retry_at - now).total_seconds()
    assert seconds - 2 <= wait <= seconds + 20


async def test_the_mock_servers_own_rate_limit_is_understood(server: FakeMastodon, mastodon: Mastodon) -> None:
    server.fault("*", "ratelimit")
    with pytest.raises(RateLimited):
        await mastodon.fetch({})


# --- answering -------------------------------------------------------------------------------------


async def test_a_reply_stands_under_the_post_and_names_its_citizen(server: FakeMastodon, mastodon: Mastodon) -> None:
    server.post_as("jan@elders.example", "@gemeente De lamp is stuk")
    (mention,) = (await mastodon.fetch({})).posts
    words = mastodon.compose("We komen hem maken. ^Anna", to=mention, private=False)

    sent = await mastodon.send(Draft("key-1", words, False, mention, datetime.now(UTC)))

    (status,) = server.statuses_by_team()
    assert sent.external_id == status["id"]
    assert sent.url == status["url"]
    assert status["in_reply_to_id"] == mention.external_id
    assert status["visibility"] == "public"
    assert status["language"] == "nl"
    assert [m["acct"] for m in status["mentions"]] == ["jan@elders.example"]


async def test_sending_twice_publishes_once(server: FakeMastodon, mastodon: Mastodon) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    first = await mastodon.send(draft("@jan hallo!", to))
    second = await mastodon.send(draft("@jan hallo!", to))
    third = await mastodon.send(draft("@jan hallo!", to, key="key-2"))
    assert first == second
    assert third.external_id != first.external_id
    assert len(server.statuses_by_team()) == 2


@pytest.mark.parametrize(
    ("theirs", "option", "ours"),
    [
        ("public", "public", "public"),
        ("public", "unlisted", "unlisted"),
        ("unlisted", "public", "unlisted"),
        ("private", "public", "direct"),
        ("direct", "public", "direct"),
    ],
)
async def test_a_reply_is_never_more_public_than_the_post(
    server: FakeMastodon, client: httpx.AsyncClient, theirs: str, option: str, ours: str
) -> None:
    to = server.post_as("jan", "@gemeente hallo", visibility=theirs)["id"]
    await connect(server.base_url, client, visibility=option).send(draft("@jan hallo!", to))
    assert server.statuses_by_team()[0]["visibility"] == ours


async def test_a_private_reply_is_for_its_citizen_alone_and_has_no_public_address(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    sent = await mastodon.send(draft("@jan uw nummer?", to, private=True))
    assert server.statuses_by_team()[0]["visibility"] == "direct"
    assert sent.url == ""


async def test_a_reply_to_a_removed_post_is_rejected(server: FakeMastodon, mastodon: Mastodon) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    server.delete("jan", to)
    with pytest.raises(Rejected, match="no longer there"):
        await mastodon.send(draft("@jan hallo!", to))
    assert server.statuses_by_team() == []


async def test_a_reply_that_is_too_long_is_rejected_in_the_servers_words(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    with pytest.raises(Rejected, match="Text is too long"):
        await mastodon.send(draft("a" * 501, to))


async def test_a_token_that_may_not_write_is_rejected(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    with pytest.raises(Rejected, match="outside the authorized scopes"):
        await connect(server.base_url, client, token=server.token_with("read")).send(draft("@jan hallo!", to))


@pytest.mark.parametrize("effect", ["malformed", "status"])
async def test_after_an_unclear_answer_the_outcome_is_unknown(
    server: FakeMastodon, mastodon: Mastodon, effect: str
) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    server.fault("/api/v1/statuses", effect, status=504, method="POST")
    with pytest.raises(OutcomeUnknown):
        await mastodon.send(draft("@jan hallo!", to))


async def test_trouble_before_publishing_leaves_no_doubt(server: FakeMastodon, mastodon: Mastodon) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    server.fault("/api/v1/statuses/*", "status", status=503)
    with pytest.raises(Unavailable) as caught:
        await mastodon.send(draft("@jan hallo!", to))
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("private", [False, True])
async def test_a_reply_that_was_published_is_found(server: FakeMastodon, mastodon: Mastodon, private: bool) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    mine = draft("@jan Zie https://voorbeeld.nl/a_b?x=1&y=2\n\nGroet, Anna", to, private=private)
    sent = await mastodon.send(mine)
    await mastodon.send(draft("@jan Iets heel anders", to, key="key-2"))
    assert await mastodon.find(mine) == sent


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
@pytest.mark.parametrize("version", ["4.5.0", ""], ids=["a real Mastodon", "another server"])
async def test_a_private_reply_whose_connection_is_cut_is_there_once_or_a_person_looks(
    server: FakeMastodon, client: httpx.AsyncClient, version: str, taken: bool
) -> None:
    to = server.post_as("jan", "@gemeente Wie belt mij terug?")["id"]
    mine = draft("@jan Wij bellen u.", to, private=True)
    async with Between(server.base_url) as between, between.cutting("POST", "/api/v1/statuses", passed_on=taken):
        with pytest.raises(OutcomeUnknown):
            await connect(between.url, client).send(mine)
    mastodon = connect(server.base_url, client, limits={"version": version})
    if version:  # it knows the key again
        sent = await mastodon.send(mine)
    elif taken:
        found = await mastodon.find(mine)
        assert found is not None
        sent = found
    else:  # that a private reply is not shown proves nothing there
        with pytest.raises(Unknowable):
            await mastodon.find(mine)
        assert server.statuses_by_team() == []
        return
    assert [(each["id"], each["visibility"]) for each in server.statuses_by_team()] == [(sent.external_id, "direct")]


async def test_a_reply_that_was_not_published_is_not_found(server: FakeMastodon, mastodon: Mastodon) -> None:
    to = server.post_as("jan", "@gemeente hallo")["id"]
    other = server.post_as("jan", "@gemeente nog iets")["id"]
    assert await mastodon.find(draft("@jan hallo!", to)) is None
    await mastodon.send(draft("@jan hallo!", other, key="key-2"))
    await mastodon.send(draft("@jan iets anders", to, key="key-3"))
    assert await mastodon.find(draft("@jan hallo!", to)) is None


# --- likes and removed answers -----------------------------------------------------------------------


def liked(server: FakeMastodon) -> list[str]:
    return [status["id"] for status in server.as_team("GET", "/api/v1/favourites")]


async def test_a_post_is_liked_once_and_unliked(server: FakeMastodon, mastodon: Mastodon) -> None:
    status = server.post_as("jan", "@gemeente Dank voor de bank!")
    (mention,) = (await mastodon.fetch({})).posts
    for act, ids in ((Act.UNLIKE, []), (Act.LIKE, [status["id"]]), (Act.LIKE, [status["id"]]), (Act.UNLIKE, [])):
        await mastodon.act(act, mention)
        assert liked(server) == ids
    server.delete("jan", status["id"])
    with pytest.raises(Rejected, match="no longer shows"):
        await mastodon.act(Act.LIKE, mention)
    with pytest.raises(Rejected):
        await mastodon.act(Act.HIDE, mention)


async def test_our_answer_is_removed_and_another_post_is_not(server: FakeMastodon, mastodon: Mastodon) -> None:
    status = server.post_as("jan", "@gemeente Wanneer?")
    sent = await mastodon.send(draft("@jan Morgen", status["id"]))
    ours = replace(post(sent.external_id), place=None)
    for _ in range(2):
        await mastodon.act(Act.DELETE, ours)
        assert server.statuses_by_team() == []
    with pytest.raises(Rejected):
        await mastodon.act(Act.DELETE, post(status["id"]))
    (mention,) = (await mastodon.fetch({})).posts
    assert mention.external_id == status["id"]


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
@pytest.mark.parametrize("act", [Act.LIKE, Act.DELETE])
async def test_an_act_whose_connection_is_cut_is_done_once_when_it_is_repeated(
    server: FakeMastodon, client: httpx.AsyncClient, act: Act, taken: bool
) -> None:
    status = server.post_as("jan", "@gemeente Wanneer?")
    async with Between(server.base_url) as between:
        mastodon = connect(between.url, client)
        sent = await mastodon.send(draft("@jan Morgen", status["id"]))
        about = post(sent.external_id if act is Act.DELETE else status["id"])
        path = f"/api/v1/statuses/{about.external_id}{'/favourite' if act is Act.LIKE else ''}"
        async with between.cutting(ANY, path, passed_on=taken):
            with pytest.raises(OutcomeUnknown):
                await mastodon.act(act, about)
        await mastodon.act(act, about)
        await mastodon.act(act, about)
    assert liked(server) == ([status["id"]] if act is Act.LIKE else [])
    assert len(server.statuses_by_team()) == (0 if act is Act.DELETE else 1)


@pytest.mark.parametrize("act", [Act.LIKE, Act.DELETE])
async def test_that_a_page_comes_in_place_of_the_servers_answer_is_no_proof_that_something_was_done(
    server: FakeMastodon, mastodon: Mastodon, act: Act
) -> None:
    """As while it is down for a moment, and what stands before it shows a page about that."""
    status = server.post_as("jan", "@gemeente Wanneer?")
    sent = await mastodon.send(draft("@jan Morgen", status["id"]))
    about = post(sent.external_id if act is Act.DELETE else status["id"])
    method = "DELETE" if act is Act.DELETE else "POST"
    path = f"/api/v1/statuses/{about.external_id}{'/favourite' if act is Act.LIKE else ''}"
    server.fault(path, "malformed", method=method, count=1)
    with pytest.raises(OutcomeUnknown):
        await mastodon.act(act, about)
    assert liked(server) == [] and len(server.statuses_by_team()) == 1


async def test_that_a_firewall_hides_our_answer_is_no_proof_that_it_was_removed(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    status = server.post_as("jan", "@gemeente Wanneer?")
    sent = await mastodon.send(draft("@jan Morgen", status["id"]))
    server.fault(f"/api/v1/statuses/{sent.external_id}", "status", status=404, method="DELETE", count=1)
    with pytest.raises(Rejected):
        await mastodon.act(Act.DELETE, post(sent.external_id))
    assert len(server.statuses_by_team()) == 1


# --- edits and removals ----------------------------------------------------------------------------


@pytest.mark.parametrize("old_server", [False, True])
async def test_edited_and_removed_posts_are_told(server: FakeMastodon, mastodon: Mastodon, old_server: bool) -> None:
    statuses = [server.post_as("jan", f"@gemeente {n}") for n in range(25)]
    ids, jan = [each["id"] for each in statuses], Author(statuses[0]["account"]["id"], "Jan")
    server.edit("jan", ids[3], "@gemeente De lamp doet het weer")
    server.delete("jan", ids[24])
    if old_server:
        server.fault("/api/v1/statuses", "status", status=404, method="GET")
    changed, cursor = dict[str, Post](), dict[str, Any]()
    for _ in range(3 if old_server else 1):
        found = await mastodon.recheck([replace(post(each), author=jan) for each in ids], cursor)
        changed |= {each.external_id: each for each in found.changed}
        cursor = found.cursor
    edited, gone = changed.values()
    assert (edited.external_id, edited.text) == (ids[3], "@gemeente De lamp doet het weer")
    assert edited.edited_at is not None
    assert (gone.external_id, gone.gone) == (ids[24], Gone.BY_AUTHOR)


async def test_a_server_that_gives_one_post_at_a_time_is_asked_for_a_few(client: httpx.AsyncClient) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path.rpartition("/")[2])
        return web.json_response(status(int(asked[-1])))

    posts = [post(str(n)) for n in range(1, 26)]
    async with odd_server(**{"statuses/{number}": answer}) as url:
        mastodon, cursor = connect(url, client, identity=ME), dict[str, Any]()
        for rounds in (1, 2, 3):
            cursor = (await mastodon.recheck(posts, cursor)).cursor
            assert len(asked) == 10 * rounds
    assert asked == [each.external_id for each in [*posts, *posts[:5]]]


async def test_a_post_that_is_back_is_told(server: FakeMastodon, mastodon: Mastodon) -> None:
    status_id = server.post_as("jan", "@gemeente hallo")["id"]
    assert (await mastodon.recheck([post(status_id)], {})).changed == ()
    (back,) = (await mastodon.recheck([replace(post(status_id), gone=Gone.UNREACHABLE)], {})).changed
    assert (back.gone, back.text) == (None, "@gemeente hallo")


@pytest.mark.parametrize(
    ("version", "proved"),
    [
        ("4.6.0", True), ("4.4.0-beta.1+glitch", True), ("4.5.0-nightly.2026-11-01", True),
        ("4.0.2+hometown-1.1.1", True), ("2.7.2 (compatible; Pleroma 2.5)", False), ("", False),
        ("2.7.2 (compatible; Akkoma 3.13.2)", False), ("4.0.0 (not true; really snac/2.68)", False),
        ("0.17.3+git-abc", False), ("3.5.3+0.17.3-git-abc", False), ("3.0.0 (compatible; Sharkey 2026.3.3)", False),
        ("takahe/0.11.0", False),
    ],
)  # fmt: skip
def test_a_key_is_trusted_only_where_the_server_is_a_real_mastodon(version: str, proved: bool) -> None:
    mastodon = connect("https://social.example", httpx.AsyncClient(), limits={"version": version})
    assert (mastodon.resend_safe_for is not None) is proved


@pytest.mark.parametrize(("version", "proved"), [("4.6.0", True), ("4.0.0 (not true; really snac/2.68)", False)])
async def test_what_a_check_saw_of_the_server_holds_at_once(
    client: httpx.AsyncClient, version: str, proved: bool
) -> None:
    me, instance = says({"id": "1", "acct": "gemeente"}), says({"title": "Plein", "version": version})
    async with odd_server(instance=instance, accounts__verify_credentials=me) as url:
        mastodon = connect(url, client)
        await mastodon.check()
    assert (mastodon.resend_safe_for is not None) is proved


async def test_nothing_to_recheck_asks_nothing(client: httpx.AsyncClient) -> None:
    assert await connect("http://127.0.0.1:1", client).recheck([], {}) == Rechecked((), {})


async def test_a_refusal_that_is_not_mastodons_own_does_not_make_posts_gone(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    """What stands before the server refuses everything, so it says nothing about a post."""
    status_id = server.post_as("jan", "@gemeente hallo")["id"]
    server.fault("/api/v1/*", "status", status=404, body="<html>Not here</html>", method="GET")
    with pytest.raises(Unavailable):
        await mastodon.recheck([post(status_id)], {})


async def test_posts_that_a_server_cannot_show_do_not_keep_the_next_from_being_read(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    ids = [server.post_as("jan", f"@gemeente {n}")["id"] for n in range(12)]
    server.edit("jan", ids[11], "@gemeente De lamp doet het weer")
    server.fault("/api/v1/statuses", "status", status=500, method="GET")
    for each in ids[:11]:
        server.fault(f"/api/v1/statuses/{each}", "status", status=500, method="GET")
    posts = [post(each) for each in ids]
    first = await mastodon.recheck(posts, {})
    assert first.changed == ()
    assert [each.external_id for each in (await mastodon.recheck(posts, first.cursor)).changed] == [ids[11]]


async def test_a_refusal_of_one_post_by_a_server_that_accepts_our_token_makes_it_unreachable(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    ids = [server.post_as("jan", f"@gemeente {n}")["id"] for n in range(3)]
    server.edit("jan", ids[2], "@gemeente De lamp doet het weer")
    server.fault("/api/v1/statuses", "status", status=404, body="<html>", method="GET")
    server.fault(f"/api/v1/statuses/{ids[0]}", "status", status=404, body="<html>", method="GET")
    server.fault(f"/api/v1/statuses/{ids[1]}", "status", status=500, body="<html>", method="GET")
    changed = (await mastodon.recheck([post(each) for each in ids], {})).changed
    assert [(each.external_id, each.gone) for each in changed] == [(ids[0], Gone.UNREACHABLE), (ids[2], None)]
    with pytest.raises(Rejected, match="no longer shows the post"):
        await mastodon.send(draft("@jan hallo!", ids[0]))


@pytest.mark.parametrize(
    ("relationships", "gone"),
    [
        ([{"id": "7", "blocked_by": False}], Gone.BY_AUTHOR),
        ([{"id": "7", "blocked_by": True}], Gone.UNREACHABLE),
        ([], Gone.UNREACHABLE),
        (None, Gone.UNREACHABLE),
    ],
    ids=["there", "blocks us", "no account", "not told"],
)
async def test_a_post_that_mastodon_does_not_show_was_removed_by_its_author_only_with_proof(
    client: httpx.AsyncClient, relationships: Any, gone: Gone
) -> None:
    """Mastodon does not show the posts of who blocks us, or of a suspended account, either."""

    async def missing(_: web.Request) -> web.Response:
        return web.json_response({"error": "Record not found"}, status=404)

    answers: dict[str, Answer] = {"statuses": says([]), "statuses__1": missing}
    if relationships is not None:
        answers["accounts__relationships"] = says(relationships)
    async with odd_server(**answers) as url:
        (changed,) = (await connect(url, client, identity=ME).recheck([post()], {})).changed
    assert changed.gone is gone


# --- checking --------------------------------------------------------------------------------------


def problems(health: Health) -> str:
    return " ".join(str(p) for p in health.problems)


async def test_a_sound_account_has_no_problems_and_its_limits_are_learned(
    server: FakeMastodon, mastodon: Mastodon
) -> None:
    health = await mastodon.check()
    assert health.problems == ()
    assert any("@gemeente" in str(t) for t in health.working)
    me = server.as_team("GET", "/api/v1/accounts/verify_credentials")
    assert health.limits == {
        "max_characters": 500,
        "characters_reserved_per_url": 23,
        "version": "4.6.0",
        "images": {"bytes": 10_485_760, "pixels": 16_777_216, "kinds": ["image/jpeg", "image/png"]},
    }
    assert health.identity == Identity(me["id"], "gemeente", "Gemeente Voorbeeld", me["url"])


async def test_a_check_names_the_scope_that_is_missing(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    assert "write:statuses" in problems(await connect(server.base_url, client, token=server.token_with("read")).check())
    assert "read:accounts" in problems(await connect(server.base_url, client, token=server.token_with("write")).check())


async def test_a_check_of_a_revoked_token_says_so(server: FakeMastodon, client: httpx.AsyncClient) -> None:
    assert "access token" in problems(await connect(server.base_url, client, token="ingetrokken").check())


async def test_a_server_that_refuses_everything_is_said_to_take_nothing(
    mastodon: Mastodon, server: FakeMastodon
) -> None:
    server.fault("/api/*", "status", status=403)
    health = await mastodon.check()
    assert (health.working, len(health.problems)) == ((), 1)


@pytest.mark.parametrize(("value", "is_problem"), [("accept", False), ("filter", False), ("drop", True)])
async def test_a_check_warns_when_strangers_are_thrown_away(
    server: FakeMastodon, mastodon: Mastodon, value: str, is_problem: bool
) -> None:
    server.as_team("PATCH", "/api/v2/notifications/policy", json={"for_new_accounts": value})
    assert bool((await mastodon.check()).problems) is is_problem


async def test_of_an_account_that_only_reads_is_not_said_what_becomes_of_a_reply(
    server: FakeMastodon, client: httpx.AsyncClient
) -> None:
    health = await accounts.health(connect(server.base_url, client, token="", hashtags=["afval"]))
    said = " ".join(map(str, health.working))
    assert "nothing can be answered" in said and "what became of a reply" not in said


async def test_a_check_publishes_nothing(server: FakeMastodon, mastodon: Mastodon) -> None:
    await mastodon.check()
    assert server.statuses_by_team() == []


# --- odd servers -----------------------------------------------------------------------------------


@asynccontextmanager
async def odd_server(**answers: Answer) -> AsyncIterator[str]:
    """A server that knows these paths only: `instance` answers /api/v1/instance and the like."""
    app = web.Application()
    for name, answer in answers.items():
        app.router.add_get("/api/v1/" + name.replace("__", "/"), answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def says(value: Any, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(value, headers=headers)

    return answer


def status(number: int, **more: Any) -> dict[str, Any]:
    account = {"id": "7", "username": "jan", "acct": "jan", "display_name": "", "url": "https://social.example/@jan"}
    created = (NOW + timedelta(seconds=number)).isoformat()
    return {
        "id": str(number),
        "account": account,
        "content": f"<p>{number}</p>",
        "created_at": created,
        "visibility": "public",
        "mentions": [],
        **more,
    }


def note(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "type": "mention", "status": status(number), **more}


@pytest.mark.parametrize(
    ("instance", "known"),
    [
        ({"title": "Oud", "version": "3.4.0", "max_toot_chars": 1000}, (1000, 23)),
        ({"configuration": {"statuses": {"max_characters": 700, "characters_reserved_per_url": 30}}}, (700, 30)),
        ({"configuration": {"statuses": {"max_characters": "veel"}}}, (500, 23)),
        ({"configuration": None}, (500, 23)),
    ],
)
async def test_an_older_server_tells_its_limits_in_the_older_way(
    client: httpx.AsyncClient, instance: dict[str, Any], known: tuple[int, int]
) -> None:
    me = says({"id": "1", "acct": "gemeente"})
    async with odd_server(instance=says(instance), accounts__verify_credentials=me) as url:
        health = await connect(url, client).check()
    assert (health.limits["max_characters"], health.limits["characters_reserved_per_url"]) == known


async def test_a_server_that_tells_nothing_has_the_documented_limits(client: httpx.AsyncClient) -> None:
    async with odd_server(accounts__verify_credentials=says({"id": "1", "acct": "gemeente"})) as url:
        health = await connect(url, client).check()
    assert health.problems == ()
    assert health.limits["max_characters"] == 500


@pytest.mark.parametrize("manner", ["forward", "newest of what is newer", "ignores min_id", "ignores all"])
async def test_however_a_server_pages_nothing_is_lost_and_it_ends(client: httpx.AsyncClient, manner: str) -> None:
    notes = {n: note(n) for n in range(95, 301)}

    async def answer(request: web.Request) -> web.Response:
        least = int(request.query.get("min_id") or request.query.get("since_id") or 0)
        most = int(request.query.get("max_id") or 10**9)
        fitting = [n for n in sorted(notes) if least < n < most]
        if manner == "forward" and "min_id" in request.query:
            return web.json_response([notes[n] for n in reversed(fitting[:40])])
        if manner == "ignores min_id":
            fitting = [n for n in sorted(notes) if n < most]
        if manner == "ignores all":
            fitting = sorted(notes)
        return web.json_response([notes[n] for n in reversed(fitting[-40:])])

    async with odd_server(notifications=answer) as url:
        mastodon = connect(url, client, identity=ME)
        ids, cursor = await read_all(mastodon, {"notifications": "99"})
        again = await mastodon.fetch(cursor)
    expected = range(261, 301) if manner == "ignores all" else range(100, 301)
    assert ids == [str(n) for n in expected]
    assert again.posts == ()
    assert not again.more


async def test_long_posts_from_another_server_keep_no_mention_back(client: httpx.AsyncClient) -> None:
    long = "De lamp is stuk. " * 40_000
    statuses = {n: status(n, content=f"<p>{long}</p>" if n < 110 else "<p>Hallo</p>") for n in range(100, 131)}

    async def notifications(request: web.Request) -> web.Response:
        limit, least = int(request.query["limit"]), int(request.query.get("min_id", 0))
        fitting = [n for n in statuses if n > least][:limit]
        return web.json_response([note(n, status=statuses[n]) for n in reversed(fitting)])

    async def several(request: web.Request) -> web.Response:
        return web.json_response([statuses[int(n)] for n in request.query.getall("id[]")])

    async def one(request: web.Request) -> web.Response:
        return web.json_response(statuses[int(request.path.rpartition("/")[2])])

    async with odd_server(**{"notifications": notifications, "statuses": several, "statuses/{id}": one}) as url:
        mastodon = connect(url, client, identity=ME)
        ids, _ = await read_all(mastodon, {"notifications": "99"})
        statuses[105]["edited_at"] = NOW.isoformat()
        rechecked = await mastodon.recheck([post(each) for each in ids[:10]], {})
    assert ids == [str(n) for n in range(100, 131)]
    assert [each.external_id for each in rechecked.changed] == ["105"]


async def test_one_bad_notification_is_passed_over_and_logged_by_its_id_alone(client: httpx.AsyncClient) -> None:
    secret = "Mijn BSN is 123456782"
    bad = [
        note(2, status={"id": "2", "content": secret}),
        note(3, status=secret),
        note(4, status=status(4, created_at="gisteren", content=secret)),
        note(5, status=status(5, account=None, content=secret)),
        note(6, status=status(6, media_attachments=[secret])),
        {"id": 7, "status": secret},
        secret,
        None,
    ]
    harmless = [note(8, status=status(8, in_reply_to_id={"a": 1}, mentions=None, quote=[], language=None, url=5))]
    page = says([note(1), *bad, *harmless])
    with capture_logs() as lines:
        async with odd_server(notifications=page) as url:
            found = await connect(url, client, identity=ME).fetch({})
    assert [p.external_id for p in found.posts] == ["1", "8"]
    assert found.cursor["notifications"] == "8"
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert {line.get("status") or line.get("notification") for line in warnings} >= {"2", "3", "4", "5", "6"}
    assert "BSN" not in str(lines)


LINK = '<a href="https://social.example/@gemeente/9"><span class="invisible">https://</span>social.example</a>'
QUOTED = {"state": "accepted", "quoted_status": status(9, content="<p>De markt gaat door.</p>")}


@pytest.mark.parametrize(
    ("content", "quoted", "words"),
    [
        (f'<p class="quote-inline">RE: {LINK}</p><p>Echt?</p>', QUOTED, "Echt?"),
        (f'<p>Echt?<span class="x quote-inline"><br/><br/>RE: {LINK}</span></p>', QUOTED, "Echt?"),
        (f'<p class="quote-inline">RE: {LINK}</p><p>Echt?</p>', {"state": "revoked", "quoted_status": None},
         "RE: https://social.example/@gemeente/9\n\nEcht?"),
        (f"<p>RE: {LINK}</p><p>Echt?</p>", QUOTED, "RE: https://social.example/@gemeente/9\n\nEcht?"),
        (f'<p class="quote-inline">RE: {LINK}</p>', QUOTED, "RE: https://social.example/@gemeente/9"),
    ],
)  # fmt: skip
async def test_the_link_that_stands_for_a_quote_is_no_word_of_the_citizen_where_the_quote_is_shown(
    client: httpx.AsyncClient, content: str, quoted: dict[str, Any], words: str
) -> None:
    page = says([note(1, type="quote", status=status(1, content=content, quote=quoted))])
    async with odd_server(notifications=page) as url:
        (post,) = (await connect(url, client, identity=ME).fetch({})).posts
    assert post.text == words


async def test_an_edit_of_a_post_we_boosted_is_not_for_us_unless_it_names_us(client: httpx.AsyncClient) -> None:
    boosted = note(1, type="update")
    mention = note(2, type="update", status=status(2, mentions=[{"id": "1"}], edited_at=NOW.isoformat()))
    unasked = note(3, type="favourite")
    async with odd_server(notifications=says([mention, boosted, unasked])) as url:
        found = await connect(url, client, identity=ME).fetch({})
    assert [p.external_id for p in found.posts] == ["2"]
    assert found.posts[0].edited_at == NOW


async def test_an_address_that_is_not_the_web_is_not_passed_on(client: httpx.AsyncClient) -> None:
    hostile = status(1, url="javascript:alert(1)", uri="https://elders.example/1")
    hostile["account"]["url"] = "javascript:alert(1)"
    hostile["media_attachments"] = [
        {"url": "file:///etc/passwd"},
        {"url": None, "remote_url": "https://elders.example/x"},
    ]
    async with odd_server(notifications=says([note(1, status=hostile)])) as url:
        (found,) = (await connect(url, client, identity=ME).fetch({})).posts
    assert (found.url, found.author.url) == ("https://elders.example/1", "")
    assert [m.url for m in found.media] == ["https://elders.example/x"]


@pytest.mark.parametrize("value", [{"error": "?"}, "tekst", 5, None])
async def test_a_page_that_is_no_list_is_unavailable(client: httpx.AsyncClient, value: Any) -> None:
    async with odd_server(notifications=says(value)) as url:
        with pytest.raises(Unavailable):
            await connect(url, client, identity=ME).fetch({})


async def test_near_the_rate_limit_the_rest_waits_for_the_next_time(client: httpx.AsyncClient) -> None:
    notes = [note(n) for n in range(40, 0, -1)]
    full = says(notes, **{"X-RateLimit-Remaining": "3"})
    async with odd_server(notifications=full) as url:
        page = await connect(url, client, identity=ME).fetch({"notifications": "0"})
    assert len(page.posts) == 40
    assert not page.more


async def test_a_post_that_arrives_late_below_known_ids_is_still_seen(client: httpx.AsyncClient) -> None:
    timeline = [status(n) for n in (500, 480, 460)]

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(sorted(timeline, key=lambda s: s["id"], reverse=True))

    async with odd_server(timelines__tag__afval=answer) as url:
        mastodon = connect(url, client, token="", hashtags=["afval"])
        first = await mastodon.fetch({})
        timeline.append(status(470))
        second = await mastodon.fetch(first.cursor)
        third = await mastodon.fetch(second.cursor)
    assert [p.external_id for p in second.posts] == ["470"]
    assert third.posts == ()


async def test_an_old_post_that_slides_into_a_full_page_is_not_new(client: httpx.AsyncClient) -> None:
    timeline = [status(n) for n in range(200, 159, -1)]

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(timeline[:40])

    async with odd_server(timelines__tag__afval=answer) as url:
        mastodon = connect(url, client, token="", hashtags=["afval"])
        first = await mastodon.fetch({})
        del timeline[5]
        assert (await mastodon.fetch(first.cursor)).posts == ()


async def test_a_server_that_shows_hashtags_to_members_only_says_so(client: httpx.AsyncClient) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": "This method requires an authenticated user"}, status=422)

    async with odd_server(timelines__tag__afval=refuse) as url:
        mastodon = connect(url, client, token="", hashtags=["afval"])
        with pytest.raises(Rejected, match="logged in"):
            await mastodon.fetch({})
        assert "logged in" in problems(await mastodon.check())


async def test_a_server_that_moved_says_where_to(client: httpx.AsyncClient) -> None:
    async def moved(_: web.Request) -> web.Response:
        return web.Response(status=301, headers={"Location": "https://nieuw.example/api/v1/notifications"})

    async with odd_server(notifications=moved) as url:
        with pytest.raises(Rejected, match=r"nieuw\.example"):
            await connect(url, client, identity=ME).fetch({})


async def test_a_dropped_keep_alive_connection_is_read_again(client: httpx.AsyncClient) -> None:
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked == 2:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response([note(asked)])

    async with odd_server(notifications=answer) as url:
        mastodon = connect(url, client, identity=ME)
        first = await mastodon.fetch({})
        second = await mastodon.fetch(first.cursor)
    assert asked == 3
    assert [p.external_id for p in second.posts] == ["3"]


async def test_a_reply_on_a_dropped_connection_is_sent_once_with_its_key(client: httpx.AsyncClient) -> None:
    keys = []

    async def drop(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_post("/api/v1/statuses", drop)
    async with TestServer(app) as server:
        with pytest.raises(OutcomeUnknown):
            await connect(str(server.make_url("/")), client).send(draft("@jan hallo!", "1", private=True))
    assert keys == ["key-1"]


async def test_the_same_words_sent_long_before_are_another_reply(client: httpx.AsyncClient) -> None:
    earlier = status(5, in_reply_to_id="1", created_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    same = says({"text": "@jan hallo!"})
    async with odd_server(accounts__1__statuses=says([earlier]), statuses__5__source=same) as url:
        mastodon = connect(url, client, identity=ME, limits={"version": "4.6.0"})
        assert await mastodon.find(draft("@jan hallo!", "1")) is None


@pytest.mark.parametrize("parent", ["1", None])
async def test_the_same_words_shortly_before_leave_a_doubt(client: httpx.AsyncClient, parent: str | None) -> None:
    sending = draft("@jan hallo!", "1")
    earlier, ours = (
        status(
            ident, in_reply_to_id=parent, created_at=(sending.first_tried_at - timedelta(seconds=before)).isoformat()
        )
        for ident, before in ((5, 90), (6, 0))
    )
    listed, same = [earlier], says({"text": "@jan hallo!"})
    async with odd_server(
        accounts__1__statuses=says(listed), statuses__5__source=same, statuses__6__source=same
    ) as url:
        mastodon = connect(url, client, identity=ME, limits={"version": "4.6.0"})
        with pytest.raises(Unknowable):
            await mastodon.find(sending)
        listed.insert(0, ours)
        found = await mastodon.find(sending)
        assert found is not None and found.external_id == "6"


@pytest.mark.parametrize("private", [False, True])
async def test_a_server_that_lists_not_all_our_posts_is_asked_what_is_under_the_post(
    client: httpx.AsyncClient, private: bool
) -> None:
    words = draft("@jan hallo!", "1", private=private)
    now = words.first_tried_at.isoformat()
    ours = status(5, in_reply_to_id="1", created_at=now, account={"id": "1", "acct": "gemeente"})
    another = status(6, in_reply_to_id="1", created_at=now)
    thread: dict[str, Any] = {"ancestors": [], "descendants": [another, ours]}
    answers = {"accounts__1__statuses": says([]), "statuses__1__context": says(thread)}
    same = says({"text": "@jan hallo!"})
    async with odd_server(**answers, statuses__4__source=same, statuses__5__source=same) as url:
        mastodon = connect(url, client, identity=ME)
        found = await mastodon.find(words)
        assert found is not None and found.external_id == "5"
        before = (datetime.now(UTC) - timedelta(seconds=90)).isoformat()
        thread["descendants"].insert(0, {**ours, "id": "4", "created_at": before})
        found = await mastodon.find(words)
        assert found is not None and found.external_id == "5"
        thread["descendants"].remove(ours)
        with pytest.raises(Unknowable):
            await mastodon.find(words)
        thread["descendants"].pop(0)
        if private:
            with pytest.raises(Unknowable):
                await mastodon.find(words)
        else:
            assert await mastodon.find(words) is None


async def test_a_server_that_no_longer_shows_the_post_leaves_it_unknowable(client: httpx.AsyncClient) -> None:
    async with odd_server(accounts__1__statuses=says([])) as url:
        with pytest.raises(Unknowable):
            await connect(url, client, identity=ME).find(draft("@jan hallo!", "1"))


async def test_a_reply_beyond_what_we_can_look_back_is_unknowable(client: httpx.AsyncClient) -> None:
    busy = [status(n, created_at=datetime.now(UTC).isoformat()) for n in range(40)]
    async with odd_server(accounts__1__statuses=says(busy)) as url:
        with pytest.raises(Unknowable):
            await connect(url, client, identity=ME).find(draft("@jan hallo!", "1"))


async def test_a_server_that_does_not_show_what_we_sent_leaves_it_unknowable(client: httpx.AsyncClient) -> None:
    maybe = status(5, created_at=datetime.now(UTC).isoformat(), in_reply_to_id="1")
    async with odd_server(accounts__1__statuses=says([maybe])) as url:
        with pytest.raises(Unknowable):
            await connect(url, client, identity=ME).find(draft("@jan hallo!", "1"))


# --- text ------------------------------------------------------------------------------------------


@pytest.fixture
def plain() -> Mastodon:
    return connect("https://social.example", httpx.AsyncClient())


@pytest.mark.parametrize(
    ("text", "composed"),
    [
        ("Dank!", "@jan@elders.example Dank!"),
        ("Dank @jan@elders.example!", "Dank @jan@elders.example!"),
        ("Dank @Jan@Elders.Example.", "Dank @Jan@Elders.Example."),
        ("Dank @jan", "@jan@elders.example Dank @jan"),
        ("Mail x@jan@elders.example", "@jan@elders.example Mail x@jan@elders.example"),
        ("@jan@elders.example.org dus", "@jan@elders.example @jan@elders.example.org dus"),
    ],
)
def test_a_reply_names_its_citizen_once(plain: Mastodon, text: str, composed: str) -> None:
    assert plain.compose(text, to=post(handle="@jan@elders.example"), private=False) == composed


def test_a_namesake_on_another_server_is_someone_else(plain: Mastodon) -> None:
    assert plain.compose("Ook @jan@elders.example", to=post(), private=False) == "@jan Ook @jan@elders.example"
    assert plain.compose("Hoi @jan.", to=post(), private=True) == "Hoi @jan."
    assert plain.compose("Hoi @jan-piet", to=post(), private=False) == "@jan Hoi @jan-piet"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Vraag het @politie", "@politie"),
        ("Vraag het (@politie, @Politie.nl@elders.example).", "@politie, @Politie.nl@elders.example"),
        ("@jan @piet", "@piet"),
        ("Ook @jan@elders.example", "@jan@elders.example"),
        ("Hoi @jan-piet", "@jan-piet"),
        ("Wij zijn @gemeente, zij zijn @gemeente@elders.example", "@gemeente@elders.example"),
    ],
)
def test_a_private_answer_names_nobody_else(client: httpx.AsyncClient, text: str, named: str) -> None:
    mastodon = connect("https://social.example", client, identity=ME)
    with pytest.raises(Refused) as refused:
        mastodon.compose(text, to=post(), private=True)
    assert refused.value.text.params == {"names": named}
    assert mastodon.compose(text, to=post(), private=False).endswith(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mail info@gemeente.nl",
        "Zie https://elders.example/@politie/12 of https://kaart.example/?bij=@politie",
        "Morgen @ 10 uur",
        "Dag @Jan, groet van @gemeente",
    ],
)
def test_what_names_nobody_else_is_a_private_answer(client: httpx.AsyncClient, text: str) -> None:
    mastodon = connect("https://social.example", client, identity=ME)
    assert mastodon.compose(text, to=post(), private=True).endswith(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        # the examples of Mastodon's own status_length_validator_spec.rb
        ("a" * 476 + f" http://{'b' * 30}.com/example", 500),
        ("a" * 475 + f" @alice@{'b' * 30}.com", 482),
        ("https://x.nl", 23),
        ("(https://nl.wikipedia.org/wiki/Lelie_(plant))", 25),
        ("Zie https://www.voorbeeld.nl/a/b?c=d&e=f#g.", 4 + 23 + 1),
        ("https://voorbeeld.nl/pad#deel, en meer", 23 + 9),
        ("http://localhost/pad", 20),
        ("voorbeeld.nl/pad", 16),
        ("xhttps://voorbeeld.nl", 21),
        ("@jan en @jan@elders.example", 12),
        ("@jan@elders.example@nog", 23),
        ("jan@elders.example", 18),
        ("👩‍👩‍👧‍👦 🇳🇱 é", 5),
        ("  hallo\n\nwereld \n", 13),
        ("", 0),
    ],
)
def test_length_is_counted_as_mastodon_does(plain: Mastodon, text: str, length: int) -> None:
    assert plain.measure(text).length == length


def test_limits_are_those_the_check_learned() -> None:
    known = {"max_characters": 1000, "characters_reserved_per_url": 30}
    learned = connect("https://social.example", httpx.AsyncClient(), limits=known)
    assert learned.measure("").limit == 1000
    assert learned.measure("https://voorbeeld.nl/").length == 30


PATH = st.text(st.sampled_from("abcXYZ019-_/~%+"), max_size=400)


@given(PATH)
def test_any_address_counts_the_same(path: str) -> None:
    counted = (
        connect("https://social.example", httpx.AsyncClient()).measure(f"Zie https://voorbeeld.nl/{path}x nu").length
    )
    assert counted == len("Zie  nu") + 23


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_has_a_length_no_greater_than_it_is_long_or_its_addresses_make_it(text: str) -> None:
    counted = connect("https://social.example", httpx.AsyncClient()).measure(text).length
    assert 0 <= counted <= len(text) + 23 * text.lower().count("http")


def test_a_hostile_text_is_counted_quickly(plain: Mastodon) -> None:
    assert plain.measure("https://a.nl/" + "(" * 5000).length > 0
    assert plain.measure("https://" + "a." * 5000).length > 0
    assert plain.measure("@a" + ".-" * 5000).length > 0
    assert plain.measure("@" + "a@" * 5000).length > 0
