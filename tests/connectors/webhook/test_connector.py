import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook as Signature

from bot import accounts
from bot.connectors import http
from bot.connectors.base import (
    Account,
    Draft,
    NotSigned,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Sent,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.connectors.guard import Transport
from bot.connectors.webhook import Webhook
from bot.connectors.webhook.mentions import posts_of
from bot.connectors.webhook.signing import METHODS, new_secret, verify
from bot.domain.mention import Act, Author, Post, PostKind, permits
from bot.domain.payload import BadPayload
from tests.fakes.between import Between
from tests.fakes.tools import tools
from tests.fakes.wires import Names, Wires

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
OTHER = "whsec_" + base64.b64encode(b"another key of thirty-two bytes!").decode()
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MENTION = {
    "id": "1001",
    "text": "De container aan de Dorpsstraat is al twee weken vol.",
    "published_at": "2026-11-24T09:30:00+01:00",
    "url": "https://forum.example.nl/t/1001",
    "author": {"id": "c-77", "name": "Jan de Vries", "handle": "jan", "url": "https://forum.example.nl/u/jan"},
    "conversation": "t-9",
    "in_reply_to": "1000",
    "private": True,
    "language": "nl",
    "can_reply": True,
    "can_reply_privately": True,
    "edited_at": "2026-11-24T10:00:00Z",
}


def source(secrets: dict[str, str] | None = None, **options: Any) -> Account:
    held = {"signing_secret": SECRET} if secrets is None else secrets
    return Account(7, "webhook", "Forum", "", held, options, address=options.pop("address", ""))


def signed(body: bytes, *secrets: str, id: str = "msg_1", at: int | None = None) -> dict[str, str]:
    sent_at = int(time.time()) if at is None else at
    moment = datetime.fromtimestamp(sent_at, UTC)
    signatures = [Signature(secret).sign(id, moment, body.decode()) for secret in secrets or (SECRET,)]
    return {"Webhook-Id": id, "Webhook-Timestamp": str(sent_at), "Webhook-Signature": " ".join(signatures)}


def hub(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def read(sent: Any, now: datetime = NOW, **options: Any) -> list[Post]:
    return posts_of(source(**options), json.dumps(sent).encode(), now=now)


def refusal(sent: Any, **options: Any) -> str:
    with pytest.raises(BadPayload) as caught:
        read(sent, **options)
    return str(caught.value.text)


# --- Signatures ----------------------------------------------------------------------------------


def test_a_signature_made_by_the_letter_of_the_specification_is_accepted() -> None:
    body, sent_at = '{"text": "café"}'.encode(), str(int(time.time()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = hmac.new(key, f"msg_1.{sent_at}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": sent_at,
        "webhook-signature": "v1," + base64.b64encode(signature).decode(),
    }
    verify(source(), headers, body, token=None)


@pytest.mark.parametrize("held", [{"signing_secret": OTHER, "signing_secret_old": SECRET}, {"signing_secret": SECRET}])
def test_the_old_secret_is_accepted_as_long_as_it_is_kept(held: dict[str, str]) -> None:
    verify(source(held), signed(b"{}", SECRET), b"{}", token=None)
    verify(source(held), hub(b"{}", SECRET), b"{}", token=None)


def test_a_secret_that_was_replaced_is_refused() -> None:
    for headers in (signed(b"{}", OTHER), hub(b"{}", OTHER)):
        with pytest.raises(NotSigned):
            verify(source(), headers, b"{}", token=None)


def test_one_good_signature_among_several_is_enough() -> None:
    verify(source(), signed(b"{}", OTHER, SECRET), b"{}", token=None)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_any_changed_byte_of_the_body_is_noticed(body: bytes, data: st.DataObject) -> None:
    body = json.dumps(body.hex()).encode()
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    for headers in (signed(body), hub(body)):
        verify(source(), headers, body, token=None)
        with pytest.raises(NotSigned):
            verify(source(), headers, changed, token=None)


@given(st.sampled_from(["Webhook-Id", "Webhook-Timestamp"]), st.data())
def test_any_changed_character_of_the_id_or_time_is_noticed(name: str, data: st.DataObject) -> None:
    headers = signed(b"{}", id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")
    value = headers[name]
    at = data.draw(st.integers(0, len(value)))
    put = data.draw(st.text(max_size=2))
    changed = value[:at] + put + value[at + data.draw(st.integers(0, 1)) :]
    if changed != value:
        with pytest.raises(NotSigned):
            verify(source(), {**headers, name: changed}, b"{}", token=None)


@pytest.mark.parametrize(
    "shape", ["{}.0", "0{}", " {}", "{}e0", "+{}", "{}_0", "{} ", "1e9", "nan", "inf", "-1", "", "٣"]
)
def test_the_time_is_whole_seconds_and_nothing_else(shape: str) -> None:
    headers = signed(b"{}")
    headers["Webhook-Timestamp"] = shape.format(headers["Webhook-Timestamp"])
    with pytest.raises(NotSigned, match="whole seconds"):
        verify(source(), headers, b"{}", token=None)


@pytest.mark.parametrize("seconds", [-400, 400])
def test_a_request_of_more_than_five_minutes_ago_or_ahead_is_refused(seconds: int) -> None:
    with pytest.raises(NotSigned, match="five minutes"):
        verify(source(), signed(b"{}", at=int(time.time()) + seconds), b"{}", token=None)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256"]),
        st.one_of(
            st.text(), st.just(str(int(time.time()))), st.sampled_from(["v1,", "v1,é", "v1", ",", "v1,\udc80 v1,a"])
        ),
    ),
    st.binary(max_size=40),
    st.none() | st.text(st.characters(categories=["Cs", "L", "N", "Cc"])),
    st.sampled_from([SECRET, "whsec_", "whsec_abcde", "geheim", "é", ""]),
)
def test_hostile_headers_are_only_ever_refused(
    headers: dict[str, str], body: bytes, token: str | None, secret: str
) -> None:
    account = source({"signing_secret": secret, "url_token": secret and "t" * 32}, accept=list(METHODS))
    with pytest.raises(NotSigned):
        verify(account, headers, body, token=token)


def test_a_body_that_is_not_utf8_is_refused_under_standard_webhooks() -> None:
    with pytest.raises(NotSigned):
        verify(source(), signed(b"{}"), b"\xff\xfe", token=None)


def test_a_source_says_which_proofs_it_accepts() -> None:
    only_hub, only_standard = source(accept=["hub"]), source(accept=["standard"])
    verify(only_hub, hub(b"{}"), b"{}", token=None)
    with pytest.raises(NotSigned, match="This source accepts: X-Hub-Signature-256"):
        verify(only_hub, signed(b"{}"), b"{}", token=None)
    with pytest.raises(NotSigned, match="accepts: Standard Webhooks"):
        verify(only_standard, hub(b"{}"), b"{}", token=None)


def test_a_token_counts_only_where_it_is_allowed() -> None:
    held = {"url_token": "t" * 32, "url_token_old": "o" * 32}
    for token in held.values():
        verify(source(held, accept=["token"]), {}, b"{}", token=token)
        for refusing in (source(held), source(held, accept=["standard"]), source(held, accept=["hub"])):
            with pytest.raises(NotSigned):
                verify(refusing, {}, b"{}", token=token)


@pytest.mark.parametrize("token", ["", None, "t" * 31, "T" * 32, "\udc80"])
def test_another_token_is_refused(token: str | None) -> None:
    for held in ({"url_token": "t" * 32}, {"url_token": ""}, {}):
        with pytest.raises(NotSigned):
            verify(source(held, accept=["token"]), {}, b"{}", token=token)


def test_a_source_without_a_secret_accepts_nothing() -> None:
    for headers in (signed(b"{}"), hub(b"{}", ""), {}):
        with pytest.raises(NotSigned):
            verify(source({}), headers, b"{}", token=None)


def test_a_new_secret_signs_and_is_never_the_same() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert one.startswith("whsec_")
    verify(source({"signing_secret": one}), signed(b"{}", one), b"{}", token=None)


# --- Mentions ------------------------------------------------------------------------------------


def test_a_mention_in_our_own_words_needs_no_mapping() -> None:
    [post] = read(MENTION, callback_url="https://forum.example.nl/reply")
    assert post == Post(
        external_id="1001",
        author=Author("c-77", "Jan de Vries", "jan", "https://forum.example.nl/u/jan"),
        text="De container aan de Dorpsstraat is al twee weken vol.",
        published_at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
        url="https://forum.example.nl/t/1001",
        conversation="t-9",
        in_reply_to="1000",
        private=True,
        language="nl",
        permits=permits(Act.ANSWER, Act.ANSWER_PRIVATELY),
        edited_at=datetime(2026, 11, 24, 10, 0, tzinfo=UTC),
        kind=PostKind.REPLY,
    )


@pytest.mark.parametrize(("ahead", "kept"), [(60, 60), (86_400, 300)])
def test_of_edits_by_a_clock_ahead_of_ours_the_later_one_stays_the_later(ahead: int, kept: int) -> None:
    """Were they all of now, an earlier one that comes in later would replace it."""
    [post] = read(MENTION | {"edited_at": (NOW + timedelta(seconds=ahead)).isoformat()})
    assert post.edited_at == NOW + timedelta(seconds=kept)


def test_one_mention_a_list_and_an_envelope_say_the_same() -> None:
    one = read(MENTION)
    assert read([MENTION]) == read({"mentions": [MENTION]}) == read({"mentions": MENTION}) == one
    assert read({"mentions": []}) == read([]) == []


def test_mentions_come_oldest_first() -> None:
    dates = ["2026-11-24T09:00Z", "2026-11-22T09:00Z", "2026-11-23T09:00Z"]
    posts = read([{"id": date, "text": "x", "published_at": date} for date in dates])
    assert [post.external_id for post in posts] == sorted(dates)


MELTWATER: dict[str, Any] = {
    "items": "documents",
    "mapping": {
        "id": "documentId",
        "text": "content.body",
        "author.name": "author.name",
        "author.handle": "author.handle",
        "author.url": "author.profile_url",
        "published_at": "published",
        "url": "urls.0",
        "conversation": None,
    },
}


def test_a_monitoring_suite_is_read_by_its_own_field_names() -> None:
    sent = {
        "request": {"company_id": "1", "hook_id": "2", "inputs": [{"id": 3, "type": "search"}]},
        "documents": [
            {
                "documentId": 9007199254740993,
                "conversation": {"not": "an id"},
                "content": {"title": "Parkeren", "body": "@gemeente waarom is de garage dicht?"},
                "author": {"name": "Sanne", "handle": "@sanne", "profile_url": "https://social.example/@sanne"},
                "published": 1795510800123,
                "urls": ["https://social.example/@sanne/1", "https://t.example/a"],
            },
            {"documentId": "leeg", "content": {}, "published": "2026-11-24T08:00:00.1234567Z", "urls": []},
        ],
    }
    empty, post = read(sent, **MELTWATER)
    assert post.external_id == "9007199254740993"
    assert post.text == "@gemeente waarom is de garage dicht?"
    assert post.author == Author("https://social.example/@sanne", "Sanne", "@sanne", "https://social.example/@sanne")
    assert post.published_at == datetime(2026, 11, 24, 9, 0, 0, 123000, tzinfo=UTC)
    assert post.url == "https://social.example/@sanne/1"
    assert post.conversation is None
    assert post.permits == frozenset()
    assert (empty.text, empty.url, empty.published_at.hour) == ("", "", 8)


def test_a_municipal_form_is_private_and_in_dutch_time() -> None:
    form: dict[str, Any] = {
        "mapping": {
            "id": "zaaknummer",
            "text": "velden.omschrijving",
            "author.id": "velden.email",
            "author.name": "velden.naam",
            "published_at": "ingediend",
        },
        "time_zone": "Europe/Amsterdam",
        "html": True,
        "private": True,
        "callback_url": "https://formulieren.example.nl/antwoord",
    }
    sent = {
        "zaaknummer": 20261188,
        "ingediend": "2026-07-01 09:15",
        "velden": {
            "naam": "A.  Jansen\n",
            "email": "a@example.nl",
            "omschrijving": "<p>Lantaarn <b>stuk</b></p><script>x</script>",
        },
    }
    [post] = read(sent, **form)
    assert post.external_id == "20261188"
    assert post.text == "Lantaarn stuk"
    assert post.author == Author("a@example.nl", "A. Jansen")
    assert post.published_at == datetime(2026, 7, 1, 7, 15, tzinfo=UTC)
    assert post.private
    assert post.permits == permits(Act.ANSWER)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24T09:00:00Z",
        "2026-11-24t09:00:00z",
        "2026-11-24T10:00:00+01:00",
        "2026-11-24T10:00:00+0100",
        " 2026-11-24 09:00 ",
        "20261124T090000",
        1795510800,
        1795510800.0,
        1795510800000,
        "1795510800",
        "1795510800.0",
        "1795510800000",
    ],
)
def test_a_date_may_be_written_in_many_ways(written: Any) -> None:
    [post] = read({"id": 1, "published_at": written})
    assert post.published_at == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "gisteren",
        "24-11-2026",
        "2026-13-01",
        True,
        {},
        ["2026"],
        -1,
        0,
        12,
        1e99,
        10**400,
        "1" * 30,
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_date_is_named_and_not_quoted(written: Any) -> None:
    fine = {"id": 1, "text": "x"}
    said = refusal([fine, fine, fine, {**fine, "published_at": written}])
    assert said.startswith("mentions[3].published_at is not a date: ")
    assert "gisteren" not in said


@given(st.integers(126_230_400, int(NOW.timestamp())), st.sampled_from(["Europe/Amsterdam", "UTC"]))
def test_a_moment_survives_every_way_of_writing_it(seconds: int, zone: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    for written in (moment.isoformat(), seconds, seconds * 1000, str(seconds)):
        assert read({"id": 1, "published_at": written}, time_zone=zone)[0].published_at == moment


def test_a_mention_without_a_date_or_from_the_future_is_of_now() -> None:
    for late in ({}, {"published_at": None}, {"published_at": ""}, {"published_at": "2031-01-01"}):
        assert read({"id": 1, **late})[0].published_at == NOW


def test_a_mention_without_an_id_is_known_again_when_it_is_repeated() -> None:
    for mention in (
        {"url": "https://forum.example.nl/1", "text": "a"},
        {"text": "a", "author": {"name": "Jan"}},
        {"text": "a", "published_at": "2026-01-01"},
    ):
        first, later = read(mention), read(mention, now=NOW + timedelta(hours=1))
        assert first[0].external_id == later[0].external_id
        assert first[0].external_id.startswith("sha256:")
    edited = read({"url": "https://forum.example.nl/1", "text": "b"})
    assert edited[0].external_id == read({"url": "https://forum.example.nl/1", "deleted": True})[0].external_id


def test_mentions_that_differ_get_different_ids() -> None:
    posts = read([{"text": text, "published_at": date} for text in "ab" for date in ("2026-01-01", "2026-01-02")])
    assert len({post.external_id for post in posts}) == 4


def test_two_people_of_one_name_stay_two() -> None:
    one, other = read([{"id": id, "author": {"name": "Jan de Vries"}} for id in "12"])
    assert one.author.external_id != other.author.external_id
    one, other = read([{"id": id, "author": {"name": "Jan de Vries"}, "conversation": "c"} for id in "12"])
    assert one.author.external_id == other.author.external_id


def test_a_removed_mention_needs_no_more_than_its_id() -> None:
    [post] = read({"id": "5", "deleted": True}, callback_url="https://a.example/")
    assert post.gone
    assert post.permits == frozenset()


def test_nobody_can_reply_where_there_is_no_callback() -> None:
    wish = {"id": 1, "can_reply": True, "can_reply_privately": True}
    assert read(wish)[0].permits == frozenset()
    callback: dict[str, Any] = {"callback_url": "https://a.example/"}
    assert read({"id": 1}, **callback)[0].permits == permits(Act.ANSWER)
    assert read({"id": 1, "can_reply": "false"}, **callback)[0].permits == frozenset()


def test_what_a_database_refuses_is_taken_out() -> None:
    body = b'{"id":"a\\u0000b","text":"x\\ud800y \\ud83d\\ude00","author":{"name":"\\udc00J"}}'
    [post] = posts_of(source(), body)
    assert (post.external_id, post.text, post.author.name) == ("ab", "xy 😀", "J")


def test_what_is_too_long_is_cut_or_hashed() -> None:
    [post] = read({"id": "i" * 501, "text": "t" * 100_001, "in_reply_to": "i" * 501, "author": {"name": "n" * 999}})
    assert len(post.external_id) < 100
    assert post.in_reply_to == post.external_id
    assert len(post.text) == 100_000
    assert post.text.endswith("t […]")
    assert len(post.author.name) == 200
    assert read({"id": "i" * 500, "text": "t" * 100_000})[0].text == "t" * 100_000
    assert read({"id": 1, "text": "<p>begin</p>" + "<b></b>" * 20_000 + "einde"}, html=True)[0].text == "begin […]"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://example.nl/a?b=c&d=é#e", "https://example.nl/a?b=c&d=é#e"),
        ("http://example.nl", "http://example.nl"),
        ("https://example.nl/<!channel>|x y", "https://example.nl/%3C!channel%3E%7Cx%20y"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//example.nl", ""),
        ("https://", ""),
        ("https://[", ""),
        ("https://example.nl:99999999/", ""),
        ("https://example.nl/" + "a" * 2000, ""),
        ("x", ""),
    ],
)
def test_only_web_addresses_are_kept(sent: str, kept: str) -> None:
    [post] = read({"id": 1, "url": sent, "author": {"id": 2, "url": sent}})
    assert (post.url, post.author.url) == (kept, kept)


@pytest.mark.parametrize(
    ("sent", "options", "said"),
    [
        ("tekst", {}, "mentions is missing or is not a list."),
        (None, {}, "mentions is missing or is not a list."),
        ({"mentions": 3}, {}, "mentions is missing or is not a list."),
        ({"docs": []}, {"items": "documents"}, "documents is missing or is not a list."),
        ([1], {}, "mentions[0] is not an object."),
        ({"id": "1", "media": "x"}, {}, "media is missing or is not a list."),
        ({"id": "1", "foto": [1]}, {"mapping": {"media": "foto"}}, "foto[0] is not an object."),
        ([{"id": 1}] * 1001, {}, "mentions holds more than 1000 mentions."),
        ({"id": ["x"]}, {}, "id is not text."),
        ({"id": 1, "text": {"a": "b"}}, {}, "text is not text."),
        ({"id": True}, {}, "id is not text."),
        ([{"id": 1, "private": "misschien"}], {}, "mentions[0].private is not true or false."),
        ({}, {}, "id is missing, and so is what could stand for it."),
        ({"deleted": True, "text": "x"}, {}, "id is missing, and so is what could stand for it."),
        ({"documents": [{"content": {"body": 1.5}}, {}]}, MELTWATER, "documents[1].documentId is missing"),
        ({"documents": {"documentId": 1, "published": "x"}}, MELTWATER, "documents.published is not a date"),
        ({"id": 1}, {"time_zone": "Europe/Utrecht"}, "The time zone set for this source is unknown: Europe/Utrecht"),
        ({"id": 1}, {"time_zone": "../../etc/passwd"}, "The time zone set for this source is unknown"),
    ],
)
def test_bad_input_is_named_by_its_first_field(sent: Any, options: dict[str, Any], said: str) -> None:
    assert refusal(sent, **options).startswith(said)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"id":' + b"9" * 5000 + b"}",
        b" " * (5 * 1024 * 1024 + 1),
        b"\xef\xbb\xbf{",
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadPayload):
        posts_of(source(), body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["1", "https://[", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["0", "id", "a"]), inner, max_size=3),
    max_leaves=6,
)
FIELDS = "id text published_at url author conversation in_reply_to private can_reply edited_at deleted language".split()
MENTIONS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)


