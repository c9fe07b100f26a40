"""What Meta's platforms have in common: the Graph API's verdicts and limits, what it sends to us, the check."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.connectors.base import (
    Account,
    Health,
    Identity,
    NotSigned,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Request,
    Unauthorized,
    Unavailable,
    Verdict,
)
from bot.connectors.json_api import before_sending
from bot.connectors.meta import health
from bot.connectors.meta.graph import Graph, NotAllowed, NotThere, after, listed, signature
from bot.connectors.meta.hooks import Hooks, Update, moment_of
from bot.domain.mention import Author, Post
from bot.domain.payload import BadPayload
from tests.connectors.meta.graph import APP_ID, SECRETS, TOKEN, FakeGraph, pushed, question
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
PAGE = "104"


class FakePage(FakeGraph):
    def answer(self, method: str, path: list[str], params: dict[str, Any], body: dict[str, Any]) -> Any:
        return {"id": path[0], "asked": params, "sent": body}


@pytest.fixture
async def server() -> AsyncIterator[FakePage]:
    async with FakePage() as one:
        yield one


def graph(url: str, client: httpx.AsyncClient, **options: Any) -> Graph:
    return Graph(Account(1, "facebook", "gemeente", url, SECRETS, options), tools(client, SECRETS))


# --- requests and verdicts -------------------------------------------------------------------------


async def test_a_request_is_signed_and_names_the_version(server: FakePage, client: httpx.AsyncClient) -> None:
    one = graph(server.url, client)
    assert await one.get("1_2/comments", fields="id") == {"id": "1_2", "asked": {"fields": "id"}, "sent": {}}
    assert (await one.post("7", {"message": "Dag & welkom"}))["sent"] == {"message": "Dag & welkom"}
    await one.delete("7")
    assert server.asked == ["GET /v26.0/1_2/comments", "POST /v26.0/7", "DELETE /v26.0/7"]
    assert one.answered_by == "v26.0"
    for version in ("v27.0", "27.0"):
        await graph(server.url, client, version=version).get("7")
        assert server.asked[-1] == "GET /v27.0/7"


def refusal(code: int, subcode: int | None = None, **more: Any) -> str:
    return json.dumps({"error": {"message": "Nee.", "code": code, "error_subcode": subcode, **more}})


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, refusal(190, 463), Unauthorized), (401, refusal(190), Unauthorized), (400, refusal(102), Unauthorized),
        (401, "", Unauthorized), (401, "[]", Unauthorized),
        (403, refusal(4), RateLimited), (400, refusal(17), RateLimited), (400, refusal(32), RateLimited),
        (400, refusal(613), RateLimited), (400, refusal(80001), RateLimited), (429, "", RateLimited),
        (400, refusal(100, 33), NotThere), (404, refusal(803), NotThere),
        (400, refusal(10), NotAllowed), (403, refusal(200), NotAllowed), (401, refusal(3), NotAllowed),
        (400, refusal(368), Rejected), (400, refusal(100), Rejected),
        (400, json.dumps({"error": {"message": "Nee.", "code": [], "error_subcode": {}}}), Rejected),
        (500, refusal(1), OutcomeUnknown), (400, refusal(2), OutcomeUnknown), (503, "", OutcomeUnknown),
        (400, refusal(5000, is_transient=True), OutcomeUnknown), (200, "{", OutcomeUnknown),
        (408, "", OutcomeUnknown), (408, "<html>Request Time-out</html>", OutcomeUnknown),
        (421, "", Unavailable), (425, "Too Early", Unavailable),
    ],
)  # fmt: skip
async def test_a_refusal_is_judged_by_its_code(
    server: FakePage, client: httpx.AsyncClient, status: int, body: str, verdict: type[Verdict]
) -> None:
    server.fail(status=status, body=body, count=2)
    one = graph(server.url, client)
    for ask in (lambda: one.get("7"), lambda: one.post("7", {})):
        with pytest.raises(Verdict) as raised:
            await ask()
        assert type(raised.value) is verdict


async def test_what_a_firewall_says_is_no_word_of_graphs(server: FakePage, client: httpx.AsyncClient) -> None:
    server.fail(status=403, body="<html>no</html>")
    with pytest.raises(Unavailable):
        await graph(server.url, client).get("7")


async def test_before_sending_a_fault_of_graph_says_that_nothing_was_sent(
    server: FakePage, client: httpx.AsyncClient
) -> None:
    server.fail(status=500, body=refusal(1))
    with pytest.raises(Unavailable) as raised, before_sending():
        await graph(server.url, client).post("7", {})
    assert not isinstance(raised.value, OutcomeUnknown)


async def test_the_token_is_not_told_to_anybody(server: FakePage, client: httpx.AsyncClient) -> None:
    server.token = "another"
    with pytest.raises(Unauthorized) as raised:
        await graph(server.url, client).get("7")
    assert "Malformed access token" in str(raised.value)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    ("header", "value", "minutes"),
    [
        ("X-App-Usage", {"call_count": 91, "total_time": 3, "total_cputime": 2}, 5),
        ("X-App-Usage", {"call_count": 89, "total_time": 3, "total_cputime": 2}, None),
        ("X-Page-Usage", {"call_count": 1, "total_time": 1, "total_cputime": 100}, 5),
        ("X-Business-Use-Case-Usage", {"104": [{"type": "pages", "call_count": 5}, {"call_count": 95}]}, 5),
        ("X-Business-Use-Case-Usage", {"104": [{"call_count": 1, "estimated_time_to_regain_access": 19}]}, 19),
        ("X-Business-Use-Case-Usage", {"104": [{"estimated_time_to_regain_access": 99_999}]}, 1440),
        ("X-Business-Use-Case-Usage", {"104": "?", "105": [7]}, None),
        ("X-App-Usage", [7], None), ("X-App-Usage", {"call_count": "95"}, None),
    ],
)  # fmt: skip
async def test_near_a_limit_we_rest(
    server: FakePage, client: httpx.AsyncClient, header: str, value: Any, minutes: int | None
) -> None:
    server.usage = {header: json.dumps(value)}
    one = graph(server.url, client)
    before = datetime.now(UTC)
    await one.get("7")
    if minutes is None:
        assert one.rests_until is None
        return
    assert before + timedelta(minutes=minutes) <= one.rests_until <= datetime.now(UTC) + timedelta(minutes=minutes)


async def test_the_header_says_how_long_a_refused_request_waits(server: FakePage, client: httpx.AsyncClient) -> None:
    usage = {"X-Business-Use-Case-Usage": '{"104": [{"estimated_time_to_regain_access": 19}]}'}
    server.fail(status=400, body=refusal(32), headers=usage)
    server.fail(status=429)
    for minutes in (19, 5):
        before = datetime.now(UTC)
        with pytest.raises(RateLimited) as raised:
            await graph(server.url, client).get("7")
        assert raised.value.retry_at >= before + timedelta(minutes=minutes)
        assert raised.value.retry_at <= datetime.now(UTC) + timedelta(minutes=minutes)


@pytest.mark.parametrize("answer", [{}, {"data": 7}, {"data": ["a"]}, [], None, {"data": [], "paging": 7}])
def test_a_list_that_is_none_is_empty(answer: Any) -> None:
    assert (listed(answer), after(answer)) == ([], "")


def test_a_list_goes_on_only_when_graph_says_so() -> None:
    cursors = {"cursors": {"before": "b", "after": "a"}}
    assert after({"data": [], "paging": cursors}) == ""
    assert after({"data": [], "paging": {**cursors, "next": "https://graph.facebook.com/…"}}) == "a"


# --- what Meta sends -------------------------------------------------------------------------------


def read(account: Account, update: Update, now: datetime) -> Iterator[Post]:
    yield Post(update.value["id"], Author("7", "Jan"), update.value.get("text", ""), update.at or now)


HOOKS = Hooks("page", read)
ACCOUNT = Account(1, "facebook", "gemeente", "", SECRETS, identity=Identity(PAGE))
OTHER = Account(2, "facebook", "museum", "", SECRETS, identity=Identity("105"))


def entry(ident: str, *values: Any, **more: Any) -> dict[str, Any]:
    return {"id": ident, "time": 1795770000, "changes": [{"field": "feed", "value": each} for each in values], **more}


def body(*entries: Any) -> dict[str, Any]:
    return {"object": "page", "entry": list(entries)}


def ids(account: Account, request: Request) -> list[str]:
    return [item.external_id for item in HOOKS.receive(account, request, NOW).items]


def test_the_address_is_ours_only_for_who_knows_the_verify_token() -> None:
    assert HOOKS.challenge(ACCOUNT, question()) == "1158201444"
    for wrong in ("", "hub-token ", "hüb\udc80"):
        with pytest.raises(NotSigned):
            HOOKS.challenge(ACCOUNT, question(wrong))
    without = Account(1, "facebook", "gemeente", "", {})
    with pytest.raises(NotSigned):
        HOOKS.challenge(without, question(""))
    assert HOOKS.challenge(ACCOUNT, pushed(body())) is None
    assert HOOKS.challenge(ACCOUNT, Request("GET", {}, {}, b"")) is None


def test_one_call_brings_each_account_its_own() -> None:
    request = pushed(body(entry(PAGE, {"id": "a"}, {"id": "b"}), entry("105", {"id": "c"}), entry("106", {"id": "d"})))
    assert HOOKS.accounts_of(request) == {PAGE, "105", "106"}
    assert (ids(ACCOUNT, request), ids(OTHER, request)) == (["a", "b"], ["c"])


def test_a_thousand_updates_in_one_call_are_taken_in() -> None:
    request = pushed(body(*(entry(PAGE, {"id": f"{n:04}"}) for n in range(1000))))
    assert len(ids(ACCOUNT, request)) == 1000


def test_what_is_about_something_else_is_left_alone() -> None:
    request = pushed({**body(entry(PAGE, {"id": "a"})), "object": "instagram"})
    assert (HOOKS.accounts_of(request), ids(ACCOUNT, request)) == (frozenset(), [])


def test_one_update_that_cannot_be_read_spoils_no_other() -> None:
    odd = [entry(PAGE, {"id": "a"}, {"no": "id"}, 7, [], None, {"id": "b"}), 7, {"id": PAGE, "changes": 7}, None]
    assert ids(ACCOUNT, pushed(body(*odd))) == ["a", "b"]


def test_events_of_messenger_come_in_milliseconds_and_all_comes_oldest_first() -> None:
    event = {"timestamp": 1795769999500, "id": "m"}
    assert ids(ACCOUNT, pushed(body(entry(PAGE, {"id": "a"}, messaging=[event])))) == ["m", "a"]
    assert moment_of(1795769999500) == datetime(2026, 11, 27, 8, 59, 59, 500_000, UTC)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadPayload):
        HOOKS.accounts_of(pushed(raw))
    with pytest.raises(BadPayload):
        HOOKS.receive(ACCOUNT, pushed(raw), NOW)


def test_the_signature_is_that_of_the_published_example() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries, whose scheme is the same."""
    expected = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_only_what_is_signed_with_the_apps_secret_comes_in() -> None:
    good = pushed(body(entry(PAGE, {"id": "a", "text": "Zoë 🌧"})))
    assert b"Zo\\u00eb" in good.body
    assert ids(ACCOUNT, good) == ["a"]
    unescaped = json.dumps(body(entry(PAGE, {"id": "a", "text": "Zoë 🌧"})), ensure_ascii=False).encode()
    bad = [
        Request("POST", {}, {}, good.body),
        Request("POST", {"x-hub-signature-256": ""}, {}, good.body),
        Request("POST", {"x-hub-signature-256": "sha256=é\udc80"}, {}, good.body),
        Request("POST", good.headers, {}, good.body + b" "),
        Request("POST", good.headers, {}, unescaped),
        pushed(body(entry(PAGE, {"id": "a"})), secret="another"),
    ]
    for request in bad:
        with pytest.raises(NotSigned):
            HOOKS.receive(ACCOUNT, request, NOW)
    with pytest.raises(NotSigned):  # an empty secret is none
        HOOKS.receive(Account(1, "facebook", "gemeente", "", {}), pushed(good.body, secret=""), NOW)


