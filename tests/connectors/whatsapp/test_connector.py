"""WhatsApp: what citizens send as posts, what is reported of our messages, what we send, and what a check finds."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as some

from bot.connectors.base import (
    Account,
    Draft,
    NotSigned,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unknowable,
    Verdict,
)
from bot.connectors.meta.graph import NotAllowed
from bot.connectors.platform import Tools
from bot.connectors.whatsapp import PLATFORM, WhatsApp, first_steps
from bot.connectors.whatsapp.messages import LONGEST
from bot.domain.mention import Act, Arrived, Delivery, Gone, Media, Post, PostKind, permits
from tests.connectors.meta.graph import SECRETS, VERIFY, pushed, question
from tests.connectors.whatsapp.fake import (
    BUSINESS,
    IDENTITY,
    NOT_SUPPORTED,
    NUMBER_ID,
    OPTIONS,
    RIGHTS,
    Citizen,
    FakeWhatsApp,
)
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
FILE = {"mime_type": "image/jpeg", "sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=", "id": "1003383421387256"}
RECEIVER = PLATFORM.receiver
assert RECEIVER is not None


@pytest.fixture
async def server() -> AsyncIterator[FakeWhatsApp]:
    async with FakeWhatsApp() as one:
        one.clock = lambda: NOW
        yield one


def account(url: str = "", **options: Any) -> Account:
    return Account(1, "whatsapp", "gemeente", url, SECRETS, {**OPTIONS, **options}, identity=IDENTITY)


def connector(server: FakeWhatsApp, client: httpx.AsyncClient, **options: Any) -> WhatsApp:
    return WhatsApp(account(server.url, **options), at_work(client))


def at_work(client: httpx.AsyncClient) -> Tools:
    return replace(tools(client, SECRETS), now=lambda: NOW)


def received(server: FakeWhatsApp, now: datetime = NOW) -> list[Any]:
    """What all that happened brings, in one request."""
    return list(RECEIVER.receive(account(), server.request(*server.events), now).items)


# --- what citizens send ----------------------------------------------------------------------------


def media(kind: str, alt: str = "") -> tuple[Media, ...]:
    return (Media("", kind, alt),)


KINDS = [
    ("text", {"body": "Hallo\x00 *daar* <b>"}, "Hallo *daar* <b>", ()),
    ("image", FILE, "", media("image")),
    ("image", {**FILE, "caption": "Kijk eens"}, "Kijk eens", media("image")),
    ("video", {**FILE, "caption": "Zie"}, "Zie", media("video")),
    ("audio", {**FILE, "voice": True}, "", media("audio")),
    ("sticker", {**FILE, "animated": False}, "", media("sticker")),
    ("document", {**FILE, "filename": "be\nzwaar.pdf"}, "", media("document", "be zwaar.pdf")),
    ("location", {"latitude": 52.0894699, "longitude": 5}, "📍 52.08947, 5.00000", ()),
    (
        "location",
        {"latitude": 52.1, "longitude": 5.1, "name": "Dom", "address": "Utrecht", "url": "javascript:alert(1)"},
        "📍 Dom\nUtrecht\n52.10000, 5.10000",
        (),
    ),
    (
        "contacts",
        [
            {"name": {"formatted_name": "Lucía Gómez"}, "org": {"company": "Google"}, "phones": [{"phone": "+1 983"}]},
            {"name": {"formatted_name": "Jan"}, "emails": [{"email": "jan@burger.example"}]},
        ],
        "👤 Lucía Gómez, Google, +1 983\n👤 Jan, jan@burger.example",
        (),
    ),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Ja"}}, "Ja", ()),
    (
        "interactive",
        {"type": "list_reply", "list_reply": {"id": "afval", "title": "Afval", "description": "Containers, glas"}},
        "Afval\nContainers, glas",
        (),
    ),
    (
        "order",
        {"catalog_id": "1", "text": "", "product_items": [
            {"product_retailer_id": "a", "quantity": 2, "item_price": 1.5, "currency": "EUR"}]},
        "🛒 2 × a",
        (),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content", "words", "with_it"), KINDS)
async def test_what_a_citizen_sends_becomes_words_and_what_is_with_them(
    server: FakeWhatsApp, kind: str, content: Any, words: str, with_it: tuple[Media, ...]
) -> None:
    context = {"context": {"from": "31", "id": "wamid.x"}} if kind == "interactive" else {}
    sent = server.send_as("jan", kind, content, **context)
    (post,) = received(server)
    assert (post.external_id, post.text, post.media) == (sent, words, with_it)
    assert (post.private, post.kind, post.published_at) == (True, PostKind.MESSAGE, NOW)
    assert post.permits == permits(Act.ANSWER_PRIVATELY, Act.LIKE, until=NOW + timedelta(hours=24))
    assert post.in_reply_to == ("wamid.x" if context else None)


async def test_the_label_of_a_button_is_the_citizens_word(server: FakeWhatsApp) -> None:
    button = {"payload": "stop", "text": "Afmelden"}
    server.send_as("jan", "button", button, context={"from": "31", "id": "wamid.x"})
    (post,) = received(server)
    assert (post.text, post.in_reply_to) == ("Afmelden", "wamid.x")


async def test_of_what_whatsapp_does_not_pass_on_only_that_is_told(server: FakeWhatsApp) -> None:
    server.send_as("jan", "unsupported", None, errors=[NOT_SUPPORTED])
    server.spoil({"messages": [{"from": "31612345678", "id": "wamid.z", "timestamp": "1795770000", "type": "poll"}]})
    first, second = received(server)
    assert (first.text, first.media) == ("", media("unsupported", "Message type is currently not supported."))
    assert (second.text, second.media) == ("", media("unsupported", "poll"))


@pytest.mark.parametrize(
    ("was", "what"),
    [("edit", media("edit")), ("poll_creation", media("poll")),
     ("group_invite", media("unsupported", "Message type is currently not supported."))],
)  # fmt: skip
async def test_what_a_message_was_that_whatsapp_does_not_pass_on(
    server: FakeWhatsApp, was: str, what: tuple[Media, ...]
) -> None:
    server.send_as("jan", "unsupported", {"type": was}, errors=[NOT_SUPPORTED])
    (post,) = received(server)
    assert (post.text, post.media) == ("", what)


async def test_a_sign_that_whatsapp_does_not_pass_on_is_no_post(server: FakeWhatsApp) -> None:
    for was in ("pin", "keep_in_chat", "reaction"):
        server.send_as("jan", "unsupported", {"type": was}, errors=[NOT_SUPPORTED])
    assert received(server) == []


async def test_a_citizen_is_known_by_the_id_that_they_have_for_us_else_by_number(server: FakeWhatsApp) -> None:
    server.citizens["both"] = Citizen("Jan Jansen", "31612345678", "NL.1502576394655843", "jan.j")
    server.citizens["nameless"] = Citizen("", "31600004321")
    for name in ("jan", "both", "fatima", "piet", "nameless"):
        server.write(name, "Dag")
    jan, both, fatima, piet, nameless = received(server)
    assert jan.author.external_id == both.author.external_id == jan.conversation == "NL.1502576394655843"
    assert [(each.author.name, each.author.handle) for each in (jan, both, fatima, piet, nameless)] == [
        ("Jan Jansen", ""), ("Jan Jansen", "@jan.j"), ("Fatima", "@fatima.el"), ("Piet", ""), ("…4321", ""),
    ]  # fmt: skip
    assert (fatima.author.external_id, fatima.place) == ("NL.13491208655302741918", None)
    assert (piet.author.external_id, piet.place) == ("31687654321", {"phone": "31687654321"})


async def test_an_id_in_the_place_of_a_number_is_no_number(server: FakeWhatsApp) -> None:
    server.citizens["odd"] = Citizen("Odd", "NL.77")
    server.write("odd", "Dag")
    (post,) = received(server)
    assert (post.author.external_id, post.place) == ("NL.77", None)


async def test_an_edit_and_a_removal_are_of_the_message_that_they_change(server: FakeWhatsApp) -> None:
    sent = server.write("jan", "Vrijdag?")
    server.edit("jan", sent, "Donderdag?")
    server.revoke("jan", sent)
    written, edited, removed = sorted(received(server), key=lambda post: (bool(post.gone), bool(post.edited_at)))
    assert {written.external_id, edited.external_id, removed.external_id} == {sent}
    assert (edited.text, edited.edited_at, removed.gone) == ("Donderdag?", NOW, Gone.BY_AUTHOR)


async def test_reactions_notices_and_groups_are_no_posts(server: FakeWhatsApp) -> None:
    server.send_as("jan", "reaction", {"message_id": "wamid.x", "emoji": "👍"})
    server.send_as("jan", "reaction", {"message_id": "wamid.x"})
    for system in (
        {"body": "User changed", "wa_id": "12195555358", "type": "user_changed_number"},
        {"body": "User changed", "user_id": "NL.2", "previous_user_id": "NL.1", "type": "user_changed_user_id"},
    ):
        message = {"from": "31612345678", "id": "wamid.s", "timestamp": "1795770000", "type": "system"}
        server._event({"messages": [{**message, "system": system}]})
    opened = {"from": "31612345678", "id": "wamid.w", "timestamp": "1795770000", "type": "request_welcome"}
    server.spoil({"contacts": [], "messages": [opened]})
    in_group = {"group_id": "Y2FwaV9ncm91c", "from": "31612345678", "id": "wamid.g", "timestamp": "1795770000"}
    server.spoil({"contacts": [], "messages": [{**in_group, "type": "text", "text": {"body": "Hoi groep"}}]})
    status = {"id": "wamid.9", "status": "read", "timestamp": "1795770000", "recipient_type": "group"}
    server.spoil({"statuses": [status]})
    assert received(server) == []


async def test_what_is_about_another_number_or_no_message_is_left_alone(server: FakeWhatsApp) -> None:
    server.write("jan", "Dag")
    event = server.events.pop()
    other = json.loads(json.dumps(event).replace(NUMBER_ID, "999"))
    echo = {**event, "field": "smb_message_echoes"}
    body = {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": [other, echo, event]}]}
    assert len(RECEIVER.receive(account(), pushed(body), NOW).items) == 1
    assert RECEIVER.accounts_of(pushed(body)) == {NUMBER_ID, "999"}
    for strange in ({**body, "object": "page"}, {"object": "whatsapp_business_account"}):
        assert RECEIVER.accounts_of(pushed(strange)) == frozenset()


async def test_a_message_from_the_future_was_written_now_and_a_long_one_is_cut(server: FakeWhatsApp) -> None:
    server.clock = lambda: NOW + timedelta(days=30)
    server.write("jan", "x" * 20_000)
    (post,) = received(server)
    assert (post.published_at, len(post.text)) == (NOW, 10_000)


async def test_one_message_that_cannot_be_read_spoils_no_other_and_its_words_are_not_logged(
    server: FakeWhatsApp,
) -> None:
    server.write("jan", "Voor")
    good = server.events[-1]["value"]["messages"][0]
    bad: list[Any] = [
        {**good, "type": "text", "text": "Mijn BSN is 123456782"}, {**good, "timestamp": "gisteren"},
        {**good, "type": "Mijn BSN is 123456782"}, {**good, "type": ["text"]}, {**good, "type": "location",
        "location": {"latitude": "x"}}, {"type": "text"}, {**good, "type": "edit", "edit": {}}, 7, None, "x",
    ]  # fmt: skip
    server.spoil({"contacts": [{"profile": 7}, 7], "messages": [*bad, {**good, "id": "wamid.last"}]})
    with structlog.testing.capture_logs() as logs:
        posts = received(server)
    assert {"Voor"} <= {post.text for post in posts} <= {"Voor", ""}
    assert "wamid.last" in {post.external_id for post in posts}
    assert {post.media for post in posts} >= {(), media("unsupported", "text"), media("unsupported", "location")}
    assert logs
    assert "BSN" not in repr(logs)


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.text(max_size=5) | some.integers(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KIND = some.sampled_from([*dict.fromkeys(kind for kind, *_ in KINDS), "button", "edit", "revoke", "unsupported", "?"])


@given(KIND, ANY_JSON, some.sampled_from(["31612345678", "", None, 7]), ANY_JSON, ANY_JSON)
def test_nothing_that_is_signed_breaks_the_receiver(kind: str, content: Any, who: Any, contacts: Any, odd: Any) -> None:
    message = {"from": who, "id": "wamid.1", "timestamp": "1795770000", "type": kind, kind: content, "context": odd}
    message |= {"referral": odd, "errors": odd}
    statuses = [{"id": odd, "status": "failed", "timestamp": 1795770000, "errors": [content]}]
    metadata = {"phone_number_id": NUMBER_ID}
    value = {"metadata": metadata, "contacts": contacts, "messages": [message], "statuses": statuses}
    changes = [{"field": "messages", "value": value}]
    body = {"object": "whatsapp_business_account", "entry": [{"id": BUSINESS, "changes": changes}]}
    for item in RECEIVER.receive(account(), pushed(json.dumps(body).encode()), NOW).items:
        assert "\x00" not in repr(item)
        assert isinstance(item, Post | Delivery)


def test_only_what_is_signed_with_the_apps_secret_comes_in() -> None:
    request = FakeWhatsApp().request()
    assert RECEIVER.receive(account(), request, NOW).items == ()
    with pytest.raises(NotSigned):
        RECEIVER.receive(account(), pushed(request.body, secret="another"), NOW)
    assert RECEIVER.challenge(account(), question(VERIFY, "42")) == "42"
    with pytest.raises(NotSigned):
        RECEIVER.challenge(account(), question("wrong"))


# --- what is reported of our messages --------------------------------------------------------------


async def sent(server: FakeWhatsApp, client: httpx.AsyncClient, text: str = "Morgen. ^SB", **options: Any) -> Draft:
    """Let us answer Jan; what was reported by then is left out."""
    server.write("jan", "Wanneer?")
    draft = draft_to(received(server)[-1], text)
    await connector(server, client, **options).send(draft)
    server.events.clear()
    return draft


def draft_to(post: Post, text: str = "Morgen. ^SB") -> Draft:
    return Draft("V1:key", text, True, post, NOW)


async def test_reports_tell_how_far_a_message_came_and_prove_whose_it_is(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    await sent(server, client)
    (ours,) = server.sent
    for status in ("sent", "delivered", "read", "played"):
        server.report(ours, status)
    read = [Arrived.READ, Arrived.READ]
    assert received(server) == [
        Delivery(ours.id, arrived, NOW, None, "V1:key") for arrived in (None, Arrived.DELIVERED, *read)
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": 131047, "title": "Re-engagement message"}, "takes templates only"),
        ({"code": 131026, "title": "Message undeliverable"}, "cannot deliver this to the citizen"),
        ({"code": 131049, "title": "x", "error_data": {"details": "Not\x00 delivered to\nprotect"}}, "says: Not deliv"),
        ({"code": 131000}, "says: 131000"), ({}, None),
    ],
)  # fmt: skip
async def test_why_a_message_failed_is_told(
    server: FakeWhatsApp, client: httpx.AsyncClient, error: dict[str, Any], words: str | None
) -> None:
    await sent(server, client)
    server.report(server.sent[0], "failed", errors=[error] if error else [])
    (told,) = received(server)
    assert told.arrived is Arrived.FAILED
    assert (words is None and told.reason is None) or words in str(told.reason)


async def test_a_report_of_another_systems_message_has_no_key_of_ours(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    await sent(server, client)
    (ours,) = server.sent
    del ours.body["biz_opaque_callback_data"]
    server.report(ours, "delivered")
    assert received(server) == [Delivery(ours.id, Arrived.DELIVERED, NOW)]


# --- likes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "named"), [("jan", {"to": "31612345678"}), ("fatima", {"recipient": "NL.13491208655302741918"})]
)
async def test_a_like_is_a_heart_on_the_message_of_a_citizen(
    server: FakeWhatsApp, client: httpx.AsyncClient, who: str, named: dict[str, str]
) -> None:
    message = server.write(who, "Dank u!")
    (post,) = received(server)
    await connector(server, client).act(Act.LIKE, post)
    assert server.bodies[-1] == {
        "messaging_product": "whatsapp", "recipient_type": "individual", **named, "type": "reaction",
        "reaction": {"message_id": message, "emoji": "❤️"},
    }  # fmt: skip
    assert (server.reactions, server.said()) == ({message: "❤️"}, [])


async def test_a_like_twice_is_one_and_taken_back_it_is_gone(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    message, other = server.write("jan", "Dank u!"), server.write("piet", "Ook dank")
    post, another = received(server)
    one = connector(server, client)
    await one.act(Act.LIKE, another)
    for act, liked in ((Act.UNLIKE, False), (Act.LIKE, True), (Act.LIKE, True), (Act.UNLIKE, False)):
        await one.act(act, post)
        assert server.reactions == {other: "❤️", **({message: "❤️"} if liked else {})}


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
@pytest.mark.parametrize("act", [Act.LIKE, Act.UNLIKE])
async def test_a_like_whose_connection_was_cut_is_given_again(
    server: FakeWhatsApp, client: httpx.AsyncClient, act: Act, taken: bool
) -> None:
    message = server.write("jan", "Dank u!")
    (post,) = received(server)
    one = connector(server, client)
    if act is Act.UNLIKE:
        await one.act(Act.LIKE, post)
    server.fail(f"/v26.0/{NUMBER_ID}/messages", status=0, done=taken)
    with pytest.raises(OutcomeUnknown):
        await one.act(act, post)
    await one.act(act, post)
    assert server.reactions == ({message: "❤️"} if act is Act.LIKE else {})


@pytest.mark.parametrize("act", [Act.LIKE, Act.UNLIKE])
async def test_after_a_day_there_is_no_like(server: FakeWhatsApp, client: httpx.AsyncClient, act: Act) -> None:
    server.clock = lambda: NOW - timedelta(hours=24)
    server.write("jan", "Dank u!")
    (post,) = received(server)
    with pytest.raises(Rejected, match="no like"):
        await connector(server, client).act(act, post)
    assert server.bodies == []


async def test_what_whatsapp_cannot_do_to_a_message_is_refused(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    server.write("jan", "Onzin")
    (post,) = received(server)
    with pytest.raises(Rejected, match="cannot do this"):
        await connector(server, client).act(Act.HIDE, post)


# --- what we send ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "previews"), [({}, False), ({"previews": True}, True)])
async def test_an_answer_names_the_message_that_it_answers_and_its_own_key(
    server: FakeWhatsApp, client: httpx.AsyncClient, options: dict[str, Any], previews: bool
) -> None:
    draft = await sent(server, client, "Zie https://voorbeeld.nl ^SB", **options)
    assert server.bodies[-1] == {
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "31612345678", "type": "text",
        "text": {"body": "Zie https://voorbeeld.nl ^SB", "preview_url": previews},
        "context": {"message_id": draft.to.external_id}, "biz_opaque_callback_data": "V1:key",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "named"), [("fatima", {"recipient": "NL.13491208655302741918"}), ("piet", {"to": "31687654321"})]
)
async def test_who_keeps_their_number_from_us_is_answered_by_their_id(
    server: FakeWhatsApp, client: httpx.AsyncClient, who: str, named: dict[str, str]
) -> None:
    server.write(who, "Dag")
    (post,) = received(server)
    await connector(server, client).send(draft_to(post))
    assert {key: value for key, value in server.bodies[-1].items() if key in {"to", "recipient"}} == named
    assert [message.to.name for message in server.sent] == [server.citizens[who].name]


def refusal(code: int, **more: Any) -> str:
    return json.dumps({"error": {"message": "(#1) Nee.", "type": "OAuthException", "code": code, **more}})


@pytest.mark.parametrize(
    ("status", "body", "verdict", "words"),
    [
        (400, refusal(131047), Rejected, "templates only"), (400, refusal(131026), Rejected, "cannot deliver"),
        (400, refusal(131030), Rejected, "number for tests"),
        (400, refusal(132001, error_data={"details": "no such template"}), Rejected, "Nee. no such template"),
        (400, refusal(131056), RateLimited, ""), (400, refusal(130429), RateLimited, ""),
        (400, refusal(80007), RateLimited, ""), (401, refusal(190), Unauthorized, "Nee."),
        (401, refusal(0), Unauthorized, ""), (403, refusal(10), NotAllowed, "Nee."),
        (500, refusal(131000), OutcomeUnknown, ""), (503, "", OutcomeUnknown, ""), (200, "{}", OutcomeUnknown, ""),
        (200, '{"messages": [{"id": 7}]}', OutcomeUnknown, ""), (200, '{"messages": 7}', OutcomeUnknown, ""),
    ],
)  # fmt: skip
async def test_a_refusal_is_judged_by_its_code(
    server: FakeWhatsApp, client: httpx.AsyncClient, status: int, body: str, verdict: type[Verdict], words: str
) -> None:
    server.write("jan", "Wanneer?")
    draft = draft_to(received(server)[-1])
    server.fail(f"/v26.0/{NUMBER_ID}/messages", status=status, body=body)
    with pytest.raises(Verdict) as raised:
        await connector(server, client).send(draft)
    assert type(raised.value) is verdict
    assert words in str(raised.value)
    assert server.sent == []


async def test_too_much_for_one_citizen_passes_in_seconds(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    server.write("jan", "Wanneer?")
    server.fail(f"/v26.0/{NUMBER_ID}/messages", status=400, body=refusal(131056))
    with pytest.raises(RateLimited) as raised:
        await connector(server, client).send(draft_to(received(server)[-1]))
    assert raised.value.retry_at == NOW + timedelta(seconds=6)


@pytest.mark.parametrize("status", ["held_for_quality_assessment", "paused"])
async def test_a_message_that_whatsapp_holds_is_held(
    server: FakeWhatsApp, client: httpx.AsyncClient, status: str
) -> None:
    server.write("jan", "Wanneer?")
    body = json.dumps({"messages": [{"id": "wamid.h", "message_status": status}]})
    server.fail(f"/v26.0/{NUMBER_ID}/messages", status=200, body=body)
    assert (await connector(server, client).send(draft_to(received(server)[-1]))).held


async def test_whether_an_answer_was_taken_is_waited_for_and_then_asked(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    server.write("jan", "Wanneer?")
    one, draft = connector(server, client), draft_to(received(server)[-1])
    with pytest.raises(OutcomeUnknown):
        await one.find(replace(draft, first_tried_at=NOW - timedelta(minutes=2)))
    with pytest.raises(Unknowable):
        await one.find(replace(draft, first_tried_at=NOW - timedelta(minutes=4)))


def test_the_longest_answer() -> None:
    one = WhatsApp(account(), at_work(None))
    assert one.measure("é" * LONGEST, private=True).length == one.measure("").limit == 4096


# --- templates -------------------------------------------------------------------------------------

LATER = NOW + timedelta(hours=25)
ASK = "Beste {{1}},\n\nwe hebben uw antwoord: {{2}}\nMet groet, de gemeente"
FILLED_IN = "Beste Jan,\n\nwe hebben uw antwoord: Kom morgen langs.\nMet groet, de gemeente"


async def learned(server: FakeWhatsApp, client: httpx.AsyncClient, *names: str) -> Any:
    return await connector(server, client, templates=list(names)).check()


async def late(server: FakeWhatsApp, client: httpx.AsyncClient, text: str, *names: str) -> Any:
    """Send something to Jan, who wrote more than a day ago."""
    server.write("jan", "Wanneer?")
    draft = draft_to(received(server)[-1], text)
    limits = (await learned(server, client, *names)).limits
    server.clock = lambda: LATER
    own = replace(account(server.url, templates=list(names)), limits=json.loads(json.dumps(limits)))
    return await WhatsApp(own, replace(tools(client, SECRETS), now=lambda: LATER)).send(draft)


async def test_after_a_day_a_template_is_sent_with_what_was_filled_in(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    server.has_template("antwoord", ASK)
    assert (await late(server, client, FILLED_IN, "antwoord")).external_id == server.sent[0].id
    assert server.said() == [FILLED_IN]
    assert server.bodies[-1]["template"] == {
        "name": "antwoord", "language": {"policy": "deterministic", "code": "nl"},
        "components": [{"type": "body", "parameters": [
            {"type": "text", "text": "Jan"}, {"type": "text", "text": "Kom morgen langs."}]}],
    }  # fmt: skip
    assert server.bodies[-1]["biz_opaque_callback_data"] == "V1:key"


async def test_a_template_without_blanks_is_sent_whole_with_its_head_and_foot(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    button = {"type": "URL", "text": "Site", "url": "https://voorbeeld.nl"}
    parts = [{"type": "HEADER", "format": "TEXT", "text": "Gemeente"}, {"type": "BODY", "text": "Schrijf ons weer."},
             {"type": "FOOTER", "text": "Reageer gerust"}, {"type": "BUTTONS", "buttons": [button]}]  # fmt: skip
    server.has_template("weer", "", components=parts)
    words = "Gemeente\n\nSchrijf ons weer.\n\nReageer gerust"
    await late(server, client, words, "weer")
    assert server.said() == [words]
    assert "components" not in server.bodies[-1]["template"]


@pytest.mark.parametrize("text", ["Kom morgen langs.", "Beste {{1}},\n\nwe hebben uw antwoord: {{2}}", ASK])
async def test_after_a_day_nothing_else_is_sent(server: FakeWhatsApp, client: httpx.AsyncClient, text: str) -> None:
    server.has_template("antwoord", ASK)
    with pytest.raises(Rejected, match="templates only"):
        await late(server, client, text, "antwoord")
    server.templates.clear()
    with pytest.raises(Rejected, match="templates only"):
        await late(server, client, FILLED_IN)
    assert server.sent == []


async def test_within_a_day_the_words_of_a_template_are_words(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    server.has_template("antwoord", ASK)
    await sent(server, client, FILLED_IN, templates=["antwoord"])
    assert server.bodies[-1]["type"] == "text"


@pytest.mark.parametrize(
    "more",
    [
        {"status": "REJECTED"}, {"status": "PAUSED"}, {"components": []}, {"components": 7},
        {"components": [{"type": "BODY", "text": "Beste {{naam}}"}]},
        {"components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Dag"}]},
        {"components": [{"type": "HEADER", "format": "TEXT", "text": "{{1}}"}, {"type": "BODY", "text": "Dag"}]},
        {"components": [{"type": "BODY", "text": "Dag"}, {"type": "BUTTONS", "buttons": [
            {"type": "URL", "text": "x", "url": "https://voorbeeld.nl/{{1}}"}]}]},
        {"components": [{"type": "BODY", "text": "Dag"}, {"type": "BUTTONS", "buttons": [
            {"type": "FLOW", "text": "x"}]}]},
    ],
)  # fmt: skip
async def test_a_check_warns_of_a_template_that_cannot_be_sent_as_it_stands(
    server: FakeWhatsApp, client: httpx.AsyncClient, more: dict[str, Any]
) -> None:
    server.has_template("goed", "Dag {{1}}!")
    server.has_template("anders", "Dag")
    server.templates[-1] |= more
    if more.get("components") == 7:
        body = json.dumps({"data": server.templates})
        server.fail(f"/v26.0/{BUSINESS}/message_templates", status=200, body=body)
    found = await learned(server, client, "goed", "anders")
    assert found.limits["templates"] == [{"name": "goed", "language": "nl", "text": "Dag {{1}}!"}]
    assert ["anders" in str(warning) for warning in found.warnings] == [True]
    assert "goed (nl)" in " ".join(map(str, found.working))


async def test_without_names_the_templates_for_service_are_used_and_no_advertising(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    server.has_template("reclame", "Koop!", category="MARKETING")
    server.has_template("klaar", "Het is klaar.")
    names = [[each["name"] for each in (await learned(server, client, *wanted)).limits["templates"]]
             for wanted in ((), ("reclame",))]  # fmt: skip
    assert names == [["klaar"], ["reclame"]]


async def test_templates_that_cannot_be_read_are_forgotten_and_stop_nothing(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    server.fail(f"/v26.0/{BUSINESS}/message_templates", status=403, body=refusal(10))
    found = await learned(server, client, "reclame")
    assert (found.limits, found.problems) == ({"templates": []}, ())
    assert "Nee." in str(found.warnings[0])


# --- the check -------------------------------------------------------------------------------------


async def test_a_check_tells_who_we_are_and_lets_messages_be_sent_to_us(
    server: FakeWhatsApp, client: httpx.AsyncClient
) -> None:
    server.apps[BUSINESS] = []
    for words in ("did not send us", "sends us what is new"):
        found = await connector(server, client).check()
        assert (found.problems, found.warnings, found.identity) == ((), (), IDENTITY)
        assert words in str(found.working[-1])
    assert "+1 555-078-3881, Gemeente Voorbeeld" in str(found.working[1])


@pytest.mark.parametrize(
    ("number", "problem", "warning"),
    [
        ({"id": "999"}, "no phone number with this id", ""),
        ({"status": "BANNED"}, "closed the number +1 555-078-3881 (BANNED)", ""),
        ({"status": "RESTRICTED"}, "", "limits what this number may send"),
        ({"quality_rating": "RED"}, "", "as RED"), ({"quality_rating": "YELLOW"}, "", "as YELLOW"),
        ({"quality_rating": "UNKNOWN"}, "", ""), ({"account_mode": "SANDBOX"}, "", "number for tests"),
    ],
)  # fmt: skip
async def test_a_check_looks_at_the_number(
    server: FakeWhatsApp, client: httpx.AsyncClient, number: dict[str, str], problem: str, warning: str
) -> None:
    server.number |= number
    found = await connector(server, client).check()
    assert problem in " ".join(map(str, found.problems))
    assert bool(found.problems) is bool(problem)
    assert warning in " ".join(map(str, found.warnings))
    assert bool(found.warnings) is bool(warning)


async def test_a_check_looks_at_the_token_first(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    server.known["scopes"] = RIGHTS[:1]
    found = await connector(server, client).check()
    assert "lacks the right whatsapp_business_management" in str(found.problems[0])
    server.known |= {"scopes": RIGHTS, "expires_at": 1800000000}
    assert (await connector(server, client).check()).token_expires_at == datetime.fromtimestamp(1800000000, UTC)
    server.token = "withdrawn"
    with pytest.raises(Unauthorized):
        await connector(server, client).check()
    server.fail("/", status=503, count=9)
    with pytest.raises(Unavailable):
        await connector(server, client).check()


async def test_the_number_is_found_on_a_later_page(server: FakeWhatsApp, client: httpx.AsyncClient) -> None:
    page = {"data": [], "paging": {"cursors": {"after": "a"}, "next": "https://graph.facebook.com/x"}}
    server.fail(f"/v26.0/{BUSINESS}/phone_numbers", status=200, body=json.dumps(page))
    assert (await connector(server, client).check()).identity == IDENTITY


def test_what_to_do_at_meta_is_shown_with_the_verify_token() -> None:
    one = Account(1, "whatsapp", "gemeente", "", SECRETS, OPTIONS, address="https://w.example/in/whatsapp/gemeente")
    shown = "\n".join(first_steps(one))
    assert VERIFY in shown
    assert "https://w.example/in/whatsapp/gemeente\n" in shown
    assert "https://w.example/in/whatsapp)" in shown
    assert SECRETS["app_secret"] not in shown and SECRETS["token"] not in shown