@settings(max_examples=300)
@given(MENTIONS | st.lists(MENTIONS, max_size=3) | st.fixed_dictionaries({"mentions": JSON}) | JSON, st.booleans())
def test_hostile_bodies_are_read_or_refused_and_nothing_else(sent: Any, html: bool) -> None:
    try:
        posts = posts_of(source(html=html, callback_url="https://a.example/"), json.dumps(sent).encode())
    except BadPayload:
        return
    for post in posts:
        assert post.external_id
        assert post.author.external_id
        for kept in (post.external_id, post.text, post.author.name, post.url, post.conversation or ""):
            assert "\x00" not in kept
            kept.encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(BadPayload):
        posts_of(source(), body)


# --- Replies -------------------------------------------------------------------------------------


class Receiver:
    """A source's callback, as its builder would write it: checks the signature, publishes each id once."""

    def __init__(self) -> None:
        self.secret = SECRET
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.published: dict[str, dict[str, Any]] = {}
        self.answer: web.Response | None = None
        self.tells = True
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.calls.append((dict(request.headers), body))
        if self.answer:
            return self.answer
        try:
            event = Signature(self.secret).verify(body, dict(request.headers))
        except Exception:
            return web.Response(status=401)
        if event["type"] == "reply.created":
            self.published.setdefault(request.headers["webhook-id"], event["data"])
        if self.tells and event["type"] == "reply.created":
            return web.json_response({"id": 42, "url": "https://forum.example.nl/t/1001#42"})
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/reply", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/reply"))
        yield receiver


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http.new_client(allow_private=True) as client:
        yield client