def test_an_account_whose_page_is_not_known_yet_loses_nothing() -> None:
    with pytest.raises(BadPayload):
        HOOKS.receive(Account(1, "facebook", "gemeente", "", SECRETS), pushed(body(entry(PAGE, {"id": "a"}))), NOW)


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(max_size=5) | some.integers(),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["entry", "id", "changes", "value", "field", "messaging", "time"]), inner)
    ),
    max_leaves=20,
)


@given(ANY_JSON)
def test_nothing_that_is_signed_breaks_the_receiver(sent: Any) -> None:
    request = pushed(json.dumps({"object": "page", "entry": sent}).encode())
    assert isinstance(HOOKS.accounts_of(request), frozenset)
    HOOKS.receive(ACCOUNT, request, NOW)


# --- the check -------------------------------------------------------------------------------------


async def checked(server: FakePage, client: httpx.AsyncClient, *rights: str) -> Any:
    return await health.of_token(graph(server.url, client), APP_ID, rights)


async def test_a_check_tells_when_the_token_or_its_access_ends(server: FakePage, client: httpx.AsyncClient) -> None:
    assert (await checked(server, client)).token_expires_at is None
    server.known |= {"expires_at": 1800000000, "data_access_expires_at": 1799000000}
    found = await checked(server, client)
    assert found.token_expires_at == datetime.fromtimestamp(1799000000, UTC)
    assert (found.problems, len(found.working)) == ((), 1)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"is_valid": False}, "make a new one"), ({"app_id": "99"}, "of another app"),
        ({"scopes": ["pages_show_list"]}, "lacks the right pages_messaging"), ({"scopes": None}, "lacks the right"),
    ],
)  # fmt: skip
async def test_a_check_says_what_is_wrong_with_the_token(
    server: FakePage, client: httpx.AsyncClient, known: dict[str, Any], words: str
) -> None:
    server.known |= known
    (problem,) = (await checked(server, client, "pages_messaging")).problems
    assert words in str(problem)


