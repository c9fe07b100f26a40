"""Answers and acts on Facebook and Instagram, which go the same way: refused, cut off, in doubt, in private."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.connectors.base import (
    Account,
    Identity,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unknowable,
)
from bot.connectors.facebook import Facebook
from bot.connectors.instagram import Instagram
from bot.domain.mention import OPPOSITES, Act, Post
from tests.connectors.facebook import fake as facebook
from tests.connectors.instagram import fake as instagram
from tests.connectors.reading import draft, read
from tests.fakes.between import ANY, Between
from tests.fakes.tools import tools

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
Connector = Facebook | Instagram
Server = facebook.FakeFacebook | instagram.FakeInstagram


@dataclass(frozen=True)
class Side:
    """One of the two: its connector and fake, who we and Jan are there, and the field of each act on a comment."""

    connector: type[Facebook] | type[Instagram]
    fake: type[facebook.FakeFacebook] | type[instagram.FakeInstagram]
    account: Account
    us: str
    jan: str
    fields: dict[Act, str]

    def connect(self, url: str, client: httpx.AsyncClient, **options: Any) -> Connector:
        account = replace(self.account, url=url, options={**self.account.options, "messages": True, **options})
        return self.connector(account, tools(client, account.secrets))


SIDES = {
    "facebook": Side(
        Facebook, facebook.FakeFacebook,
        Account(1, "facebook", "gemeente", "", facebook.SECRETS, facebook.OPTIONS, identity=Identity(facebook.PAGE)),
        us="gemeente", jan=facebook.id_of("jan", "messenger"),
        fields={Act.HIDE: "is_hidden", Act.LIKE: "user_likes"},
    ),
    "instagram": Side(
        Instagram, instagram.FakeInstagram,
        Account(1, "instagram", "gemeente", "", instagram.SECRETS, instagram.OPTIONS,
                identity=Identity(instagram.ME, instagram.HANDLE)),
        us=instagram.HANDLE, jan=instagram.id_of("jan"),
        fields={Act.HIDE: "hidden"},
    ),
}  # fmt: skip


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    return SIDES[request.param]


@pytest.fixture
async def server(side: Side) -> AsyncIterator[Server]:
    async with side.fake() as one:
        yield one


@pytest.fixture
def connector(side: Side, server: Server, client: httpx.AsyncClient) -> Connector:
    return side.connect(server.url, client)


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
@pytest.mark.parametrize("way", ["comment", "private", "message"])
async def test_an_answer_that_was_cut_off_is_there_once(
    side: Side, server: Server, connector: Connector, client: httpx.AsyncClient, way: str, taken: bool
) -> None:
    ident = server.say("jan", "Hallo?") if way == "message" else server.comment("jan", "Wie veegt hier?")
    sending = draft(await read(connector, ident), private=way != "comment")
    async with Between(server.url) as between, between.cutting("POST", ANY, passed_on=taken):
        with pytest.raises(OutcomeUnknown):
            await side.connect(between.url, client).send(sending)
    found = await connector.find(sending)
    assert (found is not None) is taken
    sent = found or await connector.send(sending)
    assert [*server.ours(), *server.said()] == ["Dat zoeken we uit. ^SB"]
    assert sent == await connector.find(sending)
    assert sent.conversation == (side.jan if way == "private" else "")


async def test_of_an_answer_to_a_reply_we_cannot_tell_which_it_is(server: Server, connector: Connector) -> None:
    first = server.comment("jan", "Wie veegt hier?")
    sending = draft(await read(connector, server.comment("els", "Ik ook", answers=first)))
    assert await connector.find(sending) is None
    await connector.send(draft(await read(connector, first)))  # the same words, to another
    with pytest.raises(Unknowable):
        await connector.find(sending)
    assert await connector.find(replace(sending, text="Iets anders")) is None


@pytest.mark.parametrize("private", [False, True])
async def test_the_same_words_shortly_before_leave_a_doubt(
    side: Side, server: Server, connector: Connector, private: bool
) -> None:
    now = datetime.now(UTC)
    ident = server.say("jan", "Hallo?") if private else server.comment("jan", "Wie veegt hier?")
    post = await read(connector, ident)

    def earlier(minutes: int) -> None:
        at = now - timedelta(minutes=minutes)
        if private:
            server.say_in_app("jan", "Dag", at=at)
        else:
            server.comment(side.us, "Dag", answers=ident, at=at)

    earlier(30)
    assert await connector.find(draft(post, "Dag", private=private, at=now)) is None
    earlier(2)
    with pytest.raises(Unknowable):
        await connector.find(draft(post, "Dag", private=private, at=now))


async def test_below_a_comment_that_is_gone_nothing_can_be_known(server: Server, connector: Connector) -> None:
    post = await read(connector, server.comment("jan", "Wie veegt hier?"))
    server.remove(post.external_id)
    with pytest.raises(Unknowable):
        await connector.find(draft(post))
    for private in (False, True):
        with pytest.raises(Rejected):
            await connector.send(draft(post, private=private))


@pytest.mark.parametrize("private", [False, True])
async def test_an_answer_without_a_list_does_not_prove_that_nothing_was_sent(
    server: Server, connector: Connector, private: bool
) -> None:
    ident = server.say("jan", "Hallo?") if private else server.comment("jan", "Wie veegt hier?")
    sending = draft(await read(connector, ident), private=private)
    await connector.send(sending)
    server.fail(status=200, body='{"error": "try later"}', method="GET")
    with pytest.raises(Unavailable):
        await connector.find(sending)
    assert await connector.find(sending) is not None


async def test_more_replies_than_we_read_leave_a_doubt(server: Server, connector: Connector) -> None:
    post = await read(connector, server.comment("jan", "Wie veegt hier?"))
    now = datetime.now(UTC)
    for n in range(501):
        server.comment(f"burger{n}", "Ik ook", answers=post.external_id, at=now + timedelta(seconds=n))
    with pytest.raises(Unknowable):
        await connector.find(draft(post, at=now))


async def test_messages_of_which_none_is_shown_leave_a_doubt_while_there_are_more(
    server: Server, connector: Connector
) -> None:
    """Graph leaves out what it may not show, after it has divided a list into pages."""
    sending = draft(await read(connector, server.say("jan", "Hallo?")), private=True)
    await connector.send(sending)
    messages = {"data": [], "paging": {"cursors": {"after": "x"}, "next": f"{server.url}/next"}}
    conversation = {"id": "t_1", "participants": {"data": []}, "messages": messages}
    server.fail(status=200, body=json.dumps({"data": [conversation]}), method="GET")
    with pytest.raises(Unknowable):
        await connector.find(sending)


async def test_citizens_of_whom_a_conversation_gives_no_id_are_not_one(server: Server, connector: Connector) -> None:
    server.names_participants = False
    jan, piet = [await read(connector, server.say(name, "Waar is mijn paspoort?")) for name in ("jan", "piet")]
    assert (jan.conversation, piet.conversation) == (server.citizen_of("jan"), server.citizen_of("piet"))
    for post, words in ((jan, "Dag Jan"), (piet, "Dag Piet")):
        await connector.send(draft(post, words, private=True))
    assert [each["messages"][-1]["message"] for each in server.threads.values()] == ["Dag Jan", "Dag Piet"]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, {"code": 190}, Unauthorized), (400, {"code": 32}, RateLimited), (403, {"code": 200}, Rejected),
        (400, {"code": 368}, Rejected), (500, {"code": 1}, OutcomeUnknown), (400, {"code": 2}, OutcomeUnknown),
        (400, {"code": 1200, "error_subcode": 2018024}, OutcomeUnknown),
    ],
)  # fmt: skip
async def test_why_an_answer_is_refused(
    server: Server, connector: Connector, status: int, body: dict[str, Any], verdict: type[Exception]
) -> None:
    post = await read(connector, server.comment("jan", "Wie veegt hier?"))
    for private in (False, True):
        server.fail(method="POST", status=status, body=json.dumps({"error": {"message": "Nee.", **body}}))
        with pytest.raises(verdict):
            await connector.send(draft(post, private=private))
    assert (server.ours(), server.said()) == ([], [])


async def test_what_meta_says_that_it_did_not_do_was_not_done(server: Server, connector: Connector) -> None:
    """It answers 200 then too; `success` says whether it was done."""
    post = await read(connector, server.comment("jan", "Spam"))
    ours = replace(post, external_id=(await connector.send(draft(post))).external_id)
    for act, about in ((Act.HIDE, post), (Act.DELETE, ours)):
        method = "DELETE" if act is Act.DELETE else "POST"
        server.fail(method=method, status=200, body='{"success": false}')
        with pytest.raises(Rejected):
            await connector.act(act, about)
    assert len(server.ours()) == 1


async def test_an_answer_without_an_id_may_be_there(server: Server, connector: Connector) -> None:
    post = await read(connector, server.comment("jan", "Wie veegt hier?"))
    for private in (False, True):
        server.fail(method="POST", status=200, body='{"success": true}')
        with pytest.raises(OutcomeUnknown):
            await connector.send(draft(post, private=private))


async def test_a_private_answer_opens_the_conversation_in_which_the_citizen_goes_on(
    server: Server, connector: Connector
) -> None:
    post = await read(connector, server.comment("jan", "Wie belt mij?"))
    page = await connector.fetch({})
    sent = await connector.send(draft(post, "Wat is uw nummer?", private=True))
    assert (server.said(), server.ours(), sent.url) == (["Wat is uw nummer?"], [], "")
    server.say("jan", "012-345")
    (answer,) = (await connector.fetch(page.cursor)).posts
    assert (answer.text, answer.conversation) == ("012-345", sent.conversation)


async def test_without_messages_no_private_answer_is_sent(
    side: Side, server: Server, client: httpx.AsyncClient
) -> None:
    connector = side.connect(server.url, client, messages=False)
    post = await read(connector, server.comment("jan", "Wie belt mij?"))
    for ask in (connector.send, connector.find):
        with pytest.raises(Rejected):
            await ask(draft(post, private=True))


@pytest.mark.parametrize("taken", [False, True], ids=["cut before", "cut after"])
async def test_an_act_that_was_cut_off_is_done_again(
    side: Side, server: Server, connector: Connector, client: httpx.AsyncClient, taken: bool
) -> None:
    author = (await read(connector, server.comment("els", "x"))).author
    for act in (Act.DELETE, *side.fields, *(OPPOSITES[each] for each in side.fields)):
        post = Post(server.comment(side.us if act is Act.DELETE else "jan", "Dag"), author, "Dag", NOW)
        sets = act in side.fields
        if not sets and act is not Act.DELETE:
            await connector.act(OPPOSITES[act], post)
        method = "DELETE" if act in {Act.DELETE, Act.UNLIKE} else "POST"
        async with Between(server.url) as between, between.cutting(method, ANY, passed_on=taken):
            with pytest.raises(OutcomeUnknown):
                await side.connect(between.url, client).act(act, post)
        await connector.act(act, post)
        thing = server.things.get(post.external_id)
        if act is Act.DELETE:
            assert thing is None
        else:
            assert thing is not None and thing.fields[side.fields[act if sets else OPPOSITES[act]]] is sets