def draft(text: str = "Dank voor uw melding 👍\nWe legen hem vandaag.", private: bool = False) -> Draft:
    [to] = read(MENTION)
    return Draft("reply-11", text, private, to, datetime(2026, 11, 24, 11, 0, tzinfo=UTC))


def connector(receiver: Receiver, client: httpx.AsyncClient, **options: Any) -> Webhook:
    return Webhook(source(callback_url=receiver.url, **options), tools(client))


async def test_a_reply_reaches_the_callback_signed(receiver: Receiver, client: httpx.AsyncClient) -> None:
    sent = await connector(receiver, client).send(draft(private=True))
    assert sent == Sent("42", "https://forum.example.nl/t/1001#42")
    [(headers, body)] = receiver.calls
    assert json.loads(body) == {
        "type": "reply.created",
        "timestamp": "2026-11-24T11:00:00Z",
        "data": {
            "id": "reply-11",
            "in_reply_to": "1001",
            "conversation": "t-9",
            "text": "Dank voor uw melding 👍\nWe legen hem vandaag.",
            "private": True,
        },
    }
    assert headers["webhook-id"] == "reply-11"
    assert headers["X-Hub-Signature-256"] == hub(body)["X-Hub-Signature-256"]


async def test_sending_again_publishes_nothing_twice(receiver: Receiver, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await connector(receiver, client).send(draft())
    (_, first), (_, second) = receiver.calls
    assert first == second
    assert len(receiver.published) == 1
    assert Webhook.resend_safe_for == timedelta(days=1)


@pytest.mark.parametrize("taken", [False, True], ids=["cut before it was taken", "cut after it was taken"])
@pytest.mark.parametrize("private", [False, True], ids=["in public", "in private"])
async def test_an_answer_whose_connection_is_cut_is_published_once_when_it_is_sent_again(
    receiver: Receiver, client: httpx.AsyncClient, private: bool, taken: bool
) -> None:
    at = httpx.URL(receiver.url)
    async with Between(str(at.copy_with(path="/")).rstrip("/")) as between:
        webhook = Webhook(source(callback_url=between.url + at.path), tools(client))
        async with between.cutting("POST", at.path, passed_on=taken):
            with pytest.raises(OutcomeUnknown):
                await Webhook(source(callback_url=between.url + at.path), tools(client)).send(draft(private=private))
        assert len(receiver.published) == int(taken)
        sent = await webhook.send(draft(private=private))
    assert sent == Sent("42", "https://forum.example.nl/t/1001#42")
    assert [each["private"] for each in receiver.published.values()] == [private]


async def test_during_a_change_of_secret_the_receiver_may_know_either(
    receiver: Receiver, client: httpx.AsyncClient
) -> None:
    held = {"signing_secret": OTHER, "signing_secret_old": SECRET}
    webhook = Webhook(source(held, callback_url=receiver.url), tools(client))
    await webhook.send(draft())
    receiver.secret = OTHER
    await webhook.send(draft())


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"ok",
        b"<p>ok</p>",
        b"[]",
        b'{"id":null}',
        b'{"error":""}',
        b'{"error":null}',
        b'{"id":{}}',
        b"[" * 50_000,
        b'{"id":true,"url":"https://a.nl"}',
    ],
)
async def test_a_callback_that_tells_nothing_is_believed(
    told: bytes, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    receiver.answer = web.Response(body=told)
    assert await connector(receiver, client).send(draft()) == Sent("reply-11")


@pytest.mark.parametrize("status", [201, 202])
async def test_a_callback_that_says_accepted_is_believed_whatever_its_words_look_like(
    status: int, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    receiver.answer = web.Response(status=status, text="<!doctype html><title>202 Accepted</title>")
    assert await connector(receiver, client).send(draft()) == Sent("reply-11")


async def test_only_a_web_address_is_taken_from_the_answer(receiver: Receiver, client: httpx.AsyncClient) -> None:
    receiver.answer = web.json_response({"id": "7\x00", "url": "javascript:alert(1)"})
    assert await connector(receiver, client).send(draft()) == Sent("7")


async def test_a_private_answer_may_open_a_conversation(receiver: Receiver, client: httpx.AsyncClient) -> None:
    receiver.answer = web.json_response({"id": "7", "conversation": "dm-jan"})
    assert await connector(receiver, client).send(draft(private=True)) == Sent("7", conversation="dm-jan")
    for other in ({"id": 9}, ["dm-jan"], None):
        receiver.answer = web.json_response({"id": "7", "conversation": other})
        assert await connector(receiver, client).send(draft(private=True)) == Sent("7")


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        (web.Response(status=401), Unauthorized, "does not accept our signature"),
        (web.Response(status=410), Unauthorized, "gone for good"),
        (web.Response(status=429, headers={"Retry-After": "30"}), RateLimited, "asks us to wait"),
        (web.Response(status=500), OutcomeUnknown, "HTTP 500"),
        (web.json_response({"error": "Gesprek gesloten"}, status=422), Rejected, "says: Gesprek gesloten"),
        (web.json_response({"error": {"code": 3}}, status=403), Rejected, "refuses this (HTTP 403)"),
        (web.json_response({"error": "Gesprek gesloten"}), Rejected, "says: Gesprek gesloten"),
        (web.json_response({"error": {"code": 3, "message": "Dicht"}}), Rejected, "says: Dicht"),
        (web.json_response({"error": True}), Rejected, "refuses this (HTTP 200)"),
        (web.Response(text="\n<!DOCTYPE html><title>Log in</title>"), OutcomeUnknown, "answers with a web page"),
        (web.Response(text="<html><body>Log in</body></html>"), OutcomeUnknown, "answers with a web page"),
        (web.Response(text="\ufeff<!DOCTYPE html><title>Log in</title>"), OutcomeUnknown, "answers with a web page"),
        (
            web.Response(text='<?xml version="1.0"?>\n<!-- SSO -->\n<html><body>Log in</body></html>'),
            OutcomeUnknown,
            "answers with a web page",
        ),
        (
            web.Response(status=308, headers={"Location": "https://elsewhere.example/"}),
            Rejected,
            "on to another address",
        ),
    ],
)
async def test_an_answer_becomes_a_verdict(
    answer: web.Response, verdict: type[Exception], said: str, receiver: Receiver, client: httpx.AsyncClient
) -> None:
    receiver.answer = answer
    with pytest.raises(verdict) as caught:
        await connector(receiver, client).send(draft())
    assert said in str(caught.value)
    assert len(receiver.calls) == 1


