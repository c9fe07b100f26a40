"""Threads: what comes in, what goes out and what became of it, and a token that has to be renewed."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.accounts import DraftSecrets
from bot.connectors import http
from bot.connectors.base import (
    Account,
    Cursor,
    Identity,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.connectors.platform import Tools
from bot.connectors.threads import PLATFORM, Threads, writing
from bot.connectors.threads.server import Token
from bot.connectors.threads.writing import measure
from bot.domain.mention import Act, Author, Media, Post, PostKind, Quote, permits
from tests.connectors.reading import acts, draft, read
from tests.connectors.threads.fake import LASTS, SECRETS, TOKEN, US, USER, FakeThreads
from tests.fakes.between import ANY, Between

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
V = "/v1.0"
HASTY = 2.0
"""Seconds within which the fake answers all but what is held up."""


@pytest.fixture
async def server() -> AsyncIterator[FakeThreads]:
    async with FakeThreads() as one:
        yield one


@pytest.fixture
def threads(server: FakeThreads, client: httpx.AsyncClient) -> Threads:
    return connect(server.url, client)


def connect(
    url: str,
    client: httpx.AsyncClient,
    *,
    now: datetime | None = None,
    secrets: DraftSecrets | None = None,
    added_at: datetime | None = None,
    **options: Any,
) -> Threads:
    secrets = secrets or DraftSecrets(SECRETS)
    account = Account(1, "threads", "gemeente", url, dict(secrets.now), options, added_at=added_at)
    return Threads(account, Tools(client, lambda: now or datetime.now(UTC), secrets))


async def news(threads: Threads, cursor: Cursor) -> tuple[list[str], Cursor]:
    page = await threads.fetch(cursor)
    return [post.external_id for post in page.posts], json.loads(json.dumps(page.cursor))


# --- reading ---------------------------------------------------------------------------------------


async def test_a_reply_comes_in_with_what_it_answers_and_what_may_be_done(
    server: FakeThreads, threads: Threads
) -> None:
    ident = server.reply("jan", "Echt <waar>? 🌧", at=NOW)
    post = await read(threads, ident)
    assert (post.text, post.published_at, post.kind, post.private) == ("Echt <waar>? 🌧", NOW, PostKind.REPLY, False)
    assert post.author == Author("jan", "jan", "@jan", "https://www.threads.com/@jan")
    own = f"https://www.threads.com/@{US}/post/{server.own}"
    assert post.replies_to == Quote(US, "De markt gaat door.", own)
    assert (post.in_reply_to, post.ancestors) == (server.own, ())
    assert post.permits == permits(Act.ANSWER, Act.HIDE)
    assert post.url == f"https://www.threads.com/@jan/post/{ident}"


async def test_only_a_reply_directly_below_our_post_can_be_hidden(server: FakeThreads, threads: Threads) -> None:
    first = server.reply("jan", "Hoe laat?")
    nested = server.reply("els", "Ja, hoe laat?", to=first)
    theirs = server.elsewhere("piet", "Wat een rommel")
    named = server.name("kim", "@gemeente doe wat", to=theirs)
    posts = {post.external_id: post for post in (await threads.fetch({})).posts}
    assert {ident: Act.HIDE in acts(post) for ident, post in posts.items()} == {
        first: True,
        nested: False,
        named: False,
    }
    assert (posts[nested].in_reply_to, posts[nested].ancestors) == (first, (server.own,))
    assert posts[nested].replies_to is not None
    assert posts[nested].replies_to.text == "Hoe laat?"
    assert posts[named].replies_to == Quote("piet", "Wat een rommel", f"https://www.threads.com/@piet/post/{theirs}")


async def test_a_post_that_names_us_below_our_post_comes_in_once_and_can_be_hidden(
    server: FakeThreads, threads: Threads
) -> None:
    ident = server.name("jan", "@gemeente hoe laat?", to=server.own)
    (post,) = (await threads.fetch({})).posts
    assert (post.external_id, Act.HIDE in acts(post)) == (ident, True)


async def test_what_answers_our_answer_elsewhere_comes_in(server: FakeThreads, threads: Threads) -> None:
    question = server.name("jan", "@gemeente hoe laat?")
    _, cursor = await news(threads, {})
    ours = server.reply(US, "Om tien uur", to=question)
    back = server.reply("jan", "Dank!", to=ours)
    page = await threads.fetch(cursor)
    assert [post.external_id for post in page.posts] == [back]
    (post,) = page.posts
    assert (post.in_reply_to, post.ancestors, post.replies_to) == (ours, (question,), None)


async def test_what_we_wrote_ourselves_is_no_case(server: FakeThreads, threads: Threads) -> None:
    _, cursor = await news(threads, {})
    ident = server.reply("jan", "Hoe laat?")
    server.reply(US, "Om tien uur", to=ident)
    server.reply(US, "Tip: kom op de fiets")
    server.name(US, "Wij zijn @gemeente")
    assert (await news(threads, cursor))[0] == [ident]


async def test_whom_threads_does_not_name_is_somebody_else_each_time(server: FakeThreads, threads: Threads) -> None:
    idents = [server.reply("", "Een"), server.reply("", "Twee")]
    posts = (await threads.fetch({})).posts
    assert [post.external_id for post in posts] == idents
    assert len({post.author.external_id for post in posts}) == 2
    assert {(post.author.name, post.author.url) for post in posts} == {("", "")}


async def test_pictures_have_their_texts_and_albums_their_parts(server: FakeThreads, threads: Threads) -> None:
    def of(name: str, kind: str, **more: Any) -> dict[str, Any]:
        return {"media_type": kind, "media_url": f"https://cdn.example/{name}", **more}

    parts = [server.elsewhere("jan", "", **of(f"{n}.jpg", "IMAGE", alt_text=f"Foto {n}")) for n in range(2)]
    album: dict[str, Any] = {"media_type": "CAROUSEL_ALBUM", "children": {"data": [{"id": part} for part in parts]}}
    shown = {
        server.reply("jan", "", **of("a.jpg", "IMAGE", alt_text="Een lamp")): [
            Media("https://cdn.example/a.jpg", "image", "Een lamp")
        ],
        server.name("els", "", **of("b.mp4", "VIDEO", alt_text="Een kat")): [
            Media("https://cdn.example/b.mp4", "video", "Een kat")
        ],
        server.reply("kim", "", **album): [
            Media(f"https://cdn.example/{n}.jpg", "image", f"Foto {n}") for n in range(2)
        ],
        server.reply("piet", "", gif_url="https://cdn.example/c.gif"): [Media("https://cdn.example/c.gif", "image")],
        server.reply("ans", "", **{**of("x", "IMAGE"), "media_url": "javascript:alert(1)"}): [],
    }
    posts = (await threads.fetch({})).posts
    assert {post.external_id: list(post.media) for post in posts} == shown


async def test_a_text_that_cannot_be_asked_for_keeps_no_post_out(server: FakeThreads, threads: Threads) -> None:
    ident = server.reply("jan", "Kijk", media_type="IMAGE", media_url="https://cdn.example/a.jpg", alt_text="Een lamp")
    server.fail(f"{V}/{ident}", status=500)
    assert (await read(threads, ident)).media == (Media("https://cdn.example/a.jpg", "image"),)


async def test_an_attached_link_and_a_quoted_post_come_along(server: FakeThreads, threads: Threads) -> None:
    link = "https://www.voorbeeld.nl/vegen"
    one = server.name("jan", "@gemeente zie", link_attachment_url=link)
    two = server.name("els", f"@gemeente {link}", link_attachment_url=link)
    three = server.name("kim", "@gemeente klopt dit?", quoted_post={"id": server.own}, is_quote_post=True)
    posts = {post.external_id: post for post in (await threads.fetch({})).posts}
    assert (posts[one].text, posts[two].text) == (f"@gemeente zie\n{link}", f"@gemeente {link}")
    assert posts[three].replies_to is not None
    assert posts[three].replies_to.text == "De markt gaat door."


async def test_the_first_reading_leaves_out_what_was_before_and_what_was_answered(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    old = NOW - timedelta(days=2)
    server.reply("jan", "Lang geleden", at=old - 2 * DAY)
    server.name("jan", "@gemeente lang geleden", at=old - 2 * DAY)
    answered, named = server.reply("els", "Al beantwoord", at=old), server.name("els", "@gemeente hoe laat?", at=old)
    for each in (answered, named):
        server.reply(US, "Antwoord", to=each, at=old + HOUR)
    open_ = [server.reply("kim", "En nu?", at=old), server.name("kim", "@gemeente en hier?", at=old + HOUR)]
    threads = connect(server.url, client, now=NOW, added_at=NOW, since_days=3)
    found, cursor = await news(threads, {})
    assert found == open_
    assert await news(threads, cursor) == ([], cursor)


async def test_a_flood_comes_in_whole_and_once(server: FakeThreads, client: httpx.AsyncClient) -> None:
    threads = connect(server.url, client, now=NOW + DAY, added_at=NOW)
    _, cursor = await news(threads, {})
    flood = [server.reply(f"burger{n}", f"Vraag {n}", at=NOW + timedelta(seconds=n // 3)) for n in range(400)]
    named = [server.name(f"burger{n}", f"@gemeente {n}", at=NOW + timedelta(seconds=n)) for n in range(250)]
    found, cursor = await news(threads, cursor)
    assert sorted(found) == sorted([*flood, *named])
    assert (await news(threads, cursor))[0] == []
    later = server.reply("jan", "Na de vloed", at=NOW + HOUR)
    assert (await news(threads, cursor))[0] == [later]


async def test_a_post_of_ours_that_is_removed_meanwhile_keeps_nothing_out(
    server: FakeThreads, threads: Threads
) -> None:
    other = server.write("Ander nieuws")
    server.reply("jan", "Weg", to=other)
    ident = server.reply("els", "Elders")
    server.fail(f"{V}/{other}/conversation", status=400, body='{"error": {"code": 24, "message": "Weg."}}')
    assert (await news(threads, {}))[0] == [ident]


async def test_replies_that_threads_does_not_give_keep_no_other_out_and_come_later(
    server: FakeThreads, threads: Threads
) -> None:
    other, now = server.write("Ander nieuws"), datetime.now(UTC)
    _, cursor = await news(threads, {})
    early, late = server.reply("jan", "Eerder", to=other, at=now - 3 * HOUR), server.reply("els", "Later", at=now)
    refusal = '{"error": {"code": 10, "message": "Application does not have permission for this action"}}'
    server.fail(f"{V}/{other}/conversation", status=403, body=refusal, count=2)
    page = await threads.fetch(cursor)
    assert ([post.external_id for post in page.posts], len(page.unread)) == ([late], 1)
    found, cursor = await news(threads, json.loads(json.dumps(page.cursor)))
    assert found == []
    assert (await news(threads, cursor))[0] == [early]


@pytest.mark.parametrize("body", ["{}", '{"data": null}', "Even geduld"])
async def test_one_post_whose_replies_are_never_listed_keeps_no_other_out(
    server: FakeThreads, threads: Threads, body: str
) -> None:
    other, now = server.write("Ander nieuws"), datetime.now(UTC)
    _, cursor = await news(threads, {})
    early = server.reply("jan", "Eerder", to=other, at=now - 3 * HOUR)
    server.fail(f"{V}/{other}/conversation", status=200, body=body, count=3)
    for n in range(3):
        ident = server.reply("els", f"Elders {n}", at=now)
        page = await threads.fetch(cursor)
        assert ([post.external_id for post in page.posts], len(page.unread)) == ([ident], 1)
        cursor = json.loads(json.dumps(page.cursor))
    assert (await news(threads, cursor))[0] == [early]


async def test_a_server_that_lists_the_replies_of_no_post_is_a_verdict(server: FakeThreads, threads: Threads) -> None:
    _, cursor = await news(threads, {})
    posts = [server.write(f"Nieuws {n}") for n in range(9)]
    for post in posts:
        server.reply("jan", "Hoe laat?", to=post)
        server.fail(f"{V}/{post}/conversation", status=503, count=9)
    asked = len(server.asked)
    with pytest.raises(Unavailable):
        await threads.fetch(cursor)
    assert len(server.asked) - asked < len(posts)


async def test_answered_replies_that_threads_did_not_give_at_first_do_not_come_in_later(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    old, other = NOW - timedelta(days=2), server.write("Ander nieuws")
    answered, open_ = (server.reply(who, "Hoe laat?", to=other, at=old) for who in ("els", "kim"))
    server.reply(US, "Om drie uur.", to=answered, at=old + HOUR)
    threads = connect(server.url, client, now=NOW, added_at=NOW, since_days=3)
    refusal = '{"error": {"code": 10, "message": "Application does not have permission for this action"}}'
    server.fail(f"{V}/{other}/conversation", status=403, body=refusal)
    page = await threads.fetch({})
    assert (page.posts, len(page.unread)) == ((), 1)
    found, cursor = await news(threads, json.loads(json.dumps(page.cursor)))
    assert found == [open_]
    assert await news(threads, cursor) == ([], cursor)


async def test_mentions_that_cannot_be_read_keep_no_reply_out_and_come_later(
    server: FakeThreads, threads: Threads
) -> None:
    _, cursor = await news(threads, {})
    ident, named = server.reply("jan", "Hoe laat?"), server.name("els", "@gemeente hoe laat?")
    server.fail(f"{V}/me/mentions", status=500)
    found, cursor = await news(threads, cursor)
    assert found == [ident]
    assert (await news(threads, cursor))[0] == [named]


@pytest.mark.parametrize("ident", [7, "", "a/b", "../me", "x" * 200, None])
async def test_an_id_that_is_none_is_left_out(server: FakeThreads, threads: Threads, ident: Any) -> None:
    odd, good = server.reply("jan", "Vreemd"), server.reply("els", "Gewoon")
    server.things[odd].more["id"] = ident
    assert (await news(threads, {}))[0] == [good]


@pytest.mark.parametrize("odd", [[], {}, 7, "a/b", None, {"id": []}, {"id": {}}, {"id": "../me"}])
async def test_odd_places_above_a_post_spoil_nothing(server: FakeThreads, threads: Threads, odd: Any) -> None:
    _, cursor = await news(threads, {})
    server.reply(US, "Ook dag", to=server.reply("jan", "Dag"), root_post=odd, replied_to=odd)
    ident = server.reply("els", "Gewoon", root_post=odd, replied_to=odd, quoted_post=odd, children=odd)
    for start in ({}, cursor):
        assert ident in (await news(threads, start))[0]


async def test_near_the_limit_the_next_reading_waits(server: FakeThreads, threads: Threads) -> None:
    server.usage = {"X-App-Usage": '{"call_count": 96}'}
    not_before = (await threads.fetch({})).not_before
    assert not_before is not None
    assert not_before > datetime.now(UTC)


# --- answering -------------------------------------------------------------------------------------


async def test_an_answer_is_prepared_and_published_below_the_post(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    sending = draft(post)
    sent = await threads.send(sending)
    thing = server.things[sent.external_id]
    assert (thing.text, thing.parent, thing.by) == ("Dat zoeken we uit. ^SB", post.external_id, US)
    assert sent.url == f"https://www.threads.com/@{US}/post/{sent.external_id}"
    assert await threads.find(sending) == sent


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
@pytest.mark.parametrize(("path", "known"), [("me/threads", True), ("me/threads_publish", False)])
async def test_an_answer_that_was_cut_off_is_there_once(
    server: FakeThreads, client: httpx.AsyncClient, path: str, known: bool, taken: bool
) -> None:
    threads = connect(server.url, client)
    sending = draft(await read(threads, server.reply("jan", "Hoe laat?")))
    async with Between(server.url) as between, between.cutting("POST", f"{V}/{path}", passed_on=taken):
        with pytest.raises(Unavailable) as raised:
            await connect(between.url, client).send(sending)
    assert isinstance(raised.value, OutcomeUnknown) is not known  # a container that nobody sees is no answer
    found = await threads.find(sending)
    assert (found is not None) is (taken and not known)
    sent = found or await threads.send(sending)
    assert server.ours() == ["Dat zoeken we uit. ^SB"]
    assert await threads.find(sending) == sent


async def test_an_answer_whose_address_cannot_be_asked_was_published(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.slow = -1
    original = server._post_me_threads_publish

    def publish(ident: str, given: Mapping[str, Any]) -> Any:
        made = original(ident, dict(given))
        server.fail(f"{V}/{made['id']}", status=500)
        return made

    server._post_me_threads_publish = publish  # type: ignore[method-assign]
    sent = await threads.send(draft(post))
    assert (sent.external_id in server.things, sent.url) == (True, "")


@pytest.mark.parametrize("known", [True, False])
async def test_a_container_is_waited_for(
    server: FakeThreads, threads: Threads, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(writing, "PAUSES", (0.0,) * 4)
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.slow, server.unknown = 3, 0 if known else 3
    assert (await threads.send(draft(post))).external_id
    server.slow, server.unknown = 4, 0 if known else 4
    with pytest.raises(Unavailable) as raised:
        await threads.send(draft(post, "Nog iets"))
    assert not isinstance(raised.value, OutcomeUnknown)
    assert server.ours() == ["Dat zoeken we uit. ^SB"]


async def test_a_container_that_threads_loses_is_made_again(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.lost_containers = 1
    with pytest.raises(Unavailable) as raised:
        await threads.send(draft(post))
    assert not isinstance(raised.value, OutcomeUnknown)
    assert await threads.find(draft(post)) is None
    await threads.send(draft(post))
    assert server.ours() == ["Dat zoeken we uit. ^SB"]


@pytest.mark.parametrize("status", ["ERROR", "EXPIRED"])
async def test_what_threads_cannot_prepare_is_refused(server: FakeThreads, threads: Threads, status: str) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.status = status
    with pytest.raises(Rejected, match="cannot publish"):
        await threads.send(draft(post))
    assert server.ours() == []


async def test_the_same_words_to_another_are_another_answer(server: FakeThreads, threads: Threads) -> None:
    one = await read(threads, server.reply("jan", "Hoe laat?"))
    two = await read(threads, server.reply("els", "Waar?", to=one.external_id))
    sending = draft(one)
    sent = await threads.send(sending)
    assert await threads.find(draft(two)) is None
    assert await threads.find(draft(one, "Iets anders")) is None
    assert await threads.find(sending) == sent


async def test_the_same_words_shortly_before_leave_a_doubt(server: FakeThreads, threads: Threads) -> None:
    now = datetime.now(UTC)
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.reply(US, "Dag", to=post.external_id, at=now - timedelta(minutes=30))
    assert await threads.find(draft(post, "Dag", at=now)) is None
    server.reply(US, "Dag", to=post.external_id, at=now - timedelta(minutes=2))
    with pytest.raises(Unknowable):
        await threads.find(draft(post, "Dag", at=now))


async def test_an_answer_without_a_list_does_not_prove_that_nothing_was_sent(
    server: FakeThreads, threads: Threads
) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    sending = draft(post)
    sent = await threads.send(sending)
    server.fail(f"{V}/me/replies", status=200, body='{"error": "try later"}')
    with pytest.raises(Unavailable):
        await threads.find(sending)
    assert await threads.find(sending) == sent


async def test_a_reply_of_ours_that_does_not_say_what_it_answers_leaves_a_doubt(
    server: FakeThreads, threads: Threads
) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    sent = await threads.send(draft(post))
    server.things[sent.external_id].more["replied_to"] = None
    with pytest.raises(Unknowable):
        await threads.find(draft(post))


async def test_below_a_post_that_is_gone_an_answer_is_refused_but_found(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    asked = draft(post)
    sent = await threads.send(asked)
    server.remove(post.external_id)
    with pytest.raises(Rejected, match="no longer shows"):
        await threads.send(draft(post, "Nog iets"))
    assert await threads.find(asked) == sent


async def test_many_answers_since_leave_a_doubt(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    now = datetime.now(UTC)
    for n in range(501):
        server.reply(US, f"Antwoord {n}", to=post.external_id, at=now + timedelta(seconds=n))
    with pytest.raises(Unknowable):
        await threads.find(draft(post, at=now))


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, {"code": 190}, Unauthorized), (400, {"code": 32}, RateLimited), (403, {"code": 10}, Rejected),
        (500, {"code": 1}, OutcomeUnknown), (400, {"code": 2, "is_transient": True}, OutcomeUnknown),
    ],
)  # fmt: skip
async def test_why_an_answer_is_refused(
    server: FakeThreads, threads: Threads, status: int, body: dict[str, Any], verdict: type[Exception]
) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.fail(
        f"{V}/me/threads_publish", method="POST", status=status, body=json.dumps({"error": {"message": "Nee.", **body}})
    )
    with pytest.raises(verdict):
        await threads.send(draft(post))
    assert server.ours() == []


async def test_answers_wait_when_those_of_a_day_are_used_up(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Hoe laat?"))
    server.quotas["reply"] = (1000, 1000)
    with pytest.raises(RateLimited) as raised:
        await threads.send(draft(post))
    assert raised.value.retry_at > datetime.now(UTC) + timedelta(minutes=50)
    server.quotas["reply"] = (999, 1000)
    assert (await threads.send(draft(post))).external_id


async def test_nothing_is_sent_privately(server: FakeThreads, threads: Threads) -> None:
    private = replace(draft(await read(threads, server.reply("jan", "Hoe laat?"))), private=True)
    for call in (threads.send, threads.find):
        with pytest.raises(Rejected):
            await call(private)
    assert server.containers == {}


@pytest.mark.parametrize(
    ("text", "length"),
    [("", 0), ("Hallo é", 7), ("👍", 4), ("👨‍👩‍👧", 18), ("🇳🇱", 8), ("1️⃣", 7), ("1 # *", 5), ("ё日", 2)],
)
def test_of_an_emoji_each_byte_counts(text: str, length: int) -> None:
    assert (measure(text).length, measure(text).limit) == (length, 500)


@given(st.text(), st.text())
def test_a_text_is_never_shorter_than_its_characters_nor_longer_than_its_bytes(one: str, two: str) -> None:
    text = (one + two).encode(errors="replace").decode()
    assert len(text) <= measure(text).length <= len(text.encode())


# --- what else can be done -------------------------------------------------------------------------


async def test_a_reply_is_hidden_with_those_below_it_and_shown_again(server: FakeThreads, threads: Threads) -> None:
    post = await read(threads, server.reply("jan", "Spam"))
    nested = server.reply("els", "Ook spam", to=post.external_id)
    for act, status in ((Act.HIDE, "HIDDEN"), (Act.HIDE, "HIDDEN"), (Act.SHOW, "UNHUSHED"), (Act.SHOW, "UNHUSHED")):
        await threads.act(act, post)
        assert [server.things[each].more["hide_status"] for each in (post.external_id, nested)] == [status] * 2
    assert len([each for each in server.asked if each.endswith("manage_reply")]) == 2
    with pytest.raises(Rejected, match="directly below"):
        await threads.act(Act.HIDE, await read(threads, nested))


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
@pytest.mark.parametrize("act", [Act.HIDE, Act.SHOW, Act.DELETE])
async def test_an_act_that_was_cut_off_is_done_again(
    server: FakeThreads, client: httpx.AsyncClient, act: Act, taken: bool
) -> None:
    threads = connect(server.url, client)
    post = Post(server.reply(US if act is Act.DELETE else "jan", "Dag"), Author("", ""), "Dag", NOW)
    if act is Act.SHOW:
        await threads.act(Act.HIDE, post)
    method = "DELETE" if act is Act.DELETE else "POST"
    async with Between(server.url) as between, between.cutting(method, ANY, passed_on=taken):
        with pytest.raises(OutcomeUnknown):
            await connect(between.url, client).act(act, post)
    await threads.act(act, post)
    thing = server.things.get(post.external_id)
    stands = {Act.HIDE: "HIDDEN", Act.SHOW: "UNHUSHED", Act.DELETE: None}
    assert (thing and thing.more["hide_status"]) == stands[act]


async def test_only_an_answer_of_ours_can_be_removed(server: FakeThreads, threads: Threads) -> None:
    theirs = await read(threads, server.reply("jan", "Dag"))
    sent = await threads.send(draft(theirs))
    ours = Post(sent.external_id, Author("", ""), "", NOW)
    with pytest.raises(Rejected, match="own account"):
        await threads.act(Act.DELETE, theirs)
    server.quotas["delete"] = (100, 100)
    with pytest.raises(RateLimited):
        await threads.act(Act.DELETE, ours)
    server.quotas["delete"] = (99, 100)
    for _ in range(2):
        await threads.act(Act.DELETE, ours)
    assert server.ours() == []
    with pytest.raises(Rejected):
        await threads.act(Act.LIKE, theirs)


# --- the check, and the token ----------------------------------------------------------------------


async def test_a_check_tells_who_we_are_and_how_many_answers_there_are(server: FakeThreads, threads: Threads) -> None:
    server.quotas["reply"] = (12, 1000)
    found = await threads.check()
    assert (found.problems, found.warnings) == ((), ())
    assert found.identity == Identity(USER, US, "Gemeente Voorbeeld", f"https://www.threads.com/@{US}")
    assert any("1000 answers a day; 12" in str(each) for each in found.working)
    assert found.token_expires_at == server.tokens[TOKEN].replace(microsecond=0)


@pytest.mark.parametrize("is_tester", [True, False])
async def test_a_right_that_is_missing_is_named(server: FakeThreads, threads: Threads, is_tester: bool) -> None:
    server.is_tester = is_tester
    server.scopes.remove("threads_manage_mentions")
    found = await threads.check()
    assert any("threads_manage_mentions" in str(each) for each in found.problems)
    server.scopes += ["threads_manage_mentions"]
    server.scopes.remove("threads_delete")
    found = await threads.check()
    assert found.problems == ()
    assert any("threads_delete" in str(each) for each in found.warnings) is is_tester


async def test_the_end_of_our_access_counts_if_it_comes_before_that_of_the_token(
    server: FakeThreads, threads: Threads
) -> None:
    server.access_ends_at = datetime.now(UTC).replace(microsecond=0) + 20 * DAY
    assert (await threads.check()).token_expires_at == server.access_ends_at


async def test_a_token_is_renewed_when_half_its_time_is_over_and_stored_before_it_is_used(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    secrets, start = DraftSecrets(SECRETS), datetime.now(UTC)
    for days, renewals in ((0, 0), (29, 0), (31, 1), (60, 1), (62, 2), (93, 3)):
        now = start + days * DAY
        server.clock = lambda now=now: now  # type: ignore[misc]
        found = await connect(server.url, client, now=now, secrets=secrets).check()
        assert (len(server.tokens) - 1, found.problems, found.warnings) == (renewals, (), ()), days
        assert Token.stored(secrets.now).token in server.tokens
        assert found.token_expires_at is not None
        assert found.token_expires_at - now > timedelta(days=28)
    assert secrets.now["token"] == TOKEN


async def test_a_token_of_unknown_age_is_renewed_at_once_and_a_young_one_later(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    server.is_tester = False
    secrets, start = DraftSecrets(SECRETS), datetime.now(UTC)
    server.made_at[TOKEN] = start
    found = await connect(server.url, client, now=start, secrets=secrets).check()
    assert (len(found.warnings), found.problems, found.token_expires_at) == (1, (), None)
    server.clock = lambda: start + 2 * DAY
    found = await connect(server.url, client, now=start + 2 * DAY, secrets=secrets).check()
    assert (found.warnings, found.token_expires_at) == ((), start + 2 * DAY + LASTS)


@pytest.mark.parametrize("ends_the_old", [False, True])
async def test_two_processes_that_renew_at_once_both_go_on(
    server: FakeThreads, client: httpx.AsyncClient, ends_the_old: bool
) -> None:
    server.is_tester, server.renewing_ends_the_old = False, ends_the_old
    secrets = DraftSecrets(SECRETS)
    one, two = (connect(server.url, client, secrets=secrets) for _ in range(2))
    async with asyncio.TaskGroup() as group:
        for each in (one, two):
            group.create_task(each.check())
    for each in (one, two):
        await each.fetch({})
    assert Token.stored(secrets.now).token in server.tokens


async def test_another_process_goes_on_with_the_token_that_was_stored_meanwhile(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    server.is_tester, server.renewing_ends_the_old = False, True
    secrets = DraftSecrets(SECRETS)
    before = connect(server.url, client, secrets=secrets)
    ident = server.reply("jan", "Hoe laat?")
    await connect(server.url, client, secrets=secrets).check()
    assert TOKEN not in server.tokens
    sent = await before.send(draft(await read(before, ident)))
    assert server.things[sent.external_id].parent == ident


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
async def test_a_renewal_that_was_cut_off_is_made_again(
    server: FakeThreads, client: httpx.AsyncClient, taken: bool
) -> None:
    """A new token that never reached us is lost, but the old one counts and is renewed the next time."""
    server.is_tester = False
    secrets = DraftSecrets(SECRETS)
    path = "/refresh_access_token"
    async with Between(server.url) as between, between.holding("GET", path, passed_on=taken) as caught:
        async with http.new_client(allow_private=True) as hasty:
            hasty.timeout = httpx.Timeout(60, read=HASTY)
            found = await connect(between.url, hasty, secrets=secrets).check()
        await caught()
    assert (len(found.warnings), found.problems, secrets.now) == (1, (), SECRETS)
    found = await connect(server.url, client, secrets=secrets).check()
    assert (found.warnings, Token.stored(secrets.now).token in server.tokens) == ((), True)
    assert Token.stored(secrets.now).token != TOKEN


@pytest.mark.parametrize(
    "body",
    [
        "{", "[]", "{}", '{"access_token": null, "expires_in": 5}', '{"access_token": "", "expires_in": 5}',
        '{"access_token": "x", "expires_in": "ooit"}', '{"access_token": "x", "expires_in": 1e300}',
        '{"access_token": "a\\nb", "expires_in": 5}',
    ],
)  # fmt: skip
async def test_an_answer_without_a_token_replaces_none(
    server: FakeThreads, client: httpx.AsyncClient, body: str
) -> None:
    server.is_tester = False
    secrets = DraftSecrets(SECRETS)
    server.fail("/refresh_access_token", status=200, body=body)
    found = await connect(server.url, client, secrets=secrets).check()
    assert (len(found.warnings), found.problems, secrets.now) == (1, (), SECRETS)


async def test_a_crash_before_a_new_token_is_stored_loses_nothing(
    server: FakeThreads, client: httpx.AsyncClient
) -> None:
    class Broken(DraftSecrets):
        async def replace(self, new: Mapping[str, str], seen: Mapping[str, str] | None = None) -> bool:
            raise RuntimeError("the process ended")

    server.is_tester = False
    with pytest.raises(RuntimeError):
        await connect(server.url, client, secrets=Broken(SECRETS)).check()
    secrets = DraftSecrets(SECRETS)
    await connect(server.url, client, secrets=secrets).check()
    assert Token.stored(secrets.now).token in server.tokens


async def test_a_token_that_a_person_gives_counts_from_then_on(server: FakeThreads, client: httpx.AsyncClient) -> None:
    server.is_tester = False
    secrets = DraftSecrets(SECRETS)
    await connect(server.url, client, secrets=secrets).check()
    renewed = Token.stored(secrets.now).token
    given = "THQWJgiven"
    server.tokens = {given: datetime.now(UTC) + LASTS}
    server.made_at[given] = datetime.now(UTC) - 2 * DAY
    with pytest.raises(Unauthorized):
        await connect(server.url, client, secrets=secrets).fetch({})
    secrets.now = {**secrets.now, "token": given}
    await connect(server.url, client, secrets=secrets).fetch({})
    assert Token.stored(secrets.now).token == given != renewed


async def test_a_refused_token_is_a_verdict_without_the_token(server: FakeThreads, threads: Threads) -> None:
    server.tokens.clear()
    for call in (threads.check(), threads.fetch({})):
        with pytest.raises(Unauthorized) as raised:
            await call
        assert TOKEN not in str(raised.value.text)


async def test_no_request_proves_a_secret_that_we_do_not_have(server: FakeThreads, threads: Threads) -> None:
    """The fake holds every request to the documented parameters, and an app's secret is none of them."""
    await threads.fetch({})
    await threads.check()
    assert server.violations == []
    assert {option.name for option in PLATFORM.options if option.secret} == {"token"}