async def test_a_wrong_app_secret_is_no_fault_of_the_token(server: FakePage, client: httpx.AsyncClient) -> None:
    wrong = Account(1, "facebook", "gemeente", server.url, {**SECRETS, "app_secret": "wrong"})
    found = await health.of_token(Graph(wrong, tools(client)), APP_ID, ())
    assert "app id and app secret" in str(found.problems[0])


async def test_a_version_that_is_gone_is_warned_of(server: FakePage, client: httpx.AsyncClient) -> None:
    server.version = "v28.0"
    (warning,) = (await checked(server, client)).warnings
    assert "v28.0" in str(warning) and "v26.0" in str(warning)


async def test_a_page_that_no_longer_sends_us_news_does_so_again(server: FakePage, client: httpx.AsyncClient) -> None:
    async def look() -> Any:
        return await health.of_pushes(graph(server.url, client), PAGE, APP_ID, ("feed", "mention"))

    server.apps[PAGE] = [{"id": "99", "subscribed_fields": ["feed"]}, {"id": APP_ID, "subscribed_fields": ["messages"]}]
    assert "did not send" in str((await look()).working[0])
    assert {app["id"]: app["subscribed_fields"] for app in server.apps[PAGE]} == {
        "99": ["feed"], APP_ID: ["feed", "mention", "messages"],
    }  # fmt: skip
    asked = len(server.asked)
    assert "sends us" in str((await look()).working[0])
    assert server.asked[asked:] == [f"GET /v26.0/{PAGE}/subscribed_apps"]


async def test_that_we_may_not_subscribe_is_a_fault(server: FakePage, client: httpx.AsyncClient) -> None:
    server.fail(f"/v26.0/{PAGE}/subscribed_apps", method="POST", status=403, body=refusal(200))
    found = await health.of_pushes(graph(server.url, client), PAGE, APP_ID, ("feed",))
    assert "Nee." in str(found.faults[0])


def test_parts_of_a_check_become_one() -> None:
    one = Health(token_expires_at=NOW, identity=Identity("1"), limits={"a": 1})
    two = Health(token_expires_at=NOW + timedelta(days=1), limits={"b": 2})
    both = health.merged(one, two, Health())
    assert (both.token_expires_at, both.identity, both.limits) == (NOW, Identity("1"), {"a": 1, "b": 2})