async def test_a_callback_that_is_away_was_surely_not_reached(client: httpx.AsyncClient, unused_tcp_port: int) -> None:
    account = source(callback_url=f"http://127.0.0.1:{unused_tcp_port}/")
    with pytest.raises(Unavailable) as caught:
        await Webhook(account, tools(client)).send(draft())
    assert not isinstance(caught.value, OutcomeUnknown)


async def test_a_callback_in_a_private_network_gets_no_reply(receiver: Receiver) -> None:
    async with http.new_client() as client:
        with pytest.raises(Rejected, match="private network"):
            await Webhook(source(callback_url=receiver.url), tools(client)).send(draft())
    assert receiver.calls == []


async def test_a_callback_that_changes_its_address_after_the_check_gets_no_reply_there(
    receiver: Receiver, names: Names
) -> None:
    names.leads["draai.example"] = ["93.184.215.14", "127.0.0.1"]
    nobody = Wires(0, dead=frozenset({"93.184.215.14"}))
    callback = receiver.url.replace("127.0.0.1", "draai.example")
    async with httpx.AsyncClient(transport=Transport(network=nobody)) as client:
        with pytest.raises(Unavailable):
            await Webhook(source(callback_url=callback), tools(client)).send(draft())
        assert nobody.reached == ["93.184.215.14"]
        with pytest.raises(Rejected, match="private network"):
            await Webhook(source(callback_url=callback), tools(client)).send(draft())
    assert receiver.calls == []


async def test_a_reply_without_callback_or_secret_is_rejected(client: httpx.AsyncClient) -> None:
    with pytest.raises(Rejected, match="no callback"):
        await Webhook(source(), tools(client)).send(draft())
    for held in ({}, {"signing_secret": "kort wachtwoord"}):
        account = source(held, callback_url="http://127.0.0.1:9/")
        with pytest.raises(Rejected, match="no signing secret"):
            await Webhook(account, tools(client)).send(draft())


async def test_what_became_of_a_reply_cannot_be_asked(client: httpx.AsyncClient) -> None:
    webhook = Webhook(source(), tools(client))
    with pytest.raises(Unknowable):
        await webhook.find(draft())


async def test_a_reply_is_counted_as_a_reader_counts(client: httpx.AsyncClient) -> None:
    webhook = Webhook(source(), tools(client))
    text = "Dag 👩‍👩‍👧‍👦🇳🇱 é"
    assert webhook.compose(text, to=draft().to, private=False) == text
    assert webhook.measure(text).length == 8
    assert webhook.measure(text).limit == 5000
    assert Webhook(source(max_length=280), tools(client)).measure("").limit == 280


# --- The check -----------------------------------------------------------------------------------


async def test_the_check_pings_the_callback_and_publishes_nothing(
    receiver: Receiver, client: httpx.AsyncClient
) -> None:
    health = await connector(receiver, client, address="https://webcare.example.nl/in/forum").check()
    assert health.problems == ()
    assert [str(line) for line in health.working] == [
        "Send mentions to https://webcare.example.nl/in/forum.",
        "Signatures that are accepted: Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature), "
        "X-Hub-Signature-256.",
        "The callback accepts our signature.",
    ]
    [(headers, body)] = receiver.calls
    assert json.loads(body)["type"] == "ping"
    assert headers["webhook-id"].startswith("ping_")
    assert receiver.published == {}


async def test_the_check_tells_that_the_callback_has_another_secret(
    receiver: Receiver, client: httpx.AsyncClient
) -> None:
    receiver.secret = OTHER
    [problem] = (await connector(receiver, client).check()).problems
    assert "does not accept our signature" in str(problem)


@pytest.mark.parametrize("refusal", [(400, "{}"), (200, '{"error": "unknown type: ping"}')])
async def test_a_callback_that_knows_no_ping_is_no_problem(
    refusal: tuple[int, str], receiver: Receiver, client: httpx.AsyncClient
) -> None:
    status, body = refusal
    receiver.answer = web.Response(status=status, text=body)
    health = await connector(receiver, client).check()
    assert health.problems == ()
    assert "does not know our ping" in str(health.working[-1])


@pytest.mark.parametrize(
    ("held", "options", "said"),
    [
        ({}, {}, "There is no signing_secret"),
        ({"signing_secret": "whsec_c2hvcnQ="}, {}, "24 bytes or more"),
        ({"signing_secret": "een lang wachtwoord met spaties erin"}, {}, "24 bytes or more"),
        ({"signing_secret": SECRET}, {"accept": []}, "No request can be accepted"),
        ({"signing_secret": SECRET}, {"accept": ["token"]}, "url_token is missing"),
        ({"url_token": "kort"}, {"accept": ["token"]}, "shorter than 24 characters"),
        ({"signing_secret": SECRET}, {"mapping": {"autor.name": "x", "id": "y"}}, "does not have: autor.name"),
        ({"signing_secret": SECRET}, {"time_zone": "Amsterdam"}, "time zone set for this source is unknown"),
        ({"signing_secret": SECRET}, {"callback_url": "http://192.0.2.1/"}, "not https"),
    ],
)
async def test_the_check_finds_what_cannot_work(
    held: dict[str, str], options: dict[str, Any], said: str, client: httpx.AsyncClient
) -> None:
    health = await Webhook(source(held, **options), tools(client)).check()
    assert said in str(health.problems[0])


async def test_of_a_source_without_a_callback_is_not_said_what_becomes_of_a_reply(client: httpx.AsyncClient) -> None:
    health = await accounts.health(Webhook(source({"signing_secret": SECRET}), tools(client)))
    said = " ".join(map(str, health.working))
    assert "Replies are not possible" in said and "what became of a reply" not in said


async def test_a_passphrase_will_do_where_only_the_hub_signature_is_used(client: httpx.AsyncClient) -> None:
    account = source({"signing_secret": "een wachtwoord"}, accept=["hub"])
    assert (await Webhook(account, tools(client)).check()).problems == ()
    verify(account, hub(b"{}", "een wachtwoord"), b"{}", token=None)


async def test_nothing_secret_shows_in_a_health_report(receiver: Receiver, client: httpx.AsyncClient) -> None:
    receiver.answer = web.Response(status=401)
    webhook = Webhook(source(callback_url=receiver.url + "?key=hush"), tools(client))
    health = await webhook.check()
    assert not [line for line in (*health.working, *health.problems) if "hush" in str(line) or SECRET in str(line)]
